"""Ready-made faults: what goes wrong with vendors, one constructor each.

All take `At`'s fields as keywords: `endpoint` (a pattern), `nth` or `first`/`last` (matching calls, from 1), `chance`
with `seed`, and `where` (a condition on the call).
"""

from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

import httpx

from infra.lab.injection import Dialect, Edit, Effect, Fault, Faults, Instead, PageShape, Run, Wait, network_error
from infra.lab.wire import Answer, Call, JsonObject, LabError

__all__ = [
    "BY_NAME",
    "At",
    "Fault",
    "Faults",
    "connect_timeout",
    "cut_short",
    "drop_fields",
    "empty_list",
    "garbage_json",
    "has_more_lies",
    "html_page",
    "loop_cursor",
    "on_call",
    "replace",
    "reset",
    "server_error",
    "slow",
    "throttle",
    "timeout",
    "token_revoked",
]


class At(TypedDict, total=False):
    endpoint: str
    nth: int
    first: int
    last: int | None
    chance: float
    seed: int
    where: Callable[[Call], bool]


def throttle(
    *, status: int = 429, headers: bool = True, wait_s: float = 1.0, kind: str = "", **at: Unpack[At]
) -> Fault:
    """Say "too many calls" as the vendor does, though the limits are not reached.

    A vendor that tells nothing by status or headers ignores those; one with several kinds of limit names them.
    """

    def refuse(call: Call, dialect: Dialect) -> Answer:
        return dialect.throttle(call, status=status, headers=headers, wait_s=wait_s, kind=kind)

    return _fault("throttle", Instead(refuse), at)


def replace(
    *, status: int = 200, body: bytes = b"", content_type: str = "application/json; charset=utf-8", **at: Unpack[At]
) -> Fault:
    """Answer with exactly this, instead of the vendor's answer."""
    return _fault("replace", _canned(status, body, content_type), at)


def server_error(*, status: int = 502, **at: Unpack[At]) -> Fault:
    body = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return _fault("server_error", _canned(status, body.encode(), "text/html"), at)


def html_page(*, status: int = 200, **at: Unpack[At]) -> Fault:
    """Answer with a web page, as a captive portal or a blocking gateway does."""
    body = "<!DOCTYPE html><html><head><title>访问被拒绝</title></head><body>请稍后再试</body></html>"
    return _fault("html_page", _canned(status, body.encode(), "text/html; charset=utf-8"), at)


def garbage_json(**at: Unpack[At]) -> Fault:
    """Answer 200 with JSON that stops in the middle of a row."""
    return _fault("garbage_json", _canned(200, b'{"code":0,"data":{"items":[{"name":"\xe6', "application/json"), at)


def timeout(**at: Unpack[At]) -> Fault:
    return _fault("timeout", network_error(httpx.ReadTimeout, "the lab lets this call time out"), at)


def connect_timeout(**at: Unpack[At]) -> Fault:
    return _fault("connect_timeout", network_error(httpx.ConnectTimeout, "the lab does not let this call connect"), at)


def reset(**at: Unpack[At]) -> Fault:
    """Break the connection before an answer comes."""
    return _fault("reset", network_error(httpx.ReadError, "the lab reset the connection"), at)


def slow(seconds: float, **at: Unpack[At]) -> Fault:
    return _fault("slow", Wait(seconds), at)


def empty_list(*, absent: bool = True, **at: Unpack[At]) -> Fault:
    """Answer well, but with no rows and nothing more to come; `absent` leaves the list out altogether."""

    def empty(call: Call, document: JsonObject, shape: PageShape) -> None:
        if _rows(document, shape) is None:
            return
        if absent:
            _drop(document, shape.rows)
        else:
            _put(document, shape.rows, [])
        _end(document, shape)

    return _fault("empty_list", Edit(empty), at)


def cut_short(*, keep: float = 0.5, **at: Unpack[At]) -> Fault:
    """Lose the tail of a page, and say that this was all."""

    def cut(call: Call, document: JsonObject, shape: PageShape) -> None:
        rows = _rows(document, shape)
        if rows is not None:
            _put(document, shape.rows, rows[: int(len(rows) * keep)])
            _end(document, shape)

    return _fault("cut_short", Edit(cut), at)


