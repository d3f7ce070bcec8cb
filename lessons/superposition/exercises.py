"""What the learner writes in the superposition lesson (Elhage et al. 2022)."""

import math

import torch
from torch import Tensor, nn

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=1,
    minutes=8,
    teaches="what sparse features are, and keeping randomness in your own hands",
    given="blanks",
    hints=[
        "Two independent draws per entry: how large it would be, and whether it is there at all.",
        "torch.rand(shape, generator=generator) < p is True with probability p.",
        "Every entry needs a coin of its own: draw the mask with the full shape.",
    ],
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
    All randomness comes from `generator`. Returns a float tensor (n_samples, n_features).
    """
    shape = (n_samples, n_features)
    magnitude = torch.rand(shape, generator=generator)  # blank: uniform on [0, 1]
    present = torch.rand(shape, generator=generator) < feature_probability  # blank: True or False
    return magnitude * present  # blank: 0 where the feature is absent


def _sample(fn, n_samples, n_features, p, seed=0):
    """Call an answer, and see that it returns a float tensor of the right shape."""
    x = fn(n_samples, n_features, p, torch.Generator().manual_seed(seed))
    require(torch.is_tensor(x), "a tensor", x)
    shape = tuple(x.shape)
    require(shape == (n_samples, n_features), f"shape {(n_samples, n_features)}", shape)
    require(x.dtype == torch.get_default_dtype(), "torch's default float type", str(x.dtype))
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
        require(gap < limit, "present values spread evenly over [0, 1]", gap, feature_probability=p)


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
    require(abs(repeats - 0.09) < 0.02, "neighbouring samples unrelated", repeats)
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


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the whole model: down to a few dimensions, up again with the same weights, ReLU",
    given="blanks",
    hints=[
        "W has a column per feature: W[..., :, i] is the direction in which feature i is written.",
        'torch.einsum("...hf,...f->...h", W, x) multiplies by W and keeps all leading dimensions.',
        "Upward it is the same W transposed: sum over h instead of f, then add b, then ReLU.",
    ],
)
class ToyModel(nn.Module):
    """ReLU(WᵀW x + b) (Elhage et al. 2022, "The ReLU Output Model").

    W: (n_hidden, n_features) and b: (n_features,), or with n_instances that dimension in front:
    as many models side by side. x: (..., n_features) or (..., n_instances, n_features).
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


def _model(fn, W, b, **kwargs):
    """A model of the answer's class with given weights."""
    model = fn(W.shape[-1], W.shape[-2], **kwargs)
    for name, value in (("W", W), ("b", b)):
        there = getattr(model, name, None)
        require(isinstance(there, nn.Parameter), f"{name} is an nn.Parameter", there)
        require(
            there.shape == value.shape, f"{name} of shape {tuple(value.shape)}", tuple(there.shape)
        )
        with torch.no_grad():
            there.copy_(value)
    return model


def _by_hand(W, b, x):
    """ReLU(WᵀW x + b) in plain loops, for one model and one input."""
    W, b, x = W.tolist(), b.tolist(), x.tolist()
    hidden = [sum(w * v for w, v in zip(row, x, strict=True)) for row in W]
    back = [sum(W[h][i] * hidden[h] for h in range(len(W))) + b[i] for i in range(len(x))]
    return torch.tensor([max(0.0, v) for v in back])


@ToyModel.check
def one_feature_in_one_dimension(fn):
    for w, b, x, y in ((1.0, 0.0, 1.0, 1.0), (2.0, 0.0, 1.0, 4.0), (1.0, -0.25, 1.0, 0.75),
                       (-1.0, 2.0, -1.0, 1.0), (10.0, 0.0, 3.0, 300.0)):  # fmt: skip
        W, bias, x = torch.tensor([[w]]), torch.tensor([b]), torch.tensor([x])
        expect(_model(fn, W, bias)(x), torch.tensor([y]), W=W, b=bias, x=x)


@ToyModel.check
def relu_cuts_negative_outputs_to_zero(fn):
    W, b = torch.tensor([[1.0, -1.0]]), torch.zeros(2)
    x = torch.tensor([1.0, 0.0])
    expect(_model(fn, W, b)(x), torch.tensor([1.0, 0.0]), W=W, b=b, x=x)


