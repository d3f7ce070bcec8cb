"""How `jumprelu` is judged: checks, mistakes, right answers."""

import torch

from lessons.sparse_autoencoders.exercises import jumprelu
from utils.grading import expect, require


def _slopes(fn, pre, threshold, bandwidth, weights=1.0):
    """Gradients of Σ weights · jumprelu to pre and to the threshold."""
    pre, threshold = pre.clone().requires_grad_(), threshold.clone().requires_grad_()
    out = fn(pre, threshold, bandwidth)
    require(torch.is_tensor(out) and out.requires_grad, "a result with a gradient", out)
    (out * weights).sum().backward()
    zero = torch.zeros(())
    return (t.grad if t.grad is not None else zero.expand_as(t) for t in (pre, threshold))


@jumprelu.check
def above_the_threshold_it_is_the_identity(fn):
    pre, theta = torch.tensor([-2.0, 0.5, 1.0, 1.5, 1000.0]), torch.ones(5)
    expect(fn(pre, theta, 0.1), torch.tensor([0.0, 0.0, 0.0, 1.5, 1000.0]))
    expect(fn(torch.tensor([0.3]), torch.tensor([0.2])), torch.tensor([0.3]))


@jumprelu.check
def inside_the_band_the_value_jumps_too(fn):
    pre, theta = torch.tensor([0.99, 1.01]), torch.ones(2)
    for bandwidth in (0.001, 0.1, 1.0):
        expect(fn(pre, theta, bandwidth), torch.tensor([0.0, 1.01]))


@jumprelu.check
def each_latent_has_a_threshold_of_its_own(fn):
    theta = torch.tensor([0.1, 1.0, 3.0])
    g = torch.Generator().manual_seed(0)
    for lead in ((), (3,), (5,), (2, 4)):
        pre = torch.randn(*lead, 3, generator=g) * 3
        rows = [
            [v if v > t else 0.0 for v, t in zip(row, theta.tolist(), strict=True)]
            for row in pre.reshape(-1, 3).tolist()
        ]
        expect(fn(pre, theta, 0.1), torch.tensor(rows).reshape(pre.shape))


@jumprelu.check
def the_gradient_to_pre_is_one_above_and_zero_below(fn):
    pre, theta = torch.tensor([[0.5, 1.02, 2.0, -1.0, 0.98]]), torch.ones(5)
    slope, _ = _slopes(fn, pre, theta, 0.1)
    expect(slope, torch.tensor([[0.0, 1.0, 1.0, 0.0, 0.0]]), pre=pre, gradient_of="pre")


@jumprelu.check
def the_gradient_to_the_threshold_is_the_paper_s(fn):
    # −θ/ε for each sample within ε/2 of θ, on either side; nothing from the others.
    for z, theta, eps, slope in (
        (1.02, 1.0, 0.1, -10.0),
        (0.98, 1.0, 0.1, -10.0),
        (1.06, 1.0, 0.1, 0.0),
        (0.94, 1.0, 0.1, 0.0),
        (2.1, 2.0, 0.5, -4.0),
        (0.31, 0.3, 1.0, -0.3),
        (-0.1, 0.3, 1.0, -0.3),
        (0.85, 0.3, 1.0, 0.0),
    ):
        _, got = _slopes(fn, torch.tensor([z]), torch.tensor([theta]), eps)
        expect(got, torch.tensor([slope]), 1e-4, pre=z, threshold=theta, bandwidth=eps)


@jumprelu.check
def samples_add_up_and_latents_stay_apart(fn):
    pre = torch.tensor([[1.01, 1.9], [0.99, 2.01], [5.0, 2.02]])
    weights = torch.tensor([[1.0, 7.0], [2.0, -1.0], [9.0, 4.0]])
    to_pre, to_theta = _slopes(fn, pre, torch.tensor([1.0, 2.0]), 0.1, weights)
    expect(to_theta, torch.tensor([-30.0, -60.0]), 1e-4, pre=pre, weights=weights)
    expect(to_pre, weights * torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), pre=pre)


