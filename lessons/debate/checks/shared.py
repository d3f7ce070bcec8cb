"""What several checks share: judges with known insides, and the game in plain loops."""

import torch

from lessons.debate.exercises import sparse_view
from utils.grading import expect, require
from utils.worlds.pixels import margin

NONE_OF_3, CLAIM, OTHER = torch.zeros(1, 3, dtype=torch.bool), torch.tensor([0]), torch.tensor([1])


def linear_judge(weights, on_mask=False):
    """Adds up evidence: weights (pixels, labels), times values (or the mask). Any batch shape."""
    w = torch.tensor(weights, dtype=torch.float64) if isinstance(weights, list) else weights

    def judge(view):
        half = view.shape[-1] // 2
        part = view[..., half:] if on_mask else view[..., :half]
        return part.to(w.dtype) @ w

    return judge


def bent_judge(seed, pixels, labels, hidden=8):
    """A small random network, so that pixels interact and the mask matters."""
    g = torch.Generator().manual_seed(seed)
    first = 2 * torch.randn(2 * pixels, hidden, generator=g, dtype=torch.float64)
    second = 2 * torch.randn(hidden, labels, generator=g, dtype=torch.float64)

    def judge(view):
        return torch.tanh(view.double() @ first) @ second

    return judge


def random_games(seed, games, pixels, labels, n_revealed=1):
    """Random pictures with some dark pixels, some revealed, claims: the arguments of a reveal."""
    g = torch.Generator().manual_seed(seed)
    image = torch.rand(games, pixels, generator=g, dtype=torch.float64) + 0.1
    dark = torch.rand(games, pixels, generator=g).argsort(1) < pixels // 4
    image = image.masked_fill(dark, 0.0)
    order = torch.rand(games, pixels, generator=g) + dark  # lit pixels come first
    revealed = order.argsort(1).argsort(1) < n_revealed
    claim = torch.randint(labels, (games,), generator=g)
    other = (claim + 1 + torch.randint(labels - 1, (games,), generator=g)) % labels
    return image, revealed, claim, other


def see(image, shown):
    """One picture as the judge is shown it, pixel by pixel."""
    values = [v if i in shown else 0.0 for i, v in enumerate(image)]
    return torch.tensor(values + [float(i in shown) for i in range(len(image))]).double()


def lead_of(judge, image, shown, claim, other):
    """By how much `claim` leads, in plain Python."""
    logits = judge(see(image, shown)).tolist()

    def of(label, rival):
        if label >= 0:
            return logits[label]
        return max(x for i, x in enumerate(logits) if i != rival)

    return of(claim, other) - of(other, claim)


def may_reveal(image, shown):
    """The legal pixels of one game."""
    return [i for i, v in enumerate(image) if v > 0 and i not in shown]


def greedy(judge, image, shown, claim, other):
    """The best pixel of one game, in plain Python."""
    return max(
        may_reveal(image, shown), key=lambda i: lead_of(judge, image, shown | {i}, claim, other)
    )


def expect_pixels(got, wanted):
    """An answer's pixels are whole numbers, one a game, and the right ones."""
    whole = torch.is_tensor(got) and not got.is_floating_point() and got.dtype != torch.bool
    require(whole, f"pixel numbers, an integer tensor: {wanted.tolist()}", got)
    expect(got, wanted)


def reveal_like(gain_of=margin, legal_of=None, view=None, choose=None, first=None):
    """For the mistakes: best_reveal with one part exchanged."""

    def reveal(judge, image, revealed, claim, other_claim):
        tried = (revealed if first is None else first(revealed))[:, None] | torch.eye(
            image.shape[-1], dtype=torch.bool
        )
        shown = (view or sparse_view)(image[:, None], tried)
        gain = gain_of(judge(shown), claim[:, None], other_claim[:, None])
        legal = (legal_of or (lambda image, revealed: ~revealed & (image > 0)))(image, revealed)
        return (choose or (lambda g: g.argmax(-1)))(gain.masked_fill(~legal, -torch.inf))

    return reveal
