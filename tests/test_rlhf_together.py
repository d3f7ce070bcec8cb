"""The RLHF lesson's own parts: policies trained side by side are those trained one by one."""

import torch

from lessons.rlhf import experiments
from utils.worlds.preferences import Policy, RewardModel


def test_ppo_side_by_side_makes_what_ppo_makes():
    reference, reward = Policy(4, 6, seed=0, **experiments.SIZE), RewardModel(16, 4, 6, seed=0)
    betas = (0.1, 0.8)
    together = experiments.ppo_side_by_side(reference, reward, betas, seed=0, steps=2)
    for beta, made in zip(betas, together, strict=True):
        alone, _ = experiments.ppo(reference, reward, beta, seed=0, steps=2)
        for name, weight in alone.named_parameters():
            assert torch.allclose(weight, made.get_parameter(name), atol=2e-3), name
        moved = (alone.out.weight - reference.out.weight).abs().max()
        assert moved > 0.01, "both have been trained"


def test_the_critic_does_not_see_the_token_whose_value_it_predicts():
    critic = experiments.Critic(4, 6, seed=0)
    torch.nn.init.ones_(critic.out.weight)
    tokens = torch.randint(4, (1, 6), generator=torch.Generator().manual_seed(0))
    other = tokens.clone()
    other[:, 3] = (other[:, 3] + 1) % 4
    same = critic.values(tokens) == critic.values(other)
    assert same[0, :4].all() and not same[0, 4:].any()


def test_a_drawn_ensemble_has_learned_its_comparisons():
    generator = torch.Generator().manual_seed(0)
    chosen, rejected = torch.randint(8, (2, 64, 12), generator=generator)
    models = experiments.train_ensemble(chosen, rejected, seed=0)
    won = torch.stack([(m(chosen) > m(rejected)).float().mean() for m in models])
    assert won.min() > 0.7 and len({m(chosen).sum().item() for m in models}) == 3
