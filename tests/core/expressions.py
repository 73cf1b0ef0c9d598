"""Expressions as hypothesis draws them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from chalicelib.core.expression import (
    Constant,
    Expression,
    Field,
    FirstOf,
    How,
    Lookup,
    Spelled,
    Template,
)

NAMES = ("name", "nick", "mail", "no", "homes", "extension.T-shirt size", "nothing", "lower", 'a"b', "a|b", "成本中心")
_LETTERS = st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), blacklist_characters="\x85")


def _words(least: int) -> st.SearchStrategy[str]:
    """Texts of words with single spaces between them: what is typed has no others."""
    return st.lists(st.text(_LETTERS, min_size=1, max_size=8), min_size=least, max_size=3).map(" ".join)


fields = st.sampled_from(NAMES).map(lambda name: Field(name=name))
constants = _words(0).map(lambda text: Constant(text=text))


@st.composite
def templates(draw: st.DrawFn) -> Template:
    pieces: list[str | Field] = [draw(fields)]
    for _ in range(draw(st.integers(0, 3))):
        if isinstance(pieces[-1], Field) and draw(st.booleans()):
            pieces.append(draw(_words(1)))
        pieces.append(draw(fields))
    return Template(pieces=tuple(pieces))


@st.composite
def lookups(draw: st.DrawFn, of: st.SearchStrategy[Expression]) -> Lookup:
    keys = draw(st.lists(_words(1), min_size=1, max_size=4, unique=True))
    entries = tuple((key, draw(_words(0))) for key in keys)
    return Lookup(of=draw(of), entries=entries, otherwise=draw(st.none() | _words(0)))


def _one(of: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    spelled: Callable[[Expression, How], Spelled] = lambda inner, how: Spelled(how=how, of=inner)  # noqa: E731
    return st.one_of(fields, constants, templates(), lookups(of), st.builds(spelled, of, st.sampled_from(How)))


def _choice(of: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(of, st.lists(of, min_size=2, max_size=3).map(lambda each: FirstOf(of=tuple(each))))


_FLAT = _choice(st.one_of(fields, constants, templates()))
EXPRESSIONS: st.SearchStrategy[Expression] = _choice(_one(_choice(_one(_FLAT))))