@ToyModel.check
def it_is_the_sum_written_out_for_any_leading_dimensions(fn):
    g = torch.Generator().manual_seed(0)
    W, b = torch.randn(2, 5, generator=g), torch.randn(5, generator=g) * 0.3
    for lead in ((), (3,), (1, 1), (2, 4)):
        x = torch.randn(*lead, 5, generator=g)
        rows = [_by_hand(W, b, row) for row in x.reshape(-1, 5)]
        expect(_model(fn, W, b)(x), torch.stack(rows).reshape(*lead, 5), W=W, b=b, x=x)


@ToyModel.check
def instances_do_not_touch_each_other(fn):
    g = torch.Generator().manual_seed(1)
    for n in (1, 3):
        W, b = torch.randn(n, 2, 4, generator=g), torch.randn(n, 4, generator=g) * 0.3
        for lead in ((), (6,), (2, 3)):
            x = torch.randn(*lead, n, 4, generator=g)
            flat = x.reshape(-1, n, 4)
            rows = [torch.stack([_by_hand(W[i], b[i], r[i]) for i in range(n)]) for r in flat]
            expected = torch.stack(rows).reshape(x.shape)
            expect(_model(fn, W, b, n_instances=n)(x), expected, W=W, b=b, x=x)


@ToyModel.check
def its_weights_start_at_random_and_learn(fn):
    a, b, c = (fn(6, 3, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    require(torch.equal(a.W, b.W), "the same generator state gives the same W", b.W)
    require(not torch.equal(a.W, c.W), "another seed gives another W", c.W)
    spread = min(a.W.std(0).min().item(), a.W.std(1).min().item())
    require(spread > 0.001, "a random start: no row or column constant", a.W)
    n_numbers = sum(p.numel() for p in a.parameters())
    require(n_numbers == 3 * 6 + 6, "W and b, and no other parameter", f"{n_numbers} numbers")


@ToyModel.check
def instances_start_apart_and_from_the_generator(fn):
    state = torch.random.get_rng_state()
    generator = torch.Generator().manual_seed(0)
    first, second = (fn(6, 3, n_instances=4, generator=generator).W.detach() for _ in range(2))
    again = fn(6, 3, n_instances=4, generator=torch.Generator().manual_seed(0)).W.detach()
    require(torch.equal(first, again), "the same generator state gives the same W", again)
    require(not torch.isin(first, second).any(), "a second model goes on in the stream", second)
    require(first.unique().numel() == first.numel(), "every instance starts elsewhere", first)
    untouched = torch.equal(state, torch.random.get_rng_state())
    require(untouched, "torch's global random state unused", "it was used")


@ToyModel.check
def its_gradients_are_those_of_the_formula(fn):
    # One feature: x' = ReLU(w² x + b), so dx'/dw = 2 w x and dx'/db = 1 where it is positive.
    for b, slope in ((0.5, 1.0), (-9.0, 0.0)):
        model = _model(fn, torch.tensor([[1.5]]), torch.tensor([b]))
        out = model(torch.tensor([2.0]))
        require(out.requires_grad, "gradients reach W and b", "they do not")
        out.sum().backward()
        for name, expected in (("W", torch.tensor([[6.0]])), ("b", torch.tensor([1.0]))):
            grad = getattr(model, name).grad
            expect(grad, slope * expected, w=1.5, b=b, x=2.0, gradient_of=name)


class _Model(ToyModel.reference):
    """For the mistakes: the reference's weights under another forward."""


@ToyModel.mistake("no ReLU: that is the linear model, which never uses superposition")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.einsum("...hf,...h->...f", self.W, hidden) + self.b


@ToyModel.mistake("no bias: without it small interference is not cut away")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden))


@ToyModel.mistake("the bias is added after the ReLU")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden)) + self.b


@ToyModel.mistake("a ReLU in the hidden layer as well: that is another model of the paper")
class _(_Model):
    def forward(self, x):
        hidden = torch.relu(torch.einsum("...hf,...f->...h", self.W, x))
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden) + self.b)


@ToyModel.mistake("the bias is subtracted")
class _(_Model):
    def forward(self, x):
        hidden = torch.einsum("...hf,...f->...h", self.W, x)
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden) - self.b)


