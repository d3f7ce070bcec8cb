"""The whiteboard prompts: of every lesson."""

import re

import pytest

from utils import syllabus, whiteboard
from utils.syllabus import ROOT

TOPICS = [e.topic for e in syllabus.written() if e.number > 0]
DEFEND = {  # a rubric's line, its points, and the words by which the prompt asks for it
    "Assumptions": (1, "assumptions"),
    "Mechanism": (2, "mechanism"),
    "Evidence and its limit": (2, "evidence and its limit"),
    "Strongest objection": (2, "strongest objection"),
    "What would change your mind": (1, "what would change your mind"),
    "Follow-up": (2, "**follow-up:**"),
}
ASKED = {  # what a rubric scores, and the pattern by which a prompt asks for it
    "before running anything": "before you (run|code|start)",
    "Symptom": "symptom",
    "Cause": "cause",
}


@pytest.fixture(params=TOPICS)
def prompts(request):
    return whiteboard.of(request.param)


def test_a_lesson_has_four_prompts_or_more_with_rubrics_that_two_people_score_alike(prompts):
    minutes = {p.kind: p.minutes for p in prompts}
    assert len(minutes) == len(prompts), "a kind comes twice"
    assert minutes.items() <= whiteboard.KINDS.items()
    assert minutes.keys() >= {*whiteboard.ALWAYS}
    for prompt in prompts:
        assert prompt.points == 10, prompt.kind
        graded = [step for step in prompt.rubric if step.graded]
        assert len(graded) == (prompt.drill is not None), prompt.kind
        if prompt.kind in ("Derive", "Code"):
            assert prompt.drill is not None, f"{prompt.kind} names what is graded"
        if prompt.kind not in whiteboard.ALWAYS:
            assert prompt.drill is None, f"{prompt.kind} is answered in words"


def check_defend(prompt):
    lines = {step.text.split(":")[0]: step.points for step in prompt.rubric}
    assert lines == {line: points for line, (points, _) in DEFEND.items()}
    for line, (_, words) in DEFEND.items():
        assert words in prompt.text.lower(), f"{line!r} is scored, and not asked for"
    assert "follow-up:" in prompt.text.lower().split("\n\n")[-1], "it comes last"


def check_asked(prompt):
    for step in prompt.rubric:
        for scored, words in ASKED.items():
            if scored in step.text:
                asked = re.search(words, prompt.text.lower())
                assert asked, f"{prompt.kind}: {step.text!r} is scored, and not asked for"


def test_whatever_a_rubric_scores_its_prompt_asks_for(prompts):
    for prompt in prompts:
        check_asked(prompt)
        if prompt.kind == "Defend":
            check_defend(prompt)


def test_the_template_asks_for_what_its_rubrics_score(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "template" / "whiteboard.md").read_text(encoding="utf-8")
    text = re.sub(r"^(## \w+): \w+", r"\1", text, flags=re.MULTILINE)  # not declared here
    (tmp_path / "whiteboard.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr(syllabus.Entry, "folder", property(lambda self: tmp_path))
    prompts = whiteboard.of("superposition")
    assert [p.kind for p in prompts] == [*whiteboard.ALWAYS]
    for prompt in prompts:
        assert prompt.points == 10
        check_asked(prompt)
        if prompt.kind == "Defend":
            check_defend(prompt)


def test_an_invented_abstract_says_that_it_is_invented_and_logs_how_they_were_made(prompts):
    for prompt in prompts:
        if prompt.kind == "Abstract":
            assert prompt.text.startswith("An invented abstract.")
        if prompt.kind == "Logs":
            assert prompt.text.startswith("A real run") and "seed" in prompt.text
