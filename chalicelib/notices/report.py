"""Tells people what happened: cards that follow their task, and notices of what needs somebody.

Quiet on success. Everything is put out under an id of its own, so doing it again after a kill says nothing twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.core.budget import level, month_ends, month_of, used_of
from chalicelib.core.catalogue import Lang
from chalicelib.core.diff import Action
from chalicelib.core.errors import NotFoundError
from chalicelib.core.message import Address, Card, Outgoing
from chalicelib.core.model import Kind
from chalicelib.core.notice import NoticeSettings
from chalicelib.core.ports import Admins, Bell, Board, Catalog, Chats, Clock, Connectors, Directory, Meter, Tasks
from chalicelib.core.principal import Role
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.source import Source
from chalicelib.core.task import Everything, Purpose, RowStatus, SyncRecord, SyncTask, TaskStatus
from chalicelib.notices.budget import budget_notice
from chalicelib.notices.card import task_card
from chalicelib.notices.digest import digest
from chalicelib.notices.show import View

log = logging.getLogger(__name__)

# The longer a task runs, the less often its card is edited: 3 s, twice that after each third edit, at most a minute.
SOONEST: Final = timedelta(seconds=3)
LATEST: Final = timedelta(minutes=1)
# The same failure is told again after a day.
TOLD_AGAIN: Final = timedelta(days=1)
# Whoever hires more than this at once greets them in person.
MOST_WELCOMES: Final = 50
DIGEST_WEEKDAY, DIGEST_HOUR = 0, 9
QUARTER: Final = 15
_TRIES: Final = 5

# Nobody can sync until an owner does something about these.
CREDENTIALS: Final = frozenset(
    {"credentials refused", "company refused", "unknown app", "app not available", "secrets are missing"}
)


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who is told, and in which language."""

    to: Address
    lang: Lang


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """`bell` is the chat's: another workspace's people are told by whoever is woken for it."""

    catalog: Catalog
    directory: Directory
    tasks: Tasks
    chats: Chats
    board: Board
    meter: Meter
    connectors: Connectors
    admins: Admins
    bell: Bell
    clock: Clock

    def collect(self, source_uid: str) -> float | None:
        """Put out what a source's people should be told by now; return in how many seconds to look again, if at all."""
        source = self.catalog.source(source_uid)
        again = self._follow(source)
        for task in self.tasks.unreported(source_uid):
            self._tell(source, task)
            self.tasks.reported(task)
        self._digest(source)
        self._budget(source)
        return again

    def is_due(self, source_uid: str) -> bool:
        """Tell whether `collect` has something to do, at little cost: for the tick, in case a ring was lost.

        A digest, which nobody rings for, is looked for four times an hour: morning comes at a quarter in every zone.
        """
        if self.tasks.unreported(source_uid) or any(not each.editable for each in self.chats.showing(source_uid)):
            return True
        now = self.clock.now()
        if now.minute % QUARTER:
            return False
        try:
            source = self.catalog.source(source_uid)
        except NotFoundError:  # deleted since the tick began
            return False
        return _digest_due(source, self.board.notices(source_uid), now)

    # cards

    def _follow(self, source: Source) -> float | None:
        """Edit the cards whose task has moved on, and say its end where nothing can be edited."""
        now = self.clock.now()
        waits: list[timedelta] = []
        for card in self.chats.showing(source.uid):
            try:
                task = self.tasks.get(card.task)
            except NotFoundError:  # it lived 90 days; a card that is still followed then is not
                self.chats.edited(card, is_last=True)
                continue
            pause = min(SOONEST * 2 ** (card.edits // 3), LATEST)
            if not task.status.is_over:
                if not card.editable:  # whoever ends the task rings
                    continue
                if now - card.edited_at < pause:
                    waits.append(card.edited_at + pause - now)
                    continue
                waits.append(pause)
            self._show(card, task, now)
        return min(waits).total_seconds() if waits else None

    def _show(self, card: Card, task: SyncTask, now: datetime) -> None:
        lease = self.tasks.lease(task.source) if task.status is TaskStatus.RUNNING else None
        reply = task_card(self._view(card.lang), task, self._rows(task), lease[1] if lease else None)
        shown = digest_of(reply)
        is_last = task.status.is_over and (
            not card.editable or task.status not in (TaskStatus.HELD, TaskStatus.PREVIEWED)
        )
        if shown != card.shown and (card.editable or is_last):
            news = Outgoing(
                outgoing_id=f"{'edit' if card.editable else 'ended'}:{card.card}:{shown}",
                to=card.to,
                reply=reply,
                created_at=now,
                edits=card.card if card.editable else "",
            )
            self.chats.put([news])
            card = replace(card, shown=shown, edited_at=now, edits=card.edits + 1)
        elif not is_last:
            return
        self.chats.edited(card, is_last=is_last)

    # notices

    def _tell(self, source: Source, task: SyncTask) -> None:
        settings = self.board.notices(source.uid)
        cards = self.chats.cards(task.task_id)
        followed = {card.to.chat for card in cards}
        for abroad in {card.to.source for card in cards} - {source.uid}:
            self.bell.ring(abroad)  # it was asked for in another workspace's chat
        now = self.clock.now()
        listeners: Sequence[Listener] = ()
        if task.status is TaskStatus.FAILED and task.reason:
            code = task.reason.code
            is_news = settings.failing != code or settings.told_at is None or now - settings.told_at >= TOLD_AGAIN
            if is_news:
                listeners = self._listeners(source, settings, owners=code in CREDENTIALS)
                self._note(source, failing=code, told_at=now)
        elif task.status is TaskStatus.HELD:
            listeners = self._listeners(source, settings)
        elif settings.failing and isinstance(task.extent, Everything) and task.purpose is Purpose.SYNC:
            self._recovered(source, settings, task)
        for listener in listeners:
            if not listener.to.chat or listener.to.chat not in followed:
                reply = task_card(self._view(listener.lang), task, self._rows(task))
                self._put(source, f"told:{task.task_id}:{task.status}", listener, reply)
        if settings.welcome and task.purpose is Purpose.SYNC:
            self._welcome(source, settings, task)

    def _recovered(self, source: Source, settings: NoticeSettings, task: SyncTask) -> None:
        if task.status is TaskStatus.FAILED:
            return
        for listener in self._listeners(source, settings, owners=settings.failing in CREDENTIALS):
            view = self._view(listener.lang)
            text = view.pick(
                f"{source.handle} works again: task {task.task_id} came to its end.",
                f"{source.handle} 已恢复正常：任务 {task.task_id} 已完成。",
            )
            reply = Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=None, tone=Tone.GOOD, lang=listener.lang)
            self._put(source, f"recovered:{task.task_id}", listener, reply)
        self._note(source, failing=None, told_at=None)

    def _welcome(self, source: Source, settings: NoticeSettings, task: SyncTask) -> None:
        """Greet who is new, unless the company itself is: a first sync greets nobody."""
        hired = [
            row
            for row in islice(self.tasks.rows(task.task_id), MOST_WELCOMES * 100)
            if row.key.kind is Kind.EMPLOYEE and row.action is Action.CREATE and row.status is RowStatus.APPLIED
        ]
        if not 0 < len(hired) <= MOST_WELCOMES:
            return
        for row in hired:
            to = Address(source=source.uid, person=row.key.external_id, direct=True)
            view = self._view(settings.lang)
            text = view.pick(
                f"Welcome to {source.name}! Your account is in the company's directory now.",
                f"欢迎加入{source.name}！您的账号已加入公司通讯录。",
            )
            reply = Reply(blocks=(Line(text=text),), data=None, lang=settings.lang)
            self._put(source, f"welcome:{row.entry_id}:{task.task_id}", Listener(to, settings.lang), reply)

    def _digest(self, source: Source) -> None:
        settings, now = self.board.notices(source.uid), self.clock.now()
        if not _digest_due(source, settings, now):
            return
        if settings.digested_at is not None:  # the first week has no digest: nobody knows when it began
            for listener in self._listeners(source, settings):
                reply = digest(self._view(listener.lang), source, self.tasks, now)
                self._put(source, f"digest:{source.uid}:{now:%G-%V}", listener, reply)
        self._note(source, digested_at=now)

    def _budget(self, source: Source) -> None:
        """Tell owners once a month that the most of the budget is used, and once that all of it is."""
        if not source.budget:
            return
        now = self.clock.now()
        month, tariff = month_of(now), self.connectors.form(source.kind).tariff
        used = used_of(self.meter.month(source.uid, month), tariff)
        passed = level(used, source.budget)
        settings = self.board.notices(source.uid)
        told = f"{month} {source.budget} {passed}"
        before = settings.budget_told.split()
        is_told = before[:2] == told.split()[:2] and int(before[2]) >= passed
        if not passed or is_told:
            return
        for listener in self._listeners(source, settings, owners=True):
            reply = budget_notice(self._view(listener.lang), source, used, passed, month_ends(now), tariff)
            self._put(source, f"budget:{source.uid}:{told}", listener, reply)
        self._note(source, budget_told=told)

    def _listeners(self, source: Source, settings: NoticeSettings, *, owners: bool = False) -> Sequence[Listener]:
        """Name the source's chat, the admins who want to be told, and the owners of every workspace if they must be."""
        found: dict[tuple[str, str, str], Listener] = {}

        def reach() -> Iterator[Listener]:
            if settings.to is not None:
                yield Listener(settings.to, settings.lang)
            for admin in self.admins.admins():
                if admin.told or (owners and admin.role is Role.OWNER):
                    yield Listener(Address(source=admin.source, person=admin.person, direct=True), admin.lang)

        for each in reach():
            found.setdefault((each.to.source, each.to.chat, each.to.person), each)
        return list(found.values())

    def _put(self, source: Source, what: str, listener: Listener, reply: Reply) -> None:
        to = listener.to
        whom = hashlib.blake2b(f"{to.source}#{to.chat}#{to.person}".encode(), digest_size=8).hexdigest()
        now = self.clock.now()
        self.chats.put([Outgoing(outgoing_id=f"{what}:{whom}", to=to, reply=reply, created_at=now, task=reply.task)])
        if to.source != source.uid:
            self.bell.ring(to.source)

    def _note(self, source: Source, **changes: object) -> None:
        for _ in range(_TRIES):
            before = self.board.notices(source.uid)
            if self.board.put(replace(before, **changes), instead_of=before):  # type: ignore[arg-type]  # its own fields
                return
        log.warning("notice not noted", extra={"source": source.handle})

    def _rows(self, task: SyncTask) -> Iterator[SyncRecord]:
        return iter(()) if not task.status.is_over else self.tasks.rows(task.task_id)

    def _view(self, lang: Lang) -> View:
        return View(lang=lang, catalog=self.catalog, directory=self.directory, private=False)


def digest_of(reply: Reply) -> str:
    """Name what a reply shows: equal for equal blocks, title and buttons."""
    shown = repr((reply.title, reply.tone, reply.blocks, reply.buttons))
    return hashlib.blake2b(shown.encode(), digest_size=12).hexdigest()


def _digest_due(source: Source, settings: NoticeSettings, now: datetime) -> bool:
    """Tell whether a Monday morning in the source's zone has come since the last digest."""
    if not settings.digest:
        return False
    if settings.digested_at is None:
        return True
    here = now.astimezone(ZoneInfo(source.schedule.zone))
    monday = here - timedelta(days=(here.weekday() - DIGEST_WEEKDAY) % 7)
    morning = monday.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    if morning > here:
        morning -= timedelta(days=7)
    return settings.digested_at < morning
