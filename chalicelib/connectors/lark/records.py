"""Lark's rows as source records.

The three kinds of read (listing, batch, single) must say the same about one person, or the directory would flap between
them: what only one of them shows (`is_frozen` at the top, `assign_info`) is left out.

Source: Feishu contact v3, the pages of users and departments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NoReturn

from chalicelib.connectors.lark.client import ROOT, Row
from chalicelib.connectors.lark.permissions import CUSTOM, Coverage
from chalicelib.connectors.session import fault
from chalicelib.core.errors import SourceProtocolError
from chalicelib.core.model import Key, Kind, SourceRecord, State, Value

TEXTS: Final = (
    "open_id",
    "user_id",
    "name",
    "en_name",
    "nickname",
    "email",
    "enterprise_email",
    "mobile",
    "city",
    "country",
    "work_station",
    "employee_no",
    "job_title",
    "leader_user_id",
    "geo",
    "job_level_id",
    "job_family_id",
)
NUMBERS: Final = ("gender", "join_time", "employee_type")
FLAGS: Final = ("mobile_visible", "is_tenant_manager")
DEPARTMENT_TEXTS: Final = ("name", "department_id", "leader_user_id")
LOCALES: Final = ("zh_cn", "en_us", "ja_jp")
MAIN_LEADER: Final = 1
# Never empty: whoever is in no department, and whatever lies below none, is shown with the root. So absent is unknown.
NEVER_EMPTY: Final[Mapping[Kind, str]] = {Kind.EMPLOYEE: "department_ids", Kind.DEPARTMENT: "parent_department_id"}

Fields = dict[str, Value]


class Records:
    """Makes the records of one source; those that show the same fields share one `covers`."""

    def __init__(self, source: str, coverage: Coverage) -> None:
        self._source = source
        self._covered = {kind: coverage.fields(kind) for kind in Kind}
        self._with_state = {kind: fields | {"state"} for kind, fields in self._covered.items()}
        self._other: dict[frozenset[str], frozenset[str]] = {}

    def user(self, row: Row, observed_at: datetime) -> SourceRecord:
        """
        Raises:
            SourceProtocolError: the row is not a user.
        """
        return self._record(Kind.EMPLOYEE, row, _id(row, "union_id"), user_fields(row), observed_at)

    def department(self, row: Row, observed_at: datetime) -> SourceRecord:
        """
        Raises:
            SourceProtocolError: the row is not a department.
        """
        return self._record(Kind.DEPARTMENT, row, _id(row, "open_department_id"), department_fields(row), observed_at)

    def _record(self, kind: Kind, row: Row, external_id: str, fields: Fields, observed_at: datetime) -> SourceRecord:
        covers = (self._with_state if "state" in fields else self._covered)[kind]
        if NEVER_EMPTY[kind] in covers and not row.get(NEVER_EMPTY[kind]):
            names = covers - {NEVER_EMPTY[kind]}
            covers = self._other.setdefault(names, names)
        if not fields.keys() <= covers:
            # Shown although no permission is known for it: then it is covered here, but its absence elsewhere is not.
            names = covers.union(fields)
            covers = self._other.setdefault(names, names)
        return SourceRecord(
            key=Key(self._source, kind, external_id), fields=fields, covers=covers, observed_at=observed_at
        )


def user_fields(row: Row) -> Fields:
    fields: Fields = {}
    _put_texts(fields, row, TEXTS)
    for name in NUMBERS:
        if (number := _number(row, name)) is not None:
            fields[name] = number
    for name in FLAGS:
        if isinstance(flag := row.get(name), bool):
            fields[name] = flag
    if (departments := _departments(row)) != ():
        fields["department_ids"] = departments
    if (dotted := _texts(row, "dotted_line_leader_user_ids")) != ():
        fields["dotted_line_leader_user_ids"] = dotted
    for attribute in _objects(row, "custom_attrs"):
        if isinstance(field := attribute.get("id"), str) and (text := custom_text(attribute)):
            fields[CUSTOM + field] = text
    if (state := user_state(row.get("status"))) is not None:
        fields["state"] = state
    return fields


def department_fields(row: Row) -> Fields:
    fields: Fields = {}
    _put_texts(fields, row, DEPARTMENT_TEXTS)
    names = row.get("i18n_name")
    if isinstance(names, dict):
        for locale in LOCALES:
            if text := _text(names, locale):
                fields[f"i18n_name.{locale}"] = text
    parent = _text(row, "parent_department_id")
    if parent and parent != ROOT:
        fields["parent_department_id"] = parent
    # A string in answers, a number in events.
    if (order := _number(row, "order")) is not None:
        fields["order"] = order
    if (members := _number(row, "member_count")) is not None:
        fields["member_count"] = members
    if leaders := _leaders(row):
        fields["leaders"] = leaders
    if (state := department_state(row)) is not None:
        fields["state"] = state
    return fields


def user_state(status: object) -> State | None:
    """Read the five flags by one table; None when a flag that the verdict needs is not there.

    First that fits: resigned or exited (left by themselves) -> left; frozen -> suspended; not joined or not
    activated -> invited; activated -> active.
    """
    if not isinstance(status, dict):
        return None
    resigned, exited, frozen, unjoined, activated = (
        flag if isinstance(flag := status.get(f"is_{name}"), bool) else None
        for name in ("resigned", "exited", "frozen", "unjoin", "activated")
    )
    if resigned or exited:
        return State.LEFT
    if resigned is None or exited is None or frozen is None:
        return None
    if frozen:
        return State.SUSPENDED
    if unjoined or activated is False:
        return State.INVITED
    return State.ACTIVE if activated and unjoined is False else None


def department_state(row: Row) -> State | None:
    """Read whether a department is deleted; one that shows its name without a status is there."""
    status = row.get("status")
    deleted = status.get("is_deleted") if isinstance(status, dict) else None
    if isinstance(deleted, bool):
        return State.LEFT if deleted else State.ACTIVE
    return State.ACTIVE if _text(row, "name") else None


def custom_text(attribute: Row) -> str:
    """Read a custom field as text: what an admin would type. Empty for a type that is not known."""
    value = attribute.get("value")
    if not isinstance(value, dict):
        return ""
    match attribute.get("type"):
        case "TEXT":
            names: tuple[str, ...] = ("text",)
        case "HREF":
            names = ("url", "pc_url", "text")
        case "ENUMERATION" | "PICTURE_ENUM":
            names = ("option_value", "name", "option_id")
        case "GENERIC_USER":
            user = value.get("generic_user")
            return _text(user, "id") if isinstance(user, dict) else ""
        case _:
            return ""
    return next((text for name in names if (text := _text(value, name))), "")


def _departments(row: Row) -> tuple[str, ...]:
    """List a person's departments without the root: the primary one first, then by their order (larger first)."""
    ids = [each for each in _texts(row, "department_ids") if each != ROOT]
    if len(ids) < 2:
        return tuple(ids)
    rank: dict[str, tuple[bool, int]] = {}
    for order in _objects(row, "orders"):
        if isinstance(place := order.get("department_id"), str):
            rank[place] = (order.get("is_primary_dept") is True, _number(order, "department_order") or 0)
    lowest = (False, 0)
    return tuple(sorted(dict.fromkeys(ids), key=lambda each: (_falling(rank.get(each, lowest)), each)))