def has_more_lies(*, says: bool = True, **at: Unpack[At]) -> Fault:
    """Say there is more where nothing is (then without a cursor), or that this is all where it is not."""

    def lie(call: Call, document: JsonObject, shape: PageShape) -> None:
        if _get(document, shape.has_more) is None:
            return
        if says:
            _put(document, shape.has_more, True)
        else:
            _end(document, shape)

    return _fault("has_more_lies", Edit(lie), at)


def loop_cursor(**at: Unpack[At]) -> Fault:
    """Hand back the cursor that was asked with: the second page leads to itself for ever."""

    def loop(call: Call, document: JsonObject, shape: PageShape) -> None:
        asked = call.param(shape.asked_cursor)
        if asked and _get(document, shape.has_more) is not None:
            _put(document, shape.has_more, True)
            _put(document, shape.cursor, asked)

    return _fault("loop_cursor", Edit(loop), at)


def drop_fields(names: Sequence[str], **at: Unpack[At]) -> Fault:
    """Leave fields out of every record, as a lost field permission does."""
    gone = frozenset(names)

    def drop(call: Call, document: JsonObject, shape: PageShape) -> None:
        _strip(document.get(shape.payload), gone)

    return _fault("drop_fields", Edit(drop), at)


def token_revoked(**at: Unpack[At]) -> Fault:
    """Kill every token right before the call."""
    return _fault("token_revoked", Run(lambda call, dialect: dialect.revoke_tokens(), after=False), at)


def on_call(action: Callable[[Call], object], *, after: bool = True, **at: Unpack[At]) -> Fault:
    """Run something when the call is answered (or before it is): change the company in the middle of a walk."""
    return _fault("on_call", Run(lambda call, dialect: action(call), after), at)


# By name, for the control interface; `on_call` is there too, spelt with a verb (see control.py).
BY_NAME: dict[str, Callable[..., Fault]] = {
    constructor.__name__: constructor
    for constructor in (
        throttle,
        replace,
        server_error,
        html_page,
        garbage_json,
        timeout,
        connect_timeout,
        reset,
        slow,
        empty_list,
        cut_short,
        has_more_lies,
        loop_cursor,
        drop_fields,
        token_revoked,
    )
}


def _fault(name: str, effect: Effect, at: At) -> Fault:
    if unknown := set(at) - set(At.__annotations__):
        raise LabError(f"unknown settings of a fault: {sorted(unknown)}")
    first, last = at.get("first", 1), at.get("last")
    if "nth" in at:
        first = last = at["nth"]
    return Fault(
        name=name,
        effect=effect,
        endpoint=at.get("endpoint", "*"),
        first=first,
        last=last,
        chance=at.get("chance", 1.0),
        seed=at.get("seed", 0),
        where=at.get("where"),
    )


def _canned(status: int, body: bytes, content_type: str) -> Instead:
    return Instead(lambda call, dialect: Answer(status, {"Content-Type": content_type}, body))


def _get(document: JsonObject, path: Sequence[str]) -> object:
    place: object = document
    for key in path:
        place = place.get(key) if isinstance(place, dict) else None
    return place


def _rows(document: JsonObject, shape: PageShape) -> list[object] | None:
    rows = _get(document, shape.rows)
    return rows if isinstance(rows, list) else None


def _put(document: JsonObject, path: Sequence[str], value: object) -> None:
    holder = _get(document, path[:-1])
    if isinstance(holder, dict):
        holder[path[-1]] = value


def _drop(document: JsonObject, path: Sequence[str]) -> None:
    holder = _get(document, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)


def _end(document: JsonObject, shape: PageShape) -> None:
    if _get(document, shape.has_more) is not None:
        _put(document, shape.has_more, False)
        _drop(document, shape.cursor)


def _strip(value: object, names: frozenset[str]) -> None:
    if isinstance(value, dict):
        for name in names:
            value.pop(name, None)
        for inner in value.values():
            _strip(inner, names)
    elif isinstance(value, list):
        for inner in value:
            _strip(inner, names)
