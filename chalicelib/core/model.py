"""The nouns of the directory: keys, links, entries, and what a source said about them.

Everything here is a value. Where it is stored is `store`'s business, where it comes from a connector's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

Value = str | int | bool | tuple[str, ...] | None
Values = Mapping[str, Value]

NOTHING: Final[Values] = MappingProxyType({})


class Kind(StrEnum):
    DEPARTMENT = "department"
    EMPLOYEE = "employee"


class State(StrEnum):
    """What an entry is in its company. A flag that a source did not show is unknown: no state at all."""

    ACTIVE = "active"
    INVITED = "invited"
    SUSPENDED = "suspended"
    LEFT = "left"

    @property
    def has_access(self) -> bool:
        return self in (State.ACTIVE, State.INVITED)


class FieldType(StrEnum):
    """The type of a directory field; a reference is held as the entry id it points to."""

    TEXT = "text"
    EMAIL = "email"
    MOBILE = "mobile"
    URL = "url"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    STATE = "state"
    DEPARTMENT = "department"
    DEPARTMENTS = "departments"
    EMPLOYEE = "employee"
    EMPLOYEES = "employees"

    @property
    def refers_to(self) -> Kind | None:
        match self:
            case FieldType.DEPARTMENT | FieldType.DEPARTMENTS:
                return Kind.DEPARTMENT
            case FieldType.EMPLOYEE | FieldType.EMPLOYEES:
                return Kind.EMPLOYEE
            case _:
                return None


DEPARTMENT_FIELDS: Final[Mapping[str, FieldType]] = MappingProxyType(
    {
        "name": FieldType.TEXT,
        "en_name": FieldType.TEXT,
        "parent": FieldType.DEPARTMENT,
        "leaders": FieldType.EMPLOYEES,
        "order": FieldType.INTEGER,
        "state": FieldType.STATE,
    }
)
EMPLOYEE_FIELDS: Final[Mapping[str, FieldType]] = MappingProxyType(
    {
        "name": FieldType.TEXT,
        "en_name": FieldType.TEXT,
        "email": FieldType.EMAIL,
        "mobile": FieldType.MOBILE,
        "employee_no": FieldType.TEXT,
        "title": FieldType.TEXT,
        "departments": FieldType.DEPARTMENTS,
        "manager": FieldType.EMPLOYEE,
        "state": FieldType.STATE,
    }
)
FIELDS: Final[Mapping[Kind, Mapping[str, FieldType]]] = MappingProxyType(
    {Kind.DEPARTMENT: DEPARTMENT_FIELDS, Kind.EMPLOYEE: EMPLOYEE_FIELDS}
)
# Without these an entry cannot be made; an existing one keeps what it has.
REQUIRED_FIELDS: Final = ("name", "state")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """How a source names one thing. `source` is the source's uid, `external_id` is the vendor's own id."""

    source: str
    kind: Kind
    external_id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.external_id}"


def new_entry_id(key: Key) -> str:
    """Name the entry that this key will own when nothing else claims it.

    Derived, not drawn: a reference to a person who is created later in the same run, or an apply that is repeated
    after a kill, arrives at the same id without asking the store.
    """
    text = f"{key.source}\0{key.kind}\0{key.external_id}"
    return key.kind[0] + hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def another_entry_id(key: Key, besides: str) -> str:
    """Name the entry of a key that is not to be the one it was linked to."""
    text = f"{key.source}\0{key.kind}\0{key.external_id}\0{besides}"
    return key.kind[0] + hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """What a source said about one key.

    `fields` are in the vendor's own names, flattened (`custom_attrs.C-1`), but for `state`, which is a `State` by the
    table of the vendor's folder. `covers` names the fields that this kind of read shows; a covered field
    that is not in `fields` is empty, any other missing field is unknown. `details` are those of them that no list
    shows, only a read by name. `observed_at` is when the request was sent.
    """

    key: Key
    fields: Values
    covers: frozenset[str]
    observed_at: datetime
    details: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something a person should be told: a code of the message catalogue and its facts (ids and counts only)."""

    code: str
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a source, read whole: the unit of staging and restart.

    `of` is how many parts the walk has, as far as is known when this one is done.
    """

    name: str
    records: tuple[SourceRecord, ...]
    remarks: tuple[Remark, ...] = ()
    of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One key and the entry it belongs to, with what a full sync must know without loading the entry.

    `digest` is that of the values last mapped from the source. `unseen_since` is set by the first full run
    that could neither see the key nor learn that it is gone. A link in state left without an `entry_id` is a tombstone.
    `within` is, of a department, the digest of the scope in which the last full run found it; "" outside of it, or
    where everything is in scope. `owner` is, of a link that does not own its entry, the source of the one that does.
    """

    key: Key
    entry_id: str
    digest: str
    observed_at: datetime
    state: State
    task: str
    unseen_since: datetime | None = None
    within: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A department or an employee of the directory. `key` is that of the owning link.

    `others` are the keys of further links: their sources show the same one, and write nothing.
    `origins` names by field the task that last changed it; nothing is known of fields that are not in it.
    """

    entry_id: str
    key: Key
    values: Values
    revision: int
    observed_at: datetime
    origins: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Key, ...] = ()

    @property
    def kind(self) -> Kind:
        return self.key.kind

    @property
    def name(self) -> str:
        return str(self.values.get("name") or "")

    @property
    def state(self) -> State:
        return State(str(self.values["state"]))

    @property
    def is_forgotten(self) -> bool:
        """Tell whether nothing is known of somebody any more but that they have left."""
        rest = (value for name, value in self.values.items() if name != "state")
        return self.state is State.LEFT and all(value is None or value in ("", ()) for value in rest)

    def forgotten(self) -> Entry:
        """Keep the keys and the state, and nothing else."""
        values: dict[str, Value] = {**dict.fromkeys(FIELDS[self.kind]), "state": self.values["state"]}
        origins = {name: task for name, task in self.origins.items() if name == "state"}
        return replace(self, values=values, origins=origins)

    def extended(self) -> Values:
        known = FIELDS[self.kind]
        return {name: value for name, value in self.values.items() if name not in known}
