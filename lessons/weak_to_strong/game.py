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


def best_pixel(net: nn.Module, task: int, images: Tensor, revealed: Tensor, side: Tensor) -> Tensor:
    """The unseen bright pixel that moves the judge furthest to a game's side: +1 yes, −1 no."""
    game, pixel = (~revealed & (images > 0)).nonzero(as_tuple=True)
    tried = revealed[game].scatter(1, pixel[:, None], True)
    gains = torch.full(images.shape, -torch.inf)
    gains[game, pixel] = side[game] * net(shown(images[game], tried))[:, task]
    return gains.argmax(1)


def debate(net: nn.Module, task: int, images: Tensor, truth: Tensor) -> Tensor:
    """The mask after a debate about each image; in every other game the liar begins."""
    revealed = torch.zeros_like(images, dtype=torch.bool)
    honest_first = torch.arange(len(images)) % 2 == 0
    for turn in range(REVEALS):
        honest = honest_first == (turn % 2 == 0)
        side = torch.where(honest == (truth > 0.5), 1.0, -1.0)
        pixel = best_pixel(net, task, images, revealed, side)
        revealed = revealed.scatter(1, pixel[:, None], True)
    return revealed
