"""The fields that rules may name: what `records` makes of DingTalk's rows, and what each holds."""

from __future__ import annotations

from typing import Final

from chalicelib.core.mapping import Vocabulary
from chalicelib.core.model import FieldType

# As `permissions.CUSTOM`; the form is shown where none of that is loaded.
CUSTOM: Final = "extension."

_TEXT, _NUMBER, _FLAG = FieldType.TEXT, FieldType.INTEGER, FieldType.BOOLEAN

VOCABULARY: Final = Vocabulary(
    departments={
        "name": _TEXT,
        "parent_id": FieldType.DEPARTMENT,
        "leaders": FieldType.EMPLOYEES,
        **dict.fromkeys(("order", "member_count", "owning_member_count"), _NUMBER),
        **dict.fromkeys(("source_identifier", "code", "brief", "telephone", "tags", "org_dept_owner"), _TEXT),
        **dict.fromkeys(("create_dept_group", "auto_add_user", "from_union_org", "group_contain_sub_dept"), _FLAG),
        **dict.fromkeys(("hide_dept", "outer_dept", "auto_approve_apply"), _FLAG),
        "state": FieldType.STATE,
    },
    employees={
        **dict.fromkeys(("name", "nickname"), _TEXT),
        **dict.fromkeys(("org_email", "email"), FieldType.EMAIL),
        "mobile": FieldType.MOBILE,
        **dict.fromkeys(("telephone", "state_code", "job_number", "title", "work_place", "remark", "unionid"), _TEXT),
        "dept_id_list": FieldType.DEPARTMENTS,
        "manager_userid": FieldType.EMPLOYEE,
        "role_list": _TEXT,
        "hired_date": _NUMBER,
        **dict.fromkeys(("login_id", "exclusive_account_type"), _TEXT),
        **dict.fromkeys(("exclusive_account_corp_id", "exclusive_account_corp_name"), _TEXT),
        **dict.fromkeys(("hide_mobile", "admin", "boss", "senior", "exclusive_account"), _FLAG),
        "state": FieldType.STATE,
    },
    custom=CUSTOM,
)