@exercise(
    difficulty=1,
    minutes=6,
    teaches="how importance enters, and over what the mean is taken",
    hints=[
        "Square the error of every feature first; importance weighs the squares, not the errors.",
        "importance has one value per feature and broadcasts over all leading dimensions.",
        "The mean is over everything: samples and features (and instances, if there are any).",
    ],
)
def importance_weighted_loss(x: Tensor, x_reconstructed: Tensor, importance: Tensor) -> Tensor:
    """Squared error, each feature weighed by its importance (Elhage et al. 2022, "Loss").

    The paper sums I_i (x_i − x'_i)² over samples and features; we take the mean of the same terms.
    x, x_reconstructed: (..., n_features). importance: (n_features,), or any shape that broadcasts
    to x's. Returns a scalar tensor.
    """
    return (importance * (x - x_reconstructed) ** 2).mean()


@importance_weighted_loss.check
def one_feature_one_sample(fn):
    for x, y, weight, loss in ((1.0, 0.0, 1.0, 1.0), (1.0, 0.5, 1.0, 0.25), (0.0, 2.0, 0.5, 2.0),
                               (3.0, -7.0, 4.0, 400.0)):  # fmt: skip
        got = fn(torch.tensor([[x]]), torch.tensor([[y]]), torch.tensor([weight]))
        expect(got, torch.tensor(loss))


@importance_weighted_loss.check
def a_perfect_reconstruction_costs_nothing(fn):
    x = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    expect(fn(x, x.clone(), torch.tensor([1.0, 0.5, 0.1])), torch.tensor(0.0))


@importance_weighted_loss.check
def it_is_the_mean_of_the_weighted_squares_written_out(fn):
    g = torch.Generator().manual_seed(1)
    for shape in ((3,), (2, 3), (7, 2), (3, 4, 5)):
        x, y = 3 * torch.randn(shape, generator=g), 3 * torch.randn(shape, generator=g)
        weights = torch.rand(shape[-1], generator=g)
        terms = [
            w * (a - b) ** 2
            for row_x, row_y in zip(x.reshape(-1, shape[-1]), y.reshape(-1, shape[-1]), strict=True)
            for a, b, w in zip(row_x.tolist(), row_y.tolist(), weights.tolist(), strict=True)
        ]
        expect(fn(x, y, weights), torch.tensor(sum(terms) / len(terms)))


@importance_weighted_loss.check
def doubling_all_importance_doubles_the_loss(fn):
    g = torch.Generator().manual_seed(2)
    x, y, weights = (torch.rand(s, generator=g) for s in ((5, 3), (5, 3), (3,)))
    expect(fn(x, y, 2 * weights), 2 * fn(x, y, weights))
    zero = fn(x, y, torch.zeros(3))
    expect(zero, torch.tensor(0.0))


@importance_weighted_loss.check
def importance_may_differ_between_instances(fn):
    x, y = torch.ones(2, 2, 1), torch.zeros(2, 2, 1)
    expect(fn(x, y, torch.tensor([[1.0], [3.0]])), torch.tensor(2.0))
    g = torch.Generator().manual_seed(3)
    x, y = torch.rand(3, 2, 2, generator=g), torch.rand(3, 2, 2, generator=g)
    for shape in ((), (2, 2), (3, 1, 1), (3, 2, 2)):
        weights = torch.rand(shape, generator=g)
        full = weights.expand(3, 2, 2).flatten().tolist()
        pairs = zip(full, x.flatten().tolist(), y.flatten().tolist(), strict=True)
        expect(fn(x, y, weights), torch.tensor(sum(w * (a - b) ** 2 for w, a, b in pairs) / 12))


@importance_weighted_loss.check
def gradients_flow_to_the_reconstruction(fn):
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]], requires_grad=True)
    loss = fn(x, y, torch.tensor([1.0, 0.5]))
    require(torch.is_tensor(loss) and loss.requires_grad, "a loss with a gradient", loss)
    loss.backward()
    inputs = {"x": x, "x_reconstructed": y, "importance": torch.tensor([1.0, 0.5])}
    expect(y.grad, torch.tensor([[-0.5, 0.25]]), **inputs, gradient_of="x_reconstructed")


@importance_weighted_loss.mistake("importance is ignored")
def _(x, x_reconstructed, importance):
    return ((x - x_reconstructed) ** 2).mean()


