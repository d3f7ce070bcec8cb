"""What the lesson measures: voices that agree, arguments that are chosen, bounds, races."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from lessons.safety_cases.arguments import LEAF, Argument, Node, by_worlds  # noqa: F401
from lessons.safety_cases.exercises import (
    propagate,
    sensitivity,
    upper_bound_when_none_found,
    value_of_information,
)
from lessons.safety_cases.thresholds import triggered  # noqa: F401

PIXELS, LABELS = 12, 100  # what one auditor sees of a case, and on how many cases it was trained
Array = np.ndarray


def cases(seed: int) -> tuple[Array, Array, Array, Array]:
    """Digits as cases to audit, those from 5 on "unsafe": training and test images, and labels."""
    images, digit = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(digit))
    x, unsafe = images[order] / 16, digit[order] >= 5
    return x[:800], unsafe[:800], x[800:], unsafe[800:]


def auditor(x: Array, unsafe: Array, pixels: Array) -> tuple[Array, float]:
    """A linear reader of some pixels, by least squares with a small ridge: weights and offset."""
    seen = x[:, pixels]
    middle = seen.mean(0)
    gram = (seen - middle).T @ (seen - middle) + 0.1 * np.eye(len(pixels))
    weights = np.linalg.solve(gram, (seen - middle).T @ (unsafe - unsafe.mean()))
    return weights, unsafe.mean() - 0.5 - middle @ weights


def audits(
    seed: int, n: int, own_views: bool, rounds: int = 40, pixels: int = PIXELS, labels: int = LABELS
) -> tuple[Array, Array]:
    """How suspicious n auditors find each test case: (rounds, n, cases), and which are unsafe.

    Each is trained on cases of its own, drawn from a pool of 800. They all look at the same pixels,
    or each at pixels of its own. A round draws pixels and training cases anew. pixels, labels: how
    many of each one auditor gets.
    """
    if not (1 <= pixels <= 64 and 1 <= labels <= 800):
        raise ValueError(f"an image has 64 pixels, the pool 800 cases: not {pixels} and {labels}")
    most = 64 // pixels if own_views else 64  # for views of their own the pixels have to last
    if not 1 <= n <= most or rounds < 1:
        why = f" ({most} views of {pixels} pixels fit into 64)" if own_views else ""
        raise ValueError(f"needs 1 to {most} auditors{why} and a round, not {n} and {rounds}")
    x, unsafe, test, truth = cases(seed)
    g = np.random.default_rng(1000 + seed)
    scores = np.empty((rounds, n, len(test)))
    for r in range(rounds):
        shuffled = g.permutation(64)
        for i in range(n):
            first = i * pixels if own_views else 0
            view = shuffled[first : first + pixels]
            rows = g.choice(len(x), labels, replace=False)
            weights, offset = auditor(x[rows], unsafe[rows], view)
            scores[r, i] = test[:, view] @ weights + offset
    return scores, truth


def together(scores: Array, unsafe: Array) -> tuple[float, float]:
    """How often all auditors pass an unsafe case: as counted, and as if they were independent."""
    passed = scores[:, :, unsafe] <= 0
    return passed.all(1).mean().item(), passed.mean(2).prod(1).mean().item()


def unsafe_among_deployed(scores: Array, unsafe: Array) -> float:
    """Deploy the half of the cases with the least mean suspicion: the share that is unsafe."""
    mean = scores.mean(1)
    deployed = np.argsort(mean, axis=1, kind="stable")[:, : mean.shape[1] // 2]
    return unsafe[deployed].mean().item()


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


class Judged(NamedTuple):
    """Arguments of four leaves: the belief stated for each, and whether its top claim holds."""

    stated: Array
    true: Array


def judged(
    seed: int, n: int = 200_000, noise: float = 1.0, middle: float = 3.0, spread: float = 1.2
) -> Judged:
    """Judges whose log odds for a leaf are right on average, and off by `noise` each time.

    middle, spread: of the honest log odds, from leaf to leaf.
    """
    if n < 1 or min(noise, spread) < 0:
        raise ValueError(f"needs an argument, noise and spread from 0: not {n}, {noise}, {spread}")
    g = np.random.default_rng(seed)
    honest = g.normal(middle, spread, (n, 4))  # as one who knows would put them
    stated = sigmoid(honest + noise * g.normal(size=honest.shape)).prod(1)
    return Judged(stated, (g.random(honest.shape) < sigmoid(honest)).all(1))


def doubts(of: Judged, chosen: Array) -> tuple[float, float]:
    """Among the chosen arguments: the mean doubt, as stated and as it turns out."""
    if not chosen.any():
        raise ValueError("no argument reaches the bar: lower it, or judge more arguments")
    return (1 - of.stated[chosen]).mean().item(), (~of.true[chosen]).mean().item()


def recalibrated(past: Judged, now: Judged, steps: int = 30) -> Judged:
    """Stated beliefs read through a line in log odds that fits how past cases turned out."""

    def features(p: Array) -> Array:
        p = np.clip(p, 1e-9, 1 - 1e-9)
        return np.stack([np.log(p / (1 - p)), np.ones_like(p)], 1)

    x, w = features(past.stated), np.array([1.0, 0.0])
    for _ in range(steps):  # Newton's method for logistic regression, with a small ridge
        p = sigmoid(x @ w)
        bend = (x * (p * (1 - p))[:, None]).T @ x + 0.01 * np.eye(2)
        w = w - np.linalg.solve(bend, x.T @ (p - past.true) + 0.01 * (w - [1.0, 0.0]))
    return now._replace(stated=sigmoid(features(now.stated) @ w))


SHAPE: Argument = {  # two ways to the top, and a defeater of each part
    "top": Node("or", ("A", "B")),
    "A": Node("and", ("a1", "a2"), ("a!",)),
    "B": Node("and", ("b1", "b2", "b3"), ("b!",)),
} | {leaf: LEAF for leaf in ("a1", "a2", "a!", "b1", "b2", "b3", "b!")}


def asked(seed: int, n: int = 1000, loss: float = 4.0, noise: float = 1.0) -> dict[str, float]:
    """Ask one question of each of n arguments, then decide: the mean worth by how it was chosen.

    The true log odds of a leaf are unknown; whoever chooses has them with noise. The answer says
    whether the leaf is true. Deploying brings 1 if the top claim holds, −loss if not.
    """
    g = np.random.default_rng(seed)
    ways = ("none", "at random", "least sure", "most sensitive", "most valuable")
    total = dict.fromkeys(ways, 0.0)
    names = [name for name, node in SHAPE.items() if node.kind == "leaf"]
    lean = np.array([-1.5 if "!" in name else 1.5 for name in names])
    for _ in range(n):
        honest = g.normal(lean, 1.0)
        told = sigmoid(honest + noise * g.normal(size=len(names)))
        beliefs = dict(zip(names, told.tolist(), strict=True))
        true = dict(zip(names, sigmoid(honest).tolist(), strict=True))
        swing = sensitivity(SHAPE, beliefs)
        worth = value_of_information(SHAPE, beliefs, 1.0, loss)
        picks = {
            "none": None,
            "at random": names[g.integers(len(names))],
            "least sure": min(names, key=lambda leaf: abs(beliefs[leaf] - 0.5)),
            "most sensitive": max(names, key=lambda leaf: abs(swing[leaf])),
            "most valuable": max(names, key=lambda leaf: worth[leaf]),
        }
        for way, leaf in picks.items():
            total[way] += _decided(beliefs, true, leaf, loss) / n
    return total


def _decided(
    beliefs: dict[str, float], true: dict[str, float], leaf: str | None, loss: float
) -> float:
    """The mean worth of deciding by `beliefs`, once `leaf` is known, where `true` is the case."""
    if leaf is None:
        real = propagate(SHAPE, true)
        top = propagate(SHAPE, beliefs)
        return real - (1 - real) * loss if top > (1 - top) * loss else 0.0
    worth = 0.0
    for answer, chance in ((1.0, true[leaf]), (0.0, 1 - true[leaf])):
        known = {leaf: answer}
        worth += chance * _decided({**beliefs, **known}, {**true, **known}, None, loss)
    return worth


def rates(g: np.random.Generator, rate: float, likeness: float, shape: tuple[int, ...]) -> Array:
    """Rates of success of attackers, beta distributed: two attempts of one correlate so much."""
    if likeness <= 0:
        return np.full(shape, rate)
    spread = 1 / likeness - 1
    return g.beta(rate * spread, (1 - rate) * spread, shape)


def likeness_of(successes: Array, each: int) -> float:
    """The correlation of two attempts of one attacker, from a pilot's successes by attacker.

    By the analysis of variance for shares; at least 0.
    """
    share, k = successes / each, len(successes)
    between = each * ((share - share.mean()) ** 2).sum() / (k - 1)
    within = each * (share * (1 - share)).sum() / (k * (each - 1))
    total = between + (each - 1) * within
    return max(0.0, ((between - within) / total).item()) if total > 0 else 0.0


def silent_campaigns(
    seed: int, likeness: float, pilot: float | None = None, attackers: int = 20, each: int = 50
) -> float:
    """How often nothing is found although the rate of success is just at the bound one states.

    A bound at 95 % allows 0.05. It counts all attempts in full, or, with a pilot, at their worth:
    in each of 4,000 campaigns the likeness is first estimated from as many attempts of as many
    attackers on an older system, on which one attempt in ten succeeds. pilot: how alike the
    attackers are there; None for no pilot.
    """
    if not all(0 <= r < 1 for r in (likeness, pilot or 0.0)) or attackers < 2 or each < 2:
        raise ValueError("likeness lies from 0 to below 1; two attackers try twice at least")
    g, n = np.random.default_rng(seed), 4000
    counted = [0.0] * n
    if pilot is not None:
        older = rates(g, 0.1, pilot, (n, attackers))
        counted = [likeness_of(row, each) for row in g.binomial(each, older)]
    silent = 0
    for guess in counted:
        rate = upper_bound_when_none_found(attackers * each, attackers, guess)
        own = rates(g, rate, likeness, (attackers,))
        silent += not g.binomial(each, own).any()
    return silent / n


def unilateral(
    seed: int,
    n: int,
    loss: float = 4.0,
    draws: int = 200_000,
    middle: float = 0.5,
    spread: float = 1.5,
    noise: float = 1.5,
) -> dict[str, float]:
    """Developers with the same system in reach: what comes of it, by who must agree.

    Each sees the system's log odds of being safe with noise of its own, forms the right belief from
    what it sees, and would deploy where that is worth more than 0. Mean worth: 1 if a deployed
    system is safe, −loss if not. "any": the first to dare deploys; "most": more than
    half must agree; "pooled": they share what they saw. middle, spread: of the log odds, from
    system to system; noise: of what one developer sees of them.
    """
    if n < 1 or draws < 1 or min(spread, noise) <= 0:
        raise ValueError("needs a developer, a draw, and spread and noise above 0")
    g = np.random.default_rng(seed)
    grid = middle + spread * np.linspace(-4, 4, 241)
    honest = g.normal(middle, spread, draws)
    safe = g.random(draws) < sigmoid(honest)
    seen = honest[:, None] + noise * g.normal(size=(draws, n))

    def deploys(signal: Array, noise: float) -> Array:
        """Whether the belief, given a signal with this noise, makes deploying worth it."""
        centers = middle + np.linspace(-12, 12, 481)
        fits = -((centers[:, None] - grid) ** 2) / (2 * noise**2)
        fits = fits - (grid - middle) ** 2 / (2 * spread**2)
        weight = np.exp(fits - fits.max(1, keepdims=True))  # the largest is 1: none are all 0
        belief = (weight * sigmoid(grid)).sum(1) / weight.sum(1)
        return np.interp(signal, centers, belief) > loss / (1 + loss)

    alone = deploys(seen, noise)
    rules = {
        "any": alone.any(1),
        "most": alone.mean(1) > 0.5,
        "pooled": deploys(seen.mean(1), noise / np.sqrt(n)),
    }
    worth = np.where(safe, 1.0, -loss)
    return {name: (worth * chosen).mean().item() for name, chosen in rules.items()}


def at_home(seed: int, different: bool = True) -> Array:
    """Two developers, a test suite each, the same budget: accuracy by (model, suite).

    A suite is a mix of topics. Each developer trains on items like those of its own suite, which
    leans to its own topics, or, as a control, both lean to the same.
    """
    g = np.random.default_rng(seed)
    topics = g.normal(size=(12, 20))  # what a right answer depends on, by topic
    common = g.normal(size=20)
    lean = np.r_[np.full(6, 5.0), np.full(6, 1.0)]
    mixes = [lean / lean.sum(), (lean[::-1] if different else lean) / lean.sum()]

    def items(mix: Array, n: int) -> tuple[Array, Array]:
        topic = g.choice(12, n, p=mix)
        x = g.normal(size=(n, 20))
        right = ((topics[topic] + common) * x).sum(1) > 0
        return x, np.where(right, 1.0, -1.0)

    fitted = []
    for mix in mixes:
        x, y = items(mix, 1500)
        fitted.append(np.linalg.solve(x.T @ x + np.eye(20), x.T @ y))
    suites = [items(mix, 4000) for mix in mixes]
    return np.array([[((x @ w > 0) == (y > 0)).mean() for x, y in suites] for w in fitted])
