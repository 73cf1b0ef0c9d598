"""How a test is told: in the terminal as it goes, in a chat in short, for programs whole; in both languages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chalicelib import wiring
from chalicelib.bot.answer import Bot
from chalicelib.core.catalogue import Lang
from chalicelib.core.message import Address, Message, Said
from chalicelib.core.principal import Admin, Role
from chalicelib.core.reply import Line, Pairs, Reply, Tone
from chalicelib.terminal.__main__ import run
from infra.lab.lark import scopes
from tests.misconfigured.site import Site

PARTS = ("tried", "answer", "means", "do")


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(vendor="lark")
    site.settle()
    yield site
    site.close()


def heard(site: Site, text: str, role: Role = Role.OPERATOR) -> Reply:
    wiring.outside().admins.put(
        Admin(
            source=site.source.uid,
            person="ou_1",
            role=role,
            audits=False,
            lang=Lang.EN,
            added_by="test",
            added_at=site.clock.now(),
        )
    )
    message = Message(
        message_id=text,
        source=site.source.uid,
        sender="ou_1",
        text=text,
        said=Said.TYPED,
        address=Address(source=site.source.uid, chat="oc_1", person="ou_1", direct=True),
        at=site.clock.now(),
        proven=True,
    )
    (outgoing,) = Bot(rooms=wiring.rooms()).hear(message)
    return outgoing.reply


def lines(reply: Reply) -> list[str]:
    return [block.text for block in reply.blocks if isinstance(block, Line)]


def pairs(reply: Reply) -> list[tuple[str, str]]:
    return [pair for block in reply.blocks if isinstance(block, Pairs) for pair in block.pairs]


def test_the_terminal_says_all_four_and_by_its_exit_status_how_it_went(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(("test", "hq")) == 0
    assert "All is well." in capsys.readouterr().out
    site.company.revoke(scopes.PHONE)
    assert run(("test", "hq")) == 0
    out = capsys.readouterr().out
    assert "! permissions" in out
    assert scopes.PHONE in out
    for part in ("tried", "means", "do"):
        assert f"\n    {part} " in out
    assert "It works; 1 to look at." in out
    site.keep(app_secret="wrong")
    assert run(("--lang", "zh", "test", "hq")) == 1
    out = capsys.readouterr().out
    assert "✗ 凭证" in out
    assert "错误码" in out
    assert "1 项失败" in out


def test_for_programs_every_finding_has_all_four(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.company.revoke(scopes.PHONE)
    assert run(("--json", "test", "hq")) == 0
    found = json.loads(capsys.readouterr().out)
    (missing,) = [each for each in found if each["grade"] != "ok"]
    assert all(missing[part] for part in PARTS)
    assert (missing["check"], missing["cause"]) == ("permissions", "fields not readable")
    assert missing["facts"] == {"fields": "mobile", "scopes": scopes.PHONE}
    assert missing["link"].startswith("https://open.feishu.cn/app/")
    assert any(each["cause"] == "calls were counted" and 0 < each["facts"]["count"] <= 15 for each in found)


def test_in_the_terminal_a_finding_is_shown_before_the_next_is_looked_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    asked = site.wire.handle_request

    def handle(request: object) -> object:
        shown.append(capsys.readouterr().out)
        return asked(request)  # type: ignore[arg-type] # handed on as it is

    monkeypatch.setattr(site.wire, "handle_request", handle)
    run(("test", "hq"))
    assert "credentials" in "".join(shown)


def test_a_chat_is_told_what_is_wrong_and_what_to_do_and_the_rest_in_a_line(site: Site) -> None:
    reply = heard(site, "test hq")
    assert (reply.tone, lines(reply)[-1]) == (Tone.GOOD, "All is well.")
    site.company.revoke(scopes.PHONE)
    site.keep(encrypt_key="")
    reply = heard(site, "检测 hq")
    assert reply.tone is Tone.WARN
    assert [each.partition(" ")[0] for each in lines(reply)[:2]] == ["权限", "回调密钥"]
    assert scopes.PHONE in lines(reply)[0]
    assert "→" in lines(reply)[0]
    assert len(lines(reply)) == 4
    assert [each.command for each in reply.buttons] == ["test hq", "test hq --all"]


def test_a_chat_is_told_all_four_where_that_is_asked_for(site: Site) -> None:
    site.company.configure(ip_allowed=False)
    reply = heard(site, "test hq --all")
    assert reply.tone is Tone.BAD
    assert [name for name, _ in pairs(reply)] == list(PARTS)
    assert "99991401" in dict(pairs(reply))["answer"]
    assert [name for name, _ in pairs(heard(site, "检测 hq --all"))] == ["尝试", "结果", "影响", "处理"]


def test_viewers_may_not_have_the_vendor_asked(site: Site) -> None:
    site.wire.sent.clear()
    assert "operator" in lines(heard(site, "test hq", Role.VIEWER))[0]
    assert site.wire.sent == []