@importance_weighted_loss.mistake("importance is squared with the error")
def _(x, x_reconstructed, importance):
    return ((importance * (x - x_reconstructed)) ** 2).mean()


@importance_weighted_loss.mistake("summed over features, where the mean was asked for")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed) ** 2).sum(-1).mean()


@importance_weighted_loss.mistake("absolute instead of squared error")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed).abs()).mean()


@importance_weighted_loss.mistake(
    "divided by the total importance: then doubling it changes nothing"
)
def _(x, x_reconstructed, importance):
    squares = importance * (x - x_reconstructed) ** 2
    return squares.sum() / importance.expand_as(squares).sum()


@importance_weighted_loss.mistake("detached: the number is right and nothing can learn from it")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed.detach()) ** 2).mean()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what superposition costs a feature",
    hints=[
        "Ŵ_i is column i divided by its length: norms has the shape (..., 1, n_features).",
        "Ŵᵀ W is a matrix of overlaps: which axis is the feature that is disturbed?",
        "Square, leave out the diagonal, sum over the others. A column of zeros must not give NaN.",
    ],
)
def interference(W: Tensor) -> Tensor:
    """What feature i receives from all others: Σ_{j≠i} (Ŵ_i · W_j)² (Elhage et al. 2022).

    Ŵ_i = W_i / ‖W_i‖ is the direction of feature i, column i of W. A feature that is not there
    (a column of zeros) receives 0. W: (..., n_hidden, n_features). Returns (..., n_features).
    """
    unit = torch.nn.functional.normalize(W, dim=-2)
    overlap = unit.mT @ W
    others = 1 - torch.eye(W.shape[-1], dtype=W.dtype)
    return (overlap**2 * others).sum(-1)


def _overlaps(W):
    """Ŵ_i·W_j for every i and j, in plain loops; rows of zeros for absent features."""
    n = W.shape[1]
    rows = []
    for i in range(n):
        length = math.sqrt(sum(v * v for v in W[:, i].tolist()))
        direction = [v / length if length else 0.0 for v in W[:, i].tolist()]
        rows.append(
            [sum(a * b for a, b in zip(direction, W[:, j].tolist(), strict=True)) for j in range(n)]
        )
    return rows


def _pentagon(n=5):
    angles = torch.arange(n) * 2 * math.pi / n
    return torch.stack([angles.cos(), angles.sin()])


@interference.check
def orthogonal_features_do_not_disturb_each_other(fn):
    for n in (1, 2, 4):
        expect(fn(torch.eye(n)), torch.zeros(n))
    expect(fn(torch.diag(torch.tensor([2.0, 0.5]))), torch.zeros(2))


@interference.check
def an_antipodal_pair_disturbs_by_the_square_of_the_other_length(fn):
    expect(fn(torch.tensor([[1.0, -1.0]])), torch.tensor([1.0, 1.0]))
    expect(fn(torch.tensor([[2.0, -3.0]])), torch.tensor([9.0, 4.0]))
    expect(fn(torch.tensor([[1.0, 1.0]])), torch.tensor([1.0, 1.0]))  # the same direction twice
    expect(fn(torch.tensor([[0.0, 0.0], [1.0, -1.0]])), torch.tensor([1.0, 1.0]))


@interference.check
def a_pentagon_receives_one_and_a_half(fn):
    expect(fn(_pentagon()), torch.full((5,), 1.5), W=_pentagon())


@interference.check
def an_absent_feature_receives_and_gives_nothing(fn):
    expect(fn(torch.tensor([[1.0, 0.0], [0.0, 0.0]])), torch.zeros(2))
    expect(fn(torch.tensor([[0.0, 1.0], [0.0, 0.0]])), torch.zeros(2))
    expect(fn(torch.zeros(2, 3)), torch.zeros(3))
    some = torch.tensor([[[1.0, -1.0]], [[0.0, 2.0]]])  # absent in one instance only
    expect(fn(some), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))


@interference.check
def small_features_are_not_absent(fn):
    W = torch.tensor([[1e-3, -2e-3]])
    expect(fn(W) * 1e6, torch.tensor([4.0, 1.0]), tol=1e-2, W=W, times="1e6")
    W = torch.tensor([[1.0, 1e-3], [0.0, 1e-3]])
    expect(fn(W), torch.tensor([1e-6, 0.5]), tol=1e-2, W=W)


