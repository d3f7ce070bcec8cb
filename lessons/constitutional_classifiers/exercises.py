"""What the learner writes in the lesson on constitutional classifiers (Sharma et al. 2025)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise
from utils.worlds.assistant import Requests, World


@exercise(
    difficulty=1,
    minutes=10,
    teaches="what a constitution is for: labeled data, the harmless half on purpose near the line",
    why="The label comes from the rule and not from a person. Permitted clauses name what looks "
    "alike: without them nearly every dangerous word in the data is harmful, and a classifier "
    "learns just that.",
    given="blanks",
    hints=[
        "A request is permitted by name if a permitted clause names its pair and no restricted "
        "clause does: where both do, the restriction wins.",
        "Everyday requests are those that no clause names: neither table is True there.",
        "world.requests(n, generator, pairs=mask) draws n requests from the pairs of a mask.",
    ],
)
def synthesize(
    world: World, restricted: Tensor, permitted: Tensor, n: int, generator: torch.Generator
) -> tuple[Requests, Tensor]:
    """Labeled requests from a constitution (after Sharma et al. 2025, section 3).

    restricted, permitted: (6, 8), bool: which pairs of action and topic some clause names so. A
    pair in both is restricted. At least one pair is restricted only, permitted only, in neither.
    Half of the n requests are restricted, a quarter permitted by name, a quarter everyday: named
    by no clause. Within each part every pair is as likely. n: a multiple of 4.
    Requests have .tokens (n, 10), .action, .object and .topic (n,), places in the tables.
    Returns the requests, in any order, and the labels: (n,), bool, True for restricted ones.
    """
    bad = world.requests(n // 2, generator, pairs=restricted)
    near = permitted & ~restricted  # blank: pairs that are permitted by name
    far = ~(restricted | permitted)  # blank: pairs that no clause names
    kinds = [bad, *(world.requests(n // 4, generator, pairs=pairs) for pairs in (near, far))]
    requests = Requests(*(torch.cat(parts) for parts in zip(*kinds, strict=True)))
    labels = restricted[requests.action, requests.topic]  # blank: by the rule
    return requests, labels


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a classifier that watches a reply as it is written, and when it stops it",
    why="What has been said cannot be taken back, so a stop counts from the first score over the "
    "threshold, also if a later one is lower. An exchange is stopped at all exactly if its highest "
    "score is over the threshold: one number to set the threshold by.",
    hints=[
        "token_scores >= threshold says where the alarm sounds. Which of them comes first?",
        "(alarm.cumsum(1) == 0).sum(1) counts the scores before the first alarm.",
        "Without any alarm all t tokens come through: the count would be t + 1.",
    ],
)
def exchange_score(token_scores: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """The score of an exchange, and how much of its reply comes through.

    token_scores: (n, t + 1): column j is the classifier's logit after j of the t reply tokens, so
    column 0 has seen the request alone. A reply is stopped at the first score that is at least the
    threshold; the tokens said by then are out.
    Returns the highest score of each exchange, (n,), and the number of tokens out, (n,), integers:
    j if it is stopped at column j, t if never.
    """
    alarm = token_scores >= threshold
    out = (alarm.cumsum(1) == 0).sum(1).clamp(max=token_scores.shape[1] - 1)
    return token_scores.max(1).values, out


@exercise(
    difficulty=2,
    minutes=12,
    teaches="to spend an expensive judgment only where a cheap one is in doubt, and to count it",
    why="The cheap score is paid for all, the expensive one for a few. What is not escalated can "
    "never be stopped, so the recall of the cascade is at most the cheap score's recall at that "
    "share: the cheap stage may be imprecise, but it must not miss.",
    hints=[
        "How many are escalated? round(share * n). Which? cheap.topk(m).indices.",
        "Call expensive once, with the indices that are escalated and no others.",
        "All others get −inf: torch.full_like(cheap, -torch.inf), then fill in.",
    ],
)
def cascade(
    cheap: Tensor,
    expensive: Callable[[Tensor], Tensor],
    share: float,
    costs: tuple[float, float],
) -> tuple[Tensor, float]:
    """Two stages: the highest cheap scores are judged again (Cunningham et al. 2026).

    cheap: (n,), the first stage's scores, no two alike. expensive: takes indices (m,), integers,
    and returns their scores (m,); it is asked about the round(share · n) exchanges of highest cheap
    score, at least one, and about no others. costs: of one cheap and one expensive judgment.
    Returns the scores (n,), of cheap's dtype: the expensive one where it was asked, −inf elsewhere;
    and the mean cost of an exchange, a float.
    """
    n = len(cheap)
    escalated = cheap.topk(max(1, round(share * n))).indices
    scores = torch.full_like(cheap, -torch.inf)
    scores[escalated] = expensive(escalated).to(cheap.dtype)
    return scores, costs[0] + len(escalated) / n * costs[1]


@exercise(
    difficulty=2,
    minutes=10,
    teaches="training a model to answer as if the wrapper were not there",
    why="The target is what the model itself says to the clean prompt, so no fresh label is "
    "needed: only the way it reacts to the wrapper is trained. The target must not move with the "
    "training, or both could meet somewhere else.",
    hints=[
        "The reply to the clean prompt, at temperature 0, is the likeliest word at each place.",
        "Cross-entropy of those words under the wrapped logits. F.cross_entropy wants (m, words).",
        "No gradient may reach the clean logits. An argmax lets none through.",
    ],
)
def consistency_loss(clean: Tensor, wrapped: Tensor) -> Tensor:
    """Bias-augmented consistency training (Chua et al. 2024; Irpan et al. 2025), temperature 0.

    clean, wrapped: (n, t, words), the model's logits at the t places of its reply to the clean
    prompt, once after that prompt, once after the wrapped one. The target is the likeliest word of
    `clean` at each place. Returns the mean of −log p(target) under `wrapped` over all n · t places,
    in nats, a scalar. No gradient reaches `clean`.
    """
    target = clean.argmax(-1)
    return F.cross_entropy(wrapped.flatten(0, 1), target.flatten())


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how a whole box of inputs passes through a layer at once",
    why="Each output is a sum, and each term is smallest at one end of its interval: at the low "
    "end where the weight is positive, at the high end where it is negative. Center and radius say "
    "the same: the center passes as any input does, the radius by the absolute weights.",
    given="page",
    hints=[
        "Take one output, w · x + b, with each x_i free in its interval. When is w_i x_i least?",
        "Center (low + high) / 2 passes through the layer; the radius grows by |W| and no bias.",
        "low' = center' − radius', high' = center' + radius'.",
    ],
)
def interval_bounds(layer, low, high):
    """Bounds of a Linear layer's outputs over a box of inputs (Gowal et al. 2018, section 3).

    layer: nn.Linear(d, m), with a bias. low, high: (n, d), low at most high: the box of each row.
    Returns two tensors (n, m): the least and the greatest value that each output can take, each
    exact taken alone, through which gradients reach the layer's weights.
    """
    center, radius = (low + high) / 2, (high - low) / 2
    out = layer(center)
    spread = radius @ layer.weight.abs().T
    return out - spread, out + spread