@jumprelu.check
def on_average_it_is_the_true_gradient(fn):
    # For z uniform on [0, 2], E[z·1(z > θ)] = (4 − θ²)/4, so the true slope at θ = 1 is −1/2.
    z = torch.linspace(0, 2, 20_001)[:, None]
    _, got = _slopes(fn, z, torch.tensor([1.0]), 0.2)
    expect(got / len(z), torch.tensor([-0.5]), 5e-3, pre="uniform on [0, 2]", bandwidth=0.2)


@jumprelu.check
def the_bandwidth_is_a_thousandth_unless_given(fn):
    def unless_given(pre, threshold, _):
        return fn(pre, threshold)

    _, got = _slopes(unless_given, torch.tensor([1.0004, 1.0006]), torch.ones(2), None)
    expect(got, torch.tensor([-1000.0, 0.0]), 1e-3, pre="1.0004 and 1.0006", threshold=1.0)


@jumprelu.mistake("no straight-through gradient: the threshold never moves")
def _(pre, threshold, bandwidth=0.001):
    return pre * (pre > threshold) + 0 * threshold


@jumprelu.mistake("a ReLU shifted by the threshold: what passes is made smaller")
def _(pre, threshold, bandwidth=0.001):
    return torch.relu(pre - threshold)


@jumprelu.mistake("what equals its threshold passes: H(0) is 0")
def _(pre, threshold, bandwidth=0.001):
    slope = -(threshold / bandwidth) * ((pre - threshold).abs() < bandwidth / 2)
    return pre * (pre >= threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the pseudo-gradient has the wrong sign")
def _(pre, threshold, bandwidth=0.001):
    inside = (pre - threshold).abs() < bandwidth / 2
    slope = (threshold / bandwidth) * inside
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the factor θ is missing: that is the pseudo-gradient of the step alone")
def _(pre, threshold, bandwidth=0.001):
    slope = -((pre - threshold).abs() < bandwidth / 2).float() / bandwidth
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the kernel is twice as wide: |u| < 1 where it should be 1/2")
def _(pre, threshold, bandwidth=0.001):
    slope = -(threshold / bandwidth) * ((pre - threshold).abs() < bandwidth)
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the kernel looks at one side only: values above the threshold")
def _(pre, threshold, bandwidth=0.001):
    inside = (pre > threshold) & (pre - threshold < bandwidth / 2)
    slope = -(threshold / bandwidth) * inside
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("not divided by the bandwidth: the gradient is far too small")
def _(pre, threshold, bandwidth=0.001):
    slope = -threshold * ((pre - threshold).abs() < bandwidth / 2)
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the pre-activation takes the place of θ in the pseudo-gradient")
def _(pre, threshold, bandwidth=0.001):
    slope = -(pre / bandwidth) * ((pre - threshold).abs() < bandwidth / 2)
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the gradient to pre goes everywhere, as if nothing had been cut")
def _(pre, threshold, bandwidth=0.001):
    slope = -(threshold / bandwidth) * ((pre - threshold).abs() < bandwidth / 2)
    value = pre * (pre > threshold)
    through = pre + (value - pre).detach()
    return through + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the pseudo-gradient is not detached: it leaks into the gradients")
def _(pre, threshold, bandwidth=0.001):
    slope = -(threshold / bandwidth) * ((pre - threshold).abs() < bandwidth / 2)
    return pre * (pre > threshold) + slope * threshold - (slope * threshold).detach()


class _Jump(torch.autograd.Function):
    """Forward and both gradients written out."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return torch.where(pre > threshold, pre, 0.0)

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        inside = ((pre - threshold) / ctx.bandwidth).abs() < 0.5
        to_threshold = -(threshold / ctx.bandwidth) * inside * grad
        return grad * (pre > threshold), to_threshold.sum_to_size(threshold.shape), None


@jumprelu.right("as an autograd.Function")
def _(pre, threshold, bandwidth=0.001):
    return _Jump.apply(pre, threshold, bandwidth)


@jumprelu.right("the value by a mask, the pseudo-gradient by a ramp whose value is taken off again")
def _(pre, threshold, bandwidth=0.001):
    value = pre * torch.heaviside(pre.detach() - threshold.detach(), torch.zeros(()))
    near = torch.where((pre - threshold).abs().detach() < bandwidth / 2, threshold.detach(), 0.0)
    ramp = -near * threshold / bandwidth
    return value + ramp - ramp.detach()
