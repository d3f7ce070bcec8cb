"""What stands in notebooks/ and solutions/: fresh, run, light, readable everywhere."""

import itertools
import json
import re
import shutil
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from tools import build, instructors
from utils import syllabus
from utils.syllabus import ROOT

WANTED = [(entry, edition) for entry in syllabus.written() for edition in build.EDITIONS]
WANTED += [(SimpleNamespace(filename=build.PRACTICE_FILE), "notebooks")]
IDS = [f"{edition}/{entry.filename}" for entry, edition in WANTED]
every_notebook = pytest.mark.parametrize("entry, edition", WANTED, ids=IDS)


def stored(entry, edition):
    return nbformat.read(ROOT / edition / entry.filename, as_version=4)


def code_cells(entry, edition):
    return [c for c in stored(entry, edition).cells if c.cell_type == "code"]


def figures(entry, edition):
    outputs = [o for c in code_cells(entry, edition) for o in c.outputs]
    return [o for o in outputs if "image/png" in o.get("data", {})]


@every_notebook
def test_it_is_what_its_source_makes(entry, edition):
    practice = entry.filename == build.PRACTICE_FILE
    wanted = build.compose_practice() if practice else build.compose(entry, edition)
    assert build.is_fresh(ROOT / edition / entry.filename, wanted), "run `make build`"


def test_there_is_no_notebook_without_a_lesson():
    there = {str(p.relative_to(ROOT)) for e in build.EDITIONS for p in (ROOT / e).glob("*.ipynb")}
    assert there == set(IDS), "run `make build`"


def test_readme_is_what_the_sources_make():
    path = ROOT / "README.md"
    wanted = build.with_parts(path, build.readme_parts())
    assert path.read_text(encoding="utf-8") == wanted, "run `make build`"


def test_the_instructors_guide_is_what_the_sources_make():
    wanted = build.with_parts(instructors.GUIDE, instructors.parts())
    assert instructors.GUIDE.read_text(encoding="utf-8") == wanted, "run `make build`"


def test_a_change_in_a_lesson_makes_its_notebook_stale(tmp_path):
    entry, edition = WANTED[0]
    path = ROOT / edition / entry.filename
    wanted = build.compose(entry, edition)
    wanted.cells[-1].source += " "
    assert not build.is_fresh(path, wanted)
    wanted = build.compose(entry, edition)
    wanted.metadata["course"]["digest"] = "other"
    assert not build.is_fresh(path, wanted)
    assert not build.is_fresh(tmp_path / "absent.ipynb", wanted)


def test_an_edit_by_hand_is_kept_before_it_is_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    entry, edition = WANTED[0]
    path = tmp_path / entry.filename
    shutil.copy(ROOT / edition / entry.filename, path)
    build.set_aside_edits(path)
    assert not (tmp_path / ".edited").exists(), "an untouched notebook needs no copy"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-2].source = "mine"
    nbformat.write(notebook, path)
    build.set_aside_edits(path)
    assert "mine" in (tmp_path / ".edited" / entry.filename).read_text(encoding="utf-8")
    assert "kept as" in capsys.readouterr().out


@every_notebook
def test_every_cell_was_run_once_in_order_without_error(entry, edition):
    cells = code_cells(entry, edition)
    # nbval runs a cell without a count unchecked, so none may lack it.
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    assert not [o for c in cells for o in c.outputs if o.output_type == "error"]


@every_notebook
def test_it_renders_where_nothing_runs(entry, edition):
    path = ROOT / edition / entry.filename
    assert path.stat().st_size < 300_000
    text = path.read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget" not in text
    assert '"stderr"' not in text
    assert set(json.loads(text)["metadata"]) == {"course", "kernelspec", "language_info"}
    nbformat.validate(nbformat.reads(text, as_version=4))


@every_notebook
def test_every_figure_has_alt_text(entry, edition):
    for output in figures(entry, edition):
        assert len(output.metadata["image/png"]["alt"]) > 40


