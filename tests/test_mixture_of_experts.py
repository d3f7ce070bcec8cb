"""The mixture-of-experts lesson: its measures beside scikit-learn's, its model beside itself."""

import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score

import utils
from lessons.mixture_of_experts import figures
from lessons.mixture_of_experts.exercises import dispatch_and_combine, specialization, top_k_gate
from lessons.mixture_of_experts.experiments import (
    EQUAL,
    SHARES,
    alone,
    attack,
    best_other_expert,
    data,
    flip_distances,
    nudges,
    predicted,
    requests,
    routed,
    safety_train,
    train,
)
from lessons.mixture_of_experts.mixtures import (
    ASK,
    SYMBOLS,
    WORDS,
    YES,
    Balance,
    Language,
    MoE,
    cost,
    dropped,
    experts_of,
    loads,
    pick,
    tokens,
)

LANGUAGE = Language(0)


@pytest.mark.parametrize("seed", range(5))
def test_specialization_is_scikit_learns(seed):
    g = utils.generator(seed)
    experts, labels = (torch.randint(n, (200,), generator=g) for n in (5, 8))
    labels = torch.where(torch.rand(200, generator=g) < 0.4, experts, labels)
    theirs = normalized_mutual_info_score(labels.numpy(), experts.numpy())
    assert specialization(experts, labels) == pytest.approx(theirs, abs=1e-9)


def test_chances_sum_to_one_and_an_ask_is_answered():
    torch.testing.assert_close(LANGUAGE.chances.sum(-1), torch.ones(8, SYMBOLS))
    _, symbols = LANGUAGE.documents(200, utils.generator(0))
    after = symbols[:, 1:][symbols[:, :-1] == ASK]
    assert len(after) > 50
    assert (after == YES).all()


def test_tokens_are_the_current_symbol_and_a_bag_of_the_eight_before():
    _, symbols = LANGUAGE.documents(3, utils.generator(1))
    x, targets = tokens(symbols)
    place = 16 + 5  # of document 1, its sixth place
    row = symbols[1]
    assert x[place, :SYMBOLS].argmax() == row[8 + 5]
    bag = torch.bincount(row[5:13], minlength=SYMBOLS) / 8
    torch.testing.assert_close(x[place, SYMBOLS:], bag)
    assert targets[place] == row[8 + 6]


def test_the_layer_is_what_dispatching_each_token_gives():
    model = MoE(2, 5, 3, seed=1)
    h = torch.randn(2, 20, 24, generator=utils.generator(2))
    probs, chosen = model.route(h)
    layer = model.layer(h, probs, chosen)
    for i in range(2):
        gates = top_k_gate(h[i] @ model.router[i], 1, True).gather(1, chosen[i])
        added = dispatch_and_combine(h[i], chosen[i], gates, experts_of(model, i), 20)
        torch.testing.assert_close(layer[i], h[i] + added)


