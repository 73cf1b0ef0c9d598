"""The fields that rules may name: what `records` makes of Lark's rows, and what each holds."""

from __future__ import annotations

from typing import Final

from chalicelib.core.mapping import Vocabulary
from chalicelib.core.model import FieldType

# As `permissions.CUSTOM`; the form is shown where none of that is loaded.
CUSTOM: Final = "custom_attrs."

_TEXT, _NUMBER, _FLAG = FieldType.TEXT, FieldType.INTEGER, FieldType.BOOLEAN

VOCABULARY: Final = Vocabulary(
    departments={
        "name": _TEXT,
        **dict.fromkeys(("i18n_name.zh_cn", "i18n_name.en_us", "i18n_name.ja_jp"), _TEXT),
        "parent_department_id": FieldType.DEPARTMENT,
        "leader_user_id": FieldType.EMPLOYEE,
        "leaders": FieldType.EMPLOYEES,
        "order": _NUMBER,
        "member_count": _NUMBER,
        "department_id": _TEXT,
        "state": FieldType.STATE,
    },
    employees={
        **dict.fromkeys(("name", "en_name", "nickname"), _TEXT),
        **dict.fromkeys(("enterprise_email", "email"), FieldType.EMAIL),
        "mobile": FieldType.MOBILE,
        **dict.fromkeys(("employee_no", "job_title", "user_id", "open_id"), _TEXT),
        "department_ids": FieldType.DEPARTMENTS,
        "leader_user_id": FieldType.EMPLOYEE,
        "dotted_line_leader_user_ids": FieldType.EMPLOYEES,
        "employee_type": _NUMBER,
        **dict.fromkeys(("gender", "join_time"), _NUMBER),
        **dict.fromkeys(("city", "country", "work_station", "geo", "job_level_id", "job_family_id"), _TEXT),
        **dict.fromkeys(("mobile_visible", "is_tenant_manager"), _FLAG),
        "state": FieldType.STATE,
    },
    custom=CUSTOM,
)
