"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from lessons.specification_gaming.chances import (
    by_quantile,
    misspecified,
    plans,
    random_policies,
    reward_pairs,
    share_unhackable,
)
from lessons.specification_gaming.exercises import potential_shaping
from lessons.specification_gaming.experiments import (
    NEAR,
    Room,
    by_approval,
    drive,
    lagoon,
    learn,
    penalized,
    race,
    random_room,
    room,
    tampering,
    walk,
)
from utils.claims import Finding, claim
from utils.notebook import generator
from utils.worlds.grids import optimal

# Each of these is done once a seed, whichever claim asks first.
AT = (100, 200, 300, 400, 600, 800, 1000, 1250, 1500, 2000, 2500, 3000, 4000)
GAMMA = 0.95


@cache
def raced(seed: int, size: tuple[int, int, int], paid: str) -> tuple[Tensor, Tensor]:
    """Mean score and laps in 100 moves, after each number of steps in AT: (len(AT),) each."""
    r = race(*size)
    place = {cell: i / len(r.way) for i, cell in enumerate(r.way)}
    potential = torch.tensor([place[cell] for cell in r.world.states], dtype=torch.float64)
    rewards = {
        "checkpoints": r.score,
        "laps": r.laps,
        "finish": r.finish,
        "finish and checkpoints": r.finish + r.score,
        "finish, shaped": potential_shaping(r.finish, r.world.transitions, potential, GAMMA),
    }[paid]
    tables = learn(r.world, rewards, GAMMA, seed, AT[-1], AT)
    driven = [drive(r, q.argmax(-1)) for q in tables.values()]
    score, laps = (torch.stack([pair[i].mean() for pair in driven]) for i in (0, 1))
    return score, laps


SMALL, LARGE = (3, 3, 2), (5, 7, 3)


@claim(
    "Paid for checkpoints, agents score more than those paid for laps, and make no laps",
    source="Clark & Amodei 2016 (CoastRunners)",
    paper="a score 20 % higher than people's on average, without finishing the race",
    bound="on the small track and on the large one: at least 1.2 times the score of agents that "
    "are paid for laps, and at most 0.1 of their laps",
)
def they_circle(seed: int) -> Finding:
    shares, more = [], []
    for size in (SMALL, LARGE):
        hack, honest = raced(seed, size, "checkpoints"), raced(seed, size, "laps")
        shares.append((hack[1][-1] / honest[1][-1]).item())
        more.append((hack[0][-1] / honest[0][-1]).item())
    holds = min(more) >= 1.2 and max(map(abs, shares)) <= 0.1
    return Finding(max(shares, key=abs), "of the laps of agents that are paid for laps", holds)


def steps_until(laps: Tensor, enough: float) -> float:
    """The number of steps at which the laps reach `enough` first; infinite if never."""
    reached = [at for at, x in zip(AT, laps.tolist(), strict=True) if x >= enough]
    return float(reached[0]) if reached else float("inf")


@claim(
    "A potential-based bonus speeds up learning and leaves the laps; a checkpoint bonus ends them",
    source="Ng, Harada & Russell 1999, abstract",
    paper="such potentials can lead to substantial reductions in learning time; some well-known "
    "bugs in shaping arise from other bonuses",
    bound="large track, paid at the line: with the potential 0.9 of the best laps in at most half "
    "the steps that it takes without, and in the end; with checkpoints at most 0.1 of them",
)
def potentials_help(seed: int) -> Finding:
    best = 100 / len(race(*LARGE).way)
    plain, shaped = (raced(seed, LARGE, k)[1] for k in ("finish", "finish, shaped"))
    bonus = raced(seed, LARGE, "finish and checkpoints")[1][-1].item()
    slow, fast = steps_until(plain, 0.9 * best), steps_until(shaped, 0.9 * best)
    share = fast / min(slow, AT[-1])
    holds = share <= 0.5 and shaped[-1] >= 0.9 * best and abs(bonus) <= 0.1 * best
    return Finding(share, "of the steps without it", holds)


TRAINED = (250, 500, 750, 1000, 1250, 1500, 2000, 3000, 4000, 6000, 8000)


@cache
def trained(seed: int) -> tuple[Tensor, Tensor]:
    """In the lagoon, score and laps of each agent after each number of steps: (TRAINED, n)."""
    r = lagoon()
    tables = learn(r.world, r.score, GAMMA, seed, TRAINED[-1], TRAINED)
    driven = [drive(r, q.argmax(-1)) for q in tables.values()]
    return torch.stack([d[0] for d in driven]), torch.stack([d[1] for d in driven])


