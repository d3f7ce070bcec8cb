"""What is trained and measured in the world of digits: a person, her assistants, and what they see.

A person is a reader, too: a network that sees less of an image, or saw fewer of them.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.amplification.readers import readers, shuffled
from utils.notebook import generator

TOP, BOTTOM = torch.arange(16), torch.arange(48, 64)  # the pixels of two rows each
LEFT = torch.tensor([8 * row + column for row in range(8) for column in range(4)])
PAGE = 16  # answers on a page


class Halves(NamedTuple):
    """Log-probabilities of the ten digits, (test, 10), by who looks; the truth; the prior."""

    human: Tensor
    model: Tensor
    expert: Tensor
    truth: Tensor
    prior: Tensor


def halves(seed: int) -> Halves:
    """The person sees the top two rows, the model the bottom two, the expert everything."""
    x, y = shuffled(seed)
    said = []
    for i, pixels in enumerate((TOP, BOTTOM, torch.arange(64))):
        seen = x[None, :, pixels]
        read = readers(seen[:, :1000], y[None, :1000], seed + i)
        said.append(read(seen[:, 1000:])[0].log_softmax(-1))
    prior = torch.bincount(y[:1000], minlength=10) / 1000
    return Halves(*said, y[1000:], prior.log())


class Pages(NamedTuple):
    """Answers on pages, (pages, items): which are flawed, what is seen, and scores of doubt."""

    flaws: Tensor  # wrong answers
    seen: Tensor  # wrong answers that the person notices if she looks closely
    scores: dict[str, Tensor]  # by who points: the higher, the more doubtful


def pages(seed: int, planted: bool = False, policies: int = 4) -> Pages:
    """Pages of a policy's answers, and three ways to choose what a person looks at.

    The policies learned from 60 images each, the critics from 200 others. The person's close look
    is a reader of whole images, her glance one of their top two rows; both learned from 300 others.
    planted: all answers are right but one a page: the likeliest wrong digit, as a fourth reader
    has it, of the image that is most easily mistaken.
    """
    (x, y), g = shuffled(seed), generator(seed)
    n = (len(y) - 1000) // PAGE * PAGE
    test, truth = x[None, 1000 : 1000 + n], y[1000 : 1000 + n]
    own = torch.stack([torch.randperm(300, generator=g)[:60] for _ in range(policies)])
    other = torch.stack([300 + torch.randperm(400, generator=g)[:200] for _ in range(policies)])
    policy = readers(x[own], y[own], seed + 3)(test)
    critic = readers(x[other], y[other], seed + 4)(test)
    look = readers(x[None, 700:1000], y[None, 700:1000], seed + 5)(test)
    glance = readers(x[None, 700:1000, TOP], y[None, 700:1000], seed + 6)(test[..., TOP])
    said = policy.argmax(-1)
    if planted:
        forger = readers(x[None, :300], y[None, :300], seed + 7)(test)[0].softmax(-1)
        chance, digit = forger.scatter(1, truth[:, None], 0.0).max(-1)
        at = chance.view(-1, PAGE).argmax(1) + PAGE * torch.arange(n // PAGE)
        said = truth.index_put((at,), digit[at]).expand(policies, -1)

    def paged(values: Tensor) -> Tensor:
        return values.expand(policies, -1).reshape(-1, PAGE)

    def doubt(scores: Tensor) -> Tensor:
        scores = scores.expand(policies, -1, -1)
        return paged(-scores.log_softmax(-1).gather(-1, said[..., None])[..., 0])

    flaws = said != truth
    pointing = {"a critic": critic, "the policy itself": policy, "her own glance": glance}
    scores = {who: doubt(s) for who, s in pointing.items()}
    return Pages(paged(flaws), paged(flaws & (look.argmax(-1) != said)), scores)


class Shared(NamedTuple):
    """Assistants by what they share with the policy: one number each."""

    accuracy: float
    correlation: float  # of the two indicators of error
    caught: float  # of the policy's errors, those with another answer
    alarms: float  # of the policy's right answers, those with another answer
    knows: float  # of the policy's errors, those on which the assistant is right


def _shared(policy: Tensor, assistant: Tensor, truth: Tensor) -> Shared:
    """Means over pairs of a policy and its assistant. Answers: (pairs, test)."""
    p, a = (policy != truth).double(), (assistant != truth).double()
    differ = (policy != assistant).double()
    pairs = zip(p, a, strict=True)
    each = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs])
    caught, alarms = ((differ * of).sum() / of.sum() for of in (p, 1 - p))
    knows = ((1 - a) * p).sum() / p.sum()
    return Shared(*(v.item() for v in (1 - a.mean(), each.mean(), caught, alarms, knows)))


def assistants(seed: int, shares: tuple[float, ...], pairs: int = 20) -> list[Shared]:
    """Policies that learned from 60 images, and assistants that learned from a share of the same.

    The rest of an assistant's 60 images are others. Each begins with weights of its own.
    """
    if not shares or min(shares) < 0 or max(shares) > 1:
        raise ValueError(f"at least one share, each from 0 to 1, not {shares}")
    (x, y), g = shuffled(seed), generator(seed)
    images = torch.stack([torch.randperm(1200, generator=g) for _ in range(pairs)])
    test, truth = x[None, 1200:], y[1200:]
    policy = readers(x[images[:, :60]], y[images[:, :60]], seed + 10)(test).argmax(-1)
    found = []
    for share in shares:
        k = round(60 * share)
        own = torch.cat([images[:, :k], images[:, 60 : 120 - k]], 1)
        said = readers(x[own], y[own], seed + 11)(test).argmax(-1)
        found.append(_shared(policy, said, truth))
    return found


def capable(seed: int, sizes: tuple[int, ...], pairs: int = 8) -> list[Shared]:
    """Pairs that learned from the same number of images, no image in common."""
    if not sizes or min(sizes) < 1 or max(sizes) > 600:
        raise ValueError(
            f"at least one size, each from 1 to 600, so that none is shared, not {sizes}"
        )
    (x, y), g = shuffled(seed), generator(seed)
    images = torch.stack([torch.randperm(1200, generator=g) for _ in range(pairs)])
    test, truth = x[None, 1200:], y[1200:]
    found = []
    for size in sizes:
        own, other = images[:, :size], images[:, 600 : 600 + size]
        said = [
            readers(x[of], y[of], seed + 20 + i)(test).argmax(-1)
            for i, of in enumerate((own, other))
        ]
        found.append(_shared(*said, truth))
    return found


class Spliced(NamedTuple):
    """How well spliced pictures are told from whole ones, by who asks what; and a few pictures."""

    auroc: dict[str, float]
    pictures: Tensor  # (4, 8, 8): two whole ones, two spliced
    whole: Tensor  # (4,)
    digits: Tensor  # (4, 2): those of the left and of the right half


def spliced(seed: int) -> Spliced:
    """Left and right halves of two images: of the same digit ("whole") or of two ("spliced").

    Three ways of asking: one checker sees both halves; two see a half each and say whether the
    picture is whole; two see a half each and say which digit it is, so that a person can compare.
    """
    (x, y), g = shuffled(seed), generator(seed)
    right = LEFT + 4

    def draw(rows: slice, n: int) -> tuple[Tensor, Tensor, Tensor]:
        x_of, y_of = x[rows], y[rows]
        a, b = torch.randint(len(y_of), (2, 7 * n), generator=g)
        same = y_of[a] == y_of[b]
        kept = torch.cat([same.nonzero()[: n // 2, 0], (~same).nonzero()[: n // 2, 0]])
        halves = torch.cat([x_of[a][:, LEFT], x_of[b][:, right]], 1)
        return halves[kept], same[kept].long(), torch.stack([y_of[a], y_of[b]], 1)[kept]

    pairs, labels, _ = draw(slice(1200), 2400)
    tests, truth, of = draw(slice(1200, None), 800)
    sees = {"both halves": slice(64), "left": slice(32), "right": slice(32, 64)}
    verdict = {}
    for i, (who, part) in enumerate(sees.items()):
        read = readers(pairs[None, :, part], labels[None], seed + 30 + i, width=64, answers=2)
        yes = read(tests[None, :, part])[0]
        verdict[who] = yes[:, 1] - yes[:, 0]
    digit = []
    for i, (pixels, part) in enumerate(((LEFT, slice(32)), (right, slice(32, 64)))):
        read = readers(x[None, :1200, pixels], y[None, :1200], seed + 33 + i)
        digit.append(read(tests[None, :, part])[0].argmax(-1))
    scores = {
        "sees both halves": verdict["both halves"],
        "each half: which digit?": (digit[0] == digit[1]).double(),
        "each half: is it whole?": verdict["left"] + verdict["right"],
    }
    shown = torch.cat([truth.nonzero()[:2, 0], (1 - truth).nonzero()[:2, 0]])
    pictures = torch.cat(
        [tests[shown].view(-1, 2, 8, 4)[:, 0], tests[shown].view(-1, 2, 8, 4)[:, 1]], -1
    )
    found = {k: auroc(v, truth) for k, v in scores.items()}
    return Spliced(found, pictures, truth[shown], of[shown])


def auroc(scores: Tensor, truth: Tensor) -> float:
    """The chance that a row with truth 1 scores higher than one with truth 0; ties count half."""
    gap = scores[truth == 1][:, None] - scores[truth == 0]
    return ((gap > 0).double() + 0.5 * (gap == 0).double()).mean().item()


class Judges(NamedTuple):
    """Accuracies by how many glimpses they cost, (orders,); the first entry is one answer."""

    critiques: list[float]
    votes: list[float]
    pooled: list[float]
    in_dispute: tuple[float, float]  # where one of two answers is right: a critic, a new answer
    reachable: float  # questions on which at least one of the two first answers is right


def judges(seed: int, pixels: int = 10, trials: int = 6) -> Judges:
    """Readers who glimpse `pixels` random pixels each, and what critiques of critiques make of it.

    Order 1: two answer; a critic, with a glimpse of her own, picks the answer that she holds to be
    likelier. Order k: two critics of order k − 1 on the same two answers; where they disagree, one
    more judge picks between them by her own glimpse. 3, 5, 7 glimpses, against votes of as many.
    """
    (x, y), g = shuffled(seed), generator(seed)

    def glimpse(images: Tensor, times: int) -> Tensor:
        chosen = torch.rand(times, len(images), 64, generator=g).argsort(2) < pixels
        return torch.cat([images * chosen, chosen.float()], 2)

    seen = glimpse(x[:1200], 4).flatten(0, 1)[None]
    read = readers(seen, y[:1200].repeat(4)[None], seed, steps=250, width=64)
    test, truth = x[1200:], y[1200:]
    said = read(glimpse(test, 7 * trials).flatten(0, 1)[None])[0].log_softmax(-1)
    said = said.view(7, trials, len(test), 10)
    best = said.argmax(-1)

    def picks(who: int, a: Tensor, b: Tensor) -> Tensor:
        of_a, of_b = (said[who].gather(-1, v[..., None])[..., 0] for v in (a, b))
        return torch.where(of_a >= of_b, a, b)

    first, second = best[0], best[1]
    one = [picks(i, first, second) for i in (2, 3)]  # critiques of order 1
    two = [picks(i, *one) for i in (4, 5)]
    three = picks(6, *two)

    def right(answers: Tensor) -> float:
        return (answers == truth).double().mean().item()

    def vote(k: int) -> Tensor:
        counts = F.one_hot(best[:k], 10).sum(0)
        return (counts + torch.rand(counts.shape, generator=g) / 2).argmax(-1)  # ties by lot

    costs = (1, 3, 5, 7)
    dispute = (first == truth) != (second == truth)
    return Judges(
        [right(v) for v in (first, one[0], two[0], three)],
        [right(vote(k)) for k in costs],
        [right(said[:k].sum(0).argmax(-1)) for k in costs],
        tuple((v == truth)[dispute].double().mean().item() for v in (one[0], best[2])),
        ((first == truth) | (second == truth)).double().mean().item(),
    )
