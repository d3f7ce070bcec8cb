"""How `robust_accuracy` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.constitutional_classifiers.drills import robust_accuracy
from utils.grading import expect, require


@robust_accuracy.check
def no_signal_is_a_coin(fn):
    expect(float(fn(0.5, 0.0, 4, 1.0, 0.0)), 0.5, tol=1e-6)


@robust_accuracy.check
def one_weak_feature_is_the_normal_distribution(fn):
    for eta, eps in ((0.5, 0.0), (1.0, 0.25), (0.3, 0.6)):
        want = 0.5 * (1 + math.erf((eta - eps) / math.sqrt(2)))
        expect(float(fn(0.9, eta, 1, 0.0, eps)), want, tol=1e-6)


@robust_accuracy.check
def a_strong_feature_that_decides_alone_is_right_with_its_own_chance(fn):
    expect(float(fn(0.95, 0.1, 4, 500.0, 0.5)), 0.95, tol=1e-6)


@robust_accuracy.check
def several_weak_features_alone(fn):
    for eta, d, eps in ((0.5, 4, 0.0), (0.4, 9, 0.1), (0.2, 25, 0.3)):
        want = 0.5 * (1 + math.erf((eta - eps) * (d / 2) ** 0.5))
        expect(float(fn(0.7, eta, d, 0.0, eps)), want, tol=1e-6)


@robust_accuracy.check
def a_coin_under_attack(fn):
    # margins ±2 and nothing else, less 0.5 · (2 + 16) = 9, of standard deviation 4
    want = 0.25 * (math.erfc(7 / 4 / math.sqrt(2)) + math.erfc(11 / 4 / math.sqrt(2)))
    expect(float(fn(0.5, 0.0, 16, 2.0, 0.5)), want, tol=1e-6)


@robust_accuracy.check
def by_simulation(fn):
    g = torch.Generator().manual_seed(0)
    for p, eta, d, ratio, eps in (
        (0.9, 0.3, 25, 4.0, 0.0),
        (0.9, 0.3, 25, 4.0, 0.3),
        (0.7, 0.2, 16, 6.0, 0.1),
        (0.8, 0.5, 9, 2.0, 0.4),
    ):
        n = 200_000
        strong = torch.where(torch.rand(n, generator=g) < p, 1.0, -1.0)
        weak = d * eta + d**0.5 * torch.randn(n, generator=g)  # the sum, times y
        want = (ratio * strong + weak > eps * (ratio + d)).double().mean().item()
        got = float(fn(p, eta, d, ratio, eps))
        require(abs(got - want) < 0.006, f"about {want:.3f}, by 200,000 draws", got)


def _phi(z):
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


@robust_accuracy.mistake("the variance for the standard deviation: divides by d")
def _(p, eta, d, ratio, eps):
    weak, lost = d * eta, eps * (ratio + d)
    return p * _phi((ratio + weak - lost) / d) + (1 - p) * _phi((-ratio + weak - lost) / d)


@robust_accuracy.mistake("the attack on the strong feature is forgotten")
def _(p, eta, d, ratio, eps):
    weak, lost, s = d * eta, eps * d, d**0.5
    return p * _phi((ratio + weak - lost) / s) + (1 - p) * _phi((-ratio + weak - lost) / s)


@robust_accuracy.mistake("where the strong feature is wrong the attack is taken to help")
def _(p, eta, d, ratio, eps):
    weak, s = d * eta, d**0.5
    one = _phi((ratio + weak - eps * (ratio + d)) / s)
    return p * one + (1 - p) * _phi((-ratio + weak - eps * (d - ratio)) / s)


@robust_accuracy.mistake("an attack of one feature: eps is not taken d times")
def _(p, eta, d, ratio, eps):
    weak, lost, s = d * eta, eps * (ratio + 1), d**0.5
    return p * _phi((ratio + weak - lost) / s) + (1 - p) * _phi((-ratio + weak - lost) / s)


@robust_accuracy.mistake("only the strong feature is attacked")
def _(p, eta, d, ratio, eps):
    weak, lost, s = d * eta, eps * ratio, d**0.5
    return p * _phi((ratio + weak - lost) / s) + (1 - p) * _phi((-ratio + weak - lost) / s)


@robust_accuracy.mistake("eps times the ℓ2 norm of the weights: an attack of that total length")
def _(p, eta, d, ratio, eps):
    weak, lost, s = d * eta, eps * (ratio**2 + d) ** 0.5, d**0.5
    return p * _phi((ratio + weak - lost) / s) + (1 - p) * _phi((-ratio + weak - lost) / s)


@robust_accuracy.mistake("the root of d is forgotten: a sum of d has standard deviation √d, not 1")
def _(p, eta, d, ratio, eps):
    weak, lost = d * eta, eps * (ratio + d)
    return p * _phi(ratio + weak - lost) + (1 - p) * _phi(-ratio + weak - lost)


@robust_accuracy.mistake("the strong feature is always right")
def _(p, eta, d, ratio, eps):
    return _phi((ratio + d * eta - eps * (ratio + d)) / d**0.5)


@robust_accuracy.mistake("the strong feature is replaced by its mean, 2p − 1")
def _(p, eta, d, ratio, eps):
    return _phi((ratio * (2 * p - 1) + d * eta - eps * (ratio + d)) / d**0.5)


@robust_accuracy.mistake("no attack: eps is ignored")
def _(p, eta, d, ratio, eps):
    return robust_accuracy(p, eta, d, ratio, 0.0)


@robust_accuracy.right("by the standard library's normal distribution")
def _(p, eta, d, ratio, eps):
    from statistics import NormalDist

    def above(mean):
        return 1 - NormalDist(mean, math.sqrt(d)).cdf(0)

    rest = (eta - eps) * d - eps * ratio
    return p * above(rest + ratio) + (1 - p) * above(rest - ratio)


@robust_accuracy.right("by the complementary error function")
def _(p, eta, d, ratio, eps):
    total = 0.0
    for chance, sign in ((p, 1), (1 - p, -1)):
        mean = sign * ratio + d * eta - eps * ratio - eps * d
        total += chance * math.erfc(-mean / math.sqrt(2 * d)) / 2
    return total


@robust_accuracy.right("by torch, both cases at once")
def _(p, eta, d, ratio, eps):
    margin = torch.tensor([ratio, -ratio], dtype=torch.float64) + d * eta - eps * (ratio + d)
    above = torch.special.ndtr(margin / d**0.5)
    return (p * above[0] + (1 - p) * above[1]).item()
