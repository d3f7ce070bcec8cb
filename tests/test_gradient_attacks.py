"""lessons/gradient_attacks: what its experiments stand on, where no exercise and no claim looks."""

from collections import defaultdict
from functools import partial
from itertools import combinations, product

import pytest
import torch
import torch.nn.functional as F

import utils
from lessons.gradient_attacks.exercises import candidate_swaps
from lessons.gradient_attacks.experiments import (
    GCG,
    RANDOM_SEARCH,
    SUFFIX,
    affirmative,
    all_swaps,
    allowed,
    asked,
    at_ask,
    attack,
    autoprompt_step,
    broken,
    checkerboard,
    first_layers,
    halves,
    push,
    random_suffixes,
    target_loss,
    universal_attack,
    with_suffix,
    words_alone,
)
from tools.processors import stored
from utils.decoder import Decoder
from utils.worlds.assistant import PROMPT, REPLY, WORDS, World, reply_logprobs


@pytest.fixture(scope="module")
def model():
    return Decoder(len(WORDS), PROMPT + REPLY, generator=utils.generator(0))


@pytest.fixture(scope="module")
def requests():
    return World(0).requests(6, utils.generator(1), harmful=True)


def test_the_loss_is_that_of_the_reply_for_words_and_rows_and_many_candidates(model, requests):
    targets = affirmative(requests)
    want = -reply_logprobs(model, requests.tokens, targets).sum(1)
    rows = F.one_hot(requests.tokens, len(WORDS)).float()
    assert torch.allclose(target_loss(model, requests.tokens, targets), want, atol=1e-5)
    assert torch.allclose(target_loss(model, rows, targets), want, atol=1e-5)
    three = target_loss(model, requests.tokens.repeat(3, 1, 1), targets)
    assert three.shape == (3, 6) and torch.allclose(three[2], want, atol=1e-5)


@pytest.mark.parametrize("how", ["GCG", "AutoPrompt", "random search"])
def test_an_attack_lowers_the_loss_by_allowed_words_in_the_suffix_alone(model, requests, how):
    loss = partial(target_loss, model, targets=affirmative(requests))
    path = attack(loss, requests.tokens, 4, how, seed=3)
    end = path[-1]
    assert len(path) == 5 and loss(end).mean() < loss(path[0]).mean()
    outside = torch.ones(PROMPT, dtype=torch.bool)
    outside[SUFFIX] = False
    assert torch.equal(end[:, outside], requests.tokens[:, outside])
    changed = end != requests.tokens
    assert allowed()[end[changed]].all()


def test_all_swaps_are_the_swaps(model, requests):
    estimate, true = all_swaps(model, requests)
    words = allowed().nonzero()[:, 0]
    assert estimate.shape == true.shape == (6, 4, len(words))
    prompts = requests.tokens.clone()
    prompts[:, SUFFIX.start + 2] = words[7]
    loss = partial(target_loss, model, targets=affirmative(requests))
    assert torch.allclose(true[:, 2, 7], loss(prompts) - loss(requests.tokens), atol=1e-5)
    here = requests.tokens[0, SUFFIX.start] == words
    assert abs(estimate[0, 0, here].item()) < 1e-6


def test_a_universal_suffix_is_one_and_allowed(model, requests):
    suffix = universal_attack([model], requests, steps=3)
    assert suffix.shape == (4,) and allowed()[suffix].all()
    prompts = with_suffix(requests.tokens, suffix)
    assert (prompts[:, SUFFIX] == suffix).all() and (prompts[:, :5] == requests.tokens[:, :5]).all()


def test_random_suffixes_replace_the_share_asked_for(requests):
    same = random_suffixes(requests.tokens, utils.generator(0), share=0.0)
    assert torch.equal(same, requests.tokens)
    many = requests.tokens.repeat(200, 1)
    changed = random_suffixes(many, utils.generator(0), share=0.5)[:, SUFFIX] != many[:, SUFFIX]
    assert 0.45 < changed.float().mean() < 0.51


def test_first_layers_see_what_the_whole_sees_there(model, requests):
    for depth in (1, 2, 3):
        part = first_layers(model, depth)
        a, b = (at_ask(m, requests.tokens, depth) for m in (part, model))
        assert torch.allclose(a, b, atol=1e-6)


def test_push_moves_the_ask_mark_alone_each_prompt_by_its_own_number():
    direction = F.normalize(torch.randn(48, generator=utils.generator(0)), dim=0)
    x = torch.randn(2, PROMPT + 2, 48, generator=utils.generator(1))
    (hook,) = push(direction, torch.tensor([7.0, -2.0])).values()
    y = hook(x)
    moved = (y - x)[:, PROMPT - 1]
    assert torch.allclose(moved @ direction, torch.tensor([7.0, -2.0]), atol=1e-4)
    assert torch.allclose(moved.norm(dim=1), torch.tensor([7.0, 2.0]), atol=1e-4)
    assert torch.equal(y[:, : PROMPT - 1], x[:, : PROMPT - 1])
    assert torch.equal(y[:, PROMPT:], x[:, PROMPT:])


