"""What a workspace keeps about a department, a person, a role and a leaver."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

ROOT = 1
State: TypeAlias = Literal["active", "invited", "suspended", "left"]
AccountType: TypeAlias = Literal["", "sso", "dingtalk"]
LeaveReason: TypeAlias = Literal["oapi", "cancel", "leave", "unknown", "delete"]


@dataclass(slots=True, kw_only=True)
class Department:
    """`parent` is None for the root only; `managers` are userids; a smaller `order` comes first."""

    dept_id: int
    parent: int | None
    name: str
    order: int
    chat_id: str
    managers: tuple[str, ...] = ()
    source_identifier: str = ""
    code: str = ""
    brief: str = ""
    telephone: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """One person in one department; a larger order comes first. A person's first membership is the main one."""

    department: int
    order: int


@dataclass(slots=True, kw_only=True)
class User:
    """`hired_date` is in milliseconds; `entered` and `touched` number the workspace's events; a leaver has no places.

    An `account_type` makes it an enterprise account; then `owner_corp_id` may be another organisation's.
    """

    userid: str
    unionid: str
    name: str
    avatar: str = ""
    mobile: str = ""
    state_code: str = ""
    hide_mobile: bool = False
    email: str = ""
    org_email: str = ""
    telephone: str = ""
    job_number: str = ""
    title: str = ""
    work_place: str = ""
    remark: str = ""
    extension: str = ""
    hired_date: int | None = None
    boss: bool = False
    senior: bool = False
    real_authed: bool = True
    access_limited: bool = False
    admin_level: Literal[0, 1, 2] = 0
    manager: str | None = None
    roles: tuple[int, ...] = ()
    memberships: tuple[Membership, ...] = ()
    account_type: AccountType = ""
    owner_corp_id: str = ""
    owner_corp_name: str = ""
    login_id: str = ""
    nickname: str = ""
    disabled: bool = False
    active: bool = True
    left: bool = False
    entered: int = 0
    touched: int = 0

    @property
    def departments(self) -> tuple[int, ...]:
        return tuple(membership.department for membership in self.memberships)

    @property
    def state(self) -> State:
        if self.left:
            return "left"
        if self.disabled:
            return "suspended"
        return "active" if self.active else "invited"


# What `hire` and `edit` may set; departments, states, accounts and ids have verbs of their own.
PROFILE = frozenset(
    {
        "name",
        "avatar",
        "mobile",
        "state_code",
        "hide_mobile",
        "email",
        "org_email",
        "telephone",
        "job_number",
        "title",
        "work_place",
        "remark",
        "extension",
        "hired_date",
        "boss",
        "senior",
        "real_authed",
        "access_limited",
        "admin_level",
        "nickname",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    role_id: int
    name: str
    group_id: int
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRecord:
    userid: str
    name: str
    state_code: str
    mobile: str
    left_at: datetime
    reason: LeaveReason
