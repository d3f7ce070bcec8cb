"""How `rollout_labels` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.process_rewards.exercises import rollout_labels
from utils.grading import expect

REACHED = torch.tensor(
    [
        [[False, True, True, True], [False, False, False, True], [False] * 4],
        [[False] * 4, [True] * 4, [True] * 4],
    ]
)
REAL = torch.tensor([[True, True, True], [True, True, False]])


@rollout_labels.check
def one_completion_is_its_own_label(fn):
    for how in ("hard", "soft"):
        for ok in (True, False):
            got = fn(torch.tensor([[[ok]]]), torch.tensor([[True]]), how)
            expect(got, torch.tensor([[float(ok)]]))


@rollout_labels.check
def hard_asks_for_one_that_gets_there(fn):
    expect(fn(REACHED, REAL, "hard"), torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, -1.0]]))


@rollout_labels.check
def soft_is_the_share(fn):
    expect(fn(REACHED, REAL, "soft"), torch.tensor([[0.75, 0.25, 0.0], [0.0, 1.0, -1.0]]))


@rollout_labels.check
def any_number_of_completions(fn):
    g = torch.Generator().manual_seed(0)
    for k in (2, 5):
        reached = torch.rand(3, 4, k, generator=g) < 0.3
        real = torch.arange(4) < torch.tensor([[4], [2], [1]])
        for how in ("hard", "soft"):
            rows = []
            for i in range(3):
                for t in range(4):
                    hits = sum(reached[i, t].tolist())
                    value = float(hits > 0) if how == "hard" else hits / k
                    rows.append(value if real[i, t] else -1.0)
            expect(fn(reached, real, how), torch.tensor(rows).view(3, 4))


@rollout_labels.mistake("all completions must get there, where one is enough")
def _(reached, real, how):
    labels = reached.all(2).float() if how == "hard" else reached.float().mean(2)
    return torch.where(real, labels, -1.0)


@rollout_labels.mistake("padded steps are labeled, too")
def _(reached, real, how):
    return reached.any(2).float() if how == "hard" else reached.float().mean(2)


@rollout_labels.mistake("padded steps get 0, which says that they are wrong")
def _(reached, real, how):
    labels = reached.any(2).float() if how == "hard" else reached.float().mean(2)
    return labels * real


@rollout_labels.mistake("how is ignored: always the share")
def _(reached, real, how):
    return torch.where(real, reached.float().mean(2), -1.0)


@rollout_labels.mistake("how is ignored: always hard")
def _(reached, real, how):
    return torch.where(real, reached.any(2).float(), -1.0)


@rollout_labels.mistake("hard by majority of the completions: one is enough")
def _(reached, real, how):
    share = reached.float().mean(2)
    return torch.where(real, (share > 0.5).float() if how == "hard" else share, -1.0)


@rollout_labels.mistake("the number of completions that get there, not the share")
def _(reached, real, how):
    labels = reached.any(2).float() if how == "hard" else reached.float().sum(2)
    return torch.where(real, labels, -1.0)


@rollout_labels.mistake("over the steps, not over the completions of each")
def _(reached, real, how):
    found = reached.any(1, keepdim=True) if how == "hard" else reached.float().mean(1, keepdim=True)
    labels = found.float().mean(2).expand(real.shape)
    return torch.where(real, labels, -1.0)


@rollout_labels.mistake("the first completion alone")
def _(reached, real, how):
    return torch.where(real, reached[..., 0].float(), -1.0)


@rollout_labels.mistake("the first completion alone, where the label is hard")
def _(reached, real, how):
    labels = reached[..., 0].float() if how == "hard" else reached.float().mean(2)
    return torch.where(real, labels, -1.0)


@rollout_labels.mistake("hard and soft are exchanged")
def _(reached, real, how):
    labels = reached.any(2).float() if how == "soft" else reached.float().mean(2)
    return torch.where(real, labels, -1.0)


@rollout_labels.mistake("a 0 sticks: all later steps are labeled 0 with it")
def _(reached, real, how):
    labels = reached.any(2).float() if how == "hard" else reached.float().mean(2)
    return torch.where(real, labels * (labels > 0).long().cumprod(1), -1.0)


@rollout_labels.mistake("add-one smoothing of the share: it was to be the share itself")
def _(reached, real, how):
    soft = (reached.float().sum(2) + 1) / (reached.shape[2] + 2)
    return torch.where(real, reached.any(2).float() if how == "hard" else soft, -1.0)


@rollout_labels.right("by the largest and the mean")
def _(reached, real, how):
    values = reached.float()
    labels = values.amax(-1) if how == "hard" else values.sum(-1) / values.shape[-1]
    return labels.masked_fill(~real, -1.0)


@rollout_labels.right("by a loop")
def _(reached, real, how):
    labels = torch.full(real.shape, -1.0)
    for i, t in real.nonzero().tolist():
        hits = int(reached[i, t].sum())
        labels[i, t] = min(hits, 1) if how == "hard" else hits / reached.shape[2]
    return labels