@claim(
    "Longer training first brings laps, then more score and fewer laps",
    source="Pan, Bhatia & Steinhardt 2022, abstract",
    paper="more capable agents often get higher proxy and lower true reward (training time is one "
    "of four capabilities)",
    bound="mean over agents: in the end more score than where laps are most, and less than half "
    "of those laps",
)
def longer_is_worse(seed: int) -> Finding:
    score, laps = (x.mean(1) for x in trained(seed))
    peak = int(laps.argmax())
    share = (laps[-1] / laps[peak]).item()
    return Finding(share, "of the most laps", bool(share < 0.5 and score[-1] > score[peak]))


class Falls(NamedTuple):
    """Of each misspecified proxy what happens to the true return from its best control on."""

    fall: Tensor  # to full control, as a share of all there is to gain
    step: Tensor  # the largest fall in one step
    steps: Tensor  # how many steps of control there are
    hacked: Tensor  # whether it falls by over 0.1 while the proxy rises


@cache
def falls(seed: int) -> Falls:
    proxy, true = (torch.cat(x) for x in zip(*misspecified(seed).values(), strict=True))
    top, where = true.max(1)
    fall = top - true[:, -1]
    gain = proxy[:, -1] - proxy.gather(1, where[:, None]).squeeze(1)
    after = torch.arange(true.shape[1] - 1) >= where[:, None]
    step = torch.where(after, true[:, :-1] - true[:, 1:], 0.0).max(1).values
    return Falls(fall, step, true.shape[1] - 1 - where, (fall > 0.1) & (gain > 0))


@claim(
    "In a third of random misspecifications full control is worse than less of it",
    source="this course, after Pan, Bhatia & Steinhardt 2022",
    paper="often, for proxies that the authors wrote",
    bound="of 360 proxies at least a third: from the best control to full control the true return "
    "falls by over 0.1 of what there is to gain, the proxy rises",
)
def random_errors_hack(seed: int) -> Finding:
    share = falls(seed).hacked.double().mean().item()
    return Finding(share, "of proxies", share >= 1 / 3)


@claim(
    "Where the true return falls, it falls by a jump",
    source="Pan, Bhatia & Steinhardt 2022, abstract",
    paper="instances of phase transitions: thresholds with a sharp decrease",
    bound="in at least half of the falls of the row above that take four steps of control or "
    "more, one step makes at least half of the fall (a parabola's last of four makes 7/16)",
)
def falls_are_jumps(seed: int) -> Finding:
    fall, step, steps, hacked = falls(seed)
    judged = hacked & (steps >= 4)
    share = (step >= 0.5 * fall)[judged].double().mean().item() if judged.any() else 0.0
    return Finding(share, "of the falls", share >= 0.5)


@claim(
    "Over fifty policies hardly any proxy is unhackable, even at a correlation of 0.99",
    source="Skalse et al. 2022, abstract",
    paper="unhackability is a very strong condition; over all stochastic policies only constant "
    "proxies have it, and equivalent ones",
    bound="of 500 proxies at most 0.01; and all of 50 that are three times the reward plus 1",
)
def hardly_any_is_unhackable(seed: int) -> Finding:
    visited = random_policies(seed, "stochastic", 50)
    share = share_unhackable(visited, *reward_pairs(seed, 0.99, 500))
    r, _ = reward_pairs(seed, 0.0, 50)
    rescaled = share_unhackable(visited, r, 3 * r + 1)  # a constant adds the same to every return
    return Finding(share, "of proxies", share <= 0.01 and rescaled == 1)


@claim(
    "Over 8 policies a proxy that is not the reward often orders all as the reward does",
    source="this course, beside Skalse et al. 2022, Theorem 2",
    paper="over a finite set pairs exist that are unhackable, not equivalent and not constant; "
    "they need ties, which these random rewards do not have",
    bound="of 500 proxies that correlate at 0.99 at least a tenth, but not all, over all 8 "
    "deterministic policies of a world with 3 states",
)
def over_a_few_all_may_agree(seed: int) -> Finding:
    visited = random_policies(seed, "deterministic")
    share = share_unhackable(visited, *reward_pairs(seed, 0.99, 500))
    return Finding(share, "of proxies", 0.1 <= share < 1)


