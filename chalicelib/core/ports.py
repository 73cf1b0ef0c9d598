"""The Protocols through which rooms reach outside. Implementations are chosen in `wiring` and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from chalicelib.core.task import Lane

if TYPE_CHECKING:
    # Loaded by those who use them: a door that vendors wait for needs few.
    from chalicelib.core.budget import Cause, Spent
    from chalicelib.core.confirm import Confirmation
    from chalicelib.core.finding import Finding
    from chalicelib.core.message import Address, Card, Delivery, HttpRequest, Message, Opened, Outgoing
    from chalicelib.core.model import Entry, Key, Kind, Link, Part, Remark, SourceRecord
    from chalicelib.core.notice import NoticeSettings
    from chalicelib.core.page import Visit
    from chalicelib.core.presence import Presence
    from chalicelib.core.principal import Admin, Principal
    from chalicelib.core.reply import Reply
    from chalicelib.core.scope import SourceDepartment
    from chalicelib.core.secret import Secret
    from chalicelib.core.source import Form, Source, Turn
    from chalicelib.core.task import (
        Claim,
        Fence,
        Hint,
        Outcome,
        Progress,
        RowOutcome,
        RowStatus,
        Sighting,
        Snapshot,
        SyncRecord,
        SyncTask,
    )

# --- the table below the store ---------------------------------------------------------------------------------------

Attribute = str | int | bytes
LARGEST_ITEM_BYTES = 400 * 1024
MOST_WRITES = 100
LARGEST_WRITE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row under (`partition`, `sort`). Attributes are flat. It ends at `expires` (epoch seconds) or later."""

    partition: str
    sort: str
    attributes: Mapping[str, Attribute]
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such item."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The item is there and its attribute has this value (a revision, an owner, a status)."""

    attribute: str
    value: Attribute


@dataclass(frozen=True, slots=True)
class Before:
    """The item is not there, or lacks the attribute, or has it less than this value (instants are ISO text)."""

    attribute: str
    value: Attribute


Condition = Absent | Equals | Before


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    item: Item
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Give attributes of an item that is there new values; its others and its end stay as they are."""

    partition: str
    sort: str
    attributes: Mapping[str, Attribute]
    when: Equals


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    partition: str
    sort: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Write nothing here, but fail the whole unless the condition holds."""

    partition: str
    sort: str
    when: Condition


