"""What the learner writes in the lesson on scaling oversight (Engels et al. 2025; and others)."""

import math
from itertools import combinations

import torch
from torch import Tensor

from utils.exercises import exercise

Line = tuple[float, float]  # domain Elo = slope · general capability + intercept


@exercise(
    difficulty=1,
    minutes=5,
    teaches="what a difference of Elo ratings says about who wins",
    given="blanks",
    hints=[
        "Odds are P(win) / P(lose). By definition 400 points of lead multiply them by ten.",
        "So the odds are 10 to the power (lead / 400), their natural log lead · ln 10 / 400.",
        "P = odds / (1 + odds), which is the sigmoid of the log-odds.",
    ],
    why="Ratings are on a scale of log-odds to base 10, stretched by 400. A probability follows "
    "from odds as odds / (1 + odds).",
)
def elo_win_probability(guard: Tensor, houdini: Tensor) -> Tensor:
    """The chance that a guard beats a Houdini, by their Elo ratings.

    guard, houdini: ratings, float tensors whose shapes broadcast. Returns their broadcast shape
    and dtype, right to one part in a million also for ratings that are tens of thousands of points
    apart, where a chance may be 1e-100.
    """
    lead = guard - houdini  # blank: by how many points the guard is ahead
    log_odds = lead * math.log(10) / 400  # blank: the natural logarithm of the odds
    return torch.sigmoid(log_odds)  # blank: the probability that has these log-odds


@exercise(
    difficulty=2,
    minutes=20,
    teaches="fitting a curve with two plateaus: search over the bends, least squares for the rest",
    hints=[
        "With both bends fixed, the curve is e_low + (e_high − e_low) · t, where t runs from 0 to "
        "1 between the bends: ((capability − x_low) / (x_high − x_low)).clamp(0, 1).",
        "That is linear in e_low and e_high. torch.linalg.lstsq with the columns 1 − t and t finds "
        "both heights at once.",
        "Go through all pairs of knots with x_low < x_high, keep the one of least squared error.",
    ],
    why="Where the curve bends enters it in a way that has no closed form, but how high it is does "
    "not. So one searches over the bends alone, and solves for the heights.",
)
def double_relu_fit(
    capability: Tensor, elo: Tensor, knots: Tensor
) -> tuple[float, float, float, float]:
    """The plateau, line and plateau that fit points best (Engels et al. 2025, "double ReLU").

    capability, elo: (n,), float64. knots: (k,), in rising order: where the curve may bend. The
    curve is e_low up to x_low, e_high from x_high on, a straight line between; x_low < x_high are
    two knots. Returns (x_low, x_high, e_low, e_high), four floats, with the least sum of squared
    errors over all such curves (which may fall). Of equally good ones any; a height on which no
    point depends may be any finite number.
    """
    best, least = (0.0, 0.0, 0.0, 0.0), math.inf
    for x_low, x_high in combinations(knots.tolist(), 2):
        t = ((capability - x_low) / (x_high - x_low)).clamp(0, 1)
        columns = torch.stack([1 - t, t], 1)
        # gelsd takes the shortest of several solutions, where a plateau has no point
        heights = torch.linalg.lstsq(columns, elo, driver="gelsd").solution
        error = ((columns @ heights - elo) ** 2).sum().item()
        if error < least:
            best, least = (x_low, x_high, *heights.tolist()), error
    return best


@exercise(
    difficulty=2,
    minutes=15,
    teaches="a chain of overseers holds only if every step does",
    hints=[
        "There are steps + 1 capabilities, evenly spaced, from start to start + gap.",
        "In step i the guard has the lower capability of the two, the Houdini the higher.",
        "Turn both into domain Elo by their lines, into a probability by Elo's formula, and "
        "multiply over the steps.",
    ],
    why="The system that was overseen in one step is the overseer in the next. One lost step "
    "and nothing after it can be trusted, so the probabilities multiply.",
)
def nested_success(gap: float, guard: Line, houdini: Line, steps: int, start: float = 0.0) -> float:
    """How likely nested oversight holds (Engels et al. 2025).

    guard, houdini: (slope, intercept) of the domain Elo in each role, as a function of general
    capability. The first overseer has capability `start`, the last system overseen start + gap, a
    gap of 0 or more. The way is cut into `steps` equal parts. In each part the system at its lower
    end, as guard, oversees the system at its upper end, as Houdini. Returns the probability, a
    float, that the guard wins all steps. ValueError if steps is below 1.
    """
    if steps < 1 or steps % 1:
        raise ValueError(f"a whole number of steps, at least one, not {steps}")
    success = 1.0
    for i in range(int(steps)):
        weak, strong = (start + gap * k / steps for k in (i, i + 1))
        lead = guard[0] * weak + guard[1] - (houdini[0] * strong + houdini[1])
        lead = torch.tensor(lead, dtype=torch.float64)
        success *= elo_win_probability(lead, torch.zeros_like(lead)).item()
    return success


