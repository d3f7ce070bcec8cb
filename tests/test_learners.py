"""`make progress`: every learner gets a verdict, whatever their notebook does."""

import csv
import io
import json
import os
import subprocess
import sys
from textwrap import indent

import IPython
import pytest

from lessons.start_here.exercises import goal_of_best_by_proxy
from lessons.superposition.exercises import importance_weighted_loss
from tools import cell_code, learner_cells, learners, sandbox
from utils.syllabus import ROOT

RIGHT = goal_of_best_by_proxy.source
START = "import torch\nfrom torch import Tensor\nimport utils\nlesson = utils.lesson({!r})"
HEAD = "def goal_of_best_by_proxy(goal, proxy, n):\n    "
WRONG = HEAD + "return proxy[:, :n].max(dim=1).values.mean()"
CHECK = "goal_of_best_by_proxy = lesson.check(goal_of_best_by_proxy)"
FORGED = "from utils import exercises\nimport torch, builtins\n"

CELLS = {  # learner: the exercise cell, and what the table must say
    "ann": (RIGHT, "passed"),
    "bob": (WRONG, "wrong: the proxy of the chosen is returned"),
    "dov": (f"name = input()\n{RIGHT}", "wrong: the cell raises EOFError"),
    "dora": (f"{RIGHT}\nwhile True: pass", "stopped: no end within"),
    "eve": (f"import os\nos._exit(0)\n{RIGHT}", "stopped: Python ended (exit code 0)"),
    "fred": (HEAD + "return torch.zeros(10 * 10**9).mean()", "wrong: it raises RuntimeError"),
    "ida": (
        f"{FORGED}exercises.Exercise.grade = lambda *a: exercises.Grade(True)\n{WRONG}",
        "tampered: the cell replaces Exercise.grade",
    ),
    "joe": (f"{FORGED}torch.allclose = lambda *a, **k: True\n{WRONG}", "tampered"),
    "kim": (
        HEAD + "import builtins; builtins.abs = lambda x: 0; return torch.ones(())",
        "tampered: the cell replaces builtins.abs",
    ),
    "lea": (
        HEAD + "import lessons.start_here.exercises as e\n"
        "    e.goal_of_best_by_proxy.checks.clear(); return 0",
        "tampered",
    ),
    "max": (f"import socket\nsocket.create_connection(('127.0.0.1', 80))\n{RIGHT}", "socket."),
    "nia": (f"import subprocess\nsubprocess.run(['true'])\n{RIGHT}", "subprocess.Popen is not"),
    "oto": (f"open({str(ROOT / 'README.md')!r}, 'a')\n{RIGHT}", "open is not allowed"),
}


HANDED_IN = {  # what people really write: the cell, and what the table must say
    "gil": (f"import sys\nsys.exit()\n{RIGHT}", "wrong: the cell raises SystemExit"),
    "ed": (f"print('≈')\n{RIGHT}", "passed"),
    "quy": ("# nothing here", "blank"),
    "pia": (f"{RIGHT}\n{CHECK}\nlesson.hint(goal_of_best_by_proxy)", "passed"),
    "hal": (HEAD + "return (", "wrong: the cell raises SyntaxError"),
    "cy": (goal_of_best_by_proxy.stub, "blank"),
    "ray": (f"{RIGHT}\nassert goal_of_best_by_proxy(None, None, 1) == 3, 'mine'", "passed"),
    "sue": (f"{WRONG}\nassert False, 'mine'", "wrong: the proxy of the chosen is returned"),
    "tim": (
        f"%matplotlib inline\n{RIGHT}\ngoal_of_best_by_proxy?\n!ls\nx = !ls\n%pip list",
        "passed",
    ),
    "ula": (f"%%time\n{RIGHT}\nfor i in [1]:\n    %time print(i)\n    !echo $i", "passed"),
    "val": (
        f"get_ipython().run_line_magic('time', '1')\ndisplay(torch.ones(2))\n{RIGHT}",
        "passed",
    ),
    "wes": (
        f"from IPython import get_ipython\nget_ipython().ast_node_interactivity\n{RIGHT}",
        "passed",
    ),
    "xia": (f"print('≈ ✓ \\udcff' if 0 else '≈')\n{RIGHT}", "passed"),
    "yan": (indent(RIGHT, "    "), "passed"),
    "zac": (f"assert False, 'first'\n{RIGHT}", "wrong: the cell raises AssertionError"),
    "abe": (f"%%bash\n{RIGHT}", "blank"),
    "ben": (
        "goal_of_best_by_proxy = lambda goal, proxy, n: proxy[:, :n].max(dim=1).values.mean()",
        "wrong: the proxy of the chosen is returned",
    ),
    "cat": (HEAD + "goal[:, :n].mean()", "wrong: it returned None"),
}

