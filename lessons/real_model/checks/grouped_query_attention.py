"""How `grouped_query_attention` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
from torch.nn import functional as F

from lessons.real_model.checks.shared import numbers
from lessons.real_model.exercises import grouped_query_attention
from utils.grading import expect, require


def _inputs(seed, batch, heads, groups, n, d, dtype=torch.float32):
    q = numbers(seed, batch, heads, n, d, dtype=dtype)
    k, v = (numbers(seed + i, batch, groups, n, d, dtype=dtype) for i in (50, 90))
    return q, k, v


def _by_hand(q, k, v):
    """Number by number."""
    batch, heads, n, d = q.shape
    z, pattern = torch.zeros(batch, heads, n, d), torch.zeros(batch, heads, n, n)
    for b in range(batch):
        for h in range(heads):
            g = h // (heads // k.shape[1])
            for i in range(n):
                scores = [
                    sum(
                        x * y for x, y in zip(q[b, h, i].tolist(), k[b, g, j].tolist(), strict=True)
                    )
                    / math.sqrt(d)
                    for j in range(i + 1)
                ]
                top = max(scores)
                weights = [math.exp(s - top) for s in scores]
                for j, w in enumerate(weights):
                    pattern[b, h, i, j] = w / sum(weights)
                z[b, h, i] = pattern[b, h, i] @ v[b, g].float()
    return z.to(q.dtype), pattern.to(q.dtype)


def _pair(got):
    require(isinstance(got, tuple | list) and len(got) == 2, "two tensors", got)
    return got


@grouped_query_attention.check
def a_first_position_reads_itself(fn):
    q, k, v = _inputs(0, 1, 2, 1, 1, 4)
    z, pattern = _pair(fn(q, k, v))
    expect(pattern, torch.ones(1, 2, 1, 1))
    expect(z, v.expand(1, 2, 1, 4).contiguous())


@grouped_query_attention.check
def number_by_number(fn):
    for seed, shape in ((1, (1, 2, 1, 3, 4)), (2, (1, 6, 2, 4, 3)), (3, (2, 6, 3, 5, 2)),
                        (4, (2, 3, 3, 4, 5))):  # fmt: skip
        z, pattern = _pair(fn(*(x := _inputs(seed, *shape))))
        wanted_z, wanted_pattern = _by_hand(*x)
        expect(pattern, wanted_pattern)
        expect(z, wanted_z)


@grouped_query_attention.check
def as_torch_does_it(fn):
    q, k, v = _inputs(5, 2, 9, 3, 7, 8, torch.float64)
    wanted = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    expect(_pair(fn(q, k, v))[0], wanted)


@grouped_query_attention.check
def rows_sum_to_one_and_none_sees_the_future(fn):
    _, pattern = _pair(fn(*_inputs(6, 1, 4, 2, 5, 3)))
    require(torch.is_tensor(pattern) and pattern.shape == (1, 4, 5, 5), "(1, 4, 5, 5)", pattern)
    expect(pattern.sum(-1), torch.ones(1, 4, 5))
    expect(pattern.triu(1), torch.zeros(1, 4, 5, 5))


@grouped_query_attention.check
def large_scores_are_no_trouble(fn):
    q, k, v = _inputs(7, 1, 2, 1, 3, 2)
    z, _ = _pair(fn(1e3 * q, 1e3 * k, v))
    expect(z, _by_hand(1e3 * q, 1e3 * k, v)[0], tol=1e-3)


@grouped_query_attention.check
def the_inputs_are_left_as_they_are(fn):
    inputs = _inputs(8, 1, 4, 2, 3, 2)
    before = [x.clone() for x in inputs]
    fn(*inputs)
    for x, was in zip(inputs, before, strict=True):
        expect(x, was)


def _attend(q, k, v, scale=None, shift=1, dim=-1):
    n = q.shape[-2]
    future = torch.full((n, n), -torch.inf, dtype=q.dtype).triu(shift)
    scores = q @ k.mT / (q.shape[-1] ** 0.5 if scale is None else scale)
    pattern = (scores + future).softmax(dim)
    return pattern @ v, pattern


def _share(q, *tensors):
    return tuple(t.repeat_interleave(q.shape[1] // t.shape[1], 1) for t in tensors)


@grouped_query_attention.mistake("groups in turn (repeat): neighboring heads are to share one")
def _(q, k, v):
    share = q.shape[1] // k.shape[1]
    return _attend(q, k.repeat(1, share, 1, 1), v.repeat(1, share, 1, 1))


@grouped_query_attention.mistake("every head reads the first group")
def _(q, k, v):
    return _attend(q, k[:, :1], v[:, :1])


@grouped_query_attention.mistake("every head reads the mean of all groups")
def _(q, k, v):
    return _attend(q, k.mean(1, keepdim=True), v.mean(1, keepdim=True))


@grouped_query_attention.mistake("the keys are shared rightly, the values in turn")
def _(q, k, v):
    (k,) = _share(q, k)
    return _attend(q, k, v.repeat(1, q.shape[1] // v.shape[1], 1, 1))


@grouped_query_attention.mistake("no mask: queries see the future")
def _(q, k, v):
    return _attend(q, *_share(q, k, v), shift=q.shape[-2])


@grouped_query_attention.mistake(
    "the mask hides a query's own position as well",
)
def _(q, k, v):
    k, v = _share(q, k, v)
    n = q.shape[-2]
    future = torch.full((n, n), -1e30, dtype=q.dtype).triu(0)
    future[0, 0] = 0
    pattern = (q @ k.mT / q.shape[-1] ** 0.5 + future).softmax(-1)
    return pattern @ v, pattern


@grouped_query_attention.mistake(
    "the mask hides a query's own position, so the first has nothing to see, and nan comes out"
)
def _(q, k, v):
    return _attend(q, *_share(q, k, v), shift=0)


@grouped_query_attention.mistake("the mask hides a query's own position, and the first sees all")
def _(q, k, v):
    k, v = _share(q, k, v)
    hidden = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(0)
    pattern = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(hidden, -1e30).softmax(-1)
    return pattern @ v, pattern


@grouped_query_attention.mistake("the mask is turned: queries see what comes, not what came")
def _(q, k, v):
    k, v = _share(q, k, v)
    past = torch.full((q.shape[-2],) * 2, -torch.inf, dtype=q.dtype).tril(-1)
    pattern = (q @ k.mT / q.shape[-1] ** 0.5 + past).softmax(-1)
    return pattern @ v, pattern


@grouped_query_attention.mistake("masked scores are 0, not −∞: e^0 is 1, and the future is seen")
def _(q, k, v):
    k, v = _share(q, k, v)
    pattern = (q @ k.mT / q.shape[-1] ** 0.5).tril().softmax(-1)
    return pattern @ v, pattern


@grouped_query_attention.mistake("head h reads group h // groups: it is h // (heads / groups)")
def _(q, k, v):
    which = torch.arange(q.shape[1]) // k.shape[1]
    return _attend(q, k[:, which], v[:, which])


@grouped_query_attention.mistake("divided by √(number of positions), not by √d")
def _(q, k, v):
    return _attend(q, *_share(q, k, v), scale=q.shape[-2] ** 0.5)


@grouped_query_attention.mistake("the mask is one off: a query sees the next position")
def _(q, k, v):
    return _attend(q, *_share(q, k, v), shift=2)


@grouped_query_attention.mistake("not divided by √d")
def _(q, k, v):
    return _attend(q, *_share(q, k, v), scale=1.0)


@grouped_query_attention.mistake("divided by d instead of √d")
def _(q, k, v):
    return _attend(q, *_share(q, k, v), scale=float(q.shape[-1]))


@grouped_query_attention.mistake("softmax over the queries: each key's column sums to 1")
def _(q, k, v):
    k, v = _share(q, k, v)
    n = q.shape[-2]
    future = torch.full((n, n), -torch.inf, dtype=q.dtype).triu(1)
    pattern = (q @ k.mT / q.shape[-1] ** 0.5 + future).softmax(-2)
    return pattern @ v, pattern


@grouped_query_attention.mistake("masked after the softmax: rows no longer sum to 1")
def _(q, k, v):
    k, v = _share(q, k, v)
    pattern = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1).tril()
    return pattern @ v, pattern


@grouped_query_attention.mistake("unstable: exp without the maximum taken off first")
def _(q, k, v):
    k, v = _share(q, k, v)
    weights = (q @ k.mT / q.shape[-1] ** 0.5).exp().tril()
    pattern = weights / weights.sum(-1, keepdim=True)
    return pattern @ v, pattern


@grouped_query_attention.mistake("the pattern comes first: what was fetched does")
def _(q, k, v):
    z, pattern = _attend(q, *_share(q, k, v))
    return pattern, z


@grouped_query_attention.mistake("the pattern is missing: two tensors are asked for")
def _(q, k, v):
    return _attend(q, *_share(q, k, v))[0]


@grouped_query_attention.mistake("changes q in place: the caller's queries are lost")
def _(q, k, v):
    q /= q.shape[-1] ** 0.5
    return _attend(q, *_share(q, k, v), scale=1.0)


@grouped_query_attention.mistake("changes k in place: the caller's keys are lost")
def _(q, k, v):
    k /= q.shape[-1] ** 0.5
    return _attend(q, *_share(q, k, v), scale=1.0)


@grouped_query_attention.right("head by head")
def _(q, k, v):
    zs, patterns = [], []
    for h in range(q.shape[1]):
        g = h * k.shape[1] // q.shape[1]
        z, pattern = _attend(q[:, h], k[:, g], v[:, g])
        zs.append(z)
        patterns.append(pattern)
    return torch.stack(zs, 1), torch.stack(patterns, 1)


@grouped_query_attention.right("with the groups as a dimension")
def _(q, k, v):
    batch, heads, n, d = q.shape
    apart = q.reshape(batch, k.shape[1], -1, n, d)
    scores = torch.einsum("bghid,bgjd->bghij", apart, k) * d**-0.5
    scores = scores.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(1), -torch.inf)
    pattern = scores.softmax(-1)
    z = torch.einsum("bghij,bgjd->bghid", pattern, v)
    return z.reshape(q.shape), pattern.reshape(batch, heads, n, n)


@grouped_query_attention.right("by torch, and the pattern beside it")
def _(q, k, v):
    z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    scores = torch.matmul(q, k.repeat_interleave(q.shape[1] // k.shape[1], 1).transpose(2, 3))
    scores = scores / math.sqrt(q.shape[3])
    n = q.shape[2]
    scores = torch.where(torch.ones(n, n).tril() > 0, scores, scores.new_tensor(-torch.inf))
    return z, torch.softmax(scores, 3)
