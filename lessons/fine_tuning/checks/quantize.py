"""How `quantize` is judged: checks, mistakes, right answers."""

import torch

from lessons.fine_tuning.exercises import quantize
from utils.grading import expect, require

THREE = torch.tensor([-1.0, 0.0, 1.0])
UNEVEN = torch.tensor([-1.0, -0.5, -0.1, 0.0, 0.2, 0.6, 1.0])


def _run(fn, weights, levels, block):
    """Codes and scales, and see that they are a pair of tensors of the right shapes and kinds."""
    out = fn(weights, levels, block)
    pair = isinstance(out, tuple | list) and len(out) == 2 and all(torch.is_tensor(x) for x in out)
    require(pair, "a pair of tensors (codes, scales)", out)
    codes, scales = out
    blocks = weights.numel() // block
    require(tuple(codes.shape) == (blocks, block), f"codes ({blocks}, {block})", tuple(codes.shape))
    require(tuple(scales.shape) == (blocks,), f"scales ({blocks},)", tuple(scales.shape))
    whole = not codes.is_floating_point() and codes.dtype != torch.bool
    require(whole, "codes that are integers", codes)
    return codes.long(), scales


def _given(weights, levels, block):
    return {"weights": weights, "levels": levels, "block": block}


@quantize.check
def a_weight_alone_is_its_own_scale(fn):
    for w, code in ((3.0, 2), (-0.5, 0), (0.0, 1)):
        given = _given(torch.tensor([w]), THREE, 1)
        codes, scales = _run(fn, **given)
        expect(scales, torch.tensor([abs(w)]), **given, what="scales")
        expect(codes, torch.tensor([[code]]), **given, what="codes")


@quantize.check
def the_nearest_level_of_each_weight(fn):
    given = _given(torch.tensor([2.0, 0.9, -0.9, -1.1]), THREE, 4)
    codes, scales = _run(fn, **given)
    expect(scales, torch.tensor([2.0]), **given, what="scales")
    expect(codes, torch.tensor([[2, 1, 1, 0]]), **given, what="codes")


@quantize.check
def each_block_has_its_own_scale(fn):
    given = _given(torch.tensor([1.0, 0.1, 100.0, -100.0, 0.02, -0.002]), THREE, 2)
    codes, scales = _run(fn, **given)
    expect(scales, torch.tensor([1.0, 100.0, 0.02]), **given, what="scales")
    expect(codes, torch.tensor([[2, 1], [2, 0], [2, 1]]), **given, what="codes")


@quantize.check
def a_block_of_zeros_gives_zeros(fn):
    given = _given(torch.tensor([0.0, 0.0, -4.0, 1.0]), THREE, 2)
    codes, scales = _run(fn, **given)
    expect(scales, torch.tensor([0.0, 4.0]), **given, what="scales")
    expect(codes, torch.tensor([[1, 1], [0, 1]]), **given, what="codes")


@quantize.check
def no_level_is_nearer_whatever_the_levels_and_the_shape(fn):
    for shape, block, dtype, seed in (
        ((4, 6), 3, torch.float32, 0),
        ((2, 2, 8), 8, torch.float64, 1),
        ((48,), 16, torch.float32, 2),
    ):
        g = torch.Generator().manual_seed(seed)
        weights = torch.randn(shape, generator=g, dtype=torch.float64).to(dtype)
        given = _given(weights, UNEVEN.to(dtype), block)
        codes, scales = _run(fn, **given)
        rows, levels = weights.flatten().double().tolist(), UNEVEN.double().tolist()
        want = [max(abs(x) for x in rows[i : i + block]) for i in range(0, len(rows), block)]
        expect(scales.double(), torch.tensor(want, dtype=torch.float64), 1e-6, what="scales")
        for i, w in enumerate(rows):
            scale = want[i // block]
            off = [abs(w - scale * level) for level in levels]
            mine = off[codes.flatten()[i].item()]
            require(
                mine <= min(off) + 1e-6, f"the level nearest to {w / scale:.3f}", levels, **given
            )


@quantize.mistake("one scale for all: an outlier anywhere coarsens everything")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = weights.abs().max().expand(len(rows)).clone()
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return (unit[..., None] - levels).abs().argmin(-1), scales


@quantize.mistake("the largest weight, not the largest absolute weight")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.amax(1)
    unit = rows / torch.where(scales == 0, 1e-30, scales)[:, None]
    return (unit[..., None] - levels).abs().argmin(-1), scales


@quantize.mistake("scaled by the standard deviation: large weights are cut off")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.std(1, correction=0)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return (unit[..., None] - levels).abs().argmin(-1), scales


@quantize.mistake("not divided by the scale before the nearest level is sought")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    return (rows[..., None] - levels).abs().argmin(-1), rows.abs().amax(1)


@quantize.mistake("the level itself is returned, where its place is asked for")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return levels[(unit[..., None] - levels).abs().argmin(-1)], scales


@quantize.mistake("rounded down to the next lower level, not to the nearest")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return (torch.bucketize(unit, levels, right=True) - 1).clamp(min=0), scales


@quantize.mistake("levels taken to be equally spaced")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return ((unit + 1) / 2 * (len(levels) - 1)).round().long(), scales


@quantize.mistake("a block of zeros gets another code than that of the level nearest to 0")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)
    unit = rows / scales[:, None]
    off = (unit[..., None] - levels).abs().nan_to_num(nan=-1.0)
    return off.argmin(-1), scales


@quantize.mistake("blocks run across, every so many weights apart, not one after the other")
def _(weights, levels, block):
    rows = weights.reshape(block, -1).T
    scales = rows.abs().amax(1)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return (unit[..., None] - levels).abs().argmin(-1), scales


@quantize.mistake("rounded up to the next higher level, not to the nearest")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return torch.searchsorted(levels, unit), scales


@quantize.mistake("the smallest difference with its sign: that is always the last level")
def _(weights, levels, block):
    rows = weights.reshape(-1, block)
    scales = rows.abs().amax(1)
    unit = rows / scales.clamp(min=1e-30)[:, None]
    return (unit[..., None] - levels).argmin(-1), scales


@quantize.mistake("codes and scales are exchanged")
def _(weights, levels, block):
    codes, scales = quantize.reference(weights, levels, block)
    return scales, codes


@quantize.right("by bucketize between the midpoints of levels")
def _(weights, levels, block):
    rows = weights.flatten().unflatten(0, (-1, block))
    scales = rows.abs().max(1).values
    unit = rows / torch.where(scales > 0, scales, torch.ones_like(scales))[:, None]
    return torch.bucketize(unit, (levels[1:] + levels[:-1]) / 2).to(torch.uint8), scales


@quantize.right("by loops over blocks and weights")
def _(weights, levels, block):
    flat, table = weights.flatten().tolist(), levels.tolist()
    codes, scales = [], []
    for i in range(0, len(flat), block):
        row = flat[i : i + block]
        scale = max(abs(w) for w in row)
        scales.append(scale)
        codes.append(
            [min(range(len(table)), key=lambda k, w=w: abs(w - scale * table[k])) for w in row]
            if scale
            else [min(range(len(table)), key=lambda k: abs(table[k]))] * block
        )
    return torch.tensor(codes), torch.tensor(scales, dtype=weights.dtype)
