"""How long it takes from a fresh clone to a JupyterLab that answers, and what is downloaded.

    python3 benchmarks/install.py [FOLDER] [REVISION]

FOLDER is a git repository of these lessons (this one), REVISION what to check out of it. It is
cloned to a temporary folder, and `make lab` runs there twice, with empty caches and through a proxy
that counts bytes. Needs nothing but Python, git and make.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
received = [0]


class Proxy(BaseHTTPRequestHandler):
    """Passes encrypted connections on, and counts what comes back."""

    def do_CONNECT(self):
        host, port = self.path.split(":")
        try:
            server = socket.create_connection((host, int(port)), timeout=20)
        except OSError:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        threading.Thread(target=self.pass_on, args=(self.connection, server), daemon=True).start()
        self.pass_on(server, self.connection, count=True)

    def pass_on(self, source, target, count=False):
        try:
            while block := source.recv(1 << 16):
                target.sendall(block)
                received[0] += len(block) * count
        except OSError:
            pass
        finally:
            target.close()

    def log_message(self, *arguments):
        pass


def lab(folder, environment):
    """Seconds until `make lab` answers."""
    runtime = Path(environment["JUPYTER_RUNTIME_DIR"])
    start = time.monotonic()
    process = subprocess.Popen(["make", "lab"], cwd=folder, env=environment, start_new_session=True)
    try:
        while process.poll() is None:
            for file in runtime.glob("jpserver-*.json"):
                try:
                    server = json.loads(file.read_text())
                    url = f"{server['url']}api?token={server['token']}"
                    with urllib.request.urlopen(url, timeout=5):
                        return time.monotonic() - start
                except (OSError, ValueError):
                    pass
            time.sleep(0.1)
        raise RuntimeError("make lab ended before it answered")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        for file in runtime.glob("jpserver-*"):
            file.unlink()


def main(repository=ROOT, revision="HEAD"):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name) / "clone", Path(name) / "home"
        subprocess.run(["git", "clone", "--quiet", repository, folder], check=True)
        subprocess.run(["git", "checkout", "--quiet", revision], cwd=folder, check=True)
        (home / "config").mkdir(parents=True)
        settings = {"ServerApp": {"allow_root": True, "open_browser": False}}
        (home / "config" / "jupyter_server_config.json").write_text(json.dumps(settings))
        environment = os.environ | {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "PIP_NO_CACHE_DIR": "1",
            "UV_CACHE_DIR": str(home / "uv"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "127.0.0.1,localhost",
        }
        environment.pop("PYTHONPATH", None)
        for turn in ("first", "second"):
            received[0] = 0
            seconds = lab(folder, environment)
            print(f"{turn} make lab: {seconds:.1f} s, {received[0] / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
