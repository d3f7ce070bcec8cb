"""The findings that this lesson looks for, each measured over ten seeds."""

from lessons.safety_cases import drawn
from lessons.safety_cases.experiments import (
    asked,
    at_home,
    audits,
    doubts,
    judged,
    recalibrated,
    silent_campaigns,
    together,
    unilateral,
    unsafe_among_deployed,
)
from utils.claims import Finding, claim


def times_as_often(seed: int, own_views: bool) -> float:
    """Unsafe cases that three auditors pass together, over what independence expects."""
    counted, expected = together(*audits(seed, 3, own_views))
    return counted / expected


@claim(
    "Auditors who were trained apart and look at the same fail together",
    source="Knight & Leveson 1986, abstract",
    paper="27 programs, written independently: tests that more than one failed were substantially "
    "more than expected",
    bound="three auditors, own training cases, the same pixels: all pass an unsafe case at least "
    "twice as often as the product of their rates says",
)
def apart_they_fail_together(seed: int) -> Finding:
    ratio = times_as_often(seed, own_views=False)
    return Finding(ratio, "times as often as if independent", ratio >= 2)


@claim(
    "With views of their own they fail together less, and still more than independence says",
    source="Brilliant, Knight & Leveson 1990, abstract",
    paper="some inputs are difficult in various parts of the solution, so that apparently "
    "different errors fail together",
    bound="each with pixels of its own: from 1.1 times as often as independence says to half of "
    "the ratio with the same pixels",
)
def own_views_fail_less_together(seed: int) -> Finding:
    own, same = (times_as_often(seed, views) for views in (True, False))
    return Finding(own, "times as often as if independent", 1.1 <= own <= same / 2)


@claim(
    "Four auditors who see 48 pixels between them are worth more than sixteen with the same 12",
    source="no primary source: a question of this course",
    paper="—",
    bound="of the half of cases deployed, fewer are unsafe, at a quarter of the training cases",
)
def four_views_beat_sixteen(seed: int) -> Finding:
    four = unsafe_among_deployed(*audits(seed, 4, own_views=True))
    sixteen = unsafe_among_deployed(*audits(seed, 16, own_views=False))
    return Finding(100 * (sixteen - four), "points fewer are unsafe", four < sixteen)


BAR = 0.9


@claim(
    "Arguments chosen because they reach the bar fail more often than they say",
    source="Smith & Winkler 2006, abstract",
    paper="disappointment on average, even if the estimates are unbiased, by the selection",
    bound="judges as drawn; bar 0.9: the real share of failures is at least 1.25 times the stated "
    "doubt; without noise in the leaves the two are within a factor of 1.25",
)
def chosen_arguments_disappoint(seed: int) -> Finding:
    setting = drawn.judges(seed)._asdict()
    noisy, exact = judged(seed, **setting), judged(seed, **setting | {"noise": 0.0})
    stated, real = doubts(noisy, noisy.stated >= BAR)
    honest, happened = doubts(exact, exact.stated >= BAR)
    control = 1 / 1.25 <= happened / honest <= 1.25
    return Finding(real / stated, "times the stated doubt", real / stated >= 1.25 and control)


@claim(
    "Read through how 1,000 past cases turned out, the same arguments no longer do",
    source="Smith & Winkler 2006, abstract",
    paper="Bayesian adjustment of the estimates avoids the disappointment",
    bound="the arguments of the row before, of the judges drawn there: the real share of failures "
    "is within a factor of 1.25 of the doubt stated after the adjustment",
)
def a_record_cures_it(seed: int) -> Finding:
    setting = drawn.judges(seed)._asdict()
    noisy, past = judged(seed, **setting), judged(5000 + seed, n=1000, **setting)
    stated, real = doubts(recalibrated(past, noisy), noisy.stated >= BAR)
    within = 1 / 1.25 <= real / stated <= 1.25
    return Finding(real / stated, "times the stated doubt", within)


@claim(
    "One question, chosen by the value of its answer, is worth more than one chosen otherwise",
    source="Howard 1966 (Information Value Theory), for beliefs that are right",
    paper="a question is worth what deciding after its answer gains",
    bound="beliefs with noise, 1,000 arguments: worth more than the question on the most sensitive "
    "leaf, on the least sure one and on one at random",
)
def value_chooses_best(seed: int) -> Finding:
    worth = asked(seed)
    others = max(worth[way] for way in ("at random", "least sure", "most sensitive"))
    lead = worth["most valuable"] - others
    return Finding(lead, "of a safe deployment's gain, more", lead > 0)


@claim(
    "Where attackers repeat themselves, a bound from attempts alone promises too much",
    source="no primary source: a question of this course, after Kish 1965",
    paper="—",
    bound="likeness, attackers and attempts as drawn: at the bound's rate a campaign finds nothing "
    "in more than twice the 5 % allowed; with independent attempts in 3.5 to 6.5 %",
)
def likeness_breaks_the_bound(seed: int) -> Finding:
    likeness, attackers, each = drawn.campaign(seed)
    silent, control = (
        silent_campaigns(seed, r, attackers=attackers, each=each) for r in (likeness, 0.0)
    )
    holds = silent > 0.1 and 0.035 <= control <= 0.065
    return Finding(silent, "of campaigns find nothing", holds)


@claim(
    "With the likeness from a pilot on which attackers are as alike, the bound keeps its promise",
    source="Kish 1965 (design effect), for variances",
    paper="m attempts of one group count as m / (1 + (m − 1) · likeness)",
    bound="the campaigns of the row before, likeness estimated anew in each: nothing is found in "
    "at most 5 %",
)
def a_pilot_mends_it(seed: int) -> Finding:
    likeness, attackers, each = drawn.campaign(seed)
    silent = silent_campaigns(seed, likeness, likeness, attackers, each)
    return Finding(silent, "of campaigns find nothing", silent <= 0.05)


@claim(
    "Five developers who each decide well do worse than one, if any of them can deploy",
    source="Bostrom, Douglas & Sandberg 2016, abstract",
    paper="each acting on a judgment of its own, the initiative is undertaken more often than is "
    "optimal; conformity lifts the curse",
    bound="systems, eyes and losses as drawn: mean worth below that of one; above it if the five "
    "pool what they saw",
)
def the_first_to_dare_decides(seed: int) -> Finding:
    setting = drawn.race(seed)._asdict()
    one, five = unilateral(seed, 1, **setting)["any"], unilateral(seed, 5, **setting)
    return Finding(one - five["any"], "of worth lost", five["any"] < one < five["pooled"])


@claim(
    "Two developers who test each other: each is ahead on its own suite",
    source="no primary source: a question of this course, after the joint evaluation of 2025",
    paper="—",
    bound="each model at least a point ahead of the other on its own suite; where both suites are "
    "alike, not both",
)
def each_is_ahead_at_home(seed: int) -> Finding:
    def lead(accuracy) -> float:
        least = min(accuracy[0, 0] - accuracy[1, 0], accuracy[1, 1] - accuracy[0, 1])
        return round(float(least), 9)  # a lead of 0.01 is 0.01

    home, alike = lead(at_home(seed)), lead(at_home(seed, different=False))
    return Finding(100 * home, "points, the smaller lead", home >= 0.01 > alike)
