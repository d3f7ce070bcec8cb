"""What the learner writes in the overoptimization lesson (Gao, Schulman & Hilton 2022)."""

import itertools
import math

import torch
from torch import Tensor

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=1,
    minutes=7,
    teaches="the simplest optimizer there is: draw n, keep the one the proxy likes best",
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


@best_of_n.check
def two_samples_one_group(fn):
    expect(fn(torch.tensor([5, 9]), torch.tensor([0.1, 0.2]), 2), torch.tensor([9]))
    expect(fn(torch.tensor([5, 9]), torch.tensor([0.2, 0.1]), 2), torch.tensor([5]))


@best_of_n.check
def best_of_one_is_the_sample_itself(fn):
    samples = torch.tensor([3, 1, 2])
    expect(fn(samples, torch.tensor([-1.0, 5.0, 0.0]), 1), samples.clone())


@best_of_n.check
def rewards_may_be_negative_or_huge(fn):
    samples, reward = torch.tensor([7, 8, 9, 6]), torch.tensor([-3.0, -1.0, -1000.0, -2000.0])
    expect(fn(samples, reward, 2), torch.tensor([8, 9]))
    expect(fn(samples, torch.tensor([1000.0, -math.inf, -5.0, 5.0]), 2), torch.tensor([7, 6]))


@best_of_n.check
def groups_are_consecutive_and_a_rest_is_left_out(fn):
    samples = torch.tensor([10, 11, 12, 13, 14, 15, 16])
    reward = torch.tensor([0.3, 0.1, 0.2, 0.4, 0.6, 0.5, 9.0])
    expect(fn(samples, reward, 3), torch.tensor([10, 14]))
    expect(fn(samples, reward, 2), torch.tensor([10, 13, 14]))


@best_of_n.check
def each_groups_winner_by_hand(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((24,), (24, 5), (24, 3, 2)):
        samples = torch.randint(8, shape, generator=g)
        reward = torch.randn(24, generator=g, dtype=torch.float64)
        for n in (2, 3, 5, 24):
            rows = []
            for start in range(0, 24 - n + 1, n):
                best = start
                for i in range(start, start + n):
                    if reward[i] > reward[best]:
                        best = i
                rows.append(samples[best])
            expect(fn(samples, reward, n), torch.stack(rows))


@best_of_n.check
def samples_keep_their_type(fn):
    got = fn(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0.0, 1.0]), 2)
    kind = got.dtype if torch.is_tensor(got) else type(got)
    require(kind == torch.int64, "a tensor of int64, as the samples are", kind)


@best_of_n.mistake("keeps the worst: argmin for argmax")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    winner = proxy_reward[: k * n].reshape(k, n).argmin(1)
    return samples[torch.arange(k) * n + winner]


@best_of_n.mistake("the winner's place in its group is used as its place among all samples")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    return samples[proxy_reward[: k * n].reshape(k, n).argmax(1)]


