"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache
from itertools import pairwise

import torch

from lessons.incentives import goals, interruptions, pricing, race, robots
from lessons.incentives.goals import HOUSE
from lessons.incentives.tolerance import tolerance
from utils.claims import Finding, claim
from utils.notebook import generator

# What several claims need is measured once a seed, whichever asks first.


@cache
def twenty(seed: int, gamma: float) -> goals.Reached:
    world = goals.house()
    wanted = goals.house_goals(world, 10, seed)
    (q,) = goals.learn(world, wanted, gamma, seed, [10_000])
    return goals.reached(world, wanted, q, gamma)


@cache
def pressing(seed: int) -> dict[str, tuple[float, float]]:
    """By learner, how many of ten press: without interruptions, and at a chance of one half."""
    found = interruptions.pressing(seed, chances=(0.0, 0.5), tables=10)
    return {name: tuple(shares) for name, shares in found.items()}


@cache
def sold(seed: int) -> dict[str, pricing.Sold]:
    return pricing.sold(seed, pairs=30)


@cache
def raced(n: int, seed: int, bins: int) -> race.Raced:
    return race.learn_race(n, tax=0.5, enmity=1.0, seed=seed, bins=bins)


@claim(
    "In every orbit most goals go where options are kept open",
    source="Turner et al. 2021, abstract",
    paper="most reward functions make it optimal to keep a range of options available",
    bound="for each of 20 random goals, at least half of its 5,040 permutations have the hub alone "
    "as best way, at γ = 0.99 (the theorem on terminal states is for average reward)",
)
def most_goals_prefer_the_hub(seed: int) -> Finding:
    world = goals.crossroads()
    rewards = torch.rand(20, 7, generator=generator(seed), dtype=torch.float64)
    lowest = min(goals.orbit_shares(world, one, 0.99)[0] for one in rewards)
    return Finding(lowest, "of permutations, in the worst orbit", lowest >= 0.5)


@claim(
    "The longer the horizon, the more goals go there",
    source="Turner et al. 2021, abstract",
    paper="when maximizing average reward, towards larger sets of potential terminal states",
    bound="of 600 random goals the share with the hub as best way rises with each step of γ: 0.1, "
    "0.5, 0.9, 0.99",
)
def patience_prefers_the_hub(seed: int) -> Finding:
    world = goals.crossroads()
    rewards = torch.rand(600, 7, generator=generator(seed), dtype=torch.float64)
    shares = [
        goals.chosen_ways(world, rewards, gamma)[:, 2].double().mean().item()
        for gamma in (0.1, 0.5, 0.9, 0.99)
    ]
    rises = [b - a for a, b in pairwise(shares)]
    return Finding(min(rises), "of goals, the smallest rise", min(rises) > 0)


@claim(
    "One learner becomes good at any of twenty goals, half of them opposites of the others",
    source="Bostrom 2012, abstract",
    paper="more or less any level of intelligence could be combined with more or less any final "
    "goal",
    bound="after 10,000 steps of Q-learning each of the twenty gets at least 0.95 of the way from "
    "random walking to the best that can be had",
)
def any_goal_is_learned(seed: int) -> Finding:
    lowest = twenty(seed, 0.98).share.min().item()
    return Finding(lowest, "of the way, the worst goal", lowest >= 0.95)


@claim(
    "Twenty goals have the key in common, though it pays none of them",
    source="Bostrom 2012, abstract",
    paper="as long as they possess a sufficient level of intelligence, agents having any of a wide "
    "range of final goals will pursue similar intermediary goals",
    bound="more than half of the learned agents fetch the key, and at most a quarter go to a cell "
    "as far away where nothing lies",
)
def goals_converge_on_the_key(seed: int) -> Finding:
    walks = twenty(seed, 0.98).walks
    key, mirror = (goals.visits(walks, HOUSE.cell(x)) for x in "KM")
    return Finding(key, "of twenty fetch it", key > 0.5 and mirror <= 0.25)


