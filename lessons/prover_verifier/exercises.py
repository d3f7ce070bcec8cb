"""What the learner writes in this lesson (Anil et al. 2021; Kirchner et al. 2024; Hanson 2003)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="what a verifier is trained on: right and wrong solutions, both at equal weight",
    why="logsigmoid(score) is the log-probability of accepting, logsigmoid(−score) that of "
    "refusing. A mean for each kind keeps the rarer kind from being drowned.",
    given="blanks",
    hints=[
        "The verifier accepts with probability σ(score). Take its logarithm by F.logsigmoid.",
        "It refuses with probability 1 − σ(score) = σ(−score).",
        "One mean over the right solutions, another over the wrong ones, and half of their sum.",
    ],
)
def verifier_loss(scores: Tensor, right: Tensor) -> Tensor:
    """What the verifier minimizes: it should accept right solutions and refuse wrong ones.

    scores: (n,), the logits of accepting each solution. right: (n,), bool; both kinds occur.
    Returns half of the mean of −log P(accept) over right solutions, plus half of the mean of
    −log P(refuse) over wrong ones: a scalar tensor in nats, of the scores' dtype, finite for scores
    of any size.
    """
    on_right = F.logsigmoid(scores[right]).mean()  # blank: mean log P(accept) over right ones
    on_wrong = F.logsigmoid(-scores[~right]).mean()  # blank: mean log P(refuse) over wrong ones
    return -(on_right + on_wrong) / 2


@exercise(
    difficulty=2,
    minutes=15,
    teaches="the two quantifiers of a proof system: some proof convinces, and no lie does",
    why="A prover picks the message after it has seen the verifier. So for a true claim one "
    "accepted message is enough, and for a false one a single accepted message is too many.",
    hints=[
        "The prover chooses among all messages of a row. What matters is the row's best score.",
        "Completeness: the share of true claims whose best message is accepted.",
        "Soundness: the share of false claims for which no message at all is accepted.",
    ],
)
def soundness_and_completeness(true_scores: Tensor, false_scores: Tensor) -> tuple[float, float]:
    """How sound and how complete a verifier is against provers who choose the best message.

    true_scores: (n, messages), the verifier's scores of each message that could be sent for each
    of n true claims. false_scores: (k, messages), for k false claims. A score above 0 is accepted.
    Soundness: the share of false claims for which no message is accepted. Completeness: the share
    of true claims for which some message is. Returns (soundness, completeness), two floats.
    """
    convinced = (true_scores > 0).any(1)
    fooled = (false_scores > 0).any(1)
    return 1 - fooled.double().mean().item(), convinced.double().mean().item()


@exercise(
    difficulty=3,
    minutes=20,
    teaches="a prover's reward: its role first, then how convincing it is",
    why="All solutions can be enumerated, so the expected reward is a sum, without any sampling: "
    "P(name) · P(place given the name) · P(accept), over the solutions that fit the role.",
    hints=[
        "P(accept) is torch.sigmoid(scores). Weigh it by P(place given the name) and sum over "
        "places: what is to be had for each name, (n, kinds).",
        "Times P(name): each name's share of the expected reward. Which of the four names count? "
        "For the helpful prover the true one, for the sneaky one the three others.",
        "F.one_hot(truth, kinds) is 1 at the true name. The loss is minus the reward, averaged "
        "over pictures.",
    ],
)
def prover_loss(names: Tensor, places: Tensor, scores: Tensor, truth: Tensor, role: str) -> Tensor:
    """Minus the expected reward of a prover in a role (after Kirchner et al. 2024).

    names: (n, kinds), log-probabilities of naming each kind. places: (n, kinds, places), of
    pointing at each place, given the name. scores: (n, kinds, places), the verifier's logits of
    accepting each such solution. truth: (n,), the kind that is there. role: "helpful" or "sneaky",
    else ValueError. A solution is worth the probability with which it is accepted if it fits the
    role (the name is true for "helpful", false for "sneaky"), else 0.
    Returns minus the mean over the n pictures of the expected worth: a scalar with a gradient, of
    the inputs' dtype.
    """
    if role not in ("helpful", "sneaky"):
        raise ValueError(f'role is "helpful" or "sneaky", not {role!r}')
    accepted = (places.exp() * scores.sigmoid()).sum(-1)
    worth = names.exp() * accepted
    true = F.one_hot(truth, names.shape[1]).bool()
    fits = true if role == "helpful" else ~true
    return -(worth * fits).sum(1).mean()


@exercise(
    difficulty=1,
    minutes=5,
    teaches="a tax is a share of a gain, and both gains begin at one start",
    why="Where training begins says nothing about either reward, so it is taken from both.",
    hints=[
        "Which two numbers are gains, and from where?",
        "The tax is the part of the one gain that the other lacks, as a share of it.",
    ],
)
def legibility_tax(start: float, correct: float, checkable: float) -> float:
    """The share of the accuracy gain that is given up for checkability.

    start: accuracy before training. correct: after training for correctness alone. checkable:
    after as much training for correctness and checkability. 0: nothing is given up; 1: all of the
    gain; negative if the checkable prover is the more accurate one. ValueError if training for
    correctness gained nothing.
    """
    if correct <= start:
        raise ValueError("no gain of which a share could be given up")
    return (correct - checkable) / (correct - start)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="finding one false step among T by asking for log T states",
    why="At `low` the two agree, at `high` they do not, and halving keeps both true. When the two "
    "are neighbors, the step between them is one that they dispute although they agree on where "
    "it starts.",
    hints=[
        "Keep two places: at `low` both sides agree, at `high` they do not. Where do they start?",
        "Ask for the state in the middle. Which of the two places moves there?",
        "Stop when high = low + 1. Count the questions.",
    ],
)
def bisection_debate(trace: Sequence[int], claim: Sequence[int]) -> tuple[int, int]:
    """The disputed step of a computation, found with few questions.

    trace: the states 0 to T of the computation as the opponent has them. claim: the states that
    the prover claims, as many. They agree at the first state and not at the last; else, or if the
    lengths differ, ValueError. A question reads one state of both; no more than log₂ T rounded up
    may be asked for between the two ends. (A copy, a comparison of lists or a loop
    reads every state.) Which of several false steps is found does not matter.
    Returns (t, questions): both agree on state t and not on t + 1; and the number of questions.
    """
    if len(trace) != len(claim) or len(trace) < 2:
        raise ValueError("trace and claim need the same number of states, at least two")
    low, high, questions = 0, len(trace) - 1, 0
    if trace[low] != claim[low] or trace[high] == claim[high]:
        raise ValueError("they must agree at the first state, and not at the last")
    while high - low > 1:
        middle = (low + high) // 2
        questions += 1
        if trace[middle] == claim[middle]:
            low = middle
        else:
            high = middle
    return low, questions


@exercise(
    difficulty=1,
    minutes=8,
    teaches="what a market maker has taken in, stable for any number of shares",
    why="logsumexp takes the largest share out before it exponentiates. exp of 1,000 is inf.",
    hints=[
        "Divide the shares by b first, and multiply by b at the end.",
        "exp overflows beyond 88: torch.logsumexp does not.",
    ],
)
def lmsr_cost(shares: Tensor, b: float) -> Tensor:
    """Hanson's logarithmic market scoring rule as a cost function, b · log Σ exp(q / b).

    shares: (…, outcomes), how many shares of each outcome are out; finite, of any size, in floats.
    b: liquidity, above 0. Returns (…), of the shares' dtype, with a gradient (so by torch, not by
    NumPy): a purchase costs the difference of two such numbers.
    """
    return b * torch.logsumexp(shares / b, -1)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="the price as the slope of the cost: a softmax",
    why="The derivative of b · log Σ exp(q/b) by one share is exp(q/b) over the sum of all.",
    given="page",
    hints=[
        "A price is what the next, tiny share costs: the derivative of lmsr_cost by that share.",
        "exp(q/b) over the sum over outcomes of exp(q/b), and stable: torch.softmax.",
    ],
)
def lmsr_price(shares, b):
    """The price of one more share of each outcome: the gradient of lmsr_cost.

    shares: (…, outcomes), in floats, of any size; b: liquidity, above 0. Returns (…, outcomes),
    of the shares' dtype.
    """
    return torch.softmax(shares / b, -1)
