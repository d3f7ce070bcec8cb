"""How `linear_probe` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from lessons.refusal_direction.checks.shared import vectors
from lessons.refusal_direction.exercises import linear_probe
from utils.grading import expect, require


def _data(seed, n, d, shift=1.0):
    """Examples of two classes, whose means differ along the first coordinate."""
    y = (torch.arange(n) % 3 == 0).float()
    x = vectors(seed, n, d)
    x[:, 0] += shift * y
    return x + 0.5, y


CE = F.binary_cross_entropy_with_logits


def _price(w, l2):
    return l2 / 2 * w.square().sum()


def _norm(w):
    return (w.square().sum() + 1e-12).sqrt()


WRONG = {  # losses of z = x·w + b, by what is wrong with them
    "the bias is held near 0, too: only w is": lambda z, y, l2, w, b: (
        CE(z, y) + _price(w, l2) + l2 / 2 * b**2
    ),
    "l2 is ignored": lambda z, y, l2, w, b: CE(z, y) + 0 * w.sum(),
    "the half is missing: l2 ‖w‖² in place of l2/2 ‖w‖²": lambda z, y, l2, w, b: (
        CE(z, y) + 2 * _price(w, l2)
    ),
    "the sum over examples in place of the mean: then l2 hardly counts": lambda z, y, l2, w, b: (
        CE(z, y, reduction="sum") + _price(w, l2)
    ),
    "the mean of w's squares is priced, not their sum": lambda z, y, l2, w, b: (
        CE(z, y) + _price(w, l2) / len(w)
    ),
    "there is no bias": lambda z, y, l2, w, b: CE(z - b, y) + _price(w, l2) + b**2,
    "the classes are swapped": lambda z, y, l2, w, b: CE(z, 1 - y) + _price(w, l2),
    "σ is applied twice: binary_cross_entropy_with_logits takes logits": lambda z, y, l2, w, b: (
        CE(torch.sigmoid(z), y) + _price(w, l2)
    ),
    "a linear regression on the labels, not a logistic one": lambda z, y, l2, w, b: (
        F.mse_loss(z, y) + _price(w, l2)
    ),
    "the norm is not squared": lambda z, y, l2, w, b: CE(z, y) + l2 / 2 * _norm(w),
}


def _gradient(x, y, l2, w, b):
    """The gradient of the loss with respect to w and b, written out, in float64."""
    x, y, w = x.double(), y.double(), w.detach().double()
    off = (torch.sigmoid(x @ w + b.detach().double()) - y) / len(x)
    return torch.cat([off @ x + l2 * w, off.sum()[None]])


def _least(x, y, l2, w, b):
    """Of which loss w and b are the minimum, in words: whichever optimizer found it."""
    x, y = x.double(), y.double()
    w, b = (p.detach().double().requires_grad_() for p in (w, b))
    for name, loss in WRONG.items():
        slopes = torch.autograd.grad(loss(x @ w + b, y, l2, w, b), [w, b])
        if max(g.abs().max().item() for g in slopes) < 3e-3:
            return f"the minimum of another loss ({name.split(':')[0]})"
    return "no minimum: some gradient is left"


def _pair(got, d):
    require(isinstance(got, tuple | list) and len(got) == 2, "a pair (w, b)", got)
    w, b = got
    require(torch.is_tensor(w) and w.shape == (d,), f"w of shape ({d},)", w)
    require(torch.is_tensor(b) and b.shape == (), "b of shape ()", b)
    for value in (w, b):
        if value.dtype != torch.float32:  # x's
            expect(value, value.detach().float())
    require(bool(w.isfinite().all() and b.isfinite()), "finite numbers", (w, b))
    return w, b


def _fitted(fn, x, y, l2):
    """The answer's w and b, at which the gradient is below 0.001."""
    w, b = _pair(fn(x, y, l2), x.shape[1])
    largest = _gradient(x, y, l2, w, b).abs().max().item()
    wanted = "a gradient of the loss below 0.001 in every coordinate"
    require(largest < 1.1e-3, wanted, _least(x, y, l2, w, b) if largest >= 1.1e-3 else None)
    return w, b


@linear_probe.check
def two_points_by_hand(fn):
    # At x = ±1 the best w solves l2 · w = 1 − σ(w): w = 1 for this l2. The bias is 0.
    x, y = torch.tensor([[1.0], [-1.0]]), torch.tensor([1.0, 0.0])
    w, b = _fitted(fn, x, y, 1 - 1 / (1 + math.exp(-1.0)))
    expect(w, torch.ones(1), tol=5e-3)
    expect(b, torch.zeros(()), tol=5e-3)


