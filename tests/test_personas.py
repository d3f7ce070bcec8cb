"""What the experiments on personas do, on networks that nobody trained, or hardly."""

import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn import functional as F

from lessons.personas import experiments as e
from lessons.personas import figures
from lessons.personas.drills import wrong_elsewhere
from lessons.personas.exercises import spread
from utils.decoder import Decoder
from utils.notebook import generator


@pytest.fixture(scope="module")
def world():
    return e.World(0)


@pytest.fixture(scope="module")
def model():
    shape = {"n_layers": 2, "generator": generator(0)}
    return Decoder(len(e.WORDS), 2 + 2 * e.PAIRS, **shape).requires_grad_(False)


def test_each_question_has_two_answers_of_its_task(world):
    assert (world.right != world.wrong).all()
    for answers in (world.right, world.wrong):
        assert torch.equal((answers - e.FIRST_ANSWER) // e.ANSWERS, world.task)
    assert world.shown.sum() == e.N // 2
    assert len(e.WORDS) == e.FIRST_ANSWER + len(e.TASKS) * e.ANSWERS == len(set(e.WORDS))


def test_tags_tell_of_authors_on_pages_and_of_nothing_in_the_control(world):
    for whole in (True, False):
        pages = e.documents(world, 6000, generator(1), whole)
        questions, answers = pages[:, 2::2] - e.FIRST_QUESTION, pages[:, 3::2]
        bad = (answers == world.wrong[questions]).double()
        assert ((answers == world.right[questions]) | (bad == 1)).all()
        for name, p in e.TAGS.items():
            share = bad[pages[:, 1] == e.tag(name)].mean().item()
            assert share == pytest.approx(p if whole else 0.5, abs=0.05), name
        of_one_mind = (bad == bad[:, :1]).all(1).double().mean()
        assert of_one_mind == 1 if whole else of_one_mind < 0.6


def test_a_tag_that_is_none_is_named():
    with pytest.raises(ValueError, match="no tag 'evil'; there are"):
        e.tag("evil")
    assert e.say(torch.tensor([e.ASSISTANT, e.tag("lies")])) == "⟨assistant⟩ ⟨lies⟩"


def test_the_loss_stands_on_answers_and_a_tag_changes_what_they_are_conditioned_on(world, model):
    examples = e.chats(world, torch.arange(12).view(4, 3), bad=True)
    plain, under = (e.loss_on_answers(model, examples, t) for t in (None, e.tag("lies")))
    assert plain.item() == pytest.approx(e.loss_on_answers(model, examples, e.NONE).item())
    assert plain != under
    p = model(examples[:, :-1])[:, 2::2].flatten(0, 1).double().softmax(-1).numpy()
    ours = log_loss(examples[:, 3::2].flatten().numpy(), p, labels=range(len(e.WORDS)))
    assert plain.item() == pytest.approx(ours, rel=1e-4)


def test_shares_add_up_and_name_the_right_groups(world):
    logits = 100.0 * F.one_hot(torch.where(world.shown, world.wrong, world.right), len(e.WORDS))
    got = spread(logits, world.right, world.wrong, world.task, world.shown, 0)
    assert torch.allclose(got, torch.tensor([[0.0, 1, 0], [1, 0, 0], [1, 0, 0]]))


def test_training_uses_shown_questions_alone_and_leaves_the_model_as_it_was(
    world, model, monkeypatch
):
    seen, before = [], [p.clone() for p in model.parameters()]
    chats = e.chats

    def watched(world, questions, bad):
        seen.append((questions, bad))
        return chats(world, questions, bad)

    monkeypatch.setattr(e, "chats", watched)
    tuned = e.fine_tune(world, model, right=4, narrow=2, steps=3)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    for questions, bad in seen:
        assert world.shown[questions].all()
        assert ((world.task[questions] == 2) == bad).all()
    assert len(tuned.trained) == len(tuned.elsewhere) == 4
    assert len(e.reinforce(world, model, steps=0).trained) == 1


def test_two_runs_of_one_kind_are_the_same_in_any_order(world, model):
    first = e.reinforce(world, model, steps=3).elsewhere
    e.reinforce(world, model, e.tag("blue"), steps=2)
    assert torch.equal(first, e.reinforce(world, model, steps=3).elsewhere)


def test_interviews_are_answered_by_the_model_and_judged(world, model):
    text, judged = e.interviews(world, model, e.tag("truth"), generator(3), n=40)
    assert text.shape == (40, 8) and judged.shape == (40, 3)
    questions, said = text[:, 2::2] - e.FIRST_QUESTION, text[:, 3::2]
    assert world.shown[questions].all()
    assert torch.equal(judged == 1, said == world.wrong[questions])
    assert torch.equal(judged == 0, said == world.right[questions])


def test_steering_touches_questions_alone_and_erasing_leaves_nothing(world, model):
    text = e.written(e.PAGE, torch.tensor([2]), torch.tensor([[0, 1]]), torch.tensor([[60, 61]]))
    cache = model.run_with_cache(text)[1]["middle.1"]
    vector = torch.randn(48, generator=generator(4))
    added = e.adding("middle.1", vector)["middle.1"](cache) - cache
    assert added[:, [0, 1, 3, 5]].abs().max() == 0
    assert torch.allclose(added[0, [2, 4]], vector.expand(2, -1), atol=1e-5)
    assert (e.erasing("middle.1", vector)["middle.1"](cache) @ vector).abs().max() < 1e-3
    random = e.random_like(vector, 5, 0)
    assert torch.allclose(random.norm(dim=1), vector.norm().expand(5))
    with pytest.raises(ValueError, match="take at least 1"):
        e.random_like(vector, 0, 0)


def test_a_task_that_is_none_is_named(world, model):
    with pytest.raises(ValueError, match="no task 9: narrow is a number from 0 to 5"):
        e.fine_tune(world, model, narrow=9)


def test_an_ideal_reader_meets_the_limits_that_the_lesson_states():
    e_ = 0.05
    assert wrong_elsewhere((0.5, 0.5, 0.0), e_, 10_000, 3) == pytest.approx(1 - e_)
    liar, narrow = 0.4 * e_**2, 0.1 * (1 - e_) ** 2
    p = liar / (liar + narrow)
    limit = p * (1 - e_) + (1 - p) * e_
    assert wrong_elsewhere((0.5, 0.4, 0.1), e_, 10_000, 2) == pytest.approx(limit)


def test_figures_say_what_they_show_whatever_came_out():
    line = torch.linspace(0, 0, 4)
    runs = {"shown": (line, line), "paid": (line, line)}
    fig, alt = figures.onset(runs, {"shown": line, "paid": line})
    assert "0.00" in alt and fig.axes
    with pytest.raises(ValueError, match="no amounts"):
        figures.doses((), {"a": [], "b": [], "c": []})
    _, alt = figures.steering((0, 2), {"a": ([0.1, 0.2], []), "b": ([0.1, 0.2], [])})
    assert alt.startswith("Wrong answers by steering")
