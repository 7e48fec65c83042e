"""Servers that tests start on this machine."""

import socket
import time
import urllib.request


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_answers(url: str, seconds: float) -> None:
    """Return once the server answers; TimeoutError where it doesn't in so long."""
    until = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  # loopback
        except OSError:
            if time.monotonic() > until:
                raise TimeoutError(f"{url} doesn't answer after {seconds:.0f} s") from None
            time.sleep(0.1)
        else:
            return
