"""How `impact_penalty` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.specification_gaming.exercises import impact_penalty
from utils.grading import expect

# From state 0 everything can be reached; 1 cannot go back to 0; 2 is a dead end.
DOWNHILL = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


@impact_penalty.check
def a_way_down(fn):
    expect(fn(DOWNHILL, 0), torch.tensor([0.0, 1 / 3, 2 / 3]).double())


@impact_penalty.check
def a_gain_costs_nothing(fn):
    expect(fn(DOWNHILL, 2), torch.zeros(3).double())
    expect(fn(DOWNHILL, 1), torch.tensor([0.0, 0.0, 1 / 3]).double())


@impact_penalty.check
def what_can_be_undone_is_free(fn):
    expect(fn(torch.ones(4, 4).double(), 1), torch.zeros(4).double())


@impact_penalty.check
def a_gain_makes_up_for_no_loss(fn):
    apart = torch.eye(2).double()
    expect(fn(apart, 0), torch.tensor([0.0, 0.5]).double())
    expect(fn(apart, 1), torch.tensor([0.5, 0.0]).double())


@impact_penalty.check
def number_by_number(fn):
    for seed, n in ((0, 3), (1, 5), (2, 1)):
        g = torch.Generator().manual_seed(seed)
        reachable = torch.rand(n, n, generator=g, dtype=torch.float64)
        for baseline in range(n):
            wanted = [
                sum(
                    max(reachable[baseline, x].item() - reachable[s, x].item(), 0.0)
                    for x in range(n)
                )
                / n
                for s in range(n)
            ]
            expect(fn(reachable, baseline), torch.tensor(wanted).double())


@impact_penalty.check
def the_input_stays_as_it_is(fn):
    reachable = DOWNHILL.clone()
    fn(reachable, 0)
    expect(reachable, DOWNHILL)


MISTAKES = {
    "gains make up for losses: cut each difference at 0 before the mean": lambda r, b: (
        r[b] - r
    ).mean(1),
    "the mean is cut at 0, in place of each difference": lambda r, b: (
        (r[b] - r).mean(1).clamp(min=0)
    ),
    "gains cost as much as losses: the size of the difference": lambda r, b: (
        (r[b] - r).abs().mean(1)
    ),
    "the other way round: gains cost, losses are free": lambda r, b: (
        (r - r[b]).clamp(min=0).mean(1)
    ),
    "the sum, in place of the mean": lambda r, b: (r[b] - r).clamp(min=0).sum(1),
    "the mean over the states s, in place of the targets x": lambda r, b: (
        (r[b] - r).clamp(min=0).mean(0)
    ),
    "from where s can be reached, in place of what can be reached from s": lambda r, b: (
        (r[:, b, None] - r).clamp(min=0).mean(0)
    ),
    "whether the baseline can be reached again: that is another penalty": lambda r, b: 1 - r[:, b],
    "whether s can be reached from the baseline": lambda r, b: 1 - r[b],
    "the largest loss, in place of the mean": lambda r, b: (r[b] - r).clamp(min=0).amax(1),
    "the number of losses, whatever their size": lambda r, b: (r[b] > r).double().mean(1),
    "the mean over what the baseline reaches only": lambda r, b: (
        (r[b] - r).clamp(min=0).sum(1) / r[b].sum()
    ),
    "the mean over losses only": lambda r, b: (
        (r[b] - r).clamp(min=0).sum(1) / (r[b] > r).sum(1).clamp(min=1)
    ),
    "negative: it is a price, to be taken off later": lambda r, b: -(r[b] - r).clamp(min=0).mean(1),
    "the loss squared": lambda r, b: (r[b] - r).clamp(min=0).square().mean(1),
    "the baseline is ignored: compared with state 0": lambda r, b: (r[0] - r).clamp(min=0).mean(1),
    "one number for all states": lambda r, b: (r[b] - r).clamp(min=0).mean(),
}
for said, wrong in MISTAKES.items():
    impact_penalty.mistake(said)(wrong)


@impact_penalty.mistake("changes its input in place")
def _(reachable, baseline):
    reachable -= reachable[baseline].clone()
    return reachable.neg_().clamp_(min=0).mean(1)


@impact_penalty.right("by a loop over states")
def _(reachable, baseline):
    base = reachable[baseline]
    losses = [torch.relu(base - row).mean() for row in reachable]
    return torch.stack(losses)


@impact_penalty.right("with NumPy")
def _(reachable, baseline):
    import numpy as np

    r = reachable.numpy()
    return torch.from_numpy(np.maximum(r[[baseline]] - r, 0).mean(axis=1))


@impact_penalty.right("what both reach, taken off what the baseline reaches")
def _(reachable, baseline):
    both = torch.minimum(reachable, reachable[baseline].expand_as(reachable))
    return reachable[baseline].mean() - both.mean(1)
