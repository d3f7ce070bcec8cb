"""How `attacker_loss` is judged: checks, mistakes, right answers."""

import torch

from lessons.red_teaming.exercises import attacker_loss
from utils.grading import expect, require


def _inputs(n, seed=0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    logprobs = (-5 * torch.rand(n, generator=g, dtype=torch.float64)).to(dtype).requires_grad_()
    rewards = (torch.rand(n, generator=g) < 0.4).to(dtype)
    rewards[0], rewards[-1] = 1, 0
    return logprobs, rewards


def _zero(dtype=torch.float32):
    return torch.zeros((), dtype=dtype)


@attacker_loss.check
def equal_rewards_teach_nothing(fn):
    for reward in (0.0, 1.0):
        logprobs = torch.tensor([-1.0, -2.0, -4.0], requires_grad=True)
        loss = fn(logprobs, torch.full((3,), reward), _zero(), 0.5)
        require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
        (gradient,) = torch.autograd.grad(loss, logprobs)
        expect(gradient, torch.zeros(3))


@attacker_loss.check
def one_of_three_succeeds(fn):
    loss = fn(torch.tensor([-1.0, -2.0, -6.0]), torch.tensor([1.0, 0.0, 0.0]), _zero(), 0.0)
    expect(loss, torch.tensor(-2 / 3))  # −(2/3 · −1 − 1/3 · −2 − 1/3 · −6) / 3


@attacker_loss.check
def the_bonus_lowers_the_loss_by_so_much_a_nat(fn):
    logprobs, rewards = _inputs(6)
    without = fn(logprobs.detach(), rewards, torch.tensor(2.5), 0.0)
    for bonus in (0.01, 1.0):
        expect(fn(logprobs.detach(), rewards, torch.tensor(2.5), bonus), without - 2.5 * bonus)


@attacker_loss.check
def gradients_by_hand(fn):
    for n in (3, 5, 9):
        logprobs, rewards = _inputs(n, n)
        entropy = torch.tensor(3.0, requires_grad=True)
        loss = fn(logprobs, rewards, entropy, 0.2)
        require(torch.is_tensor(loss) and loss.requires_grad, "a loss with a gradient", loss)
        got = torch.autograd.grad(loss, (logprobs, entropy), allow_unused=True)
        require(got[0] is not None, "a gradient for logprobs", None)
        require(got[1] is not None, "a gradient for entropy", None)
        mean = sum(rewards.tolist()) / n
        expect(got[0], torch.tensor([-(r - mean) / n for r in rewards.tolist()]))
        expect(got[1], torch.tensor(-0.2))


@attacker_loss.check
def float64_stays_float64(fn):
    logprobs, rewards = _inputs(4, 3, torch.float64)
    got = fn(logprobs.detach(), rewards, _zero(torch.float64), 0.1)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)


@attacker_loss.mistake("both signs: that is what grows, and a loss is to fall")
def _(logprobs, rewards, entropy, bonus):
    return ((rewards - rewards.mean()) * logprobs).mean() + bonus * entropy


@attacker_loss.mistake("each reward less the mean of the others: the baseline is the whole batch's")
def _(logprobs, rewards, entropy, bonus):
    others = (rewards.sum() - rewards) / (len(rewards) - 1)
    return -((rewards - others) * logprobs).mean() - bonus * entropy


@attacker_loss.mistake("the sign of the reward: attacks that fail become likelier")
def _(logprobs, rewards, entropy, bonus):
    return ((rewards - rewards.mean()) * logprobs).mean() - bonus * entropy


@attacker_loss.mistake("the sign of the bonus: it pays for sameness")
def _(logprobs, rewards, entropy, bonus):
    return -((rewards - rewards.mean()) * logprobs).mean() + bonus * entropy


@attacker_loss.mistake("no baseline: when all succeed, all that was sampled becomes likelier")
def _(logprobs, rewards, entropy, bonus):
    return -(rewards * logprobs).mean() - bonus * entropy


@attacker_loss.mistake("summed over the batch, where the mean was asked for")
def _(logprobs, rewards, entropy, bonus):
    return -((rewards - rewards.mean()) * logprobs).sum() - bonus * entropy


@attacker_loss.mistake("the bonus is missing")
def _(logprobs, rewards, entropy, bonus):
    return -((rewards - rewards.mean()) * logprobs).mean()


@attacker_loss.mistake("the entropy is detached: the bonus teaches nothing")
def _(logprobs, rewards, entropy, bonus):
    return -((rewards - rewards.mean()) * logprobs).mean() - bonus * entropy.detach()


@attacker_loss.mistake("probabilities in place of log-probabilities")
def _(logprobs, rewards, entropy, bonus):
    return -((rewards - rewards.mean()) * logprobs.exp()).mean() - bonus * entropy


@attacker_loss.mistake("divided by the rewards' spread, as in GRPO: asked for is the difference")
def _(logprobs, rewards, entropy, bonus):
    advantage = (rewards - rewards.mean()) / (rewards.std() + 1e-6)
    return -(advantage * logprobs).mean() - bonus * entropy


@attacker_loss.mistake("the means are multiplied: the mean advantage is 0")
def _(logprobs, rewards, entropy, bonus):
    return -(rewards - rewards.mean()).mean() * logprobs.mean() - bonus * entropy


@attacker_loss.mistake("the bonus multiplies the whole loss")
def _(logprobs, rewards, entropy, bonus):
    return bonus * (-((rewards - rewards.mean()) * logprobs).mean() - entropy)


@attacker_loss.mistake("the log-probabilities are detached: nothing is learned from the rewards")
def _(logprobs, rewards, entropy, bonus):
    return (
        -((rewards - rewards.mean()) * logprobs.detach()).mean()
        - bonus * entropy
        + (0 * logprobs).sum()
    )


@attacker_loss.right("by a dot product")
def _(logprobs, rewards, entropy, bonus):
    advantage = rewards - rewards.sum() / rewards.numel()
    return -(advantage @ logprobs) / logprobs.numel() - bonus * entropy


@attacker_loss.right("by a loop")
def _(logprobs, rewards, entropy, bonus):
    total, mean = 0.0, rewards.mean().detach()
    for logprob, reward in zip(logprobs, rewards, strict=True):
        total = total - (reward - mean) * logprob
    return total / len(logprobs) - bonus * entropy
