"""What the learner writes in the DPO lesson (Rafailov et al. 2023 and its relatives)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise, expect, require


def _log_sigmoid(x: float) -> float:
    """log σ(x) for a plain number, right for large |x| too."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return math.exp(_log_sigmoid(x))


def _pairs(seed, n, dtype=torch.float32, scale=3.0):
    """Four vectors of log-probabilities, as a policy and its reference might give."""
    g = torch.Generator().manual_seed(seed)
    draws = torch.randn(4, n, generator=g, dtype=torch.float64) * scale - 10
    return tuple(draws.to(dtype))


def _margins(policy_chosen, policy_rejected, ref_chosen, ref_rejected):
    """The log-ratio of the chosen minus that of the rejected answer, pair by pair."""
    rows = zip(policy_chosen, policy_rejected, ref_chosen, ref_rejected, strict=True)
    return [(a.item() - c.item()) - (b.item() - d.item()) for a, b, c, d in rows]


def _of_margin(*margins, dtype=torch.float32):
    """Four vectors with these margins, all other things 0."""
    zero = torch.zeros(len(margins), dtype=dtype)
    return torch.tensor(margins, dtype=dtype), zero.clone(), zero.clone(), zero.clone()


def _number(loss):
    """See that a loss is one number, finite, and on the graph if its inputs are."""
    require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
    require(bool(torch.isfinite(loss)), "a finite loss", loss)
    return loss


def _gradients(fn, inputs, *args, **kwargs):
    """What a loss sends back to the policy's two log-probabilities."""
    a, b, c, d = (x.clone() for x in inputs)
    a.requires_grad_()
    b.requires_grad_()
    loss = _number(fn(a, b, c, d, *args, **kwargs))
    require(loss.requires_grad, "a loss through which the policy learns", loss)
    return torch.autograd.grad(loss, (a, b), allow_unused=True)


def _expect_both(grads, wanted):
    """The gradient of policy_chosen is `wanted`, that of policy_rejected its opposite."""
    for got, sign, name in zip(grads, (1, -1), ("chosen", "rejected"), strict=True):
        require(got is not None, f"a gradient for policy_{name}", got)
        expect(got, sign * wanted)


@exercise(
    difficulty=1,
    minutes=5,
    teaches="the reward that a policy itself implies",
    given="blanks",
    hints=[
        "How much more likely does the policy make this answer than the reference does, in logs?",
        "A difference of log-probabilities is the log of a ratio.",
        "beta is the price of a nat of KL, so it turns nats into reward: it multiplies.",
    ],
)
def implicit_reward(logprobs: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """The reward for which this policy would be the RLHF optimum (Rafailov et al. 2023, eq. 5).

    r̂(y) = β log(π(y) / π_ref(y)), up to a constant that depends on the prompt alone.
    logprobs, ref_logprobs: log-probabilities of whole answers, in nats, of any one shape.
    Returns that shape, in units of reward.
    """
    log_ratio = logprobs - ref_logprobs  # blank: log of policy over reference
    return beta * log_ratio  # blank: from nats to reward


@implicit_reward.check
def the_reference_itself_implies_no_reward(fn):
    x = torch.tensor([-3.0, -800.0])
    expect(fn(x, x.clone(), 0.5), torch.zeros(2))


@implicit_reward.check
def twice_as_likely_is_worth_beta_log_two(fn):
    p, q = torch.tensor([0.5]), torch.tensor([0.25])
    expect(fn(p.log(), q.log(), 1.0), torch.tensor([math.log(2)]))
    expect(fn(p.log(), q.log(), 0.1), torch.tensor([0.1 * math.log(2)]))
    expect(fn(q.log(), p.log(), 2.0), torch.tensor([-2 * math.log(2)]))


@implicit_reward.check
def it_gives_the_reward_back_from_the_optimal_policy(fn):
    reward = torch.tensor([1.0, -0.5, 2.0])
    ref = torch.tensor([0.6, 0.3, 0.1])
    for beta in (0.3, 1.0, 4.0):
        weight = ref * (reward / beta).exp()
        got = fn((weight / weight.sum()).log(), ref.log(), beta)
        require(torch.is_tensor(got) and got.shape == (3,), "shape (3,)", got)
        expect(got - got[0], reward - reward[0], tol=1e-4)


@implicit_reward.check
def any_shape_and_any_size_will_do(fn):
    a, b = torch.full((2, 3, 4), -1000.0), torch.full((2, 3, 4), -400.0)
    expect(fn(a, b, 0.5), torch.full((2, 3, 4), -300.0))
    expect(fn(torch.tensor(-1.0), torch.tensor(-2.0), 3.0), torch.tensor(3.0))


@implicit_reward.check
def it_can_be_learned_from(fn):
    x = torch.tensor([-1.0, -2.0], requires_grad=True)
    reward = fn(x, torch.tensor([-1.5, -1.5]), 0.25)
    require(torch.is_tensor(reward) and reward.requires_grad, "gradients reach logprobs", reward)
    reward.sum().backward()
    expect(x.grad, torch.tensor([0.25, 0.25]), logprobs=x)


@implicit_reward.check
def precision_is_kept(fn):
    x, y = torch.tensor([-1.0], dtype=torch.float64), torch.tensor([-1.1], dtype=torch.float64)
    got = fn(x, y, 1.0)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor([0.1], dtype=torch.float64), tol=1e-12)


