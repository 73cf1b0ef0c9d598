"""Compile pyproject.toml into the lists of pinned versions, or check that they are what would be compiled.

The lists in the repository are where compiling starts from, so that a new release of something does not change them:
they change when pyproject.toml does, or with `--upgrade`.
"""

from __future__ import annotations

import argparse
import difflib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")

SOURCE = "pyproject.toml"
DEVELOPMENT = "requirements-dev.txt"
RUN_TIME = "requirements.txt"  # what Chalice packages: no chalice, no boto3, no rich

EMULATOR = "infra/rehearse/emulator.txt"
RUNTIME = "infra/rehearse/runtime.txt"  # what functions have in a rehearsal, besides their layer

COMPILE = (str(UV), "pip", "compile", "--quiet", "--universal", "--no-header", "--python-version", "3.11")
LISTS = {
    DEVELOPMENT: (SOURCE, "--generate-hashes", "--extra", "local", "--extra", "dev"),
    RUN_TIME: (SOURCE, "--no-annotate", "--constraint", DEVELOPMENT),
    EMULATOR: ("--generate-hashes", "--group", "emulator"),
    RUNTIME: ("--generate-hashes", "--group", "runtime", "--constraint", DEVELOPMENT),
}
# Those whose versions are taken from no other list.
_OWN = (DEVELOPMENT, EMULATOR)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.pins", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a list is out of date")
    parser.add_argument("--upgrade", action="store_true", help="take the newest releases")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in (SOURCE, *LISTS):
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, Path(folder) / name)
        problem = compile_in(Path(folder), upgrade=chosen.upgrade)
        if problem:
            print(problem, file=sys.stderr)
            return 1
        stale = [name for name in LISTS if (Path(folder) / name).read_text() != _kept(name)]
        for name in stale:
            print(_difference(name, _kept(name), (Path(folder) / name).read_text()))
            if not chosen.check:
                shutil.copy(Path(folder) / name, ROOT / name)
    if not stale:
        print(f"{', '.join(LISTS)} are what {SOURCE} compiles to")
    elif chosen.check:
        print(f"{', '.join(stale)}: not what {SOURCE} compiles to; `make pins` writes them", file=sys.stderr)
        return 1
    return 0


def compile_in(folder: Path, *, upgrade: bool) -> str:
    """Compile all lists there, starting from those that are there; return what went wrong, or nothing."""
    for name, options in LISTS.items():
        command = (*COMPILE, *options, *(("--upgrade",) if upgrade and name in _OWN else ()), "-o", name)
        # The command is made of the constants above.
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            return (
                f"{done.stderr.strip()}\n{name} could not be compiled: either the package registry cannot be reached "
                f"(uv reads UV_DEFAULT_INDEX, not the settings of pip), or {SOURCE} asks for what does not exist."
            )
    return ""


def _kept(name: str) -> str:
    return (ROOT / name).read_text() if (ROOT / name).exists() else ""


def _difference(name: str, old: str, new: str) -> str:
    before, after = f"{name} (kept)", f"{name} (compiled)"
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), before, after, n=1, lineterm="")
    # Hashes say nothing to a reader.
    return "\n".join(line for line in lines if "--hash=" not in line)


if __name__ == "__main__":
    sys.exit(main())
