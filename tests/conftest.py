"""Small data sets that need no file, and a local web server that misbehaves on demand."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from aetutor import data, models, sources, standins, training


def _image_data(source, arrays, count):
    """The first ``count`` training and test images of a stand-in, split as the real data are."""
    arrays = {name: array[:count] for name, array in arrays.items()}
    images = sources.ordered(arrays)
    return data._image_data(source, images, "a test", source.class_names, is_standin=True)


@pytest.fixture(scope="session")
def digits():
    """180 training, 20 validation and 200 test images of digits, (1, 28, 28)."""
    return _image_data(sources.MNIST, standins.digits(), 200)


@pytest.fixture(scope="session")
def patches():
    """108 training, 12 validation and 120 test patches of photographs, (3, 32, 32)."""
    return _image_data(sources.CIFAR10, standins.patches(), 120)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """A GPU does not repeat itself to the last bit."""
    monkeypatch.setattr(training, "best_device", lambda: torch.device("cpu"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class Server:
    """Serves ``content`` on 127.0.0.1; the path of a request says how."""

    def __init__(self, content):
        self.content, self.requests, self.asked = content, [], threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                outer.asked.set()
                behaviour = self.path.strip("/").split("/")[0]
                getattr(outer, behaviour)(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def url(self, behaviour):
        return f"http://127.0.0.1:{self.http.server_port}/{behaviour}/file"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def _send(self, handler, content, status=200, length=None):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    def good(self, handler):
        self._send(handler, self.content)

    def late(self, handler):
        time.sleep(0.5)
        self._send(handler, self.content)

    def lies(self, handler):
        self._send(handler, b"x" * len(self.content))

    def longer(self, handler):
        self._send(handler, self.content + b"xyz")

    def page(self, handler):
        self._send(handler, b"<html>Please log in to the guest network</html>")

    def forbidden(self, handler):
        self._send(handler, b"", 403)

    def missing(self, handler):
        self._send(handler, b"", 404)

    def crowded(self, handler):
        self._send(handler, b"", 429)

    def unavailable(self, handler):
        self._send(handler, b"", 503)

    def cut(self, handler):
        self._send(handler, self.content[: len(self.content) // 2], length=len(self.content))

    def circle(self, handler):
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def stalls(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.content)))
        handler.end_headers()
        handler.wfile.write(self.content[:10])
        handler.wfile.flush()
        time.sleep(60)

    def trickles(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.content)))
        handler.end_headers()
        for byte in self.content:
            try:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
            except OSError:  # the client has had enough
                return
            time.sleep(0.05)

    def endless(self, handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(self.content)
        except OSError:
            return


@pytest.fixture
def serve():
    """``serve(content)`` starts a server; all are stopped at the end of the test."""
    servers = []

    def start(content):
        servers.append(Server(content))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def _interruptible(function, *arguments):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignores it
    try:
        function(*arguments)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)  # as shells report it


@pytest.fixture
def forked():
    """``forked(function, *arguments)`` runs it in another process, which inherits the servers.

    Its exit code is 0, or 130 if Ctrl-C ended it.
    """
    if sys.platform != "linux":
        pytest.skip("needs fork, to inherit the local servers")
    processes = []

    def start(function, *arguments):
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_interruptible, args=(function, *arguments))
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


@pytest.fixture
def read_only_folder():
    """``with read_only_folder() as folder:`` a folder that the one who runs this cannot write.

    With ``mode=0o000`` he cannot even look into it.
    """
    if sys.platform == "win32":
        pytest.skip("needs a Unix system")

    @contextmanager
    def entered(*files, mode=0o555):
        """These files, copied, are in it."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in files:
                (folder / file.name).write_bytes(file.read_bytes())
            folder.chmod(mode)
            root = os.geteuid() == 0
            try:
                if root:
                    os.seteuid(65534)  # root may write anywhere; nobody may not
            except OSError as error:
                pytest.skip(f"root cannot become another user here: {error}")
            try:
                yield folder
            finally:
                if root:
                    os.seteuid(0)
                folder.chmod(0o755)

    return entered


@pytest.fixture(params=["a limit for files", "a disk of its own"])
def no_room(request):
    """``with no_room(folder):`` what is written into the folder finds room for 20,000 bytes only.

    Either the system refuses longer files, or a full disk of that size is mounted there, where
    this user may do so. Not for the whole test: pytest reports before a fixture ends.
    """
    resource = pytest.importorskip("resource", reason="needs a Unix system")

    @contextmanager
    def limited(folder):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @contextmanager
    def mounted(folder):
        folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", "size=20k,mode=777", "tmpfs", str(folder)]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a disk cannot be mounted here: {error}")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    return limited if request.param == "a limit for files" else mounted


@pytest.fixture
def stop_after(monkeypatch):
    """``stop_after(n, error)`` raises an error in the n-th batch that is trained on."""

    def arrange(batches, error):
        forward, count = models.Autoencoder.forward, [0]

        def counted(self, images):
            if self.training:
                count[0] += 1
                if count[0] == batches:
                    raise error
            return forward(self, images)

        monkeypatch.setattr(models.Autoencoder, "forward", counted)
        return lambda: monkeypatch.setattr(models.Autoencoder, "forward", forward)

    return arrange
