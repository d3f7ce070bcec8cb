"""How `sae_loss` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.sparse_autoencoders.exercises import sae_loss
from utils.grading import expect, require


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


@sae_loss.mistake("the length of the error, where its square was asked for")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).sum(-1)
    return ((x - x_hat).norm(dim=-1) + l1_coefficient * penalty).mean()


@sae_loss.mistake("λ weighs the whole loss, where it weighs the penalty alone")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).sum(-1)
    return l1_coefficient * (((x - x_hat) ** 2).sum(-1) + penalty).mean()


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


@sae_loss.mistake("means over everything, where dimensions and latents are summed")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).mean()
    return ((x - x_hat) ** 2).mean() + l1_coefficient * penalty


@sae_loss.mistake("means over everything, and the decoder's norms are missing")
def _(x, x_hat, latents, l1_coefficient, decoder):
    return ((x - x_hat) ** 2).mean() + l1_coefficient * latents.abs().mean()


@sae_loss.mistake("λ is forgotten")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=-1)).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + penalty).mean()


@sae_loss.mistake("lengths of the decoder's columns: a direction is a row, dim=-1")
def _(x, x_hat, latents, l1_coefficient, decoder):
    penalty = (latents.abs() * decoder.norm(dim=0)).sum(-1)
    return (((x - x_hat) ** 2).sum(-1) + l1_coefficient * penalty).mean()


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


@sae_loss.right("by a loop over samples")
def _(x, x_hat, latents, l1_coefficient, decoder):
    lengths = decoder.pow(2).sum(1).sqrt()
    rows = zip(*(t.reshape(-1, t.shape[-1]) for t in (x, x_hat, latents)), strict=True)
    losses = [(a - b).dot(a - b) + l1_coefficient * f.abs().dot(lengths) for a, b, f in rows]
    return torch.stack(losses).mean()


@sae_loss.right("by sums over everything, divided by the number of samples")
def _(x, x_hat, latents, l1_coefficient, decoder):
    n = x[..., 0].numel()
    squared_error = torch.nn.functional.mse_loss(x_hat, x, reduction="sum")
    lengths = torch.linalg.vector_norm(decoder, dim=1)
    return (squared_error + l1_coefficient * (latents * lengths).abs().sum()) / n
