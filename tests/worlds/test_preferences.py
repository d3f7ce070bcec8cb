"""utils/worlds/preferences.py: the small world that several lessons share."""

import pytest
import torch

import utils
from utils.worlds.preferences import (
    Policies,
    Policy,
    RewardModel,
    World,
    preference_pairs,
    preference_probability,
    sft,
    the_more_the_better,
    train_reward_model,
)

SMALL = {"n_tokens": 4, "length": 4}


def test_gold_is_scaled_on_demonstrations_and_other_seeds_give_other_golds():
    world = World(3)
    tokens = world.demonstrations(4000, utils.generator(5))
    gold = world.gold(tokens)
    assert tokens.shape == (4000, 12) and gold.shape == (4000,)
    assert abs(gold.mean()) < 0.1 and abs(gold.std() - 1) < 0.1
    assert torch.equal(World(3).gold(tokens), gold)
    assert torch.equal(world.gold(tokens[None]), gold[None])
    other = World(3, gold_seed=17)
    assert torch.equal(other.transition, world.transition)
    assert torch.corrcoef(torch.stack([gold, other.gold(tokens)]))[0, 1] < 0.9


def test_too_much_is_worth_little_unless_more_is_better():
    for seed in range(5):
        world = World(seed)
        same = torch.arange(8)[:, None].expand(8, 12)
        assert (world.gold(same) < 0).all() and world.gold(same).mean() < -2
        endless = World(seed, appetite=the_more_the_better)
        assert endless.gold(same).max() > 2


def test_a_small_world_is_listed_in_full_and_a_large_one_refused():
    tokens = World(0, **SMALL).all_sequences()
    assert tokens.shape == (256, 4) and len(tokens.unique(dim=0)) == 256
    with pytest.raises(ValueError, match="too many"):
        World(0).all_sequences()


def test_a_policys_probabilities_sum_to_one_and_its_samples_follow_them():
    policy, tokens = Policy(seed=1, **SMALL), World(0, **SMALL).all_sequences()
    exact = policy.token_logprobs(tokens).sum(1).exp()
    assert abs(exact.sum() - 1) < 1e-5
    drawn = policy.sample(50_000, utils.generator(0)) @ torch.tensor([64, 16, 4, 1])
    share = drawn.bincount(minlength=256) / 50_000
    assert (share - exact).abs().sum() < 0.08  # total variation of 50,000 draws over 256 cells


def test_logits_do_not_see_what_they_predict():
    policy = Policy(seed=0)
    tokens = policy.sample(8, utils.generator(0))
    changed = tokens.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 8
    same = (policy.logits(tokens) - policy.logits(changed)).abs().amax((0, 2)) < 1e-6
    assert same[:7].all() and not same[7]


def test_seeds_decide_everything_and_torchs_own_state_is_left_alone():
    before = torch.random.get_rng_state()
    a, b, c = (Policy(seed=s) for s in (0, 0, 1))
    assert torch.equal(a.out.weight, b.out.weight) and not torch.equal(a.out.weight, c.out.weight)
    assert torch.equal(a.sample(9, utils.generator(2)), b.sample(9, utils.generator(2)))
    RewardModel(4)
    assert torch.equal(before, torch.random.get_rng_state())


def test_policies_side_by_side_do_what_each_would_alone():
    policies, alone = Policies(Policy(seed=0, **SMALL), 3), Policy(seed=0, **SMALL)
    together = torch.optim.Adam(policies.parameters(), lr=0.01)
    adam = torch.optim.Adam(alone.parameters(), lr=0.01)
    tokens = torch.stack([alone.sample(16, utils.generator(seed)) for seed in range(3)])
    for _ in range(5):
        for optimizer, loss in (
            (together, -policies.token_logprobs(tokens).mean((1, 2)).sum()),
            (adam, -alone.token_logprobs(tokens[1]).mean()),
        ):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    each = torch.stack([policies[i].token_logprobs(tokens[i]) for i in range(3)])
    assert torch.allclose(policies.token_logprobs(tokens), each, atol=1e-5)
    assert torch.allclose(alone.token_logprobs(tokens[1]), each[1], atol=1e-3)
    assert not torch.allclose(each[0], policies[1].token_logprobs(tokens[0]), atol=0.01)


def test_a_policy_taken_out_of_several_stays_as_it_is():
    policies = Policies(Policy(seed=0, **SMALL), 2)
    one = policies[1]
    before = one.out.weight.clone()
    with torch.no_grad():
        policies.weights["out.weight"].add_(1)
    assert torch.equal(one.out.weight, before)
    assert torch.equal(policies[1].out.weight, before + 1)


def test_sft_learns_the_chain():
    world, policy = World(0, **SMALL), Policy(seed=0, **SMALL)
    demonstrations = world.demonstrations(2000, utils.generator(0))
    losses = sft(policy, demonstrations, utils.generator(0), steps=100)
    chain = torch.cat([torch.full((2000, 1), 4), demonstrations[:, :-1]], 1)
    entropy = -world.transition[chain, demonstrations].log().mean().item()
    assert abs(sum(losses[-10:]) / 10 - entropy) < 0.05


@pytest.mark.parametrize("flip_rate", [0.0, 0.3, 1.0])
def test_labels_follow_gold_but_for_the_flips(flip_rate):
    world = World(0)
    first, second = world.demonstrations(40_000, utils.generator(1)).chunk(2)
    chosen, rejected = preference_pairs(world, first, second, utils.generator(2), flip_rate)
    taken = (chosen == first).all(1)
    assert torch.equal(torch.where(taken[:, None], second, first), rejected)
    p = preference_probability(world, first, second)
    expected = p * (1 - flip_rate) + (1 - p) * flip_rate
    assert abs(taken.float().mean() - expected.mean()) < 0.02
    sure = p > 0.95
    assert abs(taken[sure].float().mean() - expected[sure].mean()) < 0.02


@pytest.mark.parametrize("width", [0, 8])
def test_a_reward_model_learns_to_choose(width):
    world = World(0, appetite=the_more_the_better)
    first, second = world.demonstrations(4000, utils.generator(1)).chunk(2)
    pairs = preference_pairs(world, first, second, utils.generator(2))
    model = RewardModel(width)
    losses = train_reward_model(model, *pairs, utils.generator(3), steps=150)
    assert losses[-1] < losses[0]
    assert (
        (model(first) > model(second)) == (world.gold(first) > world.gold(second))
    ).float().mean() > 0.75
