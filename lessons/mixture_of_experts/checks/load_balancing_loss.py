"""How `load_balancing_loss` is judged: checks, mistakes, right answers."""

import torch
from torch.nn import functional as F

from lessons.mixture_of_experts.checks.shared import logits_without_ties, loss_by_hand
from lessons.mixture_of_experts.exercises import load_balancing_loss
from utils.grading import expect, require


def case(n_tokens, n, k, seed=0):
    logits = logits_without_ties(n_tokens, n, seed)
    return logits.softmax(-1), logits.topk(k, dim=-1).indices


@load_balancing_loss.check
def even_is_one(fn):
    for n in (2, 3, 5):
        expect(fn(torch.full((n, n), 1 / n), torch.arange(n)[:, None]), torch.tensor(1.0))


@load_balancing_loss.check
def all_on_one_is_n(fn):
    for n in (2, 4, 7):
        probs = F.one_hot(torch.ones(3, dtype=torch.long), n).float()
        expect(fn(probs, torch.ones(3, 1, dtype=torch.long)), torch.tensor(float(n)))


@load_balancing_loss.check
def two_tokens_by_hand(fn):
    probs = torch.tensor([[0.9, 0.1], [0.6, 0.4]])
    expect(fn(probs, torch.tensor([[0], [0]])), torch.tensor(1.5))
    expect(fn(probs, torch.tensor([[0], [1]])), torch.tensor(1.0))
    expect(fn(probs, torch.tensor([[1], [1]])), torch.tensor(0.5))


@load_balancing_loss.check
def the_choice_is_taken_from_chosen(fn):
    probs = torch.tensor([[0.7, 0.2, 0.1]])  # the last was chosen: a bias had its say
    expect(fn(probs, torch.tensor([[2]])), torch.tensor(0.3))


@load_balancing_loss.check
def it_is_the_sum_written_out(fn):
    for n_tokens, n, k in ((5, 3, 1), (4, 6, 2), (9, 4, 3), (7, 5, 5)):
        probs, chosen = case(n_tokens, n, k, seed=n)
        expect(fn(probs, chosen), torch.tensor(loss_by_hand(probs, chosen)))


@load_balancing_loss.check
def experts_that_nobody_chose_count_as_well(fn):
    probs = torch.tensor([[0.5, 0.3, 0.1, 0.1], [0.4, 0.4, 0.1, 0.1]])
    expect(fn(probs, torch.tensor([[0], [0]])), torch.tensor(1.8))


@load_balancing_loss.check
def twice_the_tokens_the_same_loss(fn):
    probs, chosen = case(5, 4, 2)
    expected = torch.tensor(loss_by_hand(probs, chosen))
    expect(fn(probs.repeat(2, 1), chosen.repeat(2, 1)), expected)


@load_balancing_loss.check
def the_gradient_flows_through_the_probabilities_only(fn):
    # N f_i / T, the same for every token
    probs = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]], requires_grad=True)
    loss = fn(probs, torch.tensor([[0], [0], [0], [1]]))
    require(torch.is_tensor(loss) and loss.requires_grad, "a result with a gradient", loss)
    loss.backward()
    expect(probs.grad, torch.tensor([[0.375, 0.125]] * 4), probs=probs.detach(), gradient_of="it")


@load_balancing_loss.check
def double_precision_stays(fn):
    probs, chosen = case(5, 4, 2, seed=1)
    wanted = torch.tensor(loss_by_hand(probs.double(), chosen), dtype=torch.float64)
    expect(fn(probs.double(), chosen), wanted)


@load_balancing_loss.mistake(
    "the factor N is missing, or a mean over experts took the place of the sum"
)
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) / probs.shape[-1]


@load_balancing_loss.mistake("f is divided by the tokens, not by all choices: k times too large")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) * chosen.shape[1]


@load_balancing_loss.mistake("f is a count, not a share")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) * chosen.numel()


@load_balancing_loss.mistake("P is a sum over tokens, not a mean")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) * len(probs)


@load_balancing_loss.mistake("N is the number of tokens, not of experts")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) * len(probs) / probs.shape[-1]


@load_balancing_loss.mistake("k took the place of N")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) * chosen.shape[-1] / probs.shape[-1]


@load_balancing_loss.mistake("bincount without minlength: experts that nobody chose are left out")
def _(probs, chosen):
    f = torch.bincount(chosen.flatten()) / chosen.numel()
    return probs.shape[-1] * (f * probs.mean(0)).sum()


@load_balancing_loss.mistake("P is a mean over experts: the wrong axis")
def _(probs, chosen):
    f = torch.bincount(chosen.flatten(), minlength=probs.shape[-1]) / chosen.numel()
    return probs.shape[-1] * (f * probs.mean(-1)).sum()


@load_balancing_loss.mistake("N twice")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen) * probs.shape[-1]


@load_balancing_loss.mistake("P² instead of f · P: probabilities alone, no load")
def _(probs, chosen):
    return probs.shape[-1] * (probs.mean(0) ** 2).sum()


@load_balancing_loss.mistake("f² instead of f · P: nothing has a gradient")
def _(probs, chosen):
    f = torch.bincount(chosen.flatten(), minlength=probs.shape[-1]) / chosen.numel()
    return probs.shape[-1] * (f * f).sum()


@load_balancing_loss.mistake("chosen is ignored: the argmax of probs is counted")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, probs.argmax(-1, keepdim=True))


@load_balancing_loss.mistake("only the first choice of each token is counted")
def _(probs, chosen):
    return load_balancing_loss.reference(probs, chosen[:, :1])


@load_balancing_loss.mistake("f · P is summed token by token: how sure the router is, no balance")
def _(probs, chosen):
    return probs.shape[-1] * probs.gather(-1, chosen).sum(-1).mean() / chosen.shape[1]


@load_balancing_loss.mistake("the sign: it would reward imbalance")
def _(probs, chosen):
    return -load_balancing_loss.reference(probs, chosen)


@load_balancing_loss.mistake("probs went through a softmax once more")
def _(probs, chosen):
    return load_balancing_loss.reference(probs.softmax(-1), chosen)


@load_balancing_loss.mistake("P is detached: no gradient is left")
def _(probs, chosen):
    return load_balancing_loss.reference(probs.detach(), chosen)


@load_balancing_loss.mistake("always float32: the result has the dtype of probs")
def _(probs, chosen):
    return load_balancing_loss.reference(probs.float(), chosen)


@load_balancing_loss.right("by one_hot and a scalar product")
def _(probs, chosen):
    f = F.one_hot(chosen, probs.shape[-1]).to(probs.dtype).mean((0, 1))
    return probs.shape[-1] * (f @ probs.mean(0))


@load_balancing_loss.right("by a loop over experts")
def _(probs, chosen):
    total = 0.0
    for i in range(probs.shape[1]):
        total = total + (chosen == i).double().mean().item() * probs[:, i].mean()
    return probs.shape[1] * total


@load_balancing_loss.right("as the mean over choices of N P of the chosen")
def _(probs, chosen):
    return probs.shape[-1] * probs.mean(0)[chosen].mean()
