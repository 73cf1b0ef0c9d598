"""Card JSON 2.0, held to its rules: what the vendor's clients would not take is refused with its sub-code.

Source: Feishu "card JSON 2.0 structure" and the pages of its components. Forms and inputs are not simulated.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from infra.lab.wire import JsonObject

Names: TypeAlias = frozenset[str]

MOST_BYTES = 30 * 1024
MOST_ELEMENTS, MOST_TABLES, MOST_COLUMNS = 200, 5, 50
# Sub-codes, as they stand in the text of 230099.
NOT_A_CARD, NO_SUCH_ELEMENT, TOO_MUCH, OTHER_SCHEMA, BAD_CARD = 200621, 200861, 11310, 200830, 200732


def _names(words: str) -> Names:
    return frozenset(words.split())


_TEMPLATES = _names("blue wathet turquoise green yellow orange red carmine violet purple indigo grey default")
_TYPES = _names("default primary danger text primary_text danger_text primary_filled danger_filled laser")
_DATA_TYPES = _names("text lark_md markdown options number persons date")
_ALIGNS = frozenset(("left", "center", "right"))


class CardError(Exception):
    def __init__(self, sub_code: int, msg: str) -> None:
        super().__init__(f"ErrCode: {sub_code}; ErrMsg: {msg}")
        self.sub_code = sub_code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """The properties that an object may have, and those that it must."""

    may: Names
    must: Names = frozenset()
    words: Mapping[str, Names] = field(default_factory=dict)


_ANY = frozenset({"tag", "element_id", "margin"})
_CARD = _Shape(may=frozenset({"schema", "config", "card_link", "header", "body"}), must=frozenset({"body"}))
_CONFIG = _Shape(
    may=_names(
        "streaming_mode streaming_config summary locales enable_forward update_multi width_mode "
        "use_custom_translation enable_forward_interaction style"
    ),
    words={"width_mode": frozenset({"default", "compact", "fill"})},
)
_HEADER = _Shape(
    may=_names("title subtitle text_tag_list i18n_text_tag_list template icon padding"),
    must=frozenset({"title"}),
    words={"template": _TEMPLATES},
)
_BODY = _Shape(
    may=_names("direction padding horizontal_spacing horizontal_align vertical_spacing vertical_align elements"),
    must=frozenset({"elements"}),
    words={"direction": frozenset({"vertical", "horizontal"})},
)
_TEXT = _Shape(
    may=_names("tag element_id content i18n_content text_size text_color text_align lines"),
    must=frozenset({"tag", "content"}),
)
_CONFIRM = _Shape(may=frozenset({"title", "text"}), must=frozenset({"title", "text"}))
_BEHAVIORS = {
    "callback": _Shape(may=frozenset({"type", "value"}), must=frozenset({"value"})),
    "open_url": _Shape(
        may=frozenset({"type", "default_url", "pc_url", "ios_url", "android_url"}), must=frozenset({"default_url"})
    ),
}
_COLUMN = _Shape(
    may=_ANY
    | _names(
        "background_style width weight horizontal_align vertical_align horizontal_spacing vertical_spacing "
        "direction padding elements action"
    ),
    must=frozenset({"tag", "elements"}),
)
_TABLE_COLUMN = _Shape(
    may=_names("name display_name width data_type horizontal_align vertical_align format date_format"),
    must=frozenset({"name"}),
    words={"data_type": _DATA_TYPES, "horizontal_align": _ALIGNS},
)
_ELEMENTS = {
    "markdown": _Shape(
        may=_ANY | {"content", "i18n_content", "text_align", "text_size", "icon", "href"}, must=frozenset({"content"})
    ),
    "div": _Shape(may=_ANY | {"text", "icon", "width", "fields"}, must=frozenset({"text"})),
    "hr": _Shape(may=_ANY),
    "column_set": _Shape(
        may=_ANY | {"columns", "flex_mode", "background_style", "horizontal_spacing", "horizontal_align", "action"},
        must=frozenset({"columns"}),
        words={"flex_mode": frozenset({"none", "stretch", "flow", "bisect", "trisect"})},
    ),
    "collapsible_panel": _Shape(
        may=_ANY
        | _names(
            "expanded background_color header border direction vertical_spacing vertical_align horizontal_align "
            "horizontal_spacing padding elements"
        ),
        must=frozenset({"header", "elements"}),
    ),
    "table": _Shape(
        may=_ANY
        | {"page_size", "row_height", "row_max_height", "freeze_first_column", "header_style", "columns", "rows"},
        must=frozenset({"columns", "rows"}),
    ),
    "button": _Shape(
        may=_ANY
        | _names(
            "text type size width icon hover_tips disabled disabled_tips confirm behaviors name form_action_type "
            "required"
        ),
        must=frozenset({"text"}),
        words={"type": _TYPES, "size": frozenset({"tiny", "small", "medium", "large"})},
    ),
}


def check(card: object) -> JsonObject:
    """Hold a card against the rules; return it.

    Raises:
        CardError: it breaks one.
    """
    if not isinstance(card, dict):
        raise CardError(NOT_A_CARD, "parse card json err, card is not an object")
    if card.get("schema") != "2.0":
        raise CardError(OTHER_SCHEMA, "only cards of schema 2.0 are simulated here")
    if len(json.dumps(card, ensure_ascii=False).encode()) > MOST_BYTES:
        raise CardError(TOO_MUCH, "card size over limit")
    _shaped(card, _CARD, "card")
    config = _object(card.get("config", {}), "config")
    _shaped(config, _CONFIG, "config")
    if config.get("update_multi", True) is not True:
        raise CardError(BAD_CARD, "schema 2.0 supports shared cards only, update_multi must be true")
    if "summary" in config:
        _shaped(_object(config["summary"], "summary"), _Shape(may=frozenset({"content", "i18n_content"})), "summary")
    if "header" in card:
        _header(_object(card["header"], "header"))
    body = _object(card["body"], "body")
    _shaped(body, _BODY, "body")
    _elements(body["elements"], "body", at_root=True)
    if sum(1 for _ in _tagged(body)) > MOST_ELEMENTS:
        raise CardError(TOO_MUCH, f"card contains more than {MOST_ELEMENTS} elements")
    ids = [each["element_id"] for each in _tagged(card) if "element_id" in each]
    if len(set(map(str, ids))) != len(ids):
        raise CardError(BAD_CARD, "element_id is not unique")
    return card


def buttons(card: Mapping[str, object]) -> list[JsonObject]:
    """List the buttons of a card that was checked, in the order in which they are read."""
    return [each for each in _tagged(card.get("body")) if each.get("tag") == "button"]


def label(button: Mapping[str, object]) -> str:
    text = button.get("text")
    return str(text.get("content", "")) if isinstance(text, dict) else ""


def texts(card: object) -> Iterator[str]:
    """Walk everything in a card in which the client looks for mentions."""
    for each in _tagged(card):
        if each["tag"] in ("markdown", "lark_md"):
            yield str(each.get("content", ""))
        if each["tag"] == "table":
            yield json.dumps(each.get("rows"), ensure_ascii=False)


def _header(header: JsonObject) -> None:
    _shaped(header, _HEADER, "header")
    for name in ("title", "subtitle"):
        if name in header:
            _text(header[name], f"header.{name}")


def _elements(value: object, where: str, *, at_root: bool = False) -> None:
    if not isinstance(value, list):
        raise CardError(NOT_A_CARD, f"{where}.elements is not a list")
    tables = 0
    for number, each in enumerate(value):
        place = f"{where}.elements[{number}]"
        element = _object(each, place)
        tag = element.get("tag")
        shape = _ELEMENTS.get(tag) if isinstance(tag, str) else None
        if shape is None:
            raise CardError(
                NO_SUCH_ELEMENT, f"unsupported tag {tag!r} at {place}, cards of schema V2 no longer have it"
            )
        _shaped(element, shape, place)
        match tag:
            case "table":
                tables += 1
                if not at_root:
                    raise CardError(BAD_CARD, f"a table stands at the root only, not at {place}")
                _table(element, place)
            case "button":
                _button(element, place)
            case "column_set":
                for index, column in enumerate(_list(element["columns"], f"{place}.columns")):
                    here = f"{place}.columns[{index}]"
                    inner = _object(column, here)
                    _shaped(inner, _COLUMN, here)
                    if inner["tag"] != "column":
                        raise CardError(NO_SUCH_ELEMENT, f"a column_set has columns only, not {inner['tag']!r}")
                    _elements(inner["elements"], here)
            case "collapsible_panel":
                _elements(element["elements"], place)
            case "div":
                _text(element["text"], f"{place}.text", markdown=True)
            case "markdown":
                _string(element["content"], f"{place}.content")
    if tables > MOST_TABLES:
        raise CardError(TOO_MUCH, "card table number over limit")


def _button(button: JsonObject, where: str) -> None:
    _text(button["text"], f"{where}.text")
    if "disabled" in button and not isinstance(button["disabled"], bool):
        raise CardError(NOT_A_CARD, f"{where}.disabled is not a boolean")
    if "confirm" in button:
        confirm = _object(button["confirm"], f"{where}.confirm")
        _shaped(confirm, _CONFIRM, f"{where}.confirm")
        for name in ("title", "text"):
            _text(confirm[name], f"{where}.confirm.{name}")
    for number, each in enumerate(_list(button.get("behaviors", []), f"{where}.behaviors")):
        here = f"{where}.behaviors[{number}]"
        behavior = _object(each, here)
        kind = behavior.get("type")
        if not isinstance(kind, str) or kind not in _BEHAVIORS:
            raise CardError(BAD_CARD, f"{here}.type is not one of {sorted(_BEHAVIORS)}")
        _shaped(behavior, _BEHAVIORS[kind], here)
        if kind == "callback" and not isinstance(behavior["value"], dict | str):
            raise CardError(NOT_A_CARD, f"{here}.value is neither an object nor a string")
        if kind == "open_url" and not str(behavior["default_url"]).startswith(("https://", "http://", "lark://")):
            raise CardError(BAD_CARD, f"{here}.default_url is not a link")


def _table(table: JsonObject, where: str) -> None:
    size = table.get("page_size", 5)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= 10:
        raise CardError(BAD_CARD, f"{where}.page_size is not between 1 and 10")
    height = str(table.get("row_height", "low"))
    if height not in ("low", "middle", "high", "auto") and not height.removesuffix("px").isdigit():
        raise CardError(BAD_CARD, f"{where}.row_height is unknown")
    columns = [_object(each, f"{where}.columns") for each in _list(table["columns"], f"{where}.columns")]
    if not 1 <= len(columns) <= MOST_COLUMNS:
        raise CardError(TOO_MUCH, f"{where} has {len(columns)} columns, not 1 to {MOST_COLUMNS}")
    kinds: dict[str, str] = {}
    for each in columns:
        _shaped(each, _TABLE_COLUMN, f"{where}.columns")
        kinds[_string(each["name"], f"{where}.columns.name")] = str(each.get("data_type", "text"))
    if len(kinds) != len(columns):
        raise CardError(BAD_CARD, f"{where} has two columns of one name")
    for number, item in enumerate(_list(table["rows"], f"{where}.rows")):
        row = _object(item, f"{where}.rows[{number}]")
        if unknown := sorted(set(row) - set(kinds)):
            raise CardError(NOT_A_CARD, f"{where}.rows[{number}] has no such columns: {unknown}")
        for name, value in row.items():
            wrong = not isinstance(value, int | float) if kinds[name] == "number" else False
            wrong = wrong or (kinds[name] in ("text", "lark_md", "markdown") and not isinstance(value, str))
            if wrong:
                raise CardError(NOT_A_CARD, f"{where}.rows[{number}].{name} is no {kinds[name]}")


def _text(value: object, where: str, *, markdown: bool = False) -> None:
    text = _object(value, where)
    _shaped(text, _TEXT, where)
    if text["tag"] != "plain_text" and not (markdown and text["tag"] == "lark_md"):
        raise CardError(NO_SUCH_ELEMENT, f"{where} is not plain_text")
    _string(text["content"], f"{where}.content")


def _shaped(value: JsonObject, shape: _Shape, where: str) -> None:
    if unknown := sorted(set(value) - shape.may):
        raise CardError(NOT_A_CARD, f"unknown property {', '.join(unknown)} at {where}")
    if missing := sorted(shape.must - set(value)):
        raise CardError(NOT_A_CARD, f"{', '.join(missing)} is missing at {where}")
    for name, words in shape.words.items():
        if name in value and str(value[name]) not in words:
            raise CardError(BAD_CARD, f"{where}.{name} is not one of {', '.join(sorted(words))}")


def _tagged(value: object) -> Iterator[JsonObject]:
    """Walk all objects with a tag, whatever holds them; values of buttons and rows of tables hold none."""
    if isinstance(value, dict):
        if "tag" in value:
            yield value
        for name, inner in value.items():
            if name not in ("value", "rows"):
                yield from _tagged(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tagged(inner)


def _object(value: object, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise CardError(NOT_A_CARD, f"{where} is not an object")
    return value


def _list(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise CardError(NOT_A_CARD, f"{where} is not a list")
    return value


def _string(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise CardError(NOT_A_CARD, f"{where} is not a text")
    return value
