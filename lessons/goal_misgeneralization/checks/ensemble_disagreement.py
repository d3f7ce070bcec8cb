"""How an answer to ensemble_disagreement is judged."""

import math

import torch

from lessons.goal_misgeneralization.exercises import ensemble_disagreement
from utils.grading import expect, require


def logs(*policies):
    return torch.tensor(policies, dtype=torch.float64).log()


def zero(*shape):
    return torch.zeros(shape, dtype=torch.float64)


@ensemble_disagreement.check
def two_that_are_both_unsure_agree(answer):
    expect(answer(logs([0.5, 0.5], [0.5, 0.5])), zero())


@ensemble_disagreement.check
def two_that_are_sure_of_different_actions_disagree_by_log_two(answer):
    expect(answer(logs([1.0, 0.0], [0.0, 1.0])), zero() + math.log(2))


@ensemble_disagreement.check
def two_that_are_sure_of_the_same_agree(answer):
    expect(answer(logs([1.0, 0.0], [1.0, 0.0])), zero())


@ensemble_disagreement.check
def one_that_is_sure_and_one_that_is_not(answer):
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) - math.log(2) / 2
    expect(answer(logs([1.0, 0.0], [0.5, 0.5])), zero() + expected)


@ensemble_disagreement.check
def it_is_the_mean_divergence_from_the_mean_policy(answer):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(5, 3, 2, 4, generator=g).double().log_softmax(-1)
    expected = zero(3, 2)
    for i in range(3):
        for j in range(2):
            p = x[:, i, j].exp().tolist()
            mean = [sum(row[a] for row in p) / 5 for a in range(4)]
            kl = [sum(v * math.log(v / m) for v, m in zip(row, mean, strict=True)) for row in p]
            expected[i, j] = sum(kl) / 5
    expect(answer(x), expected)


@ensemble_disagreement.check
def three_sure_agents_reach_log_three_and_their_order_does_not_matter(answer):
    x = logs([1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0])
    expect(answer(x), zero() + math.log(3))
    y = logs([0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8])
    expect(answer(y[[2, 0, 1]]), answer(y).clone())


@ensemble_disagreement.check
def one_agent_never_disagrees_and_no_input_is_changed(answer):
    x = logs([[0.2, 0.8], [0.7, 0.3]])
    before = x.clone()
    expect(answer(x), zero(2))
    require(bool(torch.equal(x, before)), "logprobs as they were", x)


@ensemble_disagreement.check
def float32_is_kept(answer):
    expect(answer(logs([0.5, 0.5], [0.9, 0.1]).float()), torch.tensor(0.101743))


def _entropy(p):
    return -torch.xlogy(p, p).sum(-1)


@ensemble_disagreement.mistake("the entropy of the mean policy: high, too, if each is unsure")
def _(logprobs):
    return _entropy(logprobs.exp().mean(0))


@ensemble_disagreement.mistake("the mean entropy: how unsure each is, not how they differ")
def _(logprobs):
    return _entropy(logprobs.exp()).mean(0)


@ensemble_disagreement.mistake("the sign: mean entropy less entropy of the mean")
def _(logprobs):
    return -ensemble_disagreement.reference(logprobs)


@ensemble_disagreement.mistake("0 · log 0 gives nan")
def _(logprobs):
    p = logprobs.exp()
    mean = p.mean(0)
    return (p * logprobs).sum(-1).mean(0) - (mean * mean.log()).sum(-1)


@ensemble_disagreement.mistake("log-probabilities are averaged, not probabilities")
def _(logprobs):
    mean = logprobs.mean(0).softmax(-1)
    return _entropy(mean) - _entropy(logprobs.exp()).mean(0)


@ensemble_disagreement.mistake("the entropies are summed over agents, not averaged")
def _(logprobs):
    p = logprobs.exp()
    return _entropy(p.mean(0)) - _entropy(p).sum(0)


@ensemble_disagreement.mistake("in bits: a logarithm to base 2, where nats were asked for")
def _(logprobs):
    return ensemble_disagreement.reference(logprobs) / math.log(2)


@ensemble_disagreement.mistake("averaged over actions, where a sum was asked for")
def _(logprobs):
    return ensemble_disagreement.reference(logprobs) / logprobs.shape[-1]


@ensemble_disagreement.mistake("variance of the probabilities, not a divergence in nats")
def _(logprobs):
    return logprobs.exp().var(0, correction=0).sum(-1)


@ensemble_disagreement.mistake("the share of agents that prefer another action than most do")
def _(logprobs):
    best = logprobs.argmax(-1)
    return (best != best.mode(0).values).to(logprobs.dtype).mean(0)


@ensemble_disagreement.mistake("agents and states are mixed up: the mean is over the second axis")
def _(logprobs):
    if logprobs.dim() < 3:
        return ensemble_disagreement.reference(logprobs)
    return ensemble_disagreement.reference(logprobs.transpose(0, 1))


@ensemble_disagreement.mistake("one number for all states")
def _(logprobs):
    return ensemble_disagreement.reference(logprobs).mean()


@ensemble_disagreement.mistake("only the first two agents are compared")
def _(logprobs):
    return ensemble_disagreement.reference(logprobs[:2])


@ensemble_disagreement.right("by divergences from the mean policy")
def _(logprobs):
    p = logprobs.exp()
    mean = p.mean(0, keepdim=True)
    ratio = torch.where(p > 0, p / mean, torch.ones_like(p))
    return (p * ratio.log()).sum(-1).mean(0)


@ensemble_disagreement.right("by torch.special.entr and a loop over agents")
def _(logprobs):
    policies = [x.exp() for x in logprobs]
    mean = sum(policies) / len(policies)
    each = sum(torch.special.entr(p).sum(-1) for p in policies) / len(policies)
    return torch.special.entr(mean).sum(-1) - each


@ensemble_disagreement.mistake("the square root: Jensen and Shannon's distance, not divergence")
def _(logprobs):
    return ensemble_disagreement.reference(logprobs).clamp(min=0).sqrt()


@ensemble_disagreement.mistake("divided by the log of the number of agents")
def _(logprobs):
    return ensemble_disagreement.reference(logprobs) / max(math.log(len(logprobs)), 1e-9)
