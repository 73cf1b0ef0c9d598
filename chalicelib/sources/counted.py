"""Connectors whose calls are counted when they are closed: those of talk, tests and look-ups, which no task counts.

A count that the store does not take is lost, and nobody's work with it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from chalicelib.core.budget import Cause
from chalicelib.core.errors import TransientError
from chalicelib.core.message import Delivery
from chalicelib.core.ports import Callback, Chat, Clock, Connector, Connectors, Meter
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form, Source
from chalicelib.core.task import Hint

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedConnectors:
    """The `Connectors` port around another."""

    connectors: Connectors
    meter: Meter
    clock: Clock

    def forms(self) -> Sequence[Form]:
        return self.connectors.forms()

    def form(self, kind: str) -> Form:
        return self.connectors.form(kind)

    def callback(self, kind: str, door: str) -> Callback:
        return self.connectors.callback(kind, door)

    def hints(self, source: Source, delivery: Delivery) -> Sequence[Hint]:
        return self.connectors.hints(source, delivery)

    def open(self, source: Source, secrets: Mapping[str, Secret] | None = None) -> Connector:
        opened = self.connectors.open(source, secrets)
        return cast("Connector", _Counted(opened, self, source.uid))  # it is one, but for what closing does

    def chat(self, source: Source) -> Chat:
        opened = self.connectors.chat(source)
        return cast("Chat", _Counted(opened, self, source.uid))  # it is one, but for what closing does

    def count(self, source: str, calls: Mapping[str, int]) -> None:
        if not calls:
            return
        try:
            self.meter.add(source, self.clock.now(), Cause.TALK, calls)
        except TransientError as error:
            log.warning("calls not counted", extra={"code": error.code, "calls": sum(calls.values())})


class _Counted:
    def __init__(self, opened: Connector | Chat, counts: CountedConnectors, source: str) -> None:
        self._opened, self._counts, self._source = opened, counts, source
        self._before = Counter(opened.calls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)

    def close(self) -> None:
        try:
            self._opened.close()
        finally:
            self._counts.count(self._source, Counter(self._opened.calls) - self._before)
