"""What goes over the wire, for any vendor: a call that found its endpoint, an answer, and what an api must offer."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from infra.lab.clock import LabClock
    from infra.lab.injection import Faults
    from infra.lab.push import Pusher

JsonObject: TypeAlias = dict[str, object]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; `endpoint` is the lab's name for the API, `args` the variables in its path."""

    endpoint: str
    method: str
    path: str
    args: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def param(self, name: str) -> str | None:
        """Find a parameter by name in the path, then the query, then the body: JSON or a form."""
        if name in self.args:
            return self.args[name]
        for key, value in self.query:
            if key == name:
                return value
        try:
            document = json.loads(self.body or b"null")
        except ValueError:
            document = dict(parse_qsl(self.body.decode(errors="replace")))
        found = document.get(name) if isinstance(document, dict) else None
        return None if found is None else str(found)


class LabError(Exception):
    """Someone asked the lab for something that cannot be: a mistake in a test or a demo, not a vendor's answer."""


class Workspace(Protocol):
    @property
    def pusher(self) -> "Pusher | None": ...

    # The vendors name their keys differently: a URL, the key, the token, and `trouble`, `choices` by name.
    @property
    def subscribe(self) -> "Callable[..., Pusher]": ...

    def unsubscribe(self) -> None: ...

    def storm(self, n: int, *, seed: int = 0, within_s: float = 60.0) -> JsonObject: ...

    def served_at(self, url: str) -> None: ...

    def hush(self) -> None: ...

    def truth(self) -> Mapping[str, object]: ...

    def do(self, verb: str, args: Mapping[str, object]) -> object: ...


class Api(Protocol):
    calls: Counter[str]
    throttled: Counter[str]
    suspicious: list[str]

    @property
    def clock(self) -> "LabClock": ...

    @property
    def faults(self) -> "Faults": ...

    @property
    def choices(self) -> object: ...

    def handle(
        self, method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one request as the vendor would; `path` is still percent-encoded.

        Raises:
            httpx.TransportError: a fault says that the network failed.
        """
        ...

    def reset_calls(self) -> None: ...
