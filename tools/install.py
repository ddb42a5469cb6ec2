"""Install what the lessons need into .venv: ``python3 tools/install.py [REQUIREMENTS …]``.

``make`` runs it before everything else, with further files of requirements where it takes more
than the lessons do. It needs nothing but Python, and returns at once if all is there.

uv does the installing. Every package has the version of requirements.lock, and is refused if its
hash is another. Only torch's CPU build is not in the lock, since PyPI does not have it.

Old Pythons can parse this file, so that they can say that they are too old.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST, NEWEST = (3, 11), (3, 14)  # that torch has packages for
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE = 5  # seconds that the index above has to answer
GIGABYTES = {"cpu": 3, "cuda": 9}  # on disk
DRIVER = ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/nvidia-smi")


class InstallError(Exception):
    """A sentence for whoever ran this."""


def main(*more):
    """Bring .venv to what requirements.txt and more files ask for."""
    venv = Path(".venv")
    stamp = venv / "installed"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    written = stamp.read_text(encoding="utf-8") if stamp.exists() else ""
    *place, had_build, had_files, had_digest = written.splitlines() or [""] * 3
    whole = place == [str(ROOT), str(version_of(python))]  # not moved, its Python still there
    build = wish() or had_build or default_build()
    files = " ".join(sorted({"requirements.txt", *more, *had_files.split()}))
    wanted = [build, files, digest()]
    if whole and wanted == [had_build, had_files, had_digest]:
        return
    check_python(sys.version_info, sys.maxsize, platform.system(), platform.machine())
    check_disk(build)
    if stamp.exists():
        stamp.unlink()  # an interrupted installation is begun again
    whole = whole and build == had_build
    try:
        if not whole:
            make_venv(venv)
        fill(python, build, files.split())
    except InstallError:
        if whole:
            stamp.write_text(written, encoding="utf-8")  # it can still be used as it was
        raise
    lines = [str(ROOT), str(version_of(python)), *wanted]
    stamp.write_text("\n".join(lines), encoding="utf-8")
    print("Installed.", flush=True)


def digest():
    """What the installation depends on, as one word."""
    names = (*sorted(Path().glob("requirements*")), Path("pyproject.toml"))
    return hashlib.sha256(b"".join(name.read_bytes() for name in names)).hexdigest()


def wish():
    """The build of torch that AETUTOR_TORCH asks for, or None."""
    build = os.environ.get("AETUTOR_TORCH")
    if build and build not in GIGABYTES:
        raise InstallError(f"AETUTOR_TORCH must be cpu or cuda, got {build!r}.")
    return build


def default_build():
    """CUDA's where Linux has an NVIDIA driver; PyPI has no choice for other systems."""
    driver = shutil.which("nvidia-smi") or any(Path(file).exists() for file in DRIVER)
    return "cuda" if driver and platform.system() == "Linux" else "cpu"