@interference.check
def it_is_the_sum_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((2, 3), (3, 6), (5, 4)):
        W = torch.randn(shape, generator=g)
        rows = _overlaps(W)
        sums = [sum(v * v for j, v in enumerate(row) if j != i) for i, row in enumerate(rows)]
        expect(fn(W), torch.tensor(sums), tol=1e-4)


@interference.check
def turning_all_features_together_changes_nothing(fn):
    g = torch.Generator().manual_seed(1)
    W = torch.randn(4, 6, generator=g)
    turned = torch.linalg.qr(torch.randn(4, 4, generator=g)).Q @ W
    expect(fn(turned), fn(W), tol=1e-4)


@interference.check
def instances_are_kept_apart(fn):
    W = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(2))
    expect(fn(W), torch.stack([fn(w) for w in W]), tol=1e-4)
    expect(fn(W.view(1, 3, 1, 2, 4)), fn(W).view(1, 3, 1, 4), tol=1e-4)
    sums = [
        [sum(v * v for j, v in enumerate(r) if j != i) for i, r in enumerate(_overlaps(w))]
        for w in W
    ]
    expect(fn(W), torch.tensor(sums), tol=1e-4)


@interference.check
def gradients_flow_to_the_weights(fn):
    # For two unit vectors with cosine c the sum is 2c², and its gradient 4c W_j − 2c² W_i.
    W = torch.tensor([[1.0, 0.6], [0.0, 0.8]], requires_grad=True)
    total = fn(W)
    require(torch.is_tensor(total) and total.requires_grad, "a result with a gradient", total)
    total.sum().backward()
    expect(W.grad, torch.tensor([[0.72, 1.968], [1.92, -0.576]]), W=W, gradient_of="the sum")


@interference.mistake("the feature itself is counted: the diagonal was not left out")
def _(W):
    return ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)


@interference.mistake(
    "summed over the wrong axis: what feature i does to others, not what it receives"
)
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap**2 * (1 - torch.eye(W.shape[-1]))).sum(-2)


