"""`make .venv` where something is missing, full, forbidden or not what it seems."""

import contextlib
import functools
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import types
import zipfile
from pathlib import Path

import pytest

from tools import make_venv
from utils.syllabus import ROOT


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course in a folder of its own, with a space in its path."""
    folder = tmp_path / "a course"
    folder.mkdir()
    shutil.copy(ROOT / "requirements.txt", folder)
    monkeypatch.setattr(make_venv, "ROOT", folder)
    for name, value in (("VENV", ".venv"), ("LOG", ".venv.log"), ("WHEELS", "wheels")):
        monkeypatch.setattr(make_venv, name, folder / value)
    monkeypatch.setattr(make_venv, "OURS", folder / ".venv" / "of-the-course")
    return folder


def run_main():
    """What make says when it stops."""
    with pytest.raises(SystemExit) as stopped:
        make_venv.main()
    said = str(stopped.value)
    assert said.startswith("make: ") and len(said.splitlines()) == 1
    return said


def pip_says(monkeypatch, text, code=1):
    """pip fails with these words, in an environment that is there already."""
    monkeypatch.setattr(make_venv, "make_environment", lambda: make_venv.VENV.mkdir())
    monkeypatch.setattr(make_venv, "cpu_torch", lambda python: [])
    monkeypatch.setattr(make_venv, "lacks_space", lambda kind: "")
    monkeypatch.setattr(make_venv, "pip_install", lambda arguments: (code, text))


@contextlib.contextmanager
def serve(folder, certificate=None):
    """A package index of our own on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@pytest.fixture
def alone(monkeypatch):
    """pip knows no index but the one it is given."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_linked_environment_is_refused_and_stays(course, tmp_path):
    mine = tmp_path / "mine"
    (mine / "lib").mkdir(parents=True)
    (mine / "installed").touch()
    (course / ".venv").symlink_to(mine)
    assert "is a link to" in run_main()
    assert (mine / "lib").exists() and (course / ".venv").is_symlink()


def test_an_environment_that_make_did_not_make_is_refused_and_stays(course):
    (course / ".venv" / "lib").mkdir(parents=True)
    assert "was not made by make" in run_main()
    assert (course / ".venv" / "lib").exists()
    make_venv.OURS.touch()
    assert make_venv.not_ours() == ""


@pytest.mark.parametrize("kind", ["colab", "parity"])
def test_make_clears_no_linked_environment_either(kind, tmp_path):
    for name in ("Makefile", "requirements.txt", "tests"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").touch()
    (tmp_path / f".venv-{kind}").symlink_to("mine")
    command = ["make", f".venv-{kind}/installed", f"PYTHON={sys.executable}"]
    command.append(f"COLAB_PYTHON={sys.executable}")
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode and "is a link" in ran.stdout and (tmp_path / "mine" / "kept").exists()


@pytest.mark.parametrize(
    "said, told",
    [
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate "
         "verify failed'))\nERROR: No matching distribution found for anyio==4", "PIP_CERT="),
        ("NewConnectionError: ...\nERROR: No matching distribution found for anyio==4", "network"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no torch==2.13.0 for this"),
        ("requires a different Python: 3.11.2 not in '>=3.12'", "a package needs >=3.12"),
        ("HINT: Windows Long Path support is not enabled", "too long for Windows"),
        ("ERROR: something new\nmore", "pip failed: ERROR: something new"),
    ],
)  # fmt: skip
def test_each_failure_of_pip_is_named_and_its_log_is_kept(said, told, course, monkeypatch):
    pip_says(monkeypatch, said)
    line = run_main()
    assert told in line and str(course / ".venv.log") in line
    assert (course / ".venv.log").read_text() == said
    assert not (course / ".venv").exists()


def test_an_untrusted_certificate_is_what_pip_itself_makes_of_it(alone, course, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate that nobody trusts")
    pem = tmp_path / "own.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = subprocess.run([*command, "-keyout", pem, "-out", tmp_path / "c.pem"], check=True)
    pem.write_text(pem.read_text() + (tmp_path / "c.pem").read_text())
    assert made.returncode == 0
    with serve(tmp_path, pem) as url:
        pip = [sys.executable, "-m", "pip", "install", "--retries", "0", "--index-url", url, "x"]
        ran = subprocess.run(pip, capture_output=True, text=True)
    assert "certificate of the package index is not trusted" in make_venv.explain(
        ran.stdout + ran.stderr, ran.returncode
    )


def test_nothing_that_answers_is_called_no_network(alone, course):
    pip = [sys.executable, "-m", "pip", "install", "--retries", "1", "x"]
    pip += ["--index-url", "http://127.0.0.1:9"]
    ran = subprocess.run(pip, capture_output=True, text=True)
    assert "no network" in make_venv.explain(ran.stdout + ran.stderr, ran.returncode)


def cpu_index(folder):
    """An index as PyTorch's own: one build for this Python, with +cpu in its version."""
    version = make_venv.pinned_torch().split("==")[1] + "+cpu"
    (folder / "torch").mkdir()
    name = f"torch-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / "torch" / name, "w") as wheel:
        info = f"torch-{version}.dist-info"
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    link = f'<a href="{name.replace("+", "%2B")}">{name}</a>'
    (folder / "torch" / "index.html").write_text(f"<!DOCTYPE html><html><body>{link}</body></html>")


