"""The lesson on provers and verifiers: its worlds hold what they promise, and edges are clear."""

import math

import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve
from torch import nn
from torch.nn import functional as F

from lessons.prover_verifier import cuts, market, onesided, provers, shapes, traces
from lessons.prover_verifier.drills import price_after
from lessons.prover_verifier.exercises import (
    lmsr_cost,
    lmsr_price,
    prover_loss,
    soundness_and_completeness,
    verifier_loss,
)
from utils.notebook import generator
from utils.worlds.pixels import Digits


def test_a_picture_has_one_whole_shape_where_it_says():
    pictures = shapes.draw(200, generator(0))
    assert len(pictures.kind) == 200
    there = shapes.whole(pictures.images)
    assert (there.any(1).sum(1) == 1).all()
    assert there[torch.arange(200), pictures.place, pictures.kind].all()
    middle = pictures.patches[torch.arange(200), pictures.place].view(-1, 5, 5)[:, 1:4, 1:4]
    assert (middle.flatten(1) == shapes.KINDS[pictures.kind]).all()


def test_a_false_name_is_false():
    kind = torch.arange(4).repeat(50)
    assert (shapes.other_kind(kind, generator(1)) != kind).all()
    assert (onesided.false_claims(kind, generator(1)) != kind).all()


def test_provers_send_the_best_of_all_places():
    pictures, verifier = shapes.draw(20, generator(2)), shapes.Verifier()
    with torch.no_grad():
        helpful, sneaky = shapes.best_replies(verifier, pictures, generator(3))
        for sent, right in ((helpful, True), (sneaky, False)):
            assert (sent.right == right).all()
            every = torch.stack([verifier(pictures.patches[:, p], sent.names) for p in range(81)])
            best = verifier(sent.patches, sent.names)
            torch.testing.assert_close(best, every.amax(0))


def test_the_loss_is_torchs_with_weights():
    scores = torch.randn(40, generator=generator(4))
    right = torch.arange(40) < 8
    weight = torch.where(right, 1 / 8, 1 / 32)
    theirs = F.binary_cross_entropy_with_logits(scores, right.float(), weight, reduction="sum") / 2
    torch.testing.assert_close(verifier_loss(scores, right), theirs)


def test_the_provers_reward_is_what_sampling_finds():
    g = generator(5)
    names = torch.randn(3, 4, generator=g).log_softmax(-1)
    places, scores = torch.randn(3, 4, 5, generator=g).log_softmax(-1), torch.randn(3, 4, 5)
    truth, n = torch.tensor([0, 3, 1]), 40000
    said = torch.multinomial(names.exp(), n, True, generator=g)
    chances = places.exp().flatten(0, 1)
    row = (said + 4 * torch.arange(3)[:, None]).flatten()
    at = torch.multinomial(chances[row], 1, generator=g)[:, 0]
    accepted = scores.flatten(0, 1)[row, at].sigmoid().view(3, n)
    true = said == truth[:, None]
    for role, fits in (("helpful", true), ("sneaky", ~true)):
        sampled = -(accepted * fits).mean()
        assert abs(prover_loss(names, places, scores, truth, role) - sampled) < 0.01


def test_auc_is_scikit_learns():
    data = Digits(torch.rand(30, 64, generator=generator(6)), torch.arange(30) % 10)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        verifier = nn.Sequential(nn.Linear(128, 8), nn.ReLU(), nn.Linear(8, 10)).requires_grad_(
            False
        )
    found = onesided.examined(verifier, data, generator(7))
    scores = torch.cat([found.true, found.false])
    assert found.auc == pytest.approx(roc_auc_score([1] * 30 + [0] * 30, scores))
    sound = soundness_and_completeness(found.true[:, None], found.false[:, None])
    assert (found.soundness, found.completeness) == pytest.approx(sound)


def test_shown_views_have_six_bright_pixels():
    images = torch.rand(10, 64, generator=generator(8)).round()
    verifier = nn.Linear(128, 10).requires_grad_(False)
    views = onesided.show_best(verifier, images, torch.arange(10))
    values, mask = views.chunk(2, -1)
    assert (mask.sum(1) == 6).all()
    assert (values[mask.bool()] == 1).all()


