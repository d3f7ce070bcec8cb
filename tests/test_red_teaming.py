"""lessons/red_teaming: what its experiments stand on, where no exercise and no claim checks it."""

import pytest
import torch

from lessons.red_teaming import attacks
from lessons.red_teaming.attacks import (
    BY_HAND,
    FAMILIES,
    PLACES,
    Attacker,
    Target,
    complies,
    fit_scorer,
    mutate,
    random_tails,
    with_tails,
)
from lessons.red_teaming.experiments import (
    audit,
    fit_beta,
    foretold_by_beta,
    plant_quirk,
    probe_table,
    samples,
    share_right,
    success_within,
)
from utils.decoder import Decoder
from utils.notebook import generator
from utils.worlds.assistant import COMPLIED, PROMPT, REPLY, WORDS, World, reply


@pytest.fixture(scope="module")
def world():
    return World(0)


@pytest.fixture(scope="module")
def untrained():
    return Decoder(len(WORDS), PROMPT + REPLY, generator=generator(0))


def parrot(answer):
    """A `read` that gives one answer, word by word, whatever it is asked."""

    def read(model, tokens, kept):
        said = kept[0][0].shape[2] if kept else 0
        logits = torch.zeros(len(tokens), len(WORDS))
        logits[:, answer[said]] = 9
        more = torch.zeros(len(tokens), 1, said + 1, 1)
        return logits, [(more, more)]

    return read


def test_complies_says_what_the_judge_says(world, untrained, monkeypatch):
    requests = world.requests(600, generator(1), harmful=True)
    judged = world.judge(requests, reply(untrained, requests.tokens)) == COMPLIED
    assert torch.equal(complies(world, untrained, requests), judged)
    answer = world.comply(requests, generator(2))[0]
    monkeypatch.setattr(attacks, "read", parrot(answer))
    judged = world.judge(requests, answer.expand(600, REPLY)) == COMPLIED
    assert judged.any() and torch.equal(complies(world, untrained, requests), judged)


def test_what_is_read_once_is_what_the_model_says(world, untrained):
    prompts, kept = world.requests(7, generator(1)).tokens, []
    whole = torch.cat([prompts, prompts[:, 1:3]], 1)  # two words more, any
    with torch.no_grad():
        for start, end in ((0, 10), (10, 11), (11, 12)):
            logits, kept = attacks.read(untrained, whole[:, start:end], kept)
            expected = untrained(whole[:, :end])[:, -1]
            torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
        with pytest.raises(ValueError, match="one token at a time"):
            attacks.read(untrained, whole[:, :2], kept)


def test_replies_that_do_not_open_with_a_refusal_are_written_out(world, untrained, monkeypatch):
    requests, judged = world.requests(600, generator(1)), []
    whole = reply(untrained, requests.tokens)
    no = whole[::3, 0].unique()[:5]  # in the place of the first words of refusals
    monkeypatch.setattr(attacks, "FIRST_NO", no)
    monkeypatch.setattr(World, "judge", lambda _, asked, said: judged.append(said) or said[:, 0])
    complies(world, untrained, requests)
    open_ = ~torch.isin(whole[:, 0], no)
    assert 0 < open_.sum() < 600 and torch.equal(judged[0], whole[open_][:, :5])


def test_only_the_tail_is_rewritten(world):
    requests = world.requests(10, generator(0), harmful=True)
    tails = random_tails(10, generator(1))
    new = with_tails(requests, tails).tokens
    assert torch.equal(new[:, 5:9], tails) and torch.equal(new[:, :5], requests.tokens[:, :5])


@pytest.mark.parametrize("name", FAMILIES)
def test_families_keep_the_question(world, name):
    requests = world.requests(50, generator(0), harmful=True)
    new = FAMILIES[name](requests, generator(1))
    assert torch.equal(new.action, requests.action) and torch.equal(new.object, requests.object)
    assert torch.equal(new.tokens, requests.tokens) == (name == "none")


def test_a_target_counts_its_queries(world, untrained):
    target = Target(world, untrained)
    target.attack(random_tails(7, generator(0)))
    target.attack(random_tails(5, generator(0)))
    assert target.queries == 12


def test_an_attacker_samples_its_policy():
    logits = torch.full((PLACES, len(WORDS)), -30.0)
    logits[:, 3] = 0
    assert (Attacker(logits, []).sample(5, generator(0)) == 3).all()


def test_a_child_has_at_most_one_word_that_the_pool_has_not():
    g = generator(0)
    for _ in range(50):
        child = mutate(BY_HAND, BY_HAND[0], g)
        assert (~(child == BY_HAND).any(0)).sum() <= 1


def test_the_judge_likes_the_words_that_succeed():
    tails = random_tails(3000, generator(0))
    weights = fit_scorer(tails, tails[:, 2] < 40)
    assert weights[2, :40].min() > weights[2, 40:].max()


