"""Our Llama and its tokenizer beside transformers', which reads the same file by itself."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessons.real_model import exercises
from utils import llama

TEXTS = [
    "The capital of France is Paris.",
    "In 1859, 1,250 copies were sold: don't ask why!",
    "La maison est près de la rivière; ça va?\n\n  Oui — 12 °C …",
    "<|im_start|>user\nWhat is 3 + 45?<|im_end|>\n<|im_start|>assistant\n",
    "日本語 and emoji 🙂, tabs\tand   spaces ",
    "",
]


@pytest.fixture(scope="module")
def ours():
    return llama.load()


@pytest.fixture(scope="module")
def theirs():
    path = llama.find()
    where = {"gguf_file": path.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, **where, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval(), AutoTokenizer.from_pretrained(path.parent, **where)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_theirs(ours, theirs, text):
    tokens = ours[1].encode(text)
    assert tokens == theirs[1](text)["input_ids"]
    assert ours[1].decode(tokens) == theirs[1].decode(tokens, skip_special_tokens=True)


@torch.no_grad()
def test_logits_streams_and_patterns_are_theirs(ours, theirs):
    model, tokenizer = ours
    tokens = torch.tensor([tokenizer.encode(TEXTS[1])[:12], tokenizer.encode(TEXTS[2])[:12]])
    logits, cache = model.run_with_cache(tokens)
    wanted = theirs[0](tokens, output_hidden_states=True, output_attentions=True)
    assert torch.allclose(logits, wanted.logits, rtol=1e-4, atol=1e-3)
    for layer in (0, 7, 29):
        assert torch.allclose(cache[f"pattern.{layer}"], wanted.attentions[layer], atol=1e-4)
        stream, hidden = cache[f"residual.{layer}"], wanted.hidden_states[layer]
        assert torch.allclose(stream, hidden, rtol=1e-3, atol=1e-2)


@torch.no_grad()
def test_a_long_text_too(ours, theirs):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(17, 49_152, (1, 150), generator=generator)
    apart = (ours[0](tokens) - theirs[0](tokens).logits).abs().max()
    assert apart < 2e-3, apart


@torch.no_grad()
def test_the_exercises_are_what_the_model_does(ours):
    model, tokenizer = ours
    tokens = torch.tensor([tokenizer.encode(TEXTS[0])])
    _, cache = model.run_with_cache(tokens)
    for layer in (0, 15):
        turned = (exercises.rotary(cache[f"{name}.{layer}"], model.shape.base)
                  for name in ("query", "key"))  # fmt: skip
        head, pattern = exercises.grouped_query_attention(*turned, cache[f"value.{layer}"])
        assert torch.allclose(pattern, cache[f"pattern.{layer}"], atol=1e-5)
        assert torch.allclose(head, cache[f"head.{layer}"], atol=1e-5)
