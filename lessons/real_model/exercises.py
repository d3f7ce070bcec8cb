"""What the learner writes in this lesson: two parts of a real model, and five measurements."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how a model knows how far apart two tokens stand",
    why="A dot product of two turned vectors depends on the difference of their angles alone: on "
    "how far apart they stand, and not on where.",
    given="blanks",
    hints=[
        "The speed of pair i is base to the power of −2i/d. torch.arange(0, d, 2) is all the 2i.",
        "The angle is the position times the speed: (n, 1) times (d/2,) gives (n, d/2).",
        "A turn by α takes (a, b) to (a cos α − b sin α, a sin α + b cos α).",
    ],
)
def rotary(x: Tensor, base: float = 100_000.0) -> Tensor:
    """Turn queries or keys by their positions (Su et al. 2021, section 3.2.2).

    x: (…, position, d), d even. At position p = 0, 1, … the pair of coordinates (2i, 2i + 1) is
    turned by the angle p · base^(−2i/d), in radians, from the first towards the second.
    Returns a new tensor of x's shape and dtype.
    """
    n, d = x.shape[-2:]
    if d % 2:
        raise ValueError(f"coordinates are turned in pairs: d must be even, not {d}")
    speed = base ** (-torch.arange(0, d, 2) / d)  # blank: of each pair, (d / 2,)
    angle = torch.arange(n)[:, None] * speed  # blank: of each pair at each position, (n, d / 2)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    first = even * cos - odd * sin  # blank: the first of each pair, turned
    second = even * sin + odd * cos  # blank: the second of each pair, turned
    return torch.stack((first, second), -1).flatten(-2)  # pairs side by side again


@exercise(
    difficulty=2,
    minutes=15,
    teaches="attention in which several heads share their keys and values",
    why="Neighboring heads share a group: with 9 heads and 3 groups, heads 0, 1, 2 read group 0. "
    "What has to be kept of a text, keys and values, becomes three times smaller.",
    hints=[
        "How many heads share a group? Repeat each group so often, side by side: "
        "repeat_interleave, not repeat.",
        "From there it is ordinary attention: scores q kᵀ / √d, −∞ where the key comes after the "
        "query, softmax over the keys.",
        "torch.full((n, n), -torch.inf).triu(1) is −∞ above the diagonal and 0 elsewhere.",
    ],
)
def grouped_query_attention(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Causal attention with shared keys and values (Ainslie et al. 2023).

    q: (batch, heads, position, d). k, v: (batch, groups, position, d), where groups divides heads:
    the first heads / groups heads read the first group, the next ones the next group.
    Returns what each head fetched, (batch, heads, position, d), and the attention pattern,
    (batch, heads, query, key): softmax(q kᵀ / √d) over the keys up to the query. Both are new
    tensors of the inputs' dtype.
    """
    if q.shape[1] % k.shape[1]:
        raise ValueError(f"{k.shape[1]} groups do not divide {q.shape[1]} heads")
    share = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
    n, d = q.shape[-2:]
    future = torch.full((n, n), -torch.inf, dtype=q.dtype).triu(1)
    pattern = (q @ k.mT / d**0.5 + future).softmax(-1)
    return pattern @ v, pattern


@exercise(
    difficulty=1,
    minutes=8,
    teaches="to find a kind of head by what it attends to",
    why="On a random text that repeats, only one place says what comes next: the one right after "
    "the same token, one period earlier.",
    hints=[
        "A query at i stands one period after the same token at i − period. What came after that?",
        "Key i − period + 1. Take its attention for every i from period on, and average.",
        "Those entries stand on a diagonal: patterns.diagonal(1 - period, -2, -1). Which of them "
        "belong to the first period?",
    ],
)
def induction_scores(patterns: Tensor, period: int) -> Tensor:
    """How much each head attends to what came next the last time (after Olsson et al. 2022).

    patterns: (layers, batch, heads, query, key), attention on texts in which every token is the
    same as the one `period` places before it. For each query i = period, period + 1, … take the
    attention on key i − period + 1. Returns (layers, heads), of the patterns' dtype: the mean over
    queries and batch.
    """
    n = patterns.shape[-1]
    queries = torch.arange(period, n)
    return patterns[..., queries, queries - period + 1].mean((1, -1))


