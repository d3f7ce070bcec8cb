"""An attention-only transformer small enough to read, with hooks to look inside and to intervene.

    model = AttentionOnlyTransformer(vocabulary=64, length=40)
    logits = model(tokens)                                      # (batch, position, vocabulary)
    logits, cache = model.run_with_cache(tokens)                # cache["pattern.1"], …
    logits = model.run_with_hooks(tokens, {"head.0": lambda z: 0 * z})

A hook is called with an activation; what it returns takes the activation's place, None leaves it.
Activations by name, with the layer's number l from 0:
    residual.l   (batch, position, d_model)      the residual stream before layer l; the last one,
                                                 residual.n_layers, is what is unembedded
    query.l, key.l, value.l   (batch, head, position, d_head)
    pattern.l    (batch, head, query, key)       attention, each row sums to 1
    head.l       (batch, head, position, d_head) what each head fetched, before W_O writes it
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Hooks = dict[str, Callable[[Tensor], Tensor | None]]


def attention_pattern(query: Tensor, key: Tensor) -> Tensor:
    """softmax(q kᵀ / √d_head) over the keys up to the query: (..., query, key)."""
    n = query.shape[-2]
    future = query.new_full((n, n), -torch.inf).triu(1)  # −∞ where key > query, else 0
    return (query / query.shape[-1] ** 0.5 @ key.mT + future).softmax(-1)


class AttentionOnlyTransformer(nn.Module):
    """Embedding, layers of attention heads, unembedding (Elhage et al. 2021): no MLP, no bias.

    W_E: (vocabulary, d_model). W_pos: (length, d_model). W_U: (d_model, vocabulary).
    W_Q, W_K, W_V: (n_layers, n_heads, d_model, d_head). W_O: (n_layers, n_heads, d_head, d_model).
    d_head is d_model / n_heads unless given. Each layer adds what its heads write to the residual
    stream. Embeddings start at init_std; the other weights at 1/√d_model, which keeps sizes.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        n_layers: int = 2,
        n_heads: int = 4,
        d_model: int = 64,
        d_head: int | None = None,
        init_std: float = 0.5,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.n_layers, self.n_heads = n_layers, n_heads
        d_head = d_model // n_heads if d_head is None else d_head

        def weight(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(std * torch.randn(shape, generator=generator))

        inward = {"std": d_model**-0.5}  # a product keeps the size of what it multiplies
        self.W_E = weight(vocabulary, d_model, std=init_std)
        self.W_pos = weight(length, d_model, std=init_std)
        self.W_Q, self.W_K, self.W_V = (
            weight(n_layers, n_heads, d_model, d_head, **inward) for _ in range(3)
        )
        self.W_O = weight(n_layers, n_heads, d_head, d_model, **inward)
        self.W_U = weight(d_model, vocabulary, **inward)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each next token, (batch, position, vocabulary), from (batch, position)."""
        return self.run_with_hooks(tokens, {})

    def run_with_hooks(self, tokens: Tensor, hooks: Hooks) -> Tensor:
        """The same logits, each named activation passing through its hook on the way."""
        unknown = set(hooks) - set(self.names())
        if unknown:
            raise ValueError(f"no activation {sorted(unknown)}; there are {self.names()}")

        def at(name: str, activation: Tensor) -> Tensor:
            instead = hooks[name](activation) if name in hooks else None
            return activation if instead is None else instead

        residual = self.W_E[tokens] + self.W_pos[: tokens.shape[-1]]
        for layer in range(self.n_layers):
            residual = at(f"residual.{layer}", residual)
            q = at(f"query.{layer}", torch.einsum("bpm,hmd->bhpd", residual, self.W_Q[layer]))
            k = at(f"key.{layer}", torch.einsum("bpm,hmd->bhpd", residual, self.W_K[layer]))
            v = at(f"value.{layer}", torch.einsum("bpm,hmd->bhpd", residual, self.W_V[layer]))
            pattern = at(f"pattern.{layer}", attention_pattern(q, k))
            head = at(f"head.{layer}", pattern @ v)
            residual = residual + torch.einsum("bhpd,hdm->bpm", head, self.W_O[layer])
        return at(f"residual.{self.n_layers}", residual) @ self.W_U

    def run_with_cache(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The logits, and every activation by its name."""
        cache: dict[str, Tensor] = {}
        hooks = {name: lambda x, name=name: cache.update({name: x}) for name in self.names()}
        return self.run_with_hooks(tokens, hooks), cache

    def names(self) -> list[str]:
        """The names of all activations, in the order in which they are computed."""
        kinds = ("residual", "query", "key", "value", "pattern", "head")
        inside = [f"{kind}.{layer}" for layer in range(self.n_layers) for kind in kinds]
        return [*inside, f"residual.{self.n_layers}"]
