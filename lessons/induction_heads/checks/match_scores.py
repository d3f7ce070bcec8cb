"""How `match_scores` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.induction_heads.drills import match_scores
from utils import transformer
from utils.grading import expect, require


def _weights(vocabulary, d_model, d_head, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(vocabulary, d_model), (d_model, d_head), (d_head, d_model)] + [(d_model, d_head)] * 2
    return [torch.randn(shape, generator=generator) for shape in shapes]


@match_scores.check
def single_numbers(fn):
    weights = [torch.tensor([[x]]) for x in (2.0, 3.0, -1.0, 5.0, 0.5)]
    # query 2·5 = 10; written 2·3·(−1) = −6, its key −3
    expect(fn(*weights), torch.tensor([[-30.0]]))


@match_scores.check
def identities_leave_the_scale(fn):
    for n in (4, 9):
        expect(fn(*[torch.eye(n)] * 5), torch.eye(n) / math.sqrt(n), W_E=torch.eye(n))


@match_scores.check
def queries_are_rows_and_keys_are_columns(fn):
    W_Q = torch.zeros(4, 4)
    W_Q[0, 1] = 2.0  # a query for token 0 asks for what token 1 answers
    expected = torch.zeros(4, 4)
    expected[0, 1] = 1.0  # 2 / √4
    expect(fn(torch.eye(4), torch.eye(4), torch.eye(4), W_Q, torch.eye(4)), expected, W_Q=W_Q)


@match_scores.check
def it_is_the_sum_written_out(fn):
    for seed, (vocabulary, d_model, d_head) in enumerate(((2, 3, 2), (4, 3, 5), (3, 6, 2))):
        weights = _weights(vocabulary, d_model, d_head, seed)
        E, V, O, Q, K = (w.double().tolist() for w in weights)  # noqa: E741
        model, head = range(d_model), range(d_head)
        expected = torch.zeros(vocabulary, vocabulary)
        for a in range(vocabulary):
            for b in range(vocabulary):
                z = [sum(E[b][m] * V[m][h] for m in model) for h in head]
                x = [sum(z[h] * O[h][m] for h in head) for m in model]
                key = [sum(x[m] * K[m][h] for m in model) for h in head]
                query = [sum(E[a][m] * Q[m][h] for m in model) for h in head]
                dot = sum(q * k for q, k in zip(query, key, strict=True))
                expected[a, b] = dot / math.sqrt(d_head)
        expect(fn(*weights), expected, tol=1e-4)


@match_scores.check
def it_is_the_difference_that_the_earlier_head_makes_in_a_model(fn):
    model = transformer.AttentionOnlyTransformer(
        5, 6, 2, 1, 8, 4, generator=torch.Generator().manual_seed(3)
    )
    with torch.no_grad():
        model.W_pos.zero_()
        W = [model.W_E, model.W_V[0, 0], model.W_O[0, 0], model.W_Q[1, 0], model.W_K[1, 0]]
        tokens = torch.tensor([[3, 0, 4, 1, 2, 4]])
        one_back = torch.eye(6).roll(-1, 1)  # row i attends to i − 1; the first to the last
        kept = {}
        for name, pattern in (("with", one_back), ("without", torch.zeros(6, 6))):
            hooks = {
                "pattern.0": lambda x, pattern=pattern: pattern.expand_as(x),
                "query.1": lambda x: (model.W_E[tokens] @ model.W_Q[1, 0])[:, None],
                "key.1": lambda x, name=name: kept.update({name: x[0, 0]}),
            }
            model.run_with_hooks(tokens, hooks)
        query = model.W_E[tokens[0]] @ model.W_Q[1, 0]
        difference = query @ (kept["with"] - kept["without"]).T / 2
        got = fn(*[w.detach() for w in W])
        require(torch.is_tensor(got) and got.shape == (5, 5), "a (5, 5) tensor", got)
        # the table's rows are the queries' tokens, its columns the tokens before the keys
        expect(got[tokens[0]][:, tokens[0].roll(1)], difference, tol=1e-4, tokens=tokens)


@match_scores.mistake("√d_head is lost: the softmax sees the score divided by it")
def _(W_E, W_V, W_O, W_Q, W_K):
    return (W_E @ W_Q) @ (W_E @ W_V @ W_O @ W_K).mT


@match_scores.mistake("divided by √d_model instead of √d_head")
def _(W_E, W_V, W_O, W_Q, W_K):
    return (W_E @ W_Q) @ (W_E @ W_V @ W_O @ W_K).mT / W_E.shape[-1] ** 0.5


@match_scores.mistake("transposed: the query's token is put in the columns")
def _(W_E, W_V, W_O, W_Q, W_K):
    return (W_E @ W_V @ W_O @ W_K) @ (W_E @ W_Q).mT / W_Q.shape[-1] ** 0.5


@match_scores.mistake("Q-composition: the earlier head is put into the query")
def _(W_E, W_V, W_O, W_Q, W_K):
    return (W_E @ W_V @ W_O @ W_Q) @ (W_E @ W_K).mT / W_Q.shape[-1] ** 0.5


@match_scores.mistake("the earlier head is left out: the key is made from the embedding")
def _(W_E, W_V, W_O, W_Q, W_K):
    return (W_E @ W_Q) @ (W_E @ W_K).mT / W_Q.shape[-1] ** 0.5


@match_scores.mistake("the direct term is added: the key's own token is not the token before it")
def _(W_E, W_V, W_O, W_Q, W_K):
    return (W_E @ W_Q) @ ((W_E + W_E @ W_V @ W_O) @ W_K).mT / W_Q.shape[-1] ** 0.5


@match_scores.right("by the product of five matrices, from the left")
def _(W_E, W_V, W_O, W_Q, W_K):
    return W_E @ W_Q @ W_K.T @ W_O.T @ W_V.T @ W_E.T / math.sqrt(W_K.shape[1])


@match_scores.right("by einsum")
def _(W_E, W_V, W_O, W_Q, W_K):
    query = torch.einsum("am,md->ad", W_E, W_Q)
    key = torch.einsum("bm,mi,in,nd->bd", W_E, W_V, W_O, W_K)
    return torch.einsum("ad,bd->ab", query, key) * W_Q.shape[1] ** -0.5
