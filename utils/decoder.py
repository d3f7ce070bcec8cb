"""A small decoder-only transformer with LayerNorms and MLPs, and hooks on its residual stream.

    model = Decoder(vocabulary=120, length=16)
    logits = model(tokens)                                   # (batch, position, vocabulary)
    logits, cache = model.run_with_cache(tokens)             # cache["residual.2"], …
    logits = model.run_with_hooks(tokens, {"residual.2": lambda x: 0 * x})

A hook is called with an activation; what it returns takes the activation's place, None leaves it.
Activations by name, each (batch, position, d_model), with the layer's number l from 0:
    residual.l   the residual stream before layer l; residual.n_layers is what is unembedded
    middle.l     the residual stream between the attention and the MLP of layer l
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Hooks = dict[str, Callable[[Tensor], Tensor | None]]


class Attention(nn.Module):
    """Causal self-attention with several heads; `query`, `key`, `value`, `out` are Linear."""

    def __init__(self, d_model: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.query, self.key, self.value, self.out = (nn.Linear(d_model, d_model) for _ in "qkvo")

    def forward(self, x: Tensor) -> Tensor:
        def heads(y: Tensor) -> Tensor:  # (batch, head, position, d_head)
            return y.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

        q, k, v = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        fetched = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(fetched.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two Linear layers, `up` and `down`, with a GELU between them."""

    def __init__(self, d_model: int, d_hidden: int):
        super().__init__()
        self.up, self.down = nn.Linear(d_model, d_hidden), nn.Linear(d_hidden, d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


class Layer(nn.Module):
    """Attention and MLP, each behind a LayerNorm, each adding to the residual stream."""

    def __init__(self, d_model: int, n_heads: int, d_hidden: int):
        super().__init__()
        self.norm_1, self.attention = nn.LayerNorm(d_model), Attention(d_model, n_heads)
        self.norm_2, self.mlp = nn.LayerNorm(d_model), MLP(d_model, d_hidden)


class Decoder(nn.Module):
    """Embedding, layers, a last LayerNorm and unembedding (as in GPT-2, Radford et al. 2019).

    Embeddings start as draws from N(0, 0.02²), other weights from N(0, 1 / inputs), biases at 0.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        n_layers: int = 3,
        n_heads: int = 4,
        d_model: int = 48,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.n_layers = n_layers
        self.embedding = nn.Embedding(vocabulary, d_model)
        self.positions = nn.Embedding(length, d_model)
        self.layers = nn.ModuleList(Layer(d_model, n_heads, 4 * d_model) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)
        self.unembedding = nn.Linear(d_model, vocabulary, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                std = (
                    0.02 if "embedding" in name or "positions" in name else weight.shape[1] ** -0.5
                )
                nn.init.normal_(weight, std=std, generator=generator)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each next token, (batch, position, vocabulary).

        tokens: (batch, position) integers, or (batch, position, vocabulary) one-hot rows, real
        numbers that a gradient can reach.
        """
        return self.run_with_hooks(tokens, {})

    def run_with_hooks(self, tokens: Tensor, hooks: Hooks) -> Tensor:
        """The same logits, each named activation passing through its hook on the way.

        Raises ValueError if a hook's name is not that of an activation.
        """
        unknown = set(hooks) - set(self.names())
        if unknown:
            raise ValueError(f"no activation {sorted(unknown)}; there are {self.names()}")

        def at(name: str, activation: Tensor) -> Tensor:
            instead = hooks[name](activation) if name in hooks else None
            return activation if instead is None else instead

        W_E = self.embedding.weight
        x = tokens @ W_E if tokens.is_floating_point() else W_E[tokens]
        x = x + self.positions.weight[: x.shape[1]]
        for i, layer in enumerate(self.layers):
            x = at(f"residual.{i}", x)
            x = at(f"middle.{i}", x + layer.attention(layer.norm_1(x)))
            x = x + layer.mlp(layer.norm_2(x))
        return self.unembedding(self.norm(at(f"residual.{self.n_layers}", x)))

    def run_with_cache(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The logits, and every activation by its name."""
        cache: dict[str, Tensor] = {}
        hooks = {name: lambda x, name=name: cache.update({name: x}) for name in self.names()}
        return self.run_with_hooks(tokens, hooks), cache

    def names(self) -> list[str]:
        """The names of all activations, in the order in which they are computed."""
        inside = [f"{kind}.{i}" for i in range(self.n_layers) for kind in ("residual", "middle")]
        return [*inside, f"residual.{self.n_layers}"]
