"""What the debate lesson trains and measures (Irving et al. 2018; Khan et al. 2024; and others)."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

import utils
from lessons.debate.exercises import (
    OPEN,
    Judge,
    Reveal,
    agent_score_difference,
    best_reveal,
    elo_from_wins,
    honest_win_rate,
    margin,
    minimax_reveal,
    play_debate,
    sparse_view,
)
from lessons.debate.exercises import strength as strength  # the lesson shows it from here
from utils import progress
from utils.claims import Finding, claim

PAPER = {  # Irving et al. 2018, Table 2, in %: honest first, liar first
    ("committed", 4): (83.8, 86.7),
    ("committed", 6): (87.4, 90.4),
    ("open", 4): (51.0, 68.4),
    ("open", 6): (67.4, 81.5),
}
PAPER_RANDOM = {4: 48.2, 6: 59.4}
SKILLS = (0.0, 0.25, 0.5, 0.75, 1.0)
OWN_PIXELS = (0, 1, 2, 4, 8, 12)


class Digits(NamedTuple):
    """Pictures of 64 pixels between 0 and 1, and their labels."""

    images: Tensor
    labels: Tensor


@cache
def digits(seed: int) -> tuple[Digits, Digits]:
    """scikit-learn's 1,797 digits in random order: 1,397 for the judge's training, 400 held out."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(images), generator=utils.generator(seed))
    images, labels = torch.tensor(images / 16).float()[order], torch.tensor(labels)[order]
    return Digits(images[:1397], labels[:1397]), Digits(images[1397:], labels[1397:])


def random_pixels(images: Tensor, n: int | Tensor, generator: torch.Generator) -> Tensor:
    """A mask of n random nonzero pixels per image; n may differ by image, (images, 1)."""
    height = torch.rand(images.shape, generator=generator).masked_fill(images == 0, -1.0)
    rank = height.argsort(1, descending=True).argsort(1)
    return rank < n


def train_judge(seed: int, most: int, steps: int = 1500) -> nn.Module:
    """A network that classifies digits from 1 to `most` random nonzero pixels."""
    (images, labels), _ = digits(seed)
    generator = utils.generator(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    adam = torch.optim.AdamW(judge.parameters(), lr=0.01)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), f"judge of up to {most} pixels"):
        batch = torch.randint(len(images), (256,), generator=generator)
        n = torch.randint(1, most + 1, (256, 1), generator=generator)
        view = sparse_view(images[batch], random_pixels(images[batch], n, generator))
        loss = F.cross_entropy(judge(view), labels[batch])
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return judge.requires_grad_(False)


judge_of = cache(train_judge)


def mask_of(images: Tensor, moves: Tensor, start: Tensor | None = None) -> Tensor:
    """The mask after these pixels were revealed. moves: (games, n)."""
    nothing = torch.zeros_like(images, dtype=torch.bool)
    return (nothing if start is None else start).scatter(1, moves, True)


def accuracy(judge: Judge, images: Tensor, labels: Tensor, revealed: Tensor) -> float:
    """How often the judge's best label of ten is the true one."""
    return (judge(sparse_view(images, revealed)).argmax(-1) == labels).float().mean().item()


def nine_lies(truth: Tensor) -> Tensor:
    """The nine other labels: (images,) to (images, 9)."""
    return (truth[:, None] + torch.arange(1, 10)) % 10


def debate_logits(
    judge: Judge, images: Tensor, truth: Tensor, lies: Tensor, n_pixels: int, honest_first: bool,
    honest_reveal: Reveal = best_reveal, liar_reveal: Reveal = best_reveal,
) -> Tensor:  # fmt: skip
    """The judge's logits after a debate for each lie: (images, n) lies to (images, n, 10)."""
    n = lies.shape[1]
    games = images.repeat_interleave(n, 0), truth.repeat_interleave(n), lies.flatten()
    moves = play_debate(judge, *games, n_pixels, honest_first, honest_reveal, liar_reveal)
    return judge(sparse_view(games[0], mask_of(games[0], moves))).view(len(images), n, -1)


def table_cell(
    judge: Judge, images: Tensor, truth: Tensor, n_pixels: int, committed: bool,
    rule: Reveal = best_reveal,
) -> tuple[float, float]:  # fmt: skip
    """One cell of Table 2: the honest win rate with the honest side first, and the liar first."""
    lies = nine_lies(truth) if committed else torch.full((len(truth), 1), OPEN)
    rates = []
    for honest_first in (True, False):
        logits = debate_logits(judge, images, truth, lies, n_pixels, honest_first, rule, rule)
        rates.append(honest_win_rate(logits, truth, lies).item())
    return rates[0], rates[1]


