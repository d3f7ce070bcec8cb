"""What the lesson on AI feedback measures: its constitutions, its exact sums, its judges."""

import pytest
import torch

import utils
from lessons.ai_feedback import feedback
from lessons.ai_feedback.constitution import FOLDER, PHRASES, read_constitution, rules
from lessons.ai_feedback.exercises import soft_preference_loss
from lessons.ai_feedback.experiments import (
    RED_PROMPTS,
    compromise,
    critic,
    imitate,
    measure,
    red_kl,
    sl_cai,
    tilt,
    tuned,
)
from lessons.ai_feedback.preference_model import fit_preferences
from lessons.ai_feedback.replies import all_replies, counts, index, logprobs, make_world

GOOD = '[[principle]]\nname = "a"\navoid = ["insult"]\nput = ["reason"]\n'


@pytest.mark.parametrize("name", sorted(p.stem for p in FOLDER.glob("*.toml")))
def test_the_constitutions_can_be_read_and_say_what_to_do_in_words(name):
    principles = read_constitution(name)
    for p in principles:
        assert p.critique and p.revise and p.choose and p.put
    avoid, put, weights = rules(principles)
    assert avoid.shape == put.shape == (len(principles), len(PHRASES))
    assert weights.sum().item() == pytest.approx(1)


def test_text_is_read_as_a_file_is():
    (p,) = read_constitution(GOOD + "weight = 3\n")
    assert p.avoid == ("insult",) and p.put == ("reason",) and p.weight == 3
    assert read_constitution("harmless") == read_constitution("harmless.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no_such", "no constitution 'no_such' in data/constitutions; there are: harmless"),
        ("[[principle]]\nname = a", "no TOML.*stands in quotes"),
        ("\n \n", "has no principle: each begins with"),
        ("[[principal]]\nname = 'a'", "no principle: each begins with"),
        ("principle = [1]\n\nx = 2", "no principle: each begins with"),
        ("[[principle]]\nname = 'a'\nput = ['help']", r"principle 1 \(a\): avoid is missing; add"),
        (GOOD.replace("avoid", "avoids"), "avoid is missing"),
        (GOOD + "wieght = 2", "'wieght' is no key; there are"),
        (GOOD.replace("insult", "insults"), "'insults' in avoid is no phrase; "),
        (GOOD.replace('["reason"]', '"reason"'), "put has to be a list of phrases, as in"),
        (GOOD.replace('["reason"]', "[]"), "put is empty"),
        (GOOD.replace('"reason"', '"insult"'), "'insult' is in avoid and in put"),
        (GOOD.replace('"a"', "3"), "name has to be a text in quotes"),
        (GOOD + 'weight = "much"', "weight has to be a number from 0 up"),
        (GOOD + "weight = -1", "weight has to be a number from 0 up"),
        (GOOD + "weight = 0", "every weight is 0"),
        (GOOD + GOOD, "two principles are called 'a'; rename one"),
        ("weight = 1\n" + GOOD, "'weight' stands outside a"),
    ],
)
def test_a_wrong_constitution_says_what_to_do(text, says):
    with pytest.raises(ValueError, match=says):
        read_constitution(text)


def test_principles_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="no principle with a weight above 0"):
        rules([p._replace(weight=0.0) for p in read_constitution(GOOD)])
    with pytest.raises(ValueError, match="no principle with a weight above 0"):
        rules([])


@pytest.mark.parametrize(
    ("reply", "evasive"),
    [("dodge help", 1), ("help help", 0), ("dodge answer", 0), ("dodge reason", 0)],
)
def test_evasive_is_a_dodge_that_answers_and_explains_nothing(reply, evasive):
    phrases = torch.tensor([PHRASES.index(p) for p in reply.split()] + [PHRASES.index("help")] * 3)
    policy = torch.full((6, 8**5), -torch.inf).double()
    policy[:, index(phrases)] = 0
    assert measure(policy, make_world(0)).evasive == evasive


def test_every_reply_is_listed_once_where_its_index_says():
    replies = all_replies()
    assert torch.equal(index(replies), torch.arange(8**5))
    assert (counts().sum(1) == 5).all()


def test_probabilities_sum_to_one_and_a_chain_is_found_again():
    world = make_world(0)
    policy = logprobs(world.assistant)
    assert torch.allclose(policy.exp().sum(1), torch.ones(6).double())
    drawn = torch.multinomial(policy[0].exp(), 60_000, True, generator=utils.generator(0))
    found = imitate(torch.zeros(60_000, dtype=torch.long), all_replies()[drawn])
    assert torch.allclose(found[0], world.assistant[0], atol=0.04)


