"""The pixel game of the lesson on debate, for yes-or-no questions (Irving et al. 2018).

Two sides reveal pixels of a picture in turn, and a judge who sees no others decides. A question of
yes or no leaves one lie.
"""

import torch
from torch import Tensor, nn

REVEALS = 6


def shown(images: Tensor, revealed: Tensor) -> Tensor:
    """What the judge gets: the revealed pixels, else zeros, and which ones they are."""
    return torch.cat([images * revealed, revealed.float()], -1)


def best_pixel(
    net: nn.Sequential, task: int, images: Tensor, revealed: Tensor, side: Tensor
) -> Tensor:
    """The unseen bright pixel that moves the judge furthest to a game's side: +1 yes, −1 no."""
    game, pixel = (~revealed & (images > 0)).nonzero(as_tuple=True)
    first, rest = net[0], net[1:]
    bright, known = first.weight.mT.chunk(2)  # one more pixel adds its two columns to this layer
    added = torch.addcmul(known[pixel], bright[pixel], images[game, pixel, None])
    says = rest(first(shown(images, revealed))[game] + added)[:, task]
    gains = torch.full(images.shape, -torch.inf)
    gains[game, pixel] = side[game] * says
    return gains.argmax(1)


def debate(net: nn.Sequential, task: int, images: Tensor, truth: Tensor) -> Tensor:
    """The mask after a debate about each image; in every other game the liar begins."""
    revealed = torch.zeros_like(images, dtype=torch.bool)
    honest_first = torch.arange(len(images)) % 2 == 0
    for turn in range(REVEALS):
        honest = honest_first == (turn % 2 == 0)
        side = torch.where(honest == (truth > 0.5), 1.0, -1.0)
        pixel = best_pixel(net, task, images, revealed, side)
        revealed = revealed.scatter(1, pixel[:, None], True)
    return revealed
