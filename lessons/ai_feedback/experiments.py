"""Constitutional AI in miniature: critique and revise, label by a constitution, tilt by the labels.

The second half of the lesson, AI feedback against people's, is in feedback.py.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import utils
from lessons.ai_feedback.constitution import Principle, read_constitution, rules
from lessons.ai_feedback.exercises import (
    critique_and_revise,
    ensemble_of_principles,
    preference_from_judge,
)
from lessons.ai_feedback.feedback import (  # noqa: F401 (lesson.md shows these, too)
    ask_in_order,
    best_of_n,
    label_pairs,
)
from lessons.ai_feedback.preference_model import fit_preferences, fit_rewards  # noqa: F401
from lessons.ai_feedback.replies import (
    ANSWER,
    DODGE,
    INSTEAD,
    INSULT,
    LENGTH,
    PRIVATE,
    PROMPTS,
    REASON,
    RED,
    N,
    World,
    all_replies,
    counts,
    logprobs,
    make_world,
    sample,
)

RED_PROMPTS, OTHER_PROMPTS = range(len(RED)), range(len(RED), len(PROMPTS))
PAIRS = 600  # comparisons a prompt


# The first phase.


def critic(avoid: Tensor, generator: torch.Generator, notices: float = 0.8, false: float = 0.03):
    """A critic with errors: it notices 80 % of what a principle avoids, and sees ghosts at 3 %."""

    def critique(replies: Tensor, which: Tensor) -> Tensor:
        bad = avoid[which].gather(1, replies) > 0
        u = torch.rand(replies.shape, generator=generator)
        return torch.where(bad, u < notices, u < false)

    return critique


def reviser(
    put: Tensor, chain: Tensor, prompt: Tensor, generator: torch.Generator, follows: float = 0.8
):
    """The assistant rewrites: 80 % as the principle asks, else by its own habit, harm and all."""

    def revise(replies: Tensor, which: Tensor) -> Tensor:
        asked = torch.multinomial(put[which], LENGTH, True, generator=generator)
        start = torch.full((len(replies), 1), N)
        before = torch.cat([start, replies[:, :-1]], 1)
        habit = chain[prompt[:, None], before].flatten(0, 1)
        own = torch.multinomial(habit, 1, generator=generator).view(replies.shape)
        return torch.where(torch.rand(replies.shape, generator=generator) < follows, asked, own)

    return revise


def revise_in_rounds(
    world: World, principles: Sequence[Principle], seed: int, n: int = 2000, rounds: int = 4
) -> tuple[Tensor, Tensor]:
    """The helpful assistant's replies to red-team prompts and their revisions.

    Returns the prompts, (3n,), and the replies of every round, (rounds + 1, 3n, 5).
    """
    generator = utils.generator(seed)
    avoid, put, weights = rules(principles)
    first = sample(logprobs(world.assistant)[RED_PROMPTS], n, generator)
    prompt = torch.arange(len(RED)).repeat_interleave(n)
    critique = critic(avoid, generator)
    revise = reviser(put, world.assistant, prompt, generator)
    replies = all_replies()[first.flatten()]
    return prompt, critique_and_revise(replies, critique, revise, weights, rounds, generator)


def imitate(prompt: Tensor, replies: Tensor, smoothing: float = 0.5) -> Tensor:
    """Supervised learning: the likeliest chain for these replies, by counting. (3, 9, 8)

    prompt: (n,). replies: (n, 5). smoothing is added to every count, so that no chance is 0.
    """
    before = torch.cat([torch.full((len(replies), 1), N), replies[:, :-1]], 1)
    seen = torch.full((len(RED), N + 1, N), smoothing, dtype=torch.float64)
    ones = torch.ones((), dtype=torch.float64).expand(replies.shape)
    seen.index_put_((prompt[:, None], before, replies), ones, accumulate=True)
    return seen / seen.sum(-1, keepdim=True)


def sl_cai(world: World, principles: Sequence[Principle], seed: int, rounds: int = 4) -> Tensor:
    """The policy after the first phase: log-probabilities of all replies, (6, 32768).

    On red-team prompts it imitates the revisions of all rounds; elsewhere the assistant stays as it
    is, which is what mixing in its own helpful samples does.
    """
    prompt, replies = revise_in_rounds(world, principles, seed, rounds=rounds)
    chain = world.assistant.clone()
    chain[RED_PROMPTS] = imitate(prompt.repeat(rounds), replies[1:].flatten(0, 1))
    return logprobs(chain)


# The second phase.


class Pairs(NamedTuple):
    """Two replies to each of many prompts, by their numbers: (n,) each."""

    prompt: Tensor
    first: Tensor
    second: Tensor


def draw_pairs(
    policy: Tensor, prompts: Sequence[int], generator: torch.Generator, n: int = PAIRS
) -> Pairs:
    """n pairs of a policy's replies to each of these prompts."""
    drawn = sample(policy[list(prompts)], 2 * n, generator)
    prompt = torch.tensor(list(prompts)).repeat_interleave(n)
    return Pairs(prompt, drawn[:, :n].flatten(), drawn[:, n:].flatten())


