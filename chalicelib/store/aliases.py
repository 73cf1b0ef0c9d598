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
# So many digits may be a number with its country code even without a plus sign.
_LONG: Final = 7

_WORD = re.compile(r"\w+")
# A Chinese name, which is written without a space between surname and given name.
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]{2,4}")
# Surnames of two characters that are borne today, those that differ also in their traditional form.
_COMPOUND = re.compile(
    "欧阳|歐陽|司马|司馬|上官|诸葛|諸葛|东方|東方|皇甫|尉迟|尉遲|公孙|公孫|慕容|令狐|司徒|夏侯|长孙|長孫|宇文"
    "|独孤|獨孤|端木|南宫|南宮|西门|西門|东郭|東郭|百里|呼延|轩辕|軒轅|赫连|赫連|澹台|澹臺|濮阳|濮陽|申屠|太史"
    "|钟离|鍾離|闻人|聞人|鲜于|鮮于|淳于|单于|單于|司空|公冶|宗政|拓跋|完颜|完顏|纳兰|納蘭|闾丘|閭丘|万俟|萬俟|第五"
)
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
    if text.isascii():
        return " ".join(text.lower().split())[:LONGEST].rstrip()
    wide = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", wide).split())[:LONGEST].rstrip()


def aliases(kind: Kind, values: Values) -> frozenset[str]:
    """List the folded texts of an entry: only employees are searched for."""
    if kind is not Kind.EMPLOYEE or not values:
        return frozenset()
    texts: set[str] = set()
    for name in ("name", "en_name"):
        folded = fold(_text(values.get(name)))
        texts.update(_from_each_word(folded))
        texts.update(_given_names(folded))
    for name in ("email", "employee_no"):
        texts.add(fold(_text(values.get(name))))
    texts.add(_national(fold(_text(values.get("mobile")))))
    return frozenset(texts - {""})


def questions(text: str) -> tuple[str, ...]:
    """List the folded texts to look for, the likeliest first; none for an empty text."""
    folded = fold(text)
    found = [folded]
    if _PHONE.fullmatch(folded):
        digits = _NOT_DIGITS.sub("", folded)
        found += [digits, _without_code(digits) if len(digits) >= _LONG else _national(folded)]
    return tuple(dict.fromkeys(each for each in found if each))


def _from_each_word(folded: str) -> Iterator[str]:
    """ "ann mary lee" is found by its beginning, by "mary" and "mary lee", and by "lee"."""
    yield folded
    for word in list(_WORD.finditer(folded))[1:MOST_WORDS]:
        yield folded[word.start() :]


def _given_names(folded: str) -> Iterator[str]:
    """ "王小明" is found by "小明", and "欧阳娜" by "娜" too; that 欧 is a surname as well cannot be told apart."""
    if _CHINESE.fullmatch(folded):
        yield folded[1:]
        if _COMPOUND.match(folded):
            yield folded[2:]


def _national(folded: str) -> str:
    """Give the digits of a number without the country code that a plus sign announces."""
    digits = _NOT_DIGITS.sub("", folded)
    return _without_code(digits) if folded.startswith("+") else digits


def _without_code(digits: str) -> str:
    return digits[1 if digits[:1] in ("1", "7") else 2 if digits[:2] in _TWO_DIGITS else 3 :]


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
