"""What the whiteboard prompts of the mixture-of-experts lesson grade."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="what the auxiliary loss asks of every single token",
    hints=[
        "f is a count: as far as the gradient goes it is a constant.",
        "The derivative of p_j by the logit z_i is p_j (δ_ij − p_i), within one token.",
        "P is a mean over tokens: each token has its share 1/T of it.",
    ],
)
def balancing_gradient(logits: Tensor, chosen: Tensor) -> Tensor:
    """The gradient of the load-balancing loss, without α, by each logit of each token.

    The loss is N times the sum over experts of f times P. f, the share of all choices that fell
    on an expert, has no gradient. P is the mean over tokens of the softmax of the logits.
    logits: (n_tokens, N), float32. chosen: (n_tokens, k) integers. Returns the shape of logits.
    """
    n_tokens, n_experts = logits.shape
    f = torch.bincount(chosen.flatten(), minlength=n_experts) / chosen.numel()
    p = logits.softmax(-1)
    return n_experts / n_tokens * p * (f - (p * f).sum(-1, keepdim=True))


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what a router says it would do, and what it does",
    hints=[
        "What does the printed code give a router with almost flat probabilities and one winner?",
        "Whoever computes a token is named by its k largest logits: count those.",
    ],
)
def experts_in_use(logits: Tensor, k: int) -> float:
    """How many experts carry the load: e to the entropy of their shares, 1 to N.

    Each token is computed by the k experts of its highest logits. The shares are those of all
    these choices. An expert that no token chooses counts as nothing.
    logits: (n_tokens, N). k: 1 to N. Returns a float.
    """
    chosen = logits.topk(k, dim=-1).indices
    share = torch.bincount(chosen.flatten(), minlength=logits.shape[-1]).double()
    share = share / share.sum()
    return (-torch.xlogy(share, share).sum()).exp().item()
