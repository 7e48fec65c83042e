"""A real S3 server on this machine for tests, and homes in it."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from servers import free_port, wait_until_answers

from pipeline.core.object_lake import CACHE_VARIABLE, ObjectLake

_KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}


@dataclass(frozen=True)
class Server:
    """An S3 server: where it listens, and its process."""

    address: str
    process: subprocess.Popen[bytes]


@contextmanager
def s3_server() -> Iterator[Server]:
    """A server with one bucket, `bucket`, and the environment that leads to it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    # Its own environment says that everything may be written: what is tested is what we do.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_answers(address, 60)
        made = urllib.request.Request(f"{address}/bucket", method="PUT")  # noqa: S310
        urllib.request.urlopen(made, timeout=30).close()  # noqa: S310
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**_KEYS, "AWS_ENDPOINT_URL": address}.items():
                patch.setenv(name, value)
            yield Server(address, server)
    finally:
        server.kill()
        server.wait()


def machine(url: str, cache: Path) -> ObjectLake:
    """The home as a machine sees it that has its own working copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(cache))
        return ObjectLake(url)


def upload(lake: ObjectLake, folder: Path, prefix: str) -> None:
    """Put all files of a folder of this machine into the store."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            obstore.put(lake.store, f"{prefix}/{path.relative_to(folder).as_posix()}", path)


@contextmanager
def requests_counted() -> Iterator[list[str]]:
    """What is asked of the store meanwhile, request by request; a listing counts once per 1,000 objects."""
    asked: list[str] = []
    real = {name: getattr(obstore, name) for name in ("get", "head", "put", "delete", "copy", "list_with_delimiter")}
    listed = obstore.list

    def noted(name: str):  # noqa: ANN202
        def call(store, *words, **settings):  # noqa: ANN001, ANN002, ANN003, ANN202
            asked.append(f"{name} {words[0] if words else settings}")
            return real[name](store, *words, **settings)

        return call

    def listing(store, **settings):  # noqa: ANN001, ANN003, ANN202
        for chunk in listed(store, **settings) or ():
            asked.append(f"list {settings.get('prefix')}")
            yield chunk

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(obstore, name, noted(name))
        patch.setattr(obstore, "list", listing)
        yield asked
