"""The machinery under every exercise: what is refused, how it is told, what it costs."""

import random
import time

import numpy as np
import pytest
import torch
from torch import nn

from utils import answers
from utils.exercises import Unwritten, exercise
from utils.grading import FailingCase, expect, require


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

    @double.mistake("calls what a tensor has not")
    def _(x):
        return x.doubled()

    return double


def test_it_stays_callable(double):
    assert double(torch.tensor(2.0)) == 4
    assert double.__name__ == "double"


def test_a_right_answer_passes(double):
    grade = double.grade(lambda x: x + x)
    assert grade.passed and grade.failing_case is None and grade.looks_like is None
    assert str(grade) == "✓ correct, 3 checks passed."


def test_the_smallest_failing_case_is_shown(double):
    case = double.grade(lambda x: x + 2).failing_case
    assert case.check == "a number is doubled"
    assert case.input["x"].tolist() == [3.0]
    assert case.expected.tolist() == [6.0] and case.got.tolist() == [5.0]
    assert "expected  tensor([6.])" in str(case)


def test_a_planted_mistake_is_recognized_by_what_it_does(double):
    grade = double.grade(lambda y: y * y)
    assert grade.looks_like == "squares"
    assert str(grade).splitlines()[0] == "✗ not right yet. It looks like squares"
    assert double.grade(lambda y: y + 2).looks_like is None


def test_two_exceptions_of_one_type_are_not_one_mistake(double):
    assert double.grade(lambda x: x.doubled()).looks_like == "calls what a tensor has not"
    assert double.grade(lambda x: x.no_such_thing).looks_like is None


def test_a_number_of_numpys_is_a_number_and_its_kind_still_counts():
    expect(np.float32(0.5), 0.5)
    expect(np.int64(3), 3)
    for got, expected in ((np.float64(3), 3), (np.float32(0.6), 0.5), (np.bool_(True), 1)):
        with pytest.raises(answers.Mismatch):
            expect(got, expected)


def test_planted_mistakes_are_run_once_and_only_as_far_as_needed(double):
    runs = []
    double.mistake("adds two")(lambda x: runs.append(x) or x + 2)
    double.grade(lambda x: x + 1)
    assert len(runs) == 1, "its first check tells the two apart"
    double.grade(lambda x: x + 1)
    assert len(runs) == 1
    assert double.grade(lambda x: x + 2).looks_like == "adds two"
    assert len(runs) == 3


def test_an_answer_that_raises_is_graded(double):
    def raises(x):
        return x.no_such_thing

    grade = double.grade(raises)
    assert isinstance(grade.failing_case.got, AttributeError)
    assert "return x.no_such_thing" in str(grade.failing_case)
    assert "It raises AttributeError" in str(grade).splitlines()[0]
    assert not grade.passed and not grade.blank


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_no_exception_of_an_answer_comes_through(double, error):
    def raises(x):
        raise error

    assert isinstance(double.grade(raises).failing_case.got, error)


def prints(x):
    print(2 * x)


def asks(x):
    return float(input("x? ")) * x


def not_implemented_by_torch(x):
    return nn.Module()(x)


def not_implemented(x):
    raise NotImplementedError


@pytest.mark.parametrize(
    "fn, reason",
    [
        (prints, "It returned None: is a return missing?"),
        (asks, "It asks for input(): a check cannot type."),
        (not_implemented, "does that line of the blank still stand in it?"),
        (lambda x: ..., "A blank, ..., is still in it."),
        (lambda x: 2 * x + ..., "A blank, ..., is still in it."),
        (lambda x: torch.stack([x, ...]), "A blank, ..., is still in it."),
        (lambda x: (2 * x)[None], "It gives shape (1, 1), expected (1,)."),
        (lambda x: 2 * x.double(), "It gives float64, expected float32, the dtype of the inputs."),
        (lambda x: (2 * x).int(), "It gives int32, expected float32."),
        (lambda x: 2j * x, "It gives complex64, expected float32."),
        (lambda x: (2 * x).tolist(), "It gives a list, expected a tensor of shape (1,)."),
        (lambda x: (2 * x).numpy(), "It gives a ndarray, expected a tensor of shape (1,)."),
        (lambda x: 2 * x + float("nan"), "It gives nan, expected a number."),
        (lambda x: x + 1, "It fails the check: a number is doubled"),
    ],
)
def test_a_wrong_answer_is_told_why_in_the_first_line(double, fn, reason, capsys):
    grade = double.grade(fn)
    assert not grade.passed and not grade.blank
    assert str(grade).splitlines()[0].endswith(reason)
    assert str(double.grade(fn)) == str(grade), "the same check says something else"


