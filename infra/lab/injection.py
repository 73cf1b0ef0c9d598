"""Injected trouble: which calls, when, and what goes wrong.

Nothing here knows a vendor. What a vendor's throttle looks like and where its answers keep a list, a cursor and
"there is more" is told by its `Dialect`. A fault applies to calls that reached an endpoint, whether or not the vendor
would have answered them well. The ready-made faults are in `faults`.
"""

import json
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol, TypeAlias, assert_never

import httpx

from infra.lab.clock import LabClock
from infra.lab.wire import Answer, Call, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PageShape:
    """Where a vendor's answers keep things, as paths of keys; `asked_cursor` is the request's parameter."""

    rows: tuple[str, ...]
    has_more: tuple[str, ...]
    cursor: tuple[str, ...]
    asked_cursor: str
    payload: str


class Dialect(Protocol):
    @property
    def clock(self) -> LabClock: ...

    def page_shape(self, call: Call) -> PageShape: ...

    def throttle(self, call: Call, *, status: int, headers: bool, wait_s: float, kind: str = "") -> Answer:
        """Word the vendor's throttled answer, and count it; `kind` is one of its ways, "" the commonest."""
        ...

    def revoke_tokens(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Instead:
    """Answer without asking the vendor at all; may raise `httpx.TransportError`."""

    answer: Callable[[Call, Dialect], Answer]


@dataclass(frozen=True, slots=True)
class Edit:
    """Change the vendor's JSON answer in place; other answers pass unchanged."""

    change: Callable[[Call, JsonObject, PageShape], None]


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Do something beside the call, before or after the vendor works out its answer."""

    action: Callable[[Call, Dialect], object]
    after: bool


Effect: TypeAlias = Instead | Edit | Wait | Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`endpoint` is a pattern (`users.*`); `first` and `last` count matching calls from 1; `chance` is within those."""

    name: str
    effect: Effect
    endpoint: str = "*"
    first: int = 1
    last: int | None = None
    chance: float = 1.0
    seed: int = 0
    where: Callable[[Call], bool] | None = None


@dataclass(slots=True)
class _Armed:
    fault: Fault
    rng: random.Random
    matched: int = 0
    fired: int = 0

    def due(self, call: Call) -> bool:
        fault = self.fault
        if not fnmatchcase(call.endpoint, fault.endpoint) or not (fault.where is None or fault.where(call)):
            return False
        self.matched += 1
        if self.matched < fault.first or (fault.last is not None and self.matched > fault.last):
            return False
        if fault.chance < 1.0 and self.rng.random() >= fault.chance:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class Faults:
    """The faults of one api, applied in the order they were added; safe to share between threads."""

    _armed: dict[int, _Armed] = field(default_factory=dict)
    _added: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *faults: Fault) -> list[int]:
        """Arm faults; the numbers returned are for `remove` and `fired`."""
        with self._lock:
            numbers = []
            for fault in faults:
                self._added += 1
                self._armed[self._added] = _Armed(fault, random.Random(fault.seed))
                numbers.append(self._added)
            return numbers

    def remove(self, number: int) -> None:
        with self._lock:
            self._armed.pop(number, None)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def fired(self, number: int) -> int:
        """Count how often a fault has struck; 0 once removed."""
        with self._lock:
            armed = self._armed.get(number)
            return armed.fired if armed else 0

    def listing(self) -> list[JsonObject]:
        with self._lock:
            return [
                {"number": number, "fault": armed.fault.name, "endpoint": armed.fault.endpoint, "fired": armed.fired}
                for number, armed in self._armed.items()
            ]

    def around(self, call: Call, dialect: Dialect, serve: Callable[[Call], Answer]) -> Answer:
        """Answer a call with whatever trouble is due; of several replacements the first one counts.

        Raises:
            httpx.TransportError: the trouble is in the network.
        """
        with self._lock:
            effects = [armed.fault.effect for armed in self._armed.values() if armed.due(call)]
        instead: Instead | None = None
        edits: list[Edit] = []
        afterwards: list[Run] = []
        for effect in effects:
            match effect:
                case Wait():
                    dialect.clock.sleep(effect.seconds)
                case Instead():
                    instead = instead or effect
                case Edit():
                    edits.append(effect)
                case Run(after=True):
                    afterwards.append(effect)
                case Run():
                    effect.action(call, dialect)
                case _:
                    assert_never(effect)
        try:
            if instead is not None:
                return instead.answer(call, dialect)
            return _edited(serve(call), call, edits, dialect.page_shape(call))
        finally:
            for run in afterwards:
                run.action(call, dialect)


def _edited(answer: Answer, call: Call, edits: Sequence[Edit], shape: PageShape) -> Answer:
    if not edits:
        return answer
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer
    if not isinstance(document, dict):
        return answer
    for edit in edits:
        edit.change(call, document, shape)
    return Answer(answer.status, answer.headers, json.dumps(document, ensure_ascii=False).encode())


def network_error(error: Callable[[str], httpx.TransportError], text: str) -> Instead:
    """Fail in the network: in process the error is raised, over HTTP the server stalls or resets the connection."""

    def fail(call: Call, dialect: Dialect) -> Answer:
        raise error(text)

    return Instead(fail)
