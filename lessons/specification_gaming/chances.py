"""What this lesson measures over chance: proxies, pairs of rewards, and plans of people."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.specification_gaming.exercises import is_unhackable, quantilize
from lessons.specification_gaming.experiments import visits
from utils.notebook import generator
from utils.worlds.grids import FiniteWorld, Floor, enumerate_world, optimal, policy_values

SLIPS = tuple(i / 50 for i in range(50, -1, -1))


def random_world(g: torch.Generator) -> FiniteWorld:
    """A floor of 5 x 5, a fifth of it walls, on which at least 15 cells can be reached."""
    wall = torch.rand(5, 5, generator=g) < 0.2
    wall[0, 0] = False
    floor = Floor(*["".join("#" if x else "." for x in row) for row in wall.tolist()])
    world = enumerate_world(lambda s, a: [(1.0, floor.move(s, a), 0.0)], [(0, 0)], 4)
    return world if len(world.states) >= 15 else random_world(g)


def misspecified(seed: int, n: int = 120) -> dict[str, tuple[Tensor, Tensor]]:
    """By kind of error: what the optimum of each of n proxies is worth, by its control.

    Proxy and true return, both (n, len(SLIPS)), each as a share: 0 is acting at random, 1 the best.
    Five kinds of things lie on a random floor of 5 x 5, and each has a worth. The proxy has one
    worth wrong, or one kind of thing mistaken for another, or sees three columns of five only.
    A slip is a random move in place of the chosen one.
    """
    g, gamma = generator(seed), 0.95
    world = random_world(g)
    n_states, who = len(world.states), torch.arange(n)
    things = (torch.rand(n, 5, n_states, generator=g) < 0.2).double()
    worth = torch.randn(n, 5, generator=g, dtype=torch.float64)
    which = torch.randint(5, (n,), generator=g)
    wrong, mistaken = worth.clone(), things.clone()
    wrong[who, which] *= torch.exp(2 * torch.randn(n, generator=g, dtype=torch.float64))
    mistaken[who, which] = (torch.rand(n, n_states, generator=g) < 0.2).double()
    seen = torch.tensor([float(column < 3) for _, column in world.states], dtype=torch.float64)
    following = world.transitions.argmax(-1)
    moved = following != torch.arange(n_states)[:, None]

    def paid(worth: Tensor, things: Tensor) -> Tensor:
        return torch.einsum("nk,nks->ns", worth, things)[:, following] * moved

    true = paid(worth, things)
    proxies = {"a worth": paid(wrong, things), "a kind": paid(worth, mistaken)}
    proxies["the rest unseen"] = paid(worth, things * seen)
    return {name: by_control(world, p, true, gamma) for name, p in proxies.items()}


def by_control(world: FiniteWorld, p: Tensor, true: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Proxy and true return of the proxy's optimum at each slip, as shares."""
    got: dict[str, list[Tensor]] = {"proxy": [], "true": []}
    for slip in SLIPS:
        chance = world.transitions.mean(1, keepdim=True)
        slippery = replace(world, transitions=(1 - slip) * world.transitions + slip * chance)
        r = {"proxy": p, "true": true}
        mean = {k: (1 - slip) * x + slip * x.mean(-1, keepdim=True) for k, x in r.items()}
        policy = optimal(slippery, gamma, mean["proxy"]).policy
        for k, x in mean.items():
            got[k].append(policy_values(slippery, policy, gamma, x)[:, 0])
    shares = []
    for k, r in (("proxy", p), ("true", true)):
        value, best = torch.stack(got[k], 1), optimal(world, gamma, r).values[:, :1]
        shares.append((value - value[:, :1]) / (best - value[:, :1]).clamp(min=1e-9))
    return shares[0], shares[1]


def random_policies(seed: int, kind: str, n: int = 50) -> Tensor:
    """The visits of policies in a random world of 3 states, 2 actions: all 8 that are
    deterministic, or n at random that are not."""
    g = generator(seed)

    def draw(*shape: int) -> Tensor:
        weight = -torch.log(torch.rand(*shape, generator=g, dtype=torch.float64))
        return weight / weight.sum(-1, keepdim=True)

    transitions, start = draw(3, 2, 3), torch.full((3,), 1 / 3, dtype=torch.float64)
    plain = F.one_hot(torch.tensor([*product(range(2), repeat=3)]), 2).double()
    policies = plain if kind == "deterministic" else draw(n, 3, 2)
    return visits(transitions, start, policies, 0.9)


def reward_pairs(seed: int, correlation: float, n: int) -> tuple[Tensor, Tensor]:
    """n rewards of 3 states and 2 actions, and proxies that correlate with them: (n, 3, 2) each."""
    if abs(correlation) > 1:
        raise ValueError(f"a correlation lies from -1 to 1, not at {correlation}")
    g = generator(1000 + seed)
    r, noise = torch.randn(2, n, 3, 2, generator=g, dtype=torch.float64)
    return r, correlation * r + math.sqrt(1 - correlation**2) * noise


def share_unhackable(visited: Tensor, r: Tensor, r_proxy: Tensor) -> float:
    """The share of the pairs of rewards that is unhackable over these policies."""
    return sum(map(is_unhackable, r, r_proxy, [visited] * len(r))) / max(len(r), 1)


def plans(seed: int, drivers: int = 20, moves: int = 24) -> tuple[Tensor, Tensor, Tensor]:
    """What people would do on the small track, exactly: probability, score, laps of each outcome.

    The drivers are equally likely. Each goes ahead with a chance of its own, at most 0.9, back with
    one of at most 0.1, and else stays. All plans of 24 moves with one score and lap count are one
    outcome.
    """
    g, n, marks = generator(seed), 8, (2, 6)
    ahead = 0.9 * torch.rand(drivers, 1, 1, generator=g, dtype=torch.float64)
    back = 0.1 * torch.rand(drivers, 1, 1, generator=g, dtype=torch.float64)
    p = torch.zeros(drivers, n, moves + 1, 2 * moves + 1, dtype=torch.float64)
    p[:, 0, 0, moves] = 1 / max(drivers, 1)
    for _ in range(moves):
        new = (1 - ahead - back).unsqueeze(1) * p
        for i, (step, chance) in product(range(n), ((1, ahead), (-1, back))):
            going, to = (chance * p[:, i]).roll(step, -1), (i + step) % n
            new[:, to] += going.roll(1, -2) if to in marks else going
        p = new
    outcomes = p.sum((0, 1))
    score, net = torch.nonzero(outcomes, as_tuple=True)
    return outcomes[score, net], score.double(), (net - moves).double() / n


def by_quantile(
    base: Tensor, score: Tensor, laps: Tensor, qs: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Mean score and mean laps of the q-quantilizer of the score, for each q."""
    if not len(qs) or not all(0 < q <= 1 for q in qs):
        raise ValueError(f"shares q lie above 0 and up to 1, not {list(qs)}")
    chosen = torch.stack([quantilize(base, score, q) for q in qs])
    return chosen @ score, chosen @ laps
