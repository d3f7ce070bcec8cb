"""How `margin_on_negated` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.real_model.checks.shared import numbers
from lessons.real_model.drills import margin_on_negated
from utils.grading import expect


@margin_on_negated.check
def at_right_angles_by_hand(fn):
    g, p = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    expect(fn(g, p), -7 / 5)
    expect(fn(p, g), 7 / 5)


@margin_on_negated.check
def with_one_part_alone(fn):
    g = torch.tensor([2.0, 0.0, 0.0])
    expect(fn(g, torch.zeros(3)), 2.0)
    expect(fn(torch.zeros(3), g), -2.0)


@margin_on_negated.check
def measured_on_statements(fn):
    for seed in range(4):
        g, p = (numbers(seed + i, 5, dtype=torch.float64) for i in (0, 40))
        form = numbers(seed + 80, 5, dtype=torch.float64)
        true, false = form + (g - p) / 2, form - (g - p) / 2  # negated ones
        probe = (g + p) / (g + p).norm()
        expect(fn(g, p), float((true - false) @ probe))


@margin_on_negated.mistake("the probe is not brought to length 1")
def _(general, by_form):
    return (general @ general - by_form @ by_form).item()


@margin_on_negated.mistake("the sign is turned")
def _(general, by_form):
    return ((by_form @ by_form - general @ general) / (general + by_form).norm()).item()


@margin_on_negated.mistake("the margin on affirmed statements: there ‘not’ turns nothing around")
def _(general, by_form):
    return (general + by_form).norm().item()


@margin_on_negated.mistake("the general part alone is the probe")
def _(general, by_form):
    return ((general @ (general - by_form)) / general.norm().clamp(min=1e-9)).item()


@margin_on_negated.mistake("divided by the square of the length")
def _(general, by_form):
    return ((general @ general - by_form @ by_form) / (general + by_form).square().sum()).item()


@margin_on_negated.mistake("lengths in place of squares of lengths")
def _(general, by_form):
    return (general.norm() - by_form.norm()).item()


@margin_on_negated.right("by the two vectors themselves")
def _(general, by_form):
    probe = general + by_form
    return float(torch.dot(probe, general - by_form)) / float(probe.norm())


@margin_on_negated.right("number by number")
def _(general, by_form):
    pairs = list(zip(general.tolist(), by_form.tolist(), strict=True))
    return sum(g * g - p * p for g, p in pairs) / sum((g + p) ** 2 for g, p in pairs) ** 0.5
