"""What a test of any vendor says of the clock, of its calls, and of a sample of departments and people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from chalicelib.core.errors import Fact
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.mapping import FieldMapping, Rule
from chalicelib.core.model import Kind, SourceRecord

# Of so many people somebody should have what a company keeps of everybody.
MANY: Final = 10
# A robot's message is too old after two minutes; vendors tell the time in whole seconds.
TOLERANCE_S: Final = 60
# What everybody and every department has.
ALWAYS: Final = ("name", "state", "departments")
# Empty for whoever sits at the very top; that it is shown at all tells that it may be read.
PLACES: Final = ("departments", "parent")


def clocked(ahead_s: float | None) -> Iterator[Finding]:
    """Compare the clocks, where the vendor told the time."""
    if ahead_s is None:
        return
    if abs(ahead_s) <= TOLERANCE_S:
        yield Finding(check=Check.CLOCK, grade=Grade.OK, cause="clock is right", facts={"seconds": TOLERANCE_S})
        return
    cause = "clock is ahead" if ahead_s > 0 else "clock is behind"
    yield Finding(check=Check.CLOCK, grade=Grade.WARNING, cause=cause, facts={"seconds": round(abs(ahead_s))})


def counted(*calls: Mapping[str, int]) -> Finding:
    """Tell how many calls a test took that met with no limit."""
    count = sum(sum(each.values()) for each in calls)
    return Finding(check=Check.QUOTA, grade=Grade.OK, cause="calls were counted", facts={"count": count})


def shown(
    records: Sequence[SourceRecord],
    mapping: FieldMapping,
    ours: FieldMapping,
    *,
    told: Collection[str] = (),
    gated: Collection[str] = (),
) -> Finding:
    """Tell which fields of the mapping a sample never shows; never a value.

    Fields in `told` are explained already, or shown nowhere in a sample. What is empty for all may just be empty where
    the rule is one that every source begins with (`ours`); a rule that somebody added was meant to find something, as
    was a field in `gated`, whose permission nothing else tells of.
    """
    missed: list[str] = []
    empty: list[str] = []
    for kind in Kind:
        of_kind = [record for record in records if record.key.kind is kind]
        seen = {name for record in of_kind for name, value in record.fields.items() if value not in (None, "", ())}
        covered = {name for record in of_kind for name in record.covers}
        for rule in mapping.rules(kind):
            known = seen | covered if rule.field in PLACES else seen
            if not of_kind or not rule.reads or not (known | set(told)).isdisjoint(rule.reads):
                continue
            if rule.field in ALWAYS:
                missed.append(_named(rule))
            elif len(of_kind) >= MANY:
                is_meant = rule not in ours.rules(kind) or not set(gated).isdisjoint(rule.reads)
                (missed if is_meant else empty).append(_named(rule))
    facts: dict[str, Fact] = {"fields": ", ".join(missed or empty), "count": len(records)}
    if missed:
        return Finding(check=Check.FIELDS, grade=Grade.WARNING, cause="fields not shown", facts=facts)
    if empty:
        return Finding(check=Check.FIELDS, grade=Grade.OK, cause="fields empty in the sample", facts=facts)
    return Finding(check=Check.FIELDS, grade=Grade.OK)


def _named(rule: Rule) -> str:
    return "/".join(rule.reads)
