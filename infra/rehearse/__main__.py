"""`make rehearse`: put the real package into an AWS of this machine, use it, break it, take it down; say what was seen.

Nothing leaves this machine but the installation of packages: no credentials are read, and no address of AWS is known.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.aws import package
from infra.aws.cloud import DeployError
from infra.lab.wire import LabError
from infra.rehearse import emulator, report
from infra.rehearse.acts import ACTS, Act, Where
from infra.rehearse.emulator import HOME, Emulator, UnprovenError
from infra.rehearse.report import Line
from infra.rehearse.scene import STAGE, Scene, labs

WIDTH_IN_A_PIPE = 160
# What an act may end with when something is not as it should be.
PROBLEMS = (
    UnprovenError,
    DeployError,
    ClientError,
    BotoCoreError,
    httpx.HTTPError,
    LabError,
    OSError,
    LookupError,
    ValueError,
)

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_A_PIPE)


def main() -> int:
    argparse.ArgumentParser(prog="make rehearse", description=__doc__).parse_args()
    # What is ended from outside ends its children, too; a shell lets what it starts in the background ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ended)
    began = time.monotonic()
    try:
        lines = _rehearsed()
    except KeyboardInterrupt:
        console.print("\ninterrupted; nothing is left running")
        return 1
    except UnprovenError as error:
        console.print(f"\n[bold red]{error}[/]")
        return 1
    console.print()
    console.print(report.unproved())
    console.print(report.proved(lines, [each.asked for each in ACTS[len(lines) :]]))
    good = len(lines) == len(ACTS) and all(each.proved for each in lines)
    seconds = time.monotonic() - began
    if good:
        console.print(f"[green]rehearsed: {len(lines)} of {len(ACTS)} proved in {seconds:.0f} s[/]")
    else:
        problem = f"the emulator's log is {(HOME / 'emulator.log').relative_to(package.ROOT)}"
        console.print(f"[bold red]the rehearsal failed after {seconds:.0f} s; {problem}[/]")
    return 0 if good else 1


def _rehearsed() -> Sequence[Line]:
    HOME.mkdir(parents=True, exist_ok=True)
    pythons = emulator.install(console.print)
    built = _built()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = stack.enter_context(Emulator(pythons))
        console.print(f"an AWS of its own runs at {running.url}")
        os.environ.clear()
        os.environ.update(running.client_environ)
        scene = Scene(emulator=running, built=built, folder=folder, **labs(stack.enter_context))
        return played(ACTS, scene)


def played(acts: Sequence[Act[Where]], scene: Where) -> Sequence[Line]:
    """Play acts until one fails: each builds on those before it."""
    lines: list[Line] = []
    for act in acts:
        line = _line(act, scene)
        lines.append(line)
        mark = "[green]yes[/]" if line.proved else "[bold red]NO [/]"
        console.print(f"{mark} {line.seconds:5.1f} s  {act.asked}")
        if not line.proved:
            break
    return lines


def _line(act: Act[Where], scene: Where) -> Line:
    began = time.monotonic()
    try:
        seen, proved = act.play(scene), True
    except PROBLEMS as error:
        seen, proved = f"{type(error).__name__}: {error}", False
    return Line(asked=act.asked, seen=seen, proved=proved, seconds=time.monotonic() - began)


def _built() -> Path:
    """Build the package for this machine's kind of functions."""
    out, architecture = HOME / "package", report.architecture()
    console.print(f"packaging for {architecture}")
    shutil.rmtree(out, ignore_errors=True)
    problem = package.build(STAGE, out, architecture)
    if problem:
        raise UnprovenError(problem)
    faults = list(package.faults(out, STAGE, package.pinned()))
    if faults:
        raise UnprovenError("the package has faults: " + "; ".join(faults))
    return out


def _ended(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