@linear_probe.check
def the_gradient_is_zero(fn):
    for seed, n, d, l2 in ((0, 12, 2, 0.1), (1, 30, 4, 1.0), (2, 60, 3, 0.01)):
        _fitted(fn, *_data(seed, n, d), l2)


@linear_probe.check
def the_bias_is_free(fn):
    # With a large l2 little but the bias is left: the log-odds of the class.
    w, b = _fitted(fn, *_data(4, 12, 2), 100.0)
    expect(w, torch.zeros(2), tol=1e-2)
    expect(b, torch.tensor(math.log(4 / 8)), tol=1e-2)


@linear_probe.check
def a_large_l2_finds_the_difference_of_means(fn):
    x, y = vectors(5, 40, 3), (torch.arange(40) < 20).float()
    w, _ = _fitted(fn, x, y, 10.0)
    cosine = F.cosine_similarity(w, x[:20].mean(0) - x[20:].mean(0), 0).item()
    require(cosine > 0.98, "a direction close to the difference of means", cosine)


@linear_probe.check
def labels_may_be_bool(fn):
    x, y = _data(6, 24, 2)
    _fitted(fn, x, y.bool(), 0.1)


def _fit(x, y, l2, loss):
    """The minimum of a loss."""
    data, labels = x.detach().double(), y.double()
    w = torch.zeros(data.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    lbfgs = torch.optim.LBFGS(
        [w, b], max_iter=300, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure():
        lbfgs.zero_grad()
        value = loss(data @ w + b, labels, l2, w, b)
        value.backward()
        return value

    lbfgs.step(closure)
    return w.detach().to(x.dtype), b.detach().to(x.dtype)


for _name, _loss in WRONG.items():
    linear_probe.mistake(_name)(lambda x, y, l2, loss=_loss: _fit(x, y, l2, loss))


@linear_probe.mistake("stopped too early: far from the minimum")
def _(x, y, l2):
    w = torch.zeros(x.shape[1], requires_grad=True)
    b = torch.zeros((), requires_grad=True)
    for _ in range(20):
        loss = CE(x @ w + b, y.to(x.dtype)) + _price(w, l2)
        grads = torch.autograd.grad(loss, [w, b])
        w, b = ((p - 0.01 * g).detach().requires_grad_() for p, g in zip((w, b), grads))  # noqa: B905
    return w.detach(), b.detach()


@linear_probe.mistake("δ / (4 l2): that is the limit of a large l2 only")
def _(x, y, l2):
    one = y > 0.5
    return (x[one].mean(0) - x[~one].mean(0)) / (4 * l2), torch.zeros(())


@linear_probe.right("by scikit-learn, whose C is 1 / (n · l2)")
def _(x, y, l2):
    fit = LogisticRegression(C=1 / (len(x) * l2), max_iter=5000, tol=1e-8)
    fit.fit(x.double().numpy(), y.numpy() > 0.5)
    return torch.tensor(fit.coef_[0], dtype=x.dtype), torch.tensor(fit.intercept_[0], dtype=x.dtype)


@linear_probe.right("by Newton's method")
def _(x, y, l2):
    ones = torch.ones(len(x), 1, dtype=torch.float64)
    data, labels = torch.cat([x.double(), ones], 1), y.double()
    held = torch.full((data.shape[1],), float(l2), dtype=torch.float64)
    held[-1] = 0
    v = torch.zeros(data.shape[1], dtype=torch.float64)

    def loss(v):
        fit = F.binary_cross_entropy_with_logits(data @ v, labels)
        return fit + (held * v * v).sum() / 2

    for _ in range(100):
        p = torch.sigmoid(data @ v)
        gradient = data.T @ (p - labels) / len(x) + held * v
        hessian = (data * (p * (1 - p))[:, None]).T @ data / len(x) + held.diag()
        step = torch.linalg.solve(hessian + 1e-10 * torch.eye(len(v), dtype=v.dtype), gradient)
        size = 1.0
        while loss(v - size * step) > loss(v) and size > 1e-6:
            size /= 2
        v = v - size * step
    return v[:-1].to(x.dtype), v[-1].to(x.dtype)
