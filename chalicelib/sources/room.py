"""The verbs on sources. Permission and audit sit here, so that no door can forget them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chalicelib.core.audited import Noted, audited
from chalicelib.core.errors import ConflictError, MalformedError, StoreConflictError
from chalicelib.core.finding import Finding
from chalicelib.core.logo import as_logo
from chalicelib.core.model import Kind
from chalicelib.core.ports import Audit, Catalog, Clock, Connectors, Directory, Doors, Logos, Secrets, Tasks
from chalicelib.core.principal import Principal, Role
from chalicelib.core.rotation import waiting
from chalicelib.core.source import Schedule, Source, check_cycle, due_first
from chalicelib.sources.calendar import check_cron, check_zone, next_due
from chalicelib.sources.console import Copied, copied
from chalicelib.sources.create import Created, created
from chalicelib.sources.draft import Draft
from chalicelib.sources.edit import Edited, edited
from chalicelib.sources.examine import examined
from chalicelib.sync.request import Requests

__all__ = ["Created", "Draft", "Edited", "Sources"]

_TRIES: Final = 10
_MOST_SECOND_PERSON: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`public_url` is the address under which vendors reach us, `egress` are those that our calls come from."""

    catalog: Catalog
    connectors: Connectors
    secrets: Secrets
    audit: Audit
    clock: Clock
    tasks: Tasks
    directory: Directory
    requests: Requests
    logos: Logos
    doors: Doors
    public_url: str = ""
    egress: Sequence[str] = ()

    def create(self, who: Principal, draft: Draft, *, activate_gate: bool) -> Created:
        """Create a source; its secrets are kept apart. With the gate, one that is to be enabled is tested first.

        Raises:
            CallerError: naming the rule that was broken, or `DraftError` all of them; nothing is kept then.
        """
        with self._audited(who, "source create") as noted:
            return created(self, draft, noted, activate_gate=activate_gate)

    def edit(self, who: Principal, handle: str, draft: Draft) -> Edited:
        """Make a source what a draft says, from the next sync on; `draft_of` gives one to begin with.

        New credentials are tested first; when the vendor refuses them, nothing is changed. What proves callbacks is
        taken old and new until the vendor uses the new one. A draft that activates does so only when no test failed.

        Raises: as `create`.
        """
        with self._audited(who, "source edit") as noted:
            return edited(self, handle, draft, noted)

    def logo(self, source: Source) -> str:
        """Tell what the picture of a source is, as `PNG 240×240, 12 KB`; "" when there is none."""
        raw = self.logos.get(source.uid)
        return str(as_logo(raw)) if raw else ""

    def replaced(self, source: Source) -> Sequence[str]:
        """Name the secrets of a source whose old value counts, too, until the vendor uses the new one."""
        names = waiting(self.secrets.get(source.uid), self.clock.now())
        return sorted(name.replace("_", "-") for name in names)

    def copied(self, what: Source | Draft) -> Sequence[Copied]:
        """Name everything to copy into the vendor's console: label in English, label in 中文, value."""
        return copied(what, self.connectors.form(what.kind), self.public_url, self.egress)

    def enable(self, who: Principal, handle: str) -> Edited:
        """Let a source be synced again; by itself from its next time on, not at once.

        Raises:
            ConflictError: too many are enabled; it names them.
        """
        with self._audited(who, "source enable") as noted:
            return self.edited(handle, noted, lambda source: self.armed(replace(source, enabled=True)))

    def disable(self, who: Principal, handle: str) -> Edited:
        """End syncs, events and sign-in by a source. Its people stay as they are, its chat goes on.

        Its tasks that have not ended are cancelled: what they applied stays, what they did not is dropped.
        """
        with self._audited(who, "source disable") as noted:
            edited = self.edited(handle, noted, lambda source: replace(source, enabled=False))
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
            return self.edited(
                handle,
                noted,
                lambda source: self.armed(replace(source, schedule=replace(source.schedule, automatic=on))),
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
            return self.edited(
                handle, noted, lambda source: self.armed(replace(source, schedule=_with(source.schedule, changes)))
            )

    def second_person(self, who: Principal, handle: str, above: int) -> Edited:
        """Let a second person confirm commands that take access from more than so many employees."""
        with self._audited(who, "second person") as noted:
            if not 0 <= above <= _MOST_SECOND_PERSON:
                raise MalformedError("limit breaks its rule", most=_MOST_SECOND_PERSON)
            return self.edited(
                handle, noted, lambda source: replace(source, guard=replace(source.guard, second_person=above))
            )

    def test(self, who: Principal, handle: str, tell: Callable[[Finding], None] | None = None) -> Sequence[Finding]:
        """Look at what a source needs, with the vendor and without; change nothing. Each finding is told when found."""
        with self._audited(who, "test", Role.OPERATOR) as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            found = []
            for finding in examined(
                source, self.connectors, self.tasks, self.clock, doors=self.doors, public_url=self.public_url
            ):
                found.append(finding)
                if tell is not None:
                    tell(finding)
            return tuple(found)

    def _audited(self, who: Principal, verb: str, needed: Role = Role.OWNER) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, needed)

    def armed(self, source: Source) -> Source:
        """Start its schedule anew: what was missed while it was off is not made up for."""
        return replace(source, next_due_at=due_first(source, self.clock.now(), next_due))

    def edited(self, handle: str, noted: Noted, edit: Callable[[Source], Source]) -> Edited:
        """Change a source, on top of what others change meanwhile. For this folder: nothing is checked or audited."""
        for _ in range(_TRIES):
            before = self.catalog.source(handle)
            noted.source = before.uid
            if before.deleting is not None:
                raise ConflictError("source is being deleted", handle=before.handle)
            after = edit(before)
            if replace(after, next_due_at=before.next_due_at) == before:
                return Edited(source=before, changed=False)
            if self.catalog.update(after, instead_of=before):
                return Edited(source=self.catalog.source(before.uid), changed=True)
        raise StoreConflictError("store is busy", retry_after=1.0)


def _with(schedule: Schedule, changes: Mapping[str, timedelta | str]) -> Schedule:
    return replace(schedule, **changes)  # type: ignore[arg-type] # the names and types above
