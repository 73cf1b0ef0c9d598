"""What an event of Lark asks for: whom to look at again, which departure to believe (law 4).

An event that should name somebody and does not, by the id that is the key, is answered with a look at everything.

Source: Feishu contact v3, the pages of events; their 1.0 names are the second of each pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.core.message import Delivery
from chalicelib.core.model import Key, Kind
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Everything, Hint

CHANGED: Final[Mapping[str, Kind]] = {
    "contact.user.created_v3": Kind.EMPLOYEE,
    "user_add": Kind.EMPLOYEE,
    "contact.user.updated_v3": Kind.EMPLOYEE,
    "user_update": Kind.EMPLOYEE,
    "user_status_change": Kind.EMPLOYEE,
    "contact.department.created_v3": Kind.DEPARTMENT,
    "dept_add": Kind.DEPARTMENT,
    "contact.department.updated_v3": Kind.DEPARTMENT,
    "dept_update": Kind.DEPARTMENT,
}
LEFT: Final[Mapping[str, Kind]] = {
    "contact.user.deleted_v3": Kind.EMPLOYEE,
    "user_leave": Kind.EMPLOYEE,
    "contact.department.deleted_v3": Kind.DEPARTMENT,
    "dept_delete": Kind.DEPARTMENT,
}
RANGE_CHANGED: Final = ("contact.scope.updated_v3", "contact_scope_change")

_ID: Final = {Kind.EMPLOYEE: "union_id", Kind.DEPARTMENT: "open_department_id"}
# The company itself, which is no department.
_ROOT: Final = "0"


def hints(source: Source, delivery: Delivery) -> Sequence[Hint]:
    """Tell what a delivery asks for; nothing for types that change nobody."""
    if delivery.type in RANGE_CHANGED:
        return (Everything(),)
    kind = CHANGED.get(delivery.type) or LEFT.get(delivery.type)
    if kind is None:
        return ()
    ids = delivery.ids.get(_ID[kind], ())
    if not ids:
        return (Everything(),)
    keys = [Key(source.uid, kind, each) for each in ids if (kind, each) != (Kind.DEPARTMENT, _ROOT)]
    if delivery.type in LEFT:
        return tuple(Claim(key=key, at=delivery.occurred_at) for key in keys)
    return tuple(keys)
