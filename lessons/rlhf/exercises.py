"""What the learner writes in the RLHF lesson (Christiano 2017; Schulman 2017; Ouyang 2022)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise, expect, require


def _same_dtype(got, *inputs):
    """An answer keeps the precision of its inputs."""
    require(torch.is_tensor(got), "a tensor", got)
    require(got.dtype == inputs[0].dtype, str(inputs[0].dtype), str(got.dtype))


def _gradient(result, *inputs):
    """d result / d inputs for a scalar result; None where no gradient arrives."""
    there = torch.is_tensor(result) and result.requires_grad
    require(there, "a result with a gradient", result)
    return torch.autograd.grad(result, inputs, allow_unused=True)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the log-probability of a whole sequence, and what a mask is for",
    given="blanks",
    hints=[
        "log_softmax over which dimension makes the scores of one position a distribution?",
        "gather needs an index with as many dimensions as its input: tokens[..., None].",
        "0 · (−inf) is NaN, so do not multiply by the mask: torch.where(mask, value, 0).",
    ],
)
def sequence_logprobs(logits: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
    """log π(y) = Σ_t log π(y_t | y_<t) in nats, over the positions where mask is True.

    logits: (..., length, vocab); logits[..., t, :] are the model's scores for tokens[..., t],
    given the tokens before it (so nothing is to be shifted). tokens: (..., length), integers.
    mask: (..., length), bool. Where it is False nothing counts, not even −inf.
    Returns (...): a sum, not a mean.
    """
    every_token = F.log_softmax(logits, dim=-1)  # blank: (..., length, vocab), logs that sum to 1
    chosen = every_token.gather(-1, tokens[..., None])[..., 0]  # blank: those of the tokens taken
    counted = torch.where(mask, chosen, torch.zeros_like(chosen))  # blank: 0 where mask is False
    return counted.sum(-1)  # blank: (...)


def _logprob_by_hand(logits, tokens, mask):
    """One sequence, in plain loops."""
    total = 0.0
    for scores, token, counts in zip(logits.tolist(), tokens.tolist(), mask.tolist(), strict=True):
        if counts:
            top = max(scores)
            total += scores[token] - top - math.log(sum(math.exp(s - top) for s in scores))
    return total


def _some_sequences(seed, *shape, vocab=4):
    """Logits, tokens and a mask, drawn at random: (*shape, vocab), (*shape), (*shape)."""
    g = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(*shape, vocab, generator=g)
    tokens = torch.randint(vocab, shape, generator=g)
    return logits, tokens, torch.rand(shape, generator=g) < 0.6


@sequence_logprobs.check
def one_token_of_two(fn):
    logits, mask = torch.tensor([[[math.log(3.0), 0.0]]]), torch.tensor([[True]])
    for token, p in ((0, 0.75), (1, 0.25)):
        expect(fn(logits, torch.tensor([[token]]), mask), torch.tensor([math.log(p)]))


@sequence_logprobs.check
def a_uniform_model_pays_log_vocabulary_for_each_counted_token(fn):
    for length, vocab, counted in ((1, 2, 1), (2, 2, 1), (3, 5, 3), (3, 5, 0), (12, 8, 7)):
        mask = (torch.arange(length) < counted)[None]
        got = fn(torch.zeros(1, length, vocab), torch.zeros(1, length, dtype=torch.long), mask)
        expect(got, torch.tensor([-counted * math.log(vocab)]))


@sequence_logprobs.check
def each_position_of_the_mask_belongs_to_the_token_at_that_position(fn):
    logits = torch.tensor([[[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]])
    tokens = torch.tensor([[1, 1, 1]])
    for t in range(3):
        mask = (torch.arange(3) == t)[None]
        want = -math.log(1 + math.exp(-(t + 1.0)))
        expect(fn(logits, tokens, mask), torch.tensor([want]))


@sequence_logprobs.check
def it_is_the_sum_written_out(fn):
    for seed, shape in enumerate(((2, 3), (5, 4), (4, 4), (3, 1))):
        logits, tokens, mask = _some_sequences(seed, *shape)
        rows = zip(logits, tokens, mask, strict=True)
        expect(fn(logits, tokens, mask), torch.tensor([_logprob_by_hand(*row) for row in rows]))


@sequence_logprobs.check
def leading_dimensions_stay(fn):
    logits, tokens, mask = _some_sequences(5, 2, 3, 4)
    for i in range(2):
        rows = zip(logits[i], tokens[i], mask[i], strict=True)
        want = torch.tensor([_logprob_by_hand(*row) for row in rows])
        expect(fn(logits, tokens, mask)[i], want)
    expect(fn(logits[0, 0], tokens[0, 0], mask[0, 0]), fn(logits, tokens, mask)[0, 0])


@sequence_logprobs.check
def over_all_sequences_the_probabilities_sum_to_one(fn):
    g = torch.Generator().manual_seed(6)
    tokens = torch.cartesian_prod(*[torch.arange(3)] * 3)
    logits = torch.randn(3, 3, generator=g).expand(27, 3, 3)
    total = fn(logits, tokens, torch.ones(27, 3, dtype=torch.bool)).exp().sum()
    expect(total, torch.tensor(1.0))


@sequence_logprobs.check
def adding_a_constant_to_the_scores_of_a_position_changes_nothing(fn):
    logits, tokens, mask = _some_sequences(7, 3, 4)
    shift = torch.tensor([1.0, -5.0, 20.0, 100.0])[:, None]
    want = [_logprob_by_hand(*row) for row in zip(logits, tokens, mask, strict=True)]
    expect(fn(logits + shift, tokens, mask), torch.tensor(want), tol=1e-4)


@sequence_logprobs.check
def scores_of_a_thousand_are_fine(fn):
    logits = torch.tensor([[[1000.0, 0.0], [0.0, -1000.0]]])
    mask = torch.ones(1, 2, dtype=torch.bool)
    expect(fn(logits, torch.tensor([[0, 0]]), mask), torch.tensor([0.0]))
    expect(fn(logits, torch.tensor([[1, 1]]), mask), torch.tensor([-2000.0]))


@sequence_logprobs.check
def what_is_masked_does_not_count_not_even_minus_infinity(fn):
    logits = torch.tensor([[[0.0, 0.0], [0.0, -math.inf]]])
    mask = torch.tensor([[True, False]])
    expect(fn(logits, torch.tensor([[0, 1]]), mask), torch.tensor([-math.log(2.0)]))


@sequence_logprobs.check
def an_impossible_token_that_counts_makes_the_sequence_impossible(fn):
    logits, mask = torch.tensor([[[0.0, -math.inf]]]), torch.tensor([[True]])
    expect(fn(logits, torch.tensor([[1]]), mask), torch.tensor([-math.inf]))


@sequence_logprobs.check
def the_gradient_is_one_hot_minus_probability_where_counted(fn):
    logits, tokens, mask = _some_sequences(8, 2, 3)
    logits.requires_grad_()
    (got,) = _gradient(fn(logits, tokens, mask).sum(), logits)
    want = F.one_hot(tokens, 4) - logits.detach().softmax(-1)
    expect(got, want * mask[..., None], logits=logits, tokens=tokens, mask=mask)


@sequence_logprobs.check
def double_precision_stays_double(fn):
    logits, tokens, mask = _some_sequences(9, 2, 3)
    _same_dtype(fn(logits.double(), tokens, mask), logits.double())


@sequence_logprobs.mistake("the mask is ignored: padding is paid for")
def _(logits, tokens, mask):
    return F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0].sum(-1)


@sequence_logprobs.mistake("the mean over the counted tokens, where the sum was asked for")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0).sum(-1) / mask.sum(-1)


@sequence_logprobs.mistake("the mask is off by one: each token gets its neighbor's")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask.roll(1, -1), chosen, 0).sum(-1)


@sequence_logprobs.mistake(
    "shifted by one: logits[t] is held against tokens[t + 1], which these are not for"
)
def _(logits, tokens, mask):
    every = F.log_softmax(logits[..., :-1, :], -1)
    chosen = every.gather(-1, tokens[..., 1:, None])[..., 0]
    return torch.where(mask[..., 1:], chosen, 0).sum(-1)


@sequence_logprobs.mistake("scores, not log-probabilities: the softmax is missing")
def _(logits, tokens, mask):
    return torch.where(mask, logits.gather(-1, tokens[..., None])[..., 0], 0).sum(-1)


@sequence_logprobs.mistake("softmax, then log: −inf for large scores, where log_softmax is exact")
def _(logits, tokens, mask):
    chosen = logits.softmax(-1).log().gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0).sum(-1)


@sequence_logprobs.mistake("normalized over positions instead of over the vocabulary")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -2).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0).sum(-1)


@sequence_logprobs.mistake("multiplied by the mask: 0 · (−inf) is NaN")
def _(logits, tokens, mask):
    return (F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0] * mask).sum(-1)


@sequence_logprobs.mistake("the sign: a loss (negative log-likelihood), not a log-probability")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return -torch.where(mask, chosen, 0).sum(-1)


@sequence_logprobs.mistake("one value per token: the sum over the sequence is missing")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the loss that turns comparisons into a reward, and why it must not overflow",
    given="blanks",
    hints=[
        "Under Bradley and Terry the chosen one wins with probability σ(r_chosen − r_rejected).",
        "The loss is −log of that, averaged over the pairs. A tie must cost log 2 = 0.693.",
        "σ(−1000) is 0 in floating point, and its log −inf. F.logsigmoid takes both steps in one.",
    ],
)
def bradley_terry_loss(reward_chosen: Tensor, reward_rejected: Tensor) -> Tensor:
    """Mean negative log-likelihood of the preferences (Ouyang et al. 2022, eq. 1), in nats.

    −E[log σ(r(chosen) − r(rejected))], for one pair per comparison. It must stay finite, and keep
    its gradient, for differences of ±1000.
    reward_chosen, reward_rejected: (batch,). Returns a scalar tensor.
    """
    margin = reward_chosen - reward_rejected  # blank: (batch,), by how much the chosen one leads
    return -F.logsigmoid(margin).mean()  # blank: a scalar


@bradley_terry_loss.check
def a_tie_costs_log_two(fn):
    for r in (0.0, 3.0, -20.0):
        expect(fn(torch.tensor([r]), torch.tensor([r])), torch.tensor(math.log(2)))


@bradley_terry_loss.check
def odds_of_three_to_one_cost_log_four_thirds_or_log_four(fn):
    lead = torch.tensor([math.log(3.0)])
    expect(fn(lead, torch.zeros(1)), torch.tensor(math.log(4 / 3)))
    expect(fn(torch.zeros(1), lead), torch.tensor(math.log(4.0)))


@bradley_terry_loss.check
def it_is_the_mean_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for n in (2, 3, 50):
        a, b = 2 * torch.randn(n, generator=g), 2 * torch.randn(n, generator=g)
        pairs = zip(a.tolist(), b.tolist(), strict=True)
        terms = [-math.log(math.exp(x) / (math.exp(x) + math.exp(y))) for x, y in pairs]
        expect(fn(a, b), torch.tensor(sum(terms) / n))


@bradley_terry_loss.check
def only_the_difference_counts(fn):
    for both in (-50.0, 7.0, 100.0):
        a, b = torch.tensor([both + 1, both]), torch.tensor([both, both + 2])
        want = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 2
        expect(fn(a, b), torch.tensor(want))


@bradley_terry_loss.check
def a_difference_of_a_thousand_is_finite_both_ways(fn):
    far, zero = torch.tensor([1000.0]), torch.zeros(1)
    expect(fn(far, zero), torch.tensor(0.0))
    expect(fn(zero, far), torch.tensor(1000.0))


@bradley_terry_loss.check
def the_gradient_is_the_probability_of_the_other_answer(fn):
    a = torch.tensor([0.0, 2.0, -1.0, -1000.0], requires_grad=True)
    b = torch.tensor([0.0, 0.0, 1.0, 1000.0], requires_grad=True)
    to_a, to_b = _gradient(fn(a, b), a, b)
    want = -torch.sigmoid((b - a).detach()) / 4
    shown = {"reward_chosen": a, "reward_rejected": b}
    expect(to_a, want, **shown)
    expect(to_b, -want, **shown)


@bradley_terry_loss.check
def a_double_loss_for_double_rewards(fn):
    a = torch.tensor([0.5, 1.0], dtype=torch.float64)
    _same_dtype(fn(a, -a), a)


@bradley_terry_loss.mistake("chosen and rejected swapped: the loss falls when the model is wrong")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid(reward_rejected - reward_chosen).mean()


@bradley_terry_loss.mistake("the log of a sigmoid in two steps: −inf where the model is very wrong")
def _(reward_chosen, reward_rejected):
    return -torch.log(torch.sigmoid(reward_chosen - reward_rejected)).mean()


@bradley_terry_loss.mistake(
    "log(σ + 1e-8): finite, but without a gradient just where the model is most wrong"
)
def _(reward_chosen, reward_rejected):
    return -torch.log(torch.sigmoid(reward_chosen - reward_rejected) + 1e-8).mean()


@bradley_terry_loss.mistake("the sign: the log-likelihood itself, which is to rise, not to fall")
def _(reward_chosen, reward_rejected):
    return F.logsigmoid(reward_chosen - reward_rejected).mean()


@bradley_terry_loss.mistake("the sum over pairs, where the mean was asked for")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid(reward_chosen - reward_rejected).sum()


@bradley_terry_loss.mistake("no logarithm: the probability of the other answer")
def _(reward_chosen, reward_rejected):
    return torch.sigmoid(reward_rejected - reward_chosen).mean()


@bradley_terry_loss.mistake("a hinge: pairs with a lead above 1 teach nothing")
def _(reward_chosen, reward_rejected):
    return torch.relu(1 - (reward_chosen - reward_rejected)).mean()


@bradley_terry_loss.mistake("the mean is taken before the log-sigmoid, over the differences")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid((reward_chosen - reward_rejected).mean())


@bradley_terry_loss.mistake("each reward on its own: two classifiers, not a comparison")
def _(reward_chosen, reward_rejected):
    return -(F.logsigmoid(reward_chosen) + F.logsigmoid(-reward_rejected)).mean()


@bradley_terry_loss.mistake("the rejected reward is detached: only the chosen one learns")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid(reward_chosen - reward_rejected.detach()).mean()


@exercise(
    difficulty=2,
    minutes=12,
    teaches="where the penalty goes, with which sign, and where the reward goes",
    hints=[
        "Summed over a sequence the result must be reward − β (log π(y) − log π_ref(y)).",
        "Every token pays for its own log-ratio. The reward model has read only whole sequences.",
        "The policy learns from these numbers, not through them: no gradient may flow.",
    ],
)
def kl_penalised_reward(
    reward: Tensor, logprobs: Tensor, ref_logprobs: Tensor, beta: float
) -> Tensor:
    """The reward of each token: its KL penalty, and at the last token the reward model's score.

    Token t gets −β (log π(y_t) − log π_ref(y_t)), and the last one the sequence's reward on top,
    so that a sequence sums to r(y) − β log(π(y) / π_ref(y)) (Ouyang et al. 2022, eq. 2).
    reward: (batch,). logprobs, ref_logprobs: (batch, length), per token, in nats; ref is the
    frozen SFT policy. Returns (batch, length), constants: no gradient flows through them.
    """
    penalty = -beta * (logprobs - ref_logprobs).detach()
    last = torch.zeros_like(penalty)
    last[:, -1] = reward.detach()
    return penalty + last


def _some_logprobs(seed, *shape):
    """Log-probabilities of tokens under two policies."""
    g = torch.Generator().manual_seed(seed)
    return -3 * torch.rand(shape, generator=g), -3 * torch.rand(shape, generator=g)


@kl_penalised_reward.check
def one_token(fn):
    reward, logprobs, ref = torch.tensor([1.0]), torch.tensor([[-1.0]]), torch.tensor([[-3.0]])
    expect(fn(reward, logprobs, ref, 0.5), torch.tensor([[0.0]]))
    expect(fn(reward, ref, logprobs, 0.5), torch.tensor([[2.0]]))


@kl_penalised_reward.check
def without_a_penalty_only_the_last_token_is_paid(fn):
    logprobs, ref = _some_logprobs(0, 2, 3)
    want = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, -1.0]])
    expect(fn(torch.tensor([2.0, -1.0]), logprobs, ref, 0.0), want)


@kl_penalised_reward.check
def without_a_reward_each_token_pays_for_its_own_log_ratio(fn):
    logprobs = torch.tensor([[-1.0, -1.0, -2.0]])
    ref = torch.tensor([[-2.0, -1.0, -1.5]])
    expect(fn(torch.zeros(1), logprobs, ref, 0.1), torch.tensor([[-0.1, 0.0, 0.05]]))


@kl_penalised_reward.check
def at_the_reference_there_is_nothing_to_pay(fn):
    logprobs, _ = _some_logprobs(1, 2, 3)
    want = torch.tensor([[0.0, 0.0, 0.5], [0.0, 0.0, 0.7]])
    expect(fn(torch.tensor([0.5, 0.7]), logprobs, logprobs.clone(), 3.0), want)


@kl_penalised_reward.check
def it_is_what_the_definition_says_token_by_token(fn):
    for seed, (batch, length) in enumerate(((2, 3), (3, 2), (4, 4), (5, 1))):
        logprobs, ref = _some_logprobs(seed, batch, length)
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


@kl_penalised_reward.check
def no_gradient_flows_through_it(fn):
    logprobs, ref = _some_logprobs(4, 2, 3)
    reward = torch.ones(2, requires_grad=True)
    got = fn(reward, logprobs.requires_grad_(), ref.requires_grad_(), 0.1)
    require(torch.is_tensor(got) and not got.requires_grad, "constants, detached", got)


@kl_penalised_reward.check
def double_rewards_stay_double(fn):
    logprobs, ref = (x.double() for x in _some_logprobs(5, 2, 3))
    _same_dtype(fn(torch.zeros(2).double(), logprobs, ref, 0.1), logprobs)


@kl_penalised_reward.mistake("the sign of the penalty: drifting from the reference is paid for")
def _(reward, logprobs, ref_logprobs, beta):
    out = beta * (logprobs - ref_logprobs).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalised_reward.mistake("the reward is given to every token, not to the last one")
def _(reward, logprobs, ref_logprobs, beta):
    return (reward[:, None] - beta * (logprobs - ref_logprobs)).detach()


@kl_penalised_reward.mistake("the whole penalty stands at the last token, where the reward does")
def _(reward, logprobs, ref_logprobs, beta):
    out = torch.zeros_like(logprobs)
    out[:, -1] = (reward - beta * (logprobs - ref_logprobs).sum(-1)).detach()
    return out


@kl_penalised_reward.mistake("the reference is missing: that rewards entropy, not closeness")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * logprobs.detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalised_reward.mistake("the last token gets the reward in place of its penalty, not on top")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs - ref_logprobs).detach()
    out[:, -1] = reward.detach()
    return out


@kl_penalised_reward.mistake("the reward stands at the first token")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs - ref_logprobs).detach()
    out[:, 0] += reward.detach()
    return out


@kl_penalised_reward.mistake("beta multiplies the reward too")
def _(reward, logprobs, ref_logprobs, beta):
    out = -(logprobs - ref_logprobs).detach()
    out[:, -1] += reward.detach()
    return beta * out


@kl_penalised_reward.mistake("beta is ignored")
def _(reward, logprobs, ref_logprobs, beta):
    out = -(logprobs - ref_logprobs).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalised_reward.mistake(
    "the absolute log-ratio: a token less likely than before is punished too, and E is no KL"
)
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs - ref_logprobs).abs().detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalised_reward.mistake("probabilities are subtracted, not their logarithms")
def _(reward, logprobs, ref_logprobs, beta):
    out = -beta * (logprobs.exp() - ref_logprobs.exp()).detach()
    out[:, -1] += reward.detach()
    return out


@kl_penalised_reward.mistake("not detached: the policy would learn through its own reward")
def _(reward, logprobs, ref_logprobs, beta):
    last = torch.zeros_like(logprobs)
    last[:, -1] = 1
    return last * reward[:, None] - beta * (logprobs - ref_logprobs)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="estimating a KL from samples: what is unbiased, and what is quiet",
    hints=[
        "Samples come from the policy. Schulman's r is p / q = reference / policy.",
        "So log r = ref_logprobs − logprobs, and k1 = −log r.",
        "k3 adds to k1 something whose mean is 0: E[r] = Σ q · p/q = 1, so E[r − 1] = 0.",
    ],
)
def kl_estimates(logprobs: Tensor, ref_logprobs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Schulman's k1, k2 and k3 of KL(π ‖ π_ref), one number each per sample drawn from π.

    With r = π_ref / π at the sample: k1 = −log r, k2 = (log r)² / 2, k3 = (r − 1) − log r
    (Schulman 2020, "Approximating KL Divergence"). Average them over samples to estimate the KL.
    logprobs, ref_logprobs: any shape, in nats. Returns three tensors of that shape,
    differentiable in both.
    """
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2 / 2, torch.expm1(log_r) - log_r