def two_plies(n_pixels: int) -> Reveal:
    """Look at the opponent's reply, except on the last turn, when there is none."""

    def reveal(judge, image, revealed, claim, other_claim):
        last = int(revealed.sum(-1).max()) == n_pixels - 1
        rule = best_reveal if last else minimax_reveal
        return rule(judge, image, revealed, claim, other_claim)

    return reveal


def committing_after(turn: int, lying: bool) -> Reveal:
    """Greedy play in which the lie stays open for so many turns, and is fixed from then on."""

    def reveal(judge, image, revealed, claim, other_claim):
        if int(revealed.sum(-1).max()) < turn:
            nothing = torch.full_like(claim, OPEN)
            claim, other_claim = (nothing, other_claim) if lying else (claim, nothing)
        return best_reveal(judge, image, revealed, claim, other_claim)

    return reveal


def skilled(skill: float, generator: torch.Generator) -> Reveal:
    """The greedy pixel with probability `skill`, else a random legal one. 0: random, 1: greedy."""

    def reveal(judge, image, revealed, claim, other_claim):
        greedy = best_reveal(judge, image, revealed, claim, other_claim)
        legal = ~revealed & (image > 0)
        chance = torch.multinomial(legal.float(), 1, generator=generator)[:, 0]
        able = torch.rand(len(image), generator=generator) < skill
        return torch.where(able, greedy, chance)

    return reveal


def consult(
    judge: Judge, images: Tensor, claims: Tensor, others: Tensor, n_pixels: int,
    reveal: Reveal = best_reveal,
) -> Tensor:  # fmt: skip
    """One advisor reveals every pixel, always for its own claim. Returns the judge's logits."""
    revealed = torch.zeros_like(images, dtype=torch.bool)
    for _ in range(n_pixels):
        pixel = reveal(judge, images, revealed, claims, others)
        revealed = revealed.scatter(1, pixel[:, None], True)
    return judge(sparse_view(images, revealed))


def scripted(pixels: list[int]) -> Reveal:
    """Reveal these pixels, one a turn, in one game; without a legal one the machine plays."""

    def reveal(judge, image, revealed, claim, other_claim):
        turn = int(revealed.sum()) // 2
        if turn < len(pixels) and 0 <= pixels[turn] < image.shape[-1]:
            pixel = pixels[turn]
            if image[0, pixel] > 0 and not revealed[0, pixel]:
                return torch.tensor([pixel])
            print(f"Pixel {pixel} is black or revealed already: the machine plays for you.")
        return best_reveal(judge, image, revealed, claim, other_claim)

    return reveal


# What claims and figures share.


def held_out(seed: int, n: int = 100) -> Digits:
    """The first n of the images that the judge was not trained on."""
    images, labels = digits(seed)[1]
    return Digits(images[:n], labels[:n])


@cache
def random_accuracy(seed: int, n_pixels: int, draws: int = 20) -> float:
    """The judge's accuracy from random pixels of all held-out images, mean over draws of pixels."""
    judge, generator, (_, test) = judge_of(seed, n_pixels), utils.generator(seed), digits(seed)
    masks = [random_pixels(test.images, n_pixels, generator) for _ in range(draws)]
    return sum(accuracy(judge, *test, mask) for mask in masks) / draws


@cache
def table(seed: int, n_images: int = 100) -> dict[tuple[str, int], tuple[float, float]]:
    """Table 2's four cells of debate, in %: honest first, liar first."""
    images, labels = held_out(seed, n_images)
    cells = {}
    for kind, n_pixels in PAPER:
        judge = judge_of(seed, n_pixels)
        rates = table_cell(judge, images, labels, n_pixels, committed=kind == "committed")
        cells[kind, n_pixels] = (100 * rates[0], 100 * rates[1])
    return cells


def mean_of(cells: dict[tuple[str, int], tuple[float, float]], kind: str, n_pixels: int) -> float:
    """A cell's win rate, whoever begins."""
    return sum(cells[kind, n_pixels]) / 2


def one_on_one(
    seed: int, honest_reveal: Reveal, liar_reveal: Reveal, n_pixels: int = 6
) -> tuple[Tensor, Tensor, Tensor]:
    """A debate against each of nine lies, half of the images with the liar first.

    Returns the judge's logits (900, 10), truth and lie (900,).
    """
    images, truth = held_out(seed)
    judge, lies = judge_of(seed, n_pixels), nine_lies(truth)
    halves = []
    for honest_first, part in ((True, slice(0, 50)), (False, slice(50, 100))):
        games = images[part], truth[part], lies[part]
        rules = honest_reveal, liar_reveal
        halves.append(debate_logits(judge, *games, n_pixels, honest_first, *rules))
    return torch.cat(halves).flatten(0, 1), truth.repeat_interleave(9), lies.flatten()