Write = Put | Update | Delete | Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`resume` is the sort key after which the next page starts, which may be empty; None when this was the last."""

    items: tuple[Item, ...]
    resume: str | None


class Table(Protocol):
    """The part of DynamoDB that two engines keep exactly; every read is consistent.

    Limits belong to the port: 400 KB an item (names included), 100 writes and 4 MB a transaction, 1 MB a page, no empty
    key. Breaking one is a ValueError, on every engine. An Update counts with what it changes.
    """

    def get(self, partition: str, sort: str) -> Item | None: ...

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        """Read many items, in any number; those that do not exist are left out."""
        ...

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        """Read one page of a partition in order of sort keys that start with `prefix`, from just after `after`."""
        ...

    def write(self, writes: Sequence[Write]) -> None:
        """Do all or nothing: 1 to 100 writes, no item twice.

        Raises:
            ConditionFailedError: some conditions did not hold.
            StoreConflictError: another transaction was in the way, also after retries.
        """
        ...

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        """Write in any number, without conditions and without atomicity; returns when all are written."""
        ...


# --- what is kept ----------------------------------------------------------------------------------------------------


class Directory(Protocol):
    def links(self, source: str) -> Iterator[Link]:
        """Read every link of a source, tombstones included, in no order."""
        ...

    def links_of(self, keys: Sequence[Key]) -> Mapping[Key, Link]: ...

    def entries(self, entry_ids: Sequence[str]) -> Mapping[str, Entry]: ...

    def listing(self, kind: Kind) -> Iterator[Entry]:
        """Read every entry of a kind, in no order."""
        ...

    def search(self, text: str, limit: int) -> Sequence[Entry]:
        """Find employees by a prefix of a name, e-mail, mobile or employee number; case and width do not matter."""
        ...

    def holders(self, values: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[Entry]]:
        """Find the employees who have a value (field, value) exactly: an e-mail, a mobile or an employee number."""
        ...

    def apply(self, fence: Fence, rows: Sequence[SyncRecord]) -> Sequence[Outcome]:
        """Write entry, link, search aliases and the row's outcome (`applied`), each row in one transaction.

        An adoption makes its key the owner of the entry, or one of its `others`. A row of a key that does not own the
        entry (any more) is stale. The answers stand in the order of the rows. A row is superseded when its link was
        observed later, or the source's last completed full read began later, than the row's own observation.

        Raises:
            StoreConflictError: the lease is lost, or transactions kept colliding.
        """
        ...

    def relink(self, fence: Fence, links: Sequence[Link]) -> None:
        """Write links alone (a new digest, `unseen_since`); one that was observed later meanwhile is left as it is.

        So is one that leads to another entry meanwhile.
        """
        ...

    def forget(self, fences: Sequence[Fence], entry: Entry) -> bool:
        """Wipe the values of an entry, and what it is found by; False when it changed meanwhile.

        Raises:
            StoreConflictError: a lease is lost.
        """
        ...

    def relate(self, fences: Sequence[Fence], entries: Sequence[Entry], links: Sequence[Link]) -> bool:
        """Write links by hand, and the `others` of entries, in one transaction; False when an entry changed meanwhile.

        `entries` are as they were read but for their `others`.

        Raises:
            StoreConflictError: a lease is lost.
        """
        ...


class Catalog(Protocol):
    def sources(self) -> Sequence[Source]:
        """Read all sources in order of handle."""
        ...

    def source(self, handle_or_uid: str) -> Source:
        """
        Raises:
            NotFoundError: there is no such source.
        """
        ...

    def add(self, source: Source) -> None:
        """
        Raises:
            ConflictError: a rule of `core.source.check_room` would be broken, by this one or by it and a rival.
        """
        ...

    def update(self, source: Source, *, instead_of: Source) -> bool:
        """Replace a source and when it is due; False when it is not what `instead_of` says any more.

        `revision` and `last_asked_at` are kept by the catalog, whatever `source` says.

        Raises:
            ConflictError: a rule of `core.source.check_room` would be broken, by this one or by it and a rival.
        """
        ...

    def claim_due(self, source: Source, now: datetime, next_due_at: datetime | None) -> bool:
        """Set `last_asked_at` to now, and when the next sync is due, if both still are what `source` says.

        False when somebody else was faster, or the source was edited meanwhile.
        """
        ...

    def turns(self, now: datetime) -> Sequence[Turn]:
        """Read of every source when it is due, those that are disabled too: one small read, whatever sources hold.

        At each quarter of an hour the sources themselves are asked, so what the index lacks is late, and not lost.
        """
        ...


class Tasks(Protocol):
    def ask(self, draft: SyncTask, *, once: str | None = None) -> tuple[SyncTask, bool]:
        """Store a task under a new id (short, ascending digits); True when it is new.

        A draft over Everything for a source that has one unfinished gets that one, and False. So does a draft with a
        `once` that was seen before.
        """
        ...

    def get(self, task_id: str) -> SyncTask:
        """
        Raises:
            NotFoundError: there is no such task.
        """
        ...

    def recent(self, source: str | None, limit: int) -> Sequence[SyncTask]:
        """Read tasks, newest first."""
        ...

    def waiting(self, source: str) -> Sequence[SyncTask]:
        """Read the unfinished tasks of a source, oldest first."""
        ...

    def held(self, source: str) -> Sequence[SyncTask]:
        """Read the ended tasks with rows that wait for a person, oldest first."""
        ...

    def save(self, task: SyncTask, fence: Fence) -> None:
        """
        Raises:
            StoreConflictError: the lease is lost.
        """
        ...

    def end(
        self, task: SyncTask, fence: Fence, *, read_began_at: datetime | None = None, keeps_stage: bool = False
    ) -> None:
        """Store an ended task, take it off the waiting list, put it on the held list or off it by its status.

        Its calls to the vendor are counted in the month of its end, once, however often this is tried.
        `read_began_at` becomes the source's last completed full read when it is given and later than the one kept.
        With `keeps_stage` what the task staged becomes the source's snapshot, and the one before is cleared.

        Raises:
            StoreConflictError: the lease is lost.
            StoppedError: it is to end as cancelled; nothing is stored.
        """
        ...

    def unreported(self, source: str) -> Sequence[SyncTask]:
        """Read the tasks that ended within two days and that `reported` was not said of, oldest first."""
        ...

    def reported(self, task: SyncTask) -> None: ...

    def close(self, task: SyncTask) -> None:
        """Store an ended task once more (its held rows were decided), and keep the held list in step."""
        ...

    def seen(self, source: str, once: str) -> SyncTask | None:
        """Read the task that `ask` gave for this `once`."""
        ...

    # a person wants it to end
    def stop(self, task: SyncTask, why: Remark) -> bool:
        """Note that a task is to end where it is; False when it is over. The first note stays.

        From then on it can only end as cancelled, whoever is killed meanwhile.
        """
        ...

    def stopped(self, task: SyncTask) -> Remark | None:
        """Read why a task that is not over is to end."""
        ...

    # the plan
    def put_rows(self, rows: Iterable[SyncRecord], fence: Fence) -> None:
        """Write rows of a plan, in place of those of the same keys.

        Raises:
            StoreConflictError: the lease is lost; whoever holds it may have applied these rows already.
        """
        ...

    def rows(self, task_id: str) -> Iterator[SyncRecord]:
        """Read the plan, departments before employees."""
        ...

    def outcomes(self, task_id: str) -> Iterator[RowOutcome]:
        """Read what became of each row of the plan, in no order; much cheaper than `rows`."""
        ...

    def rows_of(self, task_id: str, keys: Sequence[Key]) -> Mapping[Key, SyncRecord]: ...

    def drop_rows(self, task_id: str, keys: Iterable[Key], fence: Fence) -> None: ...

    def wipe_rows(self, key: Key, entry_id: str | None = None) -> int:
        """Wipe all values of a key from the rows of every plan that is kept; tell from how many.

        With `entry_id` only from rows about that entry.
        """
        ...

    def decide(self, rows: Sequence[SyncRecord], *, instead_of: RowStatus) -> Sequence[SyncRecord]:
        """Store rows whose status is still `instead_of`; return those that were stored."""
        ...

    # later looks at claimed departures
    def look_again(self, source: str, looks: Sequence[tuple[datetime, Claim]]) -> None:
        """Note when to look at claims again; for a key that is noted already, the newer note replaces the older."""
        ...

    def looks(self, source: str) -> Sequence[tuple[datetime, Claim]]:
        """Read the noted looks, in order of key."""
        ...

    def drop_looks(self, source: str, keys: Sequence[Key]) -> None: ...

    # the stage
    def stage(self, task_id: str, part: Part | Sighting) -> None: ...

    def staged_parts(self, task_id: str) -> Mapping[str, Part]:
        """Look at the parts that were staged within two days, by name; each is loaded when it is asked for."""
        ...

    def staged_sightings(self, task_id: str) -> Mapping[str, Sighting]: ...

    def clear_stage(self, task_id: str) -> None: ...

    def snapshot(self, source: str) -> Snapshot | None:
        """Look at what the last whole read showed, unless that is longer ago than a week."""
        ...

    def drop_snapshot(self, source: str) -> None: ...

    # the lease
    def take(self, source: str, owner: str, now: datetime, ttl: timedelta, lane: Lane = Lane.FULL) -> Fence | None:
        """Take the lease of a source's lane; None while somebody else's has not run out."""
        ...

    def renew(self, fence: Fence, now: datetime, ttl: timedelta, progress: Progress | None) -> bool:
        """Push the end of the lease out and store the progress; False when it was lost."""
        ...

    def release(self, fence: Fence) -> None: ...

    def lease(self, source: str, lane: Lane = Lane.FULL) -> tuple[datetime, Progress | None] | None:
        """Read until when the lease runs and how far its holder is; None when nobody holds it."""
        ...

    # what bounds the next run
    def read_through(self, source: str) -> datetime | None:
        """Tell when the last completed full read began."""
        ...

    def removals(self, source: str, since: datetime, *, except_task: str) -> Mapping[Kind, int]:
        """Count the removals that tasks reserved since then."""
        ...

    def reserve_removals(self, source: str, task_id: str, now: datetime, counts: Mapping[Kind, int]) -> None:
        """Note the removals that a task is about to apply; doing it again for the same task replaces its note."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Who did what, through which door, about which source or task, and how it ended ("done" or an error's code)."""

    at: datetime
    principal: Principal
    verb: str
    source: str | None
    task: str | None
    outcome: str

    @property
    def where(self) -> str:
        """The chat that it was said in, "" elsewhere."""
        return self.principal.where


