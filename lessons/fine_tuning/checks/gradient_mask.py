"""How `gradient_mask` is judged: checks, mistakes, right answers."""

import torch

from lessons.fine_tuning.exercises import gradient_mask
from utils.grading import expect, require


def _slopes(fn, x, mask, weights):
    """Value, and gradient of Σ weights · value."""
    x = x.clone().requires_grad_()
    value = fn(x, mask)
    require(torch.is_tensor(value), "a tensor", value)
    require(value.shape == x.shape, f"the shape of x, {tuple(x.shape)}", tuple(value.shape))
    if not value.requires_grad:
        return value, torch.zeros_like(x)
    (grad,) = torch.autograd.grad((value * weights).sum(), x, allow_unused=True)
    return value.detach(), torch.zeros_like(x) if grad is None else grad


def _case(shape, seed=0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    x, weights = torch.randn(2, *shape, generator=g, dtype=torch.float64).to(dtype)
    return x, weights


@gradient_mask.check
def the_values_stay(fn):
    x, weights = _case((4,))
    for mask in (torch.zeros(4), torch.ones(4), torch.tensor([1.0, 0.0, 1.0, 0.0])):
        value, _ = _slopes(fn, x, mask, weights)
        expect(value, x, x=x, mask=mask, what="values")


@gradient_mask.check
def the_gradient_goes_where_the_mask_is_one(fn):
    x, weights = _case((4,), 1)
    for mask in (torch.zeros(4), torch.ones(4), torch.tensor([1.0, 0.0, 0.0, 1.0])):
        _, grad = _slopes(fn, x, mask, weights)
        expect(grad, weights * mask, x=x, mask=mask, what="gradient")


@gradient_mask.check
def half_a_mask_lets_half_through(fn):
    x, weights = _case((3,), 2)
    mask = torch.tensor([0.5, 0.25, 1.0])
    value, grad = _slopes(fn, x, mask, weights)
    expect(value, x, x=x, mask=mask, what="values")
    expect(grad, weights * mask, x=x, mask=mask, what="gradient")


@gradient_mask.check
def a_mask_for_rows_and_one_for_columns(fn):
    for shape, mask in (
        ((2, 3), torch.tensor([[1.0], [0.0]])),
        ((2, 3), torch.tensor([0.0, 1.0, 1.0])),
        ((3, 3), torch.tensor([[0.0], [1.0], [0.0]])),
        ((2, 2, 2), torch.tensor(0.0)),
    ):
        x, weights = _case(shape, 3, torch.float64)
        value, grad = _slopes(fn, x, mask.double(), weights)
        expect(value, x, 1e-9, x=x, mask=mask, what="values")
        expect(grad, weights * mask.double(), 1e-9, x=x, mask=mask, what="gradient")


@gradient_mask.check
def what_comes_later_sees_the_whole_of_x(fn):
    # y = (x masked)²: the values feed the next layer, the mask only stops the way back.
    x = torch.tensor([3.0, 5.0], requires_grad=True)
    y = gradient_of = fn(x, torch.tensor([1.0, 0.0])).square().sum()
    expect(y.detach(), torch.tensor(34.0), x=x)
    require(gradient_of.requires_grad, "a value on the graph", y)
    (grad,) = torch.autograd.grad(y, x)
    expect(grad, torch.tensor([6.0, 0.0]), x=x, what="gradient")


@gradient_mask.check
def other_uses_of_x_keep_their_gradient(fn):
    for mask, want in ((0.0, 1.0), (0.5, 1.5)):
        x = torch.tensor([2.0, -1.0], requires_grad=True)
        (fn(x, torch.tensor(mask)) + x).sum().backward()
        expect(x.grad, torch.full((2,), want), x=x, mask=mask, what="gradient of f(x, mask) + x")


@gradient_mask.check
def without_a_gradient_it_is_x(fn):
    x, mask = torch.tensor([2.0, -1.0]), torch.tensor([0.0, 1.0])
    expect(fn(x, mask), torch.tensor([2.0, -1.0]), x=x, mask=mask)


@gradient_mask.mistake("the values are masked, too: half of the network is switched off")
def _(x, mask):
    return mask * x


@gradient_mask.mistake("nothing is masked: the gradient goes everywhere")
def _(x, mask):
    return x + 0 * mask


@gradient_mask.mistake("the mask is upside down: the gradient goes where it is 0")
def _(x, mask):
    return (1 - mask) * x + mask * x.detach()


@gradient_mask.mistake("all of x is detached: nothing learns")
def _(x, mask):
    return x.detach() + 0 * mask


@gradient_mask.mistake("the second term is not weighted by 1 − mask: masked values count twice")
def _(x, mask):
    return mask * x + x.detach()


@gradient_mask.mistake("all or nothing: a mask of 1/2 lets the whole gradient through")
def _(x, mask):
    return torch.where(mask > 0, x, x.detach())


@gradient_mask.mistake("the hook is on x itself: its other uses lose their gradient, too")
def _(x, mask):
    x.register_hook(lambda grad: grad * mask)
    return x


@gradient_mask.mistake("a hook where there is no gradient: it raises when the network is only run")
def _(x, mask):
    y = x * 1
    y.register_hook(lambda grad: grad * mask)
    return y


@gradient_mask.right("by a difference that is zero in value")
def _(x, mask):
    return x.detach() + mask * (x - x.detach())


@gradient_mask.right("by a hook on the gradient")
def _(x, mask):
    y = x * 1
    if y.requires_grad:
        y.register_hook(lambda grad: grad * mask)
    return y


@gradient_mask.right("by an autograd function of its own")
def _(x, mask):
    class Masked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value, through):
            ctx.save_for_backward(through)
            return value.clone()

        @staticmethod
        def backward(ctx, grad):
            (through,) = ctx.saved_tensors
            return grad * through, None

    return Masked.apply(x, mask)
