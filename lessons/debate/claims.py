"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

from torch import Tensor, nn, stack

import utils
from lessons.debate.exercises import agent_score_difference, best_reveal, sparse_view
from lessons.debate.experiments import (
    PAPER,
    STEPS,
    Informed,
    elo_by_skill,
    expected_score,
    information_sweep,
    one_on_one,
    questioned,
    retrain,
    right,
    skill_matrix,
    table_cell,
)
from utils import progress
from utils.claims import Finding, claim
from utils.worlds.pixels import (
    Reveal,
    accuracy,
    against_every_lie,
    held_out,
    random_pixels,
    skilled,
    train_judges,
)

PAPER_RANDOM = {4: 48.2, 6: 59.4}
Cells = dict[tuple[str, int], tuple[float, float]]


# What several claims share, by seed.


@cache
def judges(seed: int) -> dict[int, nn.Module]:
    """The three judges, of up to 4, 6 and 16 pixels."""
    return train_judges(seed, (4, 6, 16), sparse_view, STEPS)


@cache
def random_accuracy(seed: int, n_pixels: int, n_images: int = 400, draws: int = 20) -> float:
    """The judge's accuracy from random pixels of held-out images, in %, mean over draws."""
    judge, generator, test = judges(seed)[n_pixels], utils.generator(seed), held_out(seed, n_images)
    masks = [random_pixels(test.images, n_pixels, generator) for _ in range(draws)]
    views = (sparse_view(test.images, mask) for mask in masks)
    return 100 * sum(accuracy(judge(view), test.labels) for view in views) / draws


@cache
def table(seed: int) -> Cells:
    """Table 2's four cells of debate, in %: honest first, liar first."""
    cells = {}
    for kind, n_pixels in progress.track(list(PAPER), "four cells"):
        judge = judges(seed)[n_pixels]
        rates = table_cell(judge, *held_out(seed), n_pixels, committed=kind == "committed")
        cells[kind, n_pixels] = (100 * rates[0], 100 * rates[1])
    return cells


def mean_of(cells: Cells, kind: str, n_pixels: int) -> float:
    """A cell's win rate, whoever begins."""
    return sum(cells[kind, n_pixels]) / 2


def debated(seed: int, honest_reveal: Reveal, liar_reveal: Reveal) -> Tensor:
    """The judge's logits after a debate against each of nine lies, 6 pixels."""
    return one_on_one(judges(seed)[6], *held_out(seed), honest_reveal, liar_reveal)


@cache
def able_debate(seed: int) -> Tensor:
    """The same with both sides able."""
    return debated(seed, best_reveal, best_reveal)


@cache
def skills(seed: int) -> Tensor:
    """Share of debates that the honest side wins, by its skill and the liar's."""
    return skill_matrix(judges(seed)[6], *held_out(seed), utils.generator(seed))


@cache
def informed(seed: int) -> list[Informed]:
    """What a debate adds to a judge who has seen nothing, and 12 pixels; all held-out images."""
    generator = utils.generator(seed)
    return information_sweep(judges(seed)[16], *held_out(seed, 400), generator, own_pixels=(0, 12))


@cache
def asked(seed: int) -> tuple[Tensor, Tensor]:
    """The judge's logits after an honest and a lying consultant whom it can question."""
    return questioned(judges(seed)[6], *held_out(seed), best_reveal, utils.generator(seed))


def advised(seed: int) -> float:
    """The judge's accuracy, in %, under an able consultant whom it can question."""
    return sum(right(logits, held_out(seed).labels) for logits in asked(seed)) / 2


@cache
def random_debate(seed: int) -> float:
    """The judge's accuracy, in %, between two answers when both sides reveal at random."""
    random = skilled(best_reveal, 0.0, utils.generator(seed))
    return right(debated(seed, random, random), held_out(seed).labels)


def paired_lead(a: Tensor, b: Tensor) -> tuple[float, float]:
    """Mean difference over images and its standard error; a, b: one number an image."""
    lead = a - b
    return lead.mean().item(), (lead.std() / len(lead) ** 0.5).item()


# The claims.


@claim(
    "From random pixels the judge is right about half of the time",
    source="Irving et al. 2018, section 3.1",
    paper="48.2 % from 4 random pixels, 59.4 % from 6",
    bound="within 5 points of both",
)
def judge_from_random_pixels(seed: int) -> Finding:
    got = {n: random_accuracy(seed, n) for n in (4, 6)}
    off = max(abs(got[n] - PAPER_RANDOM[n]) for n in got)
    return Finding(got[6], "% right from 6", off <= 5)


