"""Delete a source: what goes, what stays, and going on with it after a kill.

First its row says that it is being deleted; from then on nothing begins, what is at work ends as cancelled, and every
tick goes on where it stopped. When nobody is at work any more, and its people have left where they are to, all that is
its own is erased under both of its leases, so that a worker who wakes up late can write nothing; its row goes last. Its
entries stay with all their values, and so do its tasks and records until their life ends. A source deleted from its own
chat is kept until the answers there are said, an hour at most.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chalicelib.core.audited import audited
from chalicelib.core.errors import NotFoundError, StoreConflictError
from chalicelib.core.model import Kind, State
from chalicelib.core.ports import (
    Admins,
    Audit,
    Catalog,
    Chats,
    Clock,
    Directory,
    Estate,
    Secrets,
    Tasks,
)
from chalicelib.core.principal import Principal, Role
from chalicelib.core.source import Deleting, Source
from chalicelib.core.task import Lane, SyncTask, TaskStatus
from chalicelib.sync.request import Requests

log = logging.getLogger(__name__)

# As long as answers are tried to be said.
PATIENCE: Final = timedelta(hours=1)
_AGAIN: Final = timedelta(minutes=10)
_LEASE: Final = timedelta(minutes=5)
_TRIES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What goes with a source: `people` have access by it, `departments` are open, `waiting` is held for a decision.

    `is_last_owner`: nobody would be left in any chat who is an owner.
    """

    people: int
    departments: int
    waiting: int
    admins: int
    is_last_owner: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """`source` as it was. `is_gone`: nothing is left of it; else it goes on by itself. `task` lets its people leave."""

    source: Source
    is_gone: bool
    task: SyncTask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    catalog: Catalog
    directory: Directory
    tasks: Tasks
    chats: Chats
    admins: Admins
    secrets: Secrets
    estate: Estate
    requests: Requests
    audit: Audit
    clock: Clock

    def losses(self, handle: str) -> Losses:
        """Tell what would go."""
        source = self.catalog.source(handle)
        # Whose owner is gone is this source's to take along (`dismiss.leavers`).
        others = {each.uid for each in self.catalog.sources()}
        links = [link for link in self.directory.links(source.uid) if link.entry_id and link.owner not in others]
        admins = self.admins.admins()
        owners = {each.source for each in admins if each.role is Role.OWNER}
        return Losses(
            people=sum(1 for link in links if link.key.kind is Kind.EMPLOYEE and link.state.has_access),
            departments=sum(1 for link in links if link.key.kind is Kind.DEPARTMENT and link.state is not State.LEFT),
            waiting=len(self.tasks.held(source.uid)),
            admins=sum(1 for each in admins if each.source == source.uid),
            is_last_owner=owners == {source.uid},
        )

    def delete(self, who: Principal, handle: str, *, people_leave: bool = False) -> Deleted:
        """Delete a source for good; its people stay in the directory as they are, unless they are to leave with it.

        Said again while it is under way, it goes on; that people leave is not taken back.
        """
        with audited(self.audit, self.clock, who, "source delete", Role.OWNER) as noted:
            by = f"{who.door}:{who.key}"
            before = self.catalog.source(handle)
            noted.source = before.uid
            source = self._mark(before, Deleting(by=by, at=self.clock.now(), people_leave=people_leave))
            self.requests.withdraw(who, source)
            task = self.requests.dismiss(who, source) if source.deleting and source.deleting.people_leave else None
            noted.task = task.task_id if task else None
            return Deleted(source=source, is_gone=self._go_on(source), task=task)

    def tick(self) -> None:
        """Go on with what is being deleted."""
        for turn in self.catalog.turns(self.clock.now()):
            if turn.is_deleted:
                self.go_on(turn.uid)

    def go_on(self, uid: str) -> bool:
        """Take the next steps; True when nothing is left of a source."""
        try:
            source = self.catalog.source(uid)
        except NotFoundError:
            return True
        if source.deleting is None:
            return False
        self.requests.withdraw(_principal(source.deleting), source)
        return self._go_on(source)

    def _mark(self, source: Source, deleting: Deleting) -> Source:
        for _ in range(_TRIES):
            known = source.deleting
            if known is not None:
                deleting = replace(known, people_leave=known.people_leave or deleting.people_leave)
            after = replace(source, enabled=False, deleting=deleting)
            if after == source or self.catalog.update(after, instead_of=source):
                return self.catalog.source(source.uid)
            source = self.catalog.source(source.uid)
        raise StoreConflictError("store is busy", retry_after=1.0)

    def _go_on(self, source: Source) -> bool:
        if not self._have_people_left(source) or self.tasks.waiting(source.uid) or self._is_talking(source):
            return False
        owner, now = uuid.uuid4().hex, self.clock.now()
        fences = [self.tasks.take(source.uid, owner, now, _LEASE, lane) for lane in Lane]
        held = [fence for fence in fences if fence is not None]
        # Whoever was at work may have begun something meanwhile, or written after those had left who were to.
        is_quiet = len(held) == len(fences) and not self.tasks.waiting(source.uid)
        somebody_came = is_quiet and self._has_somebody_come(source)
        if not is_quiet or somebody_came:
            for fence in held:
                self.tasks.release(fence)
            if somebody_came and source.deleting is not None:
                self.requests.dismiss(_principal(source.deleting), source, again=True)
            return False
        self.requests.forfeit(source)
        self.secrets.drop(source.uid)
        self.estate.clear(source.uid)
        log.info("deleted", extra={"source": source.handle})
        return True

    def _have_people_left(self, source: Source) -> bool:
        """Tell whether those have left who are to; a task that failed at it is tried again after a while."""
        deleting = source.deleting
        if deleting is None or not deleting.people_leave:
            return True
        task = self.requests.dismissal(source)
        if task is not None and task.status is TaskStatus.DONE:
            return True
        if task is None or (task.finished_at is not None and task.finished_at + _AGAIN <= self.clock.now()):
            self.requests.dismiss(_principal(deleting), source)
        return False

    def _has_somebody_come(self, source: Source) -> bool:
        """Tell whether somebody is there although all were to leave; asked while nobody else can write."""
        is_to_be_left = source.deleting is not None and source.deleting.people_leave
        return is_to_be_left and not self.requests.is_left_by_all(source, self.directory)

    def _is_talking(self, source: Source) -> bool:
        """Tell whether whoever deletes it from its own chat waits for an answer there."""
        deleting = source.deleting
        if deleting is None or _principal(deleting).door != source.uid:
            return False
        if self.clock.now() - deleting.at >= PATIENCE:
            return False
        waits: Sequence[object] = self.chats.waiting(source.uid) or self.chats.outgoing(source.uid)
        return bool(waits)


def _principal(deleting: Deleting) -> Principal:
    door, _, key = deleting.by.partition(":")
    return Principal(key=key, role=Role.OWNER, door=door)
