"""What the experiments on chains of thought do, on models that nobody trained."""

import math

import pytest
import torch
from sklearn.metrics import auc

from lessons.chain_of_thought import experiments as e
from lessons.chain_of_thought import world as w
from lessons.chain_of_thought.exercises import chain_loss_mask, early_answering_curve
from utils.decoder import Decoder
from utils.notebook import generator


@pytest.fixture(scope="module")
def model():
    return Decoder(w.VOCABULARY, w.LENGTH, 2, 4, 32, generator(0)).requires_grad_(False)


def test_an_answer_is_the_sum_of_its_digits():
    q = w.questions(50, generator(1), (1, 3, 5))
    digits = torch.where(q.digits < w.BASE, q.digits, 0)
    assert torch.equal(digits.sum(1) % w.BASE, q.answer)
    assert set(q.depth.tolist()) == {1, 3, 5}


@pytest.mark.parametrize("depths", [(), (0,), (6,)])
def test_other_depths_are_refused_in_words(depths):
    with pytest.raises(ValueError, match="from 1 to 5"):
        w.questions(3, generator(0), depths)


def test_a_width_that_four_heads_do_not_divide_is_refused_in_words():
    with pytest.raises(ValueError, match="multiple of 4"):
        e.reasoner(0, width=30)


def test_every_text_that_is_read_has_the_right_answer():
    tokens, steps, whole = e.written(200, generator(2))
    assert tokens.shape == (200, w.LENGTH)
    row = torch.arange(200)
    assert (tokens[row, w.START + steps] == w.ANSWER).all()
    digits = torch.where(tokens[:, : w.DEPTH] < w.BASE, tokens[:, : w.DEPTH], 0)
    assert torch.equal(tokens[row, w.START + steps + 1], digits.sum(1) % w.BASE)
    assert 0 < whole.float().mean() < 1


def test_the_mask_counts_what_the_model_writes():
    tokens, steps, whole = e.written(50, generator(3))
    counts = chain_loss_mask(steps, whole, w.START, w.LENGTH)
    assert torch.equal(counts.sum(1), steps + 1 + whole.long())
    assert not (tokens[:, 1:][counts] == w.BLANK).any()


def test_log_chances_are_those_of_what_was_drawn(model):
    q = w.questions(4, generator(4), (2,))
    tokens = e.sample(model, q, w.BENCH, generator(5))
    logs = model(tokens[:, :-1]).log_softmax(-1)
    places = (w.START - 1, w.START, w.START + 2)
    by_hand = sum(logs[torch.arange(4), p, tokens[:, p + 1]] for p in places)
    assert torch.allclose(e.log_chance(model, tokens, q.depth), by_hand, atol=1e-5)


def test_the_area_is_that_of_scikit_learn():
    answers = torch.randint(3, (6, 40), generator=generator(6))
    curve, area = early_answering_curve(answers)
    assert area == pytest.approx(auc([k / 5 for k in range(6)], 1 - curve.numpy()), abs=1e-6)


def test_the_monitor_tells_running_sums_from_harmless_steps():
    monitor = e.Monitor(0)
    tokens, depth, hacks = e.bench_demonstrations(300, generator(7), hidden=0.0)
    scores = monitor(tokens, depth)
    assert (scores[hacks] > 0.5).all() and (scores[~hacks] < 0.5).all()


def test_a_sound_chain_is_all_right_and_leads_to_its_answer():
    q = w.questions(3, generator(8), (e.HINT_DEPTH,))
    right = w.texts(q.digits, w.BLANK, q.sums, q.depth, q.answer)
    bent = right.clone()
    bent[:, w.START + 3] = (bent[:, w.START + 3] + 1) % w.BASE
    other = w.texts(q.digits, w.BLANK, q.sums, q.depth, (q.answer + 1) % w.BASE)
    assert e.sound(q, right).all()
    assert not e.sound(q, bent).any() and not e.sound(q, other).any()


def test_monitors_without_a_hack_are_nan_and_not_an_error(model):
    def work(tokens):
        logits = torch.zeros(*tokens.shape, w.VOCABULARY)
        logits[..., w.WORK] = 1e4
        return logits

    found = e.monitors(work, work, e.Monitor(0), 0, 2, n=20)
    assert all(math.isnan(value) for value in found)
