"""A thousand runs in which nobody is locked out and nothing is blanked; and laws switched off, to prove the suite.

What no rehearsal shows is held elsewhere: laws 1 and 9 by the import rules and tests/house; that nothing is written
which was observed before the last full read began (law 3), and that an entry, its link and its row change in one
transaction (law 6), by tests/contracts/test_store.py; how much is asked again (law 8) by tests/chaos/test_kills.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.connectors.lark.lookup import Lookup
from chalicelib.core import guard, mapping
from chalicelib.core.diff import Change
from chalicelib.core.model import Entry, Key, SourceRecord, Value
from chalicelib.core.ports import Absent, Before, Check, Delete, Put
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.core.source import Source
from chalicelib.core.task import Claim, Evidence, Fence, Lane, Outcome, SyncRecord
from chalicelib.store import directory, fencing, keys, tasks
from chalicelib.store.codec import OBSERVED_AT, record_item
from chalicelib.store.directory import TableDirectory
from chalicelib.store.tasks import TableTasks
from chalicelib.sync import plan, read
from chalicelib.sync.plan import Plan
from tests.chaos.faults import KINDS
from tests.chaos.rehearsal import run

BATCHES, RUNS = 20, 50
LEAST_KINDS = 25
CAUGHT_WITHIN = 200
VENDORS = ("lark", "dingtalk")


@pytest.mark.parametrize("batch", range(BATCHES))
def test_nobody_is_locked_out_and_nothing_is_blanked(batch: int) -> None:
    fired: Counter[str] = Counter()
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        verdict = run(seed, VENDORS[seed % 2])
        assert not verdict.wrongs, str(verdict)
        fired += verdict.fired
    assert len(fired) >= LEAST_KINDS, f"only {sorted(fired)} happened in {RUNS} runs"


def test_there_are_enough_kinds_of_faults_and_none_is_inert() -> None:
    assert len(KINDS) >= LEAST_KINDS
    for kind in KINDS.values():
        vendor = sorted(kind.vendors)[0]
        assert any(run(seed, vendor, kind.name).fired[kind.name] for seed in range(12)), f"{kind.name} never happens"


# --- the laws, switched off one by one

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Switch:
    """Switches a law off; `lead` is a fault that the law is there for, for one vendor or both in turn."""

    off: Callable[[Patch], None]
    lead: str | None = None
    vendor: str | None = None


SWITCHES: list[Switch] = []


def switch(lead: str | None = None, vendor: str | None = None) -> Callable[[Callable[[Patch], None]], None]:
    return lambda off: SWITCHES.append(Switch(off, lead, vendor))


@switch()
def an_absentee_has_left(patch: Patch) -> None:
    """Law 2: silence is a departure; nobody is asked."""
    asked = Plan.conclude

    def concluded(self: Plan, presences: Mapping[Key, Presence]) -> None:
        gone: dict[Key, Presence] = {
            key: each if key in self.disputed else Gone(observed_at=_seen_at(each)) for key, each in presences.items()
        }
        asked(self, gone)

    patch.setattr(Plan, "conclude", concluded)


@switch()
def the_hidden_have_left(patch: Patch) -> None:
    """Law 2: Hidden and Unclear are acted on."""
    asked = Plan.conclude

    def concluded(self: Plan, presences: Mapping[Key, Presence]) -> None:
        asked(
            self,
            {
                key: Gone(observed_at=each.observed_at) if isinstance(each, Hidden | Unclear) else each
                for key, each in presences.items()
            },
        )

    patch.setattr(Plan, "conclude", concluded)


@switch("tenant swapped during the walk", "dingtalk")
def nobody_need_be_found(patch: Patch) -> None:
    """Law 2: "gone" is believed though the same question finds nobody else either."""

    def believed(answers: Mapping[Key, Presence], *others: object) -> Mapping[Key, Presence]:
        return answers

    patch.setattr(read, "believed", believed)


@switch("batches silently omit", "lark")
def what_a_batch_omits_is_gone(patch: Patch) -> None:
    """Law 2: a key missing from a batch answer is not asked for singly."""

    def gone(self: Lookup, key: Key) -> Presence:
        return Gone(observed_at=self._clock.now())

    patch.setattr(Lookup, "one", gone)


@switch("event worked off during the walk")
def an_older_observation_wins(patch: Patch) -> None:
    """Law 3: a row is written over what was observed later."""
    drafted, why = directory._draft, TableDirectory._why

    def draft(*arguments: Any) -> Any:
        made = drafted(*arguments)
        writes = tuple(
            replace(write, when=None) if isinstance(write, Put) and _is_dated(write) else write for write in made.writes
        )
        return replace(made, writes=writes)

    def stale(self: TableDirectory, fence: Fence, record: SyncRecord) -> Outcome:
        outcome = why(self, fence, record)
        return Outcome.STALE if outcome is Outcome.SUPERSEDED else outcome

    patch.setattr(directory, "_draft", draft)
    patch.setattr(TableDirectory, "_why", stale)


@switch("same person with different data in two parts")
def the_first_part_is_believed(patch: Patch) -> None:
    """Law 3: who is shown differently in two parts is not read once more."""
    considered = Plan.consider

    def consider(self: Plan, records: Sequence[SourceRecord], *, final: bool = False) -> None:
        considered(self, [each for each in records if final or each.key not in self._seen], final=final)

    patch.setattr(Plan, "consider", consider)


@switch("event worked off during the walk")
def a_leaver_leaves_no_tombstone(patch: Patch) -> None:
    """Law 3: a hire that was staged before the departure was reported is carried out."""
    weighed = Plan.weigh

    def weigh(self: Plan, claim: Claim, presence: Presence) -> None:
        weighed(self, claim, presence)
        link = self.relinks.get(claim.key)
        if link is not None and not link.entry_id:
            del self.relinks[claim.key]

    patch.setattr(Plan, "weigh", weigh)


@switch("event worked off during the walk")
def a_reported_departure_is_a_rumour(patch: Patch) -> None:
    """Law 4: "has left" is taken for "something changed", and believed only when a read shows it."""
    weighed = Plan.weigh

    def weigh(self: Plan, claim: Claim, presence: Presence) -> None:
        if isinstance(presence, Found):
            weighed(self, claim, presence)

    patch.setattr(Plan, "weigh", weigh)


@switch("field permission withdrawn during the walk")
def every_field_is_covered(patch: Patch) -> None:
    """Law 5: a field that the read does not cover is taken for empty."""

    def said(record: SourceRecord, name: str) -> Value:
        return record.fields.get(name)

    patch.setattr(mapping, "_said", said)


@switch()
def a_lost_value_is_an_edit(patch: Patch) -> None:
    """Law 5: what a list no longer shows is cleared without a second look, however many lose it."""
    patch.setattr(plan, "lessened", lambda kind, before, after: ())
    patch.setattr(plan, "check", lambda *arguments, **options: {})


@switch("fields of one page gone")
def a_list_clears_values(patch: Patch) -> None:
    """Law 5: what a list shows empty is not asked for by name."""
    patch.setattr(plan, "lessened", lambda kind, before, after: ())


@switch("names masked for everybody")
def mass_edits_pass(patch: Patch) -> None:
    """Law 5: one field may change, or vanish, for everybody at once."""
    patch.setattr(guard, "_mass_edits", lambda *arguments: {})


@switch("many leave at once")
def any_number_may_be_removed(patch: Patch) -> None:
    """Law 7: the guard knows no limit."""
    patch.setattr(guard.Guard, "removals", lambda self, kind, population: 10**9)


@switch("permission withdrawn on a subtree")
def the_unseen_are_not_held(patch: Patch) -> None:
    """Law 7: who cannot be seen any more is removed without anybody's word."""
    of = guard.Candidate.of

    def seen(*arguments: Any, unseen: str) -> guard.Candidate:
        return of(*arguments, unseen="")

    patch.setattr(guard.Candidate, "of", seen)


