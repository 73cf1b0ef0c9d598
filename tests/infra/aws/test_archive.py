"""The same files make the same bytes, and their bytecode is believed where Lambda unpacks it."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

from infra.aws import archive

MODULES = {
    "app.py": "NAME = 'app'\nCHOICES = frozenset({'one', 'two', 'three', 'four'})\n",
    "chalicelib/edge.py": "def answer(given):\n    return given in {'get', 'put', 'post', 'delete'}\n",
    "chalicelib/page.html": "<p>text</p>\n",
}
BYTECODE = f"chalicelib/__pycache__/edge.{sys.implementation.cache_tag}.pyc"


def made(folder: Path, files: Mapping[str, str], *, age_s: int = 0) -> bytes:
    """Archive these files as a package is archived, laid out anew in this order."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1_700_000_000 - age_s, 1_700_000_000 - age_s))
    archive.compile_below(folder, "/var/task")
    packed = folder.with_suffix(".zip")
    archive.pack(folder, packed)
    return packed.read_bytes()


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    other_way = dict(reversed(MODULES.items()))
    assert made(tmp_path / "one", MODULES) == made(tmp_path / "two", other_way, age_s=86_400)


def test_a_changed_file_makes_other_bytes(tmp_path: Path) -> None:
    assert made(tmp_path / "one", MODULES) != made(tmp_path / "two", MODULES | {"app.py": "NAME = 'other'\n"})


def test_every_module_is_compiled_to_be_believed_and_to_be_found_where_lambda_has_it(tmp_path: Path) -> None:
    made(tmp_path / "one", MODULES)
    with ZipFile(tmp_path / "one.zip") as opened:
        assert {name for name in opened.namelist() if name.endswith(".pyc")} == {
            BYTECODE,
            f"__pycache__/app.{sys.implementation.cache_tag}.pyc",
        }
        bytecode = opened.read(BYTECODE)
    assert archive.is_unchecked(bytecode)
    code = marshal.loads(bytecode[16:])  # noqa: S302 - we have just made it
    assert code.co_filename == "/var/task/chalicelib/edge.py"


def test_bytecode_is_loaded_though_its_source_has_another_time(tmp_path: Path) -> None:
    made(tmp_path / "one", MODULES)
    unpacked = tmp_path / "unpacked"
    with ZipFile(tmp_path / "one.zip") as opened:
        opened.extractall(unpacked)
    # A source that does not even parse: whoever looked at it would stumble.
    (unpacked / "app.py").write_text("this is no Python\n", encoding="utf-8")
    said = subprocess.run(
        (sys.executable, "-c", "import app; print(app.NAME)"), cwd=unpacked, capture_output=True, text=True, check=True
    )
    assert said.stdout == "app\n"


def test_bytecode_of_the_working_tree_is_left_behind(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "found.zip", "w") as opened:
        for name in ("app.py", "chalicelib/__pycache__/edge.cpython-310.pyc", "chalicelib/SelfTest/vectors.rsp"):
            opened.writestr(name, "")
    archive.unpack(tmp_path / "found.zip", tmp_path / "laid", lambda name: "SelfTest" not in name)
    assert [path.name for path in (tmp_path / "laid").rglob("*") if path.is_file()] == ["app.py"]


def test_what_is_in_an_archive_can_be_read_by_whoever_runs_it(tmp_path: Path) -> None:
    made(tmp_path / "one", MODULES)
    with ZipFile(tmp_path / "one.zip") as opened:
        assert {entry.external_attr >> 16 for entry in opened.infolist()} == {0o100644}
        assert {entry.date_time for entry in opened.infolist()} == {archive.EPOCH}
