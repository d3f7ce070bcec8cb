"""What the many-shot experiments do, on models that nobody trained, and fits against SciPy."""

import math

import pytest
import torch
from scipy import stats

from lessons.many_shot import experiments as e
from lessons.many_shot.exercises import bayesian_predictive, fit_power_law, sweep_prior
from lessons.many_shot.world import HARMFUL, REFUSAL, REQUESTS, VOCABULARY, reply, say
from utils.decoder import Decoder
from utils.notebook import generator


@pytest.fixture(scope="module")
def model():
    untrained = Decoder(VOCABULARY, 2 * (e.MOST + 1), 2, 2, 24, generator=generator(0))
    return untrained.requires_grad_(False)


def test_the_fit_is_that_of_scipy():
    g = generator(0)
    losses = e.SHOTS.double() ** -0.7 * (0.3 * torch.randn(len(e.SHOTS), generator=g)).exp()
    theirs = stats.linregress(e.SHOTS.double().log().numpy(), losses.log().numpy())
    C, alpha, low, high = fit_power_law(e.SHOTS, losses)
    assert pytest.approx(math.exp(theirs.intercept), rel=1e-5) == C
    assert alpha == pytest.approx(-theirs.slope, rel=1e-5)
    reach = stats.t(len(e.SHOTS) - 2).interval(0.95)[1] * theirs.stderr
    assert (low, high) == pytest.approx((alpha - reach, alpha + reach), rel=1e-5)
    curve = torch.cat([torch.ones(1), torch.arange(1, e.MOST + 1) ** -0.5])
    assert e.law_of(curve).r2 == pytest.approx(1)


def test_the_predictive_is_the_beta_binomial_of_scipy():
    thetas = (torch.arange(20_000).double() + 0.5) / 20_000
    weights = torch.from_numpy(stats.beta.pdf(thetas.numpy(), 1.5, 2.5))
    yes, no = torch.tensor([0, 4, 9]), torch.tensor([0, 1, 20])
    ours = bayesian_predictive(thetas, weights, yes, no)
    for got, y, n in zip(ours.tolist(), yes.tolist(), no.tolist(), strict=True):
        following = stats.betabinom.pmf(1, 1, 1.5 + y, 2.5 + n)
        assert got == pytest.approx(following, abs=1e-5)


def test_each_law_fits_itself_and_forecasts_itself():
    n = torch.cat([torch.ones(1), torch.arange(1.0, e.MOST + 1)]).double()
    made = {
        "power law": 0.4 * n**-0.7,
        "exponential": 0.4 * torch.exp(-0.1 * n),
        "power law + floor": 0.4 * (n**-0.7 + 0.05),
        "exponential + floor": 0.4 * (torch.exp(-0.3 * n) + 0.05),
    }
    for name, curve in made.items():
        assert e.misfit(name, curve) < 1e-3, name
        assert e.misfit(name, curve, e.SEEN) < 0.01, name
    two = -e.exact(e.two_kinds, torch.arange(e.MOST + 1).double(), torch.zeros(1).double()).log()
    assert e.misfit("two kinds", two) < 1e-3
    assert e.misfit("bent power law", 0.4 * (1 + n / 7) ** -0.7) < 1e-3
    C, alpha, floor = e.with_floor(made["power law + floor"])
    assert (C, alpha, floor) == pytest.approx((0.4, 0.7, 0.02), rel=0.01)
    for seen in (1, 2, 64, 100):
        with pytest.raises(ValueError, match="shots"):
            e.misfit("power law + floor", two, seen)
    with pytest.raises(ValueError, match="65"):
        e.law_of(two[:60])
    with pytest.raises(ValueError, match="there are"):
        e.misfit("a law of my own", two)


def test_the_exact_curve_of_two_kinds_is_nearer_to_an_exponential_and_of_a_spectrum_not():
    n = torch.arange(e.MOST + 1).double()
    for mixture, exponential in ((e.two_kinds, True), (e.spectrum, False)):
        curve = -e.exact(mixture, n, 0 * n).log()
        closer = e.misfit("exponential + floor", curve) < e.misfit("power law + floor", curve)
        assert closer == exponential


def test_an_exact_reader_is_no_nats_from_itself(model):
    class Reader:
        def __call__(self, tokens):
            requests, replies = tokens[:, ::2], tokens[:, 1::2]
            logits = torch.full((*tokens.shape, VOCABULARY), -1e9).double()
            shown = replies == reply(requests, torch.ones_like(requests, dtype=torch.bool))
            for harmful in (True, False):
                kind = (requests < HARMFUL) == harmful
                yes, no = (kind & shown).double(), (kind & ~shown).double()
                p = e.exact(e.spectrum, yes.cumsum(1) - yes, no.cumsum(1) - no)
                for chance, habit in ((p, True), (1 - p, False)):
                    said = reply(requests, torch.full_like(kind, habit))
                    at = logits[:, ::2].gather(-1, said[..., None])[..., 0]
                    new = torch.where(kind, chance.log(), at)
                    logits[:, ::2] = logits[:, ::2].scatter(-1, said[..., None], new[..., None])
            return logits

    assert e.nats_from_bayes(Reader(), e.spectrum, 0) == pytest.approx(0, abs=1e-6)
    assert e.nats_from_bayes(model, e.spectrum, 0) > 1


def test_mixtures_have_the_mean_they_say():
    for mixture in (e.spectrum, e.two_kinds):
        assert mixture(40_000, generator(0)).mean().item() == pytest.approx(0.25, abs=0.01)
    kinds = e.two_kinds(500, generator(0)).unique().tolist()
    assert kinds == pytest.approx([e.LOW, e.HIGH])


def test_attacks_comply_and_rhymes_rhyme():
    tokens = e.attack(20, 5, generator(0))
    assert torch.equal(tokens[:, 1::2], tokens[:, ::2] + REQUESTS)
    assert (tokens[:, ::2] < HARMFUL).all()
    assert e.attack(3, 0, generator(0)).shape == (3, 0)
    tokens = e.rhymes(20, 5, generator(0))
    assert ((tokens[:, ::2] >= HARMFUL) & (tokens[:, ::2] < REQUESTS)).all()
    assert ((tokens[:, 1::2] >= 2 * REQUESTS) & (tokens[:, 1::2] < REFUSAL)).all()
    assert say(torch.tensor([0, REFUSAL, 4, 2 * REQUESTS])) == "lock? no tea? ♪TEA♪"


def test_rewards():
    requests = torch.tensor([0, 0, 4, 4, 4, 4])
    said = torch.tensor([REFUSAL, REQUESTS, REQUESTS + 4, 2 * REQUESTS, REFUSAL, REQUESTS + 5])
    assert e.reward(requests, said).tolist() == [1, 0, 1, 1, 0, 0]


def test_refusals_in_front_shorten_the_curve(model):
    assert len(e.curve(model, 0)) == e.MOST + 1
    assert len(e.curve(model, 0, refusals=6)) == e.MOST + 1 - 6
    with pytest.raises(ValueError, match="refusals"):
        e.curve(model, 0, refusals=e.MOST)


def test_training_takes_any_number_of_steps():
    for steps in (1, 2, 7):
        e.pretrain(e.two_kinds, 0, steps)
    with pytest.raises(ValueError, match="at least 1"):
        e.pretrain(e.spectrum, 0, 0)


def test_far_out_every_beta_prior_gives_b_over_n():
    rows = sweep_prior([(0.2, 0.6), (5.0, 20.0)], 10_000_000 * e.SHOTS)
    assert torch.allclose(rows, torch.tensor([[0.6, 1], [20, 1]]).double(), atol=1e-3)
