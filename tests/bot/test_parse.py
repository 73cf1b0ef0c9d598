from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.command import COMMANDS, Given, Parsed
from chalicelib.bot.parse import parse
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.errors import UsageError
from chalicelib.core.secret import Secret


def understood(text: str, lang: Lang = Lang.EN) -> Parsed:
    return parse(shlex.split(text), lang)


def refused(text: str, lang: Lang = Lang.EN) -> tuple[str, str]:
    """The code and the words of a refusal."""
    with pytest.raises(UsageError) as refusal:
        understood(text, lang)
    return refusal.value.code, say(refusal.value.code, lang, refusal.value.facts)


@pytest.mark.parametrize(
    ("text", "usage", "given"),
    [
        ("help", "help", {"page": None}),
        ("sources", "sources", {}),
        ("sync now hq", "sync now", {"source": "hq", "wait": False}),
        ("sync now hq --wait", "sync now", {"source": "hq", "wait": True}),
        ("SYNC Now hq", "sync now", {"source": "hq", "wait": False}),
        ("sync now --wait hq", "sync now", {"source": "hq", "wait": True}),
        ("立即同步 hq", "sync now", {"source": "hq", "wait": False}),
        ("立即同步 hq --wait", "sync now", {"source": "hq", "wait": True}),
        ("sync approve 7", "sync approve", {"task": "7", "entry": ()}),
        ("sync approve 7 e1 e2", "sync approve", {"task": "7", "entry": ("e1", "e2")}),
        ("批准 7 e1", "sync approve", {"task": "7", "entry": ("e1",)}),
        ("拒绝 7", "sync reject", {"task": "7", "entry": ()}),
        ("records", "records", {"source": None, "trigger": None, "page": None}),
        ("记录 hq", "records", {"source": "hq", "trigger": None, "page": None}),
        ("record 7 --entry e1", "record", {"task": "7", "entry": "e1", "page": None}),
        ("record 7 --entry=e1", "record", {"task": "7", "entry": "e1", "page": None}),
        ("record --entry e1 7", "record", {"task": "7", "entry": "e1", "page": None}),
        ("详情 7 --entry=e1", "record", {"task": "7", "entry": "e1", "page": None}),
        ("employees", "employees", {"text": None, "source": None, "inactive": False, "all": False, "page": None}),
        (
            "employees 'Ann Lee' --source hq --all",
            "employees",
            {"text": "Ann Lee", "source": "hq", "inactive": False, "all": True, "page": None},
        ),
        (
            "员工 王 --inactive",
            "employees",
            {"text": "王", "source": None, "inactive": True, "all": False, "page": None},
        ),
        ("employee show e1", "employee show", {"id": "e1"}),
        ("查看员工 e1", "employee show", {"id": "e1"}),
        ("部门 --source=hq", "departments", {"source": "hq", "page": None}),
        ("source show hq", "source show", {"source": "hq"}),
        (
            "source create hq --kind=made-up --name 总部 --app-id cli_1 --base-url=https://x?a=b",
            "source create",
            {
                "handle": "hq",
                "kind": "made-up",
                "name": "总部",
                "description": None,
                "every": None,
                "cron": None,
                "zone": None,
                "manual": False,
                "no_user_info": False,
                "closed": False,
                "activate": False,
                "further": {"app_id": "cli_1", "base_url": "https://x?a=b"},
            },
        ),
    ],
)
def test_what_is_typed_is_understood(text: str, usage: str, given: dict[str, Given]) -> None:
    parsed = understood(text)
    assert " ".join(parsed.command.words) == usage
    assert parsed.given == given


