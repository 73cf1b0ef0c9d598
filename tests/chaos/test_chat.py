"""Nothing that is said is done twice, and nobody is ignored: a share of what `python -m tests.chaos.chat` tries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.callbacks import converse
from chalicelib.callbacks.converse import Converser
from chalicelib.core.message import Delivery
from chalicelib.core.ports import AuditLine, Chat, Put
from chalicelib.core.principal import Principal
from chalicelib.store.audit import TableAudit
from chalicelib.store.chats import TableChats
from chalicelib.store.codec import audit_item
from chalicelib.sync.request import Asked, Requests
from tests.chaos.chat import attempts

CASES = 150
ENOUGH = 300


def test_redeliveries_double_clicks_and_kills_do_nothing_twice_and_leave_nobody_waiting() -> None:
    tried = attempts(range(CASES))
    for what in ("redeliveries", "double clicks", "killed", "two at once", "busy", "limited", "lost"):
        assert tried[what] > 0, what


def _forgetful(self: TableAudit, line: AuditLine) -> None:
    self.table.write([Put(item=audit_item(line, self.life))])


def _greedy(sync_now: Callable[..., Asked]) -> Callable[..., Asked]:
    def once_is_nothing(self: Requests, who: Principal, handle: str, *, once: str | None = None) -> Asked:
        return sync_now(self, who, handle)

    return once_is_nothing


def _nobody(chat: Chat, delivery: Delivery) -> str:
    return delivery.delivery_id


def _silent(self: Converser) -> None:
    """Nobody looks after lost rings."""


@pytest.mark.parametrize(
    ("room", "verb", "weak"),
    [
        pytest.param(converse, "_speaker", _nobody, id="what failed is overtaken"),
        pytest.param(TableChats, "hold", lambda *_: True, id="two say one thing"),
        pytest.param(TableAudit, "note", _forgetful, id="a verb that runs again is noted again"),
        pytest.param(Requests, "sync_now", _greedy(Requests.sync_now), id="a message starts a sync each time"),
        pytest.param(Converser, "tick", _silent, id="a lost ring is never made up for"),
    ],
)
def test_a_guard_that_is_taken_away_is_missed(
    monkeypatch: pytest.MonkeyPatch, room: object, verb: str, weak: Callable[..., object]
) -> None:
    monkeypatch.setattr(room, verb, weak)
    with pytest.raises((AssertionError, RecursionError)):
        attempts(range(ENOUGH))
