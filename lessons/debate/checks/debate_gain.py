"""How `debate_gain` is judged: checks, mistakes, right answers."""

import torch

from lessons.debate.drills import debate_gain
from lessons.debate.exercises import honest_win_rate
from utils.grading import expect, require
from utils.worlds.pixels import margin


def _rate_by_hand(logits, truth, lies):
    rows = zip(logits.tolist(), truth.tolist(), lies.tolist(), strict=True)
    won = [all(x[t] > x[f] for x, f in zip(row, fs, strict=True)) for row, t, fs in rows]
    return sum(won) / len(won)


@debate_gain.check
def the_same_reveals_gain_nothing(fn):
    g = torch.Generator().manual_seed(0)
    logits, truth = torch.randn(20, 3, 4, generator=g), torch.zeros(20, dtype=torch.long)
    lies = torch.tensor([[1, 2, 3]]).expand(20, -1)
    expect(fn(logits, logits, truth, lies), torch.tensor(0.0))


@debate_gain.check
def one_image_that_debate_wins(fn):
    lost, won = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    truth, lies = torch.tensor([0]), torch.tensor([[1, 1]])
    expect(fn(lost, won, truth, lies), torch.tensor(1.0))
    expect(fn(won, lost, truth, lies), torch.tensor(-1.0))
    expect(fn(lost, lost, truth, lies), torch.tensor(0.0))


@debate_gain.check
def both_rates_by_hand(fn):
    g = torch.Generator().manual_seed(1)
    for images, n_lies, labels in ((7, 2, 3), (12, 9, 10), (30, 3, 10)):
        a, b = torch.randn(2, images, n_lies, labels, generator=g)
        truth = torch.randint(labels, (images,), generator=g)
        lies = (truth[:, None] + 1 + torch.arange(n_lies)) % labels
        b = b.scatter_add(
            2, truth[:, None, None].expand(-1, n_lies, 1), torch.ones(images, n_lies, 1)
        )
        wanted = _rate_by_hand(b, truth, lies) - _rate_by_hand(a, truth, lies)
        got = fn(a, b, truth, lies)
        require(torch.is_tensor(got) and got.shape == (), "a scalar tensor", got)
        expect(got, torch.tensor(wanted))


@debate_gain.mistake(
    "among all labels without debate, between two answers and averaged over lies with it"
)
def _(random_logits, debate_logits, truth, lies):
    before = (random_logits.argmax(-1) == truth[:, None]).float().mean()
    after = (margin(debate_logits, truth[:, None], lies) > 0).float().mean()
    return after - before


@debate_gain.mistake("among all labels without debate, against every lie with it: two metrics")
def _(random_logits, debate_logits, truth, lies):
    before = (random_logits.argmax(-1) == truth[:, None]).float().mean()
    return honest_win_rate(debate_logits, truth, lies) - before


@debate_gain.mistake("both rates are means over lies: one lie that succeeds is enough for the liar")
def _(random_logits, debate_logits, truth, lies):
    after = (margin(debate_logits, truth[:, None], lies) > 0).float().mean()
    return after - (margin(random_logits, truth[:, None], lies) > 0).float().mean()


@debate_gain.mistake("without debate less with debate: the sign is wrong")
def _(random_logits, debate_logits, truth, lies):
    return debate_gain.reference(debate_logits, random_logits, truth, lies)


@debate_gain.right("by the smallest lead over the lies")
def _(random_logits, debate_logits, truth, lies):
    def rate(logits):
        lead = logits.gather(2, truth[:, None, None].expand(-1, lies.shape[1], 1))
        lead = lead - logits.gather(2, lies[..., None])
        return (lead[..., 0].amin(1) > 0).to(logits.dtype).mean()

    return rate(debate_logits) - rate(random_logits)


@debate_gain.right("by the mean over images of what changed")
def _(random_logits, debate_logits, truth, lies):
    before, after = (
        (margin(logits, truth[:, None], lies) > 0).all(1).to(logits.dtype)
        for logits in (random_logits, debate_logits)
    )
    return (after - before).mean()
