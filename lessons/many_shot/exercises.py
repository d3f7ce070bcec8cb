"""What the learner writes in this lesson (Anil et al. 2024; Arora et al. 2024; Xie et al. 2022)."""

import torch
from scipy.stats import t as student
from torch import Tensor

from lessons.many_shot.world import HARMFUL, reply
from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the data: each dialogue has an assistant of its own, with habits of its own",
    why="One draw of a habit serves a whole dialogue. That is what makes earlier replies evidence "
    "about later ones.",
    given="blanks",
    hints=[
        "Each dialogue has one chance for all its harmful requests and one for all its harmless "
        "ones. Give both a second dimension of 1, and torch.where picks by request.",
        "u is uniform between 0 and 1. It lies below a chance p with probability p.",
        "Stack requests and replies along a new last dimension, then flatten the last two: that "
        "interleaves them.",
    ],
)
def sample_dialogues(compliance: Tensor, rhyme: Tensor, requests: Tensor, u: Tensor) -> Tensor:
    """Dialogues of request, reply, request, reply, …: (dialogues, 2 · shots) tokens.

    compliance, rhyme: (dialogues,), the chance that this assistant complies with a harmful
    request, and that it answers a harmless one in rhyme. requests: (dialogues, shots), those
    below HARMFUL are harmful. u: (dialogues, shots), uniform draws: the habit shows where u is
    below the chance that counts for the request. `reply(requests, habit)` gives the replies.
    """
    harmful = requests < HARMFUL
    chance = torch.where(harmful, compliance[:, None], rhyme[:, None])  # blank: (dialogues, shots)
    habit = u < chance  # blank: does the habit show?
    replies = reply(requests, habit)
    return torch.stack([requests, replies], -1).flatten(1)  # blank: request, reply, request, …


@exercise(
    difficulty=2,
    minutes=10,
    teaches="the paper's measure: the loss on one reply, by how many shots came before it",
    why="The logits at a request predict its reply. In one pass each reply is the end of an attack "
    "with as many shots as stand before it.",
    hints=[
        "Requests stand at the even positions 0, 2, 4, …, replies at the odd ones.",
        "Logits at position i predict token i + 1: the logits at a request are those of its reply.",
        "Take log_softmax over the vocabulary, gather the reply's entry, average over dialogues.",
    ],
)
def nll_against_shots(logits: Tensor, tokens: Tensor) -> Tensor:
    """Mean negative log-likelihood of the reply after 0, 1, 2, … shots, in nats: (shots,).

    tokens: (dialogues, 2 · shots), as from sample_dialogues. logits: (dialogues, 2 · shots,
    vocabulary), at each position those of the next token. Logits may be as large as 1e4. The
    result has their dtype.
    """
    log_p = logits[:, ::2].log_softmax(-1)
    said = log_p.gather(-1, tokens[:, 1::2, None])[..., 0]
    return -said.mean(0)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="a power law as a straight line of logarithms, and how uncertain its slope is",
    why="The logarithm of C n^(−α) is log C − α log n: a line. Its slope's standard error says how "
    "far it would move if the scatter around the line were drawn anew. That error is itself "
    "estimated, from few points, so that Student's t takes the place of the normal distribution.",
    hints=[
        "Take the logarithm of both sides of L = C n^(−α). Which line is that, in log n?",
        "The slope is Σ (x − x̄)(y − ȳ) / Σ (x − x̄)², and the line passes through (x̄, ȳ).",
        "Standard error of the slope: √(Σ residual² / (m − 2) / Σ (x − x̄)²), for m points.",
        "95 % leave 2.5 % on either side: student.ppf(0.975, m − 2) standard errors each way.",
    ],
)
def fit_power_law(shots: Tensor, losses: Tensor) -> tuple[float, float, float, float]:
    """Fit losses = C · shots^(−α) by least squares of log losses on log shots.

    shots, losses: (m,), m at least 3, shots from 1 on, losses above 0. Returns C, α, and the two
    ends, low and high, of the 95 % interval of α: its standard error, as often as Student's t with
    m − 2 degrees of freedom says. student.ppf(p, freedom) is the quantile of that distribution.
    """
    x, y = shots.double().log(), losses.double().log()
    spread = (x - x.mean()).square().sum()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / spread
    intercept = y.mean() - slope * x.mean()
    scatter = (y - intercept - slope * x).square().sum() / (len(x) - 2)
    alpha, error = -slope.item(), (scatter / spread).sqrt().item()
    reach = float(student.ppf(0.975, len(x) - 2)) * error
    return intercept.exp().item(), alpha, alpha - reach, alpha + reach


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what an ideal reader of the pre-training data would predict, exactly",
    why="Each kind of assistant is weighed by how well it explains the replies so far. The "
    "prediction is the average of the kinds, so weighed.",
    hints=[
        "Posterior ∝ prior · likelihood. For one kind θ the likelihood of the context is "
        "θ^complied · (1 − θ)^refused.",
        "The next reply complies with chance Σ (posterior of kind) · θ.",
        "Powers of hundreds vanish. Work with logarithms, and let softmax normalize. "
        "torch.xlogy(n, x) is n · log x, and 0 where n is 0, even at x = 0.",
    ],
)
def bayesian_predictive(
    thetas: Tensor, weights: Tensor, complied: Tensor, refused: Tensor
) -> Tensor:
    """The chance that the next harmful request is complied with, by Bayes' rule.

    thetas: (kinds,), each kind's chance of compliance, from 0 to 1. weights: (kinds,), the prior,
    all above 0, not necessarily summing to 1. complied, refused: counts of what the context shows,
    both of the same shape (…), up to thousands. Returns that shape, in the dtype of thetas. Some
    kind can always have said what the context shows.
    """
    evidence = torch.xlogy(complied[..., None], thetas) + torch.xlogy(
        refused[..., None], 1 - thetas
    )
    posterior = (weights.log() + evidence).softmax(-1)
    return (posterior * thetas).sum(-1)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="which part of a prior moves the intercept, and why a fitted exponent is below 1",
    why="Far out the loss is b / n whatever a is: b, the prior's weight on refusing, is the "
    "intercept, and every Beta prior has the exponent 1.",
    given="page",
    hints=[
        "Under Beta(a, b), after n compliances, the next complies with (n + a) / (n + a + b).",
        "The loss is minus its logarithm. torch.log1p(b / (n + a)) keeps its digits.",
        "Fit each curve by fit_power_law, and stack the pairs.",
    ],
)
def sweep_prior(priors: list, shots: Tensor) -> Tensor:
    """C and α of the power law that fits the exact Bayesian loss, a row a prior: (priors, 2).

    priors: pairs (a, b) of Beta(a, b) over the chance of compliance. shots: (m,), from 1 on. The
    loss at n shots is that of one more compliance after n compliances and no refusal. It may be
    as small as 1e-17, and the fit is to be right even then.
    """
    rows = []
    for a, b in priors:
        losses = torch.log1p(b / (shots.double() + a))
        rows.append(fit_power_law(shots, losses)[:2])
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 2)
