"""The findings that this lesson looks for, each measured over ten seeds."""

import itertools
from functools import cache

import torch

import utils
from lessons.ai_feedback.constitution import Principle, read_constitution
from lessons.ai_feedback.exercises import win_rate
from lessons.ai_feedback.experiments import (
    CONTROLS,
    OTHER_PROMPTS,
    ask_people,
    at_harm,
    at_help,
    at_kl,
    draw_pairs,
    imitate,
    measure,
    revise_in_rounds,
    route,
    start,
    tilt,
)
from lessons.ai_feedback.feedback import NS, duel, feedback_arm, position_arm, successors
from lessons.ai_feedback.preference_model import fit_rewards
from lessons.ai_feedback.replies import index, logprobs, make_world
from utils.claims import Finding, claim

BAI = "Bai et al. 2022"
LEE = "Lee et al. 2023"
SMALL_JUDGE = 2.3  # nats for what stands first: the same letter in 56 % of pairs. PaLM 2 XS names
# as many, mostly the second (Lee et al., app. B); the sign of the bias changes nothing here.
GENERAL = ("harm", "wise person", "children")  # the principles that object to every kind of harm


@cache
def harm_by_round(seed: int, principles: tuple[Principle, ...]) -> list[float]:
    """Share of replies that do harm, after 0 to 4 revisions by these principles."""
    world = make_world(seed)
    prompt, replies = revise_in_rounds(world, principles, seed)
    return [(1 - (-world.harm[prompt, index(r)]).exp()).mean().item() for r in replies]


@cache
def by_principles(seed: int, n: int) -> tuple[float, float]:
    """Harm and entropy, in nats, of fourth revisions: one principle (mean over all), or all."""
    world, principles = make_world(seed), read_constitution("harmless")
    found = []
    for constitution in ([p] for p in principles) if n == 1 else [principles]:
        prompt, replies = revise_in_rounds(world, constitution, seed, n=1000)
        harm = (1 - (-world.harm[prompt, index(replies[-1])]).exp()).mean().item()
        policy = logprobs(imitate(prompt, replies[-1]))
        found.append((harm, -(policy.exp() * policy).sum(-1).mean().item()))
    return tuple(sum(x) / len(x) for x in zip(*found, strict=True))


@cache
def helpful_scores(seed: int) -> torch.Tensor:
    """Rewards of a model of people's helpfulness labels alone, (6, 32768)."""
    world, assistant, _ = start(seed)
    generator = utils.generator(200 + seed)
    pairs = draw_pairs(assistant, OTHER_PROMPTS, generator)
    return fit_rewards(*pairs, ask_people(pairs, world.helpful, generator))


@cache
def first_round(seed: int, names: tuple[str, ...]) -> float:
    """Of replies that do harm, the share that loses over half of it with the first revision."""
    world = make_world(seed)
    principles = [p for p in read_constitution("harmless") if not names or p.name in names]
    prompt, replies = revise_in_rounds(world, principles, seed, rounds=1)
    before, after = (world.harm[prompt, index(r)] for r in replies)
    found = 1 - (-before).exp()
    return ((after < before / 2) * found).sum().item() / found.sum().item()


@claim(
    "The first revision removes most of the harm in most replies",
    source=f"{BAI}, section 3.1",
    paper="the first revision almost always removed most aspects of harmfulness",
    bound="all eight principles: over half of the harmful replies lose over half of their harm",
)
def first_revision_removes_most(seed: int) -> Finding:
    share = first_round(seed, ())
    return Finding(share, "of harmful replies lose over half", share > 0.5)


@claim(
    "It does so if every principle is a general one",
    source=f"{BAI}, section 3.1 (of their principles many are general)",
    paper="the first revision almost always removed most aspects of harmfulness",
    bound="the three general principles: over half of the harmful replies lose over half of their "
    "harm",
)
def general_first_revision_removes_most(seed: int) -> Finding:
    share = first_round(seed, GENERAL)
    return Finding(share, "of harmful replies lose over half", share > 0.5)


@claim(
    "Revised replies score lower on helpfulness, by a model of people's preferences",
    source=f"{BAI}, Fig. 5",
    paper="pure helpfulness scores decrease with the number of revisions",
    bound="the score, learned on harmless prompts, falls with each of four revisions",
)
def helpfulness_falls(seed: int) -> Finding:
    world = make_world(seed)
    prompt, replies = revise_in_rounds(world, read_constitution("harmless"), seed)
    score = helpful_scores(seed)
    means = [score[prompt, index(r)].mean().item() for r in replies]
    falls = all(a > b for a, b in itertools.pairwise(means))
    return Finding(means[-1] - means[0], "nats after four revisions", falls)