@pytest.mark.parametrize(
    "text",
    [
        "sync now",
        "sync approve",
        "record",
        "record 7 --entry",
        "record 7 --entry --wait",
        "record 7 --entry=",
        "record 7 --entry ''",
        "employees --source",
        "employees --source ''",
        "employee show",
        "source create hq --kind",
        "source create hq --kind made-up --name 总部 --app-id",
    ],
)
def test_what_is_missing_is_said_with_the_usage(text: str) -> None:
    code, words = refused(text)
    assert code == "command is incomplete"
    assert " ".join(text.split()[:1]) in words


@pytest.mark.parametrize(
    "text",
    [
        "help me",
        "sources hq",
        "sync now hq branch",
        "employee show e1 e2",
        "sync now hq --wait=no",
        "employees --all=1",
    ],
)
def test_what_is_too_much_is_said_with_the_usage(text: str) -> None:
    assert refused(text)[0] == "command takes less"


@pytest.mark.parametrize("text", ["sync now hq --force", "sources --all", "record 7 --entries=e1", "help --"])
def test_an_option_that_there_is_not_is_refused(text: str) -> None:
    assert refused(text)[0] == "unknown option"


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("syn now hq", "sync now"),
        ("sync nwo hq", "sync now"),
        ("sync", "sync"),
        ("employes", "employees"),
        ("soruces", "sources"),
        ("employee sho e1", "employee show"),
        ("aprove 7", "approve"),
    ],
)
def test_a_near_miss_is_answered_with_a_guess(text: str, guess: str) -> None:
    code, words = refused(text)
    assert code == "unknown command"
    assert "Did you mean" in words
    assert guess in words


@pytest.mark.parametrize(("text", "guess"), [("立刻同步 hq", "立即同步"), ("部们", "部门"), ("查看", "查看")])
def test_a_near_miss_in_chinese_is_answered_in_chinese(text: str, guess: str) -> None:
    code, words = refused(text, Lang.ZH)
    assert code == "unknown command"
    assert "您是不是想输入" in words
    assert guess in words


@pytest.mark.parametrize("text", ["", "xyzzy", "🙂", "--wait", "   "])
def test_what_is_like_nothing_is_pointed_to_help(text: str) -> None:
    assert "`help`" in refused(text)[1]
    assert "`help`" in refused(text, Lang.ZH)[1]


def test_usage_is_said_in_the_language_of_whoever_asks() -> None:
    assert "立即同步 <source>" in refused("sync now", Lang.ZH)[1]
    assert "sync now <source>" in refused("立即同步", Lang.EN)[1]


def test_secrets_go_where_further_settings_go() -> None:
    secret = Secret("s3cret")
    tokens = ("source", "create", "hq", "--kind", "k", "--name", "总部", "--app-id", "cli_1")
    parsed = parse(tokens, Lang.EN, {"app_secret": secret})
    assert parsed.given["further"] == {"app_secret": secret, "app_id": "cli_1"}


def test_secrets_for_a_command_that_takes_none_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown option") as refusal:
        parse(("sources",), Lang.EN, {"app_secret": Secret("s3cret")})
    assert "s3cret" not in str(refusal.value)


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(("sync", "now", "employees", "--all", "--", "--a=b")))))
def test_whatever_is_typed_is_understood_or_refused_in_both_languages(tokens: list[str]) -> None:
    for lang in Lang:
        try:
            parse(tokens, lang)
        except UsageError as error:
            assert say(error.code, lang, error.facts)  # noqa: PT017 - most is refused, some is understood


def test_no_two_commands_are_typed_alike() -> None:
    words = [each for command in COMMANDS for each in command.spellings()]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_command_can_be_typed_as_its_usage_says(command: object) -> None:
    (declared,) = [each for each in COMMANDS if each is command]
    for words, lang in ((declared.words, Lang.EN), (declared.zh_words, Lang.ZH)):
        needed = [name for name, is_needed, _ in declared.params if is_needed]
        options = [f"--{each.name}=x" for each in declared.options.values() if each.required]
        parsed = parse((*words, *needed, *options), lang)
        assert parsed.command is declared
        assert set(needed) <= set(parsed.given)
