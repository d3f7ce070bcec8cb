"""What stands in notebooks/ and solutions/: fresh, run, light, readable everywhere."""

import configparser
import itertools
import json
import re
import shutil
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tools import build, notebooks, sources
from tools.setup_cell import setup_cell
from utils import exercises, syllabus, whiteboard
from utils.syllabus import ROOT

WANTED = [(entry, edition) for entry in syllabus.written() for edition in notebooks.EDITIONS]
WANTED += [(SimpleNamespace(filename=notebooks.PRACTICE_FILE), "notebooks")]
IDS = [f"{edition}/{entry.filename}" for entry, edition in WANTED]
SANITIZE = configparser.ConfigParser()
SANITIZE.read(ROOT / "tests" / "nbval_sanitize.cfg", encoding="utf-8")
MEASURED = SANITIZE["measured"]["regex"]
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
    practice = entry.filename == notebooks.PRACTICE_FILE
    wanted = notebooks.compose_practice() if practice else notebooks.compose(entry, edition)
    assert notebooks.is_fresh(ROOT / edition / entry.filename, wanted), "run `make build`"


def test_there_is_no_notebook_without_a_lesson():
    there = {
        str(p.relative_to(ROOT)) for e in notebooks.EDITIONS for p in (ROOT / e).glob("*.ipynb")
    }
    assert there == set(IDS), "run `make build`"


@pytest.mark.parametrize("path", build.pages(), ids=lambda path: path.name)
def test_a_page_is_what_the_sources_make(path):
    assert path.read_text(encoding="utf-8") == build.pages()[path], "run `make build`"


def test_a_change_in_a_lesson_makes_its_notebook_stale(tmp_path):
    entry, edition = WANTED[0]
    path = ROOT / edition / entry.filename
    wanted = notebooks.compose(entry, edition)
    wanted.cells[-1].source += " "
    assert not notebooks.is_fresh(path, wanted)
    wanted = notebooks.compose(entry, edition)
    wanted.metadata["course"]["digest"] = "other"
    assert not notebooks.is_fresh(path, wanted)
    assert not notebooks.is_fresh(tmp_path / "absent.ipynb", wanted)


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
    assert path.stat().st_size < 400_000
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
        if notebooks.is_exercise(cell):  # its docstring is what it asks for
            lines = re.sub(r'""".*?"""', "...", cell.source, flags=re.DOTALL).splitlines()
        assert len(lines) <= 20, f"{cell.id}: {len(lines)} lines"
        assert max(map(len, lines)) <= 100, f"{cell.id}: a line over 100 characters"


@every_notebook
def test_the_setup_cell_is_the_same_everywhere(entry, edition):
    first = code_cells(entry, edition)[0]
    assert first.source == setup_cell()
    assert len(first.source.splitlines()) <= 12
    assert first.outputs == []


@every_notebook
def test_measured_numbers_stand_without_their_ranges(entry, edition):
    text = " ".join(o.get("text", "") for c in code_cells(entry, edition) for o in c.outputs)
    assert not re.search(r"≈\S+ \(\S+ to ", text), "a range reads as a confidence interval"
    assert text.count("≈") == len(re.findall(MEASURED, text))


def said(cell):
    """What a cell's outputs say, without what differs between processors, and without pictures."""
    texts = [o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in cell.outputs]
    pictures = sum("image/png" in o.get("data", {}) for o in cell.outputs)
    return re.sub(MEASURED, "≈#", "\n".join(texts)), pictures


@pytest.mark.parametrize("entry", syllabus.written(), ids=lambda e: e.topic)
def test_the_solutions_say_what_the_learners_edition_says(entry):
    """Cell by cell, but for the checks: so running the learner's edition tests both."""
    learner, filled = (stored(entry, edition).cells for edition in notebooks.EDITIONS)
    for a, b in zip(learner, filled, strict=True):
        if a.cell_type == "code" and "check" not in a.metadata.get("tags", []):
            assert said(a) == said(b), a.id


@pytest.mark.parametrize("entry", syllabus.written(), ids=lambda e: e.topic)
def test_the_solutions_pass_their_checks_and_the_blanks_count_as_blank(entry):
    for edition, verdict in zip(notebooks.EDITIONS, ("not written yet", "correct"), strict=True):
        checks = [c for c in code_cells(entry, edition) if "check" in c.metadata.get("tags", [])]
        assert len(checks) == len(exercises.of(entry.topic))
        assert all(verdict in said(cell)[0] for cell in checks)


@every_notebook
def test_plumbing_is_collapsed(entry, edition):
    for cell in code_cells(entry, edition):
        plumbing = cell.source == setup_cell() or notebooks.is_plumbing(cell.source)
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) is plumbing, cell.id


