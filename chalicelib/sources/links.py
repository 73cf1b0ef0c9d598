"""Links to one-time pages, on which is set up what must not go through a chat. Permission and audit sit here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from chalicelib.core.audited import audited
from chalicelib.core.catalogue import Lang
from chalicelib.core.code import sealed, six_digits
from chalicelib.core.errors import ConflictError, SetupError, StoreConflictError
from chalicelib.core.message import Address
from chalicelib.core.page import LINK_LIFE, MOST_LINKS, LinkKey, Visit, new_id, new_key
from chalicelib.core.ports import Audit, Catalog, Clock, Pages, Secrets
from chalicelib.core.principal import Principal, Role
from chalicelib.core.secret import Secret

# How a command ends for the audit log that goes on behind a link.
HANDED: Final = "link handed out"
_KEY: Final = "key"
_MANY_LINES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A link that was handed out, and the code without which it opens nothing."""

    visit: Visit
    url: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """`url` is the address under which browsers reach our pages, "" where nobody told us."""

    pages: Pages
    catalog: Catalog
    secrets: Secrets
    audit: Audit
    clock: Clock
    url: str = ""
    draw: Callable[[], str] = field(default=six_digits)

    def hand_out(
        self,
        who: Principal,
        verb: str,
        *,
        to: Address,
        lang: Lang,
        edits: str = "",
        answers: Mapping[str, str] | None = None,
    ) -> Handed:
        """Make a link for the person who asks, and nobody else: to edit the source of a handle, or to create one.

        `verb` is what will be done there; `answers` fill the form in to begin with. Whoever can speak in another's name
        may guess at a few codes, no more.

        Raises:
            SetupError: nobody told us our address.
            ConflictError: too many links in ten minutes.
        """
        with audited(self.audit, self.clock, who, verb, Role.OWNER) as noted:
            if edits:
                noted.source = self.catalog.source(edits).uid
            if not self.url:
                raise SetupError("page address unknown")
            if self._handed_lately(who) >= MOST_LINKS:
                raise ConflictError("too many links", minutes=int(LINK_LIFE.total_seconds() // 60))
            now, code = self.clock.now(), self.draw()
            visit = Visit(
                visit_id=new_id(),
                source=who.door,
                person=who.key,
                to=to,
                lang=lang,
                edits=noted.source or "",
                code=sealed(code),
                made_at=now,
                expires_at=now + LINK_LIFE,
                answers=dict(answers or {}),
            )
            self.pages.add(visit)
            noted.outcome = HANDED
            return Handed(visit=visit, url=f"{self.url}/pages/{self._made_key().link(visit)}", code=code)

    def key(self) -> LinkKey | None:
        """Read the key that links are signed with; None where no link was ever handed out."""
        name = self.pages.key_name()
        return None if name is None else self._key(name)

    def _made_key(self) -> LinkKey:
        """Read the key that links are signed with, or make it: nobody does who only opens a link, or what is none.

        Of two who make one at the same moment one is named in the store, and the other is dropped.
        """
        name = self.pages.key_name()
        if name is None:
            made = f"pages-{new_id()}"
            self.secrets.put(made, {_KEY: Secret(new_key())})
            name = self.pages.name_key(made)
            if name != made:
                self.secrets.drop(made)
        return self._key(name)

    def _key(self, name: str) -> LinkKey:
        kept = self.secrets.get(name).get(_KEY)
        if kept is None:  # it is on its way
            raise StoreConflictError("store is busy", retry_after=1.0)
        return LinkKey(kept.reveal())

    def _handed_lately(self, who: Principal) -> int:
        since = self.clock.now() - LINK_LIFE
        lines = self.audit.search(by=who.key, outcome=HANDED, since=since, limit=_MANY_LINES)
        return sum(line.principal.door == who.door for line in lines)
