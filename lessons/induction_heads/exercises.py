"""What the learner writes on induction heads (Elhage et al. 2021; Olsson et al. 2022)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lessons.induction_heads.stream import parts
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
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1), masked: no query sees the future.

    q, k, v: (..., position, d_head), any leading dimensions. A query sees the keys at its own
    position and before. Returns two tensors: z (..., position, d_head), what each position
    fetched, and pattern (..., query, key), the weights with which it did, both in the dtype of q.
    """
    n, d_head = q.shape[-2:]
    future = torch.full((n, n), -torch.inf).triu(1)  # blank: −∞ where key > query, else 0
    scores = q / d_head**0.5 @ k.mT  # blank: (..., query, key), scaled
    scores = scores + future  # blank: nothing of the future
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
        "A head writes z W_O. The layer adds the sum over its heads to what was there. Write "
        "residual = residual + …: += overwrites what the backward pass needs.",
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
    """How much a head attends to what followed its token before (after Olsson et al. 2022).

    pattern: (batch, head, query, key), causal attention. tokens: (batch, position).
    For a query whose token occurred earlier in its sequence: the attention on all keys that stand
    right after an earlier occurrence, summed. Returns (head,): the mean over all such queries of
    the batch, pooled; 0 if there is none. (They average the entries of the pattern.)
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
    minutes=20,
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
    difficulty=2,
    minutes=15,
    teaches="to write a head by hand: one circuit says where to look, the other what to carry",
    hints=[
        "W_Q[place, place] = torch.eye(length) makes a query of the position alone. What must the "
        "key of position j be, so that the query of position j + 1 finds it?",
        "torch.diag(torch.ones(length - 1), 1) has a 1 in row j, column j + 1.",
        "What is fetched is a token: W_V reads the part token. W_O writes it to the part before.",
    ],
    why="Rows of W_K are positions in the stream, columns positions in the key, so a 1 in row j, "
    "column j + 1 lets the key at j announce itself to position j + 1.",
)
def previous_token_weights(vocabulary: int, length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A previous-token head's weights, for a stream divided by `parts(vocabulary, length)`.

    In the stream each token is a 1 in its part `token`, each position a 1 in its part `place`.
    Returns W_Q, W_K, W_V (width of the stream, width of a head) and W_O (width of a head, width of
    the stream), so that q · k, not yet scaled, is 1 if the key stands one before the query and 0
    for every other key up to the query, and so that the token attended to is written, as a 1, to
    the part `before` and to no other.
    """
    token, place, before, copied = parts(vocabulary, length)
    W_Q, W_K, W_V = torch.zeros(3, copied.stop, place.stop)
    W_O = torch.zeros(place.stop, copied.stop)
    W_Q[place, place] = torch.eye(length)  # "I stand at i"
    W_K[place, place] = torch.diag(torch.ones(length - 1), 1)  # "I am for whoever is at j + 1"
    W_V[token, token] = torch.eye(vocabulary)
    W_O[token, before] = torch.eye(vocabulary)
    return W_Q, W_K, W_V, W_O


@exercise(
    difficulty=1,
    minutes=8,
    teaches="K-composition, written down: the key reads what an earlier head wrote",
    hints=[
        "The query asks for a token: that of its own position. Which part of the stream is it in?",
        "The key must not answer with its own token, but with the one that stood before it.",
    ],
)
def matching_weights(vocabulary: int, length: int) -> tuple[Tensor, Tensor]:
    """W_Q and W_K of a head that finds the keys whose token before is the query's own token.

    Both (width of the stream, width of a head), for a stream divided by `parts`, in which a
    previous-token head has already written. q · k, not yet scaled, is 1 where they are the same
    token and else 0, whatever the positions.
    """
    token, place, before, copied = parts(vocabulary, length)
    W_Q, W_K = torch.zeros(2, copied.stop, place.stop)
    W_Q[token, token] = torch.eye(vocabulary)
    W_K[before, token] = torch.eye(vocabulary)
    return W_Q, W_K


