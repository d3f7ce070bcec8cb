"""What the lesson on a real model says of ten seeds beside its claims."""

import json

import pytest

from lessons.real_model import by_seed, experiments, heads
from lessons.real_model.negatives import SETTINGS, hints
from utils.claims import FRESH_SEEDS, SEEDS


def flat(found, name=""):
    """All numbers in a nest of dictionaries and lists, by where they stand."""
    if isinstance(found, int | float):
        return {name: found}
    inside = found.items() if isinstance(found, dict) else enumerate(found)
    return {k: v for key, value in inside for k, v in flat(value, f"{name}/{key}").items()}


def test_a_row_a_seed_and_the_first_is_what_the_experiments_stored():
    """Else the text would tell one thing of seed 0 and its figures another."""
    rows = by_seed.stored()
    assert len(rows) == len(SEEDS + FRESH_SEEDS)
    found = json.loads(experiments.STORED.read_text(encoding="utf-8"))
    assert flat(rows[0]) == pytest.approx(flat(by_seed.row(found)), rel=0.02, abs=5e-3)


def test_every_setting_has_an_opinion_and_a_mention_of_the_same_city():
    said = hints()
    for setting in SETTINGS:
        both = [said[f"{setting}, {what}"] for what in ("an opinion", "a mention")]
        assert all("{wrong}" in text and "{question}" in text for text in both)
        first = "question first" in setting
        assert all(text.startswith("{question}") == first for text in both)


def test_a_pair_of_tokens_that_stood_before_is_found():
    tokens = heads.torch.tensor([[1, 2, 3, 1, 2, 3, 3], [5, 5, 5, 1, 2, 1, 3]])
    again = heads.seen_before(tokens)
    assert again.tolist() == [
        [False, False, False, True, True, False],  # 1 2 and 2 3 again; 3 3 is new
        [False, True, False, False, False, False],
    ]
