"""What a learner writes in this lesson: two parts of the learner, three ways to look at it."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=12,
    given="blanks",
    teaches="what a decision was worth: rewards that came, and a guess for the rest",
    why="One step of reward and the critic's guess has little noise and is wrong while the critic "
    "is; all rewards are right and noisy. λ mixes every length in between, backwards in one loop.",
    hints=[
        "Go backwards: what follows the last step is known, the critic's value of the last state.",
        "values[..., t + 1] is the critic's guess of the state after step t.",
        "Where the episode ended with step t, nothing follows, whatever values holds there.",
    ],
)
def generalized_return(
    rewards: Tensor, values: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The λ-return of each step: G_t = r_t + γ [(1 − λ) V_{t+1} + λ G_{t+1}], with G_T = V_T.

    In place of the bracket stands 0 if the episode ended with step t.
    rewards: (..., T), float. values: (..., T + 1), the critic's, of each state from the first to
    the one after the last step. ended: (..., T), bool. Returns (..., T); no input is changed.
    """
    returns, following = torch.zeros_like(rewards), values[..., -1]
    for t in reversed(range(rewards.shape[-1])):
        mixed = (1 - lam) * values[..., t + 1] + lam * following  # blank: the bracket
        going_on = torch.where(ended[..., t], torch.zeros_like(mixed), mixed)
        following = rewards[..., t] + gamma * going_on  # blank: the return of step t
        returns[..., t] = following
    return returns


@exercise(
    difficulty=3,
    minutes=20,
    teaches="the three terms of an actor-critic's loss, and which of them learns from what",
    why="The actor learns from advantages, the critic from returns. The clip ends the actor's "
    "gain once an action has become 20 % likelier or less likely than when it was taken.",
    hints=[
        "Log-probabilities are logits.log_softmax(-1); gather picks those of the actions taken.",
        "The ratio is exp(new − old). Of ratio · A and clipped ratio · A the smaller one counts.",
        "Entropy is −Σ p log p over actions. It is subtracted: more of it is better.",
        "Multiply each decision's loss by counts, sum over decisions, divide by how many count.",
    ],
)
def actor_critic_loss(
    logits: Tensor, actions: Tensor, old_logprobs: Tensor, advantages: Tensor, values: Tensor,
    returns: Tensor, counts: Tensor, clip: float = 0.2, value_weight: float = 0.5,
    entropy_weight: float = 0.01,
) -> Tensor:  # fmt: skip
    """PPO's loss to be minimized (Schulman et al. 2017, eqs. 7 and 9), one number an agent.

    −min(ρ A, clip(ρ, 1 − clip, 1 + clip) A) + value_weight (V − G)² − entropy_weight H, averaged
    over the decisions that count; ρ is the ratio of an action's new probability to the old one.
    logits: (..., n, actions). actions: (..., n), int64. old_logprobs, advantages, values, returns:
    (..., n), float; values carries a gradient, advantages and returns are constants. counts:
    (..., n), bool. Returns (...); 0 where no decision counts.
    """
    logprobs = logits.log_softmax(-1)
    taken = logprobs.gather(-1, actions[..., None]).squeeze(-1)
    ratio = (taken - old_logprobs).exp()
    gain = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    loss = -gain + value_weight * (values - returns).square() - entropy_weight * entropy
    return (loss * counts).sum(-1) / counts.sum(-1).clamp(min=1)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="to tell what an agent can do from what it is after",
    why="An agent that gets nowhere tells nothing about its goal. So the goal is judged among "
    "episodes in which it got somewhere, by what it went to first.",
    hints=[
        "For each episode: at which step is the coin's cell reached first, at which step the end?",
        "Give a cell that is never reached a step later than all others.",
        "goal is a share of the capable episodes, not of all.",
    ],
)
def capability_and_goal(positions: Tensor, coin: Tensor, end: int) -> tuple[Tensor, Tensor]:
    """Two shares. capability: of episodes that reach the coin's cell or the end, at any step.

    goal: of those episodes, the share that reach the coin's cell no later than the end (if both
    are one cell, that is a reached coin). nan where no episode is capable.
    positions: (..., B, T), int64, the cells of B episodes from the start on. coin: (B,), int64.
    end: a cell, the same in all episodes. Returns two float32 tensors (...).
    """
    late = positions.shape[-1]
    steps = torch.arange(late)
    at_coin = torch.where(positions == coin[..., None], steps, late).amin(-1)
    at_end = torch.where(positions == end, steps, late).amin(-1)
    capable = torch.minimum(at_coin, at_end) < late
    wanted = capable & (at_coin <= at_end)
    return capable.float().mean(-1), wanted.sum(-1) / capable.sum(-1)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a linear probe, and what it is judged on",
    why="Centering takes the intercept out of the fit, so that the price on long weights does not "
    "pull it to 0. Held-out activations are centered by the mean of those fitted on.",
    hints=[
        "Subtract from activations and targets the means of the ones you fit on.",
        "Set the gradient to 0: (XᵀX + l2 I) W = XᵀY, with centered X and Y.",
        "For held_out: subtract the same mean, multiply by W, add the targets' mean.",
    ],
)
def probe_for_goal(activations: Tensor, targets: Tensor, held_out: Tensor, l2: float) -> Tensor:
    """Read a place from activations by ridge regression, and tell it for held-out ones.

    Minimizes Σ ‖x W + b − y‖² + l2 ‖W‖² over W and b; b is free of charge.
    activations: (n, d). targets: (n, k). held_out: (m, d). All float64. l2: above 0.
    Returns (m, k), right to five digits; no input is changed.
    """
    x_mean, y_mean = activations.mean(0), targets.mean(0)
    x, y = activations - x_mean, targets - y_mean
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    weights = torch.linalg.solve(x.T @ x + l2 * eye, x.T @ y)
    return (held_out - x_mean) @ weights + y_mean


@exercise(
    difficulty=3,
    minutes=15,
    given="page",
    teaches="to tell agents that disagree from agents that are each unsure",
    why="The entropy of the mean policy is high if the agents disagree or if each is unsure. What "
    "is left after subtracting their mean entropy is disagreement alone.",
    hints=[
        "Two agents that are each sure of another action disagree; two that are both unsure agree.",
        "Entropy of the mean of the policies, minus the mean of their entropies.",
        "0 · log 0 counts as 0: torch.xlogy, or a sum over actions of positive probability.",
    ],
)
def ensemble_disagreement(logprobs: Tensor) -> Tensor:
    """By how much an ensemble's policies disagree in each state, in nats.

    The entropy of their mean policy, less the mean of their entropies (Jensen and Shannon's
    divergence). logprobs: (agents, ..., actions), float, log-probabilities, −inf allowed.
    Returns (...): 0 where all agree, and at most the log of the number of agents.
    """
    p = logprobs.exp()
    mean = p.mean(0)
    return torch.xlogy(p, p).sum(-1).mean(0) - torch.xlogy(mean, mean).sum(-1)
