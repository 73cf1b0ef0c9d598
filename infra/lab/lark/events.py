"""What Lark pushes: the events of each change, in the new envelope and the old one, encrypted and signed.

Source: Feishu "configure encryption for subscribed events", "event subscription overview", "contact v3" events.
"""

import base64
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

from infra.lab.journal import Change, Touched
from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from infra.lab.lark.records import CustomFieldsChange, Department, Nodes, RangeChange, User
from infra.lab.lark.view import View
from infra.lab.push import Event, Request
from infra.lab.wire import Answer, JsonObject, LabError

if TYPE_CHECKING:
    from infra.lab.lark.installation import Installation

_SUBSCRIBING = frozenset({scopes.BASE}) | scopes.LEGACY
_COUNTS = ("member_count", "primary_member_count")
# These come as events of their own, whatever else changed.
_ALONE = ("mobile", "email")


def encrypt(text: str, encrypt_key: str, iv: bytes) -> str:
    cipher = AES.new(hashlib.sha256(encrypt_key.encode()).digest(), AES.MODE_CBC, iv)
    return base64.b64encode(iv + cipher.encrypt(pad(text.encode(), AES.block_size))).decode()


def sign(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    return hashlib.sha256(f"{timestamp}{nonce}{encrypt_key}".encode() + body).hexdigest()


class LarkChannel:
    """The way to an app's request URL; without an encrypt key nothing is encrypted or signed."""

    schedule_s = (15.0, 300.0, 3600.0, 21600.0)
    deadline_s = 3.0
    check_deadline_s = 1.0

    def __init__(self, url: str, encrypt_key: str, token: str, choices: Choices, *, seed: str) -> None:
        self.url = url
        self._key = encrypt_key
        self._token = token
        self._choices = choices
        self._luck = random.Random(f"{seed} channel")

    def check(self, now: datetime) -> tuple[Request, Callable[[Answer], bool]]:
        challenge = self._luck.randbytes(16).hex()
        text = json.dumps({"challenge": challenge, "token": self._token, "type": "url_verification"})

        def passes(answer: Answer) -> bool:
            try:
                document = json.loads(answer.body)
            except ValueError:
                return False
            return answer.status == 200 and isinstance(document, dict) and document.get("challenge") == challenge

        return self._wrap(text, now, signed=self._choices.challenge_signed), passes

    def request(self, event: Event, now: datetime) -> Request:
        return self._wrap(event.text, now, signed=True)

    def accepts(self, answer: Answer) -> bool:
        return answer.status == 200

    def _wrap(self, text: str, now: datetime, *, signed: bool) -> Request:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if not self._key:
            return Request(self.url, headers, text.encode())
        body = json.dumps({"encrypt": encrypt(text, self._key, self._luck.randbytes(16))}).encode()
        if signed:
            timestamp, nonce = str(int(now.timestamp())), self._luck.randbytes(8).hex()
            headers["X-Lark-Request-Timestamp"] = timestamp
            headers["X-Lark-Request-Nonce"] = nonce
            headers["X-Lark-Signature"] = sign(timestamp, nonce, self._key, body)
        return Request(self.url, headers, body)


class LarkEvents:
    """Words changes as events, with the workspace's lock held.

    The app is told only of what it may see, before or after, and only of fields that its permissions uncover.
    """

    def __init__(self, workspace: "Installation", token: str, choices: Choices) -> None:
        self._workspace = workspace
        self._token = token
        self._choices = choices
        self._last_ms = 0

    def check_permission(self) -> None:
        if not self._workspace.scopes_granted & _SUBSCRIBING:
            raise LabError(f"to subscribe the app needs one of {', '.join(sorted(_SUBSCRIBING))}")

    def sees(self, record: object) -> bool:
        match record:
            case User():
                return self._workspace.sees_user(record)
            case Department():
                return not record.deleted and self._workspace.sees_department(record.open_department_id)
            case _:
                return False

    def of(self, change: Change) -> Sequence[Event]:
        workspace = self._workspace
        if not (workspace.enabled and workspace.installed and workspace.scopes_granted & _SUBSCRIBING):
            return []
        events: list[Event] = []
        for remark in change.remarks:
            match remark:
                case RangeChange():
                    events += self._range(remark)
                case CustomFieldsChange():
                    events += self._custom_fields(remark)
        for touched in change.touched.values():
            if touched.consequence and not self._choices.event_consequences:
                continue
            if not touched.seen and not self.sees(touched.record):
                continue
            events += self._user(touched) if isinstance(touched.record, User) else self._department(touched)
        return events

    # New and old envelope

    def _new(self, kind: str, event: Mapping[str, object]) -> Iterator[Event]:
        if self._choices.event_schema == "1.0":
            return
        event_id = self._workspace.next_ids("event_id")
        header = {
            "event_id": event_id,
            "event_type": kind,
            "create_time": str(self._now_ms()),
            "token": self._token,
            "app_id": self._workspace.app_id,
            "tenant_key": self._workspace.tenant_key,
        }
        text = json.dumps({"schema": "2.0", "header": header, "event": event}, ensure_ascii=False)
        yield Event(event_id, kind, text)

    def _old(self, kind: str, event: Mapping[str, object]) -> Iterator[Event]:
        if self._choices.event_schema == "2.0":
            return
        uuid = self._workspace.next_ids("event_uuid")
        document = {
            "ts": f"{self._now_ms() / 1000:.6f}",
            "uuid": uuid,
            "token": self._token,
            "type": "event_callback",
            "event": {
                "type": kind,
                "app_id": self._workspace.app_id,
                "tenant_key": self._workspace.tenant_key,
                **event,
            },
        }
        yield Event(uuid, kind, json.dumps(document, ensure_ascii=False))

    def _now_ms(self) -> int:
        # No two events at the same instant, though the clock may stand still.
        self._last_ms = max(self._last_ms + 1, int(self._workspace.clock.now().timestamp() * 1000))
        return self._last_ms

    # People

    def _user(self, touched: Touched) -> Iterator[Event]:
        user, before = touched.record, touched.before
        if before is None:
            yield from self._new("contact.user.created_v3", {"object": self._user_object(user)})
            yield from self._old("user_add", self._old_ids(user))
        elif user.resigned and not before.resigned:
            old = self._uncovered({"department_ids": list(before.departments)}) | {"open_id": user.open_id}
            yield from self._new("contact.user.deleted_v3", {"object": self._user_object(user), "old_object": old})
            yield from self._old("user_leave", self._old_ids(user))
            yield from self._old_status(user, before)
        else:
            yield from self._user_updated(user, before)

    def _user_updated(self, user: User, before: User) -> Iterator[Event]:
        view = self._view(Choices())
        now, then = view.user(user), view.user(before)
        changed = [name for name in now if now[name] != then[name]]
        groups = [[name for name in changed if name not in _ALONE], *([name] for name in _ALONE if name in changed)]
        for names in filter(None, groups):
            old = {name: then[name] for name in names} | self._ids(user)
            yield from self._new("contact.user.updated_v3", {"object": self._user_object(user), "old_object": old})
        if set(changed) - {"status"}:
            yield from self._old("user_update", self._old_ids(user))
        if "status" in changed:
            yield from self._old_status(user, before)

    def _user_object(self, user: User) -> JsonObject:
        shown = self._view(self._choices).user(user)
        if not self._choices.event_department_ids:
            shown.pop("department_ids", None)
        return shown

    def _ids(self, user: User) -> JsonObject:
        return self._uncovered({"open_id": user.open_id, "union_id": user.union_id, "user_id": user.user_id})

    def _old_ids(self, user: User) -> JsonObject:
        ids = self._ids(user)
        return {
            {"user_id": "employee_id"}.get(name, name): ids[name]
            for name in ("open_id", "user_id", "union_id")
            if name in ids
        }

    def _old_status(self, user: User, before: User) -> Iterator[Event]:
        told = {
            "before_status": _old_flags(before),
            "current_status": _old_flags(user),
            "change_time": f"{self._workspace.clock.now():%Y-%m-%d %H:%M:%S}",
        }
        if "status" in self._uncovered({"status": ""}):
            yield from self._old("user_status_change", self._old_ids(user) | told)

    def _uncovered(self, fields: JsonObject) -> JsonObject:
        shown = scopes.uncovered(scopes.USER_FIELDS, self._workspace.scopes_granted)
        return {name: value for name, value in fields.items() if name in shown}

    # Departments

    def _department(self, touched: Touched) -> Iterator[Event]:
        department, before = touched.record, touched.before
        shown = self._department_object(department)
        key = department.open_department_id
        ids: JsonObject = {
            "open_department_id": key,
            "department": {"open_id": key, "custom_id": department.department_id},
        }
        if before is None:
            yield from self._new("contact.department.created_v3", {"object": shown})
            yield from self._old("dept_add", ids)
        elif department.deleted and not before.deleted:
            old: JsonObject = {"status": {"is_deleted": False}, "open_department_id": key}
            yield from self._new("contact.department.deleted_v3", {"object": shown, "old_object": old})
            yield from self._old("dept_delete", ids)
        else:
            now, then = (self._department_object(each, Choices()) for each in (department, before))
            if old := {name: then[name] for name in now if now[name] != then[name]}:
                old["open_department_id"] = key
                yield from self._new("contact.department.updated_v3", {"object": shown, "old_object": old})
                yield from self._old("dept_update", ids)

    def _department_object(self, department: Department, choices: Choices | None = None) -> JsonObject:
        shown = self._view(choices or self._choices).department(department)
        for name in _COUNTS:
            shown.pop(name, None)
        # A text in the api's answers.
        if "order" in shown:
            shown["order"] = department.order
        if shown.get("department_hrbps"):
            users = self._workspace.users
            shown["department_hrbps"] = [self._ids(users[open_id]) for open_id in department.hrbps]
        return shown

    # The app

    def _range(self, change: RangeChange) -> Iterator[Event]:
        event = {"added": self._nodes(change.added), "removed": self._nodes(change.removed)}
        yield from self._new("contact.scope.updated_v3", event)
        yield from self._old("contact_scope_change", {})

    def _nodes(self, nodes: Nodes) -> JsonObject:
        if not any(nodes):
            return {}
        workspace = self._workspace
        return {
            "departments": [self._department_object(workspace.departments[key]) for key in nodes.departments],
            "users": [self._user_object(workspace.users[key]) for key in nodes.users],
            "user_groups": [],
        }

    def _custom_fields(self, before: CustomFieldsChange) -> Iterator[Event]:
        workspace = self._workspace
        event = {
            "object": {
                "contact_field_key": list(workspace.custom_fields),
                "allow_open_query": workspace.custom_fields_open,
            },
            "old_object": {"contact_field_key": list(before.field_ids), "allow_open_query": before.opened},
        }
        yield from self._new("contact.custom_attr_event.updated_v3", event)

    def _view(self, choices: Choices) -> View:
        return View(
            workspace=self._workspace,
            choices=choices,
            user_id_type="open_id",
            department_id_type="open_department_id",
        )


def _old_flags(user: User) -> JsonObject:
    return {"is_active": user.activated, "is_frozen": user.frozen, "is_resigned": user.resigned}