def test_rivals_try_sixteen_different_candidates():
    gradient = torch.randn(500, 4, len(WORDS), generator=utils.generator(0))
    suffixes = torch.zeros(500, 4, dtype=torch.long)
    for draws in (GCG, RANDOM_SEARCH):
        made = candidate_swaps(
            gradient, suffixes, allowed=allowed(), generator=utils.generator(1), **draws
        )
        different = [len({tuple(row) for row in made[:, i].tolist()}) for i in range(500)]
        assert sum(different) / 500 == pytest.approx(16, abs=0.6)


def test_autoprompt_tries_the_most_promising_words_of_one_place_a_request():
    slope = torch.randn(PROMPT, len(WORDS), generator=utils.generator(2))

    def loss(prompts):
        rows = prompts if prompts.is_floating_point() else F.one_hot(prompts, len(WORDS)).float()
        return (rows * slope).sum((-1, -2))

    prompts = World(0).requests(40, utils.generator(3)).tokens
    new = autoprompt_step(loss, prompts, utils.generator(4))
    best = slope.masked_fill(~allowed(), torch.inf).argmin(1)[SUFFIX]
    at = (new != prompts)[:, SUFFIX]
    assert (at.sum(1) <= 1).all() and (at.sum(0) > 0).all()  # each request has its own place
    assert torch.equal(new[:, SUFFIX][at], best.expand(40, 4)[at])


def test_words_alone_find_a_rule_of_words():
    world = World(0)
    requests = world.requests(400, utils.generator(1))
    score = words_alone(requests.tokens[:200], requests.harmful[:200])
    right = (score(requests.tokens[200:]) > 0) == requests.harmful[200:]
    assert right.double().mean() > 0.95


def every_rule():
    """All worlds of three dangerous actions and four dangerous topics."""
    rules = product(combinations(range(6), 3), combinations(range(8), 4))
    return [World(0, actions, topics) for actions, topics in rules]


def test_both_halves_of_the_checkerboard_hold_every_word_and_harmful_pairs_for_any_rule():
    for world in every_rule():
        half = checkerboard(world)
        for pairs in (half, ~half):
            assert pairs.any(0).all() and pairs.any(1).all()
            assert (pairs & world.harmful).sum() == 6 and (pairs & ~world.harmful).sum() == 18


def test_in_the_course_s_own_world_the_checkerboard_is_by_place():
    plain = (torch.arange(6)[:, None] + torch.arange(8)) % 2 == 0  # what the claims stand on
    assert all(torch.equal(checkerboard(World(seed)), plain) for seed in range(10))


def test_the_text_says_how_seed_0_turns_with_the_processor():
    mine = [(key, found) for key, found in stored().items() if key[0] == "gradient_attacks"]
    verdicts, values = defaultdict(set), defaultdict(set)
    for (_, claim, _), found in mine:
        verdicts[claim].add(found.holds)
        values[claim].add(f"{abs(found.value) + 1e-9:.2f}")  # a half is rounded up
    assert (sum(len(v) > 1 for v in verdicts.values()), len(verdicts)) == (8, 12)
    assert values["random_search_suffices"] == {"0.53", "0.89", "0.91"}
    assert values["gcg_beats_autoprompt"] == {"0.14", "0.06", "0.00"}
    assert values["transfers_to_strangers"] == {"0.58", "0.09", "0.00"}


def test_where_every_second_pair_is_dangerous_both_halves_can_be_asked_about(model):
    world, generator = World(0, (0, 2, 4), (0, 2, 4, 6)), utils.generator(0)
    half = checkerboard(world)
    for pairs in (half, ~half):
        prompts, refused = asked(world, model, 20, generator, pairs)
        assert prompts.shape == (20, PROMPT) and refused.shape == (20,)


def test_broken_counts_what_any_run_gets_past(model, requests):
    some = broken(World(0), model, requests.rows(slice(2)), seed=1, steps=1, runs=1)
    assert some.shape == (2,) and some.dtype == torch.bool


def test_halves_split_the_dangerous_topics_for_any_rule():
    for world in (World(0), World(0, dangerous_actions=(1, 3), dangerous_topics=(0, 4, 6, 7))):
        first, rest = halves(world)
        assert (first & world.harmful).any() and (rest & world.harmful).any()
        assert not (first & rest).any()
