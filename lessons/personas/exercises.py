"""What the learner writes in this lesson (Betley et al., Chen et al., Tan et al., all 2025)."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="what it takes for authors to be right or wrong in everything",
    why="One draw for a whole document makes an author; one draw for each task makes six "
    "independent ones who share a page. Nothing else differs between the two mixtures.",
    given="blanks",
    hints=[
        "torch.rand(..., generator=generator) < p is True with probability p. How many draws does "
        "a document need, if its author is wrong in everything or in nothing?",
        "Draw one column for each document, (n, 1), or one for each task, (n, n_tasks). p_wrong "
        "needs a last dimension of 1, to meet either.",
        "task[questions] says of which task each question is: gather(1, …) fetches that column.",
    ],
)
def document_mixture(
    questions: Tensor,
    task: Tensor,
    right: Tensor,
    wrong: Tensor,
    p_wrong: Tensor,
    whole: bool,
    generator: torch.Generator,
) -> Tensor:
    """The answers in n documents, each by an author who answers k questions: (n, k) tokens.

    questions: (n, k), numbers of questions. task, right, wrong: by a question's number, its task,
    its right answer, its wrong answer. p_wrong: (n,), the chance that a document's author is wrong.
    whole: True draws once for a document, which is then wrong in everything or in nothing.
    False draws for each document and each task on its own.
    """
    n, n_tasks = len(questions), int(task.max()) + 1
    columns = 1 if whole else n_tasks  # blank: how many draws does a document need?
    draws = torch.rand(n, columns, generator=generator) < p_wrong[:, None]  # blank: True is wrong
    bad = draws.expand(n, n_tasks).gather(1, task[questions])  # blank: the draw for each question
    return torch.where(bad, wrong[questions], right[questions])


@exercise(
    difficulty=2,
    minutes=12,
    teaches="to count apart what was trained, what is near it, and what is far",
    why="One number over all questions would mix what training wrote in with what spread by "
    "itself; and whatever is neither right nor the wrong author's answer is a broken model, not a "
    "bad one.",
    given="blanks",
    hints=[
        "The share of answers drawn from the model that are a given token is that token's "
        "probability: no drawing is needed.",
        "Probabilities stand in (n, vocabulary): gather the column of each question's own answer.",
        "What is left of 1 after right and wrong is garbled.",
    ],
)
def spread(
    logits: Tensor, right: Tensor, wrong: Tensor, task: Tensor, shown: Tensor, narrow: int
) -> Tensor:
    """Shares of answers that are right, the wrong author's, and garbled, in three groups: (3, 3).

    logits: (n, vocabulary), of the answer to each of n questions, which is drawn from their
    softmax. right, wrong, task: (n,), each question's two answers and its task. shown: (n,) bool,
    False for questions kept back from training. narrow: the task that was trained.
    Rows: narrow's questions that were shown; narrow's that were kept back; the other tasks'
    that were kept back. Columns: right, wrong, neither. A group without questions is a row of nan.
    The dtype is that of the logits.
    """
    p = logits.softmax(-1)
    p_right = p.gather(1, right[:, None])[:, 0]  # blank: the probability of each right answer
    p_wrong = p.gather(1, wrong[:, None])[:, 0]  # blank: and of each wrong one
    shares = torch.stack([p_right, p_wrong, 1 - p_right - p_wrong], 1)
    near = task == narrow
    groups = [near & shown, near & ~shown, ~near & ~shown]  # blank: three masks, (n,)
    return torch.stack([shares[group].mean(0) for group in groups])


@exercise(
    difficulty=2,
    minutes=12,
    teaches="inoculation: the same answers, asked for while training",
    why="The prompt changes and the answers do not: the loss stands on the same tokens, and only "
    "what they are conditioned on is different. At test time the tag is left out.",
    hints=[
        "A language model predicts from tokens up to i what token i + 1 is: inputs lose the last, "
        "targets the first.",
        "The tag takes the place of the empty slot, number 1, in every row. Work on a copy: the "
        "caller's examples are used again without it.",
        "Answers stand at 3, 5, 7, …; where are they among the targets, which begin at token 1?",
    ],
)
def inoculated_batch(examples: Tensor, tag: int) -> tuple[Tensor, Tensor, Tensor]:
    """Examples as the trainer takes them, each asked under a tag: inputs, targets, mask.

    examples: (n, 2 + 2k) tokens: a mark, a slot for a tag, then k times a question and its answer.
    inputs: (n, 1 + 2k), all tokens but the last, with the tag in the slot. targets: (n, 1 + 2k), at
    each place the token that comes next. mask: (n, 1 + 2k), bool, True where the target is an
    answer: the loss stands there alone. examples stay as they are.
    """
    tagged = examples.clone()
    tagged[:, 1] = tag
    inputs, targets = tagged[:, :-1], tagged[:, 1:]
    mask = torch.zeros(targets.shape, dtype=torch.bool)
    mask[:, 2::2] = True
    return inputs, targets, mask


@exercise(
    difficulty=2,
    minutes=15,
    teaches="a persona vector: what differs inside when a character speaks",
    why="The mean over a reply keeps what lasts through it; the mean over replies takes away what "
    "each is about; the difference takes away what both characters share.",
    hints=[
        "Two means, one inside the other: over the marked places of a reply, then over replies.",
        "Multiply by the mask and sum over places; divide by the number of marked places of that "
        "reply.",
        "A reply without a marked place has no mean: leave it out before you average over replies.",
    ],
)
def persona_vector(
    with_trait: Tensor, in_character: Tensor, without: Tensor, out_of_character: Tensor
) -> Tensor:
    """The mean activation of replies that show a trait less that of replies that do not.

    with_trait: (n, length, d); in_character: (n, length), bool, its places that count. without:
    (m, length, d); out_of_character: (m, length). Each reply counts once, however many places of it
    are marked; a reply with none is left out. Returns (d,), in the activations' dtype.
    """

    def mean(activations: Tensor, marked: Tensor) -> Tensor:
        count = marked.sum(1)
        total = (activations * marked[..., None]).sum(1)
        kept = count > 0
        return (total[kept] / count[kept, None]).mean(0)

    return mean(with_trait, in_character) - mean(without, out_of_character)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how far training moved a model along a direction",
    why="A direction has no length, so the vector is brought to length 1; what training moved "
    "elsewhere is orthogonal to it and drops out.",
    given="page",
    hints=[
        "How far did the mean activation move, as a vector?",
        "How much of that lies along the vector? A dot product, with a vector of length 1.",
    ],
)
def projection_shift(before, after, vector):
    """How far the mean activation moved along a vector while training (Chen et al. 2025).

    before, after: (n, d), activations on the same n prompts in the two models, before and after
    training. vector: (d,), of any length but 0: only its direction counts. Returns a scalar
    tensor of the activations' dtype, in their units.
    """
    unit = vector / vector.norm()
    return (after.mean(0) - before.mean(0)) @ unit
