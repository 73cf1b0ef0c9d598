from __future__ import annotations

from chalicelib.connectors import REGISTRY, Registry
from chalicelib.core.source import Paste
from chalicelib.local.clock import ManualClock
from chalicelib.sources.console import copied
from chalicelib.sources.draft import Draft
from tests.builders import NOON
from tests.scripted import NoSecrets

FORMS = Registry(secrets=NoSecrets(), clock=ManualClock(NOON))


def values(kind: str, public_url: str = "https://rollcall.example.com", *egress: str) -> list[str]:
    draft = Draft(handle="hq", kind=kind, name="总部")
    return [value for _, _, value in copied(draft, FORMS.form(kind), public_url, egress)]


def test_every_kind_names_its_doors_and_what_else_is_pasted() -> None:
    for kind, offer in REGISTRY.items():
        told = values(kind)
        for door in offer.doors:
            assert f"https://rollcall.example.com/callbacks/hq/{door}" in told
        assert "https://rollcall.example.com/login/hq/callback" in told
        assert "https://rollcall.example.com/" in told
        assert "rollcall.example.com" in told
        assert "\n".join(FORMS.form(kind).permissions) in told
        assert "\n".join(FORMS.form(kind).events) in told


def test_every_label_is_there_in_both_languages() -> None:
    for kind in REGISTRY:
        for english, chinese, value in copied(
            Draft(handle="hq", kind=kind, name="总部"), FORMS.form(kind), "", ("1.2.3.4",)
        ):
            assert english
            assert chinese
            assert value


def test_egress_addresses_are_told_where_they_are_fixed() -> None:
    for kind in REGISTRY:
        assert Paste.EGRESS in [each for each, _ in FORMS.form(kind).pastes]
        assert "192.0.2.1\n192.0.2.2" in values(kind, "", "192.0.2.1", "192.0.2.2")
        assert not any("192.0.2" in value for value in values(kind))


def test_an_address_that_nobody_has_told_us_is_left_open() -> None:
    assert "https://.../callbacks/hq/events" in values("lark", "")
