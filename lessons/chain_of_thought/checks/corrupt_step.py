"""How `corrupt_step` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.chain_of_thought.exercises import corrupt_step
from utils.grading import expect


def _by_hand(digits, where, by, base):
    """The sum is worked out step by step; at one step something is added to it."""
    rows = []
    for row, place, off in zip(digits.tolist(), where.tolist(), by.tolist(), strict=True):
        now, steps = 0, []
        for j, digit in enumerate(row):
            now = (now + digit + (off if j == place else 0)) % base
            steps.append(now)
        rows.append(steps)
    return torch.tensor(rows)


@corrupt_step.check
def the_last_step_alone(fn):
    got = fn(torch.tensor([[1, 3, 2]]), torch.tensor([2]), torch.tensor([1]))
    expect(got, torch.tensor([[1, 3, 3]]))


@corrupt_step.check
def what_follows_goes_on_from_the_mistake(fn):
    got = fn(torch.tensor([[1, 3, 4]]), torch.tensor([1]), torch.tensor([1]))
    expect(got, torch.tensor([[1, 4, 0]]))


@corrupt_step.check
def each_text_has_its_own_mistake(fn):
    g = torch.Generator().manual_seed(1)
    for base, steps in ((5, 4), (7, 6), (10, 1)):
        digits = torch.randint(base, (8, steps), generator=g)
        where = torch.randint(steps, (8,), generator=g)
        by = torch.randint(1, base, (8,), generator=g)
        got = fn(digits.cumsum(1) % base, where, by, base)
        expect(got, _by_hand(digits, where, by, base))


@corrupt_step.check
def a_mistake_downward(fn):
    got = fn(torch.tensor([[0, 2]]), torch.tensor([0]), torch.tensor([-1]))
    expect(got, torch.tensor([[4, 1]]))


@corrupt_step.check
def the_chain_is_left_as_it_is(fn):
    chain = torch.tensor([[1, 3, 4], [0, 0, 2]])
    before = chain.clone()
    fn(chain, torch.tensor([0, 2]), torch.tensor([2, 3]))
    expect(chain, before)


def _off(chain):
    return torch.arange(chain.shape[1])


for text, fn in (
    (
        "only the mistaken step changes: those after it do not follow from it",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) == where[:, None], (chain + by[:, None]) % base, chain
        ),
    ),
    (
        "the mistake begins one step late",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) > where[:, None], (chain + by[:, None]) % base, chain
        ),
    ),
    (
        "the mistake begins one step early: `where` counts from 0",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[:, None] - 1, (chain + by[:, None]) % base, chain
        ),
    ),
    (
        "the steps before the mistake change, and not those after it",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) <= where[:, None], (chain + by[:, None]) % base, chain
        ),
    ),
    (
        "every step changes",
        lambda chain, where, by, base=5: (chain + by[:, None]) % base,
    ),
    (
        "not modulo base: numbers leave the clock",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[:, None], chain + by[:, None], chain
        ),
    ),
    (
        "the base is ignored: always 5",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[:, None], (chain + by[:, None]) % 5, chain
        ),
    ),
    (
        "off by the other way: subtracted",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[:, None], (chain - by[:, None]) % base, chain
        ),
    ),
    (
        "the steps are set to `by`, not moved by it",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[:, None], by[:, None] % base, chain
        ),
    ),
    (
        "always off by 1: `by` is ignored",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[:, None], (chain + 1) % base, chain
        ),
    ),
    (
        "all texts have the mistake of the first",
        lambda chain, where, by, base=5: torch.where(
            _off(chain) >= where[0], (chain + by[0]) % base, chain
        ),
    ),
    (
        "the mistake grows: it is made anew at every step",
        lambda chain, where, by, base=5: (
            (chain + by[:, None] * (_off(chain) - where[:, None] + 1).clamp(min=0)) % base
        ),
    ),
    ("nothing changes", lambda chain, where, by, base=5: chain.clone()),
):
    corrupt_step.mistake(text)(fn)


@corrupt_step.mistake("changes the chain in place: the caller loses the right one")
def _(chain, where, by, base=5):
    changed = _off(chain) >= where[:, None]
    chain += by[:, None] * changed
    chain %= base
    return chain


@corrupt_step.right("by a loop")
def _(chain, where, by, base=5):
    out = chain.clone()
    for i, (place, off) in enumerate(zip(where, by, strict=True)):
        out[i, place:] = (out[i, place:] + off) % base
    return out


@corrupt_step.right("from the digits: differences, one of them off, summed again")
def _(chain, where, by, base=5):
    digits = torch.diff(chain, dim=1, prepend=torch.zeros_like(chain[:, :1]))
    digits = digits.scatter_add(1, where[:, None], by[:, None])
    return digits.cumsum(1) % base
