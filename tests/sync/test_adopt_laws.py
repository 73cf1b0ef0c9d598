"""Whoever shares numbers and addresses with whomever, and whichever source is synced when: nobody loses by a match.

People of two or three sources are made up with few numbers, mobiles, addresses and names, so that most of them match
somebody, rightly or not. They come, go, are suspended, and come back, under the same id or another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.matching import Matching
from chalicelib.core.model import Entry, Key, Kind, Link, State
from chalicelib.core.task import RowStatus, SyncTask, TaskStatus
from tests.scripted import Company
from tests.sync.town import Town

HANDLES = ("hq", "branch", "third")
PEOPLE = ("a", "b", "c")

handles = st.sampled_from(HANDLES)
some_fields = st.fixed_dictionaries(
    {
        "en_name": st.sampled_from((None, "1", "1", "2")),
        "mobile": st.sampled_from((None, "13900000001", "+86 13900000001")),
        "email": st.sampled_from((None, "one@example.com", "two@example.com")),
        "name": st.sampled_from(("Ann", "Ann", "Ben")),
    }
)
rules = st.builds(
    Matching,
    employees=st.sampled_from(
        (("employee_no",), ("employee_no",), ("email",), ("employee_no", "mobile"), ("mobile", "email"))
    ),
    departments=st.sampled_from(((), ("path",))),
)
somebody = st.tuples(handles, st.sampled_from(PEOPLE))
changes = st.one_of(
    st.tuples(st.just("hire"), somebody, some_fields),
    st.tuples(st.just("hire"), somebody, some_fields),
    st.tuples(st.just("leave"), somebody),
    st.tuples(st.just("leave"), somebody),
    st.tuples(st.just("suspend"), somebody),
    st.tuples(st.just("retitle"), somebody, st.sampled_from(("Cook", "Waiter"))),
    st.tuples(st.just("delete"), st.just(("third", ""))),
)
# Something changes, and one source after another is read, or an event of it.
steps = st.tuples(
    changes, st.lists(st.tuples(st.sampled_from(("sync", "sync", "event")), handles), min_size=1, max_size=3)
)


@dataclass
class World:
    """The town, and what must be true of it after every run."""

    town: Town = field(default_factory=Town)
    companies: dict[str, Company] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.town.found("third", Company())
        self.companies = {
            "hq": self.town.hq,
            "branch": self.town.branch,
            "third": self.town.many.companies[self.town.uid("third")],
        }
        for handle, company in self.companies.items():
            company.open(f"{handle}-root")  # a company that is known, and somebody who vouches for its answers
            company.departments[f"{handle}-root"]["name"] = "Acme"
            company.hire(f"{handle}-boss", f"{handle}-root", email=None)
            self.town.run(handle)

    def fill(self, matching: Sequence[Matching], order: Sequence[str]) -> None:
        """Let the same two be in every source, and read these in some order."""
        for handle, each in zip(HANDLES, matching, strict=True):
            self.town.matches(handle, each)
            for person, number, name in (("a", "1", "Ann"), ("b", "2", "Ben")):
                self.companies[handle].hire(
                    f"{handle}-{person}", en_name=number, mobile=f"1390000000{number}", name=name
                )
        for handle in order:
            self.read("sync", handle, "")

    def change(self, what: str, whom: tuple[str, str], more: object = None) -> None:
        handle, external_id = whom[0], "-".join(whom)
        if handle not in self.companies:
            return
        company = self.companies[handle]
        match what:
            case "hire":
                assert isinstance(more, dict)
                company.left.discard(external_id)
                company.hire(external_id, f"{handle}-root", **more)
            case "leave":
                company.leave(external_id)
            case "suspend" if external_id in company.people:
                company.people[external_id]["state"] = State.SUSPENDED
            case "retitle" if external_id in company.people:
                company.people[external_id]["title"] = str(more)
            case "delete":
                self.town.delete(handle)
                del self.companies[handle]
            case _:
                pass

    def read(self, what: str, handle: str, external_id: str) -> None:
        if handle not in self.companies:
            return
        if what == "sync" or not external_id.startswith(handle):
            self.look(handle, lambda: self.town.run(handle))
        elif external_id in self.companies[handle].left:
            self.look(handle, lambda: self.town.hint(handle, left=external_id))
        else:
            self.look(handle, lambda: self.town.hint(handle, external_id))

    def look(self, handle: str, run: Callable[[], SyncTask]) -> None:
        before, links_before = self.entries(), self.links()
        task = run()
        assert task.status in (TaskStatus.DONE, TaskStatus.HELD), task.reason
        after, links = self.entries(), self.links()
        self.each_entry_has_one_key_of_a_source(links)
        uid = self.town.uid(handle)
        for entry_id, entry in before.items():
            if not entry.state.has_access or after[entry_id].state.has_access:
                continue
            owner = links_before.get(entry.key)
            is_live = owner is not None and owner.entry_id == entry_id and owner.state.has_access
            assert not (is_live and entry.key.source != uid), "another source than the owner's took access away"
            shown = [each for each in links.values() if each.entry_id == entry_id and each.state.has_access]
            assert not shown, "somebody lost access whom a source shows"
        for row in self.town.rows(task):
            if row.status is RowStatus.APPLIED and row.key in links_before:
                assert links_before[row.key].state is not State.LEFT or row.after["state"] != State.LEFT

    def each_entry_has_one_key_of_a_source(self, links: Mapping[Key, Link]) -> None:
        shared = Counter(
            (link.entry_id, key.source) for key, link in links.items() if link.state is not State.LEFT and link.entry_id
        )
        assert all(count == 1 for count in shared.values())

    def entries(self) -> Mapping[str, Entry]:
        return {entry.entry_id: entry for kind in Kind for entry in self.town.directory.listing(kind)}

    def links(self) -> Mapping[Key, Link]:
        sources = (self.town.uid(handle) for handle in self.companies)
        return {link.key: link for uid in sources for link in self.town.directory.links(uid)}

    def settle(self) -> None:
        for _ in range(3):
            for handle in self.companies:
                self.read("sync", handle, "")


@settings(max_examples=50)
@given(
    st.tuples(rules, rules, rules), st.lists(handles, min_size=2, max_size=4), st.lists(steps, min_size=1, max_size=8)
)
def test_nobody_loses_access_by_a_match(
    matching: tuple[Matching, ...],
    order: list[str],
    story: list[tuple[tuple[str, tuple[str, str]], list[tuple[str, str]]]],
) -> None:
    world = World()
    world.fill(matching, order)
    for change, reads in story:
        world.change(*change)
        for what, handle in reads:
            world.read(what, handle, "-".join(change[1]))
    world.settle()
    before = world.entries()
    for handle in world.companies:
        assert world.town.run(handle).entry_writes == 0
    assert world.entries() == before, "values went to and fro between two sources"
