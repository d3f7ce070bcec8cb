"""`make lab`: JupyterLab on the start lesson, on disks that take nothing too.

Where the home folder cannot be written, Jupyter ends in a traceback: it gets a temporary folder.
"""

import os
import sys
import tempfile
from pathlib import Path

from jupyterlab.labapp import main as jupyterlab

from utils.syllabus import ROOT

START = "/lab/tree/notebooks/00_start_here.ipynb"
# What Jupyter, IPython, Matplotlib and the course keep at home, and the setting that moves it.
KEPT_AT_HOME = {
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "JUPYTER_DATA_DIR": ".local/share/jupyter",
    "JUPYTER_RUNTIME_DIR": ".local/share/jupyter/runtime",
    "IPYTHONDIR": ".ipython",
    "MPLCONFIGDIR": ".config/matplotlib",
    "ALIGNMENT_IN_MINIATURE_HOME": ".local/share/alignment-in-miniature",
}


def writable(folder: Path) -> bool:
    """Whether a file can be made there; permissions alone say nothing of a read-only disk."""
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def prepare() -> list[str]:
    """Move what Jupyter keeps away from a home that cannot be written; what to tell the learner."""
    said = []
    home = Path.home()
    locked = {k: v for k, v in KEPT_AT_HOME.items() if not writable(home / v)}
    if locked:
        away = Path(tempfile.mkdtemp(prefix="alignment-in-miniature-"))
        for setting, folder in locked.items():
            os.environ.setdefault(setting, str(away / folder))
        said.append(
            f"{home / min(locked.values(), key=len)} cannot be written: settings or your record of "
            f"progress go to {away}, which may not outlive this machine's next start."
        )
    if not writable(ROOT / "notebooks"):
        said.append(
            f"{ROOT} cannot be written: everything runs, but what you type is not saved; copy the "
            "course to a folder of your own to keep it."
        )
    return said


def main() -> None:
    """Say what will not be kept, and open the course; what else is given goes to JupyterLab."""
    for sentence in prepare():
        print(sentence, flush=True)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url={START}"]
    jupyterlab([*arguments, *(["--allow-root"] if root else []), *sys.argv[1:]])


if __name__ == "__main__":
    main()
