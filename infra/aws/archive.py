"""Archives that are the same bytes whenever they are made of the same files, with bytecode that holds in Lambda.

Lambda unpacks an archive where it cannot write, so what is not compiled in it is compiled at each cold start. Bytecode
that says "unchecked" is believed without a look at its source, whose time a zip does not keep to the second.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

# A zip has no time zone and begins in 1980: no other time is the same everywhere.
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
READABLE: Final = 0o100644 << 16
DIRECTORY = "__pycache__"
_UNCHECKED: Final = 0b01


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    """Unpack what is wanted of an archive; bytecode never is."""
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if not name.endswith("/") and DIRECTORY not in name.split("/") and wanted(name):
                opened.extract(name, folder)


def compile_below(folder: Path, seen_as: str) -> None:
    """Compile every module; tracebacks will say that it lies below `seen_as`, where Lambda has it."""
    # A process of its own, always started alike: what marshal writes depends on which strings are shared.
    command = (sys.executable, "-s", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash")
    places = ("-s", str(folder), "-p", seen_as, str(folder))
    environ = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    # One that cannot be compiled, a template of another language say, is left as it is.
    subprocess.run((*command, *places), env=environ, capture_output=True, check=False)  # noqa: S603 - our own constants


def pack(folder: Path, archive: Path) -> None:
    """Make the archive of all files below a folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = READABLE
            opened.writestr(entry, (folder / name).read_bytes(), compresslevel=9)


def is_unchecked(bytecode: bytes) -> bool:
    """Tell whether bytecode is believed without a look at its source (PEP 552)."""
    return int.from_bytes(bytecode[4:8], "little") == _UNCHECKED
