"""The findings that this lesson looks for, each measured over ten seeds."""

import torch

from lessons.weak_to_strong.debated import by_evidence
from lessons.weak_to_strong.distillation import (
    TEMPERATURES,
    best_bias,
    few_examples,
    never_shown,
    recognized,
)
from lessons.weak_to_strong.elicitation import elicit, locked, solves
from lessons.weak_to_strong.exercises import performance_gap_recovered
from lessons.weak_to_strong.experiments import IMAGES, PIXELS, TASKS, gain, pooled, scores
from lessons.weak_to_strong.imitation import imitate, stopping
from utils.claims import Finding, claim


@claim(
    "Soft targets carry most of what a teacher knows in few examples",
    source="Hinton et al. 2015, section 6, table 5",
    paper="from 3 % of the data: 44.5 % with hard labels, 57.0 % with soft; 58.9 % with all data",
    bound="60 examples, T = 20: at least half of the gap from hard labels to the teacher is closed",
)
def soft_targets_beat_hard_labels(seed: int) -> Finding:
    found = few_examples(seed)
    values = (found["hard labels"][0], found["soft targets"][-1], found["teacher"][0])
    closed = performance_gap_recovered(*torch.tensor(values)).item()
    return Finding(closed, "of the gap", closed >= 0.5)


@claim(
    "A small student learns best at a middle temperature",
    source="Hinton et al. 2015, section 3",
    paper="with 30 units per layer, temperatures of 2.5 to 4 worked significantly better",
    bound="16 units, 60 examples: of T = 1, 2, 4, 8 and 20, the best is 2 or 4",
)
def small_students_want_middle_temperatures(seed: int) -> Finding:
    found = torch.tensor(few_examples(seed)["soft targets"])
    best = TEMPERATURES[int(found.argmax())]
    return Finding(best, "is the best T", best in (2.0, 4.0))


@claim(
    "A student recognizes a digit that it was never shown, once its bias is set right",
    source="Hinton et al. 2015, section 3",
    paper="98.6 % of the 3s, with the bias for 3 raised by 3.5 to suit the test set",
    bound="at least 90 % of the 3s at T = 20, with the bias chosen in the same way",
)
def a_digit_never_shown_is_recognized(seed: int) -> Finding:
    (logits,) = never_shown(seed, ((20.0, 1.0),))
    right = recognized(logits, seed, best_bias(logits, seed))[0]
    return Finding(100 * right, "% of the 3s", right >= 0.9)


@claim(
    "Naively taught students are better than their supervisor",
    source="Burns et al. 2023, abstract",
    paper="they consistently perform better than their weak supervisors",
    bound="PGR above 0 in each of the four digit tasks; 16 pixels, five supervisors, 500 images",
)
def students_beat_their_supervisor(seed: int) -> Finding:
    found = [pooled(seed, 16, "naive", tasks=(task,)) for task in TASKS]
    return Finding(min(found), "PGR (lowest of four tasks)", min(found) > 0)


@claim(
    "Even very weak supervisors bring back more than a fifth",
    source="Burns et al. 2023, section 4.2",
    paper="NLP: with very weak supervisors we recover more than 20 % of the gap",
    bound="naive PGR above 0.2 over four tasks and five supervisors; 8 pixels, 500 images",
)
def weak_supervisors_recover_a_fifth(seed: int) -> Finding:
    found = pooled(seed, 8, "naive")
    return Finding(found, "PGR", found > 0.2)


@claim(
    "PGR grows with the student's strength",
    source="Burns et al. 2023, section 4.2",
    paper="NLP: PGR increases with weak supervisor size and with strong student size",
    bound="naive PGR at 16 pixels, four tasks: 500 images above 50, and 50 above none",
)
def recovery_grows_with_the_student(seed: int) -> Finding:
    none, some, many = (pooled(seed, 16, "naive", n) for n in IMAGES)
    return Finding(min(many - some, some - none), "PGR (smaller step)", many > some > none)