class Audit(Protocol):
    def note(self, line: AuditLine) -> None: ...

    def recent(self, limit: int) -> Sequence[AuditLine]:
        """Read lines, newest first."""
        ...

    def search(
        self,
        *,
        types: Collection[str] = (),
        by: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
    ) -> Sequence[AuditLine]:
        """Read lines, newest first, from `since` on and before `until`; of those that are asked for, up to `limit`.

        A type is a verb, or its first words ("sync" finds "sync now"). `by` is a principal's key.
        """
        ...


class Inbox(Protocol):
    """What vendors pushed and nobody has worked off yet; it lives two days."""

    def store(self, delivery: Delivery) -> bool:
        """Keep a delivery until it is done; False when one of its id was stored within two days, done or not."""
        ...

    def waiting(self, source: str) -> Sequence[Delivery]:
        """Read the deliveries of a source that are not done, in order of arrival."""
        ...

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries off; should they come again, they are known."""
        ...

    def drop(self, source: str, at: datetime) -> int:
        """Count a delivery that is not kept, and tell how many so far; where many drop at once, some go uncounted."""
        ...


# What was seen to come, whatever the URL: contact events, what was said, what was pressed on cards.
EVENTS: Final = "events"
TALK: Final = "talk"
PRESSES: Final = "presses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What came last: a check of the URL by the vendor, something proven, something that was not."""

    checked_at: datetime | None = None
    seen_at: datetime | None = None
    refused_at: datetime | None = None


