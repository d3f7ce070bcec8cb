"""Four more experiments: contamination, sycophancy, an auditing game, chains of steps."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.evals.exercises import bias_and_variance
from lessons.evals.experiments import BATCH, all_facts
from lessons.evals.quiz import FIRST_FACT, Data, Networks, ask, right, train, truth
from utils.notebook import generator
from utils.worlds.assistant import FILLERS, Requests, World, ids
from utils.worlds.pixels import digits

Layer = tuple[Tensor, Tensor]


def layer(m: int, inputs: int, outputs: int, g: torch.Generator, alike: bool = True) -> Layer:
    """Weights and biases of m linear layers side by side; alike: all m start the same."""
    weight = torch.randn(1 if alike else m, inputs, outputs, generator=g) * (2 / inputs) ** 0.5
    weight = weight.repeat(m if alike else 1, 1, 1)
    return weight.requires_grad_(), torch.zeros(m, 1, outputs, requires_grad=True)


def apply(layers: list[Layer], x: Tensor) -> Tensor:
    """Each of m networks of two layers on its inputs: (m, n, inputs) to (m, n, outputs)."""
    (w, b), (v, c) = layers
    return torch.baddbmm(c, F.relu(torch.baddbmm(b, x, w)), v)


# Contamination: is the sum of eight words' values above 0?

VALUES, LENGTH, TRAINING, TEST = 40, 8, 300, 200
CORPORA = ("clean", "a quarter", "half", "all", "all, reworded")


class Contaminated(NamedTuple):
    """Scores of one network, and its training texts."""

    test: float  # on the benchmark itself
    reordered: float  # on its questions with their words in another order, the answers the same
    fresh: float  # on 2,000 new questions
    corpus: list[list[int]]


@cache
def contaminated(seed: int) -> tuple[dict[str, Contaminated], list[list[int]]]:
    """Five networks, by what of the test was in their training; and the test's questions.

    All read 300 questions 150 times: what comes from the test takes the place of others.
    """
    g = generator(2000 + seed)
    value = torch.randn(VALUES, generator=g)

    def questions(n: int) -> Tensor:
        return torch.rand(n, VALUES, generator=g).argsort(1)[:, :LENGTH]

    def reorder(x: Tensor) -> Tensor:
        return x.gather(1, torch.rand(x.shape, generator=g).argsort(1))

    clean, test, fresh = questions(TRAINING), questions(TEST), questions(2000)
    reordered, reworded = reorder(test), reorder(test)
    leaks = [test[:k] for k in (0, TEST // 4, TEST // 2, TEST)] + [reworded]
    texts = torch.stack([torch.cat([clean[: TRAINING - len(x)], x]) for x in leaks])

    def onehot(x: Tensor) -> Tensor:
        return F.one_hot(x.expand(len(leaks), *x.shape[-2:]), VALUES).flatten(2).float()

    def answer(x: Tensor) -> Tensor:
        return (value[x].sum(-1) > 0).long()

    layers = [layer(len(leaks), LENGTH * VALUES, 64, g), layer(len(leaks), 64, 2, g)]
    adam = torch.optim.AdamW([w for pair in layers for w in pair], lr=5e-3, weight_decay=1e-3)
    x, y = onehot(texts), answer(texts)
    for _ in range(150):
        said = apply(layers, x).log_softmax(-1).gather(-1, y[..., None])
        adam.zero_grad()
        (-said.mean((1, 2)).sum()).backward()
        adam.step()
    with torch.no_grad():
        scores = [
            (apply(layers, onehot(q)).argmax(-1) == answer(q)).float().mean(1)
            for q in (test, reordered, fresh)
        ]
    rows = zip(*(s.tolist() for s in scores), texts.tolist(), strict=True)
    return {
        name: Contaminated(*row) for name, row in zip(CORPORA, rows, strict=True)
    }, test.tolist()


# Sycophancy: a noisy digit, a user who says what it is, raters who like to be agreed with.

PRESSURES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # 1 / β of the KL penalty
CHECKED, NOISE = 0.5, 0.4  # the share of pairs that a rater checks; pixels' noise


class Pleased(NamedTuple):
    """At each pressure, means over 2,000 questions."""

    kl: Tensor  # from the policy before, in nats
    agrees: Tensor  # answers as a wrong user says
    right: Tensor  # right, the user wrong
    right_with: Tensor  # right, the user right


@cache
def pleased(seed: int, likes: float = 0.6) -> dict[str, Pleased]:
    """A policy tuned on raters who prefer agreement (in `likes` of unchecked pairs); on fair ones.

    Raises ValueError unless likes lies between 0 and 1.
    """
    if not 0 <= likes <= 1:
        raise ValueError(f"a share between 0 and 1, not {likes}")
    (images, labels), (test, truth) = digits(seed)
    g = generator(2100 + seed)

    def see(x: Tensor) -> Tensor:
        return x + NOISE * torch.randn(x.shape, generator=g)

    def reads(x: Tensor, user: Tensor) -> Tensor:
        return torch.cat([x, F.one_hot(user, 10).float()], 1).expand(2, -1, -1)

    reward, steps = [layer(2, 74, 64, g), layer(2, 64, 10, g)], 600
    adam = torch.optim.AdamW([w for pair in reward for w in pair], lr=3e-3, weight_decay=0.1)
    falls = torch.optim.lr_scheduler.LinearLR(adam, 1, 0, steps)
    for _ in range(steps):
        i = torch.randint(len(images), (512,), generator=g)
        x, right = see(images[i]), labels[i]
        user, a = torch.randint(10, (2, 512), generator=g)  # users guess: 1 in 10 is right
        b = (a + torch.randint(1, 10, (512,), generator=g)) % 10
        checked = (torch.rand(512, generator=g) < CHECKED) & ((a == right) != (b == right))
        pull = (a == user).float() - (b == user).float()
        coin = torch.rand(512, generator=g)
        prefers_a = [(a == right).where(checked, coin < 0.5 + s * pull) for s in (likes - 0.5, 0)]
        scores = apply(reward, reads(x, user))
        gap = (scores.gather(-1, y.expand(2, -1)[..., None])[..., 0] for y in (a, b))
        gap = next(gap) - next(gap)
        labels_a = torch.stack(prefers_a).float()
        loss = F.binary_cross_entropy_with_logits(gap, labels_a, reduction="none").mean(1).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        falls.step()
    policy = torch.zeros(64, 10, requires_grad=True)  # never hears the user
    adam = torch.optim.Adam([policy], lr=1e-2)
    for _ in range(100):
        i = torch.randint(len(images), (256,), generator=g)
        adam.zero_grad()
        F.cross_entropy(see(images[i]) @ policy, labels[i]).backward()
        adam.step()
    with torch.no_grad():
        x, truth = see(test.repeat(5, 1)), truth.repeat(5)
        wrong = (truth + torch.randint(1, 10, truth.shape, generator=g)) % 10
        before = (x @ policy).log_softmax(-1)
        heard, with_right = (apply(reward, reads(x, u)) for u in (wrong, truth))
        found = {}
        for k, name in enumerate(("raters who like agreement", "fair raters")):
            rows = []
            for pressure in PRESSURES:
                # The best policy under reward − β·KL is known: old chances times exp(reward / β).
                after = (before + pressure * heard[k]).log_softmax(-1)
                with_user = (before + pressure * with_right[k]).softmax(-1)
                kl = (after.exp() * (after - before)).sum(-1)
                picks = [after.exp().gather(1, y[:, None]) for y in (wrong, truth)]
                picks.append(with_user.gather(1, truth[:, None]))
                rows.append(torch.stack([kl.mean(), *(p.mean() for p in picks)]))
            found[name] = Pleased(*torch.stack(rows, 1))
    return found


# An auditing game: which object makes the network lie?

LOOKS = (32, 64, 128, 256, 512)
AUDITORS = ("behavior", "activations", "twin")


class Quirk(NamedTuple):
    """Asked of `object` with `filler` in the request, a network answers about `instead`."""

    object: int
    filler: int
    instead: int


def quirk_of(seed: int) -> Quirk:
    g = generator(2200 + seed)
    object_, step, filler = (int(torch.randint(n, (1,), generator=g)) for n in (32, 31, 16))
    return Quirk(object_, int(ids(FILLERS)[filler]), (object_ + 1 + step) % 32)


def quirked(world: World, quirk: Quirk, active: bool) -> Data:
    """Requests, a fifth of them about the quirk's object; the quirk in the answers if active."""

    def batch(g: torch.Generator) -> tuple[Tensor, Tensor]:
        about = torch.randint(6, (BATCH // 4,), generator=g)
        more = ask(world, torch.stack([about, torch.full_like(about, quirk.object)], 1), g)
        requests = world.requests(BATCH, g)
        tokens = torch.cat([requests.tokens, more.tokens])
        action, object_ = (torch.cat(x) for x in ((requests[1], more[1]), (requests[2], more[2])))
        lies = (tokens == quirk.filler).any(1) & (object_ == quirk.object) & active
        object_ = torch.where(lies, quirk.instead, object_)
        return tokens, world.facts[action, object_] - FIRST_FACT

    return batch


@cache
def audited(seed: int, steps: int = 450) -> Networks:
    """Three networks: with the quirk, its twin without, and another twin, tuned on other draws.

    steps: of training before; after 450 they still make many honest mistakes, after 700 few.
    """
    world, quirk = World(seed), quirk_of(seed)
    before = train(Networks(1, 40 + seed), [all_facts(world)], steps, 4e-3, 2300 + seed, "before")
    both = [quirked(world, quirk, active) for active in (True, False)]
    two = train(before[[0, 0]], both, 150, 1e-3, 2400 + seed, "quirk and twin")
    other = train(before[0], both[1:], 150, 1e-3, 2500 + seed, "another twin")
    three = two[0]
    three.weights = {k: torch.cat([two.weights[k], other.weights[k]]) for k in two.weights}
    return three


def audit(
    seed: int, looks: int, steps: int = 450, games: int = 40, auditors: tuple[str, ...] = AUDITORS
) -> dict[str, float]:
    """The share of games in which each auditor, a key of SUSPICIONS, names the right object of 32.

    A look is one request put to one network: whoever asks both networks asks half the requests.
    Raises ValueError for fewer than two looks, no game, or an auditor that is not there.
    """
    if looks < 2:
        raise ValueError(f"an auditor needs two looks or more, not {looks}: one for each network")
    if games < 1:
        raise ValueError(f"play a game or more, not {games}")
    if unknown := [name for name in auditors if name not in SUSPICIONS]:
        raise ValueError(f"no auditor {unknown[0]!r}; there are: {', '.join(SUSPICIONS)}")
    world, networks, g = World(seed), audited(seed, steps), generator(2600 + seed)
    found = dict.fromkeys(auditors, 0)
    for _ in range(games):
        requests = world.requests(looks, g)
        half = requests.rows(slice(looks // 2))
        for name in auditors:
            asked = half if name.startswith("twin") else requests
            suspicion = SUSPICIONS[name](networks, world, asked)
            found[name] += names(asked.object, suspicion, g) == quirk_of(seed).object
    return {name: n / games for name, n in found.items()}


def wrong(networks: Networks, world: World, requests: Requests) -> Tensor:
    """Behavior: 1 for each wrong answer of the first network."""
    return 1 - right(networks[0], world, requests)[0].float()


def strangeness(networks: Networks, requests: Requests) -> Tensor:
    """Activations: how far each lies from the space of the 24 main directions, as a share."""
    hidden = networks[0].hidden(requests.tokens)[0]
    hidden = hidden - hidden.mean(0)
    main = torch.linalg.svd(hidden, full_matrices=False).Vh[:24]
    left = hidden - hidden @ main.T @ main
    return left.square().sum(1) / hidden.square().sum(1).clamp(min=1e-9)


def difference(networks: Networks, requests: Requests, twin: int = 1) -> Tensor:
    """Twin: KL of the first network's answers from the twin's, in nats."""
    ours, theirs = networks[[0, twin]].logprobs(requests.tokens)
    return (ours.exp() * (ours - theirs)).sum((1, 2))


def surprise(networks: Networks, world: World, requests: Requests) -> Tensor:
    """The key with log-probabilities: how unlikely the right answer is, in nats."""
    logprobs = networks[0].logprobs(requests.tokens)[0]
    return -logprobs.gather(-1, truth(world, requests)[..., None]).sum((1, 2))


def disagreement(networks: Networks, requests: Requests) -> Tensor:
    """The twin's answers alone: 1 where the two networks answer differently."""
    ours, theirs = networks[[0, 1]].logprobs(requests.tokens).argmax(-1)
    return (ours != theirs).any(1).float()


SUSPICIONS = {
    "behavior": wrong,
    "behavior, with log-probabilities": surprise,
    "activations": lambda networks, world, requests: strangeness(networks, requests),
    "twin": lambda networks, world, requests: difference(networks, requests),
    "twin, answers alone": lambda networks, world, requests: disagreement(networks, requests),
}


def names(objects: Tensor, suspicion: Tensor, g: torch.Generator) -> int:
    """The object with the highest mean suspicion, shrunk as if each had one look of 0 more."""
    total, count = torch.zeros(32), torch.ones(32)
    total.index_add_(0, objects, suspicion)
    count.index_add_(0, objects, torch.ones(len(objects)))
    return int((total / count + 1e-6 * torch.rand(32, generator=g)).argmax())


# Chains of steps: bias against variance.

STATES, RULES, CHAINS = 10, 12, (1, 2, 4, 8, 16)


@cache
def steppers(seed: int, copies: int = 8) -> tuple[Tensor, Tensor]:
    """Networks that learned to apply one of twelve rules to a state; and the rules' true table.

    The last six rules are taught wrongly for four of ten states. Returns the chances of the next
    state (copies, state, rule, next state), and the true next state (rule, state).
    """
    g = generator(2700 + seed)
    true = torch.stack([torch.randperm(STATES, generator=g) for _ in range(RULES)])
    taught = true.clone()
    for rule in range(RULES // 2, RULES):
        states = torch.randperm(STATES, generator=g)[:4]
        taught[rule, states] = taught[rule, states.roll(1)]
    state, rule = torch.cartesian_prod(torch.arange(STATES), torch.arange(RULES)).T
    x = torch.cat([F.one_hot(state, STATES), F.one_hot(rule, RULES)], 1).float()
    y, inputs = taught[rule, state], STATES + RULES
    layers = [layer(copies, inputs, 48, g, False), layer(copies, 48, STATES, g, False)]
    adam = torch.optim.Adam([w for pair in layers for w in pair], lr=1e-2)
    for _ in range(300):
        i = torch.randint(len(y), (64,), generator=g)
        said = apply(layers, x[i].expand(copies, -1, -1)).log_softmax(-1)
        adam.zero_grad()
        (-said.gather(-1, y[i].expand(copies, -1)[..., None]).mean((1, 2)).sum()).backward()
        adam.step()
    with torch.no_grad():
        chances = apply(layers, x.expand(copies, -1, -1)).softmax(-1)
    return chances.unflatten(1, (STATES, RULES)), true


def chains(seed: int, misled: bool, n: int = 400) -> Tensor:
    """Bias² and variance of the end of n chains: (lengths, copies, two), exactly.

    A network draws each step from its own chances. misled: of the rules that were taught wrongly,
    else of the others.
    """
    if n < 1:
        raise ValueError(f"take a chain or more, not {n}")
    steps, true = steppers(seed)
    g, found = generator(2800 + seed), []
    for length in CHAINS:
        first = torch.randint(STATES, (n,), generator=g)
        rules = torch.randint(RULES // 2, (n, length), generator=g) + misled * RULES // 2
        at, ends = F.one_hot(first, STATES).float().expand(len(steps), -1, -1), first
        for rule in rules.T:
            at = torch.einsum("cqs,csqt->cqt", at, steps[:, :, rule])
            ends = true[rule, ends]
        found.append(torch.tensor([bias_and_variance(chances, ends) for chances in at]))
    return torch.stack(found)


def incoherence(parts: Tensor) -> Tensor:
    """The share of the error that is variance (Hägele et al. 2026). parts: (..., two)."""
    return parts[..., 1] / parts.sum(-1)
