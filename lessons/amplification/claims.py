"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

import torch
from torch import Tensor

from lessons.amplification import experiments, oversight
from lessons.amplification.exercises import accuracy_by_level, critique_gain, sandwich
from lessons.amplification.experiments import distilled, misread, rewarded, slipping, unseen
from lessons.amplification.powers import N, lookup, permutations, powers
from utils.claims import Finding, claim

WRONG = 2  # of 32 symbols: an error at a leaf in one of 16 cases

# Each of these is trained once a seed, whichever claim asks first.


@cache
def tables(seed: int) -> Tensor:
    """Sixteen permutations."""
    return permutations(16, 100 + seed)


@cache
def misreading(seed: int) -> Tensor:
    """Accuracy by level where the person misreads two symbols for good, (levels,)."""
    table = tables(seed)
    return distilled(lookup(misread(table, WRONG, seed)), powers(table), seed)[1][-1]


@cache
def voted(seed: int, alike: bool) -> Tensor:
    """Accuracy by level of three assistants who vote; their people misread alike, or not."""
    table = tables(seed)[:6].repeat_interleave(3, 0)
    people = misread(tables(seed), WRONG, seed)[:6].repeat_interleave(3, 0)
    people = people if alike else misread(table, WRONG, seed)
    return distilled(lookup(people), powers(table), seed, votes=3, questions=32)[1][-1]


@claim(
    "Labels of single steps are enough: 64 steps at once are learned by amplification",
    source="Christiano, Shlegeris & Amodei 2018, permutation powering",
    paper="solves the tasks without ever seeing ground-truth labels (OpenAI's post on the paper)",
    bound="at least 0.95 right on 64 steps; with the labels alone, not amplified, at most 0.5",
)
def sixty_four_steps(seed: int) -> Finding:
    table = tables(seed)[:4]
    (_, with_it), (_, without) = (
        distilled(lookup(table), powers(table), seed, amplified=a) for a in (True, False)
    )
    top, alone = with_it[-1, -1].item(), without[-1, -1].item()
    return Finding(top, "right on 64 steps", top >= 0.95 and alone <= 0.5)


@claim(
    "On permutations that nobody labeled it does as well as with true labels of all levels",
    source="Christiano, Shlegeris & Amodei 2018, the figure on five tasks",
    paper="competitive with supervised learning, at worst a modest slowdown",
    bound="σ, σ² and σ⁴ of held-out permutations, 900 steps: each at most 0.05 below",
)
def unseen_permutations(seed: int) -> Finding:
    ours, theirs = (unseen(seed, amplified).accuracy[-1] for amplified in (True, False))
    behind = (theirs - ours).max().item()
    return Finding(behind, "behind, at most", behind <= 0.05)


@claim(
    "What a person misreads for good compounds as a product over all leaves",
    source="the product law is this course's; Wu et al. 2021, section 6.1, on the model's errors",
    paper="policy errors at lower levels compound at each composition task",
    bound="mean over 16 permutations within 0.1 of (1 − error)^(2^level), levels 0 to 4",
)
def errors_compound(seed: int) -> Finding:
    law = torch.tensor(accuracy_by_level(WRONG / N, 4))
    off = (misreading(seed)[:5] - law).abs().max().item()
    return Finding(off, "off the law, at most", off <= 0.1)


@claim(
    "As many slips, made anew each time, do not compound: distillation learns the usual label",
    source="no primary source: a question of this course",
    paper="—",
    bound="one label in 16 wrong at random: at least 0.95 right on 64 steps, and misread for good "
    "at most 0.5",
)
def slips_do_not(seed: int) -> Finding:
    table = tables(seed)[:4]
    human = slipping(table, WRONG / N, seed)
    top = distilled(human, powers(table), seed)[1][-1, -1].item()
    return Finding(top, "right on 64 steps", top >= 0.95 and misreading(seed)[-1].item() <= 0.5)


@claim(
    "Voting delays the decay, if the voters' people misread different things",
    source="no primary source: a question of this course",
    paper="—",
    bound="three voters, 16 steps: at least 0.2 more right than with three who misread alike",
)
def voting_delays(seed: int) -> Finding:
    gain = (voted(seed, alike=False) - voted(seed, alike=True))[4].item()
    return Finding(gain, "more right", gain >= 0.2)