CONSTANTS = {  # learner: cells, of which one needs a name that another binds
    "above": ["SIGN = 1.0", RIGHT.replace("return ", "return SIGN * ")],
    "below": [RIGHT.replace("return ", "return SIGN * "), "SIGN = 1.0"],
    "again": [RIGHT.replace("return ", "return SIGN * "), "SIGN = 1.0", CHECK, "SIGN = -1.0"],
    "called": ["from math import *\nSIGN = cos(0)", RIGHT.replace("return ", "return SIGN * ")],
    "chain": ["BASE = {}\nBASE['a'] = 1.0", "%time pass\ndef sign():\n    return BASE['a']",
              RIGHT.replace("return ", "return sign() * ")],
    "aside": ["raise SystemExit\nslow = later()", RIGHT],
}  # fmt: skip


def notebook(topic, *cells):
    code = [START.format(topic), *cells]
    return json.dumps({"cells": [{"cell_type": "code", "source": c} for c in code]})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("room")
    for who, (cell, _) in CELLS.items():
        (folder / f"{who}.ipynb").write_text(notebook("start_here", cell, CHECK))
    (folder / "marked.ipynb").write_text(notebook("start_here", RIGHT), encoding="utf-8-sig")
    # A folder for a learner: helpers in cells of their own, one cell that ends Python, one right.
    (folder / "zoe" / "notebooks").mkdir(parents=True)
    helper = "def weigh(x, importance):\n    return importance * x"
    right = importance_weighted_loss.source.replace("importance *", "weigh(1.0, importance) *", 1)
    assert "weigh" in right
    ends = "import os\nos.abort()\ndef sample_sparse_features(*args): ..."
    text = notebook("superposition", helper, ends, right)
    (folder / "zoe" / "notebooks" / "mine.ipynb").write_text(text)
    (folder / "zoe" / "copy.ipynb").write_text(notebook("superposition"))  # blank: must not count
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "deep.ipynb").write_text("[" * 100_000)
    (folder / "picture.ipynb").write_bytes(b"\x89PNG\xff\x00")
    (folder / "other.ipynb").write_text('{"cells": [{"cell_type": "code", "source": "1 + 1"}]}')
    (folder / "list.ipynb").write_text("[1, 2]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "PATIENCE", 4)
        table, refused = learners.collect(folder)
    learners.write(table, refused, folder / "progress.csv")
    return folder, table, refused


@pytest.mark.parametrize("who", CELLS)
def test_each_learner_gets_a_verdict(found, who):
    said = found[1]["start_here", "goal_of_best_by_proxy"][who]
    assert CELLS[who][1] in said
    if CELLS[who][1] != "passed":
        assert said != "passed"


def run_here(monkeypatch, *cells):
    """The verdict on a notebook that does no harm, without a process of its own."""
    monkeypatch.setattr(IPython, "get_ipython", IPython.get_ipython)  # put back afterwards
    task = {"topic": "start_here", "cells": [START.format("start_here"), *cells], "skip": []}
    return [r["said"] for r in learner_cells.run(task) if "said" in r][-1:] or ["blank"]


@pytest.mark.parametrize("who", HANDED_IN)
def test_what_people_really_hand_in_is_graded(who, monkeypatch):
    cell, told = HANDED_IN[who]
    (said,) = run_here(monkeypatch, cell, CHECK)
    assert told in said and (said == "passed") is (told == "passed")


@pytest.mark.parametrize("who", CONSTANTS)
def test_what_an_exercise_needs_of_other_cells_is_run_and_nothing_else(who, monkeypatch):
    assert run_here(monkeypatch, *CONSTANTS[who]) == ["passed"]


def test_a_file_that_begins_with_a_mark_is_a_notebook(found):
    assert found[1]["start_here", "goal_of_best_by_proxy"]["marked"] == "passed"


def test_a_cell_that_sleeps_is_stopped_by_the_clock(monkeypatch):
    monkeypatch.setattr(sandbox, "BACKSTOP", 3)
    cells = [f"import time\ntime.sleep(3600)\n{RIGHT}"]
    (said,) = sandbox.grade("start_here", cells).values()
    assert said == "stopped: no end within 3 seconds"


def test_whatever_the_console_can_show_the_csv_is_written_first(tmp_path):
    (tmp_path / "café≈.ipynb").write_text(notebook("start_here", WRONG))
    (tmp_path / os.fsdecode(b"caf\xe9.ipynb")).write_text("{")
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "tools.learners", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    assert ran.returncode == 0 and b"Traceback" not in ran.stderr, ran.stderr
    assert "café≈" in (tmp_path / "progress.csv").read_text(encoding="utf-8")
    assert b"wrong: the proxy of the chosen" in ran.stdout


def test_a_folder_that_takes_no_file_still_gets_its_table(tmp_path, monkeypatch, capsys):
    (tmp_path / "progress.csv").mkdir()
    monkeypatch.setattr(sys, "argv", ["learners", str(tmp_path)])
    table = {("start_here", "goal_of_best_by_proxy"): {"ann": "passed"}}
    monkeypatch.setattr(learners, "collect", lambda folder: (table, {}))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    learners.main()
    sys.stdout.seek(0)
    said = sys.stdout.read()
    assert "ann" in said and "could not be written" in said.splitlines()[-1]


@pytest.mark.parametrize(
    "cell, names",
    [
        ("x?", []),
        ("files = !ls", ["files"]),
        ("%%capture\nf = 1", ["f"]),
        ("%%writefile f\nf = 1", []),
        ("a, (b, *c) = d", ["a", "b", "c"]),
        ("f = lesson.check(f)", []),
        ("if True:\n    def f(): ...", ["f"]),
        ("def f(:", ["f"]),
        ("f == 3", []),
    ],
)
def test_what_a_cell_writes_is_read_as_ipython_reads_it(cell, names):
    assert cell_code.defined(cell, "abcf" if len(names) != 1 else [*names]) == names


def test_a_cell_that_ends_python_does_not_take_the_others_along(found):
    table = found[1]
    assert table["superposition", "sample_sparse_features"]["zoe"].startswith("stopped")
    assert table["superposition", "importance_weighted_loss"]["zoe"] == "passed"
    assert table["superposition", "interference"]["zoe"] == "blank"


def test_what_is_no_notebook_of_the_course_is_named(found):
    refused = found[2]
    assert set(refused) == {f"{n}.ipynb" for n in ("broken", "deep", "picture", "other", "list")}
    assert "broken" in refused["broken.ipynb"] and "no cell enters" in refused["other.ipynb"]


def test_the_table_and_the_csv_say_the_same(found):
    folder, table, refused = found
    text = learners.report(table, refused)
    assert "goal_of_best_by_proxy, wrong: the proxy of the chosen" in text
    assert "(1: bob)" in text and "not graded: broken.ipynb" in text
    rows = list(csv.reader((folder / "progress.csv").open()))
    by_name = {row[1]: dict(zip(rows[0], row, strict=False)) for row in rows[1:]}
    assert by_name["goal_of_best_by_proxy"]["ann"] == "passed"
    assert "not graded: other.ipynb" in by_name


@pytest.mark.parametrize("folder, said", [("", "DIR=folder"), ("absent", "'absent' is none")])
def test_a_wrong_folder_gets_one_line(folder, said):
    command = [sys.executable, "-m", "tools.learners", folder]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1 and said in ran.stderr and "Traceback" not in ran.stderr
