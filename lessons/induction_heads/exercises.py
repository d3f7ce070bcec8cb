"""What the learner writes on induction heads (Elhage et al. 2021; Olsson et al. 2022)."""

from collections.abc import Callable

import torch
from torch import Tensor

from utils import transformer
from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="where attention looks: the scale, the mask and the axis of the softmax",
    given="blanks",
    hints=[
        "Row i, column j of the scores says how well key j answers query i.",
        "A future key must get weight 0 after the softmax. Which score gives that?",
        "Each query shares out a weight of 1 among its keys: the softmax runs over the last axis.",
    ],
)
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention, no query sees the future (Vaswani et al. 2017, eq. 1).

    q, k, v: (..., position, d_head), any leading dimensions. A query sees the keys at its own
    position and before. Returns two tensors: z (..., position, d_head), what each position
    fetched, and pattern (..., query, key), the weights with which it did.
    """
    n, d_head = q.shape[-2:]
    future = torch.ones(n, n, dtype=torch.bool).triu(1)  # blank: True where key > query
    scores = q @ k.mT / d_head**0.5  # blank: (..., query, key), scaled
    scores = scores.masked_fill(future, -torch.inf)  # blank: nothing of the future
    pattern = scores.softmax(-1)  # blank: weights that sum to 1 for each query
    return pattern @ v, pattern  # blank: the weighted mean of the values, and the weights


@exercise(
    difficulty=2,
    minutes=20,
    teaches="the residual stream: every head reads from it and adds to it",
    given="blanks",
    hints=[
        "W_E[tokens] picks a row for each token; add the rows of W_pos for as many positions.",
        'torch.einsum("bpm,hmd->bhpd", residual, self.W_Q[layer]) gives every head its queries.',
        "A head writes z W_O. The layer adds the sum over its heads to what was there.",
    ],
)
class AttentionOnlyTransformer(transformer.AttentionOnlyTransformer):
    """Embed, let each layer's heads read and add, unembed (Elhage et al. 2021). No MLP, no bias.

    Made already: W_E (vocabulary, d_model), W_pos (length, d_model), W_U (d_model, vocabulary);
    W_Q, W_K, W_V (n_layers, n_heads, d_model, d_head), W_O (n_layers, n_heads, d_head, d_model).
    tokens: (batch, position), at most `length` of them. Returns (batch, position, vocabulary).
    """

    def forward(self, tokens: Tensor) -> Tensor:
        residual = self.W_E[tokens] + self.W_pos[: tokens.shape[1]]  # blank: what, and where
        for layer in range(self.n_layers):
            q = torch.einsum("bpm,hmd->bhpd", residual, self.W_Q[layer])  # blank: queries
            k = torch.einsum("bpm,hmd->bhpd", residual, self.W_K[layer])  # blank: keys
            v = torch.einsum("bpm,hmd->bhpd", residual, self.W_V[layer])  # blank: values
            z, _ = causal_attention(q, k, v)
            written = torch.einsum("bhpd,hdm->bpm", z, self.W_O[layer])  # blank: sum over heads
            residual = residual + written  # blank: the stream goes on
        return residual @ self.W_U  # blank: logits


@exercise(
    difficulty=2,
    minutes=15,
    teaches="to say in one number what an induction head's pattern looks like",
    hints=[
        "tokens[:, :, None] == tokens[:, None, :] says which positions hold the same token.",
        "Of those keep the strictly earlier ones. The key wanted stands one to the right of each.",
        "Average over queries that have an earlier occurrence, all sequences together.",
    ],
)
def prefix_matching_score(pattern: Tensor, tokens: Tensor) -> Tensor:
    """How much a head attends to what followed its token before (Olsson et al. 2022).

    pattern: (batch, head, query, key), causal attention. tokens: (batch, position).
    For a query whose token occurred earlier in its sequence: the attention on all keys that stand
    right after an earlier occurrence, summed. Returns (head,): the mean over all such queries of
    the batch, pooled; 0 if there is none.
    """
    n = tokens.shape[1]
    same = tokens[:, :, None] == tokens[:, None, :]
    match = same & torch.ones(n, n, dtype=torch.bool).tril(-1)  # (batch, query, earlier position)
    follower = match.roll(1, dims=2)  # one to the right; nothing matches in the last column
    repeated = match.any(2)[:, None]
    attention = (pattern * follower[:, None]).sum(3) * repeated
    return attention.sum((0, 2)) / repeated.sum().clamp(min=1)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="to read off a head's weights, without running it, whether it copies",
    hints=[
        "W_E W_V W_O W_U maps attended tokens to logits: vocabulary by vocabulary.",
        "torch.linalg.eigvals returns complex numbers; their sum over a real matrix is real.",
        "Divide the sum of the real parts by the sum of the absolute values.",
    ],
)
def copying_score(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Σ λ / Σ |λ| over the eigenvalues of a head's OV circuit (Elhage et al. 2021).

    W_E (vocabulary, d_model) and W_U (d_model, vocabulary) belong to the model, W_V (..., d_model,
    d_head) and W_O (..., d_head, d_model) to one head or to many. The circuit, vocabulary by
    vocabulary, says which logits rise when a token is attended to. Returns (...), in [−1, 1].
    """
    # AB and BA have the same eigenvalues but for zeros: d_head of them instead of the vocabulary's.
    eigenvalues = torch.linalg.eigvals(W_O @ (W_U @ W_E) @ W_V)
    return eigenvalues.real.sum(-1) / eigenvalues.abs().sum(-1)


