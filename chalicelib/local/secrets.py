"""The secrets of all sources in one JSON file that only its owner may read."""

from __future__ import annotations

import fcntl
import json
import os
import secrets as random_text
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chalicelib.core.errors import ContractError
from chalicelib.core.secret import Secret

_OWNER_ONLY: Final = 0o600

Kept = dict[str, dict[str, str]]


class FileSecrets:
    """Reads the file each time: it is small, and another process may have written it."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def get(self, source: str) -> Mapping[str, Secret]:
        return {name: Secret(text) for name, text in self._read().get(source, {}).items()}

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        with self._alone():
            kept = self._read()
            if instead_of is not None and kept.get(source, {}) != _texts(instead_of):
                return False
            self._write({**kept, source: _texts(secrets)})
            return True

    def drop(self, source: str) -> None:
        with self._alone():
            kept = self._read()
            if kept.pop(source, None) is not None:
                self._write(kept)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers, threads and processes, out between reading and replacing."""
        lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR, _OWNER_ONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> Kept:
        try:
            file = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return {}
        with os.fdopen(file, encoding="utf-8") as opened:
            # A copy or an editor may have opened it to others; what it was open for is done, from here on it is shut.
            if stat.S_IMODE(os.fstat(file).st_mode) & 0o077:
                os.fchmod(file, _OWNER_ONLY)
            return _parse(opened.read())

    def _write(self, kept: Kept) -> None:
        draft = self._path.with_name(f"{self._path.name}.{random_text.token_hex(4)}")
        file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as opened:
                json.dump(kept, opened, ensure_ascii=False, indent=1)
                opened.flush()
                os.fsync(opened.fileno())
            draft.replace(self._path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _texts(secrets: Mapping[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in secrets.items()}


def _parse(text: str) -> Kept:
    sources: object = json.loads(text)
    if not isinstance(sources, dict):
        raise ContractError("internal error", kind="secrets file is not an object")
    for members in sources.values():
        if not isinstance(members, dict) or not all(isinstance(each, str) for each in members.values()):
            raise ContractError("internal error", kind="secrets file is not an object of texts")
    return sources
