"""The claim contract: every claim measured over ten seeds, here and on a cluster, and stored."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest

import lessons
from tools import claims as tool
from tools import processors
from utils import claims, syllabus
from utils.claims import FRESH_SEEDS, SEEDS, Finding

DECLARED = [c for entry in syllabus.written() for c in claims.of(entry.topic)]
TINY = '''"""A lesson that only counts."""

from functools import cache

from utils.claims import Finding, claim

trained = []


@cache
def model(seed):
    trained.append(seed)
    return seed + 0.5


@claim("it counts", source="A 2024, p. 1", paper="says so", bound="under 7")
def counts(seed):
    return Finding(model(seed), "steps", model(seed) < 7)


@claim("it counts on", source="A 2024, p. 1", paper="again", bound="over 7")
def counts_on(seed):
    return Finding(model(seed) + 1, "steps", model(seed) > 7)
'''


@pytest.mark.parametrize("c", DECLARED, ids=lambda c: f"{c.topic}.{c.name}")
def test_a_claim_is_declared_whole_and_measured_over_ten_seeds(c):
    assert c.statement and c.source and c.paper and c.bound
    stored = claims.measured()
    assert all((c.topic, c.name, seed) in stored for seed in SEEDS), "run `make claims`"
    assert all((c.topic, c.name, seed) in stored for seed in FRESH_SEEDS), (
        "run `make claims SEEDS=fresh`, once, when the lesson is finished"
    )


def test_the_files_hold_nothing_else():
    names = {(c.topic, c.name) for c in DECLARED}
    assert {key[:2] for key in claims.measured()} <= names, "run `make claims`"
    assert {key[2] for key in claims.measured()} <= {*SEEDS, *FRESH_SEEDS}
    assert {key[:2] for key in processors.stored()} <= names, "run `make claims-processors`"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A course in a folder of its own, whose one lesson has two claims that take no time."""
    course = tmp_path / "course"
    for name in ("utils", "tools"):
        shutil.copytree(syllabus.ROOT / name, course / name)
    (course / "lessons" / "tiny").mkdir(parents=True)
    shutil.copy(syllabus.ROOT / "lessons" / "__init__.py", course / "lessons")
    (course / "lessons" / "tiny" / "claims.py").write_text(TINY, encoding="utf-8")
    entry = '[[lesson]]\ntopic = "tiny"\ntitle = "Tiny"\npart = "Start"\n'
    (course / "lessons" / "syllabus.toml").write_text(entry, encoding="utf-8")
    monkeypatch.setattr(tool, "ROOT", course)
    monkeypatch.setattr(syllabus, "ROOT", course)
    monkeypatch.setattr(claims, "CSV", tmp_path / "claims.csv")
    monkeypatch.setattr(tool, "CSV", tmp_path / "claims.csv")
    monkeypatch.setattr(lessons, "__path__", [str(course / "lessons")])
    syllabus.entries.cache_clear()
    yield course
    syllabus.entries.cache_clear()
    for name in [m for m in sys.modules if m.startswith("lessons.tiny")]:
        del sys.modules[name]


def found(value, holds=True, unit="steps"):
    return Finding(float(value), unit, holds)


def test_the_claims_of_a_lesson_share_a_model_within_a_seed_and_not_beyond(tiny):
    assert claims.run("tiny", 1) == {"counts": found(1.5), "counts_on": found(2.5, False)}
    assert sys.modules["lessons.tiny.claims"].trained == [1], "shared"
    claims.run("tiny", 1)
    assert sys.modules["lessons.tiny.claims"].trained == [1, 1], "forgotten"


def row(topic, which=0):
    return claims.rows(topic).splitlines()[2 + which]


