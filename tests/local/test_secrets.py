from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.core.errors import ContractError
from chalicelib.core.secret import Secret
from chalicelib.local.secrets import FileSecrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


def test_nobody_else_may_read_the_file(path: Path) -> None:
    FileSecrets(path).put("hq", {"a": Secret("one")})
    assert mode(path) == 0o600


def test_no_file_is_ever_made_that_others_may_read(path: Path) -> None:
    # Of a process with no mask at all, every open is watched by the kernel's own answer.
    script = f"""
import os, pathlib
os.umask(0)
from chalicelib.core.secret import Secret
from chalicelib.local.secrets import FileSecrets
seen, real = [], os.open
def watched(*args, **kwargs):
    file = real(*args, **kwargs)
    seen.append(os.fstat(file).st_mode & 0o777)
    return file
os.open = watched
FileSecrets({str(path)!r}).put("hq", {{"a": Secret("one")}})
assert seen and set(seen) == {{0o600}}, seen
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
    assert mode(path) == 0o600


def test_a_file_that_others_may_read_is_shut_and_read(path: Path) -> None:
    FileSecrets(path).put("hq", {"a": Secret("one")})
    path.chmod(0o644)
    assert FileSecrets(path).get("hq")["a"].reveal() == "one"
    assert mode(path) == 0o600


def test_nothing_is_left_beside_the_file_but_its_lock(path: Path) -> None:
    secrets = FileSecrets(path)
    secrets.put("hq", {"a": Secret("one")})
    secrets.drop("hq")
    assert {each.name for each in path.parent.iterdir()} == {path.name, path.name + ".lock"}


def test_writers_at_once_do_not_lose_each_other(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: FileSecrets(path).put(f"src-{n}", {"a": Secret(str(n))}), range(40)))
    kept = FileSecrets(path)
    assert [kept.get(f"src-{n}")["a"].reveal() for n in range(40)] == [str(n) for n in range(40)]


@pytest.mark.parametrize("text", ["[]", '{"hq": 1}', '{"hq": {"a": 1}}'])
def test_a_file_of_another_shape_is_refused(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ContractError):
        FileSecrets(path).get("hq")
