"""From a chat's text to words, however a phone spells them; never an error, whatever was typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

# No command is longer; what is typed beyond that is not looked at.
LONGEST: Final = 2000
MOST_WORDS: Final = 60

_DOUBLE: Final = '"“”„‟«»「」『』＂〝〞'
_SINGLE: Final = "'‘’‚‛＇"
_SPACING: Final = "，、；。"
_MENTION: Final = re.compile(r"^\s*<at\b[^>]{0,200}>[^<]{0,200}</at>|^\s*<@[^>]{0,200}>", re.IGNORECASE)
_DASHES: Final = re.compile(r"^[—–―]{1,2}(?=[A-Za-z])")
# Ends a word as a sentence does; what is only that is a word (`?`).
_ENDS: Final = "!?.,;"
_OUR_NAME: Final = "rollcall"


class Quoted(str):
    """A word that stood in quotes; `typed` is what stood there, quotes and all."""

    typed: str

    def __new__(cls, word: str, typed: str) -> Quoted:
        quoted = super().__new__(cls, word)
        quoted.typed = typed
        return quoted


def as_typed(words: Sequence[str]) -> str:
    """Spell words as they were typed, with their quotes: for what has a grammar of its own.

    Single quotes around a whole word hold it together and no more, as in a shell.
    """
    return " ".join(each.typed if isinstance(each, Quoted) and each.typed != f"'{each}'" else each for each in words)


def split(text: str) -> tuple[str, ...]:
    """Split what was typed as a shell would, forgivingly: mentions, a slash, the bot's own name and full width are
    taken off, and a quote that is never closed is a letter.
    """
    text = text[:LONGEST]
    while found := _MENTION.match(text):
        text = text[found.end() :]
    pieces = _pieces("".join(map(_plain, text)))
    words = [each for each in (Quoted(piece, typed) if typed else _word(piece) for piece, typed in pieces) if each]
    words = words[:MOST_WORDS]
    while words and words[0].startswith("@"):
        words.pop(0)
    if words and words[-1].casefold() == f"@{_OUR_NAME}":
        words.pop()
    if words and words[0].startswith("/"):
        words[0] = words[0].lstrip("/")
    if words and words[0].casefold() in (_OUR_NAME, ""):
        words.pop(0)
    return tuple(words)


def joined(words: Sequence[str]) -> str:
    """Spell words so that `split` finds them again."""
    return " ".join(_spelled(each) for each in words)


def _spelled(word: str) -> str:
    if isinstance(word, Quoted):
        return word.typed
    is_plain = word and (not set(word) & _NEEDS_QUOTES or _INNER_QUOTES.fullmatch(word))
    return word if is_plain else f'"{_unquoted(word)}"'


def is_chinese(text: str) -> bool:
    return any("\u3400" <= each <= "\u9fff" for each in text[:LONGEST])


# A quote opens a word, or the value of an option; elsewhere it is a letter.
_INNER_QUOTES: Final = re.compile(r"""[^\s"'=](?:[^\s"'=]|=(?!["'])|["'])*""")
_NEEDS_QUOTES: Final = frozenset(" \t\n" + _DOUBLE + _SINGLE + _SPACING)


def _unquoted(word: str) -> str:
    return "".join(each for each in word if each not in _DOUBLE)


def _plain(letter: str) -> str:
    if letter in _DOUBLE:
        return '"'
    if letter in _SINGLE:
        return "'"
    if letter in _SPACING or letter.isspace():
        return " "
    if "\uff01" <= letter <= "\uff5e":
        return chr(ord(letter) - 0xFEE0)
    match unicodedata.category(letter):
        case "Cc":
            return " "
        case "Cf" | "Cs" | "Co" | "Cn":
            return ""
        case _:
            return letter


def _pieces(text: str) -> list[tuple[str, str]]:
    """Split at spaces that are not within quotes, and give what had quotes as it was typed, too.

    A quote opens where a word, or the value of an option, begins.
    """
    pieces: list[tuple[str, str]] = []
    piece: list[str] = []
    is_quoted = False
    at = start = 0
    while at < len(text):
        letter = text[at]
        opens = letter in "\"'" and (not piece or piece[-1] == "=")
        end = text.find(letter, at + 1) if opens else -1
        if end > at:
            piece.append(text[at + 1 : end])
            is_quoted, at = True, end
        elif letter == " ":
            pieces.append(("".join(piece), text[start:at] if is_quoted else ""))
            piece, is_quoted, start = [], False, at + 1
        else:
            piece.append(letter)
        at += 1
    pieces.append(("".join(piece), text[start:] if is_quoted else ""))
    return pieces


def _word(piece: str) -> str:
    piece = _DASHES.sub("--", piece)
    bare = piece.rstrip(_ENDS)
    return bare if any(each.isalnum() for each in bare) else piece
