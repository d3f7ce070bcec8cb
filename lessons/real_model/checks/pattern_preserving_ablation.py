"""How `pattern_preserving_ablation` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.real_model.exercises import pattern_preserving_ablation
from utils.grading import expect, require
from utils.transformer import AttentionOnlyTransformer


def _model(seed, n_layers=3, n_heads=2):
    g = torch.Generator().manual_seed(seed)
    model = AttentionOnlyTransformer(11, 8, n_layers, n_heads, 6, 3, init_std=1.0, generator=g)
    return model, torch.randint(11, (2, 6), generator=g)


@torch.no_grad()
def _by_hand(model, tokens, heads):
    """With its attention held fast the model is linear: what each kept head carries is added up."""
    patterns = model.run_with_cache(tokens)[1]
    stream = model.W_E[tokens] + model.W_pos[: tokens.shape[1]]
    for layer in range(model.n_layers):
        written = torch.zeros_like(stream)
        for h in range(model.n_heads):
            if (layer, h) not in heads:
                carried = stream @ model.W_V[layer, h] @ model.W_O[layer, h]
                written += patterns[f"pattern.{layer}"][:, h] @ carried
        stream = stream + written
    return stream @ model.W_U


@pattern_preserving_ablation.check
def no_heads_out_is_the_model_itself(fn):
    model, tokens = _model(0)
    with torch.no_grad():
        expect(fn(model, tokens, []), model(tokens), tol=1e-4)


@pattern_preserving_ablation.check
def one_head_of_the_first_layer(fn):
    model, tokens = _model(1, 2)
    expect(fn(model, tokens, [(0, 1)]), _by_hand(model, tokens, [(0, 1)]), tol=1e-4)


@pattern_preserving_ablation.check
def several_heads_in_several_layers(fn):
    for seed, heads in ((2, [(0, 0), (1, 1)]), (3, [(1, 0), (1, 1)]), (4, [(2, 1), (0, 0), (1, 0)]),
                        (5, [(0, 0), (0, 1), (2, 0)])):  # fmt: skip
        model, tokens = _model(seed)
        expect(fn(model, tokens, heads), _by_hand(model, tokens, heads), tol=1e-4)


@pattern_preserving_ablation.check
def all_heads_out_leaves_the_embedding(fn):
    model, tokens = _model(6)
    heads = [(layer, h) for layer in range(3) for h in range(2)]
    expect(fn(model, tokens, heads), _by_hand(model, tokens, heads), tol=1e-4)


@pattern_preserving_ablation.check
def the_model_stays_as_it_is(fn):
    model, tokens = _model(7)
    with torch.no_grad():
        before = model(tokens)
        weights = [w.clone() for w in model.parameters()]
        fn(model, tokens, [(0, 0), (2, 1)])
        expect(model(tokens), before)
    same = all(torch.equal(w, was) for w, was in zip(model.parameters(), weights, strict=True))
    require(same, "the same weights as before", "other weights")


def _zero(out):
    return lambda z: z.index_fill(1, torch.tensor(out, dtype=torch.long), 0.0)


def _out(heads, layer):
    return [h for at, h in heads if at == layer]


def _kept(model, tokens, hook_of):
    """Logits with all patterns kept, and on each layer's heads the hook that is made for it."""
    cache = model.run_with_cache(tokens)[1]
    hooks = {}
    for layer in range(model.n_layers):
        hooks[f"pattern.{layer}"] = lambda _, layer=layer: cache[f"pattern.{layer}"]
        hooks[f"head.{layer}"] = hook_of(layer)
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.mistake("patterns are free to change: later heads look elsewhere")
@torch.no_grad()
def _(model, tokens, heads):
    return model.run_with_hooks(
        tokens, {f"head.{n}": _zero(_out(heads, n)) for n in range(model.n_layers)}
    )


@pattern_preserving_ablation.mistake("patterns are held fast only in the layers with heads out")
@torch.no_grad()
def _(model, tokens, heads):
    cache = model.run_with_cache(tokens)[1]
    hooks = {}
    for layer in {at for at, _ in heads}:
        hooks[f"pattern.{layer}"] = lambda _, layer=layer: cache[f"pattern.{layer}"]
        hooks[f"head.{layer}"] = _zero(_out(heads, layer))
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.mistake(
    "every layer gets the last pattern: a lambda sees the end of a loop"
)
@torch.no_grad()
def _(model, tokens, heads):
    cache = model.run_with_cache(tokens)[1]
    hooks = {}
    for layer in range(model.n_layers):
        hooks[f"pattern.{layer}"] = lambda _: cache[f"pattern.{layer}"]  # noqa: B023
        hooks[f"head.{layer}"] = _zero(_out(heads, layer))
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.mistake("these heads are out in every layer")
@torch.no_grad()
def _(model, tokens, heads):
    out = [h for _, h in heads]
    return _kept(model, tokens, lambda _: _zero(out))


@pattern_preserving_ablation.mistake("all heads of the layers named are out")
@torch.no_grad()
def _(model, tokens, heads):
    whole = range(model.n_heads)
    return _kept(model, tokens, lambda layer: _zero(list(whole) if _out(heads, layer) else []))


