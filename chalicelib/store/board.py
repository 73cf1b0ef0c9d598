"""Who is told what of a source."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.message import Address
from chalicelib.core.notice import NoticeSettings
from chalicelib.core.ports import Absent, Equals, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import BODY, Body, Json, folded, instant, number_of
from chalicelib.store.codec import REVISION, row


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBoard:
    table: Table

    def notices(self, source: str) -> NoticeSettings:
        item = self.table.get(*keys.notices(source))
        if item is None:
            return NoticeSettings(source=source)
        body = Body.of(item)
        return NoticeSettings(
            source=source,
            to=_address(source, body) if body.has("chat") else None,
            lang=Lang(body.text("lang")),
            digest=body.flag("digest"),
            welcome=body.flag("welcome"),
            failing=body.text("failing") if body.has("failing") else None,
            told_at=body.maybe_when("told_at"),
            digested_at=body.maybe_when("digested_at"),
            budget_told=body.text("budget_told") if body.has("budget_told") else "",
            revision=number_of(item, REVISION),
        )

    def put(self, settings: NoticeSettings, *, instead_of: NoticeSettings) -> bool:
        revision = instead_of.revision
        unchanged = Equals(REVISION, revision) if revision else Absent()
        attributes = {BODY: folded(_json(settings)), REVISION: revision + 1}
        try:
            self.table.write([Put(item=row(keys.notices(settings.source), attributes), when=unchanged)])
        except ConditionFailedError:
            return False
        return True


def _json(settings: NoticeSettings) -> Json:
    to = settings.to
    return {
        **({"chat": to.chat, "person": to.person, "direct": to.direct} if to else {}),
        "lang": settings.lang,
        "digest": settings.digest,
        "welcome": settings.welcome,
        **({"failing": settings.failing} if settings.failing else {}),
        **({"told_at": instant(settings.told_at)} if settings.told_at else {}),
        **({"digested_at": instant(settings.digested_at)} if settings.digested_at else {}),
        **({"budget_told": settings.budget_told} if settings.budget_told else {}),
    }


def _address(source: str, body: Body) -> Address:
    return Address(source=source, chat=body.text("chat"), person=body.text("person"), direct=body.flag("direct"))
