"""What is said in chats <-> items: said things, answers on their way, cards, confirmations, admins.

Of a reply only what a chat shows is kept: `Reply.data`, which is for programs, does not come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from chalicelib.core.catalogue import Lang
from chalicelib.core.confirm import Confirmation, Standing
from chalicelib.core.message import Address, Card, Delivery, Outgoing
from chalicelib.core.ports import Item
from chalicelib.core.principal import Admin, Role
from chalicelib.core.reply import Block, Button, Line, Link, Pairs, Reply, Table, Tone, Weight
from chalicelib.store import keys
from chalicelib.store.body import BODY, Body, Json, broken, dump, folded, instant, number_of
from chalicelib.store.codec import AT, COUNT, OWNER, UNTIL, as_delivery, expiry, row

ATTEMPTS: Final = "attempts"
DIGEST: Final = "digest"
# Nobody has it: it has been let go of for ever.
FREE: Final = ""


# --- what was said


def said_item(delivery: Delivery) -> Item:
    body: Json = {
        "delivery_id": delivery.delivery_id,
        "source": delivery.source,
        "type": delivery.type,
        "ids": dict(delivery.ids),
        "occurred_at": instant(delivery.occurred_at),
        "received_at": instant(delivery.received_at),
        "talk": sound(delivery.talk),
        "proven": delivery.proven,
        **({"proves": list(delivery.proves)} if delivery.proves else {}),
    }
    return row(
        keys.said_thing(delivery.source, instant(delivery.received_at), delivery.delivery_id),
        {BODY: folded(body), AT: instant(delivery.received_at), OWNER: FREE, UNTIL: FREE, COUNT: 0},
        expires=expiry(delivery.received_at, keys.CHAT_LIFE),
    )


def as_said(item: Item) -> Delivery:
    body = Body.of(item)
    return replace(as_delivery(item), talk=body.text("talk"), proven=body.flag("proven"))


# --- what is to be said


def outgoing_item(outgoing: Outgoing, number: int) -> Item:
    body: Json = {
        "outgoing_id": outgoing.outgoing_id,
        "to": _address_json(outgoing.to),
        "reply": _reply_json(outgoing.reply),
        "created_at": instant(outgoing.created_at),
        "edits": outgoing.edits,
        "task": outgoing.task,
    }
    return row(
        keys.outgoing_thing(outgoing.to.source, instant(outgoing.created_at), number, outgoing.outgoing_id),
        {
            BODY: folded(body),
            AT: FREE if outgoing.not_before is None else instant(outgoing.not_before),
            ATTEMPTS: outgoing.attempts,
            OWNER: FREE,
            UNTIL: FREE,
            COUNT: 0,
        },
        expires=expiry(outgoing.created_at, keys.CHAT_LIFE),
    )


def as_outgoing(item: Item) -> Outgoing:
    body = Body.of(item)
    not_before = item.attributes.get(AT)
    return Outgoing(
        outgoing_id=body.text("outgoing_id"),
        to=_as_address(body.child("to")),
        reply=_as_reply(body.child("reply")),
        created_at=body.when("created_at"),
        edits=body.text("edits"),
        task=body.text("task") if body.has("task") else None,
        attempts=number_of(item, ATTEMPTS),
        not_before=datetime.fromisoformat(not_before) if isinstance(not_before, str) and not_before else None,
    )


def _address_json(address: Address) -> Json:
    return {
        "source": address.source,
        "chat": address.chat,
        "person": address.person,
        "direct": address.direct,
        "thread": address.thread,
        "session": address.session,
        "session_until": None if address.session_until is None else instant(address.session_until),
    }


def _as_address(body: Body) -> Address:
    return Address(
        source=body.text("source"),
        chat=body.text("chat"),
        person=body.text("person"),
        direct=body.flag("direct"),
        thread=body.text("thread"),
        session=body.text("session"),
        session_until=body.maybe_when("session_until"),
    )


def _reply_json(reply: Reply) -> Json:
    return {
        "blocks": [_block_json(each) for each in reply.blocks],
        "tone": reply.tone,
        "task": reply.task,
        "title": sound(reply.title),
        "buttons": [(sound(each.label), sound(each.command), each.weight) for each in reply.buttons],
        **({"link": {"label": sound(reply.link.label), "url": sound(reply.link.url)}} if reply.link else {}),
        "lang": reply.lang,
    }


def _as_reply(body: Body) -> Reply:
    return Reply(
        blocks=tuple(_as_block(each) for each in body.children("blocks")),
        data=None,
        tone=Tone(body.text("tone")),
        task=body.text("task") if body.has("task") else None,
        title=body.text("title"),
        buttons=tuple(
            Button(label=label, command=command, weight=Weight(weight))
            for label, command, weight in body.tuples("buttons", 3)
        ),
        link=_as_link(body.child("link")) if body.has("link") else None,
        lang=Lang(body.text("lang")),
    )


def _as_link(body: Body) -> Link:
    return Link(label=body.text("label"), url=body.text("url"))


def _block_json(block: Block) -> Json:
    match block:
        case Line(text=text, tone=tone):
            return {"type": "line", "text": sound(text), "tone": tone}
        case Table(columns=columns, rows=rows, caption=caption):
            return {
                "type": "table",
                "columns": _all(columns),
                "rows": [_all(r) for r in rows],
                "caption": sound(caption),
            }
        case Pairs(pairs=pairs, caption=caption):
            return {"type": "pairs", "pairs": [_all(pair) for pair in pairs], "caption": sound(caption)}
        case _:
            assert_never(block)


def _as_block(body: Body) -> Block:
    match body.text("type"):
        case "line":
            return Line(text=body.text("text"), tone=Tone(body.text("tone")))
        case "table":
            return Table(columns=body.texts("columns"), rows=body.tuples("rows"), caption=body.text("caption"))
        case "pairs":
            pairs = tuple((label, value) for label, value in body.tuples("pairs", 2))
            return Pairs(pairs=pairs, caption=body.text("caption"))
        case _:
            raise broken("block")


def _all(texts: Sequence[str]) -> Json:
    return [sound(each) for each in texts]


def sound(text: str) -> str:
    """Replace halves of characters, which JSON can carry and no store can spell."""
    return text.encode("utf-8", "replace").decode()


# --- cards


def card_items(card: Card) -> tuple[Item, Item]:
    """Make the row of a card among those of its task, and that among those whose tasks go on."""
    body: Json = {
        "task": card.task,
        "card": card.card,
        "to": _address_json(card.to),
        "lang": card.lang,
        "shown": card.shown,
        "edited_at": instant(card.edited_at),
        "edits": card.edits,
        **({} if card.editable else {"words": True}),
    }
    attributes = {BODY: folded(body)}
    expires = expiry(card.edited_at, keys.CARD_LIFE)
    places = (
        keys.card(card.task, card.to.source, card.card),
        keys.shown_card(card.to.source, card.task, card.card),
    )
    among, showing = (row(place, attributes, expires=expires) for place in places)
    return among, showing


def as_card(item: Item) -> Card:
    body = Body.of(item)
    return Card(
        task=body.text("task"),
        card=body.text("card"),
        to=_as_address(body.child("to")),
        lang=Lang(body.text("lang")),
        shown=body.text("shown"),
        edited_at=body.when("edited_at"),
        edits=body.number("edits"),
        editable=not body.has("words"),
    )


# --- what must be confirmed


def confirmation_item(confirmation: Confirmation) -> Item:
    body = _confirmation_json(confirmation)
    return row(
        keys.confirmation(confirmation.source, confirmation.number),
        {BODY: folded(body), DIGEST: confirmation_digest(confirmation)},
        expires=expiry(confirmation.asked_at, keys.CONFIRM_LIFE),
    )


def confirmation_digest(confirmation: Confirmation) -> str:
    """Name its contents: two that differ in anything have different ones."""
    return hashlib.blake2b(dump(_confirmation_json(confirmation)).encode(), digest_size=16).hexdigest()


def as_confirmation(item: Item) -> Confirmation:
    body = Body.of(item)
    return Confirmation(
        number=body.text("number"),
        source=body.text("source"),
        asked_by=body.text("asked_by"),
        command=body.text("command"),
        employees=body.number("employees"),
        needs_second=body.flag("needs_second"),
        standing=Standing(body.text("standing")),
        asked_at=body.when("asked_at"),
        expires_at=body.when("expires_at"),
        codes=tuple((person, code) for person, code in body.tuples("codes", 2)),
        tries=body.number("tries"),
        second_by=body.text("second_by"),
        ended_at=body.maybe_when("ended_at"),
        task=body.text("task") if body.has("task") else None,
        by_message=body.text("by_message"),
        wants=body.text("wants") if body.has("wants") else "",
    )


def _confirmation_json(confirmation: Confirmation) -> Json:
    return {
        "number": confirmation.number,
        "source": confirmation.source,
        "asked_by": sound(confirmation.asked_by),
        "command": sound(confirmation.command),
        "employees": confirmation.employees,
        "needs_second": confirmation.needs_second,
        "standing": confirmation.standing,
        "asked_at": instant(confirmation.asked_at),
        "expires_at": instant(confirmation.expires_at),
        "codes": [_all(pair) for pair in confirmation.codes],
        "tries": confirmation.tries,
        "second_by": sound(confirmation.second_by),
        "ended_at": None if confirmation.ended_at is None else instant(confirmation.ended_at),
        "task": confirmation.task,
        "by_message": sound(confirmation.by_message),
        **({"wants": confirmation.wants} if confirmation.wants else {}),
    }


# --- admins


def admin_item(admin: Admin) -> Item:
    body: Json = {
        "source": admin.source,
        "person": admin.person,
        "role": admin.role.name,
        "audits": admin.audits,
        "lang": admin.lang,
        "added_by": admin.added_by,
        "added_at": instant(admin.added_at),
        "told": admin.told,
    }
    return row(keys.admin(admin.source, admin.person), {BODY: folded(body)})


def as_admin(item: Item) -> Admin:
    body = Body.of(item)
    return Admin(
        source=body.text("source"),
        person=body.text("person"),
        role=Role[body.text("role")],
        audits=body.flag("audits"),
        lang=Lang(body.text("lang")),
        added_by=body.text("added_by"),
        added_at=body.when("added_at"),
        told=body.flag("told"),
    )
