"""What the learner writes in the lesson on gradient attacks (Zou et al. 2023)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="how a loss changes with the words, which are no numbers",
    why="A one-hot row is a vector of real numbers, so the loss has a derivative by each of its "
    "entries, also by those that are 0 now. Each request's loss depends on its own rows alone, so "
    "the gradient of the sum holds the gradient of each.",
    given="blanks",
    hints=[
        "F.one_hot gives integers. A gradient needs floating-point numbers, and requires_grad_().",
        "torch.autograd.grad wants one number. Which sum over requests leaves each one's gradient "
        "as it is? A mean would divide it by their number.",
        "torch.autograd.grad(total, one_hot) returns a tuple with one entry.",
    ],
)
def one_hot_gradient(loss: Callable[[Tensor], Tensor], prompts: Tensor, n_words: int) -> Tensor:
    """The gradient of each request's loss by its one-hot rows (Zou et al. 2023, section 2.2).

    loss: takes one-hot rows (n, length, n_words), float32, and returns n losses, each of its own
    request alone. prompts: (n, length), words as integers below n_words.
    Returns (n, length, n_words), float32: entry [i, p, w] says how the loss of request i would
    begin to change if word w were mixed in at place p.
    """
    one_hot = F.one_hot(prompts, n_words).float()  # blank: the words as real numbers
    one_hot.requires_grad_()
    total = loss(one_hot).sum()  # blank: one number that keeps each request's gradient
    (gradient,) = torch.autograd.grad(total, one_hot)
    return gradient


@exercise(
    difficulty=3,
    minutes=20,
    teaches="where the gradient is used in GCG: to choose what is tried",
    why="A swap from word a to word b changes the loss by about gradient[b] − gradient[a]. At one "
    "place a is fixed, so the most negative entries promise most.",
    hints=[
        "First the promising words: at each place of each request, the k allowed words whose "
        "gradient is most negative. masked_fill, then topk over the last dimension.",
        "Draw for each candidate of each request a place, and a rank from 0 to k − 1: two calls "
        "of torch.randint with shape (n_candidates, n).",
        "promising[torch.arange(n), place, rank] picks the words; scatter puts them in.",
    ],
)
def candidate_swaps(
    gradient: Tensor,
    suffixes: Tensor,
    n_candidates: int,
    k: int,
    allowed: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Suffixes with one word swapped (Zou et al. 2023, Algorithm 1, the lines before the argmin).

    For each candidate a place is drawn, each as likely, and for that place a word: each as likely
    of the k allowed ones whose gradient is most negative there, the present one too if it is
    among them. All other words stay.
    gradient: (n, places, n_words). suffixes: (n, places), left as it is. allowed: (n_words,),
    bool, at least k True. All draws come from the generator.
    Returns (n_candidates, n, places), integers.
    """
    n, places = suffixes.shape
    promising = (-gradient).masked_fill(~allowed, -torch.inf).topk(k, dim=-1).indices
    place = torch.randint(places, (n_candidates, n), generator=generator)
    rank = torch.randint(k, (n_candidates, n), generator=generator)
    word = promising[torch.arange(n), place, rank]
    candidates = suffixes.repeat(n_candidates, 1, 1)
    return candidates.scatter(2, place[..., None], word[..., None])


