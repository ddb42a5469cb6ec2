import hashlib
import os
import signal
import socket
import time

import pytest

from aetutor import download
from aetutor.download import DownloadError, RemoteFile, fetch

CONTENT = bytes(range(256)) * 400


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(download, "STALL_TIMEOUT", 0.3)
    monkeypatch.setattr(download, "TRIAL_SECONDS", 0.3)
    monkeypatch.setattr(download, "SLOWEST_LAST", 1)  # a loaded machine is slow, too


def remote(server, *behaviours):
    digest = hashlib.sha256(CONTENT).hexdigest()
    return RemoteFile("file.bin", digest, len(CONTENT), tuple(map(server.url, behaviours)))


def test_the_first_good_host_serves_the_file(serve, tmp_path, capfd):
    server = serve(CONTENT)
    path, host = fetch(remote(server, "good", "lies"), tmp_path)
    assert path == tmp_path / "file.bin"
    assert path.read_bytes() == CONTENT
    assert host.startswith("127.0.0.1")
    assert server.requests == ["/good/file"]
    printed = capfd.readouterr()
    assert f"Downloading file.bin (102 kB) from {host}" in printed.out
    assert "/102k [" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("lies", "SHA-256 differs"),
        ("page", "SHA-256 differs"),
        ("forbidden", "answered 403"),
        ("missing", "answered 404"),
        ("crowded", "answered 429"),
        ("unavailable", "answered 503"),
        ("cut", "cut off in the middle"),
        ("circle", "redirects in a circle"),
        ("stalls", "sent nothing for 0.3 s"),
        ("trickles", "too slow"),
        ("endless", "more than the 102400 bytes"),
        ("longer", "more than the 102400 bytes"),
    ],
)
def test_a_bad_mirror_is_named_and_the_next_one_tried(
    serve, tmp_path, capsys, monkeypatch, behaviour, reason
):
    if behaviour == "trickles":
        monkeypatch.setattr(download, "STALL_TIMEOUT", 30)
    server = serve(CONTENT)
    path, _ = fetch(remote(server, behaviour, "good"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert reason in capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_all_hosts_failing_names_each_and_leaves_no_file(serve, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]  # nobody listens there a moment later
    live = remote(serve(CONTENT), "forbidden", "lies")
    urls = (f"http://127.0.0.1:{port}/file", *live.urls)
    both = RemoteFile("file.bin", live.sha256, live.size, urls)
    with pytest.raises(DownloadError, match=r"cannot be reached.*403.*SHA-256"):
        fetch(both, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_last_host_may_be_slow(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SLOWEST_MIRROR", 1e12)
    monkeypatch.setattr(download, "TRIAL_SECONDS", 0)
    server = serve(CONTENT)
    path, _ = fetch(remote(server, "late", "good"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_patience_with_the_last_host_has_an_end_too(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "STALL_TIMEOUT", 30)
    monkeypatch.setattr(download, "SLOWEST_LAST", 25_000)
    with pytest.raises(DownloadError, match="too slow"):
        fetch(remote(serve(CONTENT), "trickles"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_stops_at_once_and_leaves_no_file(serve, tmp_path, monkeypatch):
    def interrupted(self, received, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Downloader, "_judge", interrupted)
    server = serve(CONTENT)
    with pytest.raises(KeyboardInterrupt):
        fetch(remote(server, "good", "good"), tmp_path)
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_wait_for_a_host_that_stalls(serve, tmp_path, monkeypatch, forked):
    monkeypatch.setattr(download, "STALL_TIMEOUT", 60)
    server = serve(CONTENT)
    process = forked(fetch, remote(server, "stalls", "good"), tmp_path)
    assert server.asked.wait(timeout=30)
    time.sleep(0.2)  # it has its ten bytes, and waits for more
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=30)
    assert process.exitcode == 128 + signal.SIGINT
    assert server.requests == ["/stalls/file"]
    assert list(tmp_path.iterdir()) == []
