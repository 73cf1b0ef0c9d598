"""A made-up company and a connector that reads it: the whole engine without any vendor.

Its clock moves with every call, so observations have an order.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import MalformedError, NotFoundError, SignatureError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.mapping import FieldMapping, Rule
from chalicelib.core.message import Address, Delivery, HttpRequest, HttpResponse, Message, Opened, Said
from chalicelib.core.model import Entry, Key, Kind, Part, Remark, SourceRecord, State, Value
from chalicelib.core.ports import AuditLine, Clock, Table
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.core.principal import TERMINAL
from chalicelib.core.reply import Line, Reply
from chalicelib.core.scope import EVERYTHING, Scope, SourceDepartment, check_chosen
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form, FormField, Source
from chalicelib.core.task import Claim, Hint, Lane, Only, Progress, Purpose, SyncRecord, SyncTask, Trigger
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.sources.draft import Draft
from chalicelib.sync.run import Runner, unwatched
from tests.builders import NOON

FIELDS = ("name", "en_name", "email", "mobile", "title", "departments", "manager", "state")
MAPPING = FieldMapping(
    departments=tuple(Rule(field=each, first_of=(each,)) for each in ("name", "parent", "leaders", "state")),
    employees=tuple(Rule(field=each, first_of=(each,)) for each in FIELDS),
)
FORM = Form(
    kind="scripted",
    label=("Scripted", "脚本"),
    fields=(
        FormField(name="app_id", label=("App id", "应用"), required=True, pattern="[a-z0-9_]+"),
        FormField(name="app_secret", label=("Secret", "密钥"), secret=True, required=True),
        FormField(name="note", label=("Note", "备注"), secret=True),
        FormField(name="seal", label=("Seal", "签名密钥"), secret=True, callback=True),
    ),
    mapping=MAPPING,
)


@dataclass
class Company:
    """Departments and people by external id, as the source would tell them; tests change it between syncs."""

    departments: dict[str, dict[str, Value]] = field(default_factory=dict)
    people: dict[str, dict[str, Value]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    remarks: tuple[Remark, ...] = ()
    daily_details: int = 0  # more than 0: lists do not show managers
    lost: set[str] = field(default_factory=set)  # fields that lists show as empty, though they are not

    def open(self, external_id: str, parent: str | None = None) -> None:
        self.departments[external_id] = {"name": external_id.title(), "parent": parent, "state": State.ACTIVE}

    def hire(self, external_id: str, *departments: str, **fields: Value) -> None:
        self.people[external_id] = {
            "name": external_id.title(),
            "email": f"{external_id}@example.com",
            "departments": departments,
            "state": State.ACTIVE,
            **fields,
        }

    def leave(self, external_id: str) -> None:
        """Gone from every list; asked by name, the source says so."""
        self.people.pop(external_id, None)
        self.departments.pop(external_id, None)
        self.left.add(external_id)


def a_company(people: int = 40, departments: int = 8) -> Company:
    company = Company()
    for number in range(departments):
        company.open(f"d{number}", f"d{(number - 1) // 2}" if number else None)
    for number in range(people):
        company.hire(f"p{number}", f"d{number % departments}", manager="p0" if number else None)
    return company


@dataclass
class ScriptedConnector:
    """Reads a Company: one part for the departments, one for the people of each, one for those in none.

    `before_call` runs before every call to the made-up vendor, with its number: it may change the company, or raise.
    """

    source: str
    company: Company
    clock: Clock
    before_call: Callable[[int], None]
    scope: Scope = EVERYTHING
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def daily_details(self) -> int:
        return self.company.daily_details

    def parts(self, staged: Mapping[str, Part]) -> Iterator[Part]:
        name = "departments" if self.scope.is_everything else f"departments/{self.scope.digest}"
        departments = staged.get(name) or self._departments(name)
        yield departments
        ids = [*self.company.departments, ""]
        if not self.scope.is_everything:
            ids = [record.key.external_id for record in departments.records]
        for external_id in ids:
            name = f"members/{external_id}"
            yield staged.get(name) or self._members(name, external_id, len(ids) + 1)

    def _departments(self, name: str) -> Part:
        self._call("departments")
        if not self.scope.is_everything:
            keys = self.scope.keys(self.source)
            check_chosen(self.scope, "hq", {key: self._presence(key) for key in keys})
        return Part(
            name=name,
            records=tuple(
                self._record(Kind.DEPARTMENT, each, fields)
                for each, fields in self.company.departments.items()
                if each not in self.company.hidden | self.company.unlisted and self._is_chosen(each)
            ),
            remarks=self.company.remarks,
        )

    def _is_chosen(self, department: str) -> bool:
        if self.scope.is_everything or department in self.scope.ids:
            return True
        parent = self.company.departments.get(department, {}).get("parent")
        return isinstance(parent, str) and self._is_chosen(parent)

    def homes(self, record: SourceRecord) -> Sequence[str] | None:
        name = "departments" if record.key.kind is Kind.EMPLOYEE else "parent"
        if name not in record.covers:
            return None
        value = record.fields.get(name)
        return value if isinstance(value, tuple) else (str(value),) if value else ()

    def children(self, external_id: str | None) -> Sequence[SourceDepartment]:
        self._call("children")
        if external_id is not None and external_id not in self.company.departments:
            raise NotFoundError("no such department", department=external_id[:80])
        return tuple(
            SourceDepartment(external_id=each, name=str(fields["name"]))
            for each, fields in self.company.departments.items()
            if fields["parent"] == external_id
        )

    def _members(self, name: str, department: str, of: int) -> Part:
        self._call("members")
        hidden = self.company.hidden | self.company.unlisted
        records = tuple(
            self._record(Kind.EMPLOYEE, each, fields)
            for each, fields in self.company.people.items()
            if each not in hidden and self._sits(fields, department)
        )
        return Part(name=name, records=records, of=of)

    def _sits(self, fields: Mapping[str, Value], department: str) -> bool:
        departments = fields["departments"]
        return department in departments if isinstance(departments, tuple) and departments else not department

    def confirm(self, keys: Sequence[Key]) -> Mapping[Key, Presence]:
        self._call("confirm")
        return {key: self._presence(key) for key in keys}

    def _presence(self, key: Key) -> Presence:
        now, company = self.clock.now(), self.company
        known = (company.people if key.kind is Kind.EMPLOYEE else company.departments).get(key.external_id)
        if key.external_id in company.hidden:
            return Hidden(observed_at=now, why=Remark(code="outside the range", facts={"code": 41050}))
        if key.external_id in company.unclear:
            return Unclear(observed_at=now, why=Remark(code="answer unclear", facts={"code": 1}))
        listed_leaver = known is not None and known["state"] is State.LEFT and key.external_id in company.left
        if known is not None and not listed_leaver:
            return Found(record=self._record(key.kind, key.external_id, known, by_name=True))
        if key.external_id in company.left:
            return Gone(observed_at=now)
        return Unclear(observed_at=now, why=Remark(code="answer unclear", facts={"code": 2}))

    def _record(
        self, kind: Kind, external_id: str, fields: Mapping[str, Value], *, by_name: bool = False
    ) -> SourceRecord:
        details = frozenset({"manager"} if self.company.daily_details else ())
        unseen = self.company.uncovered if by_name else self.company.uncovered | details
        covers = frozenset({*FIELDS, "parent", "leaders"} - unseen)
        return SourceRecord(
            key=Key(self.source, kind, external_id),
            fields={name: value for name, value in fields.items() if name in covers},
            covers=covers,
            observed_at=self.clock.now(),
            details=details if by_name else frozenset(),
        )

    def _call(self, endpoint: str) -> None:
        self.clock.sleep(0.01)
        self.calls[endpoint] += 1
        self.before_call(sum(self.calls.values()))

    def examine(self) -> Iterator[Finding]:
        self._call("examine")
        yield Finding(check=Check.CREDENTIALS, grade=Grade.OK)
        if self.company.hidden:
            facts: dict[str, str | int] = {"departments": 1, "people": 0}
            yield Finding(
                check=Check.RANGE,
                grade=Grade.WARNING,
                cause="range is partial",
                facts=facts,
                vendor_code="41050",
                request_id="r-1",
            )

    def close(self) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What a made-up vendor was asked to show: `once` of what was posted, "" of an edit."""

    card: str
    reply: Reply
    to: Address
    once: str = ""

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.reply.blocks if isinstance(each, Line))


