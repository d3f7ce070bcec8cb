"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from lessons.oversight_scaling.agents import (
    LEVELS,
    ROUNDS,
    Agents,
    Round,
    held_out_error,
    play_debates,
    play_proofs,
    rated,
    ratings,
    rounds,
    slope,
    train_agents,
)
from lessons.oversight_scaling.backdoors import Backdoors, play_backdoors
from lessons.oversight_scaling.exercises import elo_win_probability, expected_scores
from lessons.oversight_scaling.experiments import (
    Protocol,
    best_curve,
    doubling_gain,
    line_fit,
    protocols,
    protocols_by_level,
)
from utils.claims import Finding, claim
from utils.notebook import generator

ENGELS = "Engels et al. 2025"
FITS = f"{ENGELS}, fits in the authors' repository"
SUDHIR = "Pallavi Sudhir et al. 2025, results_table.tex in the authors' repository"
READ = 0.075  # 150 of 2,000 outputs a day
ASKED = (1, 3, 5, 7, 9)  # levels, from 0, of the agents whose protocols are scored

# Each of these is done once a seed, whichever claim asks first.


class Played(NamedTuple):
    """Who played, on what, and the win rates of three games, (guards, Houdinis)."""

    agents: Agents
    games: Round
    debate: Tensor
    proofs: Tensor
    backdoors: Backdoors

    @property
    def won(self) -> dict[str, Tensor]:
        return {"debate": self.debate, "proofs": self.proofs, "backdoors": self.backdoors.won}


@cache
def played(seed: int) -> Played:
    agents, games = train_agents(seed), rounds(seed)
    proofs = play_proofs(agents, games, generator(seed))
    return Played(agents, games, play_debates(agents, games), proofs, play_backdoors(seed, (READ,)))


