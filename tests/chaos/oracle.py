"""Compares what the directory says with what was true at the time; every difference that hurts somebody is a wrong.

It looks after every task, not only at the end. What the directory newly says must have been true at some moment since
the look before: that alone forbids a wrongful departure, a wrongful blanking, and a value out of nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chalicelib.core.catalogue import Lang, say
from chalicelib.core.diff import changed, is_empty
from chalicelib.core.model import Entry, Key, Kind, Link, Remark, State, Value, Values, new_entry_id
from chalicelib.core.ports import Directory, Tasks
from chalicelib.core.task import (
    Approved,
    Everything,
    Evidence,
    Only,
    Purpose,
    RowStatus,
    SyncRecord,
    SyncTask,
    Tally,
    TaskStatus,
)
from tests.chaos.tenants import Fact, Name

Facts = Mapping[Key, Fact]
_ONE: Final = ("parent", "manager")
_MANY: Final = ("departments", "leaders")


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that must never happen; `about` is a key or a task."""

    what: str
    about: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.about} {self.detail}".rstrip()


@dataclass
class Oracle:
    source: str
    directory: Directory
    tasks: Tasks
    slow_fields: frozenset[str]
    wrongs: list[Wrong] = field(default_factory=list)
    # Keys that an admin removed although nobody said that they left: his word, not the program's.
    removed_by_hand: set[Key] = field(default_factory=set)
    # Keys about which an admin has just decided.
    decided: set[Key] = field(default_factory=set)
    # Another company's, shown in the middle of a walk: they may come in, and must harm nobody.
    foreign: set[Key] = field(default_factory=set)
    strangers_welcome: bool = False
    # Some departments were chosen: a new one that no list shows yet may lie outside, so nobody is said to be in it.
    scoped: bool = False
    # A permission went in the middle of the walk, after it was asked for: only the next walk can tell that it went.
    excused: bool = False
    # Keys that events of the last task told of: what became of them needs nobody's word.
    told_of: set[Key] = field(default_factory=set)
    _entries: dict[Key, Entry] = field(default_factory=dict)
    _window: list[Facts] = field(default_factory=list)
    _began: int = 0
    # From which moment on facts count for a key of which the directory knew the newest already; and who told it so.
    _floors: dict[Key, int] = field(default_factory=dict)
    _heard: list[SyncTask] = field(default_factory=list)
    _judged: set[str] = field(default_factory=set)

    # --- the truth, as it goes by

    def note(self, facts: Mapping[Name, Fact]) -> None:
        """Remember what is true now."""
        told: dict[Key, Fact] = {}
        for (kind, external_id), fact in facts.items():
            told[Key(self.source, kind, external_id)] = Fact(visible=fact.visible, values=self._linked(fact.values))
        self._window.append(told)

    def begin(self) -> None:
        """Mark that a task begins: what it says at its end was true from here on."""
        self.told_of.clear()
        self._began = len(self._window) - 1

    def heard(self, task: SyncTask) -> None:
        """Note that an event was worked off while something else is at work: what it taught must not be unlearned."""
        self._heard = [*(each for each in self._heard if each.task_id != task.task_id), task]
        if not isinstance(task.extent, Only):
            return
        keys = (*task.extent.keys, *(claim.key for claim in task.extent.claims))
        self.told_of.update(keys)
        links = self.directory.links_of(keys)
        entries = self.directory.entries([link.entry_id for link in links.values() if link.entry_id])
        for key in keys:
            fact, link = self.now().get(key), links.get(key)
            entry = entries.get(link.entry_id) if link else None
            if fact is None:
                continue
            if entry is None:
                known = fact.state is State.LEFT and task.status is TaskStatus.DONE
            else:
                known = entry.state == fact.state and (fact.state is State.LEFT or not self._differing(entry, fact))
            if known:
                self._floors[key] = len(self._window) - 1

    def has_heard(self) -> bool:
        return bool(self._heard)

    def now(self) -> Facts:
        return self._window[-1]

    def known(self) -> Mapping[Key, Entry]:
        return self._entries

    def true(self, row: SyncRecord) -> bool:
        """Tell whether everything that a row would change is so now."""
        fact = self.now().get(row.key)
        if fact is None:
            return False
        fields = changed(row.before, row.after)
        if row.after.get("state") == State.LEFT and row.before:
            return fact.state is State.LEFT
        return all(_same(row.after.get(name), fact.values.get(name)) for name in fields)

    def _linked(self, values: Values) -> Values:
        linked: dict[str, Value] = {}
        for name, value in values.items():
            kind = Kind.EMPLOYEE if name in ("manager", "leaders") else Kind.DEPARTMENT
            if name in _ONE and value:
                value = self._entry_id(kind, str(value))
            elif name in _MANY and isinstance(value, tuple):
                value = tuple(self._entry_id(kind, each) for each in value)
            linked[name] = value
        return linked

    def _entry_id(self, kind: Kind, external_id: str) -> str:
        key = Key(self.source, kind, external_id)
        if key not in _IDS:
            _IDS[key] = new_entry_id(key)
        return _IDS[key]

    # --- looking

    def look(self, *ended: SyncTask) -> None:
        """Judge what the directory says now against what it said before, and the tasks that ended since."""
        before = self._entries
        after = self._read()
        ended = (*(self.tasks.get(task.task_id) for task in self._heard), *ended)
        rows = {task.task_id: list(self.tasks.rows(task.task_id)) for task in ended}
        for key, entry in after.items():
            self._judge_entry(key, before.get(key), entry)
        for key in before.keys() - after.keys():
            self.say("an entry was erased", key)
        self._judge_records(before, after, ended, rows)
        for task in ended:
            self._judge_task(task, rows[task.task_id])
            self._judge_silence(task, before, after)
        self._window = self._window[-1:]
        self._began = 0
        self._floors.clear()
        self.excused = False
        self._heard.clear()

    def approved(self, rows: Sequence[SyncRecord], before: Mapping[Key, Entry]) -> None:
        """Judge that an approval did what was approved, and nothing else."""
        allowed = {row.key: row for row in rows if row.key not in self.told_of}
        self.decided.clear()
        for key, entry in self._entries.items():
            old = before.get(key)
            fields = changed(old.values if old else {}, entry.values)
            if not fields:
                continue
            row = allowed.get(key)
            if row is None and key in self.told_of:
                continue
            if row is None:
                self.say("an approval changed somebody who was not approved", key)
                continue
            wider = [name for name in fields if not _same(row.after.get(name), entry.values.get(name))]
            if wider:
                self.say("an approval widened", key, ", ".join(wider))

    def at_the_end(self) -> None:
        """Judge that the directory is the truth, for all that the app may see."""
        facts = self.now()
        for key, fact in facts.items():
            entry = self._entries.get(key)
            if not fact.visible or (key in self.removed_by_hand and not fact.state.has_access):
                continue
            if fact.state is State.LEFT:
                if entry is not None and entry.state is not State.LEFT:
                    self.say("a leaver is still in", key)
            elif entry is None:
                self.say("somebody is missing", key)
            elif wrong := self._differing(entry, fact, self.slow_fields):
                self.say("the directory is not the truth", key, wrong)
        for key in self._entries.keys() - facts.keys() - self.foreign:
            self.say("somebody is in whom nobody knows", key)
        if self.tasks.waiting(self.source):
            self.say("a task never ended", self.source)

    def _differing(self, entry: Entry, fact: Fact, but: Collection[str] = ()) -> str:
        wrong = [
            name for name, value in fact.values.items() if name not in but and not _same(entry.values.get(name), value)
        ]
        return ", ".join(f"{name}: {entry.values.get(name)!r} for {fact.values[name]!r}" for name in wrong)

    def _read(self) -> dict[Key, Entry]:
        entries: dict[Key, Entry] = {}
        for kind in Kind:
            for entry in self.directory.listing(kind):
                if entry.key in entries:
                    self.say("two entries for one key", entry.key)
                entries[entry.key] = entry
        links: dict[Key, Link] = {}
        for link in self.directory.links(self.source):
            if link.key in links:
                self.say("two links for one key", link.key)
            links[link.key] = link
        for key in {*entries, *links}:
            entry_, link_ = entries.get(key), links.get(key)
            if entry_ is None and link_ is not None and not link_.entry_id and link_.state is State.LEFT:
                continue  # the tombstone of somebody who left before they came in
            if entry_ is None or link_ is None or link_.entry_id != entry_.entry_id or link_.state != entry_.state:
                self.say("a link and its entry disagree", key)
        self._entries = entries
        return entries

    # --- one entry

    def _judge_entry(self, key: Key, old: Entry | None, new: Entry) -> None:
        told = [facts[key] for facts in self._window[self._floors.get(key, 0) :] if key in facts]
        if not told:
            if self.strangers_welcome:
                self.foreign.add(key)
            elif key not in self.foreign:
                self.say("a stranger came in", key)
            return
        if old is not None and old.values == new.values:
            return
        before: Values = old.values if old else {}
        if old is not None and old.state is not State.LEFT and new.state is State.LEFT:
            if all(fact.state is not State.LEFT for fact in told) and key not in self.removed_by_hand:
                self.say("wrongful departure", key)
        elif old is not None and old.state.has_access and not new.state.has_access:
            stayed = all(fact.state.has_access for fact in told)
            if stayed and key not in self.removed_by_hand:
                self.say("wrongful loss of access", key)
        in_before = old is not None and old.state.has_access
        if new.state.has_access and not in_before and not any(fact.state.has_access for fact in told):
            self.say("access for somebody who had none", key)
        if new.state is State.LEFT:  # who leaves keeps what they had, of which the source need not show anything now
            told = [facts[key] for facts in self._window if key in facts]
        for name in changed(before, new.values):
            values = [fact.values.get(name) for fact in told]
            value = new.values.get(name)
            if name == "state" or any(_same(value, each) for each in values) or _in_pages(name, value, values):
                continue
            if is_empty(value):
                self.say("wrongful blanking", key, name)
            else:
                self.say("a value out of nowhere", key, f"{name}: {value!r}, not one of {values!r}")
        if old is not None and key not in self.decided and not self._was_visible(key) and not self._reported(key, new):
            self.say("somebody hidden was touched", key)

    def _reported(self, key: Key, new: Entry) -> bool:
        """Tell whether an event told that somebody left, who has: a fact, though no read may show them (law 4)."""
        claims = (claim for task in self._heard if isinstance(task.extent, Only) for claim in task.extent.claims)
        return new.state is State.LEFT and any(claim.key == key for claim in claims)

    def _was_visible(self, key: Key) -> bool:
        return any(facts[key].visible for facts in self._window if key in facts)

    # --- the records

    def _judge_records(
        self,
        before: Mapping[Key, Entry],
        after: Mapping[Key, Entry],
        ended: Sequence[SyncTask],
        rows: Mapping[str, Sequence[SyncRecord]],
    ) -> None:
        """Hold that every change of an entry has its record, in order, and every applied record its change."""
        history: dict[Key, list[SyncRecord]] = {}
        for task in ended:
            for row in rows[task.task_id]:
                if row.status is RowStatus.APPLIED and row.task == task.task_id and task.purpose is Purpose.SYNC:
                    history.setdefault(row.key, []).append(row)
        for key in {*history, *after}:
            old, new = before.get(key), after.get(key)
            was: Values = old.values if old else {}
            is_: Values = new.values if new else {}
            chain = sorted(history.get(key, []), key=lambda row: row.revision)
            for row in chain:
                if changed(row.before, was):
                    self.say("a record does not begin where the one before ended", key)
                was = row.after
            if changed(was, is_):
                self.say("an entry and its records disagree", key, f"after {len(chain)} records")

    # --- one task

    def _judge_task(self, task: SyncTask, rows: Sequence[SyncRecord]) -> None:
        if task.task_id in self._judged:
            self.say("a task ended twice", task.task_id)
        self._judged.add(task.task_id)
        if not task.status.is_over:
            self.say("a task never ended", task.task_id)
            return
        needs_reason = task.status in (TaskStatus.FAILED, TaskStatus.HELD, TaskStatus.PREVIEWED)
        if needs_reason and task.reason is None:
            self.say("a task does not say why", task.task_id, task.status)
        if task.reason and task.reason.code in ("internal error", "gave up"):
            self.say("the program broke", task.task_id, str(dict(task.reason.facts)))
        for remark in (*task.remarks, *([task.reason] if task.reason else ())):
            for lang in Lang:
                if not _says_what_to_do(remark, lang):
                    self.say("a message does not say what to do", task.task_id, f"{remark.code} in {lang}")
        for remark in self._remarks(task, rows):
            try:
                texts = [say(remark.code, lang, remark.facts) for lang in Lang]
            except (KeyError, IndexError, ValueError):
                self.say("a message cannot be said", task.task_id, remark.code)
                continue
            if not all(texts):
                self.say("a message is empty", task.task_id, remark.code)
        for row in rows:
            unsaid = row.status in (RowStatus.HELD, RowStatus.REJECTED, RowStatus.SUPERSEDED)
            if unsaid and row.reason is None:
                self.say("a record does not say why", row.key, row.status)
        carried_out = task.purpose is Purpose.SYNC and task.status in (TaskStatus.DONE, TaskStatus.HELD)
        for row in rows:
            if carried_out and row.status is RowStatus.PLANNED:
                self.say("a record was never carried out", row.key, f"task {task.task_id}")
        if len({row.key for row in rows}) < len(rows):
            self.say("two records for one key", task.task_id)
        applied = sum(1 for row in rows if row.status is RowStatus.APPLIED)
        if task.purpose is Purpose.SYNC and task.entry_writes != applied:
            self.say("a task miscounts", task.task_id, f"{task.entry_writes} writes, {applied} records")

    def _remarks(self, task: SyncTask, rows: Sequence[SyncRecord]) -> Iterator[Remark]:
        yield from task.remarks
        if task.reason:
            yield task.reason
        for row in rows:
            if row.reason:
                yield row.reason

    def _judge_silence(self, task: SyncTask, before: Mapping[Key, Entry], after: Mapping[Key, Entry]) -> None:
        """Hold that a full sync which has nothing to say was right about everybody whom it knew."""
        silent = task.status is TaskStatus.DONE and not task.remarks and not task.reason
        odd = any(task.counts[kind][what] for kind in Kind for what in (Tally.REJECTED, Tally.SUPERSEDED))
        if (
            not silent
            or odd
            or self.excused
            or task.purpose is not Purpose.SYNC
            or not isinstance(task.extent, Everything)
        ):
            return
        window = self._window[self._began :]
        for key in before:
            told = [facts[key] for facts in window if key in facts]
            if len(told) < len(window) or not all(fact.visible for fact in told):
                continue
            values = after[key].values
            if after[key].state is State.LEFT and any(fact.state is State.LEFT for fact in told):
                continue
            for name in told[0].values:
                if is_empty(before[key].values.get(name)):
                    continue  # what nobody ever showed may be empty for all that can be known
                these = [fact.values.get(name) for fact in told]
                right = name in self.slow_fields or any(_same(values.get(name), each) for each in these)
                right = right or _in_pages(name, values.get(name), these)
                right = right or (self.scoped and name == "departments" and _lacks_some(values.get(name), these))
                if not right:
                    detail = f"{name}: {values.get(name)!r} for {told[-1].values.get(name)!r}"
                    self.say("wrong without a word", key, detail)

    def say(self, what: str, about: Key | str, detail: str = "") -> None:
        self.wrongs.append(Wrong(what, str(about), detail))


