"""Which permission uncovers which field, and so what a missing value means (law 5).

A field that no granted permission uncovers is simply absent from Lark's answers; nothing is refused. So absence says
"empty" only where the permission is known to be there.

Source: Feishu contact v3, the field permissions on the pages of users and departments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.connectors.lark.client import Row
from chalicelib.core.mapping import FieldMapping
from chalicelib.core.model import Kind, Remark

# Broad permissions of older apps; they uncover most fields, but neither e-mail nor mobile.
LEGACY: Final = ("contact:contact:access_as_app", "contact:contact:readonly", "contact:contact:readonly_as_app")
CUSTOM: Final = "custom_attrs."

_BASE = ("contact:user.base:readonly", *LEGACY)
_EMPLOYEE = ("contact:user.employee:readonly", *LEGACY)
_PLACE = ("contact:user.department:readonly", *LEGACY)
_DEPARTMENT = ("contact:department.base:readonly", *LEGACY)
_ORGANIZE = ("contact:department.organize:readonly", *LEGACY)

# Our field -> any of these permissions, the one to ask for first. No permission at all: always shown.
USER_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "open_id": (),
    "mobile_visible": (),
    "user_id": ("contact:user.employee_id:readonly",),
    **dict.fromkeys(("name", "en_name", "nickname"), _BASE),
    "email": ("contact:user.email:readonly",),
    "mobile": ("contact:user.phone:readonly",),
    "gender": ("contact:user.gender:readonly", *LEGACY),
    **dict.fromkeys(("city", "country", "work_station", "join_time", "is_tenant_manager"), _EMPLOYEE),
    **dict.fromkeys(("employee_type", "enterprise_email", "job_title"), _EMPLOYEE),
    "employee_no": (*_EMPLOYEE, "contact:user.employee_number:read"),
    **dict.fromkeys(("department_ids", "leader_user_id"), _PLACE),
    "geo": ("contact:user.user_geo",),
    "job_level_id": ("contact:user.job_level:readonly",),
    "job_family_id": ("contact:user.job_family:readonly",),
    "dotted_line_leader_user_ids": ("contact:user.dotted_line_leader_info.read",),
}
DEPARTMENT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("name", "i18n_name.zh_cn", "i18n_name.en_us", "i18n_name.ja_jp", "department_id"), _DEPARTMENT),
    **dict.fromkeys(("parent_department_id", "leader_user_id", "leaders", "order", "member_count"), _ORGANIZE),
}
# These are covered by what a record shows, not by the permission alone, but it is the permission that is missed.
_STATE: Final[Mapping[Kind, tuple[str, ...]]] = {Kind.EMPLOYEE: _EMPLOYEE, Kind.DEPARTMENT: _DEPARTMENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What an answer shows by permission. `granted` of None: unknown, and so is whatever is absent."""

    granted: frozenset[str] | None
    mapping: FieldMapping

    def fields(self, kind: Kind) -> frozenset[str]:
        """Name the fields that are empty when they are absent; state is never one of them."""
        if self.granted is None:
            return frozenset()
        table = USER_FIELDS if kind is Kind.EMPLOYEE else DEPARTMENT_FIELDS
        covered = {name for name, scopes in table.items() if not scopes or self._any(scopes)}
        # What custom fields there are is not told; those that the mapping knows are enough to notice one being cleared.
        if kind is Kind.EMPLOYEE and self._any(_EMPLOYEE):
            covered |= {name for name in _mapped(self.mapping, kind) if name.startswith(CUSTOM)}
        return frozenset(covered)

    def hidden(self, needed: Collection[str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Name the mapped fields that cannot be read, each with the permission to ask for.

        First those whose permission a needed field of the directory waits for, then the others.
        """
        wanted: dict[str, str] = {}
        urgent: set[str] = set()
        for kind in Kind:
            for rule in self.mapping.rules(kind):
                for name in rule.reads:
                    scopes = _scopes_for(kind, name)
                    if self.granted is not None and scopes and not self._any(scopes):
                        wanted[name] = scopes[0]
                        urgent |= {scopes[0]} if rule.field in needed else set()
        first = {name: scope for name, scope in wanted.items() if scope in urgent}
        return first, {name: scope for name, scope in wanted.items() if scope not in urgent}

    def remarks(self) -> tuple[Remark, ...]:
        """Tell which mapped fields cannot be read, and which permissions would uncover them."""
        if self.granted is None:
            return ()
        hidden: dict[str, None] = {}
        wanted: dict[str, None] = {}
        for kind in Kind:
            for name in _mapped(self.mapping, kind):
                scopes = _scopes_for(kind, name)
                if scopes and not self._any(scopes):
                    hidden[name] = wanted[scopes[0]] = None
        if not hidden:
            return ()
        return (Remark(code="fields not readable", facts={"fields": ", ".join(hidden), "scopes": ", ".join(wanted)}),)

    def _any(self, scopes: Iterable[str]) -> bool:
        return self.granted is not None and any(_has(self.granted, scope) for scope in scopes)


def granted_scopes(rows: Iterable[Row]) -> frozenset[str]:
    """Read the names of the granted permissions; those for user tokens only do not count."""
    return frozenset(
        name
        for row in rows
        if isinstance(name := row.get("scope_name"), str)
        and row.get("grant_status") in (1, "1")
        and row.get("scope_type") != "user"
    )


def lacking(granted: frozenset[str] | None, wanted: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Name what to ask for: the first of each group of which none is granted; nothing where that is unknown."""
    if granted is None:
        return ()
    return tuple(group[0] for group in wanted if not any(_has(granted, scope) for scope in group))


def _has(granted: Collection[str], scope: str) -> bool:
    # Whether the vendor prints "contact:" in front is not documented consistently.
    return scope in granted or scope.removeprefix("contact:") in granted


def _mapped(mapping: FieldMapping, kind: Kind) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in mapping.rules(kind) for name in rule.reads))


def _scopes_for(kind: Kind, name: str) -> tuple[str, ...]:
    if name == "state":
        return _STATE[kind]
    if name.startswith(CUSTOM) and kind is Kind.EMPLOYEE:
        return _EMPLOYEE
    return (USER_FIELDS if kind is Kind.EMPLOYEE else DEPARTMENT_FIELDS).get(name, ())
