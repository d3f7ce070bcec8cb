"""How `mean_max_cosine_similarity` is judged: checks, mistakes, right answers."""

import math

import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F

from lessons.sparse_autoencoders.exercises import mean_max_cosine_similarity
from utils.grading import expect


@mean_max_cosine_similarity.check
def one_against_one(fn):
    for a, b, cosine in (
        ([1.0, 0.0], [1.0, 0.0], 1.0),
        ([1.0, 0.0], [0.0, 1.0], 0.0),
        ([1.0, 0.0], [-1.0, 0.0], -1.0),
        ([3.0, 4.0], [5.0, 0.0], 0.6),
    ):
        expect(fn(torch.tensor([a]), torch.tensor([b])), torch.tensor(cosine))


@mean_max_cosine_similarity.check
def the_order_and_the_lengths_do_not_matter(fn):
    g = torch.Generator().manual_seed(0)
    true = torch.randn(5, 3, generator=g)
    learned = true[torch.tensor([3, 0, 4, 1, 2])] * torch.tensor(
        [[1.0], [20.0], [0.01], [3.0], [7.0]]
    )
    expect(fn(learned, true), torch.tensor(1.0))
    expect(fn(learned[:3], true), fn(learned[:3].flip(0), true.roll(2, 0)))


@mean_max_cosine_similarity.check
def every_true_direction_counts_and_no_surplus_latent(fn):
    true, junk = torch.eye(2), torch.tensor([[1.0, 0.0], [-1.0, -1.0], [1.0, -0.001]])
    expect(fn(torch.eye(2)[:1], true), torch.tensor(0.5))  # one of two is found
    expect(fn(torch.cat([true, junk]), true), torch.tensor(1.0))  # both are, whatever else there is
    expect(fn(true, true[:1]), torch.tensor(1.0))


@mean_max_cosine_similarity.check
def it_is_the_maximum_written_out(fn):
    g = torch.Generator().manual_seed(1)
    for n_learned, n_true, n_inputs in ((4, 4, 4), (6, 3, 2), (2, 5, 3), (1, 4, 2), (5, 1, 6)):
        learned, true = (torch.randn(n, n_inputs, generator=g) * 3 for n in (n_learned, n_true))
        best = []
        for t in true.tolist():
            cosines = [
                sum(a * b for a, b in zip(t, row, strict=True))
                / (math.hypot(*t) * math.hypot(*row))
                for row in learned.tolist()
            ]
            best.append(max(cosines))
        expect(fn(learned, true), torch.tensor(sum(best) / len(best)))


@mean_max_cosine_similarity.check
def the_opposite_direction_is_no_match(fn):
    expect(fn(-torch.eye(3), torch.eye(3)), torch.tensor(0.0))
    expect(
        fn(torch.tensor([[-1.0, -1.0]]), torch.tensor([[1.0, 1.0], [2.0, 2.0]])), torch.tensor(-1.0)
    )


@mean_max_cosine_similarity.check
def a_latent_of_zeros_matches_nothing(fn):
    expect(fn(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), torch.eye(2)), torch.tensor(0.5))
    small = torch.eye(2) * 1e-4
    expect(fn(small, torch.eye(2)), torch.tensor(1.0), learned=small)


@mean_max_cosine_similarity.mistake(
    "averaged over learned directions: surplus latents are punished"
)
def _(learned, true):
    return (F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T).max(0).values.mean()


@mean_max_cosine_similarity.mistake("row i is compared with row i: a permutation ruins the score")
def _(learned, true):
    n = min(len(learned), len(true))
    return F.cosine_similarity(learned[:n], true[:n], dim=-1).mean()


@mean_max_cosine_similarity.mistake("not normalized: inner products, not cosines")
def _(learned, true):
    return (true @ learned.T).max(-1).values.mean()


@mean_max_cosine_similarity.mistake("absolute cosines: the opposite direction counts as found")
def _(learned, true):
    cosines = F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T
    return cosines.abs().max(-1).values.mean()


@mean_max_cosine_similarity.mistake("columns are normalized, where a direction is a row")
def _(learned, true):
    return (F.normalize(true, dim=0) @ F.normalize(learned, dim=0).T).max(-1).values.mean()


@mean_max_cosine_similarity.mistake("matched one to one: here a learned direction may serve twice")
def _(learned, true):
    cosines = F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T
    rows, columns = linear_sum_assignment(-cosines.detach().numpy())
    return cosines[rows, columns].mean()


@mean_max_cosine_similarity.mistake("only the true directions are normalized")
def _(learned, true):
    return (F.normalize(true, dim=-1) @ learned.T).max(-1).values.mean()


@mean_max_cosine_similarity.mistake("only the learned directions are normalized")
def _(learned, true):
    return (true @ F.normalize(learned, dim=-1).T).max(-1).values.mean()


@mean_max_cosine_similarity.mistake("the largest cosine of all, not the mean of each feature's")
def _(learned, true):
    return (F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T).max()


@mean_max_cosine_similarity.mistake("the mean of all cosines: the max is missing")
def _(learned, true):
    return (F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T).mean()


@mean_max_cosine_similarity.mistake("divided by zero: a dead latent turns the score into NaN")
def _(learned, true):
    unit = learned / learned.norm(dim=-1, keepdim=True)
    return (F.normalize(true, dim=-1) @ unit.T).max(-1).values.mean()


@mean_max_cosine_similarity.right("by a loop over true directions")
def _(learned, true):
    best = [F.cosine_similarity(t[None], learned, dim=-1).max() for t in true]
    return torch.stack(best).mean()


@mean_max_cosine_similarity.right("by inner products over lengths, with the max over rows")
def _(learned, true):
    products = torch.einsum("ld,td->lt", learned, true)
    lengths = learned.norm(dim=1)[:, None] * true.norm(dim=1)
    return (products / lengths.clamp_min(1e-30)).amax(0).mean()