@exercise(
    difficulty=2,
    minutes=10,
    teaches="that attention must go somewhere, and how a head says 'nowhere'",
    hints=[
        "Clone both matrices: the ones you are given stay as they are.",
        "Query and key have room for a position, and `matching_weights` left it empty.",
        "If the query says its position with a 1 and the key with a 1/2, what is their product?",
    ],
)
def with_a_resting_place(
    W_Q: Tensor, W_K: Tensor, vocabulary: int, length: int
) -> tuple[Tensor, Tensor]:
    """The two weights of `matching_weights`, with 1/2 more score for the query's own position.

    W_Q, W_K (width of the stream, width of a head). Returns new ones of the same shape, so that
    q · k, not yet scaled, is larger by 1/2 where query and key are the same position, and the same
    as before for every other pair.
    """
    _, place, _, _ = parts(vocabulary, length)
    W_Q, W_K = W_Q.clone(), W_K.clone()
    W_Q[place, place] = torch.eye(length)
    W_K[place, place] = torch.eye(length) / 2
    return W_Q, W_K


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how large scores must be for a softmax to be sharp",
    hints=[
        "Call the score x after scaling. One key has e^x, each of the others e^0 = 1.",
        "Solve e^x / (e^x + n_keys − 1) = share for x.",
        "What the factor multiplies is gap, and it is divided by √d_head before the softmax.",
    ],
    why="The odds of a key against one other are e^x, so against n − 1 others e^x / (n − 1). Set "
    "them to share / (1 − share) and take the logarithm.",
)
def sharpness(gap: float, n_keys: int, d_head: int, share: float) -> float:
    """The factor on q · k at which one key gets this share of the attention, against all others.

    gap: by how much the key's q · k, not yet scaled, exceeds that of each of the n_keys − 1 others,
    which are alike. Attention is the softmax of factor · q · k / √d_head. n_keys is at least 2,
    share strictly between 1/n_keys and 1. A plain number, right to four digits.
    """
    odds = share / (1 - share)
    score = math.log((n_keys - 1) * odds)  # what the softmax must see
    return score * d_head**0.5 / gap


@exercise(
    difficulty=3,
    minutes=40,
    teaches="what training has to find: two heads, and the part of the stream between them",
    given="page",
    hints=[
        "Begin with all weights at 0. W_E[:, token] and W_pos[:, place] are unit matrices.",
        "model.W_Q[0, 0] is head 0 of layer 0. Multiply its W_Q by a sharpness: a gap of 1 in "
        "layer 0, and of 1/2 in layer 1, where a match must win against the resting place. Both "
        "with n_keys=length, d_head=place.stop and a share of 0.999.",
        "Layer 1 fetches the token attended to (its part token), and writes it to the part copied.",
        "W_U makes logits: 20 or 40 for the copied token. Lower the current token by as much, so "
        "that resting on it copies nothing.",
    ],
)
def induction_head_by_hand(vocabulary: int, length: int):
    """A two-layer model whose weights you set, which continues [A][B] … [A] with [B].

    Returns an untrained utils.transformer.AttentionOnlyTransformer with two layers, of any heads
    and widths. No token directly follows itself. Where one occurred before, what followed gets a
    probability above 0.9, or different followers an equal share; elsewhere the mean loss is at
    most log(vocabulary) + 1.
    """
    token, place, _, copied = parts(vocabulary, length)
    shape = {"n_layers": 2, "n_heads": 1, "d_model": copied.stop, "d_head": place.stop}
    model = transformer.AttentionOnlyTransformer(vocabulary, length, **shape)
    one_each = torch.eye(vocabulary)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.W_E[:, token], model.W_pos[:, place] = one_each, torch.eye(length)
        W_Q, W_K, W_V, W_O = previous_token_weights(vocabulary, length)  # layer 0: one back
        model.W_Q[0, 0] = W_Q * sharpness(1.0, length, place.stop, share=0.999)
        model.W_K[0, 0], model.W_V[0, 0], model.W_O[0, 0] = W_K, W_V, W_O
        match = matching_weights(vocabulary, length)  # layer 1: match, else rest, and copy
        W_Q, model.W_K[1, 0] = with_a_resting_place(*match, vocabulary, length)
        model.W_Q[1, 0] = W_Q * sharpness(0.5, length, place.stop, share=0.999)
        model.W_V[1, 0, token, token] = model.W_O[1, 0, token, copied] = one_each
        model.W_U[copied] = 40 * one_each
        model.W_U[token] = -40 * one_each  # at rest it copies the current token: take that back
    return model
