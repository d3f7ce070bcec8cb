"""What the lesson on safety cases computes, held against SciPy, by hand, and at its edges."""

import numpy as np
import pytest
from scipy import stats

from lessons.safety_cases import arguments, drawn, evidence, experiments, thresholds
from lessons.safety_cases.arguments import LEAF, Node, by_worlds
from lessons.safety_cases.drills import defense_in_depth
from lessons.safety_cases.exercises import (
    propagate,
    sensitivity,
    upper_bound_when_none_found,
    value_of_information,
)
from lessons.safety_cases.statements import RIGHT, STATEMENTS
from utils import claims

SHARED = {
    "top": Node("or", ("A", "B")),
    "A": Node("and", ("a", "s")),
    "B": Node("and", ("b", "s")),
    "a": LEAF, "b": LEAF, "s": LEAF,
}  # fmt: skip


def test_all_worlds_agree_with_the_recursion_where_nothing_is_shared():
    g = np.random.default_rng(0)
    for _ in range(20):
        names = arguments.leaves(experiments.SHAPE)
        beliefs = dict(zip(names, g.random(len(names)).tolist(), strict=True))
        exact = by_worlds(experiments.SHAPE, beliefs)
        assert propagate(experiments.SHAPE, beliefs) == pytest.approx(exact)
        steps = sensitivity(experiments.SHAPE, beliefs)
        for leaf in names:
            true, false = (by_worlds(experiments.SHAPE, {**beliefs, leaf: p}) for p in (1.0, 0.0))
            assert steps[leaf] == pytest.approx(true - false)
        assert min(value_of_information(experiments.SHAPE, beliefs, 1.0, 3.0).values()) >= 0


def test_a_shared_leaf_counts_once():
    beliefs = {"a": 0.9, "b": 0.8, "s": 0.7}
    assert by_worlds(SHARED, beliefs) == pytest.approx(defense_in_depth(0.7, [0.9, 0.8]))
    assert propagate(SHARED, beliefs) > by_worlds(SHARED, beliefs)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"a": Node("and", ("top",))}, "rests on itself"),
        ({"a": Node("xor", ("b",))}, "kind"),
        ({"a": Node("and", ())}, "needs some"),
        ({"A": Node("and", ("nowhere",))}, "no claim 'nowhere'"),
        ({f"more {i}": LEAF for i in range(20)}, "at most"),
    ],
)
def test_an_argument_that_says_nothing_gets_a_sentence(changed, says):
    with pytest.raises(ValueError, match=says):
        by_worlds(SHARED | changed, {"a": 0.5, "b": 0.5, "s": 0.5})
    with pytest.raises(ValueError, match="needs a belief"):
        by_worlds(SHARED, {"a": 1.5, "b": 0.5, "s": 0.5})


def test_a_missing_claim_is_named(monkeypatch):
    evidence.held.cache_clear()
    monkeypatch.setattr(claims, "measured", dict)
    with pytest.raises(ValueError, match=r"'monitoring_beats_upfront'.*'ai_control'"):
        evidence.held("monitor")
    with pytest.raises(ValueError, match="no claim"):
        evidence.seen_to_fresh()
    with pytest.raises(ValueError, match="give a tuple of defeaters"):
        evidence.three_routes(("nonsense",))
    with pytest.raises(ValueError, match="from 0 to 1"):
        evidence.beliefs_in(evidence.three_routes(), 1.5)


def test_every_leaf_of_the_routes_is_measured():
    argument = evidence.three_routes()
    used = set(arguments.leaves(argument)) - {"carries over"}
    assert used == set(evidence.FINDINGS)
    for name in used:
        assert evidence.held(name)[1] == 10
        assert 0 < evidence.from_seeds(name) < 1


def test_without_likeness_the_bound_is_clopper_and_pearsons():
    for n in (1, 7, 300):
        exact = stats.beta.ppf(0.95, 1, n)
        assert upper_bound_when_none_found(n, 1, 0.0) == pytest.approx(exact)


def test_likeness_is_recovered():
    g = np.random.default_rng(0)
    found = [
        experiments.likeness_of(g.binomial(50, experiments.rates(g, 0.1, 0.1, (200,))), 50)
        for _ in range(20)
    ]
    assert np.mean(found) == pytest.approx(0.1, abs=0.01)
    assert experiments.likeness_of(np.zeros(20), 50) == 0


def test_a_threshold_adds_up_all_outcomes():
    low, high = thresholds.limits(np.array([30]), 40)
    wilson = stats.binomtest(30, 40).proportion_ci(0.9, method="wilson")
    assert (low[0], high[0]) == pytest.approx((wilson.low, wilson.high), abs=1e-3)
    found = thresholds.triggered(40, 0.6, 0.5)
    over = stats.binom.sf(19, 40, 0.6)
    assert found["best guess is over"] == pytest.approx(over)
    with pytest.raises(ValueError, match="whole number"):
        thresholds.triggered(0, 0.6, 0.5)


def test_edges_of_the_experiments():
    with pytest.raises(ValueError, match="1 to 5 auditors"):
        experiments.audits(0, 9, own_views=True)
    judged = experiments.judged(0, n=10)
    with pytest.raises(ValueError, match="lower it"):
        experiments.doubts(judged, judged.stated > 1)
    alone = experiments.unilateral(0, 1, draws=5000)
    assert alone["any"] == alone["most"] == pytest.approx(alone["pooled"])


def test_each_seed_draws_a_setting_that_the_experiments_take():
    for seed in range(30):
        likeness, attackers, each = drawn.campaign(seed)
        assert 0.01 <= likeness <= 0.3 and 5 <= attackers <= 40 and 10 <= each <= 100
        assert experiments.judged(seed, n=5, **drawn.judges(seed)._asdict()).stated.shape == (5,)
        worth = experiments.unilateral(seed, 5, draws=50, **drawn.race(seed)._asdict())
        assert all(np.isfinite(value) for value in worth.values())
    assert len({drawn.campaign(seed) for seed in range(30)}) == 30


def test_a_pilot_with_others_than_the_campaign_promises_too_much():
    alike, unlike = (experiments.silent_campaigns(0, r, pilot=0.05) for r in (0.05, 0.2))
    assert alike <= 0.05 < unlike
    with pytest.raises(ValueError, match="likeness lies"):
        experiments.silent_campaigns(0, 0.05, pilot=1.0)


def test_one_of_ten_statements_is_right():
    assert len(STATEMENTS) == 10
    assert "37.8 and 51.4" in STATEMENTS[RIGHT - 1].so
