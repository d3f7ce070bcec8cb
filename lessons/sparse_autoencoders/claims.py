"""The findings that this lesson looks for, each measured over ten seeds."""

import math

from torch import Tensor

from lessons.sparse_autoencoders.autoencoders import objective
from lessons.sparse_autoencoders.digits import (
    LABELS,
    STRENGTHS,
    by_components,
    digit_answers,
    digit_sae,
    digit_world,
    loss_recovered,
    probe_row,
    single_unit_accuracy,
    steering_curves,
)
from lessons.sparse_autoencoders.exercises import mean_max_cosine_similarity
from lessons.sparse_autoencoders.experiments import (
    ACTIVE,
    SIZES,
    baseline_directions,
    dead_and_alive,
    explained_at,
    family_sae,
    fronts,
    members_found,
    recovery_grid,
    toy_activations,
    toy_answers,
    toy_saes,
    true_dictionary,
)
from lessons.sparse_autoencoders.measures import Score, one_to_one, score
from utils.claims import Finding, claim


def nearest(front: list[Score], l0: float) -> Score:
    """The autoencoder of a front whose L0 is nearest, in ratio."""
    return min(front, key=lambda s: abs(math.log(s.l0 / l0)) if s.l0 > 0 else math.inf)


def share_of_one(answers: Tensor) -> float:
    """Of the units that answer anything, the share that answers one thing."""
    return (answers[answers > 0] == 1).float().mean().item()


@claim(
    "A neuron answers several features, a latent one",
    source="Bricken et al. 2023, summary",
    paper="neurons are polysemantic, most features of the dictionary monosemantic",
    bound="over half of the neurons answer several features, over half of live latents just one",
)
def latents_answer_one_feature(seed: int) -> Finding:
    answers = toy_answers(seed)
    ones = share_of_one(answers["latents"])
    return Finding(
        100 * ones, "% of latents answer one", ones > 0.5 > share_of_one(answers["neurons"])
    )


@claim(
    "The same for the digits that a unit of the digit network answers",
    source="same section",
    paper="features are more monosemantic than neurons",
    bound="live latents answer fewer digits on average than neurons do",
)
def latents_answer_fewer_digits(seed: int) -> Finding:
    mean = {k: a[a > 0].float().mean() for k, a in digit_answers(seed).items()}
    return Finding(mean["latents"] / mean["neurons"], "of the neurons' number",
                   mean["latents"] < mean["neurons"])  # fmt: skip


@claim(
    "And fewer than random directions that fire as rarely",
    source="our control; none in the paper",
    paper="not compared: a threshold alone makes any direction more selective",
    bound="live latents answer fewer digits on average than random units of the same firing rate",
)
def latents_answer_fewer_digits_than_random_units(seed: int) -> Finding:
    mean = {k: a[a > 0].float().mean() for k, a in digit_answers(seed).items()}
    return Finding(mean["latents"] / mean["random units"], "of the random units' number",
                   mean["latents"] < mean["random units"])  # fmt: skip


@claim(
    "The true dictionary is recovered, feature by feature",
    source="Sharkey et al. 2022, summary",
    paper="an autoencoder with an L1 penalty recovers the ground-truth features",
    bound="90 % of features have a latent of their own at cos > 0.9, and MMCS beats each baseline",
)
def dictionary_is_recovered(seed: int) -> Finding:
    true, learned = true_dictionary(seed), toy_saes(seed, "L1", 128)[0.3].W_dec
    found = (one_to_one(learned, true) > 0.9).float().mean()
    rivals = [mean_max_cosine_similarity(d, true) for d in baseline_directions(seed).values()]
    beats = mean_max_cosine_similarity(learned, true) > max(rivals)
    return Finding(100 * found, "% of features found", found >= 0.9 and beats)


@claim(
    "Recovery wants a penalty neither too small nor too large",
    source="Sharkey et al. 2022, sweep over the L1 coefficient",
    paper="as reported in the course's sources: best in a middle range",
    bound="the best MMCS has 64 latents or more, and at that size both ends of λ score lower",
)
def recovery_has_a_middle(seed: int) -> Finding:
    grid = recovery_grid(seed)
    row, column = divmod(int(grid.argmax()), grid.shape[1])
    middle = 0 < column < grid.shape[1] - 1
    return Finding(grid.max(), "best MMCS", SIZES[row] >= 64 and middle)


def _front_claim(seed: int, kind: str, rivals: tuple[str, ...], slack: float = 0.0) -> Finding:
    at = {k: explained_at(fronts(seed)[k], ACTIVE) for k in (kind, *rivals)}
    lead = at[kind] - max(at[k] for k in rivals)
    return Finding(100 * lead, "points of variance ahead", lead > -slack)


@claim(
    "Gated beats L1 on the front of L0 against reconstruction",
    source="Rajamanoharan et al. 2024a, abstract",
    paper="a Pareto improvement over prevailing methods",
    bound="explains more variance at L0 = 1.92, the number of features present",
)
def gated_beats_l1(seed: int) -> Finding:
    return _front_claim(seed, "gated", ("L1",))


