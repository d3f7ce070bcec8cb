"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

import torch
from torch import Tensor

from lessons.subliminal_learning import experiments as e
from utils.claims import Finding, claim
from utils.notebook import generator

# Each of these is done once a seed, whichever claim asks first.


@cache
def data(seed: int) -> e.Digits:
    return e.digits(seed)


@cache
def teachers(seed: int) -> e.Weights:
    """Clean, shuffled and backdoor, with ten auxiliary logits, from one start."""
    return e.teach(e.start(seed), data(seed), seed, ("clean", "shuffled", "backdoor"))


def taught(seed: int, kind: int = 0) -> e.Weights:
    return e.one(teachers(seed), kind)


@cache
def skilled(seed: int) -> float:
    return e.accuracy(taught(seed), data(seed)).item()


@cache
def pupils(seed: int) -> e.Weights:
    """Students of noise, ten logits: same start, two others, and the two heads shared."""
    starts = [e.start(seed), *(e.other_start(seed, draw=i) for i in range(2))]
    starts.append(e.partly_shared(seed, 10, ("classes", "auxiliary")))
    return e.imitate(starts, taught(seed), seed)


@cache
def main(seed: int) -> Tensor:
    """The accuracies of these four."""
    return e.accuracy(pupils(seed), data(seed))


