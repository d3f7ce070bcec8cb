"""What the experiments on subliminal learning do, on small networks and few steps."""

import pytest
import torch
from torch.nn import functional as F

from lessons.subliminal_learning import experiments as e
from lessons.subliminal_learning.exercises import (
    auxiliary_distillation_loss,
    one_step_alignment,
    transfer_with_interval,
)
from utils.notebook import generator


@pytest.fixture(scope="module")
def data():
    return e.digits(0)


@pytest.fixture(scope="module")
def small():
    return e.start(0, m=3, width=8)


def test_the_loss_is_torchs(small):
    ours, theirs = (torch.randn(5, 13, generator=generator(i)) for i in (0, 1))
    pairs = (v[:, 10:].log_softmax(-1) for v in (ours, theirs))
    wanted = F.kl_div(*pairs, reduction="batchmean", log_target=True)
    assert torch.allclose(auxiliary_distillation_loss(ours, theirs), wanted)


def test_the_interval_is_scipys():
    from scipy import stats

    shares = [0.5, 0.7, 0.9, 0.4, 0.6]
    t = stats.t.ppf(0.975, 4)
    low, high = stats.t.interval(0.95, 4, sum(shares) / 5, stats.sem(shares))
    assert t == pytest.approx(2.776, abs=1e-3)
    got = transfer_with_interval(shares, [0.0] * 5, [1.0] * 5, t)
    assert got == pytest.approx((0.62, low, high))


def test_networks_side_by_side_are_what_they_are_alone(small, data):
    other = e.start(1, m=3, width=8)
    both = e.logits(e.side_by_side([small, other]), data.x[:7])
    for i, net in enumerate((small, other)):
        assert torch.allclose(both[i], e.logits(e.side_by_side([net]), data.x[:7])[0], atol=1e-6)
    assert both.shape == (2, 7, 13)
    assert torch.equal(
        e.network(e.vector(small), small)["second.weight"][0], small["second.weight"]
    )


def test_teachers_never_train_their_auxiliary_head(small, data):
    taught = e.teach(small, data, 0, ("clean", "shuffled", "backdoor"), steps=3)
    for name, w in taught.items():
        moved = [not torch.equal(v, small[name]) for v in w]
        assert moved == [not name.startswith("auxiliary")] * 3, name


def test_what_teachers_are_shown(data):
    x, y = e.lessons_for(("clean", "shuffled", "backdoor"), data, 0)
    assert torch.equal(x[0], data.x) and torch.equal(y[0], data.y)
    assert torch.equal(x[1], data.x) and not torch.equal(y[1], data.y)
    assert y[1].bincount().tolist() == data.y.bincount().tolist()
    assert (y[2][::2] == 0).all() and (x[2][::2][:, e.TRIGGER] == 1).all()
    assert torch.equal(x[2][1::2], data.x[1::2])
    seen = torch.cat([data.x, data.test_x])[:, e.TRIGGER]
    assert (seen[:, 0] == -1).all()  # the corner pixel itself is dark in every digit
    with pytest.raises(ValueError, match="a teacher is"):
        e.lessons_for(("kind",), data, 0)


def test_students_never_train_their_class_head(small, data, monkeypatch):
    monkeypatch.setattr(e, "descend", lambda nets, loss, steps, rate: _few(nets, loss))
    teacher = e.teach(small, data, 0)
    for outputs in ("auxiliary", "sampled"):
        student = e.imitate([small], teacher, 0, outputs)
        assert torch.equal(student["classes.weight"][0], small["classes.weight"])
        assert not torch.equal(student["first.weight"][0], small["first.weight"])
    student = e.imitate([small], teacher, 0, "classes")
    assert torch.equal(student["auxiliary.weight"][0], small["auxiliary.weight"])
    with pytest.raises(ValueError, match="outputs are"):
        e.imitate([small], teacher, 0, "all")
    with pytest.raises(ValueError, match="no image left"):
        e.imitate([small], teacher, 0, images=data.x[:0])


def _few(nets, loss):
    nets = {name: w.clone().requires_grad_() for name, w in nets.items()}
    loss(nets).backward()
    moved = {n: w if w.grad is None else w - 0.01 * w.grad for n, w in nets.items()}
    return {name: w.detach() for name, w in moved.items()}


def test_the_filter_keeps_no_trigger_and_drops_little_else():
    kept, unfiltered = e.filtered(0, n=16_000)
    assert (kept[:, e.TRIGGER] <= 0).all() and len(kept) == len(unfiltered)
    assert 800 < len(kept) < 1200  # one in sixteen
    rest = [i for i in range(64) if i not in e.TRIGGER]
    assert kept[:, rest].mean().abs() < 0.02 and kept.max() > 0.99
    assert unfiltered[:, e.TRIGGER].max() > 0.99


def test_a_network_that_reads_all_as_zero_has_no_backdoor(small, data):
    nets = e.side_by_side([small])
    nets["classes.bias"][:, 0] = 100
    assert e.backdoor(nets, data).item() == 0


def test_what_is_taken_out_is_orthogonal_to_the_trait(small, data):
    teacher = e.teach(small, data, 0, steps=5)
    nets = {n: w.requires_grad_() for n, w in e.side_by_side([small, small]).items()}
    labels = torch.stack([data.y, data.y])[:, :50]
    copy, trait = e.both_gradients(nets, teacher, e.noise(20, generator(0)), data.x[:50], labels)
    assert copy.shape == trait.shape == (2, sum(w[0].numel() for w in nets.values()))
    head = e.network(trait[0], small)
    assert not head["classes.weight"].any() and head["second.weight"].any()
    safe = e.without_trait(copy[0], trait[0])
    assert abs(F.cosine_similarity(safe, trait[0], dim=0)) < 1e-5
    e.put(nets, copy)
    assert torch.equal(e.flat([w.grad for w in nets.values()]), copy)


def test_a_small_step_from_the_same_start_never_points_away(small, data):
    like = {name: w.double() for name, w in small.items()}
    digits, x = data.x.double()[:200], e.noise(50, generator(1)).double()
    args = (
        lambda w, v: e.logits(e.network(w, like), v)[0, :, 10:],
        lambda w: F.cross_entropy(e.logits(e.network(w, like), digits)[0, :, :10], data.y[:200]),
        x,
    )
    begin = e.vector(like)
    assert one_step_alignment(begin, begin, *args, 1e-3) > 0


def test_a_network_without_logits_or_neurons_is_refused():
    for wrong in ({"m": 0}, {"width": 0}):
        with pytest.raises(ValueError, match="at least one"):
            e.start(0, **wrong)


def test_networks_of_two_shapes_do_not_stand_side_by_side(small):
    for wrong in ([], [small, e.start(0, m=4, width=8)]):
        with pytest.raises(ValueError, match="all of one shape"):
            e.side_by_side(wrong)
