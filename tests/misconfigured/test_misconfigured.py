"""Whatever is set up wrongly is named, with what to do about it; and of what is well nothing else is said."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.finding import Grade
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.sources.draft import Draft
from infra.lab.dingtalk import scopes as ding
from tests.misconfigured.seeds import SEEDS, Seed
from tests.misconfigured.site import Found, Site

MOST_CALLS = 15
# What the vendors leave open: a client has to live with either.
CHOICES = [
    ("lark", {"empty_items": "null", "empty_values": "absent"}),
    ("lark", {"empty_items": "empty", "empty_values": "null", "scope_prefix": False}),
    ("lark", {"lists_exited": False, "unreadable_in_batch": "error", "throttle_status": 400}),
    ("dingtalk", {"sub_code": False, "quoted_values": True}),
    ("dingtalk", {"empty_values": "absent", "names_missing_permission": False}),
    ("dingtalk", {"empty_values": "blank", "unknown_staff": "refused", "new_permission": "at_once"}),
]
SITES = [
    ("lark", 60, 8),
    ("lark", 12, 2),
    ("lark", 400, 60),
    ("dingtalk", 60, 8),
    ("dingtalk", 12, 2),
    ("dingtalk", 400, 60),
]


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    yield
    wiring.use(None)


def troubles(found: Sequence[Found]) -> list[tuple[str, str]]:
    return [(each["check"], each["cause"]) for each in found if each["grade"] != Grade.OK]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_what_is_wrong_is_named(seed: Seed) -> None:
    site = seed.built()
    found = site.test()
    assert seed.is_named_by(found), troubles(found)
    for each in found:
        assert each["tried"]
        assert each["answer"]
        if each["grade"] != Grade.OK:
            assert each["do"], each
            assert "?" not in each["do"].removesuffix(each["link"] or "") + each["answer"], each
            assert "{" not in each["do"] + each["answer"] + each["tried"]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_nothing_is_all_well_while_something_is_wrong_and_nothing_leaks(seed: Seed) -> None:
    site = seed.built()
    reply = site.reply(Lang.ZH)
    text = str(reply)
    assert "一切正常" not in text
    assert reply.failed is (seed.grade is Grade.FAILED)
    for secret in (*site.secrets.values(), *(each.name for each in site.company.users.values())):
        assert secret not in text
    for mobile in (each.mobile for each in site.company.users.values() if each.mobile):
        assert mobile not in text


def test_there_are_enough_of_them_of_both_vendors() -> None:
    assert len(SEEDS) >= 60
    assert len({seed.name for seed in SEEDS}) == len(SEEDS)
    for vendor in ("lark", "dingtalk"):
        assert sum(seed.vendor == vendor for seed in SEEDS) >= 30


@pytest.mark.parametrize(("vendor", "people", "departments"), SITES)
@pytest.mark.parametrize("seed", [3, 11])
def test_of_a_healthy_source_all_is_well(vendor: str, people: int, departments: int, seed: int) -> None:
    site = Site(vendor=vendor, people=people, departments=departments, seed=seed)
    site.settle()
    before = site.company.truth()
    site.wire.sent.clear()
    found = site.test()
    assert troubles(found) == []
    assert site.reply().blocks[-1].text == "All is well."  # type: ignore[union-attr] # a line
    assert len(site.wire.sent) // 2 <= MOST_CALLS
    assert site.company.truth() == before
    assert site.api.suspicious == []
    site.close()


@pytest.mark.parametrize(("vendor", "choices"), CHOICES)
def test_a_healthy_source_is_well_whichever_way_the_vendor_puts_it(vendor: str, choices: dict[str, object]) -> None:
    site = Site(vendor=vendor)
    for name, value in choices.items():
        setattr(site.api.choices, name, value)
    site.settle()
    assert troubles(site.test()) == []
    site.close()


def test_a_company_with_accounts_of_its_own_is_well_too() -> None:
    site = Site(vendor="dingtalk", edition="dedicated")
    site.settle()
    assert troubles(site.test()) == []
    site.close()


def test_where_an_answer_does_not_name_the_permission_the_one_that_the_call_wants_is_named() -> None:
    for seed in SEEDS:
        if seed.vendor == "dingtalk" and seed.cause in (
            "permission missing",
            "details not allowed",
            "cards not allowed",
        ):
            site = seed.built()
            site.api.choices.names_missing_permission = False
            assert seed.is_named_by(site.test()), seed.name
            site.close()


def test_a_permission_that_was_just_granted_is_there() -> None:
    site = Site(vendor="dingtalk")
    site.settle()
    site.company.revoke(ding.MEMBER)
    assert ("sample", "details not allowed") in troubles(site.test())
    site.company.grant(ding.MEMBER)
    assert troubles(site.test()) == []
    site.close()


@pytest.mark.parametrize("number", range(20))
def test_two_mistakes_at_once_are_never_all_well_and_the_first_in_the_way_is_named(number: int) -> None:
    rng = random.Random(number)
    vendor = rng.choice(("lark", "dingtalk"))
    one, other = rng.sample([each for each in SEEDS if each.vendor == vendor and not each.site], 2)
    site = one.built()
    other.plant(site)
    found = site.test()
    assert troubles(found)
    assert one.is_named_by(found) or other.is_named_by(found), (one.name, other.name, troubles(found))
    site.close()


@pytest.mark.parametrize("seed", [each for each in SEEDS if each.cause == "wrong region"], ids=lambda seed: seed.name)
def test_the_other_cloud_is_asked_without_the_secret(seed: Seed) -> None:
    site = seed.built()
    site.wire.sent.clear()
    site.test()
    right = "open.larksuite.com" if site.cloud == "lark" else "open.feishu.cn"
    asked = [each for each in site.wire.sent if each.url.host == right]
    assert asked
    assert all(site.company.app_secret.encode() not in each.content for each in asked)


@pytest.mark.parametrize("vendor", ["lark", "dingtalk"])
def test_a_test_does_not_trust_a_token_of_before(vendor: str) -> None:
    site = Site(vendor=vendor)
    site.settle()
    assert troubles(site.test()) == []
    site.company.app_secret = "another-secret-in-the-console"
    assert ("credentials", "credentials refused") in troubles(site.test())


@pytest.mark.parametrize("vendor", ["lark", "dingtalk"])
def test_once_the_keys_are_right_again_the_refused_pushes_are_forgotten(vendor: str) -> None:
    site = Site(vendor=vendor)
    site.settle()
    site.clock.sleep(3600)
    site.subscribe_wrongly("x" * 43, "othertoken")
    assert ("callback", "pushes are refused") in troubles(site.test())
    site.clock.sleep(5)
    site.subscribe()
    assert troubles(site.test()) == []


def test_a_test_takes_no_longer_than_people_wait() -> None:
    for seed in SEEDS:
        site = seed.built()
        began = site.clock.now()
        site.test()
        assert (site.clock.now() - began).total_seconds() < 40, seed.name
        site.close()


@pytest.mark.parametrize("vendor", ["lark", "dingtalk"])
def test_save_and_activate_is_held_back_by_what_no_sync_works_with_and_by_nothing_else(vendor: str) -> None:
    site = Site(vendor=vendor)
    sources = wiring.rooms().sources

    def activated(handle: str, **secrets: str) -> bool:
        together = {name: Secret(text) for name, text in {**site.secrets, **secrets}.items()}
        draft = Draft(handle=handle, kind=vendor, name="总部", settings=site.settings, secrets=together)
        return sources.create(TERMINAL, draft, activate_gate=True).source.enabled

    assert not activated("wrong", app_secret="wrong")
    site.company.configure(ip_allowed=False)
    assert not activated("fenced")
    site.company.configure(ip_allowed=True, **{"bot_on" if vendor == "lark" else "robot_on": False})
    assert activated("mute")
    site.close()
