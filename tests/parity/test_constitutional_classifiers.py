"""Our bounds, closed form and loss beside SciPy and transformers, on random inputs."""

import pytest
import torch
from scipy import optimize
from scipy import stats as scipy_stats
from torch import nn

from lessons.constitutional_classifiers.drills import robust_accuracy
from lessons.constitutional_classifiers.exercises import consistency_loss, interval_bounds


@pytest.mark.parametrize("seed", range(3))
def test_intervals_are_the_optimum_of_a_linear_program(seed):
    g = torch.Generator().manual_seed(seed)
    layer = nn.Linear(6, 4).double()
    low = torch.randn(3, 6, generator=g).double()
    high = low + torch.rand(3, 6, generator=g).double()
    ours = interval_bounds(layer, low, high)
    for i in range(3):
        box = list(zip(low[i].tolist(), high[i].tolist(), strict=True))
        for j in range(4):
            w, b = layer.weight[j].detach().numpy(), layer.bias[j].item()
            for sign, bound in ((1, ours[0]), (-1, ours[1])):
                best = sign * optimize.linprog(sign * w, bounds=box).fun + b
                assert bound[i, j].item() == pytest.approx(best, abs=1e-7)


@pytest.mark.parametrize("ratio", [0.0, 2.0, 30.0])
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.6])
def test_robust_accuracy_by_scipys_normal(ratio, eps):
    p, eta, d = 0.9, 0.3, 40
    parts = [
        chance * scipy_stats.norm.sf(0, side * ratio + d * eta - eps * (ratio + d), d**0.5)
        for chance, side in ((p, 1), (1 - p, -1))
    ]
    assert robust_accuracy(p, eta, d, ratio, eps) == pytest.approx(sum(parts), abs=1e-9)


def test_consistency_is_the_loss_of_a_causal_language_model_on_its_own_reply():
    from transformers.loss.loss_utils import ForCausalLMLoss

    g = torch.Generator().manual_seed(0)
    clean, wrapped = torch.randn(2, 3, 5, 11, generator=g)
    # theirs shifts labels by one place: a first label that is never predicted
    labels = torch.cat([torch.zeros(3, 1, dtype=torch.long), clean.argmax(-1)], 1)
    logits = torch.cat([wrapped, torch.zeros(3, 1, 11)], 1)
    theirs = ForCausalLMLoss(logits, labels, vocab_size=11)
    assert consistency_loss(clean, wrapped).item() == pytest.approx(theirs.item(), abs=1e-5)