def test_training_side_by_side_is_training_alone():
    world = data(0, steps=5)
    balances = [Balance(), Balance(auxiliary=0.1), Balance(document=0.1), Balance(rate=0.05)]
    together = MoE(4, 4, 3, seed=0)
    losses = train(together, world.text, balances, world.test)
    for i, balance in enumerate(balances):
        one = MoE(1, 4, 3, seed=0)
        torch.testing.assert_close(train(one, world.text, [balance], world.test)[0], losses[i])
        torch.testing.assert_close(one.router[0], together.router[i], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(one.bias[0], together.bias[i])
    assert together.bias[3].abs().max() > 0


def test_what_is_compared_costs_the_same():
    for n_experts, width in EQUAL.items():
        assert cost(n_experts, width)[0] == cost(1, 16)[0]
    assert cost(16, 8)[1] == cost(1, 136)[1]
    model = MoE(1, 16, 8, seed=0)
    weights = model.router.numel() + model.inward.numel() + model.outward.numel()
    assert cost(16, 8)[1] == weights


def test_just_past_the_flip_distance_the_expert_is_left_and_just_before_it_is_not():
    model = MoE(1, 6, 3, seed=4)
    h = torch.randn(50, 24, generator=utils.generator(5))
    distance, way = flip_distances(model, h)
    nearest = distance.argmin(1)
    rows = torch.arange(50)
    step = distance[rows, nearest, None] * way[rows, nearest]
    own = routed(model, h)
    assert (routed(model, h + 0.99 * step) == own).all()
    assert (routed(model, h + 1.01 * step) == nearest).all()


def test_a_forced_expert_counts_by_its_own_gate_or_by_the_old_one():
    model = MoE(1, 4, 3, seed=0)
    h = torch.randn(6, 24, generator=utils.generator(3))
    probs, old = model.route(h[None])
    forced = (old[0, :, 0] + 1) % 4
    added = torch.stack([experts_of(model, 0)[e](row) for e, row in zip(forced, h, strict=True)])
    for expert, old_gate in ((forced, False), (old[0, :, 0], True)):
        gate = probs[0].gather(1, expert[:, None])
        said = predicted(model, h, expert=forced, old_gate=old_gate)
        torch.testing.assert_close(said, (h + gate * added) @ model.unembed[0])


def test_the_best_other_expert_is_another_one_and_gets_most_yes():
    model = MoE(1, 4, 3, seed=0)
    h = torch.randn(200, 24, generator=utils.generator(3))
    yes = [
        (predicted(model, h, expert=torch.full((200,), e), old_gate=True).argmax(-1) == YES).sum()
        for e in range(4)
    ]
    for own in range(4):
        best = best_other_expert(model, h, own).item()
        assert best != own
        assert yes[best] == max(y for e, y in enumerate(yes) if e != own)


@pytest.mark.parametrize("kind", ["random", "route", "output"])
def test_nudges_have_their_size(kind):
    model = MoE(1, 6, 3, seed=4)
    h = torch.randn(7, 24, generator=utils.generator(6))
    drawn = nudges(model, h, kind, SHARES[3], 5, seed=0)
    assert drawn.shape == (5, 7, 24)
    length = drawn.norm(dim=-1)
    assert (length <= SHARES[3] * 1.001).all()
    torch.testing.assert_close(length[-1], SHARES[3].expand(7))


def test_what_one_try_does_is_counted_beside_what_any_does():
    model = MoE(1, 6, 3, seed=4)
    model.unembed.data *= 0
    model.unembed.data[0, :, YES] = torch.randn(24, generator=utils.generator(2))
    h = torch.randn(40, 24, generator=utils.generator(5))
    size = SHARES[-1] * h.norm(dim=-1).median()
    nudged = h + nudges(model, h, "route", size, 5, seed=0)
    left = routed(model, nudged) != routed(model, h)
    yes = predicted(model, nudged).argmax(-1) == YES
    found = attack(model, h, "route", seed=0, tries=5)
    assert found.tries_left[-1] == pytest.approx(left.float().mean().item())
    for values, truth in ((found.left, left), (found.complied, yes), (found.both, left & yes)):
        assert values[-1] == pytest.approx(truth.any(0).float().mean().item())
    assert found.both[-1] > 0
    assert found.both[0] < found.complied[0]
    assert (found.both <= torch.minimum(found.left, found.complied)).all()


def test_loads_are_shares_of_tokens():
    chosen = torch.tensor([[0, 0, 2, 0], [1, 1, 2, 2]])
    expected = torch.tensor([[0.75, 0, 0.25], [0, 0.5, 0.5]])
    torch.testing.assert_close(loads(chosen, 3), expected)
    torch.testing.assert_close(loads(chosen[0], 3), expected[0])


def test_safety_training_moves_experts_only():
    base = alone(MoE(2, 4, 3, seed=0), 1)
    model = safety_train(base, LANGUAGE, seed=0, steps=3)
    for name in ("embed", "router", "unembed", "bias"):
        assert torch.equal(getattr(model, name), getattr(base, name)), name
    assert not torch.equal(model.outward, base.outward)
    asked = requests(LANGUAGE, 50, utils.generator(0))
    assert (asked.x[:, ASK] == 1).all()
    assert asked.x[:, SYMBOLS : SYMBOLS + WORDS].sum() > 0


def test_what_makes_no_sense_is_said():
    with pytest.raises(ValueError, match="steps"):
        data(0, steps=0)
    with pytest.raises(ValueError, match="at least 1"):
        MoE(1, 0, 8, seed=0)
    with pytest.raises(ValueError, match="at least 1 step"):
        safety_train(MoE(1, 2, 2, seed=0), LANGUAGE, seed=0, steps=0)
    with pytest.raises(ValueError, match="seed"):
        data(1.5)
    with pytest.raises(ValueError, match="2 balances"):
        train(MoE(2, 2, 2, seed=0), torch.zeros(1, 25), [Balance()], torch.zeros(1, 25))
    with pytest.raises(ValueError, match="some text"):
        train(MoE(1, 2, 2, seed=0), torch.zeros(0, 25), [Balance()], torch.zeros(1, 25))
    with pytest.raises(ValueError, match="0 to 1"):
        alone(MoE(2, 2, 2, seed=0), 2)
    with pytest.raises(ValueError, match="capacity factor"):
        dropped(torch.tensor([0.5, 0.5]), -1)
    with pytest.raises(ValueError, match="k is 1 to 3"):
        top_k_gate(torch.zeros(2, 3), 4, True)
    with pytest.raises(ValueError, match="floats"):
        top_k_gate(torch.zeros(2, 3, dtype=torch.long), 1, True)
    for names in (["b"], [], "b"):
        with pytest.raises(ValueError, match="a"):
            pick({"a": 1}, names)
    for draw in (figures.loads_by_balance, figures.what_experts_follow):
        with pytest.raises(ValueError, match="at least one"):
            draw({})
    with pytest.raises(ValueError, match="as many losses"):
        figures.more_experts((2, 4), [1.0], {})
    h = torch.zeros(1, 24)
    with pytest.raises(ValueError, match="at least 1 try"):
        nudges(MoE(1, 2, 2, seed=0), h, "random", SHARES[0], 0, seed=0)
    with pytest.raises(ValueError, match="random"):
        nudges(MoE(1, 2, 2, seed=0), h, "luck", SHARES[0], 1, seed=0)
