"""tools/install.py, on a project of a few lines and from a local index of tiny wheels."""

import ast
import functools
import hashlib
import importlib.util
import os
import platform
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

uv = pytest.importorskip("uv", reason="the oldest and newest versions are installed without it")
ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tools" / "install.py"
PYTHON = "cp{}{}".format(*sys.version_info)
BACKEND = """
import pathlib, zipfile

def build_editable(folder, settings=None, metadata=None):
    with zipfile.ZipFile(pathlib.Path(folder) / "aetutor-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("aetutor.pth", str(pathlib.Path.cwd()))
        wheel.writestr("aetutor-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: aetutor\\nVersion: 1")
        wheel.writestr("aetutor-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any")
        wheel.writestr("aetutor-1.dist-info/RECORD", "")
    return "aetutor-1-py3-none-any.whl"
"""  # noqa: E501
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "aetutor"
version = "1"
"""

spec = importlib.util.spec_from_file_location("install", SCRIPT)
install = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install)


def make_wheel(index, name, version, *requires, tag="py3-none-any", main=""):
    """Write a wheel of a few lines into an index."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    contents = {
        f"{name}/__init__.py": f"version = {version!r}",
        f"{name}/__main__.py": main,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    (index / name).mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(index / name / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path, text in contents.items():
            wheel.writestr(path, text)


class Handler(SimpleHTTPRequestHandler):
    """Lists a folder as a package index does, after a while if there is a file named "slow"."""

    def do_GET(self):
        if (Path(self.directory) / "slow").exists():
            time.sleep(20)
        super().do_GET()

    def log_message(self, *arguments):
        pass


class Project:
    """A project to install, with two indexes: PyPI's part and that of the CPU builds."""

    def __init__(self, folder, venv):
        self.venv = venv
        self.folder, self.pypi, self.cpu = folder / "a project", folder / "pypi", folder / "cpu"
        self.servers = []
        real = f"import os, sys; os.execv({uv.find_uv_bin()!r}, ['uv', *sys.argv[1:]])"
        make_wheel(self.pypi, "uv", "9", main=real)
        make_wheel(self.pypi, "needed", "1")
        make_wheel(self.pypi, "cuda", "1")
        make_wheel(self.pypi, "tester", "1")
        make_wheel(self.pypi, "torch", "2", "needed", "cuda")
        make_wheel(self.pypi, "torchvision", "3", "torch==2")
        tag = f"{PYTHON}-{PYTHON}-manylinux_2_17_{platform.machine()}"
        make_wheel(self.cpu, "torch", "2+cpu", "needed", tag=tag)
        make_wheel(self.cpu, "torchvision", "3+cpu", "torch==2", tag=tag)
        (self.folder / "tools").mkdir(parents=True)
        (self.folder / "tools" / "install.py").write_bytes(SCRIPT.read_bytes())
        (self.folder / "requirements.txt").write_text("torch==2\ntorchvision==3\nuv==9\n")
        (self.folder / "requirements-test.txt").write_text("tester==1\n")
        (self.folder / "pyproject.toml").write_text(PROJECT)
        (self.folder / "backend.py").write_text(BACKEND)
        self.lock()
        self.cpu_url, self.pypi_url = self.serve(self.cpu), self.serve(self.pypi)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.pypi_url,
            "PIP_NO_CACHE_DIR": "1",
            "UV_DEFAULT_INDEX": self.pypi_url,
            "UV_CACHE_DIR": str(folder / "cache"),
        }
        for name in ("AETUTOR_TORCH", "PYTHONPATH", "VIRTUAL_ENV"):
            self.environment.pop(name, None)

    def lock(self):
        """Write requirements.lock for what PyPI's part of the index holds."""
        lines = []
        for wheel in sorted(self.pypi.glob("*/*.whl")):
            name, version = wheel.name.split("-")[:2]
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n    # via nobody\n")
        (self.folder / "requirements.lock").write_text("".join(lines))

    def serve(self, index):
        handler = functools.partial(Handler, directory=str(index))
        self.servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        self.servers[-1].daemon_threads = True
        threading.Thread(target=self.servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.servers[-1].server_port}"

    def command(self, *files, driver=False):
        """The script with the local index, on a machine with or without a driver."""
        code = (
            f"import sys; sys.path.insert(0, 'tools'); import install; sys.argv = {['', *files]}; "
            f"install.CPU_INDEX = {self.cpu_url!r}; install.PATIENCE = 2; "
            f"install.DRIVER = ({str(SCRIPT if driver else 'none')!r},); "
            "install.shutil.which = lambda name: None; "
            f"install.make_venv = lambda to: (install.shutil.rmtree(to, True), "
            f"install.shutil.copytree({self.venv!r}, to, True)); install.run()"
        )
        return [sys.executable, "-c", code]

    def install(self, *files, driver=False, **environment):
        """Run the script; return its exit status and what it has printed."""
        ended = subprocess.run(
            self.command(*files, driver=driver),
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return ended.returncode, ended.stdout

    def installed(self):
        """Name and version of each package in the environment."""
        infos = self.folder.glob(".venv/lib/python*/site-packages/*.dist-info")
        found = {info.name.removesuffix(".dist-info") for info in infos}
        return {name for name in found if not name.startswith(("pip-", "setuptools-"))}


CPU = {"aetutor-1", "needed-1", "torch-2+cpu", "torchvision-3+cpu", "uv-9"}
CUDA = {"aetutor-1", "cuda-1", "needed-1", "torch-2", "torchvision-3", "uv-9"}


@pytest.fixture(scope="module")
def empty_venv(tmp_path_factory):
    """An environment to copy, since making one takes seconds."""
    if sys.platform != "linux":
        pytest.skip("elsewhere PyPI has one build only")
    venv = tmp_path_factory.mktemp("empty") / "venv"
    install.make_venv(venv)
    return str(venv)


@pytest.fixture
def project(tmp_path, empty_venv):
    project = Project(tmp_path, empty_venv)
    yield project
    for server in project.servers:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_without_a_driver_it_is_the_cpu_build_and_a_second_run_does_nothing(project):
    status, said = project.install()
    assert (status, project.installed()) == (0, CPU), said
    assert "No NVIDIA driver here: PyTorch's CPU build" in said
    assert project.install() == (0, "")
    status, said = project.install("requirements-test.txt")
    assert (status, project.installed()) == (0, CPU | {"tester-1"}), said
    assert project.install() == project.install("requirements-test.txt") == (0, "")
    status, said = project.install(AETUTOR_TORCH="cuda")
    assert (status, project.installed()) == (0, CUDA | {"tester-1"}), said


@pytest.mark.slow
def test_with_a_driver_it_is_pypis_build_unless_asked_otherwise(project):
    status, said = project.install(driver=True)
    assert (status, project.installed()) == (0, CUDA), said
    assert "CPU build" not in said
    status, said = project.install(driver=True, AETUTOR_TORCH="cpu")
    assert (status, project.installed()) == (0, CPU), said
    assert project.install(driver=True, AETUTOR_TORCH="gpu") == (
        1,
        "AETUTOR_TORCH must be cpu or cuda, got 'gpu'.\n",
    )


def close(project):
    server = project.servers[0]
    server.shutdown()
    server.server_close()


def make_slow(project):
    (project.cpu / "slow").touch()


def offer_another_version(project):
    for wheel in (project.cpu / "torch").iterdir():
        wheel.rename(wheel.with_name(wheel.name.replace("2+cpu", "1+cpu")))


def offer_another_python(project):
    for wheel in (project.cpu / "torchvision").iterdir():
        wheel.rename(wheel.with_name(wheel.name.replace(PYTHON, "cp310")))


def offer_a_broken_wheel(project):
    for wheel in (project.cpu / "torch").iterdir():
        wheel.write_bytes(b"<html>Please log in</html>")


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [close, make_slow, offer_another_version, offer_another_python, offer_a_broken_wheel],
)
def test_where_the_cpu_build_cannot_be_had_it_is_pypis(project, spoil):
    spoil(project)
    status, said = project.install()
    assert (status, project.installed()) == (0, CUDA), said
    assert "PyTorch's CPU build cannot be had from 127.0.0.1" in said
    assert project.install() == (0, "")


