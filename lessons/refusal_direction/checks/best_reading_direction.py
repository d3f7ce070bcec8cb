"""How `best_reading_direction` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.refusal_direction.checks.shared import vectors
from lessons.refusal_direction.drills import best_reading_direction
from utils.grading import expect, require


def _case(seed, d):
    root = vectors(seed, d, d, dtype=torch.float64)
    covariance = root @ root.T + 0.1 * torch.eye(d, dtype=torch.float64)
    return vectors(seed + 50, d, dtype=torch.float64), covariance


@best_reading_direction.check
def equal_variance_in_all_directions(fn):
    delta = torch.tensor([3.0, 4.0], dtype=torch.float64)
    for scale in (1.0, 7.0):
        covariance = scale * torch.eye(2, dtype=torch.float64)
        expect(fn(delta, covariance), torch.tensor([0.6, 0.8], dtype=torch.float64))


@best_reading_direction.check
def a_noisy_coordinate_counts_for_less(fn):
    delta = torch.tensor([1.0, 1.0], dtype=torch.float64)
    covariance = torch.diag(torch.tensor([1.0, 4.0], dtype=torch.float64))
    wanted = torch.tensor([4.0, 1.0], dtype=torch.float64) / 17**0.5
    expect(fn(delta, covariance), wanted)


@best_reading_direction.check
def no_other_direction_is_better(fn):
    for seed, d in ((0, 2), (1, 3), (2, 6)):
        delta, covariance = _case(seed, d)
        w = fn(delta, covariance)
        require(torch.is_tensor(w) and w.shape == (d,), f"shape ({d},)", w)
        others = vectors(9, 3000, d, dtype=torch.float64)

        def ratio(v, delta=delta, covariance=covariance):
            return (v @ delta) ** 2 / ((v @ covariance) * v).sum(-1)

        require(bool(ratio(w) >= ratio(others).max() - 1e-9), ratio(others).max(), ratio(w))
        require(bool(w @ delta > 0), "the first class higher", w @ delta)
        expect(w.norm(), torch.ones((), dtype=torch.float64))


@best_reading_direction.mistake("the difference of means itself: it ignores the covariance")
def _(delta, covariance):
    return delta / delta.norm()


@best_reading_direction.mistake("multiplied by the covariance in place of its inverse")
def _(delta, covariance):
    w = covariance @ delta
    return w / w.norm()


@best_reading_direction.mistake("divided by variances alone: correlations are left out")
def _(delta, covariance):
    w = delta / covariance.diag()
    return w / w.norm()


@best_reading_direction.mistake("the root of the inverse: that whitens, and the probe has it twice")
def _(delta, covariance):
    values, vectors_ = torch.linalg.eigh(covariance)
    w = vectors_ @ ((vectors_.T @ delta) / values.sqrt())
    return w / w.norm()


@best_reading_direction.mistake("the sign is turned: the first class lies lower")
def _(delta, covariance):
    w = -torch.linalg.solve(covariance, delta)
    return w / w.norm()


@best_reading_direction.mistake("not of length 1")
def _(delta, covariance):
    return torch.linalg.solve(covariance, delta)


@best_reading_direction.mistake("half of it: L⁻¹δ, with Σ = L Lᵀ, is not yet Σ⁻¹δ")
def _(delta, covariance):
    root = torch.linalg.cholesky(covariance)
    w = torch.linalg.solve_triangular(root, delta[:, None], upper=False)[:, 0]
    return w / w.norm()


@best_reading_direction.mistake("the inverse is applied twice")
def _(delta, covariance):
    w = torch.linalg.solve(covariance @ covariance, delta)
    return w / w.norm()


@best_reading_direction.mistake("where the variance is least, whatever delta is")
def _(delta, covariance):
    w = torch.linalg.eigh(covariance).eigenvectors[:, 0]
    return w * torch.sign(w @ delta)


@best_reading_direction.mistake("a ridge is added to the covariance: none was asked for")
def _(delta, covariance):
    w = torch.linalg.solve(covariance + 0.1 * torch.eye(len(delta), dtype=delta.dtype), delta)
    return w / w.norm()


@best_reading_direction.mistake("of length 1 as the covariance measures it: wᵀΣw = 1")
def _(delta, covariance):
    w = torch.linalg.solve(covariance, delta)
    return w / (w @ covariance @ w).sqrt()


@best_reading_direction.right("by the inverse")
def _(delta, covariance):
    w = torch.linalg.inv(covariance) @ delta
    return w / w.norm()


@best_reading_direction.right("by whitening twice")
def _(delta, covariance):
    values, vectors_ = torch.linalg.eigh(covariance)
    whiten = vectors_ @ torch.diag(values.rsqrt()) @ vectors_.T
    return torch.nn.functional.normalize(whiten @ (whiten @ delta), dim=0)
