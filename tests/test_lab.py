"""`make lab` on disks that take nothing, the bundle's wheels, and what docs/install.md promises."""

import os
import re
import tomllib
from pathlib import Path

from tools import bundle, lab, make_venv
from utils.syllabus import ROOT


def test_the_bundle_takes_the_small_build_too(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(bundle, "cpu_torch", lambda python: ["--index-url", "there", "torch==1"])
    monkeypatch.setattr(bundle, "run", lambda command, why: ran.append([str(c) for c in command]))
    bundle.collect_wheels(tmp_path)
    assert ran[0][-1] == "torch==1" and "--find-links" in ran[1]
    assert ran[0][ran[0].index("--wheel-dir") + 1] == ran[1][ran[1].index("--find-links") + 1]


def test_make_lab_on_a_home_that_takes_nothing_says_so_and_goes_on(monkeypatch):
    monkeypatch.setattr(lab.Path, "home", lambda: Path("/proc/none"))
    for setting in lab.KEPT_AT_HOME:
        monkeypatch.delenv(setting, raising=False)
    (said,) = lab.prepare()
    assert "cannot be written" in said
    for setting in lab.KEPT_AT_HOME:
        folder = Path(os.environ[setting])
        folder.mkdir(parents=True)  # which Jupyter does
    for setting in lab.KEPT_AT_HOME:  # not monkeypatch's: prepare set them
        del os.environ[setting]


def test_make_lab_in_a_course_that_takes_nothing_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(lab.Path, "home", lambda: tmp_path)
    assert lab.prepare() == []
    monkeypatch.setattr(lab, "ROOT", Path("/proc"))
    (said,) = lab.prepare()
    assert "is not saved" in said


def guide():
    return (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def test_the_guide_to_installing_names_the_floors():
    (line,) = re.findall(r"^pip install (.*)$", guide(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(line.replace('"', "").split()) == {*project["dependencies"], "jupyterlab"}


def test_the_guide_to_installing_gives_the_sizes_that_make_asks_for():
    rows = re.findall(r"^\| PyTorch.*\| ([\d.]+) GB \| ([\d.]+) GB \|$", guide(), re.MULTILINE)
    assert [(float(a), float(b)) for a, b in rows] == [*make_venv.SIZES.values()]


def test_the_guide_to_installing_explains_what_make_says():
    source = "".join((ROOT / name).read_text() for name in ("tools/make_venv.py", "Makefile"))
    told = re.findall(
        r"^\| ([^|`]+?) \| [^|]+ \|$", guide().split("messages mean")[1], re.MULTILINE
    )
    assert len(told) > 8
    for message in told:
        for part in message.removeprefix(".venv").split("…"):
            assert part.strip() in source.replace('"\n            "', ""), message
