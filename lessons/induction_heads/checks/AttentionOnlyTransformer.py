"""How `AttentionOnlyTransformer` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.induction_heads.checks.shared import randn
from lessons.induction_heads.exercises import AttentionOnlyTransformer, causal_attention
from utils import transformer
from utils.grading import expect, require

WEIGHTS = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")


def _logits(model, tokens):
    """Call a model of the answer's class, and see that logits of the right shape come back."""
    out = model(tokens)
    require(torch.is_tensor(out), "a tensor of logits", out)
    shape = (*tokens.shape, model.W_U.shape[-1])
    require(out.shape == shape, f"logits of shape {shape}", tuple(out.shape), tokens=tokens)
    return out


def _make(fn, vocabulary=5, length=6, seed=0, **options):
    """A model of the answer's class with weights large enough for every term to count."""
    model = fn(vocabulary, length, generator=torch.Generator().manual_seed(seed), **options)
    with torch.no_grad():
        model.W_Q.mul_(2)
    return model


def _logits_in_loops(model, tokens):
    """The model in numpy, a position and a head at a time: logits for one sequence."""
    w = {name: getattr(model, name).detach().double().numpy() for name in WEIGHTS}
    x = [w["W_E"][t] + w["W_pos"][i] for i, t in enumerate(tokens.tolist())]
    for layer in range(len(w["W_Q"])):
        new = [row.copy() for row in x]
        for h in range(w["W_Q"].shape[1]):
            q, k, v = ([row @ w[name][layer, h] for row in x] for name in ("W_Q", "W_K", "W_V"))
            for i in range(len(x)):
                s = np.array([q[i] @ k[j] for j in range(i + 1)]) / math.sqrt(len(q[i]))
                p = np.exp(s - s.max())
                z = sum(p[j] * v[j] for j in range(i + 1)) / p.sum()
                new[i] += z @ w["W_O"][layer, h]
        x = new
    return torch.tensor(np.stack(x) @ w["W_U"], dtype=torch.float32)


@AttentionOnlyTransformer.check
def one_token_one_layer_one_head(fn):
    model = _make(fn, 2, 1, n_layers=1, n_heads=1, d_model=2)
    tokens = torch.tensor([[1]])
    x = (model.W_E[1] + model.W_pos[0]).detach()
    x = x + x @ model.W_V[0, 0].detach() @ model.W_O[0, 0].detach()
    expect(_logits(model, tokens), (x @ model.W_U.detach())[None, None], tokens=tokens)


@AttentionOnlyTransformer.check
def heads_that_write_nothing_leave_token_and_position(fn):
    model = _make(fn)
    with torch.no_grad():
        model.W_O.zero_()
    tokens = torch.tensor([[3, 0, 3, 1]])
    x = model.W_E[tokens] + model.W_pos[:4]
    expect(_logits(model, tokens), (x @ model.W_U).detach(), tokens=tokens)


@AttentionOnlyTransformer.check
def it_is_the_definition_written_out(fn):
    sizes = ((1, 1, 3), (1, 3, 2), (2, 1, 4), (2, 2, 5), (3, 2, 2))
    for seed, (n_layers, n_heads, d_head) in enumerate(sizes):
        model = _make(fn, seed=seed, n_layers=n_layers, n_heads=n_heads, d_model=6, d_head=d_head)
        for n in (1, 3, 6):
            tokens = torch.randint(5, (2, n), generator=torch.Generator().manual_seed(seed))
            expected = torch.stack([_logits_in_loops(model, row) for row in tokens])
            expect(_logits(model, tokens), expected, tol=1e-4, tokens=tokens)


@AttentionOnlyTransformer.check
def the_future_has_no_influence(fn):
    model = _make(fn, d_model=8, n_heads=2)
    a, b = torch.tensor([[0, 1, 2, 3, 4]]), torch.tensor([[0, 1, 2, 1, 0]])
    expect(_logits(model, a)[:, :3], _logits(model, b)[:, :3].detach(), tokens=a)


@AttentionOnlyTransformer.check
def sequences_of_a_batch_do_not_touch(fn):
    model = _make(fn, d_model=8, n_heads=2)
    tokens = torch.randint(5, (6, 6), generator=torch.Generator().manual_seed(5))
    alone = torch.cat([_logits(model, row[None]) for row in tokens]).detach()
    expect(_logits(model, tokens), alone, tokens=tokens)


@AttentionOnlyTransformer.check
def gradients_reach_every_weight_and_are_right(fn):
    model = _make(fn, d_model=4, n_heads=2).double()
    tokens = torch.tensor([[0, 1, 2, 0, 1, 4]])
    state = {name: getattr(model, name).detach().clone() for name in WEIGHTS}
    direction = {name: randn(*w.shape, seed=7, dtype=w.dtype) for name, w in state.items()}
    out = _logits(model, tokens)
    target = randn(*out.shape, seed=8, dtype=out.dtype)
    require(out.requires_grad, "gradients reach the weights", "they do not")
    (out * target).sum().backward()
    for name in WEIGHTS:
        weight, sides = getattr(model, name), []
        require(weight.grad is not None, f"a gradient for {name}", None)
        with torch.no_grad():
            for step in (1e-5, -1e-5):
                weight.copy_(state[name] + step * direction[name])
                sides.append((model(tokens) * target).sum().item())
            weight.copy_(state[name])
        slope = (weight.grad * direction[name]).sum().item()
        expect(slope, (sides[0] - sides[1]) / 2e-5, tol=1e-4, gradient_of=name)


