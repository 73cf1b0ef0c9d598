"""Who may command from the chats. Permission and audit sit here, so that no door can forget them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from chalicelib.core import ports
from chalicelib.core.audited import Noted, audited
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import ConflictError, MalformedError, NotFoundError
from chalicelib.core.principal import TERMINAL, Admin, Principal, Role

_LONGEST_ID: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Admins:
    """The room over the port of the same name, which checks nothing."""

    admins: ports.Admins
    catalog: ports.Catalog
    audit: ports.Audit
    clock: ports.Clock

    def add(
        self,
        who: Principal,
        handle: str,
        person: str,
        role: Role,
        *,
        audits: bool | None = None,
        told: bool | None = None,
        lang: Lang | None = None,
    ) -> Admin:
        """Give a person of a source's workspace a role, or another one than they have; what is None stays as it is.

        Raises:
            MalformedError: that is not the shape of a vendor's id.
            ConflictError: nobody would be left who is an owner; in the terminal that may be.
        """
        with self._audited(who, "admin add") as noted:
            noted.source = self.catalog.source(handle).uid
            _check_person(person)
            before = self.admins.admin(noted.source, person)
            admin = Admin(
                source=noted.source,
                person=person,
                role=role,
                audits=audits if audits is not None else before is not None and before.audits,
                lang=lang or (before.lang if before else Lang.EN),
                added_by=f"{who.door}:{who.key}",
                added_at=self.clock.now(),
                told=told if told is not None else before is not None and before.told,
            )
            self.admins.put(admin)
            self._keep_an_owner(who, before)
            return admin

    def remove(self, who: Principal, handle: str, person: str) -> Admin:
        """Take every right from a person of a source's workspace; return what they had.

        Raises:
            NotFoundError: they have none.
            ConflictError: nobody would be left who is an owner; in the terminal that may be.
        """
        with self._audited(who, "admin remove") as noted:
            noted.source = self.catalog.source(handle).uid
            before = self.admins.admin(noted.source, person)
            if before is None:
                raise NotFoundError("no such admin", handle=handle)
            self.admins.drop(noted.source, person)
            self._keep_an_owner(who, before)
            return before

    def list(self, who: Principal, handle: str | None = None) -> Sequence[Admin]:
        """Read the admins of a source's workspace, or of all."""
        with self._audited(who, "admins") as noted:
            if handle is not None:
                noted.source = self.catalog.source(handle).uid
            return self.admins.admins(noted.source)

    def _audited(self, who: Principal, verb: str) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, Role.OWNER)

    def _keep_an_owner(self, who: Principal, before: Admin | None) -> None:
        """Put back what an owner had when none is left.

        That is looked at afterwards, because two owners may remove each other at the same moment.
        """
        if before is None or before.role is not Role.OWNER or who.door == TERMINAL.door:
            return
        if not any(each.role is Role.OWNER for each in self.admins.admins()):
            self.admins.put(before)
            raise ConflictError("last owner")


def _check_person(person: str) -> None:
    if not 0 < len(person) <= _LONGEST_ID or not person.isprintable() or any(each.isspace() for each in person):
        raise MalformedError("person is not an id", most=_LONGEST_ID)