@exercise(
    difficulty=1,
    minutes=5,
    teaches="what in-context learning is: to predict late tokens better than early ones",
    hints=["Late minus early: a model that learns in context has a negative score."],
)
def in_context_learning_score(losses: Tensor) -> Tensor:
    """Mean loss late in the context minus mean loss early (Olsson et al. 2022), in nats.

    losses: (..., position), the loss of each predicted token in nats. Early is the first quarter
    of the positions, late the last, each rounded down but at least one position. Returns a scalar.
    """
    quarter = max(losses.shape[-1] // 4, 1)
    return losses[..., -quarter:].mean() - losses[..., :quarter].mean()


@exercise(
    difficulty=2,
    minutes=15,
    teaches="to intervene: which heads does a behavior need?",
    hints=[
        'model.run_with_hooks(tokens, {"head.0": hook}): the hook gets z of layer 0, '
        "(batch, head, position, d_head), and returns what takes its place.",
        "Work on a copy: z.clone(). One hook has to serve all heads of its layer.",
        "A function made in a loop sees the loop's last value. Make it in a function of its own.",
    ],
)
def ablate_heads(
    model: transformer.AttentionOnlyTransformer, heads: list[tuple[int, int]]
) -> Callable[[Tensor], Tensor]:
    """The model with some heads knocked out: what they write is 0 (Olsson et al. 2022, ablations).

    heads: pairs (layer, head), both from 0. Returns a function from tokens (batch, position) to
    logits (batch, position, vocabulary). The model itself stays as it was.
    """

    def hook_of(layer: int) -> Callable[[Tensor], Tensor]:
        out = [head for at, head in heads if at == layer]

        def hook(z: Tensor) -> Tensor:
            return z.index_fill(1, torch.tensor(out), 0.0)

        return hook

    hooks = {f"head.{layer}": hook_of(layer) for layer, _ in heads}
    return lambda tokens: model.run_with_hooks(tokens, hooks)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="to tell from weights alone whether one head reads what another writes",
    hints=[
        "A row of the stream, x, goes through the first head as x W_a and then on as x W_a W_b.",
        "torch.linalg.matrix_norm is the Frobenius norm, over the last two dimensions.",
    ],
)
def composition_score(W_a: Tensor, W_b: Tensor) -> Tensor:
    """‖W_a W_b‖ / (‖W_a‖ ‖W_b‖), Frobenius norms (Elhage et al. 2021).

    W_a (..., n, m) is what the earlier head writes, W_b (..., m, p) what the later one reads; rows
    are multiplied from the left. Leading dimensions broadcast. Returns (...), between 0 and 1.
    """
    norm = torch.linalg.matrix_norm
    return norm(W_a @ W_b) / (norm(W_a) * norm(W_b))


@exercise(
    difficulty=3,
    minutes=30,
    teaches="what training has to find: two heads, and the part of the stream between them",
    given="page",
    hints=[
        "Give the stream three parts: which token, which position, which token came before. "
        "W_E and W_pos are then unit vectors, and a head moves one part into another.",
        "Layer 0: the query of position p and the key of position p − 1 must agree. Its value is "
        "the token, written to the third part.",
        "Layer 1: the query is the token, the key is the token before, the value is the token. "
        "Scores must be large (think of √d_head), or attention stays spread out.",
        "With nothing to match, attention should do no harm. Let it rest on the query's own "
        "position, half as strongly as a match, and cancel what it then copies by the direct path.",
    ],
)
def induction_head_by_hand(vocabulary: int, length: int):
    """A two-layer model whose weights you set, which continues [A][B] … [A] with [B].

    Returns an untrained utils.transformer.AttentionOnlyTransformer of any heads and widths. No
    token directly follows itself. Where one occurred before, what followed gets a probability
    above 0.9, or different followers an equal share; elsewhere mean loss ≤ log(vocabulary) + 1.
    """
    V, n = vocabulary, length
    model = transformer.AttentionOnlyTransformer(V, n, 2, 1, 2 * V + n, V + n)
    token, place, before = torch.eye(2 * V + n).split([V, n, V])  # the parts of the stream
    what, where = torch.eye(V + n).split([V, n])  # the parts of a head
    sharp = 40 * (V + n) ** 0.5  # a match scores 40 more than none
    W_Q = [sharp * place.T @ where, sharp * (token.T @ what + place.T @ where)]
    W_K = [place.T @ where.roll(-1, 0), before.T @ what + place.T @ where / 2]
    W_V = [token.T @ what, token.T @ what]
    W_O = [what.T @ before, -what.T @ token]
    heads = [torch.stack(w)[:, None] for w in (W_Q, W_K, W_V, W_O)]
    for weight, x in zip(model.parameters(), (token, place, *heads, -40 * token.T), strict=True):
        weight.data.copy_(x)
    return model
