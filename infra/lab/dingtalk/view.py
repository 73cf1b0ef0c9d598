"""How departments and people look to an app: listed or got, and what its permissions uncover."""

from dataclasses import dataclass, field

from infra.lab.dingtalk import scopes
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.records import Department, User
from infra.lab.dingtalk.roster import Roster
from infra.lab.wire import JsonObject

# The pages say that these are left out when there is nothing to tell; of the others nothing is said.
_ABSENT = frozenset({"avatar", "email", "org_email", "org_email_type", "work_place", "remark", "extension"})


@dataclass(slots=True, kw_only=True)
class View:
    roster: Roster
    choices: Choices
    corp_id: str
    granted: frozenset[str]
    _covered: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._covered = scopes.covered(scopes.USER_FIELDS, self.granted)

    def child(self, department: Department) -> JsonObject:
        """Show a department as listsub does: without order, managers and counts."""
        return self._shown(
            {
                "dept_id": department.dept_id,
                "name": department.name,
                "parent_id": department.parent,
                "create_dept_group": bool(department.chat_id),
                "auto_add_user": True,
                "from_union_org": False,
                "source_identifier": department.source_identifier,
            }
        )

    def department(self, department: Department) -> JsonObject:
        key = department.dept_id
        return self._shown(
            {
                "dept_id": key,
                "name": department.name,
                "parent_id": department.parent,
                "order": department.order,
                "source_identifier": department.source_identifier,
                "create_dept_group": bool(department.chat_id),
                "auto_add_user": True,
                "auto_approve_apply": False,
                "from_union_org": False,
                "group_contain_sub_dept": False,
                "hide_dept": False,
                "outer_dept": False,
                "dept_manager_userid_list": list(department.managers),
                "org_dept_owner": department.managers[0] if department.managers else "",
                "dept_group_chat_id": department.chat_id,
                "code": department.code,
                "tags": "",
                "telephone": department.telephone,
                "brief": department.brief,
                "member_count": self.roster.member_count(key),
                "owning_member_count": len(self.roster.members(key)),
            }
        )

    def listed_user(self, user: User, place: int) -> JsonObject:
        """Show a person as a member of one department."""
        order = next(each.order for each in user.memberships if each.department == place)
        return self._shown(self._common(user) | {"dept_order": order, "leader": self.roster.leads(user, place)})

    def user(self, user: User) -> JsonObject:
        roster, places = self.roster, self._places(user)
        orders = {each.department: each.order for each in user.memberships}
        held = [roster.roles[role_id] for role_id in user.roles]
        return self._shown(
            self._common(user)
            | {
                "dept_order_list": [{"dept_id": place, "order": orders[place]} for place in places],
                "leader_in_dept": [{"dept_id": place, "leader": roster.leads(user, place)} for place in places],
                "manager_userid": user.manager,
                "role_list": [{"id": role.role_id, "name": role.name, "group_name": role.group} for role in held],
                "senior": user.senior,
                "real_authed": user.real_authed,
                "org_email_type": "profession" if user.org_email else "",
                "dept_position_list": [
                    {
                        "dept_id": place,
                        "title": user.title,
                        "is_main": place == user.departments[0],
                    }
                    | ({} if "work_place" in self._covered else {"work_place": user.work_place})
                    for place in places
                ],
                "union_emp_ext": {},
            }
        )

    def _common(self, user: User) -> JsonObject:
        return {
            "userid": user.userid,
            "unionid": user.unionid,
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
            "dept_id_list": self._places(user),
            "hired_date": user.hired_date,
            "active": user.active,
            "admin": user.admin_level > 0,
            "boss": user.boss,
            "exclusive_account": bool(user.account_type),
            **self._account(user),
        }

    def _account(self, user: User) -> JsonObject:
        if not user.account_type:
            return {}
        account: JsonObject = {
            "exclusive_account_type": user.account_type,
            "exclusive_account_corp_id": user.owner_corp_id,
            "exclusive_account_corp_name": user.owner_corp_name,
        }
        if user.owner_corp_id == self.corp_id:
            # Only the organisation that made the account is told these; the login name is DingTalk's own kind's.
            account |= {"nickname": user.nickname, "disable_status": user.disabled}
            account |= {"login_id": user.login_id} if user.account_type == "dingtalk" else {}
        return account

    def _places(self, user: User) -> list[int]:
        everywhere = self.choices.departments_out_of_range_shown
        return [place for place in user.departments if everywhere or self.roster.sees_department(place)]

    def _shown(self, whole: JsonObject) -> JsonObject:
        style = self.choices.empty_values
        return {
            name: value
            for name, value in whole.items()
            if name not in self._covered
            and value is not None
            and (value != "" or style == "blank" or (style == "documented" and name not in _ABSENT))
        }
