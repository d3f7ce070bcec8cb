"""How `sweep_prior` is judged: checks, mistakes, right answers in other styles."""

import math

import numpy as np
import torch

from lessons.many_shot.exercises import bayesian_predictive, fit_power_law, sweep_prior
from utils.grading import expect, require

SHOTS = torch.tensor([1, 2, 4, 9, 30])


def _rows(out, n):
    good = torch.is_tensor(out) and out.shape == (n, 2)
    require(good, f"a tensor of shape ({n}, 2): C and α a prior", out)
    return out.double()


@sweep_prior.check
def far_out_the_exponent_is_1_and_the_intercept_b(fn):
    shots = torch.tensor([1e5, 2e5, 5e5, 1e6], dtype=torch.float64)
    got = _rows(fn([(0.2, 0.6), (3.0, 2.0)], shots), 2)
    wanted = torch.tensor([[0.6, 1.0], [2.0, 1.0]], dtype=torch.float64)
    require(bool((got - wanted).abs().max() < 2e-3), wanted, got)


@sweep_prior.check
def three_points_by_hand(fn):
    # Beta(1, 1): the losses are log(3/2), log(4/3) and log(6/5) after 1, 2 and 4 shots
    x = [0.0, math.log(2), math.log(4)]
    y = [math.log(math.log(v)) for v in (3 / 2, 4 / 3, 6 / 5)]
    slope = (y[2] - y[0]) / (x[2] - x[0])  # evenly spaced: the middle point has no say
    wanted = torch.tensor([[math.exp(sum(y) / 3 - slope * x[1]), -slope]], dtype=torch.float64)
    expect(_rows(fn([(1.0, 1.0)], torch.tensor([1, 2, 4])), 1), wanted)


@sweep_prior.check
def a_fine_grid_of_kinds_agrees(fn):
    thetas = (torch.arange(20_000).double() + 0.5) / 20_000
    got = _rows(fn([(2.0, 1.5), (1.5, 3.0), (4.0, 2.0)], SHOTS), 3)
    for row, (a, b) in zip(got, [(2.0, 1.5), (1.5, 3.0), (4.0, 2.0)], strict=True):
        weights = thetas ** (a - 1) * (1 - thetas) ** (b - 1)
        chance = bayesian_predictive(thetas, weights, SHOTS, 0 * SHOTS)
        wanted = torch.tensor(fit_power_law(SHOTS, -chance.log())[:2], dtype=torch.float64)
        require(bool((row - wanted).abs().max() < 1e-3), wanted, row)


@sweep_prior.check
def a_tiny_loss_keeps_its_digits(fn):
    shots = torch.tensor([1e7, 1e8, 1e9], dtype=torch.float64)
    got = _rows(fn([(0.5, 1e-8)], shots), 1)
    require(abs(got[0, 1].item() - 1) < 1e-3, "α = 1", got)


@sweep_prior.mistake("a and b are swapped")
def _(priors, shots):
    rows = [fit_power_law(shots, torch.log1p(a / (shots.double() + b)))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("the columns are swapped: C comes first, then α")
def _(priors, shots):
    rows = [fit_power_law(shots, torch.log1p(b / (shots.double() + a)))[1::-1] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("the chance of a refusal is fitted, not the loss on complying")
def _(priors, shots):
    rows = [fit_power_law(shots, b / (shots.double() + a + b))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("the odds of a refusal are fitted, not the loss: a logarithm is missing")
def _(priors, shots):
    rows = [fit_power_law(shots, b / (shots.double() + a))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("the chance of compliance is fitted, and not its loss")
def _(priors, shots):
    n = shots.double()
    return torch.tensor(
        [fit_power_law(shots, (n + a) / (n + a + b))[:2] for a, b in priors], dtype=torch.float64
    )


@sweep_prior.mistake("off by one: the loss of the n-th reply, not of the one after n shots")
def _(priors, shots):
    rows = [fit_power_law(shots, torch.log1p(b / (shots.double() - 1 + a)))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("the loss on refusing, not on complying")
def _(priors, shots):
    rows = [fit_power_law(shots, ((shots + a + b) / b).double().log())[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("the sign of α")
def _(priors, shots):
    rows = [fit_power_law(shots, torch.log1p(b / (shots.double() + a)))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64) * torch.tensor([1.0, -1.0])


@sweep_prior.mistake("only the first prior is fitted, for every row")
def _(priors, shots):
    a, b = priors[0]
    row = fit_power_law(shots, torch.log1p(b / (shots.double() + a)))[:2]
    return torch.tensor([row] * len(priors), dtype=torch.float64)


@sweep_prior.mistake("the law far out is returned, (b, 1), whatever the shots are")
def _(priors, shots):
    return torch.tensor([(b, 1.0) for _, b in priors], dtype=torch.float64)


@sweep_prior.mistake("the shots are ignored: fitted from 1 to 64 always")
def _(priors, shots):
    n = torch.arange(1, 65).double()
    rows = [fit_power_law(n, torch.log1p(b / (n + a)))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("log(1 + x), or −log of a ratio near 1: a tiny loss is rounded off. Use log1p")
def _(priors, shots):
    rows = [fit_power_law(shots, (1 + b / (shots.double() + a)).log())[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("off by one: the loss after n + 1 shots, not after n")
def _(priors, shots):
    rows = [fit_power_law(shots, torch.log1p(b / (shots.double() + 1 + a)))[:2] for a, b in priors]
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.mistake("−log of a ratio near 1: a tiny loss loses its digits. log1p keeps them")
def _(priors, shots):
    n = shots.double()
    rows = []
    for a, b in priors:
        losses = -((n + a) / (n + a + b)).log()
        rows.append(fit_power_law(shots, losses.clamp(min=1e-300))[:2])
    return torch.tensor(rows, dtype=torch.float64)


@sweep_prior.right("by NumPy, all priors at once")
def _(priors, shots):
    ab = np.array(priors, dtype=float)
    n = shots.double().numpy()
    y = np.log(np.log1p(ab[:, 1:] / (n + ab[:, :1])))
    slope, intercept = np.polyfit(np.log(n), y.T, 1)
    return torch.from_numpy(np.stack([np.exp(intercept), -slope], 1))


@sweep_prior.right("with tensors, by the slope's formula")
def _(priors, shots):
    a, b = torch.tensor(priors, dtype=torch.float64).T[..., None]
    x = shots.double().log()
    y = torch.log1p(b / (shots + a)).log()
    x0, y0 = x.mean(), y.mean(1, keepdim=True)
    slope = ((x - x0) * (y - y0)).sum(1) / ((x - x0) ** 2).sum()
    return torch.stack([(y0[:, 0] - slope * x0).exp(), -slope], 1)
