"""How `ToyModel` is judged: checks, mistakes, right answers."""

import torch
from torch import nn

from lessons.superposition.exercises import ToyModel
from utils.grading import expect, require


def _model(fn, W, b, **kwargs):
    """A model of the answer's class with given weights."""
    model = fn(W.shape[-1], W.shape[-2], **kwargs)
    for name, value in (("W", W), ("b", b)):
        there = getattr(model, name, None)
        require(isinstance(there, nn.Parameter), f"{name} is an nn.Parameter", there)
        require(
            there.shape == value.shape, f"{name} of shape {tuple(value.shape)}", tuple(there.shape)
        )
        with torch.no_grad():
            there.copy_(value)
    return model


def _by_hand(W, b, x):
    """ReLU(WᵀW x + b) in plain loops, for one model and one input."""
    W, b, x = W.tolist(), b.tolist(), x.tolist()
    hidden = [sum(w * v for w, v in zip(row, x, strict=True)) for row in W]
    back = [sum(W[h][i] * hidden[h] for h in range(len(W))) + b[i] for i in range(len(x))]
    return torch.tensor([max(0.0, v) for v in back])


@ToyModel.check
def one_feature_in_one_dimension(fn):
    for w, b, x, y in ((1.0, 0.0, 1.0, 1.0), (2.0, 0.0, 1.0, 4.0), (1.0, -0.25, 1.0, 0.75),
                       (-1.0, 2.0, -1.0, 1.0), (10.0, 0.0, 3.0, 300.0)):  # fmt: skip
        W, bias, x = torch.tensor([[w]]), torch.tensor([b]), torch.tensor([x])
        expect(_model(fn, W, bias)(x), torch.tensor([y]), W=W, b=bias, x=x)


@ToyModel.check
def relu_cuts_negative_outputs_to_zero(fn):
    W, b = torch.tensor([[1.0, -1.0]]), torch.zeros(2)
    x = torch.tensor([1.0, 0.0])
    expect(_model(fn, W, b)(x), torch.tensor([1.0, 0.0]), W=W, b=b, x=x)


@ToyModel.check
def it_is_the_sum_written_out_for_any_leading_dimensions(fn):
    g = torch.Generator().manual_seed(0)
    W, b = torch.randn(2, 5, generator=g), torch.randn(5, generator=g) * 0.3
    for lead in ((), (3,), (1, 1), (2, 4)):
        x = torch.randn(*lead, 5, generator=g)
        rows = [_by_hand(W, b, row) for row in x.reshape(-1, 5)]
        expect(_model(fn, W, b)(x), torch.stack(rows).reshape(*lead, 5), W=W, b=b, x=x)


@ToyModel.check
def instances_do_not_touch_each_other(fn):
    g = torch.Generator().manual_seed(1)
    for n in (1, 3):
        W, b = torch.randn(n, 2, 4, generator=g), torch.randn(n, 4, generator=g) * 0.3
        for lead in ((), (6,), (2, 3)):
            x = torch.randn(*lead, n, 4, generator=g)
            flat = x.reshape(-1, n, 4)
            rows = [torch.stack([_by_hand(W[i], b[i], r[i]) for i in range(n)]) for r in flat]
            expected = torch.stack(rows).reshape(x.shape)
            expect(_model(fn, W, b, n_instances=n)(x), expected, W=W, b=b, x=x)


@ToyModel.check
def its_weights_start_at_random_and_learn(fn):
    a, b, c = (fn(6, 3, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    require(torch.equal(a.W, b.W), "the same generator state gives the same W", b.W)
    require(not torch.equal(a.W, c.W), "another seed gives another W", c.W)
    spread = min(a.W.std(0).min().item(), a.W.std(1).min().item())
    require(spread > 0.001, "a random start: no row or column constant", a.W)
    n_numbers = sum(p.numel() for p in a.parameters())
    require(n_numbers == 3 * 6 + 6, "W and b, and no other parameter", f"{n_numbers} numbers")


@ToyModel.check
def instances_start_apart_and_from_the_generator(fn):
    state = torch.random.get_rng_state()
    generator = torch.Generator().manual_seed(0)
    first, second = (fn(6, 3, n_instances=4, generator=generator).W.detach() for _ in range(2))
    again = fn(6, 3, n_instances=4, generator=torch.Generator().manual_seed(0)).W.detach()
    require(torch.equal(first, again), "the same generator state gives the same W", again)
    require(not torch.isin(first, second).any(), "a second model goes on in the stream", second)
    require(first.unique().numel() == first.numel(), "every instance starts elsewhere", first)
    untouched = torch.equal(state, torch.random.get_rng_state())
    require(untouched, "torch's global random state unused", "it was used")


@ToyModel.check
def its_gradients_are_those_of_the_formula(fn):
    # One feature: x' = ReLU(w² x + b), so dx'/dw = 2 w x and dx'/db = 1 where it is positive.
    for b, slope in ((0.5, 1.0), (-9.0, 0.0)):
        model = _model(fn, torch.tensor([[1.5]]), torch.tensor([b]))
        out = model(torch.tensor([2.0]))
        require(out.requires_grad, "gradients reach W and b", "they do not")
        out.sum().backward()
        for name, expected in (("W", torch.tensor([[6.0]])), ("b", torch.tensor([1.0]))):
            grad = getattr(model, name).grad
            expect(grad, slope * expected, w=1.5, b=b, x=2.0, gradient_of=name)


class _Model(ToyModel.reference):
    """For the mistakes: the reference's weights under another forward."""


@ToyModel.mistake("no ReLU: that is the linear model, which never uses superposition")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.einsum("...hf,...h->...f", self.W, hidden) + self.b


@ToyModel.mistake("no bias: without it small interference is not cut away")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden))


@ToyModel.mistake("the bias is added after the ReLU")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden)) + self.b


@ToyModel.mistake("a ReLU in the hidden layer as well: that is another model of the paper")
class _(_Model):
    def forward(self, x):
        hidden = torch.relu(torch.einsum("...hf,...f->...h", self.W, x))
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden) + self.b)


@ToyModel.mistake("the bias is subtracted")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden) - self.b)


@ToyModel.mistake(
    "W.T turns all dimensions around: .mT, or einsum with '...', keeps instances apart"
)
class _(_Model):
    def forward(self, x):
        return torch.relu(x @ self.W.T @ self.W + self.b)


@ToyModel.mistake("the ReLU is on the hidden layer, where it belongs on the output")
class _(_Model):
    def forward(self, x):
        hidden = torch.relu(torch.einsum("...hf,...f->...h", self.W, x))
        return torch.einsum("...hf,...h->...f", self.W, hidden) + self.b


@ToyModel.right("by matmul on columns")
class _(_Model):
    def forward(self, x):
        hidden = self.W @ x.unsqueeze(-1)
        return (self.W.mT @ hidden).squeeze(-1).add(self.b).clamp(min=0)


@ToyModel.right("by products and sums, WᵀW first")
class _(_Model):
    def forward(self, x):
        read = (self.W[..., :, :, None] * self.W[..., :, None, :]).sum(-3)
        return torch.nn.functional.relu((read * x[..., None, :]).sum(-1) + self.b)
