"""How `composition_score` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.induction_heads.checks.shared import randn
from lessons.induction_heads.exercises import composition_score
from utils.grading import expect, require


@composition_score.check
def single_numbers_compose_fully(fn):
    expect(fn(torch.tensor([[2.0]]), torch.tensor([[-3.0]])), torch.tensor(1.0))


@composition_score.check
def what_is_written_beside_what_is_read_scores_nothing(fn):
    W_a, W_b = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    expect(fn(W_a, W_b), torch.tensor(0.0), W_a=W_a, W_b=W_b)
    expect(fn(W_b, W_a), torch.tensor(1.0), W_a=W_b, W_b=W_a)


@composition_score.check
def identities_score_one_over_the_root_of_their_size(fn):
    for n in (2, 4, 9):
        expect(fn(torch.eye(n), torch.eye(n)), torch.tensor(n**-0.5), W_a=torch.eye(n))


@composition_score.check
def size_and_sign_do_not_matter(fn):
    W_a, W_b = randn(3, 4), randn(4, 2, seed=1)
    expect(fn(1000 * W_a, -0.01 * W_b), fn(W_a, W_b), W_a=W_a, W_b=W_b)


@composition_score.check
def it_is_the_sum_over_all_entries(fn):
    for seed, (n, m, p) in enumerate(((2, 2, 2), (3, 3, 3), (2, 5, 3), (4, 1, 4))):
        W_a, W_b = randn(n, m, seed=seed), randn(m, p, seed=50 + seed)
        a, b = W_a.double().tolist(), W_b.double().tolist()
        product = sum(
            sum(a[i][k] * b[k][j] for k in range(m)) ** 2 for i in range(n) for j in range(p)
        )
        sizes = sum(x * x for row in a for x in row) * sum(x * x for row in b for x in row)
        expect(fn(W_a, W_b), torch.tensor(math.sqrt(product / sizes)), W_a=W_a, W_b=W_b)


@composition_score.check
def heads_side_by_side_are_scored_pair_by_pair(fn):
    W_a, W_b = randn(3, 1, 4, 4), randn(1, 2, 4, 4, seed=1)
    each = [[fn(W_a[i, 0], W_b[0, j]) for j in range(2)] for i in range(3)]
    require(all(torch.is_tensor(x) and x.shape == () for r in each for x in r), "scalars", each)
    expect(fn(W_a, W_b), torch.stack([torch.stack(row) for row in each]), W_a=W_a, W_b=W_b)


def _norm(W):
    return torch.linalg.matrix_norm(W)


@composition_score.mistake("the order is reversed: W_b W_a reads before it writes")
def _(W_a, W_b):
    return _norm(W_b @ W_a) / (_norm(W_a) * _norm(W_b))


@composition_score.mistake("W_b is transposed: what it writes takes the place of what it reads")
def _(W_a, W_b):
    return _norm(W_a @ W_b.mT) / (_norm(W_a) * _norm(W_b))


@composition_score.mistake("not normalized: large weights look like composition")
def _(W_a, W_b):
    return _norm(W_a @ W_b)


@composition_score.mistake("the spectral norm instead of Frobenius's")
def _(W_a, W_b):
    size = torch.linalg.matrix_norm
    return size(W_a @ W_b, 2) / (size(W_a, 2) * size(W_b, 2))


@composition_score.mistake("squared norms: the root is missing")
def _(W_a, W_b):
    return (_norm(W_a @ W_b) / (_norm(W_a) * _norm(W_b))) ** 2


@composition_score.mistake("one norm over all heads together instead of one for each")
def _(W_a, W_b):
    return (W_a @ W_b).norm() / (W_a.norm() * W_b.norm())


@composition_score.right("by sums of squares")
def _(W_a, W_b):
    squares = [(W**2).sum((-2, -1)) for W in (W_a @ W_b, W_a, W_b)]
    return (squares[0] / (squares[1] * squares[2])).sqrt()


@composition_score.right("by norming both first")
def _(W_a, W_b):
    a, b = (W / W.norm(dim=(-2, -1), keepdim=True) for W in (W_a, W_b))
    return torch.einsum("...nm,...mp->...np", a, b).norm(dim=(-2, -1))
