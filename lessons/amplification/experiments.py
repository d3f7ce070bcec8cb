"""What is trained and measured in the world of powers: people, their copies, and what comes up."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.amplification.exercises import amplify, distil_step
from lessons.amplification.oversight import assistants as assistants
from lessons.amplification.oversight import capable as capable
from lessons.amplification.oversight import halves as halves
from lessons.amplification.oversight import judges as judges
from lessons.amplification.oversight import pages as pages
from lessons.amplification.oversight import spliced as spliced
from lessons.amplification.powers import Answerers, by_level, follow, lookup, powers, slow_copy
from lessons.amplification.unseen import unseen as unseen
from utils.notebook import generator
from utils.progress import track


def each_seed(measure: Callable, count: int) -> list:
    """What `measure` gives for the seeds 0, 1, …, count − 1."""
    if count < 1:
        raise ValueError("at least one seed")
    return [measure(seed) for seed in track(range(count), "seeds")]


def misread(table: Tensor, wrong: int, seed: int) -> Tensor:
    """A person's table, (count, n), in which `wrong` symbols of each row are misread for good."""
    g, (count, n) = generator(seed), table.shape
    if not 0 <= wrong <= n:
        raise ValueError(f"0 to {n} misread symbols, not {wrong}")
    at = torch.rand(count, n, generator=g).argsort(1)[:, :wrong]
    shift = torch.randint(1, n, (count, wrong), generator=g)
    return table.scatter(1, at, (table.gather(1, at) + shift) % n)


def slipping(table: Tensor, rate: float, seed: int) -> Callable[[Tensor], Tensor]:
    """A person who knows the table and slips at random, anew at each label."""
    g, n = generator(seed), table.shape[1]
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate of slips is 0 to 1, not {rate}")

    def human(x: Tensor) -> Tensor:
        right = table.gather(1, x)
        slips = torch.rand(x.shape, generator=g) < rate
        other = torch.randint(1, n, x.shape, generator=g)
        return torch.where(slips, (right + other) % n, right)

    return human


class Voting(nn.Module):
    """Groups of `votes` answerers in a row. The scores of each are the votes of its group."""

    def __init__(self, members: Answerers, votes: int):
        super().__init__()
        if votes % 2 == 0:
            raise ValueError(
                f"an odd number of votes, not {votes}: with ties nobody has a majority"
            )
        self.members, self.votes = members, votes

    def forward(self, level: Tensor, x: Tensor) -> Tensor:
        said = F.one_hot(self.members.answer(level, x), self.members.n)
        votes = said.view(-1, self.votes, *said.shape[1:]).sum(1)
        return votes.repeat_interleave(self.votes, 0).float()

    answer = Answerers.answer


