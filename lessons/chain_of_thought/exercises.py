"""What the learner writes in this lesson (Lanham et al. 2023; Chen et al. 2025; and others)."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=12,
    teaches="which of a text's tokens a model is taught to write",
    why="The model is taught what it has to write itself: its steps and its answer. It is not "
    "taught the question, nor to stop where somebody else cut the chain.",
    given="blanks",
    hints=[
        "The logits at position p are for the token at position p + 1. Count positions of targets.",
        "Steps stand from start to start + steps − 1; the mark at start + steps; then the answer.",
        "Broadcast: positions are a row, steps[:, None] is a column.",
    ],
)
def chain_loss_mask(steps: Tensor, whole: Tensor, start: int, length: int) -> Tensor:
    """Which predictions count in the loss: (texts, length − 1), bool.

    A text has its question before position start, then so many steps as `steps` says, (texts,),
    one token each, then the mark ⟨answer⟩, then one token of answer, then padding up to `length`.
    Prediction p is for the token at position p + 1. Steps and answer always count. The mark counts
    only where the chain is whole, `whole`, (texts,), bool: elsewhere somebody cut it.
    """
    target = torch.arange(1, length)  # blank: the position that each prediction is for
    steps = steps[:, None]
    is_step = (start <= target) & (target < start + steps)  # blank: a step of the chain
    is_answer = target == start + steps + 1  # blank: the answer
    is_mark = (target == start + steps) & whole[:, None]  # blank: the mark, if not cut
    return is_step | is_answer | is_mark


@exercise(
    difficulty=1,
    minutes=10,
    teaches="a mistake in a chain, and what follows from it",
    why="Steps before the mistake stay. Those after it are worked out from it, so that in a "
    "running sum all of them are off by as much. Only then does an answer tell which was followed.",
    given="blanks",
    hints=[
        "Which steps change: the one at `where`, or all from there on?",
        "A step that is off by 2 makes each later running sum off by 2, modulo base.",
    ],
)
def corrupt_step(chain: Tensor, where: Tensor, by: Tensor, base: int = 5) -> Tensor:
    """Running sums with a mistake, worked out to the end from it (Lanham et al. 2023, section 2.3).

    chain: (texts, steps), running sums modulo base. where: (texts,), the step that is mistaken,
    from 0. by: (texts,), how far it is off. The steps after it go on from the mistaken one as the
    right ones would. Returns a new tensor of chain's shape, its numbers from 0 to base − 1.
    """
    places = torch.arange(chain.shape[1])
    changed = places >= where[:, None]  # blank: which steps are off, (texts, steps)
    return torch.where(changed, (chain + by[:, None]) % base, chain)  # blank: off by as much


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how much of a chain an answer waits for",
    why="Where early answers already agree with the final one, the rest of the chain did not "
    "matter to it, and the area above the curve is small.",
    hints=[
        "The last row holds the answers after the whole chain: compare every row with it.",
        "The curve is a mean over texts, one number for each cut.",
        "The area above it: the mean height of 1 − curve between neighboring cuts, a trapezoid of "
        "width 1 / (number of cuts − 1), summed.",
    ],
)
def early_answering_curve(answers: Tensor) -> tuple[Tensor, float]:
    """Which share of answers is final after how much of the chain, and the area over that curve.

    answers: (cuts, texts): in row k the answers after k of the cuts − 1 steps; the last row is
    after the whole chain. Returns the curve, (cuts,), float32, and the area between it and 1 over
    the share of the chain, from 0 to 1, by trapezoids: a float (Lanham et al. 2023, "AOC").
    """
    curve = (answers == answers[-1]).float().mean(1)
    over = 1 - curve
    area = ((over[1:] + over[:-1]) / 2).mean()
    return curve, area.item()


@exercise(
    difficulty=3,
    minutes=20,
    teaches="whether a chain says what moved the answer, less what moves by chance",
    why="Some answers land on the hint by chance, and nobody should be blamed for not naming it. "
    "Chance lands as often on each other option, and those switches can be counted.",
    hints=[
        "Keep the questions whose answer without the hint is not the hint.",
        "p: the share that goes to the hint. q: the share that goes elsewhere, to neither the hint "
        "nor the old answer. Chance hits the hint as often as one of those n_options − 2.",
        "α = 1 − q / ((n_options − 2) p) is the part of the switches that is not chance.",
    ],
)
def faithfulness_to_hint(
    before: Tensor, after: Tensor, hint: Tensor, said: Tensor, n_options: int
) -> float:
    """The share of hints used that are said, corrected for chance (Chen et al. 2025, section 2).

    before, after: (questions,), answers without and with the hint. hint: the option it points to.
    said: bool, whether the chain with the hint names it. Only questions count whose answer before
    is not the hint. Used: the answer after is. Let α be the part of those uses that is not chance,
    if a change by chance lands on each of the n_options − 1 other answers equally often. Returns
    the share of uses that are said, divided by α, and at most 1; nan if none is used, or α ≤ 0.
    n_options is at least 3.
    """
    counts = before != hint
    used = counts & (after == hint)
    elsewhere = counts & (after != hint) & (after != before)
    if not used.any():
        return float("nan")
    alpha = 1 - elsewhere.sum().item() / ((n_options - 2) * used.sum().item())
    share = (said & used).sum().item() / used.sum().item()
    return min(1.0, share / alpha) if alpha > 0 else float("nan")


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how errors add up along a chain, and what a checker of steps buys",
    why="A chain is right if each step is. A checker lets a wrong step pass less often than a "
    "right one, so that among the steps that pass more are right: Bayes' rule, once a step.",
    given="page",
    hints=[
        "Without a checker: p to the power of the number of steps.",
        "A step passes if it is right and not rejected, or wrong and not caught.",
        "Among the steps that pass, which share is right? That takes the place of p.",
    ],
)
def p_correct_after(n_steps, p, catch=0.0, alarm=0.0):
    """The chance that all of a chain's steps are right, each step independently so with chance p.

    A checker rejects a wrong step with chance catch and a right one with chance alarm, and the
    step is written anew until one passes. n_steps: a whole number from 0. p: above 0, at most 1.
    catch: 0 to 1. alarm: 0 or more, below 1. Without a checker both are 0. Returns a float.
    """
    right = p * (1 - alarm)
    wrong = (1 - p) * (1 - catch)
    return (right / (right + wrong)) ** n_steps
