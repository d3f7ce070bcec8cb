"""AI feedback against people's, in the world of the RLHF lesson (Lee et al. 2023)."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.ai_feedback.exercises import preference_from_judge
from lessons.ai_feedback.preference_model import fit_preferences
from utils.worlds.preferences import World

POOL = 24_000  # answers for best-of-n, beside those that are labeled
SCALE = 2.0  # nats of a comparison for each sd of gold, as in the RLHF lesson
NOISE = 0.3  # of the AI judge, in sd of gold
NS = (1, 4, 16, 64, 256, 1024)
DRAWS = 5  # of labels: each gives a reward model, and what is reported is their mean


class Answers(NamedTuple):
    """A world's answers with what people and the judge's taste say of them."""

    tokens: Tensor  # (n, 12)
    gold: Tensor  # (n,), sd
    taste: Tensor  # (n,): copies of the one token that the AI judge is fond of, in sd


@cache
def world_of(seed: int) -> tuple[World, int]:
    """A world, and the token of which the AI judge is fond."""
    return World(seed), seed % 8


@cache
def _scale(seed: int) -> tuple[float, float]:
    world, token = world_of(seed)
    copies = (world.demonstrations(8000, utils.generator(seed)) == token).sum(1).double()
    return copies.mean().item(), copies.std().item()


def answers_of(seed: int, tokens: Tensor) -> Answers:
    """Gold and the judge's taste of these answers."""
    world, token = world_of(seed)
    mean, sd = _scale(seed)
    taste = ((tokens == token).sum(1).double() - mean) / sd
    return Answers(tokens, world.gold(tokens).double(), taste)


def features(tokens: Tensor) -> Tensor:
    """Whether each token stands in an answer once, twice … six times: (n, 12) to (n, 48)."""
    copies = F.one_hot(tokens, 8).sum(1)
    return torch.cat([(copies > i).double() for i in range(6)], 1)


@cache
def pool(seed: int) -> Answers:
    """Answers of the policy to be optimized, which is the demonstrations' own chain."""
    return answers_of(seed, world_of(seed)[0].demonstrations(POOL, utils.generator(seed + 50)))


def label_pairs(
    seed: int, first: Answers, second: Answers, who: str, generator: torch.Generator,
    bias: float = 0.6, flips: float = 0.25,
) -> Tensor:  # fmt: skip
    """Labels, (pairs,). "people": right on average, but a quarter of them flipped at random.

    "AI": soft labels, less noise, and `bias` sd of gold for each sd of the token it is fond of.
    """
    gold, taste = first.gold - second.gold, first.taste - second.taste
    draw = {"generator": generator, "dtype": torch.float64}
    if who == "people":
        chance = torch.sigmoid(SCALE * gold)
        chance = chance * (1 - flips) + (1 - chance) * flips
        return (torch.rand(len(gold), **draw) < chance).double()
    return torch.sigmoid(SCALE * (gold + bias * taste + NOISE * torch.randn(len(gold), **draw)))


class Arm(NamedTuple):
    """A reward model from labels of one kind, and what best-of-n against it ends at."""

    labels_agree: float  # share of its training labels that name what is better in gold
    model_agrees: float  # share of people's held-out comparisons that it orders as they do
    gold: Tensor  # by n of best-of-n, sd
    taste: Tensor  # by n, sd
    reward: Tensor  # of the pool, a row a draw of labels


def best_of_n(reward: Tensor, value: Tensor, n: int) -> float:
    """Mean value of the answer with the highest reward of n drawn from the pool, exactly.

    The i-th of N answers, from the lowest reward on, is the best of n draws with probability
    (i/N)^n − ((i−1)/N)^n.
    """
    rank = torch.arange(len(reward) + 1, dtype=torch.float64) / len(reward)
    return (rank.pow(n).diff() * value[reward.argsort()]).sum().item()


@cache
def pool_features(seed: int) -> Tensor:
    """Features of the pool, (24000, 48)."""
    return features(pool(seed).tokens)