def test_the_table_shows_verdicts_of_seen_and_fresh_seeds_and_what_is_missing(tiny):
    assert "····· ····· 0\u00a0of\u00a00" in row("tiny") and "not measured" in row("tiny")
    tool.write({("tiny", "counts", s): found(s, holds=s != 3) for s in SEEDS})
    assert "●●●○● ····· 4\u00a0of\u00a05<br>it counts |" in row("tiny")
    tool.write({("tiny", "counts", s): found(s, holds=s == 6) for s in FRESH_SEEDS})
    assert "●●●○● ○●○○○ 5\u00a0of\u00a010" in row("tiny")
    assert "4.5 (0 to 9) steps<br>*holds if* under 7 |" in row("tiny")
    assert claims.LEGEND in claims.table("tiny")


def test_a_citation_stands_once(tiny):
    assert "says so (A 2024, p. 1) |" in row("tiny", 0)
    assert "| again |" in row("tiny", 1)
    assert claims._shortened("A et al. 2024, Fig. 2", "A et al. 2024, Fig. 1") == "Fig. 2"
    assert claims._shortened("A et al. 2024, Fig. 1", "A et al. 2023, Fig. 1").startswith("A et")


@pytest.mark.parametrize(
    "values, said",
    [
        ([96.93, 98.24, 95.41], "97 (95 to 98) %"),
        ([0.998, 0.996], "0.997 (0.996 to 0.998) %"),
        ([252, 249], "250 (249 to 252) %"),
        ([-0.723, -1.21], "−0.97 (−1.2 to −0.72) %"),
        ([0.0000531, 0.00011], "0.000082 (0.000053 to 0.00011) %"),
        ([3, 3], "3 %"),
    ],
)
def test_numbers_have_two_digits_or_as_many_as_tell_them_apart(values, said):
    spread = claims._spread([found(v, unit="%") for v in values])
    assert spread == said


def test_other_seeds_leave_the_file_alone(tiny, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["claims", "--lesson", "tiny", "--seeds", "11"])
    monkeypatch.setattr(claims, "of", lambda topic: [topic])
    monkeypatch.setattr(tool, "measure", lambda jobs: {("tiny", "counts", 11): found(11.5, False)})
    tool.main()
    assert "0/1  tiny.counts: 11.5 steps" in capsys.readouterr().out
    assert claims.measured() == {}


def test_seeds_by_name_are_stored(tiny, monkeypatch, capsys):
    monkeypatch.setattr(
        tool, "measure", lambda jobs: {("tiny", "counts", s): found(1) for _, s in jobs}
    )
    monkeypatch.setattr(claims, "of", lambda topic: [topic])
    for name, seeds in (("", SEEDS), ("fresh", FRESH_SEEDS), ("5,6,7,8,9", FRESH_SEEDS)):
        monkeypatch.setattr(sys, "argv", ["claims", "--lesson", "tiny", "--seeds", name])
        tool.main()
        assert {s for _, _, s in claims.measured()} >= set(seeds)
        assert "Written" in capsys.readouterr().out


def test_measuring_keeps_the_rows_of_other_lessons_and_seeds():
    other = {("other", "x", 0): found(1)}
    seen = {("tiny", "counts", s): found(s) for s in SEEDS}
    fresh = {("tiny", "counts", s): found(s) for s in FRESH_SEEDS}
    gone = {("tiny", "gone", 0): found(1)}
    assert tool.merged(other | gone | seen, fresh) == (other | seen | fresh, [])
    assert tool.merged(other | seen | fresh, seen) == (other | seen | fresh, [])


def test_fresh_seeds_do_not_outlive_their_experiment():
    a = {("tiny", "a", s): found(s) for s in (*SEEDS, *FRESH_SEEDS)}
    b = {("tiny", "b", s): found(s) for s in (*SEEDS, *FRESH_SEEDS)}
    again = {("tiny", "a", s): found(s) for s in SEEDS}
    again |= {("tiny", "b", s): found(s + 0.1) for s in SEEDS}
    rows, lost = tool.merged(a | b, again)
    assert lost == ["tiny.b"] and rows == a | {k: f for k, f in again.items() if k[1] == "b"}
    verdict = {("tiny", "a", s): found(s, holds=False) for s in SEEDS}
    assert tool.merged(a, verdict) == (verdict, ["tiny.a"])
    both = {("tiny", "a", s): found(s + 1) for s in (*SEEDS, *FRESH_SEEDS)}
    assert tool.merged(a, both) == (both, [])


