"""How `honest_win_rate` is judged: checks, mistakes, right answers."""

import torch

from lessons.debate.exercises import honest_win_rate
from utils.grading import expect, require
from utils.worlds.pixels import OPEN, margin


def _is(got, wanted):
    """A scalar tensor of any floating type, whose value counts; its type is the last check."""
    scalar = torch.is_tensor(got) and got.dim() == 0 and got.is_floating_point()
    require(scalar, "a scalar tensor in floating point", got)
    expect(got.double(), torch.tensor(float(wanted), dtype=torch.float64))


@honest_win_rate.check
def one_image_and_one_lie(fn):
    truth, lies = torch.tensor([1]), torch.tensor([[0]])
    for logits, wanted in (([0.0, 2.0], 1.0), ([2.0, 0.0], 0.0), ([1.0, 1.0], 0.0)):
        _is(fn(torch.tensor([[logits]]), truth, lies), wanted)


@honest_win_rate.check
def one_lie_that_succeeds_is_enough(fn):
    # The truth, label 0, wins against label 1 by far and loses to label 2 by little.
    logits = torch.tensor([[[9.0, 0.0, 0.0], [1.0, 0.0, 1.1]]])
    lies = torch.tensor([[1, 2]])
    _is(fn(logits, torch.tensor([0]), lies), 0.0)
    _is(fn(logits.flip(1), torch.tensor([0]), lies.flip(1)), 0.0)
    better = logits.clone()
    better[0, 1, 0] = 1.2
    _is(fn(better, torch.tensor([0]), lies), 1.0)


@honest_win_rate.check
def only_the_two_claims_of_a_debate_count_in_it(fn):
    # Label 2 leads in both debates; nobody claims it in the first.
    logits = torch.tensor([[[1.0, 0.0, 12.0], [8.0, 0.0, 7.0]]])
    _is(fn(logits, torch.tensor([0]), torch.tensor([[1, 2]])), 1.0)


@honest_win_rate.check
def it_is_the_share_of_images(fn):
    g = torch.Generator().manual_seed(0)
    for images, n_lies, labels in ((4, 1, 2), (7, 2, 3), (9, 3, 4), (5, 5, 6), (30, 9, 10)):
        logits = torch.randn(images, n_lies, labels, generator=g, dtype=torch.float64)
        truth = torch.randint(labels, (images,), generator=g)
        lies = (truth[:, None] + 1 + torch.arange(n_lies)) % labels
        logits.scatter_add_(
            2, truth.expand(n_lies, -1).T[..., None], torch.ones_like(logits[..., :1])
        )
        won = [
            all(logits[i, j, truth[i]] > logits[i, j, lies[i, j]] for j in range(n_lies))
            for i in range(images)
        ]
        _is(fn(logits, truth, lies), sum(won) / images)


@honest_win_rate.check
def on_the_same_reveals_for_every_lie_it_is_accuracy(fn):
    g = torch.Generator().manual_seed(1)
    logits, truth = torch.randn(40, 5, generator=g), torch.randint(5, (40,), generator=g)
    lies = (truth[:, None] + torch.arange(1, 5)) % 5
    accuracy = (logits.argmax(1) == truth).float().mean()
    _is(fn(logits[:, None].expand(-1, 4, -1), truth, lies), accuracy)
    _is(fn(logits[:, None], truth, torch.full((40, 1), OPEN)), accuracy)


@honest_win_rate.check
def extreme_logits(fn):
    logits = torch.tensor([[[1000.0, 999.0]], [[-1000.0, -999.0]], [[-1000.0, -1001.0]]])
    got = fn(logits, torch.tensor([0, 0, 0]), torch.tensor([[1], [1], [1]]))
    _is(got, 2 / 3)


@honest_win_rate.check
def it_is_of_the_logits_type(fn):
    for dtype in (torch.float64, torch.float32):
        logits = torch.tensor([[[2.0, 1.0]], [[1.0, 2.0]]], dtype=dtype)
        got = fn(logits, torch.tensor([0, 0]), torch.tensor([[1], [1]]))
        if not torch.is_tensor(got) or got.dtype != dtype:  # its value is for the other checks
            expect(got, torch.tensor(0.5, dtype=dtype))


def _rate_mistake(description, rate):
    """A mistake, in the logits' type and in single precision: named even if the type is wrong."""

    @honest_win_rate.mistake(description)
    def _(logits, truth, lies):
        return rate(margin(logits, truth[:, None], lies), logits, truth)

    @honest_win_rate.mistake(description)
    def _(logits, truth, lies):
        return rate(margin(logits, truth[:, None], lies), logits, truth).float()


_rate_mistake(
    "the mean over the lies: it should win against all of them, not on average",
    lambda lead, logits, truth: (lead > 0).to(logits.dtype).mean(),
)
_rate_mistake(
    "one lie beaten is enough: any instead of all",
    lambda lead, logits, truth: (lead > 0).any(1).to(logits.dtype).mean(),
)
_rate_mistake(
    "the average lead over the lies has to be positive, not each lead",
    lambda lead, logits, truth: (lead.mean(1) > 0).to(logits.dtype).mean(),
)
_rate_mistake(
    "truth and lie are exchanged: this is the liar's rate",
    lambda lead, logits, truth: (lead < 0).all(1).to(logits.dtype).mean(),
)
_rate_mistake(
    "all labels compete: the judge only chooses between the two claims",
    lambda lead, logits, truth: (
        (logits.argmax(-1) == truth[:, None]).all(1).to(logits.dtype).mean()
    ),
)
_rate_mistake(
    "a tie goes to the honest side",
    lambda lead, logits, truth: (lead >= 0).all(1).to(logits.dtype).mean(),
)
_rate_mistake(
    "the number of images instead of their share",
    lambda lead, logits, truth: (lead > 0).all(1).to(logits.dtype).sum(),
)
_rate_mistake(
    "all() runs over the images, not over the lies",
    lambda lead, logits, truth: (lead > 0).all(0).to(logits.dtype).mean(),
)
_rate_mistake(
    "only the first lie is looked at",
    lambda lead, logits, truth: (lead[:, 0] > 0).to(logits.dtype).mean(),
)
_rate_mistake(
    "the share of images that lose to some lie: one minus the rate",
    lambda lead, logits, truth: (lead <= 0).any(1).to(logits.dtype).mean(),
)


@honest_win_rate.mistake("OPEN, which is −1, is used as an index: it takes the last label")
def _(logits, truth, lies):
    own = logits.gather(-1, truth[:, None, None].expand(*lies.shape, 1))[..., 0]
    other = logits.gather(-1, (lies % logits.shape[-1])[..., None])[..., 0]
    return (own > other).all(1).to(logits.dtype).mean()


@honest_win_rate.right("by the smallest lead over the lies")
def _(logits, truth, lies):
    lead = margin(logits, truth[:, None], lies).amin(1)
    return torch.where(lead > 0, torch.ones_like(lead), torch.zeros_like(lead)).mean()


@honest_win_rate.right("by loops over images and lies")
def _(logits, truth, lies):
    won = 0
    for image in range(len(truth)):
        debates = zip(logits[image], lies[image], strict=True)
        won += all(margin(end, truth[image], lie) > 0 for end, lie in debates)
    return torch.tensor(won / len(truth), dtype=logits.dtype)