@exercise(
    difficulty=1,
    minutes=8,
    teaches="more steps are not always better",
    hints=[
        "Try 1, 2, … up to `most` steps with nested_success.",
        "Keep the first that is strictly better than all before it.",
    ],
    why="Each step is easier than one big one, but there are more of them to lose. Which of the "
    "two wins depends on the game, so one has to try.",
)
def best_steps(
    gap: float, guard: Line, houdini: Line, start: float = 0.0, most: int = 20
) -> tuple[int, float]:
    """The number of steps, from 1 to `most`, at which nested oversight is likeliest to hold.

    Arguments as for nested_success. Returns (steps, success), an int and a float; of equally good
    numbers the smallest.
    """
    best, highest = 1, nested_success(gap, guard, houdini, 1, start)
    for steps in range(2, most + 1):
        success = nested_success(gap, guard, houdini, steps, start)
        if success > highest:
            best, highest = steps, success
    return best, highest


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what an agent who follows its reward does under a protocol, and what the judge gets",
    hints=[
        "The agent argues for the truth with probability e^(A/β) / (e^(A/β) + e^(B/β)), where A "
        "and B are its scores. That is a sigmoid of (A − B) / β.",
        "e^1000 overflows. A sigmoid of a negative number is e^x / (1 + e^x), of a positive one "
        "1 / (1 + e^−x): the exponent is never above 0.",
        "At β = 0 the agent simply takes what scores higher; on a tie either, half the time.",
    ],
    why="The difference of the agent's two scores decides how often it argues for the truth. What "
    "it earns, and what the judge earns, are then averages with those weights.",
)
def expected_scores(
    agent: tuple[float, float], judge: tuple[float, float], beta: float
) -> tuple[float, float, float]:
    """What happens if the agent chooses what to argue for by its own score.

    agent, judge: their scores if the agent argues for (the true, the false) answer. beta: 0 or
    more, how little the agent heeds its score: it argues for the truth with the probability
    e^(A/β) / (e^(A/β) + e^(B/β)), A and B the agent's two scores; at 0, the limit of this.
    Returns (p, expected agent score, expected judge score): three floats, p the probability of
    arguing for the truth. Right to one part in a million for scores of any size. ValueError
    if beta is negative.
    """
    if beta < 0:
        raise ValueError(f"beta is 0 or more, not {beta}")
    difference = agent[0] - agent[1]
    if beta == 0 or difference == 0:
        p = 0.5 + 0.5 * ((difference > 0) - (difference < 0))
    else:
        small = math.exp(-abs(difference) / beta)  # never above 1
        p = 1 / (1 + small) if difference > 0 else small / (1 + small)
    return p, p * agent[0] + (1 - p) * agent[1], p * judge[0] + (1 - p) * judge[1]


@exercise(
    difficulty=2,
    minutes=12,
    given="page",
    teaches="how much a few looks at many outputs catch",
    hints=[
        "One output is bad and read with probability read · rate. Independent outputs: what is the "
        "chance that this happens to none of them?",
        "1 − (1 − x)^n loses its digits for tiny x: use math.log1p and math.expm1.",
        "x = 1 needs a line of its own: the logarithm of 0 is not finite.",
    ],
    why="Nothing is caught only if no output is both bad and read: (1 − read · rate) to the power "
    "of the number of outputs. expm1 and log1p keep the digits of what is tiny.",
)
def audit_probability(read, rate, outputs):
    """The chance that at least one bad output is read, when people read at random.

    read: the share of outputs that people read. rate: the share that is bad. Both from 0 to 1,
    and each output is read, and is bad, independently of all others. outputs: how many there are,
    0 or more. Returns a float, right to one part in a million even where it is as small as 1e-12.
    ValueError if an argument is outside its range.
    """
    if not (0 <= read <= 1 and 0 <= rate <= 1 and outputs >= 0):
        raise ValueError("read and rate are from 0 to 1, and outputs 0 or more")
    if read * rate == 1:
        return 1.0 if outputs else 0.0
    return -math.expm1(outputs * math.log1p(-read * rate))