@exercise(
    difficulty=2,
    minutes=20,
    teaches="the greedy step: the gradient proposes, the loss decides",
    why="The gradient is exact only for a tiny change, and a swap is not tiny. So every candidate "
    "is tried on the model, and the best one is taken by its true loss.",
    hints=[
        "Three lines you have: one_hot_gradient (n_words is len(allowed)), its part at `places`, "
        "candidate_swaps.",
        "Whole prompts for the candidates: prompts.repeat(n_candidates, 1, 1), then their places.",
        "losses has the shape (n_candidates, n): each request has its own best candidate.",
    ],
)
def gcg_step(
    loss: Callable[[Tensor], Tensor],
    prompts: Tensor,
    places: slice,
    n_candidates: int,
    k: int,
    allowed: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """One step of greedy coordinate gradient (Zou et al. 2023, Algorithm 1), n requests at once.

    loss: takes words (…, n, length) or one-hot rows (n, length, n_words), and returns (…, n).
    prompts: (n, length), left as it is; only its `places` may change. allowed: (n_words,), bool.
    The others: as for candidate_swaps, whose candidates are made from the gradient at `places`.
    Of each request's candidates the one of lowest loss takes its place, even if that loss is
    higher than before the step. Returns the new prompts (n, length) and their losses (n,).
    """
    gradient = one_hot_gradient(loss, prompts, len(allowed))[:, places]
    swapped = candidate_swaps(gradient, prompts[:, places], n_candidates, k, allowed, generator)
    candidates = prompts.repeat(n_candidates, 1, 1)
    candidates[:, :, places] = swapped
    with torch.no_grad():
        losses = loss(candidates)
    best, each = losses.argmin(0), torch.arange(len(prompts))
    return candidates[best, each], losses[best, each]


@exercise(
    difficulty=2,
    minutes=10,
    teaches="one suffix for many requests: the loss it is judged by",
    why="A suffix that is good for one request may be bad for the next. The mean over requests is "
    "what it costs on average, and what carries over to requests not yet seen.",
    given="blanks",
    hints=[
        "Every suffix goes into every request: c times n prompts, of shape (c, n, length).",
        "filled[:, :, places] has the shape (c, n, m). suffixes has (c, m). Where is a dimension "
        "missing?",
        "One number a suffix: average over the requests, not over the suffixes.",
    ],
)
def universal_loss(
    loss: Callable[[Tensor], Tensor], prompts: Tensor, suffixes: Tensor, places: slice
) -> Tensor:
    """The mean loss over all requests of each suffix (after Zou et al. 2023, Algorithm 2).

    loss: takes words (c, n, length) and returns (c, n). prompts: (n, length), left as it is.
    suffixes: (c, m), each put at `places`, m of them, of every request. Returns (c,).
    """
    filled = prompts.repeat(len(suffixes), 1, 1)
    filled[:, :, places] = suffixes[:, None]  # blank: each suffix into every request
    return loss(filled).mean(1)  # blank: one number a suffix


@exercise(
    difficulty=1,
    minutes=8,
    teaches="agreement on the rarer answer, where accuracy flatters",
    why="F1 is the harmonic mean of precision and recall: 2PR/(P + R) = 2TP/(2TP + FP + FN). Both "
    "must be high. True negatives do not count.",
    hints=[
        "TP: predicted and actual. FP: predicted, not actual. FN: actual, not predicted.",
        "Put precision TP/(TP + FP) and recall TP/(TP + FN) into 2PR/(P + R), and simplify.",
        "Without any true positive it is 0, also where nothing was predicted.",
    ],
)
def f1_score(predicted: Tensor, actual: Tensor) -> float:
    """The harmonic mean of precision and recall of `predicted`, with True as the positive class.

    predicted, actual: (n,), bool. Returns a number from 0 to 1; 0 if there is no true positive.
    """
    both = (predicted & actual).sum().item()
    if both == 0:
        return 0.0
    return 2 * both / (predicted.sum() + actual.sum()).item()


@exercise(
    difficulty=2,
    minutes=20,
    teaches="to read a decision off activations: a linear classifier, and what holds it",
    why="The loss is convex and smooth, so any good optimizer ends at the same place. Without the "
    "ridge a separable set has no best weights: they grow without end.",
    given="page",
    hints=[
        "The logit is activations @ weight + bias; the loss F.binary_cross_entropy_with_logits.",
        "The penalty is ridge / 2 times the sum of squared weights. The bias goes free.",
        "torch.optim.LBFGS with line_search_fn='strong_wolfe' and a closure needs no step size.",
    ],
)
def surrogate_classifier(activations, decisions, ridge=0.01):
    """The head of a surrogate: logistic regression of decisions on activations, with a ridge.

    Minimizes the mean binary cross-entropy, in nats, plus ridge / 2 times the sum of squared
    weights; the bias is not penalized.
    activations: (n, d), float32, standardized. decisions: (n,), bool; both kinds occur.
    Returns the weights (d,) and the bias, a scalar, each right to about 1e-3.
    """
    X, y = activations.double(), decisions.double()
    parameters = torch.zeros(X.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    lbfgs = torch.optim.LBFGS([parameters], max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        lbfgs.zero_grad()
        weight, bias = parameters[:-1], parameters[-1]
        loss = F.binary_cross_entropy_with_logits(X @ weight + bias, y)
        loss = loss + ridge / 2 * weight.square().sum()
        loss.backward()
        return loss

    lbfgs.step(closure)
    solution = parameters.detach()
    return solution[:-1], solution[-1]
