"""What DingTalk pushes: the events of each change, in either spelling, encrypted and signed; and which reply it takes.

Source: DingTalk "HTTP push of events", "callback encryption and decryption", "contact events".
"""

import base64
import binascii
import hashlib
import hmac
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlencode

from Crypto.Cipher import AES

from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.records import Department, Role, User
from infra.lab.journal import Change, Touched
from infra.lab.push import Event, Request
from infra.lab.wire import Answer, JsonObject, LabError

if TYPE_CHECKING:
    from infra.lab.dingtalk.installation import Installation

Subject: TypeAlias = Literal["userId", "deptId", "labelIdList"]

# The padding's block, which is not AES's.
_BLOCK = 32
# What a person changes for themselves, and what has events of its own or is the lab's bookkeeping.
_UNTOLD = frozenset({"nickname", "avatar", "active", "admin_level", "roles", "entered", "touched"})
_DIFF = {
    "name": "name",
    "email": "email",
    "telephone": "telephone",
    "job_number": "jobNumber",
    "work_place": "workPlace",
    "hired_date": "hiredDate",
    "manager": "managerUserid",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Seals and opens texts between DingTalk and one subscription; `owner` is the AppKey, or the CorpId."""

    aes_key: str
    token: str
    owner: str
    _key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-zA-Z0-9]{43}", self.aes_key):
            raise LabError("an aes_key is 43 letters and digits")
        if not re.fullmatch(r"[a-zA-Z0-9]{3,32}", self.token):
            raise LabError("a token is 3 to 32 letters and digits")
        object.__setattr__(self, "_key", base64.b64decode(self.aes_key + "="))

    def seal(self, text: str, salt: bytes) -> str:
        """Encrypt a text behind 16 random bytes and its length in bytes; the owner comes last."""
        content = text.encode()
        plain = salt + len(content).to_bytes(4, "big") + content + self.owner.encode()
        count = _BLOCK - len(plain) % _BLOCK
        cipher = AES.new(self._key, AES.MODE_CBC, self._key[:16])
        return base64.b64encode(cipher.encrypt(plain + bytes([count]) * count)).decode()

    def open(self, sealed: str) -> str | None:
        """Decrypt a text that is meant for this owner; anything else is None."""
        try:
            secret = base64.b64decode(sealed, validate=True)
            plain = AES.new(self._key, AES.MODE_CBC, self._key[:16]).decrypt(secret)
            count = plain[-1]
            end = 20 + int.from_bytes(plain[16:20], "big")
            text, owner = plain[20:end].decode(), plain[end:-count].decode()
        except (binascii.Error, ValueError, IndexError):
            return None
        padded = 1 <= count <= _BLOCK and plain.endswith(bytes([count]) * count)
        return text if padded and owner == self.owner else None

    def sign(self, timestamp: str, nonce: str, sealed: str) -> str:
        joined = "".join(sorted((self.token, timestamp, nonce, sealed)))
        return hashlib.sha1(joined.encode()).hexdigest()  # noqa: S324  # the vendor's choice


class DingTalkChannel:
    """The way to an app's URL. How HTTP pushes are repeated is undocumented; these are the seconds of Stream mode."""

    schedule_s = (10.0, 30.0, 60.0, 120.0)
    deadline_s = 2.5
    check_deadline_s = 1.5

    def __init__(self, url: str, envelope: Envelope, choices: Choices, *, seed: str) -> None:
        self.url = url
        self._envelope = envelope
        self._choices = choices
        self._luck = random.Random(f"{seed} channel")

    def check(self, now: datetime) -> tuple[Request, Callable[[Answer], bool]]:
        return self._wrap('{"EventType":"check_url"}', now), self.accepts

    def request(self, event: Event, now: datetime) -> Request:
        return self._wrap(event.text, now)

    def accepts(self, answer: Answer) -> bool:
        """Take nothing but HTTP 200 with `success`, encrypted and signed; a plain `success` is refused."""
        if answer.status != 200:
            return False
        try:
            reply = json.loads(answer.body)
        except ValueError:
            return False
        match reply:
            case {
                "msg_signature": str(signature),
                "timeStamp": str(timestamp),
                "nonce": str(nonce),
                "encrypt": str(sealed),
            }:
                signed = hmac.compare_digest(signature.encode(), self._envelope.sign(timestamp, nonce, sealed).encode())
                return signed and self._envelope.open(sealed) == "success"
            case _:
                return False

    def _wrap(self, text: str, now: datetime) -> Request:
        sealed = self._envelope.seal(text, self._luck.randbytes(16))
        timestamp, nonce = str(int(now.timestamp() * 1000)), self._luck.randbytes(4).hex()
        signature = self._envelope.sign(timestamp, nonce, sealed)
        asked = self._choices.event_signature_name
        names = ("signature", "msg_signature") if asked == "both" else (asked,)
        query = {
            **dict.fromkeys(names, signature),
            self._choices.event_timestamp_name: timestamp,
            "nonce": nonce,
        }
        joint = "&" if "?" in self.url else "?"
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return Request(f"{self.url}{joint}{urlencode(query)}", headers, json.dumps({"encrypt": sealed}).encode())


@dataclass(frozen=True, slots=True)
class _Told:
    """Something that happened to one person or department; neighbours of one kind share an event."""

    kind: str
    subject: Subject
    external_id: str | int
    more: Mapping[str, object] = field(default_factory=dict)


class DingTalkEvents:
    """Words changes as events, with the workspace's lock held.

    They carry ids and next to no data, and come for people and departments outside the app's range, too.
    """

    def __init__(self, workspace: "Installation", choices: Choices, *, seed: str) -> None:
        self._workspace = workspace
        self._choices = choices
        self._luck = random.Random(f"{seed} events")
        self._last_ms = 0

    def of(self, change: Change) -> Sequence[Event]:
        told = [
            each
            for touched in change.touched.values()
            if self._choices.event_consequences or not touched.consequence
            for each in self._told(touched)
        ]
        together: dict[tuple[str, str], list[_Told]] = {}
        for each in told:
            # Of two roles, or of roles lost and got, no list can tell whose they are.
            apart = str(each.more) if each.kind == "label_user_change" else ""
            together.setdefault((each.kind, apart), []).append(each)
        return [self._event(kind, several) for (kind, _), several in together.items()]

    def _told(self, touched: Touched) -> Iterator[_Told]:
        match touched.record:
            case User() as user:
                yield from self._user(user, touched.before)
            case Department() as department:
                yield from _department(department, touched.before)
            case Role() as role:
                yield _Told("label_conf_add", "labelIdList", role.role_id, {"scope": 0})

    def _user(self, user: User, before: User | None) -> Iterator[_Told]:
        if before is None:
            yield _Told("user_add_org", "userId", user.userid)
            if self._luck.random() < self._choices.event_modify_follows:
                yield _Told("user_modify_org", "userId", user.userid)
            return
        if user.left:
            if not before.left:
                yield _Told("user_leave_org", "userId", user.userid)
            return
        changed = [each.name for each in fields(User) if getattr(user, each.name) != getattr(before, each.name)]
        if user.active and not before.active:
            yield _Told("user_active_org", "userId", user.userid)
        if bool(user.admin_level) != bool(before.admin_level):
            yield _Told("org_admin_add" if user.admin_level else "org_admin_remove", "userId", user.userid)
        for action, roles in (
            ("add", set(user.roles) - set(before.roles)),
            ("remove", set(before.roles) - set(user.roles)),
        ):
            if roles:
                yield _Told(
                    "label_user_change", "userId", user.userid, {"action": action, "labelIdList": sorted(roles)}
                )
        if not _UNTOLD.issuperset(changed):
            yield _Told("user_modify_org", "userId", user.userid, self._diff(user, before))

    def _diff(self, user: User, before: User) -> JsonObject:
        if not self._choices.event_diff:
            return {}
        names = [name for name in _DIFF if getattr(user, name) != getattr(before, name)]
        if not names:
            return {}
        then, now = (
            {_DIFF[name]: value for name in names if (value := getattr(each, name)) not in ("", None)}
            for each in (before, user)
        )
        return {"diffInfo": {"prev": then, "curr": now, "userid": user.userid}}

    def _event(self, kind: str, several: Sequence[_Told]) -> Event:
        first = several[0]
        ids = list(dict.fromkeys(each.external_id for each in several))
        # Whose the difference is can be told of one person only.
        more = dict(first.more) if len(several) == 1 or kind in ("label_user_change", "label_conf_add") else {}
        subject: str = "userIdList" if kind == "label_user_change" else first.subject
        event_id, millis = self._workspace.next_ids("event_id"), self._now_ms()
        corp_id = self._workspace.corp_id
        document: JsonObject
        if self._choices.event_spelling == "classic":
            more.pop("diffInfo", None)
            subject = subject[0].upper() + subject[1:]
            document = {"TimeStamp": str(millis), "CorpId": corp_id, subject: ids, "EventType": kind, **more}
        else:
            document = {
                "EventType": kind,
                "EventTime": millis,
                "CorpId": corp_id,
                "BizId": f"{millis}{int(event_id[:4], 16) % 1000:03d}",
                "eventId": event_id,
                "timeStamp": str(millis),
                **more,
                subject: ids,
            }
        return Event(event_id, kind, json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    def _now_ms(self) -> int:
        # The classic spelling has no id: only its time keeps two events of one person apart.
        self._last_ms = max(self._last_ms + 1, int(self._workspace.clock.now().timestamp() * 1000))
        return self._last_ms


def _department(department: Department, before: Department | None) -> Iterator[_Told]:
    if before is None:
        yield _Told("org_dept_create", "deptId", department.dept_id)
    elif department.deleted:
        yield _Told("org_dept_remove", "deptId", department.dept_id)
    elif department != before:
        yield _Told("org_dept_modify", "deptId", department.dept_id)
