"""How `critique_and_revise` is judged: checks, mistakes, right answers."""

import torch

from lessons.ai_feedback.exercises import critique_and_revise
from utils.grading import expect, require


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Recorded:
    """A critic that objects to phrase `which` and a reviser that writes it plus ten; it notes."""

    def __init__(self):
        self.criticized, self.revised = [], []

    def critique(self, replies, which):
        self.criticized.append((replies.clone(), which.clone()))
        return replies == which[:, None]

    def revise(self, replies, which):
        self.revised.append((replies.clone(), which.clone()))
        return (which[:, None] + 10).expand(replies.shape).clone()


def run(fn, replies, weights, rounds, seed=0):
    parts = Recorded()
    out = fn(replies, parts.critique, parts.revise, weights, rounds, generator(seed))
    return out, parts


def random_replies(n, length=4, phrases=3, seed=1):
    return torch.randint(phrases, (n, length), generator=generator(seed))


@critique_and_revise.check
def no_rounds_give_the_replies_alone(fn):
    replies = random_replies(2)
    expect(run(fn, replies, torch.ones(3), 0)[0], replies[None])


@critique_and_revise.check
def one_principle_replaces_what_it_objects_to_and_that_alone(fn):
    replies = torch.tensor([[0, 1, 2], [0, 0, 1]])
    out = run(fn, replies, torch.tensor([1.0]), 1)[0]
    expect(out, torch.stack([replies, torch.tensor([[10, 1, 2], [10, 10, 1]])]))


@critique_and_revise.check
def every_round_starts_from_the_revision_before(fn):
    replies = torch.tensor([[0]])
    calls = []

    def critique(replies, which):
        calls.append(replies.clone())
        return torch.ones_like(replies, dtype=torch.bool)

    out = fn(replies, critique, lambda r, which: r + 1, torch.ones(2), 3, generator())
    expect(out, torch.tensor([[[0]], [[1]], [[2]], [[3]]]))


@critique_and_revise.check
def it_returns_each_revision_in_order(fn):
    replies = random_replies(5)
    out, parts = run(fn, replies, torch.ones(3), 4)
    require(
        torch.is_tensor(out) and out.shape == (5, 5, 4), "a tensor (rounds + 1, n, length)", out
    )
    for before, (seen, which), after in zip(out, parts.criticized, out[1:], strict=False):
        expect(seen, before)
        expect(after, torch.where(before == which[:, None], which[:, None] + 10, before))


@critique_and_revise.check
def critic_and_reviser_hear_of_the_same_principles(fn):
    parts = run(fn, random_replies(6), torch.ones(3), 3)[1]
    for (_, one), (_, other) in zip(parts.criticized, parts.revised, strict=True):
        expect(other, one)


@critique_and_revise.check
def each_reply_draws_its_own_and_each_round_anew(fn):
    parts = run(fn, random_replies(400), torch.ones(3), 2)[1]
    first, second = (which for _, which in parts.criticized)
    shares = first.bincount(minlength=3) / 400
    require(bool((shares > 0.2).all()), "each of three principles for about a third", shares)
    same = (first == second).double().mean().item()
    require(0.2 < same < 0.5, "the same principle again for about a third of the replies", same)


@critique_and_revise.check
def principles_are_drawn_as_often_as_their_weights_say(fn):
    parts = run(fn, random_replies(3000), torch.tensor([0.0, 3.0, 1.0]), 1)[1]
    shares = parts.criticized[0][1].bincount(minlength=3) / 3000
    near = bool((shares - torch.tensor([0.0, 0.75, 0.25])).abs().max() < 0.04)
    require(near, "shares of 0, 3/4 and 1/4, to 0.04", shares)


@critique_and_revise.check
def the_replies_given_stay_as_they_are(fn):
    replies = random_replies(8)
    before = replies.clone()
    run(fn, replies, torch.ones(3), 2)
    expect(replies, before)


@critique_and_revise.check
def principles_are_drawn_by_the_generator_given(fn):
    found = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found.append(run(fn, random_replies(50), torch.ones(3), 2)[0])
    require(torch.equal(*found), "the same draws again from an equal generator", found)


