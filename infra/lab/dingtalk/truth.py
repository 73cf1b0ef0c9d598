"""The whole truth about a workspace as plain data, to compare a directory with."""

from typing import TYPE_CHECKING, TypedDict

from infra.lab.dingtalk.records import ROOT, AccountType, Department, State, User

if TYPE_CHECKING:
    from infra.lab.dingtalk.workspace import DingTalkWorkspace


class DepartmentTruth(TypedDict):
    parent: str
    name: str
    order: int
    source_identifier: str
    code: str
    brief: str
    telephone: str
    managers: list[str]
    deleted: bool
    visible: bool
    member_count: int
    owning_member_count: int
    members: list[str]


class PersonTruth(TypedDict):
    unionid: str
    state: State
    departments: list[str]
    main_department: str | None
    leads: list[str]
    manager: str | None
    roles: list[str]
    visible: bool
    access_limited: bool
    name: str
    avatar: str
    mobile: str
    state_code: str
    hide_mobile: bool
    email: str
    org_email: str
    telephone: str
    job_number: str
    title: str
    work_place: str
    remark: str
    extension: str
    hired_date: int | None
    active: bool
    admin: bool
    boss: bool
    senior: bool
    account_type: AccountType
    owner_corp_id: str
    login_id: str
    nickname: str
    disabled: bool


class Truth(TypedDict):
    departments: dict[str, DepartmentTruth]
    people: dict[str, PersonTruth]


def whole_truth(workspace: "DingTalkWorkspace") -> Truth:
    """Tell departments by dept_id and people by userid, those deleted and left too; the root is not among them.

    Departments are named by their id as text throughout; `visible` means within the app's contact range.
    """
    return {
        "departments": {
            str(key): _department_truth(workspace, department)
            for key, department in workspace.departments.items()
            if key != ROOT
        },
        "people": {user.userid: _person_truth(workspace, user) for user in workspace.users.values()},
    }


def _department_truth(workspace: "DingTalkWorkspace", department: Department) -> DepartmentTruth:
    key = department.dept_id
    return {
        "parent": str(department.parent),
        "name": department.name,
        "order": department.order,
        "source_identifier": department.source_identifier,
        "code": department.code,
        "brief": department.brief,
        "telephone": department.telephone,
        "managers": list(department.managers),
        "deleted": department.deleted,
        "visible": not department.deleted and workspace.sees_department(key),
        "member_count": workspace.member_count(key),
        "owning_member_count": len(workspace.members(key)),
        "members": workspace.members(key),
    }


def _person_truth(workspace: "DingTalkWorkspace", user: User) -> PersonTruth:
    return {
        "unionid": user.unionid,
        "state": user.state,
        "departments": [str(place) for place in user.departments],
        "main_department": str(user.departments[0]) if user.departments else None,
        "leads": [str(place) for place in user.departments if workspace.leads(user, place)],
        "manager": user.manager,
        "roles": [workspace.roles[role_id].name for role_id in user.roles],
        "visible": workspace.sees_user(user),
        "access_limited": user.access_limited,
        "name": user.name,
        "avatar": user.avatar,
        "mobile": user.mobile,
        "state_code": user.state_code,
        "hide_mobile": user.hide_mobile,
        "email": user.email,
        "org_email": user.org_email,
        "telephone": user.telephone,
        "job_number": user.job_number,
        "title": user.title,
        "work_place": user.work_place,
        "remark": user.remark,
        "extension": user.extension,
        "hired_date": user.hired_date,
        "active": user.active,
        "admin": user.admin_level > 0,
        "boss": user.boss,
        "senior": user.senior,
        "account_type": user.account_type,
        "owner_corp_id": user.owner_corp_id,
        "login_id": user.login_id,
        "nickname": user.nickname,
        "disabled": user.disabled,
    }
