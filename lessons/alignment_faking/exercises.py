"""What the learner writes in this lesson (Greenblatt et al. 2024; Hubinger et al. 2019)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a difference of two rates with an interval that survives rates of 0 and 1",
    why="Each rate has its own interval. The gap is lowest when the first rate is at its lower end "
    "and the second at its upper end; the two distances are independent, so they add as squares.",
    given="blanks",
    hints=[
        "wilson(p, n) gives both ends of one rate's interval. Call it once for each group.",
        "The lower end of the gap: how far can the first rate fall, and how far the second rise?",
        "gap − √((p1 − low1)² + (high2 − p2)²), and for the upper end the other two distances.",
    ],
)
def compliance_gap(
    monitored: Tensor, unmonitored: Tensor, z: float = 1.96
) -> tuple[float, float, float]:
    """Compliance when monitored less that when unmonitored, and its interval (Newcombe 1998).

    monitored: (n,), unmonitored: (m,), True or 1 where the policy complied; n and m from 1.
    z: how many standard errors wide (1.96: 95 %). Returns gap, lower end, upper end: floats.
    The ends are Newcombe's method 10: each rate's Wilson interval, combined.
    """

    def wilson(p: float, n: int) -> tuple[float, float]:
        """All rates q with |p − q| ≤ z √(q (1 − q) / n): a quadratic in q, solved."""
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5 / (1 + z**2 / n)
        return middle - half, middle + half

    p1 = monitored.double().mean().item()
    p2 = unmonitored.double().mean().item()
    low1, high1 = wilson(p1, len(monitored))  # blank: the interval of the first rate
    low2, high2 = wilson(p2, len(unmonitored))  # blank: and of the second
    gap = p1 - p2  # blank: which one less which one?
    low = gap - ((p1 - low1) ** 2 + (high2 - p2) ** 2) ** 0.5  # blank: first falls, second rises
    high = gap + ((high1 - p1) ** 2 + (p2 - low2) ** 2) ** 0.5  # blank: first rises, second falls
    return gap, low, high


@exercise(
    difficulty=2,
    minutes=15,
    teaches="policy gradient that learns from watched episodes alone",
    why="An episode that nobody watched has no reward: it must leave loss, baseline and count. "
    "A 0 in its place is not nothing: it adds noise, and shifts what the others are compared with.",
    hints=[
        "With logit l, log π(1) is F.logsigmoid(l) and log π(0) is F.logsigmoid(−l).",
        "The baseline is the mean reward of the watched episodes: a sum over them, by their count.",
        "−(reward − baseline) · log π(action), summed over the watched ones, by their count.",
        "clamp(min=1) on the count, and a batch that nobody watched costs 0 and not NaN.",
    ],
)
def monitored_policy_gradient(
    logits: Tensor, actions: Tensor, rewards: Tensor, monitored: Tensor
) -> Tensor:
    """The loss whose gradient is minus the policy gradient over the monitored episodes.

        − mean over the monitored of (reward − b) · log π(action),
        b the mean reward of the monitored.

    logits: (…, n), the log-odds of complying; actions: (…, n), 1 where it complied, else 0, sampled
    from these logits; rewards: (…, n); monitored: (…, n) bool. No gradient flows through actions or
    rewards, and unmonitored episodes have no influence at all. Returns (…), in the
    dtype of logits: one loss for each policy, 0 for one that nobody monitored.
    """
    watched = monitored.to(logits.dtype)
    count = watched.sum(-1).clamp(min=1)
    baseline = (watched * rewards).sum(-1) / count
    log_prob = F.logsigmoid(torch.where(actions > 0, logits, -logits))
    advantage = (rewards - baseline[..., None]).detach()
    return -(watched * advantage * log_prob).sum(-1) / count


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a linear detector in closed form: where two clouds part",
    why="If both groups scatter alike and normally, their log-odds are linear in x: the slope is "
    "Σ⁻¹ times the difference of the means, and halfway between the means they are 0.",
    hints=[
        "The covariance within a group: deviations from ITS mean, dᵀd divided by its size.",
        "Average the two covariances, shrink, then torch.linalg.solve(covariance, difference).",
        "b makes w·x + b zero halfway between the means.",
    ],
)
def evaluation_detector(
    monitored: Tensor, unmonitored: Tensor, shrink: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Linear discriminant: log-odds w·x + b that x was monitored, both kinds equally common.

    monitored: (n, d); unmonitored: (m, d). Σ is the mean of the two groups' own covariances (each
    divided by its group's size), then shrunk to (1 − shrink) Σ + shrink · (trace Σ / d) · identity.
    w = Σ⁻¹ (mean of monitored − mean of unmonitored); w·x + b is 0 halfway between the means.
    Returns w, (d,), and b, (), in the dtype of the inputs.
    """
    means = [group.mean(0) for group in (monitored, unmonitored)]
    covariance = torch.zeros_like(means[0].outer(means[0]))
    for group, mean in zip((monitored, unmonitored), means, strict=True):
        d = group - mean
        covariance = covariance + d.T @ d / len(group) / 2
    size = covariance.trace() / len(covariance)
    eye = torch.eye(len(covariance), dtype=covariance.dtype)
    covariance = (1 - shrink) * covariance + shrink * size * eye
    w = torch.linalg.solve(covariance, means[0] - means[1])
    return w, -w @ (means[0] + means[1]) / 2


