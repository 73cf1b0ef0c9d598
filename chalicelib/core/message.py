"""What passes through the doors, free of any framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """Header names are lower case; `body` is as received, undecoded.

    `url_path` is the path as the sender sees it, with what a deployment puts before ours.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    url_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A verified callback: what happened to which ids, and when; never what the payload says about people.

    `delivery_id` is the vendor's event id (or a hash of the text where it gives none), `ids` are grouped by the
    vendor's name of the id (`union_id`, `userid`, ...). `occurred_at` is the vendor's own time.

    Of what is said to the bot or pressed on its cards, and of nothing else, `talk` keeps the vendor's own JSON, for its
    Chat to read; `delivery_id` is then the message's id, or the press's. `proven`: the vendor's signature covers who
    said it and what; where it does not, a dangerous command needs a code besides. `seal` names the proof where it
    covers less than the body: it may serve one delivery only. `proves` names old values of secrets that are being
    replaced: this one shows that the vendor uses the new one, so they can go.
    """

    delivery_id: str
    source: str
    type: str
    ids: Mapping[str, tuple[str, ...]]
    occurred_at: datetime
    received_at: datetime
    talk: str = ""
    proven: bool = True
    seal: str = ""
    proves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a callback turned out to be: what to answer, and what to keep (nothing for a check of the URL)."""

    ack: HttpResponse
    delivery: Delivery | None


# --- chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to answer, in the workspace of a source (a uid).

    `chat` is the vendor's id of a chat; when it is empty, the answer goes to `person` alone. `direct`: nobody else
    reads along. `thread` is the message that is answered, where the vendor can answer in place. `session` is a URL that
    takes answers until `session_until`, where the vendor gives one; it is a secret of that chat.
    """

    source: str
    chat: str = ""
    person: str = ""
    direct: bool = False
    thread: str = ""
    session: str = ""
    session_until: datetime | None = None


class Said(StrEnum):
    """How it came: typed, a button or menu pressed, or somebody opened the chat and has said nothing yet."""

    TYPED = "typed"
    PRESSED = "pressed"
    ENTERED = "entered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody said to the bot. `text` is a command as typed, or that of the pressed button (`Button.command`).

    `sender` is the vendor's id of the person, "" for somebody outside the company. `card` is the one that was pressed.
    `lang` is known of a press (its card's), else None.
    """

    message_id: str
    source: str
    sender: str
    text: str
    said: Said
    address: Address
    at: datetime
    proven: bool
    card: str = ""
    lang: Lang | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer or a notice on its way; it waits as a row until the vendor took it, or is given up.

    `outgoing_id` is derived from what it answers, so the same answer is never two rows. `edits` is the card to change;
    "" posts a new message. `task`: the card that this becomes is edited as the task goes on.
    """

    outgoing_id: str
    to: Address
    reply: Reply
    created_at: datetime
    edits: str = ""
    task: str | None = None
    attempts: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A posted message that shows a task. `shown` is a digest of what it shows now.

    Where the vendor cannot edit it, `editable` is False and `card` a name of ours: how the task ended is said anew.
    """

    task: str
    card: str
    to: Address
    lang: Lang
    shown: str
    edited_at: datetime
    edits: int = 0
    editable: bool = True
