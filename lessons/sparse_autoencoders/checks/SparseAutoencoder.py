"""How `SparseAutoencoder` is judged: checks, mistakes, right answers."""

import torch
from torch import nn

from lessons.sparse_autoencoders.exercises import SparseAutoencoder
from utils.grading import expect, require

WEIGHTS = {"W_enc": (2, 3), "W_dec": (3, 2), "b_enc": (3,), "b_dec": (2,)}


def _sae(fn, seed=0, shapes=None, **options):
    """An answer's autoencoder, with weights drawn from a seed that share nothing."""
    shapes = shapes or WEIGHTS
    sae, g = fn(*shapes["W_enc"], **options), torch.Generator().manual_seed(seed)
    for name, shape in shapes.items():
        there = getattr(sae, name, None)
        require(isinstance(there, nn.Parameter), f"{name} is an nn.Parameter", there)
        require(tuple(there.shape) == shape, f"{name} of shape {shape}", tuple(there.shape))
        with torch.no_grad():
            there.copy_(torch.randn(shape, generator=g))
    return sae


def _run(sae, x):
    """(x̂, f), and see that it is a pair of tensors of the right shapes."""
    out = sae(x)
    require(isinstance(out, tuple) and len(out) == 2, "a pair (x_hat, latents)", out)
    for part in out:
        require(torch.is_tensor(part), "a pair of tensors", part)
    return out


def _by_hand(sae, x):
    """x̂ and f of one sample in plain loops, with a ReLU."""
    W_enc, W_dec, b_enc, b_dec, x = (
        t.tolist() for t in (sae.W_enc, sae.W_dec, sae.b_enc, sae.b_dec, x)
    )
    f = [
        max(0.0, sum((x[d] - b_dec[d]) * W_enc[d][i] for d in range(len(x))) + b_enc[i])
        for i in range(len(b_enc))
    ]
    x_hat = [sum(f[i] * W_dec[i][d] for i in range(len(f))) + b_dec[d] for d in range(len(x))]
    return torch.tensor(x_hat), torch.tensor(f)


@SparseAutoencoder.check
def one_input_one_latent(fn):
    # x, W_enc, b_enc, W_dec, b_dec, latent, x_hat
    for x, e, c, d, b, f, y in (
        (1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0),
        (3.0, 2.0, 0.0, 1.0, 1.0, 4.0, 5.0),
        (3.0, 1.0, -1.5, 2.0, 1.0, 0.5, 2.0),
        (0.0, 1.0, 0.0, 9.0, 1.0, 0.0, 1.0),
        (-5.0, -200.0, 0.0, 0.5, 0.0, 1000.0, 500.0),
    ):
        sae = _sae(fn, shapes={"W_enc": (1, 1), "W_dec": (1, 1), "b_enc": (1,), "b_dec": (1,)})
        with torch.no_grad():
            for name, value in (("W_enc", e), ("W_dec", d), ("b_enc", c), ("b_dec", b)):
                getattr(sae, name).fill_(value)
        x_hat, latents = _run(sae, torch.tensor([x]))
        given = {"x": x, "W_enc": e, "b_enc": c, "W_dec": d, "b_dec": b}
        expect(latents, torch.tensor([f]), **given, what="latents")
        expect(x_hat, torch.tensor([y]), **given, what="x_hat")


@SparseAutoencoder.check
def it_is_the_sum_written_out_for_any_leading_dimensions(fn):
    square = {"W_enc": (3, 3), "W_dec": (3, 3), "b_enc": (3,), "b_dec": (3,)}
    for shapes, lead in ((WEIGHTS, ()), (WEIGHTS, (4,)), (square, (5,)), (WEIGHTS, (2, 3))):
        sae, n = _sae(fn, 1, shapes), shapes["W_enc"][0]
        x = torch.randn(*lead, n, generator=torch.Generator().manual_seed(2)) * 2
        x_hat, latents = _run(sae, x)
        rows = [_by_hand(sae, row) for row in x.reshape(-1, n)]
        expect(
            latents, torch.stack([f for _, f in rows]).reshape(*lead, -1), 1e-4, x=x, what="latents"
        )
        expect(x_hat, torch.stack([y for y, _ in rows]).reshape(x.shape), 1e-4, x=x, what="x_hat")


@SparseAutoencoder.check
def where_no_latent_is_active_the_decoder_bias_comes_back(fn):
    sae = _sae(fn, 3)
    with torch.no_grad():
        sae.b_enc.fill_(-1000.0)
    x_hat, latents = _run(sae, torch.randn(4, 2, generator=torch.Generator().manual_seed(4)))
    expect(latents, torch.zeros(4, 3))
    expect(x_hat, sae.b_dec.detach().expand(4, 2))


@SparseAutoencoder.check
def moving_data_and_decoder_bias_together_changes_no_latent(fn):
    sae, x = _sae(fn, 5), torch.randn(6, 2, generator=torch.Generator().manual_seed(6))
    before_hat, before = (t.detach().clone() for t in _run(sae, x))
    shift = torch.tensor([3.0, -2.0])
    with torch.no_grad():
        sae.b_dec += shift
    after_hat, after = _run(sae, x + shift)
    expect(after, before, 1e-4, what="latents")
    expect(after_hat, before_hat + shift, 1e-4, what="x_hat")


@SparseAutoencoder.check
def the_activation_given_is_the_one_used(fn):
    sae = _sae(fn, 7, activation=lambda pre: pre**2)
    x = torch.tensor([[0.5, -1.0], [2.0, 0.1]])
    pre = (x - sae.b_dec) @ sae.W_enc + sae.b_enc
    x_hat, latents = _run(sae, x)
    expect(latents, (pre**2).detach(), 1e-4, x=x, activation="pre ** 2")
    expect(x_hat, ((pre**2) @ sae.W_dec + sae.b_dec).detach(), 1e-4, x=x, activation="pre ** 2")
    plus = _run(_sae(fn, 7, activation=lambda pre: pre), torch.zeros(1, 2))[1]
    require(
        bool((plus < 0).any()), "latents as the activation leaves them, negative ones too", plus
    )


