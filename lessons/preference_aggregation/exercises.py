"""What the learner writes in the lesson on whose preferences a model learns."""

import torch
from scipy.optimize import linprog
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the score by which a reward model ranks answers when people differ",
    why="Chance of winning against a random answer. Against itself an answer ties, which counts "
    "half: that is the diagonal.",
    given="blanks",
    hints=[
        "An answer's score is an average over rivals. Which dimension are the rivals?",
        "An answer is its own rival, too, and wins half of that. What stands on the diagonal?",
        "Set the diagonal of a copy to 1/2, then average each row.",
    ],
)
def borda_scores(preferences: Tensor) -> Tensor:
    """How often each answer beats a random one, itself included: its Borda count, from 0 to 1.

    preferences: (n, n) floats; [i, j] is the share of people who prefer answer i to j. Its diagonal
    may hold anything: an answer against itself counts 1/2. It must not be changed.
    Returns (n,), of its dtype.
    """
    wins = preferences.clone()
    own = torch.full_like(wins.diagonal(), 0.5)  # blank: an answer against itself, (n,)
    wins.diagonal().copy_(own)
    return wins.mean(1)  # blank: over the rivals of each answer


@exercise(
    difficulty=3,
    minutes=25,
    teaches="maximum likelihood without a step size, and what an undefeated answer does to it",
    why="Each step is the best of a bound that touches the likelihood where you stand, so it never "
    "makes it worse. The imaginary answer wins and loses a little against all, so no score is "
    "infinite.",
    hints=[
        "Count first: W[i], how often i won, ties as half; N[i, j], how often i and j met.",
        "One step: γ[i] = W[i] / Σ_j N[i, j] / (γ[i] + γ[j]), with the old γ on the right.",
        "The imaginary answer has γ = 1 always. Against it i won `prior` times and met it "
        "2·prior times: one more term above, and one more below.",
        "Stop when log γ changes by less than 1e-9. The scores are log γ, less their mean.",
    ],
)
def fit_bradley_terry(wins: Tensor, ties: Tensor | None = None, prior: float = 0.1) -> Tensor:
    """The most probable scores r of Bradley and Terry's model, P(i beats j) = σ(r[i] − r[j]).

    wins: (n, n), float64; [i, j] counts how often i was preferred to j; fractions are allowed.
    ties: (n, n), symmetric; [i, j] = [j, i] counts ties of i and j. Each is half a win for both.
    prior: every answer besides won and lost so many times against an imaginary one of score 0. It
    is what keeps undefeated answers finite. At 0 it is plain maximum likelihood, if that exists.
    Returns (n,), float64, less their mean; right to 1e-5, where no answer won more than some
    hundred times the prior. (Beyond that MM takes very many steps: stop after 10,000, and before
    that when log γ moves by less than 1e-9. All checks together have 20 seconds.)
    """
    half = 0 if ties is None else ties / 2
    won = wins + half
    met = won + won.T
    strength = torch.ones(len(wins), dtype=torch.float64)
    for _ in range(10_000):
        rivals = (met / (strength[:, None] + strength)).sum(1) + 2 * prior / (strength + 1)
        new = (won.sum(1) + prior) / rivals
        change = (new / strength).log().abs().max()
        strength = new
        if change < 1e-9:
            break
    scores = strength.log()
    return scores - scores.mean()


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how far a majority is from having an order at all",
    why="Three answers have eight ways to beat one another. Two of them go round, and in a round "
    "each answer beats the next.",
    hints=[
        "Make a matrix of booleans first: who beats whom. A margin of 0 beats nobody.",
        "A round i → j → k → i is found three times, starting from i, from j and from k.",
        "trace(B·B·B) counts the rounds of three steps, each three times. Of how many triples?",
    ],
)
def cyclic_share(margins: Tensor) -> float:
    """The share of triples of answers on which the majority goes round in a circle.

    margins: (n, n) floats, [i, j] = −[j, i]: above 0 if more people prefer i to j than j to i.
    A triple goes round if i beats j, j beats k and k beats i, each by a margin above 0; a tie beats
    nobody. Triples are counted once, whatever their order. Returns a float; 0.0 below 3 answers.
    """
    n = len(margins)
    if n < 3:
        return 0.0
    beats = (margins > 0).double()
    rounds = (beats @ beats @ beats).trace() / 3
    return rounds.item() / (n * (n - 1) * (n - 2) / 6)


