"""How `one_hot_gradient` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.gradient_attacks.exercises import one_hot_gradient
from utils.grading import expect, require


def linear(seed, length, n_words):
    """A loss that is linear in the rows, and its gradient by hand."""
    g = torch.Generator().manual_seed(seed)
    slope = torch.randn(length, n_words, generator=g)
    return (lambda rows: (rows * slope).sum((1, 2))), slope


def small_model(seed, length, n_words):
    """A loss through an embedding and a nonlinearity, of each request alone."""
    g = torch.Generator().manual_seed(seed)
    table = torch.randn(n_words, 5, generator=g)
    mix = torch.randn(length, 5, generator=g)
    return lambda rows: torch.tanh((rows @ table.to(rows.dtype) * mix.to(rows.dtype)).sum(1)).sum(1)


@one_hot_gradient.check
def one_request_and_a_linear_loss(fn):
    loss, slope = linear(0, 2, 3)
    expect(fn(loss, torch.tensor([[0, 2]]), 3), slope[None])


@one_hot_gradient.check
def each_request_has_its_own_gradient_whatever_their_number(fn):
    loss, slope = linear(1, 3, 4)
    for n in (2, 5):
        prompts = torch.arange(3 * n).view(n, 3) % 4
        expect(fn(loss, prompts, 4), slope.expand(n, 3, 4))


@one_hot_gradient.check
def words_that_no_prompt_holds_have_a_gradient_too(fn):
    loss, slope = linear(4, 2, 7)
    expect(fn(loss, torch.tensor([[0, 2], [3, 1]]), 7), slope.expand(2, 2, 7))


@one_hot_gradient.check
def a_loss_that_bends_against_finite_differences(fn):
    loss = small_model(2, 3, 6)
    prompts = torch.tensor([[0, 5, 2], [3, 3, 1]])
    rows, step = F.one_hot(prompts, 6).double(), 1e-5
    want = torch.zeros(2, 3, 6)
    for i in range(2):
        for p in range(3):
            for w in range(6):
                up, down = rows.clone(), rows.clone()
                up[i, p, w] += step
                down[i, p, w] -= step
                want[i, p, w] = ((loss(up) - loss(down))[i] / (2 * step)).item()
    expect(fn(loss, prompts, 6), want, tol=1e-3)


@one_hot_gradient.check
def asking_twice_gives_the_same_and_leaves_the_prompts(fn):
    loss = small_model(3, 2, 4)
    prompts = torch.tensor([[1, 3]])
    kept = prompts.clone()
    first = fn(loss, prompts, 4)
    require(torch.is_tensor(first), "a tensor", first)
    expect(fn(loss, prompts, 4), first.clone())
    require(torch.equal(prompts, kept), kept, prompts)


@one_hot_gradient.mistake("the gradient of the mean: each request's is divided by their number")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).float().requires_grad_()
    return torch.autograd.grad(loss(rows).mean(), rows)[0]


@one_hot_gradient.mistake("requires_grad_ is missing: the graph does not reach the rows")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).float()
    return torch.autograd.grad(loss(rows).sum(), rows)[0]


@one_hot_gradient.mistake("one-hot rows left as integers: only real numbers have a gradient")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).requires_grad_()
    return torch.autograd.grad(loss(rows).sum(), rows)[0]


@one_hot_gradient.mistake("the sign is turned: the gradient itself is asked for")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).float().requires_grad_()
    return -torch.autograd.grad(loss(rows).sum(), rows)[0]


@one_hot_gradient.mistake("only the entries of the words that are there, all others 0")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).float().requires_grad_()
    return torch.autograd.grad(loss(rows).sum(), rows)[0] * rows.detach()


@one_hot_gradient.mistake("the tuple of torch.autograd.grad, not its one entry")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).float().requires_grad_()
    return torch.autograd.grad(loss(rows).sum(), rows)


@one_hot_gradient.mistake("less the word's own entry: that is the estimate of a swap, a step later")
def _(loss, prompts, n_words):
    rows = F.one_hot(prompts, n_words).float().requires_grad_()
    gradient = torch.autograd.grad(loss(rows).sum(), rows)[0]
    return gradient - gradient.gather(2, prompts[..., None])


@one_hot_gradient.right("by backward()")
def _(loss, prompts, n_words):
    rows = torch.zeros(*prompts.shape, n_words)
    rows.scatter_(2, prompts[..., None], 1.0)
    rows.requires_grad_()
    loss(rows).sum().backward()
    return rows.grad


@one_hot_gradient.right("by a loop over requests")
def _(loss, prompts, n_words):
    out = []
    for i in range(len(prompts)):
        rows = torch.eye(n_words)[prompts[i : i + 1]].requires_grad_()
        out.append(torch.autograd.grad(loss(rows)[0], rows)[0][0])
    return torch.stack(out)


@one_hot_gradient.mistake("n_words is not used: no entry for words above the greatest that occurs")
def _(loss, prompts, n_words):
    one_hot = F.one_hot(prompts).float().requires_grad_()
    return torch.autograd.grad(loss(one_hot).sum(), one_hot)[0]
