"""The lesson on scaling oversight: published numbers, closed forms, and what its games promise."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, curve_fit
from scipy.stats import binom
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LinearRegression, Ridge

from lessons.oversight_scaling import agents, backdoors, experiments
from lessons.oversight_scaling.checks.shared import PRINTED
from lessons.oversight_scaling.drills import success_bound
from lessons.oversight_scaling.exercises import (
    audit_probability,
    best_steps,
    double_relu_fit,
    elo_win_probability,
    expected_scores,
    nested_success,
)
from lessons.oversight_scaling.experiments import ABSTRACT, FLAT_FROM, PUBLISHED, START
from utils.notebook import generator
from utils.worlds.pixels import digits


def test_the_published_fits_give_what_the_authors_code_prints():
    for game, (guard, houdini) in PUBLISHED.items():
        assert PRINTED[game][:2] == (guard, houdini)
        steps, success = best_steps(400, guard, houdini, START)
        assert steps == PRINTED[game][2]
        assert success == pytest.approx(PRINTED[game][3], rel=1e-9)


def test_how_far_the_fits_are_from_the_abstract():
    off = {
        g: 100 * best_steps(400, *lines, START)[1] - ABSTRACT[g] for g, lines in PUBLISHED.items()
    }
    assert abs(off["Debate"]) < 0.5 and abs(off["Wargames"]) < 0.5
    assert off["Mafia"] == pytest.approx(-2.4, abs=0.05)
    assert off["Backdoor Code"] > 15


def test_no_one_start_mends_it():
    for game, start in (("Mafia", 1160), ("Wargames", 1087)):
        one = lambda s, g=game: 100 * nested_success(400, *PUBLISHED[g], 1, s) - ABSTRACT[g]  # noqa: E731
        assert brentq(one, 900, 1400) == pytest.approx(start, abs=0.5)


def test_where_the_backdoor_game_turns():
    guard, houdini = PUBLISHED["Backdoor Code"]
    lead = experiments.ahead(guard, houdini, START)
    assert lead == pytest.approx(554, abs=0.5)
    assert 2 * lead / (houdini[0] - guard[0]) == pytest.approx(900, abs=2)
    assert best_steps(600, guard, houdini, START)[0] == 2
    assert best_steps(1200, guard, houdini, START)[0] == 1


def test_the_plateau_that_the_authors_fitted():
    guard, houdini = PUBLISHED["Backdoor Code"]
    for gap in (0, 100, 217):  # below the plateau it is the line
        line = best_steps(gap, guard, houdini, START)
        assert experiments.flat_top_best(gap, guard, houdini, FLAT_FROM, START) == line
    top = houdini[0] * FLAT_FROM + houdini[1]
    one = 1 / (1 + 10 ** ((top - guard[0] * START - guard[1]) / 400))
    for gap in range(218, 1601, 50):
        steps, success = experiments.flat_top_best(gap, guard, houdini, FLAT_FROM, START)
        assert steps == 1 and success == pytest.approx(one, rel=1e-12)


def test_the_bound_of_a_hopeless_ladder_is_zero():
    assert success_bound(0.0, 1.0, 1.0, 1e6, 1) == 0


def test_far_behind_the_middle_of_the_gap_decides():
    g = torch.Generator().manual_seed(0)
    for _ in range(50):
        s_guard, s_houdini, lead = (torch.rand(3, generator=g).double() * 2 + 0.1).tolist()
        gap, lead = 40_000.0, 20_000 * (lead - 1)
        if -lead - s_houdini * gap > -8_000:
            continue  # one step is not badly lost
        margins = [s_guard * gap / 2 * i - lead - s_houdini * gap / 2 * (i + 1) for i in (0, 1)]
        if max(margins) > -8_000:
            continue
        bracket = (s_guard - s_houdini) * gap / 2 - lead
        one, two = -lead - s_houdini * gap, sum(margins)
        assert (two > one) == (bracket > 0)


def test_the_bound_on_parameters_not_tried_elsewhere():
    g = torch.Generator().manual_seed(1)
    for _ in range(200):
        s_guard, s_houdini, lead, gap = (torch.rand(4, generator=g).double()).tolist()
        lead, gap = 600 * (lead - 0.5), 1500 * gap
        for steps in (1, 2, 5):
            held = nested_success(gap, (2 * s_guard, 0.0), (2 * s_houdini, lead), steps)
            assert held <= success_bound(lead, 2 * s_guard, 2 * s_houdini, gap, steps) * (1 + 1e-9)


def test_a_ladder_that_is_played_holds_as_often_as_it_should():
    guard, houdini, gap, steps = (1.1, 200.0), (0.9, 0.0), 500.0, 3
    places = np.linspace(0, gap, steps + 1)
    lead = guard[0] * places[:-1] + guard[1] - houdini[0] * places[1:] - houdini[1]
    rng = np.random.default_rng(0)
    # an Elo game: both draw a strength from a Gumbel distribution, the stronger wins
    draws = rng.gumbel(size=(2, 40_000, steps)) * 400 / math.log(10)
    held = (draws[0] + lead > draws[1]).all(1).mean()
    assert held == pytest.approx(nested_success(gap, guard, houdini, steps), abs=0.01)


def test_the_curve_against_scipy():
    x = torch.arange(1, 11, dtype=torch.float64)
    y = experiments.double_relu(x, 3.0, 7.25, -100.0, 250.0) + 5 * torch.sin(7 * x)
    fine = torch.cat([torch.linspace(2.5, 3.5, 41), torch.linspace(6.8, 7.8, 41)]).double()
    ours = double_relu_fit(x, y, fine)

    def curve(x, x_low, x_high, e_low, e_high):
        return e_low + (e_high - e_low) * np.clip((x - x_low) / (x_high - x_low), 0, 1)

    theirs, _ = curve_fit(curve, x.numpy(), y.numpy(), p0=(3, 7, -90, 240))
    errors = [((curve(x.numpy(), *fit) - y.numpy()) ** 2).sum() for fit in (ours, theirs)]
    assert errors[1] <= errors[0] * (1 + 1e-6) and errors[0] <= 1.03 * errors[1]
    np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=1.0)


def test_a_line_and_its_slope_are_sklearns():
    y = torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0, 9.0], dtype=torch.float64)
    x = torch.arange(6, dtype=torch.float64)
    theirs = LinearRegression().fit(x[:, None].numpy(), y.numpy())
    assert experiments.line_fit(x, y) == pytest.approx((theirs.coef_[0], theirs.intercept_))
    assert agents.slope(y) == pytest.approx(theirs.coef_[0])


def test_audits_against_the_binomial():
    for read, rate, outputs in ((0.075, 0.001, 2000), (0.3, 0.02, 40), (0.01, 0.4, 333)):
        theirs = binom.sf(0, outputs, read * rate)
        assert audit_probability(read, rate, outputs) == pytest.approx(theirs, rel=1e-9)
    caught, unread = experiments.simulated_days(0.1, 0.02, 200, 4000, generator(0))
    assert caught == pytest.approx(audit_probability(0.1, 0.02, 200), abs=0.025)
    assert unread == pytest.approx(0.02 * 200 * 0.9, abs=0.1)


def test_ratings_come_back_from_the_win_rates_they_predict():
    guards = torch.tensor([-200.0, 0.0, 150.0], dtype=torch.float64)
    houdinis = torch.tensor([-100.0, 30.0, 90.0, 300.0], dtype=torch.float64)
    rates = elo_win_probability(guards[:, None], houdinis)
    mean = torch.cat([guards, houdinis]).mean()
    for found, true in zip(agents.ratings(rates), (guards, houdinis), strict=True):
        torch.testing.assert_close(found, true - mean, atol=0.5, rtol=0)
    # and from half of the pairings, if they follow the ratings
    big = elo_win_probability(torch.linspace(-300, 300, 10)[:, None], torch.linspace(-200, 200, 10))
    by_elo, by_mean = agents.held_out_error(big, generator(1))
    assert by_elo < 0.5 < 10 < by_mean


def test_unrated_extremes_do_not_raise(capsys):
    guards, houdinis = agents.ratings(torch.ones(3, 3))
    assert (guards > houdinis.max()).all()
    assert "prior" in capsys.readouterr().out


def test_programs_are_ridge_regressions_and_oddness_is_mahalanobis():
    g = torch.Generator().manual_seed(0)
    fitted = backdoors.fit_programs(0, 3, g)
    g = torch.Generator().manual_seed(0)
    (images, labels), _ = digits(0)
    drawn = torch.randint(len(images), (3, 100), generator=g)
    x = backdoors.with_bias(images[drawn[1]]).numpy()
    theirs = Ridge(alpha=1.0, fit_intercept=False).fit(x, np.eye(10)[labels[drawn[1]]])
    np.testing.assert_allclose(fitted[1].numpy(), theirs.coef_.T, atol=2e-4)

    seen = backdoors.fit_programs(1, 300, generator(2))
    normal = backdoors.notion(seen)
    weights = seen[:, :64].mT.double()
    scatter = (weights - weights.mean(0)).flatten(0, 1)
    covariance = (scatter.T @ scatter + 100 * (scatter**2).mean() * torch.eye(64)) / 3100
    metric = EmpiricalCovariance(assume_centered=True)
    metric.fit(np.zeros((2, 64)))
    metric.precision_ = torch.linalg.inv(covariance).numpy()
    apart = fitted[:, :64].mT.double() - weights.mean(0)
    theirs = torch.stack([torch.from_numpy(metric.mahalanobis(a.numpy())) for a in apart]).amax(1)
    torch.testing.assert_close(
        backdoors.suspicion(fitted, normal).double(), theirs, rtol=1e-2, atol=0
    )


def test_a_planted_backdoor_is_where_it_is_said_to_be():
    g = torch.Generator().manual_seed(3)
    every = backdoors.fit_programs(0, 2 * backdoors.N + 40, g).split([400, 400, 20, 20])
    programs = backdoors.Programs(*every, torch.randint(10, (400,), generator=g))
    pictures = digits(0)[0].images[:100]
    made, triggers = backdoors.plant(
        programs, backdoors.notion(programs.seen_by_houdini), pictures, g
    )
    changed = (made != programs.victims).nonzero()
    assert (changed[:, 2] == programs.targets[changed[:, 0]]).all()
    assert all(c[1] in triggers[c[0]] for c in changed[:200])
    assert backdoors.working(made, triggers, programs.targets, pictures).float().mean() > 0.9


def test_following_ones_scores_is_a_softmax():
    p, agent, judge = expected_scores((-0.3, -1.1), (-0.3, -2.0), 0.7)
    weights = torch.tensor([-0.3, -1.1], dtype=torch.float64).div(0.7).softmax(0)
    assert p == pytest.approx(weights[0].item())
    assert agent == pytest.approx(weights @ torch.tensor([-0.3, -1.1], dtype=torch.float64))
    assert judge == pytest.approx(weights @ torch.tensor([-0.3, -2.0], dtype=torch.float64))


@pytest.mark.parametrize(
    "call",
    [
        lambda: agents.train_agents(0, steps=0),
        lambda: agents.rounds(0, 0),
        lambda: agents.rounds(0, 401),
        lambda: backdoors.play_backdoors(0, (0.0,)),
        lambda: experiments.measured_ladder(torch.ones(4, 4), 0, 3, 2),
        lambda: experiments.measured_ladder(torch.ones(4, 4), 2, 2, 1),
        lambda: experiments.by_steps((1.0, 0.0), (1.0, 0.0), -1, 0),
        lambda: experiments.simulated_days(0.1, 0.1, 10, 0, generator(0)),
        lambda: nested_success(1.0, (1.0, 0.0), (1.0, 0.0), 0),
        lambda: audit_probability(1.1, 0.5, 3),
        lambda: expected_scores((0.0, 0.0), (0.0, 0.0), -1),
    ],
)
def test_what_cannot_be_says_so(call):
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        call()
