"""A link to a page of ours, as each vendor's chat shows it: it stays whatever is left out, and leads nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.connectors.dingtalk.markdown import markdown
from chalicelib.connectors.dingtalk.template import LINES, params
from chalicelib.connectors.lark.card import card, post
from chalicelib.core.reply import Line, Link, Reply
from chalicelib.store.talk import as_outgoing, outgoing_item
from tests.contracts.test_chats import GROUP, an_answer

URL = "https://rollcall.example.com/api/pages/a-b_c.1795349400.MAC-mac_1"


def a_reply(url: str = URL, lines: int = 1) -> Reply:
    blocks = tuple(Line(text=f"line {number} " + "x" * 200) for number in range(lines))
    return Reply(title="New source", blocks=blocks, link=Link(label="Open [the](page)", url=url), data=None)


def test_a_card_has_a_button_that_opens_it() -> None:
    (row,) = [each for each in card(a_reply(lines=900))["body"]["elements"] if each["tag"] == "column_set"]  # type: ignore[index] # a card is JSON
    (button,) = [column["elements"][0] for column in row["columns"]]
    assert button["behaviors"] == [{"type": "open_url", "default_url": URL}]
    assert button["type"] == "primary"


def test_plain_words_have_an_anchor() -> None:
    runs = [run for line in post(a_reply(lines=900))["en_us"]["content"] for run in line]  # type: ignore[index] # JSON, too
    assert {"tag": "a", "text": "Open [the](page)", "href": URL} in runs


@pytest.mark.parametrize("lines", [1, 900])
def test_markdown_has_a_link_whose_label_is_only_text(lines: int) -> None:
    _, text = markdown(a_reply(lines=lines))
    assert f"]({URL})" in text
    assert "[the]" not in text
    filled = params(a_reply(lines=lines))
    assert any(f"]({URL})" in filled[name] for name in LINES)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/ y", "https://x/)[a](b", "data:text/html,x", ""])
def test_what_is_no_plain_address_is_no_link(url: str) -> None:
    shown = json.dumps([card(a_reply(url)), post(a_reply(url)), markdown(a_reply(url)), params(a_reply(url))])
    assert not url or url not in shown


def test_a_link_waits_in_the_store_with_its_answer() -> None:
    answer = replace(an_answer(to=GROUP), reply=a_reply())
    assert as_outgoing(outgoing_item(answer, 0)).reply == a_reply()
