"""The contact v3 reads: what each call demands, refuses and answers.

Source: Feishu "contact v3", the pages of departments, users, scopes, custom attributes and employee types.
"""

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from infra.lab.lark import scopes
from infra.lab.lark.choices import Choices
from infra.lab.lark.errors import (
    department_gone,
    department_out_of_range,
    field_violation,
    invalid_ids,
    recursion_refused,
    scope_missing,
    user_out_of_range,
)
from infra.lab.lark.params import Params, page_token, strings
from infra.lab.lark.records import ROOT, Department, User
from infra.lab.lark.view import DEPARTMENT_ID_TYPES, USER_ID_TYPES, View
from infra.lab.lark.workspace import LarkWorkspace
from infra.lab.wire import JsonObject

Misfit: TypeAlias = Literal["malformed", "unknown", "deleted", "hidden"]

_DEPARTMENT_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_\-@.]{0,63}")
# Pairs of codes: an id of another kind, and one of the right kind that nobody has.
_USER_CODES = {"open_id": (99992351, 99992351), "user_id": (99992359, 99992360), "union_id": (99992363, 99992364)}
_DEPARTMENT_CODES = {"open_department_id": (99992357, 99992357), "department_id": (99992379, 99992380)}
_EMPLOYEE_TYPES = (
    ("正式", "Regular"),
    ("实习", "Intern"),
    ("外包", "Outsourced"),
    ("劳务", "Contractor"),
    ("顾问", "Consultant"),
)


