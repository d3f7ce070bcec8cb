"""Numbers behind ≈: enforced in builds and tests, masked when notebooks are compared."""

import configparser
import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from utils.measured import RANGES, approx
from utils.syllabus import ROOT

INF = float("inf")
FORMS = [  # value, digits, what is printed
    (0.40213, 3, "≈0.402"),
    (-12, 1, "≈-10"),
    (1234.5, 3, "≈1230"),
    (999.9, 3, "≈1000"),
    (123456, 2, "≈120000"),
    (12345678, 3, "≈1.23e+07"),
    (0.00012345, 3, "≈0.000123"),
    (1.5e-7, 3, "≈1.5e-07"),
    (-1.5e-7, 2, "≈-1.5e-07"),
    (-0.0, 3, "≈0"),
    (float("nan"), 3, "≈nan"),
    (INF, 3, "≈inf"),
    (-INF, 3, "≈-inf"),
]


@pytest.mark.parametrize("value, digits, text", FORMS)
def test_a_learner_sees_the_number_alone_whatever_it_is(value, digits, text, monkeypatch):
    monkeypatch.delenv(RANGES)
    assert approx(value, 0.3, 0.5, digits) == text


@pytest.mark.parametrize("value, digits, text", FORMS)
def test_the_mask_covers_every_form_and_the_spaces_that_align_it(value, digits, text):
    config = configparser.ConfigParser()
    # As nbval does where text is not UTF-8: on Windows, started without make.
    config.read(ROOT / "tests" / "nbval_sanitize.cfg", encoding="cp1252")
    mask, replace = config["measured"]["regex"], config["measured"]["replace"]
    for column in (f"loss {text} nats", f"loss {text:>14}{text:>14} nats", f"loss{text:<14}nats"):
        assert re.sub(mask, replace, column) == f"loss{'≈#' * column.count('≈')}nats"


@pytest.mark.parametrize("value", [0.29, 0.51, float("nan"), INF])
def test_a_number_outside_its_range_is_refused_where_ranges_are_checked(value):
    assert os.environ[RANGES] == "1"
    with pytest.raises(ValueError, match=r"outside the stated range 0\.3 to 0\.5"):
        approx(value, 0.3, 0.5)


def test_a_number_inside_its_range_is_printed():
    assert approx(0.40213, 0.3, 0.5) == "≈0.402"


SAYS = 'print("loss", approx({}, 0.01, 0.05), "nats, 5 arrows")'
CASES = [  # what the cell measures, what is stored under it, whether the two count as the same
    (0.0231, "loss ≈0.0231 nats, 5 arrows", True),
    (0.0231, "loss ≈0.0354 nats, 5 arrows", True),
    (0.0231, "loss ≈-3.5e-02 nats, 5 arrows", True),
    (0.0231, "cost ≈0.0231 nats, 5 arrows", False),
    (0.0231, "loss ≈0.0231 bits, 5 arrows", False),
    (0.0231, "loss ≈0.0231 nats, 4 arrows", False),
    (0.0231, "loss 0.0231 nats, 5 arrows", False),
    (0.0731, "loss ≈0.0231 nats, 5 arrows", False),  # the run left its range
]


def test_nbval_lets_only_digits_behind_the_sign_differ(tmp_path):
    cells = [new_code_cell("from utils.measured import approx", execution_count=1)]
    for value, text, _ in CASES:
        stored = new_output("stream", name="stdout", text=text + "\n")
        cells.append(new_code_cell(SAYS.format(value), execution_count=1, outputs=[stored]))
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "case.ipynb")
    options = [
        "--nbval-sanitize-with",
        str(ROOT / "tests" / "nbval_sanitize.cfg"),
        "-c",
        "/dev/null",
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "--nbval", *options, str(tmp_path / "case.ipynb")],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    passed = {int(n) for n in re.findall(r"^PASSED .*::Cell (\d+)", ran.stdout, re.MULTILINE)}
    failed = {int(n) for n in re.findall(r"^FAILED .*::Cell (\d+)", ran.stdout, re.MULTILINE)}
    same = {i for i, case in enumerate(CASES, 1) if case[2]}
    assert passed == {0} | same, ran.stdout
    assert failed == set(range(1, len(cells))) - same, ran.stdout
