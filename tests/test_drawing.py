"""Which whiteboard prompts are drawn: of which lessons, of which kinds, in which order."""

import random
from datetime import timedelta

import pytest

from utils import drawing, practice, progress, whiteboard


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A record of its own."""
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))


def practiced(days):
    """Note that prompts were practiced, and in how many days each comes back."""
    record = progress.read()
    for name, n in days.items():
        day = (drawing.today() + timedelta(n)).isoformat()
        record["drills"][name] = {"step": 1, "due": day, "last": "2025-12-25"}
    progress.write(record)


BALANCED = {  # minutes: how many of
    # Derive 10, Code 20, Defend 5, Flaw 10; Design 15, Logs 10, Abstract 10
    5: (0, 0, 1, 0, 0, 0, 0),
    15: (1, 0, 1, 0, 0, 0, 0),
    30: (1, 0, 2, 1, 0, 0, 0),
    45: (1, 1, 1, 1, 0, 0, 0),
    60: (1, 1, 1, 1, 1, 0, 0),
    80: (1, 1, 1, 1, 1, 1, 1),
    110: (2, 2, 1, 1, 1, 1, 1),
}


@pytest.mark.parametrize("minutes", BALANCED)
def test_a_mock_interview_is_balanced_and_fits(minutes, capsys):
    prompts = practice.mock_interview(minutes, seed=1).prompts
    kinds = [p.kind for p in prompts]
    assert sum(p.minutes for p in prompts) <= minutes
    assert len({(p.topic, p.kind) for p in prompts}) == len(prompts)
    assert tuple(kinds.count(kind) for kind in whiteboard.KINDS) == BALANCED[minutes]
    if len(prompts) <= 5:
        assert len({p.topic for p in prompts}) == len(prompts), "a lesson comes twice"


def test_a_mock_interview_takes_the_lessons_it_is_told(capsys):
    interview = practice.mock_interview(60, seed=0, lessons=["dpo", "rlhf"])
    assert {p.topic for p in interview.prompts} == {"dpo", "rlhf"}
    assert {p.topic for p in practice.session(n=3, lessons="dpo").prompts} == {"dpo"}
    for wrong in (["dop", "rlhf"], "start_here", []):
        with pytest.raises(ValueError, match=r"there are: superposition, .*dpo"):
            practice.mock_interview(lessons=wrong)


def test_a_mock_interview_takes_the_lessons_begun_and_says_so(capsys):
    assert len({p.topic for p in practice.mock_interview(45, seed=0).prompts}) == 4
    practiced({"superposition/Derive": 1})  # a warm-up alone does not narrow the choice
    progress.record("start_here", "entropy")  # and a lesson without prompts neither
    capsys.readouterr()
    assert len({p.topic for p in practice.mock_interview(45, 0, fresh=True).prompts}) == 4
    assert "begun" not in capsys.readouterr().out
    progress.record("rlhf", "bradley_terry_loss")
    topics = {p.topic for p in practice.mock_interview(45, 0, fresh=True).prompts}
    assert topics == {"superposition", "rlhf"}, "the warm-up was practice, and comes back"
    said = capsys.readouterr().out
    assert 'begun: Superposition in a toy model, RLHF. With lessons="all", from all.' in said
    everything = practice.mock_interview(45, 0, lessons="all").prompts
    assert len({p.topic for p in everything}) == 4
    assert "begun" not in capsys.readouterr().out


def test_what_is_due_is_drawn_before_what_is_new_and_both_before_the_rest():
    names = [*drawing.every_prompt()]
    later, overdue, due = names[:3]
    practiced({later: 5, overdue: -3, due: 0})
    order = drawing.in_order(names, random.Random(0))
    assert order[:2] == [overdue, due] and order[-1] == later
