"""How `ipo_loss` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.dpo.checks.shared import (
    expect_both,
    gradients,
    margin_in_nats,
    margins_by_hand,
    of_margin,
    one_number,
    random_pairs,
)
from lessons.dpo.exercises import ipo_loss
from utils.grading import expect, require


def _ipo_by_hand(inputs, beta):
    terms = [(m - 0.5 / beta) ** 2 for m in margins_by_hand(*inputs)]
    return sum(terms) / len(terms)


@ipo_loss.check
def a_margin_on_target_costs_nothing(fn):
    for beta in (0.1, 0.5, 2.0):
        expect(one_number(fn(*of_margin(1 / (2 * beta)), beta)), torch.tensor(0.0))


@ipo_loss.check
def at_the_start_it_is_the_target_squared(fn):
    for n in (1, 3):
        a, b, *_ = random_pairs(0, n)
        for beta, loss in ((0.5, 1.0), (0.25, 4.0), (1.0, 0.25)):
            expect(fn(a, b, a.clone(), b.clone(), beta), torch.tensor(loss))


@ipo_loss.check
def overshooting_costs_as_much_as_falling_short(fn):
    for gap in (1.0, -1.0):
        expect(fn(*of_margin(1 + gap), 0.5), torch.tensor(1.0))


@ipo_loss.check
def each_of_the_four_takes_its_side(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 0.5), torch.tensor((1.5 * sign - 1) ** 2))


@ipo_loss.check
def it_is_the_mean_of_the_squares_written_out(fn):
    for n, beta in ((2, 0.1), (5, 0.5), (7, 2.0)):
        inputs = random_pairs(n, n)
        expect(fn(*inputs, beta), torch.tensor(_ipo_by_hand(inputs, beta)), tol=1e-4)


@ipo_loss.check
def gradients_pull_to_the_target_from_both_sides(fn):
    inputs, beta = of_margin(0.0, 1.0, 4.0), 0.5
    grads = gradients(fn, inputs, beta)
    wanted = torch.tensor([2 * (m - 1) / 3 for m in (0.0, 1.0, 4.0)])
    expect_both(grads, wanted)


@ipo_loss.check
def float64_gives_float64(fn):
    inputs = random_pairs(5, 3, torch.float64)
    got = fn(*inputs, 0.3)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor(_ipo_by_hand(inputs, 0.3), dtype=torch.float64), tol=1e-10)


@ipo_loss.mistake(
    "chosen and rejected are swapped, or the target added instead of subtracted: it is the same"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = -margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("the target is 1/β: the half comes from using each pair both ways round")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / beta) ** 2).mean()


@ipo_loss.mistake(
    "the target is β/2 (`1 / 2 * beta` is, to Python): a larger β must mean a smaller margin"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - beta / 2) ** 2).mean()


@ipo_loss.mistake("the margin is in units of reward (times β), where the target is in nats")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("the reference is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return ((policy_chosen - policy_rejected - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("a hinge: margins beyond the target cost nothing, so nothing holds them back")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((1 / (2 * beta) - h).clamp(min=0) ** 2).mean()


@ipo_loss.mistake("absolute instead of squared distance")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return (h - 1 / (2 * beta)).abs().mean()


@ipo_loss.mistake("summed over pairs, where the mean was asked for")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).sum()


@ipo_loss.mistake("the mean margin is squared: pairs that overshoot pay for those that fall short")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return (h.mean() - 1 / (2 * beta)) ** 2


@ipo_loss.mistake("the reference's margin is added instead of subtracted")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = (policy_chosen - policy_rejected) + (ref_chosen - ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("there is no target: the margin is pulled to 0, and nothing is learned")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return (h**2).mean()


@ipo_loss.mistake("margin times β and target 1/2: that is the loss times β²")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 0.5) ** 2).mean()


@ipo_loss.mistake(
    "the two squares of the derivation, not put together: it learns the same, but a margin on "
    "target must cost 0"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / beta) ** 2 / 2 + h**2 / 2).mean()


@ipo_loss.mistake("half of the square: the two halves of the derivation add up to a whole one")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean() / 2


@ipo_loss.right("by mse_loss against the target")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = policy_chosen - policy_rejected - (ref_chosen - ref_rejected)
    return F.mse_loss(h, torch.full_like(h, 0.5 / beta))


@ipo_loss.right("by a loop over pairs")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    squares = []
    for a, b, c, d in zip(policy_chosen, policy_rejected, ref_chosen, ref_rejected, strict=True):
        squares.append(((a - c) - (b - d) - 1 / (2 * beta)) ** 2)
    return sum(squares) / len(squares)


@ipo_loss.right("by a dot product of what is missing with itself")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    missing = 1 / (2 * beta) - h
    return missing @ missing / len(missing)
