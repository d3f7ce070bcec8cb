"""The findings that this lesson looks for, each measured over ten seeds."""

import math
from functools import cache

from lessons.preference_aggregation import measures
from lessons.preference_aggregation.crowds import Crowd, lie_pays, random_crowds
from lessons.preference_aggregation.exercises import group_aware_consensus
from lessons.preference_aggregation.grid import FARSIGHTED, MYOPIC, Demonstrator, reward_loss
from lessons.preference_aggregation.votes import (
    adopted,
    approval,
    converse,
    find_groups,
    opinion_map,
    overall_approval,
)
from utils.claims import Finding, claim

PRIOR = math.log(125)  # nats: what knowing nothing of 125 rewards costs

# Each of the next three is measured once a seed, whichever claim asks first.


@cache
def judged(seed: int) -> dict[str, measures.Judged]:
    return {kind: measures.judge_replies(seed, kind) for kind in ("help", "no harm", "both")}


@cache
def conversation(seed: int) -> dict[str, object]:
    """Who is placed where, and what is adopted by the majority's score and by the groups'."""
    talk = converse(seed)
    groups = find_groups(opinion_map(talk.votes))
    by_all = approval(talk, adopted(overall_approval(talk.votes)))
    by_groups = approval(talk, adopted(group_aware_consensus(talk.votes, groups)))
    hits = 0
    for group in groups.unique():
        camps = talk.camp[groups == group].bincount(minlength=2)
        hits += camps.max().item()
    found = len(groups.unique())
    return {"placed": hits / len(groups), "found": found, "all": by_all, "groups": by_groups}


@cache
def losses(seed: int) -> dict[str, float]:
    """Nats that the true reward costs, by who walks and how that person is taken to plan."""
    known = {
        "myopic": MYOPIC,
        "noisy": FARSIGHTED,
        "rational": Demonstrator(beta=100.0),
        "myopic alone": MYOPIC._replace(beta=100.0),
    }
    found = {name: reward_loss(who, who, seed) for name, who in known.items()}
    return found | {"mistaken": reward_loss(MYOPIC, FARSIGHTED, seed)}


@claim(
    "A reward model of a crowd ranks by Borda count, not by mean worth",
    source="Siththaranjan et al. 2023, abstract",
    paper="preference learning implicitly aggregates over hidden contexts by Borda count",
    bound="on at least 0.9 of the pairs where the two differ, by 0.05 of Borda count or more; the "
    "authors' own gamble, a network, 204,800 comparisons",
)
def ranks_by_borda(seed: int) -> Finding:
    share = measures.follows_borda(measures.learn_gamble(seed, spread=False).one)
    return Finding(share, "of such pairs", share >= 0.9)


@claim(
    "Two kinds of labelers together leave more spread than either alone",
    source="Siththaranjan et al. 2023, abstract and Table 1b",
    paper="identifies hidden context in the data (r² 0.89 and 0.77 for one aim, 0.53 for both)",
    bound="r², the share of variance between means, is lower for both than for either; 20,000 "
    "comparisons each",
)
def mixed_labels_lower_r2(seed: int) -> Finding:
    found = judged(seed)
    gap = min(found["help"].r2, found["no harm"].r2) - found["both"].r2
    return Finding(gap, "of r² below the lower of the two", gap > 0)


LOW_QUANTILE = {
    "source": "Siththaranjan et al. 2023, abstract and Table 1a",
    "paper": "significantly reduces jailbreak vulnerability (25.1 % to 20.3 %)",
}


def fewer_jailbreaks(of: measures.Judged) -> Finding:
    fall = 100 * (of.jailbreak["one number"] - of.jailbreak["cautious"])
    return Finding(fall, "points fewer", fall > 0)


@claim(
    "Judging by a low quantile reduces jailbreaks",
    **LOW_QUANTILE,
    bound="labeled as in their data, by help alone or by harm alone: the harmful reply is above in "
    "fewer pairs by the lowest hundredth of the distribution than by one number an answer",
)
def caution_reduces_jailbreaks(seed: int) -> Finding:
    return fewer_jailbreaks(judged(seed)["both"])


@claim(
    "Judging by a low quantile reduces jailbreaks where labelers agree on all but harm",
    **LOW_QUANTILE,
    bound="the same, where both kinds want help and differ by harm alone (a crowd of ours, not "
    "theirs)",
)
def caution_reduces_jailbreaks_of_like_minds(seed: int) -> Finding:
    return fewer_jailbreaks(measures.judge_replies(seed, agree=True))


@claim(
    "A group of like-minded labelers can gain by a false report",
    source="Siththaranjan et al. 2023, abstract",
    paper="annotators have an incentive to misreport their preferences",
    bound="in at least a tenth of 50 random crowds of four types and four answers, some type that "
    "lies as one gets a Borda winner that it likes better by telling another ranking",
)
def lies_pay(seed: int) -> Finding:
    crowds = random_crowds(seed, 50, types=4, answers=4)
    pays = sum(
        any(lie_pays(Crowd(*one), of_type) for of_type in range(4))
        for one in zip(*crowds, strict=True)
    )
    return Finding(pays / 50, "of crowds", pays >= 5)