@dataclass
class ScriptedChat:
    """The Chat port over a made-up vendor: what is said there is JSON that `a_saying` makes.

    `before_call` runs before every call, with what it is ("post", "edit") and where it goes: it may raise. What it
    raises after the vendor has taken the message is `after_call`'s.
    """

    clock: Clock
    presses: bool = True
    before_call: Callable[[str, Address], None] = lambda what, to: None
    after_call: Callable[[str, Address], None] = lambda what, to: None
    said: list[Posted] = field(default_factory=list)
    shown: dict[str, Reply] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    closed: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    _once: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def read(self, delivery: Delivery) -> Message | None:
        saying = json.loads(delivery.talk)
        if saying.get("bot"):
            return None
        return Message(
            message_id=delivery.delivery_id,
            source=delivery.source,
            sender=saying["sender"],
            text=saying["text"],
            said=Said(saying["said"]),
            address=Address(
                source=delivery.source,
                chat=saying["chat"],
                person=saying["sender"],
                direct=saying["direct"],
                thread=delivery.delivery_id,
            ),
            at=delivery.occurred_at,
            proven=delivery.proven,
            card=saying["card"],
            lang=Lang(saying["lang"]) if saying["lang"] else None,
        )

    def post(self, reply: Reply, to: Address, *, once: str) -> str:
        self.before_call("post", to)
        self.calls["post"] += 1
        at, card = self._once.get(once, (None, ""))
        if at is None or self.clock.now() - at > timedelta(hours=1):
            card = f"card{len(self.shown) + 1}"
            self._once[once] = (self.clock.now(), card)
            self.shown[card] = reply
            self.said.append(Posted(card=card, reply=reply, to=to, once=once))
        self.after_call("post", to)
        return card if self.presses else ""

    def edit(self, card: str, reply: Reply, to: Address) -> bool:
        self.before_call("edit", to)
        self.calls["edit"] += 1
        if card in self.gone or card not in self.shown:
            return False
        self.shown[card] = reply
        self.said.append(Posted(card=card, reply=reply, to=to))
        self.after_call("edit", to)
        return True

    def close(self) -> None:
        self.closed += 1


