"""What the learner writes in this lesson (Arditi et al. 2024; Marks & Tegmark 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=5,
    teaches="a direction from two sets of examples, without any training",
    why="What is random in single activations cancels in each mean, and what the two sets share "
    "cancels in the difference.",
    given="blanks",
    hints=[
        "Average over the requests, which are the first dimension, and over nothing else.",
        "It points from harmless to harmful: which mean comes first?",
    ],
)
def difference_of_means(harmful: Tensor, harmless: Tensor) -> Tensor:
    """The mean activation on harmful requests less that on harmless ones (Arditi et al., eq. 2).

    harmful: (n, …, d_model); harmless: (m, …, d_model); n and m may differ, what stands between
    (positions, say) is the same and is kept. Returns (…, d_model).
    """
    mean_harmful = harmful.mean(0)  # blank: over the requests
    mean_harmless = harmless.mean(0)  # blank: over the requests
    return mean_harmful - mean_harmless  # blank: from harmless to harmful


@exercise(
    difficulty=1,
    minutes=8,
    teaches="erasing a direction from activations, and nothing else",
    why="The dot product with a unit vector is how far an activation goes along it. Take away that "
    "much of it, and the dot product is 0.",
    given="blanks",
    hints=[
        "A direction has no length: divide by it first.",
        "How far does each activation go along the unit vector? A dot product over the last "
        "dimension: one number for each activation.",
        "That number, times the unit vector, is the part to take away. Give the number a last "
        "dimension of 1, so that it multiplies each vector.",
    ],
)
def ablate_direction(x: Tensor, direction: Tensor) -> Tensor:
    """Activations without their component along a direction (Arditi et al. 2024, eq. 4).

    x: (…, d_model). direction: (d_model,), of any length but 0. Returns a new tensor of x's shape,
    through which gradients pass back to x: later a model is trained with the ablation in it.
    """
    unit = direction / direction.norm()  # blank: the same direction, of length 1
    along = x @ unit  # blank: how far each activation goes along it, (…)
    return x - along[..., None] * unit  # blank: without that


@exercise(
    difficulty=2,
    minutes=12,
    teaches="the same erasure in the weights, once and for all",
    why="What a layer writes is a sum of its weight's columns. If no column has a part along r̂, "
    "no sum of them has.",
    hints=[
        "Which dimension of the weight is d_model, the space that r̂ lives in? The first.",
        "r̂ᵀW is a row: how far each column goes along r̂.",
        "W − r̂ (r̂ᵀW): an outer product. For a bias, r̂ᵀb is one number.",
    ],
)
def orthogonalize(weight: Tensor, direction: Tensor) -> Tensor:
    """A weight that writes to the residual stream, made unable to write along a direction.

    Arditi et al. 2024, eq. 5: W − r̂ r̂ᵀ W, r̂ being the direction at length 1.
    weight: (d_model, inputs), a matrix whose columns are what it can write; or a bias, (d_model,).
    direction: (d_model,), of any length but 0. Returns a new tensor, and leaves `weight` as it is.
    """
    unit = direction / direction.norm()
    if weight.ndim == 1:
        return weight - (unit @ weight) * unit
    return weight - torch.outer(unit, unit @ weight)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a choice by what a direction does, not by how well it reads",
    why="Bypass alone would take a direction that breaks the model, or one that merely blocks the "
    "refusal's first word. The three conditions rule these out.",
    hints=[
        "Go through the candidates, keep those that meet all three conditions, and remember where "
        "in the lists they stand.",
        "Each condition is strict: > 0, < max_kl, < 0.8 · n_layers.",
        "Of those that are left the least bypass score wins. min(kept, key=…) fails on an empty "
        "list: say None there.",
    ],
)
def choose_direction(
    bypass: Sequence[float],
    induce: Sequence[float],
    kl: Sequence[float],
    layer: Sequence[int],
    n_layers: int,
    max_kl: float = 0.1,
) -> int | None:
    """Which candidate is the refusal direction (Arditi et al. 2024, appendix C.1).

    Of each candidate: bypass, the refusal metric of harmful requests with it ablated; induce, that
    of harmless requests with it added; kl, what its ablation changes for harmless requests, in
    nats; layer, before which it was read, counted from 0. The least bypass wins, among those with
    induce above 0, kl below max_kl and layer below 0.8 · n_layers.
    Returns the winner's place in these lists, an int; None if no candidate is left.
    """
    kept = [
        i
        for i in range(len(bypass))
        if induce[i] > 0 and kl[i] < max_kl and layer[i] < 0.8 * n_layers
    ]
    return min(kept, key=lambda i: bypass[i]) if kept else None


@exercise(
    difficulty=3,
    minutes=20,
    teaches="a probe, and what its regularization decides",
    why="The loss is convex and smooth, so that L-BFGS finds its one minimum in a few steps.",
    hints=[
        "F.binary_cross_entropy_with_logits(x @ w + b, y) is the mean loss over the examples.",
        "Add l2 / 2 times the sum of w's squares. The bias is free.",
        "torch.optim.LBFGS([w, b], max_iter=500, line_search_fn='strong_wolfe') takes a closure "
        "that zeroes the gradients, computes the loss, calls backward and returns it.",
        "For a precise minimum work in float64, with tolerance_grad=1e-9.",
    ],
)
def linear_probe(x: Tensor, y: Tensor, l2: float) -> tuple[Tensor, Tensor]:
    """Logistic regression: the w and b that make this least,

        mean over examples of [cross-entropy of σ(x·w + b) with y]  +  l2/2 · ‖w‖².

    x: (n, d_model); y: (n,), 1 or True for the class to find, else 0 or False; l2: above 0,
    and at most 100 here.
    Returns w, (d_model,), and b, (), both in x's dtype. The gradient of the loss at them must be
    below 0.001 in every coordinate.
    """
    data, labels = x.detach().double(), y.double()
    w = torch.zeros(data.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    lbfgs = torch.optim.LBFGS(
        [w, b], max_iter=500, tolerance_grad=1e-9, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        lbfgs.zero_grad()
        loss = F.binary_cross_entropy_with_logits(data @ w + b, labels) + l2 / 2 * w.square().sum()
        loss.backward()
        return loss

    lbfgs.step(closure)
    return w.detach().to(x.dtype), b.detach().to(x.dtype)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how strongly each layer expresses a direction, whatever its activations' length",
    why="Activations grow from layer to layer. The cosine divides their length out, for each "
    "request on its own, before anything is averaged.",
    given="page",
    hints=[
        "The cosine of two vectors is their dot product over both lengths.",
        "First a cosine for each request and layer, (n, layers); then the mean over requests.",
        "A mean of activations has another length than activations have: do not average first.",
    ],
)
def cosine_by_layer(activations, direction):
    """The mean cosine between activations and a direction, layer by layer (as in their Fig. 5).

    activations: (n, layers, d_model), none of them 0. direction: (d_model,), of any length but 0.
    Returns (layers,): for each layer the mean over the n requests of the cosine.
    """
    unit = direction / direction.norm()
    cosines = activations @ unit / activations.norm(dim=-1)
    return cosines.mean(0)
