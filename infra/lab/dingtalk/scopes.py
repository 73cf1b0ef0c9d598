"""Permission points by code, and which of them open what.

Source: DingTalk "permission list"; the codes of the two field permissions are unverified.
"""

BASE = "qyapi_base"
DEPARTMENT_LIST = "qyapi_get_department_list"
DEPARTMENT_MEMBER = "qyapi_get_department_member"
MEMBER = "qyapi_get_member"
MEMBER_BY_MOBILE = "qyapi_get_member_by_mobile"
MOBILE_FIELD = "fieldMobile"
EMAIL_FIELDS = "fieldEmail"
CONTACT_COMMON = "Contact.Common.Read"
SEND = "qyapi_robot_sendmsg"
CARDS = "Card.Instance.Write"

ROBOT = frozenset({SEND, CARDS})
MINIMUM = frozenset({BASE, DEPARTMENT_LIST, DEPARTMENT_MEMBER, MEMBER, MOBILE_FIELD, EMAIL_FIELDS})
NONE: frozenset[str] = frozenset()

# field -> the permission that uncovers it; all other fields are always shown.
USER_FIELDS: dict[str, str] = {
    **dict.fromkeys(("mobile", "state_code"), MOBILE_FIELD),
    **dict.fromkeys(("email", "org_email", "org_email_type", "work_place", "remark", "extension"), EMAIL_FIELDS),
}
# What `/auth/scopes` calls the fields, in the spelling of the older contact API.
OLD_NAMES: tuple[tuple[str, str], ...] = (
    *((name, "") for name in ("name", "avatar", "userid", "jobnumber", "position", "department", "isLeader")),
    ("mobile", MOBILE_FIELD),
    ("stateCode", MOBILE_FIELD),
    *((name, EMAIL_FIELDS) for name in ("email", "orgEmail", "workPlace", "remark", "extattr")),
)


def covered(fields: dict[str, str], granted: frozenset[str]) -> frozenset[str]:
    """Tell which of the fields an app with these permissions does not get to see."""
    return frozenset(name for name, scope in fields.items() if scope not in granted)