def ask_people(pairs: Pairs, worth: Tensor, generator: torch.Generator) -> Tensor:
    """People's labels, 1 if they prefer the first, drawn by Bradley and Terry's model.

    worth: (6, 32768), in nats of a comparison.
    """
    margin = worth[pairs.prompt, pairs.first] - worth[pairs.prompt, pairs.second]
    chance = torch.sigmoid(margin)
    return (torch.rand(len(margin), generator=generator, dtype=chance.dtype) < chance).double()


def judge_logits(
    pairs: Pairs, principles: Sequence[Principle], generator: torch.Generator, noise: float = 0.7
) -> Tensor:
    """What a feedback model thinks of each pair by each principle, log-odds: (principles, pairs).

    A nat for each phrase more that a principle would put or less that it avoids, and noise.
    """
    avoid, put, _ = rules(principles)
    score = (put - avoid) @ counts().T
    margin = score[:, pairs.first] - score[:, pairs.second]
    return margin + noise * torch.randn(margin.shape, generator=generator, dtype=margin.dtype)


def answer(logit: Tensor, how: str) -> Tensor:
    """A label from the judge's log-odds for the first reply: (pairs,), twice.

    how: "soft" (its probability), "hard" (0 or 1), "thought" (after a chain of thought that settled
    on an answer: log-odds times 8), "clamped" (those, held between 0.4 and 0.6).
    """
    if how == "hard":
        return (logit > 0).double()
    if how in ("thought", "clamped"):
        logit = 8 * logit
    letters = torch.stack([logit, torch.zeros_like(logit)], 1).log_softmax(-1)  # of (A), of (B)
    return preference_from_judge(letters, clamp=0.6 if how == "clamped" else None)


def label_by_constitution(
    pairs: Pairs, principles: Sequence[Principle], generator: torch.Generator, how: str = "soft"
) -> Tensor:
    """AI feedback, a principle drawn for each label as in the paper. (pairs,)"""
    logits, weights = judge_logits(pairs, principles, generator), rules(principles)[2]
    which = torch.multinomial(weights, logits.shape[1], True, generator=generator)
    return answer(logits.gather(0, which[None])[0], how)


def tilt(reference: Tensor, reward: Tensor, beta: float) -> Tensor:
    """The best policy under reward − β KL, which RL looks for: π ∝ π_ref exp(reward / β)."""
    return (reference + reward / beta).log_softmax(-1)


def red_kl(policy: Tensor, reference: Tensor) -> float:
    """KL(policy ‖ reference) on red-team prompts, nats, the mean over them."""
    p, q = policy[RED_PROMPTS], reference[RED_PROMPTS]
    return (p.exp() * (p - q)).sum(-1).mean().item()


class Measured(NamedTuple):
    """What a policy does, exactly: means over all replies."""

    harm: float  # share of replies to red-team prompts that a person finds harmful
    helpful: float  # on harmless prompts, in nats of a comparison
    evasive: float  # share of replies to red-team prompts that dodge, answer and explain nothing
    phrases: Tensor  # (8,), shares of the phrases on red-team prompts


def measure(policy: Tensor, world: World) -> Measured:
    """Harm, helpfulness, evasion and phrases of a policy."""
    p, n = policy.exp(), counts()
    red, other = p[RED_PROMPTS], p[OTHER_PROMPTS]
    others = [ANSWER, INSULT, PRIVATE, REASON, INSTEAD]
    evasive = (n[:, DODGE] > 0) & (n[:, others].sum(1) == 0)
    return Measured(
        (red * (1 - (-world.harm[RED_PROMPTS]).exp())).sum(-1).mean().item(),
        (other * world.helpful[OTHER_PROMPTS]).sum(-1).mean().item(),
        (red @ evasive.double()).mean().item(),
        (red @ n).mean(0) / LENGTH,
    )


def tuned(reference: Tensor, reward: Tensor, reached, target: float) -> Tensor:
    """Tilt so far that `reached(policy)`, which falls as β does, is `target`; by halving log β."""
    low, high = -4.0, 5.0  # of log₂ β
    for _ in range(20):
        middle = (low + high) / 2
        if reached(tilt(reference, reward, 2.0**middle)) > target:
            high = middle
        else:
            low = middle
    return tilt(reference, reward, 2.0**high)


# Who labels harm, and what they are asked.

ROUTES = ("people: less harm", "people: open, too", "constitution", "constitution, no phase 1")
HARM_ALONE = [Principle("harm alone", "", "", "", ("answer", "insult", "private"), (), 1.0)]
CONTROLS = ("judge: less harm, no phase 1", "people: less harm, after phase 1")


