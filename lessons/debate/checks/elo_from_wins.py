"""How `elo_from_wins` is judged: checks, mistakes, right answers."""

import math

import torch
from scipy.sparse.csgraph import connected_components
from torch.nn import functional as F

from lessons.debate.exercises import elo_from_wins
from utils.grading import expect, require

ELO = 400 / math.log(10)  # points for a unit of log-odds


def _ratings(fn, wins):
    got = fn(torch.as_tensor(wins, dtype=torch.float64))
    fits = torch.is_tensor(got) and got.dtype == torch.float64 and got.shape == (len(wins),)
    require(fits, f"a float64 tensor of shape ({len(wins)},)", got)
    return got


def _near(got, wanted, points=1.0):
    """To one point: no more is asked for."""
    if not ((got - wanted).abs() <= points).all():
        expect(got, wanted)


def _wins_at(ratings, games):
    """The wins to be expected at given ratings, in plain Python."""
    return [
        [games[i][j] / (1 + 10 ** ((ratings[j] - ratings[i]) / 400)) if i != j else 0.0
         for j in range(len(ratings))]
        for i in range(len(ratings))
    ]  # fmt: skip


@elo_from_wins.check
def two_players(fn):
    # Odds of 10 to 1 are 400 points, by the definition of the scale.
    for won, lost in ((10, 1), (1, 10), (3, 3), (3, 1), (0.5, 2.5)):
        half = 200 * math.log10(won / lost)
        _near(_ratings(fn, [[0, won], [lost, 0]]), torch.tensor([half, -half]).double())


@elo_from_wins.check
def ratings_come_back_from_the_wins_they_predict(fn):
    for ratings in ([100.0, 0.0, -100.0], [500.0, 120.0, -40.0, -580.0]):
        n = len(ratings)
        games = [[float(3 + (i + j) % 4) for j in range(n)] for i in range(n)]
        got = _ratings(fn, _wins_at(ratings, games))
        _near(got, torch.tensor(ratings, dtype=torch.float64))


@elo_from_wins.check
def expected_wins_are_the_wins_there_were(fn):
    # Where the likelihood is highest its gradient is zero: for each player these two agree.
    g = torch.Generator().manual_seed(0)
    for n in (3, 5, 8):
        wins = torch.randint(1, 12, (n, n), generator=g).double() * (1 - torch.eye(n))
        got = _ratings(fn, wins)
        games = wins + wins.T
        expected = torch.tensor(_wins_at(got.tolist(), games.tolist())).sum(1).double()
        off = 2 * games.sum(1) / 4 / ELO  # at most, when two ratings are off by one point each
        require(bool(((expected - wins.sum(1)).abs() <= off).all()),
                f"ratings whose expected wins are {wins.sum(1).tolist()}", expected)  # fmt: skip
        _near(got.mean(), torch.tensor(0.0, dtype=torch.float64))


@elo_from_wins.check
def pairs_need_not_have_met(fn):
    # 1 met 0 and 2 only; the odds along the chain multiply.
    step = 400 * math.log10(4)
    got = _ratings(fn, [[0, 4, 0], [1, 0, 8], [0, 2, 0]])
    _near(got, torch.tensor([step, 0.0, -step]).double())


@elo_from_wins.check
def what_does_not_matter(fn):
    wins = torch.tensor([[0.0, 3, 2], [1, 0, 5], [4, 2, 0]])
    base = _ratings(fn, wins)
    _near(_ratings(fn, 7 * wins), base, 2.0)  # the same proportions, more games
    _near(_ratings(fn, wins + 9 * torch.eye(3)), base, 2.0)  # the diagonal
    order = torch.tensor([2, 0, 1])
    _near(_ratings(fn, wins[order][:, order]), base[order], 2.0)


@elo_from_wins.check
def whole_numbers_and_single_precision_will_do(fn):
    wanted = torch.tensor([200 * math.log10(3), -200 * math.log10(3)]).double()
    for dtype in (torch.int64, torch.float32):
        got = fn(torch.tensor([[0, 3], [1, 0]], dtype=dtype))
        require(torch.is_tensor(got) and got.dtype == torch.float64, "float64", got)
        _near(got, wanted)


@elo_from_wins.check
def one_loss_in_a_hundred(fn):
    ratings = [800.0, 0.0, -800.0]
    games = [[1.0] * 3] * 3
    _near(_ratings(fn, _wins_at(ratings, games)), torch.tensor(ratings).double())


@elo_from_wins.check
def a_pair_may_be_one_sided(fn):
    # Each beat one of the others and lost to one: nobody is ahead.
    wins = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    _near(_ratings(fn, wins), torch.zeros(3, dtype=torch.float64))


