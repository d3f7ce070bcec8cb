"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

import torch
from torch import Tensor, nn

from lessons.superposition.exercises import ToyModel, feature_dimensionality
from lessons.superposition.experiments import (
    PAPER_POLYSEMANTIC,
    dimensions_per_feature,
    features_per_neuron,
    five_in_two,
    optimal_phases,
    phases,
    points_near,
    represented,
    smooth_points_near,
    train_many,
    train_neurons,
    trained_lengths,
)
from utils.claims import Finding, claim

FRACTIONS = (3 / 4, 2 / 3, 2 / 5, 3 / 8)  # the paper's lines for dimensionality, besides 1/2


def cosines(W: Tensor) -> Tensor:
    """Cosine between the directions of every two features: (..., n_features, n_features)."""
    unit = nn.functional.normalize(W.detach(), dim=-2)
    return unit.mT @ unit


class LinearModel(ToyModel.reference):
    """The toy model without its ReLU: WᵀW x + b."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.einsum("...hf,...h->...f", self.W, hidden) + self.b


many_at = cache(train_many)  # three claims look at the same run


@cache
def polysemantic_at(seed: int) -> Tensor:
    """How many of five neurons answer several features, at each density."""
    return (features_per_neuron(train_neurons(seed)) >= 2).sum(-1)


def five_in_two_at(seed: int, density: float) -> Tensor:
    """The weights of the best model at one density: (2, 5)."""
    return five_in_two(seed, torch.tensor([density])).W.detach()[0]


@claim(
    "Density 1: the two most important features get a dimension each, the others nothing",
    source="figure of five features in two dimensions",
    paper="0 % sparsity: the two most important are orthogonal, the others not embedded",
    bound="only features 1 and 2 are longer than 1/2, and |cos| between them is below 0.1",
)
def dense_features_get_dimensions_of_their_own(seed: int) -> Finding:
    W = five_in_two_at(seed, 1.0)
    orthogonal = cosines(W)[0, 1].abs() < 0.1
    holds = represented(W).tolist() == [True, True, False, False, False] and orthogonal
    return Finding(represented(W).sum(), "features stored", holds)


@claim(
    "Density 0.2 (80 % sparsity): the four most important form two antipodal pairs",
    source="same figure",
    paper="80 % sparsity: four features in antipodal pairs, the fifth not embedded",
    bound="features 1 to 4 are stored, each with another at cos < −0.95, the pairs at |cos| < 0.1",
)
def sparser_features_pair_up(seed: int) -> Finding:
    W = five_in_two_at(seed, 0.2)
    c = cosines(W)[:4, :4]
    opposite = (c < -0.95).sum(1)
    square = (c.abs() < 0.1).sum(1)
    pairs = bool((opposite == 1).all() and (square == 2).all())
    holds = represented(W).tolist() == [True] * 4 + [False] and pairs
    return Finding(represented(W).sum(), "features stored", holds)


@claim(
    "Density 0.1 (90 % sparsity): all five form a pentagon",
    source="same figure",
    paper="90 % sparsity: all five features are embedded as a pentagon",
    bound="all five are stored, and neighbors are 72° ± 12° apart",
)
def sparse_features_form_a_pentagon(seed: int) -> Finding:
    W = five_in_two_at(seed, 0.1)
    angles = torch.rad2deg(torch.atan2(W[1], W[0])).sort().values
    gaps = torch.cat([angles.diff(), angles[:1] + 360 - angles[-1:]])
    holds = represented(W).all() and ((gaps - 72).abs() < 12).all()
    return Finding((gaps - 72).abs().max(), "degrees off 72 at most", holds)


@claim(
    "Without the ReLU there is no superposition at any density",
    source='section "Basic Results"',
    paper="linear models always learn the m most important features, if optimized well enough",
    bound="at each of ten densities from 1 to 1/20 just features 1 and 2 are stored",
)
def linear_model_stores_only_two(seed: int) -> Finding:
    stored = represented(five_in_two(seed, kind=LinearModel).W)
    right = (stored == torch.tensor([True, True, False, False, False])).all(-1)
    return Finding(right.sum(), "of 10 densities", right.all())


@claim(
    "Two features, one dimension: training finds the phases that theory predicts",
    source='section "Superposition as a Phase Change"',
    paper="the same phase change in the empirical and the theoretical diagram",
    bound="trained and brute-force phase agree in at least 90 % of 841 cells",
)
def phases_match_theory(seed: int) -> Finding:
    agree = (phases(trained_lengths(seed)) == optimal_phases()).float().mean()
    return Finding(100 * agree, "% of cells", agree >= 0.9)


@claim(
    "Many features: dimensions per feature stick at 1/2",
    source='section "The Geometry of Superposition", n = 400, m = 30',
    paper="the number of dimensions per feature is sticky at 1 and 1/2",
    bound="within 5 % of 1/2 at three times as many of 20 densities as if falling by equal factors",
)
def dimensions_per_feature_stick_at_a_half(seed: int) -> Finding:
    D = dimensions_per_feature(many_at(seed))
    near = points_near(D, 1 / 2)
    return Finding(near, "of 20 densities", near >= 3 * max(smooth_points_near(D, 1 / 2), 1))


@claim(
    "Many features: dimensions per feature stick at 1",
    source="same figure",
    paper="the number of dimensions per feature is sticky at 1 and 1/2",
    bound="within 5 % of 1 at three times as many of 20 densities as if falling by equal factors",
)
def dimensions_per_feature_stick_at_one(seed: int) -> Finding:
    D = dimensions_per_feature(many_at(seed))
    near = points_near(D, 1.0)
    return Finding(near, "of 20 densities", near >= 3 * max(smooth_points_near(D, 1.0), 1))


@claim(
    "Single features cluster at 3/4, 2/3, 2/5 and 3/8 of a dimension too",
    source="same section, figure of feature dimensionality",
    paper="features cluster on lines for tetrahedra, triangles, pentagons, square antiprisms",
    bound="twice as many within 0.02 of those lines as among features spread evenly over 0 to 1, "
    "1/2 ± 0.02 and densities with all 64 stored left out",
)
def features_cluster_at_other_fractions(seed: int) -> Finding:
    W = many_at(seed)[1:]  # leaving out density 1, where features are stored whole or not at all
    W = W[represented(W).sum(-1) < W.shape[-1]]  # with all 64 stored, D is 1/4 by counting
    D = feature_dimensionality(W)[represented(W)]
    D = D[(D - 1 / 2).abs() >= 0.02]
    near = ((D[:, None] - torch.tensor(FRACTIONS)).abs() < 0.02).any(1).float().mean()
    evenly = (2 * 0.04 + (2 / 5 - 3 / 8 + 0.04)) / (1 - 0.04)  # the bands of 2/5 and 3/8 overlap
    return Finding(near / evenly, "times as many", near >= 2 * evenly)


@claim(
    "Neurons answer one feature each when features are dense, several when they are sparse",
    source='section "Superposition in a Privileged Basis"',
    paper="as sparsity increases, neurons shift from monosemantic to polysemantic",
    bound="less than half of five neurons polysemantic at density 1, more than half at 0.03",
)
def neurons_become_polysemantic(seed: int) -> Finding:
    several = polysemantic_at(seed)
    return Finding(several[-1] - several[0], "neurons more", several[0] < 2.5 < several[-1])


@claim(
    "As many neurons as in the paper answer several features, density by density",
    source="same section, models of lowest loss",
    paper="0, 2, 3, 5 and 5 of five neurons at densities 1, 0.3, 0.15, 0.06 and 0.03",
    bound="at each of the five densities the same number, to within one neuron",
)
def neurons_follow_the_papers_regimes(seed: int) -> Finding:
    off = (polysemantic_at(seed) - torch.tensor(PAPER_POLYSEMANTIC)).abs()
    return Finding(off.max(), "neurons off at most", off.max() <= 1)