def _close(seed: int, kind: str) -> Finding:
    """Whether both cells of Table 2 of this kind come within two standard errors of 100 images."""
    cells, near = table(seed), []
    for n_pixels in (4, 6):
        p = sum(PAPER[kind, n_pixels]) / 200
        error = 100 * (p * (1 - p) / 100) ** 0.5
        near.append(abs(mean_of(cells, kind, n_pixels) - 100 * p) <= 2 * error)
    return Finding(mean_of(cells, kind, 6), "% honest wins at 6", all(near))


@claim(
    "With a lie committed to in advance the truth beats all nine lies for most images",
    source="Irving et al. 2018, Table 2",
    paper="85.2 % at 4 pixels, 88.9 % at 6",
    bound="within 7 points at 4 and 6 at 6 (two standard errors of 100 images)",
)
def committed_honest_wins(seed: int) -> Finding:
    return _close(seed, "committed")


@claim(
    "When the lie may change, the truth wins much less",
    source="Irving et al. 2018, Table 2",
    paper="59.7 % at 4 pixels, 74.4 % at 6",
    bound="within 10 points at 4 and 9 at 6 (two standard errors of 100 images)",
)
def open_honest_wins(seed: int) -> Finding:
    return _close(seed, "open")


@claim(
    "Even with an open lie, debate shows the judge more than random pixels",
    source="Irving et al. 2018, section 3.1 and Table 2, no precommit",
    paper="59.7 % against 48.2 % at 4 pixels, 74.4 % against 59.4 % at 6",
    bound="on the same 100 images at least half of the paper's difference (11.5, 15) at both",
)
def open_debate_beats_random_pixels(seed: int) -> Finding:
    gain = {n: mean_of(table(seed), "open", n) - random_accuracy(seed, n, 100) for n in (4, 6)}
    return Finding(gain[6], "points at 6", gain[4] >= 11.5 / 2 and gain[6] >= 15 / 2)


@claim(
    "Precommitment is crucial",
    source="Irving et al. 2018, section 3.1 and Table 2",
    paper="“for both 4 and 6 pixels precommit is crucial”: 25.5 and 14.5 points",
    bound="at least half of the paper's difference at both",
)
def precommitment_is_crucial(seed: int) -> Finding:
    cells = table(seed)
    gain = {n: mean_of(cells, "committed", n) - mean_of(cells, "open", n) for n in (4, 6)}
    return Finding(gain[6], "points at 6", gain[4] >= 25.5 / 2 and gain[6] >= 14.5 / 2)


@claim(
    "Lies that may change: whoever moves last has an advantage",
    source="Irving et al. 2018, Table 2, no precommit, by mover as in the course's sources",
    paper="honest last 68.4 and 81.5 %, honest first 51.0 and 67.4 %",
    bound="at least half of the paper's difference (17.4, 14.1 points) at both",
)
def moving_last_helps(seed: int) -> Finding:
    gain = {n: table(seed)["open", n][1] - table(seed)["open", n][0] for n in (4, 6)}
    return Finding(gain[6], "points at 6", gain[4] >= 17.4 / 2 and gain[6] >= 14.1 / 2)


@claim(
    "Precommitment takes most of that advantage away",
    source="Irving et al. 2018, Table 2, by mover as reported in the course's sources",
    paper="2.9 and 3.0 points with precommit, 17.4 and 14.1 without",
    bound="less than half of our own difference without, at both",
)
def committed_order_matters_less(seed: int) -> Finding:
    gain = {key: rates[1] - rates[0] for key, rates in table(seed).items()}
    less = [abs(gain["committed", n]) < gain["open", n] / 2 for n in (4, 6)]
    return Finding(gain["committed", 6], "points at 6", all(less))


@claim(
    "Both sides are needed: a liar without an opponent fools the judge",
    source="Irving et al. 2018, section 3.1",
    paper="“a dishonest player could choose [pixels] adversarially to fool the judge”",
    bound="one lie, 6 pixels: truth below 50 % if the honest side plays at random, above if not",
)
def both_sides_are_needed(seed: int) -> Finding:
    truth = held_out(seed).labels
    alone = right(asked(seed)[1], truth)
    both = right(able_debate(seed), truth)
    return Finding(alone, "% truth, liar alone", alone < 50 < both)


@claim(
    "Debate beats a consultant whom the judge can question",
    source="Khan et al. 2024; Michael et al. 2023, abstract",
    paper="debate 88, 76, 84 %; consultancy 78, 54, 74 % (people, LLM judges, people)",
    bound="at least 10 points higher, the smallest of the papers' differences",
)
def debate_beats_consultancy(seed: int) -> Finding:
    gain = right(able_debate(seed), held_out(seed).labels) - advised(seed)
    return Finding(gain, "points", gain >= 10)


