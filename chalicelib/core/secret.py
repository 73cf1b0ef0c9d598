"""A value that must not be seen."""

from __future__ import annotations

import hmac


class Secret:
    """Holds text that never appears when printed, logged, compared in an assertion, or pickled by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def is_same(self, other: Secret | None) -> bool:
        return other is not None and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")