def _three(fn, logprobs, ref):
    """Call an answer, and see that three tensors of the right shape come back."""
    got = fn(logprobs, ref)
    three = isinstance(got, tuple | list) and len(got) == 3
    require(three, "three tensors: k1, k2, k3", got)
    for k in got:
        shape = tuple(k.shape) if torch.is_tensor(k) else k
        require(shape == tuple(logprobs.shape), f"shape {tuple(logprobs.shape)}", shape)
    return got


def _two_policies():
    """Probabilities of five sequences under a policy and its reference, as logs."""
    policy = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05], dtype=torch.float64)
    reference = torch.tensor([0.1, 0.3, 0.2, 0.25, 0.15], dtype=torch.float64)
    return policy.log(), reference.log()


@kl_estimates.check
def one_sample_twice_as_likely_as_under_the_reference(fn):
    log2 = math.log(2.0)
    got = _three(fn, torch.tensor([-1.0]), torch.tensor([-1.0 - log2]))
    for k, want in zip(got, (log2, log2**2 / 2, log2 - 0.5), strict=True):
        expect(k, torch.tensor([want]))


@kl_estimates.check
def one_sample_half_as_likely_as_under_the_reference(fn):
    log2 = math.log(2.0)
    got = _three(fn, torch.tensor([-1.0 - log2]), torch.tensor([-1.0]))
    for k, want in zip(got, (-log2, log2**2 / 2, 1 - log2), strict=True):
        expect(k, torch.tensor([want]))


