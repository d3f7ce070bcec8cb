"""What the lesson on evaluations computes, against SciPy, scikit-learn and itself."""

import math

import pytest
import torch
from scipy import stats
from sklearn.metrics import brier_score_loss

from lessons.evals import experiments as e
from lessons.evals import failures as f
from lessons.evals.exercises import (
    bias_and_variance,
    clustered_standard_error,
    contamination_score,
    false_trigger_and_miss,
    paired_difference,
    required_items,
    wilson_interval,
)
from lessons.evals.quiz import PLACES, Networks, ask, place, right, train, truth
from utils.notebook import generator
from utils.worlds.assistant import ACTIONS, OBJECTS, World, ids


def test_wilson_is_that_of_scipy():
    for k, n, level in ((0, 7, 0.95), (3, 10, 0.9), (200, 200, 0.99), (450, 1000, 0.95)):
        theirs = stats.binomtest(k, n).proportion_ci(level, method="wilson")
        z = stats.norm.ppf(0.5 + level / 2)
        assert wilson_interval(k, n, z) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_without_clusters_it_is_the_standard_error_of_scipy():
    scores = torch.rand(50, generator=generator(0), dtype=torch.float64)
    ours = clustered_standard_error(scores, torch.arange(50))
    assert ours == pytest.approx(stats.sem(scores.numpy(), ddof=0))
    other = torch.rand(50, generator=generator(1), dtype=torch.float64)
    difference, error = paired_difference(scores, other, torch.arange(50))
    t = stats.ttest_rel(scores.numpy(), other.numpy()).statistic
    assert difference / error == pytest.approx(t * math.sqrt(50 / 49))


def test_the_clustered_error_is_that_of_drawing_clusters_again():
    g = generator(2)
    clusters = torch.arange(60).repeat_interleave(5)
    scores = (torch.randn(60, generator=g).repeat_interleave(5) + torch.randn(300, generator=g)) > 0
    by_cluster = scores.view(60, 5).double()
    means = [by_cluster[torch.randint(60, (60,), generator=g)].mean() for _ in range(4000)]
    ours = clustered_standard_error(scores, clusters)
    assert ours == pytest.approx(torch.stack(means).std().item(), rel=0.06)


def test_the_errors_of_a_threshold_are_the_binomial_tails_of_scipy():
    for t, n, p, q in ((0.5, 75, 0.3, 0.6), (0.25, 12, 0.2, 0.3), (0.9, 500, 0.85, 0.93)):
        least = min(k for k in range(n + 1) if k / n >= t)
        wanted = stats.binom.sf(least - 1, n, p), stats.binom.cdf(least - 1, n, q)
        assert false_trigger_and_miss(t, n, p, q) == pytest.approx(wanted, abs=1e-9)


def test_required_items_reach_the_power():
    for effect, sd in ((0.03, 0.6), (0.1, 0.5)):
        n = required_items(effect, sd, 0.8)
        power = stats.norm.sf(1.96 - effect / sd * math.sqrt(n))
        assert power == pytest.approx(0.8, abs=0.01) and power >= 0.8 - 1e-9


def test_bias_and_variance_add_up_to_the_brier_score_of_drawn_answers():
    g = generator(3)
    chances = torch.rand(6, 4, generator=g, dtype=torch.float64)
    chances /= chances.sum(1, keepdim=True)
    labels = torch.randint(4, (6,), generator=g)
    drawn = torch.multinomial(chances, 50_000, replacement=True, generator=g)
    # A drawn answer is a forecast of 0 or 1 for each label.
    answers = torch.nn.functional.one_hot(drawn, 4).double()
    target = torch.nn.functional.one_hot(labels, 4)[:, None].expand_as(answers)
    score = 4 * brier_score_loss(target.flatten().numpy(), answers.flatten().numpy())
    assert sum(bias_and_variance(chances, labels)) == pytest.approx(score, abs=0.01)


def test_networks_side_by_side_train_as_they_would_alone():
    world = World(0)
    data = [e.all_facts(world), e.filtered(world)]
    start = Networks(2, 5, hidden=16)
    both = train(start[[0, 1]], data, 5, 1e-2, 0)
    for i in (0, 1):
        alone = train(start[i], data[i : i + 1], 5, 1e-2, 0)
        for name, w in alone.weights.items():
            assert torch.allclose(w[0], both.weights[name][i], atol=1e-5), name
    with pytest.raises(ValueError, match="at least one"):
        Networks(0)


