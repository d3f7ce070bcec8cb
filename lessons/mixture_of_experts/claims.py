"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache
from itertools import pairwise

import torch

from lessons.mixture_of_experts.experiments import (
    EQUAL,
    attacked,
    balanced,
    data,
    size_for_half,
    sized,
)
from lessons.mixture_of_experts.mixtures import (
    BALANCES,
    follows,
    labels,
    loads,
    max_violation,
    routes,
)
from utils.claims import Finding, claim

NAMES = list(BALANCES)
TENTH = 2  # of the nudges' SHARES of a hidden vector's typical length: a tenth


def end_loss(seed: int, balance: str) -> float:
    """Nats a token on test documents at the end of training, sixteen experts."""
    return balanced(seed)[1][NAMES.index(balance), -1].item()


@cache
def violation(seed: int) -> dict[str, float]:
    """MaxVio on test documents under each balance."""
    chosen = routes(balanced(seed)[0], data(seed).test)
    return dict(zip(NAMES, max_violation(loads(chosen, 16)).tolist(), strict=True))


@cache
def followed(seed: int, balance: str) -> dict[str, float]:
    """What the experts of one model follow, on test documents."""
    world = data(seed)
    experts = routes(balanced(seed)[0], world.test)[NAMES.index(balance)]
    return follows(experts, labels(world.topics, world.test), seed)


@claim(
    "Left alone, a few experts take most tokens; either remedy evens the load",
    source="Shazeer et al. 2017, section 4 and Table 6",
    paper="the same few experts get large weights; busiest to mean 17.8, with losses 1.07 to 1.47",
    bound="busiest to mean is at least twice what it is with α = 0.01, and with biases",
)
def without_balancing_the_load_collapses(seed: int) -> Finding:
    v = violation(seed)
    ratio = (1 + v["nothing"]) / (1 + max(v["α = 0.01"], v["bias"]))
    return Finding(ratio, "times as uneven", ratio >= 2)


@claim(
    "Left alone, the model predicts worse than with either remedy",
    source="Shazeer et al. 2017, Table 6",
    paper="perplexity 39.8 without a balancing loss, 35.6 or 35.7 with one (0.11 nats a token)",
    bound="test loss without balancing above that with α = 0.01, and above that with biases",
)
def without_balancing_the_loss_is_higher(seed: int) -> Finding:
    gain = end_loss(seed, "nothing") - max(end_loss(seed, "α = 0.01"), end_loss(seed, "bias"))
    return Finding(gain, "nats a token", gain > 0)


@claim(
    "An auxiliary loss ten times as strong evens the load more, and costs quality",
    source="Wang et al. 2024, section 2.2",
    paper="a large α (0.01, ten times their choice): load under control, performance degraded",
    bound="with α = 0.1 MaxVio below, and test loss above, that with α = 0.01 (Fedus et al.'s)",
)
def a_strong_auxiliary_loss_costs_quality(seed: int) -> Finding:
    price = end_loss(seed, "α = 0.1") - end_loss(seed, "α = 0.01")
    more_even = violation(seed)["α = 0.1"] < violation(seed)["α = 0.01"]
    return Finding(price, "nats a token", price > 0 and more_even)


@claim(
    "Biases balance better than the auxiliary loss, and the model predicts better",
    source="Wang et al. 2024, Table 2",
    paper="sigmoid gates: perplexity 9.50 against 9.56; softmax (C.2): 9.599 against 9.604",
    bound="both the test loss and MaxVio lower with biases than with α = 0.01",
)
def biases_beat_the_auxiliary_loss(seed: int) -> Finding:
    gain = end_loss(seed, "α = 0.01") - end_loss(seed, "bias")
    more_even = violation(seed)["bias"] < violation(seed)["α = 0.01"]
    return Finding(gain, "nats a token lower", gain > 0 and more_even)


@claim(
    "Balanced within each document, experts follow topics less than with biases",
    source="DeepSeek-AI 2024, section 4.5.3 and Figure 9",
    paper="without the per-sequence loss experts specialize more in domains",
    bound="normalized mutual information of expert and topic higher with biases",
)
def balancing_each_document_hides_topics(seed: int) -> Finding:
    more = followed(seed, "bias")["topics"] - followed(seed, "per document")["topics"]
    return Finding(more, "more with biases", more > 0)


