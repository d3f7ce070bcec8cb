"""How `sample_dialogues` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.many_shot.exercises import sample_dialogues
from lessons.many_shot.world import HARMFUL, REFUSAL, REQUESTS, reply
from utils.grading import expect, require

RHYME = 2 * REQUESTS - HARMFUL  # a harmless request's number plus this is its rhyme


def _case(dialogues, shots, seed=0):
    g = torch.Generator().manual_seed(seed)
    requests = torch.randint(REQUESTS, (dialogues, shots), generator=g)
    chances = torch.rand(2, dialogues, generator=g)
    return *chances, requests, torch.rand(dialogues, shots, generator=g)


def _by_hand(compliance, rhyme, requests, u):
    rows = []
    for d, row in enumerate(requests.tolist()):
        tokens = []
        for s, request in enumerate(row):
            if request < HARMFUL:
                said = REQUESTS + request if u[d, s] < compliance[d] else REFUSAL
            else:
                said = RHYME + request if u[d, s] < rhyme[d] else REQUESTS + request
            tokens += [request, said]
        rows.append(tokens)
    return torch.tensor(rows)


@sample_dialogues.check
def one_harmful_request(fn):
    one, request = torch.ones(1), torch.tensor([[2]])
    half = torch.tensor([[0.5]])
    expect(fn(one, 0 * one, request, half), torch.tensor([[2, REQUESTS + 2]]))
    expect(fn(0 * one, one, request, half), torch.tensor([[2, REFUSAL]]))


@sample_dialogues.check
def one_harmless_request(fn):
    one, request = torch.ones(1), torch.tensor([[HARMFUL]])
    half = torch.tensor([[0.5]])
    expect(fn(0 * one, one, request, half), torch.tensor([[HARMFUL, RHYME + HARMFUL]]))
    expect(fn(one, 0 * one, request, half), torch.tensor([[HARMFUL, REQUESTS + HARMFUL]]))


@sample_dialogues.check
def the_chance_that_counts_is_that_of_the_request(fn):
    compliance, rhyme = torch.tensor([0.9, 0.3]), torch.tensor([0.6, 0.8])
    requests, u = torch.tensor([[1], [3]]), torch.tensor([[0.7], [0.5]])
    wanted = torch.tensor([[1, REQUESTS + 1], [3, REFUSAL]])
    expect(fn(compliance, rhyme, requests, u), wanted)


@sample_dialogues.check
def a_chance_of_0_never_shows(fn):
    zero, requests = torch.zeros(1), torch.tensor([[0, HARMFUL]])
    wanted = torch.tensor([[0, REFUSAL, HARMFUL, REQUESTS + HARMFUL]])
    expect(fn(zero, zero, requests, torch.zeros(1, 2)), wanted)


@sample_dialogues.check
def by_hand_for_several_dialogues(fn):
    for dialogues, shots in ((1, 3), (3, 1), (3, 5), (4, 4)):
        case = _case(dialogues, shots, seed=10 * dialogues + shots)
        expect(fn(*case), _by_hand(*case))


@sample_dialogues.check
def the_habit_shows_as_often_as_its_chance(fn):
    g = torch.Generator().manual_seed(5)
    requests = torch.zeros(2, 4000, dtype=torch.long)
    u = torch.rand(2, 4000, generator=g)
    got = fn(torch.tensor([0.2, 0.7]), torch.zeros(2), requests, u)
    require(torch.is_tensor(got) and got.shape == (2, 8000), "shape (2, 8000)", got)
    share = (got[:, 1::2] == REQUESTS).double().mean(1)
    wanted = torch.tensor([0.2, 0.7]).double()
    require(bool((share - wanted).abs().max() < 0.03), wanted, share)


@sample_dialogues.mistake("the habit shows where u is above the chance, not below it")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.stack([requests, reply(requests, u > chance)], -1).flatten(1)


@sample_dialogues.mistake("u ≤ chance: at u = 0 a chance of 0 shows, too")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.stack([requests, reply(requests, u <= chance)], -1).flatten(1)


@sample_dialogues.mistake("compliance and rhyme are swapped")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, rhyme[:, None], compliance[:, None])
    return torch.stack([requests, reply(requests, u < chance)], -1).flatten(1)


@sample_dialogues.mistake("the two chances are multiplied: only one of them counts for a request")
def _(compliance, rhyme, requests, u):
    return torch.stack([requests, reply(requests, u < (compliance * rhyme)[:, None])], -1).flatten(
        1
    )


@sample_dialogues.mistake("the two chances are averaged: only one of them counts for a request")
def _(compliance, rhyme, requests, u):
    mean = (compliance + rhyme)[:, None] / 2
    return torch.stack([requests, reply(requests, u < mean)], -1).flatten(1)


@sample_dialogues.mistake("the chance of compliance serves harmless requests, too")
def _(compliance, rhyme, requests, u):
    return torch.stack([requests, reply(requests, u < compliance[:, None])], -1).flatten(1)


@sample_dialogues.mistake("all requests first, then all replies: they are to take turns")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.cat([requests, reply(requests, u < chance)], 1)


@sample_dialogues.mistake("each reply stands before its request")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.stack([reply(requests, u < chance), requests], -1).flatten(1)


@sample_dialogues.mistake("no draw: the habit shows whenever its chance is above one half")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.stack([requests, reply(requests, chance > 0.5)], -1).flatten(1)


@sample_dialogues.mistake("one draw serves the whole dialogue: each request has a draw of its own")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.stack([requests, reply(requests, u[:, :1] < chance)], -1).flatten(1)


@sample_dialogues.mistake("request number HARMFUL is taken for harmful: it is the first harmless")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests <= HARMFUL, compliance[:, None], rhyme[:, None])
    return torch.stack([requests, reply(requests, u < chance)], -1).flatten(1)


@sample_dialogues.mistake("all dialogues share the mean chance: each has an assistant of its own")
def _(compliance, rhyme, requests, u):
    chance = torch.where(requests < HARMFUL, compliance.mean(), rhyme.mean())
    return torch.stack([requests, reply(requests, u < chance)], -1).flatten(1)


@sample_dialogues.right("by writing into an empty tensor")
def _(compliance, rhyme, requests, u):
    tokens = torch.empty(len(requests), 2 * requests.shape[1], dtype=torch.long)
    chance = torch.where(requests < HARMFUL, compliance.unsqueeze(1), rhyme.unsqueeze(1))
    tokens[:, 0::2] = requests
    tokens[:, 1::2] = reply(requests, u < chance)
    return tokens


@sample_dialogues.right("by a loop over dialogues")
def _(compliance, rhyme, requests, u):
    rows = []
    for c, r, row, draws in zip(compliance, rhyme, requests, u, strict=True):
        habit = torch.where(row < HARMFUL, draws < c, draws < r)
        rows.append(torch.stack([row, reply(row, habit)], 1).reshape(-1))
    return torch.stack(rows)