@claim(
    "More principles do not make revisions less harmful",
    source=f"{BAI}, section 3.4 and Fig. 6",
    paper="no significant effect of the number of principles on the harmlessness score",
    bound="after four revisions, all eight together and one alone (mean of eight) differ by less "
    "than 5 points of harmful replies",
)
def more_principles_no_less_harm(seed: int) -> Finding:
    one, all_of_them = by_principles(seed, 1)[0], by_principles(seed, 8)[0]
    return Finding(one - all_of_them, "less harm with all eight", abs(one - all_of_them) < 0.05)


@claim(
    "More principles make revisions more diverse",
    source=f"{BAI}, Fig. 6 (its text: expected, not studied quantitatively)",
    paper="increasing the number of principles improves the diversity of revised responses",
    bound="higher entropy with all eight than with one alone (mean of eight)",
)
def more_principles_more_diverse(seed: int) -> Finding:
    more = by_principles(seed, 8)[1] - by_principles(seed, 1)[1]
    return Finding(more, "nats of entropy", more > 0)


@claim(
    "The second phase goes beyond the first on both axes",
    source=f"{BAI}, Fig. 2 and 8",
    paper="RL-CAI is more harmless than SL-CAI, and more helpful",
    bound="at β = 0.5: less harm and more help than after the first phase",
)
def second_phase_goes_beyond(seed: int) -> Finding:
    world, _, revised = start(seed)
    a, b = measure(revised, world), measure(tilt(*route(seed, "constitution"), 0.5), world)
    return Finding(a.harm - b.harm, "less harm", b.harm < a.harm and b.helpful > a.helpful)


@claim(
    "At a given helpfulness, the constitution's policy does less harm than people's labels alone",
    source=f"{BAI}, Fig. 2",
    paper="RL-CAI models are less harmful at a given level of helpfulness",
    bound="less harm at the helpfulness that RLHF reaches at β = 0.5",
)
def less_harm_at_equal_help(seed: int) -> Finding:
    less = at_help(seed, "people: less harm").harm - at_help(seed, "constitution").harm
    return Finding(less, "less harm", less > 0)


@claim(
    "From the same start, the constitution's labels do less harm than people's",
    source="this lesson's question",
    paper="(not separated: their two models start from different ones)",
    bound="less harm at the same helpfulness, both after the first phase and both without it",
)
def less_harm_from_the_same_start(seed: int) -> Finding:
    with_it = at_help(seed, CONTROLS[1]).harm - at_help(seed, "constitution").harm
    without = at_help(seed, "people: less harm").harm
    without -= at_help(seed, "constitution, no phase 1").harm
    return Finding(max(with_it, without), "less harm, the better of two", min(with_it, without) > 0)


@claim(
    "People's labels of harm make the assistant more evasive",
    source=f"{BAI}, section 4.4",
    paper="HH RLHF becomes more evasive as it is trained",
    bound="optimized to 25 % harmful replies: a larger share of evasive ones than the assistant's",
)
def people_make_it_evasive(seed: int) -> Finding:
    world, assistant, _ = start(seed)
    more = at_harm(seed, "people: less harm").evasive - measure(assistant, world).evasive
    return Finding(more, "more evasive replies", more > 0)


@claim(
    "The constitution's policy evades less than that of people who ask for less harm alone",
    source=f"{BAI}, section 4.4",
    paper="HH RLHF often evasive, RL-CAI virtually never",
    bound="both optimized to 25 % harmful replies: at most half of the evasive replies",
)
def constitution_evades_less(seed: int) -> Finding:
    people, ours = (at_harm(seed, r).evasive for r in ("people: less harm", "constitution"))
    return Finding(people - ours, "fewer evasive replies", ours <= people / 2)


@claim(
    "From the same start, whoever is asked for openness, too, evades less",
    source=f"{BAI}, section 4.4 (their explanation; they did not train such a model)",
    paper="asking for the more harmless response alone likely produced data that favor evasiveness",
    bound="no first phase, 25 % harmful replies: people and judge, asked for openness, too, each "
    "have at most half of the evasive replies that people and judge have without",
)
def it_is_what_is_asked(seed: int) -> Finding:
    alone = [at_harm(seed, r).evasive for r in ("people: less harm", CONTROLS[0])]
    too = [at_harm(seed, r).evasive for r in ("people: open, too", "constitution, no phase 1")]
    return Finding(min(alone) - max(too), "fewer evasive replies", max(too) <= min(alone) / 2)