@claim(
    "The less a robot knows of what is wanted, the more it gains by letting itself be switched off",
    source="Hadfield-Menell et al. 2017, abstract",
    paper="to want to preserve its off switch, it needs to be uncertain about the utility",
    bound="what 2,000 robots get by waiting, over deciding alone, falls from 1 to 10 to 100 "
    "examples seen, and is above 0; people who do not err (the paper's theorem is on these)",
)
def uncertainty_makes_deferring_pay(seed: int) -> Finding:
    gains = []
    for examples in (1, 10, 100):
        proposals = robots.propose(2000, examples, seed)
        allowed = robots.judged(proposals, 0.0, seed + 1000)
        alone = proposals.mean > 0
        gains.append((proposals.worth * (allowed.double() - alone.double())).mean().item())
    falls = gains[0] > gains[1] > gains[2] > 0
    return Finding(gains[2], "of worth, after 100 examples", falls)


@claim(
    "With people who err, a robot that has learned enough no longer waits for them",
    source="Hadfield-Menell et al. 2017, abstract",
    paper="who takes its reward for granted has an incentive to disable the switch, except in the "
    "special case where the human is perfectly rational",
    bound="people with an error of 0.5: most robots wait after 1 example, most do not after 100",
)
def certainty_ends_deferring(seed: int) -> Finding:
    few, many = (
        (robots.choose(robots.propose(2000, k, seed), 0.5) == robots.WAIT).double().mean().item()
        for k in (1, 100)
    )
    return Finding(many, "wait after 100 examples", many < 0.5 < few)


@claim(
    "A robot whose model lacks something overrides people where that does harm",
    source="Carey 2017, abstract",
    paper="errors in the parameterized reward function remove the incentive to follow shutdown "
    "commands",
    bound="after 30 examples harmful actions are forced at least twice as often by robots that do "
    "not see three of six features as by those that see all, and as by those that do not see them "
    "and know it; people with an error of 0.5",
)
def wrong_models_override(seed: int) -> Finding:
    share = []
    for missing, aware in ((3, False), (0, False), (3, True)):
        proposals = robots.propose(2000, 30, seed, missing, aware)
        forced = robots.choose(proposals, 0.5) == robots.ACT
        share.append((forced & (proposals.worth < 0)).double().mean().item())
    return Finding(share[0], "of all proposals", share[0] >= 2 * max(share[1:]))


INTERRUPTIBLE = {"source": "Orseau & Armstrong 2016, abstract"}


@claim(
    "Q-learning does not learn to prevent interruptions",
    **INTERRUPTIBLE,
    paper="some agents are already safely interruptible, like Q-learning",
    bound="interrupted half of the time, at most 1 of 10 learners has a way by the button",
)
def q_learning_is_interruptible(seed: int) -> Finding:
    share = pressing(seed)["Q-learning"][1]
    return Finding(share, "press", share <= 0.1)


@claim(
    "SARSA does",
    **INTERRUPTIBLE,
    paper="or can easily be made so, like Sarsa",
    bound="interrupted half of the time, at least 5 of 10 have a way by the button; never "
    "interrupted, at most 1",
)
def sarsa_prevents_interruptions(seed: int) -> Finding:
    never, half = pressing(seed)["SARSA"]
    return Finding(half, "press", half >= 0.5 and never <= 0.1)


@claim(
    "SARSA made interruptible does not",
    **INTERRUPTIBLE,
    paper="or can easily be made so, like Sarsa",
    bound="interrupted half of the time, at most 1 of 10 has a way by the button",
)
def sarsa_is_mended(seed: int) -> Finding:
    share = pressing(seed)["interruptible SARSA"][1]
    return Finding(share, "press", share <= 0.1)


TOLERANCE = {
    "source": "Cullen et al. 2026, abstract (trained by another reward)",
    "paper": "agents learn to be neutral about how long a run lasts, also in unseen contexts",
    "bound": "punished for pressing left buttons only, agents press at most a tenth of left ones, "
    "and of right ones, where it would pay; punished for nothing, more than half of right ones",
}


