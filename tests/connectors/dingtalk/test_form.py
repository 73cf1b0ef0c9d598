"""What a DingTalk source is told, and what it does without."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chalicelib.connectors import REGISTRY, Registry
from chalicelib.connectors.dingtalk.form import API, FORM, LOGIN, OAPI
from chalicelib.core.errors import MalformedError, SourceDeniedError
from chalicelib.core.secret import Secret
from chalicelib.local.clock import ManualClock
from infra.lab.dingtalk.workspace import DingTalkWorkspace
from tests.builders import answers_to
from tests.connectors.dingtalk.tenancy import START, a_tenancy

ENOUGH = {"corp_id": "ding0123456789abcdef0123456789abcdef", "app_key": "dingabcdefghijklmnop"}


class OnlyForEvents:
    def get(self, source: str) -> Mapping[str, Secret]:
        return {"aes_key": Secret("k"), "token": Secret("t")}

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        raise NotImplementedError

    def drop(self, source: str) -> None:
        raise NotImplementedError


def test_the_form_fills_in_the_public_site() -> None:
    assert answers_to(FORM, ENOUGH, ["app_secret"]) == {
        **ENOUGH,
        "oapi_url": OAPI,
        "api_url": API,
        "login_url": LOGIN,
        "type": "standard",
        "daily_details": "1000",
        "robot_code": "",
        "card_template": "",
    }


def test_the_form_takes_the_labs_ids() -> None:
    company = DingTalkWorkspace()
    assert answers_to(FORM, {"corp_id": company.corp_id, "app_key": company.app_key}, ["app_secret"])


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"type": "dedicated"}, True),
        ({"type": "deluxe"}, False),
        ({"oapi_url": "http://127.0.0.1:8123", "api_url": "https://api.dingtalk.io/"}, True),
        ({"oapi_url": "https://u:p@oapi.dingtalk.com"}, False),
        ({"login_url": "ftp://login.dingtalk.com"}, False),
        ({"daily_details": "0"}, True),
        ({"daily_details": "-1"}, False),
        ({"daily_details": "many"}, False),
        ({"corp_id": "cli_a1b2c3d4e5f6a7b8"}, False),
        ({"app_key": "ding key"}, False),
        ({"agent_id": "7"}, False),
        ({"aes_key": "shown"}, False),
        ({"robot_code": "dingabcdefghijklmnop"}, True),
        ({"robot_code": "a robot"}, False),
        ({"card_template": "0b9a2f9e-9d1c-4d57-8c0e-4c5f2f8b9a10.schema"}, True),
        ({"card_template": "0b9a2f9e-9d1c-4d57-8c0e-4c5f2f8b9a10"}, True),
        ({"card_template": "https://card.dingtalk.com/x"}, False),
        ({"card_api_secret": "shown"}, False),
    ],
)
def test_the_form_knows_what_its_answers_look_like(settings: dict[str, str], fits: bool) -> None:
    if fits:
        assert answers_to(FORM, {**ENOUGH, **settings}, ["app_secret"]).items() >= settings.items()
    else:
        with pytest.raises(MalformedError):
            answers_to(FORM, {**ENOUGH, **settings}, ["app_secret"])


def test_the_form_tells_of_every_door_that_there_is() -> None:
    assert [door for door, _ in FORM.doors] == list(REGISTRY["dingtalk"].doors)
    assert all(text for _, label in FORM.doors for text in label)


@pytest.mark.parametrize("missing", ["corp_id", "app_key", "app_secret"])
def test_the_form_asks_for_the_company_the_key_and_the_secret(missing: str) -> None:
    settings = {name: value for name, value in ENOUGH.items() if name != missing}
    with pytest.raises(MalformedError) as caught:
        answers_to(FORM, settings, [] if missing == "app_secret" else ["app_secret"])
    assert caught.value.code == "setting is missing"


def test_a_source_without_its_app_secret_is_not_opened() -> None:
    registry = Registry(secrets=OnlyForEvents(), clock=ManualClock(START))
    with pytest.raises(SourceDeniedError) as caught:
        registry.open(a_tenancy().source())
    assert caught.value.code == "secrets are missing"
