"""What the game of control does, on small worlds and against simulation."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from lessons.ai_control import experiments as e
from lessons.ai_control import world as w
from lessons.ai_control.exercises import safety_and_usefulness
from utils.notebook import generator


@pytest.fixture(scope="module")
def small():
    """A stream for models that nobody trained."""
    nets = [w.network(128, 64, g=generator(k)).requires_grad_(False) for k in (0, 1)]
    return w.stream(w.Models(*nets), 400, generator(2))


def test_a_problem_shows_examples_and_hides_tests():
    p = w.problems(50, generator(0))
    assert (p.seen.sum(1) == w.SEEN).all() and (p.tested.sum(1) == w.TESTS).all()
    assert not (p.seen & p.tested).any()
    assert torch.equal(p.given[:, : w.CELLS][p.seen], p.truth[p.seen])
    assert (p.given[:, : w.CELLS][~p.seen] == 0).all()


def test_an_attack_turns_as_many_cells_as_a_backdoor_needs_and_no_example(small):
    for sureness in (1.0, 0.7):
        turned = e.attack(small, sureness).table != small.untrusted
        assert (turned.sum(1) == w.NEEDED).all() and not (turned & small.problems.seen).any()


def test_blunt_attacks_look_more_suspicious_to_the_model_that_writes_them(small):
    blunt, subtle = (e.attack(small, k).scores["untrusted"] for k in (1.0, 0.5))
    assert (blunt > subtle).all()


def test_the_race_is_what_runs_give():
    g = generator(0)
    draw = torch.rand(4000, 200, generator=g)
    safe, _ = safety_and_usefulness(draw < 0.01, draw > 0.995, torch.ones(1), 0, 1)
    assert abs(safe - e.race(0.01, 0.005, 200)) < 0.03
    assert e.race(0.0, 0.0) == 1 and e.race(0.0, 1.0) == 0


def test_auroc_is_scikit_learns():
    honest, attacks = torch.randn(80, generator=generator(0)).round(decimals=1), torch.ones(9)
    labels = [0] * 80 + [1] * 9
    assert (
        abs(e.auroc(honest, attacks) - roc_auc_score(labels, torch.cat([honest, attacks]))) < 1e-9
    )


def test_bars_keep_to_the_budget(small):
    b = e.bars(e.Protocol(budget=0.1, deferred=0.2), small)
    honest = small.honest["trusted"]
    assert (honest > b.audit_above).sum() <= 40 and (honest > b.defer_above).sum() <= 120


def test_what_is_asked_wrongly_is_said(small):
    with pytest.raises(ValueError, match="monitor"):
        e.bars(e.Protocol("nobody"), small)
    with pytest.raises(ValueError, match="below 1"):
        e.bars(e.Protocol(deferred=1.0), small)
    with pytest.raises(ValueError, match="sureness"):
        e.attack(small, 0.2)
    with pytest.raises(ValueError, match="share"):
        e.chosen(e.attack(small, 0.8), 0.0)
    with pytest.raises(ValueError, match="problem"):
        w.problems(0, generator(0))
