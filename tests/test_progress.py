"""The record under two notebooks at once, odd files and bad disks; and the bar over a long run."""

import errno
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from utils import practice, progress
from utils.syllabus import ROOT

EMPTY = {"passed": {}, "drills": {}, "sessions": {}}


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))
    monkeypatch.setattr(progress, "_said", set())


def deny(monkeypatch, operation, on="progress.json"):
    """The disk refuses an operation of Path on one file, as it would for want of permission."""
    real = getattr(Path, operation)

    def refused(path, *args, **kwargs):
        if path.name.startswith(on):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, operation, refused)


def test_of_four_notebooks_at_once_every_pass_is_kept():
    script = "import sys; from utils import progress\n"
    script += "for i in range(15): progress.record(sys.argv[1], f'exercise_{i}')"
    command = [sys.executable, "-c", script]
    running = [subprocess.Popen([*command, f"lesson_{k}"], cwd=ROOT) for k in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert len(progress.passed()) == 60


def test_a_notebook_that_holds_the_record_for_good_stops_nobody(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    with progress._locked():
        progress.record("rlhf", "bradley_terry_loss")
    assert "could not be saved: another notebook" in capsys.readouterr().out
    progress.record("rlhf", "bradley_terry_loss")
    assert "rlhf/bradley_terry_loss" in progress.passed()


def test_a_kernel_that_was_killed_holds_nothing():
    script = "import os; from utils import progress\n"
    script += "with progress._locked(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT)
    assert progress.update(lambda whole: None)


def test_a_disk_without_locks_is_written_all_the_same(monkeypatch):
    def no_locks(number, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(progress.fcntl, "flock", no_locks)
    progress.record("rlhf", "bradley_terry_loss")
    assert "rlhf/bradley_terry_loss" in progress.passed()


def test_on_windows_its_own_lock_is_taken(monkeypatch, capsys):
    answers = [OSError(errno.EACCES, "locked"), None]

    def locking(number, kind, length):
        if answer := answers.pop(0) if answers else None:
            raise answer

    windows = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
    monkeypatch.setattr(progress, "msvcrt", windows, raising=False)
    monkeypatch.setattr(progress, "fcntl", None)
    assert progress.update(lambda whole: None)
    assert answers == [] and capsys.readouterr().out == ""


def test_a_file_that_cannot_be_read_is_left_as_it_is(monkeypatch, capsys):
    progress.record("rlhf", "bradley_terry_loss")
    before = progress.record_path().read_bytes()
    with monkeypatch.context() as patch:
        deny(patch, "read_text")
        assert progress.read() == EMPTY and progress.read() == EMPTY
        said = capsys.readouterr().out
        assert "permission denied" in said and len(said.splitlines()) == 1
        progress.record("dpo", "dpo_loss")
        assert "could not be saved: permission denied" in capsys.readouterr().out
    assert progress.record_path().read_bytes() == before
    assert [*progress.passed()] == ["rlhf/bradley_terry_loss"]


def test_a_folder_in_the_place_of_the_file_raises_nothing(capsys):
    progress.record_path().mkdir()
    assert progress.read() == EMPTY
    assert not progress.update(lambda whole: None)
    assert "could not be saved" in capsys.readouterr().out and progress.record_path().is_dir()


@pytest.mark.parametrize("damaged", ["", "[" * 100_000, "\udcff", '{"passed": {"a/b": 3}}'])
def test_a_damaged_file_on_a_disk_that_takes_nothing_stays_and_raises_nothing(
    damaged, monkeypatch, capsys
):
    path = progress.record_path()
    path.write_bytes(damaged.encode("utf-8", "surrogateescape"))
    before = path.read_bytes()
    deny(monkeypatch, "replace")
    for file in ("progress.lock", "progress.new"):
        deny(monkeypatch, "open", on=file)
    assert progress.read() == EMPTY and progress.read() == EMPTY
    progress.record("rlhf", "bradley_terry_loss")
    said = capsys.readouterr().out.splitlines()
    assert progress.DAMAGED in said[0] and "could not be saved" in said[1] and len(said) == 2
    monkeypatch.undo()
    assert path.read_bytes() == before


def test_a_damaged_file_is_set_aside_and_the_pass_is_kept(capsys, tmp_path):
    progress.record_path().write_text('{"passed"')
    progress.record("rlhf", "bradley_terry_loss")
    assert [p.read_text() for p in tmp_path.glob("*damaged*")] == ['{"passed"']
    assert "rlhf/bradley_terry_loss" in progress.passed()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_home_that_cannot_be_written_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", "/dev/null/home")
    progress.record("rlhf", "bradley_terry_loss")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and "could not be saved" in said[-1], said


def test_a_disk_that_fills_up_while_writing_keeps_the_old_record(monkeypatch, tmp_path):
    progress.record("rlhf", "bradley_terry_loss")

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(progress.os, "fsync", full)
    progress.record("dpo", "dpo_loss")
    monkeypatch.undo()
    monkeypatch.setenv("ALIGNMENT_IN_MINIATURE_HOME", str(tmp_path))
    assert [*progress.passed()] == ["rlhf/bradley_terry_loss"]
    assert not [*tmp_path.glob("*.new*")], "half a file was left behind"


def test_what_a_newer_course_notes_is_kept():
    progress.record_path().write_text('{"passed": {}, "badges": {"gold": 1}}')
    progress.record("rlhf", "bradley_terry_loss")
    assert json.loads(progress.record_path().read_text())["badges"] == {"gold": 1}


def test_a_session_is_taken_up_by_its_own_length_not_by_a_new_draws(capsys):
    """A mock interview drawn when fewer lessons existed may be longer than what is drawn now."""
    request = "session('superposition', None, 2)"
    prompts = [f"superposition/{kind}" for kind in ("Derive", "Code", "Flaw")]
    begun = practice.time.time()
    state = {"prompts": prompts, "at": 2, "begun": begun, "answers": [{} for _ in prompts]}
    assert progress.update(lambda whole: whole["sessions"].update({request: state}))
    session = practice.session("superposition", n=2)
    assert "prompt 3 of 3 is next" in capsys.readouterr().out
    assert len(session.prompts) == 3


LOOP = """\
import os, sys, time
os.environ.pop("TQDM_DISABLE", None)
sys.path.insert(0, {root!r})
from utils import progress
for i in progress.track(range(3), "outer <i>"):
    for _ in progress.track(iter(range(100)), "inner"):
        time.sleep(0.003)
print("done")"""


def watch(source, folder):
    """Run a cell as a notebook; every state of its displays, and what it leaves behind."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}})
    shown, process = [], client.process_message

    def listen(message, *rest):
        if message["msg_type"] in ("display_data", "update_display_data"):
            shown.append(message["content"]["data"])
        return process(message, *rest)

    client.process_message = listen
    client.execute()
    return shown, notebook.cells[0].outputs


def test_a_bar_in_a_notebook_is_one_quiet_line_that_goes_away(tmp_path):
    shown, outputs = watch(LOOP.format(root=str(ROOT)), tmp_path)
    assert shown[0]["text/plain"] == "outer <i>: 0 of 3"
    assert "outer &lt;i&gt;" in shown[0]["text/html"] and "<progress" in shown[0]["text/html"]
    assert any("outer <i>: 1 of 3 · inner: " in data["text/plain"] for data in shown)
    # Beginnings and ends of the four bars, and five a second: 300 steps are not 300 messages.
    assert len(shown) < 8 + 5 * 10
    bar, printed = outputs
    assert bar["data"] == {"text/html": "", "text/plain": ""}
    assert printed["text"] == "done\n", "nothing on stderr, which is painted pink"


def test_a_run_that_is_left_early_takes_its_bar_along(tmp_path):
    source = LOOP.format(root=str(ROOT)).replace("time.sleep(0.003)", "break")
    _, (bar, _) = watch(source, tmp_path)
    assert bar["data"]["text/html"] == ""


def test_in_builds_and_tests_there_is_no_bar(tmp_path):
    source = LOOP.format(root=str(ROOT)).replace("os.environ.pop", "os.environ.get")
    shown, outputs = watch(source, tmp_path)
    assert shown == [] and [o["name"] for o in outputs] == ["stdout"]


def test_on_a_terminal_it_is_plain_and_goes_to_stderr():
    env = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"}
    ran = subprocess.run(
        [sys.executable, "-c", LOOP.format(root=str(ROOT))],
        cwd=ROOT, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.stdout == "done\n" and "outer" in ran.stderr
