"""The texts by which an employee is found, and how a question is brought into the same form.

Aliases are derived from an entry's values, so a change of values says which to delete and which to write.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from chalicelib.core.model import Kind, Value, Values

LONGEST: Final = 100
MOST_WORDS: Final = 6

_WORD = re.compile(r"\w+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()\-]+")
_NOT_DIGITS = re.compile(r"[^0-9]")
# Country calling codes of two digits; 1 and 7 have one, all others three. Source: ITU-T E.164, list of assigned codes.
_TWO_DIGITS: Final = frozenset(
    str(code)
    for codes in ((20, 27), range(30, 35), (36, 39), (40, 41), range(43, 50), range(51, 59), range(60, 67))
    for code in codes
) | {"81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98"}


def fold(text: str) -> str:
    """Make case, width and spacing not matter."""
    wide = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", wide).split())[:LONGEST].rstrip()


def aliases(kind: Kind, values: Values) -> frozenset[str]:
    """List the folded texts of an entry: only employees are searched for."""
    if kind is not Kind.EMPLOYEE or not values:
        return frozenset()
    texts: set[str] = set()
    for name in ("name", "en_name"):
        texts.update(_from_each_word(fold(_text(values.get(name)))))
    for name in ("email", "employee_no"):
        texts.add(fold(_text(values.get(name))))
    texts.update(_numbers(fold(_text(values.get("mobile")))))
    return frozenset(texts - {""})


def questions(text: str) -> tuple[str, ...]:
    """List the folded texts to look for, the likeliest first; none for an empty text."""
    folded = fold(text)
    found = [folded]
    if _PHONE.fullmatch(folded):
        found += sorted(_numbers(folded), key=len, reverse=True)
    return tuple(dict.fromkeys(each for each in found if each))


def _from_each_word(folded: str) -> Iterator[str]:
    """ "ann mary lee" is found by its beginning, by "mary" and "mary lee", and by "lee"."""
    yield folded
    for word in list(_WORD.finditer(folded))[1:MOST_WORDS]:
        yield folded[word.start() :]


def _numbers(folded: str) -> frozenset[str]:
    """Give the digits of a number, with and without the country code that a plus sign announces."""
    digits = _NOT_DIGITS.sub("", folded)
    if not folded.startswith("+"):
        return frozenset({digits})
    code = 1 if digits[:1] in ("1", "7") else 2 if digits[:2] in _TWO_DIGITS else 3
    return frozenset({digits, digits[code:]})


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