class Doors(Protocol):
    """When vendors last pushed to a source, for whoever wonders why nothing comes."""

    def checked(self, source: str, door: str, at: datetime) -> None:
        """Note that the vendor's check of the URL was answered; one write."""
        ...

    def seen(self, source: str, door: str, at: datetime) -> None:
        """Note that something proven was worked off; at most one write a minute."""
        ...

    def refused(self, source: str, door: str, at: datetime) -> None:
        """Note that something was not proven: anybody can cause that, so one write in ten minutes, and no more."""
        ...

    def of(self, source: str) -> Mapping[str, Door]: ...


class Chats(Protocol):
    """What was said and not answered yet, what is to be said, the cards that follow a task, and what must be confirmed.

    Said things and outgoing ones live two days, cards and confirmations 14.
    """

    # what was said
    def store(self, delivery: Delivery) -> bool:
        """Keep what was said until it is done; False when one of its id was stored within two days, done or not.

        Raises:
            SignatureError: its seal has served another one.
        """
        ...

    def waiting(self, source: str) -> Sequence[Delivery]:
        """Read what nobody has answered, in order of arrival."""
        ...

    def claim(self, delivery: Delivery, owner: str, now: datetime, until: datetime) -> int | None:
        """Take it to answer it; None when it is done or somebody else has it whose time has not run out.

        Returns how often it was taken before: a killed handler is retried, not for ever. Whoever has it may say anew
        until when, which is not taking it once more.
        """
        ...

    def answered(self, delivery: Delivery, replies: Sequence[Outgoing]) -> None:
        """Take it off and put out what is to be said, in one transaction; of both nothing when it is done already."""
        ...

    # what is to be said
    def put(self, outgoing: Sequence[Outgoing]) -> None:
        """Put out, each once: one whose id was put within two days is left as it is."""
        ...

    def outgoing(self, source: str) -> Sequence[Outgoing]:
        """Read what waits to be said in a source's chats, in the order it was put."""
        ...

    def hold(self, outgoing: Outgoing, owner: str, now: datetime, until: datetime) -> bool:
        """Take it to send it; False when somebody else has it, has sent it, or has put it off since it was read."""
        ...

    def later(self, outgoing: Outgoing) -> None:
        """Store `attempts` and `not_before`, and let go of it."""
        ...

    def sent(self, outgoing: Outgoing, card: Card | None) -> None:
        """Take it off; a card that follows a task is kept."""
        ...

    def rings(self, source: str, now: datetime, due: datetime) -> bool:
        """Note that a ring is on its way for then; False when one is that comes no later, and not within a second."""
        ...

    # cards that follow a task
    def cards(self, task: str) -> Sequence[Card]: ...

    def showing(self, source: str) -> Sequence[Card]:
        """Read the cards of a source whose tasks had not ended when they were last edited."""
        ...

    def edited(self, card: Card, *, is_last: bool) -> None: ...

    # what must be confirmed
    def ask_to_confirm(self, draft: Confirmation) -> Confirmation:
        """Store it under a number that no other has had for 14 days: four digits or more."""
        ...

    def confirmation(self, source: str, number: str) -> Confirmation | None: ...

    def decide(self, before: Confirmation, after: Confirmation) -> bool:
        """Replace it; False when it is not what `before` says any more: somebody was faster."""
        ...


