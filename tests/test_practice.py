"""Practice at the whiteboard: what is drawn, hidden, graded, scored, and when it comes back."""

import json
import re
from datetime import date, timedelta

import jupytext
import pytest

from tools.notebooks import PRACTICE
from utils import drawing, practice, progress, syllabus, whiteboard
from utils.clock import LASTS


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A record of its own, and a calendar and a clock that the test moves."""
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))


@pytest.fixture
def calendar(monkeypatch):
    days = {"now": date(2026, 1, 1)}
    monkeypatch.setattr(drawing, "today", lambda: days["now"])

    def forward(n):
        days["now"] += timedelta(n)

    return forward


@pytest.fixture
def clock(monkeypatch):
    seconds = {"now": 1_000_000.0}
    monkeypatch.setattr(practice.time, "time", lambda: seconds["now"])

    def forward(n):
        seconds["now"] += n

    return forward


@pytest.fixture
def seen(monkeypatch):
    """What was displayed as Markdown."""
    texts = []
    monkeypatch.setattr(practice, "display", lambda shown: texts.append(shown.data))
    return texts


def derive(**arguments):
    return practice.session("superposition", "Derive", 1, **arguments)


def finish(session, share):
    """Answer nothing, and give oneself `share` of the points that no check gives."""
    session.show()
    session.rubric()
    session.score(*[int(s.points * share) for s in session.prompts[0].rubric if not s.graded])


def full_marks(session):
    session.show()
    session.grade(session.prompts[0].drill.reference)
    session.rubric()
    session.score(*[s.points for s in session.prompts[0].rubric if not s.graded])


def test_a_session_shows_nothing_before_it_is_asked(seen, capsys):
    session = derive()
    said = capsys.readouterr().out
    prompt = session.prompts[0]
    assert seen == [] and said == "1 prompt, 10 minutes: Derive. show() starts the clock.\n"
    session.rubric()
    assert seen == [] and "Not asked yet" in capsys.readouterr().out
    session.score(1)
    assert "First the answer" in capsys.readouterr().out
    session.show()
    assert prompt.text in seen[0] and prompt.drill.name in seen[0]
    assert prompt.rubric[0].text not in seen[0]
    session.rubric()
    assert all(step.text in seen[1] for step in prompt.rubric)


def test_code_from_a_blank_page_shows_name_and_signature_alone(seen):
    for entry in syllabus.written():
        for prompt in whiteboard.of(entry.topic):
            if prompt.kind in ("Code", "Flaw") and prompt.drill:
                asked = practice._asked(prompt)
                assert prompt.drill.name in asked
                assert (prompt.drill.__doc__ or "-").splitlines()[0] not in asked
                assert prompt.drill.source not in asked


def test_the_checks_give_their_points_and_the_rest_is_the_readers(seen, capsys):
    session = derive()
    session.show()
    session.grade(None)
    assert "not written yet" in capsys.readouterr().out
    session.grade(session.prompts[0].drill.mistakes[0][1])
    assert "looks like" in capsys.readouterr().out
    session.rubric()
    assert "not passed" in seen[-1]
    session.grade(session.prompts[0].drill.reference)
    assert "does not count" in capsys.readouterr().out
    mine = [s.points for s in session.prompts[0].rubric if not s.graded]
    session.score(*mine)
    assert f"{sum(mine)} of 10" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [(), (1, 1), (1,) * 20, (-1,) * 6, (99,) * 6, ("2",) * 6, (0.5,) * 6, ([1] * 6,)]
)
def test_a_score_that_cannot_be_is_explained_and_nothing_is_lost(wrong, seen, capsys):
    session = derive()
    session.show()
    session.rubric()
    assert "`score` takes 6 whole numbers" in seen[-1]
    assert "`score(1, 1, 1, 1, 1, 1)` would be full marks" in seen[-1]
    capsys.readouterr()
    session.score(*wrong)
    said = capsys.readouterr().out
    assert "is not noted" in said and said.count("\n") == 1
    assert "score takes 6 whole numbers, in the order of those lines" in said
    assert progress.read()["drills"] == {}
    session.score(1, 1, 1, 1, 1, 1)
    assert "6 of 10" in capsys.readouterr().out
    session.next()
    assert "6 of 10" in seen[-1]


def test_a_prompt_left_without_a_score_can_be_scored_afterwards(seen, capsys):
    session = practice.session("superposition", n=2, seed=0)
    session.back()
    assert "the first prompt" in capsys.readouterr().out
    session.show()
    session.rubric()
    session.score()
    session.next()
    assert "not scored. back() returns" in capsys.readouterr().out
    session.next()
    for _ in session.prompts:
        session.back()
    capsys.readouterr()
    session.score(*[step.points for step in session.prompts[0].rubric if not step.graded])
    assert "of 10. Comes back" in capsys.readouterr().out
    session.next()
    session.next()
    assert seen[-1].count("not scored") == 1


def test_the_notebooks_own_cells_run_whatever_was_drawn(seen, capsys):
    """With every # taken away, as its text says."""
    cells = jupytext.reads(PRACTICE.read_text(encoding="utf-8"), fmt="md:myst").cells
    scope = {}
    for cell in cells:
        if cell.cell_type == "code" and "import" not in cell.source:
            source = re.sub(r"^# ", "", cell.source, flags=re.MULTILINE)
            exec(source, {"practice": practice, "progress": progress} | scope, scope)
    said = capsys.readouterr().out
    assert said.count("score() is not noted: score takes") == 2
    assert seen[-1].startswith("| prompt | points |")