@exercise(
    difficulty=3,
    minutes=20,
    teaches="a policy that no answer beats, as a linear program",
    why="The worst margin is a minimum of linear functions of p, so the best worst margin is a "
    "linear program. It is 0: whatever one side can promise, the other can, too.",
    given="page",
    hints=[
        "The unknowns are the n probabilities and one more, v, the worst margin. Maximize v.",
        "Against every j: Σ_i p[i] margins[i, j] ≥ v. linprog minimizes and wants ≤: turn signs.",
        "A_ub has a row for each rival j: −margins[:, j], and 1 for v. A_eq: the sum of p is 1.",
        "Bounds: chances from 0 up, v free (None, None). If linprog gives no x, print its message.",
    ],
)
def von_neumann_winner(margins: Tensor) -> Tensor:
    """The maximal lottery (Kreweras, Fishburn): chances p of answers that no answer beats.

    margins: (n, n), float64, antisymmetric, [i, j] the share who prefer i to j less the share who
    prefer j to i. Maximize over p the worst margin, min over j of Σ_i p[i] margins[i, j].
    scipy.optimize.linprog is imported. Where there are several, return any.
    Returns (n,), float64: from 0 up, sum 1, worst margin within 1e-6 of the best.
    """
    n = len(margins)
    ones = torch.ones(n, 1, dtype=margins.dtype)
    program = linprog(
        c=[0.0] * n + [-1.0],  # minimize −v
        A_ub=torch.cat([-margins.T, ones], 1),  # v − Σ_i p[i] margins[i, j] ≤ 0
        b_ub=[0.0] * n,
        A_eq=[[1.0] * n + [0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
    )
    chances = torch.as_tensor(program.x[:n], dtype=torch.float64).clamp(min=0)
    return chances / chances.sum()


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a consensus that a majority cannot reach alone",
    why="A product is small where one factor is: a statement that one group rejects cannot be "
    "bought back by the others' applause.",
    given="blanks",
    hints=[
        "Missing votes are nan, and a comparison with nan is False.",
        "A pass was seen, and is no agreement: below the line it counts.",
        "Smoothed: (agreed + 1) / (seen + 2), within the group. Then multiply over groups.",
    ],
)
def group_aware_consensus(votes: Tensor, groups: Tensor) -> Tensor:
    """How probably one member of each group would all agree, statement by statement.

    votes: (people, statements) floats: 1 agrees, −1 disagrees, 0 passes, nan was never asked.
    groups: (people,) int64, any labels. Within a group the share that agrees among those who voted
    (passes included) is smoothed by one imaginary agreement and one disagreement.
    Returns (statements,), of votes' dtype: the product over groups.
    """
    consensus = torch.ones(votes.shape[1], dtype=votes.dtype)
    for group in groups.unique():
        theirs = votes[groups == group]
        agreed = (theirs == 1).sum(0)  # blank: how many of them agree
        seen = (~theirs.isnan()).sum(0)  # blank: how many of them voted at all
        consensus = consensus * (agreed + 1) / (seen + 2)  # blank: the smoothed share joins in
    return consensus


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how rational somebody is, read off choices between known rewards",
    why="The slope of the log-likelihood is what was chosen less what the model expects to be "
    "chosen. It falls as β grows, so it crosses 0 once.",
    hints=[
        "Log-likelihood: Σ β r(chosen) − logsumexp(β r). What is its derivative in β?",
        "r(chosen) less the average reward under softmax(β r), summed over choices.",
        "The derivative falls as β grows: halve the interval [0, most] again and again.",
    ],
)
def fit_rationality(choices: Tensor, rewards: Tensor, most: float = 100.0) -> float:
    """The β that makes these choices most likely, if P(option) ∝ exp(β · its reward).

    rewards: (n, k), float64: what each of k options was worth in each of n choices.
    choices: (n,) int64, the option that was taken. β is sought between 0 and `most`: somebody who
    always takes the best gets `most`, somebody who prefers the worse gets 0.
    Returns a float, right to 1e-4 of itself or 1e-4, whichever is larger.
    """
    chosen = rewards.gather(1, choices[:, None])[:, 0]

    def slope(beta: float) -> float:
        expected = ((beta * rewards).softmax(1) * rewards).sum(1)
        return (chosen - expected).sum().item()

    low, high = 0.0, most
    if slope(low) <= 0:
        return low
    if slope(high) >= 0:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2