SEEN = {("t", "c", s): found(s / 10) for s in range(10)}  # from 0 to 0.9: chaotic
MIXED = {("t", "c", s): found(s / 10, holds=s > 4) for s in range(10)}


@pytest.mark.parametrize(
    "value, holds, seeds, kinds, said",
    [
        (0.0, True, SEEN, [0.0, 0.0], ""),
        (0.001, True, SEEN, [0.0, 0.0], "on every processor"),  # exact: by value
        (0.0, False, SEEN, [0.0, 0.0], "every stored run"),
        (0.5, True, SEEN, [0.0, 0.2], ""),  # chaotic: by the range of all runs
        (1.34, True, SEEN, [0.0, 0.2], ""),
        (1.36, True, SEEN, [0.0, 0.2], "far outside"),
        (-0.46, True, SEEN, [0.0, 0.2], "far outside"),
        (2.5, True, SEEN, [0.0, 2.0], ""),  # a processor that ended far away widens it
        (0.5, False, SEEN, [0.0, 0.2], "every stored run"),
        (0.5, True, MIXED, [0.0, 0.2], ""),  # the stored verdicts differ: either will do
        (0.5, False, SEEN, [], "every stored run"),  # no other processor measured: by its seeds
        (1.3, True, SEEN, [], ""),
        (float("nan"), True, SEEN, [0.0, 0.2], "far outside"),
    ],
)
def test_a_claim_measured_again_is_judged_by_its_spread(value, holds, seeds, kinds, said):
    elsewhere = {("t", "c", str(i)): found(v) for i, v in enumerate(kinds)}
    reason = processors.wrong(("t", "c"), found(value, holds), seeds, elsewhere, "0")
    assert (said in reason) if said else reason == ""


def test_on_instructions_that_nobody_measured_a_claim_is_judged_by_its_spread():
    elsewhere = {("t", "c", kind): found(0.0) for kind in ("default", "avx2")}
    new, known = (
        processors.wrong(("t", "c"), found(0.001), SEEN, elsewhere, kind)
        for kind in ("avx512", "avx2")
    )
    assert new == "" and "on every processor" in known


def test_processors_are_measured_in_processes_of_their_own_and_stored(tiny, tmp_path):
    path = tmp_path / "processors.csv"
    results = processors.measure("tiny", "default")
    assert results == {
        ("tiny", "counts", "default"): found(0.5),
        ("tiny", "counts_on", "default"): found(1.5, False),
    }
    processors.write(
        {("tiny", "old", "default"): found(1), ("tiny", "counts", "avx2"): found(2)}, path
    )
    processors.write(results, path)
    assert processors.stored(path) == results | {("tiny", "counts", "avx2"): found(2)}


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
def test_bad_arguments_get_one_clear_line(arguments, said, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["claims", *arguments])
    monkeypatch.setattr(tool, "PATIENCE", 2)
    with pytest.raises(SystemExit) as error:
        tool.main()
    line = str(error.value)
    assert line.startswith("make claims:") and said in line and "\n" not in line


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A Dask cluster of two worker processes that start in a folder without the course."""
    # A machine that is busy with other tests is slow to answer.
    monkeypatch.setattr(tool, "PATIENCE", 120)
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "120s")
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
        for process in reversed(running):  # a worker whose scheduler is gone waits for it
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def test_the_same_call_runs_on_a_dask_cluster(tiny, scheduler):
    jobs = [("tiny", 1), ("tiny", 7)]
    with tool.backend("dask", scheduler):
        there = tool.measure(jobs)
    assert there["tiny", "counts", 7] == found(7.5, False)
    assert there == tool.run(*jobs[0]) | tool.run(*jobs[1])
    assert re.match(r" +1/2  tiny.counts: 1.5 7.5 steps", tool.report(there))