@switch("many are suspended at once")
def an_approval_widens(patch: Patch) -> None:
    """Law 7: an approval of one field lets everything through that is new by now."""
    patch.setattr(read, "narrow", lambda approved, change: change)


@switch("contact fields gone")
def an_approval_is_not_confirmed(patch: Patch) -> None:
    """Law 7: what was approved is applied, whether it is still true or not."""

    def blindly(
        approved: SyncRecord, presence: Presence, entry: Entry | None, source: Source, plan: Plan
    ) -> SyncRecord:
        before = entry.values if entry else {}
        after = {**before, **{name: approved.after.get(name) for name in approved.after}}
        change = Change(action=approved.action, before=before, after=after)
        return plan.row(approved.key, change, entry, Evidence.SHOWN, _seen_at(presence))

    patch.setattr(read, "still_true", blindly)


@switch("tenant swapped behind the same credentials")
def any_company_will_do(patch: Patch) -> None:
    """A walk that shows another company is taken for this one."""

    patch.setattr(Plan, "looks_foreign", lambda self: {})


@switch("worker overtaken by another")
def the_overtaken_go_on(patch: Patch) -> None:
    """Law 8: whoever lost the lease may write all the same."""

    def nothing(fence: Fence) -> Check:
        return Check(partition="nothing", sort="nothing", when=Absent())

    for module in (fencing, tasks, directory):
        patch.setattr(module, "lease_check", nothing)


