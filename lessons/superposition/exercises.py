"""What the learner writes in the superposition lesson (Elhage et al. 2022)."""

import torch
from torch import Tensor, nn

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=6,
    teaches="what sparse features are, and keeping randomness in your own hands",
    given="blanks",
    hints=[
        "Two independent draws per entry: how large it would be, and whether it is there at all.",
        "torch.rand(shape, generator=generator) < p is True with probability p.",
        "Every entry needs a coin of its own: draw the mask with the full shape.",
    ],
    why="Coin and magnitude are separate draws: one draw for both would leave only small values.",
)
def sample_sparse_features(
    n_samples: int,
    n_features: int,
    feature_probability: float | Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Synthetic sparse features (Elhage et al. 2022, "Experiment Setup").

    Each entry is present with its own independent probability `feature_probability` (a float, or
    a tensor that broadcasts to the result), and is then uniform on [0, 1]; else it is 0.
    All randomness comes from `generator`. Returns a float32 tensor (n_samples, n_features).
    """
    shape = (n_samples, n_features)
    magnitude = torch.rand(shape, generator=generator)  # blank: uniform on [0, 1]
    present = torch.rand(shape, generator=generator) < feature_probability  # blank: True or False
    return magnitude * present  # blank: 0 where the feature is absent


@exercise(
    difficulty=1,
    minutes=12,
    teaches="the whole model: down to a few dimensions, up again with the same weights, ReLU",
    given="blanks",
    hints=[
        "W has a column per feature: W[..., :, i] is the direction in which feature i is written.",
        'torch.einsum("...hf,...f->...h", W, x) multiplies by W and keeps all leading dimensions.',
        "Upward it is the same W transposed: sum over h instead of f, then add b, then ReLU.",
    ],
    why="The bias comes before the ReLU: a negative one takes small sums below zero, to be cut.",
)
class ToyModel(nn.Module):
    """ReLU(WᵀW x + b) (Elhage et al. 2022, "The ReLU Output Model").

    W: (n_hidden, n_features) and b: (n_features,), or with n_instances that dimension in front:
    as many models side by side. x: (..., n_features) or (..., n_instances, n_features), float32
    as the weights and the result are. W.T turns all dimensions around, so use W.mT or einsum.
    """

    def __init__(self, n_features, n_hidden, n_instances=None, generator=None):
        super().__init__()
        lead = () if n_instances is None else (n_instances,)
        start = torch.randn((*lead, n_hidden, n_features), generator=generator)
        self.W = nn.Parameter(start / n_features**0.5)
        self.b = nn.Parameter(torch.zeros(*lead, n_features))

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.einsum("...hf,...f->...h", self.W, x)  # blank: W x
        back = torch.einsum("...hf,...h->...f", self.W, hidden)  # blank: Wᵀ of that
        return torch.relu(back + self.b)  # blank: bias, then ReLU


@exercise(
    difficulty=1,
    minutes=6,
    teaches="how importance enters, and over what the mean is taken",
    hints=[
        "Square the error of every feature first; importance weighs the squares, not the errors.",
        "importance has one value per feature and broadcasts over all leading dimensions.",
        "The mean is over everything: samples and features (and instances, if there are any).",
    ],
    why="Mean and sum have the same minimum; only the mean does not depend on the batch.",
)
def importance_weighted_loss(x: Tensor, x_reconstructed: Tensor, importance: Tensor) -> Tensor:
    """Squared error, each feature weighed by its importance (Elhage et al. 2022, "Loss").

    The paper sums I_i (x_i − x'_i)² over samples and features; we take the mean of the same terms.
    x, x_reconstructed: (..., n_features). importance: (n_features,), or any shape that broadcasts
    to x's. Returns a scalar tensor of x's dtype.
    """
    return (importance * (x - x_reconstructed) ** 2).mean()


@exercise(
    difficulty=2,
    minutes=14,
    teaches="what superposition costs a feature",
    hints=[
        "Ŵ_i is column i divided by its length: norms has the shape (..., 1, n_features).",
        "Ŵᵀ W is a matrix of overlaps: which axis is the feature that is disturbed?",
        "Square, leave out the diagonal, sum over the others. A column of zeros must not give NaN.",
    ],
    why="Only the reading direction is normalized: how long the others are decides what they add.",
)
def interference(W: Tensor) -> Tensor:
    """What feature i receives from all others: Σ_{j≠i} (Ŵ_i · W_j)² (Elhage et al. 2022).

    Ŵ_i = W_i / ‖W_i‖ is the direction of feature i, column i of W. A feature that is not there
    (a column of zeros) receives 0. W: (..., n_hidden, n_features). Returns (..., n_features), in
    W's dtype.
    """
    unit = torch.nn.functional.normalize(W, dim=-2)
    overlap = unit.mT @ W
    others = 1 - torch.eye(W.shape[-1], dtype=W.dtype)
    return (overlap**2 * others).sum(-1)


@exercise(
    difficulty=2,
    minutes=6,
    teaches="measuring how much of a dimension a feature has",
    given="page",
    hints=[
        "A feature alone in its direction must get 1. Two in opposite directions get 1/2 each.",
        "The numerator is a squared length. In the denominator every feature j takes part, i too.",
        "Have you written a part of that denominator before?",
    ],
    why="All that lies along a feature's direction claims a part of it: D is its own part of that.",
)
def feature_dimensionality(W: Tensor) -> Tensor:
    """The fraction of a dimension that each feature has (Elhage et al. 2022).

    D_i = ‖W_i‖² / Σ_j (Ŵ_i · W_j)², the sum over all j, i among them. W_i is column i of W and
    Ŵ_i its direction. A feature that is not there (a column of zeros) has 0, not NaN.
    W: (..., n_hidden, n_features). Returns (..., n_features), values in [0, 1], in W's dtype.
    """
    unit = torch.nn.functional.normalize(W, dim=-2)
    shared = ((unit.mT @ W) ** 2).sum(-1)
    present = shared > 0
    return torch.where(present, (W**2).sum(-2) / torch.where(present, shared, 1), 0)
