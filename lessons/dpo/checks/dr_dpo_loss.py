"""How `dr_dpo_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
import torch.nn.functional as F

from lessons.dpo.checks.shared import (
    expect_both,
    gradients,
    log_sigmoid,
    margin_in_nats,
    margins_by_hand,
    of_margin,
    one_number,
    random_pairs,
    sigmoid,
)
from lessons.dpo.exercises import dr_dpo_loss
from utils.grading import expect


def _dr_by_hand(inputs, beta, beta_prime):
    values = [log_sigmoid(beta * m) / beta_prime for m in margins_by_hand(*inputs)]
    top = max(values)
    mean = sum(math.exp(v - top) for v in values) / len(values)
    return -beta_prime * (top + math.log(mean))


@dr_dpo_loss.check
def a_single_pair_has_nobody_to_be_compared_with(fn):
    for margin in (1.0, -1.0, 0.0):
        for beta_prime in (0.3, 1.0, 5.0):
            got = one_number(fn(*of_margin(margin), 1.0, beta_prime))
            expect(got, torch.tensor(-log_sigmoid(margin)))


@dr_dpo_loss.check
def equal_pairs_cost_what_one_costs(fn):
    for n in (2, 7):
        got = fn(*of_margin(*[1.5] * n), 2.0, 0.5)
        expect(got, torch.tensor(-log_sigmoid(3.0)))


@dr_dpo_loss.check
def two_pairs_by_hand(fn):
    # At β′ = 1 it is −log of the mean likelihood.
    wanted = -math.log((sigmoid(2.0) + sigmoid(-1.0)) / 2)
    expect(fn(*of_margin(2.0, -1.0), 1.0, 1.0), torch.tensor(wanted))
    expect(fn(*of_margin(4.0, -2.0), 0.5, 1.0), torch.tensor(wanted))


@dr_dpo_loss.check
def each_of_the_four_enters_with_its_sign(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 2.0, 0.7), torch.tensor(-log_sigmoid(3.0 * sign)))


@dr_dpo_loss.check
def it_is_the_formula_written_out(fn):
    for n, beta, beta_prime in ((2, 0.1, 1.0), (5, 0.5, 0.4), (7, 1.0, 3.0)):
        inputs = random_pairs(n, n)
        got = fn(*inputs, beta, beta_prime)
        expect(got, torch.tensor(_dr_by_hand(inputs, beta, beta_prime)), tol=1e-4)


@dr_dpo_loss.check
def a_large_beta_prime_gives_dpo(fn):
    inputs = random_pairs(9, 6, torch.float64)
    dpo = sum(-log_sigmoid(0.5 * m) for m in margins_by_hand(*inputs)) / 6
    expect(fn(*inputs, 0.5, 1e3), torch.tensor(dpo, dtype=torch.float64), tol=2e-3)


@dr_dpo_loss.check
def a_small_beta_prime_listens_to_the_easiest_pair_only(fn):
    got = fn(*of_margin(3.0, -3.0, 0.0), 1.0, 1e-3)
    expect(got, torch.tensor(-log_sigmoid(3.0)), tol=2e-2)


@dr_dpo_loss.check
def pairs_of_high_loss_weigh_less(fn):
    inputs, beta, beta_prime = of_margin(1.0, -2.0, 0.0), 0.8, 0.5
    grads = gradients(fn, inputs, beta, beta_prime)
    likelihood = [sigmoid(beta * m) ** (1 / beta_prime) for m in (1.0, -2.0, 0.0)]
    wanted = [
        -beta * p / sum(likelihood) * sigmoid(-beta * m)
        for p, m in zip(likelihood, (1.0, -2.0, 0.0), strict=True)
    ]
    expect_both(grads, torch.tensor(wanted))


@dr_dpo_loss.check
def extreme_losses_stay_finite(fn):
    expect(fn(*of_margin(-1000.0, -1000.0), 1.0, 0.5), torch.tensor(1000.0))
    expect(fn(*of_margin(-1000.0), 1.0, 0.01), torch.tensor(1000.0))
    expect(fn(*of_margin(1000.0, 1000.0), 1.0, 0.5), torch.tensor(0.0))
    grads = gradients(fn, of_margin(-1000.0), 1.0, 1.0)
    expect(grads[0], torch.tensor([-1.0]))


def _dr(log_likelihood, beta_prime):
    return -beta_prime * (
        torch.logsumexp(log_likelihood / beta_prime, 0) - math.log(len(log_likelihood))
    )


@dr_dpo_loss.mistake("chosen and rejected are swapped")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(-m), beta_prime)


@dr_dpo_loss.mistake("the minus in front is missing: the loss rises as the policy learns")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -_dr(F.logsigmoid(m), beta_prime)


@dr_dpo_loss.mistake("the worst case instead of the best: pairs of high loss weigh most")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -_dr(-F.logsigmoid(m), beta_prime)


@dr_dpo_loss.mistake("the mean became a sum: log n is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -beta_prime * torch.logsumexp(F.logsigmoid(m) / beta_prime, 0)


@dr_dpo_loss.mistake("multiplied by β′ inside, where it divides")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    inside = torch.logsumexp(F.logsigmoid(m) * beta_prime, 0) - math.log(len(m))
    return -inside / beta_prime


@dr_dpo_loss.mistake("multiplied by β′ inside, where it divides; in front it is right")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    inside = torch.logsumexp(F.logsigmoid(m) * beta_prime, 0) - math.log(len(m))
    return -beta_prime * inside


@dr_dpo_loss.mistake("one loss per pair: the mean of the likelihoods is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -F.logsigmoid(m)


@dr_dpo_loss.mistake("the factor β′ in front is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(m), beta_prime) / beta_prime


@dr_dpo_loss.mistake("β′ is ignored: this is DPO")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -F.logsigmoid(m).mean()


@dr_dpo_loss.mistake("the reference is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    return _dr(F.logsigmoid(beta * (policy_chosen - policy_rejected)), beta_prime)


@dr_dpo_loss.mistake("β is ignored")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(m), beta_prime)


@dr_dpo_loss.mistake("log(mean(exp(x))) underflows: logsumexp does not")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -beta_prime * (F.logsigmoid(m) / beta_prime).exp().mean().log()


@dr_dpo_loss.mistake(
    "the losses weighted by softmax(−loss / β′): the gradient may be right, but it is not the loss "
    "of the mean likelihood"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    loss = -F.logsigmoid(m)
    return ((-loss / beta_prime).softmax(0).detach() * loss).sum()


@dr_dpo_loss.mistake("beta twice: implicit rewards have it already")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _dr(F.logsigmoid(beta * beta * m), beta_prime)


@dr_dpo_loss.mistake("the margins are averaged softly, and the sigmoid comes last")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -F.logsigmoid(-_dr(m, beta_prime))


@dr_dpo_loss.right("by taking the largest likelihood out of the mean")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    loss = F.softplus(-m)
    least = loss.min()
    return least - beta_prime * torch.exp((least - loss) / beta_prime).mean().log()


@dr_dpo_loss.right("by adding one pair after another, in logs")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, beta_prime):
    m = beta * (policy_chosen - ref_chosen) - beta * (policy_rejected - ref_rejected)
    total, *others = F.logsigmoid(m) / beta_prime
    for one in others:
        total = torch.logaddexp(total, one)
    return beta_prime * (math.log(len(m)) - total)
