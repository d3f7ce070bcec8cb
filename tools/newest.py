"""`make newest`: the newest libraries that pyproject.toml allows, in place of what is pinned."""

import subprocess
import sys
import tomllib

from tools.make_venv import CPU_INDEX
from utils.syllabus import ROOT


def wanted() -> list[str]:
    """What the course needs to run, to be built and to be tested, with its floors."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *extras["lab"], *extras["dev"], *extras["site"]]


def main() -> None:
    """Let pip raise everything; it says itself what it cannot have."""
    command = [sys.executable, "-m", "pip", "install", "--upgrade"]
    command += ["--upgrade-strategy", "eager", "--extra-index-url", CPU_INDEX, *wanted()]
    sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
