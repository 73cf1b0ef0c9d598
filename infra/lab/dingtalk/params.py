"""Parameters of a call, read as strictly as the contract says: from a JSON or form body, or the query of a GET."""

import json
from collections.abc import Sequence
from urllib.parse import parse_qsl

from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.errors import bad_argument, department_id_bad, missing, offset_bad, page_size_bad
from infra.lab.wire import Call, JsonObject

# Source: the SDK's limit on `cursor`; the page gives none.
_LAST_CURSOR = 100_000
_FORM = "application/x-www-form-urlencoded"


class Params:
    """The parameters of one call; numbers and booleans may come as text, as they do in a form.

    Raises:
        RefusedError: the body is neither a JSON object nor a form.
    """

    def __init__(self, call: Call, choices: Choices) -> None:
        self.call = call
        self._choices = choices
        self._values: JsonObject = {**fields(call), **call.args}

    def text(self, name: str) -> str:
        """Read a text that must be there."""
        value = self._values.get(name)
        if value is None or value == "":
            raise missing(name)
        if not isinstance(value, str):
            raise bad_argument(name)
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._values.get(name) in (None, "") else self.text(name)

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def mapping(self, name: str) -> JsonObject:
        """Read an object that must be there."""
        value = self._values.get(name)
        if value is None:
            raise missing(name)
        if not isinstance(value, dict):
            raise bad_argument(name)
        return value

    def texts(self, name: str) -> list[str]:
        """Read a list of texts; absent means none."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise bad_argument(name)
        return value

    def one_of(self, name: str, words: Sequence[str]) -> str:
        """Read one of these words; the first is the default."""
        value = self.optional_text(name)
        if value is not None and value not in words:
            raise bad_argument(name)
        return value or words[0]

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Read true or false; without a default it must be there."""
        value = self._values.get(name)
        if value is None:
            if default is None:
                raise missing(name)
            return default
        if isinstance(value, bool):
            return value
        if value not in ("true", "false"):
            raise bad_argument(name)
        return value == "true"

    def integer(self, name: str) -> int | None:
        """Read a whole number; None when it is not there.

        Raises:
            ValueError: something else is there.
        """
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
            return int(value)
        raise ValueError(name)

    def number(self, name: str) -> int:
        try:
            value = self.integer(name)
        except ValueError:
            raise bad_argument(name) from None
        if value is None:
            raise missing(name)
        return value

    def dept_id(self, default: int | None = None) -> int:
        """Read `dept_id`; -7, the home-school contacts, is refused like any that cannot be."""
        try:
            value = self.integer("dept_id")
        except ValueError:
            raise department_id_bad() from None
        value = default if value is None else value
        if value is None:
            raise missing("dept_id")
        if not 0 < value < 2**63:
            raise department_id_bad()
        return value

    def offset(self, name: str, default: int | None = None) -> int:
        try:
            value = self.integer(name)
        except ValueError:
            raise offset_bad() from None
        value = default if value is None else value
        if value is None:
            raise missing(name)
        if not 0 <= value <= _LAST_CURSOR:
            raise offset_bad()
        return value

    def size(self, *, most: int, default: int | None = None) -> int:
        try:
            value = self.integer("size")
        except ValueError:
            raise page_size_bad(self._choices.page_size_code) from None
        value = default if value is None else value
        if value is None:
            raise missing("size")
        if not 1 <= value <= most:
            raise page_size_bad(self._choices.page_size_code)
        return value


def fields(call: Call) -> JsonObject:
    """Read what a call brings: the query of a GET, the body of a POST in either form.

    Raises:
        RefusedError: the body is neither a JSON object nor a form.
    """
    if call.method == "GET":
        return dict(call.query)
    if not call.body:
        return {}
    if is_form(call):
        return dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    try:
        document = json.loads(call.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise bad_argument("body")
    return document


def is_form(call: Call) -> bool:
    return call.headers.get("content-type", "").startswith(_FORM)
