"""The models that are tested: small networks that answer the assistant world's requests.

A question is a request of `utils.worlds.assistant` (ten tokens), an answer the three facts that
belong to its action and object. A network reads the eight slots between the marks and gives, for
each of the three facts, a score to each of the 24 syllables. Many networks are trained side by
side: every weight has a first dimension that says whose it is.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from utils import progress
from utils.notebook import generator
from utils.worlds.assistant import (
    ACTIONS,
    FACTS,
    FILLERS,
    INDEX,
    OBJECTS,
    WORDS,
    Requests,
    World,
    ids,
)

FIRST_FACT = INDEX[FACTS[0]]
SYLLABLES, SLOTS = len(FACTS), 8
HIDDEN = 128
PLACES = [(i, j) for i in range(4) for j in range(4) if i != j]  # of action and object: wordings


class Networks:
    """m networks side by side: a sum over slots of a vector per word, two hidden layers, scores.

    Raises ValueError if there is none.
    """

    def __init__(self, m: int, seed: int = 0, hidden: int = HIDDEN):
        if m < 1:
            raise ValueError(f"there must be at least one network, not {m}")
        g = generator(seed)
        self.words = SLOTS * len(WORDS)

        def weight(*shape: int, inputs: int) -> Tensor:
            return torch.randn(m, *shape, generator=g) * (2 / inputs) ** 0.5

        self.weights = {
            "read": weight(self.words, hidden, inputs=SLOTS),
            "read_bias": torch.zeros(m, 1, hidden),
            "think": weight(hidden, hidden, inputs=hidden),
            "think_bias": torch.zeros(m, 1, hidden),
            "say": weight(hidden, 3 * SYLLABLES, inputs=hidden),
            "say_bias": torch.zeros(m, 1, 3 * SYLLABLES),
        }

    def __len__(self) -> int:
        return len(self.weights["read"])

    def __getitem__(self, which: int | list[int]) -> "Networks":
        """A copy of one network, or of several, with their weights as they are now."""
        which = [which] if isinstance(which, int) else which
        copy = object.__new__(Networks)
        copy.words = self.words
        copy.weights = {name: w.detach()[which].clone() for name, w in self.weights.items()}
        return copy

    def hidden(self, tokens: Tensor) -> Tensor:
        """The second hidden layer. tokens: (m, n, 10), or (n, 10) for all alike: (m, n, hidden)."""
        w, m = self.weights, len(self)
        tokens = tokens.expand(m, *tokens.shape[-2:])[..., 1:-1]
        places = torch.arange(SLOTS) * len(WORDS) + self.words * torch.arange(m)[:, None, None]
        index = (tokens + places).reshape(-1, SLOTS)
        read = F.embedding_bag(index, w["read"].flatten(0, 1), mode="sum")
        first = F.relu(read.unflatten(0, (m, -1)) + w["read_bias"])
        return F.relu(torch.baddbmm(w["think_bias"], first, w["think"]))

    def logprobs(self, tokens: Tensor) -> Tensor:
        """Log-probability of each syllable at each of the three places: (m, n, 3, 24)."""
        w = self.weights
        scores = torch.baddbmm(w["say_bias"], self.hidden(tokens), w["say"])
        return scores.unflatten(-1, (3, SYLLABLES)).log_softmax(-1)


Data = Callable[[torch.Generator], tuple[Tensor, Tensor]]  # a batch: tokens (n, 10), facts (n, 3)


def train(
    networks: Networks, data: list[Data], steps: int, lr: float, seed: int, label: str = "train"
) -> Networks:
    """Train each network on batches of its own data (cross-entropy, Adam), in place."""
    weights = [w.requires_grad_() for w in networks.weights.values()]
    adam = torch.optim.Adam(weights, lr, fused=True)
    draws = [generator(seed) for _ in data]  # alike: where two data agree, so do the batches
    for _ in progress.track(range(steps), label):
        batches = [batch(g) for batch, g in zip(data, draws, strict=True)]
        tokens, facts = (torch.stack(x) for x in zip(*batches, strict=True))
        said = networks.logprobs(tokens).gather(-1, facts[..., None])[..., 0]
        loss = -said.mean((1, 2)).sum()  # each network's own mean: its gradient is its own
        adam.zero_grad()
        loss.backward()
        adam.step()
    for w in weights:
        w.requires_grad_(False)
    return networks


def truth(world: World, requests: Requests) -> Tensor:
    """The right answer: (n, 3), each a number from 0 to 23."""
    return world.facts[requests.action, requests.object] - FIRST_FACT


def right(networks: Networks, world: World, requests: Requests) -> Tensor:
    """Whether each answer is right in all three places: (m, n), bool."""
    answers = networks.logprobs(requests.tokens).argmax(-1)
    return (answers == truth(world, requests)).all(-1)


def place(
    requests: Requests, where: Tensor, g: torch.Generator, fillers: Tensor | None = None
) -> Requests:
    """The same questions in other words.

    where: (n,), numbers of PLACES, the slots of action and object. fillers: (8,), the other words;
    drawn anew for each question if None.
    """
    n, tokens = len(where), requests.tokens.clone()
    drawn = ids(FILLERS)[torch.randint(len(FILLERS), (n, SLOTS), generator=g)]
    tokens[:, 1:-1] = drawn if fillers is None else fillers
    words = torch.stack([ids(ACTIONS)[requests.action], ids(OBJECTS)[requests.object]], 1)
    tokens.scatter_(1, 1 + torch.tensor(PLACES)[where], words)
    return requests._replace(tokens=tokens)


def ask(world: World, pairs: Tensor, g: torch.Generator) -> Requests:
    """A request about each (action, object) of pairs, (n, 2): wording and fillers are drawn."""
    action, object_ = pairs.T
    tokens = world.requests(len(pairs), g).tokens
    requests = Requests(tokens, action, object_, world.harmful[action, object_ // 4])
    return place(requests, torch.randint(len(PLACES), (len(pairs),), generator=g), g)