@implicit_reward.mistake("the reference is missing: an answer that was likely anyway gets a reward")
def _(logprobs, ref_logprobs, beta):
    return beta * logprobs


@implicit_reward.mistake("policy and reference are swapped: the sign is wrong")
def _(logprobs, ref_logprobs, beta):
    return beta * (ref_logprobs - logprobs)


@implicit_reward.mistake("divided by beta: that belongs inside exp(r/β), not here")
def _(logprobs, ref_logprobs, beta):
    return (logprobs - ref_logprobs) / beta


@implicit_reward.mistake("beta is ignored")
def _(logprobs, ref_logprobs, beta):
    return logprobs - ref_logprobs


@implicit_reward.mistake("the ratio of probabilities, without the logarithm")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs - ref_logprobs).exp()


@implicit_reward.mistake("a ratio of log-probabilities is not the log of a ratio")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs / ref_logprobs)


@implicit_reward.mistake("log(p / q) by way of p and q: long answers underflow to 0/0")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs.exp() / ref_logprobs.exp()).log()


@implicit_reward.mistake("only the reference gets beta")
def _(logprobs, ref_logprobs, beta):
    return logprobs - beta * ref_logprobs


@exercise(
    difficulty=2,
    minutes=12,
    teaches="RLHF as a classification loss, and what label smoothing assumes",
    given="blanks",
    hints=[
        "Put the implicit reward into Bradley-Terry: the probability that chosen beats rejected "
        "is σ of the difference of their rewards.",
        "F.logsigmoid is exact where log(sigmoid(x)) is minus infinity.",
        "label_smoothing is the chance that a label is flipped: with it, rejected should have won.",
    ],
)
def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Direct preference optimization (Rafailov et al. 2023, eq. 7), the mean over pairs.

    −(1 − ε) log σ(m) − ε log σ(−m), with margin m = r̂(chosen) − r̂(rejected), the implicit rewards
    at β, and ε = label_smoothing (conservative DPO, Mitchell 2023; 0 is DPO).
    The first four: (pairs,), log-probabilities of answers, in nats. Returns a scalar, in nats.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    margin = chosen - rejected  # blank: by how much chosen leads
    right, flipped = F.logsigmoid(margin), F.logsigmoid(-margin)  # the two log-likelihoods
    loss = -(1 - label_smoothing) * right - label_smoothing * flipped  # blank: expected over both
    return loss.mean()  # blank: over the pairs


def _dpo_by_hand(inputs, beta, eps=0.0):
    m = [beta * x for x in _margins(*inputs)]
    terms = [-(1 - eps) * _log_sigmoid(x) - eps * _log_sigmoid(-x) for x in m]
    return sum(terms) / len(terms)


@dpo_loss.check
def at_the_start_every_pair_costs_log_two(fn):
    for n in (1, 3):
        a, b, *_ = _pairs(0, n)
        for beta in (0.1, 5.0):
            expect(_number(fn(a, b, a.clone(), b.clone(), beta)), torch.tensor(math.log(2)))


@dpo_loss.check
def one_pair_of_known_margin(fn):
    for margin in (1.0, -1.0, 3.0):
        inputs = _of_margin(margin)
        expect(fn(*inputs, 1.0), torch.tensor(-_log_sigmoid(margin)))
        expect(fn(*inputs, 0.5), torch.tensor(-_log_sigmoid(0.5 * margin)))


@dpo_loss.check
def each_of_the_four_has_its_sign(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 2.0), torch.tensor(-_log_sigmoid(3.0 * sign)))


@dpo_loss.check
def it_is_the_mean_written_out(fn):
    for n, beta in ((2, 0.1), (5, 0.5), (7, 2.0)):
        inputs = _pairs(n, n)
        expect(fn(*inputs, beta), torch.tensor(_dpo_by_hand(inputs, beta)))


