from __future__ import annotations

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import ConflictError, ForbiddenError, MalformedError, NotFoundError
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.sources.admins import Admins
from tests.scripted import House


@pytest.fixture
def house() -> House:
    house = House()
    house.pass_time(seconds=1)  # so that what is audited next stands after the creation of its source
    return house


@pytest.fixture
def admins(house: House) -> Admins:
    out = house.outside
    return Admins(admins=out.admins, catalog=out.catalog, audit=out.audit, clock=out.clock)


@pytest.fixture
def ann(house: House, admins: Admins) -> Principal:
    """The only owner, whom the terminal named."""
    admins.add(TERMINAL, "hq", "ou_ann", Role.OWNER)
    return Principal(key="ou_ann", role=Role.OWNER, door=house.source.uid, where="oc_1")


def roles(admins: Admins) -> dict[str, Role]:
    return {each.person: each.role for each in admins.list(TERMINAL)}


def test_the_terminal_names_the_first_owner(house: House, admins: Admins) -> None:
    admin = admins.add(TERMINAL, "hq", "ou_ann", Role.OWNER, lang=Lang.ZH, told=True)
    assert house.outside.admins.admin(house.source.uid, "ou_ann") == admin
    assert (admin.added_by, admin.added_at) == ("terminal:terminal", house.clock.now())
    assert (admin.audits, admin.told, admin.lang) == (False, True, Lang.ZH)


def test_what_is_not_said_stays_when_a_role_changes(admins: Admins, ann: Principal) -> None:
    admins.add(ann, "hq", "ou_ben", Role.VIEWER, audits=True, told=True, lang=Lang.ZH)
    ben = admins.add(ann, "hq", "ou_ben", Role.OPERATOR)
    assert (ben.role, ben.audits, ben.told, ben.lang, ben.added_by.endswith(":ou_ann")) == (
        Role.OPERATOR,
        True,
        True,
        Lang.ZH,
        True,
    )
    assert not admins.add(ann, "hq", "ou_ben", Role.OPERATOR, audits=False).audits


def test_a_removed_admin_has_no_rights(house: House, admins: Admins, ann: Principal) -> None:
    admins.add(ann, "hq", "ou_ben", Role.OPERATOR)
    assert admins.remove(ann, "hq", "ou_ben").role is Role.OPERATOR
    assert house.outside.admins.admin(house.source.uid, "ou_ben") is None
    with pytest.raises(NotFoundError, match="no such admin"):
        admins.remove(ann, "hq", "ou_ben")


def test_the_last_owner_stays_unless_the_terminal_says_so(admins: Admins, ann: Principal) -> None:
    with pytest.raises(ConflictError, match="last owner"):
        admins.remove(ann, "hq", "ou_ann")
    with pytest.raises(ConflictError, match="last owner"):
        admins.add(ann, "hq", "ou_ann", Role.VIEWER)
    assert roles(admins) == {"ou_ann": Role.OWNER}
    admins.add(ann, "hq", "ou_ben", Role.OWNER)
    admins.remove(ann, "hq", "ou_ann")
    assert roles(admins) == {"ou_ben": Role.OWNER}
    admins.remove(TERMINAL, "hq", "ou_ben")
    assert roles(admins) == {}


def test_two_owners_who_remove_each_other_at_once_leave_an_owner(house: House, admins: Admins, ann: Principal) -> None:
    admins.add(ann, "hq", "ou_ben", Role.OWNER)
    ben = Principal(key="ou_ben", role=Role.OWNER, door=house.source.uid)
    kept = house.outside.admins

    class Rival:
        """Removes ann at the very moment that ann has removed ben."""

        admin, admins, put = kept.admin, kept.admins, kept.put

        def drop(self, source: str, person: str) -> bool:
            dropped = kept.drop(source, person)
            if person == "ou_ben":
                admins.remove(ben, "hq", "ou_ann")
            return dropped

    both = Admins(admins=Rival(), catalog=admins.catalog, audit=admins.audit, clock=admins.clock)
    with pytest.raises(ConflictError, match="last owner"):
        both.remove(ann, "hq", "ou_ben")
    assert Role.OWNER in roles(admins).values()


@pytest.mark.parametrize("person", ["", "Ann Lee", "ou_\n", "x" * 65, "ou_\u200b", "\u202eou", " ou_1"])
def test_a_person_is_named_by_an_id(admins: Admins, person: str) -> None:
    with pytest.raises(MalformedError, match="person is not an id"):
        admins.add(TERMINAL, "hq", person, Role.VIEWER)


def test_only_owners_see_and_change_admins(house: House, admins: Admins, ann: Principal) -> None:
    op = Principal(key="ou_op", role=Role.OPERATOR, door=house.source.uid, audits=True)
    for act in (
        lambda: admins.add(op, "hq", "ou_op", Role.OWNER),
        lambda: admins.remove(op, "hq", "ou_ann"),
        lambda: admins.list(op),
    ):
        house.pass_time(seconds=1)
        with pytest.raises(ForbiddenError):
            act()
    lines = house.audit()[:3]
    assert [(line.verb, line.outcome) for line in lines] == [
        ("admins", "forbidden"),
        ("admin remove", "forbidden"),
        ("admin add", "forbidden"),
    ]
    assert roles(admins) == {"ou_ann": Role.OWNER}


def test_admins_are_listed_for_a_source_or_for_all(house: House, admins: Admins, ann: Principal) -> None:
    assert [each.person for each in admins.list(ann, "hq")] == ["ou_ann"]
    with pytest.raises(NotFoundError, match="no such source"):
        admins.list(ann, "nobody")