def test_a_prompt_comes_back_after_1_7_and_21_days_and_tomorrow_if_not_done_well(
    calendar, seen, capsys
):
    waits = []
    for _ in range(4):
        full_marks(derive(fresh=True))
        due = date.fromisoformat(progress.read()["drills"]["superposition/Derive"]["due"])
        waits.append((due - drawing.today()).days)
        calendar(waits[-1])
    assert waits == [1, 7, 21, 21]
    finish(derive(fresh=True), share=0)
    assert "Comes back tomorrow" in capsys.readouterr().out
    calendar(1)
    full_marks(derive(fresh=True))
    assert "Comes back tomorrow" in capsys.readouterr().out.splitlines()[-1]


def test_cramming_and_scoring_twice_move_the_day_once(calendar, seen):
    session = derive()
    full_marks(session)
    once = progress.read()["drills"]
    session.score(*[s.points for s in session.prompts[0].rubric if not s.graded])
    assert progress.read()["drills"] == once
    full_marks(derive(fresh=True))
    assert progress.read()["drills"] == once


def test_the_clock_runs_on_when_a_cell_is_run_again(clock, seen, capsys):
    session = derive()
    session.show()
    clock(60)
    session.show()
    assert "9:00 left" in session._clock.text()
    again = derive()
    assert "Going on with the session that you began" in capsys.readouterr().out
    again.show()
    assert "9:00 left" in again._clock.text()
    again.show(restart=True)
    assert "10:00 left" in again._clock.text()
    clock(632)
    assert "time is up (0:32 over)" in again._clock.text()
    again.grade(again.prompts[0].drill.reference)
    assert "0:32 after the time" in capsys.readouterr().out


def test_a_session_of_long_ago_or_of_another_course_is_not_taken_up(clock, seen, capsys):
    derive().show()
    clock(LASTS + 1)
    derive()
    assert "Going on" not in capsys.readouterr().out
    record = progress.read()
    record["sessions"] = {"session('superposition', 'Derive', 1)": {"prompts": ["gone/Derive"]}}
    progress.write(record)
    derive()
    assert "Going on" not in capsys.readouterr().out


def test_a_whole_session_ends_with_what_to_revise(seen, capsys):
    session = practice.session("superposition", seed=0)
    assert len(session.prompts) == 4
    session.show()
    for _ in session.prompts:
        session.rubric()
        if session._state["at"] == 0:
            session.score(*[0 for s in session._prompt.rubric if not s.graded])
        session.next()
    report = seen[-1]
    assert "0 of 10" in report and "tomorrow" in report and report.count("not scored") == 3
    assert session.prompts[0].rubric[-1].text in report.split("To revise")[1]
    capsys.readouterr()
    session.show()
    session.next()
    assert capsys.readouterr().out.count("That was the last prompt") == 2


