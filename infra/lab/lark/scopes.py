"""Permissions by name, and which of them open what.

Source: Feishu "contact v3" field and API permissions; the write scope `contact:contact` uncovers no field.
"""

BASE = "contact:contact.base:readonly"
DEPARTMENT_BASE = "contact:department.base:readonly"
ORGANIZE = "contact:department.organize:readonly"
HRBP = "contact:department.hrbp:readonly"
USER_BASE = "contact:user.base:readonly"
USER_ID = "contact:user.employee_id:readonly"
EMAIL = "contact:user.email:readonly"
PHONE = "contact:user.phone:readonly"
GENDER = "contact:user.gender:readonly"
EMPLOYEE = "contact:user.employee:readonly"
EMPLOYEE_NUMBER = "contact:user.employee_number:read"
USER_DEPARTMENT = "contact:user.department:readonly"
DOTTED_LINE = "contact:user.dotted_line_leader_info.read"
FIND_ID = "contact:user.id:readonly"

LEGACY = frozenset({"contact:contact:access_as_app", "contact:contact:readonly", "contact:contact:readonly_as_app"})

MINIMUM = frozenset(
    {
        BASE,
        DEPARTMENT_BASE,
        ORGANIZE,
        USER_BASE,
        USER_ID,
        EMAIL,
        PHONE,
        USER_DEPARTMENT,
        EMPLOYEE,
    }
)
# The bot: to send, and to be told what is said to it alone, to it in groups, and to anybody in groups.
SEND = frozenset({"im:message", "im:message:send_as_bot", "im:message:send"})
HEAR_DIRECT = frozenset({"im:message.p2p_msg", "im:message.p2p_msg:readonly"})
HEAR_CALLED = frozenset({"im:message.group_at_msg", "im:message.group_at_msg:readonly"})
HEAR_GROUP = "im:message.group_msg"
BOT = frozenset({"im:message:send_as_bot", "im:message.p2p_msg:readonly", "im:message.group_at_msg:readonly"})
KNOWN = (
    MINIMUM
    | LEGACY
    | BOT
    | {HRBP, GENDER, EMPLOYEE_NUMBER, DOTTED_LINE, FIND_ID, "contact:contact", "contact:user.user_geo"}
    | {"contact:user.job_level:readonly", "contact:user.job_family:readonly"}
)

READ = frozenset({BASE}) | LEGACY
LIST = READ | {ORGANIZE}
BATCH = frozenset({BASE})
BY_CONTACT = frozenset({FIND_ID})
NONE: frozenset[str] = frozenset()

# field -> any of these scopes uncovers it; an empty set means always.
USER_FIELDS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("open_id", "union_id", "mobile_visible", "avatar_key", "is_frozen"), NONE),
    "user_id": frozenset({USER_ID}),
    **dict.fromkeys(("name", "en_name", "nickname", "avatar"), LEGACY | {USER_BASE}),
    "email": frozenset({EMAIL}),
    "mobile": frozenset({PHONE}),
    "gender": LEGACY | {GENDER},
    **dict.fromkeys(
        (
            "status",
            "city",
            "country",
            "work_station",
            "join_time",
            "is_tenant_manager",
            "employee_type",
            "custom_attrs",
            "enterprise_email",
            "job_title",
        ),
        LEGACY | {EMPLOYEE},
    ),
    "employee_no": LEGACY | {EMPLOYEE, EMPLOYEE_NUMBER},
    **dict.fromkeys(("department_ids", "leader_user_id", "orders"), LEGACY | {USER_DEPARTMENT}),
    "geo": frozenset({"contact:user.user_geo"}),
    "job_level_id": frozenset({"contact:user.job_level:readonly"}),
    "job_family_id": frozenset({"contact:user.job_family:readonly"}),
    "dotted_line_leader_user_ids": frozenset({DOTTED_LINE}),
}
DEPARTMENT_FIELDS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("open_department_id", "leaders", "group_chat_employee_types"), NONE),
    **dict.fromkeys(("name", "i18n_name", "department_id", "chat_id", "status"), LEGACY | {DEPARTMENT_BASE}),
    **dict.fromkeys(
        ("parent_department_id", "leader_user_id", "order", "unit_ids", "member_count", "primary_member_count"),
        LEGACY | {ORGANIZE},
    ),
    "leaders[].leaderID": LEGACY | {ORGANIZE},
    "department_hrbps": frozenset({HRBP}),
}


def uncovered(fields: dict[str, frozenset[str]], granted: set[str]) -> frozenset[str]:
    """Tell which of the fields an app with these scopes gets to see."""
    return frozenset(name for name, scopes in fields.items() if not scopes or scopes & granted)
