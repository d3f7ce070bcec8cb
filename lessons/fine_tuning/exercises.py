"""What the learner writes in the lesson on fine-tuning, and what it undoes."""

import copy
from collections.abc import Callable

import torch
from scipy.stats import norm
from torch import Tensor, nn
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=15,
    teaches="a trained matrix as a frozen one plus a thin correction",
    given="blanks",
    hints=[
        "x has its features last. A is (rank, inputs): x @ A.T has `rank` features.",
        "B must start at zero, so that training starts from the old layer. A must not: if both "
        "were zero, neither would ever get a gradient.",
        "merge: which single matrix does what W and (α/r) B A do together?",
    ],
    why="W x + (α/r) B A x = (W + (α/r) B A) x: while it trains, the correction costs two thin "
    "products; afterwards it is added in, and costs nothing.",
)
class LoRALinear(nn.Module):
    """y = W x + b + (α/r) B A x: W and b frozen, only A and B trained (Hu et al. 2021, section 4).

    linear: the nn.Linear to adapt, of any dtype, with or without a bias; rank r; alpha α; A and B
    are of that dtype. x gets its whole gradient.
    A: (r, inputs), drawn from N(0, 1 / inputs). B: (outputs, r), zeros. x: (..., inputs) to
    (..., outputs). merge() returns a new nn.Linear that does the same in one product, and leaves
    `linear` as it is.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, generator=None):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        n_outputs, n_inputs = linear.weight.shape
        drawn = torch.randn(rank, n_inputs, generator=generator) * n_inputs**-0.5
        self.A = nn.Parameter(drawn.to(linear.weight))  # to its dtype
        self.B = nn.Parameter(linear.weight.new_zeros(n_outputs, rank))  # blank: how B starts
        self.scale = alpha / rank  # blank: what B A x is multiplied by

    def forward(self, x: Tensor) -> Tensor:
        correction = x @ self.A.T @ self.B.T  # blank: B A x, by two thin products
        return self.linear(x) + self.scale * correction

    def merge(self) -> nn.Linear:
        merged = copy.deepcopy(self.linear)
        merged.weight.data = self.linear.weight + self.scale * self.B @ self.A  # blank: one matrix
        return merged


@exercise(
    difficulty=2,
    minutes=12,
    teaches="levels where the weights are: quantiles of the normal distribution",
    hints=[
        "scipy.stats.norm.ppf(p) is the quantile Φ⁻¹(p); torch.linspace gives the p.",
        "One side: 9 values of p from 1/2 to δ, so a zero and 8 levels above it. The other side: "
        "8 values of p, so a zero and 7 levels; flip their signs.",
        "Both sides have the zero: keep one. Divide by the largest.",
    ],
    why="Between neighboring levels of a side lies an equal share of a normal distribution: levels "
    "are dense where weights are; an equal spacing would waste codes on rare large weights.",
)
def nf4_levels() -> Tensor:
    """The 16 levels of 4-bit NormalFloat, ascending, from −1 to 1, float64 (Dettmers et al. 2023).

    Above zero: Φ⁻¹(p) at 9 equally spaced p from 1/2 to δ = 0.9677083, the first of which is the
    zero. Below: −Φ⁻¹(p) at 8 equally spaced p from 1/2 to the same δ; the zero counts once.
    All divided by the largest. Returns (16,).
    """
    above = norm.ppf(torch.linspace(0.5, 0.9677083, 9, dtype=torch.float64))
    below = -norm.ppf(torch.linspace(0.5, 0.9677083, 8, dtype=torch.float64))[1:]
    levels = torch.tensor(sorted([*above, *below]), dtype=torch.float64)
    return levels / levels.max()


@exercise(
    difficulty=2,
    minutes=12,
    teaches="blockwise quantization: one scale a block, and the nearest level",
    given="blanks",
    hints=[
        "weights.reshape(-1, block) has a row a block; its scale is the row's largest |w|.",
        "Divided by the scale, a row lies in [−1, 1], and its largest weight is exactly ±1.",
        "The nearest level: |w − level| for all levels, (blocks, block, levels), then argmin(-1).",
    ],
    why="One outlier stretches the scale of its own block only: the smaller the block, the fewer "
    "weights pay for it, and the more scales must be stored.",
)
def quantize(weights: Tensor, levels: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Blockwise quantization to the nearest level (Dettmers et al. 2023, section 2).

    weights: of any shape, as many as a multiple of `block`, taken in order of storage. levels:
    (k,), within [−1, 1]. Returns codes, (blocks, block), the places of the levels as integers, and
    scales, (blocks,), the largest absolute weight of each block. A block of zeros has scale 0 and
    the code of the level nearest to 0. Ties may go either way.
    """
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)  # blank: one a block
    unit = rows / scales.clamp(min=1e-30)[:, None]  # within [−1, 1]; a row of zeros stays zero
    codes = (unit[..., None] - levels).abs().argmin(-1)  # blank: the nearest level's place
    return codes, scales


