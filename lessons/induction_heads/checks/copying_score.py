"""How `copying_score` is judged: checks, mistakes, right answers."""

import numpy as np
import torch

from lessons.induction_heads.checks.shared import randn
from lessons.induction_heads.exercises import copying_score
from utils.grading import expect, require


def _circuit_score(fn, circuit):
    """The score of a head whose circuit is this square matrix."""
    n = len(circuit)
    return fn(torch.eye(n), circuit, torch.eye(n), torch.eye(n))


@copying_score.check
def a_head_that_copies_scores_one_and_one_that_suppresses_minus_one(fn):
    for n in (1, 4):
        expect(_circuit_score(fn, torch.eye(n)), torch.tensor(1.0), tol=1e-4)
        expect(_circuit_score(fn, -3 * torch.eye(n)), torch.tensor(-1.0), tol=1e-4)


@copying_score.check
def eigenvalues_are_added_with_their_signs(fn):
    circuit = torch.diag(torch.tensor([3.0, -1.0]))
    expect(_circuit_score(fn, circuit), torch.tensor(0.5), tol=1e-4, circuit=circuit)


@copying_score.check
def what_turns_tokens_into_one_another_scores_nothing(fn):
    for n in (2, 3, 5):
        circuit = torch.eye(n).roll(1, dims=1)  # each token raises its neighbor
        expect(_circuit_score(fn, circuit), torch.tensor(0.0), tol=1e-4, circuit=circuit)


@copying_score.check
def complex_eigenvalues_count_with_their_modulus(fn):
    circuit = torch.tensor([[3.0, -4.0], [4.0, 3.0]])  # 3 ± 4i, of modulus 5
    expect(_circuit_score(fn, circuit), torch.tensor(0.6), tol=1e-4, circuit=circuit)


@copying_score.check
def what_is_above_the_diagonal_does_not_matter(fn):
    circuit = torch.tensor([[1.0, 50.0], [0.0, -2.0]])  # eigenvalues, not singular values
    expect(_circuit_score(fn, circuit), torch.tensor(-1 / 3), tol=1e-3, circuit=circuit)


@copying_score.check
def it_is_numpys_eigenvalues_of_the_whole_circuit(fn):
    for seed, (vocabulary, d_model, d_head) in enumerate(((6, 4, 2), (9, 12, 3), (3, 8, 8))):
        shapes = (
            (vocabulary, d_model), (d_model, d_head), (d_head, d_model), (d_model, vocabulary),
        )  # fmt: skip
        parts = [randn(*shape, seed=20 * seed + i) for i, shape in enumerate(shapes)]
        whole = np.linalg.multi_dot([p.double().numpy() for p in parts])
        values = np.linalg.eigvals(whole)
        expected = torch.tensor(float(values.real.sum() / np.abs(values).sum()))
        expect(fn(*parts), expected, tol=1e-3)


@copying_score.check
def heads_side_by_side_are_scored_each(fn):
    W_E, W_U = randn(7, 5), randn(5, 7, seed=1)
    W_V, W_O = randn(2, 3, 5, 2, seed=2), randn(2, 3, 2, 5, seed=3)
    each = [[fn(W_E, W_V[i, j], W_O[i, j], W_U) for j in range(3)] for i in range(2)]
    require(all(torch.is_tensor(x) and x.shape == () for r in each for x in r), "scalars", each)
    expected = torch.stack([torch.stack(row) for row in each])
    got = fn(W_E, W_V, W_O, W_U)
    expect(got, expected, tol=1e-3, W_E=W_E, W_V=W_V, W_O=W_O, W_U=W_U)


def _eigenvalues(W_E, W_V, W_O, W_U):
    return torch.linalg.eigvals(W_O @ (W_U @ W_E) @ W_V)


@copying_score.mistake("singular values instead of eigenvalues: they have no sign")
def _(W_E, W_V, W_O, W_U):
    values = torch.linalg.svdvals(W_E @ W_V @ W_O @ W_U)
    return values.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("divided by the sum of singular values: the eigenvalues' moduli are meant")
def _(W_E, W_V, W_O, W_U):
    size = torch.linalg.svdvals(W_E @ W_V @ W_O @ W_U).sum(-1)
    return _eigenvalues(W_E, W_V, W_O, W_U).real.sum(-1) / size


@copying_score.mistake("eigvalsh, which is for symmetric matrices and reads one half of this one")
def _(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvalsh(W_E @ W_V @ W_O @ W_U)
    return values.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("eigvalsh of the small product, which is not symmetric either")
def _(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvalsh(W_O @ (W_U @ W_E) @ W_V)
    return values.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("divided by the absolute real parts, where the modulus is meant")
def _(W_E, W_V, W_O, W_U):
    values = _eigenvalues(W_E, W_V, W_O, W_U).real
    return values.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("the share of positive eigenvalues: their size does not count")
def _(W_E, W_V, W_O, W_U):
    return (_eigenvalues(W_E, W_V, W_O, W_U).real > 0).float().mean(-1)


@copying_score.mistake("not normalized: the sum of the eigenvalues alone")
def _(W_E, W_V, W_O, W_U):
    return _eigenvalues(W_E, W_V, W_O, W_U).real.sum(-1)


@copying_score.mistake("embedding and unembedding are left out: W_V W_O alone knows no tokens")
def _(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals(W_O @ W_V)
    return values.real.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("the diagonal against all entries: no eigenvalues at all")
def _(W_E, W_V, W_O, W_U):
    circuit = W_E @ W_V @ W_O @ W_U
    return circuit.diagonal(dim1=-2, dim2=-1).sum(-1) / circuit.abs().sum((-2, -1))


@copying_score.right("by the whole circuit, vocabulary by vocabulary")
def _(W_E, W_V, W_O, W_U):
    eigenvalues = torch.linalg.eigvals(W_E @ W_V @ W_O @ W_U)
    return eigenvalues.sum(-1).real / eigenvalues.abs().sum(-1)


@copying_score.right("by the trace, which is the sum of all eigenvalues")
def _(W_E, W_V, W_O, W_U):
    circuit = W_E @ W_V @ W_O @ W_U
    trace = circuit.diagonal(dim1=-2, dim2=-1).sum(-1)
    return trace / torch.linalg.eigvals(circuit).abs().sum(-1)