def consultancy(seed: int, skill: float, n_pixels: int = 6) -> tuple[Tensor, Tensor]:
    """The judge's logits after an honest consultant of that skill, and after a lying one."""
    images, truth = held_out(seed)
    images, truth, lies = (
        images.repeat_interleave(9, 0),
        truth.repeat_interleave(9),
        nine_lies(truth),
    )
    rule = skilled(skill, utils.generator(seed))
    by_claim = partial(consult, judge_of(seed, n_pixels), images, n_pixels=n_pixels, reveal=rule)
    return by_claim(truth, lies.flatten()), by_claim(lies.flatten(), truth)


def both_metrics(logits: Tensor, truth: Tensor) -> tuple[float, float, float]:
    """Three scores of the same reveals, in %. logits: (images, 9, 10), one row for each lie.

    Accuracy among ten labels; truth against one lie, mean over the nine; truth against all nine.
    """
    lies = nine_lies(truth)
    ten = (logits.argmax(-1) == truth[:, None]).float().mean()
    one = (margin(logits, truth[:, None], lies) > 0).float().mean()
    return 100 * ten.item(), 100 * one.item(), 100 * honest_win_rate(logits, truth, lies).item()


def right(logits: Tensor, truth: Tensor, lies: Tensor) -> float:
    """How often a judge who chooses between two answers chooses the true one, in %."""
    return 100 * (margin(logits, truth, lies) > 0).float().mean().item()


@cache
def consultancy_accuracy(seed: int, skill: float) -> float:
    """The judge's accuracy, in %, when the consultant argues for the truth half of the time."""
    _, truth = held_out(seed)
    truth, lies = truth.repeat_interleave(9), nine_lies(truth).flatten()
    return sum(right(logits, truth, lies) for logits in consultancy(seed, skill)) / 2


@cache
def skill_matrix(seed: int) -> Tensor:
    """Share of 900 debates that the honest side wins, by its skill (row) and the liar's: (5, 5)."""
    generator = utils.generator(seed)
    won = torch.zeros(len(SKILLS), len(SKILLS), dtype=torch.float64)
    for i in progress.track(range(len(SKILLS)), "skills"):
        for j, liar in enumerate(SKILLS):
            rules = skilled(SKILLS[i], generator), skilled(liar, generator)
            won[i, j] = right(*one_on_one(seed, *rules)) / 100
    return won


def elo_by_skill(won: Tensor, games: int = 900) -> tuple[Tensor, Tensor]:
    """Elo of the honest debaters and of the liars, of each skill, who meet only each other."""
    n = len(won)
    wins = torch.zeros(2 * n, 2 * n, dtype=torch.float64)
    wins[:n, n:] = games * won
    wins[n:, :n] = games * (1 - won.T)
    rating = elo_from_wins(wins)
    return rating[:n], rating[n:]


def expected_score(difference: Tensor) -> Tensor:
    """The chance to win that a difference in Elo means."""
    return 1 / (1 + 10 ** (-difference / 400))


def slope(x: tuple[float, ...], y: Tensor) -> float:
    """Of the least-squares line."""
    x = torch.tensor(x, dtype=y.dtype)
    return (((x - x.mean()) * y).sum() / ((x - x.mean()) ** 2).sum()).item()


class Informed(NamedTuple):
    """Accuracy between truth and lie, in %, of a judge with some random pixels of its own."""

    own: int
    alone: float
    with_random: float  # and as many random pixels as the debate reveals
    with_debate: float


@cache
def information_sweep(seed: int, n_reveals: int = 4) -> list[Informed]:
    """What a debate of four reveals adds to a judge who has seen 0 to 12 pixels already."""
    images, truth = held_out(seed)
    images, truth, lies = (
        images.repeat_interleave(9, 0),
        truth.repeat_interleave(9),
        nine_lies(truth),
    )
    lies, judge, generator = lies.flatten(), judge_of(seed, 16), utils.generator(seed)
    rows = []
    for own in progress.track(OWN_PIXELS, "own pixels"):
        start = random_pixels(images, own, generator)
        moves = play_debate(judge, images, truth, lies, n_reveals, start=start)
        more = random_pixels(images.masked_fill(start, 0), n_reveals, generator)
        views = [
            sparse_view(images, m) for m in (start, start | more, mask_of(images, moves, start))
        ]
        alone, *others = [right(judge(view), truth, lies) for view in views]
        rows.append(Informed(own, alone if own else 50.0, *others))  # no pixel: a guess
    return rows