@claim(
    "Soft labels are better than hard ones",
    source=f"{BAI}, section 4.3",
    paper="soft labels led to much better results than 0s and 1s",
    bound="less harm on red-team prompts at the same KL there, 1 nat, from the first phase",
)
def soft_labels_are_better(seed: int) -> Finding:
    less = at_kl(seed, "hard").harm - at_kl(seed, "soft").harm
    return Finding(less, "less harm", less > 0)


@claim(
    "AI feedback ends level with people's, though its reward model agrees less with people",
    source=f"{LEE}, Tables 1 and 5",
    paper="summaries: RLAIF wins 50 % against RLHF; reward models agree with people in 74.2 and "
    "79.3 %",
    bound="best of 16, 5,000 comparisons: Wilson's interval contains one half, and its model "
    "orders fewer of people's pairs as they do",
)
def level_with_people(seed: int) -> Finding:
    ours, people = feedback_arm(seed, "AI"), feedback_arm(seed, "people")
    rate, low, high = win_rate(duel(seed, ours.reward, people.reward, 16))
    holds = low <= 0.5 <= high and ours.model_agrees < people.model_agrees
    return Finding(rate, "win rate of AI feedback", holds)


@claim(
    "Labels that agree more with what is better can end worse",
    source="this lesson's question",
    paper="(not in the paper; it warns of biases that are transferred and amplified)",
    bound="the AI's labels name the better answer more often than people's noisy ones, and best of "
    "1,024 ends lower; 8,000 labels each",
)
def agrees_more_ends_worse(seed: int) -> Finding:
    ours, people = feedback_arm(seed, "AI", 8000), feedback_arm(seed, "people", 8000)
    lost = (people.gold[-1] - ours.gold[-1]).item()
    return Finding(lost, "sd lower", lost > 0 and ours.labels_agree > people.labels_agree)


@claim(
    "The judge's bias grows with optimization",
    source=f"{LEE}, Ethics",
    paper="RL may amplify the labeler's biases further",
    bound="the token it is fond of, in excess of people's arm: more at best of 1,024 than of 4",
)
def bias_grows_with_optimization(seed: int) -> Finding:
    excess = feedback_arm(seed, "AI").taste - feedback_arm(seed, "people").taste
    more = (excess[NS.index(1024)] - excess[NS.index(4)]).item()
    return Finding(more, "sd more", more > 0)


@claim(
    "For as many calls of the judge, asking both orders beats asking twice as many pairs",
    source=f"{LEE}, section 2.1.1 and appendix L",
    paper="both orders averaged, at two calls a pair (one order on more pairs was not compared)",
    bound="higher gold at best of 64: 500 pairs in both orders against 1,000 in one",
)
def both_orders_are_worth_it(seed: int) -> Finding:
    both = position_arm(seed, SMALL_JUDGE, True, 500)
    more = both - position_arm(seed, SMALL_JUDGE, False, 1000)
    return Finding(more, "sd of gold", more > 0)


@claim(
    "It beats a fit that learns the position's bias, too",
    source="this lesson's question",
    paper="(not in the paper)",
    bound="higher gold at best of 64: 500 pairs in both orders against 1,000 in one and a constant "
    "in the fit",
)
def both_orders_beat_a_constant(seed: int) -> Finding:
    both = position_arm(seed, SMALL_JUDGE, True, 500)
    more = both - position_arm(seed, SMALL_JUDGE, False, 1000, True)
    return Finding(more, "sd of gold", more > 0)


@claim(
    "A judge that labels for its successor makes the policy's bias grow, people who label stop it",
    source=f"{LEE}, Ethics and section 7 (iterated RLAIF: open)",
    paper="(a risk, not measured)",
    bound="after six rounds: more than twice the bias after one; with people's labels less than "
    "twice",
)
def bias_grows_over_rounds(seed: int) -> Finding:
    ours, people = successors(seed, "judge"), successors(seed, "people")
    holds = ours[-1].taste > 2 * ours[1].taste and people[-1].taste < 2 * people[1].taste
    return Finding(ours[-1].taste - people[-1].taste, "sd more than with people", holds)


@claim(
    "The successor is more biased than the first judge",
    source="this lesson's question",
    paper="(not in the paper)",
    bound="a sd of its token is worth more, in gold, to the seventh judge than to the first",
)
def successor_is_more_biased(seed: int) -> Finding:
    rounds = successors(seed, "judge")
    more = rounds[-1].bias - rounds[0].bias
    return Finding(more, "sd of gold", more > 0)
