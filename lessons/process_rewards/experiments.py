"""What the lesson on process rewards measures, a function a figure; the rest is in three modules.

verifiers.py: solutions, verifiers and choosing. labels.py: where labels come from. policies.py:
the pupil optimized against a verifier.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

import utils
from lessons.process_rewards.drills import best_rollouts  # noqa: F401
from lessons.process_rewards.exercises import rollout_labels
from lessons.process_rewards.labels import (  # noqa: F401 (lesson.md shows some of these)
    agreement,
    ask,
    by_rollouts,
    fit_having_read,
    fit_recomputing,
    hopes,
    reached,
    reading,
)
from lessons.process_rewards.policies import Tilted, draws, tilted  # noqa: F401
from lessons.process_rewards.verifiers import (  # noqa: F401
    N_STEPS,
    PUPIL,
    VERIFIERS,
    Labeled,
    Pool,
    Verifier,
    agreements,
    cost,
    curves,
    finds_first_error,
    fit_every_prefix,
    fit_outcome,
    fit_process,
    groups,
    homework,
    label,
    least,
    majority,
    pool,
    ridge,
    solved,
    trace_error,
    verifiers,
    worth,
)
from utils.worlds.chains import draw_problems

By = dict[str, list[list[float]]]  # by name: a row a seed, a column a point
SOUND = "outcome, told of steps"


class Chosen(NamedTuple):
    """What is chosen by each verifier, or by voting."""

    at: Sequence[int]  # n, or labels
    solved: By
    trace: By


def by_n(seeds: Sequence[int], ns: Sequence[int], n_solutions: int = 1000) -> Chosen:
    """The share solved and the trace error of what is chosen, at each n.

    Beside the three, an outcome verifier whose labels say whether all steps are right.
    """
    names = (*VERIFIERS, SOUND)
    found = Chosen(ns, {name: [] for name in (*names, "majority")}, {name: [] for name in names})
    for seed in seeds:
        data = homework(seed).rows(slice(n_solutions))
        told = {SOUND: fit_outcome(data, "sum", data.sound)}
        for name, verifier in (verifiers(seed, n_solutions) | told).items():
            right, trace = curves(pool(seed), verifier, ns)
            found.solved[name].append(right)
            found.trace[name].append(trace)
        found.solved["majority"].append([majority(pool(seed), n) for n in ns])
    return found


def by_labels(seeds: Sequence[int], budgets: Sequence[int], n: int = 64) -> Chosen:
    """Solved by best-of-n, and its trace error, with so many labels: of steps, or of answers."""
    found = Chosen(budgets, {name: [] for name in VERIFIERS}, {name: [] for name in VERIFIERS})
    for seed in seeds:
        data = homework(seed)
        for name, fit, take in (
            ("process", fit_process, worth),
            ("structured outcome", lambda d: fit_outcome(d, "product"), _first),
            ("outcome", fit_outcome, _first),
        ):
            fits = [fit(take(data, budget)) for budget in budgets]
            points = [curves(pool(seed), v, [n]) for v in fits]
            found.solved[name].append([right for (right,), _ in points])
            found.trace[name].append([trace for _, (trace,) in points])
    return found


def _first(data: Labeled, n: int) -> Labeled:
    return data.rows(slice(n))


ROLLOUTS = {"hard, to first 0": ("hard", True), "hard, all steps": ("hard", False),
            "soft, to first 0": ("soft", True), "soft, all steps": ("soft", False)}  # fmt: skip


def by_completions(seeds: Sequence[int], ks: Sequence[int], n: int = 64) -> By:
    """Solved by best-of-n with labels from k completions a step, read by the weakest step."""
    found: By = {name: [] for name in ROLLOUTS}
    for seed in seeds:
        data = homework(seed).rows(slice(1000))
        ends, real = reached(data, max(ks), seed), data.labels >= 0
        for name, (how, stop) in ROLLOUTS.items():
            labels = [rollout_labels(ends[..., :k], real, how) for k in ks]
            fits = [fit_process(data, told, stop, "minimum") for told in labels]
            found[name].append([solved(pool(seed), v, n) for v in fits])
    return found


def by_form(seeds: Sequence[int], budgets: Sequence[int], n: int = 64) -> tuple[By, list[float]]:
    """Solved by best-of-n with so many labels, by classifying and by re-computing.

    Each without and after reading; and what who has read solves with no labels, a number a seed.
    """
    names = ("classifies", "re-computes", "has read, classifies", "has read, re-computes")
    found: By = {name: [] for name in names}
    untold = []
    for seed in seeds:
        parts = [worth(homework(seed), budget) for budget in budgets]
        before = reading(seed)
        found["classifies"].append([solved(pool(seed), fit_process(d), n) for d in parts])
        found["re-computes"].append([solved(pool(seed), fit_recomputing(d), n) for d in parts])
        for form, fit in (("classifies", fit_having_read), ("re-computes", fit_recomputing)):
            row = [solved(pool(seed), fit(d, before), n) for d in parts]
            found[f"has read, {form}"].append(row)
        untold.append(solved(pool(seed), Verifier(before.log_softmax(1).flatten()), n))
    return found, untold


def by_asking(
    seeds: Sequence[int], ks: Sequence[int], n: int = 64
) -> dict[str, list[list[tuple[float, float]]]]:
    """(labels, solved) with k solutions of each of 200 problems labeled, by who asks and how."""
    found: dict[str, list[list[tuple[float, float]]]] = {}
    for seed in seeds:
        before = reading(seed)
        for read, who in ((True, "has read"), (False, "classifies")):
            rows: dict[str, list[tuple[float, float]]] = {"convincing": [], "by chance": []}
            for k in ks:
                asked = ask(seed, k, read)
                for how, data in zip(rows, (asked.convincing, asked.by_chance), strict=True):
                    verifier = fit_recomputing(data, before) if read else fit_process(data)
                    rows[how].append((int(cost(data).sum()), solved(pool(seed), verifier, n)))
            for how, row in rows.items():
                found.setdefault(f"{who}, {how}", []).append(row)
    return found


def by_strength(
    seeds: Sequence[int], strengths: Sequence[float]
) -> dict[str, list[list[tuple[float, float, float]]]]:
    """(√KL, solved, trace error) of the tilted pupil, by verifier, a row a seed."""
    found: dict[str, list[list[tuple[float, float, float]]]] = {name: [] for name in VERIFIERS}
    for seed in seeds:
        problems = draw_problems(100, utils.generator(40_000 + seed))
        for name, verifier in verifiers(seed).items():
            ends = [tilted(problems, verifier, s) for s in strengths]
            found[name].append([_summary(end) for end in ends])
    return found


def _summary(end: Tilted) -> tuple[float, float, float]:
    right, sound, kl = (x.mean().item() for x in (end.solved, end.sound, end.kl))
    return torch.tensor(kl).clamp(min=0).sqrt().item(), right, 1 - sound / right
