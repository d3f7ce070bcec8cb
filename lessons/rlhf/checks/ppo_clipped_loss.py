"""How `ppo_clipped_loss` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.rlhf.checks.shared import gradient, same_dtype
from lessons.rlhf.exercises import ppo_clipped_loss
from utils.grading import expect, require


def _loss_at(fn, ratio, advantage, clip=0.2):
    """Loss and gradient of one token at a given ratio."""
    old = torch.tensor([-1.0])
    logprobs = (old + math.log(ratio)).requires_grad_()
    loss = fn(logprobs, old, torch.tensor([advantage]), clip)
    (slope,) = gradient(loss, logprobs)
    return loss, slope


@ppo_clipped_loss.check
def before_the_first_step_it_is_the_policy_gradient(fn):
    for advantage in (2.0, -3.0):
        loss, slope = _loss_at(fn, 1.0, advantage)
        expect(loss, torch.tensor(-advantage))
        expect(slope, torch.tensor([-advantage]))


@ppo_clipped_loss.check
def inside_the_clip_it_is_ratio_times_advantage(fn):
    for ratio in (0.85, 0.95, 1.1, 1.19):
        for advantage in (2.0, -3.0):
            loss, slope = _loss_at(fn, ratio, advantage)
            expect(loss, torch.tensor(-ratio * advantage))
            expect(slope, torch.tensor([-ratio * advantage]))


@ppo_clipped_loss.check
def a_good_token_gains_nothing_beyond_one_plus_clip(fn):
    for ratio, clip in ((1.5, 0.2), (4.0, 0.2), (1.5, 0.1), (3.0, 0.5)):
        loss, slope = _loss_at(fn, ratio, 2.0, clip)
        expect(loss, torch.tensor(-2 * (1 + clip)))
        expect(slope, torch.zeros(1))


@ppo_clipped_loss.check
def a_bad_token_gains_nothing_below_one_minus_clip(fn):
    for ratio, clip in ((0.5, 0.2), (0.1, 0.2), (0.8, 0.1), (0.2, 0.5)):
        loss, slope = _loss_at(fn, ratio, -2.0, clip)
        expect(loss, torch.tensor(2 * (1 - clip)))
        expect(slope, torch.zeros(1))


@ppo_clipped_loss.check
def a_good_token_that_became_unlikely_is_pulled_back(fn):
    for ratio in (0.5, 0.1):
        loss, slope = _loss_at(fn, ratio, 2.0)
        expect(loss, torch.tensor(-2 * ratio))
        expect(slope, torch.tensor([-2 * ratio]))


@ppo_clipped_loss.check
def a_bad_token_that_became_likely_is_pushed_down_in_full(fn):
    for ratio in (1.5, 4.0, 20.0):
        loss, slope = _loss_at(fn, ratio, -2.0)
        expect(loss, torch.tensor(2 * ratio))
        expect(slope, torch.tensor([2 * ratio]))


@ppo_clipped_loss.check
def it_is_the_mean_written_out_for_any_shape(fn):
    for seed, shape in enumerate(((2,), (7,), (3, 4), (3, 3), (2, 3, 2))):
        g = torch.Generator().manual_seed(seed)
        old = -3 * torch.rand(shape, generator=g)
        new = old + 0.5 * torch.randn(shape, generator=g)
        advantages = torch.randn(shape, generator=g) + 0.3
        flat = (x.flatten().tolist() for x in (new, old, advantages))
        terms = []
        for n, o, a in zip(*flat, strict=True):
            ratio = math.exp(n - o)
            terms.append(min(ratio * a, min(max(ratio, 0.8), 1.2) * a))
        expect(fn(new, old, advantages, 0.2), torch.tensor(-sum(terms) / len(terms)))


@ppo_clipped_loss.check
def a_probability_of_e_to_the_minus_1000_is_fine(fn):
    new = torch.tensor([-1000.0, -999.9], requires_grad=True)
    loss = fn(new, torch.tensor([-1000.0, -1000.0]), torch.tensor([1.0, 1.0]), 0.2)
    # In float32 the difference 0.1 near 1000 is good to five digits.
    expect(loss, torch.tensor(-(1 + math.exp(0.1)) / 2), tol=1e-3)


@ppo_clipped_loss.check
def a_ratio_that_overflows_leaves_loss_and_gradient_finite(fn):
    for log_ratio in (1000.0, -1000.0):
        for advantage in (1.0, -1.0):
            new = torch.tensor([log_ratio - 1.0], requires_grad=True)
            loss = fn(new, torch.tensor([-1.0]), torch.tensor([advantage]), 0.2)
            (slope,) = gradient(loss, new)
            finite = bool(torch.isfinite(loss)) and slope is not None and bool(slope.isfinite())
            require(finite, "a finite loss and gradient", (loss.item(), slope))
            if log_ratio > 0 and advantage < 0:
                require(loss.item() > 1e6, "a very large loss", loss.item())
            else:
                value = {(1000.0, 1.0): -1.2, (-1000.0, 1.0): 0.0, (-1000.0, -1.0): 0.8}
                expect(loss, torch.tensor(value[log_ratio, advantage]))
                expect(slope, torch.zeros(1))


@ppo_clipped_loss.check
def a_log_ratio_of_50_still_counts_in_full(fn):
    new = torch.tensor([49.0], dtype=torch.float64)
    loss = fn(new, new - 50, torch.tensor([-1.0], dtype=torch.float64), 0.2)
    expect(loss, torch.tensor(math.exp(50), dtype=torch.float64))


@ppo_clipped_loss.check
def old_logprobs_and_advantages_are_constants(fn):
    new, old = (torch.tensor([-1.0, -1.1], requires_grad=True) for _ in range(2))
    advantages = torch.tensor([1.0, -2.0], requires_grad=True)
    to_new, *others = gradient(fn(new, old, advantages, 0.2), new, old, advantages)
    expect(to_new, torch.tensor([-0.5, 1.0]), logprobs=new, old_logprobs=old, advantages=advantages)
    for name, grad in zip(("old_logprobs", "advantages"), others, strict=True):
        none = grad is None or not bool(grad.any())
        require(none, f"no gradient to {name}", grad)


@ppo_clipped_loss.check
def the_same_tensor_as_new_and_old_still_learns(fn):
    # In the first epoch it is common to pass logprobs and the very same tensor as old_logprobs.
    new = torch.tensor([-1.0], requires_grad=True)
    (slope,) = gradient(fn(new, new, torch.tensor([2.0]), 0.2), new)
    expect(slope, torch.tensor([-2.0]))


@ppo_clipped_loss.check
def a_double_loss_for_double_logs(fn):
    new = torch.tensor([-1.0], dtype=torch.float64)
    same_dtype(fn(new, new - 0.1, new, 0.2), new)


def _finite_ratio(logprobs, old_logprobs):
    return torch.exp((logprobs - old_logprobs.detach()).clamp(max=80))


def _pessimistic(ratio, advantages, low, high):
    return torch.minimum(ratio * advantages, ratio.clamp(low, high) * advantages)


@ppo_clipped_loss.mistake("exp overflows: one infinite ratio makes the whole loss infinite or NaN")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = torch.exp(logprobs - old_logprobs.detach())
    return -_pessimistic(ratio, advantages.detach(), 1 - clip, 1 + clip).mean()


def _plant(text):
    """A mistake is planted twice: with the overflow taken care of, and by a bare exp besides.

    What is under it takes the log-ratio's exponential, the log-ratio, advantages and clip.
    """

    def register(wrong):
        @ppo_clipped_loss.mistake(text)
        def finite(logprobs, old_logprobs, advantages, clip):
            log_ratio = (logprobs - old_logprobs.detach()).clamp(max=80)
            return wrong(log_ratio.exp(), log_ratio, advantages.detach(), clip)

        @ppo_clipped_loss.mistake(f"{text}. Besides, exp overflows")
        def overflows(logprobs, old_logprobs, advantages, clip):
            log_ratio = logprobs - old_logprobs.detach()
            return wrong(log_ratio.exp(), log_ratio, advantages.detach(), clip)

        return wrong

    return register


@_plant("no clip: nothing keeps the step small")
def _(ratio, log_ratio, a, clip):
    return -(ratio * a).mean()


@_plant("max for min, or the minus inside the min, which comes to the same")
def _(ratio, log_ratio, a, clip):
    return -torch.maximum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@_plant("clipped without the min: a step too far can never be taken back")
def _(ratio, log_ratio, a, clip):
    return -(ratio.clamp(1 - clip, 1 + clip) * a).mean()


@_plant("the smaller of the ratios is taken before the advantage multiplies it")
def _(ratio, log_ratio, a, clip):
    return -(torch.minimum(ratio, ratio.clamp(1 - clip, 1 + clip)) * a).mean()


@_plant("clipped from above only: bad tokens may fall without end")
def _(ratio, log_ratio, a, clip):
    return -torch.minimum(ratio * a, ratio.clamp(max=1 + clip) * a).mean()


@_plant("clipped from below only: good tokens may grow without end")
def _(ratio, log_ratio, a, clip):
    return -torch.minimum(ratio * a, ratio.clamp(min=1 - clip) * a).mean()


@_plant("the sign: an objective to maximize, where a loss was asked for")
def _(ratio, log_ratio, a, clip):
    return _pessimistic(ratio, a, 1 - clip, 1 + clip).mean()


@_plant("no exp: the log-ratio is clipped around 1")
def _(ratio, log_ratio, a, clip):
    return -_pessimistic(log_ratio, a, 1 - clip, 1 + clip).mean()


@_plant("the log-ratio is clipped to ±clip, so the ratio to e^±clip")
def _(ratio, log_ratio, a, clip):
    return -torch.minimum(ratio * a, log_ratio.clamp(-clip, clip).exp() * a).mean()


@_plant("the advantage is clipped along with the ratio: their product is clamped")
def _(ratio, log_ratio, a, clip):
    return -torch.minimum(ratio * a, (ratio * a).clamp(1 - clip, 1 + clip)).mean()


@_plant("the sum over entries, where the mean was asked for")
def _(ratio, log_ratio, a, clip):
    return -_pessimistic(ratio, a, 1 - clip, 1 + clip).sum()


@_plant("clip is ignored: 0.2 stands in the code")
def _(ratio, log_ratio, a, clip):
    return -_pessimistic(ratio, a, 0.8, 1.2).mean()


@ppo_clipped_loss.mistake("the ratio upside down: old over new")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = torch.exp(old_logprobs.detach() - logprobs)
    return -_pessimistic(ratio, advantages.detach(), 1 - clip, 1 + clip).mean()


@ppo_clipped_loss.mistake(
    "a log-ratio far below 80 is cut off already: up to there it counts in full"
)
def _(logprobs, old_logprobs, advantages, clip):
    ratio = torch.exp((logprobs - old_logprobs.detach()).clamp(max=20))
    return -_pessimistic(ratio, advantages.detach(), 1 - clip, 1 + clip).mean()


@ppo_clipped_loss.mistake("old_logprobs is not detached: the old policy is pushed the other way")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = torch.exp((logprobs - old_logprobs).clamp(max=80))
    return -_pessimistic(ratio, advantages.detach(), 1 - clip, 1 + clip).mean()


@ppo_clipped_loss.mistake("advantages are not detached: the policy's loss pulls on the critic")
def _(logprobs, old_logprobs, advantages, clip):
    return -_pessimistic(
        _finite_ratio(logprobs, old_logprobs), advantages, 1 - clip, 1 + clip
    ).mean()


@ppo_clipped_loss.mistake("exp overflows for large log-ratios, and old_logprobs is not detached")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = torch.exp(logprobs - old_logprobs)
    return -_pessimistic(ratio, advantages.detach(), 1 - clip, 1 + clip).mean()


@ppo_clipped_loss.mistake("exp overflows, and the advantages are not detached")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = torch.exp(logprobs - old_logprobs.detach())
    return -_pessimistic(ratio, advantages, 1 - clip, 1 + clip).mean()


@ppo_clipped_loss.mistake("probabilities divided: 0/0 = NaN for unlikely tokens. Subtract the logs")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = logprobs.exp() / old_logprobs.detach().exp()
    return -_pessimistic(ratio, advantages.detach(), 1 - clip, 1 + clip).mean()


@ppo_clipped_loss.right("by where: the corners of the objective one by one")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _finite_ratio(logprobs, old_logprobs), advantages.detach()
    gained_enough = torch.where(a > 0, ratio > 1 + clip, ratio < 1 - clip)
    edge = torch.where(a > 0, 1 + clip, 1 - clip)
    return -torch.where(gained_enough, edge * a, ratio * a).mean()


@ppo_clipped_loss.right("by the larger of two losses")
def _(logprobs, old_logprobs, advantages, clip):
    ratio = _finite_ratio(logprobs, old_logprobs)
    losses = -advantages.detach() * torch.stack([ratio, torch.clip(ratio, 1 - clip, 1 + clip)])
    return losses.max(0).values.sum() / losses[0].numel()
