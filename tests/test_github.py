"""What the workflows ask of GitHub: a release of the right version, one issue and not two."""

import json
import re

import pytest

from tools import github
from utils.syllabus import ROOT


@pytest.fixture
def asked(monkeypatch):
    """What gh is asked, and what it is to answer to a list of issues."""
    asked, answer = [], []

    def gh(*arguments):
        asked.append(arguments)
        return json.dumps(answer)

    monkeypatch.setattr(github, "gh", gh)
    return asked, answer


def test_a_broken_week_opens_one_issue_and_writes_the_next_run_there(asked):
    said, open_issues = asked
    open_issues.append({"number": 3, "title": "another"})
    github.broken("run 1")
    assert said[-1] == ("issue", "create", "--title", github.BROKEN, "--body", "run 1")
    open_issues.append({"number": 7, "title": github.BROKEN})
    github.broken("run 2")
    assert said[-1] == ("issue", "comment", "7", "--body", "run 2") and len(said) == 4


def test_a_release_has_the_version_of_the_project_and_its_changes(asked, monkeypatch, tmp_path):
    said, _ = asked
    monkeypatch.setattr(github, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## 0.2.0\n\n- new\n\n## 0.1.0\n\n- old\n")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "course.tar.gz").touch()
    github.release("v0.2.0")
    ((*_, what, bundle, _, _, text),) = said
    assert (what, text) == ("v0.2.0", "- new") and bundle.endswith("course.tar.gz")
    with pytest.raises(
        SystemExit, match=r"tag is 'v0\.3\.0', and pyproject\.toml's version 0\.2\.0"
    ):
        github.release("v0.3.0")
    (tmp_path / "CHANGELOG.md").write_text("## 0.2.0, not released yet\n")
    with pytest.raises(SystemExit, match=r"no heading `## 0\.2\.0`"):
        github.release("v0.2.0")


def test_the_workflows_call_make_alone():
    steps = [s for p in ROOT.glob(".github/workflows/*.yml") for s in commands(p)]
    assert len(steps) > 8 and all(step.startswith("make ") for step in steps)


def commands(path):
    return re.findall(r"run: (.*)", path.read_text(encoding="utf-8"))