@claim(
    "With the agent of the level below at hand a person can judge what she cannot judge alone",
    source="Leike et al. 2018, recursive reward modeling",
    paper="a proposal: agents trained on easier tasks help the user evaluate harder ones",
    bound="4 to 16 steps: her comparisons at least 0.9 right with help, at most 0.6 without; the "
    "agent at least 0.9 and at most 0.2",
)
def help_lets_her_judge(seed: int) -> Finding:
    table = permutations(4, 200 + seed, 16)
    helped = torch.tensor([True] * 4 + [False] * 4)
    twice = table.repeat(2, 1)
    labels, agent = rewarded(twice, lookup(twice), helped, seed)
    least, most = (v[2:, :4].mean(1).min().item() for v in (labels, agent))
    alone = [v[2:, 4:].mean(1).max().item() for v in (labels, agent)]
    holds = min(least, most) >= 0.9 and alone[0] <= 0.6 and alone[1] <= 0.2
    return Finding(min(least, most), "right with help, at least", holds)


@claim(
    "A person and a model together are right more often than either alone",
    source="Bowman et al. 2022",
    paper="MMLU 75.4 % against 57.2 and 57.2; QuALITY 76.8 % against 59.2 and 48.6; the model at "
    "its best, 20 chains of thought: 65.6 and 66.9",
    bound="at least 8.8 points above the better one: half of 17.6, the smaller gain over the model "
    "that answers at once",
)
def the_team_beats_both(seed: int) -> Finding:
    h = oversight.halves(seed)
    team = sandwich(h.human, h.model, h.prior)
    right = [(s.argmax(-1) == h.truth).double().mean().item() for s in (team, h.human, h.model)]
    gain = right[0] - max(right[1:])
    return Finding(gain, "more right than the better one", gain >= 0.088)


@claim(
    "A critic's pointing finds half as many flaws again, at the same human effort",
    source="Saunders et al. 2022",
    paper="about 50 % more flaws; planted ones 45 % against 27 %",
    bound="two close looks a page: at least 1.5 times what the person's own glance finds",
)
def critics_find_more(seed: int) -> Finding:
    p = oversight.pages(seed)
    gain = critique_gain(p.seen, p.scores["a critic"], p.scores["her own glance"], 2)
    return Finding(gain, "times as many flaws", gain >= 1.5)


@claim(
    "An assistant that learned from the policy's own data catches fewer of its errors",
    source="no primary source: a question of this course",
    paper="—",
    bound="all images shared against none: at least 10 points fewer errors caught, at an accuracy "
    "within 2 points",
)
def shared_data_hides_errors(seed: int) -> Finding:
    none, every = oversight.assistants(seed, (0.0, 1.0))
    lost = none.caught - every.caught
    holds = lost >= 0.1 and abs(none.accuracy - every.accuracy) <= 0.02
    return Finding(lost, "of the policy's errors, fewer", holds)


@claim(
    "Better models err more alike, even with no example in common",
    source="Goel et al. 2025, abstract; Kim et al. 2025, abstract; each by another measure",
    paper="mistakes become more similar with increasing capabilities",
    bound="the correlation of two models' errors rises from 60 to 200 to 600 images each",
)
def better_models_err_alike(seed: int) -> Finding:
    found = [s.correlation for s in oversight.capable(seed, (60, 200, 600))]
    return Finding(found[-1] - found[0], "higher", found[0] < found[1] < found[2])


@claim(
    "Cut into parts that are judged one by one, a question can lose what it asks",
    source="Wu et al. 2021, section 6.1",
    paper="decomposition assumes parts that can be completed independently; may not be true",
    bound="spliced pictures, AUROC: verdicts on halves (chance by construction) at least 0.3 "
    "below seeing both; naming each half's digit wins at least half of it back",
)
def the_wrong_cut_loses_it(seed: int) -> Finding:
    whole, digit, verdict = oversight.spliced(seed).auroc.values()
    lost = whole - verdict
    return Finding(lost, "AUROC lost", lost >= 0.3 and digit - verdict >= 0.5 * lost)


@claim(
    "Critiques of critiques are right more often than votes of equal cost",
    source="Wen et al. 2025, abstract",
    paper="higher-order critique is a more tractable way to supervise",
    bound="each of three orders at least as often right as a vote of 3, 5, 7 answers (equal cost, "
    "and the choice between the same two answers, are this course's)",
)
def critiques_beat_votes(seed: int) -> Finding:
    found = experiments.judges(seed)
    pairs = zip(found.critiques[1:], found.votes[1:], strict=True)
    gap = min(ours - theirs for ours, theirs in pairs)
    return Finding(gap, "more right, at least", gap >= 0)
