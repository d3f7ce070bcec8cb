"""The lesson on amplification against libraries, and what it trains side by side against one."""

import itertools

import pytest
import torch
from scipy.stats import binom, hypergeom
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB

from lessons.amplification import experiments
from lessons.amplification.drills import detection_rate
from lessons.amplification.exercises import accuracy_by_level, catch_rate, sandwich
from lessons.amplification.oversight import LEFT, auroc, halves
from lessons.amplification.powers import Answerers, by_level, lookup, permutations, powers
from lessons.amplification.readers import digits, readers
from utils.notebook import generator


def test_a_team_of_two_naive_bayes_is_naive_bayes_on_everything():
    x, y = digits()
    x = x.double() + torch.rand(x.shape, generator=generator(0), dtype=torch.float64) / 10
    fits = [GaussianNB().fit(part[:900], y[:900]) for part in (x[:, :32], x[:, 32:], x)]
    parts = x[900:, :32], x[900:, 32:], x[900:]
    logs = [
        torch.tensor(fit.predict_log_proba(part)) for fit, part in zip(fits, parts, strict=True)
    ]
    prior = torch.tensor(fits[2].class_prior_).log()
    torch.testing.assert_close(sandwich(logs[0], logs[1], prior), logs[2], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("votes", [1, 3, 5, 9])
def test_accuracy_by_level_is_scipys_binomial(votes):
    for error in (0.0, 0.06, 0.3, 1.0):
        p = 1 - error
        for value in accuracy_by_level(error, 4, votes):
            p = binom.sf(votes // 2, votes, p)
            assert value == pytest.approx(p, abs=1e-9)
            p = p**2


def test_detection_rate_is_scipys_hypergeometric():
    for n, wrong, checks in itertools.product((5, 64), (0, 1, 4), (0, 1, 5)):
        found = hypergeom.sf(0, n, wrong, checks)
        assert detection_rate(n, wrong, checks) == pytest.approx(found, abs=1e-9)


def test_catch_rate_is_what_two_thresholded_scores_share():
    g = generator(0)
    both = torch.randn(3, 200_000, generator=g)
    p, a = (both[0] + both[1] > 1.2).double(), (both[0] + both[2] > 0.8).double()
    rho = torch.corrcoef(torch.stack([p, a]))[0, 1].item()
    caught = ((1 - a) * p).sum() / p.sum()
    assert catch_rate(p.mean().item(), a.mean().item(), rho) == pytest.approx(caught.item())


def test_auroc_is_scikit_learns():
    g = generator(1)
    truth = torch.randint(2, (300,), generator=g)
    scores = torch.randint(6, (300,), generator=g).double() + truth
    assert auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


def test_powers_are_steps_one_by_one():
    table = permutations(3, 5, 7)
    x = torch.arange(7).expand(3, -1)
    for j, ends in enumerate(powers(table, 4)):
        walked = x
        for _ in range(2**j):
            walked = lookup(table)(walked)
        assert torch.equal(ends, walked)


def test_answerers_side_by_side_say_what_each_says_alone():
    many = Answerers(3, 0, 8, 4)
    level, x = torch.randint(4, (3, 20)), torch.randint(8, (3, 20))
    together = many(level, x)
    for i in range(3):
        hidden = many.read[i, level[i]] + many.read[i, 4 + x[i]]
        alone = hidden.relu() @ many.write[i] + many.bias[i]
        torch.testing.assert_close(together[i], alone)


def test_readers_side_by_side_learn_what_each_learns_alone():
    x, y = digits()
    rows = torch.stack([torch.arange(60), torch.arange(100, 160)])
    test = x[None, 200:260]
    together = readers(x[rows], y[rows], 0, steps=30, alike=True)(test)
    for i in range(2):
        alone = readers(x[rows[i : i + 1]], y[rows[i : i + 1]], 0, steps=30, alike=True)(test)
        torch.testing.assert_close(together[i], alone[0], atol=1e-3, rtol=1e-3)


def test_a_tree_without_slips_is_right():
    table = permutations(1, 0)[0]
    x = torch.arange(32)
    for votes in (1, 3):
        assert torch.equal(experiments.tree(table, 0.0, 3, votes, x, 0), powers(table[None])[3, 0])


def test_an_answerer_that_knows_everything_is_right_at_every_level():
    truth = powers(permutations(2, 3))
    nets = torch.arange(2)[:, None]
    right = by_level(lambda level, x: truth[level, nets, x], truth)
    assert torch.equal(right, torch.ones_like(right))


def test_misread_changes_so_many_symbols_and_nothing_else():
    table = permutations(5, 1)
    assert ((experiments.misread(table, 3, 0) != table).sum(1) == 3).all()


def test_the_halves_do_not_overlap():
    assert len({*LEFT.tolist()} | {*(LEFT + 4).tolist()}) == 64
    assert halves(0).human.shape == halves(0).model.shape