@SparseAutoencoder.check
def gradients_reach_all_four_weights(fn):
    # One active latent: x̂ = w ((x − b) e + c) + b, with x = 3, b = 1, e = 2, c = 0.5, w = 4.
    sae = _sae(fn, shapes={"W_enc": (1, 1), "W_dec": (1, 1), "b_enc": (1,), "b_dec": (1,)})
    with torch.no_grad():
        for name, value in (("W_enc", 2.0), ("W_dec", 4.0), ("b_enc", 0.5), ("b_dec", 1.0)):
            getattr(sae, name).fill_(value)
    _run(sae, torch.tensor([3.0]))[0].sum().backward()
    for name, slope in (("W_enc", 8.0), ("W_dec", 4.5), ("b_enc", 4.0), ("b_dec", -7.0)):
        grad = getattr(sae, name).grad
        got = None if grad is None else grad.sum()
        expect(got, torch.tensor(slope), x=3.0, gradient_of=name)
    sae.zero_grad()
    latents = _run(sae, torch.tensor([3.0]))[1]
    require(latents.requires_grad, "latents with a gradient: a penalty on them must teach", latents)
    latents.sum().backward()
    for name, slope in (("W_enc", 2.0), ("b_enc", 1.0), ("b_dec", -2.0)):
        got = getattr(sae, name).grad.sum()
        expect(got, torch.tensor(slope), x=3.0, gradient_of=f"{name}, through the latents")


@SparseAutoencoder.check
def it_starts_with_unit_rows_from_the_generator(fn):
    a, b, c = (fn(4, 7, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    require(
        torch.equal(a.W_dec, b.W_dec), "the same generator state gives the same weights", b.W_dec
    )
    require(not torch.equal(a.W_dec, c.W_dec), "another seed gives other weights", c.W_dec)
    expect(a.W_dec.detach().norm(dim=-1), torch.ones(7), what="length of the decoder's rows")
    n_numbers = sum(p.numel() for p in a.parameters())
    require(n_numbers == 2 * 4 * 7 + 4 + 7, "two matrices, two biases, no more", n_numbers)


class _Sae(SparseAutoencoder.reference):
    """For the mistakes: the reference's weights under another forward."""


@SparseAutoencoder.mistake("the decoder's bias is not subtracted before the encoder")
class _(_Sae):
    def forward(self, x):
        latents = self.activation(x @ self.W_enc + self.b_enc)
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.mistake("the decoder's bias is subtracted but not added back")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x - self.b_dec) @ self.W_enc + self.b_enc)
        return latents @ self.W_dec, latents


@SparseAutoencoder.mistake("the decoder's bias is added before the encoder, where it is subtracted")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x + self.b_dec) @ self.W_enc + self.b_enc)
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.mistake("no encoder bias: a latent cannot wait for a strong signal")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x - self.b_dec) @ self.W_enc)
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.mistake("the activation is missing: this is a linear map, and nothing is sparse")
class _(_Sae):
    def forward(self, x):
        latents = (x - self.b_dec) @ self.W_enc + self.b_enc
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.mistake("the encoder's weights are tied to the decoder's: W_enc is not used")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x - self.b_dec) @ self.W_dec.T + self.b_enc)
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.mistake("an activation on the reconstruction too, which then is never negative")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x - self.b_dec) @ self.W_enc + self.b_enc)
        return torch.relu(latents @ self.W_dec + self.b_dec), latents


@SparseAutoencoder.mistake("ReLU whatever activation was given")
class _(_Sae):
    def forward(self, x):
        latents = torch.relu((x - self.b_dec) @ self.W_enc + self.b_enc)
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.mistake("latents and reconstruction come back in the wrong order")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x - self.b_dec) @ self.W_enc + self.b_enc)
        return latents, latents @ self.W_dec + self.b_dec


@SparseAutoencoder.mistake("the encoder's bias is added after the activation")
class _(_Sae):
    def forward(self, x):
        latents = self.activation((x - self.b_dec) @ self.W_enc) + self.b_enc
        return latents @ self.W_dec + self.b_dec, latents


@SparseAutoencoder.right("in einsum")
class _(_Sae):
    def forward(self, x):
        pre = torch.einsum("...d,dl->...l", x - self.b_dec, self.W_enc) + self.b_enc
        latents = self.activation(pre)
        return torch.einsum("...l,ld->...d", latents, self.W_dec) + self.b_dec, latents


@SparseAutoencoder.right("a class of its own, by linear layers' function, weights transposed")
class _(nn.Module):
    def __init__(self, n_inputs, n_latents, activation=torch.relu, generator=None):
        super().__init__()
        directions = torch.randn((n_latents, n_inputs), generator=generator)
        directions /= directions.pow(2).sum(1, keepdim=True).sqrt()
        self.activation = activation
        self.b_enc = nn.Parameter(torch.zeros(n_latents))
        self.b_dec = nn.Parameter(torch.zeros(n_inputs))
        self.W_enc = nn.Parameter(directions.T.clone())
        self.W_dec = nn.Parameter(directions)

    def forward(self, x):
        offset = self.b_enc - self.b_dec @ self.W_enc  # the bias taken off once, after the product
        latents = self.activation(nn.functional.linear(x, self.W_enc.T, offset))
        return nn.functional.linear(latents, self.W_dec.T, self.b_dec), latents
