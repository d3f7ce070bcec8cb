"""How `sae_loss_recovered` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.real_model.checks.shared import numbers
from lessons.real_model.exercises import sae_loss_recovered
from utils.grading import expect, require


def _loss(x):
    """A loss that only looks at how far x is from what it was trained on: 2 plus the square."""

    def loss_of(z):
        require(torch.is_tensor(z) and z.shape == x.shape, f"shape {tuple(x.shape)}", z)
        return 2.0 + (z - x).square().sum().item()

    return loss_of


def _shares(got, names):
    require(isinstance(got, dict) and set(got) == set(names), f"a dict with {[*names]}", got)
    return got


@sae_loss_recovered.check
def itself_recovers_all_and_the_mean_nothing(fn):
    x = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    mean = torch.tensor([[2.0, 4.0], [2.0, 4.0]])
    got = _shares(fn(_loss(x), x, {"x": x, "mean": mean}), ("x", "mean"))
    expect(got["x"], 1.0)
    expect(got["mean"], 0.0)


@sae_loss_recovered.check
def half_way_by_hand(fn):
    x = torch.tensor([[0.0], [4.0]])  # the mean loses 4 + 4, this one 1 + 1
    got = _shares(fn(_loss(x), x, {"a": torch.tensor([[1.0], [3.0]])}), ("a",))
    expect(got["a"], 0.75)


@sae_loss_recovered.check
def small_differences_of_loss_count_too(fn):
    x, loss = torch.tensor([[0.0], [4.0]]), _loss(torch.tensor([[0.0], [4.0]]))
    got = fn(lambda z: 3 + loss(z) / 500, x, {"a": torch.tensor([[1.0], [3.0]])})
    expect(_shares(got, ("a",))["a"], 0.75)


@sae_loss_recovered.check
def worse_than_the_mean_is_below_zero(fn):
    x = torch.tensor([[0.0], [4.0]])
    got = _shares(fn(_loss(x), x, {"zeros": torch.zeros(2, 1), "far": -x}), ("zeros", "far"))
    expect(got["zeros"], -1.0)
    expect(got["far"], -7.0)


@sae_loss_recovered.check
def the_mean_is_over_all_but_the_last_dimension(fn):
    x, z = numbers(0, 2, 3, 4) + 3, numbers(1, 2, 3, 4)
    center = (
        torch.tensor([[x[..., j].mean().item() for j in range(4)]]).expand(6, 4).reshape(2, 3, 4)
    )
    loss = _loss(x)
    wanted = (loss(center) - loss(z)) / (loss(center) - loss(x))
    got = _shares(fn(loss, x, {"z": z}), ("z",))
    expect(got["z"], wanted, tol=1e-4)


@sae_loss_recovered.check
def better_than_intact_is_above_one(fn):
    x = torch.tensor([[1.0], [3.0]])  # the loss is 5 with x, 6 with the mean, −10 with 2x
    got = fn(lambda z: 10 - z.square().mean().item(), x, {"more": 2 * x})
    expect(_shares(got, ("more",))["more"], 16.0)


@sae_loss_recovered.check
def each_loss_is_computed_once(fn):
    x = numbers(2, 3, 2)
    calls = []
    loss = _loss(x)

    def counted(z):
        calls.append(1)
        return loss(z)

    fn(counted, x, {str(i): numbers(i, 3, 2) for i in range(4)})
    require(len(calls) == 6, "6 calls of loss_of for 4 reconstructions", len(calls))


@sae_loss_recovered.check
def none_to_judge_is_no_trouble(fn):
    x = numbers(3, 3, 2)
    require(fn(_loss(x), x, {}) == {}, "an empty dict", fn(_loss(x), x, {}))


@sae_loss_recovered.check
def the_inputs_are_left_as_they_are(fn):
    x, rebuilt = numbers(4, 3, 2), {"a": numbers(5, 3, 2), "b": numbers(6, 3, 2)}
    before = {name: z.clone() for name, z in rebuilt.items()}
    fn(_loss(x.clone()), x, rebuilt)
    same = [*rebuilt] == [*before] and all(
        torch.is_tensor(z) and torch.equal(z, before[name]) for name, z in rebuilt.items()
    )
    require(same, "rebuilt unchanged", "rebuilt was changed in place")


def _three(loss_of, x):
    mean = x.flatten(0, -2).mean(0).expand_as(x)
    return float(loss_of(x)), float(loss_of(mean))


@sae_loss_recovered.mistake("zeros in place of the mean")
def _(loss_of, x, rebuilt):
    intact, ablated = float(loss_of(x)), float(loss_of(torch.zeros_like(x)))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the share that is lost, not the share recovered")
def _(loss_of, x, rebuilt):
    intact, ablated = _three(loss_of, x)
    return {n: (float(loss_of(z)) - intact) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("intact over rebuilt: a ratio of losses has no 0 at the mean")
def _(loss_of, x, rebuilt):
    intact, _ = _three(loss_of, x)
    return {n: intact / float(loss_of(z)) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake(
    "divided by the ablated loss, not by how far it is above the intact one"
)
def _(loss_of, x, rebuilt):
    _, ablated = _three(loss_of, x)
    return {n: (ablated - float(loss_of(z))) / ablated for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("cut off at 0: a reconstruction can be worse than the mean")
def _(loss_of, x, rebuilt):
    intact, ablated = _three(loss_of, x)
    return {
        n: max(0.0, (ablated - float(loss_of(z))) / (ablated - intact)) for n, z in rebuilt.items()
    }


@sae_loss_recovered.mistake("cut off at 1: a reconstruction can do better than x itself")
def _(loss_of, x, rebuilt):
    intact, ablated = _three(loss_of, x)
    return {
        n: min(1.0, (ablated - float(loss_of(z))) / (ablated - intact)) for n, z in rebuilt.items()
    }


@sae_loss_recovered.mistake("one mean over everything, dimensions too")
def _(loss_of, x, rebuilt):
    intact, ablated = float(loss_of(x)), float(loss_of(x.mean().expand_as(x)))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the mean over the first dimension alone: each position keeps its own")
def _(loss_of, x, rebuilt):
    intact, ablated = float(loss_of(x)), float(loss_of(x.mean(0).expand_as(x)))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the mean of the reconstruction, not of x")
def _(loss_of, x, rebuilt):
    intact, _ = _three(loss_of, x)
    out = {}
    for n, z in rebuilt.items():
        ablated = float(loss_of(z.flatten(0, -2).mean(0).expand_as(x)))
        out[n] = (ablated - float(loss_of(z))) / (ablated - intact) if ablated != intact else 0.0
    return out


@sae_loss_recovered.mistake("the share of the variance: the model is never asked")
def _(loss_of, x, rebuilt):
    center = x.flatten(0, -2).mean(0)
    total = (x - center).square().sum().item()
    return {n: 1 - (z - x).square().sum().item() / total for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the share of the variance: the model is asked, and not heard")
def _(loss_of, x, rebuilt):
    _three(loss_of, x)
    center = x.flatten(0, -2).mean(0)
    total = (x - center).square().sum().item()
    return {n: 1 - (z - x).square().sum().item() / total for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the mean over positions alone (dimension −2): it is over all vectors")
def _(loss_of, x, rebuilt):
    intact, ablated = float(loss_of(x)), float(loss_of(x.mean(-2, keepdim=True).expand_as(x)))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the mean over the last dimension: it is over all but the last")
def _(loss_of, x, rebuilt):
    intact, ablated = float(loss_of(x)), float(loss_of(x.mean(-1, keepdim=True).expand_as(x)))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("the mean is one vector (d,): loss_of takes a tensor of x's shape")
def _(loss_of, x, rebuilt):
    intact, ablated = float(loss_of(x)), float(loss_of(x.flatten(0, -2).mean(0)))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


_SHARES = {
    "how far the loss falls from the mean's: as a share of the way to the intact one": (
        lambda loss, intact, ablated: ablated - loss
    ),
    "the sign is turned: the loss falls from the mean's to the intact one": (
        lambda loss, intact, ablated: (loss - ablated) / (ablated - intact)
    ),
    "cut off at 0 and 1: it can be worse than the mean, and better than x": (
        lambda loss, intact, ablated: max(0.0, min(1.0, (ablated - loss) / (ablated - intact)))
    ),
    "without its sign: a reconstruction can be worse than the mean": (
        lambda loss, intact, ablated: abs(ablated - loss) / abs(ablated - intact)
    ),
    "divided by the intact loss, not by how far the mean's is above it": (
        lambda loss, intact, ablated: (ablated - loss) / intact
    ),
}


def _planted(text, share):
    @sae_loss_recovered.mistake(text)
    def _(loss_of, x, rebuilt):
        intact, ablated = _three(loss_of, x)
        return {n: share(float(loss_of(z)), intact, ablated) for n, z in rebuilt.items()}


for _text, _share in _SHARES.items():
    _planted(_text, _share)


def _right(loss_of, x, rebuilt):
    intact, ablated = _three(loss_of, x)
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("a tensor of the shares: a dict by name is asked for")
def _(loss_of, x, rebuilt):
    return torch.tensor([*_right(loss_of, x, rebuilt).values()])


@sae_loss_recovered.mistake("a list of the shares: a dict by name is asked for")
def _(loss_of, x, rebuilt):
    return [*_right(loss_of, x, rebuilt).values()]


@sae_loss_recovered.mistake("the intact loss is computed anew for every reconstruction")
def _(loss_of, x, rebuilt):
    intact, ablated = _three(loss_of, x)
    out = {}
    for n, z in rebuilt.items():
        intact = float(loss_of(x))
        out[n] = (ablated - float(loss_of(z))) / (ablated - intact)
    return out


@sae_loss_recovered.mistake("changes x in place: the caller's activations are lost")
def _(loss_of, x, rebuilt):
    intact = float(loss_of(x))
    x[...] = x.flatten(0, -2).mean(0)
    ablated = float(loss_of(x))
    return {n: (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("changes rebuilt in place: the caller's reconstructions are lost")
def _(loss_of, x, rebuilt):
    rebuilt.update(_right(loss_of, x, rebuilt))
    return rebuilt


@sae_loss_recovered.mistake("in percent")
def _(loss_of, x, rebuilt):
    intact, ablated = _three(loss_of, x)
    return {n: 100 * (ablated - float(loss_of(z))) / (ablated - intact) for n, z in rebuilt.items()}


@sae_loss_recovered.mistake("intact and ablated are computed anew for every reconstruction")
def _(loss_of, x, rebuilt):
    out = {}
    for n, z in rebuilt.items():
        intact, ablated = _three(loss_of, x)
        out[n] = (ablated - float(loss_of(z))) / (ablated - intact)
    return out


@sae_loss_recovered.right("with losses in a list")
def _(loss_of, x, rebuilt):
    d = x.shape[-1]
    mean = torch.zeros_like(x) + x.reshape(-1, d).sum(0) / x.reshape(-1, d).shape[0]
    inputs = [x, mean, *rebuilt.values()]
    low, high, *others = [float(loss_of(z)) for z in inputs]
    return dict(zip(rebuilt, [1 - (o - low) / (high - low) for o in others], strict=True))


@sae_loss_recovered.right("losses as they come, in arithmetic that asks for no float")
def _(loss_of, x, rebuilt):
    lost = loss_of(x.reshape(-1, x.shape[-1]).mean(0).expand_as(x))
    gain = lost - loss_of(x)
    return {name: (lost - loss_of(rebuilt[name])) / gain for name in rebuilt}


@sae_loss_recovered.right("each share as a tensor of one number")
def _(loss_of, x, rebuilt):
    return {name: torch.tensor(share) for name, share in _right(loss_of, x, rebuilt).items()}


@sae_loss_recovered.right("dimension by dimension")
def _(loss_of, x, rebuilt):
    mean = torch.empty_like(x)
    for j in range(x.shape[-1]):
        mean[..., j] = x[..., j].mean()
    high, low = float(loss_of(mean)), float(loss_of(x))
    shares = {}
    for name in rebuilt:
        shares[name] = (high - float(loss_of(rebuilt[name]))) / (high - low)
    return shares
