"""How `sample_sparse_features` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.superposition.exercises import sample_sparse_features
from utils.grading import expect, require


def _sample(fn, n_samples, n_features, p, seed=0):
    """Call an answer, and see that it returns a float tensor of the right shape."""
    x = fn(n_samples, n_features, p, torch.Generator().manual_seed(seed))
    require(torch.is_tensor(x), "a tensor", x)
    shape = tuple(x.shape)
    require(shape == (n_samples, n_features), f"shape {(n_samples, n_features)}", shape)
    require(x.dtype == torch.get_default_dtype(), torch.get_default_dtype(), x.dtype)
    return x


@sample_sparse_features.check
def the_shape_is_kept_for_one_sample_and_one_feature(fn):
    for shape in ((1, 1), (1, 3), (3, 1)):
        _sample(fn, *shape, 0.5)


@sample_sparse_features.check
def probability_zero_gives_zeros_and_probability_one_gives_none(fn):
    x = _sample(fn, 3, 2, 0.0)
    expect(x, torch.zeros(3, 2))
    x = _sample(fn, 200, 3, 1.0)
    require(bool((x != 0).float().mean() > 0.99), "no zeros", f"{(x == 0).sum()} zeros of 600")


@sample_sparse_features.check
def magnitudes_are_uniform_on_zero_to_one(fn):
    x = _sample(fn, 2000, 5, 0.5)
    require(bool((x >= 0).all() and (x <= 1).all()), "all values in [0, 1]", x.abs().max().item())
    largest = max(_sample(fn, 2, 2, 1.0, seed=s).max().item() for s in range(20))
    require(largest < 1, "no rescaling: the largest value is almost never 1", largest)
    distinct = len(_sample(fn, 4000, 5, 1.0).unique())
    require(distinct > 19_000, "fresh draws throughout: nearly 20,000 distinct values", distinct)
    for p in (1.0, 0.3):
        x = _sample(fn, 4000, 5, p, seed=1)
        there = x[x > 0].sort().values
        # Kolmogorov-Smirnov distance to uniform; chance exceeds 3/√n once in 30 million.
        ideal = torch.linspace(0, 1, max(len(there), 2))[: len(there)]
        gap = (there - ideal).abs().max().item() if len(there) else 1.0
        limit = 3 / math.sqrt(max(len(there), 1))
        evenly = "present values spread evenly over [0, 1]"
        got = f"values that lie up to {gap:.2f} off an even spread"
        require(gap < limit, evenly, got, feature_probability=p)


@sample_sparse_features.check
def the_share_of_present_features_is_the_probability(fn):
    for p in (0.05, 0.3, 0.8):
        share = (_sample(fn, 4000, 5, p) != 0).float().mean().item()
        sd = math.sqrt(p * (1 - p) / 20000)
        require(abs(share - p) < 5 * sd, f"a share of {p} present", share, feature_probability=p)


@sample_sparse_features.check
def each_feature_may_have_a_probability_of_its_own(fn):
    p = torch.tensor([0.1, 0.5, 0.9])
    share = (_sample(fn, 4000, 3, p) != 0).float().mean(0)
    expect(share, p, tol=0.04, feature_probability=p)
    certain = (torch.arange(40) % 2).float()  # 0 or 1, so that the pattern is known exactly
    present = (_sample(fn, 40, 40, certain) != 0).float()
    expect(present, certain.expand(40, 40), tol=0, feature_probability=certain)


@sample_sparse_features.check
def the_probability_broadcasts(fn):
    for p in (torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])):
        present = (_sample(fn, 2, 3, p) != 0).float()
        expect(present, p.expand(2, 3), tol=0, feature_probability=p)
    share = (_sample(fn, 4000, 5, torch.tensor(0.3)) != 0).float().mean()
    expect(share, torch.tensor(0.3), tol=0.03, feature_probability=torch.tensor(0.3))


@sample_sparse_features.check
def features_and_samples_are_independent(fn):
    there = (_sample(fn, 4000, 4, 0.3) != 0).float()
    together = (there[:, :1] * there[:, 1:]).mean(0)
    expect(together, torch.full((3,), 0.09), tol=0.03)
    counts = there.sum(1)  # a fixed number of features per sample would have no variance
    variance = counts.var().item()
    require(abs(variance - 0.84) < 0.12, "4·0.3·0.7 = 0.84, the variance of the count", variance)
    repeats = (there[:-1] * there[1:]).mean().item()
    require(abs(repeats - 0.09) < 0.02, "neighboring samples unrelated", repeats)
    x = _sample(fn, 4000, 2, 1.0)
    related = torch.corrcoef(x.T)[0, 1].item()
    require(abs(related) < 0.1, "magnitudes unrelated between features", related)


@sample_sparse_features.check
def presence_and_magnitude_are_independent(fn):
    # One draw that serves as both coin and magnitude would leave only small (or large) values.
    x = _sample(fn, 4000, 5, 0.2)
    average = x[x != 0].mean().item()
    require(abs(average - 0.5) < 0.05, "present values average 0.5", average)


@sample_sparse_features.check
def the_generator_decides(fn):
    before = torch.random.get_rng_state()
    a, b, c = (_sample(fn, 20, 3, 0.5, seed=s) for s in (0, 0, 1))
    untouched = torch.equal(before, torch.random.get_rng_state())
    require(torch.equal(a, b), "the same generator state gives the same sample", b)
    require(not torch.equal(a, c), "another seed gives another sample", c)
    require(untouched, "torch's global random state unused", "it was used")
    require(not torch.equal(a != 0, c != 0), "another seed has other features present", c)
    generator = torch.Generator().manual_seed(0)
    first, second = fn(20, 3, 0.5, generator), fn(20, 3, 0.5, generator)
    fresh = "a second call goes on in the stream, with a fresh mask and fresh magnitudes"
    require(not torch.equal(first != 0, second != 0), fresh, second)
    first, second = fn(20, 3, 1.0, generator), fn(20, 3, 1.0, generator)
    require(not torch.isin(first, second).any(), fresh, second)


@sample_sparse_features.mistake("one coin for the whole sample: its features come and go together")
def _(n_samples, n_features, feature_probability, generator):
    shape = (n_samples, n_features)
    magnitude = torch.rand(shape, generator=generator)
    present = torch.rand((n_samples, 1), generator=generator) < feature_probability
    return magnitude * present


@sample_sparse_features.mistake("one coin for each feature, the same in all samples")
def _(n_samples, n_features, feature_probability, generator):
    magnitude = torch.rand((n_samples, n_features), generator=generator)
    return magnitude * (torch.rand((1, n_features), generator=generator) < feature_probability)


@sample_sparse_features.mistake("sparsity and probability swapped: present with 1 − p")
def _(n_samples, n_features, feature_probability, generator):
    shape = (n_samples, n_features)
    magnitude = torch.rand(shape, generator=generator)
    return magnitude * (torch.rand(shape, generator=generator) > feature_probability)


@sample_sparse_features.mistake(
    "one draw serves as both coin and magnitude, so large values never occur"
)
def _(n_samples, n_features, feature_probability, generator):
    magnitude = torch.rand((n_samples, n_features), generator=generator)
    return magnitude * (magnitude < feature_probability)


@sample_sparse_features.mistake("the generator is not used: the global random state is")
def _(n_samples, n_features, feature_probability, generator):
    shape = (n_samples, n_features)
    return torch.rand(shape) * (torch.rand(shape) < feature_probability)


@sample_sparse_features.mistake("normal instead of uniform magnitudes")
def _(n_samples, n_features, feature_probability, generator):
    shape = (n_samples, n_features)
    magnitude = torch.randn(shape, generator=generator)
    return magnitude * (torch.rand(shape, generator=generator) < feature_probability)


@sample_sparse_features.mistake(
    "present features are all 1: the coin is there, the magnitude is not"
)
def _(n_samples, n_features, feature_probability, generator):
    return (torch.rand((n_samples, n_features), generator=generator) < feature_probability).float()


@sample_sparse_features.mistake(
    "one draw serves as both coin and magnitude, so small values never occur"
)
def _(n_samples, n_features, feature_probability, generator):
    magnitude = torch.rand((n_samples, n_features), generator=generator)
    return torch.where(magnitude > 1 - feature_probability, magnitude, 0.0)


@sample_sparse_features.mistake("multiplied by the probability: nothing is ever absent")
def _(n_samples, n_features, feature_probability, generator):
    return torch.rand((n_samples, n_features), generator=generator) * feature_probability


@sample_sparse_features.right("by torch.where, coins first")
def _(n_samples, n_features, feature_probability, generator):
    absent = torch.rand(n_samples, n_features, generator=generator) >= feature_probability
    return torch.where(absent, 0.0, torch.rand(n_samples, n_features, generator=generator))


@sample_sparse_features.right("by torch.bernoulli")
def _(n_samples, n_features, feature_probability, generator):
    p = torch.as_tensor(feature_probability, dtype=torch.float32)
    present = torch.bernoulli(p.expand(n_samples, n_features), generator=generator)
    return present * torch.empty(n_samples, n_features).uniform_(generator=generator)