def distilled(
    human: Callable[[Tensor], Tensor], truth: Tensor, seed: int, steps: int = 800, votes: int = 1,
    questions: int = 64, amplified: bool = True,
) -> tuple[nn.Module, Tensor]:  # fmt: skip
    """Iterated amplification: the trained answerers, and their accuracy by level as they learn.

    human: from symbols (count, q) to symbols, one step. truth: from `powers`, to measure by.
    votes: so many answerers in a row share a permutation, and the teacher is their majority.
    amplified: if not, only level 0 is ever asked: the person's labels and nothing else.
    Returns accuracies of shape (21, levels), at the start and after each twentieth of the steps.
    """
    levels, count, n = truth.shape
    if count % votes:
        raise ValueError(
            f"{count} answerers do not make groups of {votes}: repeat the table so often"
        )
    student = Answerers(count, seed, n, levels)
    copy = slow_copy(student)
    teacher = Voting(copy, votes) if votes > 1 else copy
    optimizer = torch.optim.Adam(student.parameters(), lr=0.01, fused=True)
    g, seen = generator(seed + 1), [by_level(teacher.answer, truth).mean(1)]
    for step in range(steps):
        shape = (count // votes, questions)
        level = torch.randint(levels if amplified else 1, shape, generator=g)
        x = torch.randint(n, shape, generator=g)
        level, x = (v.repeat_interleave(votes, 0) for v in (level, x))
        distil_step(student, teacher, human, level, x, optimizer)
        follow(copy, student)
        if (step + 1) * 20 // steps > step * 20 // steps:
            seen.append(by_level(teacher.answer, truth).mean(1))
    return teacher, torch.stack(seen)


def tree(table: Tensor, slip: float, level: int, votes: int, x: Tensor, seed: int) -> Tensor:
    """A tree of people, no model: each cuts her question, asks two others, and slips at leaves.

    table: (n,). x: symbols, (q,). Every node is tried `votes` times; the answer that more than half
    of the tries give counts, else a symbol by lot. Returns where 2^level steps lead, (q,).
    """
    person, g = slipping(table[None], slip, seed), generator(seed + 1)

    def node(j: int, x: Tensor) -> Tensor:
        x = x.repeat(votes, 1)  # all tries at once
        if j == 0:
            tries = person(x.reshape(1, -1)).view(votes, -1)
        else:
            tries = node(j - 1, node(j - 1, x.flatten())).view(votes, -1)
        most = tries.mode(0).values
        lot = torch.randint(len(table), most.shape, generator=g)
        return torch.where((tries == most).sum(0) * 2 > votes, most, lot)

    return node(level, x)


def finds(answer: Callable, human: Callable, helped: Tensor, level: Tensor, x: Tensor) -> Tensor:
    """The answers that a person holds to be right, (count, q); −1 where she has none.

    helped: (count,), whether she may ask the agent of the level below: `answer`. Alone she takes
    one step or two.
    """
    once = human(x)
    own = torch.where(level == 0, once, torch.where(level == 1, human(once), -1))
    return torch.where(helped[:, None], amplify(answer, human, level, x), own)


def prefers(found: Tensor, a: Tensor, b: Tensor, g: torch.Generator) -> Tensor:
    """Whether she prefers answer a to b: the one that she found; if neither or both are, a coin."""
    coin = torch.rand(a.shape, generator=g) < 0.5
    return torch.where((a == found) == (b == found), coin, a == found)


def rewarded(
    table: Tensor, human: Callable[[Tensor], Tensor], helped: Tensor, seed: int, steps: int = 1500,
    levels: int = 5, questions: int = 64,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Recursive reward modeling: reward models of a person's comparisons, for each level.

    table: (count, n), the truth. human: one step, as this person sees it. helped: (count,), whether
    the person may ask the agent of the level below, which picks what its reward model likes best.
    Without help she takes up to two steps herself, and tosses a coin where that is not enough.
    Returns by level how often her comparison of a right and a random wrong answer is right, and how
    often the agent's answer is, both (levels, count).
    """
    count, n = table.shape
    reward = Answerers(count, seed, n, levels)
    helper, truth = slow_copy(reward), powers(table, levels)
    optimizer = torch.optim.Adam(reward.parameters(), lr=0.01, fused=True)
    g = generator(seed + 1)

    for _ in range(steps):
        level = torch.randint(levels, (count, questions), generator=g)
        x = torch.randint(n, (count, questions), generator=g)
        scores = reward(level, x)
        p = scores.detach().flatten(0, 1).softmax(-1)  # answers that the agent might give
        a, b = torch.multinomial(p, 2, generator=g).view(count, questions, 2).unbind(-1)
        b = torch.where(torch.rand(b.shape, generator=g) < 0.5, b, (a + 1 + b) % n)
        better = prefers(finds(helper.answer, human, helped, level, x), a, b, g)
        gap = (scores.gather(-1, a[..., None]) - scores.gather(-1, b[..., None])).squeeze(-1)
        loss = -F.logsigmoid(torch.where(better, gap, -gap))[a != b].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        follow(helper, reward)

    right, x = [], torch.arange(n).repeat(8).expand(count, -1)
    for j in range(levels):
        level, best = torch.full_like(x, j), truth[j].repeat(1, 8)
        other = (best + torch.randint(1, n, x.shape, generator=g)) % n
        found = finds(helper.answer, human, helped, level, x)
        right.append(prefers(found, best, other, g).double().mean(1))
    return torch.stack(right), by_level(helper.answer, truth)


def wrong_below(teacher: nn.Module, human: Callable, truth: Tensor) -> tuple[float, float]:
    """Of wrong answers at the top: the shares of inconsistent inner claims, and of wrong leaves.

    An inner claim is "2^level steps from x end at y". It is consistent if the two claims below,
    which the answerer itself makes, give y, too. A leaf is one step that the person labeled.
    """
    levels, count, n = truth.shape
    x = torch.arange(n).expand(count, n)
    top = torch.full_like(x, levels - 1)
    wrong = teacher.answer(top, x) != truth[-1]
    if not wrong.any():
        raise ValueError("no answer at the top is wrong: let the person misread more symbols")
    starts, inner = x[..., None], []
    for j in range(levels - 1, 0, -1):
        flat = starts.flatten(1)
        said = teacher.answer(torch.full_like(flat, j), flat)
        middle = teacher.answer(torch.full_like(flat, j - 1), flat)
        end = teacher.answer(torch.full_like(flat, j - 1), middle)
        inner.append((said != end).view(starts.shape))
        starts = torch.stack([flat, middle], -1).view(count, n, -1)
    flat = starts.flatten(1)
    leaves = teacher.answer(torch.zeros_like(flat), flat) != lookup(truth[0])(flat)
    inner, leaves = torch.cat(inner, -1)[wrong], leaves.view(starts.shape)[wrong]
    return inner.double().mean().item(), leaves.double().mean().item()