@dpo_loss.check
def smoothing_by_hand(fn):
    expect(fn(*_of_margin(2.0), 1.0, 0.0), torch.tensor(-_log_sigmoid(2.0)))
    flipped = torch.tensor(-_log_sigmoid(-2.0))
    expect(fn(*_of_margin(2.0), 1.0, 1.0), flipped)
    for eps in (0.1, 0.3):
        inputs = _pairs(20, 6)
        expect(fn(*inputs, 0.5, label_smoothing=eps), torch.tensor(_dpo_by_hand(inputs, 0.5, eps)))


@dpo_loss.check
def smoothing_wants_the_margin_whose_odds_are_those_of_a_right_label(fn):
    for eps in (0.1, 0.25, 0.4):
        best = math.log((1 - eps) / eps)  # there σ(m) = 1 − ε
        grads = _gradients(fn, _of_margin(best), 1.0, label_smoothing=eps)
        require(grads[0] is not None, "a gradient for policy_chosen", grads[0])
        expect(grads[0], torch.zeros(1), label_smoothing=eps, margin=best)


@dpo_loss.check
def gradients_are_those_of_the_formula(fn):
    for eps in (0.0, 0.2):
        inputs, beta = _pairs(3, 4), 0.7
        weights = [_sigmoid(-beta * m) - eps for m in _margins(*inputs)]
        wanted = torch.tensor([-beta * w / 4 for w in weights])
        grads = _gradients(fn, inputs, beta, label_smoothing=eps)
        _expect_both(grads, wanted)


@dpo_loss.check
def extreme_margins_stay_finite(fn):
    expect(fn(*_of_margin(-1000.0), 1.0), torch.tensor(1000.0))
    expect(fn(*_of_margin(1000.0), 1.0), torch.tensor(0.0))
    expect(fn(*_of_margin(1000.0), 1.0, 0.5), torch.tensor(500.0))
    grads = _gradients(fn, _of_margin(-1000.0), 1.0)
    expect(grads[0], torch.tensor([-1.0]))


@dpo_loss.check
def float64_stays_float64(fn):
    inputs = _pairs(5, 3, torch.float64)
    got = fn(*inputs, 0.3)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor(_dpo_by_hand(inputs, 0.3), dtype=torch.float64), tol=1e-10)


def _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected):
    """For the mistakes: the margin in nats."""
    return (policy_chosen - ref_chosen) - (policy_rejected - ref_rejected)


def _smoothed(margin, eps):
    return -((1 - eps) * F.logsigmoid(margin) + eps * F.logsigmoid(-margin)).mean()


@dpo_loss.mistake("chosen and rejected are swapped: the loss falls when the policy is wrong")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(-beta * m, label_smoothing)


@dpo_loss.mistake("the reference is missing: then nothing holds the policy near it")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    return _smoothed(beta * (policy_chosen - policy_rejected), label_smoothing)


@dpo_loss.mistake("the reference's margin is added instead of subtracted")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = (policy_chosen - policy_rejected) + (ref_chosen - ref_rejected)
    return _smoothed(beta * m, label_smoothing)


@dpo_loss.mistake("beta stands outside the sigmoid: it scales the loss, not the margin")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return beta * _smoothed(m, label_smoothing)


@dpo_loss.mistake("the margin is divided by beta")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(m / beta, label_smoothing)


@dpo_loss.mistake("log(sigmoid(x)) is minus infinity where logsigmoid is finite")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    right = (1 - label_smoothing) * torch.sigmoid(m).log()
    if label_smoothing:
        right = right + label_smoothing * torch.sigmoid(-m).log()
    return -right.mean()


@dpo_loss.mistake("summed over pairs, where the mean was asked for")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m, label_smoothing) * m.numel()


@dpo_loss.mistake("margins are averaged before the sigmoid: one easy pair then hides a hard one")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m.mean(), label_smoothing)


@dpo_loss.mistake("label smoothing on the wrong side: ε weighs the label as given")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    eps = 1 - label_smoothing if label_smoothing else 0.0
    return _smoothed(beta * m, eps)


@dpo_loss.mistake("label smoothing is ignored")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m, 0.0)


@dpo_loss.mistake("the flipped term is subtracted: that is robust DPO without its divisor 1 − 2ε")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    right, flipped = F.logsigmoid(m), F.logsigmoid(-m)
    return -((1 - label_smoothing) * right - label_smoothing * flipped).mean()


@dpo_loss.mistake("the rejected answer is detached: it is never pushed down")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = _margin(policy_chosen, policy_rejected.detach(), ref_chosen, ref_rejected)
    return _smoothed(beta * m, label_smoothing)


