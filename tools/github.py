"""`make release` and `make broken`: what the workflows ask of GitHub, through its `gh`."""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib

from utils.syllabus import ROOT

BROKEN = "The newest libraries break the course"


def gh(*arguments: str) -> str:
    """What gh answers; where it refuses, its own words end this."""
    ran = subprocess.run(["gh", *arguments], cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"gh {' '.join(arguments[:2])}: {ran.stderr.strip()}")
    return ran.stdout


def notes(version: str) -> str:
    """What CHANGELOG.md says of a version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not found:
        sys.exit(f"make release: CHANGELOG.md has no heading `## {version}`")
    return found[1].strip()


def release(tag: str) -> None:
    """Make a release of a tag, with what is in dist/. The tag is pyproject.toml's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = project["version"]
    if tag != f"v{version}":
        sys.exit(f"make release: the tag is {tag!r}, and pyproject.toml's version {version}")
    bundles = sorted(map(str, (ROOT / "dist").glob("*")))
    gh("release", "create", tag, *bundles, "--verify-tag", "--notes", notes(version))


def broken(run: str) -> None:
    """Open an issue that names a failed run; where one is open, write it there."""
    listed = gh("issue", "list", "--state", "open", "--limit", "1000", "--json", "number,title")
    for issue in json.loads(listed):
        if issue["title"] == BROKEN:
            gh("issue", "comment", str(issue["number"]), "--body", run)
            return
    gh("issue", "create", "--title", BROKEN, "--body", run)


def main() -> None:
    """The tag and the run's address come from the environment, as the workflow sets them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["release", "broken"])
    if parser.parse_args().what == "release":
        release(os.environ.get("TAG", ""))
    else:
        broken(os.environ.get("RUN", "no address of a run was given"))


if __name__ == "__main__":
    main()
