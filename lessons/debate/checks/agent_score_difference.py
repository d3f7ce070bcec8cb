"""How `agent_score_difference` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.debate.checks.shared import CLAIM, OTHER
from lessons.debate.exercises import agent_score_difference
from utils.grading import expect
from utils.worlds.pixels import margin


def _log_sigmoid(x):
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _asd_by_hand(honest, lying, truth, lies):
    total = 0.0
    for h, w, t, f in zip(honest, lying, truth, lies, strict=True):
        total += _log_sigmoid(h[t] - h[f]) - _log_sigmoid(w[f] - w[t])
    return total / len(truth)


@agent_score_difference.check
def a_judge_who_believes_every_consultant_pays_both_alike(fn):
    honest, lying = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    expect(fn(honest, lying, CLAIM, OTHER), torch.tensor(0.0))


@agent_score_difference.check
def in_a_debate_it_is_the_mean_margin(fn):
    # log p − log(1 − p) is the logit itself.
    for lead in (2.0, -1.5, 0.0):
        logits = torch.tensor([[1.0 + lead, 1.0]])
        expect(fn(logits, logits, CLAIM, OTHER), torch.tensor(lead))
    logits = torch.tensor([[2.0, 0.0, 5.0], [1.0, 4.0, -3.0]])
    got = fn(logits, logits, torch.tensor([0, 1]), torch.tensor([1, 2]))
    expect(got, torch.tensor((2.0 + 7.0) / 2))


@agent_score_difference.check
def each_agent_is_scored_in_its_own_transcripts(fn):
    sure, even = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    expect(fn(sure, even, CLAIM, OTHER), torch.tensor(_log_sigmoid(2.0) + math.log(2)))
    expect(fn(even, sure, CLAIM, OTHER), torch.tensor(-math.log(2) - _log_sigmoid(-2.0)))


@agent_score_difference.check
def only_the_two_answers_count(fn):
    a = torch.tensor([[1.0, 0.0, 0.0]])
    for third in (-5.0, 50.0):
        b = torch.tensor([[1.0, 0.0, third]])
        expect(fn(b, b, CLAIM, OTHER), fn(a, a, CLAIM, OTHER))
        expect(fn(b, a, CLAIM, OTHER), torch.tensor(1.0))


@agent_score_difference.check
def it_is_the_definition_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for games, labels in ((1, 2), (4, 3), (6, 6), (25, 10)):
        honest, lying = 2 * torch.randn(2, games, labels, generator=g, dtype=torch.float64)
        truth = torch.randint(labels, (games,), generator=g)
        lies = (truth + 1 + torch.randint(labels - 1, (games,), generator=g)) % labels
        by_hand = _asd_by_hand(honest.tolist(), lying.tolist(), truth.tolist(), lies.tolist())
        got = fn(honest, lying, truth, lies)
        expect(got, torch.tensor(by_hand, dtype=torch.float64))


@agent_score_difference.check
def extreme_logits_stay_finite(fn):
    sure = torch.tensor([[1000.0, 0.0], [0.0, -1000.0]])
    truth, lies = torch.tensor([0, 0]), torch.tensor([1, 1])
    expect(fn(sure, sure, truth, lies), torch.tensor(1000.0))
    expect(fn(sure, sure, lies, truth), torch.tensor(-1000.0))


def _asd_mistake(description, difference):
    @agent_score_difference.mistake(description)
    def _(honest_logits, lying_logits, truth, lies):
        honest, lying = margin(honest_logits, truth, lies), margin(lying_logits, lies, truth)
        return difference(honest, lying, honest_logits, lying_logits, truth, lies)


_asd_mistake(
    "honest and lying agents are exchanged: the sign is wrong",
    lambda h, w, *rest: (F.logsigmoid(w) - F.logsigmoid(h)).mean(),
)
_asd_mistake(
    "the lying agent too is scored on the truth, not on what it argued for",
    lambda h, w, *rest: (F.logsigmoid(h) - F.logsigmoid(-w)).mean(),
)
_asd_mistake(
    "probabilities instead of their logarithms",
    lambda h, w, *rest: (h.sigmoid() - w.sigmoid()).mean(),
)
_asd_mistake(
    "all labels share the probability: the judge chooses between the two answers alone",
    lambda h, w, a, b, t, f: (
        a.log_softmax(-1).gather(-1, t[:, None]) - b.log_softmax(-1).gather(-1, f[:, None])
    ).mean(),
)
_asd_mistake(
    "both agents are scored in the honest agent's transcripts",
    lambda h, w, *rest: (F.logsigmoid(h) - F.logsigmoid(-h)).mean(),
)
_asd_mistake(
    "summed over the games, where the mean was asked for",
    lambda h, w, *rest: (F.logsigmoid(h) - F.logsigmoid(w)).sum(),
)
_asd_mistake(
    "the margins are subtracted, not the log-probabilities",
    lambda h, w, *rest: (h - w).mean(),
)
_asd_mistake(
    "log(sigmoid(x)) underflows: logsigmoid does not",
    lambda h, w, *rest: (h.sigmoid().log() - w.sigmoid().log()).mean(),
)
_asd_mistake(
    "the log of the mean probability, not the mean of the logs",
    lambda h, w, *rest: h.sigmoid().mean().log() - w.sigmoid().mean().log(),
)
_asd_mistake(
    "the scores are added, where the difference was asked for",
    lambda h, w, *rest: (F.logsigmoid(h) + F.logsigmoid(w)).mean(),
)


@agent_score_difference.right("by a softmax over the two answers")
def _(honest_logits, lying_logits, truth, lies):
    answers, games = torch.stack([truth, lies], 1), torch.arange(len(truth))[:, None]
    honest = honest_logits[games, answers].log_softmax(-1)[:, 0]
    lying = lying_logits[games, answers].log_softmax(-1)[:, 1]
    return honest.mean() - lying.mean()


@agent_score_difference.right("by softplus, the log-loss")
def _(honest_logits, lying_logits, truth, lies):
    def loss(logits, claim, other):
        lead = logits.gather(1, other[:, None]) - logits.gather(1, claim[:, None])
        return F.softplus(lead).mean()

    return loss(lying_logits, lies, truth) - loss(honest_logits, truth, lies)
