"""What the RLHF lesson trains and measures (Christiano 2017; Schulman 2017; Ouyang 2022)."""

import copy
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

import utils
from lessons.rlhf.exercises import (
    generalized_advantages,
    kl_estimates,
    kl_penalized_reward,
    ppo_clipped_loss,
    sequence_logprobs,
)
from utils import progress
from utils.worlds.preferences import (
    Policies,
    Policy,
    RewardModel,
    World,
    preference_pairs,
    sft,
    train_reward_model,
)

SIZE = {"embedding": 16, "hidden": 32}  # of the policy
BETA = 0.2  # the penalty of the main run
BETAS = (0.1, 0.2, 0.4, 0.8, 1.6)  # of the sweep in the small world
BUDGETS = (125, 250, 500, 1000, 2000, 4000)  # comparisons bought, for the reward model's accuracy


def centered(model: nn.Module, samples: Tensor) -> Callable[[Tensor], Tensor]:
    """The reward model, shifted so that these samples score 0 on average."""
    with torch.no_grad():
        mean = model(samples).mean()
    return lambda tokens: model(tokens) - mean


class Critic(nn.Module):
    """Predicts what is still to come, before each token, from a sum of vectors: one for each
    token that stands there already, another vector at each place."""

    def __init__(self, n_tokens: int, length: int, seed: int, hidden: int = 32):
        super().__init__()
        self.first = n_tokens * torch.arange(length)  # row of token 0 at each place
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vectors = nn.Embedding(n_tokens * length, hidden)
            self.start = nn.Parameter(torch.randn(length, hidden))
        self.out = nn.Linear(hidden, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def values(self, tokens: Tensor) -> Tensor:
        """(batch, length); [:, t] knows the tokens before t, not token t itself."""
        read = self.vectors(self.first + tokens).cumsum(1)
        before = torch.cat([torch.zeros_like(read[:, :1]), read[:, :-1]], 1)
        return self.out((before + self.start).tanh())[..., 0]


@torch.no_grad()
def collect(
    policy: Policy, critic: Critic, reference: Policy, reward: Callable, beta: float,
    generator: torch.Generator,
) -> dict[str, Tensor]:  # fmt: skip
    """Let the policy write 256 sequences, and work out what PPO needs to know about them."""
    tokens = policy.sample(256, generator)
    logprobs, ref_logprobs = policy.token_logprobs(tokens), reference.token_logprobs(tokens)
    score, values = reward(tokens), critic.values(tokens)
    rewards = kl_penalized_reward(score, logprobs, ref_logprobs, beta)
    advantages = generalized_advantages(rewards, values, gamma=1.0, lam=0.95)
    k1, _, _ = kl_estimates(logprobs.sum(-1), ref_logprobs.sum(-1))
    returns = advantages + values  # what the critic should have said
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    return {
        "tokens": tokens, "logprobs": logprobs, "advantages": advantages, "returns": returns,
        "score": score.mean(), "kl": k1.mean(),
    }  # fmt: skip


def improve(
    policy: Policy, critic: Critic, adam: torch.optim.Adam, batch: dict[str, Tensor], clip: float
) -> None:
    """Four steps on one batch: the policy by PPO's loss, the critic by its squared error."""
    for _ in range(4):
        logprobs = policy.token_logprobs(batch["tokens"])
        loss = ppo_clipped_loss(logprobs, batch["logprobs"], batch["advantages"], clip)
        error = (critic.values(batch["tokens"]) - batch["returns"]).pow(2).mean()
        adam.zero_grad()
        (loss + error / 2).backward()
        adam.step()


def ppo(
    reference: Policy, reward: Callable, beta: float, seed: int, steps: int = 50, clip: float = 0.2
) -> tuple[Policy, list[dict[str, Tensor]]]:
    """Train a copy of the reference against a reward. Returns it and the batches it learnt from."""
    policy, generator, batches = copy.deepcopy(reference), utils.generator(seed), []
    critic = Critic(policy.n_tokens, policy.length, seed)
    adam = torch.optim.Adam([*policy.parameters(), *critic.parameters()], lr=5e-3)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), f"PPO, β = {beta}"):
        batch = collect(policy, critic, reference, reward, beta, generator)
        improve(policy, critic, adam, batch, clip)
        schedule.step()
        batches.append(batch)
    return policy, batches