def test_the_critic_notices_as_often_as_it_says():
    avoid = torch.tensor([[1.0, 0.0]])
    replies = torch.tensor([[0, 1]]).expand(20_000, 2)
    flagged = critic(avoid, utils.generator(0))(replies, torch.zeros(20_000, dtype=torch.long))
    assert torch.allclose(flagged.double().mean(0), torch.tensor([0.8, 0.03]).double(), atol=0.01)


def test_tilting_raises_reward_and_is_the_best_at_its_price():
    g = utils.generator(0)
    reference = torch.randn(1, 7, generator=g, dtype=torch.float64).log_softmax(-1)
    reward = torch.randn(1, 7, generator=g, dtype=torch.float64)

    def objective(policy):
        return (policy.exp() * (reward - 0.5 * (policy - reference))).sum()

    best = tilt(reference, reward, 0.5)
    for _ in range(20):
        other = (best + 0.1 * torch.randn(1, 7, generator=g)).log_softmax(-1)
        assert objective(other) < objective(best)


def test_tuning_ends_at_its_target():
    world = make_world(0)
    reference = logprobs(world.assistant)
    policy = tuned(reference, -world.harm, lambda p: measure(p, world).harm, 0.3)
    assert measure(policy, world).harm == pytest.approx(0.3, abs=1e-3)
    policy = tuned(reference, -world.harm, lambda p: -red_kl(p, reference), -0.5)
    assert red_kl(policy, reference) == pytest.approx(0.5, abs=1e-3)


def test_a_fit_ends_where_the_soft_loss_and_its_ridge_are_level():
    g = utils.generator(3)
    difference = torch.randn(200, 3, generator=g, dtype=torch.float64)
    label = torch.rand(200, generator=g, dtype=torch.float64)
    weights = fit_preferences(difference, label, spread=2.0).requires_grad_()
    loss = soft_preference_loss(difference @ weights, torch.zeros(200).double(), label)
    total = 200 * loss + (weights / 2).square().sum() / 2
    assert torch.autograd.grad(total, weights)[0].abs().max() < 1e-6


def test_the_first_phase_changes_red_team_prompts_alone():
    world = make_world(1)
    before, after = logprobs(world.assistant), sl_cai(world, read_constitution("harmless"), 1)
    assert torch.equal(before[3:], after[3:])
    assert not torch.allclose(before[RED_PROMPTS], after[RED_PROMPTS], atol=0.1)


def test_more_weight_on_harm_does_less_harm():
    harms = [compromise(0, w).harm for w in (0.0, 0.5, 1.0)]
    assert harms == sorted(harms, reverse=True)


def test_best_of_n_by_ranks_is_best_of_n_by_draws():
    g = utils.generator(0)
    reward, value = torch.randn(2, 50, generator=g, dtype=torch.float64)
    drawn = torch.randint(50, (200_000, 4), generator=g)
    best = drawn.gather(1, reward[drawn].argmax(1, keepdim=True))[:, 0]
    assert feedback.best_of_n(reward, value, 4) == pytest.approx(
        value[best].mean().item(), abs=0.01
    )
    assert feedback.best_of_n(reward, value, 1) == pytest.approx(value.mean().item())


def test_a_judge_without_position_bias_is_right_in_either_order():
    margin = torch.tensor([20.0, -20.0], dtype=torch.float64)
    for swapped, letters in ((False, [0, 1]), (True, [1, 0])):
        said = feedback.ask_in_order(margin, 0.0, utils.generator(0), swapped)
        assert said.argmax(1).tolist() == letters
    assert feedback.same_position(margin, 100.0, utils.generator(0)) == 1


def test_people_and_the_judge_label_as_they_say():
    gold, taste = torch.zeros(40_000).double(), torch.ones(40_000).double()
    same = feedback.Answers(gold, gold, 0 * taste)
    fond = feedback.Answers(gold, gold, taste)
    g = utils.generator(0)
    assert feedback.label_pairs(0, fond, same, "people", g).mean() == pytest.approx(0.5, abs=0.01)
    assert feedback.label_pairs(0, fond, same, "AI", g, bias=1.0).mean() > 0.8
    better = feedback.Answers(gold, gold + 9, taste)
    assert feedback.label_pairs(0, better, same, "people", g).mean() == pytest.approx(
        0.75, abs=0.01
    )
