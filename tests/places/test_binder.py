"""`make binder`: what environment.yml asks for can be had together, as far as pip can say.

pip resolves the pip section for Binder's system and Python, and installs nothing. What conda
brings (Python and torch) is left to conda: pip must not bring a second torch.
"""

import json
import subprocess
import sys

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from utils.syllabus import ROOT


def test_the_pip_section_resolves_for_binders_python_and_leaves_torch_to_conda(tmp_path):
    env = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (wanted,) = [d["pip"] for d in env["dependencies"] if isinstance(d, dict)]
    (python,) = [d for d in env["dependencies"] if str(d).startswith("python=")]
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--report", report, "--target", tmp_path / "nothing", "--only-binary", ":all:"]
    command += ["--python-version", python.removeprefix("python=")]
    for platform in ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64"):
        command += ["--platform", platform]
    ran = subprocess.run([*map(str, command), *wanted], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = {
        canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"]
        for item in json.loads(report.read_text())["install"]
    }
    assert "torch" not in found
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)])
