"""The exercise contract: of every declared exercise, and of the machinery under it."""

import time

import pytest
import torch

from utils import exercises, syllabus
from utils.exercises import exercise, expect, require

DECLARED = [
    ex
    for entry in syllabus.written()
    for ex in exercises.of(entry.topic) + exercises.drills(entry.topic)
]
PLANTED = [(ex, text, fn) for ex in DECLARED for text, fn in ex.mistakes]


@pytest.mark.parametrize("ex", DECLARED, ids=lambda ex: f"{ex.topic}.{ex.name}")
def test_the_reference_passes_and_the_declaration_is_whole(ex):
    grade = ex.grade(ex.reference)
    assert grade.passed, f"the reference fails its own check\n{grade.failing_case}"
    assert len(ex.checks) >= 3
    assert len(ex.mistakes) >= 3
    assert ex.teaches and ex.minutes > 0


@pytest.mark.parametrize(
    "ex, text, fn", PLANTED, ids=[f"{e.topic}.{e.name}: {t}" for e, t, _ in PLANTED]
)
def test_every_planted_mistake_is_refused_and_named(ex, text, fn):
    grade = ex.grade(fn)
    assert not grade.passed, "no check notices it"
    assert grade.looks_like == text
    assert not grade.blank


@pytest.mark.parametrize("ex", DECLARED, ids=lambda ex: f"{ex.topic}.{ex.name}")
def test_lazy_answers_are_refused(ex):
    lazy = {
        "None": lambda *a, **k: None,
        "zero": lambda *a, **k: torch.tensor(0.0),
        "one": lambda *a, **k: 1.0,
        "the first argument": lambda *a, **k: a[0] if a else None,
        "zeros like the first argument": lambda *a, **k: torch.zeros_like(torch.as_tensor(a[0])),
        "ones like the first argument": lambda *a, **k: torch.ones_like(torch.as_tensor(a[0])),
        "too few arguments": lambda: None,
    }
    for name, fn in lazy.items():
        assert not ex.grade(fn).passed, name


@pytest.mark.parametrize("ex", DECLARED, ids=lambda ex: f"{ex.topic}.{ex.name}")
def test_the_stub_counts_as_blank_and_holds_no_answer(ex):
    scope = dict(vars(__import__(ex.reference.__module__, fromlist=["_"])))
    scope.pop(ex.name)
    exec(ex.stub, scope)
    if ex.given == "page":
        assert ex.name not in scope
    else:
        assert ex.grade(scope[ex.name]).blank
    assert ex.stub != ex.source
    if ex.given == "blanks":
        assert "= ..." in ex.stub or "return ..." in ex.stub
    assert "# blank" not in ex.stub + ex.source


@pytest.fixture
def double():
    @exercise(difficulty=1, minutes=1, teaches="doubling", hints=["Twice."])
    def double(x):
        """Two times x."""
        return 2 * x

    @double.check
    def a_matrix_is_doubled(fn):
        expect(fn(torch.ones(3, 3)), torch.full((3, 3), 2.0))

    @double.check
    def a_number_is_doubled(fn):
        expect(fn(torch.tensor([3.0])), torch.tensor([6.0]))

    @double.check
    def signs_stay(fn):
        require(bool(fn(torch.tensor([-1.0, 1.0])).sum() == 0), "opposite numbers cancel", "no")

    @double.mistake("squares")
    def _(x):
        return x**2

    return double


def test_it_stays_callable(double):
    assert double(torch.tensor(2.0)) == 4
    assert double.__name__ == "double"


def test_a_right_answer_passes(double):
    grade = double.grade(lambda x: x + x)
    assert grade.passed and grade.failing_case is None and grade.looks_like is None


def test_the_smallest_failing_case_is_shown(double):
    case = double.grade(lambda x: x + 2).failing_case
    assert case.check == "a number is doubled"
    assert case.input["x"].tolist() == [3.0]
    assert case.expected.tolist() == [6.0] and case.got.tolist() == [5.0]
    assert "expected  tensor([6.])" in str(case)


def test_a_planted_mistake_is_recognised_by_what_it_does(double):
    assert double.grade(lambda y: y * y).looks_like == "squares"
    assert double.grade(lambda y: y + 2).looks_like is None


def test_an_answer_that_raises_is_graded(double):
    def raises(x):
        return x.no_such_thing

    grade = double.grade(raises)
    assert isinstance(grade.failing_case.got, AttributeError)
    assert "return x.no_such_thing" in str(grade.failing_case)
    assert not grade.passed and not grade.blank


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_no_exception_of_an_answer_comes_through(double, error):
    def raises(x):
        raise error

    assert isinstance(double.grade(raises).failing_case.got, error)


def endless(x):
    while True:
        pass


def endless_and_deaf(x):
    while True:
        try:  # noqa: SIM105
            x = x + 1
        except BaseException:
            pass


def asleep(x):
    time.sleep(60)


@pytest.mark.parametrize("fn", [endless, endless_and_deaf, asleep])
def test_an_endless_answer_ends_at_the_limit(double, fn, monkeypatch):
    monkeypatch.setattr(exercises, "TIME_LIMIT", 0.5)
    start = time.monotonic()
    grade = double.grade(fn)
    assert time.monotonic() - start < 10
    assert not grade.passed and not grade.blank
    assert "loop that never ends" in str(grade.failing_case)


@pytest.mark.parametrize("answer", [None, 3, "double", torch.ones(2), ...])
def test_what_cannot_be_called_is_refused(double, answer):
    assert not double.grade(answer).passed


def test_changing_the_input_is_refused_even_with_the_right_result(double):
    grade = double.grade(lambda x: x.mul_(2))
    assert not grade.passed
    assert "changed in place" in str(grade.failing_case)


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: (2 * x).tolist(),
        lambda x: (2 * x)[None],
        lambda x: 2 * x + float("nan"),
        lambda x: (2 * x).numpy(),
        lambda x: 2j * x,
    ],
    ids=["list", "extra dimension", "nan", "numpy", "complex"],
)
def test_the_right_numbers_in_the_wrong_form_are_refused(double, fn):
    assert not double.grade(fn).passed


class Unprintable:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [Unprintable(), torch.ones(2).to_sparse(), torch.ones(2, device="meta"), {"a": [1]}],
    ids=["unprintable", "sparse", "meta", "dict"],
)
def test_whatever_an_answer_returns_can_be_graded_and_shown(double, value):
    grade = double.grade(lambda x: value)
    assert not grade.passed and str(grade.failing_case)


def test_grading_leaves_torch_as_it_was(double):
    state, dtype = torch.random.get_rng_state(), torch.get_default_dtype()

    def meddles(x):
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(99)
        return 2 * x

    double.grade(meddles)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.get_default_dtype() == dtype


def test_a_wrong_declaration_says_so():
    for wrong in ({"difficulty": 4}, {"given": "nothing"}, {"hints": []}):
        with pytest.raises(ValueError):
            exercise(**{"difficulty": 1, "minutes": 1, "teaches": "x", "hints": ["y"]} | wrong)
    with pytest.raises(ValueError, match="docstring"):
        exercise(difficulty=1, minutes=1, teaches="x", hints=["y"])(lambda x: x)
