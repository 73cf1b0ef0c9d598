"""A plan in the making: what each record, each departure and each silence means for the directory.

Rows go to the store as they arise, so that a plan of any size takes little memory; what stays here is a digest for each
key seen, and for the guard the few facts about each row that takes something away or edits.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from heapq import nlargest, nsmallest
from itertools import chain, islice

from chalicelib.core.diff import (
    Action,
    Change,
    Impossible,
    changed,
    departure,
    diff,
    is_empty,
    lessened,
    narrow,
    vanished,
)
from chalicelib.core.guard import Candidate, check
from chalicelib.core.mapping import Mapped, Unmappable, map_record
from chalicelib.core.model import NOTHING, Entry, Key, Kind, Link, Remark, SourceRecord, State, Values, new_entry_id
from chalicelib.core.ports import Directory, Tasks
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear, absentees
from chalicelib.core.principal import MATCHING
from chalicelib.core.source import Source
from chalicelib.core.task import (
    Approved,
    Claim,
    Everything,
    Evidence,
    Fence,
    Only,
    RowStatus,
    SyncRecord,
    SyncTask,
    Trigger,
)
from chalicelib.sync.adopt import Adoption, Enabled, Handles, Met, Taken, Uprooted, adopting
from chalicelib.sync.shown import Shown, is_here, other_keys
from chalicelib.sync.within import Place, Within

FLUSH_ROWS = 200
# As many rows a task remembers by their keys: reading them one by one costs no more than asking 16 shards for them.
FEW_ROWS = 30
# Fewer known people than this may all be replaced within a day; more of them may not.
ANOTHER_COMPANY_FLOOR = 5
# One in so many known people makes it the same company.
SHARE_KEPT = 5
# How many known people are asked for by name where the walk looks like another company's.
ASKED_AS_STRANGERS = 20
# How many of a kind, so that one who leaves this very moment does not matter; and among how many links they are
# looked for where no walk has shown anybody.
WITNESSES = 3
LINKS_LOOKED_AT = 1000
BYSTANDERS = 50
_UNMAPPABLE = ""
# What every record shows that is shown whole; without them somebody stays what, or where, they were.
ALWAYS_SHOWN = ("departments", "parent", "state")
# Who asks for a look at those of whom another source has shown something: no event has reported them.
ASKED_BY_MATCHING = f"{MATCHING.door}:{MATCHING.key}"
# How often a departure that the source contradicts is looked at again: see request.LOOKS for when.
MOST_LOOKS = 3


class Plan:
    def __init__(
        self,
        *,
        task: SyncTask,
        source: Source,
        links: dict[Key, Link],
        directory: Directory,
        tasks: Tasks,
        fence: Fence,
        within: Within,
        handles: Handles,
        enabled: Enabled,
        chosen_below: Uprooted,
    ) -> None:
        self.links = links
        self.within = within
        self.relinks: dict[Key, Link] = {}
        self.disputed: set[Key] = set()
        self.directory = directory
        self._task, self._source, self._tasks, self._fence = task, source, tasks, fence
        self._seen: dict[Key, str] = {}
        self._shown_as_left: set[Key] = set()
        self._ignored: set[Key] = set()
        self._buffer: dict[Key, SyncRecord] = {}
        self._rows: set[Key] = set()
        self._dropped: set[Key] = set()
        self._candidates: dict[Key, Candidate] = {}
        self._unseen: Counter[Kind] = Counter()
        rules = {kind: source.mapping.rules(kind) for kind in Kind}
        self._expected = {kind: [each.field for each in rules[kind] if each.field in ALWAYS_SHOWN] for kind in Kind}
        # What an admin has settled is no value that a read may have lost.
        self._settled = {kind: source.mapping.settled(kind) for kind in Kind}
        self._unanswered: Counter[Kind] = Counter()
        # The fields for which keys are disputed, those that a read by name did not show either, those that somebody
        # has a value in, and how many values vanished.
        self._doubted: dict[Key, tuple[str, ...]] = {}
        self._unshown: Counter[str] = Counter()
        self._shown: set[tuple[Kind, str]] = set()
        self._lost: Counter[tuple[Kind, str]] = Counter()
        self.look_again: list[Claim] = []
        # Who was asked for by name, who is known and found outside of the scope, and by key the fields that are empty
        # because what they refer to lies outside.
        self._answered: set[Key] = set()
        self._outside: Counter[Kind] = Counter()
        self._cut: dict[Key, frozenset[str]] = {}
        self._left_out = False
        self._adoption = Adoption(source=source, directory=directory, handles=handles)
        self._handles, self._chosen_below = handles, chosen_below
        self._shown_by = Shown(directory=directory, handles=handles, enabled=enabled)
        # Whom a takeover would bring back; and the owners of entries that this source does not show with access any
        # more, whose own sources are to look again at what waited for that.
        self._revived: dict[Key, Remark] = {}
        self.parted: set[Key] = set()
        # Of departures that count for nothing while another source shows the person: what to ask again, the entry, and
        # the keys of its other links.
        self._left_to_others: dict[Key, tuple[Key | Claim, tuple[str, tuple[Key, ...]]]] = {}
        # The entries of keys that are not in `links`, adopted in this run or only referred to; and the further links of
        # those entries that this plan changes.
        self._met: dict[Key, str] = {}
        self._others: dict[Key, tuple[Key, ...]] = {}
        # Whose values are left as they are, because nobody asked for this sync.
        self._left_alone: set[Key] = set()
        is_by_itself = task.trigger in (Trigger.SCHEDULE, Trigger.EVENT) and source.schedule.automatic
        self.leaves_values = is_by_itself and not source.user_info

    # --- what the source showed

    def consider(self, records: Sequence[SourceRecord], *, final: bool = False) -> None:
        """Plan what these records change.

        A key that two reads show differently, or that one shows with less than is known, becomes disputed and has no
        row until it is considered again, as `final`.
        """
        news: list[Mapped] = []
        outside: list[SourceRecord] = []
        if isinstance(self._task.extent, Only):
            self._meet(records)
        for record in records:
            if final and not self._is_ours(record):
                outside.append(record)
                continue
            if final and self.within.is_unclear(record):
                self._keep(record.key)
                continue
            mapped = self._mapped(record)
            known = self._seen.get(record.key)
            fingerprint = mapped.digest if isinstance(mapped, Mapped) else _UNMAPPABLE
            link = self.links.get(record.key)
            if known is not None and not final:
                if known != fingerprint:
                    self.disputed.add(record.key)
                    self._forget(record.key)
                continue
            # Of two that are equal the link's is kept: there are as many as people.
            self._seen[link.key if link else record.key] = (
                link.digest if link and link.digest == fingerprint else fingerprint
            )
            if isinstance(mapped, Mapped):
                self._note_fields(mapped, again=known is not None)
                if mapped.values.get("state") == State.LEFT:
                    self._shown_as_left.add(record.key)
            if final:
                self.disputed.discard(record.key)
                self._forget(record.key)
            if isinstance(mapped, Unmappable):
                self._reject(record, mapped.why)
            elif not self._unchanged(mapped):
                news.append(mapped)
        self._plan(news, final=final)
        self._leave_out(outside)

    def _mapped(self, record: SourceRecord) -> Mapped | Unmappable:
        """Map a record, and note which of its references are empty because they lead out of the scope."""
        self._left_out = False
        mapped = map_record(record, self._source.mapping, self.resolve)
        self._cut.pop(record.key, None)
        if self._left_out and isinstance(mapped, Mapped):
            types = self._source.mapping.types(record.key.kind)
            empty = (name for name, value in mapped.values.items() if name in types and is_empty(value))
            self._cut[record.key] = frozenset(name for name in empty if types[name].refers_to is Kind.DEPARTMENT)
        return mapped

    def _is_ours(self, record: SourceRecord) -> bool:
        """Tell whether somebody who was found by name lies within the scope; who is known stays if that is unclear."""
        match self.within.place(record):
            case Place.UNKNOWN:
                return self._is_known(record.key)
            case place:
                return place is Place.INSIDE

    def _keep(self, key: Key) -> None:
        """Leave somebody as they are of whom it is not clear where they lie."""
        self.disputed.discard(key)
        self._doubted.pop(key, None)
        self._forget(key)
        self._seen.setdefault(key, _UNMAPPABLE)
        self._unanswered[key.kind] += 1

    def _leave_out(self, records: Sequence[SourceRecord]) -> None:
        """Plan what it means to lie outside of the scope: for a full run a removal, for an event nothing."""
        entries = self.entries([record.key for record in records])
        for record in records:
            key = record.key
            self.disputed.discard(key)
            self._doubted.pop(key, None)
            self._seen.pop(key, None)
            self._forget(key)
            self._ignored.add(key)
            entry = entries.get(key)
            if isinstance(self._task.extent, Everything) and entry is not None and entry.state is not State.LEFT:
                self._outside[key.kind] += 1
                self._depart(key, entry, Evidence.OUTSIDE, record.observed_at)

    def _note_fields(self, mapped: Mapped, *, again: bool) -> None:
        """Keep track of which fields are shown at all, and of those that a read by name does not show either."""
        key = mapped.record.key
        self._shown.update((key.kind, name) for name, value in mapped.values.items() if not is_empty(value))
        missing = [name for name in self._doubted.pop(key, ()) if name not in mapped.values]
        if not again and key in self.links:
            missing += [name for name in self._expected[key.kind] if name not in mapped.values]
        self._unshown.update(missing)

    def _unchanged(self, mapped: Mapped) -> bool:
        link = self.links.get(mapped.record.key)
        if link is None or not link.entry_id or link.digest != mapped.digest or mapped.record.details:
            return False
        if link.owner and (link.owner not in self._handles() or self._is_written(link)):
            return False
        if link.unseen_since is not None:
            self.relinks[link.key] = replace(link, unseen_since=None)
        return True

    def _plan(self, news: Sequence[Mapped], *, final: bool) -> None:
        entries = self.entries([each.record.key for each in news])
        for mapped in self._own(news, entries):
            key = mapped.record.key
            entry = entries.get(key)
            match diff(entry, mapped):
                case Change(action=Action.UPDATE | Action.DEACTIVATE) as change if self._leaves_alone(key):
                    self._apply_state(mapped, change, entry)
                    if key not in self._rows and self.links[key].unseen_since is not None:
                        self.relinks[key] = replace(self.links[key], unseen_since=None)
                case Change() as change if (
                    not final and entry and (less := self._uncut(key, lessened(key.kind, change.before, change.after)))
                ):
                    # A page may lose values as it may lose people: only a read by name takes one away.
                    self.disputed.add(key)
                    self._doubted[key] = less
                    gone = self._uncut(key, vanished(change.before, change.after))
                    self._lost.update((key.kind, name) for name in gone)
                case Change() as change:
                    row = self.row(key, change, entry, Evidence.SHOWN, mapped.record.observed_at, mapped)
                    self.add(row)
                    if entry is None and (key not in self.links or not self.links[key].entry_id):
                        self._adoption.note(key, row.entry_id, row.after)
                case Impossible() as impossible:
                    self._reject(mapped.record, impossible.why)
                case None if entry is None:
                    self._ignored.add(key)
                case None:
                    link = self.links[key]
                    again = replace(link, digest=mapped.digest, unseen_since=None)
                    if again != link:
                        self.relinks[key] = again

    def _unsettled(self, kind: Kind, fields: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out the fields in which an admin has settled that there is no value, or the same for all."""
        return tuple(name for name in fields if name not in self._settled[kind])

    def _uncut(self, key: Key, fields: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out also the fields that are empty because what they refer to lies outside of the scope."""
        return tuple(name for name in self._unsettled(key.kind, fields) if name not in self._cut.get(key, ()))

    def _leaves_alone(self, key: Key) -> bool:
        return self.leaves_values and key.kind is Kind.EMPLOYEE

    def _apply_state(self, mapped: Mapped, change: Change, entry: Entry | None) -> None:
        """Plan that somebody is suspended, joins or leaves, and nothing else: their values are left as they are.

        The link gets no digest, so that whoever asks for a sync gets the rest.
        """
        key = mapped.record.key
        if set(changed(change.before, change.after)) - {"state"}:
            self._left_alone.add(key)
        state = narrow({"state": change.after.get("state")}, change)
        if state is not None:
            alone = replace(mapped, digest="")
            self.add(self.row(key, state, entry, Evidence.SHOWN, mapped.record.observed_at, alone))

    # --- whose entry it is

    def adopt(self) -> bool:
        """Give those who are about to be created the entries that they match; tell whether others refer to them so."""
        verdicts = self._adoption.judge(
            lambda key: key in self._seen and key not in self._shown_as_left, uprooted=self._uprooted
        )
        rows = dict(self._tasks.rows_of(self._task.task_id, [key for key in verdicts if key not in self._buffer]))
        rows |= {key: self._buffer[key] for key in verdicts if key in self._buffer}
        before = dict(self._met)
        for key, row in rows.items():
            verdict = verdicts[key]
            self._met.pop(key, None)
            if isinstance(verdict, Taken):
                self._met[key] = verdict.entry.entry_id
                row = self._as_adopted(row, verdict)
            else:
                if isinstance(verdict, Met):
                    self._met[key] = verdict.entry_id
                row = adopting(row, verdict)
            self._forget(key)
            self.add(row)
        return self._met != before

    def _uprooted(self) -> Collection[Key]:
        """Name the departments that look like top ones, because those above them lie outside of a scope."""
        shown = {key for key, names in self._cut.items() if "parent" in names}
        return shown | {key for key in self._chosen_below() if key not in self._seen}

    def reconsider(self, records: Iterable[SourceRecord]) -> None:
        """Plan those anew who refer to somebody that turned out to be another entry."""
        news: list[Mapped] = []
        for record in records:
            mapped, key = self._mapped(record), record.key
            if not isinstance(mapped, Mapped) or key in self.disputed or key not in self._seen:
                continue
            if mapped.digest != self._seen[key]:
                self._seen[key] = mapped.digest
                self._forget(key)
                if not self._unchanged(mapped):
                    news.append(mapped)
        # Where only a few keys are read, each of them was asked for by name, and nobody asks again.
        self._plan(news, final=isinstance(self._task.extent, Only))

    def meet(self, adopted: Iterable[SyncRecord]) -> None:
        """Take for granted that these were adopted, so that others may refer to them."""
        self._met |= {row.key: row.entry_id for row in adopted}

    def readopted(self, approved: Sequence[SyncRecord], presences: Mapping[Key, Presence]) -> Iterator[SyncRecord]:
        """Plan again what is still true of adoptions that were approved: the same entries, and no other values."""
        taken = self._adoption.still(approved)
        for row in approved:
            presence = presences[row.key]
            mapped = self._mapped(presence.record) if isinstance(presence, Found) else None
            if row.key not in taken or not isinstance(mapped, Mapped):
                continue
            if not self._is_ours(mapped.record) or mapped.values.get("state") in (None, State.LEFT):
                continue
            fresh = self._adoption_row(mapped, taken[row.key])
            values = {name: row.after.get(name) for name in changed(row.before, row.after)}
            if "state" in values and values["state"] != fresh.after.get("state"):
                continue  # about this state nobody has decided
            cut = narrow(values, Change(action=fresh.action, before=fresh.before, after=fresh.after))
            after = cut.after if cut else fresh.before
            yield replace(fresh, after=after, digest=fresh.digest if after == fresh.after else "")

    def free(self, approved: Sequence[SyncRecord]) -> Mapping[Key, Entry]:
        """Find the entries of those among these that were to be taken over, and still may be."""
        return {key: taken.entry for key, taken in self._adoption.still(approved).items()}

    def _adoption_row(self, mapped: Mapped, taken: Taken) -> SyncRecord:
        change = Change(action=Action.CREATE, before=NOTHING, after=mapped.values)
        row = self.row(mapped.record.key, change, None, Evidence.SHOWN, mapped.record.observed_at, mapped)
        return self._as_adopted(row, taken)

    def _as_adopted(self, row: SyncRecord, taken: Taken) -> SyncRecord:
        self._others[row.key] = other_keys(taken.entry, row.key)
        is_return = taken.entry.state is State.LEFT
        if self._leaves_alone(row.key) and taken.second is None and not is_return:
            self._left_alone.add(row.key)
            state = row.after.get("state")
            row = replace(row, after=NOTHING if state is None else {"state": state})
        return adopting(row, taken)

    def _own(self, news: Sequence[Mapped], entries: Mapping[Key, Entry]) -> Sequence[Mapped]:
        """Leave out those whose entries are another source's: what is shown of them goes into their links."""
        theirs = {key: entry for key, entry in entries.items() if entry.key != key}
        if not theirs:
            return news
        owners = self.directory.links_of(sorted({entry.key for entry in theirs.values()}))
        own: list[Mapped] = []
        for mapped in news:
            key = mapped.record.key
            if key not in theirs:
                own.append(mapped)
                continue
            entry, link = theirs[key], self.links[key]
            state, owner = State(str(mapped.values.get("state") or link.state)), owners.get(entry.key)
            if self._adoption.takes_over(link, state, entry, owner):
                is_rehire = entry.state is State.LEFT and link.state is State.LEFT
                is_revival = not entry.state.has_access and state is not entry.state and not is_rehire
                if is_revival and isinstance(self._task.extent, Only):
                    self._ignored.add(key)  # the next full sync asks a person, once
                    continue
                self.add(self._adoption_row(mapped, Taken(entry=entry)))
                if is_revival:
                    self._revived[key] = Remark(code="left before it was taken over")
                continue
            if state is State.LEFT and self._has_last_word(key, entry, owner):
                bare = replace(mapped, digest="")
                self.add(self._last_departure(key, entry, Evidence.SHOWN, mapped.record.observed_at, bare))
                continue
            if state is State.LEFT and self._adoption.is_unowned(entry, owner):
                self._leave_to_others(key, entry, Evidence.SHOWN, mapped.record.observed_at)
            again = replace(link, digest=mapped.digest, state=state, owner=entry.key.source, unseen_since=None)
            self._note_parted(link, again, entry)
            if again != link:
                self.relinks[key] = replace(again, observed_at=mapped.record.observed_at, task=self._task.task_id)
        return own

    def _part(self, key: Key, entry: Entry, evidence: Evidence, observed_at: datetime) -> None:
        """Write down that somebody has left this source whose entry is another one's: they keep what they have.

        Where nobody keeps them any more, this source has the last word.
        """
        link = self.links[key]
        owner = self.directory.links_of([entry.key]).get(entry.key)
        if self._has_last_word(key, entry, owner):
            self.add(self._last_departure(key, entry, evidence, observed_at))
            return
        had_left = link.state is State.LEFT and not self._is_written(link)
        if evidence is Evidence.UNSEEN or had_left or observed_at < link.observed_at:
            return
        task = self._task.task_id
        again = self.relinks[key] = replace(link, digest="", state=State.LEFT, observed_at=observed_at, task=task)
        if self._adoption.is_unowned(entry, owner):
            keepers = self._keepers(key, entry)
            self._leave_to_others(key, entry, evidence, observed_at)
        else:
            keepers = self._handles()[entry.key.source]
            self._note_parted(link, again, entry)
        # That they have left may have followed from what this task wrote before it was killed.
        if not keepers or (entry.state is State.LEFT and not self._is_written(link)):
            return
        change = Change(action=Action.DEACTIVATE, before=entry.values, after=entry.values)
        why = Remark(code="another source keeps them", facts={"handle": keepers})
        self.add(self.row(key, change, entry, evidence, observed_at).ended(RowStatus.SUPERSEDED, why))

    def _has_last_word(self, key: Key, entry: Entry, owner: Link | None) -> bool:
        """Tell whether a departure from this source is one from all: the entry's owner is gone, nobody else shows it.

        Another source that does takes the entry over in its next full run.
        """
        if entry.state is State.LEFT or not self._adoption.is_unowned(entry, owner):
            return False
        return not self._keepers(key, entry)

    def _last_departure(
        self, key: Key, entry: Entry, evidence: Evidence, observed_at: datetime, mapped: Mapped | None = None
    ) -> SyncRecord:
        """Plan that somebody leaves whose entry nobody writes any more: it is taken over as it is, in state left."""
        after = {**entry.values, "state": State.LEFT.value}
        change = Change(action=Action.ADOPT, before=entry.values, after=after)
        return self.row(key, change, entry, evidence, observed_at, mapped)

    def _leave_to_others(self, key: Key, entry: Entry, evidence: Evidence, observed_at: datetime) -> None:
        if entry.state is State.LEFT:
            return
        about = in_question(key, evidence, observed_at)
        self._left_to_others[key] = about, (entry.entry_id, other_keys(entry, key))

    def deserted(self) -> Sequence[Key | Claim]:
        """Name those whose departure was left to other sources, none of which shows them any more.

        Asked when all that this plan knows is written: so of two sources that show a departure at the same time, and
        leave it to each other, one at least finds out.
        """
        kept = self._shown_by.kept({key: taking for key, (_, taking) in self._left_to_others.items()})
        return [about for key, (about, _) in self._left_to_others.items() if key not in kept]

    def _note_parted(self, link: Link, again: Link, entry: Entry) -> None:
        """Note whose source may have been waiting for this one to stop showing them."""
        if (is_here(link) or self._is_written(link)) and not is_here(again):
            self.parted.add(entry.key)

    def _is_written(self, link: Link) -> bool:
        """Tell whether this very task wrote a further link before it was killed: what follows is still to be done."""
        return bool(link.owner) and link.task == self._task.task_id

    def _meet(self, records: Sequence[SourceRecord]) -> None:
        """Find the entries of those to whom records refer, where not all links of the source are loaded."""
        keys: set[Key] = set()

        def note(kind: Kind, external_id: str) -> str:
            keys.add(Key(self._source.uid, kind, external_id))
            return ""

        for record in records:
            map_record(record, self._source.mapping, note)
        wanted = sorted(key for key in keys if key not in self.links and key not in self._met)
        found = self.directory.links_of(wanted) if wanted else {}
        self._met |= {key: link.entry_id or new_entry_id(key) for key, link in found.items()}

    def _still_here(self) -> Mapping[Key, Remark]:
        """Say from whom this plan would take access while another source shows them: that a person decides."""
        taken = [each for each in self._candidates.values() if each.removes_access]
        return self._shown_by.kept({each.key: (each.entry_id, self._others.get(each.key, ())) for each in taken})

    def _keepers(self, key: Key, entry: Entry) -> str:
        """Name the sources of further links that show somebody with access; "" if none does."""
        others = other_keys(entry, key)
        return self._shown_by.handles_of(entry.entry_id, self.directory.links_of(others).values()) if others else ""

    # --- what the source did not show

    def absent(self) -> tuple[Key, ...]:
        """List the keys to ask for by name: those the walk should have shown, and those it showed in two ways."""
        missing = (key for key in (*absentees(self.links, self._seen), *self._owed()) if key not in self._answered)
        return (*missing, *sorted(self.disputed))

    def _owed(self) -> Sequence[Key]:
        """List those whose departure is written down on a further link, and has not come to its end.

        An earlier slice of this task wrote it; or the source that kept them is gone, and they are still there.
        """
        left = [link for link in self.links.values() if link.state is State.LEFT and link.owner]
        left = [link for link in left if link.key not in self._seen]
        written = {link.key for link in left if self._is_written(link)} if self._task.slices > 1 else set()
        orphaned = [link.key for link in left if link.owner not in self._handles()]
        entries = self.entries(orphaned) if orphaned else {}
        return sorted(written | {key for key, entry in entries.items() if entry.state is not State.LEFT})

    def absent_departments(self, walked: Collection[Key]) -> tuple[Key, ...]:
        """List the departments to ask for by name that a walk has not shown."""
        departments = {key: link for key, link in self.links.items() if key.kind is Kind.DEPARTMENT}
        return absentees(departments, walked)

    def looks_foreign(self) -> Mapping[str, int]:
        """Say by which figures the walk looks like another company's; nothing if it does not."""
        people = [key for key in self.links if key.kind is Kind.EMPLOYEE and self._is_known(key)]
        kept = sum(1 for key in people if key in self._seen)
        new = sum(1 for key in self._seen if key.kind is Kind.EMPLOYEE and key not in self.links)
        any_department = any(self._is_known(key) for key in self._seen if key.kind is Kind.DEPARTMENT)
        # In some companies people are simply numbered: a few may bear the numbers of ours.
        others = new > kept and kept * SHARE_KEPT < len(people) and not any_department
        if others and len(people) >= ANOTHER_COMPANY_FLOOR:
            return {"known": len(people), "kept": kept, "seen": new}
        return {}

    def missed(self) -> tuple[Key, ...]:
        """Choose some known people whom the walk did not show, to see whether the source knows them at all."""
        people = (key for key in absentees(self.links, self._seen) if key.kind is Kind.EMPLOYEE)
        return tuple(nsmallest(ASKED_AS_STRANGERS, people, key=_number))

    def _is_known(self, key: Key) -> bool:
        return key in self.links and self.links[key].state is not State.LEFT

    def witnesses(self, absent: Collection[Key], walked: Iterable[Key] = ()) -> tuple[Key, ...]:
        """Choose some whom the walk showed and who must be found by name too, or no such answer is worth anything.

        A leaver whom a list still shows is none: by name the source says of them, too, that they are gone.
        """
        if not absent:
            return ()
        asked = frozenset(absent) | self._shown_as_left
        seen = (key for key in (*self._seen, *walked) if key not in asked)
        shown = [key for key in seen if key in self.links and self.links[key].entry_id]
        chosen = {kind: nsmallest(WITNESSES, (key for key in shown if key.kind is kind), key=_number) for kind in Kind}
        wanted = {key.kind for key in absent}
        return tuple(key for kind in Kind if kind in wanted for key in chosen[kind]) or tuple(chain(*chosen.values()))

    # --- what a look at a few keys is compared with

    def losses(self, presences: Mapping[Key, Presence]) -> Mapping[Key, tuple[str, ...]]:
        """Name by key the fields that have a value in the directory and are empty in what was found."""
        found = {key: each.record for key, each in presences.items() if isinstance(each, Found)}
        losses = {}
        for key, entry in self._owned(found).items():
            mapped = self._mapped(found[key])
            if isinstance(mapped, Mapped):
                losses[key] = self._uncut(key, vanished(entry.values, {**entry.values, **mapped.values}))
        return {key: names for key, names in losses.items() if names}

    def bystanders(
        self, kinds: Collection[Kind], fields: Collection[tuple[Kind, str]], *, but: Collection[Key]
    ) -> tuple[Key, ...]:
        """Choose known people and departments of these kinds, of whom the directory has values in these fields."""
        links: dict[Kind, list[Link]] = {kind: [] for kind in kinds}
        for link in islice(self.directory.links(self._source.uid), LINKS_LOOKED_AT):
            fit = link.entry_id and link.state.has_access and link.unseen_since is None and link.key not in but
            if fit and not link.owner and link.key.kind in links and len(links[link.key.kind]) < BYSTANDERS:
                links[link.key.kind].append(link)
            if all(len(each) == BYSTANDERS for each in links.values()):
                break
        chosen: list[Key] = []
        for kind, of_kind in links.items():
            entries = self.directory.entries([link.entry_id for link in of_kind])
            values = {link.key: entries[link.entry_id].values for link in of_kind if link.entry_id in entries}
            names = [name for of, name in fields if of is kind]
            chosen += nlargest(
                WITNESSES, values, key=lambda key: sum(not is_empty(values[key].get(name)) for name in names)
            )
        return tuple(chosen)

    def diminished(self, presences: Mapping[Key, Presence]) -> Collection[tuple[Kind, str]]:
        """Name the fields that some of those who were found have in the directory, and none of them shows."""
        found = {key: each.record for key, each in presences.items() if isinstance(each, Found)}
        had: set[tuple[Kind, str]] = set()
        shown: set[tuple[Kind, str]] = set()
        for key, entry in self._owned(found).items():
            mapped = map_record(found[key], self._source.mapping, self.resolve)
            if isinstance(mapped, Mapped):
                had |= {(key.kind, name) for name, value in entry.values.items() if not is_empty(value)}
                shown |= {(key.kind, name) for name, value in mapped.values.items() if not is_empty(value)}
        return had - shown

    def note_shown(self, presences: Mapping[Key, Presence]) -> Collection[tuple[Kind, str]]:
        """Note which fields are shown of others than those this is about, and return all that are."""
        for each in presences.values():
            mapped = map_record(each.record, self._source.mapping, self.resolve) if isinstance(each, Found) else None
            if isinstance(mapped, Mapped):
                kind = mapped.record.key.kind
                self._shown.update((kind, name) for name, value in mapped.values.items() if not is_empty(value))
        return frozenset(self._shown)

    def keeping(
        self, presences: Mapping[Key, Presence], fields: Mapping[Key, Collection[str]]
    ) -> Mapping[Key, Presence]:
        """Take these fields of these keys for not covered, and remember to tell of it."""
        kept: dict[Key, Presence] = dict(presences)
        for key, names in fields.items():
            presence = presences[key]
            if names and isinstance(presence, Found):
                rules = (rule for rule in self._source.mapping.rules(key.kind) if rule.field in names)
                covers = presence.record.covers.difference(*(rule.reads for rule in rules))
                kept[key] = Found(record=replace(presence.record, covers=covers))
                self._unshown.update(names)
        return kept

    def wanting_details(self, budget: int, today: date, *, rotate: bool) -> tuple[Key, ...]:
        """Choose whom to read by name for what no list shows: those new or changed, then today's share of the rest.

        The share goes round by itself: a key's turn depends on the day and the key alone, so nothing has to be kept.
        """
        people = sorted(key for key in self._seen if key.kind is Kind.EMPLOYEE)
        changed = [key for key in people if key in self._rows]
        rounds = -(-len(people) // max(1, budget))
        turn = today.toordinal() % max(1, rounds)
        share = [key for key in people if key not in self._rows and rotate and _number(key) % rounds == turn]
        return tuple([*changed, *share][:budget])

    def conclude(self, presences: Mapping[Key, Presence]) -> None:
        """Plan what the answers about keys asked for by name mean (law 2)."""
        self._answered.update(presences)
        self.consider([each.record for each in presences.values() if isinstance(each, Found)], final=True)
        silent = {key: each for key, each in presences.items() if not isinstance(each, Found)}
        entries = self.entries(silent.keys())
        for key, presence in silent.items():
            self.disputed.discard(key)
            self._forget(key)
            entry = entries.get(key)
            if entry is None and key in self.links and isinstance(presence, Gone):
                # It was unlinked from its entry, and left before it had another.
                self.relinks[key] = replace(self.links[key], state=State.LEFT, observed_at=presence.observed_at)
            if entry is None or (entry.state is State.LEFT and entry.key == key):
                continue
            match presence:
                case Gone(observed_at=observed_at):
                    self._depart(key, entry, Evidence.GONE, observed_at)
                case Hidden(observed_at=observed_at) | Unclear(observed_at=observed_at):
                    if key in self._seen:  # it was shown, in two ways or with a value lost
                        self._unanswered[key.kind] += 1
                    elif isinstance(self._task.extent, Everything):
                        self._lose_sight(key, entry, observed_at)

    def weigh(self, claim: Claim, presence: Presence) -> None:
        """Plan what a reported departure means (law 4): a fact, unless the source still shows the key as present."""
        match presence:
            case Found():
                back = self.shown_since(claim.key, claim.at)
                # What is empty by now may be the departure under way; the next walk tells.
                kept = self.keeping({claim.key: presence}, self.losses({claim.key: presence}))
                self.consider([each.record for each in kept.values() if isinstance(each, Found)], final=True)
                self._doubt(claim, back=back)
                return
            case Gone(observed_at=observed_at):
                evidence = Evidence.GONE
            case Hidden() if self.shown_since(claim.key, claim.at):
                self._ignored.add(claim.key)
                self._doubt(claim, back=False)
                return
            case Hidden(observed_at=observed_at):
                evidence = Evidence.CLAIMED
            case Unclear():
                evidence, observed_at = Evidence.CLAIMED, claim.at
        self._seen[claim.key] = _UNMAPPABLE
        self._ignored.add(claim.key)
        entry = self.entries([claim.key]).get(claim.key)
        if entry is not None and (entry.state is not State.LEFT or entry.key != claim.key):
            self._depart(claim.key, entry, evidence, observed_at)
            return
        # Nobody to deactivate, but an older observation that is still on its way must not revive them.
        link = self.links.get(claim.key)
        left = Link(
            key=claim.key,
            entry_id=link.entry_id if link else "",
            digest="",
            observed_at=observed_at,
            state=State.LEFT,
            task=self._task.task_id,
        )
        if link is None or link.observed_at < observed_at:
            self.relinks[claim.key] = left

    def shown_since(self, key: Key, at: datetime) -> bool:
        """Tell whether the key was written down as present by an observation that is newer than its claim (law 3)."""
        link = self.links.get(key)
        return link is not None and link.state is not State.LEFT and link.observed_at > at

    def _doubt(self, claim: Claim, *, back: bool) -> None:
        """Look again later, as events come before the source's reads show them; in the end keep them, and say so.

        Nothing is said of those who are `back`: known as present by then, and found once more.
        """
        entry = self.entries([claim.key]).get(claim.key)
        row = self._buffer.get(claim.key)
        after = row.after if row else entry.values if entry else NOTHING
        is_further = entry is not None and entry.key != claim.key and row is None
        link = self.relinks.get(claim.key, self.links.get(claim.key)) if is_further else None
        if (link.state if link else after.get("state")) in (None, State.LEFT):
            return
        if claim.looks < MOST_LOOKS:
            self.look_again.append(replace(claim, looks=claim.looks + 1))
        elif entry is not None and row is None and not back:
            change = Change(action=Action.DEACTIVATE, before=entry.values, after=entry.values)
            said = self.row(claim.key, change, entry, Evidence.CLAIMED, claim.at)
            self.add(said.ended(RowStatus.CONTRADICTED, Remark(code="departure contradicted")))

    def _depart(self, key: Key, entry: Entry, evidence: Evidence, observed_at: datetime) -> None:
        if entry.key != key:
            self._part(key, entry, evidence, observed_at)
            return
        change = departure(entry)
        if change is not None:
            self.add(self.row(key, change, entry, evidence, observed_at))

    def _lose_sight(self, key: Key, entry: Entry, observed_at: datetime) -> None:
        link = self.links[key]
        self._unseen[key.kind] += 1
        if link.unseen_since is None:
            self.relinks[key] = replace(link, unseen_since=self._task.started_at or observed_at)
        elif link.unseen_since != self._task.started_at:
            self._depart(key, entry, Evidence.UNSEEN, observed_at)

    # --- the end of the plan

    def finish(self, *, guarded: bool, recent: Callable[[], Mapping[Kind, int]]) -> tuple[Remark, ...]:
        """Store the rest of the plan, hold what the guard says, and return what should be told about it all.

        `recent` counts the removals of other tasks; it is asked only where there is something to guard.
        """
        self._flush()
        self._stamp()
        if self._task.slices > 1:  # an earlier slice may have planned what is not true any more
            stale = [row.key for row in self._tasks.rows(self._task.task_id) if row.key not in self._rows]
            self._tasks.drop_rows(self._task.task_id, stale, self._fence)
        if guarded and (self._candidates or self._revived):
            plan = tuple(self._candidates.values())
            # Those whom only a read by name found lose values, too, which no list had to compare with.
            lost = self._lost | Counter(
                (each.key.kind, name) for each in plan for name in self._unsettled(each.key.kind, each.vanished)
            )
            lost = Counter({field: count for field, count in lost.items() if field not in self._shown})
            still_here = self._still_here()
            held = check(
                self._source.guard,
                plan,
                self._population(),
                recent(),
                reported=isinstance(self._task.extent, Only) and self._task.asked_by != ASKED_BY_MATCHING,
                lost=lost,
                waits={**self._revived, **still_here},
            )
            rows = self._tasks.rows_of(self._task.task_id, tuple(held))
            for row in (rows[key] for key in still_here):
                about = in_question(row.key, row.evidence, row.observed_at)
                self._left_to_others[row.key] = about, (row.entry_id, self._others[row.key])
            self._tasks.put_rows((rows[key].ended(RowStatus.HELD, why) for key, why in held.items()), self._fence)
        return tuple(self._remarks())

    def _stamp(self) -> None:
        """Write on the links of departments what this run has found out about the scope."""
        if isinstance(self._task.extent, Approved):
            return
        for key, link in self.links.items():
            if key.kind is Kind.DEPARTMENT and link.entry_id and link.state is not State.LEFT:
                stamp = self.within.stamp(key.external_id)
                if stamp != link.within:
                    self.relinks[key] = replace(self.relinks.get(key, link), within=stamp)

    @property
    def leaves_out(self) -> bool:
        """Tell whether known people or departments were found outside of the scope."""
        return self._outside.total() > 0

    def _remarks(self) -> Iterator[Remark]:
        if conflicts := Counter(key.kind for key in self._adoption.conflicts):
            yield Remark(code="some match several entries", facts={f"{kind}s": conflicts[kind] for kind in Kind})
        if self._outside:
            yield Remark(code="some are out of scope", facts={f"{kind}s": self._outside[kind] for kind in Kind})
        if self._left_alone:
            yield Remark(code="values are left alone", facts={"count": len(self._left_alone)})
        if self._unseen:
            yield Remark(code="some cannot be seen", facts={f"{kind}s": self._unseen[kind] for kind in Kind})
        if self._unanswered:
            yield Remark(code="some are unclear", facts={f"{kind}s": self._unanswered[kind] for kind in Kind})
        if self._unshown:
            fields, count = ", ".join(sorted(self._unshown)), max(self._unshown.values())
            yield Remark(code="fields not shown", facts={"fields": fields, "count": count})

    def few_keys(self) -> tuple[Key, ...] | None:
        """Name the keys of all rows of a finished plan, where they are few."""
        return tuple(sorted(self._rows)) if len(self._rows) <= FEW_ROWS else None

    def unchanged(self, kind: Kind) -> int:
        return sum(1 for key in self._seen if key.kind is kind and key not in self._rows and key not in self._ignored)

    def _population(self) -> Mapping[Kind, int]:
        return Counter(key.kind for key, link in self.links.items() if not link.owner and is_here(link))

    # --- rows

    def resolve(self, kind: Kind, external_id: str) -> str:
        """Name the entry of another key of this source, whether it is there yet or not; "" for one out of scope."""
        if kind is Kind.DEPARTMENT and not self.within.has(external_id):
            self._left_out = True
            return ""
        return self._entry_id(Key(self._source.uid, kind, external_id))

    def _entry_id(self, key: Key) -> str:
        link = self.links.get(key)
        return link.entry_id if link and link.entry_id else self._met.get(key) or new_entry_id(key)

    def row(
        self,
        key: Key,
        change: Change,
        entry: Entry | None,
        evidence: Evidence,
        observed_at: datetime,
        mapped: Mapped | None = None,
    ) -> SyncRecord:
        """Write a change down. Without `mapped` the link gets no digest: the next record is compared in full."""
        if entry is not None and entry.others:
            self._others[key] = other_keys(entry, key)
        return SyncRecord(
            task=self._task.task_id,
            key=key,
            entry_id=entry.entry_id if entry else self._entry_id(key),
            action=change.action,
            status=RowStatus.PLANNED,
            source=mapped.record.fields if mapped else NOTHING,
            before=change.before,
            after=change.after,
            observed_at=observed_at,
            digest=mapped.digest if mapped else "",
            revision=entry.revision if entry else 0,
            evidence=evidence,
            within=self.within.stamp(key.external_id) if key.kind is Kind.DEPARTMENT else "",
        )

    def add(self, row: SyncRecord) -> None:
        self._rows.add(row.key)
        self._dropped.discard(row.key)
        self._buffer[row.key] = row
        if row.status is RowStatus.PLANNED and row.action in (Action.UPDATE, Action.DEACTIVATE, Action.ADOPT):
            unseen = self._unseen_since(row.key) if row.evidence is Evidence.UNSEEN else ""
            closes = row.removes_access and row.after.get("state") == State.LEFT
            action = Action.DEACTIVATE if closes else row.action
            candidate = Candidate.of(row.key, row.entry_id, action, row.before, row.after, unseen=unseen)
            cut = self._cut.get(row.key, ())
            shown = tuple(name for name in candidate.vanished if name not in cut)
            self._candidates[row.key] = replace(candidate, vanished=shown)
        if len(self._buffer) >= FLUSH_ROWS:
            self._flush()

    def _unseen_since(self, key: Key) -> str:
        link = self.links.get(key)
        since = link.unseen_since if link else None
        return (since or self._task.asked_at).date().isoformat()

    def _reject(self, record: SourceRecord, why: Remark) -> None:
        link = self.links.get(record.key)
        entry = self.entries([record.key]).get(record.key)
        if entry is not None and entry.is_forgotten and record.fields.get("state") == State.LEFT:
            self._ignored.add(record.key)  # what was wiped comes back with the person, not before
            return
        before: Values = entry.values if entry else NOTHING
        change = Change(action=Action.UPDATE if link else Action.CREATE, before=before, after=before)
        mapped = Mapped(record=record, values=NOTHING, digest="")
        row = self.row(record.key, change, entry, Evidence.SHOWN, record.observed_at, mapped)
        self.add(row.ended(RowStatus.REJECTED, why))

    def _forget(self, key: Key) -> None:
        self._candidates.pop(key, None)
        self._revived.pop(key, None)
        self._buffer.pop(key, None)
        self.relinks.pop(key, None)
        self._left_to_others.pop(key, None)
        if key in self._rows:
            self._rows.discard(key)
            self._dropped.add(key)

    def _flush(self) -> None:
        self._tasks.put_rows(self._buffer.values(), self._fence)
        self._tasks.drop_rows(self._task.task_id, self._dropped, self._fence)
        self._buffer.clear()
        self._dropped.clear()

    def entries(self, keys: Iterable[Key]) -> Mapping[Key, Entry]:
        """Load the entries that these keys are linked to."""
        wanted = {key: self.links[key].entry_id for key in keys if key in self.links and self.links[key].entry_id}
        entries = self.directory.entries(sorted(set(wanted.values())))
        return {key: entries[entry_id] for key, entry_id in wanted.items() if entry_id in entries}

    def _owned(self, keys: Iterable[Key]) -> Mapping[Key, Entry]:
        """Load the entries that these keys own, without those of which another source has the word."""
        return {key: entry for key, entry in self.entries(keys).items() if entry.key == key}


def in_question(key: Key, evidence: Evidence, observed_at: datetime) -> Key | Claim:
    """Say what is to be asked about a departure again: of one that was reported, as it was reported."""
    return Claim(key=key, at=observed_at) if evidence is Evidence.CLAIMED else key


def _number(key: Key) -> int:
    return zlib.crc32(key.external_id.encode())
