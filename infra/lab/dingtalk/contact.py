"""The contact reads: what each call demands, refuses and answers.

Source: DingTalk "contacts" of the old API; "obtain leave records" of the new one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from infra.lab.dingtalk import scopes
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.errors import (
    bad_argument,
    department_gone,
    department_out_of_range,
    missing,
    user_gone,
    user_out_of_range,
)
from infra.lab.dingtalk.params import Params
from infra.lab.dingtalk.records import ROOT, Department, User
from infra.lab.dingtalk.view import View
from infra.lab.dingtalk.workspace import DingTalkWorkspace
from infra.lab.wire import JsonObject

Row = TypeVar("Row")

_LANGUAGES = ("zh_CN", "en_US")
_ORDERS = ("custom", "entry_asc", "entry_desc", "modify_asc", "modify_desc")
_LONGEST_SPAN = timedelta(days=365)


class Contact:
    """Answers results; the caller holds the workspace's lock. `granted` are the permissions of the call's token."""

    def __init__(self, workspace: DingTalkWorkspace, choices: Choices) -> None:
        self._workspace = workspace
        self._choices = choices

    def range(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`GET /auth/scopes`: the root alone if the range is everything, else exactly what was granted."""
        roster = self._workspace
        departments = [ROOT] if roster.range_is_all else list(roster.range_departments)
        return {
            "auth_org_scopes": {
                "authed_dept": departments,
                "authed_user": [] if roster.range_is_all else list(roster.range_users),
            },
            "auth_user_field": [name for name, scope in scopes.OLD_NAMES if not scope or scope in granted],
        }

    def children(self, params: Params, granted: frozenset[str]) -> list[JsonObject]:
        """`department/listsub`: the direct children that the range covers, never the department itself."""
        params.one_of("language", _LANGUAGES)
        roster, view = self._workspace, self._view(granted)
        place = self._department(params.dept_id(ROOT), in_range=True).dept_id
        visible = [key for key in roster.children(place) if roster.sees_department(key)]
        shown = sorted((roster.departments[key] for key in visible), key=lambda each: each.order)
        return [view.child(department) for department in shown]

    def child_ids(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`department/listsubid`: ignores the range."""
        return {"dept_id_list": self._workspace.children(self._department(params.dept_id()).dept_id)}

    def department(self, params: Params, granted: frozenset[str]) -> JsonObject:
        params.one_of("language", _LANGUAGES)
        return self._view(granted).department(self._department(params.dept_id(), in_range=True))

    def line_of_department(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`department/listparentbydept`: itself first, the root last; ignores the range."""
        department = self._department(params.dept_id())
        return {"parent_id_list": list(self._workspace.line(department.dept_id))}

    def lines_of_user(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`department/listparentbyuser`: one line for each department; ignores the range."""
        user = self._user(params.text("userid"), in_range=False)
        lines = [{"parent_dept_id_list": list(self._workspace.line(place))} for place in user.departments]
        return {"parent_list": lines}

    def members(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`user/list`: direct members only, without those under access limits unless asked for."""
        view = self._view(granted)
        place, page, result = self._member_page(params)
        return result | {"list": [view.listed_user(user, place) for user in page]}

    def simple_members(self, params: Params, granted: frozenset[str]) -> JsonObject:
        _, page, result = self._member_page(params)
        return result | {"list": [{"userid": user.userid, "name": user.name} for user in page]}

    def member_ids(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`user/listid`: all members at once, those under access limits too; ignores the range."""
        return {"userid_list": self._workspace.members(self._department(params.dept_id()).dept_id)}

    def user(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`user/get`: by userid, which a login_id overrides."""
        params.one_of("language", _LANGUAGES)
        login_id = params.optional_text("login_id")
        gone = self._choices.user_gone_code
        if login_id is None:
            return self._view(granted).user(self._user(params.text("userid"), gone=gone))
        holders = [user.userid for user in self._employed() if user.login_id == login_id]
        return self._view(granted).user(self._user(holders[0] if holders else "", gone=gone))

    def user_by_mobile(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`user/getbymobile`: enterprise accounts only when asked for, in a list of their own."""
        mobile = params.text("mobile")
        holders = [user for user in self._employed() if user.mobile == mobile]
        accounts = [user.userid for user in holders if user.account_type]
        own = [user.userid for user in holders if not user.account_type]
        if not params.flag("support_exclusive_account_search", False):
            accounts = []
        if not own and not accounts:
            raise user_gone()
        result: JsonObject = {"userid": self._user(own[0]).userid} if own else {}
        return result | ({"exclusive_account_userid_list": accounts} if accounts else {})

    def user_by_unionid(self, params: Params, granted: frozenset[str]) -> JsonObject:
        user = self._workspace.by_unionid(params.text("unionid"))
        return {"contact_type": 0, "userid": self._user(user.userid if user else "").userid}

    def count(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`user/count`: the whole organisation, whatever the range."""
        only_active = params.flag("only_active")
        return {"count": sum(user.active or not only_active for user in self._employed())}

    def admins(self, params: Params, granted: frozenset[str]) -> list[JsonObject]:
        admins = [user for user in self._employed() if user.admin_level and self._workspace.sees_user(user)]
        return [{"userid": user.userid, "sys_level": user.admin_level} for user in admins]

    def roles(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`role/list`: pages of groups with their roles."""
        groups: dict[int, JsonObject] = {}
        for role in self._workspace.roles.values():
            group = groups.setdefault(role.group_id, {"groupId": role.group_id, "name": role.group, "roles": []})
            held = group["roles"]
            assert isinstance(held, list)  # noqa: S101  # just put there
            held.append({"id": role.role_id, "name": role.name})
        page, more = _cut(list(groups.values()), params.offset("offset", 0), params.size(most=200, default=20))
        return {"hasMore": more, "list": page}

    def role_members(self, params: Params, granted: frozenset[str]) -> JsonObject:
        role_id = params.number("role_id")
        if role_id not in self._workspace.roles:
            raise bad_argument("role_id")
        held = [user for user in self._employed() if role_id in user.roles and self._workspace.sees_user(user)]
        page, more = _cut(held, params.offset("offset", 0), params.size(most=100, default=20))
        return {"hasMore": more, "list": [{"userid": user.userid, "name": user.name} for user in page]}

    def leavers(self, params: Params, granted: frozenset[str]) -> JsonObject:
        """`GET empLeaveRecords`: who left in a span of at most 365 days."""
        starts = _moment(params, "startTime")
        if starts is None:
            raise missing("startTime")
        ends = _moment(params, "endTime") or self._workspace.clock.now()
        most, offset = params.number("maxResults"), params.offset("nextToken", 0)
        if not 1 <= most <= 50:
            raise bad_argument("maxResults")
        if ends - starts > _LONGEST_SPAN:
            raise bad_argument("endTime")
        records = [each for each in self._workspace.leave_records if starts <= each.left_at <= ends]
        page, more = _cut(records, offset, most)
        rows: list[JsonObject] = [
            {
                "userId": record.userid,
                "name": record.name,
                "stateCode": record.state_code,
                "mobile": record.mobile,
                "leaveTime": record.left_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "leaveReason": record.reason,
            }
            for record in page
        ]
        return {"records": rows} | ({"nextToken": str(offset + most)} if more else {})

    def _view(self, granted: frozenset[str]) -> View:
        roster = self._workspace
        return View(roster=roster, choices=self._choices, corp_id=roster.corp_id, granted=granted)

    def _employed(self) -> list[User]:
        return [user for user in self._workspace.users.values() if not user.left]

    def _member_page(self, params: Params) -> tuple[int, Sequence[User], JsonObject]:
        # Cursors are offsets: what joins or leaves the listing during a walk makes it repeat or skip, as in life.
        params.one_of("language", _LANGUAGES)
        order, limited = params.one_of("order_field", _ORDERS), params.flag("contain_access_limit", False)
        place, cursor, size = params.dept_id(), params.offset("cursor"), params.size(most=100)
        self._department(place, in_range=True)
        users = [self._workspace.users[userid] for userid in self._workspace.members(place)]
        users = [user for user in users if limited or not user.access_limited]
        match order:
            case "custom":
                orders = {
                    user.userid: each.order for user in users for each in user.memberships if each.department == place
                }
                users.sort(key=lambda user: orders[user.userid], reverse=True)
            case "entry_asc" | "entry_desc":
                users.sort(key=lambda user: user.entered, reverse=order == "entry_desc")
            case _:
                users.sort(key=lambda user: user.touched, reverse=order == "modify_desc")
        page, more = _cut(users, cursor, size)
        return place, page, {"has_more": more} | ({"next_cursor": cursor + size} if more else {})

    def _department(self, dept_id: int, *, in_range: bool = False) -> Department:
        found = self._workspace.departments.get(dept_id)
        if found is None or found.deleted:
            raise department_gone()
        if in_range and not self._workspace.sees_department(dept_id):
            raise department_out_of_range()
        return found

    def _user(self, userid: str, *, in_range: bool = True, gone: int = 60121) -> User:
        found = self._workspace.employed(userid)
        if found is None:
            raise user_gone(gone)
        if in_range and not self._workspace.sees_user(found):
            raise user_out_of_range()
        return found


def _cut(rows: Sequence[Row], offset: int, size: int) -> tuple[Sequence[Row], bool]:
    return rows[offset : offset + size], offset + size < len(rows)


def _moment(params: Params, name: str) -> datetime | None:
    text = params.optional_text(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_argument(name) from None
    if not text.endswith("Z"):
        raise bad_argument(name)
    return moment