@AttentionOnlyTransformer.check
def the_weights_are_left_as_they_were(fn):
    model = _make(fn)
    before = {name: getattr(model, name).detach().clone() for name in WEIGHTS}
    _logits(model, torch.tensor([[0, 1, 2]]))
    for name in WEIGHTS:
        expect(getattr(model, name).detach(), before[name], tol=0)


class _Transformer(transformer.AttentionOnlyTransformer):
    """For the mistakes: the pieces of the forward pass, each to be replaced."""

    def embed(self, tokens):
        return self.W_E[tokens] + self.W_pos[: tokens.shape[1]]

    def write(self, layer, residual):
        q, k, v = (torch.einsum("bpm,hmd->bhpd", residual, W[layer]) for W in self.read())
        return torch.einsum("bhpd,hdm->bphm", causal_attention(q, k, v)[0], self.W_O[layer])

    def read(self):
        return self.W_Q, self.W_K, self.W_V

    def forward(self, tokens):
        residual = self.embed(tokens)
        for layer in range(self.n_layers):
            residual = residual + self.write(layer, residual).sum(2)
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake("each layer replaces the residual stream instead of adding to it")
class _(_Transformer):
    def forward(self, tokens):
        residual = self.embed(tokens)
        for layer in range(self.n_layers):
            residual = self.write(layer, residual).sum(2)
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake("positions are not embedded: attention cannot tell order")
class _(_Transformer):
    def embed(self, tokens):
        return self.W_E[tokens]


@AttentionOnlyTransformer.mistake("every layer uses the weights of the first")
class _(_Transformer):
    def write(self, layer, residual):
        return super().write(0, residual)


@AttentionOnlyTransformer.mistake("every layer reads the embedding: nothing can compose")
class _(_Transformer):
    def forward(self, tokens):
        start = residual = self.embed(tokens)
        for layer in range(self.n_layers):
            residual = residual + self.write(layer, start).sum(2)
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake("heads are averaged instead of summed")
class _(_Transformer):
    def write(self, layer, residual):
        return super().write(layer, residual) / self.n_heads


@AttentionOnlyTransformer.mistake("W_Q and W_K are swapped")
class _(_Transformer):
    def read(self):
        return self.W_K, self.W_Q, self.W_V


@AttentionOnlyTransformer.mistake("only the first head writes")
class _(_Transformer):
    def write(self, layer, residual):
        return super().write(layer, residual)[:, :, :1]


@AttentionOnlyTransformer.mistake("W_pos is not cut to the sequence: shorter ones do not fit")
class _(_Transformer):
    def embed(self, tokens):
        return self.W_E[tokens] + self.W_pos


@AttentionOnlyTransformer.mistake("a position is looked up by its token: W_pos[tokens]")
class _(_Transformer):
    def embed(self, tokens):
        return self.W_E[tokens] + self.W_pos[tokens]


@AttentionOnlyTransformer.mistake("heads run one after another, each reading what the last wrote")
class _(_Transformer):
    def forward(self, tokens):
        residual = self.embed(tokens)
        for layer in range(self.n_layers):
            for h in range(self.n_heads):
                residual = residual + self.write(layer, residual)[:, :, h]
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake(
    "+= overwrites the stream, which the backward pass still needs: residual = residual + …"
)
class _(_Transformer):
    def forward(self, tokens):
        residual = self.embed(tokens)
        for layer in range(self.n_layers):
            q, k, v = (torch.einsum("bpm,hmd->bhpd", residual, W[layer]) for W in self.read())
            z = causal_attention(q, k, v)[0]
            residual += torch.einsum("bhpd,hdm->bpm", z, self.W_O[layer])
        return residual @ self.W_U


@AttentionOnlyTransformer.right("by matmul, a head after the other")
class _(transformer.AttentionOnlyTransformer):
    def forward(self, tokens):
        stream = torch.nn.functional.embedding(tokens, self.W_E) + self.W_pos[: tokens.shape[-1]]
        for layer in range(self.n_layers):
            written = torch.zeros_like(stream)
            for h in range(self.n_heads):
                q, k, v = (stream @ W[layer, h] for W in (self.W_Q, self.W_K, self.W_V))
                written = written + causal_attention(q, k, v)[0] @ self.W_O[layer, h]
            stream = stream + written
        return stream @ self.W_U


@AttentionOnlyTransformer.right("by torch's own attention")
class _(transformer.AttentionOnlyTransformer):
    def forward(self, tokens):
        x = self.W_E[tokens] + self.W_pos[torch.arange(tokens.shape[1])]
        for layer in range(self.n_layers):
            q, k, v = (x[:, None] @ W[layer] for W in (self.W_Q, self.W_K, self.W_V))
            z = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + (z @ self.W_O[layer]).sum(1)
        return torch.einsum("bpm,mv->bpv", x, self.W_U)
