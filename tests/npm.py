"""Tools for tests that come from npm: pip has them older, or not at all."""

import shutil
import subprocess
from pathlib import Path

import pytest


def package(name: str, folder: Path) -> Path:
    """Unpack a package, axe-core@4.14.1 say, into a folder; the test is skipped without it."""
    command = [shutil.which("npm") or "npm", "pack", "--silent", name]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"{name} needs npm and a network to come from")
    (archive,) = folder.glob("*.tgz")
    shutil.unpack_archive(archive, folder)
    return folder / "package"
