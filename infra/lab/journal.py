"""What a verb changes, kept as it was: to tell events from, and to show readers the company as it was a while ago.

Nothing is kept until somebody listens. A roster says what it is about to change (`note`, `new`, `keep`); the verb says
where it begins and ends (`Watched.change`); what was never said is never told and never late.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

K = TypeVar("K")
V = TypeVar("V")
_MISSING: Any = object()  # Stands in for a value of any type.


@dataclass(slots=True)
class Touched:
    """A record that a verb changed; `before` is None for a new one.

    `seen`: the app could see it before. `consequence`: the verb was not about it, it was only cleaned up after.
    """

    record: Any
    before: Any
    seen: bool
    consequence: bool


class _Swap(Protocol):
    def swap(self) -> None:
        """Exchange what is with what was; a second time undoes the first."""
        ...


@dataclass(slots=True)
class _Record:
    record: Any
    other: Any

    def swap(self) -> None:
        for each in fields(self.record):
            here, there = getattr(self.record, each.name), getattr(self.other, each.name)
            setattr(self.record, each.name, there)
            setattr(self.other, each.name, here)


class _Entry(Generic[K, V]):
    def __init__(self, mapping: dict[K, V], key: K) -> None:
        self._mapping, self._key = mapping, key
        value = mapping.get(key, _MISSING)
        # An index of indexes is changed in place.
        self._other: V = cast(V, copy(value)) if isinstance(value, dict) else value  # mypy forgets V in the branch

    def swap(self) -> None:
        here: V = self._mapping.get(self._key, _MISSING)
        if self._other is _MISSING:
            self._mapping.pop(self._key, None)
        else:
            self._mapping[self._key] = self._other
        self._other = here


@dataclass(slots=True)
class Change:
    """What one verb did: records in the order in which they were first touched, and the verb's own remarks."""

    touched: dict[int, Touched] = field(default_factory=dict)
    remarks: list[object] = field(default_factory=list)
    _entries: dict[tuple[int, object], _Swap] = field(default_factory=dict)

    def keep(self, mapping: dict[K, V], key: K) -> None:
        if (id(mapping), key) not in self._entries:
            self._entries[id(mapping), key] = _Entry(mapping, key)

    def swaps(self) -> tuple[_Swap, ...]:
        records = (_Record(each.record, each.before) for each in self.touched.values() if each.before is not None)
        return (*self._entries.values(), *records)


# Told each change when its verb is over; answers when readers may see it, or None for at once.
Listener = Callable[[Change], datetime | None]


class Journal:
    """Used with the workspace's lock held."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._sees: Callable[[Any], bool] = lambda record: True
        self._change: Change | None = None
        self._late: deque[tuple[datetime, tuple[_Swap, ...]]] = deque()

    def listen(self, listener: Listener | None, sees: Callable[[Any], bool] = lambda record: True) -> None:
        """Tell changes to this listener from now on; `sees` judges a record before it changes."""
        self._listener, self._sees = listener, sees
        self._late.clear()

    def note(self, record: object, *, consequence: bool = False) -> None:
        """Say that a record is about to change."""
        if (change := self._change) is None:
            return
        if (touched := change.touched.get(id(record))) is None:
            change.touched[id(record)] = Touched(record, copy(record), self._sees(record), consequence)
        elif touched.consequence and not consequence:
            # Told when its own turn comes.
            touched.consequence = False
            change.touched[id(record)] = change.touched.pop(id(record))

    def new(self, record: object) -> None:
        if self._change is not None:
            self._change.touched[id(record)] = Touched(record, None, seen=False, consequence=False)

    def keep(self, mapping: dict[K, V], *keys: K) -> None:
        """Say that entries of an index are about to change; an index in an index counts as an entry."""
        if self._change is not None:
            for key in keys:
                self._change.keep(mapping, key)

    def remark(self, remark: object) -> None:
        """Say what no record tells, in the vendor's own words."""
        if self._change is not None:
            self._change.remarks.append(remark)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Gather one change; a verb within a verb belongs to the outer one, a verb that fails is not told."""
        if self._listener is None or self._change is not None:
            yield
            return
        change = self._change = Change()
        try:
            yield
        finally:
            self._change = None
        if (change.touched or change.remarks) and (shown_at := self._listener(change)) is not None:
            # Changes are undone last to first: none may be seen before an earlier one.
            latest = self._late[-1][0] if self._late else shown_at
            self._late.append((max(shown_at, latest), change.swaps()))

    @contextmanager
    def rewound(self, now: datetime) -> Iterator[bool]:
        """Put everything back to what readers may see now; tell whether anything had to be."""
        while self._late and self._late[0][0] <= now:
            self._late.popleft()
        late = tuple(self._late)
        for _, swaps in reversed(late):
            for each in reversed(swaps):
                each.swap()
        try:
            yield bool(late)
        finally:
            for _, swaps in late:
                for each in swaps:
                    each.swap()


class Watched:
    """Something with a lock and a journal; verbs change it in `change()`, readers look at it in `as_shown()`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.journal = Journal()

    def changed(self) -> None:
        """Forget what was worked out from the company as it was."""
        raise NotImplementedError

    @contextmanager
    def change(self) -> Iterator[None]:
        with self.lock, self.journal.open():
            yield

    @contextmanager
    def as_shown(self, now: datetime) -> Iterator[None]:
        """Hold the lock, with the company as the vendor's reads show it at `now`."""
        with self.lock, self.journal.rewound(now) as rewound:
            if not rewound:
                yield
                return
            self.changed()
            try:
                yield
            finally:
                self.changed()