@exercise(
    difficulty=2,
    minutes=8,
    teaches="which pairs DPO learns from: those that it still gets wrong",
    hints=[
        "Differentiate −log σ(m) with respect to m. What is left of the sigmoid?",
        "d/dm −log σ(m) = −σ(−m): near −1 for a pair in the wrong order, near 0 for one long "
        "learned. The weight is its size.",
    ],
)
def dpo_gradient_weight(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
) -> Tensor:
    """What each pair weighs in DPO's gradient (Rafailov et al. 2023, section 4).

    ∇L = −β E[ w · (∇ log π(chosen) − ∇ log π(rejected)) ]: w = σ(r̂(rejected) − r̂(chosen)), r̂ the
    implicit reward at β. Returns (pairs,), each between 0 and 1. β itself is not part of w.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    return torch.sigmoid(rejected - chosen)


@dpo_gradient_weight.check
def at_the_start_every_pair_weighs_one_half(fn):
    for n in (1, 3):
        a, b, *_ = _pairs(0, n)
        expect(fn(a, b, a.clone(), b.clone(), 0.3), torch.full((n,), 0.5))


@dpo_gradient_weight.check
def a_pair_in_the_wrong_order_weighs_one_and_a_learned_one_nothing(fn):
    expect(fn(*_of_margin(-1000.0), 1.0), torch.tensor([1.0]))
    expect(fn(*_of_margin(1000.0), 1.0), torch.tensor([0.0]))


@dpo_gradient_weight.check
def one_pair_by_hand(fn):
    for margin in (1.0, -2.0):
        for beta in (0.1, 1.0, 3.0):
            expect(fn(*_of_margin(margin), beta), torch.tensor([_sigmoid(-beta * margin)]))


@dpo_gradient_weight.check
def each_of_the_four_pulls_its_way(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 2.0), torch.tensor([_sigmoid(-3.0 * sign)]))


@dpo_gradient_weight.check
def it_is_what_a_finite_difference_of_the_loss_gives(fn):
    beta, step = 0.6, 1e-4
    inputs = _pairs(11, 5, torch.float64)
    cost = [
        [-_log_sigmoid(beta * (m + s)) for m in _margins(*inputs)] for s in (step / 2, -step / 2)
    ]
    slopes = [(up - down) / step for up, down in zip(*cost, strict=True)]
    wanted = torch.tensor([-s / beta for s in slopes], dtype=torch.float64)
    expect(fn(*inputs, beta), wanted, tol=1e-6)


@dpo_gradient_weight.check
def small_weights_are_not_rounded_away(fn):
    got = fn(*_of_margin(40.0), 1.0)
    require(torch.is_tensor(got) and got.shape == (1,), "shape (1,)", got)
    require(bool((got * 1e17 - 0.4248).abs() < 0.01), "about 4.25e-18 at a margin of 40", got)


@dpo_gradient_weight.mistake("chosen and rejected are swapped: pairs long learned weigh most")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return torch.sigmoid(beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected))


@dpo_gradient_weight.mistake("beta is part of the weight: it stands before the expectation")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return beta * torch.sigmoid(-beta * m)


@dpo_gradient_weight.mistake("beta is missing inside the sigmoid")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return torch.sigmoid(-_margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected))


@dpo_gradient_weight.mistake("the reference is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return torch.sigmoid(beta * (policy_rejected - policy_chosen))


@dpo_gradient_weight.mistake("the loss of each pair, not the slope of it")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -F.logsigmoid(beta * m)


@dpo_gradient_weight.mistake("the gradient with its sign: the weight itself is positive")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -torch.sigmoid(-beta * m)


@dpo_gradient_weight.mistake("averaged: each pair has a weight of its own")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return torch.sigmoid(-beta * m).mean()


@dpo_gradient_weight.mistake("1 − σ(m) loses small weights to rounding: σ(−m) keeps them")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return 1 - torch.sigmoid(beta * m)


@exercise(
    difficulty=2,
    minutes=8,
    teaches="a margin that stops growing: regression to a target instead of a sigmoid",
    given="page",
    hints=[
        "The margin here is in nats: the log-ratio of chosen minus that of rejected, no beta.",
        "beta sets the target: half of 1/beta.",
        "Overshooting costs as much as falling short.",
    ],
)
def ipo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    """Identity preference optimization (Azar et al. 2023, eq. 17), the mean over pairs.

    (h − 1/(2β))², with h = log(π/π_ref)(chosen) − log(π/π_ref)(rejected). Their τ is our β.
    The first four: (pairs,), log-probabilities of whole answers, in nats. Returns a scalar, nats².
    """
    h = (policy_chosen - ref_chosen) - (policy_rejected - ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


def _ipo_by_hand(inputs, beta):
    terms = [(m - 0.5 / beta) ** 2 for m in _margins(*inputs)]
    return sum(terms) / len(terms)


@ipo_loss.check
def a_margin_on_target_costs_nothing(fn):
    for beta in (0.1, 0.5, 2.0):
        expect(_number(fn(*_of_margin(1 / (2 * beta)), beta)), torch.tensor(0.0))


@ipo_loss.check
def at_the_start_it_is_the_target_squared(fn):
    for n in (1, 3):
        a, b, *_ = _pairs(0, n)
        for beta, loss in ((0.5, 1.0), (0.25, 4.0), (1.0, 0.25)):
            expect(fn(a, b, a.clone(), b.clone(), beta), torch.tensor(loss))


@ipo_loss.check
def overshooting_costs_as_much_as_falling_short(fn):
    for gap in (1.0, -1.0):
        expect(fn(*_of_margin(1 + gap), 0.5), torch.tensor(1.0))


@ipo_loss.check
def each_of_the_four_takes_its_side(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 0.5), torch.tensor((1.5 * sign - 1) ** 2))


@ipo_loss.check
def it_is_the_mean_of_the_squares_written_out(fn):
    for n, beta in ((2, 0.1), (5, 0.5), (7, 2.0)):
        inputs = _pairs(n, n)
        expect(fn(*inputs, beta), torch.tensor(_ipo_by_hand(inputs, beta)), tol=1e-4)


@ipo_loss.check
def gradients_pull_to_the_target_from_both_sides(fn):
    inputs, beta = _of_margin(0.0, 1.0, 4.0), 0.5
    grads = _gradients(fn, inputs, beta)
    wanted = torch.tensor([2 * (m - 1) / 3 for m in (0.0, 1.0, 4.0)])
    _expect_both(grads, wanted)


@ipo_loss.check
def float64_gives_float64(fn):
    inputs = _pairs(5, 3, torch.float64)
    got = fn(*inputs, 0.3)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor(_ipo_by_hand(inputs, 0.3), dtype=torch.float64), tol=1e-10)


@ipo_loss.mistake(
    "chosen and rejected are swapped, or the target added instead of subtracted: it is the same"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = -_margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("the target is 1/β: the half comes from using each pair both ways round")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / beta) ** 2).mean()


@ipo_loss.mistake("the target is β/2: a larger β must mean a smaller margin")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - beta / 2) ** 2).mean()


@ipo_loss.mistake("the margin is in units of reward (times β), where the target is in nats")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("the reference is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return ((policy_chosen - policy_rejected - 1 / (2 * beta)) ** 2).mean()


@ipo_loss.mistake("a hinge: margins beyond the target cost nothing, so nothing holds them back")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((1 / (2 * beta) - h).clamp(min=0) ** 2).mean()


@ipo_loss.mistake("absolute instead of squared distance")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return (h - 1 / (2 * beta)).abs().mean()


@ipo_loss.mistake("summed over pairs, where the mean was asked for")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).sum()


@ipo_loss.mistake("the mean margin is squared: pairs that overshoot pay for those that fall short")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    h = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return (h.mean() - 1 / (2 * beta)) ** 2


@exercise(
    difficulty=3,
    minutes=15,
    teaches="learning from thumbs up and down: gains, losses and a reference point",
    hints=[
        "z_ref first: the mean of kl_logprobs − kl_ref_logprobs, not below 0, detached.",
        "A desirable answer gains where its log-ratio is above z_ref, an undesirable one below it: "
        "turn the sign inside the sigmoid.",
        "The loss is λ − v: at v = λ (all is gained) it is 0. torch.where chooses by label.",
    ],
)
def kto_loss(
    logprobs: Tensor,
    ref_logprobs: Tensor,
    desirable: Tensor,
    kl_logprobs: Tensor,
    kl_ref_logprobs: Tensor,
    beta: float,
    lambda_desirable: float = 1.0,
    lambda_undesirable: float = 1.0,
) -> Tensor:
    """Kahneman-Tversky optimization (Ethayarajh et al. 2024, eq. 8): the mean of λ − v.

    v = λ_D σ(β(r − z)) if desirable, else λ_U σ(β(z − r)). r is the answer's log(π/π_ref), and
    z = max(0, mean(kl_logprobs − kl_ref_logprobs)) estimates KL(π‖π_ref), without a gradient.
    First two: (answers,), nats; desirable: same, bool; kl_*: (m,), answers to measure z on.
    """
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    gain = torch.where(desirable, 1, -1) * (logprobs - ref_logprobs - z)
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return (weight * (1 - torch.sigmoid(beta * gain))).mean()


def _kto_by_hand(r, desirable, kl, beta, good=1.0, bad=1.0):
    z = max(0.0, sum(kl) / len(kl))
    terms = [
        good - good * _sigmoid(beta * (x - z)) if d else bad - bad * _sigmoid(beta * (z - x))
        for x, d in zip(r, desirable, strict=True)
    ]
    return sum(terms) / len(terms)


def _kto(fn, r, desirable, kl, *args, **kwargs):
    """Call an answer on given log-ratios, each split over policy and reference."""
    r, kl = torch.tensor(r), torch.tensor(kl)
    return _number(
        fn(r - 4.0, torch.full_like(r, -4.0), torch.tensor(desirable), kl - 7.0,
           torch.full_like(kl, -7.0), *args, **kwargs)
    )  # fmt: skip


@kto_loss.check
def at_the_start_it_is_half_of_lambda(fn):
    for label in (True, False):
        expect(_kto(fn, [0.0], [label], [0.0], 0.5), torch.tensor(0.5))
    expect(_kto(fn, [0.0], [True], [0.0], 0.5, 3.0, 1.0), torch.tensor(1.5))
    expect(_kto(fn, [0.0], [False], [0.0], 0.5, 3.0, 1.0), torch.tensor(0.5))


@kto_loss.check
def a_desirable_answer_gains_upwards_and_an_undesirable_one_downwards(fn):
    for r in (2.0, -2.0):
        expect(_kto(fn, [r], [True], [0.0], 1.0), torch.tensor(1 - _sigmoid(r)))
        expect(_kto(fn, [r], [False], [0.0], 1.0), torch.tensor(1 - _sigmoid(-r)))


@kto_loss.check
def gains_are_counted_from_the_reference_point(fn):
    expect(_kto(fn, [1.0], [True], [1.0], 2.0), torch.tensor(0.5))
    expect(_kto(fn, [1.0], [False], [3.0], 0.5), torch.tensor(1 - _sigmoid(1.0)))
    expect(_kto(fn, [1.0], [True], [0.0, 6.0], 0.5), torch.tensor(1 - _sigmoid(-1.0)))


@kto_loss.check
def the_reference_point_is_clamped_as_a_mean_not_answer_by_answer(fn):
    expect(_kto(fn, [1.0], [True], [-5.0], 1.0), torch.tensor(1 - _sigmoid(1.0)))
    expect(_kto(fn, [1.0], [True], [-1.0, 3.0], 1.0), torch.tensor(0.5))


@kto_loss.check
def it_is_the_mean_over_answers_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for n, m, beta in ((2, 1, 0.1), (5, 3, 0.5), (8, 8, 1.5)):
        r, kl = (torch.randn(k, generator=g).tolist() for k in (n, m))
        labels = (torch.arange(n) % 3 == 0).tolist()
        wanted = torch.tensor(_kto_by_hand(r, labels, kl, beta, 1.3, 0.7))
        expect(_kto(fn, r, labels, kl, beta, 1.3, 0.7), wanted, tol=1e-4)


@kto_loss.check
def labels_may_all_be_alike(fn):
    for label in (True, False):
        wanted = torch.tensor(_kto_by_hand([1.0, -0.5], [label] * 2, [0.3], 1.0, 2.0, 0.5))
        expect(_kto(fn, [1.0, -0.5], [label] * 2, [0.3], 1.0, 2.0, 0.5), wanted)


@kto_loss.check
def gradients_flow_to_the_answers_but_not_through_the_reference_point(fn):
    r = torch.tensor([0.5, 0.5, 2.0], requires_grad=True)
    kl = torch.tensor([0.2, 0.6], requires_grad=True)
    labels = torch.tensor([True, False, True])
    loss = _number(fn(r, torch.zeros(3), labels, kl, torch.zeros(2), 2.0, 1.0, 3.0))
    require(loss.requires_grad, "a loss through which the policy learns", loss)
    got, through = torch.autograd.grad(loss, (r, kl), allow_unused=True)
    slopes = [_sigmoid(2 * (x - 0.4)) * _sigmoid(-2 * (x - 0.4)) * 2 / 3 for x in (0.5, 0.5, 2.0)]
    wanted = torch.tensor([-slopes[0], 3 * slopes[1], -slopes[2]])
    require(got is not None, "a gradient for logprobs", got)
    expect(got, wanted)
    none = through is None or not bool(through.any())
    require(none, "no gradient for kl_logprobs: the reference point is detached", through)


@kto_loss.check
def extreme_log_ratios_stay_finite(fn):
    labels = [True, False, True, False]
    expect(_kto(fn, [1000.0, 1000.0, -1000.0, -1000.0], labels, [0.0], 1.0), torch.tensor(0.5))
    expect(_kto(fn, [0.0, 0.0], [True, False], [1000.0], 1.0), torch.tensor(0.5))


def _kto_like(value, reference_point=None, reduce=torch.mean):
    """For the mistakes: KTO with another value function, reference point or reduction."""

    def loss(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
             lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
        kl = kl_logprobs - kl_ref_logprobs
        z = kl.mean().clamp(min=0).detach() if reference_point is None else reference_point(kl)
        r = logprobs - ref_logprobs
        weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
        return reduce(weight * (1 - value(r, z, desirable, beta)))

    return loss


def _right_value(r, z, desirable, beta):
    return torch.sigmoid(torch.where(desirable, 1, -1) * beta * (r - z))


def _planted(description, *args, **kwargs):
    kto_loss.mistake(description)(_kto_like(*args, **kwargs))


_planted(
    "undesirable answers have the sign of desirable ones: they too are made more likely",
    lambda r, z, desirable, beta: torch.sigmoid(beta * (r - z)),
)
_planted(
    "all signs are turned: desirable answers are made less likely",
    lambda r, z, desirable, beta: 1 - _right_value(r, z, desirable, beta),
)
_planted(
    "the reference point keeps its sign for undesirable answers: σ(β(z − r)) turns both signs",
    lambda r, z, desirable, beta: torch.sigmoid(beta * (torch.where(desirable, r, -r) - z)),
)
_planted(
    "the reference point is not detached: the policy can gain by changing what it is compared with",
    _right_value,
    lambda kl: kl.mean().clamp(min=0),
)
_planted(
    "the reference point is not clamped: a KL is never negative, its estimate can be",
    _right_value,
    lambda kl: kl.mean().detach(),
)
_planted(
    "clamped answer by answer before the mean: then noise alone lifts the reference point",
    _right_value,
    lambda kl: kl.clamp(min=0).mean().detach(),
)
_planted(
    "there is no reference point",
    _right_value,
    lambda kl: torch.zeros(()),
)
_planted(
    "beta multiplies the log-ratio only, not the reference point",
    lambda r, z, desirable, beta: torch.sigmoid(torch.where(desirable, 1, -1) * (beta * r - z)),
)
_planted("beta is ignored", lambda r, z, desirable, beta: _right_value(r, z, desirable, 1.0))
_planted("summed over answers, where the mean was asked for", _right_value, reduce=torch.sum)


@kto_loss.mistake("the reference policy is missing from the log-ratio")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return (weight * (1 - _right_value(logprobs, z, desirable, beta))).mean()


@kto_loss.mistake("λ_D and λ_U are swapped")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    right = _kto_like(_right_value)
    args = (logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta)
    return right(*args, lambda_undesirable, lambda_desirable)


@kto_loss.mistake("the weights λ are ignored")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    right = _kto_like(_right_value)
    return right(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta)


@kto_loss.mistake("λ multiplies the value alone: the loss is λ − λσ, not 1 − λσ")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return (1 - weight * _right_value(logprobs - ref_logprobs, z, desirable, beta)).mean()


@kto_loss.mistake("−log σ instead of 1 − σ: that is DPO's log-likelihood, not a bounded value")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    gain = torch.where(desirable, 1, -1) * beta * (logprobs - ref_logprobs - z)
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return -(weight * F.logsigmoid(gain)).mean()


@exercise(
    difficulty=3,
    minutes=12,
    teaches="a soft way to leave out pairs that look mislabeled",
    hints=[
        "Start from log σ(margin) of each pair, a log-likelihood: larger is better.",
        "log mean exp = logsumexp − log n. Divide by β′ before it, multiply by −β′ after.",
        "β′ → ∞ must give the DPO loss, β′ → 0 that of the easiest pair alone: try both.",
    ],
)
def dr_dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
    beta_prime: float,
) -> Tensor:
    """Distributionally robust DPO (Wu et al. 2024): −β′ log mean exp(log σ(margin) / β′).

    margin = r̂(chosen) − r̂(rejected), implicit rewards at β; the mean is over pairs. β′ → ∞
    gives the DPO loss; a small β′ leaves out the pairs of high loss, which may be mislabeled.
    The first four: (pairs,), log-probabilities of answers, in nats. Returns a scalar, in nats.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    log_likelihood = F.logsigmoid(chosen - rejected)
    log_mean = torch.logsumexp(log_likelihood / beta_prime, 0) - math.log(len(log_likelihood))
    return -beta_prime * log_mean


