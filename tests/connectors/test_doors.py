"""What the registry has of each vendor's door."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.connectors import REGISTRY, Registry
from chalicelib.core.errors import NotFoundError, SignatureError
from chalicelib.core.message import Delivery, HttpRequest
from chalicelib.local.clock import ManualClock
from tests.builders import HQ, NOON, a_source
from tests.scripted import NoSecrets

NOW = datetime(2026, 1, 5, tzinfo=UTC)
DELIVERY = Delivery(delivery_id="e1", source=HQ, type="of no vendor", ids={}, occurred_at=NOON, received_at=NOON)


def a_registry(*, pushes: bool = True) -> Registry:
    offers = REGISTRY if pushes else {kind: replace(each, doors={}, hints=None) for kind, each in REGISTRY.items()}
    return Registry(secrets=NoSecrets(), clock=ManualClock(NOW), offers=offers)


@pytest.mark.parametrize(("kind", "door"), [(kind, door) for kind, offer in REGISTRY.items() for door in offer.doors])
def test_whoever_pushes_is_refused_without_keys_and_hints_at_nothing_unknown(kind: str, door: str) -> None:
    request = HttpRequest(method="POST", path="/", headers={}, query={}, body=b"{}")
    with pytest.raises(SignatureError):
        a_registry().callback(kind, door).open(request, a_source(kind=kind), {}, NOW)
    assert a_registry().hints(a_source(kind=kind), DELIVERY) == ()


@pytest.mark.parametrize("kind", REGISTRY)
def test_whoever_does_not_push_has_no_door(kind: str) -> None:
    registry = a_registry(pushes=False)
    with pytest.raises(NotFoundError) as caught:
        registry.callback(kind, "events")
    assert (caught.value.code, caught.value.facts) == ("no such door", {"kind": kind, "door": "events"})
    assert registry.hints(a_source(kind=kind), DELIVERY) == ()


def test_who_pushes_also_hints() -> None:
    assert [kind for kind, offer in REGISTRY.items() if ("events" in offer.doors) != bool(offer.hints)] == []