def ppo_side_by_side(
    reference: Policy, reward: Callable, betas: Sequence[float], seed: int, steps: int = 50,
    clip: float = 0.2,
) -> list[Policy]:  # fmt: skip
    """What `ppo` makes at each β, all trained at once: a third of the cost of one by one."""
    learners, generators = Policies(reference, len(betas)), [utils.generator(seed) for _ in betas]
    writers = [copy.deepcopy(reference) for _ in betas]
    for i, writer in enumerate(writers):
        for name, weight in writer.named_parameters():
            weight.data = learners.weights[name].data[i]  # the same memory: it learns along
    critics = [Critic(reference.n_tokens, reference.length, seed) for _ in betas]
    weights = [*learners.parameters(), *(w for critic in critics for w in critic.parameters())]
    adam = torch.optim.Adam(weights, lr=5e-3)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), f"PPO, {len(betas)} policies"):
        batches = [
            collect(writer, critic, reference, reward, beta, generator)
            for writer, critic, beta, generator in zip(
                writers, critics, betas, generators, strict=True
            )
        ]
        tokens, old, advantages = (
            torch.stack([batch[key] for batch in batches])
            for key in ("tokens", "logprobs", "advantages")
        )
        for _ in range(4):
            each = zip(learners.token_logprobs(tokens), old, advantages, strict=True)
            loss = sum(ppo_clipped_loss(*one, clip) for one in each)
            for critic, batch in zip(critics, batches, strict=True):
                error = critic.values(batch["tokens"]) - batch["returns"]
                loss = loss + error.pow(2).mean() / 2
            adam.zero_grad()
            loss.backward()
            adam.step()
        schedule.step()
    return writers


def curve(batches: list[dict[str, Tensor]], key: str) -> Tensor:
    """One number per PPO step: "score" or "kl"."""
    return torch.stack([batch[key] for batch in batches])


def gold_curve(world: World, batches: list[dict[str, Tensor]]) -> Tensor:
    """What the gold reward thinks of each PPO step's samples. PPO itself never sees this."""
    return torch.stack([world.gold(batch["tokens"]).mean() for batch in batches])


def token_k3_sd(policy: Policy, reference: Policy, sequences: Tensor) -> Tensor:
    """Exact standard deviation of k3 taken at each token and added up over the sequence."""
    with torch.no_grad():
        logprobs, ref_logprobs = (p.token_logprobs(sequences).double() for p in (policy, reference))
    k3 = kl_estimates(logprobs, ref_logprobs)[2].sum(-1)
    whole = logprobs.sum(-1)
    return expected(whole, (k3 - expected(whole, k3)) ** 2).sqrt()


@torch.no_grad()
def accuracy(models: list[nn.Module], world: World, first: Tensor, second: Tensor) -> float:
    """How often the models' mean reward orders two sequences as the gold reward does."""
    lead = torch.stack([model(first) - model(second) for model in models]).mean(0)
    return ((lead > 0) == (world.gold(first) > world.gold(second))).float().mean().item()


@cache
def prepared(
    seed: int, n_tokens: int = 8, length: int = 12, pairs: int = 2000
) -> tuple[World, Policy, Callable[[Tensor], Tensor]]:
    """Stages 1 and 2: a world, its SFT policy, and a reward learnt from comparisons."""
    world, generator = World(seed, n_tokens, length), utils.generator(seed)
    policy = Policy(n_tokens, length, seed, **SIZE)
    sft(policy, world.demonstrations(5000, generator), generator)
    first, second = policy.sample(2 * pairs, generator).chunk(2)
    chosen, rejected = preference_pairs(world, first, second, generator)
    model = RewardModel(16, n_tokens, length, seed)
    train_reward_model(model, chosen, rejected, generator)
    return world, policy, centered(model, torch.cat([first, second]))


@cache
def trained(seed: int, beta: float, clip: float = 0.2) -> tuple[Policy, list[dict[str, Tensor]]]:
    """Stage 3 in the main world; three claims look at these runs."""
    _, policy, reward = prepared(seed)
    return ppo(policy, reward, beta, seed, clip=clip)


@torch.no_grad()
def logprobs_of_all(policy: Policy, sequences: Tensor) -> Tensor:
    """The exact log-probability of every sequence, in double precision: (n_sequences,)."""
    mask = torch.ones_like(sequences, dtype=torch.bool)
    return sequence_logprobs(policy.logits(sequences).double(), sequences, mask)


