"""How `surrogate_classifier` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch
import torch.nn.functional as F

from lessons.gradient_attacks.exercises import surrogate_classifier
from utils.grading import require


def sample(seed, n, d, shift=0.0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g)
    logit = x @ torch.linspace(-1.5, 2, d) + shift
    return x, torch.rand(n, generator=g) < torch.sigmoid(logit)


def unpack(got, d):
    ok = isinstance(got, tuple | list) and len(got) == 2
    require(ok, "weights and bias", got)
    weight, bias = (torch.as_tensor(part).detach().double() for part in got)
    require(weight.shape == (d,), f"weights of shape ({d},)", weight)
    require(bias.numel() == 1, "one bias", bias)
    return weight, bias.reshape(())


def steepness(x, y, weight, bias, ridge):
    """The gradient of the objective: 0 at the solution, and only there, for it is convex."""
    off = torch.sigmoid(x.double() @ weight + bias) - y.double()
    return torch.cat([x.double().T @ off / len(y) + ridge * weight, off.mean()[None]])


@surrogate_classifier.check
def one_feature_that_separates(fn):
    x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([False, True])
    weight, bias = unpack(fn(x, y, 0.1), 1)
    # by symmetry the bias is 0, and σ(−w) = ridge · w
    low, high = 0.0, 20.0
    for _ in range(60):
        mid = (low + high) / 2
        low, high = (mid, high) if 1 / (1 + np.exp(mid)) > 0.1 * mid else (low, mid)
    require(abs(weight[0].item() - low) < 5e-3, f"a weight of {low:.3f}", weight)
    require(abs(bias.item()) < 5e-3, "a bias of 0", bias)


@surrogate_classifier.check
def at_the_solution_the_objective_is_flat(fn):
    for seed, (n, d, ridge) in enumerate(((60, 2, 0.1), (200, 5, 0.01), (80, 3, 1.0))):
        x, y = sample(seed, n, d)
        weight, bias = unpack(fn(x, y, ridge), d)
        slope = steepness(x, y, weight, bias, ridge).abs().max().item()
        require(slope < 1e-3, "a gradient of 0 at the solution", slope)


@surrogate_classifier.check
def the_bias_goes_free(fn):
    x, y = sample(5, 300, 3, shift=3.0)
    weight, bias = unpack(fn(x, y, 0.5), 3)
    slope = steepness(x, y, weight, bias, 0.5).abs().max().item()
    require(slope < 1e-3, "a gradient of 0 at the solution", slope)


@surrogate_classifier.check
def the_ridge_is_001_if_none_is_given(fn):
    x, y = sample(6, 100, 3)
    weight, bias = unpack(fn(x, y), 3)
    slope = steepness(x, y, weight, bias, 0.01).abs().max().item()
    require(slope < 1e-3, "a gradient of 0 at the solution", slope)


def _fit(x, y, ridge=0.01, penalty=None, reduction="mean", bias=True, steps=300):
    x, y = x.double(), y.double()
    p = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    opt = torch.optim.LBFGS([p], max_iter=steps, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        logit = x @ p[:-1] + (p[-1] if bias else 0)
        loss = F.binary_cross_entropy_with_logits(logit, y, reduction=reduction)
        loss = loss + (penalty(p) if penalty else ridge / 2 * p[:-1].square().sum())
        loss.backward()
        return loss

    opt.step(closure)
    return p.detach()[:-1], p.detach()[-1]


@surrogate_classifier.mistake("the bias is penalized, too")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, penalty=lambda p: ridge / 2 * p.square().sum())


@surrogate_classifier.mistake("the penalty is ridge times the squares: the half is missing")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, 2 * ridge)


@surrogate_classifier.mistake("the sum of the losses, not their mean: the ridge weighs too little")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, ridge, reduction="sum")


@surrogate_classifier.mistake("the mean of the squared weights in the penalty, not their sum")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, penalty=lambda p: ridge / 2 * p[:-1].square().mean())


@surrogate_classifier.mistake("no ridge: where the data separate, weights grow without end")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, 0.0, steps=30)


@surrogate_classifier.mistake("a lasso: absolute values in place of squares")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, penalty=lambda p: ridge / 2 * p[:-1].abs().sum(), steps=50)


@surrogate_classifier.mistake("no bias")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, ridge, bias=False)


@surrogate_classifier.mistake("the labels are turned round")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, ~decisions, ridge)


@surrogate_classifier.mistake("the argument `ridge` is ignored")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, 0.01)


@surrogate_classifier.mistake("least squares on 0 and 1: that is no logistic regression")
def _(activations, decisions, ridge=0.01):
    x, y = activations.double(), decisions.double()
    mean = x.mean(0)
    cov = (x - mean).T @ (x - mean) / len(x) + ridge * torch.eye(x.shape[1]).double()
    weight = torch.linalg.solve(cov, (x - mean).T @ (y - y.mean()) / len(x))
    return weight, y.mean() - mean @ weight


@surrogate_classifier.mistake("stopped long before the minimum")
def _(activations, decisions, ridge=0.01):
    return _fit(activations, decisions, ridge, steps=1)


@surrogate_classifier.right("by scikit-learn, whose C is 1 / (n · ridge)")
def _(activations, decisions, ridge=0.01):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / (len(decisions) * ridge), tol=1e-8, max_iter=1000)
    model.fit(activations.double().numpy(), decisions.numpy())
    return torch.tensor(model.coef_[0]), torch.tensor(model.intercept_[0])


@surrogate_classifier.right("by Newton's method")
def _(activations, decisions, ridge=0.01):
    x, y = activations.double(), decisions.double()
    x1 = torch.cat([x, torch.ones(len(x), 1).double()], 1)
    keep = torch.ones(x1.shape[1]).double()
    keep[-1] = 0.0
    w = torch.zeros(x1.shape[1]).double()
    for _ in range(50):
        p = torch.sigmoid(x1 @ w)
        slope = x1.T @ (p - y) / len(y) + ridge * keep * w
        bend = (x1 * (p * (1 - p))[:, None]).T @ x1 / len(y) + torch.diag(ridge * keep)
        w = w - torch.linalg.solve(bend + 1e-9 * torch.eye(len(w)).double(), slope)
    return w[:-1].float(), w[-1].float()


@surrogate_classifier.right("by scipy, on the formula written out")
def _(activations, decisions, ridge=0.01):
    from scipy import optimize

    x, y = activations.double().numpy(), decisions.double().numpy()

    def objective(p):
        logit = x @ p[:-1] + p[-1]
        loss = np.logaddexp(0, logit) - y * logit
        slope = 1 / (1 + np.exp(-logit)) - y
        gradient = np.append(x.T @ slope / len(y) + ridge * p[:-1], slope.mean())
        return loss.mean() + ridge / 2 * (p[:-1] ** 2).sum(), gradient

    found = optimize.minimize(objective, np.zeros(x.shape[1] + 1), jac=True, tol=1e-8).x
    return torch.tensor(found[:-1]), float(found[-1])
