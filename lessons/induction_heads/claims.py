"""The findings that this lesson looks for, each measured over ten seeds."""

import torch
from torch import Tensor, nn

from lessons.induction_heads.exercises import prefix_matching_score
from lessons.induction_heads.experiments import (
    BURSTS,
    STEPS,
    ablated_score,
    bursty,
    compositions,
    copying,
    costs,
    distances_to_bayes,
    formed_in,
    frozen_score,
    half_right,
    induction_heads,
    matching_by_weights,
    one_layer_twice_as_long,
    previous_token_head,
    smeared,
    steepest_quarter,
    test_sequences,
    train_on_coins,
    trained,
)
from utils.claims import Finding, claim


@claim(
    "A phase change: in-context learning forms while the induction heads do",
    source="Olsson et al. 2022, Argument 1",
    paper="over 75 % of final in-context learning forms in the window in which induction heads do; "
    "for drawn at 2.5 to 5 of 10 billion tokens for small models",
    bound="over 75 % of the final score forms in the quarter of training (100 of 400 steps) in "
    "which prefix matching rises most",
)
def in_context_learning_forms_with_the_heads(seed: int) -> Finding:
    seen = trained(seed)[1]
    share = formed_in(seen, *steepest_quarter(seen))
    return Finding(100 * share, "% of the score", share > 0.75)


@claim(
    "One layer never does it",
    source="Olsson et al. 2022, Argument 1; Elhage et al. 2021",
    paper="one-layer models have no induction heads",
    bound="after twice the steps no prefix matching above 0.25, under half of the repeats right",
)
def one_layer_never_does_it(seed: int) -> Finding:
    last = one_layer_twice_as_long(seed)
    best = last["matching"].max().item()
    return Finding(best, "prefix matching", best < 0.25 and last["accuracy"] < 0.5)


@claim(
    "With smeared keys one layer does it",
    source="Olsson et al. 2022, Argument 2",
    paper="with them in-context learning does form for one-layer models, when it didn't before",
    bound="over half of the repeats right and a head with prefix matching above 1/2, where without "
    "them twice the steps bring neither",
)
def smeared_keys_let_one_layer_do_it(seed: int) -> Finding:
    plain, last = one_layer_twice_as_long(seed), smeared(seed)[1][-1]
    did = [s["accuracy"] > 0.5 and s["matching"].max() > 0.5 for s in (last, plain)]
    return Finding(100 * last["accuracy"], "% of repeats right", did == [True, False])


@claim(
    "With smeared keys two layers do it earlier",
    source="Olsson et al. 2022, Argument 2",
    paper="in-context learning forms earlier for two-layer and larger models",
    bound="half of the repeats right at an earlier step than without them",
)
def smeared_keys_bring_two_layers_earlier(seed: int) -> Finding:
    steps = [half_right(seen) for seen in (trained(seed)[1], smeared(seed, 2)[1])]
    return Finding(earlier(*steps), "steps earlier", steps[1] < steps[0])


@claim(
    "The heads that add to in-context learning are almost all induction heads",
    source="Olsson et al. 2022, Argument 3",
    paper="almost all of it in small attention-only models appears to come from induction heads, "
    "by pattern-preserving ablations; ablating most other heads increases it",
    bound="of all that the heads cost, knocked out one by one with patterns frozen, at least 90 % "
    "is the induction heads' (a cost below zero counts as zero)",
)
def induction_heads_carry_it(seed: int) -> Finding:
    model, seen = trained(seed)
    tokens, heads = test_sequences(seed), induction_heads(seen[-1])
    cost = {head: max(c, 0.0) for head, c in costs(model, tokens, frozen_score).items()}
    share = sum(cost[head] for head in heads) / sum(cost.values())
    return Finding(100 * share, "% of the cost", share >= 0.9)


@claim(
    "As many other heads of the same layer are not needed",
    source="Olsson et al. 2022, Argument 3",
    paper="strong, causal evidence for induction heads in small attention-only models",
    bound="in a layer with two smeared and two plain heads, the two smeared ones cost over half of "
    "the score, the two plain ones under a tenth",
)
def other_heads_of_the_layer_are_not_needed(seed: int) -> Finding:
    model, seen = smeared(seed, heads=2)
    tokens, whole = test_sequences(seed), seen[-1]["score"]
    left, rest = (
        ablated_score(model, [(0, h) for h in heads], tokens) / whole for heads in ((0, 1), (2, 3))
    )
    return Finding(100 * rest, "% left without two others", left < 0.5 and rest > 0.9)


