"""How `bias_update` is judged: checks, mistakes, right answers."""

import numpy as np
import torch

from lessons.mixture_of_experts.exercises import bias_update
from utils.grading import expect


@bias_update.check
def busy_goes_down_idle_goes_up(fn):
    expect(fn(torch.zeros(2), torch.tensor([3, 1]), 0.5), torch.tensor([-0.5, 0.5]))


@bias_update.check
def the_mean_stays(fn):
    bias = torch.tensor([0.25, -1.0, 2.0])
    expect(fn(bias, torch.tensor([4, 2, 3]), 0.5), torch.tensor([-0.25, -0.5, 2.0]))
    expect(fn(bias, torch.tensor([2, 2, 2]), 0.5), bias.clone())
    expect(fn(bias, torch.zeros(3, dtype=torch.long), 0.5), bias.clone())


@bias_update.check
def by_how_much_does_not_matter(fn):
    bias = torch.tensor([0.0, 0.0, 0.0, 0.0])
    expect(fn(bias, torch.tensor([9, 8, 0, 1]), 0.25), torch.tensor([-0.25, -0.25, 0.25, 0.25]))
    expect(fn(bias, torch.tensor([1000, 1, 0, 3]), 0.25), torch.tensor([-0.25, 0.25, 0.25, 0.25]))


@bias_update.check
def it_is_the_mean_not_the_median_or_an_even_number(fn):
    bias = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    counts = torch.tensor([2, 3, 4, 5, 26])  # mean 8, median 4
    expect(fn(bias, counts, 1.0), torch.tensor([2.0, 3.0, 4.0, 5.0, 4.0]))


@bias_update.check
def the_step_is_the_rate(fn):
    for rate in (0.0, 0.001, 2.0):
        got = fn(torch.tensor([1.0, 1.0, 1.0]), torch.tensor([5, 0, 1]), rate)
        expect(got, torch.tensor([1 - rate, 1 + rate, 1 + rate]), tol=1e-6)


@bias_update.check
def shares_and_double_precision(fn):
    bias = torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64)
    got = fn(bias, torch.tensor([0.5, 0.25, 0.25]), 0.25)
    expect(got, torch.tensor([0.25, 0.75, 0.75], dtype=torch.float64))
    one = fn(torch.tensor([0.5]), torch.tensor([7]), 0.25)
    expect(one, torch.tensor([0.5]))


@bias_update.check
def the_old_biases_are_left_alone(fn):
    bias, counts = torch.tensor([1.0, -1.0, 0.0]), torch.tensor([9, 0, 0])
    fn(bias, counts, 0.5)
    expect(bias, torch.tensor([1.0, -1.0, 0.0]))
    expect(counts, torch.tensor([9, 0, 0]))


@bias_update.mistake("the sign: busy experts are made busier")
def _(bias, counts, rate):
    return bias + rate * (counts.double() - counts.double().mean()).sign().to(bias.dtype)


@bias_update.mistake("no sign(): the step grows with the error")
def _(bias, counts, rate):
    return bias + rate * (counts.double().mean() - counts).to(bias.dtype)


@bias_update.mistake("the old bias is forgotten")
def _(bias, counts, rate):
    return rate * (counts.double().mean() - counts).sign().to(bias.dtype)


@bias_update.mistake("an expert with just the mean is moved as well")
def _(bias, counts, rate):
    return bias + rate * torch.where(counts.double().mean() > counts, 1.0, -1.0).to(bias.dtype)


@bias_update.mistake("only busy experts are moved")
def _(bias, counts, rate):
    return bias - rate * (counts > counts.double().mean()).to(bias.dtype)


@bias_update.mistake("only idle experts are moved")
def _(bias, counts, rate):
    return bias + rate * (counts < counts.double().mean()).to(bias.dtype)


@bias_update.mistake("the median instead of the mean")
def _(bias, counts, rate):
    return bias + rate * (counts.double().median() - counts).sign().to(bias.dtype)


@bias_update.mistake("the mean is rounded down to a whole number")
def _(bias, counts, rate):
    return bias + rate * (counts.sum() // len(counts) - counts).sign().to(bias.dtype)


@bias_update.mistake("the new biases are moved once more, to a mean of 0")
def _(bias, counts, rate):
    new = bias_update.reference(bias, counts, rate)
    return new - new.mean()


@bias_update.mistake("the rate is always 0.001")
def _(bias, counts, rate):
    return bias_update.reference(bias, counts, 0.001)


@bias_update.mistake("the rate is ignored")
def _(bias, counts, rate):
    return bias + (counts.double().mean() - counts).sign().to(bias.dtype)


@bias_update.mistake("only the busiest expert is moved")
def _(bias, counts, rate):
    return bias - rate * (counts == counts.max()).to(bias.dtype)


@bias_update.mistake("changed in place: the caller's biases are overwritten")
def _(bias, counts, rate):
    bias += rate * (counts.double().mean() - counts).sign().to(bias.dtype)
    return bias


@bias_update.mistake("the step is relative: multiplied by 1 ± rate instead of added")
def _(bias, counts, rate):
    return bias * (1 + rate * (counts.double().mean() - counts).sign().to(bias.dtype))


@bias_update.right("by two masks")
def _(bias, counts, rate):
    mean = counts.sum() / len(counts)
    return bias + rate * ((counts < mean).to(bias.dtype) - (counts > mean).to(bias.dtype))


@bias_update.right("by a loop")
def _(bias, counts, rate):
    mean, out = float(counts.double().mean()), bias.clone()
    for i, c in enumerate(counts.tolist()):
        out[i] += rate * ((c < mean) - (c > mean))
    return out


@bias_update.right("by NumPy")
def _(bias, counts, rate):
    c = counts.numpy().astype(float)
    return bias + torch.from_numpy(rate * np.sign(c.mean() - c)).to(bias.dtype)
