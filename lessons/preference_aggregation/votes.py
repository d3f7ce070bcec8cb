"""A conversation as Polis holds it: people vote on statements, groups are found in the votes."""

from typing import NamedTuple

import torch
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from torch import Tensor

import utils
from lessons.preference_aggregation.exercises import group_aware_consensus


class Conversation(NamedTuple):
    """Votes, and what nobody who runs the conversation knows: who is who, who would agree."""

    votes: Tensor  # (people, statements): 1, −1, 0 pass, nan never asked
    camp: Tensor  # (people,) int64: 0 the majority, 1 the minority
    agrees: Tensor  # (camps, statements): how probably somebody of a camp agrees


def converse(
    seed: int, people: int = 400, statements: int = 40, minority: float = 0.25, asked: int = 12,
    divide: float = 1.5,
) -> Conversation:  # fmt: skip
    """Two camps that share some opinions. divide: how far apart they are, in logits.

    Everybody votes on `asked` statements of their own, drawn at random, and passes on a tenth.
    """
    generator = utils.generator(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    camp = (torch.arange(people) < round(minority * people)).long()
    shared, divided = 0.5 + normal(statements), divide * normal(statements)
    agrees = torch.stack([shared + divided, shared - divided]).sigmoid()
    draw = torch.rand(3, people, statements, generator=generator, dtype=torch.float64)
    votes = torch.where(draw[0] < agrees[camp], 1.0, -1.0).double()
    votes[draw[1] < 0.1] = 0
    rank = draw[2].argsort(1).argsort(1)
    votes[rank >= asked] = torch.nan
    return Conversation(votes, camp, agrees)


def opinion_map(votes: Tensor) -> Tensor:
    """People in the plane of the two directions in which votes differ most: (people, 2).

    A missing vote is put at its statement's mean, which pulls who voted little to the middle;
    Polis moves people out again by √(statements / votes).
    """
    seen = ~votes.isnan()
    centered = torch.where(seen, votes - votes.nanmean(0), 0.0)
    directions = torch.linalg.svd(centered, full_matrices=False).Vh[:2]
    stretch = (votes.shape[1] / seen.sum(1).clamp(min=1)).sqrt()
    return centered @ directions.T * stretch[:, None]


def find_groups(places: Tensor, most: int = 5) -> Tensor:
    """Two to `most` groups by k-means, as many as have the best silhouette: (people,) int64."""
    points = places.numpy()
    fits = [KMeans(k, n_init=5, random_state=0).fit_predict(points) for k in range(2, most + 1)]
    return torch.as_tensor(max(fits, key=lambda found: silhouette_score(points, found))).long()


def overall_approval(votes: Tensor) -> Tensor:
    """The share that agrees among all who voted, smoothed the same way: one group of all."""
    return group_aware_consensus(votes, torch.zeros(len(votes), dtype=torch.int64))


def adopted(score: Tensor, n: int = 10) -> Tensor:
    """The n statements of the highest score: their numbers."""
    return score.topk(n).indices


def approval(talk: Conversation, chosen: Tensor) -> tuple[float, float, float]:
    """How much of what was adopted people agree with: all, the camp that does less, the other."""
    camps = talk.agrees[:, chosen].mean(1)
    everybody = camps[talk.camp].mean()
    return everybody.item(), camps.min().item(), camps.max().item()
