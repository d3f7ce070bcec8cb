"""What the whiteboard prompts of the DPO lesson grade."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="from RLHF's objective to a loss on one pair",
    why="The reward of a policy is β log(π/π_ref) plus a term of the prompt, which is lost in the "
    "difference of two answers; σ of that difference is the chance of the order that was seen.",
    hints=[
        "The best policy is the reference times exp(r/β), divided by Z. Solve it for r.",
        "Z belongs to the prompt, not to the answer. What happens to it in a difference?",
        "Bradley and Terry: chosen wins with probability σ of the difference of the two rewards.",
    ],
)
def pair_loss(
    policy_chosen: float,
    policy_rejected: float,
    ref_chosen: float,
    ref_rejected: float,
    beta: float,
) -> float:
    """What one comparison costs a policy that is taken for RLHF's best.

    Take the reward for which this policy maximizes expected reward less beta per nat of
    KL(policy ‖ reference). Under Bradley and Terry's model with that reward, return the negative
    log-likelihood of the comparison that put chosen before rejected.
    The first four: log-probabilities of the two answers to one prompt, in nats. beta: above 0, in
    reward per nat. Returns nats.
    """
    margin = beta * ((policy_chosen - ref_chosen) - (policy_rejected - ref_rejected))
    return max(0.0, -margin) + math.log1p(math.exp(-abs(margin)))  # exp(800) would overflow
