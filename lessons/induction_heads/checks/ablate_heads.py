"""How `ablate_heads` is judged: checks, mistakes, right answers."""

import copy

import torch

from lessons.induction_heads.exercises import ablate_heads
from utils import transformer
from utils.answers import Mismatch
from utils.grading import expect, require


def _subject(seed=0, **options):
    """A model to ablate, with random weights, and tokens for it."""
    generator = torch.Generator().manual_seed(seed)
    shape = {"n_layers": 2, "n_heads": 3, "d_model": 6, "d_head": 3} | options
    model = transformer.AttentionOnlyTransformer(5, 7, **shape, init_std=1.0, generator=generator)
    return model, torch.randint(5, (4, 7), generator=generator)


def _without(model, heads):
    """The truth: a copy in which those heads' output weights are 0."""
    mended = copy.deepcopy(model)
    with torch.no_grad():
        for layer, head in heads:
            mended.W_O[layer, head] = 0
    return mended


def _apply(ablated, heads, tokens):
    """The logits of an ablated model; what it raises belongs to the answer."""
    require(callable(ablated), "a function of tokens", ablated, heads=heads)
    try:
        out = ablated(tokens)
    except Exception as error:
        raise Mismatch("logits", error, {"heads": heads}) from None
    require(torch.is_tensor(out), "logits", out, heads=heads)
    return out


def _run(fn, model, heads, tokens):
    return _apply(fn(model, heads), heads, tokens)


@ablate_heads.check
def no_heads_is_the_model(fn):
    model, tokens = _subject()
    expect(_run(fn, model, [], tokens), model(tokens).detach(), heads=[])


@ablate_heads.check
def the_only_head_gone_leaves_the_direct_path(fn):
    model, tokens = _subject(n_layers=1, n_heads=1)
    direct = (model.W_E[tokens] + model.W_pos[:7]) @ model.W_U
    expect(_run(fn, model, [(0, 0)], tokens), direct.detach(), heads=[(0, 0)])


@ablate_heads.check
def every_single_head_is_as_if_its_output_weights_were_zero(fn):
    model, tokens = _subject(seed=1)
    for heads in [[(layer, head)] for layer in range(2) for head in range(3)]:
        expected = _without(model, heads)(tokens).detach()
        expect(_run(fn, model, heads, tokens), expected, heads=heads)


@ablate_heads.check
def several_heads_go_together(fn):
    for seed, options in enumerate(({}, {"n_layers": 3, "n_heads": 2}, {"n_heads": 7})):
        model, tokens = _subject(seed=seed, **options)
        for heads in (
            [(0, 0), (1, 1)], [(1, 0), (0, 1)], [(0, 0), (0, 1)], [(1, 1), (1, 0), (0, 1)],
            [(h, i) for h in range(2) for i in range(2)],
        ):  # fmt: skip
            expected = _without(model, heads)(tokens).detach()
            expect(_run(fn, model, heads, tokens), expected, heads=heads)


@ablate_heads.check
def the_model_stays_as_it_was(fn):
    model, tokens = _subject(seed=2)
    before, logits = copy.deepcopy(model.state_dict()), model(tokens).detach()
    ablated = fn(model, [(0, 1), (1, 2)])
    for _ in range(2):
        _apply(ablated, [(0, 1), (1, 2)], tokens)
        expect(model(tokens).detach(), logits, heads=[(0, 1), (1, 2)])
    for name, value in model.state_dict().items():
        expect(value, before[name], tol=0)


@ablate_heads.check
def one_ablation_does_not_touch_another(fn):
    model, tokens = _subject(seed=3)
    first, second = fn(model, [(0, 0)]), fn(model, [(1, 1), (0, 2)])
    pair = [(1, 1), (0, 2)]
    for ablated, heads in ((second, pair), (first, [(0, 0)]), (second, pair)):
        expect(_apply(ablated, heads, tokens), _without(model, heads)(tokens).detach(), heads=heads)


@ablate_heads.check
def any_number_of_sequences_and_positions(fn):
    model, tokens = _subject(seed=4)
    heads = [(0, 1), (1, 0)]
    for part in (tokens[:1], tokens[:, :2], tokens[:1, :1]):
        expect(_run(fn, model, heads, part), _without(model, heads)(part).detach(), heads=heads)