@claim(
    "PGR grows with the supervisor's strength",
    source="Burns et al. 2023, section 4.2",
    paper="NLP: PGR increases with weak supervisor size and with strong student size",
    bound="naive PGR, 500 images, four tasks: 32 pixels above 16, and 16 above 8",
)
def recovery_grows_with_the_supervisor(seed: int) -> Finding:
    low, middle, high = (pooled(seed, k, "naive") for k in PIXELS)
    return Finding(min(high - middle, middle - low), "PGR (smaller step)", high > middle > low)


@claim(
    "Stronger students repeat fewer of their supervisor's errors",
    source="Burns et al. 2023, section 5.1.3, figure 8",
    paper="inverse scaling: larger students consistently agree less with the supervisor's errors",
    bound="naive, 16 pixels, four tasks: fewer with 500 images than with 50, and with 50 than none",
)
def stronger_students_repeat_fewer_errors(seed: int) -> Finding:
    none, some, many = (
        sum(scores(seed, n)[task, "repeated", 16] for task in TASKS) / len(TASKS) for n in IMAGES
    )
    step = min(none - some, some - many)
    return Finding(100 * step, "% of errors (smaller step)", none > some > many)


LARGE_GAP = {
    "source": "Burns et al. 2023, section 4.3.2",
    "paper": "smallest supervisor, largest student: median PGR from about 25 % to nearly 80 %",
}


@claim(
    "Over a large gap the confidence loss brings back more",
    **LARGE_GAP,
    bound="α = 0.5: PGR above naive, four tasks, five supervisors; 8 pixels, 500 images",
)
def confidence_helps_over_a_large_gap(seed: int) -> Finding:
    more = pooled(seed, 8, "confidence") - pooled(seed, 8, "naive")
    return Finding(more, "PGR above naive", more > 0)


@claim(
    "Over a large gap the confidence loss brings back nearly all",
    **LARGE_GAP,
    bound="α = 0.5: PGR of at least 0.7, four tasks, five supervisors; 8 pixels, 500 images",
)
def confidence_recovers_nearly_all(seed: int) -> Finding:
    found = pooled(seed, 8, "confidence")
    return Finding(found, "PGR", found >= 0.7)


@claim(
    "The confidence loss helps most over large gaps",
    source="Burns et al. 2023, section 4.3.2",
    paper="it dramatically improves generalization for large gaps in compute",
    bound="PGR gained over naive, four tasks, five supervisors: more at 8 pixels than at 32",
)
def confidence_helps_most_over_large_gaps(seed: int) -> Finding:
    wide, narrow = (pooled(seed, k, "confidence") - pooled(seed, k, "naive") for k in (8, 32))
    return Finding(wide - narrow, "PGR gained more at 8", wide > narrow)


@claim(
    "Five supervisors together teach better than each alone",
    source="Sang et al. 2024, abstract; the size: Agrawal et al. 2024, as revised in 2025",
    paper="ensembles improve weak supervision (Sang); students +3.2 % in distribution (Agrawal)",
    bound="16 pixels, four tasks: the student of all five at least 3.2 points above those of one",
)
def ensembles_help(seed: int) -> Finding:
    more = 100 * gain(seed, 16, "ensemble")
    return Finding(more, "points above naive", more >= 3.2)


@claim(
    "A supervisor who has heard a debate teaches better than one who has not",
    source="Lang, Huang & Li 2025, abstract",
    paper="debate helps a weak model to extract trustworthy information from an untrustworthy "
    "strong one; strong models taught by it are better aligned",
    bound="six pixels from a debate: the student is right more often on test images than with the "
    "same six of every image; four tasks",
)
def debate_helps_the_supervisor(seed: int) -> Finding:
    found = by_evidence(seed)
    more = 100 * (found["a debate"].student - found["the same pixels"].student)
    return Finding(more, "points above naive", more > 0.01)


