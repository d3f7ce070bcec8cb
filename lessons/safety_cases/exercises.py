"""What the learner writes in this lesson: what an argument is worth, and what would change it."""

import math

from lessons.safety_cases.arguments import Argument, Beliefs, leaves
from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=12,
    teaches="how belief in leaves becomes belief in a claim, if nothing is shared",
    why="Independent claims all hold with the product of their beliefs. Any holds unless all fail. "
    "A defeater must be false as well, which is one more factor.",
    given="blanks",
    hints=[
        "All parts hold, independent of each other: multiply.",
        "At least one part holds: that is one less the chance that none does.",
        "The claim stands if its parts hold and no defeater does: a factor 1 − belief for each.",
    ],
)
def propagate(argument: Argument, beliefs: Beliefs, node: str = "top") -> float:
    """The belief in a claim, everything that it rests on taken to be independent.

    argument: a Node by name; its kind is "leaf", "and" or "or", its parts and defeaters are names.
    What stands in two places is multiplied in at each of them, as if drawn anew.
    A leaf can have defeaters, and a defeater can rest on parts and have defeaters of its own.
    beliefs: from 0 to 1, by leaf. Returns a float, for the claim called `node`.
    """
    this = argument[node]
    parts = [propagate(argument, beliefs, part) for part in this.parts]
    if this.kind == "leaf":
        belief = beliefs[node]
    elif this.kind == "and":
        belief = math.prod(parts)  # blank: all parts hold
    else:
        belief = 1 - math.prod(1 - p for p in parts)  # blank: at least one part holds
    for defeater in this.defeaters:
        belief = belief * (1 - propagate(argument, beliefs, defeater))  # blank: it does not strike
    return belief


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how much of the top claim hangs on one leaf",
    why="In a tree the top belief is a straight line in each leaf's belief. Its slope is the "
    "difference of its two ends.",
    hints=[
        "Learn that the leaf is true: its belief is 1. Learn that it is false: 0.",
        "{**beliefs, leaf: 1.0} is a copy with one entry changed. Leave `beliefs` as it is.",
        "Keep the sign: a defeater's leaf lowers the top belief.",
    ],
)
def sensitivity(argument: Argument, beliefs: Beliefs) -> dict[str, float]:
    """By leaf: the top belief if the leaf is known to be true, less that if it is known false.

    For arguments in which no leaf stands twice, by `propagate`. Negative where the leaf defeats.
    """
    return {
        leaf: propagate(argument, {**beliefs, leaf: 1.0})
        - propagate(argument, {**beliefs, leaf: 0.0})
        for leaf in leaves(argument)
    }


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what a common cause does to evidence that agrees",
    why="Either the common flaw made all tests pass, or each passed by itself. Both are possible "
    "if the system is safe and if it is not; Bayes weighs the two sums.",
    hints=[
        "Given that the system is safe: how likely are n passes if the flaw is there? If not?",
        "flaw · 1 + (1 − flaw) · pass_if_safeⁿ, and the same for a system that is not safe.",
        "prior · one of them, over the sum of prior · that and (1 − prior) · the other.",
    ],
)
def correlated_evidence(
    prior: float, pass_if_safe: float, pass_if_unsafe: float, n: int, flaw: float
) -> float:
    """The belief that a system is safe after n tests, all passed.

    prior: the belief before. With probability `flaw` something that all tests share lets every
    system pass all of them. Else they are independent, and each is passed with pass_if_safe by a
    safe system, with pass_if_unsafe by another. Whether the flaw is there does not depend on
    whether the system is safe. n: a whole number from 0. flaw and pass_if_unsafe may both be 0:
    divide by what cannot be 0 then. Returns a float.
    """
    if_safe = flaw + (1 - flaw) * pass_if_safe**n
    if_unsafe = flaw + (1 - flaw) * pass_if_unsafe**n
    return prior * if_safe / (prior * if_safe + (1 - prior) * if_unsafe)


@exercise(
    difficulty=3,
    minutes=18,
    teaches="which question is worth asking before a decision",
    why="Knowing helps only where it can change what you do. So it is the value of deciding after "
    "the answer, averaged over both answers, less the value of deciding now.",
    hints=[
        "Deploy only if it is worth more than 0. What is the better of the two worth, by belief?",
        "worth(p) = max(0, p · gain − (1 − p) · loss). Before the answer: worth(top belief).",
        "After it: with the leaf's belief it is true, else false. Average the two worths.",
    ],
)
def value_of_information(
    argument: Argument, beliefs: Beliefs, gain: float, loss: float
) -> dict[str, float]:
    """By leaf: what it is worth to learn for certain whether that leaf is true, before deciding.

    The decision: deploy, which brings `gain` if the top claim holds and costs `loss` if not; or do
    not, which brings 0. One decides for the larger mean. Arguments in which no leaf stands twice,
    by `propagate`. gain, loss > 0. Returns floats in the units of gain and loss, never below 0.
    """

    def worth(changed: Beliefs) -> float:
        top = propagate(argument, changed)
        return max(0.0, top * gain - (1 - top) * loss)

    now = worth(beliefs)
    found = {}
    for leaf in leaves(argument):
        after = beliefs[leaf] * worth({**beliefs, leaf: 1.0})
        after += (1 - beliefs[leaf]) * worth({**beliefs, leaf: 0.0})
        found[leaf] = max(0.0, after - now)  # rounding can leave −1e-17
    return found


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what it shows that nothing was found, by attackers who think alike",
    why="Attempts of one attacker tell less than as many of different ones. Count them at their "
    "worth, then ask which rate would still give silence in one case of twenty.",
    hints=[
        "m attempts of one attacker are worth m / (1 + (m − 1) · likeness) independent ones. Here "
        "m = attempts / attackers, whole or not.",
        "With k independent attempts a rate q finds nothing with probability (1 − q)ᵏ.",
        "Solve (1 − q)ᵏ = 1 − confidence for q.",
    ],
)
def upper_bound_when_none_found(
    attempts: int, attackers: int, likeness: float, confidence: float = 0.95
) -> float:
    """The largest rate of success that fits with no success in any attempt.

    attempts: in all, attempts / attackers for each, whole or not; both are 1 or more. likeness: the
    correlation of two attempts of one attacker, from 0 (they are independent) to 1 (copies); m of
    them count as m / (1 + (m − 1) · likeness) independent ones (Kish's design effect). Returns the
    rate at which as many independent attempts would all fail with probability 1 − confidence.
    """
    each = attempts / attackers
    effective = attempts / (1 + (each - 1) * likeness)
    return 1 - (1 - confidence) ** (1 / effective)
