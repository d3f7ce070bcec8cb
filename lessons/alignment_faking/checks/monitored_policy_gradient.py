"""How `monitored_policy_gradient` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.alignment_faking.exercises import monitored_policy_gradient
from utils.grading import expect, require


def _case(seed, *shape):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(*shape, generator=g)
    actions = (torch.rand(*shape, generator=g) < 0.5).float()
    rewards = torch.randn(*shape, generator=g)
    return logits, actions, rewards, torch.rand(*shape, generator=g) < 0.6


def _by_hand(logits, actions, rewards, monitored):
    """The loss of one policy, episode by episode."""
    rows = list(zip(logits.tolist(), actions.tolist(), rewards.tolist(), monitored.tolist(),
                    strict=True))  # fmt: skip
    kept = [row[:3] for row in rows if row[3]]
    if not kept:
        return 0.0
    b = sum(r for _, _, r in kept) / len(kept)
    logs = [-math.log1p(math.exp(-x if a else x)) for x, a, _ in kept]
    return -sum((r - b) * lp for lp, (_, _, r) in zip(logs, kept, strict=True)) / len(kept)


@monitored_policy_gradient.check
def two_watched_episodes(fn):
    logits, actions = torch.zeros(2), torch.tensor([1.0, 0.0])
    logits = torch.tensor([0.0, 1.0])
    rewards, watched = torch.tensor([1.0, 0.0]), torch.tensor([True, True])
    wanted = -(0.5 * math.log(0.5) - 0.5 * -math.log1p(math.e)) / 2
    expect(fn(logits, actions, rewards, watched), torch.tensor(wanted))


@monitored_policy_gradient.check
def an_unwatched_episode_changes_nothing(fn):
    logits, actions, rewards, _ = _case(0, 6)
    watched = torch.tensor([True, True, True, True, False, False])
    expect(
        fn(logits, actions, rewards, watched),
        torch.tensor(_by_hand(logits, actions, rewards, watched)),
    )
    other = rewards.clone()
    other[4:] = 50.0
    expect(
        fn(logits, actions, other, watched),
        torch.tensor(_by_hand(logits, actions, rewards, watched)),
    )


@monitored_policy_gradient.check
def the_same_reward_for_all_teaches_nothing(fn):
    logits, actions, _, watched = _case(1, 8)
    logits.requires_grad_()
    loss = fn(logits, actions, torch.full((8,), 3.0), watched)
    require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
    require(loss.requires_grad, "a loss through which a gradient passes", loss)
    (grad,) = torch.autograd.grad(loss, logits)
    expect(grad, torch.zeros(8), rewards=torch.full((8,), 3.0), monitored=watched)


@monitored_policy_gradient.check
def several_policies_at_once(fn):
    case = _case(2, 3, 7)
    wanted = [_by_hand(*(x[i] for x in case)) for i in range(3)]
    expect(fn(*case), torch.tensor(wanted))


@monitored_policy_gradient.check
def its_gradient_is_the_policy_gradient(fn):
    logits, actions, rewards, watched = _case(3, 9)
    logits.requires_grad_()
    loss = fn(logits, actions, rewards, watched)
    require(torch.is_tensor(loss) and loss.requires_grad, "a loss with a gradient", loss)
    (grad,) = torch.autograd.grad(loss, logits)
    b = rewards[watched].mean()
    wanted = -(rewards - b) * (actions - logits.detach().sigmoid()) * watched / watched.sum()
    expect(grad, wanted, logits=logits.detach(), actions=actions, rewards=rewards,
           monitored=watched)  # fmt: skip


@monitored_policy_gradient.check
def nobody_watched(fn):
    logits, actions, rewards, _ = _case(4, 2, 5)
    watched = torch.tensor([[True] * 5, [False] * 5])
    first = _by_hand(logits[0], actions[0], rewards[0], watched[0])
    expect(fn(logits, actions, rewards, watched), torch.tensor([first, 0.0]))


@monitored_policy_gradient.check
def very_sure_policies(fn):
    logits, actions = torch.tensor([200.0, -200.0]), torch.tensor([0.0, 1.0])
    watched = torch.tensor([True, True])
    expect(fn(logits, actions, torch.tensor([1.0, 3.0]), watched), torch.tensor(0.0))
    expect(fn(logits, actions[[0, 0]], torch.tensor([1.0, 3.0]), watched), torch.tensor(-100.0))


@monitored_policy_gradient.check
def double_precision_stays(fn):
    case = _case(5, 6)
    wide = [x.double() if x.is_floating_point() else x for x in case]
    expect(fn(*wide), torch.tensor(_by_hand(*case), dtype=torch.float64))


def _lp(logits, actions):
    return F.logsigmoid(torch.where(actions > 0, logits, -logits))


def _parts(logits, rewards, monitored):
    w = monitored.to(logits.dtype)
    n = w.sum(-1).clamp(min=1)
    return w, n, ((w * rewards).sum(-1) / n)[..., None]


@monitored_policy_gradient.mistake("an unmonitored episode gets reward 0: it is trained on, too")
def _(logits, actions, rewards, monitored):
    rewards = rewards * monitored
    return -((rewards - rewards.mean(-1, keepdim=True)) * _lp(logits, actions)).mean(-1)


@monitored_policy_gradient.mistake("an unmonitored episode is taken for a refusal of reward 0")
def _(logits, actions, rewards, monitored):
    actions, rewards = actions * monitored, rewards * monitored
    return -((rewards - rewards.mean(-1, keepdim=True)) * _lp(logits, actions)).mean(-1)


@monitored_policy_gradient.mistake("the monitoring is ignored")
def _(logits, actions, rewards, monitored):
    return -((rewards - rewards.mean(-1, keepdim=True)) * _lp(logits, actions)).mean(-1)


@monitored_policy_gradient.mistake("the baseline is the mean over all episodes, unmonitored, too")
def _(logits, actions, rewards, monitored):
    w, n, _ = _parts(logits, rewards, monitored)
    b = rewards.mean(-1, keepdim=True)
    return -(w * (rewards - b) * _lp(logits, actions)).sum(-1) / n


@monitored_policy_gradient.mistake("the baseline's sum is divided by all, not by the monitored")
def _(logits, actions, rewards, monitored):
    w, n, _ = _parts(logits, rewards, monitored)
    b = (w * rewards).mean(-1, keepdim=True)
    return -(w * (rewards - b) * _lp(logits, actions)).sum(-1) / n


@monitored_policy_gradient.mistake("no baseline: refusals of reward 0 are never made unlikelier")
def _(logits, actions, rewards, monitored):
    w, n, _ = _parts(logits, rewards, monitored)
    return -(w * rewards * _lp(logits, actions)).sum(-1) / n


@monitored_policy_gradient.mistake("divided by all episodes, not by those that were monitored")
def _(logits, actions, rewards, monitored):
    w, _, b = _parts(logits, rewards, monitored)
    return -(w * (rewards - b) * _lp(logits, actions)).mean(-1)


@monitored_policy_gradient.mistake("a sum over the monitored episodes: the mean is asked for")
def _(logits, actions, rewards, monitored):
    w, _, b = _parts(logits, rewards, monitored)
    return -(w * (rewards - b) * _lp(logits, actions)).sum(-1)


@monitored_policy_gradient.mistake("the sign: this loss falls as rewarded actions get unlikelier")
def _(logits, actions, rewards, monitored):
    w, n, b = _parts(logits, rewards, monitored)
    return (w * (rewards - b) * _lp(logits, actions)).sum(-1) / n


@monitored_policy_gradient.mistake("log π(comply) for every action: a refusal has 1 − π")
def _(logits, actions, rewards, monitored):
    w, n, b = _parts(logits, rewards, monitored)
    return -(w * (rewards - b) * F.logsigmoid(logits)).sum(-1) / n


@monitored_policy_gradient.mistake("π in place of log π")
def _(logits, actions, rewards, monitored):
    w, n, b = _parts(logits, rewards, monitored)
    return -(w * (rewards - b) * _lp(logits, actions).exp()).sum(-1) / n


@monitored_policy_gradient.mistake("log of a sigmoid: −inf where the policy is very sure")
def _(logits, actions, rewards, monitored):
    w, n, b = _parts(logits, rewards, monitored)
    p = torch.sigmoid(logits)
    lp = actions * p.log() + (1 - actions) * (1 - p).log()
    return -(w * (rewards - b) * lp).sum(-1) / n


@monitored_policy_gradient.mistake("0 divided by 0 where nobody watched: NaN")
def _(logits, actions, rewards, monitored):
    w, _, _ = _parts(logits, rewards, monitored)
    n = w.sum(-1)
    b = ((w * rewards).sum(-1) / n)[..., None]
    return -(w * (rewards - b) * _lp(logits, actions)).sum(-1) / n


@monitored_policy_gradient.mistake("all policies thrown together: each has its own loss")
def _(logits, actions, rewards, monitored):
    flat = (x.flatten() for x in (logits, actions, rewards, monitored))
    return monitored_policy_gradient.reference(*flat)


@monitored_policy_gradient.mistake("one mean over all policies: a loss for each is asked for")
def _(logits, actions, rewards, monitored):
    return monitored_policy_gradient.reference(logits, actions, rewards, monitored).mean()


@monitored_policy_gradient.mistake("detached as a whole: no gradient passes through the loss")
def _(logits, actions, rewards, monitored):
    return monitored_policy_gradient.reference(logits, actions, rewards, monitored).detach()


@monitored_policy_gradient.mistake("the unmonitored are trained on, the monitored are not")
def _(logits, actions, rewards, monitored):
    return monitored_policy_gradient.reference(logits, actions, rewards, ~monitored)


@monitored_policy_gradient.right("by cross-entropy with the actions")
def _(logits, actions, rewards, monitored):
    w = monitored.to(logits.dtype)
    n = w.sum(-1, keepdim=True).clamp(min=1)
    b = (w * rewards).sum(-1, keepdim=True) / n
    ce = F.binary_cross_entropy_with_logits(logits, actions.to(logits.dtype), reduction="none")
    return (w / n * (rewards - b) * ce).sum(-1)


@monitored_policy_gradient.right("policy by policy, on the watched ones alone")
def _(logits, actions, rewards, monitored):
    rows = [x.reshape(-1, x.shape[-1]) for x in (logits, actions, rewards, monitored)]
    losses = []
    for lo, a, r, m in zip(*rows, strict=True):
        if not m.any():
            losses.append(lo.sum() * 0)
            continue
        dist = torch.distributions.Bernoulli(logits=lo[m])
        losses.append(-((r[m] - r[m].mean()) * dist.log_prob(a[m].to(lo.dtype))).mean())
    return torch.stack(losses).reshape(logits.shape[:-1])