class Pages(Protocol):
    """One-time pages: links that were handed out, and what was typed behind them; gone an hour after their time."""

    def add(self, visit: Visit) -> None: ...

    def visit(self, visit_id: str) -> Visit | None: ...

    def change(self, before: Visit, after: Visit) -> bool:
        """Replace it; False when it is not what `before` says any more: somebody was faster."""
        ...

    def logo(self, visit_id: str) -> bytes:
        """Read the picture that was uploaded, empty when there is none."""
        ...

    def keep_logo(self, visit: Visit, logo: bytes) -> None: ...

    def key_name(self) -> str | None:
        """Name the secret that links are signed with; None when there is none yet."""
        ...

    def name_key(self, name: str) -> str:
        """Name the secret that links are signed with, unless somebody was faster; return the name that holds."""
        ...


class Board(Protocol):
    """Who is told what of a source."""

    def notices(self, source: str) -> NoticeSettings:
        """Read what is set, or what holds before anybody set anything."""
        ...

    def put(self, settings: NoticeSettings, *, instead_of: NoticeSettings) -> bool:
        """False when it is not what `instead_of` says any more."""
        ...


class Meter(Protocol):
    """How many calls to its vendor a source has cost, by month (UTC) and cause; kept for 400 days.

    Those of a task are counted when it ends, with its end, once: see `Tasks.end`.
    """

    def add(self, source: str, at: datetime, cause: Cause, calls: Mapping[str, int]) -> None:
        """Count calls that no task made."""
        ...

    def month(self, source: str, month: str) -> Spent: ...


class Admins(Protocol):
    def admin(self, source: str, person: str) -> Admin | None: ...

    def admins(self, source: str | None = None) -> Sequence[Admin]:
        """Read the admins of a source's chat, or of all, in order of source and person."""
        ...

    def put(self, admin: Admin) -> None: ...

    def drop(self, source: str, person: str) -> bool:
        """False when there was none."""
        ...


# --- what is outside -------------------------------------------------------------------------------------------------