@pytest.fixture
def linux_without_gpu(monkeypatch):
    monkeypatch.setattr(make_venv.platform, "system", lambda: "Linux")
    monkeypatch.setattr(make_venv.shutil, "which", lambda name: None)


def test_without_a_gpu_the_small_build_is_taken_where_it_can_be_had(
    alone, linux_without_gpu, tmp_path, monkeypatch
):
    cpu_index(tmp_path)
    with serve(tmp_path) as url:
        monkeypatch.setattr(make_venv, "CPU_INDEX", url)
        arguments = make_venv.cpu_torch(sys.executable)
        assert arguments[-1] == make_venv.pinned_torch() + "+cpu"
        target = ["--target", str(tmp_path / "there"), *arguments]
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *target], check=True)
    assert [*(tmp_path / "there").glob("torch-*+cpu.dist-info")]


def test_where_it_cannot_be_had_what_pip_finds_is_taken(
    alone, linux_without_gpu, tmp_path, monkeypatch
):
    monkeypatch.setattr(make_venv, "CPU_INDEX", "http://127.0.0.1:9")
    assert make_venv.cpu_torch(sys.executable) == []
    with serve(tmp_path) as url:  # an index that has no torch
        monkeypatch.setattr(make_venv, "CPU_INDEX", url)
        assert make_venv.cpu_torch(sys.executable) == []