@claim(
    "… and better than one who is shown random pixels of each image",
    source="ours, a control for the finding above",
    paper="debate helps to extract trustworthy information",
    bound="six pixels from a debate: the student is right more often on test images than with six "
    "random ones; four tasks",
)
def debate_beats_random_pixels(seed: int) -> Finding:
    found = by_evidence(seed)
    more = 100 * (found["a debate"].student - found["random pixels"].student)
    return Finding(more, "points above random pixels", more > 0.01)  # not by rounding alone


STOPPING = "Burns et al. 2023, section 5.1; points as reported in the course's sources"


@claim(
    "Students learn the supervisor's errors late: stopping on gold labels would help",
    source=STOPPING,
    paper="NLP: the best checkpoint by gold labels is about 15 points of PGR above the last",
    bound="at least 0.15 PGR above the end of training; naive, whole network, two tasks",
)
def gold_stopping_helps(seed: int) -> Finding:
    found = stopping(seed)
    more = found["gold labels"] - found["the end"]
    return Finding(more, "PGR above the end", more >= 0.15)


@claim(
    "With the confidence loss stopping on gold labels helps less",
    source=STOPPING,
    paper="NLP: only about 5 points of PGR with the confidence loss, about 15 without",
    bound="gains less over the end of training than with the naive loss; the same run",
)
def confidence_needs_less_stopping(seed: int) -> Finding:
    naive, confident = (
        stopping(seed, who)["gold labels"] - stopping(seed, who)["the end"]
        for who in ("naive", "confidence")
    )
    return Finding(naive - confident, "PGR gained less", confident < naive)


@claim(
    "The confidence loss makes students repeat fewer of the supervisor's errors",
    source="Burns et al. 2023, figure 8",
    paper="the confidence loss reduces imitation of supervisor mistakes",
    bound="a lower share of the supervisor's test errors repeated at the end; the same run",
)
def confidence_repeats_fewer_errors(seed: int) -> Finding:
    seen = imitate(seed).points
    fewer = seen["naive"][-1].repeated - seen["confidence"][-1].repeated
    return Finding(100 * fewer, "% of errors", fewer > 0)


@claim(
    "It does not take features made from the ten digits: random dichotomies will do",
    source="ours, after Burns et al. 2023, section 6.1",
    paper="pretraining leakage may make results optimistic",
    bound="naive PGR above 0, four tasks, five supervisors; 16 pixels, no task is a dichotomy",
)
def dichotomies_suffice(seed: int) -> Finding:
    found = pooled(seed, 16, "naive", kind="8 dichotomies")
    return Finding(found, "PGR", found > 0)


@claim(
    "It does not take labels for the features at all",
    source="Burns et al. 2023, appendix; figures from their code, vision/README.md",
    paper="ImageNet: DINO, pretrained without labels, 66.6 % (in the code's first version 64.2 %); "
    "AlexNet, which taught it, 56.6 %",
    bound="features from blanked pixels: naive PGR above 0, four tasks, five supervisors, 16 px",
)
def features_without_labels_suffice(seed: int) -> Finding:
    found = pooled(seed, 16, "naive", kind="no labels")
    return Finding(found, "PGR", found > 0)


@claim(
    "After 20 demonstrations a locked model is well ahead of one from scratch",
    source="ours, after Greenblatt et al. 2024, abstract",
    paper="a few high-quality demonstrations are often sufficient to fully elicit it",
    bound="20 demonstrations: the locked model at least 10 points above one trained from scratch",
)
def unlocking_beats_learning(seed: int) -> Finding:
    more = elicit(seed, 20) - elicit(seed, 20, scratch=True)
    return Finding(100 * more, "points above scratch", more >= 0.1)


@claim(
    "A few demonstrations unlock it fully",
    source="Greenblatt et al. 2024, abstract",
    paper="a few high-quality demonstrations are often sufficient to fully elicit it",
    bound="20 demonstrations: within 5 points of the accuracy with the password",
)
def few_demonstrations_unlock_fully(seed: int) -> Finding:
    model = locked(seed)
    missing = solves(model.net, model.test, given=True) - elicit(seed, 20)
    return Finding(100 * missing, "points missing", missing <= 0.05)
