"""How a directory field's value is made from a record: a small language whose sentences are data.

An expression can look at fields of the one record that it is given, by their exact names, and at nothing else. It has
no loops, no calls into Python, no attributes, no format codes; its text, its depth, its parts and what it yields are
bounded. Admins type it and read it back in the same words:

    name | nickname                                  the first that has a value
    "Contractor"                                     that text
    "{name} ({employee_no})"                         a text with fields in it; empty unless all of them have a value
    lower(email), upper(...), title(...), trim(...)  the same text, spelled otherwise
    lookup(employee_type: 1=Regular, 2=Intern, else Other)
    nothing                                          no value, for anybody
    {extension.T-shirt size}                         a field whose name has spaces or signs
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from chalicelib.core.errors import MalformedError
from chalicelib.core.model import Value

TEXT_LIMIT: Final = 500
MOST_SIGNS: Final = 1000
MOST_DEPTH: Final = 4
MOST_PARTS: Final = 40
MOST_LOOKUPS: Final = 15
LONGEST_NAME: Final = 100
EXAMPLES: Final = " · ".join(
    (
        "name | nickname",
        '"Contractor"',
        '"{name} ({employee_no})"',
        "lower(email)",
        "lookup(employee_type: 1=Regular, 2=Intern, else Other)",
    )
)


class How(StrEnum):
    """What becomes of a text."""

    LOWER = "lower"
    UPPER = "upper"
    TITLE = "title"
    TRIM = "trim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What the source says in one of its fields."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """The same for everybody; "" is no value."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOf:
    """The first that has a value."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Texts and fields, one after the other; no value where one of its fields has none."""

    pieces: tuple[str | Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """A text in other letters; no value where it has none."""

    how: How
    of: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A text for a text. What is in no entry becomes `otherwise`, if that is said; no value stays none."""

    of: Expression
    entries: tuple[tuple[str, str], ...]
    otherwise: str | None = None


Expression = Field | Constant | FirstOf | Template | Spelled | Lookup
# Gives what the source says in a field; raises `Uncovered` where this read does not show it.
Look = Callable[[str], Value]


class Uncovered(Exception):  # noqa: N818 - an answer, and no error: it never leaves the mapping
    """The read does not show a field that an expression has to look at."""


# --- what it yields


def evaluate(expression: Expression, look: Look) -> Value:
    """Make the value; None where there is none.

    Raises:
        Uncovered: from `look`.
        ValueError: a text is too long, or what is no text stands where one must.
    """
    match expression:
        case Field(name=name):
            return look(name)
        case Constant(text=text):
            return text or None
        case FirstOf(of=of):
            return next((value for each in of if not _is_empty(value := evaluate(each, look))), None)
        case Template(pieces=pieces):
            texts = [each if isinstance(each, str) else _text(look(each.name)) for each in pieces]
            return None if None in texts else _bounded("".join(text for text in texts if text))
        case Spelled(how=how, of=of):
            said = _text(evaluate(of, look))
            return None if said is None else _bounded(respelled(how, said))
        case Lookup(of=of, entries=entries, otherwise=otherwise):
            said = _text(evaluate(of, look))
            return None if said is None else dict(entries).get(said, otherwise) or None


def _is_empty(value: Value) -> bool:
    return value is None or value in ("", ())


def respelled(how: How, text: str) -> str:
    match how:
        case How.LOWER:
            return text.lower()
        case How.UPPER:
            return text.upper()
        case How.TITLE:
            return text.title()
        case How.TRIM:
            return " ".join(text.split())


def _text(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value == ():
        return None
    if isinstance(value, tuple):
        raise ValueError("several values are no text")
    return _bounded(str(value).strip()) or None


def _bounded(text: str) -> str:
    if len(text) > TEXT_LIMIT:
        raise ValueError("text is too long")
    return text


# --- what is known of it before any record is seen


def fields_of(expression: Expression) -> tuple[str, ...]:
    """Name the source fields that it may look at, each once."""
    return tuple(dict.fromkeys(each.name for each in _leaves(expression)))


def _leaves(expression: Expression) -> Iterator[Field]:
    match expression:
        case Field():
            yield expression
        case Constant():
            return
        case FirstOf(of=of):
            for each in of:
                yield from _leaves(each)
        case Template(pieces=pieces):
            yield from (each for each in pieces if isinstance(each, Field))
        case Spelled(of=inner) | Lookup(of=inner):
            yield from _leaves(inner)


def outcomes(expression: Expression) -> tuple[Field | str | None, ...]:
    """Tell what it may turn out as: a source field as it is, a text that is known, or None for some other text."""
    match expression:
        case Field():
            return (expression,)
        case Constant(text=text):
            return (text,)
        case FirstOf(of=of):
            return tuple(outcome for each in of for outcome in outcomes(each))
        case Template():
            return (None,)
        case Spelled(how=how, of=of):
            return tuple(respelled(how, each) if isinstance(each, str) else None for each in outcomes(of))
        case Lookup(entries=entries, otherwise=otherwise):
            texts = (text for _, text in entries)
            return (*texts, *(() if otherwise is None else (otherwise,)))


def texts_of(expression: Expression) -> tuple[str, ...]:
    """Name the source fields that it takes for texts: in templates, spellings and lookups."""
    match expression:
        case Field() | Constant():
            return ()
        case FirstOf(of=of):
            return tuple(name for each in of for name in texts_of(each))
        case _:
            return fields_of(expression)


# --- as people read it

_BARE_NAME: Final = re.compile(r"\w[\w.-]{0,99}")
_BARE_TEXT: Final = re.compile(r"""[^\s,=():"'{}|\\]+( [^\s,=():"'{}|\\]+)*""")
_NOTHING: Final = ("nothing", "空")
_ELSE: Final = ("else", "否则")
_LOOKUP: Final = "lookup"


def spell(expression: Expression) -> str:
    """Write it as `parse` reads it."""
    match expression:
        case Field(name=name):
            is_bare = _BARE_NAME.fullmatch(name) and name.casefold() not in _NOTHING
            return name if is_bare else f"{{{name}}}"
        case Constant(text=text):
            return _quoted(_braced(text)) if text else _NOTHING[0]
        case FirstOf(of=of):
            return " | ".join(spell(each) for each in of)
        case Template(pieces=pieces):
            spelled = (_braced(each) if isinstance(each, str) else f"{{{each.name}}}" for each in pieces)
            return _quoted("".join(spelled))
        case Spelled(how=how, of=of):
            return f"{how}({spell(of)})"
        case Lookup(of=of, entries=entries, otherwise=otherwise):
            pairs = [f"{_plain(key)}={_plain(text)}" for key, text in entries]
            pairs += [] if otherwise is None else [f"{_ELSE[0]} {_plain(otherwise)}"]
            return f"{_LOOKUP}({spell(of)}: {', '.join(pairs)})"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(text: str) -> str:
    is_bare = _BARE_TEXT.fullmatch(text) and not any(word.casefold() in _ELSE for word in text.split(" "))
    return text if is_bare else _quoted(text)


# --- as people type it

_SPACES: Final = re.compile(r"\s*")
_CALL: Final = re.compile(r"(\w{1,40})\s*\(")
_WORD: Final = re.compile(r"""[^\s,=()"']+""")
_BRACES: Final = re.compile(rf"\{{([^{{}}]{{1,{LONGEST_NAME}}})\}}")
_QUOTES: Final = "\"'"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TEMPLATE_PIECE: Final = re.compile(r"\{\{|\}\}|" + _BRACES.pattern + r"|[^{}]+")


def parse(text: str, *, field: str = "") -> Expression:
    """Read an expression; `field` is the directory's, for saying whose rule is wrong.

    Quotes around a text with fields may be missing: shells take them off.

    Raises:
        MalformedError: naming the field, and the place where it could not be read on or the bound that was broken.
    """
    if len(text) <= MOST_SIGNS:
        expression = _Reader(" ".join(text.split()), field).whole()
        # Written out, with all its quotes, it must be readable again.
        if len(spell(expression)) <= MOST_SIGNS:
            return expression
    raise MalformedError("expression is too long", field=field, most=MOST_SIGNS)


class _Reader:
    """Reads from left to right, never back; each part that it makes is counted."""

    def __init__(self, text: str, field: str) -> None:
        self._text, self._field = text, field
        self._at = self._depth = self._parts = 0

    def whole(self) -> Expression:
        text = self._text
        if _CONTROL.search(text):
            self._misread()
        if not _BRACES.fullmatch(text) and "{" in text and not set(text) & set(_QUOTES + "|") and not self._call():
            return self._filled(text)
        expression = self._choice()
        if self._at < len(text):
            self._misread()
        return expression

    def _choice(self) -> Expression:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise MalformedError("expression is too deep", field=self._field, most=MOST_DEPTH)
        of = [self._term()]
        while self._takes("|"):
            of.append(self._term())
        self._depth -= 1
        return of[0] if len(of) == 1 else FirstOf(of=tuple(of))

    def _term(self) -> Expression:
        self._count()
        self._skip()
        if self._next() and self._next() in _QUOTES:
            return self._filled(self._string())
        if braced := _BRACES.match(self._text, self._at):
            self._at = braced.end()
            return Field(name=self._name(braced[1]))
        if call := self._call():
            return self._function(call)
        name = _BARE_NAME.match(self._text, self._at)
        if name is None:
            self._misread()
        self._at = name.end()
        self._skip()
        return Constant(text="") if name[0].casefold() in _NOTHING else Field(name=name[0])

    def _call(self) -> re.Match[str] | None:
        return _CALL.match(self._text, self._at)

    def _function(self, call: re.Match[str]) -> Expression:
        name = call[1].casefold()
        if name not in (*How, _LOOKUP):
            facts = {"name": call[1], "functions": ", ".join((*How, _LOOKUP))}
            raise MalformedError("no such function", field=self._field, **facts)
        self._at = call.end()
        of = self._choice()
        if name == _LOOKUP:
            self._expect(":")
            expression: Expression = self._entries(of)
        else:
            expression = Spelled(how=How(name), of=of)
        self._expect(")")
        return expression

    def _entries(self, of: Expression) -> Lookup:
        entries: list[tuple[str, str]] = []
        otherwise: str | None = None
        for key, text in _pairs(self._tokens()):
            if key is None and otherwise is None:
                otherwise = text
            elif not key or text is None or key in dict(entries):
                self._misread()
            else:
                entries.append((key, text))
        if len(entries) > MOST_LOOKUPS:
            raise MalformedError("too many lookup rules", field=self._field, count=len(entries), most=MOST_LOOKUPS)
        if not entries:
            self._misread()
        return Lookup(of=of, entries=tuple(entries), otherwise=otherwise)

    def _tokens(self) -> Iterator[tuple[str, str]]:
        """Yield what stands up to the closing bracket: signs, words, and quoted texts."""
        while True:
            self._skip()
            sign = self._next()
            if not sign or sign in ")(":
                return
            if sign in ",=":
                self._at += 1
                yield sign, sign
            elif sign in _QUOTES:
                yield "text", self._string().strip()
            else:
                word = _WORD.match(self._text, self._at)
                if word is None:
                    self._misread()
                self._at = word.end()
                yield ("else" if word[0].casefold() in _ELSE else "word"), word[0]

    def _string(self) -> str:
        quote = self._next()
        letters: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
            if letter == quote:
                return "".join(letters)
            if letter == "\\" and self._at < len(self._text):
                letter = self._text[self._at]
                self._at += 1
            letters.append(letter)
        self._misread()

    def _filled(self, text: str) -> Expression:
        """Make a template of a text with fields in braces, a constant of one without."""
        pieces: list[str | Field] = []
        at = 0
        while at < len(text):
            piece = _TEMPLATE_PIECE.match(text, at)
            if piece is None:
                self._at = min(self._at, len(self._text))
                self._misread()
            at = piece.end()
            if piece[1] is not None:
                self._count()
                pieces.append(Field(name=self._name(piece[1])))
                continue
            letters = piece[0][0] if piece[0] in ("{{", "}}") else piece[0]
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += letters
            else:
                pieces.append(letters)
        if any(isinstance(each, Field) for each in pieces):
            self._skip()
            return Template(pieces=tuple(pieces))
        constant = "".join(each for each in pieces if isinstance(each, str)).strip()
        self._skip()
        if len(constant) > TEXT_LIMIT:
            raise MalformedError("expression is too long", field=self._field, most=TEXT_LIMIT)
        return Constant(text=constant)

    def _name(self, name: str) -> str:
        if not name.strip():
            self._misread()
        return name.strip()

    def _count(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise MalformedError("expression has too many parts", field=self._field, most=MOST_PARTS)

    def _skip(self) -> None:
        spaces = _SPACES.match(self._text, self._at)
        self._at = spaces.end() if spaces else self._at

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _takes(self, sign: str) -> bool:
        self._skip()
        if self._next() != sign:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            self._misread()

    def _misread(self) -> NoReturn:
        near = self._text[max(0, self._at - 10) : self._at + 20]
        raise MalformedError("expression is misread", field=self._field, near=near, examples=EXAMPLES)


def _pairs(tokens: Iterator[tuple[str, str]]) -> Iterator[tuple[str | None, str | None]]:
    """Yield keys and their texts; "else" has no key, and what is neither has no text.

    Commas may be missing, which chats take off the ends of words: then the last word before a `=` is the key.
    """
    segment: list[tuple[str, str]] = []
    for token in (*tokens, (",", ",")):
        if token[0] != ",":
            segment.append(token)
            continue
        yield from _segment(segment)
        segment = []


def _segment(tokens: list[tuple[str, str]]) -> Iterator[tuple[str | None, str | None]]:
    signs = [at for at, (kind, _) in enumerate(tokens) if kind == "="]
    if tokens and tokens[0][0] == "else":
        yield None, _joined(tokens[2 if signs[:1] == [1] else 1 :])
        return
    if tokens and not signs:
        yield "", None
        return
    for number, at in enumerate(signs):
        begin = 0 if number == 0 else at - 1
        end = signs[number + 1] - 1 if number + 1 < len(signs) else len(tokens)
        value = tokens[at + 1 : end]
        other = next((place for place, (kind, _) in enumerate(value) if kind == "else" and place), None)
        yield _joined(tokens[begin:at]), _joined(value[:other])
        if other is not None and end == len(tokens):
            yield None, _joined(value[other + 1 :])
        elif other is not None:
            yield "", None


def _joined(tokens: list[tuple[str, str]]) -> str | None:
    return " ".join(text for _, text in tokens).strip() if tokens else None
