"""The decoder: causal, hooks that look and intervene, one-hot rows in place of tokens."""

import pytest
import torch
from torch.nn import functional as F

from utils.decoder import Decoder
from utils.notebook import generator

TOKENS = torch.randint(11, (4, 7), generator=generator(1))


@pytest.fixture
def model():
    return Decoder(vocabulary=11, length=8, n_layers=2, d_model=16, generator=generator(0))


def test_a_later_token_changes_nothing_before_it(model):
    other = TOKENS.clone()
    other[:, 5] = (other[:, 5] + 1) % 11
    torch.testing.assert_close(model(TOKENS)[:, :5], model(other)[:, :5])
    assert not torch.allclose(model(TOKENS)[:, 5], model(other)[:, 5])


def test_one_hot_rows_give_the_same_logits_and_a_gradient(model):
    rows = F.one_hot(TOKENS, 11).float().requires_grad_()
    logits = model(rows)
    torch.testing.assert_close(logits, model(TOKENS))
    logits.sum().backward()
    assert rows.grad.abs().sum() > 0


def test_hooks_see_and_replace(model):
    logits, cache = model.run_with_cache(TOKENS)
    assert list(cache) == model.names() and cache["middle.1"].shape == (4, 7, 16)
    put_back = model.run_with_hooks(TOKENS, {"residual.1": lambda _: cache["residual.1"]})
    torch.testing.assert_close(put_back, logits)
    zeroed = model.run_with_hooks(TOKENS, {"residual.2": torch.zeros_like})
    torch.testing.assert_close(zeroed, torch.zeros_like(logits))
    with pytest.raises(ValueError, match=r"residual\.9"):
        model.run_with_hooks(TOKENS, {"residual.9": lambda x: x})


def test_the_generator_decides_the_weights(model):
    again = Decoder(vocabulary=11, length=8, n_layers=2, d_model=16, generator=generator(0))
    torch.testing.assert_close(model(TOKENS), again(TOKENS))
