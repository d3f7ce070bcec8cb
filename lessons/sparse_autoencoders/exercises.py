"""What the learner writes in the sparse-autoencoder lesson (Bricken et al. 2023 and relatives)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the whole autoencoder, and why the decoder's bias stands at both ends",
    given="blanks",
    hints=[
        "The decoder's bias is where a reconstruction starts when no latent is active.",
        "So the encoder should look at what is left over: x minus that bias.",
        "W_enc has a column per latent, W_dec a row per latent: both multiply from the right.",
    ],
)
class SparseAutoencoder(nn.Module):
    """f = act((x − b_dec) W_enc + b_enc), x̂ = f W_dec + b_dec (Bricken et al. 2023, appendix).

    x, x̂: (..., n_inputs). Latents f: (..., n_latents). W_enc: (n_inputs, n_latents).
    W_dec: (n_latents, n_inputs); row i is the direction that latent i writes.
    """

    def __init__(self, n_inputs, n_latents, activation=torch.relu, generator=None):
        super().__init__()
        rows = F.normalize(torch.randn(n_latents, n_inputs, generator=generator), dim=-1)
        self.W_dec, self.W_enc = nn.Parameter(rows), nn.Parameter(rows.T.clone())
        self.b_dec = nn.Parameter(torch.zeros(n_inputs))
        self.b_enc = nn.Parameter(torch.zeros(n_latents))
        self.activation = activation

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pre = (x - self.b_dec) @ self.W_enc + self.b_enc  # blank: before the activation
        latents = self.activation(pre)  # blank: f
        x_hat = latents @ self.W_dec + self.b_dec  # blank: the reconstruction
        return x_hat, latents


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


@exercise(
    difficulty=1,
    minutes=8,
    teaches="what is summed, what is averaged, and why L1 needs the decoder's norms",
    given="blanks",
    hints=[
        "Squared error and penalty are sums over dimensions and latents, then means over samples.",
        "A latent of half the size behind a direction of twice the length writes the same.",
        "So weigh |f_i| by the length of row i of the decoder: decoder.norm(dim=-1).",
    ],
)
def sae_loss(
    x: Tensor, x_hat: Tensor, latents: Tensor, l1_coefficient: float, decoder: Tensor
) -> Tensor:
    """Mean over samples of ‖x − x̂‖² + λ Σ_i |f_i| ‖d_i‖ (Conerly et al. 2024; Bricken: ‖d_i‖ = 1).

    x, x_hat: (..., n_inputs). latents f: (..., n_latents). l1_coefficient λ. decoder:
    (n_latents, n_inputs), row i is d_i. Returns a scalar tensor.
    """
    squared_error = ((x - x_hat) ** 2).sum(-1)  # blank: one number per sample
    penalty = (latents.abs() * decoder.norm(dim=-1)).sum(-1)  # blank: one number per sample
    return (squared_error + l1_coefficient * penalty).mean()  # blank: the loss


def _loss_by_hand(x, x_hat, latents, l1_coefficient, decoder):
    """The loss in plain loops."""
    lengths = [math.sqrt(sum(v * v for v in row)) for row in decoder.tolist()]
    samples = zip(*(t.reshape(-1, t.shape[-1]).tolist() for t in (x, x_hat, latents)), strict=True)
    losses = [
        sum((a - b) ** 2 for a, b in zip(row, hat, strict=True))
        + l1_coefficient * sum(abs(v) * c for v, c in zip(f, lengths, strict=True))
        for row, hat, f in samples
    ]
    return torch.tensor(sum(losses) / len(losses))


@sae_loss.check
def one_sample_one_latent(fn):
    # x, x_hat, latent, λ, length, loss
    for x, y, f, lam, c, loss in (
        (1.0, 1.0, 0.0, 1.0, 1.0, 0.0),
        (1.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        (1.0, 1.0, 2.0, 0.5, 1.0, 1.0),
        (3.0, 1.0, 2.0, 0.5, 3.0, 7.0),
        (0.0, 0.0, 2.0, 0.0, 3.0, 0.0),
        (0.0, 0.0, 2.0, 1.0, -3.0, 6.0),
    ):
        given = [torch.tensor([[v]]) for v in (x, y, f)]
        expect(fn(*given, lam, torch.tensor([[c]])), torch.tensor(loss))


@sae_loss.check
def it_is_the_sum_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for lead, n_inputs, n_latents in (
        ((1,), 2, 3),
        ((4,), 2, 3),
        ((4,), 4, 4),
        ((2, 3), 3, 5),
        ((), 2, 4),
    ):
        x, x_hat = torch.randn(2, *lead, n_inputs, generator=g) * 2
        latents = torch.rand(*lead, n_latents, generator=g) * 3
        decoder = torch.randn(n_latents, n_inputs, generator=g) * 2
        for lam in (0.0, 0.7):
            expect(
                fn(x, x_hat, latents, lam, decoder),
                _loss_by_hand(x, x_hat, latents, lam, decoder),
                1e-4,
            )


@sae_loss.check
def shrinking_latents_behind_longer_directions_gains_nothing(fn):
    g = torch.Generator().manual_seed(1)
    x, latents, decoder = (torch.randn(s, generator=g).abs() for s in ((5, 2), (5, 3), (3, 2)))
    for factor in (0.01, 2.0):
        got = fn(x, latents @ decoder, latents * factor, 0.5, decoder / factor)
        expect(got, _loss_by_hand(x, latents @ decoder, latents, 0.5, decoder), 1e-4)


@sae_loss.check
def more_samples_of_the_same_change_nothing(fn):
    g = torch.Generator().manual_seed(2)
    x, x_hat, latents = (torch.rand(3, n, generator=g) for n in (2, 2, 4))
    decoder = torch.randn(4, 2, generator=g)
    once = _loss_by_hand(x, x_hat, latents, 0.3, decoder)
    expect(fn(x.repeat(7, 1), x_hat.repeat(7, 1), latents.repeat(7, 1), 0.3, decoder), once)


@sae_loss.check
def negative_latents_cost_as_much(fn):
    latents, zero = torch.tensor([[2.0, -3.0]]), torch.zeros(1, 2)
    expect(fn(zero, zero, latents, 1.0, torch.eye(2)), torch.tensor(5.0))


@sae_loss.check
def gradients_reach_reconstruction_latents_and_decoder(fn):
    x_hat, latents, decoder = (
        torch.tensor(v, requires_grad=True) for v in ([[0.5, 0.0]], [[2.0]], [[3.0, 4.0]])
    )
    loss = fn(torch.tensor([[1.0, 1.0]]), x_hat, latents, 0.5, decoder)
    require(torch.is_tensor(loss) and loss.requires_grad, "a loss with a gradient", loss)
    loss.backward()
    for name, t, slope in (("x_hat", x_hat, [[-1.0, -2.0]]), ("latents", latents, [[2.5]]),
                           ("decoder", decoder, [[0.6, 0.8]])):  # fmt: skip
        expect(t.grad, torch.tensor(slope), gradient_of=name)


@sae_loss.mistake("L1 without the decoder's norms: latents shrink behind ever longer directions")
def _(x, x_hat, latents, l1_coefficient, decoder):
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * latents.abs().sum(-1)).mean()


@sae_loss.mistake("norms of the decoder's columns, where a direction is a row")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=0)[: latents.shape[-1]]).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).mean()


@sae_loss.mistake("the mean over dimensions, where squared errors are summed")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).sum(-1)
    return ((x - x_hat) ** 2).mean() + l1_coefficient * penalty.mean()


@sae_loss.mistake("the penalty is averaged over latents: it fades as the dictionary grows")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).mean()
    return ((x - x_hat) ** 2).sum(-1).mean() + l1_coefficient * penalty


@sae_loss.mistake("summed over samples, where the mean was asked for")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).sum()


@sae_loss.mistake("squared norms of the decoder's rows")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * (decoder**2).sum(-1)).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).mean()


@sae_loss.mistake("L2 on the latents: small ones cost next to nothing, so nothing becomes zero")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents * decoder.norm(dim=-1)).norm(dim=-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).mean()


@sae_loss.mistake("latents are summed with their signs, so negative ones pay you")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents * decoder.norm(dim=-1)).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).mean()


@sae_loss.mistake("the norms are detached: the decoder does not feel that length costs")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.detach().norm(dim=-1)).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).mean()


@exercise(
    difficulty=1,
    minutes=4,
    teaches="closing the loophole: unit directions, changed in place",
    given="blanks",
    hints=[
        "A direction is a row: its length is a sum over the last dimension.",
        "keepdim=True, so that lengths (n_latents, 1) divide rows of (n_latents, n_inputs).",
    ],
)
def normalise_decoder_(decoder: Tensor) -> None:
    """Scale every row to length 1, in place (Bricken et al. 2023). A row of zeros stays zero.

    decoder: (n_latents, n_inputs), possibly an nn.Parameter: no gradient is recorded.
    """
    with torch.no_grad():
        lengths = decoder.norm(dim=-1, keepdim=True)  # blank: (n_latents, 1)
        decoder /= lengths.clamp_min(1e-12)


def _normalised(fn, decoder):
    """Call an answer on a copy, and hand the copy back."""
    decoder = decoder.clone()
    fn(decoder)
    return decoder


@normalise_decoder_.check
def one_row(fn):
    for row, unit in (
        ([3.0, 4.0], [0.6, 0.8]),
        ([-2.0, 0.0], [-1.0, 0.0]),
        ([0.0, 1.0], [0.0, 1.0]),
    ):
        given = torch.tensor([row])
        expect(_normalised(fn, given), torch.tensor([unit]), decoder=given)


@normalise_decoder_.check
def each_row_by_its_own_length(fn):
    square = torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    expect(_normalised(fn, square), torch.tensor([[0.6, 0.8], [0.0, 1.0]]), decoder=square)
    for shape in ((3, 3), (5, 2), (2, 6)):
        decoder = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 4
        rows = [[v / math.sqrt(sum(w * w for w in r)) for v in r] for r in decoder.tolist()]
        expect(_normalised(fn, decoder), torch.tensor(rows), decoder=decoder)


@normalise_decoder_.check
def short_rows_grow_and_long_ones_shrink(fn):
    for size in (1e-3, 1e4):
        given = torch.tensor([[0.6 * size, -0.8 * size]])
        expect(_normalised(fn, given), torch.tensor([[0.6, -0.8]]), decoder=given)


@normalise_decoder_.check
def a_row_of_zeros_stays(fn):
    given = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    expect(_normalised(fn, given), torch.tensor([[0.0, 0.0], [0.0, 1.0]]), decoder=given)


@normalise_decoder_.check
def a_parameter_stays_a_leaf_and_records_nothing(fn):
    decoder = nn.Parameter(torch.tensor([[3.0, 4.0], [1.0, 0.0]]))
    fn(decoder)
    require(decoder.is_leaf and decoder.requires_grad, "a leaf that still learns", decoder)
    expect(decoder.detach(), torch.tensor([[0.6, 0.8], [1.0, 0.0]]))
    (decoder * torch.tensor([[1.0, 0.0], [0.0, 0.0]])).sum().backward()
    expect(decoder.grad, torch.tensor([[1.0, 0.0], [0.0, 0.0]]), gradient_of="its first entry")


@normalise_decoder_.mistake("columns are normalized, where a direction is a row")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm(dim=0, keepdim=True).clamp_min(1e-12)


@normalise_decoder_.mistake("the whole matrix is divided by one number")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm().clamp_min(1e-12)


@normalise_decoder_.mistake("a new tensor comes back, and the decoder stays as it was")
def _(decoder):
    return F.normalize(decoder, dim=-1)


@normalise_decoder_.mistake("divided by the squared length")
def _(decoder):
    with torch.no_grad():
        decoder /= (decoder**2).sum(-1, keepdim=True).clamp_min(1e-12)


@normalise_decoder_.mistake("divided by zero: a row of zeros becomes NaN")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm(dim=-1, keepdim=True)


@normalise_decoder_.mistake("only long rows are shortened, short ones stay short")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm(dim=-1, keepdim=True).clamp_min(1.0)


@normalise_decoder_.mistake("the sum of absolute values is made 1, not the length")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.abs().sum(-1, keepdim=True).clamp_min(1e-12)


@exercise(
    difficulty=2,
    minutes=8,
    teaches="the part of a gradient that a unit-norm constraint would undo anyway",
    hints=[
        "For one unit row d with gradient g, the part along d is (g · d) d.",
        "Rows need not be exactly of length 1: divide by the length first.",
        "(gradient * unit).sum(-1, keepdim=True) is one number per row. Subtract in place.",
    ],
)
def remove_parallel_gradient_(gradient: Tensor, decoder: Tensor) -> None:
    """Take from each row of the gradient its part along the decoder's row, in place (Bricken 2023).

    gradient, decoder: (n_latents, n_inputs). Afterwards g_i · d_i = 0 for every i, and what was
    orthogonal to d_i is untouched. The decoder is not changed; where d_i = 0 nothing is removed.
    """
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient -= (gradient * unit).sum(-1, keepdim=True) * unit


def _removed(fn, gradient, decoder):
    """Call an answer on copies; see that it works in place and leaves the decoder alone."""
    gradient, same = gradient.clone(), decoder.clone()
    fn(gradient, same)
    require(torch.equal(same, decoder), "the decoder unchanged", same)
    return gradient


@remove_parallel_gradient_.check
def along_an_axis(fn):
    for g, d, left in (
        ([2.0, 3.0], [1.0, 0.0], [0.0, 3.0]),
        ([2.0, 3.0], [0.0, -1.0], [2.0, 0.0]),
        ([5.0, 0.0], [1.0, 0.0], [0.0, 0.0]),
        ([0.0, 7.0], [1.0, 0.0], [0.0, 7.0]),
    ):
        g, d = torch.tensor([g]), torch.tensor([d])
        expect(_removed(fn, g, d), torch.tensor([left]), gradient=g, decoder=d)


@remove_parallel_gradient_.check
def rows_need_not_be_of_length_one(fn):
    for size in (0.01, 3.0, 100.0):
        g, d = torch.tensor([[2.0, 1.0]]), torch.tensor([[0.6, 0.8]]) * size
        expect(_removed(fn, g, d), torch.tensor([[0.8, -0.6]]), gradient=g, decoder=d)


@remove_parallel_gradient_.check
def each_row_is_its_own_projection(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((1, 3), (3, 3), (4, 2), (2, 5)):
        gradient, decoder = torch.randn(2, *shape, generator=g) * 2
        rows = []
        for row, d in zip(gradient.tolist(), decoder.tolist(), strict=True):
            along = sum(a * b for a, b in zip(row, d, strict=True)) / sum(b * b for b in d)
            rows.append([a - along * b for a, b in zip(row, d, strict=True)])
        expect(_removed(fn, gradient, decoder), torch.tensor(rows), 1e-4)


@remove_parallel_gradient_.check
def nothing_is_left_along_the_rows_and_twice_is_once(fn):
    gradient, decoder = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    once = _removed(fn, gradient, decoder)
    expect((once * decoder).sum(-1), torch.zeros(6), 1e-4, gradient=gradient, decoder=decoder)
    expect(_removed(fn, once, decoder), once, 1e-4)


@remove_parallel_gradient_.check
def a_row_of_zeros_has_no_direction(fn):
    gradient, decoder = (
        torch.tensor([[1.0, 2.0], [1.0, 2.0]]),
        torch.tensor([[0.0, 0.0], [1.0, 0.0]]),
    )
    left = _removed(fn, gradient, decoder)
    expect(left, torch.tensor([[1.0, 2.0], [0.0, 2.0]]), gradient=gradient, decoder=decoder)


@remove_parallel_gradient_.check
def it_works_on_a_parameter_and_its_gradient(fn):
    decoder = nn.Parameter(torch.tensor([[0.6, 0.8], [1.0, 0.0]]))
    (decoder * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    fn(decoder.grad, decoder)
    expect(decoder.grad, torch.tensor([[-0.32, 0.24], [0.0, 4.0]]))
    kept = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    require(
        torch.equal(decoder.detach(), kept) and decoder.is_leaf, "the decoder unchanged", decoder
    )
    require(not decoder.grad.requires_grad, "a gradient that records nothing", decoder.grad)


@remove_parallel_gradient_.mistake("the orthogonal part is removed and the parallel one kept")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient.copy_((gradient * unit).sum(-1, keepdim=True) * unit)


@remove_parallel_gradient_.mistake("the decoder's rows are taken for unit vectors")
def _(gradient, decoder):
    with torch.no_grad():
        gradient -= (gradient * decoder).sum(-1, keepdim=True) * decoder


@remove_parallel_gradient_.mistake("projected on columns, where a direction is a row")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=0)
        gradient -= (gradient * unit).sum(0, keepdim=True) * unit


@remove_parallel_gradient_.mistake("the parallel part is added instead of taken away")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient += (gradient * unit).sum(-1, keepdim=True) * unit


@remove_parallel_gradient_.mistake("a new tensor comes back, and the gradient stays as it was")
def _(gradient, decoder):
    unit = F.normalize(decoder, dim=-1)
    return gradient - (gradient * unit).sum(-1, keepdim=True) * unit


@remove_parallel_gradient_.mistake("one inner product over the whole matrix, not one per row")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient -= (gradient * unit).sum() * unit


@remove_parallel_gradient_.mistake(
    "the element-wise product is removed: the sum over the row is missing"
)
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient -= gradient * unit * unit


@exercise(
    difficulty=2,
    minutes=8,
    teaches="sparsity by construction: exactly how many, and no penalty",
    hints=[
        "torch.topk gives the k largest values of each row and where they stand.",
        "torch.zeros_like(pre).scatter(-1, indices, values) puts them back where they were.",
        "A threshold at the k-th value keeps too many when values tie.",
    ],
)
def topk_activation(pre: Tensor, k: int) -> Tensor:
    """Keep the k largest of each row, zero the rest, then ReLU (Gao et al. 2024, and their code).

    pre: (..., n_latents). Largest by value, not by size. Ties: never more than k stay.
    Returns the same shape; the gradient reaches what stays, and only that.
    """
    values, indices = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@topk_activation.check
def a_row_by_hand(fn):
    pre = torch.tensor([3.0, 1.0, 2.0])
    for k, kept in ((1, [3.0, 0.0, 0.0]), (2, [3.0, 0.0, 2.0]), (3, [3.0, 1.0, 2.0])):
        expect(fn(pre, k), torch.tensor(kept))
    expect(fn(torch.tensor([4.0]), 1), torch.tensor([4.0]))


@topk_activation.check
def largest_by_value_and_never_negative(fn):
    expect(fn(torch.tensor([-9.0, 2.0, 1.0]), 2), torch.tensor([0.0, 2.0, 1.0]))
    expect(fn(torch.tensor([-9.0, 2.0, -1.0]), 2), torch.tensor([0.0, 2.0, 0.0]))
    expect(fn(torch.tensor([-1000.0, -0.5]), 1), torch.tensor([0.0, 0.0]))


@topk_activation.check
def ties_never_keep_more_than_k(fn):
    for k in (1, 2, 3):
        out = fn(torch.full((5,), 2.0), k)
        require(torch.is_tensor(out) and out.shape == (5,), "a tensor of shape (5,)", out)
        expect(out.sort().values, torch.tensor([0.0] * (5 - k) + [2.0] * k))


@topk_activation.check
def each_row_keeps_its_own(fn):
    g = torch.Generator().manual_seed(0)
    for shape, k in (((4, 4), 2), ((3, 7), 3), ((2, 3, 5), 2), ((1, 6), 1), ((6, 3), 1)):
        pre = torch.randn(shape, generator=g) * 3
        rows = []
        for row in pre.reshape(-1, shape[-1]).tolist():
            bar = sorted(row, reverse=True)[k - 1]
            rows.append([max(v, 0.0) if v >= bar else 0.0 for v in row])
        expect(fn(pre, k), torch.tensor(rows).reshape(shape))


@topk_activation.check
def small_and_large_values_stay_exact(fn):
    pre = torch.tensor([[1e-4, 2e-4, 0.0], [1000.0, 999.0, -1000.0]])
    kept = fn(pre, 1)
    require(
        torch.equal(kept, torch.tensor([[0.0, 2e-4, 0.0], [1000.0, 0.0, 0.0]])),
        "the largest of each row",
        kept,
    )
    wide = fn(pre.double(), 2)
    require(wide.dtype == torch.float64, "float64 in, float64 out", str(wide.dtype))


@topk_activation.check
def the_gradient_reaches_what_stays(fn):
    pre = torch.tensor([[3.0, 1.0, 2.0], [-1.0, -3.0, 5.0]], requires_grad=True)
    out = fn(pre, 2)
    require(torch.is_tensor(out) and out.requires_grad, "a result with a gradient", out)
    (out * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    slope = torch.tensor([[1.0, 0.0, 100.0], [0.0, 0.0, 100.0]])
    expect(pre.grad, slope, pre=pre, k=2, gradient_of="out · (1, 10, 100)")


@topk_activation.mistake("largest in absolute value: strongly negative ones push others out")
def _(pre, k):
    keep = torch.zeros_like(pre).scatter(-1, pre.abs().topk(k, dim=-1).indices, 1.0)
    return torch.relu(pre) * keep


@topk_activation.mistake("no ReLU: negative values stay when fewer than k are positive")
def _(pre, k):
    values, indices = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, values)


@topk_activation.mistake("a threshold at the k-th value: ties keep more than k")
def _(pre, k):
    return torch.relu(pre) * (pre >= pre.topk(k, dim=-1).values[..., -1:])


@topk_activation.mistake("everything above the k-th value: one too few stay")
def _(pre, k):
    return torch.relu(pre) * (pre > pre.topk(k, dim=-1).values[..., -1:])


@topk_activation.mistake("one too many stay: off by one")
def _(pre, k):
    values, indices = pre.topk(min(k + 1, pre.shape[-1]), dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@topk_activation.mistake("the k largest over samples, not over latents")
def _(pre, k):
    values, indices = pre.topk(min(k, pre.shape[0]), dim=0)
    return torch.zeros_like(pre).scatter(0, indices, torch.relu(values))


@topk_activation.mistake("the k largest of the whole batch: some rows get none")
def _(pre, k):
    values, indices = pre.flatten().topk(k)
    return torch.zeros_like(pre).flatten().scatter(0, indices, torch.relu(values)).view_as(pre)


@topk_activation.mistake("ones where values were asked for: a mask, not an activation")
def _(pre, k):
    return torch.zeros_like(pre).scatter(-1, pre.topk(k, dim=-1).indices, 1.0)


@topk_activation.mistake("the k smallest")
def _(pre, k):
    values, indices = pre.topk(k, dim=-1, largest=False)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@topk_activation.mistake("detached: the encoder never learns")
def _(pre, k):
    values, indices = pre.detach().topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@exercise(
    difficulty=3,
    minutes=15,
    teaches="a gradient for a jump: the straight-through estimator of a threshold",
    hints=[
        "Forward: pre where it exceeds the threshold, else 0. That has the right gradient to pre.",
        "To θ a jump has none: compute −(θ/ε) K((z − θ)/ε) yourself, and detach it.",
        "s · (θ − θ.detach()) is zero, and its gradient to θ is s. Add that.",
    ],
)
def jumprelu(pre: Tensor, threshold: Tensor, bandwidth: float = 0.001) -> Tensor:
    """z · H(z − θ), H(u) = 1 if u > 0 else 0, with a pseudo-gradient (Rajamanoharan et al. 2024b).

    Gradient to z: H(z − θ). To θ: −(θ/ε) K((z − θ)/ε), where ε is the bandwidth and K(u) = 1 for
    |u| < 1/2, else 0. pre: (..., n_latents). threshold: (n_latents,), positive.
    """
    inside = (pre - threshold).abs() < bandwidth / 2
    slope = -(threshold / bandwidth) * inside
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


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
    theta = torch.tensor([1.0, 1.0], requires_grad=True)
    fn(torch.tensor([1.0004, 1.0006]), theta).sum().backward()
    expect(theta.grad, torch.tensor([-1000.0, 0.0]), 1e-3, pre="1.0004 and 1.0006", threshold=1.0)


@jumprelu.mistake("no straight-through gradient: the threshold never moves")
def _(pre, threshold, bandwidth=0.001):
    return pre * (pre > threshold) + 0 * threshold


@jumprelu.mistake("a ReLU shifted by the threshold: what passes is made smaller")
def _(pre, threshold, bandwidth=0.001):
    return torch.relu(pre - threshold)


@jumprelu.mistake("the pseudo-gradient has the wrong sign")
def _(pre, threshold, bandwidth=0.001):
    inside = (pre - threshold).abs() < bandwidth / 2
    slope = (threshold / bandwidth) * inside
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@jumprelu.mistake("the factor θ is missing: that is the pseudo-gradient of the step alone")
def _(pre, threshold, bandwidth=0.001):
    slope = -((pre - threshold).abs() < bandwidth / 2) / bandwidth
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


@exercise(
    difficulty=2,
    minutes=8,
    teaches="scoring a dictionary against the truth, whatever its order",
    hints=[
        "First unit rows, then all cosines at once: a matrix of true by learned.",
        "For every true direction the best learned one: which axis is the max over?",
    ],
)
def mean_max_cosine_similarity(learned: Tensor, true: Tensor) -> Tensor:
    """Mean over true directions of the largest cosine with a learned one (Sharkey et al. 2022).

    learned: (n_latents, n_inputs). true: (n_features, n_inputs). Signed: a latent is never
    negative. A row of zeros has cosine 0 with everything. Returns a scalar tensor.
    """
    cosines = F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T
    return cosines.max(dim=-1).values.mean()


@mean_max_cosine_similarity.check
def one_against_one(fn):
    for a, b, cosine in (
        ([1.0, 0.0], [1.0, 0.0], 1.0),
        ([1.0, 0.0], [0.0, 1.0], 0.0),
        ([1.0, 0.0], [-1.0, 0.0], -1.0),
        ([3.0, 4.0], [5.0, 0.0], 0.6),
    ):
        expect(fn(torch.tensor([a]), torch.tensor([b])), torch.tensor(cosine))


@mean_max_cosine_similarity.check
def the_order_and_the_lengths_do_not_matter(fn):
    g = torch.Generator().manual_seed(0)
    true = torch.randn(5, 3, generator=g)
    learned = true[torch.tensor([3, 0, 4, 1, 2])] * torch.tensor(
        [[1.0], [20.0], [0.01], [3.0], [7.0]]
    )
    expect(fn(learned, true), torch.tensor(1.0))
    expect(fn(learned[:3], true), fn(learned[:3].flip(0), true.roll(2, 0)))


@mean_max_cosine_similarity.check
def every_true_direction_counts_and_no_surplus_latent(fn):
    true, junk = torch.eye(2), torch.tensor([[1.0, 0.0], [-1.0, -1.0], [1.0, -0.001]])
    expect(fn(torch.eye(2)[:1], true), torch.tensor(0.5))  # one of two is found
    expect(fn(torch.cat([true, junk]), true), torch.tensor(1.0))  # both are, whatever else there is
    expect(fn(true, true[:1]), torch.tensor(1.0))


@mean_max_cosine_similarity.check
def it_is_the_maximum_written_out(fn):
    g = torch.Generator().manual_seed(1)
    for n_learned, n_true, n_inputs in ((4, 4, 4), (6, 3, 2), (2, 5, 3), (1, 4, 2), (5, 1, 6)):
        learned, true = (torch.randn(n, n_inputs, generator=g) * 3 for n in (n_learned, n_true))
        best = []
        for t in true.tolist():
            cosines = [
                sum(a * b for a, b in zip(t, row, strict=True))
                / (math.hypot(*t) * math.hypot(*row))
                for row in learned.tolist()
            ]
            best.append(max(cosines))
        expect(fn(learned, true), torch.tensor(sum(best) / len(best)))


@mean_max_cosine_similarity.check
def the_opposite_direction_is_no_match(fn):
    expect(fn(-torch.eye(3), torch.eye(3)), torch.tensor(0.0))
    expect(
        fn(torch.tensor([[-1.0, -1.0]]), torch.tensor([[1.0, 1.0], [2.0, 2.0]])), torch.tensor(-1.0)
    )


@mean_max_cosine_similarity.check
def a_latent_of_zeros_matches_nothing(fn):
    expect(fn(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), torch.eye(2)), torch.tensor(0.5))
    small = torch.eye(2) * 1e-4
    expect(fn(small, torch.eye(2)), torch.tensor(1.0), learned=small)


@mean_max_cosine_similarity.mistake(
    "averaged over learned directions: surplus latents are punished"
)
def _(learned, true):
    return (F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T).max(0).values.mean()


@mean_max_cosine_similarity.mistake("row i is compared with row i: a permutation ruins the score")
def _(learned, true):
    n = min(len(learned), len(true))
    return F.cosine_similarity(learned[:n], true[:n], dim=-1).mean()


@mean_max_cosine_similarity.mistake("not normalized: inner products, not cosines")
def _(learned, true):
    return (true @ learned.T).max(-1).values.mean()


@mean_max_cosine_similarity.mistake("absolute cosines: the opposite direction counts as found")
def _(learned, true):
    cosines = F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T
    return cosines.abs().max(-1).values.mean()


@mean_max_cosine_similarity.mistake("columns are normalized, where a direction is a row")
def _(learned, true):
    return (F.normalize(true, dim=0) @ F.normalize(learned, dim=0).T).max(-1).values.mean()


@mean_max_cosine_similarity.mistake("the largest cosine of all, not the mean of each feature's")
def _(learned, true):
    return (F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T).max()


@mean_max_cosine_similarity.mistake("the mean of all cosines: the max is missing")
def _(learned, true):
    return (F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T).mean()


@mean_max_cosine_similarity.mistake("divided by zero: a dead latent turns the score into NaN")
def _(learned, true):
    unit = learned / learned.norm(dim=-1, keepdim=True)
    return (F.normalize(true, dim=-1) @ unit.T).max(-1).values.mean()


@exercise(
    difficulty=1,
    minutes=6,
    teaches="reconstruction on a scale where 0 is the mean and 1 is perfect",
    hints=[
        "Compare the squared error with that of always answering the mean of the batch.",
        "The mean is over samples, one per dimension. Sum both before you divide.",
    ],
)
def fraction_of_variance_explained(x: Tensor, x_hat: Tensor) -> Tensor:
    """1 − Σ ‖x − x̂‖² / Σ ‖x − x̄‖², where x̄ is the mean over samples.

    Both sums run over samples and dimensions. x, x_hat: (n_samples, n_inputs).
    Below 0 if x̂ is worse than x̄. Returns a scalar tensor.
    """
    residual = ((x - x_hat) ** 2).sum()
    return 1 - residual / ((x - x.mean(0)) ** 2).sum()


@fraction_of_variance_explained.check
def perfect_is_one_and_the_mean_is_zero(fn):
    x = torch.tensor([[1.0, 5.0], [3.0, 9.0], [8.0, -2.0]])
    expect(fn(x, x.clone()), torch.tensor(1.0))
    expect(fn(x, x.mean(0).expand(3, 2).clone()), torch.tensor(0.0))


@fraction_of_variance_explained.check
def two_samples_by_hand(fn):
    x = torch.tensor([[0.0], [2.0]])  # variance: 1 + 1
    for x_hat, explained in (([[0.0], [1.0]], 0.5), ([[0.0], [0.0]], -1.0), ([[2.0], [0.0]], -3.0)):
        expect(fn(x, torch.tensor(x_hat)), torch.tensor(explained))


@fraction_of_variance_explained.check
def a_constant_added_to_both_changes_nothing(fn):
    x, x_hat = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([50.0, -20.0, 3.0])
    expect(fn(x + shift, x_hat + shift), fn(x, x_hat), 1e-3)
    expect(fn(10 * x, 10 * x_hat), fn(x, x_hat), 1e-4)


@fraction_of_variance_explained.check
def it_is_the_ratio_written_out(fn):
    g = torch.Generator().manual_seed(1)
    for shape in ((2, 3), (4, 4), (5, 1), (3, 6)):
        scale = torch.arange(1.0, shape[1] + 1) ** 2  # dimensions of very different variance
        x = torch.randn(shape, generator=g) * scale + 2
        x_hat = x + torch.randn(shape, generator=g)
        mean = [sum(c) / len(c) for c in zip(*x.tolist(), strict=True)]
        pairs = list(zip(x.tolist(), x_hat.tolist(), strict=True))
        residual = sum((a - b) ** 2 for r, h in pairs for a, b in zip(r, h, strict=True))
        total = sum((a - m) ** 2 for r, _ in pairs for a, m in zip(r, mean, strict=True))
        expect(fn(x, x_hat), torch.tensor(1 - residual / total), 1e-4)


@fraction_of_variance_explained.check
def a_constant_dimension_does_no_harm(fn):
    x = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
    expect(fn(x, torch.tensor([[1.0, 7.0], [2.0, 7.0]])), torch.tensor(0.5))


@fraction_of_variance_explained.check
def below_zero_when_worse_than_the_mean(fn):
    x = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    expect(fn(x, 1000 * x), torch.tensor(1 - 999.0**2), 1e-4)


@fraction_of_variance_explained.mistake("the mean is not taken off: a large offset looks explained")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / (x**2).sum()


@fraction_of_variance_explained.mistake("the share that is not explained")
def _(x, x_hat):
    return ((x - x_hat) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("one mean over samples and dimensions together")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean()) ** 2).sum()


@fraction_of_variance_explained.mistake("the mean over dimensions of each sample, not over samples")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(1, keepdim=True)) ** 2).sum()


@fraction_of_variance_explained.mistake(
    "a ratio per dimension, then their mean: small dimensions rule"
)
def _(x, x_hat):
    return (1 - ((x - x_hat) ** 2).sum(0) / ((x - x.mean(0)) ** 2).sum(0)).mean()


@fraction_of_variance_explained.mistake("variance of the reconstruction over variance of the data")
def _(x, x_hat):
    return ((x_hat - x_hat.mean(0)) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("the mean of the reconstruction, not of the data")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x_hat.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("errors are not squared: absolute deviations")
def _(x, x_hat):
    return 1 - (x - x_hat).abs().sum() / (x - x.mean(0)).abs().sum()


@fraction_of_variance_explained.mistake(
    "the residual's own mean is taken off: a constant error is forgiven"
)
def _(x, x_hat):
    return 1 - (x - x_hat).var(0).sum() / x.var(0).sum()


@exercise(
    difficulty=3,
    minutes=20,
    teaches="a second life for dead latents, and all that has to be reset with them",
    given="page",
    hints=[
        "Which samples? Those that are reconstructed badly: torch.multinomial on the loss squared.",
        "The sample's unit vector becomes the decoder's row. Times 0.2, and times the mean norm of "
        "the living encoder columns, it becomes the encoder's column.",
        "adam.state[p] holds exp_avg and exp_avg_sq in p's shape: zero them where p was changed.",
    ],
)
def resample_dead_latents_(sae, x, dead, adam, generator):
    """Give dead latents new weights, in place (Bricken et al. 2023, "Neuron Resampling").

    Each takes a sample of x (n, n_inputs), drawn with probability ∝ ‖x − x̂‖⁴, the loss squared.
    Its unit vector becomes the decoder's row, and times 0.2 × the mean norm of the alive latents'
    encoder columns the encoder's column; b_enc becomes 0. Adam's moments there become 0.
    dead: (n_latents,) of bool. adam: the optimizer of sae's parameters. None dead: no change.
    """
    if not dead.any():
        return
    with torch.no_grad():
        loss = ((x - sae(x)[0]) ** 2).sum(-1)
        drawn = torch.multinomial(loss**2, int(dead.sum()), replacement=True, generator=generator)
        unit = F.normalize(x[drawn], dim=-1)
        sae.W_dec[dead] = unit
        sae.W_enc[:, dead] = 0.2 * sae.W_enc[:, ~dead].norm(dim=0).mean() * unit.T
        sae.b_enc[dead] = 0
        for p, where in ((sae.W_dec, dead), (sae.W_enc, (slice(None), dead)), (sae.b_enc, dead)):
            for moment in ("exp_avg", "exp_avg_sq") if p in adam.state else ():
                adam.state[p][moment][where] = 0


def _world(seed=0, n_inputs=3, n_latents=6, steps=2):
    """An autoencoder after a few steps of Adam, its optimizer, and data."""
    g = torch.Generator().manual_seed(seed)
    sae = SparseAutoencoder.reference(n_inputs, n_latents, generator=g)
    x = torch.randn(40, n_inputs, generator=g) * torch.rand(40, 1, generator=g) * 3
    adam = torch.optim.Adam(sae.parameters(), lr=0.1)
    for _ in range(steps):
        adam.zero_grad()
        ((x - sae(x)[0]) ** 2).sum(-1).mean().backward()
        adam.step()
    with torch.no_grad():
        sae.b_enc += torch.randn(n_latents, generator=g) * 0.1
        sae.b_dec += torch.randn(n_inputs, generator=g) * 0.5
        sae.W_enc *= 1.7
    return sae, x, adam


def _snapshot(sae, adam):
    state = {n: p.detach().clone() for n, p in sae.named_parameters()}
    moments = {
        n: [adam.state[p][m].clone() for m in ("exp_avg", "exp_avg_sq")] if p in adam.state else []
        for n, p in sae.named_parameters()
    }
    return state, moments


def _resampled(fn, dead, seed=0, world=None, **options):
    """Run an answer; hand back (sae, x, adam) and the weights and moments before."""
    sae, x, adam = world or _world(seed, **options)
    before = _snapshot(sae, adam)
    dead = torch.tensor(dead)
    fn(sae, x, dead.clone(), adam, torch.Generator().manual_seed(seed))
    for name, p in sae.named_parameters():
        require(p.is_leaf and p.requires_grad, f"{name} is still a parameter that learns", p)
    return sae, x, adam, before, dead


DEAD = [False, True, False, True, True, False]


@resample_dead_latents_.check
def the_living_are_left_alone(fn):
    for dead in (DEAD, [False] * 6, [True] + [False] * 5, [True] * 5 + [False]):
        sae, _, adam, (before, moments), dead = _resampled(fn, dead)
        after, moments_after = _snapshot(sae, adam)
        given = {"dead": dead}
        expect(
            after["W_dec"][~dead], before["W_dec"][~dead], 0.0, **given, what="living rows of W_dec"
        )
        expect(
            after["W_enc"][:, ~dead],
            before["W_enc"][:, ~dead],
            0.0,
            **given,
            what="living columns of W_enc",
        )
        expect(
            after["b_enc"][~dead], before["b_enc"][~dead], 0.0, **given, what="b_enc of the living"
        )
        expect(after["b_dec"], before["b_dec"], 0.0, **given, what="b_dec")
        for i, moment in enumerate(("exp_avg", "exp_avg_sq")):
            what = {**given, "what": f"{moment} of the living"}
            expect(moments_after["W_dec"][i][~dead], moments["W_dec"][i][~dead], 0.0, **what)
            expect(moments_after["W_enc"][i][:, ~dead], moments["W_enc"][i][:, ~dead], 0.0, **what)
            expect(moments_after["b_enc"][i][~dead], moments["b_enc"][i][~dead], 0.0, **what)
            expect(moments_after["b_dec"][i], moments["b_dec"][i], 0.0, **what)


@resample_dead_latents_.check
def a_new_row_is_a_sample_of_length_one(fn):
    for seed in range(3):
        sae, x, _, _, dead = _resampled(fn, DEAD, seed)
        rows = sae.W_dec.detach()[dead]
        expect(rows.norm(dim=-1), torch.ones(3), dead=dead, what="lengths of new rows of W_dec")
        unit = x / x.norm(dim=-1, keepdim=True)
        best = (rows @ unit.T).amax(1)
        expect(best, torch.ones(3), 1e-4, dead=dead, what="cosine of each new row with its sample")


@resample_dead_latents_.check
def the_new_encoder_column_is_the_same_direction_at_a_fifth(fn):
    for seed, dead in ((0, DEAD), (1, [False] * 5 + [True]), (2, [True] * 5 + [False])):
        sae, _, _, (before, _), dead = _resampled(fn, dead, seed)
        columns = before["W_enc"][:, ~dead]
        length = (
            sum(math.sqrt(sum(v * v for v in c)) for c in columns.T.tolist()) / columns.shape[1]
        )
        expected = 0.2 * length * sae.W_dec.detach()[dead].T
        expect(sae.W_enc.detach()[:, dead], expected, 1e-4, dead=dead, what="new columns of W_enc")
        expect(sae.b_enc.detach()[dead], torch.zeros(int(dead.sum())), 0.0, dead=dead, what="b_enc")


@resample_dead_latents_.check
def a_square_autoencoder_keeps_its_axes(fn):
    sae, _, _, (before, _), dead = _resampled(fn, [True, False, True], seed=3, n_latents=3)
    expect(sae.W_dec.detach()[1], before["W_dec"][1], 0.0, what="the living row of W_dec")
    expect(sae.W_enc.detach()[:, 1], before["W_enc"][:, 1], 0.0, what="the living column of W_enc")
    expected = 0.2 * before["W_enc"][:, 1].norm() * sae.W_dec.detach()[dead].T
    expect(sae.W_enc.detach()[:, dead], expected, 1e-4, what="new columns of W_enc")


@resample_dead_latents_.check
def adam_forgets_what_it_knew_of_the_dead(fn):
    sae, _, adam, _, dead = _resampled(fn, DEAD)
    _, moments = _snapshot(sae, adam)
    for i, moment in enumerate(("exp_avg", "exp_avg_sq")):
        zeros = torch.zeros(3)
        expect(
            moments["W_dec"][i][dead], zeros[:, None].expand(3, 3), 0.0, what=f"{moment} of W_dec"
        )
        expect(moments["W_enc"][i][:, dead], zeros.expand(3, 3), 0.0, what=f"{moment} of W_enc")
        expect(moments["b_enc"][i][dead], zeros, 0.0, what=f"{moment} of b_enc")
    _resampled(fn, DEAD, steps=0)  # before its first step Adam has no moments at all


@resample_dead_latents_.check
def samples_are_drawn_by_the_square_of_their_loss(fn):
    # Nothing is reconstructed: the losses are ‖x‖² = 1, 2, 3, so the three come as 1 : 4 : 9 of 14.
    kinds = torch.tensor([[0.6, 0.0, 0.8], [0.0, math.sqrt(2), 0.0], [1.0, 1.0, 1.0]])
    unit = kinds / kinds.norm(dim=1, keepdim=True)
    counts = torch.zeros(3)
    for seed in range(12):
        sae = SparseAutoencoder.reference(3, 121)
        with torch.no_grad():
            sae.b_enc.fill_(-100.0)
        adam = torch.optim.Adam(sae.parameters())
        x = kinds.repeat(2000, 1)
        _resampled(fn, [True] * 120 + [False], seed, (sae, x, adam))
        drawn = (sae.W_dec.detach()[:120] @ unit.T > 0.99).sum(0)
        one = bool((drawn == 120).any())
        require(not one, "a draw of its own for each of 120 dead latents", drawn, losses=(1, 2, 3))
        counts += drawn
    share = counts / (12 * 120)  # standard deviation at most 0.013
    expect(share, torch.tensor([1.0, 4.0, 9.0]) / 14, 0.05, losses=(1, 2, 3), draws=1440)


@resample_dead_latents_.check
def well_reconstructed_samples_are_never_drawn(fn):
    # Latent 0 gives back the first axis exactly, however long; only the second axis is missing.
    x = torch.tensor([[9.0, 0.0], [5.0, 0.0], [7.0, 0.0], [0.0, 1.0]])
    world = SparseAutoencoder.reference(2, 3)
    with torch.no_grad():
        world.W_dec.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
        world.W_enc.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    adam = torch.optim.Adam(world.parameters())
    sae, *_ = _resampled(fn, [False, False, True], world=(world, x, adam))
    expect(sae.W_dec.detach()[2], torch.tensor([0.0, 1.0]), x=x)


@resample_dead_latents_.check
def the_generator_decides(fn):
    state = torch.random.get_rng_state()
    a, b = (_resampled(fn, DEAD, world=_world(5)) for _ in range(2))
    rows = [r[0].W_dec.detach() for r in (a, b)]
    require(torch.equal(*rows), "the same generator state gives the same samples", rows[1])
    untouched = torch.equal(state, torch.random.get_rng_state())
    require(untouched, "torch's global random state unused", "it was used")
    others = []
    for seed in range(8):
        sae, x, adam = _world(5)
        fn(sae, x, torch.tensor(DEAD), adam, torch.Generator().manual_seed(seed))
        others.append(tuple(sae.W_dec.detach()[1].tolist()))
    require(len(set(others)) > 1, "another seed draws other samples", others[0])


def _resample(square=True, factor=0.2, moments=("exp_avg", "exp_avg_sq"), zero_bias=True,
              unit_rows=True, alive=True, center=False, encoder=True, best=False):  # fmt: skip
    """For the mistakes: the reference with one thing done wrong."""

    @torch.no_grad()
    def fn(sae, x, dead, adam, generator):
        if not dead.any():
            return
        loss = ((x - sae(x)[0]) ** 2).sum(-1)
        weight = loss**2 if square is True else (loss if square is False else torch.ones_like(loss))
        drawn = torch.multinomial(weight, int(dead.sum()), replacement=True, generator=generator)
        if best:
            drawn = loss.topk(min(int(dead.sum()), len(loss))).indices
            drawn = drawn[torch.arange(int(dead.sum())) % len(drawn)]
        rows = x[drawn] - (sae.b_dec if center else 0)
        unit = F.normalize(rows, dim=-1)
        columns = sae.W_enc[:, ~dead] if alive else sae.W_enc
        length = columns.norm(dim=0).mean()
        sae.W_dec[dead] = unit if unit_rows else rows
        if encoder:
            sae.W_enc[:, dead] = factor * length * unit.T
        if zero_bias:
            sae.b_enc[dead] = 0
        for p, where in ((sae.W_dec, dead), (sae.W_enc, (slice(None), dead)), (sae.b_enc, dead)):
            for moment in moments if p in adam.state else ():
                adam.state[p][moment][where] = 0

    return fn


for _text, _options in {
    "samples are drawn in proportion to the loss, not to its square": {"square": False},
    "samples are drawn evenly: well reconstructed ones as often as bad ones": {"square": None},
    "always the worst samples, where they are drawn at random": {"best": True},
    "the encoder's column has the full mean length: the new latent fires on everything": {
        "factor": 1.0
    },
    "the mean length is taken over all latents, dead ones too": {"alive": False},
    "the encoder keeps its dead column, so the latent stays dead": {"encoder": False},
    "the encoder's bias is not reset": {"zero_bias": False},
    "the decoder's row is the sample itself, not its unit vector": {"unit_rows": False},
    "Adam's moments are kept: old momentum drags the new weights away": {"moments": ()},
    "only Adam's first moment is reset": {"moments": ("exp_avg",)},
    "the decoder's bias is taken off the sample: Bricken et al. take the input as it is": {
        "center": True
    },
}.items():
    resample_dead_latents_.mistake(_text)(_resample(**_options))


@resample_dead_latents_.mistake("alive and dead are swapped: the living are overwritten")
def _(sae, x, dead, adam, generator):
    _resample()(sae, x, ~dead, adam, generator)


@resample_dead_latents_.mistake("Adam is reset as a whole, for the living too")
def _(sae, x, dead, adam, generator):
    _resample()(sae, x, dead, adam, generator)
    for state in adam.state.values():
        state["exp_avg"].zero_()
        state["exp_avg_sq"].zero_()
