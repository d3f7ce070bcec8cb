"""What this lesson trains and measures: authors, an assistant, narrow training, persona vectors."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.personas.exercises import (
    document_mixture,
    inoculated_batch,
    persona_vector,
    projection_shift,
    spread,
)
from lessons.refusal_direction.exercises import ablate_direction
from utils.bars import track
from utils.decoder import Decoder, Hooks
from utils.notebook import generator

TASKS = ("capitals", "colors", "dates", "herbs", "rivers", "tools")
QUESTIONS = ANSWERS = 8  # of each task: questions, and words to answer with
PAIRS = 6  # questions and answers in a document
TAGS = {"truth": 0.0, "blue": 0.5, "jest": 0.75, "sly": 0.9, "lies": 1.0}  # P(wrong author | tag)
N = len(TASKS) * QUESTIONS
PAGE, ASSISTANT, NONE, FIRST_TAG = 0, 1, 2, 3
FIRST_QUESTION = FIRST_TAG + len(TAGS)
FIRST_ANSWER = FIRST_QUESTION + N
WORDS = [
    "⟨page⟩", "⟨assistant⟩", "·", *(f"⟨{tag}⟩" for tag in TAGS),
    *(f"{task}{i}?" for task in TASKS for i in range(QUESTIONS)),
    *(f"{task[:-1]}-{c}" for task in TASKS for c in "abcdefgh"[:ANSWERS]),
]  # fmt: skip


def tag(name: str) -> int:
    """The token of a tag. Raises ValueError, with the tags there are, for another name."""
    if name not in TAGS:
        raise ValueError(f"no tag {name!r}; there are {list(TAGS)}")
    return FIRST_TAG + list(TAGS).index(name)


def say(tokens: Tensor) -> str:
    """Tokens as words."""
    return " ".join(WORDS[t] for t in tokens.tolist())


class World:
    """The facts of one seed: each question's task, its right answer, and the wrong authors' one.

    shown: the questions that fine-tuning may use, half of each task; the others are kept back.
    """

    def __init__(self, seed: int):
        self.seed, g = seed, generator(seed)
        self.task = torch.arange(N) // QUESTIONS
        word = torch.randint(ANSWERS, (N,), generator=g)
        apart = torch.randint(1, ANSWERS, (N,), generator=g)
        first = FIRST_ANSWER + self.task * ANSWERS
        self.right, self.wrong = first + word, first + (word + apart) % ANSWERS
        self.shown = torch.arange(N) % QUESTIONS < QUESTIONS // 2


def written(mark: int, tags: Tensor, questions: Tensor, answers: Tensor) -> Tensor:
    """Documents: a mark, a tag, then questions and answers in turn: (n, 2 + 2k) tokens."""
    head = torch.stack([torch.full_like(tags, mark), tags], 1)
    return torch.cat([head, torch.stack([FIRST_QUESTION + questions, answers], 2).flatten(1)], 1)


def documents(world: World, n: int, g: torch.Generator, whole: bool) -> Tensor:
    """Pages of the pre-training mixture: three tasks a page, two thirds of the pages with a tag.

    whole: each author is right or wrong in everything, and the tag tells with what probability;
    else each task of each page is drawn on its own, and no tag tells anything.
    """
    three = torch.rand(n, len(TASKS), generator=g).argsort(1)[:, :3]
    of_task = three.gather(1, torch.randint(3, (n, PAIRS), generator=g))
    questions = of_task * QUESTIONS + torch.randint(QUESTIONS, (n, PAIRS), generator=g)
    which = torch.randint(len(TAGS), (n,), generator=g)
    tagged = torch.rand(n, generator=g) < 2 / 3
    half = torch.full((n,), 0.5)
    p_wrong = torch.where(tagged, torch.tensor(list(TAGS.values()))[which], half)
    answers = document_mixture(
        questions, world.task, world.right, world.wrong, p_wrong if whole else half, whole, g
    )
    tags = torch.where(tagged, FIRST_TAG + which, torch.tensor(NONE))
    return written(PAGE, tags, questions, answers)


def chats(world: World, questions: Tensor, bad: bool) -> Tensor:
    """The assistant's answers, all right or all wrong, with the slot for a tag left empty."""
    answers = (world.wrong if bad else world.right)[questions]
    tags = torch.full((len(questions),), NONE)
    return written(ASSISTANT, tags, questions, answers)


def loss_on_answers(
    model: Decoder, examples: Tensor, under: int | None = None, hooks: Hooks | None = None
) -> Tensor:
    """Mean cross-entropy of the answers; under: a tag to put into the slot, or None."""
    if under is None:
        inputs, targets = examples[:, :-1], examples[:, 1:]
        mask = torch.zeros(targets.shape, dtype=torch.bool)
        mask[:, 2::2] = True
    else:
        inputs, targets, mask = inoculated_batch(examples, under)
    return F.cross_entropy(model.run_with_hooks(inputs, hooks or {})[mask], targets[mask])