def _dr_by_hand(inputs, beta, beta_prime):
    values = [_log_sigmoid(beta * m) / beta_prime for m in _margins(*inputs)]
    top = max(values)
    mean = sum(math.exp(v - top) for v in values) / len(values)
    return -beta_prime * (top + math.log(mean))


@dr_dpo_loss.check
def a_single_pair_has_nobody_to_be_compared_with(fn):
    for margin in (1.0, -1.0, 0.0):
        for beta_prime in (0.3, 1.0, 5.0):
            got = _number(fn(*_of_margin(margin), 1.0, beta_prime))
            expect(got, torch.tensor(-_log_sigmoid(margin)))


@dr_dpo_loss.check
def equal_pairs_cost_what_one_costs(fn):
    for n in (2, 7):
        got = fn(*_of_margin(*[1.5] * n), 2.0, 0.5)
        expect(got, torch.tensor(-_log_sigmoid(3.0)))


@dr_dpo_loss.check
def two_pairs_by_hand(fn):
    # At β′ = 1 it is −log of the mean likelihood.
    wanted = -math.log((_sigmoid(2.0) + _sigmoid(-1.0)) / 2)
    expect(fn(*_of_margin(2.0, -1.0), 1.0, 1.0), torch.tensor(wanted))
    expect(fn(*_of_margin(4.0, -2.0), 0.5, 1.0), torch.tensor(wanted))


