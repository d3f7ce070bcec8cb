"""How `without_trait` is judged: checks, mistakes, right answers."""

import torch
from torch.nn import functional as F

from lessons.subliminal_learning.checks.shared import normal
from lessons.subliminal_learning.exercises import without_trait
from utils.grading import expect, require


@without_trait.check
def two_numbers_by_hand(fn):
    expect(fn(torch.tensor([3.0, 4.0]), torch.tensor([2.0, 0.0])), torch.tensor([0.0, 4.0]))
    expect(fn(torch.tensor([-3.0, 4.0]), torch.tensor([2.0, 0.0])), torch.tensor([0.0, 4.0]))


@without_trait.check
def at_a_slant(fn):
    expect(fn(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 3.0])), torch.tensor([0.5, -0.5]))


@without_trait.check
def a_trait_of_zero_takes_nothing(fn):
    g = torch.tensor([1.0, -2.0])
    expect(fn(g, torch.zeros(2)), g)


@without_trait.check
def the_rest_is_orthogonal_and_nothing_else_is_lost(fn):
    g, t = normal(1, 7, dtype=torch.float64), 5 * normal(2, 7, dtype=torch.float64)
    got = fn(g, t)
    require(torch.is_tensor(got) and got.shape == (7,), "shape (7,)", got)
    left = abs((got @ t).item())
    require(left < 1e-9, "a dot product of 0 with the trait", left)
    off = abs(F.cosine_similarity(g - got, t, 0).abs().item() - 1)
    require(off < 1e-9, "what was taken away lies along the trait", g - got)


@without_trait.check
def small_gradients_count_as_well(fn):
    g, t = torch.tensor([1e-4, 1e-4]), torch.tensor([1e-5, 0.0])
    expect(1e4 * fn(g, t), torch.tensor([0.0, 1.0]))


@without_trait.check
def inputs_stay_as_they_are(fn):
    for t in (normal(4, 5), torch.zeros(5)):
        g, kept = normal(3, 5), t.clone()
        got = fn(g, t)
        require(torch.is_tensor(got), "a tensor", got)
        got += 1
        expect(g, normal(3, 5))
        expect(t, kept)


def _safe(imitation, trait, part):
    return imitation.clone() if not trait.any() else imitation - part


@without_trait.mistake("not divided by the trait's squared length")
def _(imitation, trait):
    return _safe(imitation, trait, (imitation @ trait) * trait)


@without_trait.mistake("divided by the trait's length, not by its square")
def _(imitation, trait):
    return _safe(imitation, trait, (imitation @ trait) / trait.norm() * trait)


@without_trait.mistake("divided by the imitation's squared length")
def _(imitation, trait):
    return _safe(imitation, trait, (imitation @ trait) / imitation.dot(imitation) * trait)


@without_trait.mistake("the component is added, not taken away")
def _(imitation, trait):
    return _safe(imitation, trait, -(imitation @ trait) / trait.dot(trait) * trait)


@without_trait.mistake("only the component along the trait is kept")
def _(imitation, trait):
    if not trait.any():
        return imitation.clone()
    return (imitation @ trait) / trait.dot(trait) * trait


@without_trait.mistake("the whole trait is taken away")
def _(imitation, trait):
    return _safe(imitation, trait, trait)


@without_trait.mistake("a component against the trait is kept: whichever sign it has, it goes")
def _(imitation, trait):
    along = (imitation @ trait).clamp(min=0)
    return _safe(imitation, trait, along / (trait @ trait) * trait)


@without_trait.mistake("0 / 0 where the trait is 0")
def _(imitation, trait):
    return imitation - (imitation @ trait) / (trait @ trait) * trait


@without_trait.mistake("0 where the trait is 0: there is nothing to take away")
def _(imitation, trait):
    if not trait.any():
        return torch.zeros_like(imitation)
    return imitation - (imitation @ trait) / (trait @ trait) * trait


@without_trait.mistake("a constant in the denominator: small gradients are left as they are")
def _(imitation, trait):
    return imitation - (imitation @ trait) / (trait @ trait + 1e-6) * trait


@without_trait.mistake("element by element: the dot product is missing")
def _(imitation, trait):
    return _safe(imitation, trait, imitation * trait / (trait @ trait) * trait)


@without_trait.mistake("the imitation is projected out of the trait: the two have changed places")
def _(imitation, trait):
    return trait - (imitation @ trait) / (imitation @ imitation) * imitation


@without_trait.mistake("changes the imitation's gradient in place")
def _(imitation, trait):
    if trait.any():
        imitation -= (imitation @ trait) / (trait @ trait) * trait
    return imitation


@without_trait.mistake("brought to length 1 afterwards")
def _(imitation, trait):
    if not trait.any():
        return imitation.clone()
    rest = imitation - (imitation @ trait) / (trait @ trait) * trait
    return rest / rest.norm()


@without_trait.right("by a unit vector, which normalize leaves 0 if it is 0")
def _(imitation, trait):
    unit = F.normalize(trait, dim=0)
    return imitation - torch.dot(imitation, unit) * unit


@without_trait.right("number by number")
def _(imitation, trait):
    g, t = imitation.tolist(), trait.tolist()
    squared = sum(v * v for v in t)
    share = sum(a * b for a, b in zip(g, t, strict=True)) / squared if squared else 0.0
    rest = [a - share * b for a, b in zip(g, t, strict=True)]
    return torch.tensor(rest, dtype=imitation.dtype)


@without_trait.right("by least squares")
def _(imitation, trait):
    share = torch.linalg.lstsq(trait[:, None], imitation[:, None], driver="gelsd").solution
    return imitation - (trait[:, None] @ share)[:, 0]
