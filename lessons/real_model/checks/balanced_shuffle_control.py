"""How `balanced_shuffle_control` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.real_model.checks.shared import numbers
from lessons.real_model.exercises import balanced_shuffle_control
from utils.grading import expect, require


def _g(seed):
    return torch.Generator().manual_seed(seed)


def _vector(got, d):
    require(torch.is_tensor(got) and got.shape == (d,), f"shape ({d},)", got)
    return got


@balanced_shuffle_control.check
def kinds_without_scatter_leave_nothing(fn):
    a, b = torch.full((4, 2), 7.0), torch.full((6, 2), -3.0)
    for seed in range(6):
        expect(fn(a, b, _g(seed)), torch.zeros(2))


@balanced_shuffle_control.check
def two_and_two_give_one_of_four(fn):
    a, b = torch.tensor([[1.0], [0.0]]), torch.tensor([[10.0], [0.0]])
    got = [round(_vector(fn(a, b, _g(seed)), 1).item(), 4) for seed in range(60)]
    wanted = {5.5, -5.5, 4.5, -4.5}  # halves of ±1 ± 10
    require({*got} <= wanted, "one of ±5.5, ±4.5", sorted({*got}))
    require({*got} == wanted, "each of ±5.5, ±4.5 in some of 60 draws", sorted({*got}))


@balanced_shuffle_control.check
def every_example_is_in_one_group(fn):
    n, m = 6, 4
    a, b = torch.eye(n + m)[:n], torch.eye(n + m)[n:]
    for seed in range(3):
        got = _vector(fn(a, b, _g(seed)), n + m)
        each = 2 / (n + m)  # one over a group's size
        expect(got.abs(), torch.full((n + m,), each))
        signs = got.sign()
        require(signs[:n].sum() == 0 and signs[n:].sum() == 0, "half of each kind in a group", got)


@balanced_shuffle_control.check
def a_large_set_is_dealt_at_random(fn):
    a, b = torch.eye(40)[:20], torch.eye(40)[20:]
    signs = torch.stack([_vector(fn(a, b, _g(s)), 40).sign() for s in range(60)])
    stuck = signs.mean(0).abs().max().item()
    require(stuck < 0.8, "no example that nearly always falls to one side", stuck)
    paired = (signs[:, :20] * signs[:, 20:]).mean(0).abs().max().item()
    require(paired < 0.8, "a and b dealt by themselves, not pair by pair", paired)
    for kind in (signs[:, :20], signs[:, 20:]):
        tied = (kind.mT @ kind / len(kind)).fill_diagonal_(0)
        for most, how in ((tied.max().item(), "together"), (-tied.min().item(), "apart")):
            require(most < 0.75, f"no two examples of a kind nearly always {how}", most)


@balanced_shuffle_control.check
def the_generator_decides(fn):
    a, b = numbers(0, 8, 3), numbers(1, 8, 3)
    one = _vector(fn(a, b, _g(5)), 3)
    torch.manual_seed(99)
    expect(fn(a, b, _g(5)), one)
    several = {tuple(round(v, 4) for v in fn(a, b, _g(s)).tolist()) for s in range(8)}
    require(len(several) > 3, "other vectors from other generators", len(several))
    g = _g(6)
    several = {tuple(round(v, 4) for v in fn(a, b, g).tolist()) for _ in range(8)}
    require(len(several) > 3, "other vectors from one generator, drawn again", len(several))


@balanced_shuffle_control.check
def odd_numbers_cannot_be_halved(fn):
    for n, m in ((3, 4), (4, 5), (3, 3)):
        try:
            got = fn(numbers(2, n, 2), numbers(3, m, 2), _g(0))
        except ValueError:
            continue
        except Exception as error:
            got = type(error).__name__
        require(False, f"a ValueError for {n} and {m} examples", got)


@balanced_shuffle_control.check
def the_inputs_are_left_as_they_are(fn):
    a, b = numbers(4, 4, 2), numbers(5, 6, 2)
    before = a.clone(), b.clone()
    fn(a, b, _g(0))
    expect(a, before[0])
    expect(b, before[1])


def _even(a, b):
    if len(a) % 2 or len(b) % 2:
        raise ValueError("odd")


def _deal(x, order):
    half = len(x) // 2
    return x[order[:half]], x[order[half:]]


def _means(first, second):
    return torch.cat(first).mean(0) - torch.cat(second).mean(0)


@balanced_shuffle_control.mistake("all examples in one heap: one group may get more of a than of b")
def _(a, b, generator):
    _even(a, b)
    x = torch.cat([a, b])
    order = torch.randperm(len(x), generator=generator)
    first, second = _deal(x, order)
    return first.mean(0) - second.mean(0)


@balanced_shuffle_control.mistake("a is dealt into halves, b is not: only a's scatter is left")
def _(a, b, generator):
    _even(a, b)
    first, second = _deal(a, torch.randperm(len(a), generator=generator))
    return first.mean(0) - second.mean(0)


@balanced_shuffle_control.mistake("the difference of the two kinds itself: nothing is shuffled")
def _(a, b, generator):
    _even(a, b)
    return a.mean(0) - b.mean(0)


@balanced_shuffle_control.mistake("halves in the order given: nothing is random")
def _(a, b, generator):
    _even(a, b)
    half_a, half_b = len(a) // 2, len(b) // 2
    return _means([a[:half_a], b[:half_b]], [a[half_a:], b[half_b:]])


@balanced_shuffle_control.mistake("halves in the order given: only which one comes first is drawn")
def _(a, b, generator):
    _even(a, b)
    halves = []
    for x in (a, b):
        first, second = _deal(x, torch.arange(len(x)))
        turn = torch.randint(2, (1,), generator=generator)
        halves.append((second, first) if turn else (first, second))
    return _means(*zip(*halves, strict=True))


@balanced_shuffle_control.mistake("neighbors are dealt apart: any two may fall together")
def _(a, b, generator):
    _even(a, b)
    total = 0
    for x in (a, b):
        sign = torch.randint(2, (len(x) // 2, 1), generator=generator) * 2 - 1
        total = total + (sign * (x[0::2] - x[1::2])).sum(0)
    return 2 * total / (len(a) + len(b))


@balanced_shuffle_control.mistake("made from the generator's seed: its second draw is its first")
def _(a, b, generator):
    return balanced_shuffle_control(a, b, _g(generator.initial_seed()))


@balanced_shuffle_control.mistake("the generator is ignored: no run can be repeated")
def _(a, b, generator):
    _even(a, b)
    a1, a2 = _deal(a, torch.randperm(len(a)))
    b1, b2 = _deal(b, torch.randperm(len(b)))
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("one order for both: examples stay paired")
def _(a, b, generator):
    _even(a, b)
    order = torch.randperm(max(len(a), len(b)), generator=generator)
    a1, a2 = _deal(a, order[order < len(a)])
    b1, b2 = _deal(b, order[order < len(b)])
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("drawn with replacement: some twice, others in no group")
def _(a, b, generator):
    _even(a, b)
    a1, a2 = _deal(a, torch.randint(len(a), (len(a),), generator=generator))
    b1, b2 = _deal(b, torch.randint(len(b), (len(b),), generator=generator))
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("sums in place of means")
def _(a, b, generator):
    _even(a, b)
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    return torch.cat([a1, b1]).sum(0) - torch.cat([a2, b2]).sum(0)


@balanced_shuffle_control.mistake("half of a against half of b: that is the difference again")
def _(a, b, generator):
    _even(a, b)
    a1, _ = _deal(a, torch.randperm(len(a), generator=generator))
    b1, _ = _deal(b, torch.randperm(len(b), generator=generator))
    return a1.mean(0) - b1.mean(0)


@balanced_shuffle_control.mistake("scaled to length 1: keep its own length")
def _(a, b, generator):
    _even(a, b)
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    v = _means([a1, b1], [a2, b2])
    return v / v.norm().clamp(min=1e-9)


@balanced_shuffle_control.mistake("scaled to length 1, nan where there is none: keep its length")
def _(a, b, generator):
    v = balanced_shuffle_control(a, b, generator)
    return v / v.norm()


@balanced_shuffle_control.mistake(
    "scaled to the length of the true difference: keep its own length"
)
def _(a, b, generator):
    v = balanced_shuffle_control(a, b, generator)
    return v / v.norm() * (a.mean(0) - b.mean(0)).norm()


@balanced_shuffle_control.mistake("a generator of its own: every draw is the same")
def _(a, b, generator):
    return balanced_shuffle_control(a, b, _g(0))


@balanced_shuffle_control.mistake("the mean of each kind's mean: every example is to count alike")
def _(a, b, generator):
    _even(a, b)
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    return (a1.mean(0) + b1.mean(0)) / 2 - (a2.mean(0) + b2.mean(0)) / 2


@balanced_shuffle_control.mistake("group two is dealt anew: some are in both, others in none")
def _(a, b, generator):
    _even(a, b)
    a1, _ = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    a2, _ = _deal(a, torch.randperm(len(a), generator=generator))
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("as many of a as of b: those beyond the smaller number are lost")
def _(a, b, generator):
    _even(a, b)
    half = min(len(a), len(b)) // 2
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    return _means([a1[:half], b1[:half]], [a2[:half], b2[:half]])


@balanced_shuffle_control.mistake("group one less all: group two is to be taken off")
def _(a, b, generator):
    _even(a, b)
    a1, _ = _deal(a, torch.randperm(len(a), generator=generator))
    b1, _ = _deal(b, torch.randperm(len(b), generator=generator))
    return _means([a1, b1], [a, b])


@balanced_shuffle_control.mistake("changes a and b in place: the caller's are in another order")
def _(a, b, generator):
    _even(a, b)
    a[:] = a[torch.randperm(len(a), generator=generator)]
    b[:] = b[torch.randperm(len(b), generator=generator)]
    half_a, half_b = len(a) // 2, len(b) // 2
    return _means([a[:half_a], b[:half_b]], [a[half_a:], b[half_b:]])


@balanced_shuffle_control.mistake("an assert for odd numbers: a ValueError is asked for")
def _(a, b, generator):
    assert len(a) % 2 == len(b) % 2 == 0
    return balanced_shuffle_control(a, b, generator)


@balanced_shuffle_control.mistake("an error only if n + m is odd: n and m may both be")
def _(a, b, generator):
    if (len(a) + len(b)) % 2:
        raise ValueError("odd")
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("an error only if n is odd: m may be, too")
def _(a, b, generator):
    _even(a, ())
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("a random vector: it knows nothing of the examples")
def _(a, b, generator):
    _even(a, b)
    return torch.randn(a.shape[1], generator=generator)


@balanced_shuffle_control.mistake("an odd number is halved, and one example more falls to one side")
def _(a, b, generator):
    a1, a2 = _deal(a, torch.randperm(len(a), generator=generator))
    b1, b2 = _deal(b, torch.randperm(len(b), generator=generator))
    return _means([a1, b1], [a2, b2])


@balanced_shuffle_control.mistake("each coordinate is shuffled by itself: examples fall apart")
def _(a, b, generator):
    _even(a, b)
    columns = []
    for j in range(a.shape[1]):
        a1, a2 = _deal(a[:, j], torch.randperm(len(a), generator=generator))
        b1, b2 = _deal(b[:, j], torch.randperm(len(b), generator=generator))
        columns.append(torch.cat([a1, b1]).mean() - torch.cat([a2, b2]).mean())
    return torch.stack(columns)


@balanced_shuffle_control.right("by signs")
def _(a, b, generator):
    if len(a) % 2 or len(b) % 2:
        raise ValueError("even numbers, please")
    total = torch.zeros_like(a[0])
    for x in (b, a):
        sign = torch.ones(len(x), dtype=x.dtype)
        sign[torch.randperm(len(x), generator=generator)[: len(x) // 2]] = -1
        total = total + sign @ x
    return total / ((len(a) + len(b)) / 2)


@balanced_shuffle_control.right("by sorting random numbers")
def _(a, b, generator):
    assert_even = [len(x) % 2 == 0 for x in (a, b)]
    if not all(assert_even):
        raise ValueError("halves need even numbers")
    one, two = [], []
    for x in (a, b):
        order = torch.rand(len(x), generator=generator).argsort()
        one += list(x[order[0::2]])
        two += list(x[order[1::2]])
    return torch.stack(one).mean(0) - torch.stack(two).mean(0)