def draw(weights, n, generator):
    return torch.multinomial(weights, n, True, generator=generator)


@critique_and_revise.mistake("every round revises the first reply: revisions do not build up")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = draw(weights, len(replies), generator)
        out.append(torch.where(critique(replies, which), revise(replies, which), replies))
    return torch.stack(out)


@critique_and_revise.mistake("the whole reply is rewritten, not only what was objected to")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = draw(weights, len(replies), generator)
        critique(out[-1], which)
        out.append(revise(out[-1], which))
    return torch.stack(out)


@critique_and_revise.mistake("what was objected to is kept, and the rest is replaced")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = draw(weights, len(replies), generator)
        out.append(torch.where(critique(out[-1], which), out[-1], revise(out[-1], which)))
    return torch.stack(out)


@critique_and_revise.mistake("one principle is drawn for all replies of a round")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = draw(weights, 1, generator).expand(len(replies))
        out.append(torch.where(critique(out[-1], which), revise(out[-1], which), out[-1]))
    return torch.stack(out)


@critique_and_revise.mistake("principles are drawn once, before the rounds, and stay the same")
def _(replies, critique, revise, weights, rounds, generator):
    out, which = [replies], draw(weights, len(replies), generator)
    for _ in range(rounds):
        out.append(torch.where(critique(out[-1], which), revise(out[-1], which), out[-1]))
    return torch.stack(out)


@critique_and_revise.mistake("the weights are ignored: each principle is drawn as often")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = torch.randint(len(weights), (len(replies),), generator=generator)
        out.append(torch.where(critique(out[-1], which), revise(out[-1], which), out[-1]))
    return torch.stack(out)


@critique_and_revise.mistake("the reviser is given other principles than the critic")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        one, other = (draw(weights, len(replies), generator) for _ in range(2))
        out.append(torch.where(critique(out[-1], one), revise(out[-1], other), out[-1]))
    return torch.stack(out)


@critique_and_revise.mistake("the generator is not used: what is drawn cannot be repeated")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = torch.multinomial(weights, len(replies), True)
        out.append(torch.where(critique(out[-1], which), revise(out[-1], which), out[-1]))
    return torch.stack(out)


@critique_and_revise.mistake("only the last revision is returned")
def _(replies, critique, revise, weights, rounds, generator):
    for _ in range(rounds):
        which = draw(weights, len(replies), generator)
        replies = torch.where(critique(replies, which), revise(replies, which), replies)
    return replies


@critique_and_revise.mistake("the replies given are written over, so that revision 0 is lost")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    for _ in range(rounds):
        which = draw(weights, len(replies), generator)
        flagged, proposed = critique(replies, which), revise(replies, which)
        replies[flagged] = proposed[flagged]
        out.append(replies)
    return torch.stack(out)


@critique_and_revise.right("by indexing with the critique, on a copy")
def _(replies, critique, revise, weights, rounds, generator):
    out = torch.empty((rounds + 1, *replies.shape), dtype=replies.dtype)
    out[0] = replies
    for i in range(rounds):
        latest = out[i].clone()
        which = torch.multinomial(weights.double(), len(latest), True, generator=generator)
        flagged, proposed = critique(latest, which), revise(latest, which)
        latest[flagged] = proposed[flagged]
        out[i + 1] = latest
    return out


@critique_and_revise.right("reply by reply in a loop, principles by the inverse of their sums")
def _(replies, critique, revise, weights, rounds, generator):
    out = [replies]
    ends = (weights / weights.sum()).cumsum(0)
    for _ in range(rounds):
        u = torch.rand(len(replies), generator=generator).to(ends.dtype)
        which = torch.searchsorted(ends, u, right=True).clamp(max=len(weights) - 1)
        flagged, proposed = critique(out[-1], which), revise(out[-1], which)
        rows = [
            [p if f else r for p, f, r in zip(*row, strict=True)]
            for row in zip(proposed.tolist(), flagged.tolist(), out[-1].tolist(), strict=True)
        ]
        out.append(torch.tensor(rows))
    return torch.stack(out)
