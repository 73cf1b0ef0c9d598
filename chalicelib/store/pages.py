"""One-time pages, over any Table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import ConditionFailedError
from chalicelib.core.message import Address
from chalicelib.core.page import LogoChoice, Saved, Shown, Step, Visit
from chalicelib.core.ports import Absent, Delete, Equals, Item, Put, Table
from chalicelib.store import keys
from chalicelib.store.body import BODY, Body, Json, folded, instant, number_of, text_of
from chalicelib.store.codec import REVISION, expiry, row

# What is longer is no id of ours.
_LONGEST_ID: Final = 64
_NAME: Final = "name"
_PICTURE: Final = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePages:
    table: Table

    def add(self, visit: Visit) -> None:
        self.table.write([Put(item=_item(visit), when=Absent())])

    def visit(self, visit_id: str) -> Visit | None:
        item = self.table.get(*keys.page(visit_id)) if 0 < len(visit_id) <= _LONGEST_ID else None
        return None if item is None else _as_visit(item)

    def change(self, before: Visit, after: Visit) -> bool:
        later = replace(after, revision=before.revision + 1)
        try:
            self.table.write([Put(item=_item(later), when=Equals(REVISION, before.revision))])
        except ConditionFailedError:
            return False
        return True

    def logo(self, visit_id: str) -> bytes:
        item = self.table.get(*keys.page_logo(visit_id))
        picture = item.attributes.get(_PICTURE) if item is not None else b""
        return picture if isinstance(picture, bytes) else b""

    def keep_logo(self, visit: Visit, logo: bytes) -> None:
        place = keys.page_logo(visit.visit_id)
        if logo:
            expires = expiry(visit.expires_at, keys.PAGE_LIFE)
            self.table.write([Put(item=row(place, {_PICTURE: logo}, expires=expires))])
        else:
            self.table.write([Delete(partition=place[0], sort=place[1])])

    def key_name(self) -> str | None:
        item = self.table.get(*keys.PAGE_KEY)
        return None if item is None else text_of(item, _NAME)

    def name_key(self, name: str) -> str:
        try:
            self.table.write([Put(item=row(keys.PAGE_KEY, {_NAME: name}), when=Absent())])
        except ConditionFailedError:
            return self.key_name() or name
        return name


def _item(visit: Visit) -> Item:
    to = visit.to
    body: Json = {
        "visit_id": visit.visit_id,
        "source": visit.source,
        "person": visit.person,
        # What takes answers for an hour is a secret of that chat, and of no use later.
        "to": {"chat": to.chat, "person": to.person, "direct": to.direct, "thread": to.thread},
        "lang": visit.lang,
        "edits": visit.edits,
        "code": visit.code,
        "made_at": instant(visit.made_at),
        "expires_at": instant(visit.expires_at),
        "step": visit.step,
        "tries": visit.tries,
        "session": visit.session,
        "answers": dict(visit.answers),
        "began": dict(visit.began),
        "logo": visit.logo,
        "saving_until": None if visit.saving_until is None else instant(visit.saving_until),
        "makes": visit.makes,
        "saved": None if visit.saved is None else _saved_json(visit.saved),
    }
    attributes = {BODY: folded(body), REVISION: visit.revision}
    return row(keys.page(visit.visit_id), attributes, expires=expiry(visit.expires_at, keys.PAGE_LIFE))


def _as_visit(item: Item) -> Visit:
    body = Body.of(item)
    to = body.child("to")
    return Visit(
        visit_id=body.text("visit_id"),
        source=body.text("source"),
        person=body.text("person"),
        to=Address(
            source=body.text("source"),
            chat=to.text("chat"),
            person=to.text("person"),
            direct=to.flag("direct"),
            thread=to.text("thread"),
        ),
        lang=Lang(body.text("lang")),
        edits=body.text("edits"),
        code=body.text("code"),
        made_at=body.when("made_at"),
        expires_at=body.when("expires_at"),
        step=Step(body.text("step")),
        tries=body.number("tries"),
        session=body.text("session"),
        answers=_texts(body.child("answers")),
        began=_texts(body.child("began")),
        logo=LogoChoice(body.text("logo")),
        saving_until=body.maybe_when("saving_until"),
        makes=body.text("makes"),
        saved=_as_saved(body.child("saved")) if body.has("saved") else None,
        revision=number_of(item, REVISION),
    )


def _saved_json(saved: Saved) -> Json:
    return {
        "source": saved.source,
        "enabled": saved.enabled,
        "changed": saved.changed,
        "findings": [{"grade": each.grade, "en": each.en, "zh": each.zh} for each in saved.findings],
    }


def _as_saved(body: Body) -> Saved:
    return Saved(
        source=body.text("source"),
        enabled=body.flag("enabled"),
        changed=body.flag("changed"),
        findings=tuple(
            Shown(grade=each.text("grade"), en=each.texts("en"), zh=each.texts("zh"))
            for each in body.children("findings")
        ),
    )


def _texts(body: Body) -> Mapping[str, str]:
    return {name: body.text(name) for name in body.names()}
