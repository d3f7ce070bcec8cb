"""How `grpo_loss` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.verifiable_rewards.checks.shared import draws, scalar, token_objective
from lessons.verifiable_rewards.exercises import clip_higher, grpo_loss
from utils.grading import expect, require

WAYS = ("answer", "token", "constant")


def _case(seed, groups=2, answers=3, tokens=5):
    new, old = (
        draws(seed, groups, answers, tokens) / 3,
        draws(seed + 50, groups, answers, tokens) / 3,
    )
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, tokens + 1, (groups, answers), generator=g)
    lengths[0, 0] = 1
    return new, old, draws(seed + 99, groups, answers), torch.arange(tokens) < lengths[..., None]


def _by_hand(new, old, advantages, mask, divide_by, low=0.2, high=0.2):
    answers = []
    for i in range(new.shape[0]):
        for j in range(new.shape[1]):
            tokens = [
                token_objective((new - old)[i, j, t].item(), advantages[i, j].item(), low, high)
                for t in range(new.shape[2])
                if mask[i, j, t]
            ]
            answers.append(tokens)
    if divide_by == "token":
        return -sum(map(sum, answers)) / sum(map(len, answers))
    length = {"answer": len, "constant": lambda _: new.shape[2]}[divide_by]
    return -sum(sum(tokens) / length(tokens) for tokens in answers) / len(answers)


@grpo_loss.check
def two_answers_of_unlike_length(fn):
    new = torch.zeros(1, 2, 4)
    mask = torch.tensor([[[1, 0, 0, 0], [1, 1, 1, 0]]]).bool()
    advantages = torch.tensor([[1.0, -1.0]])
    for way, wanted in (("answer", 0.0), ("token", 0.5), ("constant", 0.25)):
        expect(scalar(fn(new, new.clone(), advantages, mask, way)), torch.tensor(wanted))


@grpo_loss.check
def it_is_the_sum_written_out(fn):
    for seed, shape in enumerate([(1, 2, 3), (2, 3, 5), (3, 2, 4)]):
        case = _case(seed, *shape)
        for way in WAYS:
            wanted = torch.tensor(_by_hand(*case, way)).double()
            expect(scalar(fn(*case, way)), wanted, tol=1e-5)


@grpo_loss.check
def its_two_bounds_are_passed_on(fn):
    case = _case(5)
    for low, high in ((0.05, 0.4), (0.3, 0.1)):
        wanted = torch.tensor(_by_hand(*case, "answer", low, high)).double()
        expect(scalar(fn(*case, "answer", low, high)), wanted, tol=1e-5)


@grpo_loss.check
def what_is_masked_does_not_count_even_as_nan(fn):
    new, old, advantages, mask = _case(3)
    for way in WAYS:
        wanted = torch.tensor(_by_hand(new, old, advantages, mask, way)).double()
        for junk in (float("nan"), float("-inf"), 50.0):
            spoiled = torch.where(mask, new, junk).requires_grad_()
            loss = scalar(fn(spoiled, torch.where(mask, old, junk), advantages, mask, way))
            expect(loss, wanted, tol=1e-5)
            require(loss.requires_grad, "a graph to logprobs", loss)
            (grad,) = torch.autograd.grad(loss, spoiled)
            none = not bool(torch.nan_to_num(grad, nan=1.0)[~mask].any())
            require(none, "no gradient, and no NaN, where the mask is False", grad)


@grpo_loss.check
def at_the_old_policy_each_token_pushes_as_its_way_of_dividing_says(fn):
    new, _, advantages, mask = _case(8)
    n, longest = mask[..., 0].numel(), mask.shape[-1]
    share = {
        "answer": 1 / mask.sum(-1, keepdim=True) / n,
        "token": 1 / mask.sum(),
        "constant": torch.tensor(1 / longest / n),
    }
    for way in WAYS:
        x = new.clone().requires_grad_()
        (grad,) = torch.autograd.grad(scalar(fn(x, new.clone(), advantages, mask, way)), x)
        expect(grad, -(advantages[..., None] * mask * share[way]).double(), tol=1e-5)


def _mistake(text, reduce):
    """Plant another way to average; `reduce` gets objective, mask and the way."""

    @grpo_loss.mistake(text)
    def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
        zero = torch.zeros_like(logprobs)
        new, old = (torch.where(mask, x, zero) for x in (logprobs, old_logprobs))
        tokens = torch.where(mask, clip_higher.reference(new, old, advantages, low, high), zero)
        return reduce(tokens, mask, divide_by)


def _right(tokens, mask, way):
    if way == "token":
        return -tokens.sum() / mask.sum()
    return -(tokens.sum(-1) / (mask.sum(-1) if way == "answer" else mask.shape[-1])).mean()


_mistake("the sign: an objective, where a loss was asked for", lambda *a: -_right(*a))
_mistake(
    "`divide_by` is ignored: always by the answer's own length",
    lambda t, m, w: _right(t, m, "answer"),
)
_mistake("`divide_by` is ignored: always over all tokens", lambda t, m, w: _right(t, m, "token"))
_mistake(
    "tokens that do not count are in the average: a mean over all positions",
    lambda t, m, w: -t.mean() if w in ("answer", "token") else _right(t, m, w),
)
_mistake(
    '"token" divides by all positions: only tokens that count are in the mean',
    lambda t, m, w: -t.mean() if w == "token" else _right(t, m, w),
)
_mistake(
    '"constant" is summed over answers, where the mean over answers was asked for',
    lambda t, m, w: -t.sum() / m.shape[-1] if w == "constant" else _right(t, m, w),
)
_mistake(
    '"token" over the tokens of each group, and then over groups: all of the batch were asked for',
    lambda t, m, w: -(t.sum((1, 2)) / m.sum((1, 2))).mean() if w == "token" else _right(t, m, w),
)
_mistake(
    '"constant" by the longest answer of this batch, which is no constant: by logprobs.shape[-1]',
    lambda t, m, w: -(t.sum(-1) / m.sum(-1).max()).mean() if w == "constant" else _right(t, m, w),
)
_mistake(
    '"constant" is not divided by the longest length',
    lambda t, m, w: -t.sum(-1).mean() if w == "constant" else _right(t, m, w),
)
_mistake(
    "summed over answers, where the mean over answers was asked for",
    lambda t, m, w: _right(t, m, w) * (1 if w == "token" else m[..., 0].numel()),
)
_mistake(
    '"answer" and "constant" are summed over a group\'s answers: the mean is over all answers',
    lambda t, m, w: _right(t, m, w) * (1 if w == "token" else m.shape[1]),
)


@grpo_loss.mistake(
    "multiplied by the mask, which keeps NaN: 0 · NaN is NaN. Mask what goes into the ratio"
)
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    tokens = clip_higher.reference(logprobs, old_logprobs, advantages, low, high) * mask
    return _right(tokens, mask, divide_by)


@grpo_loss.mistake(
    "masked only after the ratio: the gradient of what is thrown away is NaN. Mask what goes in"
)
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    tokens = clip_higher.reference(logprobs, old_logprobs, advantages, low, high)
    return _right(torch.where(mask, tokens, torch.zeros_like(tokens)), mask, divide_by)


@grpo_loss.mistake("low and high are swapped where clip_higher is called")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    return grpo_loss.reference(logprobs, old_logprobs, advantages, mask, divide_by, high, low)


@grpo_loss.mistake("the larger of the two products, where the smaller was asked for")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    new, old = (x.masked_fill(~mask, 0) for x in (logprobs, old_logprobs))
    ratio, a = (new - old.detach()).exp(), advantages.detach()[..., None]
    tokens = torch.maximum(ratio * a, ratio.clamp(1 - low, 1 + high) * a)
    return _right(torch.where(mask, tokens, torch.zeros_like(tokens)), mask, divide_by)


@grpo_loss.mistake("the clip's bounds are not passed on")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    return grpo_loss.reference(logprobs, old_logprobs, advantages, mask, divide_by)


@grpo_loss.mistake("there is no clip and no ratio: A times log π")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    tokens = torch.where(mask, logprobs * advantages[..., None], torch.zeros_like(logprobs))
    return _right(tokens, mask, divide_by)


@grpo_loss.mistake("the ratio of whole answers: a sum of logs over tokens, before exp")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    zero = torch.zeros_like(logprobs)
    log_ratio = torch.where(mask, logprobs, zero) - torch.where(mask, old_logprobs, zero).detach()
    whole = log_ratio.sum(-1, keepdim=True).expand_as(log_ratio)
    tokens = clip_higher.reference(whole, zero, advantages, low, high)
    return _right(torch.where(mask, tokens, zero), mask, divide_by)


@grpo_loss.right("by a loop over answers")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    sums, counts = [], []
    flat = (x.flatten(0, 1) for x in (logprobs, old_logprobs, mask))
    for new, old, m, a in zip(*flat, advantages.flatten(), strict=True):
        sums.append(clip_higher.reference(new[m], old[m], a, low, high).sum())
        counts.append(int(m.sum()))
    if divide_by == "token":
        return -torch.stack(sums).sum() / sum(counts)
    if divide_by == "constant":
        counts = [logprobs.shape[-1]] * len(sums)
    return -torch.stack([s / c for s, c in zip(sums, counts, strict=True)]).mean()


@grpo_loss.right("by a weight for each token")
def _(logprobs, old_logprobs, advantages, mask, divide_by, low=0.2, high=0.2):
    new, old = logprobs.masked_fill(~mask, 0), old_logprobs.masked_fill(~mask, 0).detach()
    ratio, a = (new - old).exp(), advantages.detach()[..., None]
    loss = torch.maximum(-ratio * a, -ratio.clamp(1 - low, 1 + high) * a)
    n = mask.shape[0] * mask.shape[1]
    weight = {
        "answer": 1 / (n * mask.sum(-1, keepdim=True)),
        "token": 1 / mask.sum(),
        "constant": torch.tensor(1 / (n * mask.shape[-1])),
    }[divide_by]
    return (loss * mask * weight).sum()
