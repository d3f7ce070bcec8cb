"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache
from itertools import pairwise

import utils
from lessons.process_rewards.labels import (
    ask,
    by_rollouts,
    fit_having_read,
    fit_recomputing,
    reading,
)
from lessons.process_rewards.policies import tilted
from lessons.process_rewards.verifiers import (
    Verifier,
    agreements,
    cost,
    curves,
    finds_first_error,
    fit_every_prefix,
    fit_outcome,
    fit_process,
    homework,
    majority,
    pool,
    solved,
    trace_error,
    verifiers,
    worth,
)
from utils.claims import Finding, claim
from utils.worlds.chains import draw_problems

NS = (4, 16, 64, 256)
STRENGTHS = (0, 1, 2, 4, 8, 16)

# Each of the next is measured once a seed, whichever claim asks first.


@cache
def share_solved(seed: int) -> dict[str, list[float]]:
    """By verifier, learned from the same 1,000 solutions: the share solved at each n."""
    return {name: curves(pool(seed), v, NS)[0] for name, v in verifiers(seed).items()}


@cache
def all_labels(seed: int) -> Verifier:
    """A process verifier on all labels of 1,000 solutions."""
    return verifiers(seed)["process"]


@cache
def rolled(seed: int, stop: bool) -> Verifier:
    """A verifier on hard labels from 8 completions of each step, read by the weakest step."""
    data = homework(seed).rows(slice(1000))
    return fit_process(data, by_rollouts(data, 8, "hard", seed), stop, "minimum")


def of_rollouts(seed: int, stop: bool) -> float:
    """What it solves at best-of-256."""
    return solved(pool(seed), rolled(seed, stop), 256)


def better_outcome(seed: int, i: int) -> float:
    """The better of the two outcome verifiers at the i-th n."""
    found = share_solved(seed)
    return max(found["outcome"][i], found["structured outcome"][i])


FIGURE_3 = {"source": "Lightman et al. 2023, Fig. 3"}


@claim(
    "Best of 256: a verifier that was told of steps chooses better than one told of answers",
    **FIGURE_3,
    paper="best of 1,860 on MATH: process 78.2 %, outcome 72.4 % (trained on other data)",
    bound="solves more than either outcome verifier; the same 1,000 solutions",
)
def process_above_outcome(seed: int) -> Finding:
    lead = share_solved(seed)["process"][-1] - better_outcome(seed, -1)
    return Finding(100 * lead, "points above the better of the two", lead > 0)


@claim(
    "The gap to outcome supervision grows with n",
    **FIGURE_3,
    paper="the gap widens as n grows",
    bound="the lead over the better outcome verifier grows from n = 4 to 16 to 64 to 256",
)
def the_gap_grows(seed: int) -> Finding:
    process = share_solved(seed)["process"]
    leads = [process[i] - better_outcome(seed, i) for i in range(len(NS))]
    least = min(b - a for a, b in pairwise(leads))
    return Finding(100 * least, "points, the smallest growth", least > 0)


@claim(
    "An outcome verifier chooses better than the majority",
    **FIGURE_3,
    paper="best of 1,860 on MATH: outcome 72.4 %, majority 69.6 %",
    bound="at n = 256 the outcome verifier (logits added) solves more than majority voting",
)
def outcome_above_majority(seed: int) -> Finding:
    lead = share_solved(seed)["outcome"][-1] - majority(pool(seed), NS[-1])
    return Finding(100 * lead, "points above the majority", lead > 0)


@claim(
    "Process supervision is ahead at every amount of data",
    source="Lightman et al. 2023, section 4.1",
    paper="ahead at all data collection scales, on identical solutions (best of 500)",
    bound="at best of 64 above either outcome verifier, from the same solutions: 250, 1,000, 4,000",
)
def ahead_at_every_scale(seed: int) -> Finding:
    leads = []
    for n in (250, 1000, 4000):
        process, *outcome = (solved(pool(seed), v, 64) for v in verifiers(seed, n).values())
        leads.append(process - max(outcome))
    return Finding(100 * min(leads), "points, the smallest lead", min(leads) > 0)


