"""What the whiteboard prompts of the RLHF lesson grade."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what the KL-penalized objective is maximized by, and what any other policy misses",
    hints=[
        "Write reward and penalty as one expectation under the policy.",
        "What must the reference be multiplied by, and divided by, to be a distribution again?",
        "The objective is then a constant less a KL. The shortfall is that KL, at its price.",
    ],
)
def shortfall(logprobs: Tensor, reward: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """How far a policy stays below the most that any policy reaches.

    What is to be maximized is the policy's expected reward, less beta for each nat of KL from it
    to the reference, KL(policy ‖ reference). Its maximum is taken over all distributions.
    logprobs, ref_logprobs: (answers,), logs of two distributions, all finite. reward: (answers,).
    beta: above 0, in reward per nat. Returns a scalar in units of reward, 0 for the best policy.
    """
    log_weight = ref_logprobs + reward / beta
    best = log_weight - torch.logsumexp(log_weight, 0)
    return beta * (logprobs.exp() * (logprobs - best)).sum()
