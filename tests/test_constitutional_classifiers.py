"""lessons/constitutional_classifiers: what its experiments stand on, apart from exercises."""

import pytest
import torch

import utils
from lessons.constitutional_classifiers import consistency, monitors, robust
from lessons.constitutional_classifiers.constitution import clauses_for, read_clauses, tables
from lessons.constitutional_classifiers.guards import (
    HELD_OUT,
    SHOWN,
    Classifier,
    dress,
    everyday_traffic,
    guards,
    logistic,
    quick_reply,
    threshold_for,
)
from utils.decoder import Decoder
from utils.worlds.assistant import ALIASES, OBJECTS, PROMPT, WORDS, World, ids, reply


def test_the_file_restricts_what_the_world_calls_harmful():
    restricted, permitted = tables(read_clauses())
    assert torch.equal(restricted, World(0).harmful)
    assert permitted.any() and not (restricted & permitted).any()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no_such", "no constitution 'no_such'"),
        ("[[permitted]]\nactions = ['draw']\ntopics = ['locks']", "restricts nothing"),
        ("[[restricted]]\nactions = ['eat']\ntopics = ['locks']", "'eat' is none of the actions"),
        ("[[restricted]]\nactions = ['mix']", "none of the topics"),
        ("[[forbidden]]\n", "neither"),
        ("[[restricted]]\nactions = mix", "no TOML"),
    ],
)
def test_a_wrong_constitution_says_what_is_wrong(text, says):
    with pytest.raises(ValueError, match=says):
        read_clauses(text)


@pytest.mark.parametrize("made", [guards, everyday_traffic, monitors.labeled])
def test_a_constitution_of_another_world_is_an_error(made):
    with pytest.raises(ValueError, match="another table than this world's: 'open' on 'locks'"):
        made(World(0, (1, 3, 5), (1, 2, 5, 6)))


def test_a_constitution_is_held_against_its_world_pair_by_pair():
    everywhere = "[[restricted]]\nactions = ['open', 'mix', 'grow']\ntopics = ['locks', 'fumes']"
    assert len(clauses_for(World(1, (0, 1, 2), (0, 1)), everywhere)) == 1
    with pytest.raises(ValueError, match="'sparks' is harmful, but not restricted"):
        clauses_for(World(1), everywhere)
    with pytest.raises(ValueError, match="'fumes' is only restricted"):
        clauses_for(World(1, (0, 1, 2), (0,)), everywhere)


@pytest.mark.parametrize("how", SHOWN + HELD_OUT)
def test_dressing_leaves_action_object_and_marks(how):
    world = World(0)
    requests = world.requests(200, utils.generator(0))
    tokens = dress(requests, how, utils.generator(1)).tokens
    names = (ids(OBJECTS)[requests.object], ids(ALIASES)[requests.object])
    asked = (tokens[:, 1:5] == names[0][:, None]) | (tokens[:, 1:5] == names[1][:, None])
    assert asked.any(1).all()
    assert torch.equal(tokens[:, [0, -1]], requests.tokens[:, [0, -1]])
    assert torch.equal(tokens, requests.tokens) == (how == "plain")
    second = (tokens[:, 1:5] == names[1][:, None]).any(1)
    shown = requests.object % 4 < 2
    want = {"a second name": shown, "another second name": ~shown}.get(how, torch.tensor(False))
    assert torch.equal(second, want.expand(200))


def test_the_quick_reply_says_what_the_reply_says():
    model = Decoder(len(WORDS), 16, generator=utils.generator(0))
    prompts = World(0).requests(200, utils.generator(1)).tokens
    assert torch.equal(quick_reply(model, prompts), reply(model, prompts))


def test_a_threshold_stops_at_most_the_rate():
    scores = torch.randn(2000, generator=utils.generator(0))
    for rate in (0.0, 0.001, 0.05):
        assert (scores >= threshold_for(scores, rate)).sum() == int(rate * 2000)


def test_the_logistic_regression_separates_what_is_linear():
    x = torch.randn(300, 4, generator=utils.generator(0)) * torch.tensor([1.0, 100.0, 0.01, 1.0])
    y = x[:, 0] + 50 * x[:, 2] > 0.3
    weight, bias = logistic(x, y)
    assert ((x.double() @ weight + bias > 0) == y).double().mean() > 0.95


def test_a_classifier_scores_each_token_by_what_came_before():
    body = Decoder(len(WORDS), 16, generator=utils.generator(0))
    model = Classifier(body, utils.generator(1))
    tokens = torch.randint(len(WORDS), (3, 16), generator=utils.generator(2))
    with torch.no_grad():
        whole, part = model(tokens), model(tokens[:, : PROMPT + 2])
    assert whole.shape == (3, 7) and torch.allclose(whole[:, :3], part, atol=1e-5)


