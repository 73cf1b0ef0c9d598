"""What a vendor may well say, and what must not stop a company's sync."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.lab import faults
from tests.terminal.aviary import Aviary, an_aviary


@pytest.fixture
def aviary(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Aviary]:
    monkeypatch.setenv("LANG", "en")
    with an_aviary(tmp_path / "home", capsys) as aviary:
        aviary.create()
        yield aviary


def a_member(**fields: object) -> bytes:
    flags = ("is_frozen", "is_resigned", "is_exited", "is_unjoin")
    status = {**dict.fromkeys(flags, False), "is_activated": True}
    user = {
        "union_id": "on_odd",
        "open_id": "ou_odd",
        "name": "Odd",
        "department_ids": ["0"],
        "status": status,
        **fields,
    }
    return json.dumps({"code": 0, "msg": "ok", "data": {"has_more": False, "items": [user]}}).encode()


@pytest.mark.parametrize(
    "field",
    [{"name": "half an emoji \ud83d"}, {"nickname": "\udc00"}, {"job_title": "\ud83d"}, {"name": "\x00\x1bOdd"}],
)
def test_one_odd_text_of_one_person_does_not_stop_the_sync_of_all(aviary: Aviary, field: dict[str, str]) -> None:
    aviary.api.faults.add(faults.replace(endpoint="users.find_by_department", nth=1, body=a_member(**field)))
    assert aviary.sync().status == 0
    people = json.loads(aviary.run("employees", "--json").out)
    assert len(people) > 1
    (odd,) = [each for each in people if each["key"] == "on_odd"]
    assert odd["name"].isprintable()
