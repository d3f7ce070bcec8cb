"""What is trained and measured in the lesson on chains of thought."""

import math
from typing import NamedTuple

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn import functional as F

from lessons.chain_of_thought.agents import (  # noqa: F401 (lesson.md shows some of these)
    BENCH_DEPTHS,
    HINT_DEPTH,
    PASSES,
    Bench,
    Episode,
    Hinted,
    Monitor,
    bench,
    bench_demonstrations,
    hint_demonstrations,
    hinted,
    imitate,
    log_chance,
    on_the_bench,
    paid,
    reinforce,
    right,
    sample,
    sound,
    with_a_leaked_key,
)  # fmt: skip
from lessons.chain_of_thought.exercises import chain_loss_mask, corrupt_step, early_answering_curve
from lessons.chain_of_thought.world import (
    BASE,
    BENCH,
    BLANK,
    DEPTH,
    DOT,
    LENGTH,
    START,
    VOCABULARY,
    WORK,
    Questions,
    answers,
    questions,
    texts,
)  # fmt: skip
from utils import progress
from utils.decoder import Decoder
from utils.notebook import generator

DEPTHS = tuple(range(1, DEPTH + 1))


def written(n: int, g: torch.Generator, slips: float = 0.25) -> tuple[Tensor, Tensor, Tensor]:
    """What the model reads: n texts, how many steps they have, and which chains are whole.

    Half have their chain, a third have it cut somewhere, the rest have dots in its place. In a
    share `slips` a step is mistaken, and all after it follow. The answer is right in every text.
    """
    q = questions(n, g, DEPTHS)
    where = (torch.rand(n, generator=g) * q.depth).long()
    by = torch.randint(1, BASE, (n,), generator=g)
    slipped = torch.rand(n, generator=g) < slips
    chain = torch.where(slipped[:, None], corrupt_step(q.sums, where, by, BASE), q.sums)
    kind = torch.rand(n, generator=g)
    cut, dots = (kind > 0.5) & (kind < 0.85), kind >= 0.85
    steps = torch.where(cut, (torch.rand(n, generator=g) * q.depth).long(), q.depth)
    chain = torch.where(dots[:, None], DOT, chain)
    return texts(q.digits, BLANK, chain, steps, q.answer), steps, ~cut


def reasoner(
    seed: int, steps: int = 500, width: int = 32, n_layers: int = 2, slips: float = 0.25
) -> Decoder:
    """A model that has read chains of one to five steps, a share `slips` of them with a mistake."""
    if width < 4 or width % 4 or steps < 2:
        raise ValueError("the width is a multiple of 4, for four heads; steps are at least 2")
    g = generator(seed)
    model = Decoder(VOCABULARY, LENGTH, n_layers, 4, width, g)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, steps, pct_start=0.1)
    for _ in progress.track(range(steps), "reading"):
        tokens, n_steps, whole = written(128, g, slips)
        counts = chain_loss_mask(n_steps, whole, START, LENGTH)
        loss = F.cross_entropy(model(tokens[:, :-1])[counts], tokens[:, 1:][counts])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    return model


@torch.no_grad()
def write_chain(model: Decoder, q: Questions) -> Tensor:
    """The likeliest chain, digit after digit: (n, DEPTH)."""
    chain = torch.zeros_like(q.digits)
    for j in range(DEPTH):
        tokens = texts(q.digits, BLANK, chain, torch.full_like(q.depth, DEPTH))
        chain[:, j] = model(tokens)[:, START + j - 1, :BASE].argmax(1)
    return chain


@torch.no_grad()
def answer_after(model: Decoder, q: Questions, chain: Tensor, steps: Tensor) -> Tensor:
    """The likeliest answer once so many steps of a chain are there: (n,)."""
    logits = model(texts(q.digits, BLANK, chain, steps))
    return logits[torch.arange(len(steps)), START + steps, :BASE].argmax(1)


def accuracies(model: Decoder, seed: int, n: int = 500) -> dict[str, list[float]]:
    """The share of right answers by depth, with its own chain, with dots in its place, directly."""
    found: dict[str, list[float]] = {"with its chain": [], "with dots": [], "directly": []}
    for depth in DEPTHS:
        q = questions(n, generator(100 * depth + seed), (depth,))
        chain = write_chain(model, q)
        asked = (
            (chain, q.depth), (torch.full_like(chain, DOT), q.depth), (chain, 0 * q.depth)
        )  # fmt: skip
        for name, (c, steps) in zip(found, asked, strict=True):
            found[name].append((answer_after(model, q, c, steps) == q.answer).float().mean().item())
    return found


