"""How `causal_attention` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.induction_heads.checks.shared import not_before, randn
from lessons.induction_heads.exercises import causal_attention
from utils.grading import expect, require


def _attend(fn, q, k, v):
    """Call an answer, and see that two tensors of the right shapes come back."""
    out = fn(q, k, v)
    pair = isinstance(out, tuple | list) and len(out) == 2 and all(map(torch.is_tensor, out))
    require(pair, "two tensors, z and pattern", out)
    z, pattern = out
    shape = (*q.shape[:-1], q.shape[-2])
    require(pattern.shape == shape, f"pattern of shape {shape}", tuple(pattern.shape))
    require(z.shape == v.shape, f"z of shape {tuple(v.shape)}", tuple(z.shape))
    require(z.dtype == q.dtype, q.dtype, z.dtype)
    return z, pattern


def _attention_in_loops(q, k, v):
    """The definition in plain Python, for one head: z and pattern."""
    q, k, v = q.tolist(), k.tolist(), v.tolist()
    n, d = len(q), len(q[0])
    z, pattern = [], []
    for i in range(n):
        scores = [sum(a * b for a, b in zip(q[i], k[j], strict=True)) for j in range(i + 1)]
        top = max(scores)
        weights = [math.exp((s - top) / math.sqrt(d)) for s in scores]
        row = [w / sum(weights) for w in weights] + [0.0] * (n - 1 - i)
        pattern.append(row)
        z.append([sum(row[j] * v[j][c] for j in range(n)) for c in range(d)])
    return torch.tensor(z), torch.tensor(pattern)


@causal_attention.check
def a_lone_position_fetches_itself(fn):
    z, pattern = _attend(fn, *(torch.tensor([[x, 1.0]]) for x in (2.0, -1.0, 5.0)))
    expect(pattern, torch.ones(1, 1))
    expect(z, torch.tensor([[5.0, 1.0]]))


@causal_attention.check
def two_positions_by_hand(fn):
    # d_head 4: scores of the second query are 2 ln 3 / √4 = ln 3 and 0, so weights 3/4 and 1/4.
    q = torch.tensor([[0.0] * 4, [2 * math.log(3), 0, 0, 0]])
    k = torch.tensor([[1.0, 0, 0, 0], [0.0, 1, 0, 0]])
    v = torch.tensor([[4.0, 0, 0, 0], [0.0, 8, 0, 0]])
    z, pattern = _attend(fn, q, k, v)
    expect(pattern, torch.tensor([[1.0, 0.0], [0.75, 0.25]]))
    expect(z, torch.tensor([[4.0, 0, 0, 0], [3.0, 2, 0, 0]]))


@causal_attention.check
def equal_scores_share_equally_among_past_and_present(fn):
    v = randn(4, 3)
    z, pattern = _attend(fn, torch.zeros(4, 3), randn(4, 3, seed=1), v)
    counts = torch.arange(1.0, 5)[:, None]
    expect(pattern, torch.ones(4, 4).tril() / counts)
    expect(z, v.cumsum(0) / counts)


@causal_attention.check
def it_is_the_definition_written_out_for_any_leading_dimensions(fn):
    for seed, lead in enumerate(((), (3,), (2, 4), (1, 1))):
        for n, d in ((5, 3), (3, 5), (4, 4)):
            q, k, v = (2 * randn(*lead, n, d, seed=10 * seed + i) for i in range(3))
            flat = [x.reshape(-1, n, d) for x in (q, k, v)]
            each = [_attention_in_loops(*rows) for rows in zip(*flat, strict=True)]
            z, pattern = _attend(fn, q, k, v)
            expect(z, torch.stack([a for a, _ in each]).reshape(z.shape), q=q, k=k, v=v)
            expect(pattern, torch.stack([b for _, b in each]).reshape(pattern.shape), q=q, k=k, v=v)


@causal_attention.check
def the_future_has_no_influence_at_all(fn):
    q, k, v = (randn(5, 2, seed=s) for s in range(3))
    before, _ = _attend(fn, q, k, v)
    for changed in (1e4, -1e4):
        k2, v2 = k.clone(), v.clone()
        k2[3:], v2[3:] = changed, changed
        after, _ = _attend(fn, q, k2, v2)
        expect(after[:3], before[:3], q=q, k=k2, v=v2)


@causal_attention.check
def huge_scores_stay_finite(fn):
    q = torch.tensor([[0.0], [1000.0], [-1000.0]])
    k = torch.tensor([[1.0], [-1.0], [0.0]])
    v = torch.tensor([[1.0], [2.0], [3.0]])
    z, pattern = _attend(fn, q, k, v)
    expect(pattern, torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0.0, 1, 0]]))
    expect(z, torch.tensor([[1.0], [1.0], [2.0]]))
    q, k = torch.full((2, 1), 1000.0), torch.tensor([[-1000.0], [1000.0]])
    z, pattern = _attend(fn, q, k, v[:2])  # a visible score of −10⁶ still beats the future
    expect(pattern, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))


@causal_attention.check
def gradients_are_those_of_the_definition(fn):
    q, k, v = (randn(4, 3, seed=s, dtype=torch.float64).requires_grad_() for s in range(3))
    z, pattern = _attend(fn, q, k, v)
    require(z.requires_grad and pattern.requires_grad, "gradients reach q, k and v", "they do not")
    weight = randn(4, 3, seed=3, dtype=torch.float64)
    slopes = torch.autograd.grad((z * weight).sum(), (q, k, v), allow_unused=True)
    for i, slope in enumerate(slopes):
        require(slope is not None, f"a gradient for {'qkv'[i]}", None)
        expected = torch.zeros_like(slope)
        for place in np.ndindex(4, 3):
            up, down = ([x.detach().clone() for x in (q, k, v)] for _ in range(2))
            up[i][place] += 1e-4
            down[i][place] -= 1e-4
            rise = _attention_in_loops(*up)[0].double() - _attention_in_loops(*down)[0].double()
            expected[place] = (rise * weight).sum() / 2e-4
        expect(slope, expected, tol=2e-2, q=q, k=k, v=v, gradient_of="qkv"[i])


def _scores(q, k):
    return q @ k.mT / q.shape[-1] ** 0.5


def _finish(scores, v, diagonal=1):
    pattern = scores.masked_fill(not_before(scores.shape[-1], diagonal), -torch.inf).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("no mask: a query sees the future")
def _(q, k, v):
    pattern = _scores(q, k).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("the mask is off by one: the next token can be seen")
def _(q, k, v):
    return _finish(_scores(q, k), v, diagonal=2)


@causal_attention.mistake("the mask is off by one: a query does not see its own position")
def _(q, k, v):
    return _finish(_scores(q, k), v, diagonal=0)


@causal_attention.mistake("the mask is transposed: only the present and the future can be seen")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(not_before(q.shape[-2]).mT, -torch.inf).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("the softmax runs over the queries instead of the keys")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(not_before(q.shape[-2]), -torch.inf).softmax(-2)
    return pattern @ v, pattern


@causal_attention.mistake("no division by √d_head")
def _(q, k, v):
    return _finish(q @ k.mT, v)


@causal_attention.mistake("divided by d_head instead of its root")
def _(q, k, v):
    return _finish(q @ k.mT / q.shape[-1], v)


@causal_attention.mistake("divided by the root of the length instead of d_head")
def _(q, k, v):
    return _finish(q @ k.mT / q.shape[-2] ** 0.5, v)


@causal_attention.mistake("queries and keys are swapped: the scores are transposed")
def _(q, k, v):
    return _finish(_scores(k, q), v)


@causal_attention.mistake("future scores set to 0, which is a score like any other, not to −∞")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(not_before(q.shape[-2]), 0.0).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("the minus is missing: future scores are +∞, which makes NaN of a row")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(not_before(q.shape[-2]), torch.inf).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("masked after the softmax: the rows no longer sum to 1")
def _(q, k, v):
    pattern = _scores(q, k).softmax(-1).masked_fill(not_before(q.shape[-2]), 0.0)
    return pattern @ v, pattern


@causal_attention.right("by torch's own attention, and once more on unit values")
def _(q, k, v):
    attend = torch.nn.functional.scaled_dot_product_attention
    unit = torch.eye(k.shape[-2], dtype=v.dtype).expand(*k.shape[:-1], -1)
    return attend(q, k, v, is_causal=True), attend(q, k, unit, is_causal=True)


@causal_attention.right("by tril, a mask that is added, and exponentials of one's own")
def _(q, k, v):
    n = q.shape[-2]
    scores = torch.einsum("...qd,...kd->...qk", q, k) / math.sqrt(q.shape[-1])
    seen = torch.ones(n, n, dtype=torch.bool).tril()
    scores = torch.where(seen, scores, torch.tensor(-math.inf, dtype=scores.dtype))
    weight = (scores - scores.amax(-1, keepdim=True)).exp()
    pattern = weight / weight.sum(-1, keepdim=True)
    return torch.einsum("...qk,...kd->...qd", pattern, v), pattern