@kl_estimates.check
def equal_policies_give_zero(fn):
    logprobs = torch.tensor([-0.1, -2.0, -50.0])
    for k in _three(fn, logprobs, logprobs.clone()):
        expect(k, torch.zeros(3))


@kl_estimates.check
def on_average_k1_and_k3_are_the_kl_and_k2_is_not(fn):
    logprobs, ref = _two_policies()
    kl = sum(math.exp(a) * (a - b) for a, b in zip(logprobs.tolist(), ref.tolist(), strict=True))
    half_square = sum(
        math.exp(a) * (a - b) ** 2 / 2 for a, b in zip(logprobs.tolist(), ref.tolist(), strict=True)
    )
    got = _three(fn, logprobs, ref)
    means = torch.stack([(logprobs.exp() * k).sum() for k in got])
    expect(means, torch.tensor([kl, half_square, kl]), logprobs=logprobs, ref_logprobs=ref)


@kl_estimates.check
def k2_and_k3_are_never_negative(fn):
    logprobs, ref = _some_logprobs(0, 50)
    _, k2, k3 = _three(fn, logprobs, ref)
    require(bool((k2 >= 0).all()), "k2 ≥ 0", k2)
    require(bool((k3 >= -1e-6).all()), "k3 ≥ 0", k3)