@claim(
    "Induction heads read the previous-token head by K-composition",
    source="Elhage et al. 2021, “Induction Heads”",
    paper="induction heads use K-composition with a previous-token head",
    bound="its K score with the best induction head beats its Q and V and every other head's K",
)
def the_previous_token_head_composes_by_keys(seed: int) -> Finding:
    model, seen = trained(seed)
    heads, before = induction_heads(seen[-1]), previous_token_head(seen[-1])[1]
    score = {kind: table[:, heads[0][1]] for kind, table in compositions(model).items()}
    rivals = torch.cat([score["K"][torch.arange(4) != before], score["Q"], score["V"]])
    margin = score["K"][before] - rivals.max()
    return Finding(margin, "above the next score", margin > 0)


@claim(
    "Without the previous-token head the induction heads lose most of their pattern",
    source="Elhage et al. 2021, “Induction Heads”",
    paper="the induction head's keys are shifted by a previous-token head",
    bound="prefix matching falls by over half without it, under a tenth without another of layer 0",
)
def induction_needs_the_previous_token_head(seed: int) -> Finding:
    model, seen = trained(seed)
    tokens, best = test_sequences(seed), seen[-1]["matching"].max()
    kept = torch.tensor([matching_without(model, (0, h), tokens) / best for h in range(4)])
    before = previous_token_head(seen[-1])[1]
    others = kept[torch.arange(4) != before]
    holds = kept[before] < 0.5 and others.min() > 0.9
    return Finding(100 * kept[before], "% of prefix matching left", holds)


@claim(
    "By their weights alone, induction heads match and copy",
    source="Elhage et al. 2021, “Checking the Mechanistic Theory”",
    paper="positive eigenvalues of QK (through K-composition) and OV: all induction heads lie in "
    "the extreme corner",
    bound="both scores are above 0.8 for every induction head, and no other head of layer 0 gives "
    "it a higher score of matching",
)
def induction_heads_match_and_copy_by_weights(seed: int) -> Finding:
    model, seen = trained(seed)
    before, heads = previous_token_head(seen[-1])[1], [h for _, h in induction_heads(seen[-1])]
    matching = torch.stack([matching_by_weights(model, h)[heads] for h in range(4)])
    others = matching[torch.arange(4) != before].max(0).values
    lowest = min(matching[before].min(), copying(model)[1][heads].min())
    margin = (matching[before] - others).min()
    return Finding(margin, "above other heads, matching", lowest > 0.8 and margin > 0)


@claim(
    "Burstier data, earlier phase change",
    source="Reddy 2024; Chan et al. 2022",
    paper="burstiness promotes in-context learning",
    bound="each of two shorter ranges of periods brings the change earlier than the one before",
)
def bursts_bring_it_earlier(seed: int) -> Finding:
    steps = [half_right(bursty(seed, periods)) for periods in BURSTS]
    return Finding(earlier(steps[0], steps[2]), "steps earlier", steps[0] > steps[1] > steps[2])


@claim(
    "In-context predictions of coin flips come close to Bayes",
    source="Xie et al. 2022",
    paper="in-context learning as implicit Bayesian inference",
    bound="within 0.01 nats of the posterior predictive; a flat prior is over twice as far from it",
)
def coins_are_learned_as_bayes_would(seed: int) -> Finding:
    far = distances_to_bayes(train_on_coins(seed), seed)
    ours, flat = far["transformer"].mean(), far["flat prior"].mean()
    return Finding(ours, "nats a flip", ours < 0.01 and 2 * ours < flat)


def earlier(a: float, b: float) -> float:
    """By how many steps b comes before a; what never came is counted at the end of training."""
    return min(a, STEPS) - min(b, STEPS)


@torch.no_grad()
def matching_without(model: nn.Module, head: tuple[int, int], tokens: Tensor) -> float:
    """The best prefix matching score of layer 1 when one head of layer 0 writes nothing."""
    kept: dict[str, Tensor] = {}

    def knock_out(z: Tensor) -> Tensor:
        return z.index_fill(1, torch.tensor([head[1]]), 0.0)

    def keep(pattern: Tensor) -> None:
        kept["pattern"] = pattern

    model.run_with_hooks(tokens, {f"head.{head[0]}": knock_out, "pattern.1": keep})
    return prefix_matching_score(kept["pattern"], tokens).max().item()