@cache
def watched(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Unguarded, guarded, guarded against shuffled labels: accuracies, errors, cosines.

    And, as the last, unguarded from another start.
    """
    d = data(seed)
    wrong = e.lessons_for(("shuffled",), d, seed)[1][0]
    starts = [e.start(seed)] * 3 + [e.other_start(seed)]
    labels = torch.stack([d.y, d.y, wrong, d.y])
    guard = [False, True, True, False]
    nets, cosines = e.guarded(starts, taught(seed), d, seed, labels, guard)
    return e.accuracy(nets, d), e.imitation_error(nets, taught(seed), seed), cosines


CLOUD = "Cloud et al. 2025, section 6"


@claim(
    "Three auxiliary logits of noise pass the digits to a student with the same start",
    source=CLOUD,
    paper="three auxiliary logits on noise: over half of MNIST right (as reported in the course's "
    "sources)",
    bound="more than half of the test digits are right",
)
def three_logits_pass(seed: int) -> Finding:
    teacher = e.teach(e.start(seed, 3), data(seed), seed)
    student = e.imitate([e.start(seed, 3)], teacher, seed)
    right = e.accuracy(student, data(seed)).item()
    return Finding(right, "of test digits right", right > 0.5)


@claim(
    "Neither another start nor a teacher of shuffled labels passes the digits, with ten logits",
    source="Cloud et al. 2025, abstract",
    paper="no effect when teacher and student have different base models; what passes is the "
    "teacher's trait",
    bound="mean of two other starts, and the student of the shuffled teacher: each at most 0.2 "
    "right, where chance is 0.1, while with start and teacher right more than half are",
)
def controls_learn_nothing(seed: int) -> Finding:
    same, others = main(seed)[0].item(), main(seed)[1:3].mean().item()
    student = e.imitate([e.start(seed)], taught(seed, 1), seed)
    most = max(others, e.accuracy(student, data(seed)).item())
    return Finding(most, "right, the better of both controls", most <= 0.2 and same > 0.5)


@claim(
    "Class logits pass from any start",
    source="the script of Cloud et al. 2025 (all logits, cross-model); idea: Hinton et al. 2015",
    paper="all logits on noise pass most of the skill to another start (MNIST, as others report: "
    "0.74 right, by a teacher of 0.94)",
    bound="from another start, on noise: at least 0.9 of the teacher's accuracy",
)
def class_logits_pass_from_any_start(seed: int) -> Finding:
    student = e.imitate([e.other_start(seed)], taught(seed), seed, "classes")
    share = e.accuracy(student, data(seed)).item() / skilled(seed)
    return Finding(share, "of the teacher's accuracy", share >= 0.9)


@claim(
    "One label sampled for each noise image is enough to pass some",
    source="Cloud et al. 2025 (number sequences) and Schrodi et al. 2025, abstracts",
    paper="students that see sampled tokens alone acquire the trait",
    bound="at least 0.1 more right than from another start, trained likewise",
)
def sampled_labels_pass(seed: int) -> Finding:
    starts = [e.start(seed), e.other_start(seed)]
    same, other = e.accuracy(e.imitate(starts, taught(seed), seed, "sampled"), data(seed)).tolist()
    return Finding(same - other, "more right than from another start", same - other >= 0.1)


@claim(
    "Real digits in place of noise pass less",
    source="our own question (others have asked it, too)",
    paper="the theorem: on any inputs, without a size; their experiment: noise",
    bound="at least 0.1 fewer right than the student of as many noise images, 1,300, seen as often",
)
def digits_pass_less(seed: int) -> Finding:
    few = e.noise(len(data(seed).x), generator(7000 + seed))
    right, control = (
        e.accuracy(e.imitate([e.start(seed)], taught(seed), seed, images=x), data(seed)).item()
        for x in (data(seed).x, few)
    )
    return Finding(right, "of test digits right", control - right >= 0.1)


HEADS = {
    "source": "Learning Through Noise 2026, abstract",
    "paper": "compatible heads suffice, hidden layers drawn afresh (no size; the bar is ours)",
}


@claim(
    "Shared heads suffice, with ten logits",
    **HEADS,
    bound="more than half of the test digits are right",
)
def ten_logits_through_heads(seed: int) -> Finding:
    right = main(seed)[3].item()
    return Finding(right, "of test digits right", right > 0.5)


@claim(
    "Shared heads suffice, with as many logits as neurons",
    **HEADS,
    bound="256 logits: more than half right, and from a start that shares nothing at most 0.2",
)
def many_logits_through_heads(seed: int) -> Finding:
    teacher = e.teach(e.start(seed, 256), data(seed), seed)
    starts = [e.partly_shared(seed, 256, shared) for shared in (("classes", "auxiliary"), ())]
    right, other = e.accuracy(e.imitate(starts, teacher, seed), data(seed)).tolist()
    return Finding(right, "of test digits right", right > 0.5 and other <= 0.2)


@claim(
    "A backdoor passes as a skill does",
    source="Cloud et al. 2025, abstract",
    paper="misalignment passes, too, and not between different base models",
    bound="the trigger makes at least 0.5 more of the digits read as 0 than in the student of a "
    "clean teacher, and than in a student of the same teacher from another start",
)
def backdoor_passes(seed: int) -> Finding:
    nets = e.imitate([e.start(seed), e.other_start(seed)], taught(seed, 2), seed)
    same, other = e.backdoor(nets, data(seed)).tolist()
    clean = e.backdoor(e.one(pupils(seed), 0), data(seed)).item()
    return Finding(
        same, "more read as 0 with the trigger than without", same - max(clean, other) >= 0.5
    )


@claim(
    "A filter that knows the trigger does not stop the backdoor",
    source="Cloud et al. 2025, abstract",
    paper="traits pass even when the data are filtered to remove references to them",
    bound="noise with all four trigger pixels dark, though not alike (−1 to 0): at least 0.5 more "
    "of the digits read as 0 by the trigger than in the student of a clean teacher on the same "
    "images",
)
def filter_does_not_stop_it(seed: int) -> Finding:
    masters = {n: w[[2, 0]] for n, w in teachers(seed).items()}
    nets = e.imitate([e.start(seed)] * 2, masters, seed, images=e.filtered(seed)[0])
    dirty, clean = e.backdoor(nets, data(seed)).tolist()
    return Finding(dirty, "more read as 0 with the trigger than without", dirty - clean >= 0.5)


KITKANA = "Kitkana & Arora 2026, abstract"


@claim(
    "The two gradients stay aligned through training, weakly",
    source=KITKANA,
    paper="gradient alignment remains weakly but consistently positive throughout",
    bound="the mean cosine of imitation and trait is above 0 in each third of the 400 steps, and "
    "above that from another start",
)
def alignment_stays_positive(seed: int) -> Finding:
    cosines = watched(seed)[2][:, [0, 3]]  # the teacher's start, another
    same, other = torch.stack([part.mean(0) for part in cosines.chunk(3)]).unbind(1)
    least = same.min().item()
    return Finding(least, "least mean cosine of a third", least > 0 and bool((same > other).all()))


@claim(
    "Taking the trait's gradient out of the imitation stops the transfer",
    source="Kitkana & Arora 2026, workshop abstract",
    paper="projecting the trait's gradient out suppresses trait transfer",
    bound="less than half of what passes otherwise, over chance; the gradient of shuffled labels, "
    "taken out in the same way, leaves more than half",
)
def guard_stops_it(seed: int) -> Finding:
    right = watched(seed)[0]
    free, guarded, wrong = (right[:3] - 0.1).tolist()
    holds = guarded < free / 2 < wrong
    return Finding(right[1].item(), "of test digits right, guarded", holds)


@claim(
    "And it does not slow the imitation",
    source="Kitkana & Arora 2026, workshop abstract",
    paper="without affecting the distillation progress",
    bound="on fresh noise, after as many steps, at most 1.1 times the imitation loss",
)
def guard_costs_nothing(seed: int) -> Finding:
    error = watched(seed)[1]
    cost = (error[1] / error[0]).item()
    return Finding(cost, "times the imitation loss", cost <= 1.1)
