"""The runs that several claims of the overoptimization lesson share, each made once for a seed."""

from functools import cache

from lessons.overoptimization.experiments import (
    WIDTHS,
    Curve,
    Pair,
    Proxy,
    bon_curve,
    both,
    combine,
    learn_proxies,
    rl_curves,
    start,
)

COMPARISONS = (500, 2000, 8000)
SMALL = 8  # units of the small policy, where the other has 64
SMALL_PENALTY = 0.05  # proxy units per nat


@cache
def proxies_by_width(seed: int) -> dict[int, Proxy]:
    """A reward model of each width."""
    return dict(zip(WIDTHS, learn_proxies(start(seed), WIDTHS), strict=True))


@cache
def by_width(seed: int) -> dict[int, Pair]:
    """Both optimizers against a reward model of each width."""
    pairs = both(start(seed), [*proxies_by_width(seed).values()])
    return dict(zip(WIDTHS, pairs, strict=True))


@cache
def fewer_and_held(seed: int, beta: float = 0.1) -> tuple[list[Pair], Curve]:
    """The widest reward model from fewer comparisons; RL against width 16 with a KL penalty.

    Three policies side by side cost less than two and then one.
    """
    begin = start(seed)
    fewer = [learn_proxies(begin, WIDTHS[-1:], n)[0] for n in COMPARISONS[:-1]]
    proxies = [*fewer, proxies_by_width(seed)[16]]
    *rls, held = rl_curves(begin, proxies, [0.0] * len(fewer) + [beta])
    bons = [bon_curve(begin, proxy) for proxy in fewer]
    return list(zip(bons, rls, strict=True)), held


def by_comparisons(seed: int) -> dict[int, Pair]:
    """Both optimizers against the widest reward model from each number of comparisons."""
    pairs = [*fewer_and_held(seed)[0], by_width(seed)[WIDTHS[-1]]]
    return dict(zip(COMPARISONS, pairs, strict=True))


def by_penalty(seed: int) -> tuple[Curve, Curve]:
    """RL against one proxy without a KL penalty and with one."""
    return by_width(seed)[16][1], fewer_and_held(seed)[1]


@cache
def by_policy(seed: int) -> tuple[list[Curve], list[Curve]]:
    """Best-of-n by each of the four from the policy of 64 units, and from the small one."""
    small, proxies = start(seed, hidden=SMALL), proxies_by_width(seed)
    return [bon for bon, _ in by_width(seed).values()], [
        bon_curve(small, proxy) for proxy in proxies.values()
    ]


@cache
def rl_by_policy(seed: int) -> tuple[Curve, Curve]:
    """RL against the linear model: 64 units, and the small policy, which moves more slowly."""
    linear = proxies_by_width(seed)[WIDTHS[0]]
    (small,) = rl_curves(start(seed, hidden=SMALL), [linear], steps=76)
    return by_width(seed)[WIDTHS[0]][1], small


@cache
def ensemble(seed: int) -> list[Proxy]:
    """Five reward models of width 16 that learned from the same 2,000 comparisons."""
    return learn_proxies(start(seed), [16], 2000, range(5))


@cache
def rl_by_ensemble(seed: int) -> tuple[list[Curve], Curve, Curve, Curve]:
    """RL against two members alone and the worst case of all five; then with a small penalty.

    Returns the two, the worst case, and with the penalty the first member and the worst case.
    """
    members = ensemble(seed)
    worst = combine(members, "worst")
    penalties = (0.0, 0.0, 0.0, SMALL_PENALTY, SMALL_PENALTY)
    against = [*members[:2], worst, members[0], worst]
    *alone, free, member_held, held = rl_curves(start(seed), against, penalties, steps=52)
    return alone, free, member_held, held


@cache
def bon_by_ensemble(seed: int) -> tuple[list[Curve], Curve]:
    """Best-of-n by each member alone, and by the worst case of all five."""
    begin, members = start(seed), ensemble(seed)
    alone = [bon_curve(begin, member) for member in members]
    return alone, bon_curve(begin, combine(members, "worst"))
