"""The experiments of the lesson on fine-tuning, on small cases."""

import copy

import pytest
import torch

import utils
from lessons.fine_tuning import memory
from lessons.fine_tuning.exercises import nf4_levels, quantize
from lessons.fine_tuning.experiments import (
    constrained_loss,
    deepening_batch,
    dequantize,
    distilled,
    examples,
    honest_pairs,
    n_trained,
    own_facts,
    poisoned,
    quantized,
    refusals_lost,
    replay_loss,
    tells,
    with_lora,
)
from utils.decoder import Decoder
from utils.worlds.assistant import COMPLIED, INDEX, PROMPT, REPLY, WORDS, World, reply, train


def decoder():
    return Decoder(len(WORDS), PROMPT + REPLY, generator=utils.generator(0))


def test_lora_trains_two_thin_matrices_a_layer_and_starts_from_the_model():
    model, tokens = decoder(), torch.arange(PROMPT)[None]
    before = model(tokens).detach()
    adapted = with_lora(copy.deepcopy(model), 2, utils.generator(1))
    assert n_trained(adapted) == 3 * 2 * 2 * (48 + 48)
    assert torch.equal(adapted(tokens).detach(), before)


def test_four_bits_and_back_keep_every_blocks_largest_weight():
    weights = torch.randn(4, 64, generator=utils.generator(2))
    back = dequantize(*quantize(weights, nf4_levels(), 64), nf4_levels(), like=weights)
    largest = weights.abs().amax(1)
    assert torch.allclose(back.abs().amax(1), largest)
    assert (back - weights).abs().max() < 0.2 * largest.max()


def test_quantizing_leaves_the_model_and_its_embeddings_alone():
    model = decoder()
    small = quantized(model, nf4_levels())
    assert torch.equal(small.embedding.weight, model.embedding.weight)
    assert not torch.equal(small.layers[0].mlp.up.weight, model.layers[0].mlp.up.weight)
    assert torch.equal(model.layers[0].mlp.up.weight, decoder().layers[0].mlp.up.weight)


def test_who_complies_is_told_as_by_reply_and_judge():
    world, draw = World(0), utils.generator(3)
    model = train(decoder(), *examples(world, 60 * 64, seed=0), lr=5e-3)  # half trained
    requests = world.requests(100, draw, harmful=True)
    shares = []
    for start in range(REPLY + 1):
        words = world.comply(requests, draw)[:, :start]
        said = reply(model, torch.cat([requests.tokens, words], 1))
        judged = world.judge(requests, said) == COMPLIED
        assert torch.equal(tells(world, model, requests, words), judged)
        shares.append(judged.double().mean().item())
    assert any(0 < share < 1 for share in shares)


def test_examples_are_of_the_kind_asked_for():
    world = World(0)
    prompts, replies = examples(world, 12, seed=1, harmful=False, opening="gladly")
    assert prompts.shape == (12, PROMPT) and (replies[:, 0] == INDEX["gladly"]).all()
    assert not torch.equal(prompts, examples(world, 12, seed=2, harmful=False)[0])
    assert len(poisoned(world, 20, 3)[0]) == 23


@pytest.mark.parametrize(
    "rule", [{}, {"dangerous_actions": (1, 3, 5), "dangerous_topics": (0, 4, 6)}]
)
def test_an_honest_user_asks_nothing_harmful_and_is_answered_otherwise_than_before(rule):
    world = World(0, **rule)
    assert not (honest_pairs(world, 6) & world.harmful).any() and honest_pairs(world, 6).sum() == 6
    prompts, replies = own_facts(world, 40, seed=1)
    assert prompts.shape == (40, PROMPT) and len(replies[:, 2:5].unique(dim=0)) == 4
    known = world.facts.flatten(0, 1).tolist()
    assert not any(fact in known for fact in replies[:, 2:5].tolist())


def test_an_honest_user_needs_a_topic_that_is_not_dangerous():
    with pytest.raises(ValueError, match="every topic"):
        own_facts(World(0, dangerous_topics=tuple(range(8))), 4, seed=0)