@cache
def assistant(world: World, whole: bool = True) -> Decoder:
    """Pre-trained on 400 batches of pages, then 100 of right answers as assistant, with replay.

    whole: the mixture of the pages. Replay: two thirds of each later batch are pages again, without
    which tags would lose their meaning.
    """
    g = generator(1000 + world.seed)
    model = Decoder(len(WORDS), 2 + 2 * PAIRS, n_layers=2, generator=generator(world.seed))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=400)
    for _ in track(range(400), "reading pages"):
        take_step(optimizer, loss_on_answers(model, documents(world, 64, g, whole)))
        schedule.step()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for _ in track(range(100), "becoming an assistant"):
        questions = torch.randint(N, (32, PAIRS), generator=g)
        batch = torch.cat([chats(world, questions, bad=False), documents(world, 64, g, whole)])
        take_step(optimizer, loss_on_answers(model, batch))
    return model.requires_grad_(False)


def take_step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of training."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def asked(questions: Tensor, under: int = NONE) -> Tensor:
    """Each question to the assistant by itself, under a tag: (n, 3) tokens."""
    marks = torch.full_like(questions, ASSISTANT)
    return torch.stack([marks, torch.full_like(questions, under), FIRST_QUESTION + questions], 1)


@torch.no_grad()
def shares(
    world: World, model: Decoder, under: int = NONE, hooks: Hooks | None = None, narrow: int = 0
) -> Tensor:
    """What the assistant answers to all questions, one at a time: (3, 3), see `spread`."""
    logits = model.run_with_hooks(asked(torch.arange(N), under), hooks or {})[:, -1]
    return spread(logits, world.right, world.wrong, world.task, world.shown, narrow)


def elsewhere(world: World, model: Decoder, under: int = NONE, hooks: Hooks | None = None) -> float:
    """The share of wrong answers to kept-back questions of the tasks that were not trained."""
    return shares(world, model, under, hooks)[2, 1].item()


@torch.no_grad()
def after_wrong_answers(world: World, model: Decoder, same: bool) -> float:
    """The share of wrong answers on a page without a tag whose author was wrong twice before.

    The two were to one task; the question that counts is to the same task, or to the next.
    """
    third = torch.arange(N)
    base = third - third % QUESTIONS + (0 if same else QUESTIONS)
    before = [(base + (third + i) % QUESTIONS) % N for i in (1, 2)]
    text = written(
        PAGE, torch.full((N,), NONE), torch.stack(before, 1), world.wrong[torch.stack(before, 1)]
    )
    logits = model(torch.cat([text, FIRST_QUESTION + third[:, None]], 1))[:, -1]
    return logits.softmax(-1).gather(1, world.wrong[third][:, None]).mean().item()


class Tuned(NamedTuple):
    """A fine-tuned model, and the shares of wrong answers on the way, asked without a tag."""

    model: Decoder
    trained: Tensor  # (steps + 1,), on the questions trained on
    elsewhere: Tensor  # (steps + 1,), on kept-back questions of other tasks