@claim(
    "Experts follow grammatical forms more than topics",
    source="Jiang et al. 2024, section 5 and Fig. 8",
    paper="no obvious patterns by topic; selection more aligned with the syntax than the domain",
    bound="normalized mutual information higher with the 8 forms than with the 8 topics, α = 0.01",
)
def experts_follow_forms_more_than_topics(seed: int) -> Finding:
    f = followed(seed, "α = 0.01")
    return Finding(f["forms"] - f["topics"], "more with forms", f["forms"] > f["topics"])


@claim(
    "It is the form that they follow, not just the single word",
    source="the same section",
    paper="structured syntactic behavior (words of several tokens: self, Question; indentation)",
    bound="more with forms than with each of 20 random divisions of the words in groups of 8",
)
def forms_tell_more_than_random_groups_of_words(seed: int) -> Finding:
    f = followed(seed, "α = 0.01")
    return Finding(
        f["forms"] / f["random groups of words"],
        "of the best",
        f["forms"] > f["random groups of words"],
    )


@claim(
    "At equal compute and equal steps, more experts predict better than a dense layer",
    source="Fedus et al. 2021, section 3.1 and Fig. 4",
    paper="loss falls with the number of experts; 64 experts need 1/7.5 of the dense model's steps",
    bound="test loss falls at each step 2, 4, 8, 16 experts, and ends below the dense layer's",
)
def more_experts_predict_better(seed: int) -> Finding:
    some = [sized(seed, n, EQUAL[n])[1][0, -1].item() for n in (2, 4, 8)]
    losses = [*some, end_loss(seed, "α = 0.01")]
    dense = sized(seed, 1, 16)[1][0, -1].item()
    falls = all(a > b for a, b in pairwise(losses))
    return Finding(dense - losses[-1], "nats below dense", falls and losses[-1] < dense)


@claim(
    "A refusal that only experts learned lives in one of them (all requests share one symbol)",
    source="te Lintelo et al. 2026, abstract; Lai et al. 2025, abstract",
    paper="in few experts: up to 20 % of each layer's; 12 of 6,144",
    bound="one expert off leaves under 1/10 of held-out refusals; any other leaves 9/10 or more",
)
def refusal_lives_in_one_expert(seed: int) -> Finding:
    a = attacked(seed)
    left = a.ablated
    others = torch.cat([left[: a.own], left[a.own + 1 :]])
    return Finding(left[a.own], "of refusals left", left[a.own] < 0.1 and others.min() >= 0.9)


@claim(
    "Sent to another expert by hand, a dangerous request is complied with",
    source="Jiang, Huang et al. 2026, abstract",
    paper="other routes turn refusals into answers: 0.79 with 5 routers masked, up to 0.98",
    bound="at least half of refused requests, at the best other expert (found on others), old gate",
)
def another_expert_complies(seed: int) -> Finding:
    complied = attacked(seed).answers["best, old gate"]["⟨yes⟩"]
    return Finding(complied, "of requests", complied >= 0.5)


@claim(
    "Nudged past its expert's nearest border, a dangerous request is complied with",
    source="speculation in the course's sources",
    paper="an input that avoids an expert escapes what that expert does; no number",
    bound="at least half of refused requests are, and fewer where the old expert is kept",
)
def past_the_border_it_is_complied_with(seed: int) -> Finding:
    said = attacked(seed).answers
    complied, control = (said[name]["⟨yes⟩"] for name in ("nudged past", "nudged, old kept"))
    return Finding(complied, "of requests", complied >= 0.5 and control < complied)


@claim(
    "A small nudge makes a request leave its expert",
    source="speculation in the course's sources",
    paper="an adversarial input flips the routing; no number",
    bound="at 1/10 of a hidden vector's length half of them leave, at most half as many at random",
)
def a_small_nudge_flips_the_routing(seed: int) -> Finding:
    success = attacked(seed).success
    left, control = success["route"].left[TENTH], success["random"].left[TENTH]
    return Finding(left, "of requests leave", left >= 0.5 and control <= left / 2)


@claim(
    "The route is the weak point: leaving the expert is the cheapest way past the refusal",
    source="speculation in the course's sources",
    paper="mixtures of experts can be attacked through their routing; no number",
    bound="half are complied with at a smaller nudge than by the output, in it or a dense model",
)
def the_route_is_the_weak_point(seed: int) -> Finding:
    needs = {name: size_for_half(s.complied) for name, s in attacked(seed).success.items()}
    ratio = needs["route"] / min(needs["output"], needs["dense"])
    return Finding(ratio, "times the nudge", ratio < 1)
