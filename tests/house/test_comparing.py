"""At the doors for pushed callbacks, secrets and signatures are compared in one way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.code import ROOT, at, dotted, modules, nodes

SECRET = re.compile(
    r"(?<![a-z])(tokens?|secrets?|sign(ed|ature)?|(hex)?digest|h?mac|padding|owner|told|revealed|aes_key)(?![a-z])"
)
# What opens a door of a vendor, and what its doors share.
OPENS = {"callback.py", "cards.py", "envelope.py", "robot.py"}
COMPARES = ROOT / "chalicelib/connectors/sealed.py"


def at_the_doors() -> Iterator[Path]:
    yield from modules("chalicelib/callbacks")
    for path in modules("chalicelib/connectors"):
        if path == COMPARES or path.name in OPENS:
            yield path


def test_secrets_and_signatures_are_compared_by_compare_digest_only() -> None:
    wrong = [f"{at(path, line)} compares {what}" for path in at_the_doors() for line, what in compared(nodes(path))]
    assert not wrong, "\n".join(wrong)


def test_comparing_stands_in_one_place() -> None:
    calls = [
        path
        for path in modules("chalicelib/connectors")
        for node in nodes(path)
        if isinstance(node, ast.Call) and dotted(node.func).endswith("compare_digest")
    ]
    assert calls
    assert set(calls) == {COMPARES}


@pytest.mark.parametrize(
    "code",
    [
        "token == given",
        "given != self._token",
        "hashlib.sha256(x).hexdigest() == given",
        "header['signature'] == given",
        "secrets['token'].reveal() == given",
        "message.get('token') == given",
        "given in (token, other)",
        "signature in accepted",
        "revealed(secrets, 'x') is given",
        "token.startswith(given)",
        "re.fullmatch(token, given)",
        "match token:\n    case 'x': pass",
    ],
)
def test_the_rule_sees_what_it_is_for(code: str) -> None:
    assert list(compared(ast.walk(ast.parse(code))))


@pytest.mark.parametrize("code", ["name in secrets", "not token", "same(token, given)", "size <= block", "kind == 'x'"])
def test_the_rule_sees_nothing_else(code: str) -> None:
    assert not list(compared(ast.walk(ast.parse(code))))


def compared(every: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    for node in every:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                for op, other in zip(ops, others, strict=True):
                    sides = [left, other]
                    if isinstance(op, ast.In | ast.NotIn) and isinstance(other, ast.Name):
                        sides = [left]  # a name of a mapping is no value of it
                    elif not isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn):
                        continue
                    yield from ((node.lineno, ast.unparse(side)) for side in sides if _is_secret(side))
            case ast.Match(subject=subject) if _is_secret(subject):
                yield subject.lineno, ast.unparse(subject)
            case ast.Call(func=ast.Attribute(value=value, attr="startswith" | "endswith" | "find" | "index" | "count")):
                if _is_secret(value):
                    yield node.lineno, ast.unparse(value)
            case ast.Call(func=ast.Attribute(attr="fullmatch" | "match" | "search"), args=[first, _, *_]):
                if _is_secret(first):  # as a pattern; its own shape may be looked at
                    yield node.lineno, ast.unparse(first)


def _is_secret(node: ast.expr) -> bool:
    return SECRET.search(ast.unparse(node).lower().replace("_", " ").replace("aes key", "aes_key")) is not None
