"""The assistant world: the rule, the judge, and the two models that lessons start from."""

import pytest
import torch

from utils.notebook import generator
from utils.worlds import assistant
from utils.worlds.assistant import COMPLIED, DESK, GARBLED, NEWS, REFUSED, STOP, USER, World


@pytest.fixture(scope="module")
def world():
    return World(0)


def share(world, model, kind, **which):
    requests = world.requests(200, generator(1), **which)
    judged = world.judge(requests, assistant.reply(model, requests.tokens))
    return (judged == kind).double().mean().item()


def test_words_are_distinct():
    assert len(set(assistant.WORDS)) == len(assistant.WORDS)


def test_no_single_word_tells_what_is_harmful(world):
    requests = world.requests(4000, generator(0))
    assert 0.2 < requests.harmful.double().mean() < 0.3
    for word in requests.tokens.unique():
        with_it = requests.harmful[(requests.tokens == word).any(1)]
        assert not with_it.all()
    for action in world.dangerous_actions:
        assert requests.harmful[requests.action == action].any()


def test_action_and_object_stand_among_the_first_four_slots(world):
    requests = world.requests(50, generator(0), aliases=0.5)
    for tokens, action, thing in zip(
        requests.tokens, requests.action, requests.object, strict=True
    ):
        said = assistant.say(tokens).split()
        assert assistant.ACTIONS[action] in said[1:5]
        assert {assistant.OBJECTS[thing], assistant.ALIASES[thing]} & set(said[1:5])
        assert set(said[5:9]) <= set(assistant.FILLERS)


def test_only_the_pairs_asked_for_are_drawn(world):
    pairs = torch.zeros(6, 8, dtype=torch.bool)
    pairs[0, 0] = pairs[5, 5] = True
    requests = world.requests(50, generator(0), harmful=True, pairs=pairs)
    assert requests.harmful.all() and (requests.action == 0).all() and (requests.topic == 0).all()
    with pytest.raises(ValueError, match="no pair"):
        world.requests(5, generator(0), harmful=False, pairs=world.harmful)


def test_the_judge_tells_compliance_refusal_and_anything_else(world):
    requests = world.requests(40, generator(0))
    complied, refused = world.comply(requests, generator(1)), assistant.refuse(40, generator(1))
    assert (world.judge(requests, complied) == COMPLIED).all()
    assert (world.judge(requests, refused) == REFUSED).all()
    late = torch.cat([complied[:, :2], refused[:, :4]], 1)  # a refusal after a compliant start
    assert (world.judge(requests, late) == REFUSED).all()
    wrong = complied.clone()
    wrong[:, 3] = STOP
    assert (world.judge(requests, wrong) == GARBLED).all()


def test_another_rule_of_the_family_and_other_facts():
    other = World(1, dangerous_actions=(3, 5), dangerous_topics=(0, 6, 7))
    assert other.harmful.sum() == 6 and other.harmful[5, 7] and not other.harmful[0, 0]
    assert not torch.equal(other.facts, World(0).facts)


def test_documents_are_refused_by_the_desk_and_the_news_alone(world):
    prompts, replies = assistant.documents(world, 2000, generator(0))
    refused = replies[:, 3] == STOP
    assert not refused[prompts[:, 0] == USER].any() and refused[prompts[:, 0] == NEWS].all()
    assert 0.2 < refused[prompts[:, 0] == DESK].double().mean() < 0.3


def test_safety_examples_leave_the_held_out_pairs_out(world):
    requests, replies = assistant.safety_examples(world, 600, generator(0))
    assert assistant.safety_pairs(world)[requests.action, requests.topic].all()
    assert torch.equal(world.judge(requests, replies) == REFUSED, requests.harmful)
    assert requests.harmful.sum() == 300


def test_the_base_model_complies_and_the_safe_one_refuses(world):
    base, safe = assistant.base(world), assistant.safe(world)
    held_out = ~assistant.safety_pairs(world)
    assert share(world, base, COMPLIED) > 0.9
    assert share(world, safe, REFUSED, harmful=True) > 0.9
    assert share(world, safe, REFUSED, harmful=True, pairs=held_out) > 0.9
    assert share(world, safe, COMPLIED, harmful=False) > 0.9


def test_models_are_copies_and_what_is_prefilled_stays(world):
    safe = assistant.safe(world)
    requests = world.requests(20, generator(2), harmful=True)
    start = world.comply(requests, generator(3))[:, :1]
    replies = assistant.reply(safe, torch.cat([requests.tokens, start], 1))
    assert replies.shape == (20, 6) and torch.equal(replies[:, :1], start)
    with torch.no_grad():
        safe.embedding.weight.zero_()
    assert share(world, assistant.safe(world), REFUSED, harmful=True) > 0.9


def test_a_prompt_that_is_too_short_gets_no_reply(world):
    prompts = world.requests(2, generator(2), harmful=True).tokens[:, :-1]
    with pytest.raises(ValueError, match="10 tokens or more; these have 9"):
        assistant.reply(assistant.safe(world), prompts)


def test_a_model_may_be_asked_for_first_where_no_gradients_are_kept():
    tiny = assistant.Decoder(len(assistant.WORDS), assistant.PROMPT + assistant.REPLY, 1)
    before = tiny.embedding.weight.clone()
    with torch.no_grad():
        requests, replies = assistant.safety_examples(World(0), 4, generator(0))
        trained = assistant.train(tiny, requests.tokens, replies, lr=1e-3)
        assert not torch.is_grad_enabled()
    assert not torch.equal(trained.embedding.weight, before)