class Connector(Protocol):
    """Reads one source. Errors are of the families of `core.errors`; limits and retries are its own affair."""

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far by endpoint, retries and refused ones included."""
        ...

    @property
    def daily_details(self) -> int:
        """How many people may be read by name each day for what no list shows; 0 where lists show everything."""
        ...

    def parts(self, staged: Mapping[str, Part]) -> Iterator[Part]:
        """Read what is in the source's scope, in parts; those in `staged` come from there.

        A part is whole, or the read raises. A walk below chosen departments shows what lies within the scope, and
        nothing else; parts that were staged for another scope are not taken.

        Raises:
            SetupError: a chosen department is gone, or cannot be seen.
        """
        ...

    def confirm(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        """Ask for keys by name; the answer has every key. A key missing from a batch answer is asked for singly."""
        ...

    def homes(self, record: SourceRecord) -> Sequence[str] | None:
        """Name the departments that a record lies in, by their external ids: a person's, or a department's parent.

        The company itself is none. None where the read did not show it.
        """
        ...

    def children(self, external_id: str | None) -> Sequence[SourceDepartment]:
        """List the departments right below one, or the topmost that we may see, in the vendor's order.

        Raises:
            NotFoundError: there is no such department, or we may not see it.
        """
        ...

    def examine(self) -> Iterator[Finding]:
        """Test what the source needs, one finding at a time, the most basic first; change nothing.

        What the vendor refuses is a finding. An error that is raised ends the test, and is a finding of whoever asked.
        """
        ...

    def close(self) -> None: ...


class Callback(Protocol):
    """Opens what a vendor pushes to one door."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        """Verify over the raw bytes, then decrypt, then check token and freshness; say what to answer and what to keep.

        Raises:
            SignatureError: it is not proven to come from the vendor, whatever is wrong with it.
        """
        ...


class Chat(Protocol):
    """The chat of one workspace. Errors are of the families of `core.errors`; limits and retries are its own affair."""

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far by endpoint, retries and refused ones included."""
        ...

    @property
    def presses(self) -> bool:
        """Whether buttons can be pressed here; where not, what they would say is shown to be typed."""
        ...

    def read(self, delivery: Delivery) -> Message | None:
        """Tell what was said; None for what is no affair of the bot (another bot, a picture, a message not for it)."""
        ...

    def post(self, reply: Reply, to: Address, *, once: str) -> str:
        """Say something; return the card by which it can be edited, "" where it cannot.

        The same `once` again within an hour says it once, where the vendor can tell. What is too large is shortened,
        and says so and how to see the rest.

        Raises:
            ThrottledError, SourceUnavailableError: again after `retry_after`.
            SourceDeniedError, NotFoundError: it will not come to that address.
        """
        ...

    def edit(self, card: str, reply: Reply, to: Address) -> bool:
        """Change a posted card in place; False when it is too old or gone, and must be posted anew.

        Raises: as `post`.
        """
        ...

    def close(self) -> None: ...


class Connectors(Protocol):
    def forms(self) -> Sequence[Form]: ...

    def form(self, kind: str) -> Form:
        """
        Raises:
            MalformedError: there is no such kind.
        """
        ...

    def open(self, source: Source, secrets: Mapping[str, Secret] | None = None) -> Connector:
        """Make what reads a source; with secrets that nobody keeps yet it is a trial, and trusts nothing known before.

        Raises:
            SetupError: secrets are missing.
        """
        ...

    def callback(self, kind: str, door: str) -> Callback:
        """Make what opens what a kind's vendor pushes to a door.

        Raises:
            NotFoundError: the kind has no such door.
        """
        ...

    def chat(self, source: Source) -> Chat:
        """
        Raises:
            NotFoundError: the kind has no chat.
            SetupError: secrets are missing.
        """
        ...

    def hints(self, source: Source, delivery: Delivery) -> Sequence[Hint]:
        """Tell what a delivery asks for; nothing when its type is not known."""
        ...


class Bell(Protocol):
    def ring(self, source: str, *, delay_s: float = 0) -> None:
        """Say that a source has work. Rung too often or lost, nothing breaks: work is rows."""
        ...


class Secrets(Protocol):
    def get(self, source: str) -> Mapping[str, Secret]:
        """Read all secrets of a source by name; empty when there are none."""
        ...

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        """Keep these in the place of all that are kept; False when those are not `instead_of` any more."""
        ...

    def drop(self, source: str) -> None: ...


class Estate(Protocol):
    """What is kept of a source besides its secrets, its entries, and what was done with it."""

    def clear(self, source: str) -> None:
        """Erase it all: links, leases, what waits, what was said, settings, admins; last its row in the catalog.

        It may be done again after a kill.

        What names a source by a digest only, and what it stands for holds nothing of anybody, ends within two days.
        """
        ...


class Logos(Protocol):
    """The pictures of sources."""

    def get(self, source: str) -> bytes | None: ...

    def put(self, source: str, logo: bytes) -> None: ...

    def drop(self, source: str) -> None: ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Tell the time, aware, UTC."""
        ...

    def sleep(self, seconds: float) -> None: ...
