"""What the weak-to-strong lesson trains side by side is what its notebook trains one by one."""

import pytest
import torch

from lessons.weak_to_strong import distillation, experiments, game, imitation
from lessons.weak_to_strong.exercises import confidence_loss
from lessons.weak_to_strong.networks import copies, minimize, network


@pytest.mark.parametrize("threshold", [None, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_losses_of_all_are_the_loss_of_each(seed, threshold):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 41, generator=g, dtype=torch.float64).requires_grad_()
    weak = torch.rand(6, 41, generator=g, dtype=torch.float64)
    alphas = torch.tensor([0, 0.25, 0.5, 0.75, 1, 0], dtype=torch.float64)
    ours = imitation.confidence_losses(logits, weak, alphas, threshold)
    rows = zip(logits, weak, alphas.tolist(), strict=True)
    each = torch.stack([confidence_loss(*row, threshold) for row in rows])
    torch.testing.assert_close(ours, each)
    pairs = (torch.autograd.grad(losses.sum(), logits)[0] for losses in (ours, each))
    torch.testing.assert_close(*pairs)


def test_students_side_by_side_say_what_each_says_alone():
    g = torch.Generator().manual_seed(0)
    x, rows, alphas = torch.randn(300, 8, generator=g), torch.arange(200), (0.0, 0.5, 0.75)
    weak = [(2 * x[:, i] + torch.randn(300, generator=g)).sigmoid() for i in range(3)]
    for threshold in (None, 0.5):
        together = experiments.students(x, weak, rows, alphas, threshold)
        for said, labels, alpha in zip(together, weak, alphas, strict=True):
            alone = experiments.student(x, labels, rows, alpha, threshold=threshold)
            assert (said == alone).double().mean() > 0.99  # a score of 0 may round either way


def test_distilled_side_by_side_is_distilled_alone():
    logits, train, _ = distillation.teacher(0)
    settings = [(1.0, 0.0), (4.0, 0.5), (20.0, 1.0)]
    together = distillation.distill_all(logits, train[:30], settings, seed=0).argmax(2)
    for answers, setting in zip(together, settings, strict=True):
        alone = distillation.distill(logits, train[:30], *setting, seed=0).argmax(1)
        assert (answers == alone).double().mean() > 0.98


def test_copies_start_alike_and_learn_by_themselves():
    net, x = network((4, 5, 3), 0), torch.randn(7, 4)
    parameters, outputs = copies(net, 2)
    torch.testing.assert_close(outputs(x), net(x).expand(2, 7, 3))
    minimize(parameters, lambda step: outputs(x)[0].square().sum(), 5, 0.1)
    torch.testing.assert_close(outputs(x)[1], net(x))
    assert not torch.allclose(outputs(x)[0], net(x), atol=1e-2)


def test_t_squared_forgotten_is_the_same_loss_at_another_setting():
    temperature, alpha = distillation.without_square(4.0, 0.5)
    # α' T² to 1 − α' is as 1 to 1, where the soft part lost its factor of 16.
    assert alpha * temperature**2 == pytest.approx(1 - alpha)


def test_a_debate_reveals_bright_pixels_that_each_side_likes_best():
    g = torch.Generator().manual_seed(0)
    net, images = network((128, 8, 1), 0), (torch.rand(6, 64, generator=g) - 0.5).clamp(min=0)
    with torch.no_grad():
        mask = game.debate(net, 0, images, torch.tensor([1.0, 1, 1, 0, 0, 0]))
        assert (mask.sum(1) == game.REVEALS).all() and (images[mask] > 0).all()
        nothing, side = torch.zeros_like(mask), torch.tensor([1.0, -1, 1, -1, 1, -1])
        pixel = game.best_pixel(net, 0, images, nothing, side)
        for i in range(6):
            scores = []
            for p in images[i].nonzero()[:, 0].tolist():
                one = nothing[i].clone()
                one[p] = True
                scores.append((side[i].item() * net(game.shown(images[i], one)).item(), p))
            assert max(scores)[1] == pixel[i]
