"""How `prover_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
from torch.nn import functional as F

from lessons.prover_verifier.checks.shared import is_scalar, numbers, raises_value_error, sigmoid
from lessons.prover_verifier.exercises import prover_loss
from utils.grading import expect, require


def case(seed, n, kinds, places, dtype=torch.float64):
    names = numbers(seed, n, kinds).log_softmax(-1)
    where = numbers(seed + 1, n, kinds, places).log_softmax(-1)
    truth = torch.randint(kinds, (n,), generator=torch.Generator().manual_seed(seed))
    return (
        names.to(dtype),
        where.to(dtype),
        (2 * numbers(seed + 2, n, kinds, places)).to(dtype),
        truth,
    )


def by_loops(names, places, scores, truth, role):
    """The expected worth, solution by solution."""
    total = 0.0
    for i, true in enumerate(truth.tolist()):
        for k in range(names.shape[1]):
            if (k == true) == (role == "helpful"):
                for p in range(places.shape[2]):
                    chance = math.exp(names[i, k].item() + places[i, k, p].item())
                    total += chance * sigmoid(scores[i, k, p].item())
    return -total / len(truth)


def simple():
    """Two kinds, one place: named with 0.75 and 0.25, accepted with 0.5 and 0.9."""
    names = torch.tensor([[0.75, 0.25]]).log()
    return names, torch.zeros(1, 2, 1), torch.tensor([[[0.0], [math.log(9)]]])


@prover_loss.check
def each_role_by_hand(fn):
    for kind in (0, 1):
        true, false = ((-0.375, -0.225), (-0.225, -0.375))[kind]
        is_scalar(fn(*simple(), torch.tensor([kind]), "helpful"), true)
        is_scalar(fn(*simple(), torch.tensor([kind]), "sneaky"), false)


@prover_loss.check
def where_it_points_matters(fn):
    names, scores = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[[2.0, -2.0], [0.0, 0.0]]])
    places = torch.tensor([[[0.9, 0.1], [0.5, 0.5]]]).log()
    wanted = -0.5 * (0.9 * sigmoid(2) + 0.1 * sigmoid(-2))
    is_scalar(fn(names, places, scores, torch.tensor([0]), "helpful"), wanted)
    is_scalar(fn(names, places, scores, torch.tensor([1]), "helpful"), -0.25)


@prover_loss.check
def all_false_names_count_for_the_sneaky_role(fn):
    names = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
    scores = torch.tensor([[[0.0], [0.0], [math.log(3)], [-math.log(3)]]])
    wanted = -(0.3 * 0.5 + 0.2 * 0.75 + 0.1 * 0.25)
    is_scalar(fn(names, torch.zeros(1, 4, 1), scores, torch.tensor([0]), "sneaky"), wanted)


@prover_loss.check
def the_mean_over_pictures_whatever_their_number(fn):
    for seed, n, kinds, places in ((0, 3, 2, 4), (10, 5, 4, 3), (20, 8, 3, 6)):
        for role in ("helpful", "sneaky"):
            wanted = by_loops(*case(seed, n, kinds, places), role)
            is_scalar(fn(*case(seed, n, kinds, places), role), wanted)
            is_scalar(fn(*case(seed, n, kinds, places, torch.float32), role), wanted, tol=1e-4)


@prover_loss.check
def the_type_is_that_of_the_inputs(fn):
    for dtype in (torch.float32, torch.float64):
        inputs = [x.to(dtype) for x in simple()]
        expect(fn(*inputs, torch.tensor([0]), "helpful"), torch.tensor(-0.375, dtype=dtype))


@prover_loss.check
def a_gradient_reaches_names_and_places(fn):
    names, places, scores, truth = case(30, 3, 4, 5)
    names, places = names.requires_grad_(), places.requires_grad_()
    got = fn(names * 1, places * 1, scores, truth, "helpful")
    require(torch.is_tensor(got) and got.requires_grad, "a loss that gradients pass through", got)
    by_name, by_place = torch.autograd.grad(got, (names, places), allow_unused=True)
    for what, gradient in (("names", by_name), ("places", by_place)):
        require(gradient is not None, f"a gradient to {what}", gradient)
    true = F.one_hot(truth, 4)
    each = names.detach().exp()[:, :, None] * places.detach().exp() * scores.sigmoid()
    wanted = -each * true[:, :, None] / 3
    expect(by_place, wanted)
    expect(by_name, wanted.sum(-1))


@prover_loss.check
def the_inputs_are_left_as_they_are(fn):
    inputs = case(40, 3, 4, 5)
    before = [x.clone() for x in inputs]
    for role in ("helpful", "sneaky"):
        fn(*inputs, role)
    for x, old in zip(inputs, before, strict=True):
        expect(x, old)


@prover_loss.check
def another_role_is_an_error(fn):
    raises_value_error(lambda: fn(*case(50, 1, 2, 1), "honest"), "there is no role 'honest'")


def _mistake(description, worth, fits=None):
    """A wrong answer: another worth of solutions (n, kinds), or other ones that fit the role."""

    @prover_loss.mistake(description)
    def _(names, places, scores, truth, role):
        if role not in ("helpful", "sneaky"):
            raise ValueError(role)
        true = F.one_hot(truth, names.shape[1]).bool()
        usual = true if role == "helpful" else ~true
        kept = usual if fits is None else fits(true, role)
        return -(worth(names, places, scores) * kept).sum(1).mean()


def worth(names, places, scores):
    return names.exp() * (places.exp() * scores.sigmoid()).sum(-1)


_mistake("the roles are swapped", worth, lambda t, role: ~t if role == "helpful" else t)
_mistake("the role is ignored: both are helpful", worth, lambda t, role: t)
_mistake("the role is ignored: any convincing solution counts, true or false",
         worth, lambda t, role: torch.ones_like(t))  # fmt: skip
_mistake("being accepted does not count: only the name does",
         lambda n, p, s: n.exp() * p.exp().sum(-1))  # fmt: skip
_mistake("the name's probability is left out",
         lambda n, p, s: (p.exp() * s.sigmoid()).sum(-1))  # fmt: skip
_mistake("where it points is left out: a plain mean over places",
         lambda n, p, s: n.exp() * s.sigmoid().mean(-1))  # fmt: skip
_mistake("a mean over places instead of a sum",
         lambda n, p, s: n.exp() * (p.exp() * s.sigmoid()).mean(-1))  # fmt: skip
_mistake("raw scores instead of the probability of being accepted",
         lambda n, p, s: n.exp() * (p.exp() * s).sum(-1))  # fmt: skip
_mistake("accepted or not instead of how probably: no slope to climb",
         lambda n, p, s: n.exp() * (p.exp() * (s > 0)).sum(-1))  # fmt: skip
_mistake("the log-probability of being accepted",
         lambda n, p, s: n.exp() * (p.exp() * F.logsigmoid(s)).sum(-1))  # fmt: skip
_mistake("log-probabilities of names where probabilities belong",
         lambda n, p, s: n * (p.exp() * s.sigmoid()).sum(-1))  # fmt: skip
_mistake("the best place instead of the expected one",
         lambda n, p, s: n.exp() * s.sigmoid().amax(-1))  # fmt: skip
_mistake("the sign is turned: minimized, it would unlearn", lambda n, p, s: -worth(n, p, s))
_mistake("detached: no gradient passes to the pointing",
         lambda n, p, s: worth(n, p.detach(), s))  # fmt: skip
_mistake("the sum over pictures instead of the mean", lambda n, p, s: worth(n, p, s) * len(n))
_mistake("a mean over kinds, too", lambda n, p, s: worth(n, p, s) / n.shape[1])


@prover_loss.mistake("sneaky as the helpful loss with the other sign: it has a reward of its own")
def _(names, places, scores, truth, role):
    if role not in ("helpful", "sneaky"):
        raise ValueError(role)
    helpful = -(worth(names, places, scores) * F.one_hot(truth, names.shape[1])).sum(1).mean()
    return helpful if role == "helpful" else -helpful


@prover_loss.mistake("names are weighed anew among those that fit: how often it fits is lost")
def _(names, places, scores, truth, role):
    if role not in ("helpful", "sneaky"):
        raise ValueError(role)
    true = F.one_hot(truth, names.shape[1]).bool()
    fits = true if role == "helpful" else ~true
    kept = (worth(names, places, scores) * fits).sum(1)
    return -(kept / (names.exp() * fits).sum(1)).mean()


@prover_loss.mistake("the sneaky role wants to be refused: it wants to be accepted")
def _(names, places, scores, truth, role):
    if role not in ("helpful", "sneaky"):
        raise ValueError(role)
    true = F.one_hot(truth, names.shape[1]).bool()
    if role == "helpful":
        return -(worth(names, places, scores) * true).sum(1).mean()
    return -(worth(names, places, -scores) * ~true).sum(1).mean()


@prover_loss.mistake("any other role is taken for sneaky: it should be an error")
def _(names, places, scores, truth, role):
    true = F.one_hot(truth, names.shape[1]).bool()
    return -(worth(names, places, scores) * (true if role == "helpful" else ~true)).sum(1).mean()


@prover_loss.mistake("a reward of −1 for what does not fit the role: it is worth 0")
def _(names, places, scores, truth, role):
    if role not in ("helpful", "sneaky"):
        raise ValueError(role)
    true = F.one_hot(truth, names.shape[1]).bool()
    fits = true if role == "helpful" else ~true
    return -(worth(names, places, scores) * fits - names.exp() * ~fits).sum(1).mean()


@prover_loss.right("by what the true name is worth, and all less that")
def _(names, places, scores, truth, role):
    if role not in ("helpful", "sneaky"):
        raise ValueError("no such role")
    each = ((names[..., None] + places).exp() * torch.sigmoid(scores)).sum(-1)
    on_true = each.gather(1, truth[:, None])[:, 0]
    return -(on_true if role == "helpful" else each.sum(1) - on_true).mean()


@prover_loss.right("by a loop over pictures")
def _(names, places, scores, truth, role):
    if role not in {"helpful", "sneaky"}:
        raise ValueError(role)
    total = 0
    for n, p, s, t in zip(names, places, scores, truth.tolist(), strict=True):
        for kind in range(len(n)):
            if (kind == t) == (role == "helpful"):
                total = total + n[kind].exp() * (p[kind].exp() * s[kind].sigmoid()).sum()
    return -total / len(names)


@prover_loss.right("by einsum, with log-probabilities added up")
def _(names, places, scores, truth, role):
    if role != "helpful" and role != "sneaky":
        raise ValueError(role)
    true = F.one_hot(truth, names.shape[1]).to(names.dtype)
    mask = true if role == "helpful" else 1 - true
    log_worth = names[..., None] + places + F.logsigmoid(scores)
    return -torch.einsum("nkp,nk->", log_worth.exp(), mask) / len(names)