@exercise(
    difficulty=1,
    minutes=8,
    teaches="where in a reply two models differ",
    hints=[
        "log_softmax of both, over the vocabulary.",
        "KL(p‖q) = Σ p (log p − log q): which of the two models is p?",
        "Sum over the vocabulary, mean over replies; the positions stay.",
    ],
    why="Averaged over what the aligned model would say, log p − log q is what its next token "
    "tells about which of the two models is speaking.",
)
def kl_by_position(aligned: Tensor, base: Tensor) -> Tensor:
    """KL(aligned ‖ base) of the next token, by place in the reply (Qi et al. 2024, section 2).

    aligned, base: logits of two models on the same tokens, (replies, places, vocabulary). Returns
    (places,), nats, the mean over replies. Logits of ±1000 must stay finite.
    """
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean(0)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="putting words into a model's mouth",
    hints=[
        "The model sees the request and the start as one text: torch.cat([prompts, start], 1).",
        "Only the logits at the last place say what comes next.",
        "Stop when start and new tokens make `length` together. The request is not returned.",
    ],
    why="A language model conditions on its own last tokens as on any others: it cannot tell words "
    "that it chose from words that were put there.",
)
def prefilled_reply(
    model: Callable[[Tensor], Tensor], prompts: Tensor, start: Tensor, length: int
) -> Tensor:
    """The reply that begins with `start` and goes on with the likeliest tokens: (n, length).

    model: takes tokens (n, t), returns logits (n, t, vocabulary). prompts: (n, p). start: (n, k),
    from 0 to `length` tokens; it is the beginning of what is returned.
    """
    tokens = torch.cat([prompts, start], 1)
    while tokens.shape[1] < prompts.shape[1] + length:
        likeliest = model(tokens)[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, likeliest], 1)
    return tokens[:, prompts.shape[1] :]


@exercise(
    difficulty=2,
    minutes=15,
    teaches="an example of turning back, and on which tokens it must not be trained",
    hints=[
        "Place j of the new reply: below the depth the compliance's token j, from there on the "
        "refusal's token j − depth.",
        "torch.arange(length) < depth[:, None] is (n, length). torch.where picks by it.",
        "refusal.gather(1, (place - depth).clamp(min=0)) shifts each refusal by its own depth.",
        "trained is False on the tokens of compliance: the model must not learn to say them.",
    ],
    why="The loss stands on the refusal alone. Trained on the whole reply, the model would learn "
    "to begin harmfully, too.",
)
def deepening_examples(compliance: Tensor, refusal: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Replies that begin harmfully and then refuse (Qi et al. 2024, section 3: safety recovery).

    compliance, refusal: (n, length), tokens. depth: (n,), integers from 0 to length: how many
    tokens of the compliance come first. The refusal follows from its own beginning, cut off at
    the length. Returns replies, (n, length), and trained, (n, length), bool: the refusal's tokens.
    """
    place = torch.arange(compliance.shape[1])
    trained = place >= depth[:, None]
    shifted = refusal.gather(1, (place - depth[:, None]).clamp(min=0))
    return torch.where(trained, shifted, compliance), trained


@exercise(
    difficulty=2,
    minutes=10,
    teaches="replay that remembers what the network said, not only what was right",
    hints=[
        "Two terms: cross-entropy on the new data, and a distance on the remembered data.",
        "The distance is squared, summed over the vocabulary, and a mean over everything else.",
        "Nothing is to be learned by the memory: stored.detach().",
    ],
    why="Logits say how the old network weighed every token, also those that were not the answer; "
    "a label says one token a place.",
    given="page",
)
def dark_experience_replay_loss(logits, labels, replayed, stored, alpha):
    """Returns E[cross-entropy] + α E[‖stored − replayed‖²] (Buzzega et al. 2020, eq. 5), a scalar.

    logits: (..., vocabulary), the network's on the new data; labels: (...), integers.
    replayed: (..., vocabulary), its logits now on inputs from the memory; stored: the same shape,
    those that it gave when they were stored. The norm is over the vocabulary, the means are over
    all other dimensions. No gradient reaches `stored`.
    """
    new = F.cross_entropy(logits.flatten(0, -2), labels.flatten())
    old = (stored.detach() - replayed).square().sum(-1).mean()
    return new + alpha * old


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a gradient that goes only where it may: same values, other updates",
    hints=[
        "Forward, nothing may change. Backward, only some entries may let the gradient through.",
        "x.detach() has the values of x and stops the gradient.",
        "Where mask is 1 take x, where it is 0 take x.detach(): a sum of two products does it.",
    ],
    why="mask x + (1 − mask) detach(x) is x in value, and its derivative is mask.",
    given="page",
)
def gradient_mask(x: Tensor, mask: Tensor) -> Tensor:
    """Returns x itself; on its way back the gradient is multiplied by mask (Cloud et al. 2024).

    x: floats of any shape. mask: from 0 to 1, of a shape that broadcasts to that of x.
    What is returned has the values of x, its shape and its dtype; other uses of x keep their
    gradient, and x may need none.
    """
    return mask * x + (1 - mask) * x.detach()
