"""The verbs on a source's field mapping and on the extended fields of its employees.

Nothing here touches an entry: a mapping that was edited takes effect at the next sync, which plans, guards and records
what it changes like anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from chalicelib.core.audited import Noted, audited
from chalicelib.core.errors import MalformedError, NotFoundError, StoreConflictError
from chalicelib.core.expression import parse
from chalicelib.core.mapping import (
    EXTENDED_TYPES,
    ExtendedField,
    FieldMapping,
    Rule,
    Vocabulary,
    check_extended,
    check_label,
    check_rule,
    with_field,
    with_rule,
    without_field,
)
from chalicelib.core.model import REQUIRED_FIELDS, FieldType, Kind, Remark
from chalicelib.core.ports import Audit, Catalog, Clock, Connectors, Directory, Tasks
from chalicelib.core.principal import Principal, Role
from chalicelib.core.source import Source
from chalicelib.sources.trial import Foresight, Trial, trial

_TRIES: Final = 10
# As long as the guard looks back.
_GUARD_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule that somebody thinks of: `text` as it is typed, None for the one that the kind of source starts with."""

    kind: Kind
    field: str
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remapped:
    """A source with its mapping as it is now, and the rule before and after; `changed` is False when it was so already.

    `warnings` are about what cannot be known before a sync.
    """

    source: Source
    changed: bool
    before: Rule | None = None
    after: Rule | None = None
    warnings: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mappings:
    catalog: Catalog
    connectors: Connectors
    audit: Audit
    clock: Clock
    tasks: Tasks
    directory: Directory
    foresight: Foresight

    def vocabulary(self, source: Source) -> Vocabulary:
        """Tell which fields a source has."""
        return self.connectors.form(source.kind).vocabulary

    def default(self, source: Source) -> FieldMapping:
        """Tell the mapping that sources of this kind start with."""
        return self.connectors.form(source.kind).mapping

    def set(self, who: Principal, handle: str, proposal: Proposal) -> Remapped:
        """Let a directory field take its value from an expression, or as its kind starts with, from the next sync on.

        Raises:
            MalformedError: naming the field, and what is wrong with its rule.
        """
        with self._audited(who, "mapping set" if proposal.text is not None else "mapping reset") as noted:
            warnings: tuple[Remark, ...] = ()
            before: Rule | None = None

            def change(source: Source) -> FieldMapping:
                nonlocal warnings, before
                before = source.mapping.rule(proposal.kind, proposal.field)
                mapping, warnings = self._proposed(source, proposal)
                return mapping

            remapped = self._edit(handle, noted, change)
            after = remapped.source.mapping.rule(proposal.kind, proposal.field)
            return replace(remapped, before=before, after=after, warnings=warnings)

    def attempt(
        self, who: Principal, handle: str, proposal: Proposal | None = None, *, most: int | None = None
    ) -> Trial:
        """Tell what the mapping, as it is or with a proposed rule, would change in what was last read as a whole.

        No vendor is asked, nothing is written. At most so many rows are given.

        Raises:
            MalformedError: as `set`.
            NotFoundError: nothing was read as a whole within a week; it says how to.
        """
        with self._audited(who, "mapping try", Role.OPERATOR) as noted:
            source = self.catalog.source(handle)
            noted.source = source.uid
            if proposal is not None:
                source = replace(source, mapping=self._proposed(source, proposal)[0])
            snapshot = self.tasks.snapshot(source.uid)
            if snapshot is None:
                raise NotFoundError("no snapshot", handle=source.handle)
            recent = self.tasks.removals(source.uid, self.clock.now() - _GUARD_WINDOW, except_task="")
            return trial(source, self.vocabulary(source), snapshot, self.directory, self.foresight, recent, most=most)

    def add_field(self, who: Principal, handle: str, name: str, *, type: str, label: str | None) -> Remapped:
        """Add an extended field of employees; its values come with a rule, which the kind may know.

        Raises:
            MalformedError, ConflictError: naming the rule that was broken.
        """
        with self._audited(who, "field add") as noted:
            new = ExtendedField(name=name, type=_type(type), label=label or name)

            def change(source: Source) -> FieldMapping:
                check_extended(source.mapping, new)
                mapping, default = with_field(source.mapping, new), self.default(source)
                rule = default.rule(Kind.EMPLOYEE, name)
                fits = rule is not None and default.types(Kind.EMPLOYEE).get(name) is new.type
                return with_rule(mapping, Kind.EMPLOYEE, name, rule) if fits else mapping

            remapped = self._edit(handle, noted, change)
            return replace(remapped, after=remapped.source.mapping.rule(Kind.EMPLOYEE, name))

    def edit_field(self, who: Principal, handle: str, name: str, *, type: str | None, label: str | None) -> Remapped:
        """Give an extended field another label or type; its name is what it is known by, and stays.

        Raises:
            NotFoundError: there is no such extended field.
            MalformedError: its rule cannot yield that type; it says why.
        """
        with self._audited(who, "field edit") as noted:
            if type is None and label is None:
                raise MalformedError("field edit wants something", name=name[:40])

            def change(source: Source) -> FieldMapping:
                old = _extended(source, name)
                new = replace(old, type=_type(type) if type else old.type, label=label or old.label)
                check_label(new)
                mapping = with_field(source.mapping, new)
                rule = mapping.rule(Kind.EMPLOYEE, name)
                if rule is not None:
                    check_rule(rule, Kind.EMPLOYEE, mapping, self.vocabulary(source))
                return mapping

            return self._edit(handle, noted, change)

    def remove_field(self, who: Principal, handle: str, name: str) -> Remapped:
        """Remove an extended field and its rule; what people have in it goes at the next full sync, guard and all.

        Raises:
            NotFoundError: there is no such extended field.
        """
        with self._audited(who, "field remove") as noted:

            def change(source: Source) -> FieldMapping:
                _extended(source, name)
                return without_field(source.mapping, name)

            return self._edit(handle, noted, change)

    def _proposed(self, source: Source, proposal: Proposal) -> tuple[FieldMapping, tuple[Remark, ...]]:
        """Put a proposed rule into a source's mapping, if it holds; return doubts about it as well."""
        kind, field = proposal.kind, proposal.field
        if proposal.text is not None:
            rule: Rule | None = Rule.of(field, parse(proposal.text, field=field[:60]))
        else:
            rule = self.default(source).rule(kind, field)
        if rule is None and (field in REQUIRED_FIELDS or field not in source.mapping.types(kind)):
            rule = Rule(field=field)  # which is refused
        if rule is None:
            return with_rule(source.mapping, kind, field, None), ()
        warnings = check_rule(rule, kind, source.mapping, self.vocabulary(source))
        return with_rule(source.mapping, kind, field, rule), warnings

    def _edit(self, handle: str, noted: Noted, change: Callable[[Source], FieldMapping]) -> Remapped:
        for _ in range(_TRIES):
            before = self.catalog.source(handle)
            noted.source = before.uid
            mapping = change(before)
            if mapping == before.mapping:
                return Remapped(source=before, changed=False)
            if self.catalog.update(replace(before, mapping=mapping), instead_of=before):
                return Remapped(source=self.catalog.source(before.uid), changed=True)
        raise StoreConflictError("store is busy", retry_after=1.0)

    def _audited(self, who: Principal, verb: str, needed: Role = Role.OWNER) -> AbstractContextManager[Noted]:
        return audited(self.audit, self.clock, who, verb, needed)


def _extended(source: Source, name: str) -> ExtendedField:
    names = [each.name for each in source.mapping.extended]
    if name not in names:
        facts = {"name": name[:40], "fields": ", ".join(names) or "–", "handle": source.handle}
        raise NotFoundError("no such extended field", **facts)
    return source.mapping.extended[names.index(name)]


# What consoles call them.
_WORDS: Final[Sequence[tuple[FieldType, tuple[str, ...]]]] = (
    (FieldType.TEXT, ("string", "文本", "字符串")),
    (FieldType.INTEGER, ("number", "int", "整数", "数字")),
    (FieldType.BOOLEAN, ("bool", "flag", "是否", "布尔")),
    (FieldType.DATE, ("day", "日期")),
    (FieldType.EMAIL, ("mail", "邮箱")),
    (FieldType.MOBILE, ("phone", "手机", "电话")),
    (FieldType.URL, ("link", "链接")),
)


def _type(typed: str) -> FieldType:
    word = typed.casefold()
    for type_, words in _WORDS:
        if word == type_ or word in words:
            return type_
    raise MalformedError("unknown field type", type=typed[:40], types=", ".join(EXTENDED_TYPES))
