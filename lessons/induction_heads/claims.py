"""The findings that this lesson looks for, each measured over ten seeds."""

import math

import torch
from torch import Tensor, nn

from lessons.induction_heads.exercises import induction_head_by_hand, prefix_matching_score
from lessons.induction_heads.experiments import (
    BURSTS,
    LENGTH,
    STEPS,
    VOCABULARY,
    ablated_score,
    compositions,
    curve,
    distances_to_bayes,
    induction_heads,
    look,
    other_heads,
    previous_token_head,
    steps_until_half_right,
    test_sequences,
    train_on_coins,
    trained,
)
from utils.claims import Finding, claim


def halfway(seen: list[dict], name: str) -> int:
    """The first checkpoint's step at which a quantity has made half of its way.

    A loss starts from ln(VOCABULARY), which is to know nothing: the untrained model is worse.
    """
    values = curve(seen, name)
    start = math.log(VOCABULARY) if "loss" in name else values[0]
    way = (values - start) / (values[-1] - start)
    return seen[int((way >= 0.5).float().argmax())]["step"]


def largest_share(seen: list[dict], name: str, window: int = 100) -> float:
    """The largest share of its whole way that a quantity makes within `window` steps."""
    values = curve(seen, name)
    start = math.log(VOCABULARY) if "loss" in name else values[0]
    k = window // (seen[1]["step"] - seen[0]["step"])
    return ((values[k:] - values[:-k]) / (values[-1] - start)).max().item()


@claim(
    "A phase change: repeats' loss, in-context learning score and prefix matching jump together",
    source="Olsson et al. 2022, Argument 1",
    paper="induction heads develop at the same point as a sudden rise of in-context learning",
    bound="halfway at most 60 of 500 steps apart, each with over half its way within 100 steps",
)
def three_curves_jump_together(seed: int) -> Finding:
    seen = trained(seed)[1]
    names = ("repeat loss", "score", "matching")
    steps = [halfway(seen, name) for name in names]
    sudden = min(largest_share(seen, name) for name in names)
    holds = max(steps) - min(steps) <= 60 and sudden > 0.5
    return Finding(steps[2], "steps (matching halfway)", holds)


@claim(
    "One layer never does it",
    source="Olsson et al. 2022, Argument 1; Elhage et al. 2021",
    paper="one-layer models have no induction heads",
    bound="after twice the steps no prefix matching above 0.25, under half of the repeats right",
)
def one_layer_never_does_it(seed: int) -> Finding:
    last = trained(seed, 1, 2 * STEPS)[1][-1]
    best = last["matching"].max().item()
    return Finding(best, "prefix matching", best < 0.25 and last["accuracy"] < 0.5)


@claim(
    "Without its induction heads the model does not learn in context",
    source="Olsson et al. 2022, Argument 3",
    paper="knocking them out at test time greatly decreases in-context learning in small models",
    bound="at most a tenth of the in-context learning score is left",
)
def induction_heads_are_needed(seed: int) -> Finding:
    model, seen = trained(seed)
    left = ablated_score(model, induction_heads(seen[-1]), test_sequences(seed))
    share = left / seen[-1]["score"]
    return Finding(100 * share, "% of the score left", share <= 0.1)


@claim(
    "As many other heads are not needed",
    source="Olsson et al. 2022, Argument 3",
    paper="strong, causal evidence for induction heads in small attention-only models",
    bound="three induction heads cost over half of the score, three other heads under a tenth",
)
def other_heads_are_not_needed(seed: int) -> Finding:
    model, seen = trained(seed)
    tokens, last = test_sequences(seed), seen[-1]
    few, others = induction_heads(last)[:3], other_heads(last)[:3]
    left, rest = (ablated_score(model, heads, tokens) / last["score"] for heads in (few, others))
    holds = len(few) == len(others) == 3 and left < 0.5 and rest > 0.9
    return Finding(100 * rest, "% left without three others", holds)


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
    "A head made by hand reaches the trained one's loss",
    source="Elhage et al. 2021, “Induction Heads”",
    paper="the circuit they describe suffices for induction",
    bound="mean loss over all tokens at most 0.1 nats above the trained model's",
)
def by_hand_is_as_good(seed: int) -> Finding:
    tokens = test_sequences(seed)
    by_hand = look(induction_head_by_hand(VOCABULARY, LENGTH), tokens)["loss"]
    more = by_hand - trained(seed)[1][-1]["loss"]
    return Finding(more, "nats above", more <= 0.1)


@claim(
    "Burstier data, earlier phase change",
    source="Reddy 2024; Chan et al. 2022",
    paper="burstiness promotes in-context learning",
    bound="each of two shorter ranges of periods brings the change earlier than the one before",
)
def bursts_bring_it_earlier(seed: int) -> Finding:
    steps = [steps_until_half_right(seed, *periods) for periods in BURSTS]
    return Finding(steps[0] - steps[2], "steps earlier", steps[0] > steps[1] > steps[2])


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
