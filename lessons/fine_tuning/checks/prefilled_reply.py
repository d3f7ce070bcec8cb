"""How `prefilled_reply` is judged: checks, mistakes, right answers."""

import torch
from torch.nn import functional as F

from lessons.fine_tuning.exercises import prefilled_reply
from utils.grading import expect, require

WORDS = 7


def _successor(tokens):
    """A model after whose last token always comes the next number."""
    return F.one_hot((tokens + 1) % WORDS, WORDS).double()


def _length(tokens):
    """A model that says how many tokens there were so far, mod 7."""
    n = 1 + torch.arange(tokens.shape[1]).expand_as(tokens)
    return F.one_hot(n % WORDS, WORDS).float()


def _total(tokens):
    """A model that says the sum of all tokens so far, mod 7."""
    return F.one_hot(tokens.cumsum(1) % WORDS, WORDS).float()


def _by_hand(rule, prompts, start, length):
    replies = []
    for ask, said in zip(prompts.tolist(), start.tolist(), strict=True):
        said = list(said)
        while len(said) < length:
            said.append(rule(ask + said) % WORDS)
        replies.append(said)
    return torch.tensor(replies)


def _none(n):
    return torch.zeros(n, 0, dtype=torch.long)


@prefilled_reply.check
def without_a_start_it_counts_on(fn):
    prompts = torch.tensor([[3, 1]])
    expect(fn(_successor, prompts, _none(1), 3), torch.tensor([[2, 3, 4]]))


@prefilled_reply.check
def it_goes_on_from_what_was_put_there(fn):
    prompts, start = torch.tensor([[3, 1]]), torch.tensor([[5]])
    expect(fn(_successor, prompts, start, 3), torch.tensor([[5, 6, 0]]))


@prefilled_reply.check
def a_whole_reply_is_left_as_it_is(fn):
    prompts, start = torch.tensor([[1], [2]]), torch.tensor([[4, 4], [0, 6]])
    expect(fn(_successor, prompts, start, 2), start)


@prefilled_reply.check
def the_model_sees_the_whole_text(fn):
    g = torch.Generator().manual_seed(0)
    for n, p, k, length in ((1, 2, 1, 3), (3, 4, 0, 5), (2, 1, 2, 4), (3, 3, 3, 6)):
        prompts = torch.randint(WORDS, (n, p), generator=g)
        start = torch.randint(WORDS, (n, k), generator=g)
        for model, rule in ((_total, sum), (_length, len)):
            got = fn(model, prompts, start, length)
            shape = tuple(got.shape) if torch.is_tensor(got) else got
            require(shape == (n, length), f"a tensor of shape {(n, length)}", shape)
            expect(got, _by_hand(rule, prompts, start, length))


@prefilled_reply.mistake("the start is replaced by what the model would have said")
def _(model, prompts, start, length):
    return prefilled_reply.reference(model, prompts, start[:, :0], length)


@prefilled_reply.mistake("the start is not part of the reply that is returned")
def _(model, prompts, start, length):
    return prefilled_reply.reference(model, prompts, start, length)[:, start.shape[1] :]


@prefilled_reply.mistake("`length` new tokens, beyond those of the start")
def _(model, prompts, start, length):
    return prefilled_reply.reference(model, prompts, start, length + start.shape[1])


@prefilled_reply.mistake("the request comes back, too")
def _(model, prompts, start, length):
    return torch.cat([prompts, prefilled_reply.reference(model, prompts, start, length)], 1)


@prefilled_reply.mistake("the model sees the start alone, not the request")
def _(model, prompts, start, length):
    tokens = start if start.shape[1] else prompts[:, -1:]
    while tokens.shape[1] < length + (0 if start.shape[1] else 1):
        tokens = torch.cat([tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)], 1)
    return tokens[:, -length:]


@prefilled_reply.mistake("the start stands before the request")
def _(model, prompts, start, length):
    tokens = torch.cat([start, prompts], 1)
    for _ in range(length - start.shape[1]):
        tokens = torch.cat([tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)], 1)
    return torch.cat([start, tokens[:, start.shape[1] + prompts.shape[1] :]], 1)


@prefilled_reply.mistake("all new tokens from one pass: the model does not read what it has said")
def _(model, prompts, start, length):
    k = length - start.shape[1]
    token = model(torch.cat([prompts, start], 1))[:, -1].argmax(-1, keepdim=True)
    return torch.cat([start, token.expand(-1, k)], 1)


@prefilled_reply.mistake("the logits at the first place are read, not those at the last")
def _(model, prompts, start, length):
    tokens = torch.cat([prompts, start], 1)
    while tokens.shape[1] < prompts.shape[1] + length:
        tokens = torch.cat([tokens, model(tokens)[:, 0].argmax(-1, keepdim=True)], 1)
    return tokens[:, prompts.shape[1] :]


@prefilled_reply.mistake("the least likely token, not the likeliest")
def _(model, prompts, start, length):
    return prefilled_reply.reference(lambda x: -model(x), prompts, start, length)


@prefilled_reply.mistake("the model never sees the start: it is only put before what it said")
def _(model, prompts, start, length):
    said = prefilled_reply.reference(model, prompts, start[:, :0], length - start.shape[1])
    return torch.cat([start, said], 1)


@prefilled_reply.right("by a loop over how many tokens are missing")
def _(model, prompts, start, length):
    said = start
    for _ in range(length - start.shape[1]):
        logits = model(torch.hstack([prompts, said]))
        said = torch.hstack([said, logits[:, -1, :].max(-1).indices.unsqueeze(1)])
    return said


@prefilled_reply.right("by filling a tensor in place")
def _(model, prompts, start, length):
    n, p = prompts.shape
    tokens = torch.zeros(n, p + length, dtype=torch.long)
    tokens[:, :p], tokens[:, p : p + start.shape[1]] = prompts, start
    for at in range(p + start.shape[1], p + length):
        tokens[:, at] = torch.softmax(model(tokens[:, :at])[:, -1], -1).argmax(1)
    return tokens[:, p:]
