"""Set who is told what. Permission and audit sit here, so that no door can forget them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from chalicelib.core.audited import audited
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import NotFoundError, StoreConflictError
from chalicelib.core.message import Address
from chalicelib.core.notice import NoticeSettings
from chalicelib.core.ports import Admins, Audit, Board, Catalog, Clock
from chalicelib.core.principal import Admin, Principal, Role

_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """`board` and `admins` are the ports: who is told is kept there."""

    catalog: Catalog
    board: Board
    admins: Admins
    audit: Audit
    clock: Clock

    def show(self, handle: str) -> NoticeSettings:
        return self.board.notices(self.catalog.source(handle).uid)

    def tell(self, who: Principal, handle: str, to: Address | None, lang: Lang) -> NoticeSettings:
        """Send a source's notices to a chat, or with None to none."""
        where = replace(to, thread="", session="", session_until=None) if to else None
        return self._set(who, "notify", handle, to=where, lang=lang)

    def digest(self, who: Principal, handle: str, on: bool) -> NoticeSettings:
        """Turn the weekly digest of a source on or off."""
        return self._set(who, "digest", handle, digest=on)

    def welcome(self, who: Principal, handle: str, on: bool) -> NoticeSettings:
        """Greet newly synced members of a source, or do not."""
        return self._set(who, "welcome", handle, welcome=on)

    def tell_me(self, who: Principal, on: bool) -> Admin:
        """Send the notices of all sources to the one who asks, or stop it.

        Raises:
            NotFoundError: who asks is no admin of a chat; the terminal is not.
        """
        with audited(self.audit, self.clock, who, "notify me", Role.VIEWER):
            admin = self.admins.admin(who.door, who.key)
            if admin is None:
                raise NotFoundError("nobody to tell")
            admin = replace(admin, told=on)
            self.admins.put(admin)
            return admin

    def _set(self, who: Principal, verb: str, handle: str, **changes: Any) -> NoticeSettings:
        with audited(self.audit, self.clock, who, verb, Role.OWNER) as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            for _ in range(_TRIES):
                before = self.board.notices(source.uid)
                after = replace(before, **changes)
                if self.board.put(after, instead_of=before):
                    return after
            raise StoreConflictError("store is busy")
