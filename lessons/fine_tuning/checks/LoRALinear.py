"""How `LoRALinear` is judged: checks, mistakes, right answers."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from lessons.fine_tuning.exercises import LoRALinear
from utils.grading import expect, require


def _linear(inputs, outputs, bias=True, dtype=torch.float32, seed=0):
    """A linear layer with weights drawn from a seed."""
    g, linear = torch.Generator().manual_seed(seed), nn.Linear(inputs, outputs, bias, dtype=dtype)
    for p in linear.parameters():
        p.data = torch.randn(p.shape, generator=g, dtype=torch.float64).to(dtype)
    return linear


def _adapted(fn, linear, rank, alpha, seed=1):
    """An answer's layer, with A and B drawn from a seed, so that nothing is zero."""
    layer = fn(linear, rank, alpha, torch.Generator().manual_seed(seed))
    outputs, inputs = linear.weight.shape
    g = torch.Generator().manual_seed(seed)
    for name, shape in (("A", (rank, inputs)), ("B", (outputs, rank))):
        there = getattr(layer, name, None)
        require(isinstance(there, nn.Parameter), f"{name} is an nn.Parameter", there)
        require(tuple(there.shape) == shape, f"{name} of shape {shape}", tuple(there.shape))
        there.data = torch.randn(shape, generator=g, dtype=torch.float64).to(linear.weight.dtype)
    return layer


def _inputs(linear, *lead, seed=2):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(*lead, linear.weight.shape[1], generator=g, dtype=torch.float64)
    return x.to(linear.weight.dtype)


def _by_hand(layer, linear, scale, x):
    """(W + scale B A) x + b for one row, in plain loops."""
    W, A, B, x = (t.tolist() for t in (linear.weight, layer.A, layer.B, x))
    bias = [0.0] * len(W) if linear.bias is None else linear.bias.tolist()
    thin = [sum(a * b for a, b in zip(row, x, strict=True)) for row in A]
    return [
        sum(w * v for w, v in zip(W[o], x, strict=True))
        + bias[o]
        + scale * sum(b * t for b, t in zip(B[o], thin, strict=True))
        for o in range(len(W))
    ]


@LoRALinear.check
def at_the_start_it_is_the_old_layer(fn):
    for inputs, outputs, rank in ((1, 1, 1), (3, 2, 1), (2, 5, 2)):
        linear = _linear(inputs, outputs)
        layer, x = fn(linear, rank, 4.0), _inputs(linear, 3)
        # As a truth, not by values: those depend on how a B that is not zero was drawn.
        got, want = layer(x), linear(x)
        alike = torch.is_tensor(got) and (got.shape, got.dtype) == (want.shape, want.dtype)
        if not alike:
            expect(got, want.detach(), x=x, rank=rank)
        same = torch.allclose(got, want, 1e-5, 1e-5)
        require(same, "what the old layer gives", "something else", x=x, rank=rank)


@LoRALinear.check
def one_number_each(fn):
    # W, b, A, B, alpha, rank 1, x: y = (W + alpha B A) x + b
    for w, b, a, c, alpha, x, y in (
        (1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 4.0),
        (0.0, 1.0, 2.0, 3.0, 1.0, 1.0, 7.0),
        (1.0, 0.5, 2.0, -1.0, 0.5, 3.0, 0.5),
    ):
        linear = nn.Linear(1, 1)
        linear.weight.data.fill_(w)
        linear.bias.data.fill_(b)
        layer = _adapted(fn, linear, 1, alpha)
        layer.A.data.fill_(a)
        layer.B.data.fill_(c)
        given = {"W": w, "b": b, "A": a, "B": c, "alpha": alpha, "x": x}
        expect(layer(torch.tensor([x])).detach(), torch.tensor([y]), **given)


@LoRALinear.check
def it_is_the_sum_written_out(fn):
    for inputs, outputs, rank, alpha, bias, lead in (
        (3, 2, 2, 4.0, True, ()),
        (3, 3, 3, 1.0, False, (4,)),
        (2, 4, 1, 16.0, True, (2, 3)),
    ):
        linear = _linear(inputs, outputs, bias)
        layer, x = _adapted(fn, linear, rank, alpha), _inputs(linear, *lead)
        rows = [_by_hand(layer, linear, alpha / rank, r) for r in x.reshape(-1, inputs)]
        want = torch.tensor(rows).reshape(*lead, outputs)
        expect(layer(x).detach(), want, 1e-4, x=x, rank=rank, alpha=alpha)