@elo_from_wins.check
def without_a_finite_answer_it_raises(fn):
    cases = {
        "a player who never lost": [[0, 2, 3], [0, 0, 1], [0, 2, 0]],
        "a player who never won": [[0, 2, 3], [1, 0, 1], [0, 0, 0]],
        "two always beat the other two": [[0, 1, 3, 3], [1, 0, 3, 3], [0, 0, 0, 1], [0, 0, 1, 0]],
        "two pairs that never met": [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
    }  # fmt: skip
    for what, wins in cases.items():
        given = torch.tensor(wins, dtype=torch.float64)
        try:
            got = fn(given)
        except ValueError:
            continue
        require(False, f"ValueError: {what}", got, wins=given)


def _elo_like(scale=ELO, center=True, prior=0.0, finite=True, transpose=False):
    """For the mistakes: elo_from_wins with one part exchanged."""

    def elo(wins):
        if not finite:
            wins = wins.double() + 1e-3 * (wins.double().sum() > 0)
        eye = torch.eye(len(wins), dtype=torch.float64)
        wins = (wins.T if transpose else wins).double() + prior * (1 - eye)
        rated = elo_from_wins.reference(wins) * scale / ELO
        return rated if center else rated - rated[0]

    return elo


for _text, _fn in {
    "natural logarithm: 400 instead of 400 / ln 10 points for a unit of log-odds": _elo_like(400),
    "log-odds instead of Elo points": _elo_like(1),
    "base 10, but not in points: the factor 400 is missing": _elo_like(1 / math.log(10)),
    "winners and losers are exchanged: wins was read the other way around": _elo_like(
        transpose=True
    ),
    "the first player is at 0, not the mean": _elo_like(center=False),
    "half a win is added everywhere: that is a prior, not maximum likelihood": _elo_like(prior=0.5),
    "a number is returned where no finite ratings are most likely": _elo_like(finite=False),
}.items():
    elo_from_wins.mistake(_text)(_fn)


@elo_from_wins.mistake("the log-odds of each player's own score: who was met is ignored")
def _(wins):
    wins = wins.double() * (1 - torch.eye(len(wins)))
    if (wins.sum(0) == 0).any() or (wins.sum(1) == 0).any():
        raise ValueError
    rated = (wins.sum(1) / wins.sum(0)).log10() * 400
    return rated - rated.mean()


@elo_from_wins.mistake("Elo's update after each game, K = 32: it depends on the order, and wanders")
def _(wins):
    rated = torch.zeros(len(wins), dtype=torch.float64)
    for i in range(len(wins)):
        for j in range(len(wins)):
            for _game in range(int(wins[i, j]) if i != j else 0):
                surprise = 1 - 1 / (1 + 10 ** ((rated[j] - rated[i]) / 400))
                rated[i] += 32 * surprise
                rated[j] -= 32 * surprise
    return rated


@elo_from_wins.mistake("far too few steps of the climb: the maximum is not reached")
def _(wins):
    elo_from_wins.reference(wins)  # raises where it must
    wins = wins.double() * (1 - torch.eye(len(wins)))
    games, strength = wins + wins.T, torch.zeros(len(wins), dtype=torch.float64)
    for _step in range(5):
        p = (strength[:, None] - strength).sigmoid()
        strength = strength + (wins - games * p).sum(1) / games.sum(1)
    return ELO * (strength - strength.mean())


@elo_from_wins.mistake("it raises where one player never beat one other: but others link them")
def _(wins):
    if ((wins == 0) & (wins + wins.T > 0)).fill_diagonal_(False).any():
        raise ValueError("a pair is one-sided")
    return elo_from_wins.reference(wins)


@elo_from_wins.mistake("the diagonal counts as games")
def _(wins):
    wins = wins.double()
    strength = torch.zeros(len(wins), dtype=torch.float64)
    elo_from_wins.reference(wins)  # raises where it must
    for _step in range(300):
        p = (strength[:, None] - strength).sigmoid()
        games = wins + wins.T - wins.diag().diag()
        strength = strength + 0.5 * (wins - games * p).sum(1) / games.sum(1)
    return 400 / math.log(10) * (strength - strength.mean())


@elo_from_wins.mistake("ratings have mean 1500, where 0 was asked for")
def _(wins):
    return elo_from_wins.reference(wins) + 1500


@elo_from_wins.right("by L-BFGS on the log-likelihood, who can reach whom by scipy")
def _(wins):
    wins = wins.double().clone().fill_diagonal_(0)
    if connected_components(wins.numpy() > 0, connection="strong")[0] > 1:
        raise ValueError("no finite ratings")
    strength = torch.zeros(len(wins), dtype=torch.float64, requires_grad=True)
    options = {"max_iter": 500, "tolerance_grad": 1e-8, "tolerance_change": 1e-14}
    descent = torch.optim.LBFGS([strength], line_search_fn="strong_wolfe", **options)

    def closure():
        descent.zero_grad()
        loss = -(wins * F.logsigmoid(strength[:, None] - strength)).sum() / wins.sum()
        loss.backward()
        return loss

    descent.step(closure)
    rated = strength.detach() * ELO
    return rated - rated.mean()


@elo_from_wins.right("by L-BFGS on the summed loss, as it comes, twenty times")
def _(wins):
    wins = wins.double().clone().fill_diagonal_(0)
    if connected_components(wins.numpy() > 0, connection="strong")[0] > 1:
        raise ValueError("no finite ratings")
    rated = torch.zeros(len(wins), dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([rated], line_search_fn="strong_wolfe")

    def closure():
        descent.zero_grad()
        loss = -(wins * F.logsigmoid(rated[:, None] - rated)).sum()
        loss.backward()
        return loss

    for _step in range(20):
        descent.step(closure)
    points = rated.detach() * ELO
    return points - points.mean()


@elo_from_wins.right("by Zermelo's iteration: wins over expected meetings, again and again")
def _(wins):
    wins = wins.double() * (1 - torch.eye(len(wins)))
    reach = wins > 0
    for k in range(len(wins)):  # Warshall
        reach = reach | (reach[:, k, None] & reach[k])
    if not (reach | torch.eye(len(wins), dtype=torch.bool)).all():
        raise ValueError("no finite ratings")
    games, odds = wins + wins.T, torch.ones(len(wins), dtype=torch.float64)
    for _step in range(20_000):
        before = odds
        odds = wins.sum(1) / (games / (odds[:, None] + odds)).sum(1)
        odds = odds / odds.log().mean().exp()
        if (odds / before - 1).abs().max() < 1e-9:
            break
    return 400 * odds.log10()