@interference.mistake("W_i is not normalised: long features seem to receive more")
def _(W):
    return ((W.mT @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("both sides are normalised: the length of the disturbing feature is lost")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-2)
    return ((unit.mT @ unit) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("overlaps are summed without squaring, so opposite ones cancel")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("absolute values instead of squares")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap.abs() * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("divided by zero: an absent feature gives NaN")
def _(W):
    unit = W / W.norm(dim=-2, keepdim=True)
    return ((unit.mT @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("columns and rows swapped: features are the columns of W")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-1) @ W.mT
    return (overlap**2 * (1 - torch.eye(W.shape[-2]))).sum(-1)


@exercise(
    difficulty=3,
    minutes=12,
    teaches="measuring how much of a dimension a feature has",
    given="page",
    hints=[
        "A feature alone in its direction must get 1. Two in opposite directions get 1/2 each.",
        "The numerator is a squared length. In the denominator every feature j takes part, i too.",
        "You have written the denominator's j ≠ i part already: interference(W).",
    ],
)
def feature_dimensionality(W: Tensor) -> Tensor:
    """The fraction of a dimension that each feature has (Elhage et al. 2022).

    D_i = ‖W_i‖² / Σ_j (Ŵ_i · W_j)², the sum over all j, i among them. W_i is column i of W and
    Ŵ_i its direction. A feature that is not there (a column of zeros) has 0, not NaN.
    W: (..., n_hidden, n_features). Returns (..., n_features), values in [0, 1].
    """
    unit = torch.nn.functional.normalize(W, dim=-2)
    shared = ((unit.mT @ W) ** 2).sum(-1)
    present = shared > 0
    return torch.where(present, (W**2).sum(-2) / torch.where(present, shared, 1), 0)


@feature_dimensionality.check
def a_feature_alone_in_its_direction_has_a_whole_dimension(fn):
    for n in (1, 2, 4):
        expect(fn(torch.eye(n)), torch.ones(n))
    expect(fn(torch.diag(torch.tensor([2.0, 0.5]))), torch.ones(2))


@feature_dimensionality.check
def an_antipodal_pair_shares_a_dimension(fn):
    expect(fn(torch.tensor([[1.0, -1.0]])), torch.tensor([0.5, 0.5]))
    expect(fn(torch.tensor([[2.0, -1.0]])), torch.tensor([0.8, 0.2]))


@feature_dimensionality.check
def regular_polygons_get_two_nths(fn):
    for n in (3, 5, 7):
        expect(fn(_pentagon(n)), torch.full((n,), 2 / n), W=_pentagon(n))


@feature_dimensionality.check
def an_absent_feature_has_none(fn):
    expect(fn(torch.tensor([[1.0, 0.0], [0.0, 0.0]])), torch.tensor([1.0, 0.0]))
    expect(fn(torch.tensor([[0.0, 1.0], [0.0, 0.0]])), torch.tensor([0.0, 1.0]))
    expect(fn(torch.zeros(2, 3)), torch.zeros(3))
    some = torch.tensor([[[1.0, -1.0]], [[0.0, 2.0]]])  # absent in one instance only
    expect(fn(some), torch.tensor([[0.5, 0.5], [0.0, 1.0]]))


@feature_dimensionality.check
def it_is_the_fraction_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((2, 3), (3, 6), (5, 4)):
        W = torch.randn(shape, generator=g)
        lengths = [sum(v * v for v in W[:, i].tolist()) for i in range(shape[1])]
        shared = [sum(v * v for v in row) for row in _overlaps(W)]
        expect(fn(W), torch.tensor([a / b for a, b in zip(lengths, shared, strict=True)]), tol=1e-4)


@feature_dimensionality.check
def scaling_or_turning_all_features_changes_nothing(fn):
    g = torch.Generator().manual_seed(1)
    W = torch.randn(4, 6, generator=g)
    for scale in (3, 100, 1e-3):
        expect(fn(scale * W), fn(W), tol=1e-3)
    W = torch.diag(torch.tensor([1.0, 1e-3]))  # short, not absent
    expect(fn(W), torch.ones(2), tol=0.02, W=W)
    W = torch.randn(4, 6, generator=g)
    turned = torch.linalg.qr(torch.randn(4, 4, generator=g)).Q @ W
    expect(fn(turned), fn(W), tol=1e-4)


@feature_dimensionality.check
def each_instance_has_fractions_of_its_own(fn):
    W = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(2))
    expect(fn(W.view(1, 3, 1, 2, 4)), fn(W).view(1, 3, 1, 4), tol=1e-4)
    each = [
        [
            sum(v * v for v in w[:, i].tolist()) / sum(v * v for v in row)
            for i, row in enumerate(_overlaps(w))
        ]
        for w in W
    ]
    expect(fn(W), torch.tensor(each), tol=1e-4)


@feature_dimensionality.mistake("the feature itself is left out of the denominator")
def _(W):
    others = interference.reference(W)
    return (W**2).sum(-2) / others


@feature_dimensionality.mistake("the numerator is the length, not its square")
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)
    return torch.nan_to_num(W.norm(dim=-2) / shared)


@feature_dimensionality.mistake("W_i is not normalised in the denominator")
def _(W):
    return torch.nan_to_num((W**2).sum(-2) / ((W.mT @ W) ** 2).sum(-1))


@feature_dimensionality.mistake(
    "summed over the wrong axis, or both sides normalised (it comes to the same): how long the "
    "others are is lost"
)
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-2)
    return torch.nan_to_num((W**2).sum(-2) / shared)


@feature_dimensionality.mistake("overlaps are not squared")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-2)
    return torch.nan_to_num((W**2).sum(-2) / (unit.mT @ W).abs().sum(-1))


@feature_dimensionality.mistake("an absent feature gives 0/0 = NaN")
def _(W):
    shared = (((W / W.norm(dim=-2, keepdim=True)).mT @ W) ** 2).sum(-1)
    return (W**2).sum(-2) / shared


@feature_dimensionality.mistake(
    "the same number for all: dimensions per feature, m/‖W‖², is the average"
)
def _(W):
    return (W.shape[-2] / (W**2).sum((-2, -1), keepdim=True))[..., 0].expand(
        *W.shape[:-2], W.shape[-1]
    )