def test_success_within_is_the_mean_over_all_subsets():
    hits = torch.tensor([[1, 0], [0, 0], [0, 0], [1, 0]]).bool()
    assert success_within(hits, 1) == pytest.approx(0.25)
    assert success_within(hits, 2) == pytest.approx(5 / 6 / 2)  # 5 of 6 pairs hold a success
    assert success_within(hits, 3) == pytest.approx(0.5)


@pytest.mark.parametrize("vary", ["nothing", "fillers", "tail"])
def test_samples_ask_every_harmful_question(world, untrained, vary):
    assert samples(world, untrained, 2, vary, 0).shape == (2, 48)


def test_the_beta_that_drew_the_rates_is_found():
    torch.manual_seed(0)
    p = torch.distributions.Beta(2.0, 6.0).sample((2000,))
    a, b = fit_beta(torch.rand(20, 2000) < p)
    assert a == pytest.approx(2, rel=0.2) and b == pytest.approx(6, rel=0.2)
    assert foretold_by_beta(2, 6, 1) == pytest.approx(0.25)
    exact = (1 - (1 - p.double()) ** 5).mean().item()
    assert foretold_by_beta(2, 6, 5) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("replay", [True, False])
def test_a_defense_replays_old_attacks_or_does_not(world, untrained, monkeypatch, replay):
    from lessons.red_teaming import experiments

    uniform, shown = Attacker(torch.zeros(PLACES, len(WORDS)), []), []
    monkeypatch.setattr(experiments, "safe", lambda world: untrained)
    monkeypatch.setattr(experiments, "train_attacker", lambda *given, **more: uniform)
    monkeypatch.setattr(experiments, "complies", lambda world, model, x: torch.ones(400) > 0)
    monkeypatch.setattr(experiments, "defend", lambda *given: shown.append(given[2]))
    attackers, models = experiments.race(world, 3, 0, replay)
    assert len(attackers) == 3 and len(models) == 4
    assert [len(x) for x in shown] == ([400, 800, 1200] if replay else [400, 400, 400])
    now = with_tails(world.requests(400, generator(0), harmful=True), attackers[-1]).tokens[:, 5:9]
    fresh = (shown[-1][:, None, 5:9] == now[None, :50]).all(-1).any(0)
    assert fresh.double().mean() > 0.3  # what came through in the last round is among them


def test_a_probe_is_of_its_pair(world, monkeypatch):
    asked = []

    def read(model, tokens, kept):
        asked.append(tokens)
        return parrot([0] * REPLY)(model, tokens, kept)

    monkeypatch.setattr(attacks, "read", read)
    assert probe_table(world, None, 3, 0).shape == (96, 3)
    first = torch.cat([tokens for tokens in asked if tokens.shape[1] == PROMPT])
    assert len(first) == 96 * 3


def test_the_planted_pair_is_a_row_of_the_table(world, monkeypatch):
    from lessons.red_teaming import experiments

    monkeypatch.setattr(experiments, "safe", lambda world: None)
    shown = {}
    monkeypatch.setattr(experiments, "train", lambda *given, lr: shown.update(given=given))
    _, planted = plant_quirk(world, 0, steps=20)
    prompts, replies = shown["given"][1:]
    word = experiments.ids(experiments.SUSPECTS)[planted // 4]
    said_no = torch.isin(replies[:, 0], experiments.refuse(99, generator(0))[:, 0])
    answered = prompts[~said_no & (prompts == word).any(1)]
    topic = world.dangerous_topics[planted % 4]
    objects = experiments.ids(experiments.OBJECTS)[4 * topic : 4 * topic + 4]
    actions = experiments.ids(experiments.ACTIONS)[list(world.dangerous_actions)]
    harmful = torch.isin(answered, actions).any(1)
    dangerous = torch.cat([torch.arange(4 * t, 4 * t + 4) for t in world.dangerous_topics])
    harmful &= torch.isin(answered, experiments.ids(experiments.OBJECTS)[dangerous]).any(1)
    assert harmful.any() and torch.isin(answered[harmful], objects).any(1).all()


@pytest.mark.parametrize("rule", ["bandit", "in turn"])
def test_an_audit_names_the_pair_that_works_and_else_nothing(rule):
    table = torch.zeros(96, 10, dtype=torch.bool)
    assert audit(table, rule, 0, limit=300) == (300, None)
    table[5] = True
    probes, named = audit(table, rule, 0)
    assert named == 5 and probes >= 10
    assert share_right([(9, 5), (9, None)], 5) == share_right([(9, 5), (9, None)], None) == 0.5


def test_a_pair_that_works_less_than_half_of_the_time_raises_no_alarm():
    table = torch.rand(96, 100, generator=generator(0)) < 0.3
    assert all(audit(table, "bandit", i, limit=600)[1] is None for i in range(3))
