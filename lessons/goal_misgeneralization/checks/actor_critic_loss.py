"""How an answer to actor_critic_loss is judged."""

import math

import torch

from lessons.goal_misgeneralization.exercises import actor_critic_loss
from utils.grading import expect

T = torch.tensor
EVEN = torch.zeros(1, 2)  # two actions, one half each


def one(answer, old=0.5, advantage=0.0, value=0.0, target=0.0, logits=EVEN, **weights):
    """The loss of one decision, action 0."""
    return answer(
        logits, T([0]), T([math.log(old)]), T([advantage]), T([value]), T([target]), T([True]),
        **weights,
    )  # fmt: skip


def sample(seed, *shape, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    draw = lambda *s: torch.randn(*s, generator=g, dtype=torch.float64).to(dtype)  # noqa: E731
    logits = draw(*shape, 4)
    actions = torch.randint(4, shape, generator=g)
    old = (logits + 0.6 * draw(*shape, 4)).log_softmax(-1).gather(-1, actions[..., None])[..., 0]
    counts = torch.rand(*shape, generator=g) < 0.7
    counts[..., 0] = True
    return logits, actions, old, draw(*shape), draw(*shape), draw(*shape), counts


def by_hand(logits, actions, old, advantages, values, returns, counts, clip, v_weight, h_weight):
    """One agent's loss on plain numbers."""
    total, n = 0.0, 0
    for i in range(len(actions)):
        if not counts[i]:
            continue
        e = [math.exp(x) for x in logits[i].tolist()]
        p = [x / sum(e) for x in e]
        ratio = p[int(actions[i])] / math.exp(old[i].item())
        a = advantages[i].item()
        gain = min(ratio * a, min(max(ratio, 1 - clip), 1 + clip) * a)
        h = -sum(x * math.log(x) for x in p)
        total += -gain + v_weight * (values[i] - returns[i]).item() ** 2 - h_weight * h
        n += 1
    return total / n


@actor_critic_loss.check
def without_weights_it_is_minus_the_advantage_at_ratio_one(answer):
    expect(one(answer, advantage=3.0, value_weight=0.0, entropy_weight=0.0), T(-3.0))


@actor_critic_loss.check
def the_critic_pays_half_its_squared_error(answer):
    expect(one(answer, value=2.0, target=5.0, entropy_weight=0.0), T(4.5))


@actor_critic_loss.check
def entropy_is_rewarded(answer):
    expect(one(answer, entropy_weight=0.1), T(-0.1 * math.log(2)))


@actor_critic_loss.check
def a_good_action_gains_up_to_the_clip(answer):
    expect(one(answer, old=0.25, advantage=1.0, entropy_weight=0.0), T(-1.2))
    expect(one(answer, old=0.25, advantage=1.0, clip=0.5, entropy_weight=0.0), T(-1.5))


@actor_critic_loss.check
def a_bad_action_that_became_likelier_is_not_clipped(answer):
    expect(one(answer, old=0.25, advantage=-1.0, entropy_weight=0.0), T(2.0))


@actor_critic_loss.check
def a_stack_of_agents_is_each_by_hand(answer):
    data = sample(0, 2, 7)
    expected = [by_hand(*(x[i] for x in data), 0.2, 0.5, 0.01) for i in range(2)]
    expect(answer(*data), torch.tensor(expected, dtype=torch.float64))


@actor_critic_loss.check
def other_weights_by_hand(answer):
    data = sample(1, 9)
    expected = by_hand(*data, 0.3, 0.8, 0.2)
    got = answer(*data, clip=0.3, value_weight=0.8, entropy_weight=0.2)
    expect(got, torch.tensor(expected, dtype=torch.float64))


@actor_critic_loss.check
def what_does_not_count_changes_nothing(answer):
    data = list(sample(2, 6, dtype=torch.float32))
    data[-1] = T([True, True, False, True, False, True])
    expected = by_hand(*data, 0.2, 0.5, 0.01)
    for i in (0, 3, 4, 5):
        data[i] = data[i].clone()
        data[i][~data[-1]] = 9.0
    expect(answer(*data), T(expected), tol=1e-4)


@actor_critic_loss.check
def an_agent_without_decisions_has_loss_zero(answer):
    data = sample(3, 4)
    expect(
        answer(*data[:-1], torch.zeros(4, dtype=torch.bool)), torch.zeros((), dtype=torch.float64)
    )


@actor_critic_loss.check
def nearly_impossible_actions_stay_finite(answer):
    got = one(answer, old=0.5, advantage=-1.0, logits=T([[0.0, 200.0]]), entropy_weight=0.1)
    expect(got, T(0.8))  # ratio 0, clipped to 0.8; the entropy of a sure policy is 0


@actor_critic_loss.check
def actor_and_critic_both_learn(answer):
    data = list(sample(4, 5))
    data[0].requires_grad_()
    data[4].requires_grad_()
    answer(*data).backward()
    counts = data[-1].double()
    expected = (data[4] - data[5]).detach() * counts / counts.sum()
    expect(data[4].grad, expected)
    step, moved = 1e-6, torch.zeros_like(data[0])
    for i in range(5):
        for k in range(4):
            both = []
            for sign in (1, -1):
                logits = data[0].detach().clone()
                logits[i, k] += sign * step
                both.append(by_hand(logits, *(x.detach() for x in data[1:]), 0.2, 0.5, 0.01))
            moved[i, k] = (both[0] - both[1]) / (2 * step)
    expect(data[0].grad, moved.detach(), tol=1e-4)


def _built(gain=None, error=None, mean=None, h_sign=-1.0, log=None):
    """The loss with one part done otherwise."""

    def fn(logits, actions, old_logprobs, advantages, values, returns, counts, clip=0.2,
           value_weight=0.5, entropy_weight=0.01):  # fmt: skip
        logprobs = (log or (lambda x: x.log_softmax(-1)))(logits)
        taken = logprobs.gather(-1, actions[..., None]).squeeze(-1)
        ratio = (taken - old_logprobs).exp()
        by = gain or (lambda r, a, c, t: torch.minimum(r * a, r.clamp(1 - c, 1 + c) * a))
        entropy = -(logprobs.exp() * logprobs).sum(-1)
        wrong = (error or (lambda v, g: (v - g) ** 2))(values, returns)
        loss = -by(ratio, advantages, clip, taken) + value_weight * wrong
        loss = loss + h_sign * entropy_weight * entropy
        over = mean or (lambda x, c: (x * c).sum(-1) / c.sum(-1).clamp(min=1))
        return over(loss, counts)

    return fn


def _mistake(text, fn):
    actor_critic_loss.mistake(text)(fn)


_mistake("the actor's sign: it learns to do what turned out badly",
         _built(lambda r, a, c, t: -torch.minimum(r * a, r.clamp(1 - c, 1 + c) * a)))  # fmt: skip
_mistake("entropy is added, so that being unsure costs", _built(h_sign=1.0))
_mistake("entropy is left out", _built(h_sign=0.0))
_mistake("the difference of log-probabilities for their ratio: exp is missing",
         _built(lambda r, a, c, t: r.log() * a))  # fmt: skip
_mistake("the clip has an upper bound only",
         _built(lambda r, a, c, t: torch.minimum(r * a, r.clamp(max=1 + c) * a)))  # fmt: skip
_mistake("the critic's squared error is halved beside value_weight",
         _built(error=lambda v, g: (v - g) ** 2 / 2))  # fmt: skip
_mistake("entropy is a mean over actions, where the sum was asked for", _built(h_sign=-0.25))
_mistake("there is no clip", _built(lambda r, a, c, t: r * a))
_mistake("only the clipped ratio, without the smaller of the two",
         _built(lambda r, a, c, t: r.clamp(1 - c, 1 + c) * a))  # fmt: skip
_mistake("the larger of the two products, where the smaller was asked for",
         _built(lambda r, a, c, t: torch.maximum(r * a, r.clamp(1 - c, 1 + c) * a)))  # fmt: skip
_mistake("log π times A, without the ratio to the old policy", _built(lambda r, a, c, t: t * a))
_mistake(
    "the ratio is upside down: old over new",
    _built(lambda r, a, c, t: torch.minimum(a / r, (1 / r).clamp(1 - c, 1 + c) * a)),
)
_mistake("the clip is a constant 0.2: the argument is ignored",
         _built(lambda r, a, c, t: torch.minimum(r * a, r.clamp(0.8, 1.2) * a)))  # fmt: skip
_mistake("the critic's error is not squared", _built(error=lambda v, g: (v - g).abs()))
_mistake("the critic cannot learn: its values are detached",
         _built(error=lambda v, g: (v.detach() - g) ** 2))  # fmt: skip
_mistake(
    "the error is clipped as the ratio is", _built(error=lambda v, g: (v - g).clamp(-1, 1) ** 2)
)
_mistake("a mean over all decisions, those that do not count among them",
         _built(mean=lambda x, c: (x * c).mean(-1)))  # fmt: skip
_mistake("`counts` is ignored", _built(mean=lambda x, c: x.mean(-1)))
_mistake("a sum over decisions, where the mean was asked for",
         _built(mean=lambda x, c: (x * c).sum(-1)))  # fmt: skip
_mistake("one mean over all agents, where each has its own",
         _built(mean=lambda x, c: (x * c).sum() / c.sum().clamp(min=1)))  # fmt: skip
_mistake("0 divided by 0 where no decision counts: nan",
         _built(mean=lambda x, c: (x * c).sum(-1) / c.sum(-1)))  # fmt: skip
_mistake("logits are taken for log-probabilities", _built(log=lambda x: x))
_mistake("log of softmax: −inf for what is nearly impossible, and then nan",
         _built(log=lambda x: x.softmax(-1).log()))  # fmt: skip


@actor_critic_loss.mistake("the weights are ignored: 0.5 and 0.01 whatever is asked for")
def _(logits, actions, old_logprobs, advantages, values, returns, counts, clip=0.2,
      value_weight=0.5, entropy_weight=0.01):  # fmt: skip
    return actor_critic_loss.reference(
        logits, actions, old_logprobs, advantages, values, returns, counts, clip
    )


@actor_critic_loss.right("by torch.distributions, in halves above and below the clip")
def _(logits, actions, old_logprobs, advantages, values, returns, counts, clip=0.2,
      value_weight=0.5, entropy_weight=0.01):  # fmt: skip
    policy = torch.distributions.Categorical(logits=logits)
    ratio = torch.exp(policy.log_prob(actions) - old_logprobs)
    capped = torch.where(advantages >= 0, ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip))
    loss = value_weight * (returns - values) ** 2 - capped * advantages
    loss = loss - entropy_weight * policy.entropy()
    loss = torch.where(counts, loss, torch.zeros_like(loss))
    return loss.sum(-1) / torch.clamp(counts.sum(-1), min=1)


@actor_critic_loss.right("by a loop over agents, and an index for what counts")
def _(logits, actions, old_logprobs, advantages, values, returns, counts, clip=0.2,
      value_weight=0.5, entropy_weight=0.01):  # fmt: skip
    if actions.dim() > 1:
        rows = zip(logits, actions, old_logprobs, advantages, values, returns, counts, strict=True)
        weights = clip, value_weight, entropy_weight
        return torch.stack([actor_critic_loss.reference(*row, *weights) for row in rows])
    kept = counts.nonzero().flatten()
    if len(kept) == 0:
        return 0 * values.sum()
    logprobs = torch.nn.functional.log_softmax(logits[kept], -1)
    ratio = (logprobs[range(len(kept)), actions[kept]] - old_logprobs[kept]).exp()
    a = advantages[kept]
    actor = torch.maximum(-a * ratio, -a * torch.clamp(ratio, 1 - clip, 1 + clip)).mean()
    critic = torch.nn.functional.mse_loss(values[kept], returns[kept])
    entropy = torch.special.entr(logprobs.exp()).sum(-1).mean()
    return actor + value_weight * critic - entropy_weight * entropy