def test_a_perfect_digit_has_a_twin_of_its_kind_only():
    images, labels = (part[:5] for part in onesided.digits(0)[0])
    views = torch.cat([images, torch.ones_like(images)], -1)
    assert onesided.twins(onesided.Shown(views, labels, labels == labels), 0, 0.0) == 1
    assert onesided.twins(onesided.Shown(views, (labels + 1) % 10, labels != labels), 0, 0.0) == 0


def played(true, false):
    return shapes.Round(shapes.Verifier(), 0.0, 0.0, 0.0, true, false)


def test_a_constant_on_all_scores_moves_the_cut_and_nothing_else():
    g = generator(20)
    true, false = torch.randn(400, generator=g) + 2, torch.randn(400, generator=g)
    for share in (0.99, 0.8, None):
        found = [cuts.tuned(played(true + c, false + c), share) for c in (-8.0, 0.0, 8.0)]
        assert found[0] == pytest.approx(found[1], abs=0.01)
        assert found[2] == pytest.approx(found[1], abs=0.01)


def test_the_share_of_true_claims_passes_even_where_scores_are_the_same():
    g = generator(21)
    true, false = torch.randn(2000, generator=g) + 1, torch.randn(2000, generator=g)
    assert cuts.tuned(played(true, false), 0.8)[1] == pytest.approx(0.8, abs=0.03)
    same = torch.ones(100)
    for share in (0.99, None):
        assert cuts.tuned(played(same, same - 2), share) == (1, 1)


def test_the_best_cut_is_that_of_scikit_learns_curve():
    g = generator(22)
    true, false = torch.randn(60, generator=g) + 1, torch.randn(60, generator=g)
    falls, hits, _ = roc_curve([1] * 60 + [0] * 60, torch.cat([true, false]))
    cut = cuts.find_cut(true, false, None)
    right = ((true > cut).double().mean() + (false <= cut).double().mean()) / 2
    assert right.item() == pytest.approx(((hits + 1 - falls) / 2).max())


def test_an_audit_reads_up_to_the_false_step():
    states = traces.run([3, 1, 4])
    assert traces.first_error([3, 1, 4], states[:2] + [s + 1 for s in states[2:]]) == 1
    perfect = traces.SUMS.view(1, 32, 10)
    found = traces.debates(perfect, 1, traces.anywhere, generator(23), 20)
    assert (found.looks, found.audit, found.questions) == (1, 1, 0)
    found = traces.debates(perfect, 64, traces.anywhere, generator(23), 300)
    assert found.looks == 1
    assert found.audit == pytest.approx(32.5, abs=4)


def test_the_price_is_the_slope_of_the_cost():
    shares = torch.randn(3, 6, dtype=torch.float64, generator=generator(9)).requires_grad_()
    (slope,) = torch.autograd.grad(lmsr_cost(shares, 0.7).sum(), shares)
    torch.testing.assert_close(slope, lmsr_price(shares.detach(), 0.7))


def test_a_manipulator_pays_the_budget_however_small_the_price():
    shares = torch.tensor([[0.0, 200.0, 0.0]], dtype=torch.float64)
    after = market.manipulate(shares, torch.tensor([0]), 1.0)
    assert (lmsr_cost(after, market.B) - lmsr_cost(shares, market.B)).item() == pytest.approx(1)
    assert lmsr_price(after, market.B)[0, 0].item() == pytest.approx(1 - math.exp(-1))


def test_who_accepts_all_tells_nothing():
    test = shapes.draw(20, generator(11))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        prover, judge = provers.Prover(), shapes.Verifier()
    judge.requires_grad_(False)
    judge.accept.bias.fill_(100.0)
    found = provers.measure(prover, judge, test)
    assert (found.accepts, found.own_wrong) == pytest.approx((1, 0))
    assert found.told == pytest.approx(0.5)


@pytest.mark.parametrize(("budget", "b"), [(0.0, 1.0), (1.0, 1.0), (3.0, 0.5), (5.0, 2.0)])
def test_a_manipulator_pays_the_budget_and_gets_so_far(budget, b):
    shares = torch.randn(20, 10, dtype=torch.float64, generator=generator(10))
    lie = torch.arange(20) % 10
    after = market.manipulate(shares, lie, budget, b)
    torch.testing.assert_close(
        lmsr_cost(after, b) - lmsr_cost(shares, b), torch.full((20,), budget, dtype=torch.float64)
    )
    prices = (lmsr_price(s, b).gather(1, lie[:, None])[:, 0].tolist() for s in (shares, after))
    for before, moved in zip(*prices, strict=True):
        assert moved == pytest.approx(price_after(before, budget, b))