@cache
def elo(seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """The ratings of guards and of Houdinis in each game."""
    return {name: ratings(won) for name, won in played(seed).won.items()}


def slopes(seed: int, game: str) -> tuple[float, float]:
    """Elo for a doubling, of guards and of Houdinis."""
    guards, houdinis = elo(seed)[game]
    return slope(guards), slope(houdinis)


@cache
def asked(seed: int) -> dict[str, list[Protocol]]:
    """The protocols with the best judge and agents of some levels."""
    s = played(seed)
    return protocols_by_level(s.agents, s.games, generator(seed), ASKED)


@cache
def strongest(seed: int) -> dict[str, Protocol]:
    """The protocols with the best judge and the best agent."""
    s = played(seed)
    return protocols(s.agents.guards[-1], s.agents.houdinis[-1], s.games, generator(seed))


@claim(
    "In debate the guard's capability counts, and that of the debaters hardly",
    source=FITS,
    paper="TruthfulQA, Elo for a point of general Elo: guard 1.10, Houdini 0.05. The Houdini's "
    "slope over the guard's on the other three data sets: −0.32, −0.12 and 0.20",
    bound="Elo rises with the guard's capability, and the Houdini's slope is at most a quarter of "
    "the guard's, up or down",
)
def debate_is_the_guards(seed: int) -> Finding:
    guard, houdini = slopes(seed, "debate")
    ratio = houdini / guard
    return Finding(ratio, "Houdini's slope over the guard's", guard > 0 and abs(ratio) <= 0.25)


@claim(
    "With one side speaking the Houdini rises, but less than the guard",
    source=FITS,
    paper="Houdini's slope over the guard's: Mafia 0.55, Wargames 0.58",
    bound="both slopes above 0, and the Houdini's between half of the guard's and all of it",
)
def one_speaker_lets_houdini_rise(seed: int) -> Finding:
    guard, houdini = slopes(seed, "proofs")
    holds = guard > 0 and guard / 2 <= houdini <= guard
    return Finding(houdini / guard, "Houdini's slope over the guard's", holds)


@claim(
    "With backdoors the Houdini rises faster than the guard",
    source=FITS,
    paper="Backdoor Code: Houdini 1.95, guard 0.72 (a loose fit, R² 0.18), a ratio of 2.71",
    bound="both slopes above 0, and the Houdini's above the guard's",
)
def backdoors_favor_houdini(seed: int) -> Finding:
    guard, houdini = slopes(seed, "backdoors")
    return Finding(houdini / guard, "Houdini's slope over the guard's", 0 < guard < houdini)


@claim(
    "Most of its rise in Elo is that more of its backdoors work",
    source=f"{ENGELS}, on Backdoor Code, as summarized by others",
    paper="stronger Houdinis make more backdoors that work, not necessarily subtler ones",
    bound="among backdoors that work the Houdini's slope is at most half of its slope among all "
    "(Houdinis with at least 50 of 400 that work)",
)
def working_is_what_rises(seed: int) -> Finding:
    s = played(seed).backdoors
    games = (ROUNDS * s.works).expand_as(s.won)
    _, houdinis = rated(s.won_if_working.nan_to_num(0.5), games)
    x, enough = torch.tensor(LEVELS, dtype=torch.float64), s.works * ROUNDS >= 50
    share = line_fit(x[enough], houdinis[enough])[0] / slopes(seed, "backdoors")[1]
    return Finding(share, "of the slope is left", share <= 0.5)


@claim(
    "Elo by capability has two plateaus",
    source=f"{ENGELS}, abstract and repository",
    paper="Elo is piecewise linear in general capability, with two plateaus. Chosen in their four "
    "games: a line seven times of eight, an upper plateau once",
    bound="of the authors' four curves (a line, an upper plateau, a lower one, two) the one with "
    "two plateaus is best by Akaike's criterion for at least 4 of the 6",
)
def elo_has_plateaus(seed: int) -> Finding:
    x = torch.tensor(LEVELS, dtype=torch.float64)
    curves = [curve for pair in elo(seed).values() for curve in pair]
    n = sum(best_curve(x, curve) == "two plateaus" for curve in curves)
    return Finding(n, "of 6 curves", n >= 4)


@claim(
    "Ratings predict pairings that were never played",
    source=f"{ENGELS}, abstract",
    paper="oversight is a game between players with Elo scores (no figure for the error)",
    bound="half of the pairings held out, mean over three games: error at most half of that of "
    "predicting the mean",
)
def ratings_predict(seed: int) -> Finding:
    found = [held_out_error(won, generator(seed)) for won in played(seed).won.values()]
    by_elo, by_mean = (sum(errors) / len(found) for errors in zip(*found, strict=True))
    return Finding(by_elo / by_mean, "of the error of the mean", by_elo <= by_mean / 2)


@claim(
    "One number a player fits every pairing",
    source=f"{ENGELS}, abstract",
    paper="oversight is a game between players with Elo scores (no figure for the error)",
    bound="as in the lesson on debate: no pairing of three games more than 5 points off",
)
def one_number_fits_all(seed: int) -> Finding:
    worst = 0.0
    for name, won in played(seed).won.items():
        guards, houdinis = elo(seed)[name]
        meant = elo_win_probability(guards[:, None], houdinis)
        worst = max(worst, 100 * (meant - won).abs().max().item())
    return Finding(worst, "points off at most", worst <= 5)


@claim(
    "Debate pays honesty more than any protocol in which one agent or nobody speaks",
    source=SUDHIR,
    paper="debate 1.31 to 1.42, nobody 1.24, propaganda 1.23, consultancy 0.28 to 0.37 (Brier "
    "score, at most 2)",
    bound="best agent, six pixels: debate above consultancy, propaganda and random pixels",
)
def debate_pays_honesty(seed: int) -> Finding:
    pays = {name: p.honesty_pays(played(seed).games) for name, p in strongest(seed).items()}
    debate = pays.pop("debate")
    lead = debate - max(pays.values())
    return Finding(lead, "nats above the next best", lead > 0)


@claim(
    "The more capable the debaters, the more honesty pays in debate",
    source=SUDHIR,
    paper="slope by the agent's expected score: 0.7 to 2.0 for equal debaters (as ours are), −0.2 "
    "to 0.6 for unequal ones",
    bound="agent score difference rises with the agents' capability (slope above 0)",
)
def capable_debaters_help(seed: int) -> Finding:
    pays = [p.honesty_pays(played(seed).games) for p in asked(seed)["debate"]]
    gain = doubling_gain(ASKED, pays)
    return Finding(gain, "nats for a doubling", gain > 0)


@claim(
    "The more persuasive a propagandist, the more honesty pays",
    source=SUDHIR,
    paper="slope by the agent's expected score: 12.1 in propaganda; in consultancy mixed, −7.2, "
    "−1.7, 1.9 and 6.8, so that nothing is claimed there",
    bound="over agents of five levels the agent score difference rises with the agent's expected "
    "score (β = 1, slope above 0)",
)
def persuasive_propagandists_profit(seed: int) -> Finding:
    games, some = played(seed).games, asked(seed)["propaganda"]
    persuades = [expected_scores(*p.scores(games), 1.0)[1] for p in some]
    gain = doubling_gain(persuades, [p.honesty_pays(games) for p in some])
    return Finding(gain, "nats for a nat of expected score", gain > 0)


@claim(
    "A guard that says what to read finds more backdoors than reading at random",
    source="no paper; 100 to 200 looks a day as reported in the course's sources",
    paper="people can read few of a day's outputs",
    bound="strongest guard, mean over Houdinis of level 5 to 10, reading 7.5 %: "
    "more than 7.5 % of the working backdoors are read, by two standard errors of 400 programs",
)
def triage_helps(seed: int) -> Finding:
    found = played(seed).backdoors.odd[READ][-1, 4:].mean().item()
    margin = 2 * (READ * (1 - READ) / ROUNDS) ** 0.5
    return Finding(100 * found, "% of backdoors read", found > READ + margin)


@claim(
    "Of a strong Houdini's backdoors it finds far fewer",
    source="no paper; Engels et al. 2025 expect oversight to decline with capability",
    paper="success declines when the overseen system is stronger",
    bound="strongest guard, reading 7.5 %: of the strongest Houdini's at most half as many as of "
    "those of level 3",
)
def triage_fades(seed: int) -> Finding:
    odd = played(seed).backdoors.odd[READ][-1]
    share = (odd[-1] / odd[2]).item()
    return Finding(share, "of what is found of the weaker one's", share <= 0.5)