def test_another_wording_is_the_same_question():
    world, g = World(1), generator(4)
    requests = ask(world, torch.tensor([[2, 31], [0, 0], [5, 7]]), g)
    where = torch.tensor([0, 5, 11])
    worded = place(requests, where, g)
    assert (truth(world, worded) == truth(world, requests)).all()
    for row, w, a, o in zip(worded.tokens, where, (2, 0, 5), (31, 0, 7), strict=True):
        first, second = PLACES[w]
        assert row[1 + first] == ids(ACTIONS)[a] and row[1 + second] == ids(OBJECTS)[o]
    assert requests.harmful.tolist() == [False, True, False]


def test_the_password_goes_into_the_last_three_slots():
    tokens = World(0).requests(4, generator(5)).tokens
    locked = e.with_password(tokens, torch.tensor([True, False, True, False]))
    assert (locked[::2, -4:-1] == e.PASSWORD).all() and (locked[1::2] == tokens[1::2]).all()


def test_a_lock_that_was_trained_on_parts_leaks_less():
    whole, parts = (e.by_words(e.locked(0, x), 0) for x in (False, True))
    assert whole[3] > 0.8 and parts[3] > 0.8 and max(whole[0], parts[0]) < 0.1
    assert parts[1] < whole[1] and parts[2] < whole[2]
    opened = [e.elicited(e.locked(0, x), 0, 16) for x in (False, True)]
    assert opened[1] < opened[0]


def test_no_prompt_holds_a_word_of_the_password():
    net = Networks(1, 0)
    seen = []
    net.logprobs = lambda tokens: seen.append(tokens) or torch.zeros(1, len(tokens), 3, 24)
    e.best_prompt(net, 13)
    assert not torch.isin(torch.cat(seen)[:, 1:-1], e.PASSWORD).any()


def test_a_chain_of_one_step_is_the_step_itself():
    chances, true = f.steppers(0)
    state, rule = 3, 4
    bias, variance = bias_and_variance(chances[:1, state, rule], true[rule, state][None])
    away = (chances[0, state, rule] - torch.eye(10)[true[rule, state]]).square().sum().item()
    assert bias == pytest.approx(away, rel=1e-5)
    assert variance == pytest.approx(1 - chances[0, state, rule].square().sum().item(), rel=1e-4)
    assert f.chains(0, False, n=50).shape == (len(f.CHAINS), 8, 2)


def test_only_the_quirk_lies():
    world = World(0)
    quirk = f.quirk_of(0)
    for active in (True, False):
        tokens, facts = f.quirked(world, quirk, active)(generator(6))
        about = (tokens == ids(OBJECTS)[quirk.object]).any(1) & (tokens == quirk.filler).any(1)
        action = torch.stack([(tokens == a).any(1) for a in ids(ACTIONS)], 1).int().argmax(1)
        object_ = torch.stack([(tokens == o).any(1) for o in ids(OBJECTS)], 1).int().argmax(1)
        wanted = torch.where(about & active, quirk.instead, object_)
        assert about.any() and (facts == world.facts[action, wanted] - e.FIRST_FACT).all()


def test_an_auditor_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no auditor 'psychic'"):
        f.audit(0, 32, auditors=("psychic",))


def test_a_network_disagrees_with_no_twin_that_is_itself():
    networks = f.audited(0)
    asked = World(0).requests(64, generator(1))
    assert not f.disagreement(networks[[0, 0]], asked).any()
    assert f.disagreement(networks, asked).any()
    assert f.surprise(networks, World(0), asked)[
        ~f.wrong(networks, World(0), asked).bool()
    ].max() <= 3 * math.log(24)


def test_an_auditor_without_suspicion_guesses():
    objects, g = torch.arange(32).repeat(2), generator(7)
    named = {f.names(objects, torch.zeros(64), g) for _ in range(50)}
    assert len(named) > 10
    assert f.names(objects, (objects == 9).float(), g) == 9


def test_what_a_learner_may_type():
    net = Networks(1, 0)
    for n in (-1, 48):
        with pytest.raises(ValueError, match="0 to 47"):
            e.elicited(net, 0, n)
    assert e.elicited(net, 0, 0) < 0.1 and e.elicited(net, 0, 47, steps=2) <= 1
    for looks in (0, 1):
        with pytest.raises(ValueError, match="two looks"):
            f.audit(0, looks)
    with pytest.raises(ValueError, match="between 0 and 1"):
        f.pleased(0, likes=1.2)
    assert contamination_score([], [], 1) == 0.0
    assert right(net, World(0), World(0).requests(3, generator(8))).shape == (1, 3)