@switch("worker overtaken by another")
def the_overtaken_write_their_plan(patch: Patch) -> None:
    """Law 8: rows of a plan are written without a look at the lease."""

    def written(self: TableTasks, rows: Iterable[SyncRecord], fence: Fence) -> None:
        self.table.write_many(Put(item=record_item(record)) for record in rows)

    patch.setattr(TableTasks, "put_rows", written)


@switch("worker woken twice")
def two_may_hold_a_lease(patch: Patch) -> None:
    """Law 8: whoever is woken works, also while another does."""
    taken = TableTasks.take

    def take(
        self: TableTasks, source: str, owner: str, now: datetime, ttl: timedelta, lane: Lane = Lane.FULL
    ) -> Fence | None:
        partition, sort = keys.lease(source, lane)
        self.table.write([Delete(partition=partition, sort=sort)])
        return taken(self, source, owner, now, ttl, lane)

    patch.setattr(TableTasks, "take", take)


@switch("worker out of time")
def a_resumed_run_begins_anew(patch: Patch) -> None:
    """Law 8: what an earlier slice staged is forgotten."""
    patch.setattr(TableTasks, "staged_parts", lambda self, task_id: {})


@switch("same person with different data in two parts")
def a_row_stays_that_was_taken_back(patch: Patch) -> None:
    """Law 6: what was planned, and is not true any more, is carried out all the same."""
    patch.setattr(TableTasks, "drop_rows", lambda self, task_id, keys, fence: None)


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.off.__name__)
def test_a_law_that_is_switched_off_is_noticed(switch: Switch) -> None:
    with pytest.MonkeyPatch.context() as patch:
        switch.off(patch)
        caught = next((number for number, wrong in enumerate(_runs(switch), start=1) if wrong), 0)
    assert caught, f"{CAUGHT_WITHIN} runs saw nothing wrong"


def _runs(switch: Switch) -> Iterator[bool]:
    for seed in range(CAUGHT_WITHIN):
        yield bool(run(seed, switch.vendor or VENDORS[seed % 2], switch.lead).wrongs)


def _is_dated(put: Put) -> bool:
    return isinstance(put.when, Before) and put.when.attribute == OBSERVED_AT


def _seen_at(presence: Presence) -> datetime:
    return presence.record.observed_at if isinstance(presence, Found) else presence.observed_at