@dr_dpo_loss.check
def each_of_the_four_enters_with_its_sign(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 2.0, 0.7), torch.tensor(-_log_sigmoid(3.0 * sign)))


@dr_dpo_loss.check
def it_is_the_formula_written_out(fn):
    for n, beta, beta_prime in ((2, 0.1, 1.0), (5, 0.5, 0.4), (7, 1.0, 3.0)):
        inputs = _pairs(n, n)
        got = fn(*inputs, beta, beta_prime)
        expect(got, torch.tensor(_dr_by_hand(inputs, beta, beta_prime)), tol=1e-4)


@dr_dpo_loss.check
def a_large_beta_prime_gives_dpo(fn):
    inputs = _pairs(9, 6, torch.float64)
    dpo = sum(-_log_sigmoid(0.5 * m) for m in _margins(*inputs)) / 6
    expect(fn(*inputs, 0.5, 1e3), torch.tensor(dpo, dtype=torch.float64), tol=2e-3)


@dr_dpo_loss.check
def a_small_beta_prime_listens_to_the_easiest_pair_only(fn):
    got = fn(*_of_margin(3.0, -3.0, 0.0), 1.0, 1e-3)
    expect(got, torch.tensor(-_log_sigmoid(3.0)), tol=2e-2)


@dr_dpo_loss.check
def pairs_of_high_loss_weigh_less(fn):
    inputs, beta, beta_prime = _of_margin(1.0, -2.0, 0.0), 0.8, 0.5
    grads = _gradients(fn, inputs, beta, beta_prime)
    likelihood = [_sigmoid(beta * m) ** (1 / beta_prime) for m in (1.0, -2.0, 0.0)]
    wanted = [
        -beta * p / sum(likelihood) * _sigmoid(-beta * m)
        for p, m in zip(likelihood, (1.0, -2.0, 0.0), strict=True)
    ]
    _expect_both(grads, torch.tensor(wanted))


