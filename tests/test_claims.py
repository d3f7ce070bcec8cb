"""The claim contract: every claim measured over five seeds, here and on a cluster, and stored."""

import json
import os
import subprocess
import sys
import time

import pytest

from tools import claims as tool
from utils import claims, syllabus
from utils.claims import SEEDS, Finding

FAST = "dense_features_get_dimensions_of_their_own"  # runs in a second
DECLARED = [c for entry in syllabus.written() for c in claims.of(entry.topic)]


@pytest.mark.parametrize("c", DECLARED, ids=lambda c: f"{c.topic}.{c.name}")
def test_a_claim_is_declared_whole_and_measured_over_all_seeds(c):
    assert c.statement and c.source and c.paper and c.bound
    stored = claims.measured()
    assert all((c.topic, c.name, seed) in stored for seed in SEEDS), "run `make claims`"


def test_the_file_holds_nothing_else():
    wanted = {(c.topic, c.name, seed) for c in DECLARED for seed in SEEDS}
    assert set(claims.measured()) == wanted, "run `make claims`"


@pytest.mark.parametrize("c", DECLARED, ids=lambda c: f"{c.topic}.{c.name}")
def test_what_is_stored_comes_out_again(c):
    found, stored = c.run(0), claims.measured()[c.topic, c.name, 0]
    assert found.holds == stored.holds
    assert found.unit == stored.unit
    assert found.value == pytest.approx(stored.value, rel=0.25, abs=0.02)


def test_the_table_counts_the_seeds_in_which_a_claim_fails(monkeypatch):
    c = DECLARED[0]
    values = {(c.topic, c.name, s): Finding(float(s), "units", s != 3) for s in SEEDS}
    monkeypatch.setattr(claims, "measured", lambda: values)
    row = claims.table(c.topic).splitlines()[2]
    assert "2 (0 to 4) units" in row and "4 of 5 seeds" in row
    monkeypatch.setattr(claims, "measured", dict)
    assert "not measured" in claims.table(c.topic)


def test_other_seeds_leave_the_file_alone(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(tool, "measure", lambda *a: [("a", "b", 11, Finding(1, "", True))])
    monkeypatch.setattr(tool, "write", lambda *a: pytest.fail("written"))
    monkeypatch.setattr(sys, "argv", ["claims", "--seeds", "11"])
    tool.main()
    assert "a.b: 1" in capsys.readouterr().out


def test_measuring_one_lesson_keeps_the_others_rows(monkeypatch, tmp_path):
    monkeypatch.setattr(claims, "CSV", tmp_path / "claims.csv")
    monkeypatch.setattr(tool, "CSV", tmp_path / "claims.csv")
    tool.write([("superposition", "x", 0, Finding(1, "nats", True))], ["superposition"])
    tool.write([("start_here", "y", 0, Finding(2, "", False))], ["start_here"])
    assert claims.measured() == {
        ("start_here", "y", 0): Finding(2, "", False),
        ("superposition", "x", 0): Finding(1, "nats", True),
    }


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--seeds", "one,two"], "whole numbers"),
        (["--lesson", "no_such_lesson"], "superposition"),
        (["--backend", "dask"], "SCHEDULER="),
        (["--scheduler", "tcp://127.0.0.1:1"], "BACKEND=dask"),
        (["--backend", "dask", "--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers"),
    ],
)
def test_bad_arguments_get_one_clear_line(arguments, said):
    ran = subprocess.run(
        [sys.executable, "-m", "tools.claims", *arguments],
        capture_output=True, text=True, cwd=syllabus.ROOT,
    )  # fmt: skip
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("make claims:") and said in last
    assert "Traceback" not in ran.stderr


@pytest.fixture
def scheduler(tmp_path):
    """A Dask cluster of two worker processes that start in a folder without the course."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    file = tmp_path / "scheduler.json"
    options = ["--scheduler-file", str(file), "--no-dashboard"]
    roles = {"scheduler": ["--port", "0"], "worker": ["--nworkers", "2", "--nthreads", "1"]}
    running = []
    try:
        for role, more in roles.items():
            command = [sys.executable, "-m", f"distributed.cli.dask_{role}", *options, *more]
            with (tmp_path / f"{role}.log").open("w") as log:
                process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
            running.append(process)
            while not file.exists():
                assert process.poll() is None, (tmp_path / f"{role}.log").read_text()
                time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def test_the_same_call_runs_on_a_dask_cluster(scheduler):
    jobs = [("superposition", FAST, seed) for seed in (0, 1)]
    with tool.backend("dask", scheduler):
        there = tool.measure(jobs)
    assert [r[:3] for r in there] == jobs
    assert [r[3].holds for r in there] == [tool.run(*job)[3].holds for job in jobs]
