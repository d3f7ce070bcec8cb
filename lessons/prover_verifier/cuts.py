"""Where a verifier accepts: above 0, as it was trained, or above a cut set on other claims."""

import torch
from torch import Tensor

from lessons.prover_verifier.exercises import soundness_and_completeness
from lessons.prover_verifier.shapes import Round

HAIR = 1e-4  # nats: a cut lies so far below a score, since many claims may get the very same one


def find_cut(true: Tensor, false: Tensor, share: float | None) -> Tensor:
    """The score that this share of true claims reach; or (None) the cut that is right most often.

    In the second case a true and a false claim are equally likely.
    """
    if share is not None:
        return true.quantile(1 - share) - HAIR
    cuts = torch.cat([true, false])[:, None] - HAIR
    right = (true > cuts).double().mean(1) + (false <= cuts).double().mean(1)
    return cuts[right.argmax(), 0]


def tuned(played: Round, share: float | None = 0.99) -> tuple[float, float]:
    """Soundness and completeness of a verifier that accepts above a cut of its own, not above 0.

    The cut lets this share of the true claims pass, or (None) is the one that is right most often.
    It is set on half of the held-out claims and used on the other half, both ways round.
    """
    half, found = len(played.true) // 2, []
    parts = slice(half), slice(half, None)
    for seen, new in (parts, parts[::-1]):
        cut = find_cut(played.true[seen], played.false[seen], share)
        above = (scores[new, None] - cut for scores in (played.true, played.false))
        found.append(soundness_and_completeness(*above))
    sound, complete = torch.tensor(found, dtype=torch.float64).mean(0).tolist()
    return sound, complete
