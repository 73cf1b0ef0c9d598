"""DingTalk's rows as source records.

Lists and reads by name must say the same about one person, or the directory would flap between them: what only a read
by name shows are the record's `details`, and what depends on where somebody was listed is left to the walk.

Source: DingTalk "get department's user details", "get user details", "get sub-departments", "get department details".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NoReturn

from chalicelib.connectors.dingtalk.answers import as_flag, as_number
from chalicelib.connectors.dingtalk.client import ROOT, Row, is_real
from chalicelib.connectors.dingtalk.permissions import CUSTOM, EXTENSION, Coverage
from chalicelib.connectors.session import fault
from chalicelib.core.errors import SourceProtocolError
from chalicelib.core.mapping import TEXT_LIMIT
from chalicelib.core.model import Key, Kind, SourceRecord, State, Value

TEXTS: Final = (
    "unionid",
    "name",
    "state_code",
    "email",
    "org_email",
    "telephone",
    "job_number",
    "title",
    "work_place",
    "remark",
    "exclusive_account_type",
    "exclusive_account_corp_id",
    "exclusive_account_corp_name",
    "login_id",
    "nickname",
)
NUMBERS: Final = ("hired_date",)
FLAGS: Final = ("hide_mobile", "admin", "boss", "exclusive_account")
DEPARTMENT_TEXTS: Final = ("name", "source_identifier")
DEPARTMENT_FLAGS: Final = ("create_dept_group", "auto_add_user", "from_union_org")

# Only a read by name shows these.
DETAILS: Final = frozenset({"manager_userid", "role_list", "senior"})
DEPARTMENT_DETAIL_TEXTS: Final = ("code", "brief", "telephone", "tags", "org_dept_owner")
DEPARTMENT_DETAIL_NUMBERS: Final = ("order", "member_count", "owning_member_count")
DEPARTMENT_DETAIL_FLAGS: Final = ("group_contain_sub_dept", "hide_dept", "outer_dept", "auto_approve_apply")
DEPARTMENT_DETAILS: Final = frozenset(
    {
        *DEPARTMENT_DETAIL_TEXTS,
        *DEPARTMENT_DETAIL_NUMBERS,
        *DEPARTMENT_DETAIL_FLAGS,
        "dept_manager_userid_list",
    }
)

# Always shown, so that absence means empty.
OPEN: Final = frozenset(
    {
        *("unionid", "name", "telephone", "job_number", "title"),
        *("exclusive_account_type", "exclusive_account_corp_id", "exclusive_account_corp_name"),
        *NUMBERS,
        *FLAGS,
    }
)
# Of an enterprise account only shown to the organisation that made it.
MAKERS_OWN: Final = frozenset({"login_id", "nickname"})
# Whether somebody leads the department whose list this is; of the person it says nothing, so no record covers it.
LEADER: Final = "leader"
LEADERS: Final = "leaders"

Fields = dict[str, Value]

_NOT_DIGITS = re.compile(r"[ ()\-]")


class Records:
    """Makes the records of one source; those that show the same fields share one `covers`."""

    def __init__(self, source: str, corp_id: str, coverage: Coverage) -> None:
        self._source = source
        self._corp_id = corp_id
        self._coverage = coverage
        self._shared: dict[frozenset[str], frozenset[str]] = {}

    def members(self, rows: Sequence[tuple[Row, datetime]]) -> tuple[SourceRecord, ...]:
        """Make the records of one department's list; of somebody who is listed twice, the later.

        Raises:
            SourceProtocolError: a row is not a user.
        """
        self._coverage.see(row for row, _ in rows)
        records: dict[Key, SourceRecord] = {}
        for row, observed_at in rows:
            record = self._user(row, observed_at)
            if (leads := _flag(row, LEADER)) is not None:
                record = replace(record, fields={**record.fields, LEADER: leads})
            records[record.key] = record
        return tuple(records.values())

    def user(self, row: Row, observed_at: datetime) -> SourceRecord:
        """Make the record of somebody who was read by name.

        Raises:
            SourceProtocolError: the row is not a user.
        """
        self._coverage.see([row])
        record = self._user(row, observed_at)
        fields = {**record.fields, **detail_fields(row)}
        return replace(record, fields=fields, covers=self._share(record.covers | DETAILS), details=DETAILS)

    def child(self, row: Row, observed_at: datetime) -> SourceRecord:
        """Make the record of a department that was listed.

        Raises:
            SourceProtocolError: the row is not a department.
        """
        return self._department(row, department_fields(row), frozenset(), observed_at)

    def department(self, row: Row, observed_at: datetime) -> SourceRecord:
        """Make the record of a department that was read by name; its managers are those who lead it.

        Raises:
            SourceProtocolError: the row is not a department.
        """
        fields = {**department_fields(row), **department_detail_fields(row)}
        record = self._department(row, fields, DEPARTMENT_DETAILS, observed_at)
        if not isinstance(row.get("dept_manager_userid_list"), list):
            return record
        return self.led_by(record, sorted(_ids(row, "dept_manager_userid_list")))

    def _user(self, row: Row, observed_at: datetime) -> SourceRecord:
        fields = user_fields(row)
        covers = {*OPEN, *self._coverage.fields(), *fields}
        if isinstance(row.get("dept_id_list"), list):
            covers.add("dept_id_list")
        if row.get(EXTENSION) in (None, "") or custom_fields(row) is not None:
            covers |= self._coverage.custom_fields()
        if fields.get("exclusive_account") is False or fields.get("exclusive_account_corp_id") == self._corp_id:
            covers |= MAKERS_OWN
        key = Key(self._source, Kind.EMPLOYEE, _id(row, "userid"))
        return SourceRecord(key=key, fields=fields, covers=self._share(frozenset(covers)), observed_at=observed_at)

    def _department(self, row: Row, fields: Fields, details: frozenset[str], observed_at: datetime) -> SourceRecord:
        number = _number(row, "dept_id")
        if number is None:
            _refuse("a row without dept_id")
        covers = {"name", "source_identifier", *DEPARTMENT_FLAGS, *details, *fields}
        # The root alone has no parent; a department whose parent is not shown did not move below the root.
        if _number(row, "parent_id") is not None:
            covers.add("parent_id")
        return SourceRecord(
            key=Key(self._source, Kind.DEPARTMENT, str(number)),
            fields=fields,
            covers=self._share(frozenset(covers)),
            observed_at=observed_at,
            details=details,
        )

    def led_by(self, department: SourceRecord, leaders: Sequence[str]) -> SourceRecord:
        """Add the leaders to the record of a listed department."""
        fields = {**department.fields, LEADERS: tuple(leaders)} if leaders else department.fields
        return replace(department, fields=fields, covers=self._share(department.covers | {LEADERS}))

    def _share(self, covers: frozenset[str]) -> frozenset[str]:
        return self._shared.setdefault(covers, covers)


def user_fields(row: Row) -> Fields:
    """Read what lists and reads by name show alike."""
    fields: Fields = {}
    _put_texts(fields, row, TEXTS)
    _put_numbers(fields, row, NUMBERS)
    _put_flags(fields, row, FLAGS)
    if number := mobile(row):
        fields["mobile"] = number
    if departments := _departments(row):
        fields["dept_id_list"] = departments
    fields |= {CUSTOM + name: text for name, text in (custom_fields(row) or {}).items()}
    if (state := user_state(row)) is not None:
        fields["state"] = state
    return fields


def detail_fields(row: Row) -> Fields:
    fields: Fields = {}
    _put_texts(fields, row, ("manager_userid",))
    _put_flags(fields, row, ("senior",))
    if roles := _roles(row):
        fields["role_list"] = roles
    return fields


def department_fields(row: Row) -> Fields:
    fields: Fields = {}
    _put_texts(fields, row, DEPARTMENT_TEXTS)
    _put_flags(fields, row, DEPARTMENT_FLAGS)
    parent = _number(row, "parent_id")
    if parent is not None and str(parent) != ROOT:
        fields["parent_id"] = str(parent)
    if "name" in fields:
        # Departments have no flag: those that are gone are not shown at all.
        fields["state"] = State.ACTIVE
    return fields


def department_detail_fields(row: Row) -> Fields:
    fields: Fields = {}
    _put_texts(fields, row, DEPARTMENT_DETAIL_TEXTS)
    _put_numbers(fields, row, DEPARTMENT_DETAIL_NUMBERS)
    _put_flags(fields, row, DEPARTMENT_DETAIL_FLAGS)
    if managers := _ids(row, "dept_manager_userid_list"):
        fields["dept_manager_userid_list"] = managers
    return fields


def user_state(row: Row) -> State | None:
    """Read the two flags by one table; None when the one that the verdict needs is not there.

    First that fits: disabled, which only enterprise accounts can be -> suspended; not activated -> invited;
    activated -> active. Nobody is shown as having left: leavers are not found.
    """
    disabled, active = as_flag(row.get("disable_status")), as_flag(row.get("active"))
    if disabled:
        return State.SUSPENDED
    if active is None:
        return None
    return State.ACTIVE if active else State.INVITED


def mobile(row: Row) -> str:
    """Read a mobile number with its country: DingTalk keeps "86" apart, and writes foreign ones as "+1-212..."."""
    number = _text(row, "mobile")
    digits = _NOT_DIGITS.sub("", number)
    if digits.startswith("+") or not digits.isdecimal():
        return digits
    country = _text(row, "state_code").removeprefix("+")
    return f"+{country}{digits}" if country.isdecimal() else digits


def custom_fields(row: Row) -> dict[str, str] | None:
    """Read the custom fields, which are JSON in a text; None when they are not a flat object."""
    text = _text(row, EXTENSION)
    if not text:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    plain = {name: str(value) for name, value in document.items() if isinstance(value, str | int | float)}
    # JSON within JSON may still hold half of a cut emoji, which no store takes.
    return {_encodable(name): _encodable(value) for name, value in plain.items() if value.strip()}


def leaders(records: Iterable[SourceRecord]) -> tuple[str, ...]:
    """Name those among a department's members who lead it. Lists have no order that would say who comes first."""
    return tuple(sorted(record.key.external_id for record in records if record.fields.get(LEADER) is True))


