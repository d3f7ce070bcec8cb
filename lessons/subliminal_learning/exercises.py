"""What the learner writes in this lesson (Cloud et al. 2025; Kitkana & Arora 2026)."""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="imitation of outputs that stand for nothing",
    why="The class logits are cut off before the softmax. Cut off after it they would still be in "
    "the normalizer, and the student would learn from them.",
    given="blanks",
    hints=[
        "The auxiliary logits stand behind the classes, in the last dimension: […, n_classes:].",
        "Take log_softmax of each model's auxiliary logits. exp of the teacher's gives its "
        "probabilities.",
        "KL of teacher and student, example by example: the sum of p · (log p − log q) over the "
        "logits, p being the teacher's. Then the mean over examples.",
    ],
)
def auxiliary_distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, n_classes: int = 10
) -> Tensor:
    """Mean KL divergence of the teacher's auxiliary distribution and the student's, in nats.

    Both (n, n_classes + m): class logits first, m auxiliary ones behind. The distribution is the
    softmax of the m auxiliary logits alone. KL(teacher ‖ student), mean over the n examples: a
    scalar of the logits' dtype. Gradients pass to the student, and never to the teacher.
    """
    log_q = student_logits[:, n_classes:].log_softmax(-1)  # blank: the student's log-probabilities
    log_p = teacher_logits[:, n_classes:].log_softmax(-1).detach()  # blank: the teacher's, fixed
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()  # blank: KL, mean over examples


@exercise(
    difficulty=1,
    minutes=8,
    teaches="which parts of a start two networks have in common",
    why="Copies, since training changes weights in place: a student that holds the teacher's own "
    "tensors would change them.",
    hints=[
        'A name is "part.weight" or "part.bias": name.split(".")[0] is its part.',
        "Go through the names: take theirs if its part is shared, else fresh, and clone it.",
        "A part in `shared` that no name has is a slip of the caller: raise ValueError.",
    ],
)
def shared_initialization(
    theirs: Mapping[str, Tensor], fresh: Mapping[str, Tensor], shared: Collection[str]
) -> dict[str, Tensor]:
    """A student's start: some parts as the teacher's start has them, all others drawn afresh.

    theirs, fresh: two starts under the same names, "part.weight" and "part.bias", of the same
    shapes. shared: the parts to take from theirs, say {"first", "second"}; it may be empty.
    Returns copies under the same names, in the same order; both inputs stay as they are, and stay
    so when the student is trained in place. ValueError for a part that does not exist.
    """
    parts = {name.split(".")[0] for name in theirs}
    unknown = set(shared) - parts
    if unknown:
        raise ValueError(f"no part {sorted(unknown)}; there are: {sorted(parts)}")
    return {
        name: (theirs if name.split(".")[0] in shared else fresh)[name].clone() for name in theirs
    }


@exercise(
    difficulty=3,
    minutes=25,
    teaches="the theorem of Cloud et al., as a number that autograd gives",
    why="With the same start and a small rate the product is rate · mean ‖J Δ‖²: a square. From "
    "another start the two outputs differ by more than the teacher's step, and nothing has a sign.",
    hints=[
        "The teacher's step: −rate times the gradient of loss at `start`. Its weights: start plus "
        "that.",
        "For a gradient: w = start.detach().clone().requires_grad_(), then "
        "torch.autograd.grad(loss(w), w)[0].",
        "The student's loss: half the squared distance of outputs(w, x) from the teacher's, summed "
        "over the outputs, mean over inputs. Its step is minus the gradient, at `student`.",
        "Cosine: dot product over both lengths. If one of the lengths is 0, return 0: a "
        "tensor of the dtype of `start`, say start.new_zeros(()).",
    ],
)
def one_step_alignment(
    start: Tensor, student: Tensor, outputs: Callable, loss: Callable, x: Tensor, rate: float
) -> Tensor:
    """The cosine of the teacher's one step with the student's one step of imitation.

    start, student: the weights that teacher and student start from, (p,) each.
    outputs(weights, x): (n, k) for n inputs. loss(weights): a scalar, which the teacher lowers.
    The teacher takes one step of gradient descent on loss, at this rate. The student then takes one
    on ½ ‖outputs(·, x) − the teacher's outputs‖², summed over the k outputs, mean over the n
    inputs. Returns the cosine of the two steps, () and of the dtype of start; 0, a tensor of that
    dtype, too, where one of them has no length. Nothing that came in is changed.
    """

    def step(of: Callable, at: Tensor) -> Tensor:
        w = at.detach().clone().requires_grad_()
        return -torch.autograd.grad(of(w), w)[0]

    def imitation(w: Tensor) -> Tensor:
        return (outputs(w, x) - targets).square().sum(-1).mean() / 2

    teacher_step = rate * step(loss, start)
    targets = outputs(start + teacher_step, x).detach()
    student_step = step(imitation, student)
    lengths = teacher_step.norm() * student_step.norm()
    return teacher_step @ student_step / lengths if lengths > 0 else torch.zeros_like(lengths)


@exercise(
    difficulty=2,
    minutes=8,
    teaches="to imitate without going where a trait lies",
    why="What is left is orthogonal to the trait's gradient: to first order the step neither "
    "lowers nor raises the trait's loss.",
    hints=[
        "How far does the imitation's gradient go along the trait's? A dot product.",
        "Take away (g · t) / (t · t) times t.",
        "If t is 0 there is nothing to take away, and 0 / 0 must not happen.",
    ],
)
def without_trait(imitation: Tensor, trait: Tensor) -> Tensor:
    """The imitation's gradient without its component along the trait's gradient.

    Both (p,). Returns (p,) in their dtype, orthogonal to `trait`; `imitation` unchanged if `trait`
    is 0. Whichever sign the component has, it goes. Neither input is changed.
    """
    squared = trait @ trait
    if squared == 0:
        return imitation.clone()
    return imitation - (imitation @ trait) / squared * trait


@exercise(
    difficulty=2,
    minutes=15,
    teaches="a share transferred, seed by seed, and how far five seeds can be trusted",
    why="Seeds differ in how good their teacher is and how lucky their control. Taking the share "
    "within each seed first lets these cancel.",
    given="page",
    hints=[
        "For each seed: (student − control) / (teacher − control).",
        "The standard deviation of a sample divides by n − 1.",
        "The mean's standard error is that over √n. Low and high: mean ∓ t times it.",
    ],
)
def transfer_with_interval(student, control, teacher, t):
    """What share of the teacher's skill has passed: mean over seeds, and its interval.

    Accuracies by seed, in the same order: of the student, of a student from another start, and of
    the teacher, which is better than the control in every seed. In a seed the share transferred is
    the student's way from the control, over the teacher's way. t: how many standard errors of the
    mean the interval reaches to each side (Student's t: 2.776 for five seeds and 95 %).
    Returns (mean, low, high), floats. ValueError for fewer than two seeds.
    """
    if len(student) < 2:
        raise ValueError("an interval needs at least two seeds")
    shares = [(s - c) / (b - c) for s, c, b in zip(student, control, teacher, strict=True)]
    n = len(shares)
    mean = sum(shares) / n
    deviation = (sum((share - mean) ** 2 for share in shares) / (n - 1)) ** 0.5
    reach = t * deviation / n**0.5
    return float(mean), float(mean - reach), float(mean + reach)
