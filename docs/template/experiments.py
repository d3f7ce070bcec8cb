"""What this lesson measures."""

import torch
from lessons.my_topic.exercises import entropy

import utils


def guess_entropy(n_samples: int, seed: int) -> float:
    """Entropy, in nats, of the frequencies in n_samples throws of a fair die."""
    throws = torch.randint(6, (n_samples,), generator=utils.generator(seed))
    return entropy(throws.bincount(minlength=6) / n_samples).item()