@claim(
    "A label of an answer buys as many right answers as a label of a step",
    source="asked here: no paper compares verifiers label for label",
    paper="Uesato et al., of policies: similar final-answer error with less label supervision",
    bound="at 2,000 labels each (a step judged is one, an answer is one) the better outcome "
    "verifier is at most 2 points below the process verifier; best of 64",
)
def answers_are_cheap(seed: int) -> Finding:
    data, n = homework(seed), 2000
    process = solved(pool(seed), fit_process(worth(data, n)), 64)
    some = data.rows(slice(n))
    outcome = max(solved(pool(seed), fit_outcome(some, how), 64) for how in ("sum", "product"))
    lead = outcome - process
    return Finding(100 * lead, "points above process", lead >= -0.02)


@claim(
    "Process supervision picks fewer right answers with a wrong step",
    source="Uesato et al. 2022, Table 1",
    paper="reranked by process 3.5 %, by outcome 4.4 %; majority 11.4 %",
    bound="best of 64: trace error below that of either outcome verifier; the same 1,000 solutions",
)
def trace_error_is_lowest(seed: int) -> Finding:
    process, *outcome = (trace_error(pool(seed), v, 64) for v in verifiers(seed).values())
    lead = min(outcome) - process
    return Finding(100 * lead, "points lower than the better of the two", lead > 0)


@claim(
    "An outcome verifier that is told of wrong steps chooses better than one told of answers",
    source="Lightman et al. 2023, section 4.1",
    paper="labels of outcome by a process model beat final answers, below process supervision",
    bound="logits added, told whether every step is right: at best of 64 above the same told of "
    "answers, and below process; the same 1,000 solutions",
)
def lucky_labels_cost(seed: int) -> Finding:
    data, i = homework(seed).rows(slice(1000)), NS.index(64)
    sound = solved(pool(seed), fit_outcome(data, "sum", data.sound), 64)
    lead = sound - share_solved(seed)["outcome"][i]
    below = share_solved(seed)["process"][i] - sound
    return Finding(100 * min(lead, below), "points, the smaller distance", min(lead, below) > 0)


@claim(
    "Told of answers alone, a verifier agrees more with labels of steps than with its own",
    source="Uesato et al. 2022, section 3 and Fig. 4",
    paper="85 % agreement with process labels, 77 % with outcome labels",
    bound="trained on the answer's label after every step, as in the paper: its verdict after each "
    "step of 2,000 new solutions agrees more with 'all steps so far are right' than with 'the "
    "answer will be'; balanced, so that who always says the same agrees by one half",
)
def outcome_emulates_process(seed: int) -> Finding:
    told = fit_every_prefix(homework(seed).rows(slice(1000)))
    of_steps, of_answers = agreements(told, homework(seed).rows(slice(6000, 8000)))
    return Finding(100 * (of_steps - of_answers), "points more with steps", of_steps > of_answers)


SHEPHERD = {
    "source": "Wang et al. 2023, Table 1, as reported by others",
    "paper": "MATH, DeepSeek-67B, 256 candidates: 47.0 %, outcome 45.3, majority 45.4",
}


@claim(
    "Labels by rollouts beat labels of answers",
    **SHEPHERD,
    bound="as Wang et al. train and read: hard labels, 8 completions, of all steps, weakest step; "
    "best of 256 above the outcome verifier (logits added) and the majority; 1,000 solutions",
)
def rollouts_above_outcome(seed: int) -> Finding:
    rivals = share_solved(seed)["outcome"][-1], majority(pool(seed), NS[-1])
    lead = of_rollouts(seed, stop=False) - max(rivals)
    return Finding(100 * lead, "points above the better of the two", lead > 0)


@claim(
    "They do where nothing after the first 0 is learned",
    **SHEPHERD,
    bound="the same, without the steps after the first label 0",
)
def stopped_rollouts_above_outcome(seed: int) -> Finding:
    rivals = share_solved(seed)["outcome"][-1], majority(pool(seed), NS[-1])
    lead = of_rollouts(seed, stop=True) - max(rivals)
    return Finding(100 * lead, "points above the better of the two", lead > 0)


