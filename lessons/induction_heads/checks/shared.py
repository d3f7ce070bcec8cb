"""What several checks of this lesson share: small inputs and truths by hand."""

import torch

from lessons.induction_heads.stream import parts
from utils.grading import require


def randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def not_before(n, diagonal=1):
    return torch.ones(n, n, dtype=torch.bool).triu(diagonal)


def prefix_in_loops(pattern, tokens):
    pattern, tokens = pattern.double().tolist(), tokens.tolist()
    totals, count = [0.0] * len(pattern[0]), 0
    for b, row in enumerate(tokens):
        for i, token in enumerate(row):
            keys = [j + 1 for j in range(i) if row[j] == token]
            count += bool(keys)
            for h in range(len(totals)):
                totals[h] += sum(pattern[b][h][i][j] for j in keys)
    return torch.tensor([t / max(count, 1) for t in totals])


def handmade_stream(vocabulary, length, before=False, seed=0):
    """A stream as `parts` divides it, (length, width), for random tokens, and these tokens.

    before: whether a previous-token head has written; the first position attends to itself.
    """
    token, place, beside, copied = parts(vocabulary, length)
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(vocabulary, (length,), generator=generator)
    x, row = torch.zeros(length, copied.stop), torch.arange(length)
    x[row, token.start + tokens] = 1.0
    x[row, place.start + row] = 1.0
    if before:
        earlier = torch.cat([tokens[:1], tokens[:-1]])
        x[row, beside.start + earlier] = 1.0
    return x, tokens


def visible(scores):
    """Scores with those of later keys, which no query sees, set to 0."""
    return scores.tril()


def two_matrices(out, vocabulary, length):
    """See that W_Q and W_K of the right shape came back."""
    _, place, _, copied = parts(vocabulary, length)
    shape = (copied.stop, place.stop)
    pair = isinstance(out, tuple | list) and len(out) == 2 and all(map(torch.is_tensor, out))
    require(pair, "two tensors, W_Q and W_K", out)
    for name, W in zip(("W_Q", "W_K"), out, strict=True):
        require(W.shape == shape, f"{name} of shape {shape}", tuple(W.shape))
        require(W.dtype == torch.float32, torch.float32, W.dtype)
    return out


def four_matrices(fn, vocabulary, length):
    """Call an answer, and see that W_Q, W_K, W_V, W_O of the right shapes come back."""
    out = fn(vocabulary, length)
    whole = isinstance(out, tuple | list) and len(out) == 4 and all(map(torch.is_tensor, out))
    require(whole, "four tensors, W_Q, W_K, W_V and W_O", out)
    two_matrices(out[:2], vocabulary, length)
    _, place, _, copied = parts(vocabulary, length)
    for name, W, shape in (
        ("W_V", out[2], (copied.stop, place.stop)), ("W_O", out[3], (place.stop, copied.stop)),
    ):  # fmt: skip
        require(W.shape == shape, f"{name} of shape {shape}", tuple(W.shape))
        require(W.dtype == torch.float32, torch.float32, W.dtype)
    return out