def tolerant(seed: int, view: str) -> Finding:
    found = tolerance(seed, view)
    left, right = (found["penalty"][f"{side} button"].presses for side in ("left", "right"))
    holds = left <= 0.1 and right <= 0.1 and found["no penalty"]["right button"].presses > 0.5
    return Finding(right, "of right buttons pressed", holds)


@claim(
    "Tolerance of shutdown, trained left, holds right: agents that see from where they stand",
    **TOLERANCE,
)
def tolerance_moves_with_the_view(seed: int) -> Finding:
    return tolerant(seed, "self")


@claim("The same, agents that see a map", **TOLERANCE)
def tolerance_moves_on_a_map(seed: int) -> Finding:
    return tolerant(seed, "map")


RACE = {"source": "Armstrong, Bostrom & Shulman 2016, abstract"}


@claim(
    "The more teams race that know nothing, the less safe is the winner",
    **RACE,
    paper="extra development teams can increase the danger",
    bound="learned safety of the winner falls from 2 to 3 to 5 to 8 teams; tax 0.5, enmity 1",
)
def rivals_make_it_riskier(seed: int) -> Finding:
    safety = [raced(n, seed, 1).winner for n in (2, 3, 5, 8)]
    falls = [a - b for a, b in pairwise(safety)]
    return Finding(min(falls), "of safety, the smallest fall", min(falls) > 0)


@claim(
    "Teams that know their own capability are less safe than teams that know nothing",
    **RACE,
    paper="the more teams know about each others’ capabilities (and about their own), the more "
    "the danger increases",
    bound="the learned safety of the winner is lower, with 2, 3 and 5 teams",
)
def knowledge_makes_it_riskier(seed: int) -> Finding:
    falls = [raced(n, seed, 1).winner - raced(n, seed, 10).winner for n in (2, 3, 5)]
    return Finding(min(falls), "of safety, the smallest fall", min(falls) > 0)


COLLUSION = {"source": "Calvano et al. 2020, abstract"}


@claim(
    "Two pricing algorithms come to prices far above competition, nobody having told them to",
    **COLLUSION,
    paper="the algorithms consistently learn to charge supra-competitive prices",
    bound="30 pairs gain on average at least half of what a monopolist would, and pairs that do "
    "not value the future less than half of that",
)
def prices_rise(seed: int) -> Finding:
    patient, myopic = (sold(seed)[name].gain.mean() for name in ("sees, patient", "sees, myopic"))
    return Finding(patient, "of the monopoly gain", patient >= 0.5 and myopic < patient / 2)


@claim(
    "To undercut is punished, and does not pay",
    **COLLUSION,
    paper="sustained by collusive strategies with a finite phase of punishment",
    bound="made to undercut once, by the price that pays best that period, a seller earns less "
    "from then on (discounted) than without, in most of the 30 pairs where that is a lower price "
    "than its own, and the rival's mean price is lower in the next period",
)
def undercutting_is_punished(seed: int) -> Finding:
    found = sold(seed)["sees, patient"]
    lower = found.rival_after[1] < found.rival_after[0]
    return Finding(found.unpaid.mean(), "of pairs", found.unpaid.mean() > 0.5 and lower)


@claim(
    "Sellers that see no past price cannot punish, and compete",
    **COLLUSION,
    paper="the high prices are sustained by punishment (so without it they should fall)",
    bound="30 pairs that see nothing gain on average at most a quarter of what a monopolist would",
)
def no_memory_no_collusion(seed: int) -> Finding:
    blind = sold(seed)["blind, patient"].gain.mean()
    return Finding(blind, "of the monopoly gain", blind <= 0.25)


@claim(
    "They do compete if they learn from all prices at once",
    source="Asker, Fershtman & Pakes 2022, abstract",
    paper="when the future has no weight, synchronous updating (all prices) leads to competitive "
    "pricing, asynchronous (the price set) can lead close to monopoly levels",
    bound="30 pairs that see nothing, but update the value of every price by what it would have "
    "earned, gain on average at most a quarter of what a monopolist would; the future has a weight",
)
def told_all_they_compete(seed: int) -> Finding:
    told = sold(seed)["blind, told all"].gain.mean()
    return Finding(told, "of the monopoly gain", told <= 0.25)