@every_notebook
def test_code_cells_are_short(entry, edition):
    for cell in code_cells(entry, edition)[1:]:
        lines = cell.source.splitlines()
        assert len(lines) <= 20, f"{cell.id}: {len(lines)} lines"
        assert max(map(len, lines)) <= 100, f"{cell.id}: a line over 100 characters"


@every_notebook
def test_the_setup_cell_is_the_same_everywhere(entry, edition):
    first = code_cells(entry, edition)[0]
    assert first.source == build.setup_cell()
    assert len(first.source.splitlines()) <= 6
    assert first.outputs == []


@every_notebook
def test_measured_numbers_lie_in_the_range_printed_beside_them(entry, edition):
    text = " ".join(o.get("text", "") for c in code_cells(entry, edition) for o in c.outputs)
    shown = re.findall(r"≈(\S+) \((\S+) to (\S+)\)", text)
    assert len(shown) == text.count("≈"), "a number behind ≈ without its range"
    for value, low, high in shown:
        assert float(low) <= float(value) <= float(high)


def test_the_editions_differ_only_in_exercises_rubrics_and_their_headers():
    for entry in syllabus.written():
        learner, filled = (build.compose(entry, edition) for edition in build.EDITIONS)
        assert len(learner.cells) == len(filled.cells)
        for i, (a, b) in enumerate(zip(learner.cells[1:], filled.cells[1:], strict=True), 1):
            if a.source != b.source and a.cell_type == "code":
                before = filled.cells[i - 1].metadata.get("tags", [])
                assert "exercise" in a.metadata.get("tags", []) or "exercise" in before


@pytest.mark.parametrize(
    "source, said",
    [
        ("```{code-cell} ipython3\n:tags: [exercise]\n\nnothing\n```", "no exercise 'nothing'"),
        ("```{code-cell} ipython3\n:tags: [source]\n\nnothing\n```", "has no 'nothing'"),
        ("[there](lesson:nowhere)", "no lesson 'nowhere'"),
    ],
)
def test_a_wrong_source_is_named(source, said, tmp_path, monkeypatch):
    entry = syllabus.entry("superposition")
    folder = tmp_path / "superposition"
    shutil.copytree(entry.folder, folder)
    (folder / "lesson.md").write_text(source, encoding="utf-8")
    monkeypatch.setattr(syllabus.Entry, "folder", property(lambda self: folder))
    with pytest.raises((build.BuildError, ValueError), match=said):
        build.compose(entry, "notebooks")


UNFINISHED = {  # what a learner's cell may hold while the rest of the lesson must run
    "sample_sparse_features": "def sample_sparse_features(n_samples, n_features:\n    return",
    "ToyModel": "class ToyModel(nn.Module):\n    def __init__(self):\n        raise KeyError",
    "importance_weighted_loss": "importance_weighted_loss = None",
    "interference": "def interference(W):\n    return W.no_such_thing",
    "feature_dimensionality": "def feature_dimensionality(W):\n    while True:\n        pass",
}


def test_a_lesson_runs_to_its_end_whatever_the_learner_writes():
    notebook = build.compose(syllabus.entry("superposition"), "notebooks")
    checks = {}
    for cell, following in itertools.pairwise(notebook.cells):
        if "exercise" in cell.metadata.get("tags", []):
            name = following.source.split(" = ")[0]
            cell.source, checks[name] = UNFINISHED[name], following
    assert set(checks) == set(UNFINISHED)
    NotebookClient(notebook, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    said = {name: cell.outputs[0]["text"] for name, cell in checks.items()}
    assert "not written yet" in said["sample_sparse_features"]  # the cell does not even parse
    assert "TypeError" in said["ToyModel"] and "line" not in said["ToyModel"]
    assert "not written yet" in said["importance_weighted_loss"]
    assert "no_such_thing" in said["interference"]
    assert "loop that never ends" in said["feature_dimensionality"]
    for cell in notebook.cells:
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
            assert not [o for o in cell.outputs if o.output_type == "error"], cell.source