def test_profits_are_what_the_prices_say():
    beliefs = torch.randn(market.TRADERS, 50, 10, generator=generator(11)).log_softmax(-1)
    traders = market.Traders(beliefs, torch.arange(50) % 10)
    found = market.attacked(traders, (traders.truth + 1) % 10, 0.0)
    end = lmsr_price(market.market(traders), market.B).gather(1, traders.truth[:, None])
    gained = (end / 0.1).log().mean().item() / market.TRADERS
    assert found.profit == pytest.approx(gained, abs=1e-4)
    assert found.loss == pytest.approx(0, abs=1e-6)


def test_a_deaf_trader_leaves_nothing_but_its_own_belief():
    beliefs = torch.randn(4, 5, 10, generator=generator(12)).log_softmax(-1)
    shares = market.market(market.Traders(beliefs, torch.zeros(5).long()), heed=False)
    torch.testing.assert_close(lmsr_price(shares, market.B).log(), beliefs[-1])


def test_a_perfect_judge_catches_every_liar():
    perfect = traces.SUMS.view(1, 32, 10)
    assert traces.error_rates(perfect) == 0
    for lie in (traces.anywhere, traces.where_it_passes):
        for steps in (1, 2, 7, 30):
            found = traces.debates(perfect, steps, lie, generator(13), 20)
            assert found.caught == 1
            assert found.questions <= max(0, steps - 1).bit_length()


def test_one_gap_is_found_wherever_it_is_passed():
    gap = traces.SUMS.view(1, 32, 10).clone()
    gap[0, 0, :] = 31  # every computation begins at 0, so the first step will do
    found = traces.debates(gap, 5, traces.where_it_passes, generator(14), 20)
    assert found.caught == 0
    five = torch.cat([gap, gap, *[traces.SUMS.view(1, 32, 10)] * 3])
    assert traces.debates(five, 5, traces.where_it_passes, generator(14), 20).caught == 1


def test_measures_of_a_prover_that_knows():
    pictures = shapes.draw(30, generator(15))

    def knows(patches, role):
        name = pictures.kind if role == "helpful" else (pictures.kind + 1) % 4
        names = F.one_hot(name, 4) * 100.0
        places = F.one_hot(pictures.place, 81)[:, None].expand(-1, 4, -1) * 100.0
        return names.log_softmax(-1), places.log_softmax(-1)

    def checks(patch, name):
        middle = patch.unflatten(-1, (5, 5))[..., 1:4, 1:4].flatten(-2)
        return torch.where((middle == shapes.KINDS[name]).all(-1), 1.0, -1.0)

    found = provers.measure(knows, checks, pictures)
    assert found[:3] == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("play", [shapes.play, onesided.play_pixels, provers.train_provers])
def test_no_rounds_is_a_clear_error(play):
    with pytest.raises(ValueError, match="at least one round"):
        play(0, rounds=0)


@pytest.mark.parametrize(
    "run",
    [shapes.play, onesided.play_pixels, onesided.pixel_judge, provers.train_provers,
     traces.train_judges],
)  # fmt: skip
@pytest.mark.parametrize("seed", ["a", 0.5])
def test_a_seed_that_is_no_whole_number_is_a_clear_error(run, seed):
    with pytest.raises(ValueError, match="a seed is a whole number"):
        run(seed)


@pytest.mark.parametrize("judges", [0, 2])
def test_a_majority_that_may_be_none_is_a_clear_error(judges):
    some = traces.SUMS.view(1, 32, 10).expand(judges, -1, -1)
    with pytest.raises(ValueError, match="odd number of judges"):
        traces.debates(some, 4, traces.where_it_passes, generator(0))


def test_other_edges_are_clear_errors():
    perfect = traces.SUMS.view(1, 32, 10)
    for steps in (0, 1.5):
        with pytest.raises(ValueError, match="at least one step"):
            traces.debates(perfect, steps, traces.anywhere, generator(0))
    with pytest.raises(ValueError, match="at least one length"):
        traces.by_length(perfect, (), traces.anywhere, 0)
    with pytest.raises(ValueError, match="at least one judge"):
        traces.train_judges(0, judges=0)
    with pytest.raises(ValueError, match="budget"):
        market.manipulate(torch.zeros(1, 10), torch.zeros(1).long(), -1.0)