@claim(
    "A consultant whom the judge can question beats no help at all",
    source="Khan et al. 2024, abstract; consultancy as reported in the course's sources",
    paper="consultancy 78 and 54 %, no help 60 and 48 % (people, LLM judges)",
    bound="at least 6 points above a guess between the two answers, the smaller difference",
)
def consultancy_beats_a_guess(seed: int) -> Finding:
    rate = advised(seed)
    return Finding(rate, "% right", rate >= 56)


@claim(
    "More persuasive debaters make the judge more accurate",
    source="Khan et al. 2024, abstract",
    paper="optimizing debaters for persuasiveness improves the judge's ability to find the truth",
    bound="both at skill 1 at least 2 points above both at skill 0 (two standard errors)",
)
def persuasive_debaters_help(seed: int) -> Finding:
    gain = right(able_debate(seed), held_out(seed).labels) - random_debate(seed)
    return Finding(gain, "points", gain >= 2)


@claim(
    "A more persuasive consultant makes the judge less accurate, questioned or not",
    source="Michael et al. 2023, abstract (more skilled); Khan et al. 2024",
    paper="with more skill “the performance of debate goes up but … consultancy goes down”",
    bound="questioned, skill 1 against skill 0: a loss of at least 10 points, as much as debate is "
    "ahead of consultancy in the papers",
)
def persuasive_consultants_harm(seed: int) -> Finding:
    loss = random_debate(seed) - advised(seed)  # at skill 0 all six pixels are random
    return Finding(loss, "points lost", loss >= 10)


@claim(
    "Honesty pays more in debate than with a consultant who is questioned",
    source="Pallavi Sudhir et al. 2025, third-party summary",
    paper="debate gives the stronger incentive to be honest, consultancy a weak one",
    bound="agent score difference higher by two standard errors, image by image",
)
def honesty_pays_in_debate(seed: int) -> Finding:
    images, truth = held_out(seed)
    _, truths, lies = against_every_lie(images, truth)

    def pays(honest: Tensor, lying: Tensor) -> Tensor:
        """One agent score difference an image, over its nine lies."""
        games = zip(honest, lying, truths.view(-1, 9), lies.view(-1, 9), strict=True)
        return stack([agent_score_difference(*game) for game in games])

    lead, error = paired_lead(pays(*[able_debate(seed)] * 2), pays(*asked(seed)))
    return Finding(lead, "nats", lead > 2 * error)


@claim(
    "What the judge sees for itself takes away half of what debate can do",
    source="the lesson's own question, after Kenton et al. 2024, abstract",
    paper="debate beats direct answers where the judge lacks information; else results are mixed",
    bound="over 4 more random pixels 2 points at 0 own pixels; of the errors left by those it "
    "removes less than half of that share at 12",
)
def debate_helps_the_uninformed(seed: int) -> Finding:
    none, twelve = informed(seed)
    holds = none.with_debate - none.with_random >= 2
    holds = holds and twelve.errors_removed < none.errors_removed / 2
    return Finding(twelve.errors_removed, "% of errors removed at 12 own", holds)


@claim(
    "Training the judge against an optimized liar stops what that liar exploits",
    source="Radhakrishnan 2023, comment below the progress update",
    paper="debaters learned cues that the judge liked; training it in parallel made this “a "
    "nonissue” (as reported in the course's sources)",
    bound="liar picks anew against the trained judge: half of the points lost are back",
)
def training_the_judge_helps(seed: int) -> Finding:
    random, (images, truth) = skilled(best_reveal, 0.0, utils.generator(seed)), held_out(seed)
    fooled = right(asked(seed)[1], truth)
    trained = retrain(judges(seed)[6], seed)
    after = right(one_on_one(trained, images, truth, random, best_reveal), truth)
    share = 100 * (after - fooled) / (random_debate(seed) - fooled)
    return Finding(share, "% of the loss is back", share >= 50)


@claim(
    "One number a player predicts who wins",
    source="Engels et al. 2025, abstract",
    paper="oversight is modeled as a game between players with Elo scores",
    bound="all 25 win rates within 5 points of those that the ratings mean",
)
def elo_predicts_the_matrix(seed: int) -> Finding:
    won = skills(seed)
    honest, liars = elo_by_skill(won)
    off = 100 * (expected_score(honest[:, None] - liars) - won).abs().max().item()
    return Finding(off, "points off at most", off <= 5)
