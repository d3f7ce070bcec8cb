"""How `kl_penalized_reward` is judged: checks, mistakes, right answers."""

import torch

from lessons.rlhf.checks.shared import same_dtype, some_logprobs
from lessons.rlhf.exercises import kl_penalized_reward
from utils.grading import expect, require


@kl_penalized_reward.check
def one_token(fn):
    reward, logprobs, ref = torch.tensor([1.0]), torch.tensor([[-1.0]]), torch.tensor([[-3.0]])
    expect(fn(reward, logprobs, ref, 0.5), torch.tensor([[0.0]]))
    expect(fn(reward, ref, logprobs, 0.5), torch.tensor([[2.0]]))


@kl_penalized_reward.check
def without_a_penalty_only_the_last_token_is_paid(fn):
    logprobs, ref = some_logprobs(0, 2, 3)
    want = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, -1.0]])
    expect(fn(torch.tensor([2.0, -1.0]), logprobs, ref, 0.0), want)


@kl_penalized_reward.check
def without_a_reward_each_token_pays_for_its_own_log_ratio(fn):
    logprobs = torch.tensor([[-1.0, -1.0, -2.0]])
    ref = torch.tensor([[-2.0, -1.0, -1.5]])
    expect(fn(torch.zeros(1), logprobs, ref, 0.1), torch.tensor([[-0.1, 0.0, 0.05]]))


@kl_penalized_reward.check
def at_the_reference_there_is_nothing_to_pay(fn):
    logprobs, _ = some_logprobs(1, 2, 3)
    want = torch.tensor([[0.0, 0.0, 0.5], [0.0, 0.0, 0.7]])
    expect(fn(torch.tensor([0.5, 0.7]), logprobs, logprobs.clone(), 3.0), want)


@kl_penalized_reward.check
def it_is_what_the_definition_says_token_by_token(fn):
    for seed, (batch, length) in enumerate(((2, 3), (3, 2), (4, 4), (5, 1))):
        logprobs, ref = some_logprobs(seed, batch, length)
        reward = torch.linspace(-1, 2, batch)
        for beta in (0.05, 2.0):
            want = [
                [
                    -beta * (logprobs[i, t].item() - ref[i, t].item())
                    + (reward[i].item() if t == length - 1 else 0)
                    for t in range(length)
                ]
                for i in range(batch)
            ]
            expect(fn(reward, logprobs, ref, beta), torch.tensor(want))


@kl_penalized_reward.check
def no_gradient_flows_through_it(fn):
    logprobs, ref = some_logprobs(4, 2, 3)
    reward = torch.ones(2, requires_grad=True)
    got = fn(reward, logprobs.requires_grad_(), ref.requires_grad_(), 0.1)
    require(torch.is_tensor(got) and not got.requires_grad, "constants, detached", got)


@kl_penalized_reward.check
def double_rewards_stay_double(fn):
    logprobs, ref = (x.double() for x in some_logprobs(5, 2, 3))
    same_dtype(fn(torch.zeros(2).double(), logprobs, ref, 0.1), logprobs)


@kl_penalized_reward.mistake("the sign of the penalty: drifting from the reference is paid for")
def _(reward, logprobs, ref_logprobs, beta):
    out = beta * (logprobs - ref_logprobs).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalized_reward.mistake("the reward is given to every token, not to the last one")
def _(reward, logprobs, ref_logprobs, beta):
    return (reward[:, None] - beta * (logprobs - ref_logprobs)).detach()


@kl_penalized_reward.mistake("the whole penalty stands at the last token, where the reward does")
def _(reward, logprobs, ref_logprobs, beta):
    out = torch.zeros_like(logprobs)
    out[:, -1] = (reward - beta * (logprobs - ref_logprobs).sum(-1)).detach()
    return out


@kl_penalized_reward.mistake("the reference is missing: that rewards entropy, not closeness")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * logprobs.detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalized_reward.mistake("the last token gets the reward in place of its penalty, not on top")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs - ref_logprobs).detach()
    out[:, -1] = reward.detach()
    return out


@kl_penalized_reward.mistake("the reward stands at the first token")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs - ref_logprobs).detach()
    out[:, 0] += reward.detach()
    return out


@kl_penalized_reward.mistake("beta multiplies the reward too")
def _(reward, logprobs, ref_logprobs, beta):
    out = -(logprobs - ref_logprobs).detach()
    out[:, -1] += reward.detach()
    return beta * out


@kl_penalized_reward.mistake("beta is ignored")
def _(reward, logprobs, ref_logprobs, beta):
    out = -(logprobs - ref_logprobs).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalized_reward.mistake(
    "the absolute log-ratio: a token less likely than before is punished too, and E is no KL"
)
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs - ref_logprobs).abs().detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalized_reward.mistake("probabilities are subtracted, not their logarithms")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs.exp() - ref_logprobs.exp()).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalized_reward.mistake("not detached: the policy would learn through its own reward")
def _(reward, logprobs, ref_logprobs, beta):
    last = torch.zeros_like(logprobs)
    last[:, -1] = 1
    return last * reward[:, None] - beta * (logprobs - ref_logprobs)


@kl_penalized_reward.mistake("the reward is spread evenly over the tokens, not given to the last")
def _(reward, logprobs, ref_logprobs, beta):
    share = reward[:, None] / logprobs.shape[1]
    return (share - beta * (logprobs - ref_logprobs)).detach()


@kl_penalized_reward.mistake("weighted by π: the samples come from the policy, and do that already")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs.exp() * (logprobs - ref_logprobs)).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalized_reward.right("by concatenation of all but the last token and the last")
def _(reward, logprobs, ref_logprobs, beta):
    with torch.no_grad():
        paid = beta * (ref_logprobs - logprobs)
        return torch.cat([paid[:, :-1], paid[:, -1:] + reward[:, None]], 1)


@kl_penalized_reward.right("by a loop over tokens")
def _(reward, logprobs, ref_logprobs, beta):
    columns, length = [], logprobs.shape[1]
    for t in range(length):
        column = -beta * (logprobs[:, t] - ref_logprobs[:, t])
        columns.append(column + reward if t == length - 1 else column)
    return torch.stack(columns, 1).detach()