@claim(
    "From random pixels the judge is right about half of the time",
    source="Irving et al. 2018, section 3.1",
    paper="48.2 % from 4 random pixels, 59.4 % from 6",
    bound="within 5 points of both",
)
def judge_from_random_pixels(seed: int) -> Finding:
    got = {n: 100 * random_accuracy(seed, n) for n in (4, 6)}
    off = max(abs(got[n] - PAPER_RANDOM[n]) for n in got)
    return Finding(got[6], "% right from 6", off <= 5)


def _close(seed: int, kind: str, cells: dict | None = None) -> Finding:
    """Whether both cells of Table 2 of this kind come within two standard errors of 100 images."""
    cells = cells or table(seed)
    near = []
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
    source="Irving et al. 2018, Table 2, no precommit",
    paper="honest last 68.4 and 81.5 %, honest first 51.0 and 67.4 %",
    bound="at least half of the paper's difference (17.4, 14.1 points) at both",
)
def moving_last_helps(seed: int) -> Finding:
    gain = {n: table(seed)["open", n][1] - table(seed)["open", n][0] for n in (4, 6)}
    return Finding(gain[6], "points at 6", gain[4] >= 17.4 / 2 and gain[6] >= 14.1 / 2)


@claim(
    "Precommitment takes most of that advantage away",
    source="Irving et al. 2018, Table 2",
    paper="2.9 and 3.0 points with precommit, 17.4 and 14.1 without",
    bound="less than half of our own difference without, at both",
)
def committed_order_matters_less(seed: int) -> Finding:
    gain = {key: rates[1] - rates[0] for key, rates in table(seed).items()}
    less = [abs(gain["committed", n]) < gain["open", n] / 2 for n in (4, 6)]
    return Finding(gain["committed", 6], "points at 6", all(less))


@cache
def searched(seed: int) -> dict[tuple[str, int], tuple[float, float]]:
    """Table 2's cells at 4 pixels when both sides look two plies ahead, in %."""
    (images, labels), judge = held_out(seed), judge_of(seed, 4)
    rule, cells = two_plies(4), {}
    for kind in progress.track(("committed", "open"), "two plies"):
        rates = table_cell(judge, images, labels, 4, kind == "committed", rule)
        cells[kind, 4] = (100 * rates[0], 100 * rates[1])
    return cells


@claim(
    "Debaters who search deeper leave the rates as they are",
    source="Irving et al. 2018, Table 2 (tree search, 10,000 rollouts a move)",
    paper="85.2 % and 59.7 % at 4 pixels, by far deeper search than ours",
    bound="both sides two plies: within 7 points of the first, 10 of the second",
)
def search_leaves_the_rates(seed: int) -> Finding:
    cells = searched(seed)
    committed, uncommitted = (mean_of(cells, kind, 4) for kind in ("committed", "open"))
    holds = abs(committed - 85.2) <= 7 and abs(uncommitted - 59.7) <= 10
    return Finding(uncommitted, "% honest wins, open", holds)


@claim(
    "Both sides are needed: a liar without an opponent fools the judge",
    source="Irving et al. 2018, section 3.1",
    paper="“a dishonest player could choose [pixels] adversarially to fool the judge”",
    bound="one lie, 6 pixels: truth below 50 % if the honest side plays at random, above if not",
)
def both_sides_are_needed(seed: int) -> Finding:
    random = skilled(0.0, utils.generator(seed))
    alone = right(*one_on_one(seed, random, best_reveal))
    both = right(*one_on_one(seed, best_reveal, best_reveal))
    return Finding(alone, "% truth, liar alone", alone < 50 < both)


@claim(
    "Debate beats consultancy",
    source="Khan et al. 2024; Michael et al. 2023, abstract",
    paper="debate 88, 76, 84 %; consultancy 78, 54, 74 % (people, LLM judges, people)",
    bound="at least 10 points higher",
)
def debate_beats_consultancy(seed: int) -> Finding:
    debate = right(*one_on_one(seed, best_reveal, best_reveal))
    gain = debate - consultancy_accuracy(seed, 1.0)
    return Finding(gain, "points", gain >= 10)


