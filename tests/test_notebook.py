"""What a notebook says to a learner: check, hint, solution, progress, as HTML and as text."""

import copy
import html
import json
import re

import numpy as np
import pytest
import torch

import __main__
import utils
from utils import exercises, notebook, progress

NAME = "goal_of_best_by_proxy"


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))
    monkeypatch.setattr(notebook, "get_ipython", lambda: None)  # another test may have made one
    return utils.lesson("start_here")


@pytest.fixture
def in_notebook(monkeypatch):
    """As in a kernel: what is displayed, and what an earlier display was updated to."""
    shown = []

    class Handle:
        update = staticmethod(shown.append)

    def display(said, display_id=False):
        shown.append(said)
        return Handle if display_id else None

    monkeypatch.setattr(notebook, "get_ipython", object)
    monkeypatch.setattr(notebook, "display", display)
    for name in [*vars(__main__)]:  # the placeholders that a lesson leaves there
        if isinstance(vars(__main__)[name], exercises.Unwritten):
            monkeypatch.delattr(__main__, name)
    return shown


def right(goal, proxy, n):
    return goal.gather(1, proxy[:, :n].argmax(1, keepdim=True)).mean()


right.__name__ = NAME


def wrong(goal, proxy, n):
    return proxy[:, :n].max(dim=1).values.mean()


wrong.__name__ = NAME


def test_a_right_answer_comes_back_and_is_recorded_once(lesson, capsys):
    assert lesson.check(right) is right
    assert capsys.readouterr().out == f"✓ {NAME}: correct, 4 checks passed.\n"
    first = progress.passed()
    assert [*first] == [f"start_here/{NAME}"]
    lesson.check(right)
    assert progress.passed() == first
    assert "1 of 1" in progress.report()


def test_the_edition_with_solutions_records_nothing(lesson):
    lesson.check(right, record=False)
    assert progress.passed() == {}


def test_a_wrong_answer_gets_the_reference_and_a_diagnosis(lesson, capsys):
    handed_back = lesson.check(wrong)
    said = capsys.readouterr().out
    assert handed_back is lesson.exercises[NAME].reference
    assert handed_back(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 1.0]]), 2) == 2
    first = said.splitlines()[0]
    assert first.startswith(f"✗ {NAME}: not right yet. It looks like the proxy of the chosen")
    for word in ("input", "expected", "got", f'lesson.hint("{NAME}")', "goes on with the ref"):
        assert word in said
    assert "argmax" not in said, "the diagnosis gives the answer away"
    assert progress.passed() == {}


def test_an_unwritten_answer_costs_one_line(lesson, capsys):
    scope = {"Tensor": torch.Tensor}
    exec(lesson.exercises[NAME].stub, scope)
    for blank in (scope[NAME], exercises.Unwritten(NAME)):
        assert lesson.check(blank) is lesson.exercises[NAME].reference
        said = capsys.readouterr().out
        assert said == f"○ {NAME}: not written yet. The lesson goes on with the reference.\n"


def test_checking_the_reference_counts_as_not_written(lesson, capsys):
    ex = lesson.exercises[NAME]
    for given_back in (ex, ex.reference, lesson.check(wrong)):
        capsys.readouterr()
        assert lesson.check(given_back) is ex.reference
        assert "not written yet" in capsys.readouterr().out
    assert progress.passed() == {}


@pytest.mark.parametrize("topic, name", [("superposition", "ToyModel")])
def test_a_class_that_is_handed_back_is_a_class(tmp_path, monkeypatch, topic, name):
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))
    lesson = utils.lesson(topic)
    handed_back = lesson.check(type(name, (), {}))

    class Mine(handed_back):
        pass

    model = Mine(4, 2)
    assert isinstance(model, handed_back) and isinstance(copy.deepcopy(model), handed_back)
    assert isinstance(handed_back(4, 2), lesson.exercises[name].reference)


def test_an_answer_without_its_name_is_found_by_the_notebooks_name(lesson, monkeypatch):
    fn = lambda goal, proxy, n: right(goal, proxy, n)  # noqa: E731
    monkeypatch.setattr(__main__, NAME, fn, raising=False)
    assert lesson.check(fn) is fn


def test_an_unknown_name_lists_those_there_are(lesson):
    with pytest.raises(ValueError, match=f"there are: {NAME}"):
        lesson.hint("no_such_exercise")
    with pytest.raises(ValueError, match="superposition"):
        utils.lesson("no_such_lesson")


def test_hints_pile_up_one_at_a_time(lesson, capsys):
    hints = lesson.exercises[NAME].hints
    lesson.hint(NAME)
    said = capsys.readouterr().out
    assert said.startswith(f"{NAME}: hint 1 of 2") and hints[0] in said and hints[1] not in said
    lesson.hint(right)
    said = capsys.readouterr().out
    assert said.startswith(f"{NAME}: hint 2 of 2") and hints[0] in said and hints[1] in said
    for _ in range(2):
        lesson.hint(right)
        said = capsys.readouterr().out
        assert "no more hints" in said and hints[0] in said and hints[1] in said
        assert f'lesson.solution("{NAME}")' in said


