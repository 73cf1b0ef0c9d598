"""Editing a mapping, and trying it on what was last read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.core.diff import Action
from chalicelib.core.errors import ForbiddenError, MalformedError, NotFoundError, RollcallError
from chalicelib.core.expression import Expression, parse, spell
from chalicelib.core.mapping import Rule
from chalicelib.core.model import Kind, Values
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.task import RowStatus, SyncRecord, SyncTask, Tally, TaskStatus
from chalicelib.sources.mapping import Mappings, Proposal
from chalicelib.sources.trial import Trial
from tests.core.expressions import EXPRESSIONS
from tests.scripted import House, a_company

OPERATOR = Principal(key="ou_op", role=Role.OPERATOR, door="hq")


@pytest.fixture
def house() -> Iterator[House]:
    house = House(a_company(people=12, departments=3))
    house.sync()
    yield house
    wiring.use(None)


def mappings() -> Mappings:
    return wiring.rooms().mappings


def edit(field: str, text: str | None, kind: Kind = Kind.EMPLOYEE) -> None:
    mappings().set(TERMINAL, "hq", Proposal(kind=kind, field=field, text=text))


def tried(field: str = "", text: str | None = None, **more: int) -> Trial:
    proposal = Proposal(kind=Kind.EMPLOYEE, field=field, text=text) if field else None
    return mappings().attempt(TERMINAL, "hq", proposal, **more)


Row = tuple[str, Action, Values, Values, bool]


def planned(rows: list[SyncRecord] | tuple[SyncRecord, ...]) -> dict[str, Row]:
    """What rows say, without what tells one task from another."""
    return {
        str(row.key): (row.entry_id, row.action, row.before, row.after, row.status is RowStatus.HELD)
        for row in rows
        if row.status is not RowStatus.REJECTED
    }


def rejected(rows: list[SyncRecord] | tuple[SyncRecord, ...]) -> set[str]:
    return {str(row.key) for row in rows if row.status is RowStatus.REJECTED}


def counted(task: SyncTask, tally: Tally) -> int:
    return sum(task.counts[kind][tally] for kind in Kind)


# --- editing


def test_an_edited_rule_changes_the_directory_at_the_next_sync_and_not_before(house: House) -> None:
    edit("title", '"{name} of {email}"')
    assert house.entry("p3").values["title"] is None
    task = house.sync()
    assert house.entry("p3").values["title"] == "P3 of p3@example.com"
    assert counted(task, Tally.UPDATED) == 12
    assert counted(house.sync(), Tally.UPDATED) == 0


def test_a_rule_that_is_reset_brings_back_what_the_kind_starts_with(house: House) -> None:
    edit("email", "upper(email)")
    house.sync()
    assert house.entry("p3").values["email"] == "P3@EXAMPLE.COM"
    edit("email", None)
    assert house.outside.catalog.source("hq").mapping == house.source.mapping
    house.sync()
    assert house.entry("p3").values["email"] == "p3@example.com"


def test_a_field_without_a_rule_stays_as_it_is(house: House) -> None:
    edit("employee_no", "name")
    house.sync()
    edit("employee_no", None)  # which this kind takes from nowhere
    assert counted(house.sync(), Tally.UPDATED) == 0
    assert house.entry("p3").values["employee_no"] == "P3"


def test_a_field_that_takes_nothing_is_emptied_behind_the_guard_and_nobody_is_asked_for_by_name(house: House) -> None:
    edit("email", "nothing")
    task = house.sync()
    assert (task.status, dict(task.calls).get("confirm")) == (TaskStatus.HELD, None)
    assert house.entry("p3").values["email"] == "p3@example.com"
    house.approve(task)
    assert house.entry("p3").values["email"] is None


def test_an_edit_is_noted_and_is_the_owners(house: House) -> None:
    edit("title", "name")
    line = house.audit()[0]
    assert (line.verb, line.source, line.outcome) == ("mapping set", house.source.uid, "done")
    house.pass_time(seconds=1)
    edit("title", None)
    assert house.audit()[0].verb == "mapping reset"
    house.pass_time(seconds=1)
    with pytest.raises(ForbiddenError):
        mappings().set(OPERATOR, "hq", Proposal(kind=Kind.EMPLOYEE, field="title", text="name"))
    assert house.audit()[0].outcome == "forbidden"
    house.pass_time(seconds=1)
    mappings().attempt(OPERATOR, "hq")
    assert (house.audit()[0].verb, house.audit()[0].outcome) == ("mapping try", "done")


def test_what_was_so_already_changes_nothing(house: House) -> None:
    before = house.outside.catalog.source("hq")
    remapped = mappings().set(TERMINAL, "hq", Proposal(kind=Kind.EMPLOYEE, field="email", text=" email "))
    assert not remapped.changed
    assert house.outside.catalog.source("hq") == before


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("state", '"active"', "state is the vendor's"),
        ("name", "nothing", "field must have a rule"),
        ("shoe_size", "name", "no such field"),
        ("shoe_size", None, "no such field"),
        ("email", '"nobody"', "text does not fit"),
        ("title", "name(", "no such function"),
        ("manager", '"p0"', "reference must be a source field"),
    ],
)
def test_a_rule_that_does_not_hold_changes_nothing(house: House, field: str, text: str | None, code: str) -> None:
    before = house.outside.catalog.source("hq")
    for attempt in (edit, tried):
        with pytest.raises(MalformedError) as error:
            attempt(field, text)
        assert error.value.code == code
    assert house.outside.catalog.source("hq") == before


def test_two_owners_who_edit_at_once_both_have_their_edit(house: House) -> None:
    ours, catalog = mappings(), house.outside.catalog

    class Slow:
        """Somebody else is faster, once."""

        def __init__(self) -> None:
            self.raced = False

        def __getattr__(self, name: str) -> object:
            return getattr(catalog, name)

        def update(self, *args: object, **more: object) -> bool:
            if not self.raced:
                self.raced = True
                edit("en_name", '"theirs"')
            return catalog.update(*args, **more)  # type: ignore[arg-type] # as they came

    slow = replace(ours, catalog=Slow())  # type: ignore[arg-type] # stands before a Catalog
    slow.set(TERMINAL, "hq", Proposal(kind=Kind.EMPLOYEE, field="title", text='"ours"'))
    mapping = catalog.source("hq").mapping
    rules = [mapping.rule(Kind.EMPLOYEE, each) for each in ("en_name", "title")]
    assert [each.text for each in rules if each] == ['"theirs"', '"ours"']


# --- extended fields


def test_an_extended_field_is_added_filled_edited_and_removed(house: House) -> None:
    ours = mappings()
    ours.add_field(TERMINAL, "hq", "badge", type="number", label="工牌")
    house.sync()
    assert "badge" not in house.entry("p3").values  # it takes nothing yet
    edit("badge", "lookup(name: P3=3, else 7)")
    house.sync()
    assert (house.entry("p3").values["badge"], house.entry("p4").values["badge"]) == (3, 7)
    with pytest.raises(MalformedError, match="text does not fit"):
        ours.edit_field(TERMINAL, "hq", "badge", type="date", label=None)
    ours.edit_field(TERMINAL, "hq", "badge", type="text", label="Badge")
    house.sync()
    assert house.entry("p3").values["badge"] == "3"
    assert house.outside.catalog.source("hq").mapping.extended[-1].label == "Badge"


def test_a_removed_field_is_emptied_by_the_next_full_sync_behind_the_guard(house: House) -> None:
    ours = mappings()
    ours.add_field(TERMINAL, "hq", "badge", type="text", label=None)
    edit("badge", "name")
    house.sync()
    ours.remove_field(TERMINAL, "hq", "badge")
    assert house.entry("p3").values["badge"] == "P3"
    attempt = tried()
    task = house.sync()
    assert planned(attempt.rows) == planned(house.rows(task))
    assert (task.status, counted(task, Tally.HELD)) == (TaskStatus.HELD, 12)
    assert "confirm" not in task.calls
    house.approve(task)
    assert house.entry("p3").values["badge"] is None
    assert counted(house.sync(), Tally.UPDATED) == 0


def test_a_few_values_of_a_removed_field_need_no_approval(house: House) -> None:
    ours = mappings()
    ours.add_field(TERMINAL, "hq", "badge", type="text", label=None)
    edit("badge", "lookup(name: P3=3, P4=4)")
    house.sync()
    ours.remove_field(TERMINAL, "hq", "badge")
    assert house.sync().status is TaskStatus.DONE
    assert house.entry("p3").values["badge"] is None


def test_a_field_that_is_added_again_before_a_sync_keeps_what_people_have(house: House) -> None:
    ours = mappings()
    ours.add_field(TERMINAL, "hq", "badge", type="text", label=None)
    edit("badge", "name")
    house.sync()
    ours.remove_field(TERMINAL, "hq", "badge")
    ours.add_field(TERMINAL, "hq", "badge", type="text", label=None)
    house.sync()
    assert house.entry("p3").values["badge"] == "P3"


def test_only_an_extended_field_is_edited_or_removed(house: House) -> None:
    for name in ("email", "badge"):
        with pytest.raises(NotFoundError, match="no such extended field"):
            mappings().remove_field(TERMINAL, "hq", name)
        with pytest.raises(NotFoundError, match="no such extended field"):
            mappings().edit_field(TERMINAL, "hq", name, type="text", label=None)
    with pytest.raises(MalformedError, match="wants something"):
        mappings().edit_field(TERMINAL, "hq", "badge", type=None, label=None)


# --- trying


def test_without_a_read_there_is_nothing_to_try_and_it_says_how_to_get_one() -> None:
    house = House()
    with pytest.raises(NotFoundError, match="no snapshot"):
        tried()
    house.preview()
    assert tried().counts[Kind.EMPLOYEE][Action.CREATE] == 40
    house.pass_time(days=7, hours=1)
    with pytest.raises(NotFoundError, match="no snapshot"):
        tried()


def test_a_trial_calls_no_vendor_and_writes_nothing(house: House) -> None:
    opened, entry = len(house.connectors.opened), house.entry("p3")
    attempt = tried("title", "upper(name)")
    assert attempt.fields[Kind.EMPLOYEE, "title"].changed == 12
    assert (len(house.connectors.opened), house.entry("p3")) == (opened, entry)
    assert house.outside.catalog.source("hq").mapping == house.source.mapping
    assert house.bell.rung == [(house.source.uid, 0)]


def test_a_trial_says_who_cannot_be_taken_over_because_of_what(house: House) -> None:
    attempt = tried("email", "lower(name) | email")
    assert (dict(attempt.refused), attempt.counts[Kind.EMPLOYEE].total()) == ({"email": 12}, 0)  # type: ignore[attr-defined] # a Counter


def test_a_trial_says_what_the_guard_would_hold(house: House) -> None:
    house.company.people["p3"]["title"] = "Chef"
    house.sync()
    source = house.outside.catalog.source("hq")
    house.outside.catalog.update(
        replace(source, guard=replace(source.guard, edit_floor=5, edit_share=0.1)), instead_of=source
    )
    attempt = tried("email", "upper(email)")
    assert attempt.held == 12
    assert {row.status for row in attempt.rows} == {RowStatus.HELD}


def test_a_value_that_a_rule_would_take_from_all_who_have_one_waits_however_few_they_are(house: House) -> None:
    house.company.people["p3"]["title"] = house.company.people["p4"]["title"] = "Chef"
    house.sync()
    attempt = tried("title", "mobile")
    assert (attempt.held, attempt.fields[Kind.EMPLOYEE, "title"].emptied) == (2, 2)
    edit("title", "mobile")
    assert planned(attempt.rows) == planned(house.rows(house.preview()))


def test_what_only_a_read_by_name_shows_is_tried_for_those_who_were_read_by_name() -> None:
    house = House(a_company(people=12, departments=3))
    house.company.daily_details = 5
    house.sync()
    attempt = tried("title", "manager")
    assert 0 < attempt.fields[Kind.EMPLOYEE, "title"].changed <= 5
    assert {row.after["title"] for row in attempt.rows} == {"p0"}
    edit("title", "manager")
    house.pass_time(days=1)
    house.sync()  # from now on the digests of those who were read by name say nothing of titles
    assert {row.after["title"] for row in tried("title", "upper(manager)").rows} >= {"P0"}


def test_somebody_in_two_departments_is_tried_once(house: House) -> None:
    house.company.hire("two", "d0", "d1")
    house.sync()
    attempt = tried("title", "upper(name)")
    assert [row.key.external_id for row in attempt.rows].count("two") == 1
    assert attempt.total == 13


def test_whoever_was_observed_later_is_left_out(house: House) -> None:
    house.company.people["p3"]["name"] = "Renamed"
    house.hinted("p3")
    attempt = tried("title", "upper(name)")
    assert (attempt.newer, attempt.fields[Kind.EMPLOYEE, "title"].changed) == (1, 11)
    assert tried().total == 0


def test_no_more_rows_are_kept_than_wanted_and_all_are_counted(house: House) -> None:
    attempt = tried("title", "upper(name)", most=3)
    assert (len(attempt.rows), attempt.total) == (3, 12)


def test_a_leaver_who_is_read_no_more_is_no_part_of_a_trial(house: House) -> None:
    house.company.leave("p3")
    house.sync()
    attempt = tried("title", "upper(name)")
    assert attempt.fields[Kind.EMPLOYEE, "title"].changed == 11


# --- what a trial shows is what a preview shows, and what a sync does


def fits(expression: Expression, field: str) -> bool:
    try:
        mappings().attempt(TERMINAL, "hq", Proposal(kind=Kind.EMPLOYEE, field=field, text=spell(expression)))
    except RollcallError:
        return False
    return True


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    expression=EXPRESSIONS
    | st.sampled_from(
        [
            'lower(email) | "x@example.com"',
            '"{name}@example.com"',
            "lookup(name: P1=a@example.com, else b@example.com)",
            "lookup(name: P1=Chef, P2=Cook)",
            "nothing",
            "title(en_name) | mobile",
        ]
    ).map(parse),
    field=st.sampled_from(["title", "email", "en_name", "mobile", "manager"]),
    uncovered=st.sets(st.sampled_from(["email", "title"]), max_size=1),
    titles=st.dictionaries(st.sampled_from(["p0", "p1", "p2", "p3"]), st.sampled_from(["Chef", "", None]), max_size=3),
    before=st.booleans(),
)
def test_what_a_trial_shows_is_what_a_preview_shows_and_what_a_sync_does(
    expression: Expression, field: str, uncovered: set[str], titles: dict[str, str | None], before: bool
) -> None:
    house = House(a_company(people=12, departments=3))
    for person, title in titles.items():
        house.company.people[person]["title"] = title
    if before:
        house.sync()
    house.company.uncovered = uncovered
    house.preview()
    assume(fits(expression, field))
    attempt = tried(field, spell(expression))
    edit(field, spell(expression))
    assert tried().rows == attempt.rows
    rows = house.rows(house.preview())
    assert (planned(attempt.rows), rejected(attempt.rows)) == (planned(rows), rejected(rows))
    done = house.sync()
    assert (planned(attempt.rows), rejected(attempt.rows)) == (planned(house.rows(done)), rejected(house.rows(done)))
    assert attempt.held == counted(done, Tally.HELD)
    for key, (entry_id, _, _, after, is_held) in planned(attempt.rows).items():
        if not is_held:
            assert house.directory.entries([entry_id])[entry_id].values == after, key


def test_the_mapping_that_is_stored_is_the_one_that_was_set(house: House) -> None:
    text = 'lookup(name: P1="a, b", else nothing else) | "{name} ({{x}})"'
    edit("title", text)
    rule = house.outside.catalog.source("hq").mapping.rule(Kind.EMPLOYEE, "title")
    assert rule == Rule.of("title", parse(text))