@LoRALinear.check
def only_A_and_B_learn(fn):
    linear = _linear(3, 4)
    layer = fn(linear, 2, 2.0, torch.Generator().manual_seed(0))
    n = sum(p.numel() for p in layer.parameters() if p.requires_grad)
    require(n == 2 * 3 + 4 * 2, "2·3 + 4·2 = 14 numbers to train", n)
    layer(_inputs(linear, 5)).square().sum().backward()
    require(linear.weight.grad is None, "no gradient for the frozen weight", linear.weight.grad)
    slope = 0.0 if layer.B.grad is None else layer.B.grad.abs().sum().item()
    require(slope > 0, "a gradient for B at the first step", layer.B.grad)


@LoRALinear.check
def the_gradient_passes_through_to_x(fn):
    for inputs, outputs, rank, alpha in ((3, 2, 1, 2.0), (2, 4, 2, 3.0)):
        linear = _linear(inputs, outputs)
        layer, x = _adapted(fn, linear, rank, alpha), _inputs(linear, 3).requires_grad_()
        layer(x).sum().backward()
        whole = linear.weight + alpha / rank * layer.B @ layer.A
        grad = torch.zeros_like(x) if x.grad is None else x.grad
        expect(grad, whole.sum(0).detach().expand(3, -1), 1e-4, x=x, what="gradient of x")