def test_a_change_in_utils_makes_stale_the_lessons_that_import_it_and_no_other(monkeypatch):
    used = {
        e.topic: {p.relative_to(ROOT).as_posix() for p in sources.made_from(e, code_of(e))}
        for e in syllabus.written()
    }
    worlds = {t for t, files in used.items() if "utils/worlds/preferences.py" in files}
    assert worlds >= {"rlhf", "overoptimization", "dpo"}
    assert worlds.isdisjoint({"superposition", "induction_heads", "debate"})
    assert {t for t, files in used.items() if "utils/transformer.py" in files} >= {
        "induction_heads"
    }
    assert not any("utils/practice.py" in files for files in used.values())
    for topic, files in used.items():
        assert {"utils/notebook.py", "utils/plots.py", "utils/grading.py"} <= files
        assert f"lessons/{topic}/figures.py" in files
        assert {f"lessons/{topic}/checks/{ex.name}.py" for ex in exercises.of(topic)} <= files
        others = {t for t in used if t != topic and f"lessons/{t}/experiments.py" in files}
        assert not others, "a lesson imports another lesson's exercises alone"


def code_of(entry):
    """The code of a lesson's cells, as its digest sees it."""
    cells = notebooks.compose(entry, "notebooks").cells[2:]
    return "\n".join(
        c.source for c in cells if c.cell_type == "code" and not notebooks.is_exercise(c)
    )


def test_a_changed_file_changes_the_digest(monkeypatch):
    entry = syllabus.entry("superposition")
    before = sources.digest(entry, code_of(entry))
    assert sources.digest(entry, code_of(entry)) == before
    read = sources.contents
    monkeypatch.setattr(sources, "contents", lambda files: [*read(files), "a change"])
    assert sources.digest(entry, code_of(entry)) != before


def test_the_editions_differ_only_in_exercises_rubrics_and_their_headers():
    for entry in syllabus.written():
        learner, filled = (notebooks.compose(entry, edition) for edition in notebooks.EDITIONS)
        assert len(learner.cells) == len(filled.cells)
        for i, (a, b) in enumerate(zip(learner.cells[1:], filled.cells[1:], strict=True), 1):
            if a.source != b.source and a.cell_type == "code":
                before = filled.cells[i - 1].metadata.get("tags", [])
                assert "exercise" in a.metadata.get("tags", []) or "exercise" in before


@pytest.mark.parametrize("entry", syllabus.written(), ids=lambda e: e.topic)
def test_the_prompts_are_closed_and_their_rubrics_stand_beside_the_solutions(entry):
    for edition, parts in zip(notebooks.EDITIONS, (1, 2), strict=True):
        _, *cells = notebooks.whiteboard(entry, edition) or [None]
        assert len(cells) == len(whiteboard.of(entry.topic))
        for cell, prompt in zip(cells, whiteboard.of(entry.topic), strict=True):
            title, *closed = re.split(r"^<details>$", cell.source, flags=re.MULTILINE)
            assert re.fullmatch(rf"### {prompt.kind}.*\n\n", title) and len(closed) == parts
            assert (prompt.rubric[-1].text in cell.source) is (edition == "solutions")
            page = HTMLExporter(template_name="basic").from_notebook_node(
                nbformat.v4.new_notebook(cells=[cell])
            )[0]
            assert page.count("<details>") == page.count("</details>") == parts
            assert "<summary>Prompt</summary>\n<p>" in page or "\n<blockquote>" in page
            assert "```" not in page and "|---" not in page


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
    with pytest.raises((notebooks.BuildError, ValueError), match=said):
        notebooks.compose(entry, "notebooks")


UNFINISHED = {  # what a learner's cell may hold while the rest of the lesson must run
    "sample_sparse_features": "def sample_sparse_features(n_samples, n_features:\n    return",
    "ToyModel": "class ToyModel(nn.Module):\n    def __init__(self):\n        raise KeyError",
    "importance_weighted_loss": "importance_weighted_loss = None",
    "interference": "def interference(W):\n    return W.no_such_thing",
    "feature_dimensionality": "def feature_dimensionality(W):\n    while True:\n        pass",
}


def test_a_lesson_runs_to_its_end_whatever_the_learner_writes():
    notebook = notebooks.compose(syllabus.entry("superposition"), "notebooks")
    checks = {}
    for cell, following in itertools.pairwise(notebook.cells):
        if "exercise" in cell.metadata.get("tags", []):
            name = following.source.split(" = ")[0]
            cell.source, checks[name] = UNFINISHED[name], following
    assert set(checks) == set(UNFINISHED)
    sooner = nbformat.v4.new_code_cell("from utils import answers\nanswers.CPU_SECONDS = 2")
    notebook.cells.insert(2, sooner)  # below the set-up cell: a loop need not be watched for long
    NotebookClient(notebook, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    verdicts = {name: said(cell)[0] for name, cell in checks.items()}
    assert "not written yet" in verdicts["sample_sparse_features"]  # the cell does not even parse
    assert "TypeError" in verdicts["ToyModel"] and "line" not in verdicts["ToyModel"]
    assert "not written yet" in verdicts["importance_weighted_loss"]
    assert "no_such_thing" in verdicts["interference"]
    assert "loop that never ends" in verdicts["feature_dimensionality"]
    for cell in notebook.cells:
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
            assert not [o for o in cell.outputs if o.output_type == "error"], cell.source
