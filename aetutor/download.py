"""Fetch a published file: mirrors in turn, its SHA-256 checked before anybody opens it."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError, ReadTimeoutError

CONNECT_TIMEOUT = 5  # seconds until a host must have answered
STALL_TIMEOUT = 15  # seconds without a byte, after which we give up on a host
TRIAL_SECONDS = 20  # a mirror shows its speed for this long before it is judged
CHUNK = 256 * 1024  # bytes read at a time, at most
SLOWEST_MIRROR = 250_000  # bytes per second; CIFAR-10 would take eleven minutes
SLOWEST_LAST = 25_000  # of the last host, which has nobody behind it; CIFAR-10: two hours

pooch.get_logger().setLevel("WARNING")  # fetch() says in its own words what it waits for


@dataclass(frozen=True)
class RemoteFile:
    """A file that several hosts serve.

    Attributes
    ----------
    name : str
        File name to store it under.
    sha256 : str
        Published hash of its bytes, in hexadecimal.
    size : int
        Its size in bytes.
    urls : tuple of str
        Where it is served, fastest mirror first, the original host last.
    """

    name: str
    sha256: str
    size: int
    urls: tuple[str, ...]


class DownloadError(OSError):
    """No host served the file; the message says what each of them did."""


def fetch(remote, folder):
    """Download a file into a folder, from the first host that serves the right bytes.

    The file appears under its name only when it is whole and its hash is right.

    Parameters
    ----------
    remote : RemoteFile
    folder : pathlib.Path

    Returns
    -------
    tuple of (pathlib.Path, str)
        The file, and the host it came from.

    Raises
    ------
    DownloadError
        If every host failed; the message names each with its reason.
    """
    failures = []
    for url in remote.urls:
        host = urlsplit(url).netloc
        print(f"Downloading {remote.name} ({_megabytes(remote.size)}) from {host}", flush=True)
        slowest = SLOWEST_LAST if url == remote.urls[-1] else SLOWEST_MIRROR
        try:
            path = pooch.retrieve(
                url,
                known_hash=f"sha256:{remote.sha256}",
                fname=remote.name,
                path=folder,
                downloader=_Downloader(remote.size, slowest),
            )
            return Path(path), host
        except (requests.RequestException, HTTPError, TimeoutError, ValueError) as error:
            failures.append(f"{host}: {_reason(error)}")
            print(f"  {failures[-1]}", flush=True)
    raise DownloadError(f"{remote.name} could not be downloaded. " + "; ".join(failures))


class _Downloader:
    """Downloads for pooch, and gives up on slow and on endless hosts."""

    def __init__(self, size, slowest):
        self.size, self.slowest = size, slowest

    def __call__(self, url, output_file, pooch_):
        timeout = (CONNECT_TIMEOUT, STALL_TIMEOUT)
        plain = {"Accept-Encoding": "identity"}
        start, received = time.monotonic(), 0
        with (
            requests.get(url, headers=plain, timeout=timeout, stream=True) as response,
            open(output_file, "wb") as file,
            tqdm(
                total=self.size, unit="B", unit_scale=True, leave=False, file=sys.stdout
            ) as progress,
        ):
            response.raise_for_status()
            # read1 returns what has come, so that a trickle is noticed, however thin.
            while chunk := response.raw.read1(CHUNK):
                file.write(chunk)
                progress.update(len(chunk))
                received += len(chunk)
                self._judge(received, time.monotonic() - start)

    def _judge(self, received, seconds):
        if received > self.size:
            raise ValueError(f"it sent more than the {self.size} bytes of the file")
        if seconds > TRIAL_SECONDS and received < seconds * self.slowest:
            rate = received / seconds / 1000
            raise TimeoutError(f"too slow, {rate:.1f} kB/s after {seconds:.0f} s")


def _megabytes(size):
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _reason(error):
    """What went wrong, in a few words that a reader without network knowledge understands."""
    if isinstance(error, requests.HTTPError):
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return f"no answer within {CONNECT_TIMEOUT} s"
    if isinstance(error, requests.TooManyRedirects):
        return "redirects in a circle"
    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return f"sent nothing for {STALL_TIMEOUT} s"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    if isinstance(error, HTTPError):
        return "cut off in the middle"
    if "hash" in str(error).lower():
        return "sent other bytes than the published ones (SHA-256 differs)"
    return str(error)
