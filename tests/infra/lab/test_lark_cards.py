"""Card JSON 2.0 in the lab: one test a rule of the contract."""

import json
from typing import Any

import pytest

from infra.lab.lark import cards

Card = dict[str, Any]


def a_button(text: str = "OK", **more: Any) -> Card:
    behaviors = [{"type": "callback", "value": {"command": "help"}}]
    return {"tag": "button", "text": {"tag": "plain_text", "content": text}, "behaviors": behaviors, **more}


def a_table(**more: Any) -> Card:
    return {"tag": "table", "columns": [{"name": "a"}], "rows": [{"a": "1"}], **more}


def a_card(*elements: Card, **more: Any) -> Card:
    shown = elements or ({"tag": "markdown", "content": "hello"},)
    return {"schema": "2.0", "body": {"elements": list(shown)}, **more}


def refused(card: Any) -> str:
    with pytest.raises(cards.CardError) as caught:
        cards.check(card)
    return str(caught.value)


def test_a_whole_card_is_taken() -> None:
    header = {"title": {"tag": "plain_text", "content": "Done"}, "template": "green"}
    config = {"update_multi": True, "width_mode": "fill", "summary": {"content": "Done"}}
    column = {"tag": "column", "width": "auto", "elements": [a_button()]}
    row = {"tag": "column_set", "flex_mode": "flow", "columns": [column]}
    card = a_card({"tag": "hr"}, a_table(page_size=10), row, header=header, config=config)
    assert cards.check(card) is card
    assert [cards.label(each) for each in cards.buttons(card)] == ["OK"]


def test_a_card_is_an_object_of_schema_2() -> None:
    assert "200621" in refused([])
    assert "200830" in refused({"elements": []})


@pytest.mark.parametrize(
    "card",
    [
        a_card(elements=[]),
        a_card(config={"wide_screen_mode": True}),
        a_card(header={"title": {"tag": "plain_text", "content": "x"}, "colour": "red"}),
        a_card(a_button(value={"command": "help"})),
        a_card({"tag": "markdown", "content": "x", "text": "y"}),
        a_card({"tag": "div", "text": {"tag": "plain_text", "content": "x", "bold": True}}),
        a_card(a_table(columns=[{"name": "a", "title": "A"}])),
    ],
    ids=["card", "config", "header", "button", "markdown", "text", "column"],
)
def test_an_unknown_property_is_an_error(card: Card) -> None:
    assert "unknown property" in refused(card)


def test_rows_of_actions_belong_to_the_old_schema() -> None:
    assert "200861" in refused(a_card({"tag": "action", "actions": [a_button()]}))


def test_what_a_component_must_have_is_missed() -> None:
    assert "content is missing" in refused(a_card({"tag": "markdown"}))
    assert "title is missing" in refused(a_card(header={"template": "red"}))


def test_cards_are_shared() -> None:
    assert "update_multi" in refused(a_card(config={"update_multi": False}))


def test_a_card_has_200_elements_at_most() -> None:
    cards.check(a_card(*[{"tag": "hr"}] * 200))
    assert "200 elements" in refused(a_card(*[{"tag": "hr"}] * 201))


def test_a_card_has_30_kb_at_most() -> None:
    room = cards.MOST_BYTES - len(json.dumps(a_card({"tag": "markdown", "content": ""})))
    cards.check(a_card({"tag": "markdown", "content": "x" * room}))
    assert "size" in refused(a_card({"tag": "markdown", "content": "x" * (room + 1)}))


def test_tables_stand_at_the_root() -> None:
    column = {"tag": "column", "elements": [a_table()]}
    assert "root" in refused(a_card({"tag": "column_set", "columns": [column]}))


def test_a_card_has_five_tables_at_most() -> None:
    cards.check(a_card(*[a_table()] * 5))
    assert "11310" in refused(a_card(*[a_table()] * 6))


@pytest.mark.parametrize("size", [0, 11, "5", True])
def test_a_tables_page_has_1_to_10_rows(size: Any) -> None:
    assert "page_size" in refused(a_card(a_table(page_size=size)))


def test_a_row_has_only_what_there_are_columns_for() -> None:
    assert "no such columns" in refused(a_card(a_table(rows=[{"b": "1"}])))


def test_a_cell_is_of_its_columns_type() -> None:
    assert "is no text" in refused(a_card(a_table(rows=[{"a": 1}])))
    numbers = [{"name": "a", "data_type": "number"}]
    assert "is no number" in refused(a_card(a_table(columns=numbers, rows=[{"a": "1"}])))
    cards.check(a_card(a_table(columns=numbers, rows=[{"a": 1}])))


def test_a_table_has_50_columns_at_most() -> None:
    columns = [{"name": f"c{number}"} for number in range(51)]
    assert "columns" in refused(a_card(a_table(columns=columns, rows=[])))


def test_a_button_says_what_it_does_in_behaviors() -> None:
    assert "type" in refused(a_card(a_button(behaviors=[{"type": "submit"}])))
    assert "value" in refused(a_card(a_button(behaviors=[{"type": "callback"}])))
    assert "value" in refused(a_card(a_button(behaviors=[{"type": "callback", "value": 7}])))


def test_a_link_leads_somewhere() -> None:
    script = {"type": "open_url", "default_url": "javascript:alert(1)"}
    assert "default_url" in refused(a_card(a_button(behaviors=[script])))


def test_a_button_confirms_with_title_and_text() -> None:
    words = {"tag": "plain_text", "content": "Sure?"}
    cards.check(a_card(a_button(confirm={"title": words, "text": words})))
    assert "text is missing" in refused(a_card(a_button(confirm={"title": words})))


def test_an_element_id_is_there_once() -> None:
    assert "element_id" in refused(a_card({"tag": "hr", "element_id": "a"}, {"tag": "hr", "element_id": "a"}))


def test_colours_and_kinds_are_those_of_the_vendor() -> None:
    title = {"tag": "plain_text", "content": "x"}
    assert "template" in refused(a_card(header={"title": title, "template": "pink"}))
    assert "type" in refused(a_card(a_button(type="warning")))
