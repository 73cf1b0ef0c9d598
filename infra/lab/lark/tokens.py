"""Tenant access tokens: how long they live, when a new one is made, and what is said about a bad one.

Source: Feishu "tenant_access_token for custom apps".
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from infra.lab.lark.errors import RefusedError

LIFETIME = timedelta(hours=2)
RENEWAL = timedelta(minutes=30)
_LENGTH = 42


@dataclass(slots=True)
class TokenDesk:
    """Hands out the tokens of one app; the caller holds the lock."""

    app_id: str
    _ends: dict[str, datetime] = field(default_factory=dict)
    _current: str = ""
    _made: int = 0

    def issue(self, now: datetime) -> tuple[str, int]:
        """Give the current token with its remaining seconds, or a new one when less than 30 minutes remain."""
        ends = self._ends.get(self._current)
        if ends is None or ends - now < RENEWAL:
            self._made += 1
            digest = hashlib.sha256(f"{self.app_id}:{self._made}".encode()).hexdigest()
            self._current = f"t-{digest}"[:_LENGTH]
            self._ends = {token: end for token, end in self._ends.items() if end > now}
            ends = self._ends[self._current] = now + LIFETIME
        return self._current, int((ends - now).total_seconds())

    def revoke_all(self) -> None:
        self._ends.clear()
        self._current = ""

    def check(self, authorization: str | None, now: datetime) -> None:
        """Accept a living token.

        Raises:
            RefusedError: there is none, it is of another kind, malformed, unknown or past its end.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise RefusedError(99991661, "Missing access token for authorization")
        if not token.startswith(("t-", "u-")):
            raise RefusedError(99991671, "Invalid access token format, it must start with 't-' or 'u-'")
        if token.startswith("u-"):
            raise RefusedError(99991668, "Invalid access token for authorization: user access token not support")
        if len(token) != _LENGTH:
            raise RefusedError(99991665, "Invalid tenant access token: illegal")
        if (ends := self._ends.get(token)) is None or ends <= now:
            raise RefusedError(99991663, "Invalid access token for authorization: tenant access token invalid")