def a_saying(
    text: str,
    *,
    sender: str = "ann",
    chat: str = "oc_1",
    said: Said = Said.TYPED,
    card: str = "",
    lang: Lang | None = None,
    direct: bool = False,
    **more: object,
) -> str:
    """Spell what somebody says as the made-up vendor does."""
    saying = {"text": text, "sender": sender, "chat": chat, "said": said, "card": card, "lang": lang, "direct": direct}
    return json.dumps(saying | more)


@dataclass(frozen=True)
class ScriptedCallback:
    """The Callback port of the made-up vendor: what `a_saying` made, under the secret and the message's id."""

    def open(self, request: HttpRequest, source: Source, secrets: Mapping[str, Secret], now: datetime) -> Opened:
        if request.headers.get("x-secret") != secrets["app_secret"].reveal():
            raise SignatureError("callback refused")
        delivery = Delivery(
            delivery_id=request.headers["x-message"],
            source=source.uid,
            type="message",
            ids={},
            occurred_at=now,
            received_at=now,
            talk=request.body.decode(),
        )
        return Opened(ack=HttpResponse(status=200, body="{}"), delivery=delivery)


@dataclass
class Scripted:
    """The Connectors port over one company; each source has a chat of its own."""

    company: Company
    clock: Clock
    before_call: Callable[[int], None] = lambda number: None
    opened: list[ScriptedConnector] = field(default_factory=list)
    tried: list[Mapping[str, Secret]] = field(default_factory=list)
    chats: dict[str, ScriptedChat] = field(default_factory=dict)

    def forms(self) -> Sequence[Form]:
        return (FORM,)

    def form(self, kind: str) -> Form:
        if kind != FORM.kind:
            raise MalformedError("unknown kind", kind=kind, kinds=FORM.kind)
        return FORM

    def open(self, source: Source, secrets: Mapping[str, Secret] | None = None) -> ScriptedConnector:
        if secrets is not None:
            self.tried.append(secrets)
        self.opened.append(
            ScriptedConnector(source.uid, self.company, self.clock, lambda n: self.before_call(n), source.scope)
        )
        return self.opened[-1]

    def callback(self, kind: str, door: str) -> ScriptedCallback:
        if door != "chat":
            raise NotFoundError("no such door", kind=kind, door=door)
        return ScriptedCallback()

    def chat(self, source: Source) -> ScriptedChat:
        return self.chats.setdefault(source.uid, ScriptedChat(self.clock))

    def hints(self, source: Source, delivery: Delivery) -> Sequence[Hint]:
        return ()


class HeardBell:
    """A bell that only remembers who rang."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, float]] = []

    def ring(self, source: str, *, delay_s: float = 0) -> None:
        self.rung.append((source, delay_s))


class NoSecrets:
    """Secrets in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, Secret]] = {}

    def get(self, source: str) -> Mapping[str, Secret]:
        return self.kept.get(source, {})

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        if instead_of is not None and _texts(self.kept.get(source, {})) != _texts(instead_of):
            return False
        self.kept[source] = secrets
        return True

    def drop(self, source: str) -> None:
        self.kept.pop(source, None)


def _texts(secrets: Mapping[str, Secret]) -> Mapping[str, str]:
    return {name: secret.reveal() for name, secret in secrets.items()}