def test_with_a_gpu_and_on_other_systems_nobody_asks(linux_without_gpu, monkeypatch):
    monkeypatch.setattr(make_venv.subprocess, "run", None)  # asking would raise
    monkeypatch.setattr(make_venv.platform, "system", lambda: "Darwin")
    assert make_venv.cpu_torch(sys.executable) == []
    monkeypatch.setattr(make_venv.platform, "system", lambda: "Linux")
    monkeypatch.setattr(make_venv.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert make_venv.cpu_torch(sys.executable) == []


def installing(monkeypatch, small, answers):
    """What pip is given in turn, where the small build can be had or not."""
    given = []

    def pip_install(arguments):
        given.append([str(a) for a in arguments])
        return answers.pop(0)

    monkeypatch.setattr(make_venv, "make_environment", lambda: make_venv.VENV.mkdir())
    monkeypatch.setattr(make_venv, "cpu_torch", lambda python: ["small"] if small else [])
    monkeypatch.setattr(make_venv, "pip_install", pip_install)
    monkeypatch.setattr(make_venv, "lacks_space", lambda kind: "")
    monkeypatch.setattr(make_venv, "unsuited", lambda: "")
    return given


def test_the_small_build_comes_first_and_if_it_fails_pip_goes_on(course, monkeypatch):
    given = installing(monkeypatch, True, [(1, "broke off\n"), (0, "all there\n"), (0, "")])
    make_venv.main()
    assert given[:2] == [["small"], ["-r", str(course / "requirements.txt")]]
    assert (course / ".venv" / "installed").exists() and not (course / ".venv.log").exists()


def test_with_wheels_beside_it_they_are_used_and_no_network(course, monkeypatch):
    given = installing(monkeypatch, True, [(0, ""), (0, "")])
    (course / "wheels").mkdir()
    make_venv.main()
    assert given[0][2:] == given[1][3:] == ["--no-index", "--find-links", str(course / "wheels")]


def test_wheels_for_another_python_are_called_that(course, monkeypatch):
    (course / "wheels").mkdir()
    pip_says(monkeypatch, "ERROR: No matching distribution found for numpy==2.4.6")
    assert "wheels in this bundle are for another Python" in run_main()


def disks(monkeypatch, one, two, same):
    """Two disks, of the course and of the temporary folder, with so many GB free."""
    temp = make_venv.tempfile.gettempdir()
    free = {str(make_venv.ROOT): one, temp: two}
    monkeypatch.setattr(
        make_venv.shutil, "disk_usage",
        lambda path: types.SimpleNamespace(free=1e9 * free[str(path)]),
    )  # fmt: skip
    device = {str(make_venv.ROOT): 1, temp: 1 if same else 2}
    real = os.stat
    monkeypatch.setattr(
        make_venv.os, "stat",
        lambda path, **kw: types.SimpleNamespace(st_dev=device[str(path)])
        if str(path) in device else real(path, **kw),
    )  # fmt: skip


@pytest.mark.parametrize(
    "one, two, same, kind, told",
    [
        (2.2, 1.1, False, "CPU", ""),
        (2.0, 99, False, "CPU", "2.1 GB are needed on the disk of"),
        (99, 0.9, False, "CPU", "TMPDIR=/path"),
        (3.0, 3.0, True, "CPU", "3.1 GB are needed on the disk of"),
        (3.2, 3.2, True, "CPU", ""),
        (6.0, 99, False, "GPU", "2.1 would do if https://download.pytorch.org/whl/cpu"),
        (99, 3.4, False, "GPU", "TMPDIR=/path"),
        (6.2, 3.6, False, "GPU", ""),
    ],
)
def test_each_disk_is_judged_by_itself(one, two, same, kind, told, course, monkeypatch):
    disks(monkeypatch, one, two, same)
    said = make_venv.lacks_space(kind)
    assert told in said and bool(told) is bool(said)


@pytest.mark.parametrize(
    "system, machine, version, mac, told",
    [
        ("Linux", "x86_64", (3, 10, 4), "", "needs 3.11 to 3.14"),
        ("Linux", "x86_64", (3, 15, 0), "", "needs 3.11 to 3.14"),
        ("Linux", "aarch64", (3, 14, 1), "", ""),
        ("Darwin", "x86_64", (3, 12, 1), "15.1", "Intel Macs any more. README's links to Colab"),
        ("Darwin", "arm64", (3, 12, 1), "13.6", "macOS 14 or newer. README's links to Colab"),
        ("Darwin", "arm64", (3, 12, 1), "26.0", ""),
        ("Windows", "ARM64", (3, 12, 1), "", "Windows on ARM. README's links to Colab"),
        ("Windows", "AMD64", (3, 12, 1), "", ""),
    ],
)
def test_a_machine_without_torch_is_told_so_plainly(
    system, machine, version, mac, told, monkeypatch
):
    monkeypatch.setattr(make_venv.platform, "system", lambda: system)
    monkeypatch.setattr(make_venv.platform, "machine", lambda: machine)
    monkeypatch.setattr(make_venv.platform, "mac_ver", lambda: (mac, ("", "", ""), machine))
    monkeypatch.setattr(make_venv.sys, "version_info", version)
    monkeypatch.setattr(make_venv, "_translated", lambda: False)
    said = make_venv.unsuited()
    assert told in said and bool(told) is bool(said)


def test_a_python_for_intel_on_apple_silicon_is_told_that(monkeypatch):
    monkeypatch.setattr(make_venv.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(make_venv.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(make_venv, "_translated", lambda: True)
    assert "install one for Apple silicon" in make_venv.unsuited()


def python_whose_venv(folder, says):
    """An interpreter whose `-m venv` fails with these words."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\necho "{says}"\nexit 1\n')
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    "says, told, missing",
    [
        ("created not successfully because ensurepip is not available.", "apt install", True),
        ("Error: [Errno 13] Permission denied: '.venv/bin'", "Permission denied", False),
        ("OSError: [Errno 28] No space left on device", "the disk is full", False),
    ],
)
def test_no_venv_module_is_said_only_when_that_is_so(
    says, told, missing, course, tmp_path, monkeypatch
):
    monkeypatch.setattr(make_venv.sys, "executable", python_whose_venv(tmp_path, says))
    line = run_main()
    assert told in line and ("no venv module" in line) is missing
    assert says in (course / ".venv.log").read_text()


def test_a_course_that_cannot_be_written_is_one_sentence(monkeypatch):
    monkeypatch.setattr(make_venv, "ROOT", Path("/proc"))
    for name in ("VENV", "OURS"):
        monkeypatch.setattr(make_venv, name, Path("/proc/.venv") / ("" if name == "VENV" else "x"))
    assert "copy the course to a folder of your own" in run_main()


def test_stopped_in_the_middle_it_begins_anew(course, monkeypatch):
    def interrupted():
        make_venv.VENV.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(make_venv, "make_environment", interrupted)
    assert "stopped" in run_main() and not (course / ".venv").exists()


def test_an_environment_is_made_where_the_path_has_a_space(course):
    make_venv.make_environment()
    command = [make_venv.python(make_venv.VENV), "-m", "pip", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0 and str(course) in ran.stdout
    assert make_venv.not_ours() == "", "what was half made can be cleared"


def test_on_windows_the_interpreter_is_in_scripts():
    assert make_venv.python(Path("v"), windows=True) == Path("v/Scripts/python.exe")
    command = ["make", "-n", "build", "OS=Windows_NT"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ".venv/Scripts/python.exe -m tools.build" in ran.stdout


def pythons(folder, versions):
    """Interpreters of these versions, as far as make asks for it, and nothing else on the path."""
    for name in ("make", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    for name, version in versions.items():
        check = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
        script = f"#!/bin/sh\nexec {sys.executable} -c '{check}' \"$2\"\n"
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    "versions, chosen",
    [
        ({"python3": (3, 13, 0)}, "python3"),
        ({"python3": (3, 15, 0), "python3.12": (3, 12, 0)}, "python3.12"),
        ({"python3": (3, 9, 2), "python3.14": (3, 14, 0)}, "python3.14"),
        ({"python3": (3, 10, 0), "python": (2, 7, 18)}, ""),
    ],
)
def test_make_takes_a_python_for_which_there_is_torch(versions, chosen, tmp_path):
    pythons(tmp_path, versions)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-real.txt"):
        (tmp_path / name).touch()
    ran = subprocess.run(
        ["make", "-n", ".venv/installed"], cwd=tmp_path, env={"PATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert f'"{chosen}" tools/make_venv.py' in ran.stdout