def _falling(rank: tuple[bool, int]) -> tuple[bool, int]:
    return not rank[0], -rank[1]


def _leaders(row: Row) -> tuple[str, ...]:
    """List the leaders of a department, the main one first.

    The wire spells `leaderType` and `leaderID`, the vendor's own SDK `leader_type` and `leader_id`. `leader_user_id`
    is the main leader once more; where it stands alone, it still is a leader.
    """
    ranked: list[tuple[bool, str]] = []
    for leader in _objects(row, "leaders"):
        if external_id := _text(leader, "leaderID") or _text(leader, "leader_id"):
            is_main = MAIN_LEADER in (_number(leader, "leaderType"), _number(leader, "leader_type"))
            ranked.append((not is_main, external_id))
    ids = [external_id for _, external_id in sorted(ranked, key=lambda each: each[0])]
    if not ids and (main := _text(row, "leader_user_id")):
        ids.append(main)
    return tuple(dict.fromkeys(ids))


def _id(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        _refuse(f"a row without {name}")
    return value


def _put_texts(fields: Fields, row: Row, names: Iterable[str]) -> None:
    for name in names:
        value = row.get(name)
        if value is None or value == "":
            continue
        # Almost every value is plain text; the rest is looked at more closely.
        text = value if type(value) is str and not value.isspace() else _text(row, name)
        if text:
            fields[name] = text


def _text(row: Mapping[str, object], name: str) -> str:
    """Read a text; absent, null and blank are alike, and what looks like a number stays text."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        _refuse(f"{name} is not a text")
    text = str(value)
    return "" if text.isspace() else text


def _number(row: Mapping[str, object], name: str) -> int | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            _refuse(f"{name} is not a number")
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(f"{name} is not a number")
    return value


def _texts(row: Row, name: str) -> tuple[str, ...]:
    values = row.get(name)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        _refuse(f"{name} is not a list of texts")
    return tuple(value for value in values if value)


def _objects(row: Row, name: str) -> list[Row]:
    values = row.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        _refuse(f"{name} is not a list of objects")
    return values


def _refuse(problem: str) -> NoReturn:
    raise fault(SourceProtocolError, "source broke its contract", endpoint="contact/v3", problem=problem)