@exercise(
    difficulty=3,
    minutes=20,
    teaches="when complying now is the best way to keep a goal for later",
    why="With k episodes left, complying in all keeps the stake, worth discount^k of it now. "
    "A refusal puts the share p of that at risk, and saves one cost.",
    hints=[
        "Think of the last episode first: complying costs `cost` now. What does refusing risk?",
        "In the last episode: comply if p · discount · stake > cost. One episode earlier the stake "
        "is one step further away.",
        "Episode i of `horizon` has k = horizon − i episodes left, itself included.",
    ],
)
def best_response_to_training(
    cost: float, stake: float, p_modified: float, horizon: int, discount: float = 1.0
) -> list[bool]:
    """Whether a planner should comply in each training episode, to lose least by its own goal.

    In each of `horizon` episodes it is asked for what its goal is against. Complying costs `cost`
    (above 0). Refusing costs nothing now, but with chance p_modified (0 to 1) training changes the
    goal for good: from the next episode on it complies always, at `cost` each, and it loses `stake`
    (0 or more) when deployment begins, right after the last episode. What lies i episodes ahead
    counts discount^i (0 to 1).
    Returns for each episode what to do if the goal is still its own: `horizon` times True or
    False; where both are equally good, False.
    """
    left = range(horizon, 0, -1)
    return [p_modified * discount**k * stake > cost for k in left]


@exercise(
    difficulty=2,
    minutes=15,
    teaches="the treacherous turn as a problem of when to stop",
    why="Waiting is worth a wage and the option to strike later. The turn comes when a strike "
    "now is worth more than that.",
    given="page",
    hints=[
        "A plan is a step at which to defect, or never: there are T + 1 of them. Or go backward: "
        "the earliest step at which a strike beats working on is the turn.",
        "Worth of defecting at t: the discounted wages before t, and discount^t · P(win) · prize.",
        "Of equal plans take the one that works longer. `never` has every wage and no prize.",
    ],
)
def defect_when(capability, oversight, prize, wage, discount):
    """At which step an agent defects if it only counts what it expects to get; None for never.

    capability: a sequence of T numbers above 0, one a step; oversight: a number above 0. Defecting
    at step t wins `prize` with chance capability[t] / (capability[t] + oversight), else nothing;
    either way all is over. Working at a step earns `wage`, and goes on. After T steps all is over,
    too. What comes at step t counts discount^t. In a tie it works on. Returns an int or None.
    """
    worth, when = 0.0, None
    for t in reversed(range(len(capability))):
        win = capability[t] / (capability[t] + oversight)
        work = wage + discount * worth
        if win * prize > work:
            worth, when = win * prize, t
        else:
            worth = work
    return when