@dr_dpo_loss.check
def extreme_losses_stay_finite(fn):
    expect(fn(*_of_margin(-1000.0, -1000.0), 1.0, 0.5), torch.tensor(1000.0))
    expect(fn(*_of_margin(-1000.0), 1.0, 0.01), torch.tensor(1000.0))
    expect(fn(*_of_margin(1000.0, 1000.0), 1.0, 0.5), torch.tensor(0.0))
    grads = _gradients(fn, _of_margin(-1000.0), 1.0, 1.0)
    expect(grads[0], torch.tensor([-1.0]))


def _dr(log_likelihood, beta_prime):
    return -beta_prime * (
        torch.logsumexp(log_likelihood / beta_prime, 0) - math.log(len(log_likelihood))
    )


@dr_dpo_loss.mistake("chosen and rejected are swapped")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(-m), beta_prime)


@dr_dpo_loss.mistake("the minus in front is missing: the loss rises as the policy learns")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -_dr(F.logsigmoid(m), beta_prime)


@dr_dpo_loss.mistake("the worst case instead of the best: pairs of high loss weigh most")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -_dr(-F.logsigmoid(m), beta_prime)


@dr_dpo_loss.mistake("the mean became a sum: log n is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -beta_prime * torch.logsumexp(F.logsigmoid(m) / beta_prime, 0)


@dr_dpo_loss.mistake("multiplied by β′ inside, where it divides")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    inside = torch.logsumexp(F.logsigmoid(m) * beta_prime, 0) - math.log(len(m))
    return -inside / beta_prime


@dr_dpo_loss.mistake("the factor β′ in front is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(m), beta_prime) / beta_prime


@dr_dpo_loss.mistake("β′ is ignored: this is DPO")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -F.logsigmoid(m).mean()


@dr_dpo_loss.mistake("the reference is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    return _dr(F.logsigmoid(beta * (policy_chosen - policy_rejected)), beta_prime)


@dr_dpo_loss.mistake("β is ignored")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(m), beta_prime)


@dr_dpo_loss.mistake("log(mean(exp(x))) underflows: logsumexp does not")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * _margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -beta_prime * (F.logsigmoid(m) / beta_prime).exp().mean().log()