class House:
    """The whole program around a made-up company, on a table in memory and a clock that is turned by hand."""

    def __init__(self, company: Company | None = None, table: Table | None = None, *, uid: str = "") -> None:
        self.company = company or a_company()
        self.clock = ManualClock(NOON)
        self.table: Table = table or SqliteTable(":memory:")
        self.connectors = Scripted(self.company, self.clock)
        self.bell, self.delivery_bell, self.chat_bell = HeardBell(), HeardBell(), HeardBell()
        self.secrets = NoSecrets()
        self.outside = wiring.around(
            Settings(home=Path("unused")),
            self.table,
            self.secrets,
            self.bell,
            self.clock,
            self.connectors,
            self.delivery_bell,
            self.chat_bell,
        )
        wiring.use(self.outside)
        self.requests = wiring.requests()
        self.tasks, self.directory = self.outside.tasks, self.outside.directory
        secrets = {"app_secret": Secret("s3cret")}
        self.source = (
            wiring.rooms()
            .sources.create(
                TERMINAL,
                Draft(
                    handle="hq",
                    kind="scripted",
                    name="总部",
                    cycle_hours=24,
                    settings={"app_id": "cli_1"},
                    secrets=secrets,
                    uid=uid,
                ),
                activate_gate=False,
            )
            .source
        )

    @property
    def runner(self) -> Runner:
        return wiring.runner()

    def work(
        self, deadline: Callable[[], float] = lambda: math.inf, watch: Callable[[Progress], None] = unwatched
    ) -> None:
        """Work until nothing waits, turning the clock where the engine wants to be woken later."""
        while (again := self.runner.wake(self.source.uid, deadline, watch)) is not None:
            self.clock.sleep(again)

    @property
    def chat(self) -> ScriptedChat:
        return self.connectors.chat(self.source)

    def hear(self, text: str, message_id: str, **saying: Any) -> None:
        """Keep what somebody says (`a_saying`) as the door would."""
        now = self.clock.now()
        self.outside.chats.store(
            Delivery(
                delivery_id=message_id,
                source=self.source.uid,
                type="message",
                ids={},
                occurred_at=now,
                received_at=now,
                talk=a_saying(text, **saying),
            )
        )

    def converse(self, deadline: Callable[[], float] = lambda: math.inf) -> None:
        """Let one worker answer what waits, and say what is to be said now."""
        wiring.converser().converse(self.source.uid, deadline)

    def sync(self) -> SyncTask:
        self.clock.sleep(1)
        asked = self.requests.sync_now(TERMINAL, "hq")
        self.work()
        return self.tasks.get(asked.task.task_id)

    def hinted(self, *external_ids: str, claims: Sequence[Claim] = ()) -> SyncTask:
        """Work off what an event would ask for: keys to look at, and departures that are claimed."""
        keys = tuple(Key(self.source.uid, Kind.EMPLOYEE, each) for each in external_ids)
        draft = SyncTask(
            task_id="",
            source=self.source.uid,
            trigger=Trigger.EVENT,
            extent=Only(keys=keys, claims=tuple(claims)),
            purpose=Purpose.SYNC,
            asked_by="event",
            asked_at=self.clock.now(),
        )
        return self.run_hints(draft)

    def run_hints(self, draft: SyncTask) -> SyncTask:
        """Work off a task of the lane of events."""
        task, _ = self.tasks.ask(draft)
        self.runner.wake(self.source.uid, lambda: math.inf, lane=Lane.HINTS)
        return self.tasks.get(task.task_id)

    def claim(self, external_id: str, *, looks: int = 0) -> Claim:
        return Claim(key=Key(self.source.uid, Kind.EMPLOYEE, external_id), at=self.clock.now(), looks=looks)

    def preview(self) -> SyncTask:
        asked = self.requests.preview(TERMINAL, "hq")
        self.work()
        return self.tasks.get(asked.task.task_id)

    def approve(self, task: SyncTask, *entry_ids: str) -> SyncTask:
        asked = self.requests.approve(TERMINAL, task.task_id, entry_ids)
        self.work()
        return self.tasks.get(asked.task.task_id)

    def rows(self, task: SyncTask) -> list[SyncRecord]:
        return list(self.tasks.rows(task.task_id))

    def entry(self, external_id: str, kind: Kind = Kind.EMPLOYEE) -> Entry:
        key = Key(self.source.uid, kind, external_id)
        link = self.directory.links_of([key])[key]
        return self.directory.entries([link.entry_id])[link.entry_id]

    def state(self, external_id: str, kind: Kind = Kind.EMPLOYEE) -> State:
        return self.entry(external_id, kind).state

    def audit(self) -> Sequence[AuditLine]:
        return self.outside.audit.recent(50)

    def pass_time(self, **span: float) -> None:
        self.clock.sleep(timedelta(**span).total_seconds())