def test_an_interview_is_taken_up_though_lessons_were_added_and_passed(seen, capsys, monkeypatch):
    every = drawing.every_prompt()
    few = {name: p for name, p in every.items() if p.topic == "superposition"}
    monkeypatch.setattr(drawing, "every_prompt", lambda: few)
    before = practice.mock_interview(90)
    before.show()
    before.next()
    monkeypatch.setattr(drawing, "every_prompt", lambda: every)
    progress.record("rlhf", "bradley_terry_loss")
    capsys.readouterr()
    after = practice.mock_interview(90)
    assert capsys.readouterr().out.startswith("Going on with the session that you began; prompt 2")
    assert after.prompts == before.prompts and after._state == before._state
    monkeypatch.setattr(
        drawing, "every_prompt", lambda: {n: p for n, p in every.items() if "dpo" in n}
    )
    assert {p.topic for p in practice.mock_interview(90).prompts} == {"dpo"}, "they are gone"


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"topic": "nothing"}, "no whiteboard prompts for 'nothing'; there are: superposition"),
        ({"topic": "start_here"}, "no whiteboard prompts for 'start_here'"),
        ({"topic": "superposition", "kind": "Logs"}, "none of these lessons has a Logs prompt"),
        ({"kind": "Sing"}, "there are: Derive, Code, Defend, Flaw, Design"),
        ({"n": 0}, "at least 1"),
    ],
)
def test_a_session_that_cannot_be_drawn_says_why(arguments, said):
    with pytest.raises(ValueError, match=said):
        practice.session(**arguments)
    with pytest.raises(ValueError, match="takes 5 minutes"):
        practice.mock_interview(4)


def test_what_is_due_stands_in_a_table(calendar, seen):
    practice.due()
    assert "(`superposition`) | new | new | new | new | – | – | new |" in seen[-1]
    full_marks(derive())
    practice.due()
    assert "(`superposition`) | tomorrow | new | new | new | – | – | new |" in seen[-1]


def test_a_record_travels_as_a_line_and_is_merged(calendar, seen, capsys, monkeypatch, tmp_path):
    full_marks(derive())
    progress.record("rlhf", "bradley_terry_loss")
    line = progress.as_line()
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path / "elsewhere"))
    progress.record("dpo", "dpo_loss")
    progress.from_line(line[:40] + "\n  " + line[40:])  # wrapped on its way
    here = progress.read()
    assert {*here["passed"]} == {"rlhf/bradley_terry_loss", "dpo/dpo_loss"}
    assert here["drills"]["superposition/Derive"]["step"] == 1
    assert "2 exercises passed and 1 prompts practiced" in capsys.readouterr().out


def test_of_two_records_the_earlier_pass_and_the_later_practice_stay():
    old = {"step": 3, "due": "2026-02-01", "last": "2026-01-10"}
    new = {"step": 0, "due": "2026-01-13", "last": "2026-01-12"}
    progress.write({"passed": {"a/b": "2026-01-02"}, "drills": {"x/Derive": new}})
    line = progress.as_line()
    progress.write({"passed": {"a/b": "2026-01-01"}, "drills": {"x/Derive": old}})
    progress.from_line(line)
    assert progress.read()["passed"] == {"a/b": "2026-01-01"}
    assert progress.read()["drills"] == {"x/Derive": new}


@pytest.mark.parametrize(
    "broken",
    [
        lambda line: "",
        lambda line: "hello",
        lambda line: line[:-8],
        lambda line: line[6:],
        lambda line: line[:20] + ("A" if line[20] != "A" else "B") + line[21:],
    ],
)
def test_a_line_that_is_not_whole_changes_nothing(broken):
    progress.record("rlhf", "bradley_terry_loss")
    before = progress.record_path().read_bytes()
    with pytest.raises(ValueError, match="copied to its end"):
        progress.from_line(broken(progress.as_line()))
    assert progress.record_path().read_bytes() == before


@pytest.mark.parametrize(
    "damaged",
    ["", "[]", "{", '{"passed": []}', '{"passed": {"a/b": 3}}', '{"drills": {"a/b": {"step": 1}}}'],
)
def test_every_damaged_record_is_set_aside_and_kept(damaged, capsys, tmp_path):
    progress.record_path().write_text(damaged)
    assert progress.read() == {"passed": {}, "drills": {}, "sessions": {}}
    assert [p.read_text() for p in tmp_path.glob("*damaged*")] == [damaged]
    progress.record("rlhf", "bradley_terry_loss")
    assert "bradley" in json.dumps(progress.read())


def test_a_disk_that_takes_nothing_stops_no_session(seen, capsys, monkeypatch):
    def full(record):
        raise OSError("no space left")

    session = derive()
    monkeypatch.setattr(progress, "write", full)
    session.show()
    assert "could not be saved" in capsys.readouterr().out