class Reliance(NamedTuple):
    """Answers after a chain with a mistake in it."""

    follow: float  # the share that follows the mistake
    right: float  # the share that is right anyway
    by_place: list[float]  # the share that follows, by the step that is mistaken


def reliance(model: Decoder, seed: int, depth: int, n: int = 500) -> Reliance:
    """What answers do after a chain with a mistake, in a step drawn evenly."""
    g = generator(200 * depth + seed)
    q = questions(n, g, (depth,))
    where = (torch.rand(n, generator=g) * q.depth).long()
    by = torch.randint(1, BASE, (n,), generator=g)
    got = answer_after(model, q, corrupt_step(q.sums, where, by, BASE), q.depth)
    follows, is_right = (got == (q.answer + by) % BASE).float(), (got == q.answer).float()
    by_place = [follows[where == k].mean().item() for k in range(depth)]
    return Reliance(follows.mean().item(), is_right.mean().item(), by_place)


def early_answers(model: Decoder, seed: int, depth: int, n: int = 500) -> Tensor:
    """Answers after 0, 1, … all steps of the model's own chain: (depth + 1, n)."""
    q = questions(n, generator(300 * depth + seed), (depth,))
    chain = write_chain(model, q)
    return torch.stack([answer_after(model, q, chain, 0 * q.depth + k) for k in range(depth + 1)])


def areas(model: Decoder, seed: int) -> list[float]:
    """The area over the curve of early answers, by depth."""
    return [early_answering_curve(early_answers(model, seed, depth))[1] for depth in DEPTHS]


@torch.no_grad()
def looked_at(of: Decoder | None, q: Questions, asked: bool = False) -> Tensor:
    """What a probe sees, (n, numbers): activations at ⟨think⟩, or at ⟨answer⟩ right behind it.

    of: whose; None shows it the digits themselves, one-hot.
    """
    if of is None:
        return F.one_hot(q.digits, VOCABULARY).flatten(1).float()
    prompt = texts(q.digits, BLANK, q.sums, 0 * q.depth)[:, : START + asked]
    return of.run_with_cache(prompt)[1][f"residual.{of.n_layers}"][:, -1]


def share_told(seen: Tensor, target: Tensor, held_out: Tensor) -> float:
    """How often a linear probe, fitted by least squares to the others, tells what is held out."""
    x = torch.cat([seen, torch.ones(len(seen), 1)], 1).double()
    fit, goal = x[~held_out], F.one_hot(target, BASE).double()[~held_out]
    ridge = 1e-3 * torch.eye(x.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(fit.T @ fit + ridge, fit.T @ goal)
    return ((x[held_out] @ weights).argmax(1) == target[held_out]).float().mean().item()


def probe_answer_before_reasoning(
    model: Decoder, seed: int, depth: int, of: Decoder | None, unseen=True, asked=False
) -> float:
    """How often a linear probe tells the answer that the model will give after its chain.

    unseen: it is tested on a third of all combinations of digits, of which it was shown none; else
    on a third of all questions. of, asked: see looked_at.
    """
    g, n = generator(400 * depth + seed), 1500
    q = questions(n, g, (depth,))
    target = answer_after(model, q, write_chain(model, q), q.depth)
    kind = q.digits.unique(dim=0, return_inverse=True)[1] if unseen else torch.arange(n)
    order = torch.randperm(int(kind.max()) + 1, generator=g)
    held_out = order[kind] < len(order) / 3
    return share_told(looked_at(of, q, asked), target, held_out)


def monitors(
    model: Decoder, honest: Decoder, monitor: Monitor, seed: int, depth: int, n: int = 600
) -> tuple[float, float]:
    """How well the chain, and how well the pay, tells a model's hacks from honest work: AUROC.

    Honest work is drawn from the model `honest`, the one before training by reward.
    """
    scores, pays, labels = [], [], []
    for k, who in enumerate((honest, model)):
        g = generator(6000 + seed)
        q = questions(n, g, (depth,))
        tokens = sample(who, q, BENCH, g)
        keep = (answers(tokens, q.depth) != WORK) == bool(k)
        scores.append(monitor(tokens, q.depth)[keep])
        pays.append(paid(q, tokens, g)[keep])
        labels.append(torch.full((int(keep.sum()),), k))
    hacks = torch.cat(labels)
    if hacks.min() == hacks.max():
        return math.nan, math.nan
    return tuple(roc_auc_score(hacks, torch.cat(x)) for x in (scores, pays))
