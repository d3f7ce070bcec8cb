"""What a notebook says to a learner: check, hint, solution, and the record of progress."""

import json

import pytest
import torch

import __main__
import utils
from utils import progress


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))
    return utils.lesson("start_here")


def right(goal, proxy, n):
    return goal.gather(1, proxy[:, :n].argmax(1, keepdim=True)).mean()


right.__name__ = "goal_of_best_by_proxy"


def test_a_right_answer_comes_back_and_is_recorded_once(lesson, capsys):
    assert lesson.check(right) is right
    assert "correct" in capsys.readouterr().out
    first = progress.passed()
    assert [*first] == ["start_here/goal_of_best_by_proxy"]
    lesson.check(right)
    assert progress.passed() == first
    assert "1 of 1" in progress.report()


def test_the_edition_with_solutions_records_nothing(lesson):
    lesson.check(right, record=False)
    assert progress.passed() == {}


def test_a_wrong_answer_gets_the_reference_and_a_diagnosis(lesson, capsys):
    def goal_of_best_by_proxy(goal, proxy, n):
        return proxy[:, :n].max(dim=1).values.mean()

    handed_back = lesson.check(goal_of_best_by_proxy)
    said = capsys.readouterr().out
    assert handed_back is lesson.exercises["goal_of_best_by_proxy"]
    assert handed_back(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 1.0]]), 2) == 2
    assert said.splitlines()[0].endswith("not right yet. The lesson goes on with the reference.")
    for word in ("looks like the proxy of the chosen", "input", "expected", "got", "lesson.hint"):
        assert word in said
    assert "argmax" not in said, "the diagnosis gives the answer away"
    assert progress.passed() == {}


def test_a_blank_answer_costs_one_line(lesson, capsys):
    def goal_of_best_by_proxy(goal, proxy, n):
        raise NotImplementedError

    assert lesson.check(goal_of_best_by_proxy) is lesson.exercises["goal_of_best_by_proxy"]
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_checking_the_reference_counts_as_not_written(lesson, capsys):
    lesson.check(lesson.exercises["goal_of_best_by_proxy"])
    assert "not written yet" in capsys.readouterr().out
    assert progress.passed() == {}


def test_an_answer_without_its_name_is_found_by_the_notebooks_name(lesson, monkeypatch):
    fn = lambda goal, proxy, n: right(goal, proxy, n)  # noqa: E731
    monkeypatch.setattr(__main__, "goal_of_best_by_proxy", fn, raising=False)
    assert lesson.check(fn) is fn


def test_an_unknown_name_lists_those_there_are(lesson):
    with pytest.raises(ValueError, match="there are: goal_of_best_by_proxy"):
        lesson.hint("no_such_exercise")
    with pytest.raises(ValueError, match="superposition"):
        utils.lesson("no_such_lesson")


def test_hints_come_one_at_a_time(lesson, capsys):
    lesson.hint("goal_of_best_by_proxy")
    assert capsys.readouterr().out.startswith("Hint 1 of 2")
    lesson.hint(right)
    assert capsys.readouterr().out.startswith("Hint 2 of 2")
    lesson.hint(right)
    assert "lesson.solution" in capsys.readouterr().out


def test_the_solution_is_the_reference_without_marks(lesson, capsys):
    lesson.solution("goal_of_best_by_proxy")
    said = capsys.readouterr().out
    assert said.startswith("def goal_of_best_by_proxy")
    assert "# blank" not in said


def test_a_damaged_record_is_set_aside_not_lost(lesson, capsys):
    path = progress.record_path()
    path.write_text('{"passed": {"start_here/')
    assert progress.passed() == {}
    assert "is kept as" in capsys.readouterr().out
    assert [p.read_text() for p in path.parent.glob("*damaged*")] == ['{"passed": {"start_here/']
    lesson.check(right)
    assert json.loads(path.read_text())["passed"]


def test_a_record_that_cannot_be_written_stops_nothing(lesson, capsys, monkeypatch, tmp_path):
    blocked = tmp_path / "a file where a folder should be"
    blocked.write_text("")
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(blocked))
    assert lesson.check(right) is right
    assert "could not be saved" in capsys.readouterr().out
