"""The small world of the lessons on preferences: sequences, a gold reward, a policy, its judges.

A `World` writes demonstrations and holds the gold reward. The learner's pipeline sees that reward
only through `preference_pairs`: which of two sequences somebody preferred.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

from utils import progress


def too_much_of_a_good_thing(z: Tensor) -> Tensor:
    """Good up to a point: 0 at z = 0, highest (1) at z = 1, back towards 0 beyond it."""
    return (z * torch.exp(1 - z)) ** 3


def the_more_the_better(z: Tensor) -> Tensor:
    """Good without end: each further one is worth as much as the first."""
    return z


class World:
    """Sequences of tokens 0 … n_tokens − 1, all of one length, and what they are worth.

    seed: of the Markov chain that writes demonstrations. gold_seed: of the gold reward; another
    seed gives another reward of the same family. appetite: what the n-th copy of a token is worth.
    """

    def __init__(
        self,
        seed: int = 0,
        n_tokens: int = 8,
        length: int = 12,
        gold_seed: int | None = None,
        appetite: Callable[[Tensor], Tensor] = too_much_of_a_good_thing,
    ):
        self.n_tokens, self.length, self.appetite = n_tokens, length, appetite
        g = torch.Generator().manual_seed(seed)
        self.transition = torch.randn(n_tokens + 1, n_tokens, generator=g).softmax(-1)
        sample = self.demonstrations(4000, g)
        g = torch.Generator().manual_seed(1000 + (seed if gold_seed is None else gold_seed))
        # The best count of each token, about 1.1 to 1.9 times its even share of the sequence.
        best = 1.6 + 1.2 * torch.rand(n_tokens, generator=g)
        self.best_count = best * length / n_tokens / 1.5
        self.weight = 0.7 + 0.6 * torch.rand(n_tokens, generator=g)
        if appetite is the_more_the_better:  # counts add up to the length: only differences matter
            self.weight = torch.randn(n_tokens, generator=g)
        self.bigram = 0.15 * torch.randn(n_tokens, n_tokens, generator=g)
        worth = self._worth(sample)
        self.mean, self.sd = worth.mean(), worth.std()

    def _worth(self, tokens: Tensor) -> Tensor:
        counts = F.one_hot(tokens, self.n_tokens).sum(-2)
        taste = (self.weight * self.appetite(counts / self.best_count)).sum(-1)
        return taste + self.bigram[tokens[..., :-1], tokens[..., 1:]].sum(-1)

    def gold(self, tokens: Tensor) -> Tensor:
        """The true reward, in standard deviations over demonstrations, whose mean is 0.

        tokens: (..., length), int64. Returns (...,).
        """
        return (self._worth(tokens) - self.mean) / self.sd

    def demonstrations(self, n: int, generator: torch.Generator) -> Tensor:
        """n sequences of a Markov chain, whose last row of `transition` starts it: (n, length)."""
        tokens = [torch.full((n,), self.n_tokens)]
        for _ in range(self.length):
            tokens.append(_draw(self.transition[tokens[-1]], generator))
        return torch.stack(tokens[1:], 1)

    def all_sequences(self) -> Tensor:
        """Every sequence of a small world, in order: (n_tokens ** length, length)."""
        if self.n_tokens**self.length > 100_000:
            raise ValueError(f"{self.n_tokens}^{self.length} sequences are too many to list")
        return torch.cartesian_prod(*[torch.arange(self.n_tokens)] * self.length).reshape(
            -1, self.length
        )


def _draw(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """One index per row of (n, n_tokens) probabilities, by inverting their cumulative sum."""
    u = torch.rand(len(probabilities), 1, generator=generator)
    index = (probabilities.cumsum(-1) < u).sum(-1)
    return index.clamp(max=probabilities.shape[-1] - 1)  # rounding may leave the sum below 1


class Policy(nn.Module):
    """An autoregressive language model in small: a GRU that predicts each token from those before.

    seed decides its weights. A token `n_tokens`, which no sequence has, starts it.
    """

    def __init__(
        self, n_tokens: int = 8, length: int = 12, seed: int = 0, embedding: int = 32,
        hidden: int = 64,
    ):  # fmt: skip
        super().__init__()
        self.n_tokens, self.length = n_tokens, length
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(n_tokens + 1, embedding)
            self.gru = nn.GRU(embedding, hidden, batch_first=True)
            self.out = nn.Linear(hidden, n_tokens)

    def logits(self, tokens: Tensor) -> Tensor:
        """What it expects at each place, given the tokens before it.

        tokens: (batch, length). Returns (batch, length, n_tokens); [:, t] is for tokens[:, t].
        """
        start = torch.full((len(tokens), 1), self.n_tokens)
        before = torch.cat([start, tokens[:, :-1]], 1)
        return self.out(self.gru(self.embedding(before))[0])

    def token_logprobs(self, tokens: Tensor) -> Tensor:
        """Log-probability in nats of each token given those before it. (batch, length), twice."""
        return -F.cross_entropy(self.logits(tokens).transpose(1, 2), tokens, reduction="none")

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n sequences, each token drawn from its own distribution: (n, length)."""
        last, tokens = torch.full((n,), self.n_tokens), []
        state = self.out.weight.new_zeros(n, self.gru.hidden_size)
        for _ in range(self.length):
            # One step of self.gru, whose own call costs more than the step where n is small.
            state = torch.gru_cell(self.embedding(last), state, *self.gru.all_weights[0])
            last = _draw(self.out(state).softmax(-1), generator)
            tokens.append(last)
        return torch.stack(tokens, 1)


