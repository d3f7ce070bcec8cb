"""What the learner writes in this lesson: planning, learning, and four ways to handle a proxy."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="what the best possible behavior under a reward is, exactly",
    why="One sweep brings any guess closer to the truth by the factor gamma, so the sweeps settle.",
    given="blanks",
    hints=[
        "What is a state worth to somebody who acts as well as the table allows? Its best action.",
        "transitions @ v averages v over the next state: (S, A, S) @ (S,) is (S, A).",
        "Now the reward, and gamma times that average.",
    ],
)
def value_iteration(
    transitions: Tensor, rewards: Tensor, gamma: float, tol: float = 1e-6
) -> Tensor:
    """The optimal action values of a Markov decision process (Bellman 1957).

    transitions: (S, A, S), probability of each next state. rewards: (S, A), expected reward.
    gamma: discount factor, from 0 to below 1. Returns (S, A), each number within tol of the truth.
    """
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma must be at least 0 and below 1, not {gamma}")
    q = torch.zeros_like(rewards)
    while True:
        v = q.max(-1).values  # blank: what each state is worth, by its best action: (S,)
        new = rewards + gamma * (transitions @ v)  # blank: reward now, and what comes after
        if (new - q).abs().max() <= tol * (1 - gamma):
            return new
        q = new


@exercise(
    difficulty=2,
    minutes=12,
    teaches="learning the same values from steps alone, for many agents at once",
    why="The target uses the best next action, whatever the agent does next. So it may explore.",
    given="blanks",
    hints=[
        "q[who, following] is (N, A): the row of each agent's next state. Take the best of it.",
        "Where the episode has ended nothing comes after: the target is the reward alone.",
        "Move q[who, state, action] towards the target by the share lr of the gap.",
    ],
)
def q_learning_step(
    q: Tensor,
    state: Tensor,
    action: Tensor,
    reward: Tensor,
    following: Tensor,
    done: Tensor,
    lr: float,
    gamma: float,
) -> Tensor:
    """One step of Q-learning for N agents, each with a table of its own (Watkins 1989).

    q: (N, S, A). state, action, following: (N,), integers. reward: (N,). done: (N,), bool:
    whether the episode ended with this step. Returns the new tables; `q` itself stays as it is.
    """
    who = torch.arange(len(q))
    new = q.clone()
    best_next = q[who, following].max(-1).values  # blank: the best that each agent's next state has
    target = reward + gamma * torch.where(done, 0.0, best_next)  # blank: nothing after the end
    new[who, state, action] += lr * (target - q[who, state, action])  # the share lr of the gap
    return new


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a bonus that helps to learn and cannot be farmed",
    why="Along any way the bonuses cancel in pairs, but for the first and the last. A round trip "
    "pays nothing but for the discount.",
    hints=[
        "The bonus of a step is gamma times the potential after it, less the potential before it.",
        "After it: the next state is random. transitions @ potential is its mean, (S, A).",
        "Before it: potential belongs to the state, the first dimension: potential[:, None].",
    ],
)
def potential_shaping(
    rewards: Tensor, transitions: Tensor, potential: Tensor, gamma: float
) -> Tensor:
    """Rewards with a potential-based bonus (Ng, Harada & Russell 1999): R + F, in expectation,

        F(s, a, s') = gamma · potential(s') − potential(s).

    rewards: (S, A). transitions: (S, A, S). potential: (S,), 0 in terminal states.
    Returns (S, A), and leaves `rewards` as it is.
    """
    return rewards + gamma * (transitions @ potential) - potential[:, None]


@exercise(
    difficulty=2,
    minutes=15,
    teaches="the definition of a proxy that no optimization can turn against you",
    why="It is about all pairs of policies, not about the best one: an optimizer passes through "
    "policies of every kind.",
    hints=[
        "The return of each policy: sum visits times reward over states and actions, (n,).",
        "For all pairs at once: gain = J[:, None] − J[None, :].",
        "A pair breaks it if one gain is positive and the other negative. A tie breaks nothing; "
        "sums of floats tie only up to 1e-9.",
    ],
)
def is_unhackable(r: Tensor, r_proxy: Tensor, visits: Tensor) -> bool:
    """Whether no two of n policies are ordered oppositely (Skalse et al. 2022, Definition 1).

    r, r_proxy: (S, A). visits: (n, S, A), the discounted number of times that each policy takes
    each action in each state; a policy's return is the sum of visits times reward. The pair is
    unhackable if for no two policies J(a) < J(b) and J_proxy(a) > J_proxy(b). Returns that differ
    by at most 1e-9 are equal. Returns a bool.
    """
    true = (visits * r).sum((1, 2))
    proxy = (visits * r_proxy).sum((1, 2))
    better = true[:, None] - true > 1e-9
    looks_worse = proxy[:, None] - proxy < -1e-9
    return not bool((better & looks_worse).any())


@exercise(
    difficulty=3,
    minutes=20,
    teaches="optimizing by halves, with a bound on what can go wrong",
    why="No action becomes more than 1/q times as likely as it was, so no cost does either.",
    hints=[
        "For each action two numbers: the base probability of all that is strictly better, and of "
        "all that is exactly as good (itself among them).",
        "The top q is filled from the best down. What is left of q when a group's turn comes, over "
        "the group's probability, is the share of it that fits: between 0 and 1.",
        "Each action keeps its base probability times that share; divide by q, so that they sum "
        "to 1.",
    ],
)
def quantilize(base: Tensor, utility: Tensor, q: float) -> Tensor:
    """The q-quantilizer (Taylor 2016): the best share q of what `base` would do, at random.

    base: (n,), probabilities of n actions, in sum 1. utility: (n,). q: above 0, at most 1: a share
    of probability, not of the number of actions. Actions of equal utility are in or out together:
    if only part of them fits, each keeps the same share of its base probability.
    Returns (n,), the new probabilities, in sum 1.
    """
    higher = utility[None, :] > utility[:, None]
    equal = utility[None, :] == utility[:, None]
    above = higher.to(base.dtype) @ base
    group = equal.to(base.dtype) @ base
    share = ((q - above) / group.clamp(min=torch.finfo(base.dtype).tiny)).clamp(0, 1)
    return base * share / q


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a price on what an agent makes impossible, without naming it",
    why="What can be undone costs nothing, since the state before can be reached again. A gain in "
    "one place makes up for no loss in another: hence the cut at 0, state by state.",
    given="page",
    hints=[
        "reachable[baseline] is a row: how well each state can be reached from the baseline.",
        "For each state s and target x: by how much is x less reachable from s than from there?",
        "What became easier counts as 0. Then the mean over all S targets, for each s.",
    ],
)
def impact_penalty(reachable, baseline):
    """The relative reachability penalty of each state (Krakovna et al. 2018).

    reachable: (S, S), float: reachable[s, x] is how well x can be reached from s, from 0 to 1.
    baseline: an int, the state that the world would be in without the agent. Returns (S,): for each
    s the mean over all x of max(reachable[baseline, x] − reachable[s, x], 0).
    """
    return (reachable[baseline] - reachable).clamp(min=0).mean(1)
