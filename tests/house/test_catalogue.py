"""Every message that can be asked for is there, in both languages, and is given the facts that it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from chalicelib.core import errors
from chalicelib.core.catalogue import CATALOGUE
from tests.house.code import ROOT, at, dotted, modules, nodes

WHERE_MESSAGES_LIVE = ROOT / "chalicelib/core/catalogue.py"
ERRORS = {
    name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.RollcallError)
}
# What errors take that is not a fact.
NOT_FACTS = {"retry_after"}


@dataclass(frozen=True)
class Use:
    """A place where a message is asked for: `codes` is a pattern, `facts` None where they are not in plain sight."""

    where: str
    codes: str
    facts: frozenset[str] | None

    @property
    def spelling(self) -> str:
        return self.codes.replace("\\", "")


def test_every_code_is_in_the_catalogue() -> None:
    wrong = [f"{use.where} asks for {use.spelling!r}" for use in _uses() if not _messages(use)]
    assert not wrong, "\n".join(wrong)


def test_every_message_is_asked_for_somewhere() -> None:
    said = {
        node.value
        for path in modules()
        if path != WHERE_MESSAGES_LIVE
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    patterned = {code for use in _uses() for code in _messages(use)}
    unused = CATALOGUE.keys() - said - patterned
    assert not unused, f"nothing asks for {sorted(unused)}"


def test_both_languages_say_the_same() -> None:
    wrong = [code for code, (english, chinese) in CATALOGUE.items() if _facts(english) != _facts(chinese)]
    assert not wrong, f"the placeholders differ in {wrong}"
    bare = [code for code, texts in CATALOGUE.items() if not all(text.strip() for text in texts)]
    assert not bare, f"a language is missing in {bare}"
    latin = [code for code, (_, chinese) in CATALOGUE.items() if not re.search(r"[\u4e00-\u9fff]", chinese)]
    assert not latin, f"no Chinese in {latin}"


def test_every_message_gets_the_facts_that_it_names() -> None:
    wrong = [
        f"{use.where} asks for {code!r} without {sorted(missing)}"
        for use in _uses()
        if use.facts is not None
        for code in _messages(use)
        if (missing := _facts(CATALOGUE[code][0]) - use.facts)
    ]
    assert not wrong, "\n".join(wrong)


def _messages(use: Use) -> list[str]:
    return [code for code in CATALOGUE if re.fullmatch(use.codes, code)]


def _facts(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def _uses() -> Iterator[Use]:
    for path in modules():
        for node in nodes(path):
            if not isinstance(node, ast.Call):
                continue
            name = dotted(node.func).split(".")[-1]
            keywords = {each.arg: each.value for each in node.keywords}
            if name in ERRORS and node.args:
                code, facts = node.args[0], None if None in keywords else frozenset(map(str, keywords)) - NOT_FACTS
            elif name == "Remark" and "code" in keywords:
                code, facts = keywords["code"], _plain_keys(keywords.get("facts"))
            elif name == "say" and node.args:
                code, facts = node.args[0], _plain_keys(node.args[2]) if len(node.args) > 2 else None
            else:
                continue
            for pattern in _patterns(code):
                yield Use(where=at(path, node.lineno), codes=pattern, facts=facts)


def _patterns(code: ast.expr) -> Iterator[str]:
    """Yield what a literal may turn out as; what is computed elsewhere cannot be seen here."""
    match code:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.IfExp(body=first, orelse=second):
            yield from _patterns(first)
            yield from _patterns(second)
        case ast.JoinedStr(values=values):
            yield "".join(re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".+" for each in values)


def _plain_keys(facts: ast.expr | None) -> frozenset[str] | None:
    match facts:
        case None:
            return frozenset()
        case ast.Dict(keys=keys) if all(isinstance(key, ast.Constant) for key in keys):
            return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant))
        case _:
            return None
