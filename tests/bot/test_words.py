from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bot.words import LONGEST, MOST_WORDS, joined, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sync now hq", ("sync", "now", "hq")),
        ("  sync\t now \n hq ", ("sync", "now", "hq")),
        ("/sync now", ("sync", "now")),
        ("@Rollcall sync now", ("sync", "now")),
        ("@Rollcall", ()),
        ("@Rollcall /sync now", ("sync", "now")),
        ("rollcall sync now", ("sync", "now")),
        ("Rollcall", ()),
        ("sync now @rollcall", ("sync", "now")),
        ('<at user_id="ou_1">Rollcall</at> sync now', ("sync", "now")),
        ("<@U12> sync now", ("sync", "now")),
        ("sync\u3000now\u3000hq", ("sync", "now", "hq")),
        ("ｓｙｎｃ　ｎｏｗ", ("sync", "now")),
        ("批准 ４８２１。", ("批准", "4821")),
        ("批准 4821！", ("批准", "4821")),
        ("立即同步，hq", ("立即同步", "hq")),
        ("help!", ("help",)),
        ("status?", ("status",)),
        ("?", ("?",)),
        ("？", ("?",)),
        ('cron "0 2 * * *" hq', ("cron", "0 2 * * *", "hq")),
        ("cron “0 2 * * ?” hq", ("cron", "0 2 * * ?", "hq")),
        ("cron 「0 2 * * *」 hq", ("cron", "0 2 * * *", "hq")),
        ("who ‘Ann Lee’", ("who", "Ann Lee")),
        ("who O'Brien", ("who", "O'Brien")),
        ("who O’Brien", ("who", "O'Brien")),
        ('who "Ann', ("who", '"Ann')),
        ("who 'Ann", ("who", "'Ann")),
        ("record 7 —entry e1", ("record", "7", "--entry", "e1")),
        ("record 7 ——entry e1", ("record", "7", "--entry", "e1")),
        ("record 7 --entry='e 1'", ("record", "7", "--entry=e 1")),
        ("sync\x00now\x1b[31m", ("sync", "now", "[31m")),
        ("sy\u200bnc\u202e now\u2066", ("sync", "now")),
        ("who ann@example.com", ("who", "ann@example.com")),
        ("", ()),
        ("   ", ()),
        ("\ud800", ()),
    ],
)
def test_what_phones_make_of_a_command_is_split_as_it_was_meant(text: str, words: tuple[str, ...]) -> None:
    assert split(text) == words


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    words = split(text)
    assert all(words)
    for word in words:
        assert word.encode()


@given(st.text(alphabet="\"'“”「」 ab=-@/<>\\\n\x00\u202e　", max_size=200))
def test_no_quoting_is_an_error(text: str) -> None:
    assert len(split(text)) <= MOST_WORDS


def test_64_kilobytes_are_cut_to_what_a_command_can_be() -> None:
    for text in ("x" * 65536, "'" * 65536, '" ' * 32768, "王" * 65536, "@a " * 20000, "<at>" * 16384):
        assert sum(map(len, split(text))) <= LONGEST


WORD = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8).filter(
    lambda word: split(word) == (word,)
)


@given(st.lists(st.lists(WORD, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4))
def test_what_is_joined_is_split_again(words: list[str]) -> None:
    assert split(joined(words)) == tuple(words)
