"""How `hacking_direction` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.specification_gaming.drills import hacking_direction
from utils.grading import expect, require


def pair(seed: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    r, p = torch.randn(2, n, generator=g, dtype=torch.float64)
    return 3 * r, p


@hacking_direction.check
def two_axes(fn):
    r, p = torch.tensor([2.0, 0.0]).double(), torch.tensor([0.0, 5.0]).double()
    expect(fn(r, p), torch.tensor([-1.0, 1.0]).double())


@hacking_direction.check
def opposite_rewards(fn):
    r = torch.tensor([3.0, 4.0]).double()
    expect(fn(r, -r), torch.tensor([-1.2, -1.6]).double())


@hacking_direction.check
def one_gains_what_the_other_loses(fn):
    for seed, n in ((0, 2), (1, 5), (2, 9)):
        r, p = pair(seed, n)
        d = fn(r, p)
        require(torch.is_tensor(d) and d.shape == r.shape, "a tensor (d,)", d)
        u, v = (x / x.square().sum().sqrt() for x in (r, p))
        gained, lost = (d @ v).item(), (d @ u).item()
        require(gained > 1e-9, "a direction in which the proxy gains", gained)
        expect(lost, -gained)
        expect(gained, 1 - (u @ v).item())


@hacking_direction.check
def nearly_the_same_reward(fn):
    r = torch.tensor([1.0, 1.0, 1.0]).double()
    p = torch.tensor([1.0, 1.0, 1.01]).double()
    d = fn(r, p)
    require(bool(d @ p > 0) and bool(d @ r < 0), "the proxy gains, the true return loses", d)


MISTAKES = {
    "the lengths are left in: the longer reward decides": lambda r, p: p - r,
    "the other way round: the true return gains, the proxy loses": lambda r, p: (
        r / r.norm() - p / p.norm()
    ),
    "the sum: both gain along it": lambda r, p: p / p.norm() + r / r.norm(),
    "the proxy itself: the true return may gain along it": lambda r, p: p / p.norm(),
    "away from the true reward: the proxy may lose along it": lambda r, p: -r / r.norm(),
    "the proxy less its part along the true reward: the true return stays the same": lambda r, p: (
        p / p.norm() - (p @ r) / (p.norm() * r @ r) * r
    ),
    "only one of the two is brought to length 1": lambda r, p: p / p.norm() - r,
    "brought to length 1 by the sum of sizes": lambda r, p: p / p.abs().sum() - r / r.abs().sum(),
}
for said, wrong in MISTAKES.items():
    hacking_direction.mistake(said)(wrong)


@hacking_direction.right("number by number")
def _(r, r_proxy):
    a = sum(x * x for x in r.tolist()) ** 0.5
    b = sum(x * x for x in r_proxy.tolist()) ** 0.5
    rows = zip(r.tolist(), r_proxy.tolist(), strict=True)
    return torch.tensor([y / b - x / a for x, y in rows], dtype=r.dtype)


@hacking_direction.right("with normalize")
def _(r, r_proxy):
    u, v = (torch.nn.functional.normalize(x, dim=0) for x in (r, r_proxy))
    return torch.sub(v, u)