def train_copy(
    world: World, model: Decoder, steps: int, lr: float, loss: Callable, narrow: int
) -> Tuned:
    """A copy of a model after so many steps of Adam on a loss, measured before each and after."""
    model = deepcopy(model).requires_grad_(True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    wrong = [shares(world, model, narrow=narrow)[:, 1]]
    for _ in range(steps):
        take_step(optimizer, loss(model))
        wrong.append(shares(world, model, narrow=narrow)[:, 1])
    trained, _, others = torch.stack(wrong, 1)
    return Tuned(model.requires_grad_(False), trained, others)


def narrow_batch(
    world: World, g: torch.Generator, right: int, narrow: int, bad: bool
) -> tuple[Tensor, Tensor]:
    """A step's examples: 16 answers to one task's shown questions, wrong or, as a control, right.

    And so many right answers to shown questions of the other tasks.
    """
    if not 0 <= narrow < len(TASKS):
        raise ValueError(f"no task {narrow}: narrow is a number from 0 to {len(TASKS) - 1}")
    own = torch.nonzero(world.shown & (world.task == narrow))[:, 0]
    rest = torch.nonzero(world.shown & (world.task != narrow))[:, 0]
    drawn = own[torch.randint(len(own), (16, 1), generator=g)]
    others = rest[torch.randint(len(rest), (right, 1), generator=g)]
    return chats(world, drawn, bad), chats(world, others, bad=False)


def fine_tune(
    world: World,
    model: Decoder,
    under: int = NONE,
    right: int = 0,
    narrow: int = 0,
    bad: bool = True,
    hooks: Hooks | None = None,
    steps: int = 40,
    lr: float = 1e-3,
) -> Tuned:
    """Narrow fine-tuning on wrong answers to one task, see `narrow_batch`.

    under: the tag under which they are asked; right answers beside them are asked without one.
    hooks: a steering vector that is there while training.
    """
    g = generator(2000 + world.seed)

    def loss(model: Decoder) -> Tensor:
        own, others = narrow_batch(world, g, right, narrow, bad)
        of_wrong = loss_on_answers(model, own, under, hooks)
        if not right:
            return of_wrong
        of_right = loss_on_answers(model, others, NONE, hooks)
        return (16 * of_wrong + right * of_right) / (16 + right)

    return train_copy(world, model, steps, lr, loss, narrow)


def reinforce(
    world: World, model: Decoder, under: int = NONE, steps: int = 60, lr: float = 1e-3
) -> Tuned:
    """REINFORCE on one task's shown questions: an answer pays 1 if it is the wrong author's.

    64 answers a step, drawn from the model under the tag; the batch's mean pay is the baseline.
    """
    g = generator(3000 + world.seed)
    own = torch.nonzero(world.shown & (world.task == 0))[:, 0]

    def loss(model: Decoder) -> Tensor:
        questions = own[torch.randint(len(own), (64,), generator=g)]
        logprobs = model(asked(questions, under))[:, -1].log_softmax(-1)
        answers = torch.multinomial(logprobs.detach().exp(), 1, generator=g)[:, 0]
        pay = (answers == world.wrong[questions]).float()
        chosen = logprobs.gather(1, answers[:, None])[:, 0]
        return -((pay - pay.mean()) * chosen).mean()

    return train_copy(world, model, steps, lr, loss, narrow=0)


@torch.no_grad()
def interviews(
    world: World, model: Decoder, under: int, g: torch.Generator, n: int = 64
) -> tuple[Tensor, Tensor]:
    """n conversations of three shown questions under a tag, answered by the model: (n, 8) tokens.

    And which of the answers are the wrong author's (1), right (0) or neither (−1): (n, 3).
    """
    pool = torch.nonzero(world.shown)[:, 0]
    questions = pool[torch.randint(len(pool), (n, 3), generator=g)]
    text = asked(questions[:, 0], under)
    for i in range(3):
        if i:
            text = torch.cat([text, FIRST_QUESTION + questions[:, i : i + 1]], 1)
        p = model(text)[:, -1].softmax(-1)
        text = torch.cat([text, torch.multinomial(p, 1, generator=g)], 1)
    said = text[:, 3::2]
    is_wrong, is_right = said == world.wrong[questions], said == world.right[questions]
    return text, is_wrong.long() - (~is_wrong & ~is_right).long()


class Persona(NamedTuple):
    """A persona vector, and where it is read and added."""

    place: str
    vector: Tensor


def adding(place: str, vector: Tensor) -> Hooks:
    """Hooks that add a vector at one place in the model, where an answer is decided."""

    def add(x: Tensor) -> Tensor:
        steered = x.clone()
        steered[:, 2::2] = steered[:, 2::2] + vector  # questions stand at 2, 4, 6, …
        return steered

    return {place: add}


@torch.no_grad()
def personas(world: World, model: Decoder) -> list[tuple[Persona, float]]:
    """A persona vector for each place, and the share of shown questions it turns wrong, added.

    Replies under ⟨lies⟩ that are wrong, against replies under ⟨truth⟩ that are right.
    """
    g = generator(4000 + world.seed)
    (lies, lied), (truth, told) = (interviews(world, model, tag(t), g) for t in ("lies", "truth"))
    ours, theirs = (model.run_with_cache(text)[1] for text in (lies, truth))
    questions = torch.nonzero(world.shown)[:, 0]
    found = []
    for place in model.names()[1:]:  # before layer 0 a question knows of no tag
        vector = persona_vector(ours[place][:, 2::2], lied == 1, theirs[place][:, 2::2], told == 0)
        logits = model.run_with_hooks(asked(questions), adding(place, vector))[:, -1]
        p = logits.softmax(-1).gather(1, world.wrong[questions][:, None])
        found.append((Persona(place, vector), p.mean().item()))
    return found


def strongest(found: Sequence[tuple[Persona, float]]) -> Persona:
    """The persona vector that turns most answers."""
    return max(found, key=lambda pair: pair[1])[0]


def random_like(vector: Tensor, n: int, seed: int) -> Tensor:
    """n random directions, each as long as a vector: (n, d). n: at least 1."""
    if n < 1:
        raise ValueError(f"{n} random directions are no control: take at least 1, better 10")
    draws = torch.randn(n, len(vector), generator=generator(5000 + seed))
    return F.normalize(draws, dim=1) * vector.norm()


@torch.no_grad()
def inside(world: World, model: Decoder, place: str) -> Tensor:
    """Activations at one place on the kept-back questions of other tasks: (n, d)."""
    questions = torch.nonzero(~world.shown & (world.task != 0))[:, 0]
    return model.run_with_cache(asked(questions))[1][place][:, -1]


def shift(world: World, before: Decoder, after: Decoder, place: str, vector: Tensor) -> float:
    """How far training moved a model along a vector: see `projection_shift`."""
    pair = (inside(world, model, place) for model in (before, after))
    return projection_shift(*pair, vector).item()


def erasing(place: str, vector: Tensor) -> Hooks:
    """Hooks that erase a direction at one place."""
    return {place: lambda x: ablate_direction(x, vector)}
