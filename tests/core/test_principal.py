from __future__ import annotations

import itertools

import pytest

from chalicelib.core.principal import SCHEDULE, TERMINAL, Principal, Role, permits


@pytest.mark.parametrize(("has", "needed"), list(itertools.product(Role, Role)))
def test_each_role_may_do_what_the_ones_below_it_may(has: Role, needed: Role) -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.OWNER]
    who = Principal(key="somebody", role=has, door="chat")
    assert permits(who, needed) is (order.index(has) >= order.index(needed))


def test_the_terminal_owns_the_installation_and_the_schedule_only_operates_it() -> None:
    assert permits(TERMINAL, Role.OWNER)
    assert permits(SCHEDULE, Role.OPERATOR)
    assert not permits(SCHEDULE, Role.OWNER)
