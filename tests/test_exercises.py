"""The exercise contract, of every declared exercise. Its machinery: tests/test_grading.py."""

import pytest
import torch

from utils import answers, exercises, syllabus

OF_LESSONS = [ex for entry in syllabus.written() for ex in exercises.of(entry.topic)]
DRILLS = [ex for entry in syllabus.written() for ex in exercises.drills(entry.topic)]
DECLARED = OF_LESSONS + DRILLS
PLANTED = [(ex, text, fn) for ex in DECLARED for text, fn in ex.mistakes]
RIGHTS = [(ex, text, fn) for ex in DECLARED for text, fn in ex.rights]


def title(value):
    if isinstance(value, exercises.Exercise):
        return f"{value.topic}.{value.name}"
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize("ex", DECLARED, ids=title)
def test_the_reference_passes_and_the_declaration_is_whole(ex):
    grade = ex.grade(ex.reference)
    assert grade.passed, f"the reference fails its own check\n{grade.failing_case}"
    assert not grade.slow
    assert len(ex.checks) >= 3
    assert len(ex.mistakes) >= 3
    assert ex.teaches and ex.minutes > 0


@pytest.mark.parametrize("ex", DECLARED, ids=title)
def test_there_are_right_answers_in_other_styles(ex):
    assert len(ex.rights) >= (1 if ex in DRILLS else 2)


@pytest.mark.parametrize("ex, text, fn", RIGHTS, ids=title)
def test_every_right_answer_in_another_style_passes(ex, text, fn):
    grade = ex.grade(fn)
    assert grade.passed, str(grade)


@pytest.mark.parametrize("ex, text, fn", PLANTED, ids=title)
def test_every_planted_mistake_is_refused_and_named(ex, text, fn):
    grade = ex.grade(fn)
    assert not grade.passed, "no check notices it"
    assert grade.looks_like == text
    assert not grade.blank
    # To name it, the grade was compared with an earlier run of the same: nothing leaked meanwhile.
    case = grade.failing_case
    place = [name for name, _ in ex.checks].index(case.check)
    earlier = ex.known[fn, place]
    same = str(earlier) == str(case) or answers.alike(earlier.got, case.got, 1e-4)
    assert earlier.check == case.check and same  # a fit's last digit may differ


@pytest.mark.parametrize("ex", DECLARED, ids=title)
def test_lazy_answers_are_refused(ex):
    lazy = {
        "None": lambda *a, **k: None,
        "zero": lambda *a, **k: torch.tensor(0.0),
        "one": lambda *a, **k: 1.0,
        "the first argument": lambda *a, **k: a[0] if a else None,
        "zeros like the first argument": lambda *a, **k: torch.zeros_like(torch.as_tensor(a[0])),
        "ones like the first argument": lambda *a, **k: torch.ones_like(torch.as_tensor(a[0])),
        "too few arguments": lambda: None,
        "asks": lambda *a, **k: input("What shall it be? "),
    }
    for name, fn in lazy.items():
        grade = ex.grade(fn)
        assert not grade.passed and not grade.blank, name
        assert grade.looks_like or grade.reason, name


def recasting(right, of, to, times):
    """`right`, with the tensors of one type in its result in another; `times` counts them."""

    def recast(value):
        if isinstance(value, tuple):
            parts = [recast(v) for v in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        if not torch.is_tensor(value) or value.dtype != of:
            return value
        times.append(1)
        return value.to(to)

    def answer(*args, **kwargs):
        value = right(*args, **kwargs)
        asked_for = any(torch.is_tensor(a) and a.dtype == to for a in args)
        return value if asked_for and to == torch.float64 else recast(value)

    return answer


@pytest.mark.parametrize(
    "of, to, said",
    [
        (torch.float32, torch.float64, "float64, expected float32"),
        (torch.int64, torch.float32, ""),  # some checks say so in words of their own
        (torch.bool, torch.float32, ""),
    ],
    ids=["float64 for float32", "float for a count", "float for a mask"],
)
@pytest.mark.parametrize("ex", DECLARED, ids=title)
def test_the_right_numbers_in_another_type_are_refused(ex, of, to, said):
    times = []
    if isinstance(ex.reference, type):
        forward = recasting(ex.reference.forward, of, to, times)
        answer = type(ex.name, (ex.reference,), {"forward": forward})
    else:
        answer = recasting(ex.reference, of, to, times)
    grade = ex.grade(answer)
    if times:
        assert not grade.passed
        assert said in str(grade)


@pytest.mark.parametrize("ex", DECLARED, ids=title)
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


@pytest.mark.parametrize("ex", [ex for ex in DECLARED if ex.given == "blanks"], ids=title)
def test_a_stub_that_is_filled_in_by_half_is_wrong_and_not_blank(ex):
    stub, source = ex.stub.splitlines(), ex.source.splitlines()
    blanks = [i for i, (a, b) in enumerate(zip(stub, source, strict=True)) if a != b]
    half = "\n".join(source[: blanks[0] + 1] + stub[blanks[0] + 1 :])
    scope = dict(vars(__import__(ex.reference.__module__, fromlist=["_"])))
    exec(half, scope)
    grade = ex.grade(scope[ex.name])
    assert not grade.blank
    assert grade.passed == (len(blanks) == 1)
