"""What several checks of this lesson share: small inputs and truths by hand."""

import itertools

import torch

from utils.grading import expect, require


def recovers(fn, law, pairs):
    """Points exactly on the law give its coefficients back, whatever they are."""
    d = torch.tensor([0.2, 0.5, 1.0, 1.5, 2.5, 4.0], dtype=torch.float64)
    for a, b in pairs:
        truth = torch.tensor([a, b], dtype=torch.float64)
        expect(fn(d, law(d, a, b)), truth, tol=1e-4)
        expect(fn(d[3:], law(d[3:], a, b)), truth, tol=1e-4)


def cannot_be_beaten(fn, law):
    """No coefficients nearby have a smaller sum of squares on noisy points."""
    g = torch.Generator().manual_seed(3)
    d = torch.linspace(0.3, 4, 30, dtype=torch.float64)
    reward = law(d, 1.0, 0.3) + 0.4 * torch.randn(30, generator=g, dtype=torch.float64)

    def cost(a, b):
        return ((law(d, a, b) - reward) ** 2).sum().item()

    found = fn(d, reward)
    shape = tuple(found.shape) if torch.is_tensor(found) else found
    require(shape == (2,), "a tensor of shape (2,)", shape)
    alpha, beta = found.tolist()
    for da, db in itertools.product((-1e-3, 0, 1e-3), repeat=2):
        better = cost(alpha + da, beta + db)
        least = f"the least squares: at most {better:.5f}"
        require(cost(alpha, beta) <= better + 1e-8, least, cost(alpha, beta))


def zero_changes_nothing(fn, law):
    """A point at d = 0 says nothing about α or β, and must not break the fit."""
    d = torch.tensor([0.0, 0.5, 1.0, 2.0])
    got = fn(d, law(d, 1.2, 0.4).nan_to_num())
    expect(got, torch.tensor([1.2, 0.4]), tol=1e-4)
    noisy = torch.tensor([0.0, 0.7, 0.6, 1.4])
    expect(fn(d, noisy), fn(d[1:], noisy[1:]), tol=1e-4)
