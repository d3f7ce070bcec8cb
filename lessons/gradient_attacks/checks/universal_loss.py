"""How `universal_loss` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.gradient_attacks.exercises import universal_loss
from utils.grading import expect, require


def worth(seed, n, length, n_words=7):
    """A loss that adds up a number of each request, place and word."""
    g = torch.Generator().manual_seed(seed)
    table = torch.randn(n, length, n_words, generator=g)

    def loss(prompts):
        picked = table.expand(*prompts.shape[:-2], -1, -1, -1).gather(-1, prompts[..., None])
        return picked[..., 0].sum(-1)

    return loss, table


def by_hand(table, prompts, suffixes, places):
    out = []
    for suffix in suffixes.tolist():
        total = 0.0
        for i, prompt in enumerate(prompts.tolist()):
            filled = list(prompt)
            filled[places] = suffix
            total += sum(table[i, p, w].item() for p, w in enumerate(filled))
        out.append(total / len(prompts))
    return torch.tensor(out)


@universal_loss.check
def one_suffix_in_one_request(fn):
    loss, table = worth(0, 1, 3)
    prompts, suffixes = torch.tensor([[4, 5, 6]]), torch.tensor([[2]])
    want = table[0, 0, 4] + table[0, 1, 2] + table[0, 2, 6]
    expect(fn(loss, prompts, suffixes, slice(1, 2)), want[None])


@universal_loss.check
def several_suffixes_in_several_requests(fn):
    for seed, (n, c) in enumerate(((2, 3), (5, 2), (3, 3), (4, 1))):
        loss, table = worth(seed, n, 5)
        g = torch.Generator().manual_seed(seed)
        prompts = torch.randint(7, (n, 5), generator=g)
        suffixes = torch.randint(7, (c, 2), generator=g)
        for places in (slice(2, 4), slice(0, 2)):
            want = by_hand(table, prompts, suffixes, places)
            expect(fn(loss, prompts, suffixes, places), want, tol=1e-4)


@universal_loss.check
def the_prompts_stay_as_they_are(fn):
    loss, _ = worth(9, 2, 4)
    prompts = torch.zeros(2, 4).long()
    fn(loss, prompts, torch.ones(3, 2).long(), slice(1, 3))
    require(bool((prompts == 0).all()), torch.zeros(2, 4).long(), prompts)


def _filled(prompts, suffixes, places):
    filled = prompts.repeat(len(suffixes), 1, 1)
    filled[:, :, places] = suffixes[:, None]
    return filled


@universal_loss.mistake("averaged over the suffixes: one number a request comes out")
def _(loss, prompts, suffixes, places):
    return loss(_filled(prompts, suffixes, places)).mean(0)


@universal_loss.mistake("the sum over requests, not the mean")
def _(loss, prompts, suffixes, places):
    return loss(_filled(prompts, suffixes, places)).sum(1)


@universal_loss.mistake("averaged over everything: one number, whatever the suffix")
def _(loss, prompts, suffixes, places):
    return loss(_filled(prompts, suffixes, places)).mean()


@universal_loss.mistake("the worst request, not the mean of all")
def _(loss, prompts, suffixes, places):
    return loss(_filled(prompts, suffixes, places)).max(1).values


@universal_loss.mistake("the suffixes are not put in")
def _(loss, prompts, suffixes, places):
    return loss(prompts.repeat(len(suffixes), 1, 1)).mean(1)


@universal_loss.mistake("the suffix stands at the end of the prompt, wherever `places` are")
def _(loss, prompts, suffixes, places):
    m = suffixes.shape[1]
    return loss(_filled(prompts, suffixes, slice(prompts.shape[1] - m, None))).mean(1)


@universal_loss.mistake("the dimension is added at the wrong end: suffix i goes into request i")
def _(loss, prompts, suffixes, places):
    filled = prompts.repeat(len(suffixes), 1, 1)
    filled[:, :, places] = suffixes[None]
    return loss(filled).mean(1)


@universal_loss.mistake("the prompts given are changed: clone or repeat them first")
def _(loss, prompts, suffixes, places):
    out = []
    for suffix in suffixes:
        prompts[:, places] = suffix
        out.append(loss(prompts[None])[0].mean())
    return torch.stack(out)


@universal_loss.right("by a loop over suffixes")
def _(loss, prompts, suffixes, places):
    out = []
    for suffix in suffixes:
        filled = prompts.clone()
        filled[:, places] = suffix
        out.append(loss(filled[None])[0].mean())
    return torch.stack(out)


@universal_loss.right("by concatenation")
def _(loss, prompts, suffixes, places):
    c, n = len(suffixes), len(prompts)
    start, stop, _ = places.indices(prompts.shape[1])
    middle = suffixes[:, None].expand(c, n, -1)
    parts = [prompts[:, :start].expand(c, -1, -1), middle, prompts[:, stop:].expand(c, -1, -1)]
    return loss(torch.cat(parts, 2)).sum(1) / n