_IDS: dict[Key, str] = {}
# What a message says that tells somebody what to do, or that nothing need be done.
_DEEDS: Final[Mapping[Lang, re.Pattern[str]]] = {
    Lang.EN: re.compile(
        r"\b(check|copy|grant|publish|sync again|add|approve|report this|look|enable|widen|is tried again|goe?s? on)\b",
        re.IGNORECASE,
    ),
    Lang.ZH: re.compile(r"请|输入|自动|继续"),
}


def _says_what_to_do(remark: Remark, lang: Lang) -> bool:
    try:
        return _DEEDS[lang].search(say(remark.code, lang, remark.facts)) is not None
    except (KeyError, IndexError, ValueError):
        return False


def removals(rows: Sequence[SyncRecord], kind: Kind) -> int:
    """Count the departures and losses of access that a task applied by itself."""
    return sum(row.status is RowStatus.APPLIED and row.key.kind is kind and row.removes_access for row in rows)


def by_hand(task: SyncTask) -> bool:
    return isinstance(task.extent, Approved)


def unseen(row: SyncRecord) -> bool:
    return row.evidence is Evidence.UNSEEN


def _in_pages(name: str, value: Value, values: Sequence[Value]) -> bool:
    """Tell whether everyone who is named led at some moment, and everyone who is not did not at another.

    The leaders of a department may be spread over several pages, which are as many moments.
    """
    if name != "leaders":
        return False
    told = [set(each) if isinstance(each, tuple) else set() for each in values]
    shown = set(value) if isinstance(value, tuple) else set()
    return all(any(each in one for one in told) for each in shown) and all(
        any(each not in one for one in told) for each in set().union(*told) - shown
    )


def _lacks_some(value: Value, values: Sequence[Value]) -> bool:
    shown = set(value) if isinstance(value, tuple) else set()
    return bool(shown) and any(shown < set(each) for each in values if isinstance(each, tuple))


def _same(one: Value, other: Value) -> bool:
    return one == other or (is_empty(one) and is_empty(other))
