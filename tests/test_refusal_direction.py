"""What the refusal direction's experiments do, on models that nobody trained."""

import pytest
import torch

from lessons.refusal_direction import experiments as e
from utils.decoder import Decoder
from utils.notebook import generator
from utils.worlds.assistant import PROMPT, REPLY, WORDS, World, safety_examples


@pytest.fixture(scope="module")
def world():
    return World(0)


@pytest.fixture(scope="module")
def model():
    return Decoder(len(WORDS), PROMPT + REPLY, generator=generator(0)).requires_grad_(False)


@pytest.fixture(scope="module")
def sets(world):
    return e.draw(world, seed=0, n_test=20)


def test_directions_are_tested_on_topics_that_they_were_not_read_from(world, sets):
    read, tested = (set(q.topic.tolist()) for q in (sets.harmful, sets.test_harmful))
    assert read == {0, 1} and tested == {2, 3}
    assert sets.harmful.harmful.all() and not sets.harmless.harmful.any()
    one_topic = e.draw(World(0, dangerous_topics=(5,)), seed=0, n_test=4)
    assert set(one_topic.test_harmful.topic.tolist()) == {5}


def test_weights_that_cannot_write_do_what_hooks_do(model, sets):
    r = torch.randn(48, generator=generator(1))
    edited = e.orthogonalized(model, r)
    hooked = model.run_with_hooks(sets.harmful.tokens, e.ablating(model, r))
    assert torch.allclose(edited(sets.harmful.tokens), hooked, atol=1e-5)
    assert (e.residuals(edited, sets.harmful) @ r).abs().max() < 1e-4
    assert not torch.equal(model.embedding.weight, edited.embedding.weight)


def test_candidates_and_the_choice_among_them(model, sets):
    found = e.candidates(model, sets)
    assert len(found) == 4 * 5 - 1  # at ⟨ask⟩ before layer 0 nothing differs
    picked, max_kl = e.chosen(found, model.n_layers)
    assert picked in found and max_kl >= 0.1
    score = [e.Candidate(1, -1, torch.ones(2), b, 1.0, 0.15) for b in (-1.0, -3.0)]
    assert e.chosen(score, 3) == (score[1], 0.2)
    hopeless = [c._replace(induce=-1.0) for c in score]
    assert e.chosen(hopeless, 3)[0] == hopeless[1]


def test_auroc_is_the_chance_to_lie_higher():
    assert e.auroc(torch.tensor([2.0, 3.0]), torch.tensor([0.0, 1.0])) == 1
    assert e.auroc(torch.tensor([0.0, 2.0]), torch.tensor([1.0])) == 0.5
    assert e.auroc(torch.zeros(3), torch.zeros(2)) == 0.5


def test_whitening_ignores_a_direction_that_scatters():
    g = generator(2)
    scatter = torch.tensor([10.0, 0.1])
    a, b = (torch.randn(4000, 2, generator=g) * scatter for _ in range(2))
    w = e.whitened(a + 1, b, ridge=0.0)
    assert w[1] / w[0] > 1000


def test_what_is_hidden_has_no_part_along_what_reads(model, sets):
    r = e.candidates(model, sets)[-1]._replace(layer=2)
    h = e.hidden(model, sets, r, seed=0, scale=2.0, steps=2)
    read = e.whitened(e.at(model, sets.harmful, r), e.at(model, sets.harmless, r))
    assert h.norm().item() == pytest.approx(2 * r.direction.norm().item(), rel=1e-4)
    for d in (r.direction, read):
        assert abs(torch.cosine_similarity(h, d, dim=0)) < 1e-4


def test_each_topic_has_a_refusal_of_its_own(world):
    requests, replies = safety_examples(world, 200, generator(0))
    own = e.refuse_by_topic(requests, replies)
    assert torch.equal(own[~requests.harmful], replies[~requests.harmful])
    for topic in range(4):
        assert len(own[requests.harmful & (requests.topic == topic)].unique(dim=0)) == 1


def test_safety_training_moves_a_copy(world, model):
    before = model.embedding.weight.clone()
    erased = torch.randn(48, generator=generator(3))
    trained = e.safety_trained(world, model, 0, ablated=lambda m, step: erased, steps=2)
    assert torch.equal(model.embedding.weight, before)
    assert not torch.equal(trained.embedding.weight, before)
    assert not trained.embedding.weight.requires_grad


def test_an_ablation_to_the_mean_leaves_requests_alike_along_the_direction(model, sets):
    r = torch.randn(48, generator=generator(4))
    hooks = e.ablating_to_mean(model, r, sets.harmless)
    for name in model.names():
        for length in (PROMPT, PROMPT + REPLY - 1):
            x = torch.randn(5, length, 48, generator=generator(5))
            along, unit = hooks[name](x) @ r, r / r.norm()
            assert torch.allclose(along, along[:1].expand_as(along), atol=1e-3)
            assert torch.allclose((hooks[name](x) - x) @ (torch.eye(48) - unit[:, None] * unit),
                                  torch.zeros_like(x), atol=1e-5)  # fmt: skip


def test_a_vector_is_added_while_a_direction_is_erased(model):
    r, h = torch.randn(2, 48, generator=generator(6))
    h = h - (h @ r) / (r @ r) * r
    hooks = e.adding_without(model, 1, h, r)
    x = torch.randn(3, PROMPT, 48, generator=generator(7))
    assert (hooks["residual.1"](x) @ r).abs().max() < 1e-4
    assert torch.allclose(hooks["residual.1"](x), hooks["residual.2"](x) + h, atol=1e-5)


def test_what_lies_at_a_right_angle_has_no_indirect_effect(model, sets):
    r = e.candidates(model, sets)[-1]._replace(layer=2)
    other = torch.randn(48, generator=generator(8))
    across = other - (other @ r.direction) / (r.direction @ r.direction) * r.direction
    assert e.indirect_effects(model, sets, r, across) == pytest.approx((0, 0), abs=1e-3)
    flipped, straight = (e.indirect_effects(model, sets, r, s * r.direction) for s in (-3, 1))
    assert flipped == pytest.approx(straight, abs=1e-4), "neither length nor sign matters"


def test_who_asks_is_changed_in_a_copy(sets):
    news = e.asked_by(sets.harmless, 2)
    assert (news.tokens[:, 0] == 2).all() and (sets.harmless.tokens[:, 0] == 0).all()
    assert torch.equal(news.tokens[:, 1:], sets.harmless.tokens[:, 1:])
