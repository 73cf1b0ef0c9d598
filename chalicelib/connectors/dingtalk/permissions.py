"""Which permission uncovers which field, and so what a missing value means (law 5).

DingTalk tells nowhere which permissions an app has, and leaves out without a word what they do not uncover. So the only
proof is what was seen: as soon as this read has met one person who shows a field, the fields of the same permission are
empty where they are absent; before that, absence says nothing. What `/auth/scopes` calls the readable fields is used to
tell people why something is missing, never to clear it: nobody vouches for that list.

Source: DingTalk "get department's user details", the notes on each field; "get the contact range".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from chalicelib.connectors.dingtalk.client import Row
from chalicelib.core.mapping import FieldMapping
from chalicelib.core.model import Kind, Remark, SourceRecord

EXTENSION: Final = "extension"
CUSTOM: Final = "extension."

# What the console calls the permission -> the fields it uncovers. All other fields need none.
GATED: Final[Mapping[str, tuple[str, ...]]] = {
    "企业员工手机号信息": ("mobile", "state_code"),
    "邮箱等个人信息": ("email", "org_email", "work_place", "remark", EXTENSION),
}
# What an API calls the permission.
CODES: Final[Mapping[str, str]] = {"企业员工手机号信息": "fieldMobile", "邮箱等个人信息": "fieldEmail"}
# One field of each, in the older API's spelling; without it in the list, the permission is missing.
OLD_NAMES: Final[Mapping[str, str]] = {"企业员工手机号信息": "mobile", "邮箱等个人信息": "email"}


class Coverage:
    """What is known of the app's field permissions so far; it only ever grows, and may be used from many threads."""

    def __init__(self, mapping: FieldMapping) -> None:
        self.mapping = mapping
        self._custom = frozenset(name for name in _mapped(mapping) if name.startswith(CUSTOM))
        self._proven: frozenset[str] = frozenset()
        self._witnesses: dict[str, str] = {}

    def see(self, rows: Iterable[Row]) -> None:
        """Learn from the vendor's rows."""
        for row in rows:
            if len(self._proven) == len(GATED):
                return
            self._prove((name for name, value in row.items() if value not in (None, "")), row.get("userid"))

    def recall(self, records: Iterable[SourceRecord]) -> None:
        """Learn from records that an earlier slice of the same read made."""
        for record in records:
            if len(self._proven) == len(GATED):
                return
            self._prove(record.fields, record.key.external_id)
            self._prove(record.covers, None)

    def witnesses(self, *, but: Coverage) -> Collection[str]:
        """Name people who proved what `but` has not."""
        return sorted({self._witnesses[each] for each in self._proven - but._proven if each in self._witnesses})

    def fields(self) -> frozenset[str]:
        """Name the gated fields that are empty when they are absent."""
        fields = {name for permission in self._proven for name in GATED[permission] if name != EXTENSION}
        return frozenset(fields)

    def custom_fields(self) -> frozenset[str]:
        """Name the custom fields that are; what others there are is not told."""
        proven = any(EXTENSION in GATED[permission] for permission in self._proven)
        return self._custom if proven else frozenset()

    def missing(self, readable: Collection[str]) -> tuple[str, ...]:
        """Name the permissions that the app lacks by its own list of fields, which may be empty: then none."""
        return tuple(permission for permission, name in OLD_NAMES.items() if readable and name not in readable)

    def remarks(self, readable: Collection[str]) -> tuple[Remark, ...]:
        """Tell which mapped fields the app may not read by its own list, which may be empty: then nothing is said."""
        missing = self.missing(readable)
        mapped = _mapped(self.mapping)
        hidden = [name for name in mapped if any(_uncovers(permission, name) for permission in missing)]
        if not hidden:
            return ()
        scopes = [each for each in missing if any(_uncovers(each, name) for name in hidden)]
        facts: Mapping[str, str | int] = {"fields": ", ".join(hidden), "scopes": ", ".join(scopes)}
        return (Remark(code="fields not readable", facts=facts),)

    def _prove(self, names: Iterable[str], witness: object) -> None:
        shown = {name.partition(".")[0] for name in names}
        proven = {permission for permission, fields in GATED.items() if not shown.isdisjoint(fields)}
        # Two threads may each add what the other does not know; both will be proven again by the next row.
        self._proven |= proven
        if isinstance(witness, str):
            self._witnesses |= {permission: witness for permission in proven if permission not in self._witnesses}


def _uncovers(permission: str, name: str) -> bool:
    return name.partition(".")[0] in GATED[permission]


def _mapped(mapping: FieldMapping) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in mapping.rules(Kind.EMPLOYEE) for name in rule.reads))
