"""What the learner writes in the debate lesson (Irving, Christiano & Amodei 2018)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise
from utils.worlds.pixels import Judge, Reveal, margin


@exercise(
    difficulty=1,
    minutes=6,
    teaches="what the judge is given: the values that it may see, and which ones those are",
    given="blanks",
    hints=[
        "torch.where(condition, a, b) keeps a where the condition holds.",
        "The mask has 1 for every revealed pixel, also for one whose value is 0.",
        "Join the two along the last dimension. Both need the same shape before that: broadcast.",
    ],
    why="A black pixel and a hidden one have the same value, 0, and only the mask tells them "
    "apart. In this game black pixels are never revealed, so the mask says nothing that the values "
    "do not; it spares the network from deriving it.",
)
def sparse_view(images: Tensor, revealed: Tensor) -> Tensor:
    """What the judge's network is given (Irving et al. 2018, section 3.1): values, then mask.

    images: float, (..., pixels). revealed: bool, (..., pixels). The two shapes broadcast.
    Returns (..., 2 · pixels) in the images' type. First half: the values of the revealed pixels,
    zeros elsewhere. Second half: 1 where a pixel is revealed, whatever its value, else 0.
    """
    values = torch.where(revealed, images, 0)  # blank: what is revealed, else 0
    mask = revealed.to(images.dtype).expand_as(values)  # blank: 1 where revealed, else 0
    return torch.cat([values, mask], -1)  # blank: both, values first


@exercise(
    difficulty=2,
    minutes=15,
    teaches="looking one reveal ahead, for all games and all candidate pixels in one batch",
    given="blanks",
    hints=[
        "Legal is what is bright and not yet revealed: (games, pixels), bool.",
        "legal.nonzero(as_tuple=True) lists all legal candidates: their games, and their pixels.",
        "revealed[game] has a row for each of them; scatter(1, pixel[:, None], True) on it reveals "
        "that pixel in its own row.",
        "image[game], claim[game] and other_claim[game] are in the order of that list.",
    ],
    why="With no look at the reply, the best reveal is the one after which the judge leans most to "
    "one's own claim, and the margin measures exactly that leaning.",
)
def best_reveal(
    judge: Judge, image: Tensor, revealed: Tensor, claim: Tensor, other_claim: Tensor
) -> Tensor:
    """The pixel whose reveal helps `claim` most at once: greedy play, one ply.

    image, revealed: (games, pixels). claim, other_claim: (games,), labels or OPEN (then `margin`
    takes the best label besides the other's). Legal are pixels above 0 not revealed yet; there is
    one. Returns (games,), integers: the legal pixel with the largest margin(logits, claim,
    other_claim) once it is revealed beside the others.
    """
    legal = ~revealed & (image > 0)  # blank: True where the pixel may be revealed
    game, pixel = legal.nonzero(as_tuple=True)  # every candidate of every game, in one list
    tried = revealed[game].scatter(1, pixel[:, None], True)  # blank: the masks if so
    logits = judge(sparse_view(image[game], tried))  # blank: (candidates, labels)
    gain = margin(logits, claim[game], other_claim[game])  # blank: (candidates,)
    gains = gain.new_full(image.shape, -torch.inf)
    gains[game, pixel] = gain
    return gains.argmax(-1)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="the protocol: who moves when, for which claim, and what both can see",
    hints=[
        "Keep one mask for both sides. Each turn one side looks at it and adds a pixel.",
        "The honest side calls honest_reveal(judge, images, revealed, truth, lies). The liar "
        "argues for the lie against the truth.",
        "revealed.scatter(1, pixel[:, None], True) is a new mask with one more pixel per game.",
    ],
    why="Both sides look at one and the same mask. So each reveal answers all that came before, "
    "and no pixel is revealed twice.",
)
def play_debate(
    judge: Judge, images: Tensor, truth: Tensor, lies: Tensor, n_pixels: int,
    honest_first: bool = True, honest_reveal: Reveal = best_reveal,
    liar_reveal: Reveal = best_reveal, start: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Two sides reveal n_pixels in all, in turn, one a turn (Irving et al. 2018, section 3.1).

    images: (games, pixels). truth, lies: (games,). Reveals are called like best_reveal, own claim
    first. start: the mask at first, None for nothing. Returns pixels in order: (games, n_pixels).
    """
    revealed = torch.zeros_like(images, dtype=torch.bool) if start is None else start
    moves = []
    for turn in range(n_pixels):
        if (turn % 2 == 0) == honest_first:
            pixel = honest_reveal(judge, images, revealed, truth, lies)
        else:
            pixel = liar_reveal(judge, images, revealed, lies, truth)
        revealed = revealed.scatter(1, pixel[:, None], True)
        moves.append(pixel)
    return torch.stack(moves, 1)


@exercise(
    difficulty=2,
    minutes=6,
    teaches="the paper's metric: the truth must beat every lie, not the lies on average",
    hints=[
        "margin(logits, truth[:, None], lies) has one number for each debate.",
        "A debate is won when it is above 0; an image when all of its debates are.",
    ],
    why="A liar who chooses among nine lies needs one that works. So the truth is safe only if it "
    "wins all nine debates, which `all` says and a mean does not.",
)
def honest_win_rate(logits: Tensor, truth: Tensor, lies: Tensor) -> Tensor:
    """Share of images whose truth wins against every lie (Irving et al. 2018, Table 2, precommit).

    logits: (images, lies, labels), the judge's at the end of each debate; in the paper nine lies.
    truth: (images,). lies: (images, lies), labels (or OPEN). A debate goes to the claim of higher
    logit, a tie to the liar. Returns a scalar between 0 and 1, of the logits' type.
    """
    won = margin(logits, truth[:, None], lies) > 0
    return won.all(1).to(logits.dtype).mean()


@exercise(
    difficulty=3,
    minutes=20,
    teaches="search: what a reveal is worth once the opponent has answered it",
    hints=[
        "What is a pixel worth? The smallest margin that a legal reply can leave you after it.",
        "torch.combinations(legal) lists the pairs of a game's legal pixels, and the judge takes "
        "all of them at once. Who reveals which of the two does not change the mask.",
        "Or go through the pixels: reveal one in every game at once, let best_reveal reply with "
        "the two claims exchanged, and score both. Illegal first pixels get −∞.",
    ],
    why="A reveal is worth what the opponent leaves of it: the smallest margin over the replies. "
    "Two reveals end in one mask, whoever made which, so each pair is judged once.",
)
def minimax_reveal(
    judge: Judge, image: Tensor, revealed: Tensor, claim: Tensor, other_claim: Tensor
) -> Tensor:
    """The pixel that leaves `claim` best off after the opponent's best reply: two plies.

    Arguments and result as for best_reveal. The opponent too may reveal only legal pixels, and
    replies so that margin(logits, claim, other_claim) with both pixels revealed is smallest. Of
    these smallest margins the returned legal pixel has the largest. Two pixels are legal at least.
    Mind the memory: all 64 · 64 pairs of 100 games at once take gigabytes and minutes, the legal
    pairs of one game at a time neither.
    """
    chosen = []
    for picture, seen, own, other in zip(image, revealed, claim, other_claim, strict=True):
        legal = (~seen & (picture > 0)).nonzero()[:, 0]
        pairs = torch.combinations(legal)  # whoever reveals which of two, the mask is the same
        both = seen.expand(len(pairs), -1).scatter(1, pairs, True)
        gain = margin(judge(sparse_view(picture, both)), own, other)
        left = gain.new_full((len(picture), len(picture)), torch.inf)  # by our pixel and the reply
        left[pairs[:, 0], pairs[:, 1]] = left[pairs[:, 1], pairs[:, 0]] = gain
        worst = left.amin(1)[legal]
        chosen.append(legal[worst.argmax()])
    return torch.stack(chosen)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="scoring a protocol by what it pays to be honest",
    hints=[
        "Between two answers the judge's probability is a sigmoid of the margin.",
        "F.logsigmoid(margin) is its logarithm and does not overflow.",
        "The honest agent is scored on the truth, the lying one on the lie.",
    ],
    why="Between two answers the softmax of two logits is a sigmoid of their margin. The log of it "
    "is the score of the answer argued for, and honesty pays what the truth scores more.",
)
def agent_score_difference(
    honest_logits: Tensor, lying_logits: Tensor, truth: Tensor, lies: Tensor
) -> Tensor:
    """Agent score difference, in nats (Pallavi Sudhir et al. 2025): what honesty pays.

    honest_logits, lying_logits: (games, labels), the judge's after transcripts in which the agent
    scored argued for the truth, and in which it argued for the lie; of a debate, which has both,
    twice the same. truth, lies: (games,). An agent's score is the log of the probability that a
    judge who chooses between the two answers alone gives to the answer argued for.
    Returns a scalar: the honest agents' mean score less the lying agents'.
    """
    honest = F.logsigmoid(margin(honest_logits, truth, lies))
    lying = F.logsigmoid(margin(lying_logits, lies, truth))
    return (honest - lying).mean()


