"""The pupil, optimized against a verifier: exactly, for scores that are sums over steps."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.process_rewards.verifiers import PUPIL, Verifier
from utils.worlds.chains import PRIME, Problems, right_results, truth


class Tilted(NamedTuple):
    """What a policy writes, exact, a number a problem."""

    answers: Tensor  # (problems, prime), the chance of each answer
    solved: Tensor  # the chance of the right answer
    sound: Tensor  # and of right steps all the way
    kl: Tensor  # to the pupil, in nats


def draws(problems: Problems, verifier: Verifier, strength: float) -> list[Tensor]:
    """How each step is drawn by the policy ∝ pupil · exp(strength · score): (n, from, to) each.

    Backwards from the end: `ahead` is the logarithm of what all ways on from a number weigh.
    """
    table = strength * verifier.table.view(PUPIL.chances.shape) + PUPIL.chances.log()
    ahead = torch.zeros(len(problems.start), PRIME, dtype=torch.float64)
    found = []
    for t in reversed(range(problems.op.shape[1])):
        weight = table[problems.op[:, t], :, problems.operand[:, t]] + ahead[:, None]
        total = weight.logsumexp(2)
        found.append((weight - total[..., None]).exp())
        ahead = torch.where(problems.real[:, t, None], total, ahead)
    return found[::-1]


def tilted(problems: Problems, verifier: Verifier, strength: float) -> Tilted:
    """What the policy ∝ pupil · exp(strength · score) writes, followed forwards, exactly."""
    now = F.one_hot(problems.start, PRIME).double()  # the chance of each number so far
    sound, kl = now, torch.zeros(len(now), dtype=torch.float64)
    for t, draw in enumerate(draws(problems, verifier, strength)):
        place = problems.op[:, t], slice(None), problems.operand[:, t]
        real = problems.real[:, t, None]
        ratio = torch.where(draw > 0, draw / PUPIL.chances[place], 1).log()
        kl = kl + real[:, 0] * (now * (draw * ratio).sum(2)).sum(1)
        right = draw * F.one_hot(right_results()[place], PRIME)
        now = torch.where(real, (now[:, None] @ draw)[:, 0], now)
        sound = torch.where(real, (sound[:, None] @ right)[:, 0], sound)
    right_answer = truth(problems).gather(1, problems.last[:, None])
    return Tilted(now, now.gather(1, right_answer)[:, 0], sound.sum(1), kl)