def version_of(python):
    """Which Python an environment has, or None if it does not start."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.check_output([str(python), "-c", code]).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def check_python(version, largest, system, machine):
    """Raise an InstallError if torch has no packages for this Python on this machine."""
    here, oldest, newest = ("%d.%d" % one[:2] for one in (version, OLDEST, NEWEST))
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        minors = range(NEWEST[1], OLDEST[1] - 1, -1)
        others = [name for name in map("python3.{}".format, minors) if shutil.which(name)]
        advice = f": make lab PYTHON={others[0]}" if others else ""
        raise InstallError(
            f"Python {oldest} to {newest} is needed, and this is {here}{advice or '.'}"
        )
    if largest < 2**32:
        raise InstallError("PyTorch needs a 64-bit Python, and this one has 32 bits.")
    if (system, machine) == ("Darwin", "x86_64"):
        raise InstallError(
            "PyTorch no longer comes for Macs with an Intel processor. "
            "The lessons run in Colab and Binder: see README.md."
        )


def check_disk(build):
    """Raise an InstallError if the environment has no room here."""
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < GIGABYTES[build]:
        raise InstallError(
            f"The installation needs {GIGABYTES[build]} GB of disk, "
            f"and {free:.1f} GB are free in {ROOT}."
        )


def make_venv(venv):
    """Make an empty environment, in the place of an unfinished one."""
    ended = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if ended.returncode:
        said = ended.stdout.decode(errors="replace")
        if "ensurepip" in said or "No module named venv" in said:
            name = "python%d.%d-venv" % sys.version_info[:2]
            said = f"Python's venv module is missing here: sudo apt-get install {name}"
        raise InstallError(f"No environment could be made in .venv. {said.strip()}")


def fill(python, build, files):
    """Install what files of requirements name into an environment, and the package itself."""
    lock = Path("requirements.lock").read_text()
    for_uv = re.search(r"^uv==.*?(?=^\S|\Z)", lock, re.M | re.S).group()
    small = platform.system() != "Linux"  # where PyPI's torch has no CUDA
    # With pip: uv, and only where that fails the rest.
    install = [str(python), "-m", "pip", "--quiet", "--retries=1", "install"]
    if install_text(install, for_uv):
        install = [str(python), "-m", "uv", "pip", "install", "--python", str(python)]
        small = small or (build == "cpu" and install_cpu_torch(install, lock))
        say_size(small)
        locked = [f"--requirement={file}" for file in files]
        done = call([*install, *locked, "--constraint=requirements.lock"])
    else:
        print("uv cannot be had: pip installs all of the lock instead.", flush=True)
        say_size(small)
        done = install_text(install, lock.replace(for_uv, ""))
    # The package is built with the setuptools of the lock.
    if not (done and call([*install, "--no-deps", "--no-build-isolation", "--editable", "."])):
        raise InstallError(
            "The installation did not finish; the reason is above. "
            "Run the same command again: what was downloaded is kept."
        )


def install_text(install, requirements):
    """Install requirements given as text; return whether that worked."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(requirements)
        return call([*install, f"--requirement={file}"])


def call(command):
    """Run a command that prints what it does; return whether it succeeded."""
    return subprocess.call(command) == 0


def say_size(small):
    size = "some 450 MB" if small else "some 3.3 GB"
    print(f"Installing into .venv: a download of {size} in all, once.", flush=True)


def install_cpu_torch(install, lock):
    """Install torch's CPU build, if its index answers at once and has it; return whether so."""
    pins = [
        (name, re.search(rf"^{name}==([\w.]+)", lock, re.M).group(1) + "+cpu")
        for name in ("torch", "torchvision")
    ]
    if all(installed(name, version) for name, version in pins):
        return True
    host = CPU_INDEX.split("/")[2]
    if all(offers(name, version) for name, version in pins):
        print(f"No NVIDIA driver here: PyTorch's CPU build, from {host}.", flush=True)
        wheels = [f"{name}=={version}" for name, version in pins]
        if call([*install, "--no-deps", "--default-index", CPU_INDEX, *wheels]):
            return True
    print(f"PyTorch's CPU build cannot be had from {host} now: PyPI's instead.", flush=True)
    return False


def installed(name, version):
    """Whether .venv, on Linux, has this version."""
    return any(Path(".venv").glob(f"lib/python*/site-packages/{name}-{version}.dist-info"))


def offers(name, version):
    """Whether the index of CPU builds answers, and has a wheel for this Python and machine."""
    tag = "cp%d%d" % sys.version_info[:2]
    wheel = re.escape(f"{name}-{version}-{tag}-").replace(r"\+", r"(\+|%2B)")
    pages = []

    def ask():
        try:
            with urllib.request.urlopen(f"{CPU_INDEX}/{name}/", timeout=PATIENCE) as answer:
                pages.append(answer.read().decode())
        except (OSError, ValueError):
            pages.append("")

    thread = threading.Thread(target=ask, daemon=True)  # nothing else bounds a slow answer
    thread.start()
    thread.join(PATIENCE)
    return bool(pages) and bool(re.search(rf"{wheel}\S*{platform.machine()}\.whl", pages[0]))


def run():
    """Install in the project's folder; what goes wrong is said in a sentence."""
    os.chdir(str(ROOT))
    try:
        main(*sys.argv[1:])
    except InstallError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command begins again.")


if __name__ == "__main__":
    run()
