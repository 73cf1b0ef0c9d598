"""An AWS on this machine, for as long as a rehearsal lasts: ministack, as a child of this process.

It has an environment of its own, because it pins a botocore that Rollcall's cannot have. The functions have another
one, with boto3 and nothing else, as in Lambda: ministack looks for packages in its own environment before it looks in
a layer, so that one that is missing from the package would not be missed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from infra.aws.package import ROOT

HOME: Final = ROOT / "build" / "rehearse"
LISTS: Final = {name: Path(__file__).with_name(f"{name}.txt") for name in ("emulator", "runtime")}
REGION: Final = "us-east-1"
STARTS_WITHIN_S: Final = 60.0
ENDS_WITHIN_S: Final = 10.0
PAUSE_S: Final = 0.1

# ministack starts functions with its own interpreter; here with that of their own environment.
_START: Final = "import sys; sys.executable = sys.argv.pop(); from ministack.app import main; main()"
# What a child needs of this shell. No AWS_*, no ROLLCALL_*, no proxy: functions inherit what the emulator has.
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")


class UnprovenError(Exception):
    """Something was not as it should be; the text says what."""


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    command: str


def until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something that happens elsewhere; return how many seconds it took.

    Raises:
        UnprovenError: it did not happen.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise UnprovenError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(PAUSE_S)
    return time.monotonic() - began


def install(say: Callable[[str], None], home: Path = HOME, lists: Mapping[str, Path] = LISTS) -> Mapping[str, Path]:
    """Make both environments, unless they are what their lists say; return their interpreters.

    Raises:
        UnprovenError: a list could not be installed.
    """
    return {name: _environment(home / name, wanted, say) for name, wanted in lists.items()}


def _environment(folder: Path, wanted: Path, say: Callable[[str], None]) -> Path:
    python, stamp = folder / "bin" / "python", folder / ".installed"
    of = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == of:
        return python
    say(f"installing what {wanted.name} lists")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--python", python)
    done = subprocess.run(  # noqa: S603 - our own constants
        (*pip, "install", "--quiet", "--require-hashes", "-r", wanted), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UnprovenError(f"{wanted.name} cannot be installed: {done.stderr.strip()[-500:]}")
    stamp.write_text(of)
    return python


class Emulator:
    """Runs from `with` to its end; whatever ends that, no process stays.

    It evaluates IAM policies: functions have the rights of their roles, and no more.
    """

    def __init__(self, pythons: Mapping[str, Path]) -> None:
        self._pythons = pythons
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.log = HOME / "emulator.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client_environ(self) -> Mapping[str, str]:
        """What lets programs of AWS find it, and nothing else: neither another address nor anybody's credentials."""
        nowhere = str(HOME / "none")
        return {
            **{name: os.environ[name] for name in (*_INHERITED, "HOME", "TERM") if name in os.environ},
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def __enter__(self) -> Self:
        scratch = HOME / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        environ = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "0",
            "S3_DATA_DIR": str(scratch / "s3"),
            "STATE_DIR": str(scratch / "state"),
        }
        command = (self._pythons["emulator"], "-c", _START, self._pythons["runtime"])
        with self.log.open("wb") as log:
            # In a session of its own: Ctrl-C is for us, and we end it.
            self._process = subprocess.Popen(  # noqa: S603 - our own constants
                command, cwd=scratch, env=environ, stdout=log, stderr=log, start_new_session=True
            )
        try:
            until(self._answers, STARTS_WITHIN_S, f"the emulator; its log is {self.log.relative_to(ROOT)}")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the emulator and the functions that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        started = [each.pid for each in descendants(processes(), process.pid)]
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Functions end when they hear no more; one that is in the middle of something is not waited for.
        for each in descendants_of_nobody(processes(), started, HOME):
            kill(each.pid)

    def told(self) -> list[str]:
        """Read its own log."""
        return self.log.read_text(errors="replace").splitlines()

    def workers(self, function: str) -> list[int]:
        """List the processes that a function runs in."""
        assert self._process is not None  # noqa: S101 - asked between enter and end
        below = descendants(processes(), self._process.pid)
        return [each.pid for each in below if f"-{function}-" in each.command]

    def _answers(self) -> bool:
        assert self._process is not None  # noqa: S101 - just started
        if self._process.poll() is not None:
            raise UnprovenError(f"the emulator ended at once: {self.log.read_text(errors='replace')[-500:]}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def kill(pid: int) -> None:
    """End a process as Lambda ends one: without a word."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def descendants(found: Iterable[Process], of: int) -> list[Process]:
    """Pick the children of a process, theirs, and so on."""
    found = list(found)
    family, grown = {of}, True
    while grown:
        young = {each.pid for each in found if each.parent in family} - family
        family |= young
        grown = bool(young)
    return [each for each in found if each.pid in family and each.pid != of]


def descendants_of_nobody(found: Iterable[Process], started: Iterable[int], home: Path) -> list[Process]:
    """Pick of those once started the ones that still are what they were: a pid may have been given to another."""
    known = set(started)
    return [each for each in found if each.pid in known and str(home) in each.command]


def processes() -> Iterator[Process]:
    """List what runs on this machine, as far as it may be seen."""
    root = Path("/proc")
    if not (root / "self" / "stat").exists():
        yield from _listed()
        return
    for each in root.iterdir():
        if not each.name.isdigit():
            continue
        try:
            stat = (each / "stat").read_text(errors="replace")
            command = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        # "pid (name, with anything in it) state parent ..."
        yield Process(int(each.name), int(stat.rpartition(")")[2].split()[1]), command)


def _listed() -> Iterator[Process]:
    command = ("ps", "-A", "-ww", "-o", "pid=,ppid=,args=")
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - a constant
    for line in done.stdout.splitlines():
        pid, parent, args = line.split(None, 2)
        yield Process(int(pid), int(parent), args)