def test_who_lost_digits_is_told_where_to_look(double):
    x = torch.tensor([1 / 3], dtype=torch.float64)
    case = FailingCase("all digits", {"x": x}, 2 * x, (2 * x.float()).double())
    assert "alike in the digits shown: is a part of it computed in float32?" in str(case)


def test_torchs_own_not_implemented_error_is_no_blank(double):
    grade = double.grade(not_implemented_by_torch)
    assert isinstance(grade.failing_case.got, NotImplementedError)
    assert not grade.blank and "It raises" in grade.reason


@pytest.mark.parametrize("answer", [3, "double", torch.ones(2)])
def test_what_cannot_be_called_is_refused(double, answer):
    grade = double.grade(answer)
    assert not grade.passed and not grade.blank and "no function" in str(grade)


@pytest.mark.parametrize("answer", [None, ..., Unwritten("double")])
def test_nothing_is_a_blank(double, answer):
    assert double.grade(answer).blank
    assert str(double.grade(answer)) == "○ not written yet."


def test_only_the_stub_untouched_is_a_blank(double):
    def run(text):
        scope = {}
        exec(text, scope)
        return scope["double"]

    stub = double.stub
    assert double.grade(run(stub)).blank
    assert double.grade(run(f"# mine\n{stub}  # to do")).blank
    for touched in (
        "def double(x):\n    pass",
        "def double(x):\n    return",
        stub.replace("raise NotImplementedError", "print(x)"),
        stub.replace("raise NotImplementedError", "y = 2 * x\n    raise NotImplementedError"),
        stub.replace("NotImplementedError", "NotImplementedError('later')"),
    ):
        assert touched != stub
        assert not double.grade(run(touched)).blank, touched


@pytest.fixture
def scale():
    @exercise(difficulty=1, minutes=1, teaches="a module", hints=["Twice."], given="blanks")
    class Scale(nn.Module):
        """Two times x."""

        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return self.factor * x  # blank: the product

    @Scale.check
    def it_has_a_factor(fn):
        require(isinstance(fn().factor, nn.Parameter), "a parameter", "none")

    @Scale.check
    def it_scales(fn):
        expect(fn()(torch.ones(2)), torch.full((2,), 2.0))

    @Scale.check
    def it_sums(fn):
        expect(fn()(torch.ones(2)).sum(), torch.tensor(4.0))

    return Scale


def of_scale(**methods):
    def __init__(self):
        nn.Module.__init__(self)
        self.factor = nn.Parameter(torch.tensor(2.0))

    return type("Scale", (nn.Module,), {"__init__": __init__, **methods})


@pytest.mark.parametrize(
    "methods, reason",
    [
        ({"foward": lambda self, x: 2 * x}, "It has no method forward: is its name misspelt?"),
        ({"forward": lambda self, x: None}, "It returned None: is a return missing?"),
        ({"forward": prints}, "It raises TypeError"),
        ({"forward": lambda self, x: self.missing}, "It raises AttributeError"),
    ],
)
def test_a_wrong_class_is_told_why(scale, methods, reason):
    grade = scale.grade(of_scale(**methods))
    assert not grade.passed and not grade.blank
    assert reason in str(grade).splitlines()[0]


def test_the_stub_of_a_class_is_a_blank_and_a_right_class_passes(scale):
    scope = {"nn": nn, "torch": torch}
    exec(scale.stub, scope)
    assert scale.grade(scope["Scale"]).blank
    assert scale.grade(of_scale(forward=lambda self, x: self.factor * x)).passed


def test_changing_the_input_is_refused_even_with_the_right_result(double):
    shared = torch.ones(3)
    double.check(lambda fn: fn(shared[:2]))
    grade = double.grade(lambda x: x.mul_(2))
    assert not grade.passed
    assert str(grade).splitlines()[0].endswith("It changes an input: x was changed in place.")
    assert shared.tolist() == [1.0, 1.0, 1.0], "what checks share has to stay"


