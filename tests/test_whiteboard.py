"""The whiteboard prompts: of every lesson."""

import pytest

from utils import syllabus, whiteboard

TOPICS = [e.topic for e in syllabus.written() if e.number > 0]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_lesson_has_four_prompts_with_rubrics_that_two_people_score_alike(topic):
    prompts = whiteboard.of(topic)
    assert {p.kind: p.minutes for p in prompts} == whiteboard.KINDS
    for prompt in prompts:
        assert prompt.points == 10, prompt.kind
        graded = [step for step in prompt.rubric if step.graded]
        assert len(graded) == (prompt.drill is not None), prompt.kind
        if prompt.kind == "Defend":
            starts = [step.text.split(":")[0] for step in prompt.rubric]
            assert starts == [
                "Assumptions", "Mechanism", "Evidence and its limit", "Strongest objection",
                "What would change your mind",
            ]  # fmt: skip
            assert [step.points for step in prompt.rubric] == [2] * 5
        if prompt.kind in ("Derive", "Code"):
            assert prompt.drill is not None, f"{prompt.kind} names what is graded"