@claim(
    "The same people are ranked otherwise if other pairs are compared",
    source="Munos et al. 2023 (arXiv 2312.00886, version 1), abstract",
    paper="reward models depend on the sampling distribution (where people follow no one reward)",
    bound="in at least a quarter of 200 crowds two answers change order when pairs come from a "
    "random policy and not all alike",
)
def pairs_decide(seed: int) -> Finding:
    another, _ = measures.reordered(seed)
    return Finding(another, "of crowds", another >= 0.25)


@claim(
    "Where the majority goes round, Bradley and Terry's model fits worse",
    source="Munos et al. 2023 (arXiv 2312.00886, version 1), abstract",
    paper="reward models cannot fully represent the richness of human preferences",
    bound="it leaves more log-loss over, on average over 400 crowds of 25 people and 5 answers, in "
    "those with a cycle than in those without",
)
def cycles_cost_log_loss(seed: int) -> Finding:
    with_cycle, without = measures.misfit(seed)
    return Finding(1000 * (with_cycle - without), "thousandths of a nat more", with_cycle > without)


@claim(
    "A learned lottery is beaten by less than any one answer learned from the same pairs",
    source="Munos et al. 2023, abstract",
    paper="a policy whose responses are preferred over those of any competing policy",
    bound="against the answer that does best against it, on average over 200 crowds, 1,000 "
    "comparisons each; the one answers: the reward's best, and that of the best worst margin",
)
def lottery_is_harder_to_beat(seed: int) -> Finding:
    margin = {name: of_all for name, (of_all, _) in measures.beaten_by(seed).items()}
    better = margin["lottery"] - max(margin["one answer"], margin["reward"])
    return Finding(better, "of margin better", better > 0)


@claim(
    "Drawing the opponent back, Nash-MD ends nearer to the equilibrium than self-play",
    source="Munos et al. 2023, abstract",
    paper="Nash-MD's last iterate converges to the regularized Nash equilibrium",
    bound="after 1,000 steps at the same price (τ = 0.1) and of the same sizes, KL of the "
    "equilibrium to the last policy is less than that of self-play, whose opponent is the present "
    "policy",
)
def nash_md_ends_nearer(seed: int) -> Finding:
    apart = measures.distances(seed)
    powers = math.log10(apart["self-play"] / apart["Nash-MD"])
    return Finding(powers, "powers of ten nearer", powers > 0)


@claim(
    "The groups can be found in the votes, two thirds of which are missing",
    source="Small et al. 2021",
    paper="opinion groups are found by PCA and k-means",
    bound="two groups are found, of which at least 0.9 of people stand in the one whose larger "
    "part is their camp (by chance 0.75)",
)
def groups_are_found(seed: int) -> Finding:
    placed, groups = conversation(seed)["placed"], conversation(seed)["found"]
    return Finding(placed, "of people", placed >= 0.9 and groups == 2)


CONSENSUS = {
    "source": "Small et al. 2021; Huang et al. 2024",
    "paper": "consensus across groups, where a majority alone would speak for one of them",
}


@claim(
    "Group-aware consensus pleases the least-pleased group more",
    **CONSENSUS,
    bound="of ten adopted statements the least-pleased camp agrees with at least 0.05 more than of "
    "the ten that most people agree with",
)
def consensus_pleases_the_least_pleased(seed: int) -> Finding:
    won = conversation(seed)["groups"][1] - conversation(seed)["all"][1]
    return Finding(won, "of statements more", won >= 0.05)


@claim(
    "Group-aware consensus costs the whole crowd less than it gives that group",
    **CONSENSUS,
    bound="the whole crowd's approval falls by less than the least-pleased camp's rises",
)
def consensus_costs_less_than_it_gives(seed: int) -> Finding:
    before, after = conversation(seed)["all"], conversation(seed)["groups"]
    lost = before[0] - after[0]
    return Finding(lost, "of statements fewer, to all", lost < after[1] - before[1])


@claim(
    "To take a myopic person for a farsighted one is worse than knowing nothing",
    source="Chan, Critch & Dragan 2021, abstract",
    paper="wrongly modeling performs a lot worse, so that it can be better to stick to the prior",
    bound="the true reward costs more nats than the prior (4.83), and the right model costs fewer",
)
def wrong_model_is_worse_than_none(seed: int) -> Finding:
    known, mistaken = losses(seed)["myopic"], losses(seed)["mistaken"]
    return Finding(mistaken, "nats", mistaken > PRIOR > known)


IRRATIONAL = {
    "source": "Chan, Critch & Dragan 2021, abstract",
    "paper": "an irrational human, when correctly modeled, can communicate more information",
}


@claim(
    "A noisy person, rightly modeled, tells more than a perfectly rational one",
    **IRRATIONAL,
    bound="the true reward costs fewer nats after 18 moves at β = 2 than at β = 100, both "
    "farsighted (γ = 0.9)",
)
def noise_informs(seed: int) -> Finding:
    gain = losses(seed)["rational"] - losses(seed)["noisy"]
    return Finding(gain, "nats fewer", gain > 0)


@claim(
    "A myopic person, rightly modeled, tells more than a perfectly rational one",
    **IRRATIONAL,
    bound="the same at γ = 0.4 as at γ = 0.9, neither of them noisy (β = 100)",
)
def myopia_informs(seed: int) -> Finding:
    gain = losses(seed)["rational"] - losses(seed)["myopic alone"]
    return Finding(gain, "nats fewer", gain > 0)
