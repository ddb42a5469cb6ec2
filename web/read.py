"""Serve the pages on this machine and open them: ``python -m web.read``, or ``make read``."""

import contextlib
import functools
import http.server
import webbrowser

from web.__main__ import SITE


def main():
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"The pages are at {address}; stop with Ctrl-C.")
        webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
