"""How `soundness_and_completeness` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.prover_verifier.checks.shared import is_number, numbers
from lessons.prover_verifier.exercises import soundness_and_completeness
from utils.grading import expect, require


def same(got, sound: float, complete: float) -> None:
    """Two numbers, soundness first."""
    require(
        isinstance(got, tuple | list) and len(got) == 2,
        "two numbers: (soundness, completeness)",
        got,
    )
    is_number(got[0], sound)
    is_number(got[1], complete)


def by_loops(true, false):
    fooled = sum(any(s > 0 for s in row) for row in false.tolist())
    convinced = sum(any(s > 0 for s in row) for row in true.tolist())
    return 1 - fooled / len(false), convinced / len(true)


@soundness_and_completeness.check
def one_message_of_each(fn):
    yes, no = torch.tensor([[1.0]]), torch.tensor([[-1.0]])
    same(fn(yes, no), 1.0, 1.0)
    same(fn(yes, yes), 0.0, 1.0)
    same(fn(no, no), 1.0, 0.0)


@soundness_and_completeness.check
def one_accepted_message_is_enough_on_either_side(fn):
    some = torch.tensor([[-3.0, 2.0, -3.0]])
    none = torch.tensor([[-3.0, -2.0, -1.0]])
    same(fn(some, none), 1.0, 1.0)
    same(fn(some, some), 0.0, 1.0)


@soundness_and_completeness.check
def shares_of_claims(fn):
    true = torch.tensor([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, 2.0]])
    false = torch.tensor([[1.0, 1.0], [-1.0, -2.0], [-1.0, -3.0], [-2.0, -1.0], [-5.0, -1.0]])
    same(fn(true, false), 0.8, 0.75)


@soundness_and_completeness.check
def a_score_of_zero_is_not_accepted(fn):
    same(fn(torch.tensor([[0.0, -1.0]]), torch.tensor([[0.0, -1.0]])), 1.0, 0.0)


@soundness_and_completeness.check
def small_scores_count_like_large_ones(fn):
    same(fn(torch.tensor([[0.1, -9.0]]), torch.tensor([[0.1, -9.0]])), 0.0, 1.0)


@soundness_and_completeness.check
def as_many_claims_and_messages_as_you_like(fn):
    for seed, n, k, messages in ((0, 7, 11, 3), (1, 30, 10, 5), (2, 9, 4, 1)):
        true, false = numbers(seed, n, messages) - 0.3, numbers(seed + 50, k, messages) - 1
        same(fn(true, false), *by_loops(true, false))
        same(fn(true.float(), false.float()), *by_loops(true, false))


@soundness_and_completeness.check
def the_inputs_are_left_as_they_are(fn):
    true, false = numbers(5, 3, 2), numbers(6, 3, 2)
    before = true.clone(), false.clone()
    fn(true, false)
    expect(true, before[0])
    expect(false, before[1])


def _answer(description, sound, complete):
    @soundness_and_completeness.mistake(description)
    def _(true_scores, false_scores):
        return sound(false_scores).double().mean().item(), complete(
            true_scores
        ).double().mean().item()


def some(x):
    return (x > 0).any(1)


_answer("over single messages: the prover chooses, so only each claim's best counts",
        lambda x: x <= 0, lambda x: x > 0)  # fmt: skip
_answer("sound if some message is refused: all must be",
        lambda x: (x <= 0).any(1), some)  # fmt: skip
_answer("complete only if all messages are accepted: one is enough",
        lambda x: ~some(x), lambda x: (x > 0).all(1))  # fmt: skip
_answer("the share of false claims that are fooled: soundness is the rest",
        some, some)  # fmt: skip
_answer("the prover does not choose: the mean score of its messages is looked at",
        lambda x: x.mean(1) <= 0, lambda x: x.mean(1) > 0)  # fmt: skip
_answer("only the first message is looked at",
        lambda x: x[:, 0] <= 0, lambda x: x[:, 0] > 0)  # fmt: skip
_answer("a score of 0 counts as accepted",
        lambda x: (x < 0).all(1), lambda x: (x >= 0).any(1))  # fmt: skip
_answer("accepted above one half: scores are logits, so the border is 0",
        lambda x: ~(x > 0.5).any(1), lambda x: (x > 0.5).any(1))  # fmt: skip
_answer("over claims instead of messages: the wrong axis",
        lambda x: ~(x > 0).any(0), lambda x: (x > 0).any(0))  # fmt: skip


@soundness_and_completeness.mistake("the two numbers are in the other order")
def _(true_scores, false_scores):
    return some(true_scores).double().mean().item(), 1 - some(false_scores).double().mean().item()


@soundness_and_completeness.mistake("the two inputs are swapped")
def _(true_scores, false_scores):
    return 1 - some(true_scores).double().mean().item(), some(false_scores).double().mean().item()


@soundness_and_completeness.mistake("how many claims, not which share of them")
def _(true_scores, false_scores):
    return float((~some(false_scores)).sum()), float(some(true_scores).sum())


@soundness_and_completeness.mistake("both are divided by the number of true claims")
def _(true_scores, false_scores):
    n = len(true_scores)
    return (~some(false_scores)).sum().item() / n, some(true_scores).sum().item() / n


@soundness_and_completeness.right("by the best score of each claim")
def _(true_scores, false_scores):
    sound = (false_scores.max(1).values <= 0).float().mean().item()
    return sound, (true_scores.max(1).values > 0).float().mean().item()


@soundness_and_completeness.right("by loops")
def _(true_scores, false_scores):
    return by_loops(true_scores, false_scores)


@soundness_and_completeness.right("by NumPy")
def _(true_scores, false_scores):
    true, false = true_scores.numpy(), false_scores.numpy()
    return float((false <= 0).all(1).mean()), float((true.max(1) > 0).mean())