def test_costs_are_those_of_the_weights():
    body = Decoder(len(WORDS), 16, n_layers=2, n_heads=2, d_model=12)
    weights = sum(p.numel() for p in body.layers.parameters() if p.ndim == 2)
    assert monitors.cost(2, 12, tokens=5) == 5 * weights


def test_wrappers_hold_allowed_words_in_the_last_slots_alone():
    requests = World(0).requests(5, utils.generator(0))
    wrapper = consistency.wrapper_words()[:4]
    prompts = consistency.wrap(requests.tokens, wrapper)
    assert (prompts[:, 5:9] == wrapper).all()
    assert torch.equal(prompts[:, :5], requests.tokens[:, :5])
    assert not torch.isin(ids(OBJECTS + ALIASES), consistency.wrapper_words()).any()


def test_doubtful_requests_are_told_by_tone_alone():
    asks = robust.asks(4000, 0, doubtful=0.5)
    assert torch.equal(asks.fixed[:, :6].sum(1), torch.ones(4000).double())
    assert (asks.owned.sum(1) == 4).all() and 0.45 < asks.doubtful.double().mean() < 0.55
    clear = ~asks.doubtful
    rule = (asks.fixed[:, :3].sum(1) * asks.fixed[:, 6:10].sum(1)) > 0
    assert torch.equal(rule[clear], asks.harmful[clear]) and not rule[asks.doubtful].any()
    hasty = asks.owned[:, 8:].sum(1) / 4
    assert abs(hasty[asks.harmful].mean() - 0.7) < 0.02


def test_certified_at_most_worst_at_most_found_at_most_as_it_comes():
    net, asks = robust.Net(0), robust.asks(40, 1)
    low, worst = robust.certified(net, asks.fixed), robust.worst_case(net, asks.fixed)
    with torch.no_grad():
        found = net(asks.fixed, robust.attacked(net, asks))
        now = net(asks.fixed, asks.owned)
    assert (low <= worst + 1e-9).all() and (worst <= found + 1e-9).all()
    assert (worst <= now + 1e-9).all() and len(robust.all_choices()) == 3876


def test_no_words_certify_nothing_but_the_net_without_them():
    net, asks = robust.Net(0), robust.asks(10, 1)
    low = robust.certified(net, asks.fixed, slots=0)
    assert torch.allclose(low, net(asks.fixed, torch.zeros(10, 16).double()))


def test_slots_that_are_not_attacked_keep_their_words():
    net, asks = robust.Net(0), robust.asks(10, 1)
    low = robust.certified(net, asks.fixed, 0, asks.owned)
    assert torch.allclose(low, net(asks.fixed, asks.owned))


def test_words_in_slots_are_the_words_that_were_counted():
    owned = robust.asks(50, 1).owned
    words = robust.in_slots(owned, utils.generator(0))
    assert words.shape == (50, 4, 16) and torch.equal(words.sum(1), owned)


def test_the_more_slots_are_attacked_the_less_is_certified_and_withstands():
    net = robust.Net(0)
    bounds, worst = zip(*robust.by_slots(net, 0, 100), strict=True)
    assert list(bounds) == sorted(bounds) and list(worst) == sorted(worst)
    assert all(low >= found for low, found in zip(bounds, worst, strict=True))
    asks = robust.asks(100, 5)
    asks = asks.rows(asks.harmful)
    missed = (net(asks.fixed, asks.owned) < 0).double().mean().item()
    assert bounds[0] == worst[0] == missed
    assert worst[4] == (robust.worst_case(net, asks.fixed) < 0).double().mean().item()


def test_a_blind_guard_reads_no_owned_word():
    asks = robust.asks(400, 2)
    other = asks._replace(owned=asks.owned.flip(1))
    stopped = {}
    for name, least in robust.BLIND.items():
        stopped[name] = robust.blind(least, asks)
        assert torch.equal(stopped[name], robust.blind(least, other))
    alone = stopped["the pair alone"]
    assert torch.equal(alone, asks.harmful & ~asks.doubtful)
    assert (stopped["two hasty words"] >= alone).all()
    assert stopped["whatever is doubtful"][asks.harmful].all()


@pytest.mark.parametrize("eps", [0.0, 0.2, 0.6])
def test_the_closed_form_is_what_is_measured(eps):
    for ratio in (0.0, 3.0, 40.0):
        weight = torch.cat([torch.tensor([ratio]), torch.ones(robust.WEAK)]).double()
        found = robust.measured_accuracy(weight, eps, seed=3, n=10_000)
        closed = robust.accuracy(torch.tensor(ratio).double(), eps).item()
        assert abs(found - closed) < 0.015