class Policies:
    """Copies of one policy that train side by side, which is cheaper than one after another.

    Every weight has a first dimension that says whose it is. So a sum of losses, each of one
    policy, sends to each the gradient that it would get alone.
    """

    def __init__(self, policy: Policy, n: int):
        self.alike = policy
        self.weights = {
            name: value.detach().repeat(n, *[1] * value.dim()).requires_grad_()
            for name, value in policy.named_parameters()
        }

    def parameters(self) -> list[Tensor]:
        """What an optimizer trains: all of them."""
        return list(self.weights.values())

    def __getitem__(self, i: int) -> Policy:
        """The i-th as it is now, as a policy of its own."""
        one = copy.deepcopy(self.alike).requires_grad_(False)
        one.load_state_dict({name: value[i] for name, value in self.weights.items()})
        return one

    def token_logprobs(self, tokens: Tensor) -> Tensor:
        """Policy.token_logprobs, each policy of its own tokens: (policies, batch, length), twice.

        A GRU written out: torch's own has no dimension for policies.
        """
        w, (n, batch, _) = self.weights, tokens.shape
        given = _affine(w["embedding.weight"], w["gru.weight_ih_l0"], w["gru.bias_ih_l0"])
        r_weight, z_weight, new_weight = w["gru.weight_hh_l0"].mT.chunk(3, -1)
        r_bias, z_bias, new_bias = w["gru.bias_hh_l0"][:, None].chunk(3, -1)

        def step(state: Tensor, r: Tensor, z: Tensor, new: Tensor) -> Tensor:
            r = torch.baddbmm(r, state, r_weight).sigmoid()
            z = torch.baddbmm(z, state, z_weight).sigmoid()
            new = (new + r * torch.baddbmm(new_bias, state, new_weight)).tanh()
            return new + z * (state - new)

        r, z, new = given.chunk(3, -1)  # what each token gives to each gate
        gates = (r + r_bias, z + z_bias, new)
        state = step(given.new_zeros(n, 1, new.shape[-1]), *(x[:, -1:] for x in gates))
        states = [state.expand(n, batch, -1)]  # after the start it is the same for all
        seen = F.one_hot(tokens[..., :-1].mT, self.alike.n_tokens + 1).to(given)
        looked_up = (seen.flatten(1, 2) @ x for x in gates)
        places = (x.unflatten(1, (-1, batch)).unbind(1) for x in looked_up)
        for place in zip(*places, strict=True):
            states.append(step(states[-1], *place))
        logits = _affine(torch.cat(states, 1), w["out.weight"], w["out.bias"])
        logprobs = logits.log_softmax(-1).unflatten(1, (-1, batch)).transpose(1, 2)
        return logprobs.gather(-1, tokens[..., None])[..., 0]


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """F.linear, each policy by its own weight and bias. x: (policies, rows, inputs)."""
    return torch.baddbmm(bias[:, None], x, weight.mT)


def sft(
    policy: Policy, demonstrations: Tensor, generator: torch.Generator, steps: int = 200,
    batch: int = 256, lr: float = 5e-3,
) -> list[float]:  # fmt: skip
    """Supervised fine-tuning: imitate demonstrations, in place. Loss per step, nats per token."""
    adam = torch.optim.Adam(policy.parameters(), lr=lr)
    schedule = CosineAnnealingLR(adam, steps)
    losses = []
    for _ in progress.track(range(steps), "SFT"):
        rows = torch.randint(len(demonstrations), (batch,), generator=generator)
        loss = -policy.token_logprobs(demonstrations[rows]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def preference_probability(world: World, first: Tensor, second: Tensor) -> Tensor:
    """How probably somebody prefers the first: σ(2 · difference in gold). (..., length) → (...,)"""
    return torch.sigmoid(2 * (world.gold(first) - world.gold(second)))


def preference_pairs(
    world: World, first: Tensor, second: Tensor, generator: torch.Generator, flip_rate: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Ask which of each two is better. Returns (chosen, rejected), each (n, length).

    first, second: (n, length). A label is flipped with probability flip_rate after it is drawn.
    """
    u, v = torch.rand(2, len(first), generator=generator)
    likes_first = (u < preference_probability(world, first, second)) != (v < flip_rate)
    likes_first = likes_first[:, None]
    return torch.where(likes_first, first, second), torch.where(likes_first, second, first)


class RewardModel(nn.Module):
    """A score for a whole sequence, from its one-hot tokens, place by place.

    width: hidden units of its one layer; 0 makes it linear. seed decides its weights.
    """

    def __init__(self, width: int, n_tokens: int = 8, length: int = 12, seed: int = 0):
        super().__init__()
        self.n_tokens = n_tokens
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inputs = n_tokens * length
            hidden = [nn.Linear(inputs, width), nn.ReLU()] if width else []
            self.layers = nn.Sequential(*hidden, nn.Linear(width or inputs, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens: (batch, length). Returns (batch,): a reward, up to a constant."""
        return self.layers(F.one_hot(tokens, self.n_tokens).flatten(1).float())[:, 0]


def train_reward_model(
    model: nn.Module, chosen: Tensor, rejected: Tensor, generator: torch.Generator,
    steps: int = 400, batch: int = 256, lr: float = 3e-3, weight_decay: float = 0.01,
) -> list[float]:  # fmt: skip
    """Fit comparisons by maximum likelihood (Bradley & Terry), in place. Loss per step, in nats."""
    adam = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = CosineAnnealingLR(adam, steps)
    losses = []
    for _ in range(steps):
        rows = torch.randint(len(chosen), (batch,), generator=generator)
        better, worse = model(torch.cat([chosen[rows], rejected[rows]])).chunk(2)
        loss = -F.logsigmoid(better - worse).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        losses.append(loss.item())
    return losses
