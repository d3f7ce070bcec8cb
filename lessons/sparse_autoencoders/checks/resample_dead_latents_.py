"""How `resample_dead_latents_` is judged: checks, mistakes, right answers."""

import math
from collections import defaultdict

import torch
from torch.nn import functional as F

from lessons.sparse_autoencoders.exercises import SparseAutoencoder, resample_dead_latents_
from utils.grading import expect, require


def _adam(sae, generator):
    """Adam with these moments in its memory; restored as from a pickle.

    Its constructor and its steps would import torch's compiler, which takes a second.
    """
    params, state = list(sae.parameters()), defaultdict(dict)
    for p in params:
        exp_avg, exp_avg_sq = torch.randn(2, *p.shape, generator=generator)
        state[p] = {"step": torch.tensor(2.0), "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq**2}
    options = {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}
    adam = torch.optim.Adam.__new__(torch.optim.Adam)
    groups = [{"params": params, **options}]
    adam.__setstate__({"defaults": options, "state": state, "param_groups": groups})
    return adam


def _world(seed=0, n_inputs=3, n_latents=6, n_samples=40):
    """An autoencoder in mid-training, its optimizer, and data of many lengths."""
    g = torch.Generator().manual_seed(seed)
    sae = SparseAutoencoder.reference(n_inputs, n_latents, generator=g)
    with torch.no_grad():
        sae.W_enc *= 0.5 + torch.rand(n_latents, generator=g) * 2  # columns of many lengths
        sae.b_enc += torch.randn(n_latents, generator=g) * 0.1
        sae.b_dec += torch.randn(n_inputs, generator=g) * 0.5
    x = torch.randn(n_samples, n_inputs, generator=g) * torch.rand(n_samples, 1, generator=g) * 3
    return sae, x, _adam(sae, g)


def _snapshot(sae, adam):
    state = {n: p.detach().clone() for n, p in sae.named_parameters()}
    moments = {
        n: [adam.state[p][m].clone() for m in ("exp_avg", "exp_avg_sq")]
        for n, p in sae.named_parameters()
    }
    return state, moments


def _resampled(fn, dead, seed=0, world=None, **options):
    """Run an answer; hand back (sae, x, adam) and the weights and moments before."""
    sae, x, adam = world or _world(seed, **options)
    before, params = _snapshot(sae, adam), dict(sae.named_parameters())
    dead = torch.tensor(dead)
    fn(sae, x, dead.clone(), adam, torch.Generator().manual_seed(seed))
    for name, p in sae.named_parameters():
        require(p is params[name], f"{name} changed in place, not replaced: Adam holds the old", p)
        require(p.is_leaf and p.requires_grad, f"{name} is still a parameter that learns", p)
        kept = {"step", "exp_avg", "exp_avg_sq"} <= set(adam.state.get(p, ()))
        require(kept, f"Adam's memory of {name} is still there", adam.state.get(p))
        same = float(adam.state[p]["step"]) == 2.0
        require(same, "Adam's step, which all latents share, is still 2", adam.state[p]["step"])
    return sae, x, adam, before, dead


DEAD = [False, True, False, True, True, False]


@resample_dead_latents_.check
def the_living_are_left_alone(fn):
    for dead in (DEAD, [False] * 6, [True] + [False] * 5, [True] * 5 + [False]):
        sae, _, adam, (before, moments), dead = _resampled(fn, dead)
        after, moments_after = _snapshot(sae, adam)
        given = {"dead": dead}
        expect(
            after["W_dec"][~dead], before["W_dec"][~dead], 0.0, **given, what="living rows of W_dec"
        )
        expect(
            after["W_enc"][:, ~dead],
            before["W_enc"][:, ~dead],
            0.0,
            **given,
            what="living columns of W_enc",
        )
        expect(
            after["b_enc"][~dead], before["b_enc"][~dead], 0.0, **given, what="b_enc of the living"
        )
        expect(after["b_dec"], before["b_dec"], 0.0, **given, what="b_dec")
        for i, moment in enumerate(("exp_avg", "exp_avg_sq")):
            what = {**given, "what": f"{moment} of the living"}
            expect(moments_after["W_dec"][i][~dead], moments["W_dec"][i][~dead], 0.0, **what)
            expect(moments_after["W_enc"][i][:, ~dead], moments["W_enc"][i][:, ~dead], 0.0, **what)
            expect(moments_after["b_enc"][i][~dead], moments["b_enc"][i][~dead], 0.0, **what)
            expect(moments_after["b_dec"][i], moments["b_dec"][i], 0.0, **what)


@resample_dead_latents_.check
def a_new_row_is_a_sample_of_length_one(fn):
    for seed in range(3):
        sae, x, _, _, dead = _resampled(fn, DEAD, seed)
        rows = sae.W_dec.detach()[dead]
        expect(rows.norm(dim=-1), torch.ones(3), dead=dead, what="lengths of new rows of W_dec")
        unit = x / x.norm(dim=-1, keepdim=True)
        best = (rows @ unit.T).amax(1)
        expect(best, torch.ones(3), 1e-4, dead=dead, what="cosine of each new row with its sample")


@resample_dead_latents_.check
def the_new_encoder_column_is_the_same_direction_at_a_fifth(fn):
    for seed, dead in ((0, DEAD), (1, [False] * 5 + [True]), (2, [True] * 5 + [False])):
        sae, _, _, (before, _), dead = _resampled(fn, dead, seed)
        columns = before["W_enc"][:, ~dead]
        length = (
            sum(math.sqrt(sum(v * v for v in c)) for c in columns.T.tolist()) / columns.shape[1]
        )
        expected = 0.2 * length * sae.W_dec.detach()[dead].T
        expect(sae.W_enc.detach()[:, dead], expected, 1e-4, dead=dead, what="new columns of W_enc")
        expect(sae.b_enc.detach()[dead], torch.zeros(int(dead.sum())), 0.0, dead=dead, what="b_enc")


@resample_dead_latents_.check
def a_square_autoencoder_keeps_its_axes(fn):
    sae, _, _, (before, _), dead = _resampled(fn, [True, False, True], seed=3, n_latents=3)
    expect(sae.W_dec.detach()[1], before["W_dec"][1], 0.0, what="the living row of W_dec")
    expect(sae.W_enc.detach()[:, 1], before["W_enc"][:, 1], 0.0, what="the living column of W_enc")
    expected = 0.2 * before["W_enc"][:, 1].norm() * sae.W_dec.detach()[dead].T
    expect(sae.W_enc.detach()[:, dead], expected, 1e-4, what="new columns of W_enc")


@resample_dead_latents_.check
def adam_forgets_what_it_knew_of_the_dead(fn):
    sae, _, adam, _, dead = _resampled(fn, DEAD)
    _, moments = _snapshot(sae, adam)
    for i, moment in enumerate(("exp_avg", "exp_avg_sq")):
        zeros = torch.zeros(3)
        expect(
            moments["W_dec"][i][dead], zeros[:, None].expand(3, 3), 0.0, what=f"{moment} of W_dec"
        )
        expect(moments["W_enc"][i][:, dead], zeros.expand(3, 3), 0.0, what=f"{moment} of W_enc")
        expect(moments["b_enc"][i][dead], zeros, 0.0, what=f"{moment} of b_enc")


@resample_dead_latents_.check
def samples_are_drawn_by_the_square_of_their_loss(fn):
    # Nothing is reconstructed: the losses are ‖x‖² = 1, 2, 3, so the three come as 1 : 4 : 9 of 14.
    kinds = torch.tensor([[0.6, 0.0, 0.8], [0.0, math.sqrt(2), 0.0], [1.0, 1.0, 1.0]])
    unit = kinds / kinds.norm(dim=1, keepdim=True)
    counts = torch.zeros(3)
    x = kinds.repeat(500, 1)
    for seed in range(6):
        sae = SparseAutoencoder.reference(3, 241)
        with torch.no_grad():
            sae.b_enc.fill_(-100.0)
        _resampled(fn, [True] * 240 + [False], seed, (sae, x, _adam(sae, torch.Generator())))
        drawn = (F.normalize(sae.W_dec.detach()[:240], dim=-1) @ unit.T > 0.99).sum(0)
        one = bool((drawn == 240).any())
        require(not one, "a draw of its own for each of 240 dead latents", drawn, losses=(1, 2, 3))
        counts += drawn
    share = counts / (6 * 240)  # standard deviation at most 0.013
    expect(share, torch.tensor([1.0, 4.0, 9.0]) / 14, 0.05, losses=(1, 2, 3), draws=1440)


@resample_dead_latents_.check
def well_reconstructed_samples_are_never_drawn(fn):
    # Latent 0 gives back the first axis exactly, however long; only the second axis is missing.
    x = torch.tensor([[9.0, 0.0], [5.0, 0.0], [7.0, 0.0], [0.0, 1.0]])
    world = SparseAutoencoder.reference(2, 3)
    with torch.no_grad():
        world.W_dec.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
        world.W_enc.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    sae, *_ = _resampled(
        fn, [False, False, True], world=(world, x, _adam(world, torch.Generator()))
    )
    expect(sae.W_dec.detach()[2], torch.tensor([0.0, 1.0]), x=x)


@resample_dead_latents_.check
def more_latents_may_be_dead_than_there_are_samples(fn):
    sae, x, _, _, dead = _resampled(fn, [True] * 5 + [False], n_samples=2)
    best = (sae.W_dec.detach()[dead] @ F.normalize(x, dim=-1).T).amax(1)
    expect(best, torch.ones(5), 1e-4, dead=dead, x=x, what="cosine of each new row with its sample")


@resample_dead_latents_.check
def with_every_latent_dead_all_columns_give_the_length(fn):
    sae, _, _, (before, _), dead = _resampled(fn, [True] * 6)
    expected = 0.2 * before["W_enc"].norm(dim=0).mean() * sae.W_dec.detach().T
    expect(sae.W_enc.detach(), expected, 1e-4, dead=dead, what="new columns of W_enc")


@resample_dead_latents_.check
def where_nothing_is_lost_nothing_changes(fn):
    sae, _, adam = _world(6)
    x = sae.b_dec.detach().expand(4, 3).clone()  # what comes back when no latent is active
    with torch.no_grad():
        sae.b_enc.fill_(-1.0)
    before = _snapshot(sae, adam)[0]
    _resampled(fn, DEAD, world=(sae, x, adam))
    for name, weights in before.items():
        after = sae.get_parameter(name).detach()
        expect(after, weights, 0.0, losses=(0.0, 0.0, 0.0, 0.0), what=name)


@resample_dead_latents_.check
def the_generator_decides(fn):
    state = torch.random.get_rng_state()
    a, b = (_resampled(fn, DEAD, world=_world(5)) for _ in range(2))
    rows = [r[0].W_dec.detach() for r in (a, b)]
    require(torch.equal(*rows), "the same generator state gives the same samples", rows[1])
    untouched = torch.equal(state, torch.random.get_rng_state())
    require(untouched, "torch's global random state unused", "it was used")
    others = []
    for seed in range(8):
        sae, x, adam = _world(5)
        fn(sae, x, torch.tensor(DEAD), adam, torch.Generator().manual_seed(seed))
        others.append(tuple(sae.W_dec.detach()[1].tolist()))
    require(len(set(others)) > 1, "another seed draws other samples", others[0])


def _resample(square=True, factor=0.2, moments=("exp_avg", "exp_avg_sq"), zero_bias=True,
              unit_rows=True, alive=True, center=False, encoder=True, best=False,
              replacement=True, all_dead=True, no_loss=True, of_error=False, no_dead=True,
              bias_moments=True):  # fmt: skip
    """For the mistakes: the reference with one thing done wrong."""

    @torch.no_grad()
    def fn(sae, x, dead, adam, generator):
        loss = ((x - sae(x)[0]) ** 2).sum(-1)
        if (no_dead and not dead.any()) or (no_loss and not loss.any()):
            return
        weight = loss**2 if square is True else (loss if square is False else torch.ones_like(loss))
        n = int(dead.sum())
        drawn = torch.multinomial(weight, n, replacement=replacement, generator=generator)
        if best:
            drawn = loss.topk(min(n, len(loss))).indices
            drawn = drawn[torch.arange(n) % len(drawn)]
        rows = x[drawn] - (sae.b_dec if center else 0) - (sae(x)[0][drawn] if of_error else 0)
        unit = F.normalize(rows, dim=-1)
        every = not alive or (all_dead and dead.all())
        length = (sae.W_enc if every else sae.W_enc[:, ~dead]).norm(dim=0).mean()
        sae.W_dec[dead] = unit if unit_rows else rows
        if encoder:
            sae.W_enc[:, dead] = factor * length * unit.T
        if zero_bias:
            sae.b_enc[dead] = 0
        for p, where in ((sae.W_dec, dead), (sae.W_enc, (slice(None), dead)), (sae.b_enc, dead)):
            for moment in moments if bias_moments or p is not sae.b_enc else ():
                adam.state[p][moment][where] = 0

    return fn


for _text, _options in {
    "samples are drawn in proportion to the loss, not to its square": {"square": False},
    "samples are drawn evenly: well reconstructed ones as often as bad ones": {"square": None},
    "always the worst samples, where they are drawn at random": {"best": True},
    "the encoder's column has the full mean length: the new latent fires on everything": {
        "factor": 1.0
    },
    "the mean length is taken over all latents, dead ones too": {"alive": False},
    "the encoder keeps its dead column, so the latent stays dead": {"encoder": False},
    "the encoder's bias is not reset": {"zero_bias": False},
    "the decoder's row is the sample itself, not its unit vector": {"unit_rows": False},
    "Adam's moments are kept: old momentum drags the new weights away": {"moments": ()},
    "only Adam's first moment is reset": {"moments": ("exp_avg",)},
    "the decoder's bias is taken off the sample: Bricken et al. take the input as it is": {
        "center": True
    },
    "drawn without replacement: there must then be as many samples as dead latents": {
        "replacement": False
    },
    "the mean over no column is NaN when every latent is dead": {"all_dead": False},
    "where every loss is 0 there is nothing to draw from": {"no_loss": False},
    "where no latent is dead there is nothing to draw": {"no_dead": False},
    "the row is the direction of the error, where the sample's own was asked for": {
        "of_error": True
    },
    "Adam's moments of b_enc are kept": {"bias_moments": False},
}.items():
    resample_dead_latents_.mistake(_text)(_resample(**_options))


@resample_dead_latents_.mistake("alive and dead are swapped: the living are overwritten")
def _(sae, x, dead, adam, generator):
    _resample()(sae, x, ~dead, adam, generator)


@resample_dead_latents_.mistake("Adam is reset as a whole, for the living too")
def _(sae, x, dead, adam, generator):
    _resample()(sae, x, dead, adam, generator)
    for state in adam.state.values():
        state["exp_avg"].zero_()
        state["exp_avg_sq"].zero_()


@resample_dead_latents_.mistake("Adam's step is set back too: it is one number for all latents")
def _(sae, x, dead, adam, generator):
    _resample()(sae, x, dead, adam, generator)
    for p in (sae.W_dec, sae.W_enc, sae.b_enc):
        adam.state[p]["step"].zero_()


@resample_dead_latents_.mistake("Adam's memory is emptied, for the living too")
def _(sae, x, dead, adam, generator):
    _resample()(sae, x, dead, adam, generator)
    adam.state.clear()


@resample_dead_latents_.right("one dead latent after another")
@torch.no_grad()
def _(sae, x, dead, adam, generator):
    loss = (x - sae(x)[0]).pow(2).sum(1)
    if loss.sum() == 0:
        return
    living = [i for i in range(len(dead)) if not dead[i]] or list(range(len(dead)))
    length = sum(sae.W_enc[:, i].norm() for i in living) / len(living)
    for i in dead.nonzero().flatten().tolist():
        sample = x[torch.multinomial(loss**2, 1, generator=generator).item()]
        sae.W_dec[i] = sample / sample.norm()
        sae.W_enc[:, i] = length * sae.W_dec[i] / 5
        sae.b_enc[i] = 0.0
        for p, where in ((sae.W_dec, (i,)), (sae.W_enc, (slice(None), i)), (sae.b_enc, (i,))):
            for moment in ("exp_avg", "exp_avg_sq"):
                adam.state[p][moment][where] = 0.0


@resample_dead_latents_.right("by the inverse of the cumulated weights, and masks")
def _(sae, x, dead, adam, generator):
    with torch.no_grad():
        errors = torch.linalg.vector_norm(x - sae(x)[0], dim=1)
        up_to = (errors**4).cumsum(0)
        if not bool(dead.any()) or float(up_to[-1]) == 0:
            return
        at = torch.rand(int(dead.sum()), generator=generator) * up_to[-1]
        rows = x[torch.searchsorted(up_to, at).clamp_max(len(x) - 1)]
        rows = rows / rows.norm(dim=1, keepdim=True)
        norms = sae.W_enc.norm(dim=0)
        mean = norms.mean() if dead.all() else norms[~dead].mean()
        sae.W_dec.masked_scatter_(dead[:, None], rows)
        sae.W_enc.T.masked_scatter_(dead[:, None], 0.2 * mean * rows)
        sae.b_enc.masked_fill_(dead, 0)
        for p, mask in ((sae.W_dec, dead[:, None]), (sae.W_enc, dead), (sae.b_enc, dead)):
            for name, value in adam.state.get(p, {}).items():
                if name != "step":
                    value.masked_fill_(mask, 0)