def test_the_solution_is_the_reference_without_marks_and_says_why(lesson, capsys, monkeypatch):
    monkeypatch.setattr(lesson.exercises[NAME], "why", "Because 1 < 2.")
    lesson.solution(NAME)
    said = capsys.readouterr().out
    assert said.startswith(f"def {NAME}") and said.endswith("\n\nBecause 1 < 2.\n")
    assert "# blank" not in said


def text_of(page):
    """What a browser shows of a piece of HTML."""
    page = re.sub(r"<(pre|ol|li|p)\b[^>]*>", "\n", page)
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_html_and_plain_text_say_the_same(lesson, in_notebook):
    ex = lesson.exercises[NAME]
    for answer in (right, wrong, None, lambda *a: f"<b>{a[2]}</b> & more"):
        if answer and answer.__name__ != NAME:
            answer.__name__ = NAME
        lesson.check(answer or exercises.Unwritten(NAME), record=False)
    lesson.hint(NAME)
    ex.why = "Since a < b."
    lesson.solution(NAME)
    assert len(in_notebook) == 6
    for said in in_notebook:
        words = re.sub(r"\n  \d\. ", "\n", repr(said)).split()  # <ol> has numbers of its own
        assert text_of(said._repr_html_()).split() == words
        allowed = {"div", "b", "pre", "ol", "li", "p", "span"}
        assert set(re.findall(r"<(\w+)", said._repr_html_())) <= allowed
        for forbidden in ("<script", "class=", " id=", "0x"):
            assert forbidden not in said._repr_html_()
        assert not re.search(r"(?<!-)\bcolor: #", said._repr_html_()), "text keeps the page's color"


def test_a_verdict_is_told_by_sign_and_word_and_weight(lesson, in_notebook):
    for answer, head in (
        (right, f"<b>✓ {NAME}: correct</b>"),
        (wrong, f"<b>✗ {NAME}: not right yet</b>"),
        (exercises.Unwritten(NAME), f"<b>○ {NAME}: not written yet</b>"),
    ):
        lesson.check(answer, record=False)
        assert head in in_notebook[-1]._repr_html_()


def test_the_header_fills_as_exercises_are_done(tmp_path, monkeypatch, in_notebook):
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))
    lesson = utils.lesson("superposition")
    total = len(lesson.exercises)
    assert repr(in_notebook[0]) == "○" * total + f" 0 of {total} exercises done"
    name, other = [*lesson.exercises][:2]
    lesson.check(copy_of(lesson.exercises[name].reference), record=False)
    assert len(in_notebook) == 2, "the edition with solutions fills nothing"
    for _ in range(2):
        lesson.check(copy_of(lesson.exercises[name].reference))
        assert repr(in_notebook[-1]) == "●" + "○" * (total - 1) + f" 1 of {total} exercises done"
    progress.record("superposition", other)
    utils.lesson("superposition")
    assert repr(in_notebook[-1]).startswith("●●○")


def copy_of(fn):
    """The same function as if a learner had written it."""
    mine = type(fn)(fn.__code__, fn.__globals__, fn.__name__)
    mine.__module__ = "__main__"
    return mine


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


NO_NUMBER = 'which is no number: type one, such as 0.3 or "30 %".'
NO_WORD = "which is no word: type one of those asked for, in quotes."
NO_ANSWER = "which is no answer here: type True or False."
WITHIN = "Within 0.1 counts as close."


@pytest.mark.parametrize(
    "guess, came_out, close, said",
    [
        ("Falls ", "falls", 0, "✓ You guessed Falls : right. What came out: falls"),
        ("rises", "falls", 0, "✗ You guessed rises. What came out: falls"),
        (True, True, 0, "✓ You guessed True: right. What came out: True"),
        ("false", False, 0, "✓ You guessed false: right. What came out: False"),
        (True, np.bool_(True), 0, "✓ You guessed True: right. What came out: True"),
        ("15 %", torch.tensor(0.5), 0.1, f"✗ You guessed 15 %. {WITHIN} What came out: 0.5"),
        (0, False, 0, f"○ You guessed 0, {NO_ANSWER} What came out: False"),
        ("no", False, 0, f"○ You guessed 'no', {NO_ANSWER} What came out: False"),
        (True, "yes", 0, f"○ You guessed True, {NO_WORD} What came out: yes"),
        (0.3, 0.22, 0.1, "✓ You guessed 0.3: close. What came out: 0.22"),
        ("30 %", 80, 10, "✗ You guessed 30 %. Within 10 counts as close. What came out: 80"),
        ("15 %", 0.149, 0.1, "✓ You guessed 15 %: close. What came out: 0.149"),
        ("few", 0.22, 0.1, f"○ You guessed 'few', {NO_NUMBER} What came out: 0.22"),
        ([1, 2], 3, 0, f"○ You guessed [1, 2], {NO_NUMBER} What came out: 3"),
        (None, 0.22, 0.1, "○ You made no guess. What came out: 0.22"),
    ],
)
def test_a_prediction_is_judged_whatever_was_typed(lesson, capsys, guess, came_out, close, said):
    lesson.judge(guess, came_out, close=close)
    assert capsys.readouterr().out == said + "\n"
    lesson.judge(guess, came_out, "≈0.2", close)
    assert capsys.readouterr().out.endswith("What came out: ≈0.2\n")