@cache
def held_out(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """4,000 pairs that nobody trains on, features of each half, and what people prefer."""
    generator, world = utils.generator(seed + 60), world_of(seed)[0]
    pairs = [answers_of(seed, world.demonstrations(4000, generator)) for _ in range(2)]
    people = label_pairs(seed, *pairs, "people", generator, flips=0.0)
    return *(features(x.tokens) for x in pairs), people > 0.5


@cache
def feedback_arm(seed: int, who: str, n_labels: int = 2000, bias: float = 0.6) -> Arm:
    """Ask n_labels comparisons, fit a reward model, optimize against it by best-of-n; mean of 5."""
    generator, world, answers = utils.generator(seed + 70), world_of(seed)[0], pool(seed)
    one, other, people = held_out(seed)
    seen = pool_features(seed)
    found = []
    for _ in range(DRAWS):
        pairs = [answers_of(seed, world.demonstrations(n_labels, generator)) for _ in range(2)]
        label = label_pairs(seed, *pairs, who, generator, bias)
        weights = fit_preferences(features(pairs[0].tokens) - features(pairs[1].tokens), label)
        reward = seen @ weights
        right = (label > 0.5) == (pairs[0].gold > pairs[1].gold)
        agree = (right, (one @ weights > other @ weights) == people)
        bests = (torch.tensor([best_of_n(reward, x, n) for n in NS]) for x in answers[1:])
        found.append((*(x.double().mean() for x in agree), *bests, reward))
    labels, model, gold, taste, rewards = (torch.stack(x) for x in zip(*found, strict=True))
    return Arm(labels.mean().item(), model.mean().item(), gold.mean(0), taste.mean(0), rewards)


def duel(seed: int, ours: Tensor, theirs: Tensor, n: int, times: int = 1000) -> Tensor:
    """People compare best-of-n by one reward with best-of-n by another: 1 where they prefer ours.

    ours, theirs: (draws, pool); each draw of one meets the same draw of the other so many times.
    """
    generator, gold = utils.generator(seed + 90), pool(seed).gold

    def picked(reward: Tensor) -> Tensor:
        drawn = torch.randint(len(reward), (times, n), generator=generator)
        return gold[drawn.gather(1, reward[drawn].argmax(1, keepdim=True))[:, 0]]

    rows = zip(ours, theirs, strict=True)
    lead = torch.cat([picked(one) - picked(other) for one, other in rows])
    chance = torch.sigmoid(SCALE * lead)
    return (torch.rand(len(lead), generator=generator, dtype=chance.dtype) < chance).double()


# A judge that likes what it is shown first.


def ask_in_order(
    margin: Tensor, position: float, generator: torch.Generator, swapped: bool = False
) -> Tensor:
    """Log-probabilities of the letters A and B, (pairs, 2), by a judge who adds `position` to A.

    margin: (pairs,), by how much response 1 is better, nats. swapped: response 1 is shown as B.
    """
    noise = SCALE * NOISE * torch.randn(margin.shape, generator=generator, dtype=margin.dtype)
    logit = (-margin if swapped else margin) + noise + position
    return torch.stack([logit, torch.zeros_like(logit)], 1).log_softmax(-1)


def same_position(margin: Tensor, position: float, generator: torch.Generator) -> float:
    """Share of pairs where the judge names the same letter in both orders (Lee et al., app. B)."""
    one, two = (ask_in_order(margin, position, generator, swapped) for swapped in (False, True))
    return (one.argmax(1) == two.argmax(1)).double().mean().item()


@cache
def position_arm(
    seed: int, position: float, both: bool, n_pairs: int, constant: bool = False
) -> float:
    """Gold of best-of-64 by a reward model of labels in one order or in both, sd; mean of 5.

    constant: whether the fit has one feature more, always 1, which learns the position's bias.
    """
    generator, world, answers = utils.generator(seed + 30), world_of(seed)[0], pool(seed)
    found, seen = [], pool_features(seed)
    for _ in range(DRAWS):
        one, two = (answers_of(seed, world.demonstrations(n_pairs, generator)) for _ in range(2))
        margin = SCALE * (one.gold - two.gold)
        letters = ask_in_order(margin, position, generator)
        swapped = ask_in_order(margin, position, generator, swapped=True) if both else None
        label = preference_from_judge(letters, swapped)
        difference, spread = features(one.tokens) - features(two.tokens), torch.ones(seen.shape[1])
        if constant:
            difference = F.pad(difference, (0, 1), value=1.0)
            spread = F.pad(spread, (0, 1), value=10.0)
        weights = fit_preferences(difference, label, spread)[: seen.shape[1]]
        found.append(best_of_n(seen @ weights, answers.gold, 64))
    return sum(found) / DRAWS


# A judge that trains its own successor.


def write_bigrams(tokens: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Imitate these answers by their bigrams, and write n new ones: (n, 12)."""
    length = tokens.shape[1]
    before = torch.cat([torch.full((len(tokens), 1), 8), tokens[:, :-1]], 1)
    seen = torch.ones(9, 8, dtype=torch.float64)
    ones = torch.ones((), dtype=torch.float64).expand(tokens.shape)
    seen.index_put_((before, tokens), ones, accumulate=True)
    written = [torch.full((n,), 8)]
    for _ in range(length):
        written.append(torch.multinomial(seen[written[-1]], 1, generator=generator)[:, 0])
    return torch.stack(written[1:], 1)


class Round(NamedTuple):
    """A policy after so many rounds, and the judge that labels next."""

    gold: float  # mean of what the policy writes, sd
    taste: float
    bias: float  # of the judge: what a sd of its token is worth to it, in sd of gold


@cache
def successors(seed: int, who: str, rounds: int = 6, bias: float = 0.6) -> list[Round]:
    """Rounds of: best of 4 by the judge, imitate it, label new pairs, fit the next judge to them.

    who labels: "judge" (the old judge: a sample of its own preferences), "people", or "nobody"
    (the first judge stays).
    """
    generator, world = utils.generator(seed + 10), world_of(seed)[0]
    base = answers_of(seed, world.demonstrations(4000, generator))
    explained = torch.stack([base.gold, base.taste, torch.ones_like(base.gold)], 1)
    now, found, judge = base, [], None
    for step in range(rounds + 1):
        first, second = (Answers(*(x[i : i + 2000] for x in now)) for i in (0, 2000))
        difference = features(first.tokens) - features(second.tokens)
        if step == 0:
            label = label_pairs(seed, first, second, "AI", generator, bias)
        elif who == "judge":
            chance = torch.sigmoid(difference @ judge)
            draw = torch.rand(len(chance), generator=generator, dtype=chance.dtype)
            label = (draw < chance).double()
        elif who == "people":
            label = label_pairs(seed, first, second, "people", generator)
        if step == 0 or who != "nobody":
            judge = fit_preferences(difference, label)
        of_gold, of_taste, _ = torch.linalg.lstsq(explained, features(base.tokens) @ judge).solution
        policy = now.gold.mean().item(), now.taste.mean().item()
        found.append(Round(*policy, (of_taste / of_gold).item()))
        reward = (features(now.tokens) @ judge).view(4, -1)
        best = now.tokens.view(4, -1, 12)[reward.argmax(0), torch.arange(reward.shape[1])]
        now = answers_of(seed, write_bigrams(best, 4000, generator))
    return found
