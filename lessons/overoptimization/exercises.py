"""What the learner writes in the overoptimization lesson (Gao, Schulman & Hilton 2022)."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="the simplest optimizer there is: draw n, keep the one the proxy likes best",
    why="A row per group turns a choice within groups into one argmax. Only the order of rewards "
    "counts, so stretching the proxy would change no choice.",
    given="blanks",
    hints=[
        "Give each group a row of its own: a matrix of rewards, (n_groups, n).",
        "argmax along the row says where in its group the winner stands.",
        "Group g begins at sample g · n of the whole tensor.",
    ],
)
def best_of_n(samples: Tensor, proxy_reward: Tensor, n: int) -> Tensor:
    """Of every n consecutive samples, the one with the highest proxy reward (Stiennon et al. 2020).

    samples: (n_samples, ...), any dtype. proxy_reward: (n_samples,), one for each. Samples that do
    not fill a last group of n are left out. Returns (n_samples // n, ...), in the groups' order.
    """
    n_groups = len(samples) // n
    rewards = proxy_reward[: n_groups * n].reshape(n_groups, n)  # blank: a row per group
    winner = rewards.argmax(1)  # blank: its place in each row, 0 to n − 1
    index = torch.arange(n_groups) * n + winner  # blank: its place among all samples
    return samples[index]  # blank: the winners themselves


@exercise(
    difficulty=3,
    minutes=15,
    teaches="how far best-of-n goes from where it started, without knowing anything else",
    why="The choice looks at ranks alone, so answers may be replaced by their quantiles: ∫ p log p "
    "with p = n uⁿ⁻¹ is log n + (n − 1) ∫ n uⁿ⁻¹ log u, and that last integral is −1/n.",
    hints=[
        "Give every sample its quantile u under the proxy: uniform on [0, 1] at the start.",
        "The best of n has quantile u with density p(u) = n uⁿ⁻¹.",
        "KL = ∫ p log p du, and ∫ n uⁿ⁻¹ log u du = −1/n.",
    ],
)
def best_of_n_kl(n: Tensor) -> Tensor:
    """KL(best-of-n ‖ start) in nats, where no two samples have the same proxy reward.

    KL(p ‖ q) is the mean of log p/q over draws from p; here p is what best-of-n writes. It depends
    on n alone (Stiennon et al. 2020). n: (...), whole numbers from 1, of any dtype.
    Returns (...): float32 where n is integer, else of n's dtype; right to 1e-4 nats.
    """
    return torch.log(n) - (n - 1) / n


@exercise(
    difficulty=3,
    minutes=25,
    teaches="one pool of samples serves every n, exactly, without resampling",
    why="The i-th from below wins where it is drawn and the other n − 1 come from the i − 1 below "
    "it; the logarithms keep numbers of draws that no float holds.",
    hints=[
        "Sort the pool by proxy. With which probability is the i-th from below the best of n?",
        "Then the other n − 1 come from the i − 1 below it: C(i − 1, n − 1) of C(N, n) choices.",
        "log C(a, b) = lgamma(a + 1) − lgamma(b + 1) − lgamma(a − b + 1), in float64; "
        "softmax over i does the dividing.",
    ],
)
def expected_best_of_n(gold: Tensor, proxy: Tensor, n: int) -> Tensor:
    """Mean gold of the proxy's best of n drawn from a pool without replacement, over all draws.

    The unbiased estimate of best-of-n's gold (Nakano et al. 2021), exact for the pool.
    gold, proxy: (N,), no two proxies alike. n: 1 to N; N and n may be thousands. Returns a scalar
    float64 tensor, right to 1e-5.
    """
    ranked = gold[proxy.argsort()].double()
    below = torch.arange(n - 1, len(gold), dtype=torch.float64)  # how many rank below it
    # log C(below, n − 1), but for the terms that are the same for all
    log_ways = torch.lgamma(below + 1) - torch.lgamma(below - n + 2)
    return log_ways.softmax(0) @ ranked[n - 1 :]


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a law that looks curved is linear in its coefficients",
    why="α and β only multiply known columns, d and −d²: one linear least-squares problem. With no "
    "column of ones R(0) stays 0.",
    hints=[
        "αd − βd²: two columns, d and −d², and one least-squares problem.",
        "torch.linalg.lstsq(columns, reward[:, None]).solution",
    ],
)
def fit_bon_law(d: Tensor, reward: Tensor) -> Tensor:
    """Least-squares α, β of R_bon(d) = d (α − β d) (Gao et al. 2022, Sec. 1): no constant.

    d: (n,), square roots of KL in nats, 0 allowed. reward: (n,), above the start's. Every point
    weighs the same. Returns a tensor (2,) of reward's dtype: α, β, right to 1e-4.
    """
    columns = torch.stack([d, -(d**2)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@exercise(
    difficulty=2,
    minutes=10,
    teaches="the law that the paper finds for RL, and its limit at zero",
    why="Again α and β multiply known columns. d log d goes to 0 with d, so the start adds a row "
    "of zeros, which changes nothing.",
    given="page",
    hints=[
        "The columns are d and −d log d.",
        "d log d has the limit 0 at d = 0, but 0 · log 0 is NaN: torch.xlogy(d, d).",
    ],
)
def fit_rl_law(d: Tensor, reward: Tensor) -> Tensor:
    """Least-squares α, β of R_RL(d) = d (α − β log d) (Gao et al. 2022, Sec. 1); R(0) = 0.

    d: (n,), square roots of KL in nats, 0 allowed; natural logarithm. reward: (n,), above the
    start's. Every point weighs the same. Returns a tensor (2,) of reward's dtype: α, β, right to
    1e-4.
    """
    columns = torch.stack([d, -torch.xlogy(d, d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what several judges know together: where they disagree, be careful",
    why="Where comparisons decide, the judges agree and little is taken off. Where they leave the "
    "reward open, each fills it in its own way, and minimum and variance show it.",
    hints=[
        "The judges are along dimension 0: every reduction goes over it.",
        "The worst case is the lowest reward that any of them gives.",
        "The variance is the mean squared distance from their mean: one judge alone has 0.",
    ],
)
def ensemble_reward(rewards: Tensor, how: str, weight: float = 1.0) -> Tensor:
    """One reward from several reward models (Coste et al. 2023).

    rewards: (n_models, ...). how: "mean"; "worst" (the lowest of all); or "uncertainty", the mean
    less weight times the variance between models (dividing by n_models). Another `how` raises
    ValueError. Returns (...), of the same dtype.
    """
    if how == "mean":
        return rewards.mean(0)
    if how == "worst":
        return rewards.amin(0)
    if how == "uncertainty":
        return rewards.mean(0) - weight * rewards.var(0, correction=0)
    raise ValueError(f'how is "mean", "worst" or "uncertainty", not {how!r}')
