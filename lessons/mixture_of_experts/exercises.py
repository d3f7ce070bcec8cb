"""What the learner writes in the mixture-of-experts lesson (Shazeer et al. 2017 and after)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the two orders of softmax and cut, and when they differ",
    given="blanks",
    hints=[
        "logits.topk(k, dim=-1).indices names the chosen experts of each token.",
        "Before: softmax over all experts, then set to 0 what was not chosen.",
        "After: put −inf where an expert was not chosen, and the softmax makes a 0 of it.",
    ],
    why="Softmax keeps the order, so both choose alike; they differ in what the weights sum to.",
)
def top_k_gate(logits: Tensor, k: int, softmax_first: bool) -> Tensor:
    """The weight of every expert for every token, 0 for all but the k of highest logit.

    softmax_first: True: softmax over all experts, then cut; the k weights keep their values, so
    they sum to less than 1 (Fedus et al. 2021, eq. 1 and 2). False: cut, then softmax over the k
    that are left, so they sum to 1 (Shazeer et al. 2017, section 2.1).
    logits: (..., n_experts) of a float dtype, as large as 1e4 (then right to 0.001). k: 1 to
    n_experts. Returns the shape and dtype of logits.
    """
    if k not in range(1, logits.shape[-1] + 1) or not logits.is_floating_point():
        raise ValueError(f"k is 1 to {logits.shape[-1]}, not {k}, and logits are floats")
    chosen = logits.topk(k, dim=-1).indices  # blank: (..., k), which experts
    cut = torch.full_like(logits, -torch.inf).scatter(-1, chosen, logits.gather(-1, chosen))
    if softmax_first:
        weights = logits.softmax(-1)  # blank: over all experts
        return torch.where(cut.isfinite(), weights, 0)  # blank: 0 where not chosen
    return cut.softmax(-1)  # blank: over those that are left


@exercise(
    difficulty=2,
    minutes=12,
    teaches="the auxiliary loss, and through which of its factors a gradient flows",
    hints=[
        "f: how many of all tokens · k choices fell on each expert, as a share. torch.bincount.",
        "P: the mean over tokens of the router's probabilities, one number an expert.",
        "The sum of f · P is 1/N when both are even, so N times it is 1.",
    ],
    why="f counts and has no gradient: P carries it, and f says how hard each expert is pushed.",
)
def load_balancing_loss(probs: Tensor, chosen: Tensor) -> Tensor:
    """N Σ_i f_i P_i (Fedus et al. 2021, eq. 4 to 6, without α): 1 if all is even.

    At the worst, all tokens on the same k experts for sure, it is N/k.
    f_i is the share of all choices that fell on expert i, P_i the mean probability of expert i.
    probs: (n_tokens, N), the softmax over all experts. chosen: (n_tokens, k) integers, the experts
    that each token goes to (k = 1 in the paper). Returns a scalar tensor of the dtype of probs.
    """
    n_experts = probs.shape[-1]
    f = torch.bincount(chosen.flatten(), minlength=n_experts) / chosen.numel()
    return n_experts * (f * probs.mean(0)).sum()


@exercise(
    difficulty=3,
    minutes=25,
    teaches="how a sparse layer really computes: sort tokens to experts, drop what does not fit",
    hints=[
        "Start from zeros_like(x). Go through the experts: which (token, choice) pairs are theirs?",
        "First choices come before second ones: look at chosen.T, not at chosen, row by row.",
        "Keep the first `capacity` of the pairs, call the expert once on those tokens' rows of x.",
        "index_add adds gate · output to the tokens' rows. An expert without tokens is not called.",
    ],
    why="Each expert runs once, on its own tokens only: that is where the computation is saved.",
)
def dispatch_and_combine(
    x: Tensor, chosen: Tensor, gates: Tensor, experts: Sequence[Callable], capacity: int
) -> Tensor:
    """Send each token to its chosen experts, and add up what comes back, weighed by the gates.

    An expert takes at most `capacity` tokens: all first choices before any second choice, and
    among equal choices in the order of the tokens. What does not fit is dropped: it adds nothing.
    Each expert is called at most once, on the (n, d) rows of its own tokens, and not at all
    if it has none.
    x: (n_tokens, d). chosen, gates: (n_tokens, k), integers and floats; no token names an expert
    twice. experts: functions from (n, d) to (n, d). capacity: 0 or more. Returns (n_tokens, d)
    of the dtype of x.
    """
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        choice, token = torch.where(number == chosen.T)
        choice, token = choice[:capacity], token[:capacity]
        if len(token):
            out = out.index_add(0, token, gates[token, choice, None] * expert(x[token]))
    return out


@exercise(
    difficulty=1,
    minutes=6,
    teaches="balancing by a thermostat instead of a loss",
    hints=[
        "The error of an expert is the mean count minus its own count.",
        "Only its sign is used: every bias moves by `rate`, up or down, or not at all.",
    ],
    why="The bias enters the choice and not the gate, so no gradient ever sees it.",
)
def bias_update(bias: Tensor, counts: Tensor, rate: float) -> Tensor:
    """The next biases, b_i + u · sign(mean of c − c_i) (Wang et al. 2024, Algorithm 1).

    bias: (N,) floats. counts: (N,), how many tokens each expert was given, integers or floats.
    An expert with just the mean keeps its bias. Returns a new tensor of bias's shape and dtype.
    """
    error = counts.double().mean() - counts
    return bias + rate * error.sign().to(bias.dtype)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how far one label tells another, whatever their names",
    given="page",
    hints=[
        "Count the pairs: a table with a row an expert and a column a label, divided by its sum.",
        "H(p) = −Σ p log p, with 0 log 0 = 0. Rows' sums give H(E), columns' sums H(L).",
        "I = H(E) + H(L) − H(E, L). Divide by the mean of the two entropies.",
    ],
    why="I is 0 for unrelated labels and H for renamed ones: the mean entropy is its natural unit.",
)
def specialization(experts: Tensor, labels: Tensor) -> float:
    """Normalized mutual information of expert and label: I(E; L) / ((H(E) + H(L)) / 2), 0 to 1.

    I is the sum of p(e, l) · log(p(e, l) / (p(e) p(l))), H(E) that of −p(e) · log p(e), likewise
    H(L), over the shares among the tokens. If both entropies are 0 it is 0: there is nothing to
    tell. experts, labels: (n_tokens,) integers from 0, n_tokens at least 1. Returns a float.
    """
    shape = int(experts.max()) + 1, int(labels.max()) + 1
    pairs = experts.long() * shape[1] + labels.long()
    joint = torch.bincount(pairs, minlength=shape[0] * shape[1]).view(shape).double()
    joint = joint / joint.sum()

    def entropy(p: Tensor) -> Tensor:
        return -torch.xlogy(p, p).sum()

    apart = entropy(joint.sum(1)) + entropy(joint.sum(0))
    mutual = apart - entropy(joint)
    return max(0.0, (2 * mutual / apart).item()) if apart > 0 else 0.0