@claim(
    "TopK beats L1",
    source="Gao et al. 2024, Fig. 2",
    paper="at a fixed number of latents a better trade-off than ReLU",
    bound="explains more variance at L0 = 1.92",
)
def topk_beats_l1(seed: int) -> Finding:
    return _front_claim(seed, "TopK", ("L1",))


@claim(
    "JumpReLU matches or beats gated and TopK",
    source="Rajamanoharan et al. 2024b, abstract",
    paper="state-of-the-art fidelity at a given sparsity, compared with gated and TopK",
    bound="explains at least as much variance at L0 = 1.92 as both, to half a point",
)
def jumprelu_is_at_the_front(seed: int) -> Finding:
    return _front_claim(seed, "JumpReLU", ("gated", "TopK"), slack=0.005)


@claim(
    "The L1 penalty shrinks what is reconstructed; the other three are free of it",
    source="Rajamanoharan et al. 2024a, section on shrinkage; 2024b and Gao et al. 2024",
    paper="L1 underestimates activations; gated solves it, TopK and JumpReLU need no L1",
    bound="nearest to L0 = 1.92: γ below 0.95 for L1, within 0.05 of 1 for the three",
)
def only_l1_shrinks(seed: int) -> Finding:
    bias = {kind: nearest(front, ACTIVE).bias for kind, front in fronts(seed).items()}
    l1 = bias.pop("L1")
    return Finding(l1, "γ of L1", l1 < 0.95 and all(abs(b - 1) < 0.05 for b in bias.values()))


@claim(
    "Resampling leaves fewer dead latents and a lower loss",
    source="Bricken et al. 2023, appendix on neuron resampling",
    paper="more features and a lower total loss",
    bound="toy model, L1 at a high learning rate: fewer dead, and a lower loss on fresh samples",
)
def resampling_helps_l1(seed: int) -> Finding:
    fresh = toy_activations(true_dictionary(seed), 16384, seed + 7000)
    with_, without = (dead_and_alive(seed, n, "L1", 0.6, 0.03) for n in (4, 0))
    fewer = score(without, fresh).dead - score(with_, fresh).dead
    lower = objective("L1", with_, fresh, 0.6) < objective("L1", without, fresh, 0.6)
    return Finding(fewer, "of 64 fewer dead", fewer > 0 and lower)


@claim(
    "With TopK too, and more of the truth is found",
    source="same section, carried over to TopK; Gao et al. 2024 use an auxiliary loss instead",
    paper="about TopK nothing; resampling finds more features and lowers the loss",
    bound="ours: fewer dead, and more of the 64 features with a latent of their own at cos > 0.9",
)
def resampling_helps_topk(seed: int) -> Finding:
    true = true_dictionary(seed)
    fresh = toy_activations(true, 16384, seed + 7000)
    with_, without = (dead_and_alive(seed, n, "TopK", 2, 0.01) for n in (4, 0))
    fewer = score(without, fresh).dead - score(with_, fresh).dead
    more, less = ((one_to_one(s.W_dec, true) > 0.9).sum() for s in (with_, without))
    return Finding(more - less, "of 64 features more", fewer > 0 and more > less)


@claim(
    "On the digit network as well",
    source="same section",
    paper="more features and a lower total loss",
    bound="128 latents, L1: fewer dead on the training images, and a lower loss there",
)
def resampling_helps_on_digits(seed: int) -> Finding:
    x = digit_world(seed).hidden
    with_, without = digit_sae(seed), digit_sae(seed, resamplings=0)
    fewer = score(without, x).dead - score(with_, x).dead
    lower = objective("L1", with_, x, 0.1) < objective("L1", without, x, 0.1)
    return Finding(fewer, "of 128 fewer dead", fewer > 0 and lower)


@claim(
    "Features split as the dictionary grows",
    source="Bricken et al. 2023, section on feature splitting",
    paper="a feature of a small dictionary becomes several of a larger one",
    bound="at cos > 0.95, one latent each: 8 latents find all 8 parents, 64 over 16 children of 32",
)
def features_split(seed: int) -> Finding:
    parents, _ = members_found(seed, family_sae(seed, 8))
    _, kids = members_found(seed, family_sae(seed, 64))
    return Finding(kids, "of 32 children found", parents == 8 and kids > 16)


@claim(
    "Most of what the network computes comes through the dictionary, but not all",
    source='Bricken et al. 2023, "How much of the model does our interpretation explain?"',
    paper="79 % of the loss recovered by 8 times as many features as neurons",
    bound="between half of the loss and all of it, with 128 latents for 32 neurons",
)
def most_of_the_loss_is_recovered(seed: int) -> Finding:
    world = digit_world(seed)
    share = loss_recovered(world, digit_sae(seed)(world.test_hidden)[0])
    return Finding(100 * share, "% of the loss recovered", 0.5 < share < 1)