@kl_estimates.check
def shapes_stay_and_elements_are_apart(fn):
    for shape in ((), (3,), (2, 3), (3, 3), (2, 1, 4)):
        logprobs, ref = _some_logprobs(1, *shape)
        got = _three(fn, logprobs, ref)
        pairs = list(zip(logprobs.flatten().tolist(), ref.flatten().tolist(), strict=True))
        wants = (
            [a - b for a, b in pairs],
            [(a - b) ** 2 / 2 for a, b in pairs],
            [math.exp(b - a) - 1 - (b - a) for a, b in pairs],
        )
        for k, want in zip(got, wants, strict=True):
            expect(k, torch.tensor(want).reshape(shape), tol=1e-4)


@kl_estimates.check
def very_unlikely_sequences_are_fine(fn):
    logprobs, ref = torch.tensor([-1000.0, -1000.0]), torch.tensor([-1001.0, -1000.0])
    got = _three(fn, logprobs, ref)
    wants = ([1.0, 0.0], [0.5, 0.0], [math.exp(-1), 0.0])
    for k, want in zip(got, wants, strict=True):
        expect(k, torch.tensor(want))
    k1, k2, k3 = _three(fn, torch.tensor([-1.0]), torch.tensor([-1001.0]))
    expect(torch.cat([k1, k2, k3]), torch.tensor([1000.0, 500000.0, 999.0]))