@cache
def start(seed: int) -> tuple[World, Tensor, Tensor]:
    """A world, its helpful assistant, and that after the first phase of constitutional AI."""
    world = make_world(seed)
    return world, logprobs(world.assistant), sl_cai(world, read_constitution("harmless"), seed)


@cache
def route(seed: int, which: str, how: str = "soft") -> tuple[Tensor, Tensor]:
    """Where RL starts, and the rewards of a preference model, each (6, 32768).

    Helpfulness on harmless prompts is labeled by people in all routes. Harm on red-team prompts: by
    people asked for less harm alone; by people asked to prefer, too, that it is said what is wrong;
    by a constitution, with and without the first phase; by a judge that is asked for less harm
    alone; by people after the first phase. how: as in `answer`.
    """
    world, assistant, revised = start(seed)
    reference = revised if which == "constitution" or "after" in which else assistant
    generator = utils.generator(100 + seed)
    helpful = draw_pairs(assistant, OTHER_PROMPTS, generator)
    harmful = draw_pairs(reference, RED_PROMPTS, generator)
    labels = [ask_people(helpful, world.helpful, generator)]
    if which.startswith("people"):
        n = counts()
        open_too = 0.5 * ((n[:, REASON] > 0).double() - (n[:, DODGE] > 0).double())
        worth = -world.harm + (open_too if "open" in which else 0)
        labels.append(ask_people(harmful, 2 * worth, generator))
    else:
        principles = HARM_ALONE if "judge" in which else read_constitution("harmless")
        labels.append(label_by_constitution(harmful, principles, generator, how))
    both = Pairs(*(torch.cat(x) for x in zip(helpful, harmful, strict=True)))
    return reference, fit_rewards(*both, torch.cat(labels))


def live_by(principles: Sequence[Principle], seed: int, beta: float = 0.5) -> Measured:
    """Both phases by these principles, helpfulness labeled by people as in `route`."""
    world, assistant, _ = start(seed)
    generator = utils.generator(400 + seed)
    reference = sl_cai(world, principles, seed)
    helpful = draw_pairs(assistant, OTHER_PROMPTS, generator)
    harmful = draw_pairs(reference, RED_PROMPTS, generator)
    labels = (
        ask_people(helpful, world.helpful, generator),
        label_by_constitution(harmful, principles, generator),
    )
    both = (torch.cat(x) for x in zip(helpful, harmful, strict=True))
    return measure(tilt(reference, fit_rewards(*both, torch.cat(labels)), beta), world)


def at_harm(seed: int, which: str, harm: float = 0.25) -> Measured:
    """A route's policy, optimized until this share of its replies to red-team prompts does harm."""
    world = start(seed)[0]
    policy = tuned(*route(seed, which), lambda p: measure(p, world).harm, harm)
    return measure(policy, world)


def at_kl(seed: int, how: str, kl: float = 1.0) -> Measured:
    """The constitution's policy with labels of this kind, at a given KL from where RL starts."""
    reference, reward = route(seed, "constitution", how)
    policy = tuned(reference, reward, lambda p: -red_kl(p, reference), -kl)
    return measure(policy, start(seed)[0])


def at_help(seed: int, which: str) -> Measured:
    """A route's policy, optimized to the helpfulness of RLHF on people's labels at β = 0.5."""
    world = start(seed)[0]
    target = measure(tilt(*route(seed, ROUTES[0]), 0.5), world).helpful
    return measure(tuned(*route(seed, which), lambda p: -measure(p, world).helpful, -target), world)


# Two principles in conflict.

CONFLICT = """
[[principle]]
name = "harm"
choose = "Which reply is less harmful?"
avoid = ["answer", "insult", "private"]
put = ["reason", "instead"]

[[principle]]
name = "help"
choose = "Which reply helps more with what was asked?"
avoid = ["dodge"]
put = ["answer", "help"]
"""


class Compromise(NamedTuple):
    """What comes of two principles on red-team prompts."""

    harm: float  # share of replies that do harm
    helpful: float  # in nats of a comparison
    phrases: Tensor  # (8,), shares


@cache
def compromise(seed: int, weight: float | None, beta: float = 0.25) -> Compromise:
    """The policy when "harm" is drawn with this weight, and "help" else; None: harm first.

    Harm first: "help" decides only where "harm" sees a difference of less than one phrase.
    """
    world, _, revised = start(seed)
    generator, principles = utils.generator(300 + seed), read_constitution(CONFLICT)
    pairs = draw_pairs(revised, RED_PROMPTS, generator)
    logits = judge_logits(pairs, principles, generator)
    if weight is None:
        label = torch.sigmoid(torch.where(logits[0].abs() < 1, logits[1], logits[0]))
    else:
        label = ensemble_of_principles(logits, torch.tensor([weight, 1 - weight]).double())
    policy = tilt(revised, fit_rewards(*pairs, label), beta)
    helpful = (policy.exp() * world.helpful)[RED_PROMPTS].sum(-1).mean().item()
    measured = measure(policy, world)
    return Compromise(measured.harm, helpful, measured.phrases)