@best_of_n.mistake("the best samples of the whole pool, instead of one from each group")
def _(samples, proxy_reward, n):
    return samples[proxy_reward.topk(len(samples) // n).indices]


@best_of_n.mistake("groups of every k-th sample instead of n consecutive ones")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    winner = proxy_reward[: k * n].reshape(n, k).argmax(0)
    return samples[winner * k + torch.arange(k)]


@best_of_n.mistake("the winning rewards are returned, not the samples")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    return proxy_reward[: k * n].reshape(k, n).amax(1)


@best_of_n.mistake("compares absolute values: a very bad sample wins")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    winner = proxy_reward[: k * n].reshape(k, n).abs().argmax(1)
    return samples[torch.arange(k) * n + winner]


@best_of_n.mistake("a last group of fewer than n counts as well")
def _(samples, proxy_reward, n):
    groups = zip(samples.split(n), proxy_reward.split(n), strict=True)
    return torch.stack([s[r.argmax()] for s, r in groups])


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how far best-of-n goes from where it started, without knowing anything else",
    hints=[
        "Give every sample its quantile u under the proxy: uniform on [0, 1] at the start.",
        "The best of n has quantile u with density p(u) = n uⁿ⁻¹.",
        "KL = ∫ p log p du, and ∫ n uⁿ⁻¹ log u du = −1/n.",
    ],
)
def best_of_n_kl(n: Tensor) -> Tensor:
    """KL(best-of-n ‖ start) in nats: log n − (n − 1)/n (Stiennon et al. 2020).

    Exact where no two samples have the same proxy reward, else an upper bound (Beirami et al.
    2024). n: (...), whole numbers from 1, of any dtype. Returns a float tensor (...).
    """
    return torch.log(n) - (n - 1) / n


@best_of_n_kl.check
def best_of_one_goes_nowhere(fn):
    expect(fn(torch.tensor(1.0)), torch.tensor(0.0))


@best_of_n_kl.check
def it_is_the_integral(fn):
    # The proxy's quantile of the best of n has density n uⁿ⁻¹; at the start it is uniform.
    u = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    for n in (2, 3, 10):
        p = n * u ** (n - 1)
        expect(fn(torch.tensor(float(n))), (p * p.log()).mean(), n=n, tol=1e-4)


@best_of_n_kl.check
def many_equal_chances_come_close_from_below(fn):
    # Best of n among 4,000 outcomes of equal chance: the maximum has P(rank ≤ i) = (i / 4000)ⁿ.
    edge = torch.arange(4001, dtype=torch.float64) / 4000
    for n in (2, 16, 64):
        p = edge[1:] ** n - edge[:-1] ** n
        exact = (torch.xlogy(p, p) + p * math.log(4000)).sum().item()
        got = float(fn(torch.tensor(float(n))))
        require(exact <= got + 1e-4 and got - exact < 1e-2, f"just above {exact:.4f}", got, n=n)


@best_of_n_kl.check
def whole_numbers_of_any_size_and_shape(fn):
    n = torch.tensor([[1, 2], [4, 1_000_000]])
    nats = [[math.log(x) - (x - 1) / x for x in row] for row in n.tolist()]
    expect(fn(n), torch.tensor(nats), tol=1e-4)


@best_of_n_kl.mistake("log n alone: what it costs to say which of the n it was, not the KL")
def _(n):
    return torch.log(n)


@best_of_n_kl.mistake("the second term is added instead of subtracted")
def _(n):
    return torch.log(n) + (n - 1) / n


@best_of_n_kl.mistake("measured in bits, where nats were asked for")
def _(n):
    return torch.log2(n) - (n - 1) / n / math.log(2)


@best_of_n_kl.mistake("the other direction, KL(start ‖ best-of-n)")
def _(n):
    return (n - 1) - torch.log(n)


@best_of_n_kl.mistake("log n − 1: true only for large n, and not 0 at n = 1")
def _(n):
    return torch.log(n) - 1


@best_of_n_kl.mistake("the square root was taken already: that is the distance d, not the KL")
def _(n):
    return (torch.log(n) - (n - 1) / n).clamp(min=0).sqrt()


@exercise(
    difficulty=3,
    minutes=15,
    teaches="one pool of samples serves every n, exactly, without resampling",
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
    gold, proxy: (N,), no two proxies alike. n: 1 to N. Returns a scalar float64 tensor.
    """
    ranked = gold[proxy.argsort()].double()
    below = torch.arange(n - 1, len(gold), dtype=torch.float64)  # how many rank below it
    # log C(below, n − 1), but for the terms that are the same for all
    log_ways = torch.lgamma(below + 1) - torch.lgamma(below - n + 2)
    return log_ways.softmax(0) @ ranked[n - 1 :]


@expected_best_of_n.check
def two_samples(fn):
    gold, proxy = torch.tensor([1.0, 4.0]), torch.tensor([0.5, -0.5])
    for n, truth in ((1, 2.5), (2, 1.0)):
        expect(fn(gold, proxy, n), torch.tensor(truth))


@expected_best_of_n.check
def it_is_the_mean_over_every_subset(fn):
    g = torch.Generator().manual_seed(0)
    for size in (3, 5, 8):
        gold, proxy = torch.randn(size, generator=g), torch.randn(size, generator=g)
        for n in range(1, size + 1):
            subsets = list(itertools.combinations(range(size), n))
            best = [gold[max(s, key=lambda i: proxy[i].item())].item() for s in subsets]
            expect(fn(gold, proxy, n), torch.tensor(sum(best) / len(best)))


@expected_best_of_n.check
def the_order_of_the_pool_does_not_matter(fn):
    g = torch.Generator().manual_seed(1)
    gold, proxy = torch.randn(50, generator=g), torch.randn(50, generator=g)
    mixed = torch.randperm(50, generator=g)
    a, b = fn(gold, proxy, 7), fn(gold[mixed], proxy[mixed], 7)
    require(torch.is_tensor(a) and a.shape == (), "a scalar tensor", a)
    expect(b, a, tol=1e-6)


@expected_best_of_n.check
def a_large_pool_has_a_closed_form(fn):
    # Of n whole numbers from 1 … N drawn without replacement the largest is n (N + 1) / (n + 1) on
    # average. With C(N, n) beyond any float, overflow shows here.
    N = 3000
    ranks = torch.arange(1, N + 1, dtype=torch.float64)
    for n in (1, 2, 100, 1000, N):
        truth = torch.tensor(n * (N + 1) / (n + 1), dtype=torch.float64)
        expect(fn(ranks, ranks * 0.01 - 7, n), truth, n=n, tol=1e-6)
        expect(fn(ranks, -ranks, n), N + 1 - truth, n=n, tol=1e-6)


@expected_best_of_n.check
def gold_the_same_everywhere_stays_so(fn):
    for n in (1, 10, 500):
        proxy = torch.randn(1000, generator=torch.Generator().manual_seed(2))
        expect(fn(torch.full((1000,), -3.0), proxy, n), torch.tensor(-3.0))


@expected_best_of_n.mistake("drawn with replacement: the same sample may be drawn twice")
def _(gold, proxy, n):
    edge = torch.arange(len(gold) + 1, dtype=torch.float64) / len(gold)
    return (edge[1:] ** n - edge[:-1] ** n) @ gold[proxy.argsort()].double()


@expected_best_of_n.mistake("sorted by gold: nobody who has only the proxy can choose so")
def _(gold, proxy, n):
    return expected_best_of_n(gold, gold, n)


@expected_best_of_n.mistake("sorted the wrong way round: the worst of n")
def _(gold, proxy, n):
    return expected_best_of_n(gold, -proxy, n)


@expected_best_of_n.mistake("off by one: C(i, n) where C(i − 1, n − 1) belongs")
def _(gold, proxy, n):
    i = torch.arange(n, len(gold) + 1, dtype=torch.float64)
    ways = torch.lgamma(i + 1) - torch.lgamma(i - n + 1)
    return ways.softmax(0) @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake("the binomials overflow: work with their logarithms")
def _(gold, proxy, n):
    i = torch.arange(n, len(gold) + 1, dtype=torch.float64)
    ways = (torch.lgamma(i) - torch.lgamma(i - n + 1)).exp()
    return (ways / ways.sum()) @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake("the mean of the top N / n: all of them count alike")
def _(gold, proxy, n):
    top = max(1, len(gold) // n)
    return gold[proxy.argsort(descending=True)[:top]].double().mean()


@expected_best_of_n.mistake("the pool's proxy is averaged, not its gold")
def _(gold, proxy, n):
    return expected_best_of_n(proxy, proxy, n)


@expected_best_of_n.mistake("the pool was cut into groups of n: one draw of many, a noisy estimate")
def _(gold, proxy, n):
    return best_of_n(gold, proxy, n).double().mean()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a law that looks curved is linear in its coefficients",
    hints=[
        "αd − βd²: two columns, d and −d², and one least-squares problem.",
        "torch.linalg.lstsq(columns, reward[:, None]).solution",
    ],
)
def fit_bon_law(d: Tensor, reward: Tensor) -> Tensor:
    """Least-squares α, β of R_bon(d) = d (α − β d) (Gao et al. 2022, Sec. 1): no constant.

    d: (n,), square roots of KL in nats, 0 allowed. reward: (n,), above the start's. Every point
    weighs the same. Returns a tensor (2,): α, β.
    """
    columns = torch.stack([d, -(d**2)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


def _recovers(fn, law, pairs):
    """Points exactly on the law give its coefficients back, whatever they are."""
    d = torch.tensor([0.2, 0.5, 1.0, 1.5, 2.5, 4.0], dtype=torch.float64)
    for a, b in pairs:
        truth = torch.tensor([a, b], dtype=torch.float64)
        expect(fn(d, law(d, a, b)), truth, tol=1e-4)
        expect(fn(d[3:], law(d[3:], a, b)), truth, tol=1e-4)


def _cannot_be_beaten(fn, law):
    """No coefficients nearby have a smaller sum of squares on noisy points."""
    g = torch.Generator().manual_seed(3)
    d = torch.linspace(0.3, 4, 30, dtype=torch.float64)
    reward = law(d, 1.0, 0.3) + 0.4 * torch.randn(30, generator=g, dtype=torch.float64)

    def cost(a, b):
        return ((law(d, a, b) - reward) ** 2).sum().item()

    found = fn(d, reward)
    shape = tuple(found.shape) if torch.is_tensor(found) else found
    require(shape == (2,), "a tensor of shape (2,)", shape)
    alpha, beta = found.tolist()
    for da, db in itertools.product((-1e-3, 0, 1e-3), repeat=2):
        better = cost(alpha + da, beta + db)
        least = f"the least squares: at most {better:.5f}"
        require(cost(alpha, beta) <= better + 1e-8, least, cost(alpha, beta))


def _zero_changes_nothing(fn, law):
    """A point at d = 0 says nothing about α or β, and must not break the fit."""
    d = torch.tensor([0.0, 0.5, 1.0, 2.0])
    got = fn(d, law(d, 1.2, 0.4).nan_to_num())
    expect(got, torch.tensor([1.2, 0.4]), tol=1e-4)
    noisy = torch.tensor([0.0, 0.7, 0.6, 1.4])
    expect(fn(d, noisy), fn(d[1:], noisy[1:]), tol=1e-4)


def _bon_law(d, a, b):
    return d * (a - b * d)


def _rl_law(d, a, b):
    return d * (a - b * torch.log(d))


@fit_bon_law.check
def bon_two_points_by_hand(fn):
    # α − β = 1 and 2 (α − 2β) = 0 give α = 2, β = 1.
    expect(fn(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])), torch.tensor([2.0, 1.0]))


@fit_bon_law.check
def bon_points_on_the_law_give_it_back(fn):
    _recovers(fn, _bon_law, [(1.0, 0.2), (0.5, -0.3), (-2.0, 1.5), (0.0, 0.7)])


@fit_bon_law.check
def bon_no_other_coefficients_are_closer(fn):
    _cannot_be_beaten(fn, _bon_law)


@fit_bon_law.check
def bon_the_start_changes_nothing(fn):
    _zero_changes_nothing(fn, _bon_law)


@fit_bon_law.mistake("the sign of β: R = d (α + β d) was fitted")
def _(d, reward):
    return fit_bon_law(d, reward) * torch.tensor([1, -1])


@fit_bon_law.mistake("β, α: in the wrong order")
def _(d, reward):
    return fit_bon_law(d, reward).flip(0)


@fit_bon_law.mistake("a constant was fitted too: but R(0) = 0")
def _(d, reward):
    columns = torch.stack([d, -(d**2), torch.ones_like(d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:2, 0]


@fit_bon_law.mistake("d was taken for the KL: its square root was taken once more")
def _(d, reward):
    return fit_bon_law(d.sqrt(), reward)


@fit_bon_law.mistake("R / d was fitted by a line: small distances weigh too much, and 0 / 0 is NaN")
def _(d, reward):
    columns = torch.stack([torch.ones_like(d), -d], 1)
    if (d == 0).any():
        return torch.full((2,), math.nan, dtype=d.dtype)
    return torch.linalg.lstsq(columns, (reward / d)[:, None]).solution[:, 0]


@fit_bon_law.mistake("a straight line: β is not fitted")
def _(d, reward):
    return torch.stack([(d * reward).sum() / (d * d).sum(), torch.zeros_like(d[0])])


@exercise(
    difficulty=2,
    minutes=8,
    teaches="the law that the paper finds for RL, and its limit at zero",
    given="page",
    hints=[
        "The columns are d and −d log d.",
        "d log d has the limit 0 at d = 0, but 0 · log 0 is NaN: torch.xlogy(d, d).",
    ],
)
def fit_rl_law(d: Tensor, reward: Tensor) -> Tensor:
    """Least-squares α, β of R_RL(d) = d (α − β log d) (Gao et al. 2022, Sec. 1); R(0) = 0.

    d: (n,), square roots of KL in nats, 0 allowed; natural logarithm. reward: (n,), above the
    start's. Every point weighs the same. Returns a tensor (2,): α, β.
    """
    columns = torch.stack([d, -torch.xlogy(d, d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_rl_law.check
def rl_two_points_by_hand(fn):
    # At d = 1 the logarithm is 0, so α = 3; at d = e: e (3 − β) = e gives β = 2.
    expect(fn(torch.tensor([1.0, math.e]), torch.tensor([3.0, math.e])), torch.tensor([3.0, 2.0]))


@fit_rl_law.check
def rl_points_on_the_law_give_it_back(fn):
    _recovers(fn, _rl_law, [(1.0, 0.5), (0.4, -0.6), (-1.0, 2.0), (0.0, 0.3)])


@fit_rl_law.check
def rl_no_other_coefficients_are_closer(fn):
    _cannot_be_beaten(fn, _rl_law)


@fit_rl_law.check
def rl_the_start_changes_nothing(fn):
    _zero_changes_nothing(fn, _rl_law)


@fit_rl_law.mistake("0 · log 0 gives NaN")
def _(d, reward):
    if (d == 0).any():
        return torch.full((2,), math.nan, dtype=d.dtype)
    return fit_rl_law(d, reward)


@fit_rl_law.mistake("the sign of β: R = d (α + β log d) was fitted")
def _(d, reward):
    return fit_rl_law(d, reward) * torch.tensor([1, -1])


@fit_rl_law.mistake("the logarithm of the KL, 2 log d: β comes out half")
def _(d, reward):
    return fit_rl_law(d, reward) * torch.tensor([1, 0.5])


@fit_rl_law.mistake("logarithm to base 10")
def _(d, reward):
    return fit_rl_law(d, reward) * torch.tensor([1, math.log(10)])


@fit_rl_law.mistake("the law of best-of-n was fitted")
def _(d, reward):
    return fit_bon_law(d, reward)


@fit_rl_law.mistake("β, α: in the wrong order")
def _(d, reward):
    return fit_rl_law(d, reward).flip(0)


@fit_rl_law.mistake("β log d lacks its factor d: R = α d − β log d")
def _(d, reward):
    columns = torch.stack([d, -torch.log(d.clamp(min=1e-6))], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@exercise(
    difficulty=2,
    minutes=8,
    teaches="what several judges know together: where they disagree, be careful",
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
    ValueError. Returns (...).
    """
    if how == "mean":
        return rewards.mean(0)
    if how == "worst":
        return rewards.amin(0)
    if how == "uncertainty":
        return rewards.mean(0) - weight * rewards.var(0, correction=0)
    raise ValueError(f'how is "mean", "worst" or "uncertainty", not {how!r}')


@ensemble_reward.check
def two_judges_one_answer(fn):
    rewards = torch.tensor([[1.0], [4.0]])
    for how, truth in (("mean", 2.5), ("worst", 1.0), ("uncertainty", 2.5 - 1.5**2)):
        expect(fn(rewards, how), torch.tensor([truth]))


@ensemble_reward.check
def one_judge_alone_is_believed(fn):
    rewards = torch.tensor([[0.5, -2.0, 1000.0]])
    for how in ("mean", "worst", "uncertainty"):
        expect(fn(rewards, how), rewards[0].clone())


@ensemble_reward.check
def each_answer_has_its_own_reward(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((3, 2), (5, 4), (4, 2, 3)):
        rewards = torch.randn(shape, generator=g) * 3
        columns = rewards.reshape(shape[0], -1).T.tolist()
        for weight in (0.0, 0.5, 2.0):
            rows = []
            for column in columns:
                mean = sum(column) / len(column)
                variance = sum((r - mean) ** 2 for r in column) / len(column)
                rows.append((mean, min(column), mean - weight * variance))
            truth = torch.tensor(rows).T.reshape(3, *shape[1:])
            expect(fn(rewards, "mean", weight), truth[0])
            expect(fn(rewards, "worst", weight), truth[1])
            expect(fn(rewards, "uncertainty", weight), truth[2])


@ensemble_reward.check
def what_they_agree_on_is_not_punished(fn):
    rewards = torch.tensor([-4.0, 0.0, 7.0]).expand(6, 3).clone()
    for how in ("mean", "worst", "uncertainty"):
        expect(fn(rewards, how), rewards[0].clone())


@ensemble_reward.check
def a_large_common_reward_hides_no_disagreement(fn):
    # mean(r²) − mean(r)² would lose this variance to rounding.
    rewards = torch.tensor([[2999.5, 3000.0], [3000.5, 3000.0]])
    expect(fn(rewards, "uncertainty", 8.0), torch.tensor([2998.0, 3000.0]), tol=1e-5)


@ensemble_reward.check
def another_word_raises_value_error(fn):
    raised = None
    try:
        fn(torch.ones(2, 3), "median")
    except Exception as error:
        raised = error
    require(isinstance(raised, ValueError), "ValueError", raised, how="median")


@ensemble_reward.mistake("the best case: max for min rewards just what one judge gets wrong")
def _(rewards, how, weight=1.0):
    if how == "worst":
        return rewards.amax(0)
    return ensemble_reward(rewards, how, weight)


@ensemble_reward.mistake("disagreement is rewarded: the variance is added")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards, how, -weight)


@ensemble_reward.mistake("the standard deviation instead of the variance")
def _(rewards, how, weight=1.0):
    if how == "uncertainty":
        return rewards.mean(0) - weight * rewards.std(0, correction=0)
    return ensemble_reward(rewards, how, weight)


@ensemble_reward.mistake("the variance divides by n_models − 1: NaN for a single judge")
def _(rewards, how, weight=1.0):
    k = len(rewards)
    return ensemble_reward(rewards, how, weight * k / (k - 1) if k > 1 else math.nan)


@ensemble_reward.mistake("the weight is ignored")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards, how)


@ensemble_reward.mistake("reduced over the answers instead of the judges")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards.transpose(0, -1), how, weight)


@ensemble_reward.mistake("always the mean: `how` is ignored")
def _(rewards, how, weight=1.0):
    return rewards.mean(0)