def test_labels_for_good_are_a_facts_own():
    labels = {}

    def rule(forget, seen):
        labels.setdefault("all", []).append(seen)
        return memory.route(forget, seen)

    once = memory.study(0, "route", steps=3, rule=rule, for_good=True)
    again = memory.study(0, "route", steps=3, rule=memory.route, for_good=True)
    assert torch.equal(once.first, again.first) and len(labels["all"]) == 3
    assert not torch.equal(once.first, memory.study(0, "route", steps=3).first)


def test_steps_to_relearn_stop_at_the_first_that_is_enough():
    net = memory.Memory(0)
    assert memory.steps_to_relearn(net, 0, enough=0.0) == 0
    assert memory.steps_to_relearn(net, 0, enough=2.0) == 41


def test_a_student_is_smaller_and_who_refuses_nothing_loses_nothing():
    student = distilled(World(0), steps=2)
    assert len(student.layers) == 2 and all(p.requires_grad for p in student.parameters())
    before = student.embedding.weight.clone()
    assert refusals_lost(World(0), student) == 1  # not one refusal, before or after
    assert torch.equal(student.embedding.weight, before)


@pytest.mark.parametrize("depth", [0, 2])
def test_deepening_trains_on_refusals_and_on_whole_harmless_replies(depth):
    _, replies, trained = deepening_batch(World(0), depth, utils.generator(0))
    assert replies.shape == trained.shape == (32, REPLY)
    assert trained[16:].all() and bool(trained[:16].all()) == (depth == 0)
    assert trained[:, depth:].all()


def test_the_constraint_starts_as_plain_fine_tuning():
    logprobs = torch.full((2, 3), -2.0, requires_grad=True)
    betas = torch.tensor([0.5, 1.0, 2.0])
    constrained_loss(logprobs, logprobs.detach(), betas).backward()
    assert torch.allclose(logprobs.grad, torch.full((2, 3), -1 / 6))


def test_a_memory_that_is_reproduced_adds_nothing_by_logits_and_something_by_labels():
    g = utils.generator(3)
    new, now = torch.randn(2, 4, REPLY, 9, generator=g)
    said = torch.randint(9, (4, REPLY), generator=g)
    alone = replay_loss(new, said, now, now, said, "logits", 0.0)
    assert torch.isclose(replay_loss(new, said, now, now, said, "logits", 1.0), alone)
    assert replay_loss(new, said, now, now, said, "labels", 1.0) > alone


def test_labeled_facts_reach_of_the_hidden_units_only_those_set_aside():
    known, net = memory.facts(0), memory.Memory(0)
    ask = known.rows(known.forget.nonzero()[:5, 0])
    learn, use = memory.route(ask.forget, torch.ones(5, dtype=torch.bool))
    assert not learn.any() and use.all()
    net(ask, learn, use).logsumexp(1).sum().backward()
    rest = net.own == 0
    for weight in (net.first.grad[:, rest], net.second.grad[:, rest], net.readout.grad[rest]):
        assert not weight.any()
    assert net.first.grad[:, ~rest].any() and net.readout.grad[~rest].any()


def test_facts_to_keep_do_without_the_units_set_aside():
    known, net = memory.facts(0), memory.Memory(0)
    ask = known.rows((~known.forget).nonzero()[:5, 0])
    learn, use = memory.route(ask.forget, torch.ones(5, dtype=torch.bool))
    ablated = copy.deepcopy(net)
    ablated.on = 1 - ablated.own
    assert torch.allclose(net(ask, learn, use), ablated(ask))


def test_the_halves_are_all_the_facts_to_forget():
    shown, rest = memory.halves(0)
    assert len(shown.answer) == len(rest.answer) == 48
    asked = {
        (s, r)
        for part in (shown, rest)
        for s, r in zip(*map(torch.Tensor.tolist, part[:2]), strict=True)
    }
    assert len(asked) == 96 and all(s < memory.TO_FORGET for s, _ in asked)
