"""The verbs on sources. Permission and audit sit here, so that no door can forget them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chalicelib.core.audited import Noted, audited
from chalicelib.core.errors import MalformedError, StoreConflictError
from chalicelib.core.finding import Finding
from chalicelib.core.model import Kind
from chalicelib.core.ports import Audit, Catalog, Clock, Connectors, Directory, Secrets, Tasks
from chalicelib.core.principal import Principal, Role
from chalicelib.core.secret import Secret
from chalicelib.core.source import Schedule, Source, check_cycle, check_room, due_first
from chalicelib.sources.calendar import check_cron, check_zone, next_run
from chalicelib.sources.create import drafted
from chalicelib.sources.examine import examined
from chalicelib.sync.request import Requests

_TRIES: Final = 10
_MOST_SECOND_PERSON: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A source as it is now; `changed` is False when it was so already."""

    source: Source
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    catalog: Catalog
    connectors: Connectors
    secrets: Secrets
    audit: Audit
    clock: Clock
    tasks: Tasks
    directory: Directory
    requests: Requests

    def create(
        self,
        who: Principal,
        handle: str,
        *,
        kind: str,
        name: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, Secret],
    ) -> Source:
        """Create an enabled source; its secrets are kept apart from it.

        Raises:
            MalformedError, ConflictError: naming the rule that was broken; nothing is kept then.
        """
        with self._audited(who, "source create") as noted:
            form = self.connectors.form(kind)
            source = drafted(form, handle, name, settings, secrets, self.clock.now())
            check_room(source, self.catalog.sources())
            noted.source = source.uid
            self.secrets.put(source.uid, secrets)
            added = False
            try:
                self.catalog.add(source)
                added = True
            finally:
                if not added:
                    self.secrets.drop(source.uid)
            return self.catalog.source(source.uid)

    def enable(self, who: Principal, handle: str) -> Edited:
        """Let a source be synced again; by itself from its next time on, not at once.

        Raises:
            ConflictError: too many are enabled; it names them.
        """
        with self._audited(who, "source enable") as noted:
            return self._edit(handle, noted, lambda source: self._armed(replace(source, enabled=True)))

    def disable(self, who: Principal, handle: str) -> Edited:
        """End syncs, events and sign-in by a source. Its people stay as they are, its chat goes on.

        Its tasks that have not ended are cancelled: what they applied stays, what they did not is dropped.
        """
        with self._audited(who, "source disable") as noted:
            edited = self._edit(handle, noted, lambda source: replace(source, enabled=False))
            # Also when it was disabled already: whoever disabled it may have been killed before this.
            self.requests.withdraw(who, edited.source)
            return edited

    def effect_of_disabling(self, handle: str) -> int:
        """Count the employees of a source who have access: later they cannot sign in by it."""
        links = self.directory.links(self.catalog.source(handle).uid)
        return sum(1 for link in links if link.key.kind is Kind.EMPLOYEE and link.state.has_access)

    def auto(self, who: Principal, handle: str, on: bool) -> Edited:
        """Turn the automatic sync on or off; the schedule stays."""
        with self._audited(who, f"auto {'on' if on else 'off'}") as noted:
            return self._edit(
                handle,
                noted,
                lambda source: self._armed(replace(source, schedule=replace(source.schedule, automatic=on))),
            )

    def schedule(
        self,
        who: Principal,
        handle: str,
        *,
        every: timedelta | None = None,
        cron: str | None = None,
        zone: str | None = None,
    ) -> Edited:
        """Say when a source is synced by itself: every 1 to 24 hours from now on, or by a cron expression.

        What is not given stays; whether it is automatic stays too. `zone` alone moves a cron expression to that zone.

        Raises:
            MalformedError: a rule is broken, or both a cycle and a cron expression are given.
        """
        with self._audited(who, "schedule") as noted:
            if every is not None and cron is not None:
                raise MalformedError("cycle or cron")
            changes: dict[str, timedelta | str] = {}
            if every is not None:
                check_cycle(every)
                changes |= {"cycle": every, "cron": ""}
            if cron is not None:
                changes["cron"] = check_cron(cron, self.clock.now())
            if zone is not None:
                changes["zone"] = check_zone(zone)
            return self._edit(
                handle, noted, lambda source: self._armed(replace(source, schedule=_with(source.schedule, changes)))
            )

    def second_person(self, who: Principal, handle: str, above: int) -> Edited:
        """Let a second person confirm commands that take access from more than so many employees."""
        with self._audited(who, "second person") as noted:
            if not 0 <= above <= _MOST_SECOND_PERSON:
                raise MalformedError("limit breaks its rule", most=_MOST_SECOND_PERSON)
            return self._edit(
                handle, noted, lambda source: replace(source, guard=replace(source.guard, second_person=above))
            )

    def test(self, who: Principal, handle: str) -> Sequence[Finding]:
        """Look at what a source needs, with the vendor and without; change nothing."""
        with self._audited(who, "test", Role.OPERATOR) as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            return tuple(examined(source, self.connectors, self.tasks, self.clock))

    def _audited(self, who: Principal, verb: str, needed: Role = Role.OWNER) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, needed)

    def _armed(self, source: Source) -> Source:
        """Start its schedule anew: what was missed while it was off is not made up for."""
        return replace(source, next_due_at=due_first(source.schedule, self.clock.now(), next_run))

    def _edit(self, handle: str, noted: Noted, edit: Callable[[Source], Source]) -> Edited:
        for _ in range(_TRIES):
            before = self.catalog.source(handle)
            noted.source = before.uid
            after = edit(before)
            if replace(after, next_due_at=before.next_due_at) == before:
                return Edited(source=before, changed=False)
            if self.catalog.update(after, instead_of=before):
                return Edited(source=self.catalog.source(before.uid), changed=True)
        raise StoreConflictError("store is busy", retry_after=1.0)


def _with(schedule: Schedule, changes: Mapping[str, timedelta | str]) -> Schedule:
    return replace(schedule, **changes)  # type: ignore[arg-type] # the names and types above
