"""What an event of DingTalk asks for: whom to look at again, which departure to believe (law 4).

An event that should name somebody and does not is answered with a look at everything. What changed in the company as a
whole, or in roles as such, changes no entry.

Source: DingTalk, "Contact events".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.core.message import Delivery
from chalicelib.core.model import Key, Kind
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Everything, Hint

CHANGED: Final[Mapping[str, Kind]] = {
    "user_add_org": Kind.EMPLOYEE,
    "user_modify_org": Kind.EMPLOYEE,
    "user_active_org": Kind.EMPLOYEE,
    "org_admin_add": Kind.EMPLOYEE,
    "org_admin_remove": Kind.EMPLOYEE,
    "label_user_change": Kind.EMPLOYEE,
    "org_dept_create": Kind.DEPARTMENT,
    "org_dept_modify": Kind.DEPARTMENT,
}
LEFT: Final[Mapping[str, Kind]] = {"user_leave_org": Kind.EMPLOYEE, "org_dept_remove": Kind.DEPARTMENT}

_ID: Final = {Kind.EMPLOYEE: "userid", Kind.DEPARTMENT: "dept_id"}
# 1 is the company itself, which is no department; those below 0 are of schools.
_FIRST_DEPARTMENT: Final = 2


def hints(source: Source, delivery: Delivery) -> Sequence[Hint]:
    """Tell what a delivery asks for; nothing for types that change nobody."""
    kind = CHANGED.get(delivery.type) or LEFT.get(delivery.type)
    if kind is None:
        return ()
    ids = delivery.ids.get(_ID[kind], ())
    if not ids:
        return (Everything(),)
    keys = [Key(source.uid, kind, each) for each in ids if kind is Kind.EMPLOYEE or _is_department(each)]
    if delivery.type in LEFT:
        return tuple(Claim(key=key, at=delivery.occurred_at) for key in keys)
    return tuple(keys)


def _is_department(external_id: str) -> bool:
    return external_id.isdecimal() and int(external_id) >= _FIRST_DEPARTMENT
