"""The whole truth about a workspace as plain data, to compare a directory with."""

from typing import TYPE_CHECKING, TypedDict

from infra.lab.lark.records import Department, State, User

if TYPE_CHECKING:
    from infra.lab.lark.workspace import LarkWorkspace


class DepartmentTruth(TypedDict):
    department_id: str
    parent: str
    name: str
    name_en: str
    order: int
    leader: str | None
    deputies: list[str]
    deleted: bool
    visible: bool
    member_count: int
    primary_member_count: int
    members: list[str]


class PersonTruth(TypedDict):
    open_id: str
    user_id: str
    state: State
    departments: list[str]
    primary_department: str | None
    leader: str | None
    visible: bool
    custom: dict[str, str]
    name: str
    en_name: str
    nickname: str
    email: str
    enterprise_email: str
    mobile: str
    mobile_visible: bool
    gender: int
    avatar_key: str
    city: str
    country: str
    work_station: str
    join_time: int
    employee_no: str
    employee_type: int
    job_title: str
    is_tenant_manager: bool


class Truth(TypedDict):
    departments: dict[str, DepartmentTruth]
    people: dict[str, PersonTruth]


def whole_truth(workspace: "LarkWorkspace") -> Truth:
    """Tell departments by open_department_id and people by union_id, those deleted and resigned too.

    People are named by union_id throughout; `visible` means within the app's contact range.
    """
    return {
        "departments": {
            key: _department_truth(workspace, department) for key, department in workspace.departments.items()
        },
        "people": {user.union_id: _person_truth(workspace, user) for user in workspace.users.values()},
    }


def _department_truth(workspace: "LarkWorkspace", department: Department) -> DepartmentTruth:
    key = department.open_department_id
    return {
        "department_id": department.department_id,
        "parent": department.parent,
        "name": department.name,
        "name_en": department.name_en,
        "order": department.order,
        "leader": _union(workspace, department.leader) if department.leader else None,
        "deputies": [_union(workspace, deputy) for deputy in department.deputies],
        "deleted": department.deleted,
        "visible": not department.deleted and workspace.sees_department(key),
        "member_count": workspace.member_count(key),
        "primary_member_count": workspace.primary_member_count(key),
        "members": [_union(workspace, member) for member in workspace.members(key)],
    }


def _person_truth(workspace: "LarkWorkspace", user: User) -> PersonTruth:
    return {
        "open_id": user.open_id,
        "user_id": user.user_id,
        "state": user.state,
        "departments": list(user.departments),
        "primary_department": user.primary,
        "leader": _union(workspace, user.leader) if user.leader else None,
        "visible": workspace.sees_user(user),
        "custom": {field_id: value for field_id, value in user.custom.items() if value},
        "name": user.name,
        "en_name": user.en_name,
        "nickname": user.nickname,
        "email": user.email,
        "enterprise_email": user.enterprise_email,
        "mobile": user.mobile,
        "mobile_visible": user.mobile_visible,
        "gender": user.gender,
        "avatar_key": user.avatar_key,
        "city": user.city,
        "country": user.country,
        "work_station": user.work_station,
        "join_time": user.join_time,
        "employee_no": user.employee_no,
        "employee_type": user.employee_type,
        "job_title": user.job_title,
        "is_tenant_manager": user.is_tenant_manager,
    }


def _union(workspace: "LarkWorkspace", open_id: str) -> str:
    return workspace.users[open_id].union_id