@exercise(
    difficulty=3,
    minutes=20,
    teaches="to take away what some heads write, and nothing that follows from it in attention",
    why="Where later heads look may depend on the heads that you take out. With every pattern "
    "held fast, what changes is what was carried, not where others looked.",
    hints=[
        "Run the model once untouched, and keep its patterns: model.run_with_cache(tokens)[1].",
        "In the second run every layer's pattern is replaced by the kept one. A hook that ignores "
        "what it is given and returns what was kept does that.",
        'The heads that are out write 0: a hook on "head.l" returns z.index_fill(1, out, 0.0).',
        "A lambda in a loop sees the loop's last value, unless it is bound: lambda _, l=l: …",
    ],
)
@torch.no_grad()
def pattern_preserving_ablation(
    model: nn.Module, tokens: Tensor, heads: list[tuple[int, int]]
) -> Tensor:
    """Logits without some heads, all attention patterns staying as they are (Olsson et al. 2022).

    model: has n_layers, run_with_cache(tokens) → (logits, cache) and run_with_hooks(tokens, hooks)
    → logits, with activations "pattern.l" (batch, head, query, key) and "head.l" (batch, head,
    position, d_head) of each layer l from 0. hooks: functions by the name of an activation; each
    gets the activation, and what it returns takes the activation's place from there on, as in
    {"head.0": lambda z: 0 * z}. heads: pairs (layer, head), both from 0. What these heads write is
    0. Every pattern, of all heads in all layers, is that of the untouched model. Returns (batch,
    position, vocabulary). The model stays as it is.
    """
    _, cache = model.run_with_cache(tokens)
    n_heads = cache["head.0"].shape[1]
    if not all(at in range(model.n_layers) and h in range(n_heads) for at, h in heads):
        raise ValueError(f"{model.n_layers} layers, {n_heads} heads, from 0 on: not all of {heads}")
    hooks = {}
    for layer in range(model.n_layers):
        out = torch.tensor([h for at, h in heads if at == layer], dtype=torch.long)
        hooks[f"pattern.{layer}"] = lambda _, name=f"pattern.{layer}": cache[name]
        hooks[f"head.{layer}"] = lambda z, out=out: z.index_fill(1, out, 0.0)
    return model.run_with_hooks(tokens, hooks)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a direction that two statements of opposite form agree on",
    why="What the word ‘not’ turns around has opposite signs in the two differences and cancels in "
    "their mean. What truth does in both stays.",
    hints=[
        "Take a difference of means, true less false, among the affirmed statements alone.",
        "The same among the negated ones. They are true where the affirmed ones are false.",
        "Half their sum is what both agree on, half their difference what the form turns around.",
    ],
)
def probe_with_negation(affirmed: Tensor, negated: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Directions of truth from statements and their negations (after Bürger et al. 2024).

    affirmed: (n, d), activations of statements; negated: (n, d), of the same statements with a
    ‘not’ in them; true: (n,), bool, whether the affirmed statement is true (both kinds occur, not
    always equally often). Within each form take the mean over what is true less the mean over what
    is false. Returns two vectors (d,) of the inputs' dtype: half the sum of the two differences,
    which is the general direction, and half of (that of the affirmed less that of the negated),
    which depends on form.
    """
    of_affirmed = affirmed[true].mean(0) - affirmed[~true].mean(0)
    of_negated = negated[~true].mean(0) - negated[true].mean(0)
    return (of_affirmed + of_negated) / 2, (of_affirmed - of_negated) / 2


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a control that has everything but the difference you speak of",
    why="Both groups have the same share of each kind, so what tells the kinds apart cancels. What "
    "is left is how far two means of such examples lie apart by chance.",
    hints=[
        "Deal each kind's examples into two halves, as cards: torch.randperm(n, generator=…).",
        "Group one is a half of a and a half of b; group two is what is left of both.",
        "The two kinds are dealt by themselves: one permutation for both would pair them.",
    ],
)
def balanced_shuffle_control(a: Tensor, b: Tensor, generator: torch.Generator) -> Tensor:
    """A difference of means of two random groups, each with half of a's and half of b's examples.

    a: (n, d) and b: (m, d), n and m even. Each example is in exactly one group; which half it falls
    into is random, for a and for b by themselves, by the generator. Returns (d,), of the
    inputs' dtype: the first group's mean less the second's, at its own length. Raises ValueError if
    n or m is odd. a and b stay as they are.
    """
    if len(a) % 2 or len(b) % 2:
        raise ValueError(f"halves of {len(a)} and {len(b)}: both numbers must be even")
    dealt = [x[torch.randperm(len(x), generator=generator)] for x in (a, b)]
    first = torch.cat([x[: len(x) // 2] for x in dealt])
    second = torch.cat([x[len(x) // 2 :] for x in dealt])
    return first.mean(0) - second.mean(0)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="to judge a reconstruction by what the model can still do with it",
    why="At 0 the reconstruction is worth no more than the mean activation, at 1 the model does as "
    "well as with its own activations. Below 0 a constant would be better.",
    hints=[
        "The loss of x itself, of the mean in every place, and of each reconstruction.",
        "The mean is over all vectors, so over all dimensions but the last; expand_as(x) puts it "
        "everywhere.",
        "What share of the way from the mean's loss down to the intact loss does each one come?",
    ],
)
def sae_loss_recovered(
    loss_of: Callable[[Tensor], float], x: Tensor, rebuilt: dict[str, Tensor]
) -> dict[str, float]:
    """The share of the loss that each reconstruction recovers (as in Rajamanoharan et al. 2024).

    loss_of: the model's mean loss when a tensor of x's shape takes the place of its activations x,
    (…, d). rebuilt: reconstructions of x by name, each of x's shape. Where does each one's loss lie
    between the loss with x (1) and that with the mean of all x's vectors in every place (0)?
    Returns a new dict, floats by name, below 0 where the mean does better. loss_of takes seconds:
    call it once for x, once for the mean, once for each reconstruction. (The paper puts zeros where
    we put the mean.)
    """
    mean = x.flatten(0, -2).mean(0).expand_as(x)
    intact, ablated = float(loss_of(x)), float(loss_of(mean))
    return {name: (ablated - float(loss_of(z))) / (ablated - intact) for name, z in rebuilt.items()}
