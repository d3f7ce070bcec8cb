"""The readable Llama, on small random weights: no package is needed for any of this."""

import re
import shlex

import pytest
import torch
from torch.nn import functional as F

from utils import llama

WIDTH, HEADS, GROUPS, HIDDEN, WORDS = 12, 6, 2, 20, 17


@pytest.fixture
def model():
    """Two layers with random weights."""
    g = torch.Generator().manual_seed(0)
    shapes = {"token_embd.weight": (WORDS, WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(2):
        inner = {
            "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH),
            "attn_k": (4, WIDTH), "attn_v": (4, WIDTH), "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (HIDDEN, WIDTH), "ffn_up": (HIDDEN, WIDTH), "ffn_down": (WIDTH, HIDDEN),
        }  # fmt: skip
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in inner.items()}
    weights = {name: torch.randn(shape, generator=g) for name, shape in shapes.items()}
    return llama.Llama(llama.Shape(2, HEADS, GROUPS, 1e-5, 100.0), weights)


TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


def test_it_is_the_formulas_written_out(model):
    """With torch's own attention and norm, and positions turned as complex numbers."""
    w, x = model.weights, model.weights["token_embd.weight"][TOKENS]

    def turned(t):
        n, d = t.shape[-2:]
        angle = torch.arange(n)[:, None] * 100.0 ** (-torch.arange(0, d, 2) / d)
        z = torch.view_as_complex(t.unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(-2)

    for layer in range(2):

        def part(name, layer=layer):
            return w[f"blk.{layer}.{name}.weight"]

        y = F.rms_norm(x, (WIDTH,), part("attn_norm"), 1e-5)
        q = (y @ part("attn_q").T).view(2, 5, HEADS, 2).transpose(1, 2)
        k, v = ((y @ part(n).T).view(2, 5, GROUPS, 2).transpose(1, 2) for n in ("attn_k", "attn_v"))
        z = F.scaled_dot_product_attention(turned(q), turned(k), v, is_causal=True, enable_gqa=True)
        x = x + z.transpose(1, 2).reshape(2, 5, WIDTH) @ part("attn_output").T
        y = F.rms_norm(x, (WIDTH,), part("ffn_norm"), 1e-5)
        x = x + (F.silu(y @ part("ffn_gate").T) * (y @ part("ffn_up").T)) @ part("ffn_down").T
    x = F.rms_norm(x, (WIDTH,), w["output_norm.weight"], 1e-5)
    assert torch.allclose(model(TOKENS), x @ w["token_embd.weight"].T, atol=1e-4)


def test_a_run_may_be_cut_in_two_anywhere(model):
    whole = model(TOKENS)
    for layer in range(3):
        assert torch.allclose(model.finish(model.residual(TOKENS, layer), layer), whole, atol=1e-5)


def test_hooks_see_every_activation_and_may_replace_it(model):
    logits, cache = model.run_with_cache(TOKENS)
    assert list(cache) == model.names() and torch.equal(logits, model(TOKENS))
    for name, kept in cache.items():
        assert torch.equal(model.run_with_hooks(TOKENS, {name: lambda _, kept=kept: kept}), logits)
        changed = model.run_with_hooks(TOKENS, {name: lambda x: 0 * x})
        assert not torch.allclose(changed, logits), name
    assert list(model.run_with_cache(TOKENS, ["head.1"])[1]) == ["head.1"]
    assert torch.equal(model(TOKENS), logits)


def test_an_unknown_name_is_refused(model):
    with pytest.raises(ValueError, match=r"no activation \['heads\.0'\]"):
        model.run_with_hooks(TOKENS, {"heads.0": lambda z: z})


def test_no_position_sees_the_future(model):
    assert torch.allclose(model(TOKENS[:, :3]), model(TOKENS)[:, :3], atol=1e-5)


def test_without_the_package_one_sentence_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(llama, "PACKAGE", "no_such_package")
    assert llama.find() is None and not any(llama.load())
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1 and "no_such_package" in said


def test_the_line_to_type_means_the_same_to_a_shell(monkeypatch, capsys):
    """An unquoted > would send pip's output into a file, and the floor would be lost."""
    monkeypatch.setattr(llama, "PACKAGE", "no_such_package")
    llama.load()
    (line,) = re.findall(r"  (%pip .*?)  ", capsys.readouterr().out)
    wanted = ["%pip", "install", "--no-deps", *llama.environment.extra("real")]
    assert shlex.split(line) == wanted
    shell = shlex.shlex(line, posix=True, punctuation_chars=True)
    shell.whitespace_split = True  # it still takes a bare > as a word of its own
    assert list(shell) == wanted


def test_what_is_absent_says_so_when_it_is_used():
    absent = llama.Absent()
    assert not absent and not hasattr(absent, "_repr_html_")
    for use in (lambda: absent.encode("hello"), lambda: absent.shape, lambda: absent(TOKENS)):
        with pytest.raises(AttributeError, match="not installed here") as caught:
            use()
        assert caught.value._render_traceback_() == [llama.Absent.SAID]  # no traceback in a cell


def test_tokens_that_cannot_be_read_are_refused(model):
    for tokens in ([[WORDS]], [[0, -1]]):
        with pytest.raises(ValueError, match="from 0 to 16"):
            model(torch.tensor(tokens))
    with pytest.raises(ValueError, match="9000 tokens in a text: give at most 512"):
        model(torch.zeros(1, 9000, dtype=torch.long))
    assert model(torch.zeros(1, 0, dtype=torch.long)).shape == (1, 0, WORDS)


def test_a_list_is_no_text():
    tokenizer = llama.Tokenizer(["a", "b"], [], [])
    with pytest.raises(ValueError, match="one text, in quotes, is expected, not a list"):
        tokenizer.encode(["a"])


def test_on_colab_it_is_fetched_and_what_cannot_be_is_said(monkeypatch, capsys):
    tried = []
    monkeypatch.setattr(llama, "PACKAGE", "no_such_package")
    monkeypatch.setitem(llama.sys.modules, "google.colab", llama)
    monkeypatch.setattr(llama.environment.subprocess, "run", lambda c, check: tried.append(c))
    assert not any(llama.load())
    (command,) = tried
    assert "--no-deps" in command and command[-3:] == llama.environment.extra("real")
    assert "you see what is stored" in capsys.readouterr().out
