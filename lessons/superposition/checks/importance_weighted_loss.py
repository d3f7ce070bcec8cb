"""How `importance_weighted_loss` is judged: checks, mistakes, right answers."""

import torch

from lessons.superposition.exercises import importance_weighted_loss
from utils.grading import expect, require


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


@importance_weighted_loss.mistake("summed over everything, where the mean was asked for")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed) ** 2).sum()


@importance_weighted_loss.mistake("the mean is over the first dimension alone, the rest is summed")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed) ** 2).mean(0).sum()


@importance_weighted_loss.mistake("the mean is taken before importance weighs the features")
def _(x, x_reconstructed, importance):
    return torch.nn.functional.mse_loss(x_reconstructed, x) * importance


@importance_weighted_loss.mistake("half of it: there is no factor 1/2 here")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed) ** 2).mean() / 2


@importance_weighted_loss.mistake("its root was taken: the loss is the mean square itself")
def _(x, x_reconstructed, importance):
    return (importance * (x - x_reconstructed) ** 2).mean().sqrt()


@importance_weighted_loss.right("by the sum, divided by how many there are")
def _(x, x_reconstructed, importance):
    error = (x_reconstructed - x).square() * importance
    return error.sum() / error.numel()


@importance_weighted_loss.right("by mse_loss without its own mean")
def _(x, x_reconstructed, importance):
    error = torch.nn.functional.mse_loss(x_reconstructed, x, reduction="none")
    return torch.mul(error, importance).mean()