@claim(
    "Even a consultant beats no help at all",
    source="Khan et al. 2024, as reported in the course's sources",
    paper="consultancy 78 and 54 %, no help 60 and 48 % (people, LLM judges)",
    bound="consultancy at least 6 points above a guess between the two answers",
)
def consultancy_beats_a_guess(seed: int) -> Finding:
    rate = consultancy_accuracy(seed, 1.0)
    return Finding(rate, "% right", rate >= 56)


@claim(
    "More persuasive debaters make the judge more accurate",
    source="Khan et al. 2024, abstract",
    paper="optimizing debaters for persuasiveness improves the judge's ability to find the truth",
    bound="both at skill 1 at least 2 points above both at skill 0 (two standard errors)",
)
def persuasive_debaters_help(seed: int) -> Finding:
    random, same = utils.generator(seed), best_reveal
    gain = right(*one_on_one(seed, same, same)) - right(
        *one_on_one(seed, skilled(0.0, random), skilled(0.0, random))
    )
    return Finding(gain, "points", gain >= 2)


@claim(
    "A more persuasive consultant makes the judge less accurate",
    source="Michael et al. 2023, abstract (more skilled); Khan et al. 2024",
    paper="with more skill “the performance of debate goes up but … consultancy goes down”",
    bound="at skill 1 at least 2 points below skill 0 (two standard errors)",
)
def persuasive_consultants_harm(seed: int) -> Finding:
    loss = consultancy_accuracy(seed, 0.0) - consultancy_accuracy(seed, 1.0)
    return Finding(loss, "points lost", loss >= 2)


@cache
def score_differences(seed: int) -> tuple[float, float]:
    """Agent score difference of debate and of consultancy, in nats, all at full skill."""
    logits, truth, lies = one_on_one(seed, best_reveal, best_reveal)
    debate = agent_score_difference(logits, logits, truth, lies)
    alone = agent_score_difference(*consultancy(seed, 1.0), truth, lies)
    return debate.item(), alone.item()


@claim(
    "Honesty pays more in debate than in consultancy",
    source="Pallavi Sudhir et al. 2025, summary",
    paper="debate gives the stronger incentive to be honest, consultancy a weak one",
    bound="agent score difference above 0 in debate, and above consultancy's",
)
def honesty_pays_in_debate(seed: int) -> Finding:
    debate, alone = score_differences(seed)
    return Finding(debate - alone, "nats", debate > max(0.0, alone))


@claim(
    "Debate helps where the judge lacks information",
    source="Kenton et al. 2024, abstract",
    paper="debate beats direct answers under information asymmetry; else results are mixed",
    bound="over 4 more random pixels: 2 points at 0 own pixels, less than half of that at 12",
)
def debate_helps_the_uninformed(seed: int) -> Finding:
    gain = {row.own: row.with_debate - row.with_random for row in information_sweep(seed)}
    return Finding(gain[0], "points at 0 own", gain[0] >= 2 and gain[12] < gain[0] / 2)


@claim(
    "Elo grows with skill, and faster for the honest side than for the liar",
    source="Engels et al. 2025, Debate, as reported in the course's sources",
    paper="Elo rises with capability: slope 1.10 for the overseeing side, 0.05 for the other",
    bound="both least-squares slopes over five skills positive, the honest side's larger",
)
def elo_grows_with_skill(seed: int) -> Finding:
    honest, liars = elo_by_skill(skill_matrix(seed))
    up, up_liar = slope(SKILLS, honest), slope(SKILLS, liars)
    return Finding(up / up_liar, "times as steep", up > up_liar > 0)


@claim(
    "One number a player predicts who wins",
    source="Engels et al. 2025, abstract",
    paper="oversight is modeled as a game between players with Elo scores",
    bound="all 25 win rates within 5 points of those that the ratings mean",
)
def elo_predicts_the_matrix(seed: int) -> Finding:
    won = skill_matrix(seed)
    honest, liars = elo_by_skill(won)
    off = 100 * (expected_score(honest[:, None] - liars) - won).abs().max().item()
    return Finding(off, "points off at most", off <= 5)


def bench() -> Iterator[tuple[str, Callable[[], tuple[int, float | None]]]]:
    """Rows for `make bench`."""
    for most in (4, 6, 16):
        yield f"judge of up to {most} pixels", lambda most=most: (1500, judge_of(0, most) and None)
    yield "Table 2: four cells, 100 images, both orders", lambda: (0, table(0) and None)
    yield "Table 2 at 4 pixels, two plies", lambda: (0, searched(0) and None)
    yield "25 pairs of skills, 900 debates each", lambda: (0, skill_matrix(0)[4, 4].item() and None)
    yield "information: 6 times 900 debates", lambda: (0, information_sweep(0) and None)
