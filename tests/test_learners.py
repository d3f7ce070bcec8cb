"""`make progress`: every learner gets a verdict, whatever their notebook does."""

import csv
import json
import subprocess
import sys

import pytest

from lessons.start_here.exercises import goal_of_best_by_proxy
from lessons.superposition.exercises import importance_weighted_loss
from tools import learners, sandbox
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
    "cy": (goal_of_best_by_proxy.stub, "blank"),
    "dora": (f"{RIGHT}\nwhile True: pass", "stopped: no end within"),
    "eve": (f"import os\nos._exit(0)\n{RIGHT}", "stopped: Python ended (exit code 0)"),
    "fred": (HEAD + "return torch.zeros(10 * 10**9).mean()", "wrong: raises RuntimeError"),
    "gil": (f"import sys\nsys.exit()\n{RIGHT}", "wrong: the cell raises SystemExit"),
    "hal": (HEAD + "return (", "wrong: the cell raises SyntaxError"),
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
    "pia": (f"{RIGHT}\n{CHECK}\nlesson.hint(goal_of_best_by_proxy)", "passed"),
    "quy": ("# nothing here", "blank"),
}


def notebook(topic, *cells):
    code = [START.format(topic), *cells]
    return json.dumps({"cells": [{"cell_type": "code", "source": c} for c in code]})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("room")
    for who, (cell, _) in CELLS.items():
        (folder / f"{who}.ipynb").write_text(notebook("start_here", cell, CHECK))
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
        patch.setattr(sandbox, "PATIENCE", 10)
        table, refused = learners.collect(folder)
    learners.write(table, refused, folder / "progress.csv")
    return folder, table, refused


@pytest.mark.parametrize("who", CELLS)
def test_each_learner_gets_a_verdict(found, who):
    said = found[1]["start_here", "goal_of_best_by_proxy"][who]
    assert CELLS[who][1] in said
    if CELLS[who][1] != "passed":
        assert said != "passed"


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
