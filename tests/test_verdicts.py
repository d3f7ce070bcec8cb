"""How a wrong answer is told what it is: the mistake it looks like, the dtype that was expected."""

import pytest
import torch

from utils.exercises import exercise
from utils.grading import FailingCase, require
from utils.verdicts import difference


@pytest.mark.parametrize("told", ["expected", "input"])
def test_what_came_names_no_mistake_where_another_case_failed(told):
    @exercise(difficulty=1, minutes=1, teaches="counting", hints=["Count."])
    def count(x):
        """How many numbers x has."""
        return len(x)

    @count.check
    def numbers_are_counted(fn):
        for n in (3, 5):
            x = torch.ones(n)
            got, expected = fn(x), n if told == "expected" else "as many as there are"
            require(got == n, expected, got, **{} if told == "input" else {"x": "ones"})

    @count.mistake("none are counted")
    def _(x):
        return 0

    assert count.grade(lambda x: 0).looks_like == "none are counted"
    assert count.grade(lambda x: 0 if len(x) == 5 else 3).looks_like is None


def test_who_changes_the_dtype_is_told_of_the_inputs_only_where_they_have_it():
    single, double = torch.ones(1), torch.ones(1, dtype=torch.float64)
    cases = (
        ({"x": single, "n": torch.tensor(2)}, "float64, expected float32, the dtype of the inputs"),
        ({"x": double}, "float64, expected float32"),
        ({"x": single, "y": double}, "float64, expected float32"),
        ({"n": torch.tensor(2), "k": 3}, "float64, expected float32"),
        ({}, "float64, expected float32"),
    )
    for given, said in cases:
        assert difference(single, double, given) == said
        assert str(FailingCase("a check", given, single, double)).endswith(" " + said)


def test_a_text_among_the_inputs_stands_in_quotes():
    case = FailingCase("", {"word": "a b"}, None, "no")
    assert "input     word = 'a b'" in str(case) and "got       no" in str(case)