def _hooked(model, heads, change, name="head"):
    hooks = {}
    for layer in {at for at, _ in heads}:
        out = [head for at, head in heads if at == layer]
        hooks[f"{name}.{layer}"] = lambda z, out=out: change(z.clone(), out)
    return lambda tokens: model.run_with_hooks(tokens, hooks)


def _zero(z, out):
    z[:, out] = 0
    return z


@ablate_heads.mistake("the whole layer is knocked out, not the head alone")
def _(model, heads):
    return _hooked(model, heads, lambda z, out: 0 * z)


@ablate_heads.mistake("layer and head are swapped")
def _(model, heads):
    return _hooked(model, [(head, layer) for layer, head in heads], _zero)


@ablate_heads.mistake("the axis is wrong: positions are zeroed instead of heads")
def _(model, heads):
    def zero(z, out):
        z[:, :, out] = 0
        return z

    return _hooked(model, heads, zero)


@ablate_heads.mistake("the heads listed are kept and the others of their layer knocked out")
def _(model, heads):
    def keep(z, out):
        mask = torch.zeros_like(z)
        mask[:, out] = 1
        return z * mask

    return _hooked(model, heads, keep)


@ablate_heads.mistake("the weights are set to 0 in the model itself, which stays ruined")
def _(model, heads):
    with torch.no_grad():
        for layer, head in heads:
            model.W_O[layer, head] = 0
    return model


@ablate_heads.mistake(
    "a late-bound loop variable: every hook knocks out the heads of the loop's last layer"
)
def _(model, heads):
    hooks = {}
    for layer in {at for at, _ in heads}:
        out = [head for at, head in heads if at == layer]
        hooks[f"head.{layer}"] = lambda z: _zero(z.clone(), out)  # noqa: B023
    return lambda tokens: model.run_with_hooks(tokens, hooks)


@ablate_heads.mistake(
    "a late-bound variable in a loop over all layers: every hook knocks out the last layer's heads"
)
def _(model, heads):
    hooks = {}
    for layer in range(model.n_layers):
        out = [head for at, head in heads if at == layer]
        hooks[f"head.{layer}"] = lambda z: _zero(z.clone(), out)  # noqa: B023
    return lambda tokens: model.run_with_hooks(tokens, hooks)


@ablate_heads.mistake("nothing is knocked out: does the hook return what it has changed?")
def _(model, heads):
    return _hooked(model, heads, lambda z, out: None)


@ablate_heads.mistake("heads are counted from 1")
def _(model, heads):
    return _hooked(model, [(layer, head - 1) for layer, head in heads], _zero)


@ablate_heads.mistake("what the head wrote is turned around, by a minus, instead of removed")
def _(model, heads):
    def turn(z, out):
        z[:, out] = -z[:, out]
        return z

    return _hooked(model, heads, turn)


@ablate_heads.mistake("of several heads in a layer only the last is knocked out")
def _(model, heads):
    return _hooked(model, list({layer: (layer, head) for layer, head in heads}.values()), _zero)


@ablate_heads.mistake("the query is zeroed: the head attends everywhere alike, and still writes")
def _(model, heads):
    return _hooked(model, heads, _zero, name="query")


@ablate_heads.mistake("the head writes its mean over the batch and positions instead of 0")
def _(model, heads):
    def mean(z, out):
        z[:, out] = z[:, out].mean((0, 2), keepdim=True)
        return z

    return _hooked(model, heads, mean)


@ablate_heads.right("by a mask multiplied in, one hook a layer")
def _(model, heads):
    hooks = {}
    for layer in {at for at, _ in heads}:
        mask = torch.ones(model.n_heads)
        mask[[head for at, head in heads if at == layer]] = 0
        hooks[f"head.{layer}"] = lambda z, mask=mask: z * mask[:, None, None]
    return lambda tokens: model.run_with_hooks(tokens, hooks)


@ablate_heads.right("by a copy of the model whose W_O is 0 for these heads")
def _(model, heads):
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for layer, head in heads:
            changed.W_O[layer, head] = 0
    return changed