@kl_estimates.check
def gradients_flow(fn):
    logprobs = torch.tensor([-1.0, -2.0], requires_grad=True)
    ref = torch.tensor([-2.0, -1.0], requires_grad=True)
    wants = (torch.ones(2), torch.tensor([1.0, -1.0]), 1 - torch.tensor([-1.0, 1.0]).exp())
    for k, want in zip(_three(fn, logprobs, ref), wants, strict=True):
        to_policy, to_ref = _gradient(k.sum(), logprobs, ref)
        expect(to_policy, want, logprobs=logprobs, ref_logprobs=ref)
        expect(to_ref, -want, logprobs=logprobs, ref_logprobs=ref)


@kl_estimates.check
def double_estimates_for_double_logs(fn):
    logprobs, ref = _two_policies()
    for k in _three(fn, logprobs, ref):
        _same_dtype(k, logprobs)


@kl_estimates.mistake("r upside down: policy / reference, which makes it another divergence")
def _(logprobs, ref_logprobs):
    log_r = logprobs - ref_logprobs
    return -log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k1 is right, and k3 has its r upside down: it is not unbiased")
def _(logprobs, ref_logprobs):
    log_r = logprobs - ref_logprobs
    return log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k1 has the wrong sign: its mean is −KL")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k2 without its half")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k3 without the −1: at equal policies it is 1")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2 / 2, log_r.exp() - log_r


