from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ConflictError, ForbiddenError, MalformedError, RollcallError, StoreConflictError
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source, Turn
from chalicelib.sources.draft import Draft
from tests.scripted import MAPPING, House

SECRETS = {"app_secret": Secret("xyzzy-s3cret")}


@pytest.fixture
def house() -> House:
    """With the source hq already."""
    return House()


def create(
    handle: str = "branch",
    *,
    who: Principal = TERMINAL,
    kind: str = "scripted",
    name: str = "分部",
    settings: Mapping[str, str] = {"app_id": "cli_2"},
    secrets: Mapping[str, Secret] = SECRETS,
) -> Source:
    draft = Draft(handle=handle, kind=kind, name=name, settings=settings, secrets=secrets)
    return wiring.rooms().sources.create(who, draft, activate_gate=False).source


def last_line(house: House) -> tuple[str, str, str | None]:
    line = house.audit()[0]
    return line.verb, line.outcome, line.source


def test_a_source_starts_enabled_with_the_mapping_of_its_kind(house: House) -> None:
    house.pass_time(seconds=1)
    source = create()
    assert (source.enabled, source.mapping, source.custom) == (True, MAPPING, False)
    assert source.created_at == house.clock.now()
    assert house.outside.catalog.source("branch") == source


def test_its_secrets_are_kept_apart_under_its_uid(house: House) -> None:
    source = create()
    assert house.secrets.kept[source.uid]["app_secret"].reveal() == "xyzzy-s3cret"
    assert "xyzzy" not in repr(source)


def test_a_uid_is_new_even_for_a_handle_that_was_there(house: House) -> None:
    assert create("one").uid != create("two").uid


def test_creating_is_audited_with_who_and_how_it_ended(house: House) -> None:
    house.pass_time(seconds=1)
    source = create()
    assert last_line(house) == ("source create", "done", source.uid)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_an_owner_may_create_and_who_tried_is_noted(house: House, role: Role) -> None:
    house.pass_time(seconds=1)
    with pytest.raises(ForbiddenError):
        create(who=Principal(key="v", role=role, door="chat"))
    assert last_line(house) == ("source create", "forbidden", None)
    assert len(house.secrets.kept) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"handle": "HQ"}, "handle breaks its rule"),
        ({"name": "分"}, "source name breaks its rule"),
        ({"kind": "nothing"}, "unknown kind"),
        ({"settings": {}}, "setting is missing"),
        ({"settings": {"app_id": "NO"}}, "setting is misshaped"),
        ({"settings": {"app_id": "cli_2", "colour": "red"}}, "unknown setting"),
        ({"settings": {"app_id": "cli_2", "note": "xyzzy"}}, "secret given as an argument"),
        ({"secrets": {}}, "setting is missing"),
        ({"secrets": {"app_secret": Secret("  ")}}, "secret is empty"),
        ({"secrets": {**SECRETS, "colour": Secret("red")}}, "unknown setting"),
    ],
)
def test_what_breaks_a_rule_keeps_nothing_and_is_noted(house: House, wrong: dict[str, object], code: str) -> None:
    house.pass_time(seconds=1)
    asked: dict[str, object] = {"handle": "branch", **wrong}
    with pytest.raises(MalformedError, match=code):
        create(**asked)  # type: ignore[arg-type]  # each is of its parameter's type
    assert len(house.outside.catalog.sources()) == 1
    assert len(house.secrets.kept) == 1
    assert last_line(house) == ("source create", code, None)


def test_a_taken_handle_is_refused_and_the_first_keeps_its_secrets(house: House) -> None:
    with pytest.raises(ConflictError, match="handle is taken"):
        create("hq")
    assert house.secrets.kept[house.source.uid]["app_secret"].reveal() == "s3cret"
    assert len(house.secrets.kept) == 1


def test_the_sixth_is_refused_and_leaves_no_secret_behind(house: House) -> None:
    for number in range(4):
        create(f"s{number}")
    with pytest.raises(ConflictError, match="too many enabled sources"):
        create("sixth")
    assert len(house.secrets.kept) == len(house.outside.catalog.sources()) == 5


def test_a_rival_that_was_faster_leaves_no_secret_of_the_slower_behind(house: House) -> None:
    rooms = wiring.rooms().sources

    class Late:
        """A catalog in which the rule holds when it is looked at, and is broken when it is written."""

        def sources(self) -> list[Source]:
            return []

        def source(self, handle_or_uid: str) -> Source:
            raise NotImplementedError

        def update(self, source: Source, *, instead_of: Source) -> bool:
            raise NotImplementedError

        def claim_due(self, source: Source, now: object, next_due_at: object) -> bool:
            raise NotImplementedError

        def turns(self, now: datetime) -> list[Turn]:
            raise NotImplementedError

        def add(self, source: Source) -> None:
            raise StoreConflictError("store is busy")

    late = replace(rooms, catalog=Late())
    draft = Draft(handle="hq", kind="scripted", name="总部", settings={"app_id": "cli_2"}, secrets=SECRETS)
    with pytest.raises(RollcallError, match="store is busy"):
        late.create(TERMINAL, draft, activate_gate=False)
    assert len(house.secrets.kept) == 1
