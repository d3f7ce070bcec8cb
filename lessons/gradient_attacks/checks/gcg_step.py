"""How `gcg_step` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.gradient_attacks.exercises import candidate_swaps, gcg_step, one_hot_gradient
from utils.grading import expect, require

V = 5


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


def everything():
    return torch.ones(V, dtype=torch.bool)


def loss_of(seed, n, length):
    """A loss of each request, of words (…, n, length) or of rows (n, length, V)."""
    slope = torch.randn(n, length, V, generator=gen(seed))

    def loss(prompts):
        rows = prompts if prompts.is_floating_point() else F.one_hot(prompts, V).float()
        total = (rows * slope).sum((-1, -2))
        return total + 0.3 * torch.sin(3 * total)

    return loss


def swaps_by_hand(prompt, places):
    """All prompts that differ from this one in at most one word at `places`."""
    out = []
    for p in range(len(prompt))[places]:
        for w in range(V):
            out.append([*prompt[:p], w, *prompt[p + 1 :]])
    return out


@gcg_step.check
def with_all_swaps_tried_it_is_the_best_by_brute_force(fn):
    for seed, n, places in ((0, 1, slice(1, 3)), (1, 3, slice(1, 3)), (2, 2, slice(0, 4))):
        loss = loss_of(seed, n, 4)
        prompts = torch.randint(V, (n, 4), generator=gen(seed))
        new, losses = fn(loss, prompts, places, 300, V, everything(), gen(seed + 9))
        require(new.shape == (n, 4) and losses.shape == (n,), f"shapes ({n}, 4), ({n},)", new)
        for i in range(n):
            tried = torch.tensor(swaps_by_hand(prompts[i].tolist(), places))
            whole = prompts.repeat(len(tried), 1, 1)
            whole[:, i] = tried
            want = loss(whole)[:, i].min()
            expect(losses[i].detach(), want)
            expect(loss(new)[i], want)


@gcg_step.check
def other_places_stay_and_so_do_the_prompts_given(fn):
    loss = loss_of(3, 4, 6)
    prompts = torch.randint(V, (4, 6), generator=gen(3))
    kept = prompts.clone()
    new, _ = fn(loss, prompts, slice(2, 5), 20, 3, everything(), gen(1))
    require(torch.equal(new[:, [0, 1, 5]], kept[:, [0, 1, 5]]), kept, new)
    require(bool(((new != kept).sum(1) <= 1).all()), "one swap a request at most", new)
    require(torch.equal(prompts, kept), kept, prompts)


@gcg_step.check
def the_loss_decides_not_the_gradient(fn):
    def loss(prompts):  # the gradient points to word 1, but word 2 is truly best
        if prompts.is_floating_point():
            return (prompts * torch.tensor([0.0, -5.0, -1.0, 3.0, 4.0])).sum((-1, -2))
        return torch.tensor([5.0, 2.0, 1.0, 9.0, 9.0])[prompts].sum(-1)

    new, losses = fn(loss, torch.tensor([[0]]), slice(0, 1), 60, 2, everything(), gen(2))
    expect(new, torch.tensor([[2]]))
    expect(losses.detach(), torch.tensor([1.0]))


@gcg_step.check
def the_best_candidate_is_taken_even_if_it_is_worse(fn):
    slope = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])

    def loss(prompts):
        rows = prompts if prompts.is_floating_point() else F.one_hot(prompts, V).float()
        return (rows @ slope).sum(-1)

    allowed = torch.tensor([False, True, True, True, True])
    new, losses = fn(loss, torch.tensor([[0]]), slice(0, 1), 8, 1, allowed, gen(3))
    expect(new, torch.tensor([[1]]))
    expect(losses.detach(), torch.tensor([1.0]))


@gcg_step.check
def few_candidates_each_request_has_its_own_best(fn):
    loss = loss_of(4, 6, 4)
    prompts = torch.randint(V, (6, 4), generator=gen(4))
    new, losses = fn(loss, prompts, slice(1, 4), 5, 2, everything(), gen(5))
    expect(losses.detach(), loss(new))
    require(not losses.requires_grad, "losses without a graph", losses)


@gcg_step.check
def changed_words_are_of_the_k_best_of_their_own_request_and_place(fn):
    n_words, n, places, k = 30, 5, slice(4, 8), 2
    slope = torch.randn(n, 12, n_words, generator=gen(11))

    def loss(prompts):
        rows = prompts if prompts.is_floating_point() else F.one_hot(prompts, n_words).float()
        return (rows * slope).sum((-1, -2))

    prompts = torch.randint(n_words, (n, 12), generator=gen(12))
    allowed = torch.rand(n_words, generator=gen(13)) < 0.8
    top = slope[:, places].masked_fill(~allowed, 99.0).topk(k, largest=False).indices
    seen = []
    for seed in range(4):
        new, _ = fn(loss, prompts, places, 3, k, allowed, gen(seed))
        changed = (new != prompts)[:, places]
        best = (new[:, places, None] == top).any(-1)
        require(bool(best[changed].all()), "words among the k best of their own place", new)
        seen.append(new)
    require(any(not torch.equal(new, seen[0]) for new in seen), "draws from the generator", seen)


def _parts(loss, prompts, places, n_candidates, k, allowed, generator):
    gradient = one_hot_gradient(loss, prompts, len(allowed))[:, places]
    swapped = candidate_swaps(gradient, prompts[:, places], n_candidates, k, allowed, generator)
    whole = prompts.repeat(n_candidates, 1, 1)
    whole[:, :, places] = swapped
    return whole, loss(whole).detach()


@gcg_step.mistake("one best candidate for all requests: the minimum is over all of them")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    best = losses.sum(1).argmin()
    return whole[best], losses[best]


@gcg_step.mistake("the worst candidate: argmax")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    best, each = losses.argmax(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


@gcg_step.mistake("the old prompt is kept where no candidate is better: Algorithm 1 does not")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    whole, losses = torch.cat([whole, prompts[None]]), torch.cat([losses, loss(prompts)[None]])
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


@gcg_step.mistake("the first candidate is taken: none is tried on the model")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    return whole[0], losses[0]


@gcg_step.mistake("the swap of the most negative gradient is taken: its true loss is not asked")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    gradient = one_hot_gradient(loss, prompts, len(allowed))[:, places]
    now = gradient.gather(2, prompts[:, places, None])
    change = (gradient - now).masked_fill(~allowed, float("inf")).flatten(1)
    place, word = change.argmin(1) // len(allowed), change.argmin(1) % len(allowed)
    new, each = prompts.clone(), torch.arange(len(prompts))
    part = new[:, places].clone()
    part[each, place] = word
    new[:, places] = part
    return new, loss(new).detach()


@gcg_step.mistake("of the candidates drawn the gradient's estimate picks one, not the true loss")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    gradient = one_hot_gradient(loss, prompts, len(allowed))
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    estimate = gradient.expand(len(whole), -1, -1, -1).gather(-1, whole[..., None]).sum((-1, -2))
    best, each = estimate.argmin(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


@gcg_step.mistake("the losses are those before the step")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    return whole[losses.argmin(0), torch.arange(len(prompts))], loss(prompts).detach()


@gcg_step.mistake("`places` is ignored: the whole prompt may change")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    every = slice(0, prompts.shape[1])
    whole, losses = _parts(loss, prompts, every, n_candidates, k, allowed, generator)
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


@gcg_step.mistake("the gradient of the first places is used, not that at `places`")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    part = prompts[:, places]
    gradient = one_hot_gradient(loss, prompts, len(allowed))[:, : part.shape[1]]
    whole = prompts.repeat(n_candidates, 1, 1)
    swapped = candidate_swaps(gradient, part, n_candidates, k, allowed, generator)
    whole[:, :, places] = swapped
    losses = loss(whole).detach()
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


@gcg_step.mistake("`allowed` is ignored: any word may be put in")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    every = torch.ones_like(allowed)
    whole, losses = _parts(loss, prompts, places, n_candidates, k, every, generator)
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


def _with_gradient(change):
    """A step whose gradient at `places` is changed before it proposes."""

    def step(loss, prompts, places, n_candidates, k, allowed, generator):
        gradient = change(one_hot_gradient(loss, prompts, len(allowed))[:, places])
        part = prompts[:, places]
        whole = prompts.repeat(n_candidates, 1, 1)
        whole[:, :, places] = candidate_swaps(gradient, part, n_candidates, k, allowed, generator)
        losses = loss(whole).detach()
        best, each = losses.argmin(0), torch.arange(len(prompts))
        return whole[best, each], losses[best, each]

    return step


gcg_step.mistake("the gradient of the first request proposes for all")(
    _with_gradient(lambda gradient: gradient[:1].expand_as(gradient))
)
gcg_step.mistake("the mean gradient of all requests proposes for each")(
    _with_gradient(lambda gradient: gradient.mean(0, keepdim=True).expand_as(gradient))
)
gcg_step.mistake("the gradient's size counts, not its sign")(_with_gradient(torch.abs))
gcg_step.mistake("the sign of the gradient: words that raise the loss are proposed")(
    _with_gradient(torch.neg)
)


@gcg_step.mistake("draws with a seed of its own: every step tries the same")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, gen(0))
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return whole[best, each], losses[best, each]


@gcg_step.mistake("only the suffix is returned, not the whole prompt")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return whole[best, each][:, places], losses[best, each]


@gcg_step.right("by a loop over candidates")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    gradient = one_hot_gradient(loss, prompts, len(allowed))[:, places]
    swapped = candidate_swaps(gradient, prompts[:, places], n_candidates, k, allowed, generator)
    best, lowest = prompts.clone(), torch.full((len(prompts),), float("inf"))
    for one in swapped:
        whole = prompts.clone()
        whole[:, places] = one
        found = loss(whole).detach()
        better = found < lowest
        best[better], lowest[better] = whole[better], found[better]
    return best, lowest


@gcg_step.right("by min and gather")
def _(loss, prompts, places, n_candidates, k, allowed, generator):
    whole, losses = _parts(loss, prompts, places, n_candidates, k, allowed, generator)
    lowest, best = losses.min(0)
    index = best[None, :, None].expand(1, *prompts.shape)
    return whole.gather(0, index)[0], lowest
