"""The findings that this lesson looks for, each measured over ten seeds."""

import math

from lessons.my_topic.experiments import guess_entropy

from utils.claims import Finding, claim


@claim(
    "The entropy of observed frequencies is too low on average",
    source="Miller 1955",
    paper="bias of −(k − 1) / 2n nats for k outcomes",
    bound="below log 6 in the mean of 200 samples of 60 throws",
)
def plug_in_entropy_is_biased(seed: int) -> Finding:
    mean = sum(guess_entropy(60, 1000 * seed + i) for i in range(200)) / 200
    return Finding(mean - math.log(6), "nats", mean < math.log(6))
