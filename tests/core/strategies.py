"""Records, values and plans as hypothesis draws them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from chalicelib.core.diff import Action
from chalicelib.core.guard import Candidate
from chalicelib.core.mapping import FieldMapping, Mapped, Rule, digest
from chalicelib.core.model import Kind, SourceRecord, State, Value, Values
from tests.builders import NOON, a_department_key, an_employee_key

SOURCE_FIELDS = ("name", "nick", "mail", "box", "phone", "no", "boss", "homes", "state")
RULES = (
    Rule(field="name", first_of=("name", "nick")),
    Rule(field="email", first_of=("mail", "box")),
    Rule(field="mobile", first_of=("phone",)),
    Rule(field="employee_no", first_of=("no", "phone", "mail")),
    Rule(field="departments", first_of=("homes",)),
    Rule(field="manager", first_of=("boss",)),
    Rule(field="state", first_of=("state",)),
)
MAPPING = FieldMapping(departments=RULES[:1], employees=RULES)

_WORDS = {
    "name": st.text(min_size=1, max_size=12),
    "nick": st.text(min_size=1, max_size=12),
    "mail": st.sampled_from(("ann@example.com", "b@example.org", "not an address", "")),
    "box": st.sampled_from(("box@example.com", "")),
    "phone": st.sampled_from(("+8613800000000", "100 200", "x", "")),
    "no": st.one_of(st.integers(0, 9), st.text(max_size=4)),
    "boss": st.sampled_from(("ann", "ben", "")),
    "homes": st.lists(st.sampled_from(("d1", "d2", "d3")), max_size=3).map(tuple),
    "state": st.sampled_from((*State, "on leave", "")),
}


@st.composite
def records(draw: st.DrawFn) -> SourceRecord:
    """Draw a record of which any fields are covered, and any of those are filled."""
    covers = frozenset(draw(st.sets(st.sampled_from(SOURCE_FIELDS))))
    shown = draw(st.sets(st.sampled_from(sorted(covers)))) if covers else set()
    fields: dict[str, Value] = {name: draw(_WORDS[name]) for name in sorted(shown)}
    return SourceRecord(key=an_employee_key(), fields=fields, covers=covers, observed_at=NOON)


def resolved(kind: Kind, external_id: str) -> str:
    return f"{kind[0]}-{external_id}"


VALUES: Mapping[str, st.SearchStrategy[Value]] = {
    "name": st.sampled_from(("Ann", "Ben", "王伟")),
    "email": st.sampled_from((None, "", "ann@example.com", "b@example.org")),
    "title": st.sampled_from((None, "", "Engineer")),
    "departments": st.sampled_from((None, (), ("d1",), ("d1", "d2"))),
    "manager": st.sampled_from((None, "e1")),
    "state": st.sampled_from(tuple(each.value for each in State)),
}


@st.composite
def whole_values(draw: st.DrawFn) -> Values:
    """Draw all the fields of an entry."""
    return {name: draw(values) for name, values in VALUES.items()}


@st.composite
def some_mapped(draw: st.DrawFn) -> Mapped:
    """Draw what a record says, in some of the fields."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES))))
    values = {name: draw(VALUES[name]) for name in sorted(names)}
    record = SourceRecord(key=an_employee_key(), fields={}, covers=frozenset(), observed_at=NOON)
    return Mapped(record=record, values=values, digest=digest(values))


@st.composite
def candidates(draw: st.DrawFn, prefix: str = "c") -> list[Candidate]:
    """Draw the dangerous rows of a plan in a company of a few departments, one below the other."""
    homes = [f"home{number}" for number in range(5)]
    drawn: list[Candidate] = []
    for number, home in enumerate(homes):
        if draw(st.booleans()):
            drawn.append(
                Candidate(
                    key=a_department_key(f"{prefix}{home}"),
                    entry_id=home,
                    action=Action.DEACTIVATE,
                    removes_access=True,
                    vanished=(),
                    edited=(),
                    departments=(homes[number - 1],) if number else (),
                    unseen="2026-11-20" if draw(st.integers(0, 9)) == 0 else "",
                )
            )
    for number in range(draw(st.integers(0, 24))):
        leaves = draw(st.booleans())
        drawn.append(
            Candidate(
                key=an_employee_key(f"{prefix}{number}"),
                entry_id=f"{prefix}{number}",
                action=Action.DEACTIVATE if leaves else Action.UPDATE,
                removes_access=leaves or draw(st.booleans()),
                vanished=() if leaves else draw(st.sampled_from(((), ("email",), ("email", "title")))),
                edited=() if leaves else draw(st.sampled_from(((), ("name",), ("name", "title")))),
                departments=(draw(st.sampled_from(homes)),),
                unseen="2026-11-20" if leaves and draw(st.integers(0, 9)) == 0 else "",
            )
        )
    return drawn