QS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3, 1e-4, 1e-6, 1e-8, 1e-12)


@claim(
    "A quantilizer in between, if well chosen, does better than people and than the optimizer",
    source="Everitt et al. 2017, abstract; Taylor 2016",
    paper="randomization that blunts optimization: reward corruption partially managed under some "
    "assumptions",
    bound="base drawn by this course; for the best of 12 values of q, chosen by the true reward, "
    "the mean laps are over 1.2 times those at q = 1, which exceed those at q = "
    "10⁻¹²",
)
def between_is_best(seed: int) -> Finding:
    laps = by_quantile(*plans(seed), QS)[1]
    gain = (laps.max() / laps[0]).item()
    return Finding(gain, "times the laps of people", bool(gain > 1.2 and laps[0] > laps[-1]))


def learned_walk(r: Room, name: str, seed: int) -> dict[str, Tensor]:
    table = learn(r.world, penalized(r, name, 1.0), GAMMA, seed, 6000)[6000]
    return walk(r, table.argmax(-1))


@claim(
    "Agents break the vase unless what they make unreachable is priced; then the lamp is used",
    source="Krakovna et al. 2018, abstract",
    paper="relative reachability avoids side effects without the bad incentives of simpler "
    "penalties",
    bound="of learning agents at least 0.9 break it without a penalty, at most 0.1 with "
    "reachability; there at least 0.9 arrive, and at least half by the lamp, which at most 0.1 use "
    "if any change is priced",
)
def the_vase_stays(seed: int) -> Finding:
    r = room()
    free, fixed, reach = (learned_walk(r, k, seed) for k in ("none", "any change", "reachability"))
    broken, switched = reach["broken"].mean().item(), reach["switched"].mean().item()
    holds = free["broken"].mean() >= 0.9 and broken <= 0.1 and reach["arrived"].mean() >= 0.9
    holds = bool(holds and switched >= 0.5 and fixed["switched"].mean() <= 0.1)
    return Finding(reach["arrived"].mean().item(), "of agents arrive, reachability priced", holds)


@claim(
    "In random rooms, too, the penalty keeps the vases; the same weight on any change stops more "
    "tasks",
    source="this course, after Krakovna et al. 2018",
    paper="simpler penalties introduce bad incentives (theirs: other baselines, unreachability)",
    bound="optimal policies in 20 rooms in which without a penalty all break a vase: with "
    "reachability at most 0.1 do, and at least 0.9 arrive; fewer arrive if any change is priced",
)
def rooms_stay_whole(seed: int) -> Finding:
    g, rooms = generator(seed), []
    while len(rooms) < 20:
        found = random_room(g)
        rooms += [found] if found else []
    ends = {
        name: [
            walk(r, optimal(r.world, GAMMA, penalized(r, name, 1.0)).policy[None]) for r in rooms
        ]
        for name in ("any change", "reachability")
    }

    def mean(name: str, what: str) -> float:
        return sum(bool(end[what].item()) for end in ends[name]) / len(rooms)

    broken, arrived = (mean("reachability", k) for k in ("broken", "arrived"))
    fixed = mean("any change", "arrived")
    holds = broken <= 0.1 and arrived >= 0.9 and fixed < arrived
    return Finding(fixed, "of rooms crossed if any change is priced", holds)


@cache
def tampers(seed: int, how: str) -> tuple[float, float]:
    """The share of agents that tamper, and their mean number of moves at the goal."""
    tampered, paid = tampering(NEAR, how, seed, by_approval)
    return tampered.double().mean().item(), paid.mean().item()


@claim(
    "Agents tamper for reward, and for approval if one move does it; not if it is decoupled",
    source="Uesato et al. 2020, abstract; Everitt et al. 2020",
    paper="decoupled approval has aligned incentives; approval agents tamper if one step suffices",
    bound="lever beside the way: at least 0.8 of agents tamper with reward and with approval, at "
    "most 0.1 if decoupled, which are at the goal in at least 0.8 of the possible 17 moves",
)
def decoupled_does_not_tamper(seed: int) -> Finding:
    reward, approval = (tampers(seed, how)[0] for how in ("reward", "approval"))
    share, paid = tampers(seed, "decoupled")
    fewer = min(reward, approval)
    holds = fewer >= 0.8 and share <= 0.1 and paid >= 0.8 * 17
    return Finding(fewer, "of agents tamper, the fewer of reward and approval", holds)