@exercise(
    difficulty=3,
    minutes=30,
    given="page",
    teaches="maximum likelihood for pairwise games, and when it has no finite answer",
    hints=[
        "Newton's method on strengths s: a player's gradient is its wins less its expected wins. "
        "The Elo rating is 400 / ln 10 times s, less the mean.",
        "The likelihood only knows differences, so its Hessian is singular: torch.linalg.pinv.",
        "A full Newton step can overshoot: never change a strength by more than 1 at once.",
        "Who can be reached from whom by wins? matrix_power((wins > 0) + identity, n) tells.",
    ],
    why="At the maximum each player's expected wins equal the wins there were: there the gradient "
    "is zero. The log-likelihood is concave, so Newton's method finds this one maximum.",
)
def elo_from_wins(wins: Tensor) -> Tensor:
    """Elo ratings of most likelihood: P(i beats j) = 1 / (1 + 10^((r_j − r_i) / 400)).

    wins: (players, players), how often i beat j; a tie is half a win each. The diagonal is not
    looked at, and pairs need not have met. Bradley & Terry (1952) on Elo's scale. Returns
    (players,) in float64, with mean 0, since only differences are determined. A rating may be off
    by one point: what matters is the maximum, not how you climb to it, but all checks together
    have 20 seconds: thousands of small steps take longer, Newton's method does not. If a player,
    or a group, never lost to the others (or never won), no finite ratings are most likely:
    ValueError.
    """
    n = len(wins)
    identity = torch.eye(n, dtype=torch.float64)
    wins = wins.double() * (1 - identity)
    # Entry (i, j) of the power is above 0 if a chain of at most n wins leads from i to j.
    chains = torch.linalg.matrix_power((wins > 0).double() + identity, n)
    if not (chains > 0).all():
        raise ValueError("some players never lost to, or never beat, the others")
    games = wins + wins.T
    strength = torch.zeros(n, dtype=torch.float64)  # in nats: log-odds against an average player
    for _ in range(200):  # Newton's method on the log-likelihood
        p = (strength[:, None] - strength).sigmoid()
        gradient = (wins - games * p).sum(1)  # wins less expected wins
        weight = games * p * (1 - p)  # of which minus the Hessian is made
        step = torch.linalg.pinv(weight.sum(1).diag() - weight) @ gradient
        strength = strength + step / step.abs().max().clamp(min=1)
        if step.abs().max() < 1e-9:
            break
    return 400 / math.log(10) * (strength - strength.mean())


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why two sides who answer each other reach further than one adviser",
    hints=[
        "Begin at the ends, not at the root: which side makes the last choice?",
        "The side that says yes gets a True if one of two branches is True, the other side "
        "leaves it only if both are.",
        "leaves[..., 0::2] and leaves[..., 1::2] are the two branches of every last choice.",
    ],
    why="Whoever chooses takes the branch that is good for it: `or` for the side that says yes, "
    "`and` for the other. Level by level from the ends up, that is the value at the root.",
)
def tree_value(leaves: Tensor) -> Tensor:
    """Who wins when two sides choose in turn: the value of an and-or tree (Irving et al. 2018).

    leaves: bool, (trees, 2 to the depth): what the judge finds at the ends of a binary tree, from
    left to right. At the root the side that says yes chooses one half of the leaves, then the side
    that says no one half of those, and so on in turn, until one leaf is left. Yes wins if it is
    True, no if it is False, and both play perfectly. Returns bool, (trees,): whether yes wins.
    Depth 0, a single leaf, is a tree too.
    """
    depth = leaves.shape[-1].bit_length() - 1
    for turn in reversed(range(depth)):  # the last choice first
        left, right = leaves[..., 0::2], leaves[..., 1::2]
        leaves = (left | right) if turn % 2 == 0 else (left & right)
    return leaves[..., 0]