class Contact:
    """Answers `data` objects; the caller holds the workspace's lock."""

    def __init__(self, workspace: LarkWorkspace, choices: Choices) -> None:
        self._workspace = workspace
        self._choices = choices

    def range(self, params: Params) -> JsonObject:
        """`GET contact/v3/scopes`: first-level nodes if the range is everything, else exactly what was granted."""
        view, roster = self._view(params), self._workspace
        if roster.range_is_all:
            users, departments = self._listed(roster.members(ROOT)), roster.visible_children(ROOT)
        else:
            users = list(roster.range_users)
            departments = [key for key in roster.range_departments if roster.sees_department(key)]
        nodes = [("user_ids", each) for each in users] + [("department_ids", each) for each in departments]
        size, offset = params.size(default=50, most=100), params.offset("scopes")
        answer: JsonObject = {"has_more": offset + size < len(nodes)}
        page = nodes[offset : offset + size]
        self._put_list(answer, "user_ids", [view.user_id(key) for kind, key in page if kind == "user_ids"])
        self._put_list(
            answer, "department_ids", [view.department_id(key) for kind, key in page if kind == "department_ids"]
        )
        self._put_list(answer, "group_ids", [])
        if answer["has_more"]:
            answer["page_token"] = page_token("scopes", offset + size)
        return answer

    def children(self, params: Params) -> JsonObject:
        view, roster = self._view(params), self._workspace
        department = self._department_or_root(params.arg("department_id"), view)
        recursive = params.flag("fetch_child")
        if not recursive:
            keys = sorted(roster.visible_children(department))
        else:
            keys = roster.visible_tree(department)
            if roster.recursion_refused and len(keys) > roster.recursion_threshold:
                raise recursion_refused()
        listing = f"children:{department}:{recursive}"
        page, answer = self._page(params, keys, listing)
        self._put_list(answer, "items", [view.department(roster.departments[key]) for key in page])
        return answer

    def department(self, params: Params) -> JsonObject:
        view = self._view(params)
        asked = params.arg("department_id")
        if asked == ROOT:
            self._department_or_root(asked, view)
            return {"department": view.root()}
        found = self._find_department(asked, view)
        if found == "deleted" and self._choices.deleted_department == "flagged":
            buried = self._workspace.department_by(view.department_id_type, asked)
            return {"department": view.department(self._certain_department(buried or "unknown", asked, view))}
        return {"department": view.department(self._certain_department(found, asked, view))}

    def departments(self, params: Params) -> JsonObject:
        view = self._view(params)
        asked = params.ids("department_ids")
        found = [(each, self._find_department(each, view)) for each in asked]
        if malformed := [each for each, department in found if department == "malformed"]:
            raise self._department_refusal("malformed", malformed, view)
        items = []
        for each, department in found:
            if isinstance(department, Department):
                items.append(view.department(department))
            elif self._choices.unreadable_in_batch == "error":
                raise self._department_refusal(department, [each], view)
        answer: JsonObject = {}
        self._put_list(answer, "items", items)
        return answer

    def ancestors(self, params: Params) -> JsonObject:
        """`GET departments/parent`: nearest first, without the root, only what the app may see."""
        view, roster = self._view(params), self._workspace
        asked = params.text("department_id")
        department = self._certain_department(self._find_department(asked, view), asked, view)
        key = department.open_department_id
        keys = [each for each in roster.ancestors(key) if each != ROOT and roster.sees_department(each)]
        page, answer = self._page(params, keys, f"parent:{key}")
        self._put_list(answer, "items", [view.department(roster.departments[each]) for each in page])
        return answer

    def members(self, params: Params) -> JsonObject:
        """`GET users/find_by_department`: direct members only."""
        view, roster = self._view(params), self._workspace
        department = self._department_or_root(params.text("department_id"), view)
        page, answer = self._page(params, self._listed(roster.members(department)), f"members:{department}")
        self._put_list(answer, "items", [view.user(roster.users[key], listed=True) for key in page])
        return answer

    def user(self, params: Params) -> JsonObject:
        view = self._view(params)
        asked = params.arg("user_id")
        found = self._find_user(asked, view)
        if not isinstance(found, User):
            raise self._user_refusal(found, [asked], view)
        return {"user": view.user(found)}

    def users(self, params: Params) -> JsonObject:
        view = self._view(params)
        asked = params.ids("user_ids")
        found = [(each, self._find_user(each, view)) for each in asked]
        if malformed := [each for each, user in found if user == "malformed"]:
            raise self._user_refusal("malformed", malformed, view)
        items = []
        for each, user in found:
            if isinstance(user, User) and not user.resigned:
                items.append(view.user(user))
            elif self._choices.unreadable_in_batch == "error":
                raise self._user_refusal("unknown" if isinstance(user, User) else user, [each], view)
        answer: JsonObject = {}
        self._put_list(answer, "items", items)
        return answer

    def user_ids(self, params: Params) -> JsonObject:
        """`POST users/batch_get_id`: by e-mail or mobile, never by the enterprise mailbox."""
        view, body = self._view(params), params.body()
        emails, mobiles = strings(body, "emails", most=50), strings(body, "mobiles", most=50)
        resigned = body.get("include_resigned", False)
        if not isinstance(resigned, bool):
            raise field_violation("include_resigned", resigned, "include_resigned must be a boolean")
        if not emails and not mobiles:
            raise field_violation("emails", None, "emails or mobiles is required")
        people = [
            user
            for user in self._workspace.users.values()
            if (resigned or not user.resigned) and self._workspace.sees_user(user)
        ]
        by_email = {user.email.lower(): user for user in people if user.email}
        by_mobile = {user.mobile: user for user in people if user.mobile}
        found = [("email", value, by_email.get(value.lower())) for value in emails]
        # A mainland number may be given without its country code.
        found += [("mobile", value, by_mobile.get(value) or by_mobile.get(f"+86{value}")) for value in mobiles]
        rows: list[JsonObject] = []
        for kind, value, user in found:
            row: JsonObject = {kind: value}
            if user is not None:
                shown = view.user(user)
                row["user_id"] = view.user_id(user.open_id)
                row |= {"status": shown["status"]} if "status" in shown else {}
            rows.append(row)
        return {"user_list": rows}

    def custom_attrs(self, params: Params) -> JsonObject:
        fields = self._workspace.custom_fields if self._workspace.custom_fields_open else {}
        page, answer = self._page(params, list(fields), "custom_attrs", default=20, most=100)
        items: list[JsonObject] = []
        for field in (fields[key] for key in page):
            item: JsonObject = {"id": field.field_id, "type": field.kind}
            if field.options:
                item["options"] = {
                    "default_option_id": field.options[0].option_id,
                    "option_type": "TEXT",
                    "options": [{"id": option.option_id, "value": option.value} for option in field.options],
                }
            item["i18n_name"] = [{"locale": "zh_cn", "value": field.name}, {"locale": "en_us", "value": field.name_en}]
            items.append(item)
        self._put_list(answer, "items", items)
        return answer

    def employee_types(self, params: Params) -> JsonObject:
        values = [str(number) for number in range(1, len(_EMPLOYEE_TYPES) + 1)]
        page, answer = self._page(params, values, "employee_type_enums", default=20, most=100)
        items: list[JsonObject] = [
            {
                "enum_id": f"enum-{value}",
                "enum_value": value,
                "content": _EMPLOYEE_TYPES[int(value) - 1][0],
                "enum_type": 1,
                "enum_status": 1,
                "i18n_content": [{"locale": "en_us", "value": _EMPLOYEE_TYPES[int(value) - 1][1]}],
            }
            for value in page
        ]
        self._put_list(answer, "items", items)
        return answer

    def _view(self, params: Params) -> View:
        user_id_type = params.one_of("user_id_type", USER_ID_TYPES)
        if user_id_type == "user_id" and scopes.USER_ID not in self._workspace.scopes_granted:
            raise scope_missing([scopes.USER_ID])
        return View(
            workspace=self._workspace,
            choices=self._choices,
            user_id_type=user_id_type,
            department_id_type=params.one_of("department_id_type", DEPARTMENT_ID_TYPES),
        )

    def _page(
        self, params: Params, keys: Sequence[str], listing: str, *, default: int = 10, most: int = 50
    ) -> tuple[Sequence[str], JsonObject]:
        # Tokens are offsets: what joins or leaves the listing during a walk makes it repeat or skip, as in life.
        size, offset = params.size(default=default, most=most), params.offset(listing)
        more = offset + size < len(keys)
        answer: JsonObject = {"has_more": more}
        if more:
            answer["page_token"] = page_token(listing, offset + size)
        return keys[offset : offset + size], answer

    def _put_list(self, answer: JsonObject, name: str, rows: Sequence[object]) -> None:
        if rows or self._choices.empty_items == "empty":
            answer[name] = list(rows)
        elif self._choices.empty_items == "null":
            answer[name] = None

    def _listed(self, open_ids: Sequence[str]) -> list[str]:
        users = self._workspace.users
        return [key for key in open_ids if self._choices.lists_exited or not users[key].exited]

    def _department_or_root(self, asked: str, view: View) -> str:
        if asked != ROOT:
            return self._certain_department(self._find_department(asked, view), asked, view).open_department_id
        if not self._workspace.range_is_all:
            raise department_out_of_range()
        return ROOT

    def _find_department(self, asked: str, view: View) -> Department | Misfit:
        opened = view.department_id_type == "open_department_id"
        if asked.startswith("od-") != opened or not (opened or _DEPARTMENT_ID.fullmatch(asked)):
            return "malformed"
        department = self._workspace.department_by(view.department_id_type, asked)
        if department is None:
            return "unknown"
        if department.deleted:
            return "deleted"
        return department if self._workspace.sees_department(department.open_department_id) else "hidden"

    def _certain_department(self, found: Department | Misfit, asked: str, view: View) -> Department:
        if isinstance(found, Department):
            return found
        raise self._department_refusal(found, [asked], view)

    def _department_refusal(self, misfit: Misfit, asked: Sequence[str], view: View) -> Exception:
        if misfit == "hidden":
            return department_out_of_range()
        if misfit == "deleted":
            return department_gone()
        code = _DEPARTMENT_CODES[view.department_id_type][misfit == "unknown"]
        return invalid_ids(code, view.department_id_type, asked)

    def _find_user(self, asked: str, view: View) -> User | Misfit:
        prefix = {"open_id": "ou_", "union_id": "on_"}.get(view.user_id_type)
        if prefix is None:
            fits = len(asked) <= 64 and " " not in asked and not asked.startswith(("ou_", "on_"))
        else:
            fits = asked.startswith(prefix)
        if not fits:
            return "malformed"
        user = self._workspace.user_by(view.user_id_type, asked)
        if user is None:
            return "unknown"
        return user if self._workspace.sees_user(user) else "hidden"

    def _user_refusal(self, misfit: Misfit, asked: Sequence[str], view: View) -> Exception:
        if misfit == "hidden":
            return user_out_of_range()
        code = _USER_CODES[view.user_id_type][misfit != "malformed"]
        return invalid_ids(code, view.user_id_type, asked)