@LoRALinear.check
def A_is_drawn_from_the_generator_and_B_is_zero(fn):
    linear = _linear(400, 3)
    a, b, c = (fn(linear, 8, 8.0, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    require(torch.equal(a.A, b.A), "the same generator state gives the same A", b.A)
    require(not torch.equal(a.A, c.A), "another seed gives another A", c.A)
    spread = (a.A.detach().std() * 400**0.5).item()
    require(0.9 < spread < 1.1, "A with a standard deviation of 1/√inputs", spread / 400**0.5)
    require(not bool(a.B.any()), "B of zeros", "B is not zero")


@LoRALinear.check
def merged_it_is_one_plain_layer_that_does_the_same(fn):
    for bias, rank, alpha in ((True, 2, 6.0), (False, 1, 0.5)):
        linear = _linear(3, 2, bias)
        layer, x, before = (
            _adapted(fn, linear, rank, alpha),
            _inputs(linear, 4),
            copy.deepcopy(linear),
        )
        want = layer(x).detach()
        merged = layer.merge()
        require(type(merged) is nn.Linear, "an nn.Linear", merged)
        expect(merged(x).detach(), want, 1e-4, x=x, rank=rank, alpha=alpha)
        expect(linear.weight.detach(), before.weight.detach(), what="the frozen weight afterwards")
        expect(layer(x).detach(), want, 1e-4, x=x, what="the layer after merge()")


@LoRALinear.check
def float64_stays_float64(fn):
    linear = _linear(3, 2, dtype=torch.float64)
    fresh = fn(linear, 2, 2.0)
    dtypes = fresh.A.dtype, fresh.B.dtype
    require(dtypes == (torch.float64, torch.float64), "A and B in the layer's float64", dtypes)
    layer, x = _adapted(fn, linear, 2, 2.0), _inputs(linear, 2)
    want = torch.tensor([_by_hand(layer, linear, 1.0, r) for r in x], dtype=torch.float64)
    expect(layer(x).detach(), want, 1e-10, x=x)
    expect(layer.merge()(x).detach(), want, 1e-10, x=x, what="merged")


class _Lora(LoRALinear.reference):
    """For the mistakes: the reference under another part."""


@LoRALinear.mistake("scaled by α, where it is α/r: twice the rank would mean twice the correction")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.scale = alpha


@LoRALinear.mistake("scaled by r/α: the fraction is upside down")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.scale = rank / alpha


@LoRALinear.mistake("no scale: α is not used")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.scale = 1.0


@LoRALinear.mistake("B is not zero: training would not start from the old layer")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.B = nn.Parameter(torch.randn_like(self.B))


@LoRALinear.mistake("B is float32 whatever the layer's dtype: a float64 layer then raises")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.B = nn.Parameter(torch.zeros(*self.B.shape))


@LoRALinear.mistake(
    "no gradient passes through the frozen layer: those below it learn less, or nothing"
)
class _(_Lora):
    def forward(self, x):
        with torch.no_grad():
            out = self.linear(x)
        return out + self.scale * (x @ self.A.T @ self.B.T)


@LoRALinear.mistake("A is zero, too: then neither A nor B ever gets a gradient")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.A = nn.Parameter(torch.zeros_like(self.A))


@LoRALinear.mistake("the bias is left to train: only A and B learn")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        linear.requires_grad_(True)
        linear.weight.requires_grad_(False)


@LoRALinear.mistake("A is drawn without the generator: another A at each run")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha)


@LoRALinear.mistake("A has a standard deviation of 1/r: it is 1/√inputs, whatever the rank")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.A.data *= linear.weight.shape[1] ** 0.5 / rank


@LoRALinear.mistake("A by kaiming_uniform_, as peft draws it: it is normal, from the generator")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        nn.init.kaiming_uniform_(self.A, a=5**0.5)


@LoRALinear.mistake("x is detached in the correction: what lies below gets a part of its gradient")
class _(_Lora):
    def forward(self, x):
        return self.linear(x) + self.scale * (x.detach() @ self.A.T @ self.B.T)


@LoRALinear.mistake("W is not frozen: everything is trained, and nothing is saved")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        linear.requires_grad_(True)


@LoRALinear.mistake("the frozen layer is left out: only the correction is returned")
class _(_Lora):
    def forward(self, x):
        return self.scale * (x @ self.A.T @ self.B.T)


@LoRALinear.mistake("the scale is missing in the forward pass; merge() has it")
class _(_Lora):
    def forward(self, x):
        return self.linear(x) + x @ self.A.T @ self.B.T


@LoRALinear.mistake("scaled by α // r: whole numbers only, and 0 if α is below the rank")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.scale = alpha // rank


@LoRALinear.mistake("scaled by α/√r")
class _(_Lora):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__(linear, rank, alpha, generator)
        self.scale = alpha / rank**0.5


@LoRALinear.mistake("merge() returns the correction alone, without W")
class _(_Lora):
    def merge(self):
        merged = copy.deepcopy(self.linear)
        merged.weight.data = self.scale * self.B @ self.A
        return merged


@LoRALinear.mistake("the merged matrix lacks the scale α/r")
class _(_Lora):
    def merge(self):
        merged = copy.deepcopy(self.linear)
        merged.weight.data = self.linear.weight + self.B @ self.A
        return merged


@LoRALinear.mistake("merge() changes the frozen layer itself: the correction then counts twice")
class _(_Lora):
    def merge(self):
        self.linear.weight.data = self.linear.weight + self.scale * self.B @ self.A
        return self.linear


@LoRALinear.mistake("the merged layer has lost its bias")
class _(_Lora):
    def merge(self):
        merged = nn.Linear(self.A.shape[1], self.B.shape[0], bias=False, dtype=self.A.dtype)
        merged.weight.data = self.linear.weight + self.scale * self.B @ self.A
        return merged


@LoRALinear.right("by F.linear, the scale in B")
class _(_Lora):
    def forward(self, x):
        return self.linear(x) + F.linear(F.linear(x, self.A), self.B * self.scale)


@LoRALinear.right("by the whole matrix W + (α/r) B A")
class _(nn.Module):
    def __init__(self, linear, rank, alpha, generator=None):
        super().__init__()
        for p in linear.parameters():
            p.requires_grad = False
        outputs, inputs = linear.out_features, linear.in_features
        drawn = torch.randn(rank, inputs, generator=generator) / inputs**0.5
        self.A = nn.Parameter(drawn.to(linear.weight.dtype))
        self.B = nn.Parameter(torch.zeros(outputs, rank, dtype=linear.weight.dtype))
        self.linear, self.alpha, self.rank = linear, alpha, rank

    def weight(self):
        return (
            self.linear.weight + torch.einsum("or,ri->oi", self.B, self.A) * self.alpha / self.rank
        )

    def forward(self, x):
        return F.linear(x, self.weight(), self.linear.bias)

    def merge(self):
        has_bias = self.linear.bias is not None
        merged = nn.Linear(self.linear.in_features, self.linear.out_features, has_bias)
        merged.to(self.linear.weight.dtype)
        with torch.no_grad():
            merged.weight.copy_(self.weight())
            if has_bias:
                merged.bias.copy_(self.linear.bias)
        return merged
