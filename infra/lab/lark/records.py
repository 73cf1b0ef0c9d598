"""What a workspace keeps about a department, a person and a custom field."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

ROOT = "0"
State: TypeAlias = Literal["activated", "invited", "frozen", "exited", "resigned"]
CustomKind: TypeAlias = Literal["TEXT", "HREF", "ENUMERATION"]


@dataclass(slots=True, kw_only=True)
class Department:
    """`parent` is an open_department_id or `ROOT`; leaders are open_ids; a smaller `order` comes first."""

    open_department_id: str
    department_id: str
    parent: str
    name: str
    order: int
    chat_id: str
    name_en: str = ""
    leader: str | None = None
    deputies: tuple[str, ...] = ()
    hrbps: tuple[str, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """One person in one department; a larger order comes first, `primary` goes with the largest department_order."""

    department: str
    user_order: int
    department_order: int
    primary: bool


@dataclass(slots=True, kw_only=True)
class User:
    """`leader` is an open_id, `custom` maps field ids to text or option ids; a leaver keeps `left_departments`."""

    open_id: str
    union_id: str
    user_id: str
    name: str
    en_name: str = ""
    nickname: str = ""
    email: str = ""
    enterprise_email: str = ""
    mobile: str = ""
    mobile_visible: bool = True
    gender: int = 0
    avatar_key: str = ""
    city: str = ""
    country: str = ""
    work_station: str = ""
    join_time: int = 0
    employee_no: str = ""
    employee_type: int = 1
    job_title: str = ""
    geo: str = ""
    job_level_id: str = ""
    job_family_id: str = ""
    is_tenant_manager: bool = False
    leader: str | None = None
    dotted_line_leaders: tuple[str, ...] = ()
    memberships: tuple[Membership, ...] = ()
    custom: dict[str, str] = field(default_factory=dict)
    activated: bool = True
    unjoined: bool = False
    frozen: bool = False
    exited: bool = False
    resigned: bool = False
    left_departments: tuple[str, ...] = ()

    @property
    def departments(self) -> tuple[str, ...]:
        return tuple(membership.department for membership in self.memberships)

    @property
    def primary(self) -> str | None:
        return next((each.department for each in self.memberships if each.primary), None)

    @property
    def state(self) -> State:
        if self.resigned:
            return "resigned"
        if self.exited:
            return "exited"
        if self.frozen:
            return "frozen"
        return "activated" if self.activated else "invited"


# What `hire` and `edit` may set; departments, states and ids have verbs of their own.
PROFILE = frozenset(
    {
        "name",
        "en_name",
        "nickname",
        "email",
        "enterprise_email",
        "mobile",
        "mobile_visible",
        "gender",
        "avatar_key",
        "city",
        "country",
        "work_station",
        "join_time",
        "employee_no",
        "employee_type",
        "job_title",
        "geo",
        "job_level_id",
        "job_family_id",
        "is_tenant_manager",
    }
)


class Nodes(NamedTuple):
    """Departments and people of a contact range, by open_department_id and open_id."""

    departments: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeChange:
    added: Nodes
    removed: Nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFieldsChange:
    """What there was before: ids of fields, and whether apps could ask for them."""

    field_ids: tuple[str, ...]
    opened: bool


@dataclass(frozen=True, slots=True)
class Option:
    option_id: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomField:
    """A field of the tenant's own; `options` only for ENUMERATION."""

    field_id: str
    kind: CustomKind
    name: str
    name_en: str
    options: tuple[Option, ...] = ()