@kl_estimates.mistake("k3 with + log r: then its mean is −KL")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2 / 2, log_r.exp() - 1 + log_r


@kl_estimates.mistake("k2 squares r − 1, not log r")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, (log_r.exp() - 1) ** 2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("averaged over the samples: one number per sample was asked for")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return tuple(k.mean() for k in (-log_r, log_r**2 / 2, log_r.exp() - 1 - log_r))


@kl_estimates.mistake("probabilities divided: 0/0 = NaN for long sequences. Subtract the logs")
def _(logprobs, ref_logprobs):
    r = ref_logprobs.exp() / logprobs.exp()
    return -r.log(), r.log() ** 2 / 2, r - 1 - r.log()


@kl_estimates.mistake("detached: the values are right, and nothing can learn from them")
def _(logprobs, ref_logprobs):
    log_r = (ref_logprobs - logprobs).detach()
    return -log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@exercise(
    difficulty=3,
    minutes=18,
    teaches="which token deserves how much of a reward that comes at the end",
    hints=[
        "First δ_t = r_t + γ V_{t+1} − V_t. What is V_{t+1} at the last token? The sequence ends.",
        "Then from the end to the front: A_t = δ_t + γ λ A_{t+1}, with A = 0 beyond the end.",
        "lam=1 must give the discounted sum of the remaining rewards minus V_t; lam=0 just δ_t.",
    ],
)
def generalised_advantages(rewards: Tensor, values: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalized advantage estimation: A_t = Σ_l (γλ)^l δ_{t+l} (Schulman et al. 2016, eq. 16).

    δ_t = r_t + γ V_{t+1} − V_t, where V_t = values[:, t] is the critic's estimate before token t.
    After the last token the sequence is over: beyond it V = 0.
    rewards, values: (batch, length). Returns (batch, length), constants: no gradient flows through
    them, and they are not normalized.
    """
    values = values.detach()
    after = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
    delta = rewards.detach() + gamma * after - values
    advantages, running = [], torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        running = delta[:, t] + gamma * lam * running
        advantages.append(running)
    return torch.stack(advantages[::-1], 1)


def _advantages_by_hand(rewards, values, gamma, lam):
    """The double sum of the definition, in plain loops."""
    rows = []
    for r, v in zip(rewards.tolist(), values.tolist(), strict=True):
        n = len(r)
        delta = [r[t] + gamma * (v[t + 1] if t + 1 < n else 0.0) - v[t] for t in range(n)]
        rows.append(
            [sum((gamma * lam) ** k * delta[t + k] for k in range(n - t)) for t in range(n)]
        )
    return torch.tensor(rows)


def _some_rewards(seed, *shape):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=g), torch.randn(shape, generator=g)


@generalised_advantages.check
def one_token_is_reward_minus_value(fn):
    got = fn(torch.tensor([[2.0]]), torch.tensor([[0.5]]), 0.9, 0.8)
    expect(got, torch.tensor([[1.5]]))


@generalised_advantages.check
def two_tokens_by_hand(fn):
    # δ = (0 + 0.5·1 − 2, 4 − 1) = (−1.5, 3), so A = (−1.5 + 0.5·0.5·3, 3).
    got = fn(torch.tensor([[0.0, 4.0]]), torch.tensor([[2.0, 1.0]]), 0.5, 0.5)
    expect(got, torch.tensor([[-0.75, 3.0]]))


@generalised_advantages.check
def lambda_one_is_what_is_still_to_come_minus_the_value(fn):
    rewards, values = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[3.0, -1.0, 0.5]])
    expect(fn(rewards, values, 1.0, 1.0), torch.tensor([[4.0, 7.0, 3.5]]))
    to_come = torch.tensor([[1 + 0.5 * 2 + 0.25 * 4, 2 + 0.5 * 4, 4.0]])
    expect(fn(rewards, values, 0.5, 1.0), to_come - values)


@generalised_advantages.check
def lambda_zero_is_one_step(fn):
    rewards, values = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[3.0, -1.0, 0.5]])
    expect(fn(rewards, values, 1.0, 0.0), torch.tensor([[-3.0, 3.5, 3.5]]))
    expect(fn(rewards, values, 0.5, 0.0), torch.tensor([[-2.5, 3.25, 3.5]]))


@generalised_advantages.check
def gamma_zero_looks_at_the_next_reward_only(fn):
    rewards, values = _some_rewards(0, 2, 3)
    expect(fn(rewards, values, 0.0, 0.9), rewards - values)


@generalised_advantages.check
def a_perfect_critic_leaves_nothing_to_learn(fn):
    rewards = torch.tensor([[0.0, 0.0, 8.0]])
    for lam in (0.0, 0.5, 1.0):
        expect(fn(rewards, torch.tensor([[2.0, 4.0, 8.0]]), 0.5, lam), torch.zeros(1, 3))


@generalised_advantages.check
def it_is_the_double_sum_written_out(fn):
    for seed, shape in enumerate(((2, 3), (3, 3), (3, 2), (5, 1), (4, 12))):
        rewards, values = _some_rewards(seed, *shape)
        for gamma, lam in ((1.0, 0.95), (0.9, 0.7), (0.7, 0.9)):
            want = _advantages_by_hand(rewards, values, gamma, lam)
            expect(fn(rewards, values, gamma, lam), want, tol=1e-4)


@generalised_advantages.check
def sequences_do_not_touch_each_other(fn):
    rewards, values = _some_rewards(6, 3, 4)
    alone = [fn(rewards[i : i + 1], values[i : i + 1], 0.9, 0.8) for i in range(3)]
    expect(fn(rewards, values, 0.9, 0.8), torch.cat(alone))


@generalised_advantages.check
def no_gradient_flows_through_them(fn):
    rewards, values = (x.requires_grad_() for x in _some_rewards(7, 2, 3))
    got = fn(rewards, values, 0.9, 0.8)
    require(torch.is_tensor(got) and not got.requires_grad, "constants, detached", got)


@generalised_advantages.check
def double_advantages_for_double_rewards(fn):
    rewards, values = (x.double() for x in _some_rewards(8, 2, 3))
    _same_dtype(fn(rewards, values, 0.9, 0.8), rewards)


def _gae(rewards, values, after, gamma, decay):
    """The recursion, for the mistakes to get wrong."""
    delta, out = (rewards + gamma * after - values).detach(), []
    running = torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        running = delta[:, t] + decay * running
        out.append(running)
    return torch.stack(out[::-1], 1)


def _after(values, beyond=0.0):
    return torch.cat([values[:, 1:], torch.zeros_like(values[:, :1]) + beyond], 1)


@generalised_advantages.mistake("it bootstraps past the end: beyond the last token V is 0")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values, values[:, -1:]), gamma, gamma * lam)


@generalised_advantages.mistake("roll wraps around: after the last token comes the first one's V")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, values.roll(-1, 1), gamma, gamma * lam)


@generalised_advantages.mistake("lam is ignored: δ alone")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, 0.0)


@generalised_advantages.mistake("lam is ignored: the full return minus the value")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, gamma)


@generalised_advantages.mistake("the sum decays by λ instead of γλ")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, lam)


@generalised_advantages.mistake("γ is missing in δ: the next value is not discounted")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), 1.0, gamma * lam)


@generalised_advantages.mistake("the next value is discounted by γλ")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma * lam, gamma * lam)


@generalised_advantages.mistake("summed from the front: a token is paid for what came before it")
def _(rewards, values, gamma, lam):
    back = _gae(
        (rewards + gamma * _after(values) - values).flip(1), values * 0, values * 0, 0, gamma * lam
    )
    return back.flip(1)


@generalised_advantages.mistake("returns, not advantages: V is added back")
def _(rewards, values, gamma, lam):
    return (_gae(rewards, values, _after(values), gamma, gamma * lam) + values).detach()


@generalised_advantages.mistake("the value of the token itself is not subtracted")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values * 0, _after(values), gamma, gamma * lam)


@generalised_advantages.mistake("the sign of δ: value minus reward")
def _(rewards, values, gamma, lam):
    return -_gae(rewards, values, _after(values), gamma, gamma * lam)


@generalised_advantages.mistake("normalized: that is a later step, and not what was asked for")
def _(rewards, values, gamma, lam):
    a = _gae(rewards, values, _after(values), gamma, gamma * lam)
    return (a - a.mean()) / (a.std(unbiased=False) + 1e-8)


@generalised_advantages.mistake("not detached: the policy's loss would train the critic")
def _(rewards, values, gamma, lam):
    delta, total = rewards + gamma * _after(values) - values, 0.0
    out = []
    for t in reversed(range(delta.shape[1])):
        total = delta[:, t] + gamma * lam * total
        out.append(total)
    return torch.stack(out[::-1], 1)


@exercise(
    difficulty=3,
    minutes=15,
    teaches="what the clip cuts, what it must not cut, and which way the sign goes",
    given="page",
    hints=[
        "The ratio is π / π_old. Both come as logs: subtract first, then exp.",
        "Two candidates: ratio · A, and the ratio clamped to [1 − clip, 1 + clip], times A.",
        "PPO takes the smaller, the pessimistic one, and maximizes it. A loss is minimized.",
    ],
)
def ppo_clipped_loss(logprobs, old_logprobs, advantages, clip):
    """PPO's clipped objective, as a loss to minimize (Schulman et al. 2017, eq. 7).

    −E[min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)] with ρ = π(y_t) / π_old(y_t), ε = clip, and the mean over
    all entries. Only logprobs has a gradient: old_logprobs and advantages are constants, even when
    they come with a graph of their own.
    logprobs, old_logprobs, advantages: one shape, any, logs in nats. Returns a scalar tensor.
    """
    ratio = torch.exp(logprobs - old_logprobs.detach())
    advantages = advantages.detach()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()


def _loss_at(fn, ratio, advantage, clip=0.2):
    """Loss and gradient of one token at a given ratio."""
    old = torch.tensor([-1.0])
    logprobs = (old + math.log(ratio)).requires_grad_()
    loss = fn(logprobs, old, torch.tensor([advantage]), clip)
    (slope,) = _gradient(loss, logprobs)
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
def old_logprobs_and_advantages_are_constants(fn):
    new, old = (torch.tensor([-1.0, -1.1], requires_grad=True) for _ in range(2))
    advantages = torch.tensor([1.0, -2.0], requires_grad=True)
    to_new, *others = _gradient(fn(new, old, advantages, 0.2), new, old, advantages)
    expect(to_new, torch.tensor([-0.5, 1.0]), logprobs=new, old_logprobs=old, advantages=advantages)
    for name, grad in zip(("old_logprobs", "advantages"), others, strict=True):
        none = grad is None or not bool(grad.any())
        require(none, f"no gradient to {name}", grad)


@ppo_clipped_loss.check
def the_same_tensor_as_new_and_old_still_learns(fn):
    # In the first epoch it is common to pass logprobs and the very same tensor as old_logprobs.
    new = torch.tensor([-1.0], requires_grad=True)
    (slope,) = _gradient(fn(new, new, torch.tensor([2.0]), 0.2), new)
    expect(slope, torch.tensor([-2.0]))


@ppo_clipped_loss.check
def a_double_loss_for_double_logs(fn):
    new = torch.tensor([-1.0], dtype=torch.float64)
    _same_dtype(fn(new, new - 0.1, new, 0.2), new)


def _ratio(logprobs, old_logprobs):
    return torch.exp(logprobs - old_logprobs.detach())


@ppo_clipped_loss.mistake("no clip: nothing keeps the step small")
def _(logprobs, old_logprobs, advantages, clip):
    return -(_ratio(logprobs, old_logprobs) * advantages.detach()).mean()


@ppo_clipped_loss.mistake("max for min, or the minus inside the min, which comes to the same")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return -torch.maximum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@ppo_clipped_loss.mistake("clipped without the min: a step too far can never be taken back")
def _(logprobs, old_logprobs, advantages, clip):
    return -(_ratio(logprobs, old_logprobs).clamp(1 - clip, 1 + clip) * advantages.detach()).mean()


@ppo_clipped_loss.mistake("clipped from above only: bad tokens may fall without end")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(max=1 + clip) * a).mean()


@ppo_clipped_loss.mistake("clipped from below only: good tokens may grow without end")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(min=1 - clip) * a).mean()


@ppo_clipped_loss.mistake("the sign: an objective to maximize, where a loss was asked for")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@ppo_clipped_loss.mistake("the ratio upside down: old over new")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = torch.exp(old_logprobs.detach() - logprobs), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@ppo_clipped_loss.mistake("no exp: the log-ratio is clipped around 1")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = logprobs - old_logprobs.detach(), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@ppo_clipped_loss.mistake("the log-ratio is clipped to ±clip, so the ratio to e^±clip")
def _(logprobs, old_logprobs, advantages, clip):
    log_ratio, a = logprobs - old_logprobs.detach(), advantages.detach()
    return -torch.minimum(log_ratio.exp() * a, log_ratio.clamp(-clip, clip).exp() * a).mean()


@ppo_clipped_loss.mistake("the advantage is clipped along with the ratio: their product is clamped")
def _(logprobs, old_logprobs, advantages, clip):
    product = _ratio(logprobs, old_logprobs) * advantages.detach()
    return -torch.minimum(product, product.clamp(1 - clip, 1 + clip)).mean()


@ppo_clipped_loss.mistake("the sum over entries, where the mean was asked for")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).sum()


@ppo_clipped_loss.mistake("clip is ignored: 0.2 stands in the code")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a).mean()


@ppo_clipped_loss.mistake("old_logprobs is not detached: the old policy is pushed the other way")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = torch.exp(logprobs - old_logprobs), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@ppo_clipped_loss.mistake("advantages are not detached: the policy's loss pulls on the critic")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = _ratio(logprobs, old_logprobs), advantages
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


@ppo_clipped_loss.mistake("probabilities divided: 0/0 = NaN for unlikely tokens. Subtract the logs")
def _(logprobs, old_logprobs, advantages, clip):
    ratio, a = logprobs.exp() / old_logprobs.detach().exp(), advantages.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()
