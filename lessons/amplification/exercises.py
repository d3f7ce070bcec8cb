"""What the learner writes in this lesson (Christiano et al. 2018, and what came after)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="how one question becomes two easier ones",
    why="2^level steps are 2^(level − 1) steps, and as many again from where these end. Nobody "
    "needs to know the long way: only how to cut it in half.",
    given="blanks",
    hints=[
        "The easier questions are one level down.",
        "The second question starts where the first one's answer ended.",
        "torch.where(level == 0, a, b) takes a where nothing is left to cut, else b.",
    ],
)
def amplify(answer: Callable, human: Callable, level: Tensor, x: Tensor) -> Tensor:
    """What a person with a model at hand answers to "2^level steps from x?": Amplify^H(X).

    answer: the model X, from levels and symbols to symbols. It knows no level below 0.
    human: from symbols to symbols, one step. The person answers level 0 with it, and cuts every
    other question into two questions of the level below.
    level, x: integers of the same shape, any shape. Returns symbols of that shape.
    """
    below = (level - 1).clamp(min=0)
    middle = answer(below, x)  # blank: the first half of the way
    end = answer(below, middle)  # blank: the second half
    return torch.where(level == 0, human(x), end)  # blank: level 0 is the person's own


@exercise(
    difficulty=2,
    minutes=12,
    teaches="distillation: the amplified answer becomes a label",
    why="The slow way (person and copies) makes the label, the fast way (one pass of the student) "
    "learns it. The teacher is a slow copy of the student: it is not trained here.",
    given="blanks",
    hints=[
        "The teacher's answer is the symbol with the best score: teacher(level, x).argmax(-1).",
        "amplify(answer, human, level, x) wants a function of levels and symbols.",
        "F.cross_entropy wants scores (rows, n) and labels (rows,): flatten(0, -2) and flatten().",
    ],
)
def distil_step(
    student: nn.Module, teacher: nn.Module, human: Callable, level: Tensor, x: Tensor,
    optimizer: torch.optim.Optimizer,
) -> float:  # fmt: skip
    """One step of training towards what the teacher, amplified, answers.

    student, teacher: from levels and symbols, each (…), to scores of the n symbols, (…, n).
    The loss is the mean cross-entropy over the questions. Returns it as a float, as it was before
    the step. The teacher is left as it is.
    """

    def answer(level: Tensor, x: Tensor) -> Tensor:
        return teacher(level, x).argmax(-1)  # blank: the teacher's best symbol

    with torch.no_grad():
        label = amplify(answer, human, level, x)  # blank: what the amplified teacher answers
    scores = student(level, x)
    loss = F.cross_entropy(scores.flatten(0, -2), label.flatten())  # blank: mean cross-entropy
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how errors grow with depth, and what a vote at each node does about it",
    why="Two halves must both be right: a square. A vote of three turns an error rate e into about "
    "3e². Whether the tree lives depends on which of the two is stronger.",
    hints=[
        "Start with one leaf: right with probability 1 − leaf_error. With votes: the chance that "
        "more than half of them are right, a sum of binomial terms.",
        "One level up, one try is right if both of its halves are: the square of the level below.",
        "That is the chance of one try. Then the votes come again, at this node, too.",
    ],
)
def accuracy_by_level(leaf_error: float, depth: int, votes: int = 1) -> list[float]:
    """The chance that a tree of people answers rightly, for levels 0, 1, …, depth.

    A leaf's try is wrong with probability leaf_error. A try at a higher node asks two nodes of the
    level below, and is right if both are. At every node, leaves included, `votes` (odd) tries are
    made, all independent, and the node is right if more than half of them are.
    """

    def voted(p: float) -> float:
        enough = range(votes // 2 + 1, votes + 1)
        return sum(math.comb(votes, k) * p**k * (1 - p) ** (votes - k) for k in enough)

    accuracy = [voted(1 - leaf_error)]
    for _ in range(depth):
        accuracy.append(voted(accuracy[-1] ** 2))
    return accuracy


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how to join what two observers know",
    why="Each observer's probabilities contain the prior. In the product it stands twice: divide "
    "by it once. In logarithms: add, add, take away, and bring the sum back to 1.",
    hints=[
        "p(y | a, b) is proportional to p(a | y) p(b | y) p(y), if a and b tell separately.",
        "p(a | y) is proportional to p(y | a) / p(y). Put it in, for both.",
        "In logs: human + model − prior, then log_softmax over the answers.",
    ],
)
def sandwich(human: Tensor, model: Tensor, prior: Tensor) -> Tensor:
    """The team's log-probabilities: a product of experts.

    human, model: log-probabilities of each answer, (…, answers), each given what that one saw.
    Given the answer, what the one saw says nothing about what the other saw.
    prior: log-probabilities of the answers before anybody saw anything, (answers,).
    Returns log-probabilities, (…, answers), in the dtype of the inputs: those of a row,
    exponentiated, sum to 1, also where both are very sure.
    """
    joint = human + model - prior
    return joint - joint.logsumexp(-1, keepdim=True)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what assistance is worth at the same human effort",
    why="The person looks at as many items in both cases. Only the order differs: the ratio is "
    "what the critic's pointing is worth.",
    hints=[
        "For each page, the `budget` items with the highest score: topk along the items.",
        "flaws.gather(1, items) says which of the items looked at are flawed. Sum over all pages.",
        "Do this once with the critic's scores, once with the glance's, and divide.",
    ],
)
def critique_gain(flaws: Tensor, critic: Tensor, glance: Tensor, budget: int) -> float:
    """How many times as many flaws a person finds with a critic's help as without.

    flaws: (pages, items), True where a close look would find a flaw. The person looks closely at
    `budget` items of each page (1 to all of them): with help at those of the critic's highest
    scores, without at those of her own glance's. critic, glance: scores, (pages, items), no two of
    a page alike.
    Flaws are counted over all pages. At least one is found without help.
    """

    def found(scores: Tensor) -> int:
        looked_at = scores.topk(budget, dim=1).indices
        return flaws.gather(1, looked_at).sum().item()

    return found(critic) / found(glance)


@exercise(
    difficulty=3,
    minutes=15,
    teaches="why an assistant with the same errors catches fewer of them",
    why="Correlation fixes how often both err. What the assistant shares, it cannot catch.",
    given="page",
    hints=[
        "Let P and A be 1 where the policy, the assistant errs, else 0. The mean of P·A is how "
        "often both err.",
        "Covariance: mean(P·A) − mean(P) mean(A) = correlation · sd(P) · sd(A).",
        "The standard deviation of a 0/1 variable with mean p is √(p (1 − p)). Of the policy's "
        "errors, the assistant shares mean(P·A) / mean(P).",
    ],
)
def catch_rate(policy_error, assistant_error, correlation):
    """The share of the policy's errors on which the assistant is right.

    policy_error, assistant_error: how often each errs, above 0 and below 1. correlation: between
    the two indicators of error, 1 where one errs and else 0; it may be below 0. Floats in, a float
    out.
    """
    spread = (policy_error * (1 - policy_error) * assistant_error * (1 - assistant_error)) ** 0.5
    both_err = policy_error * assistant_error + correlation * spread
    return 1 - both_err / policy_error
