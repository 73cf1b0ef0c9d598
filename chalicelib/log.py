"""Logs as JSON lines: a constant event, counts and ids, and the context that is bound around the work.

Never a name, an e-mail, a number, a body, a secret: values are short ids and numbers, and of an exception only its type
and place are written, because its text may quote what it choked on.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, TextIO

_BOUND: ContextVar[Mapping[str, str]] = ContextVar("bound", default={})  # noqa: B039 - never mutated
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
LONGEST_VALUE: Final = 100
# The name in `extra` of numbers that a deployment's alarms and dashboard look at.
METRICS: Final = "metrics"
NAMESPACE: Final = "Rollcall"


@contextmanager
def bound(**context: str) -> Iterator[None]:
    """Add these ids to every line that is logged inside."""
    token = _BOUND.set({**_BOUND.get(), **context})
    try:
        yield
    finally:
        _BOUND.reset(token)


def place(error: BaseException) -> str:
    """Say where an error arose, as file:line of its innermost frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"


class JsonLines(logging.Formatter):
    """With a `stage`, metrics are told to CloudWatch too, in its embedded metric format."""

    def __init__(self, stage: str = "") -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg)[:LONGEST_VALUE],
            **_BOUND.get(),
        }
        extras = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        metrics = dict(extras.pop(METRICS, {}))
        line |= {name: _plain(value) for name, value in (extras | metrics).items()}
        if metrics and self._stage:
            line |= {"Stage": self._stage, "_aws": _embedded(metrics, record.created)}
        if record.exc_info and record.exc_info[1]:
            line |= {"error": type(record.exc_info[1]).__name__, "place": place(record.exc_info[1])}
        return json.dumps(line, ensure_ascii=False)


def configure(level: str, stream: TextIO | None = None, *, stage: str = "") -> None:
    """Send Rollcall's log to `stream` (standard error by default). Other libraries stay silent below warning."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(stage))
    ours = logging.getLogger("chalicelib")
    ours.handlers = [handler]
    ours.propagate = False
    ours.setLevel(level)


def _embedded(metrics: Mapping[str, float], created: float) -> Mapping[str, object]:
    # One dimension, or each source would make metrics of its own, which AWS charges by the piece.
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Stage"]], "Metrics": [{"Name": name} for name in metrics]}
    return {"Timestamp": int(created * 1000), "CloudWatchMetrics": [directive]}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return str(value)[:LONGEST_VALUE]
