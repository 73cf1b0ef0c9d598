"""How departments and people look to an app: the kinds of id it asked for, the fields its permissions uncover."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from infra.lab.lark.records import ROOT, CustomField, Department, User
from infra.lab.wire import JsonObject

if TYPE_CHECKING:
    from infra.lab.lark.installation import Installation

USER_ID_TYPES = ("open_id", "union_id", "user_id")
DEPARTMENT_ID_TYPES = ("open_department_id", "department_id")
# These stay what they are when empty; all other empty texts follow `Choices.empty_values`.
_NEVER_EMPTY = frozenset({"open_id", "union_id", "user_id", "open_department_id", "department_id", "order"})


@dataclass(slots=True, kw_only=True)
class View:
    workspace: "Installation"
    choices: Choices
    user_id_type: str
    department_id_type: str
    _user_fields: frozenset[str] = field(init=False)
    _department_fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._user_fields = scopes.uncovered(scopes.USER_FIELDS, self.workspace.scopes_granted)
        self._department_fields = scopes.uncovered(scopes.DEPARTMENT_FIELDS, self.workspace.scopes_granted)

    def user_id(self, open_id: str) -> str:
        user = self.workspace.users[open_id]
        return str(getattr(user, self.user_id_type))

    def department_id(self, key: str) -> str:
        if key == ROOT or self.department_id_type == "open_department_id":
            return key
        return self.workspace.departments[key].department_id

    def department(self, department: Department) -> JsonObject:
        roster, key = self.workspace, department.open_department_id
        whole: JsonObject = {
            "open_department_id": key,
            "department_id": department.department_id,
            "name": department.name,
            "i18n_name": {"zh_cn": department.name, "en_us": department.name_en, "ja_jp": ""},
            "parent_department_id": self.department_id(department.parent),
            "leader_user_id": self.user_id(department.leader) if department.leader else "",
            "chat_id": department.chat_id,
            "order": str(department.order),
            "unit_ids": [],
            "member_count": roster.member_count(key),
            "primary_member_count": roster.primary_member_count(key),
            "status": {"is_deleted": department.deleted},
            "leaders": self._leaders(department),
            "group_chat_employee_types": [],
            "department_hrbps": [self.user_id(open_id) for open_id in department.hrbps],
        }
        return self._shown(whole, self._department_fields)

    def root(self) -> JsonObject:
        """Show the company itself; it has no parent."""
        whole: JsonObject = {
            "open_department_id": ROOT,
            "department_id": ROOT,
            "name": self.workspace.root_name,
            "status": {"is_deleted": False},
            "order": "0",
            "member_count": self.workspace.member_count(ROOT),
            "primary_member_count": self.workspace.primary_member_count(ROOT),
        }
        return self._shown(whole, self._department_fields)

    def user(self, user: User, *, listed: bool = False) -> JsonObject:
        """Show a person; `listed` means by find_by_department, which alone tells `is_frozen` at the top."""
        whole: JsonObject = {
            "open_id": user.open_id,
            "union_id": user.union_id,
            "user_id": user.user_id,
            "name": user.name,
            "en_name": user.en_name,
            "nickname": user.nickname,
            "email": user.email,
            "enterprise_email": user.enterprise_email,
            "mobile": user.mobile,
            "mobile_visible": user.mobile_visible,
            "gender": user.gender,
            "avatar_key": user.avatar_key,
            "avatar": {
                size: f"https://avatars.example.com/{user.avatar_key}_{size}.png"
                for size in ("avatar_72", "avatar_240", "avatar_640", "avatar_origin")
            },
            "status": {
                "is_frozen": user.frozen,
                "is_resigned": user.resigned,
                "is_activated": user.activated,
                "is_exited": user.exited,
                "is_unjoin": user.unjoined,
            },
            "department_ids": [self.department_id(key) for key in user.departments],
            "leader_user_id": self.user_id(user.leader) if user.leader else "",
            "orders": [
                {
                    "department_id": self.department_id(each.department),
                    "user_order": each.user_order,
                    "department_order": each.department_order,
                    "is_primary_dept": each.primary,
                }
                for each in user.memberships
            ],
            "city": user.city,
            "country": user.country,
            "work_station": user.work_station,
            "join_time": user.join_time,
            "is_tenant_manager": user.is_tenant_manager,
            "employee_no": user.employee_no,
            "employee_type": user.employee_type,
            "job_title": user.job_title,
            "custom_attrs": self._custom_attrs(user),
            "geo": user.geo,
            "job_level_id": user.job_level_id,
            "job_family_id": user.job_family_id,
            "dotted_line_leader_user_ids": [self.user_id(open_id) for open_id in user.dotted_line_leaders],
        }
        if listed:
            whole["is_frozen"] = user.frozen
        return self._shown(whole, self._user_fields)

    def _leaders(self, department: Department) -> list[JsonObject]:
        # The wire spells these two in camel case, unlike everything else.
        leaders = [(1, department.leader), *((2, deputy) for deputy in department.deputies)]
        with_id = "leaders[].leaderID" in self._department_fields
        return [
            {"leaderType": kind, "leaderID": self.user_id(open_id)} if with_id else {"leaderType": kind}
            for kind, open_id in leaders
            if open_id
        ]

    def _custom_attrs(self, user: User) -> list[JsonObject]:
        if not self.workspace.custom_fields_open:
            return []
        fields = self.workspace.custom_fields
        return [_custom_attr(fields[field_id], value) for field_id, value in user.custom.items() if value]

    def _shown(self, whole: JsonObject, names: frozenset[str]) -> JsonObject:
        shown = {name: value for name, value in whole.items() if name in names}
        if self.choices.empty_values == "blank":
            return shown
        empty = [name for name, value in shown.items() if value in ("", []) and name not in _NEVER_EMPTY]
        for name in empty:
            if self.choices.empty_values == "null":
                shown[name] = None
            else:
                del shown[name]
        return shown


def _custom_attr(defined: CustomField, value: str) -> JsonObject:
    match defined.kind:
        case "TEXT":
            content: JsonObject = {"text": value}
        case "HREF":
            content = {"text": value, "url": value, "pc_url": value}
        case "ENUMERATION":
            chosen = next(option for option in defined.options if option.option_id == value)
            content = {"option_id": chosen.option_id, "option_value": chosen.value}
    return {"type": defined.kind, "id": defined.field_id, "value": content}