@claim(
    "And more than through as many principal components",
    source="our control; none in the paper",
    paper="zeroed neurons may be an especially bad baseline",
    bound="recovers more than as many components as latents are active on average",
)
def latents_recover_more_than_components(seed: int) -> Finding:
    world = digit_world(seed)
    x_hat, latents = digit_sae(seed)(world.test_hidden)
    n = round((latents > 0).sum(-1).float().mean().item())
    lead = loss_recovered(world, x_hat) - loss_recovered(world, by_components(world, n))
    return Finding(100 * lead, "points ahead", lead > 0)


@claim(
    "A larger dictionary recovers more",
    source="same section",
    paper="more with more features or a weaker penalty: 94.5 % with 256 times the neurons",
    bound="128 latents recover more than 32 at the same penalty",
)
def a_larger_dictionary_recovers_more(seed: int) -> Finding:
    world = digit_world(seed)
    x_hats = (digit_sae(seed, n)(world.test_hidden)[0] for n in (32, 128))
    small, large = (loss_recovered(world, x_hat) for x_hat in x_hats)
    return Finding(100 * (large - small), "points more", large > small)


@claim(
    "Adding a latent's direction makes the network name its digit more often than controls do",
    source="Bricken et al. 2023 and Templeton et al. 2024 on steering",
    paper="turning a feature up changes the output as its meaning predicts",
    bound="at one mean length, at least twice as often as another latent, and as a random "
    "direction judged by the latent's digit or by its own",
)
def steering_works_as_predicted(seed: int) -> Finding:
    at = {name: curve[STRENGTHS.index(1.0)] for name, curve in steering_curves(seed).items()}
    controls = ("random direction", "random unit", "another latent")
    holds = at["latent"] >= 2 * max(at[name] for name in controls)
    return Finding(100 * at["latent"], "% moved to the predicted digit", holds)


@claim(
    "Directions made with labels steer better than the average latent",
    source="Wu et al. 2025 (AxBench), title and abstract",
    paper="SAEs are not competitive in steering; prompting is best, then fine-tuning",
    bound="the difference of class means succeeds more often at every strength above 0",
)
def difference_of_means_steers_better(seed: int) -> Finding:
    curves = steering_curves(seed)
    pairs = list(zip(curves["difference of means"], curves["latent"], strict=True))[1:]
    lead = sum(a - b for a, b in pairs) / len(pairs)
    return Finding(100 * lead, "points more", all(a > b for a, b in pairs))


@claim(
    "A latent chosen for what it does steers far better than the average one",
    source="Arad, Mueller & Belinkov 2025, abstract",
    paper="2 to 3 times better with selected features, competitive with supervised methods",
    bound="at one mean length, each digit's best latent in training: at least twice as often",
)
def chosen_latents_steer_better(seed: int) -> Finding:
    at = {name: curve[STRENGTHS.index(1.0)] for name, curve in steering_curves(seed).items()}
    ratio = at["chosen latent"] / at["latent"]
    return Finding(ratio, "times as often", ratio >= 2)


@claim(
    "A difference of means tells a digit better than the best single latent",
    source="Wu et al. 2025 (AxBench), abstract",
    paper="best at detecting concepts, among others; SAEs are not competitive",
    bound="higher mean balanced accuracy over ten digits, each with its best threshold",
)
def difference_of_means_detects_better(seed: int) -> Finding:
    means, latents = (single_unit_accuracy(seed, k) for k in ("difference of means", "latents"))
    return Finding(100 * (means - latents), "points ahead", means > latents)


@claim(
    "A probe on raw activations is no worse than a linear one on latents",
    source="Kantamneni et al. 2025, abstract",
    paper="SAEs do not consistently improve on baselines in probing",
    bound="the better of logistic regression and nearest neighbors, on average over three concepts "
    "and 30, 100, 300 labels, is at least as good",
)
def raw_probe_is_no_worse(seed: int) -> Finding:
    raw = max(sum(probe_row(seed, name)) for name in ("activations", "neighbors"))
    lead = (raw - sum(probe_row(seed, "latents"))) / len(LABELS)
    return Finding(100 * lead, "points ahead", lead >= 0)


@claim(
    "Latents are no better for a linear probe than random units that fire as rarely",
    source="our control",
    paper="not compared: any wide layer of ReLUs makes a linear probe stronger",
    bound="mean accuracy on random units at least that on latents",
)
def random_units_probe_is_no_worse(seed: int) -> Finding:
    rows = (probe_row(seed, name) for name in ("random units", "latents"))
    random, latents = (sum(row) / len(LABELS) for row in rows)
    lead = random - latents
    return Finding(100 * lead, "points ahead", lead >= 0)


@claim(
    "The best single latent tells a digit better than the best single neuron",
    source="Gao et al. 2024, probe loss; after Gurnee et al. 2023",
    paper="single latents recover hypothesized features",
    bound="higher mean balanced accuracy over ten digits, than neurons and than random units",
)
def single_latents_beat_single_neurons(seed: int) -> Finding:
    latents, *rivals = (
        single_unit_accuracy(seed, name) for name in ("latents", "activations", "random units")
    )
    lead = latents - max(rivals)
    return Finding(100 * lead, "points ahead of the better rival", lead > 0)