def _departments(row: Row) -> tuple[str, ...]:
    """List a person's departments without the root, in an order of our own: what theirs means is not told."""
    numbers = {as_number(value) for value in _values(row, "dept_id_list")}
    known = {str(number) for number in numbers if number is not None}
    if len(known) < len(numbers):
        _refuse("dept_id_list is not a list of ids")
    return tuple(sorted((each for each in known if each != ROOT and is_real(each)), key=int))


def _ids(row: Row, name: str) -> tuple[str, ...]:
    return tuple(_text({"id": each}, "id") for each in _values(row, name))


def _roles(row: Row) -> str:
    """List the names of roles as one text, as many as it has room for."""
    names = {_text(role, "name") for role in _values(row, "role_list") if isinstance(role, dict)}
    text = ""
    for name in sorted(names - {""}):
        longer = f"{text}, {name}" if text else name
        if len(longer) > TEXT_LIMIT:
            break
        text = longer
    return text


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _id(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        _refuse(f"a row without {name}")
    return value


def _put_texts(fields: Fields, row: Row, names: Iterable[str]) -> None:
    for name in names:
        if text := _text(row, name):
            fields[name] = text


def _put_numbers(fields: Fields, row: Row, names: Iterable[str]) -> None:
    for name in names:
        if (number := _number(row, name)) is not None:
            fields[name] = number


def _put_flags(fields: Fields, row: Row, names: Iterable[str]) -> None:
    for name in names:
        if (flag := _flag(row, name)) is not None:
            fields[name] = flag


def _text(row: Row, name: str) -> str:
    """Read a text; absent, null and blank are alike, and what looks like a number stays text."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        _refuse(f"{name} is not a text")
    text = str(value)
    return "" if text.isspace() else text


def _number(row: Row, name: str) -> int | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    number = as_number(value)
    if number is None:
        _refuse(f"{name} is not a whole number")
    return number


def _flag(row: Row, name: str) -> bool | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    flag = as_flag(value)
    if flag is None:
        _refuse(f"{name} is not a flag")
    return flag


def _values(row: Row, name: str) -> Sequence[object]:
    values = row.get(name)
    if values is None or values == "":
        return ()
    if not isinstance(values, list):
        _refuse(f"{name} is not a list")
    return values


def _refuse(problem: str) -> NoReturn:
    raise fault(SourceProtocolError, "source broke its contract", endpoint="contacts", problem=problem)