@pytest.mark.slow
def test_an_altered_package_is_refused_by_name_and_the_next_try_works(project):
    wheel = next((project.pypi / "needed").iterdir())
    right = wheel.read_bytes()
    make_wheel(project.pypi, "needed", "1", main="import this")
    for altered, complaint in (
        (wheel.read_bytes(), "Hash mismatch for `needed==1`"),
        (right.replace(b"version = '1'", b"version = '7'"), "needed"),  # no longer a good ZIP
    ):
        wheel.write_bytes(altered)
        status, said = project.install()
        assert status == 1
        assert complaint in said
        assert "Run the same command again" in said
        assert "needed-1" not in project.installed()
    wheel.write_bytes(right)
    status, said = project.install()
    assert (status, project.installed()) == (0, CPU), said


@pytest.mark.slow
def test_an_altered_uv_is_refused_too_and_pip_does_the_rest(project):
    wheel = next((project.pypi / "uv").iterdir())
    wheel.write_bytes(wheel.read_bytes().replace(b"version = '9'", b"version = '7'"))
    status, said = project.install()
    assert "DO NOT MATCH THE HASHES" in said
    assert "uv==9" in said
    assert (status, project.installed()) == (0, CUDA - {"uv-9"} | {"tester-1"})


@pytest.mark.slow
def test_without_uv_pip_installs_the_lock(project):
    next((project.pypi / "uv").iterdir()).unlink()
    make_wheel(project.pypi, "uv", "9", tag="cp310-cp310-win_amd64")
    status, said = project.install()
    assert (status, project.installed()) == (0, CUDA - {"uv-9"} | {"tester-1"}), said
    assert "uv cannot be had: pip installs" in said


