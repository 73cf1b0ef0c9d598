"""The one line a vendor, and what it costs to have it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from chalicelib.connectors import REGISTRY, Registry
from chalicelib.core.errors import MalformedError, SourceDeniedError
from chalicelib.core.model import FieldType, Kind
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source
from chalicelib.local.clock import ManualClock
from tests.builders import answers_to

NOW = datetime(2026, 1, 5, tzinfo=UTC)


class Kept:
    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._secrets = secrets

    def get(self, source: str) -> Mapping[str, Secret]:
        return self._secrets

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        self._secrets = secrets
        return True

    def drop(self, source: str) -> None:
        self._secrets = {}


def a_registry(secrets: Mapping[str, Secret]) -> Registry:
    return Registry(secrets=Kept(secrets), clock=ManualClock(NOW))


def a_source(registry: Registry, kind: str = "lark") -> Source:
    return Source(
        uid="src-1",
        handle="hq",
        name="HQ",
        kind=kind,
        enabled=True,
        settings={"app_id": "cli_0123456789abcdef", "base_url": "https://open.feishu.cn"},
        mapping=registry.form("lark").mapping,
        created_at=NOW,
    )


def test_importing_the_registry_loads_no_http_library() -> None:
    program = (
        "import sys, chalicelib.connectors\n"
        "print(sorted({'httpx', 'pydantic', 'chalicelib.connectors.session'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_kind_has_a_form_whose_mapping_fits_the_directory(kind: str) -> None:
    form = a_registry({}).form(kind)
    assert form.kind == kind
    for each in Kind:
        types = form.mapping.types(each)
        assert {rule.field for rule in form.mapping.rules(each)} <= set(types)
        assert {name for name, type_ in types.items() if type_ is FieldType.STATE} == {"state"}
    assert all(text for field in form.fields for text in (*field.label, *field.help))


def test_forms_come_in_the_order_of_the_registry() -> None:
    assert [form.kind for form in a_registry({}).forms()] == list(REGISTRY)


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(MalformedError) as caught:
        a_registry({}).form("fax")
    assert caught.value.code == "unknown kind"
    assert caught.value.facts == {"kind": "fax", "kinds": ", ".join(sorted(REGISTRY))}


@pytest.mark.parametrize("secrets", [{}, {"encrypt_key": Secret("k")}])
def test_a_source_without_its_secrets_is_not_opened(secrets: Mapping[str, Secret]) -> None:
    registry = a_registry(secrets)
    with pytest.raises(SourceDeniedError) as caught:
        registry.open(a_source(registry))
    assert caught.value.code == "secrets are missing"
    assert caught.value.facts == {"handle": "hq"}


def test_a_source_with_secrets_is_opened_without_a_call() -> None:
    registry = a_registry({"app_secret": Secret("s")})
    reader = registry.open(a_source(registry))
    assert reader.calls == {}
    reader.close()


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"app_id": "cli_a1b2c3d4e5f6a7b8"}, True),
        ({"app_id": "cli_a1b2c3d4e5f6a7b8", "base_url": "http://127.0.0.1:8123"}, True),
        ({"app_id": "cli_a1b2c3d4e5f6a7b8", "base_url": "https://open.larksuite.com/"}, True),
        ({"app_id": "ding123"}, False),
        ({"app_id": "cli_a1b2c3d4e5f6a7b8", "base_url": "ftp://open.feishu.cn"}, False),
        ({"app_id": "cli_a1b2c3d4e5f6a7b8", "base_url": "https://u:p@open.feishu.cn/"}, False),
    ],
)
def test_the_lark_form_knows_what_its_answers_look_like(settings: dict[str, str], fits: bool) -> None:
    form = a_registry({}).form("lark")
    if fits:
        assert answers_to(form, settings, ["app_secret"])["base_url"].startswith("http")
    else:
        with pytest.raises(MalformedError):
            answers_to(form, settings, ["app_secret"])