class Unprintable:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [Unprintable(), torch.ones(2).to_sparse(), torch.ones(2, device="meta"), {"a": [1]}, prints],
    ids=["unprintable", "sparse", "meta", "dict", "function"],
)
def test_whatever_an_answer_returns_can_be_graded_and_shown(double, value):
    grade = double.grade(lambda x: value)
    assert not grade.passed and str(grade)
    assert "0x" not in str(grade)


def test_grading_is_a_world_of_its_own(double):
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    seen = []

    def meddles(x):
        seen.append((torch.rand(1).item(), np.random.rand(), random.random(), x.dtype))  # noqa: NPY002
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(99)
        return 2 * x

    torch.set_default_dtype(torch.float64)
    try:
        double.grade(meddles)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert len(seen) == 3 and len(set(seen)) == 1, "one check is not like another"
    assert seen[0][-1] == torch.float32
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert random.getstate() == before[2]


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
    time.sleep(300)


@pytest.mark.parametrize("fn", [endless, endless_and_deaf])
def test_an_endless_answer_ends_after_its_cpu_time(double, fn, monkeypatch):
    monkeypatch.setattr(answers, "CPU_SECONDS", 0.3)
    grade = double.grade(fn)
    assert not grade.passed and not grade.blank
    assert "a loop that never ends" in str(grade).splitlines()[0]


def test_an_answer_that_sleeps_ends_by_the_clock_on_the_wall(double, monkeypatch):
    monkeypatch.setattr(answers, "WALL_SECONDS", 0.3)
    start = time.monotonic()
    grade = double.grade(asleep)
    assert time.monotonic() - start < 60
    assert "does it sleep" in str(grade).splitlines()[0]


def test_waiting_for_a_processor_costs_an_answer_nothing(double, monkeypatch):
    monkeypatch.setattr(answers, "CPU_SECONDS", 0.3)

    def waits(x):
        time.sleep(0.4)
        return 2 * x

    assert double.grade(waits).passed


def test_the_limit_is_for_all_checks_together(double, monkeypatch):
    monkeypatch.setattr(answers, "CPU_SECONDS", 0.5)

    def works(x):
        end = time.thread_time() + 0.3
        while time.thread_time() < end:
            pass
        return 2 * x

    assert isinstance(double.grade(works).failing_case.got, answers.TimeLimit)


def test_without_a_clock_a_thread_that_of_the_process_will_do(double, monkeypatch):
    monkeypatch.delattr(time, "pthread_getcpuclockid", raising=False)
    assert double.grade(lambda x: 2 * x).passed
    monkeypatch.setattr(answers, "CPU_SECONDS", 0.3)
    assert "a loop that never ends" in str(double.grade(endless))


def test_a_compiler_at_work_is_not_called_a_loop(double, monkeypatch):
    monkeypatch.setattr(answers, "CPU_SECONDS", 0.3)

    def traced(x):  # what torch.compile calls while it compiles
        exec("while True: pass", {"__name__": "torch._dynamo.convert_frame"})

    said = str(double.grade(traced)).splitlines()[0]
    assert "still compiling" in said and "loop" not in said


def test_a_right_answer_of_ten_times_the_time_is_told_so(double, monkeypatch):
    def slow(x):
        end = time.thread_time() + 0.2
        while time.thread_time() < end:
            pass
        return 2 * x

    grade = double.grade(slow)
    assert grade.passed and grade.slow
    assert str(grade).endswith("It takes over ten times as long as the reference.")
    first = [slow]  # an import, say: the first time alone is slow
    assert not double.grade(lambda x: first.pop()(x) if first else 2 * x).slow


def test_a_wrong_declaration_says_so():
    for wrong in ({"difficulty": 4}, {"given": "nothing"}, {"hints": []}):
        with pytest.raises(ValueError):
            exercise(**{"difficulty": 1, "minutes": 1, "teaches": "x", "hints": ["y"]} | wrong)
    with pytest.raises(ValueError, match="docstring"):
        exercise(difficulty=1, minutes=1, teaches="x", hints=["y"])(lambda x: x)
