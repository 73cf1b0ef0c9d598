"""Query and body parameters, read as strictly as the vendor's gateway reads them."""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence

from infra.lab.lark.choices import Choices
from infra.lab.lark.errors import RefusedError, field_violation, page_token_invalid
from infra.lab.wire import Call, JsonObject

# These bytes give "+//+" in base64, and the length of a token is never a multiple of three, so every token shows
# all of "+", "/" and "=" to a client that forgets to encode them.
_PREFIX = b"\xfb\xff\xfe"


class Params:
    """The parameters of one call."""

    def __init__(self, call: Call, choices: Choices) -> None:
        self.call = call
        self._choices = choices

    def arg(self, name: str) -> str:
        return self.call.args[name]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.call.query if key == name]

    def text(self, name: str) -> str:
        """Read a parameter that must be there."""
        values = self.all(name)
        if not values or not values[0]:
            raise field_violation(name, None, f"{name} is required")
        return values[0]

    def one_of(self, name: str, words: Sequence[str]) -> str:
        """Read one of these words; the first is the default."""
        values = self.all(name)
        if not values:
            return words[0]
        if values[0] not in words:
            raise field_violation(name, values[0], f"{name} is optional, options: [{','.join(words)}]")
        return values[0]

    def flag(self, name: str) -> bool:
        values = self.all(name)
        if not values:
            return False
        if values[0] not in ("true", "false"):
            raise field_violation(name, values[0], f"{name} must be true or false")
        return values[0] == "true"

    def size(self, *, default: int, most: int) -> int:
        values = self.all("page_size")
        if not values:
            return default
        if not (values[0].removeprefix("-").isascii() and values[0].removeprefix("-").isdigit()):
            raise field_violation("page_size", values[0], "page_size must be an integer")
        if not 1 <= int(values[0]) <= most:
            if self._choices.page_size_code == 40011:
                raise RefusedError(40011, "page size invalid")
            raise field_violation("page_size", values[0], f"the min value is 1, the max value is {most}")
        return int(values[0])

    def ids(self, name: str, *, most: int = 50) -> list[str]:
        """Read a repeated parameter: at least one value, at most `most`."""
        values = self.all(name)
        if not values or not all(values):
            raise field_violation(name, None, f"{name} is required")
        if len(values) > most:
            raise field_violation(name, len(values), f"the max len is {most}")
        return values

    def offset(self, listing: str) -> int:
        """Read `page_token`: how much of this listing was handed out already."""
        values = self.all("page_token")
        # An empty token is what clients send who always send one; the vendor starts from the front.
        if not values or not values[0]:
            return 0
        try:
            raw = base64.b64decode(values[0], validate=True)
        except (binascii.Error, ValueError):
            raise page_token_invalid() from None
        offset, _, mark = raw.removeprefix(_PREFIX).strip().partition(b":")
        if not offset.isdigit() or mark != _mark(listing, int(offset)):
            raise page_token_invalid()
        return int(offset)

    def body(self) -> JsonObject:
        try:
            document = json.loads(self.call.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise RefusedError(9499, "Invalid parameter type in json: body")
        return document


def page_token(listing: str, offset: int) -> str:
    raw = _PREFIX + b"%d:%s" % (offset, _mark(listing, offset))
    if len(raw) % 3 == 0:
        raw += b" "
    return base64.b64encode(raw).decode()


def _mark(listing: str, offset: int) -> bytes:
    return b"%08x" % zlib.crc32(f"{listing}:{offset}".encode())


def strings(body: JsonObject, name: str, *, most: int) -> list[str]:
    """Read a list of strings out of a body; absent means none."""
    values = body.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise field_violation(name, values, f"{name} must be a list of strings")
    if len(values) > most:
        raise field_violation(name, len(values), f"the max len is {most}")
    return values
