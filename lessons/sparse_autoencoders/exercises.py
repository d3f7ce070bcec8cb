"""What the learner writes in the sparse-autoencoder lesson (Bricken et al. 2023 and relatives)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.exercises import exercise


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
    why="Where no latent is active x̂ is b_dec, so latents describe departures from it: the same "
    "bias is taken off first and added last.",
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
    why="f_i ‖d_i‖ is how far latent i moves x̂. Halving f_i and doubling d_i leaves that alone, "
    "so nothing is gained by it.",
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


@exercise(
    difficulty=1,
    minutes=4,
    teaches="closing the loophole: unit directions, changed in place",
    given="blanks",
    hints=[
        "A direction is a row: its length is a sum over the last dimension.",
        "keepdim=True, so that lengths (n_latents, 1) divide rows of (n_latents, n_inputs).",
    ],
    why="With every d_i at length 1 a latent cannot be made small behind a long direction, so "
    "Σ |f_i| alone is an honest penalty.",
)
def normalize_decoder_(decoder: Tensor) -> None:
    """Scale every row to length 1, in place (Bricken et al. 2023). A row of zeros stays zero.

    decoder: (n_latents, n_inputs), possibly an nn.Parameter: no gradient is recorded.
    """
    with torch.no_grad():
        lengths = decoder.norm(dim=-1, keepdim=True)  # blank: (n_latents, 1)
        decoder /= lengths.clamp_min(1e-12)


@exercise(
    difficulty=2,
    minutes=8,
    teaches="the part of a gradient that a unit-norm constraint would undo anyway",
    hints=[
        "For one unit row d with gradient g, the part along d is (g · d) d.",
        "Rows need not be exactly of length 1: divide by the length first.",
        "(gradient * unit).sum(-1, keepdim=True) is one number per row. Subtract in place.",
    ],
    why="A small step orthogonal to d_i turns it and leaves its length. A step along it changes "
    "the length alone, which is restored anyway.",
)
def remove_parallel_gradient_(gradient: Tensor, decoder: Tensor) -> None:
    """Take from each row of the gradient its part along the decoder's row, in place (Bricken 2023).

    gradient, decoder: (n_latents, n_inputs). Afterwards g_i · d_i = 0 for every i, and what was
    orthogonal to d_i is untouched. The decoder is not changed; where d_i = 0 nothing is removed.
    The decoder may be a parameter: use torch.no_grad(), so that the gradient records nothing.
    """
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient -= (gradient * unit).sum(-1, keepdim=True) * unit


@exercise(
    difficulty=2,
    minutes=8,
    teaches="sparsity by construction: exactly how many, and no penalty",
    hints=[
        "torch.topk gives the k largest values of each row and where they stand.",
        "torch.zeros_like(pre).scatter(-1, indices, values) puts them back where they were.",
        "A threshold at the k-th value keeps too many when values tie.",
    ],
    why="Which latents stay is decided by rank, so nothing pulls those that stay towards zero: no "
    "shrinkage.",
)
def topk_activation(pre: Tensor, k: int) -> Tensor:
    """Keep the k largest of each row, zero the rest, then ReLU (Gao et al. 2024, and their code).

    pre: (..., n_latents). Largest by value, not by size. Ties: never more than k stay.
    Returns the same shape; the gradient reaches what stays, and only that.
    """
    values, indices = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@exercise(
    difficulty=3,
    minutes=20,
    teaches="a gradient for a jump: the straight-through estimator of a threshold",
    hints=[
        "Forward: pre where it exceeds the threshold, else 0. That has the right gradient to pre.",
        "To θ a jump has none: compute −(θ/ε) K((z − θ)/ε) yourself, and detach it.",
        "s · (θ − θ.detach()) is zero, and its gradient to θ is s. Add that.",
    ],
    why="Raising θ by a little zeroes the samples just above it, each of value about θ; the kernel "
    "counts how densely they lie there.",
)
def jumprelu(pre: Tensor, threshold: Tensor, bandwidth: float = 0.001) -> Tensor:
    """z · H(z − θ), H(u) = 1 if u > 0 else 0, with a pseudo-gradient (Rajamanoharan et al. 2024b).

    Gradient to z: H(z − θ). To θ: −(θ/ε) K((z − θ)/ε), where ε is the bandwidth and K(u) = 1 for
    |u| < 1/2, else 0. pre: (..., n_latents). threshold: (n_latents,), positive.
    """
    inside = (pre - threshold).abs() < bandwidth / 2
    slope = -(threshold / bandwidth) * inside
    return pre * (pre > threshold) + slope.detach() * (threshold - threshold.detach())


@exercise(
    difficulty=2,
    minutes=8,
    teaches="scoring a dictionary against the truth, whatever its order",
    hints=[
        "First unit rows, then all cosines at once: a matrix of true by learned.",
        "For every true direction the best learned one: which axis is the max over?",
    ],
    why="The max runs over learned directions, so surplus latents cost nothing and every true "
    "direction counts once.",
)
def mean_max_cosine_similarity(learned: Tensor, true: Tensor) -> Tensor:
    """Mean over true directions of the largest cosine with a learned one (Sharkey et al. 2022).

    learned: (n_latents, n_inputs). true: (n_features, n_inputs). Signed: a latent is never
    negative. A row of zeros has cosine 0 with everything. Returns a scalar tensor.
    """
    cosines = F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T
    return cosines.max(dim=-1).values.mean()


@exercise(
    difficulty=1,
    minutes=6,
    teaches="reconstruction on a scale where 0 is the mean and 1 is perfect",
    hints=[
        "Compare the squared error with that of always answering the mean of the batch.",
        "The mean is over samples, one per dimension. Sum both before you divide.",
    ],
    why="Sums before the ratio let a dimension count by its variance; a ratio per dimension would "
    "let the smallest ones rule.",
)
def fraction_of_variance_explained(x: Tensor, x_hat: Tensor) -> Tensor:
    """1 − Σ ‖x − x̂‖² / Σ ‖x − x̄‖², where x̄ is the mean over samples.

    Both sums run over samples and dimensions. x, x_hat: (n_samples, n_inputs).
    Below 0 if x̂ is worse than x̄. Returns a scalar tensor.
    """
    residual = ((x - x_hat) ** 2).sum()
    return 1 - residual / ((x - x.mean(0)) ** 2).sum()


@exercise(
    difficulty=3,
    minutes=30,
    teaches="a second life for dead latents, and all that has to be reset with them",
    given="page",
    hints=[
        "Which samples? Those that are reconstructed badly: torch.multinomial on the loss squared, "
        "with replacement=True.",
        "The sample's unit vector becomes the decoder's row. Times 0.2, and times the mean norm of "
        "the living encoder columns, it becomes the encoder's column.",
        "adam.state[p] holds exp_avg and exp_avg_sq in p's shape: zero them where p was changed.",
    ],
    why="A dead latent gets no gradient, so it has to be put where there is an error to mend: "
    "short at first, so as not to disturb what works, and without the old latent's momentum.",
)
def resample_dead_latents_(sae, x, dead, adam, generator):
    """Give dead latents new weights, in place (Bricken et al. 2023, "Neuron Resampling").

    Each takes a sample of x (n, n_inputs), drawn with replacement, with probability ∝ ‖x − x̂‖⁴, the
    loss squared. Its unit vector becomes the decoder's row, and times 0.2 × the mean norm of the
    alive latents' encoder columns the encoder's column (where none is alive, of all columns); b_enc
    becomes 0. Adam's two moments there become 0, its step stays. No latent dead, or every loss 0:
    no change. dead: (n_latents,) of bool. adam: the optimizer of sae's parameters; it has stepped.
    """
    with torch.no_grad():
        loss = ((x - sae(x)[0]) ** 2).sum(-1)
        if not dead.any() or not loss.any():
            return
        weight = (loss / loss.max()) ** 2  # a small loss squared would be rounded to 0
        drawn = torch.multinomial(weight, int(dead.sum()), replacement=True, generator=generator)
        unit = F.normalize(x[drawn], dim=-1)
        alive = torch.ones_like(dead) if dead.all() else ~dead
        sae.W_dec[dead] = unit
        sae.W_enc[:, dead] = 0.2 * sae.W_enc[:, alive].norm(dim=0).mean() * unit.T
        sae.b_enc[dead] = 0
        for p, where in ((sae.W_dec, dead), (sae.W_enc, (slice(None), dead)), (sae.b_enc, dead)):
            for moment in ("exp_avg", "exp_avg_sq"):
                adam.state[p][moment][where] = 0
