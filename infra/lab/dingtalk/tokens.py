"""Access tokens: how long they live, how they are renewed, and what is said about a bad one.

Source: DingTalk "obtain the access token of an internal app"; one token serves both hosts.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.errors import token_blank, token_dead

LIFETIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class _Lease:
    ends: datetime
    scopes: frozenset[str]


@dataclass(slots=True)
class TokenDesk:
    """Hands out the tokens of one app; the caller holds the lock."""

    app_key: str
    choices: Choices
    _leases: dict[str, _Lease] = field(default_factory=dict)
    _current: str = ""
    _made: int = 0

    def issue(self, now: datetime, granted: frozenset[str]) -> tuple[str, int]:
        """Give the current token with its time renewed, or a new one when it is over; tells seconds too."""
        lease = self._leases.get(self._current)
        scopes = granted
        if lease is None or lease.ends <= now:
            self._made += 1
            self._current = hashlib.sha256(f"{self.app_key}:{self._made}".encode()).hexdigest()[:32]
        elif self.choices.new_permission == "new_token":
            scopes = lease.scopes
        self._leases[self._current] = _Lease(now + LIFETIME, scopes)
        return self._current, int(LIFETIME.total_seconds())

    def revoke_all(self) -> None:
        self._leases.clear()
        self._current = ""

    def check(self, token: str | None, now: datetime, granted: frozenset[str]) -> frozenset[str]:
        """Accept a living token, and tell the permissions it stands for.

        Raises:
            RefusedError: there is none, it is unknown or past its end.
        """
        if not token:
            raise token_blank()
        lease = self._leases.get(token)
        if lease is None or lease.ends <= now:
            said = self.choices.token_error
            code = 40014 if lease is None else 42001
            raise token_dead(int(said) if said.isdigit() else code)
        # A permission taken away is gone at once, whatever the token's age.
        return granted if self.choices.new_permission == "at_once" else granted & lease.scopes