@pattern_preserving_ablation.mistake("the other heads are out, these are kept")
@torch.no_grad()
def _(model, tokens, heads):
    every = set(range(model.n_heads))
    return _kept(model, tokens, lambda layer: _zero(sorted(every - set(_out(heads, layer)))))


@pattern_preserving_ablation.mistake("of two heads in one layer only the last is out")
@torch.no_grad()
def _(model, tokens, heads):
    cache = model.run_with_cache(tokens)[1]
    hooks = {}
    for layer in range(model.n_layers):
        hooks[f"pattern.{layer}"] = lambda _, layer=layer: cache[f"pattern.{layer}"]
    for layer, h in heads:
        hooks[f"head.{layer}"] = _zero([h])
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.mistake("what heads fetched is held fast, too: nothing can change")
@torch.no_grad()
def _(model, tokens, heads):
    cache = model.run_with_cache(tokens)[1]
    hooks = {}
    for layer in range(model.n_layers):
        zero = _zero(_out(heads, layer))
        hooks[f"head.{layer}"] = lambda _, layer=layer, zero=zero: zero(cache[f"head.{layer}"])
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.mistake("heads are replaced by their mean over positions, not by 0")
@torch.no_grad()
def _(model, tokens, heads):
    def mean(out):
        def hook(z):
            z = z.clone()
            z[:, out] = z[:, out].mean(2, keepdim=True)
            return z

        return hook

    return _kept(model, tokens, lambda layer: mean(_out(heads, layer)))


@pattern_preserving_ablation.mistake("layers are counted from 1")
@torch.no_grad()
def _(model, tokens, heads):
    return _kept(model, tokens, lambda layer: _zero(_out(heads, layer + 1)))


@pattern_preserving_ablation.mistake("heads are counted from 1")
@torch.no_grad()
def _(model, tokens, heads):
    return _kept(model, tokens, lambda layer: _zero([h - 1 for h in _out(heads, layer)]))


@pattern_preserving_ablation.mistake("pairs are read as (head, layer): they are (layer, head)")
@torch.no_grad()
def _(model, tokens, heads):
    return _kept(model, tokens, lambda layer: _zero([at for at, h in heads if h == layer]))


@pattern_preserving_ablation.mistake("z[:, :, heads]: those are positions, heads are dimension 1")
@torch.no_grad()
def _(model, tokens, heads):
    def hook_of(layer):
        out = torch.tensor(_out(heads, layer), dtype=torch.long)
        return lambda z: z.index_fill(2, out, 0.0)

    return _kept(model, tokens, hook_of)


@pattern_preserving_ablation.mistake(
    "z[heads]: those are texts of the batch, heads are dimension 1"
)
@torch.no_grad()
def _(model, tokens, heads):
    def hook_of(layer):
        out = torch.tensor(_out(heads, layer), dtype=torch.long)
        return lambda z: z.index_fill(0, out, 0.0)

    return _kept(model, tokens, hook_of)


@pattern_preserving_ablation.mistake("probabilities come back: logits are asked for")
@torch.no_grad()
def _(model, tokens, heads):
    return _kept(model, tokens, lambda layer: _zero(_out(heads, layer))).softmax(-1)


@pattern_preserving_ablation.mistake("only the first of the heads is out")
@torch.no_grad()
def _(model, tokens, heads):
    return _kept(model, tokens, lambda layer: _zero(_out(heads[:1], layer)))


@pattern_preserving_ablation.mistake("weights of the caller's model are set to 0, and stay so")
@torch.no_grad()
def _(model, tokens, heads):
    cache = model.run_with_cache(tokens)[1]
    for layer, h in heads:
        model.W_O[layer, h] = 0
    hooks = {name: lambda _, x=x: x for name, x in cache.items() if name.startswith("pattern")}
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.mistake("nothing is out: the model's own logits")
@torch.no_grad()
def _(model, tokens, heads):
    return model(tokens)


@pattern_preserving_ablation.right("by patterns of zeros for the heads that are out")
@torch.no_grad()
def _(model, tokens, heads):
    cache = model.run_with_cache(tokens)[1]

    def hook_of(layer):
        pattern = cache[f"pattern.{layer}"].clone()
        for at, h in heads:
            if at == layer:
                pattern[:, h] = 0
        return lambda _: pattern

    hooks = {f"pattern.{layer}": hook_of(layer) for layer in range(model.n_layers)}
    return model.run_with_hooks(tokens, hooks)


@pattern_preserving_ablation.right("with a mask that multiplies, and recorded by hooks")
@torch.no_grad()
def _(model, tokens, heads):
    seen = {}

    def keep(name):
        def hook(x):
            seen[name] = x

        return hook  # fmt: skip

    names = [f"pattern.{n}" for n in range(model.n_layers)]
    model.run_with_hooks(tokens, {name: keep(name) for name in names})
    hooks = {name: (lambda _, name=name: seen[name]) for name in names}
    for n in range(model.n_layers):

        def mask(z, n=n):
            on = torch.tensor([(n, h) not in heads for h in range(z.shape[1])])
            return z * on[None, :, None, None]

        hooks[f"head.{n}"] = mask
    return model.run_with_hooks(tokens, hooks)