def optimum(ref_logprobs: Tensor, rewards: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """log π* = log π_ref + r/β − log Z for every sequence, and what it reaches: J* = β log Z."""
    unnormalized = ref_logprobs + rewards / beta
    log_z = unnormalized.logsumexp(0)
    return unnormalized - log_z, beta * log_z


def expected(logprobs: Tensor, values: Tensor) -> Tensor:
    """E_π[values], summed over every sequence."""
    return (logprobs.exp() * values).sum()


def exact_kl(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """KL(π ‖ π_ref) in nats, summed over every sequence."""
    return expected(logprobs, logprobs - ref_logprobs)


@cache
def sweep(seed: int) -> tuple[Tensor, Tensor, Tensor, list[Policy], Policy]:
    """PPO at each of BETAS in a world of 4⁶ = 4,096 sequences.

    Returns the sequences, the reference's log-probability and the learnt reward of each, the
    policies that PPO made, and the reference.
    """
    world, reference, reward = prepared(seed, n_tokens=4, length=6)
    sequences = world.all_sequences()
    ref_logprobs = logprobs_of_all(reference, sequences)
    with torch.no_grad():
        rewards = reward(sequences).double()
    rewards = rewards - expected(ref_logprobs, rewards)  # 0 under the reference, exactly
    policies = ppo_side_by_side(reference, reward, BETAS, seed)
    return sequences, ref_logprobs, rewards, policies, reference


def shares_of_optimum(seed: int) -> Tensor:
    """At each β, what PPO gains over the reference as a share of what can be gained: (5,)."""
    sequences, ref_logprobs, rewards, policies, _ = sweep(seed)
    shares = []
    for beta, policy in zip(BETAS, policies, strict=True):
        logprobs = logprobs_of_all(policy, sequences)
        reached = expected(logprobs, rewards) - beta * exact_kl(logprobs, ref_logprobs)
        shares.append(reached / optimum(ref_logprobs, rewards, beta)[1])
    return torch.stack(shares)


def estimator_moments(logprobs: Tensor, ref_logprobs: Tensor) -> tuple[Tensor, Tensor]:
    """Exact mean and standard deviation of k1, k2, k3 for one sampled sequence: (3,) each."""
    k = torch.stack(kl_estimates(logprobs, ref_logprobs))
    mean = expected(logprobs, k[0]), expected(logprobs, k[1]), expected(logprobs, k[2])
    mean = torch.stack(mean)
    variance = (logprobs.exp() * (k - mean[:, None]) ** 2).sum(-1)
    return mean, variance.sqrt()


def train_ensemble(chosen: Tensor, rejected: Tensor, seed: int) -> list[RewardModel]:
    """Three reward models, each from its own start, on its own draw of the same comparisons.

    A draw is as many as there are, with replacement (Christiano et al. 2017, Sec. 2.2.3). The
    three train at once: each weight has a first dimension that says whose it is.
    """
    models, n = [RewardModel(16, seed=10 * seed + k) for k in range(3)], len(chosen)
    generator, n_tokens = utils.generator(seed), models[0].n_tokens
    weights = zip(*(model.parameters() for model in models), strict=True)
    weights = [torch.stack(same).detach().requires_grad_() for same in weights]
    w1, b1, w2, b2 = weights
    adam = torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.01)
    schedule = CosineAnnealingLR(adam, 200)
    draws = torch.randint(n, (3, n), generator=generator)
    seen = [F.one_hot(x, n_tokens).flatten(1).float() for x in (chosen, rejected)]
    for _ in range(200):
        rows = draws.gather(1, torch.randint(n, (3, 128), generator=generator))
        both = torch.cat([x[rows] for x in seen], 1)
        hidden = torch.baddbmm(b1[:, None], both, w1.mT).relu()
        better, worse = torch.baddbmm(b2[:, None], hidden, w2.mT)[..., 0].chunk(2, 1)
        loss = -F.logsigmoid(better - worse).mean(1).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    for k, model in enumerate(models):
        for mine, same in zip(model.parameters(), weights, strict=True):
            mine.data = same.data[k]
    return models


@torch.no_grad()
def disagreement(models: list[nn.Module], first: Tensor, second: Tensor) -> Tensor:
    """How much the models differ on who wins: variance of the predicted probability. (n,)"""
    return torch.stack([torch.sigmoid(m(first) - m(second)) for m in models]).var(0)


@cache
def market(world: World, policy: Policy, seed: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Pairs that the policy writes: to test on, on sale, and the same with (chosen, rejected)."""
    generator = utils.generator(seed)
    test = policy.sample(16000, generator).chunk(2)
    on_sale = policy.sample(32000, generator).chunk(2)
    return test, on_sale, preference_pairs(world, *on_sale, generator)  # asked one by one below


def buy_comparisons(world: World, policy: Policy, seed: int, actively: bool) -> list[float]:
    """Accuracy after each of BUDGETS: new pairs at random, or those most disagreed about."""
    test, (first, second), (chosen, rejected) = market(world, policy, seed)
    waiting, bought = torch.arange(len(first)), torch.tensor([], dtype=torch.long)
    models, found = [], []
    for budget in progress.track(BUDGETS, "actively" if actively else "at random"):
        if actively and models:
            doubt = disagreement(models, first[waiting], second[waiting])
            waiting = waiting[doubt.argsort(descending=True)]
        n = budget - len(bought)
        bought, waiting = torch.cat([bought, waiting[:n]]), waiting[n:]
        models = train_ensemble(chosen[bought], rejected[bought], seed)
        found.append(accuracy(models, world, *test))
    return found
