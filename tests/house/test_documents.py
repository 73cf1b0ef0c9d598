"""What people can use is written down, and what is written down exists."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from chalicelib import wiring
from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.command import COMMANDS
from tests.house.code import ROOT, modules

SETTING = re.compile(r"ROLLCALL_[A-Z_]+[A-Z]")
WRITTEN = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = WRITTEN["project"]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme(readme: str) -> None:
    shown = r"(?:^\s*|`|rollcall ){}(?=`|\s*$|\s{{2,}}|\s+#)"
    missing = [
        each.usage for each in COMMANDS if not re.search(shown.format(re.escape(each.usage)), readme, re.MULTILINE)
    ]
    assert not missing, f"README.md does not show {missing}"


def test_every_command_can_be_typed_in_chinese() -> None:
    latin = [each.usage for each in COMMANDS if not re.search(r"[\u4e00-\u9fff]", "".join(each.zh_words))]
    assert not latin, f"no Chinese words for {latin}"
    twice = [words for words in (each.zh_words for each in COMMANDS) if _times(words) > 1]
    assert not twice, f"two commands answer to {twice}"


def test_every_setting_is_in_the_readme(readme: str) -> None:
    missing = [name for name in sorted(_settings()) if not re.search(rf"\b{name}\b", readme)]
    assert not missing, f"README.md does not tell of {missing}"


def test_a_stage_sets_only_what_is_read() -> None:
    config = json.loads((ROOT / ".chalice/config.json").read_text(encoding="utf-8"))
    for scope in (config, *config["stages"].values()):
        unread = scope["environment_variables"].keys() - _settings()
        assert not unread, f".chalice/config.json sets {sorted(unread)}, which nothing reads"


def test_every_dependency_has_its_line() -> None:
    groups = WRITTEN["dependency-groups"].values()
    direct = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values(), *groups]
    names = {re.split(r"[\[<>=~ ]", each)[0] for group in direct for each in group}
    table = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    lines = set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))
    assert names <= lines, f"docs/dependencies.md has no line for {sorted(names - lines)}"
    gone = lines - names
    assert not gone, f"docs/dependencies.md has lines for {sorted(gone)}, on which nothing depends directly"


def test_there_is_one_version() -> None:
    assert PROJECT["version"] == wiring.VERSION


def _settings() -> frozenset[str]:
    read = [*modules("chalicelib/settings.py"), ROOT / "app.py"]
    return frozenset(name for path in read for name in SETTING.findall(path.read_text(encoding="utf-8")))


def _times(words: tuple[str, ...]) -> int:
    return sum(words in (each.zh_words, each.words) for each in COMMANDS)
