"""How an answer to probe_for_goal is judged."""

import torch

from lessons.goal_misgeneralization.exercises import probe_for_goal
from utils.grading import expect


def sample(seed, n=40, d=3, k=2, m=5):
    g = torch.Generator().manual_seed(seed)
    draw = lambda *s: torch.randn(*s, generator=g, dtype=torch.float64)  # noqa: E731
    x, held_out = draw(n, d) + 2, draw(m, d) - 1
    return x, x @ draw(d, k) + 3 + 0.3 * draw(n, k), held_out


def D(values):
    return torch.tensor(values, dtype=torch.float64)


@probe_for_goal.check
def one_number_by_hand(answer):
    # Centered x: −1, 1; centered y: −2, 2. The weight is 4 / (2 + 2) = 1.
    expect(answer(D([[0.0], [2.0]]), D([[3.0], [7.0]]), D([[1.0], [4.0]]), 2.0), D([[5.0], [8.0]]))


@probe_for_goal.check
def a_high_price_leaves_the_mean(answer):
    x, y, held_out = sample(0)
    expect(answer(x, y, held_out, 1e9), y.mean(0).expand(5, 2).clone(), tol=1e-4)


@probe_for_goal.check
def a_low_price_finds_an_exact_line(answer):
    x, _, held_out = sample(1)
    line = D([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]])
    expect(answer(x, x @ line + 4, held_out, 1e-9), held_out @ line + 4)


@probe_for_goal.check
def the_objective_cannot_be_lowered(answer):
    x, y, _ = sample(2)
    l2 = 5.0
    origin, axes = torch.zeros(1, 3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    told = answer(x, y, torch.cat([origin, axes]), l2)  # the intercept, and the weights with it
    b, w = told[0].clone(), told[1:] - told[0]
    residual = x @ w + b - y
    expect(residual.sum(0), torch.zeros(2, dtype=torch.float64), tol=1e-4)
    expect(x.T @ residual + l2 * w, torch.zeros(3, 2, dtype=torch.float64), tol=1e-4)


@probe_for_goal.check
def shifting_all_activations_changes_nothing(answer):
    x, y, held_out = sample(3)
    expect(answer(x + 100, y, held_out + 100, 4.0), answer(x, y, held_out, 4.0).clone(), tol=1e-4)


@probe_for_goal.check
def each_held_out_row_stands_alone(answer):
    x, y, held_out = sample(4)
    together = answer(x, y, held_out, 1.0)
    expect(answer(x, y, held_out[2:3], 1.0), together[2:3].clone())


@probe_for_goal.check
def more_features_than_examples(answer):
    x, y, held_out = sample(5, n=4, d=9, k=1)
    xc, yc = x - x.mean(0), y - y.mean(0)
    dual = xc.T @ torch.linalg.solve(xc @ xc.T + 0.5 * torch.eye(4, dtype=torch.float64), yc)
    expect(answer(x, y, held_out, 0.5), (held_out - x.mean(0)) @ dual + y.mean(0))


@probe_for_goal.check
def no_input_is_changed(answer):
    inputs = sample(6)
    before = [x.clone() for x in inputs]
    answer(*inputs, 1.0)
    for x, b in zip(inputs, before, strict=True):
        expect(x, b)


def _ridge(x, y, held_out, l2):
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    return held_out @ torch.linalg.solve(x.T @ x + l2 * eye, x.T @ y)


def _ones(x):
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


@probe_for_goal.mistake("there is no intercept")
def _(activations, targets, held_out, l2):
    return _ridge(activations, targets, held_out, l2)


@probe_for_goal.mistake("the intercept pays l2, too: a column of ones among the features")
def _(activations, targets, held_out, l2):
    return _ridge(_ones(activations), targets, _ones(held_out), l2)


@probe_for_goal.mistake("held-out activations are centered by their own mean")
def _(activations, targets, held_out, l2):
    x, mean = activations - activations.mean(0), targets.mean(0)
    return _ridge(x, targets - mean, held_out - held_out.mean(0), l2) + mean


@probe_for_goal.mistake("held-out activations are not centered, those fitted on are")
def _(activations, targets, held_out, l2):
    mean = targets.mean(0)
    return _ridge(activations - activations.mean(0), targets - mean, held_out, l2) + mean


@probe_for_goal.mistake("the targets' mean is not added back")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, l2) - targets.mean(0)


@probe_for_goal.mistake("l2 is ignored: plain least squares")
def _(activations, targets, held_out, l2):
    x = _ones(activations)
    return _ones(held_out) @ torch.linalg.pinv(x) @ targets


@probe_for_goal.mistake("a mean of squared errors, where the sum was asked for: l2 times n")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, l2 * len(activations))


@probe_for_goal.mistake("l2 is ignored: a constant 1")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, 1.0)


@probe_for_goal.mistake("l2 is squared")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, l2**2)


@probe_for_goal.mistake("l2 is halved: it has no factor of one half")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, l2 / 2)


@probe_for_goal.mistake("l2 is doubled")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, l2 * 2)


@probe_for_goal.mistake("l2 is subtracted from the diagonal, not added")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, held_out, -l2)


@probe_for_goal.mistake("activations are scaled to deviation 1 before the fit: another price")
def _(activations, targets, held_out, l2):
    sd = activations.std(0)
    return probe_for_goal.reference(activations / sd, targets, held_out / sd, l2)


@probe_for_goal.mistake("it tells the activations that it was fitted on")
def _(activations, targets, held_out, l2):
    return probe_for_goal.reference(activations, targets, activations, l2)


@probe_for_goal.mistake("always the mean of the targets")
def _(activations, targets, held_out, l2):
    return targets.mean(0).expand(len(held_out), -1).clone()


@probe_for_goal.mistake("the activations are centered in place: the caller's are changed")
def _(activations, targets, held_out, l2):
    told = probe_for_goal.reference(activations, targets, held_out, l2)
    activations -= activations.mean(0)
    return told


@probe_for_goal.right("by a free intercept in the normal equations")
def _(activations, targets, held_out, l2):
    x = _ones(activations)
    price = l2 * torch.eye(x.shape[1], dtype=x.dtype)
    price[-1, -1] = 0
    return _ones(held_out) @ torch.linalg.solve(x.T @ x + price, x.T @ targets)


@probe_for_goal.right("by least squares with the price as extra rows, in NumPy")
def _(activations, targets, held_out, l2):
    import numpy as np

    x, y, z = (t.numpy() for t in (activations, targets, held_out))
    rows = np.vstack([x - x.mean(0), np.sqrt(l2) * np.eye(x.shape[1])])
    wanted = np.vstack([y - y.mean(0), np.zeros((x.shape[1], y.shape[1]))])
    weights = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return torch.from_numpy((z - x.mean(0)) @ weights + y.mean(0))