@pytest.mark.slow
def test_without_a_network_a_sentence_and_what_was_installed_can_still_be_used(project):
    assert project.install()[0] == 0
    requirements = project.folder / "requirements.txt"
    requirements.write_text(requirements.read_text() + "cuda==1\n")
    for server in project.servers:
        server.shutdown()
        server.server_close()
    project.environment["UV_HTTP_RETRIES"] = "0"
    status, said = project.install(UV_CACHE_DIR=str(project.folder / "empty"))
    assert status == 1
    assert "The installation did not finish; the reason is above." in said
    assert project.installed() == CPU
    requirements.write_text(requirements.read_text().removesuffix("cuda==1\n"))
    assert project.install() == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "seconds"), [(signal.SIGKILL, 0.5), (signal.SIGKILL, 2.5), (signal.SIGINT, 1.5)]
)
def test_an_interrupted_installation_is_begun_again(project, how, seconds):
    process = subprocess.Popen(
        project.command(),
        cwd=project.folder,
        env=project.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    time.sleep(seconds)
    os.killpg(process.pid, how)
    assert b"Traceback" not in process.communicate()[1]
    status, said = project.install()
    assert (status, project.installed()) == (0, CPU), said


@pytest.mark.slow
def test_an_environment_of_a_vanished_python_or_a_moved_folder_is_made_anew(project):
    assert project.install()[0] == 0
    python = project.folder / ".venv" / "bin" / "python"
    (python.parent / python.readlink().name).unlink()
    python.unlink(missing_ok=True)
    python.symlink_to("/usr/bin/python3.99")
    status, said = project.install()
    assert (status, project.installed()) == (0, CPU), said
    project.folder = project.folder.rename(project.folder.with_name("renamed"))
    status, said = project.install()
    assert (status, project.installed()) == (0, CPU), said
    pth = next(project.folder.glob(".venv/lib/python*/site-packages/aetutor.pth"))
    assert pth.read_text() == str(project.folder)


Usage = namedtuple("Usage", "free")


def test_a_python_that_torch_has_no_packages_for_is_named(monkeypatch):
    check = functools.partial(install.check_python, largest=2**63 - 1, system="Linux", machine="")
    check((3, 11, 0))
    check((3, 14, 9))
    monkeypatch.setattr(
        install.shutil, "which", lambda name: name if name == "python3.12" else None
    )
    with pytest.raises(
        install.InstallError, match=r"3\.11 to 3\.14 .* 3\.9: make lab PYTHON=python3\.12"
    ):
        check((3, 9, 2))
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    with pytest.raises(install.InstallError, match=r"3\.11 to 3\.14 .* this is 3\.15\.$"):
        check((3, 15, 0))


def test_machines_without_torch_are_told_so():
    with pytest.raises(install.InstallError, match="64-bit"):
        install.check_python((3, 13), 2**31 - 1, "Windows", "x86")
    with pytest.raises(install.InstallError, match="Intel"):
        install.check_python((3, 13), 2**63 - 1, "Darwin", "x86_64")
    install.check_python((3, 13), 2**63 - 1, "Darwin", "arm64")


def test_a_full_disk_is_noticed_before_anything_is_downloaded(monkeypatch):
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: Usage(2.5e9))
    with pytest.raises(install.InstallError, match=r"needs 3 GB of disk, and 2\.5 GB are free"):
        install.check_disk("cpu")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: Usage(4e9))
    install.check_disk("cpu")
    with pytest.raises(install.InstallError, match="needs 9 GB"):
        install.check_disk("cuda")


def test_debians_missing_venv_module_is_named(tmp_path, monkeypatch):
    (tmp_path / "venv.py").write_text("import sys; sys.exit('ensurepip is not available')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(install.InstallError, match=r"sudo apt-get install python3\.\d+-venv"):
        install.make_venv(tmp_path / ".venv")


def test_old_pythons_can_parse_it():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))