@claim(
    "Labels by hand find the first error better than labels by rollouts",
    source="Zhang et al. 2025, Table 4",
    paper="F1 on ProcessBench: people 56.5, rollouts 40.1 (best of 8: 64.9 and 65.9, Table 3)",
    bound="F1 of finding the first wrong step in 2,000 new solutions is higher with labels by hand "
    "than with 8 completions a step, hard, to the first 0; the same 1,000 solutions",
)
def hand_above_rollouts(seed: int) -> Finding:
    new = homework(seed).rows(slice(6000, 8000))
    lead = finds_first_error(all_labels(seed), new) - finds_first_error(rolled(seed, True), new)
    return Finding(100 * lead, "points of F1 more", lead > 0)


THINK = {
    "source": "Khalifa et al. 2025, abstract and baselines",
    "paper": "with 1 % of the labels above a classifier of the same base model with all of them",
}


@claim(
    "A verifier that works the step out again needs 1 % of the labels",
    **THINK,
    bound="both have read the same 4,000 unlabeled solutions; with 1 % of the labels it solves as "
    "much as the classifier with all labels of 1,000 solutions; best of 64",
)
def one_percent(seed: int) -> Finding:
    data = homework(seed).rows(slice(1000))
    few = worth(data, int(cost(data).sum()) // 100)
    ours = solved(pool(seed), fit_recomputing(few, reading(seed)), 64)
    lead = ours - solved(pool(seed), fit_having_read(data, reading(seed)), 64)
    return Finding(100 * lead, "points above the classifier", lead >= 0)


@claim(
    "It needs fewer labels than a classifier that has read the same",
    **THINK,
    bound="with 500 labels each it solves more; best of 64",
)
def form_and_reading(seed: int) -> Finding:
    data = worth(homework(seed), 500)
    ours = solved(pool(seed), fit_recomputing(data, reading(seed)), 64)
    lead = ours - solved(pool(seed), fit_having_read(data, reading(seed)), 64)
    return Finding(100 * lead, "points above the classifier", lead > 0)


@claim(
    "A verifier that has read much saves labels by asking about convincing wrong answers",
    source="Lightman et al. 2023, section 4.2",
    paper="convincing wrong answers: about 2.6 times as data efficient (two slopes; labels by a "
    "large process model)",
    bound="with labels of one such solution of each of 200 problems, the re-computing verifier "
    "solves as much as with 2.6 times as many labels by chance, of the same problems; best of 64",
)
def asking_helps_who_has_read(seed: int) -> Finding:
    convincing, before = ask(seed, 1, True).convincing, reading(seed)
    by_chance = worth(ask(seed, 4, True).by_chance, int(2.6 * cost(convincing).sum()))
    ours, theirs = (
        solved(pool(seed), fit_recomputing(data, before), 64) for data in (convincing, by_chance)
    )
    gain = ours - theirs
    return Finding(100 * gain, "points above 2.6 times as many", gain >= 0)


@claim(
    "On longer problems than those it learned from, process supervision stays ahead",
    source="Lightman et al. 2023, Table 1",
    paper="new exams, best of 100: process 72.9 %, outcome 63.8, majority 61.3",
    bound="problems of 10 to 12 steps, learned from 4 to 6: at best of 64 above either outcome "
    "verifier and the majority",
)
def ahead_on_longer_problems(seed: int) -> Finding:
    longer = pool(seed, 100, 256, 10, 12)
    process, *others = (solved(longer, v, 64) for v in verifiers(seed).values())
    lead = process - max(*others, majority(longer, 64))
    return Finding(100 * lead, "points above the best of the three", lead > 0)


@claim(
    "Optimized hard, the outcome verifier is gamed and the process verifier is not",
    source="Gao, Schulman & Hilton 2022, Fig. 1; Lightman et al. 2023, Fig. 6",
    paper="gold peaks, then declines; on easy problems outcome falls as n grows, process does not",
    bound="as the pupil is tilted to the score (strength up to 16), the share solved ends more "
    "than 2 points below its peak with the outcome verifier, and not with the process verifier",
)
def outcome_is_gamed(seed: int) -> Finding:
    problems = draw_problems(100, utils.generator(40_000 + seed))
    falls = {}
    for name in ("process", "outcome"):
        found = [tilted(problems, verifiers(seed)[name], s).solved.mean().item() for s in STRENGTHS]
        falls[name] = max(found) - found[-1]
    holds = falls["outcome"] > 0.02 >= falls["process"]
    return Finding(100 * (falls["outcome"] - falls["process"]), "points more lost", holds)
