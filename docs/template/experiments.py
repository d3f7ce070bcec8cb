"""What this lesson measures."""

import math

import torch
from lessons.my_topic.exercises import entropy

import utils
from utils.claims import Finding, claim


def guess_entropy(n_samples: int, seed: int) -> float:
    """Entropy, in nats, of the frequencies in n_samples throws of a fair die."""
    throws = torch.randint(6, (n_samples,), generator=utils.generator(seed))
    return entropy(throws.bincount(minlength=6) / n_samples).item()


@claim(
    "The entropy of observed frequencies is too low on average",
    source="Miller 1955",
    paper="bias of −(k − 1) / 2n nats for k outcomes",
    bound="below log 6 in the mean of 200 samples of 60 throws",
)
def plug_in_entropy_is_biased(seed: int) -> Finding:
    mean = sum(guess_entropy(60, 1000 * seed + i) for i in range(200)) / 200
    return Finding(mean - math.log(6), "nats", mean < math.log(6))
