"""The outside systems: one folder a vendor, one line here.

The strings are resolved when they are first needed, so that importing this package loads no HTTP library: the door
that answers vendors within a second imports it too.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from chalicelib.core.errors import MalformedError, NotFoundError, SourceDeniedError
from chalicelib.core.message import Delivery
from chalicelib.core.ports import Callback, Chat, Clock, Connector, Secrets
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form, Source
from chalicelib.core.task import Hint

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a vendor's folder has, as `module:name` below this package; None for what the vendor has not.

    `doors` are the URLs that the vendor pushes to, each with its one verifier.
    """

    reader: str
    form: str
    doors: Mapping[str, str] = field(default_factory=dict)
    hints: str | None = None
    chat: str | None = None


REGISTRY: Final[Mapping[str, Offer]] = MappingProxyType(
    {
        "lark": Offer(
            reader="lark.reader:LarkReader",
            form="lark.form:FORM",
            doors={"events": "lark.callback:LarkCallback", "cards": "lark.cards:LarkCards"},
            hints="lark.hints:hints",
            chat="lark.chat:LarkChat",
        ),
        "dingtalk": Offer(
            reader="dingtalk.reader:DingTalkReader",
            form="dingtalk.form:FORM",
            doors={
                "events": "dingtalk.callback:DingTalkCallback",
                "chat": "dingtalk.robot:DingTalkRobot",
                "cards": "dingtalk.cards:DingTalkCards",
            },
            hints="dingtalk.hints:hints",
            chat="dingtalk.chat:DingTalkChat",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every reader is given besides its source and secrets.

    `transport` replaces the network. `limit_scale` divides the windows of the client's own limits: for rehearsals
    against a lab whose windows are shortened by the same factor, never for a vendor. `kept` outlives a reader: tokens
    and the logs of the limits, shared by all readers of one process.
    """

    clock: Clock
    transport: httpx.BaseTransport | None = None
    limit_scale: float = 1.0
    in_flight: int = 16
    kept: MutableMapping[str, object] = field(default_factory=dict)


class Hinter(Protocol):
    """What the registry's `hints` strings name."""

    def __call__(self, source: Source, delivery: Delivery) -> Sequence[Hint]: ...


class Opener(Protocol):
    """What the registry's `reader` strings name."""

    def __call__(self, *, source: Source, secrets: Mapping[str, Secret], means: Means) -> Connector: ...


class ChatOpener(Protocol):
    """What the registry's `chat` strings name."""

    def __call__(self, *, source: Source, secrets: Mapping[str, Secret], means: Means) -> Chat: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The `Connectors` port over `REGISTRY`. The fields after `clock` are as in `Means`."""

    secrets: Secrets
    clock: Clock
    transport: httpx.BaseTransport | None = None
    limit_scale: float = 1.0
    in_flight: int = 16
    offers: Mapping[str, Offer] = field(default_factory=lambda: REGISTRY)
    _kept: dict[str, object] = field(default_factory=dict, repr=False)

    def forms(self) -> Sequence[Form]:
        return tuple(self.form(kind) for kind in self.offers)

    def form(self, kind: str) -> Form:
        """Load the form of a kind.

        Raises:
            MalformedError: there is no such kind.
        """
        form = _load(self._offer(kind).form)
        if not isinstance(form, Form):
            raise TypeError(f"the form of {kind} is not a Form")
        return form

    def open(self, source: Source, secrets: Mapping[str, Secret] | None = None) -> Connector:
        """Make the reader of a source; with secrets of its own, nothing that was kept of others is used.

        Raises:
            SourceDeniedError: secrets are missing.
            MalformedError: there is no such kind.
        """
        opener: Opener = _load(self._offer(source.kind).reader)
        if secrets is not None:
            return opener(source=source, secrets=secrets, means=replace(self._means(), kept={}))
        return opener(source=source, secrets=self._secrets(source), means=self._means())

    def chat(self, source: Source) -> Chat:
        """Make the chat of a source's workspace.

        Raises:
            NotFoundError: the kind has no chat.
            SourceDeniedError: secrets are missing.
            MalformedError: there is no such kind.
        """
        spot = self._offer(source.kind).chat
        if spot is None:
            raise NotFoundError("no such door", kind=source.kind, door="chat")
        opener: ChatOpener = _load(spot)
        return opener(source=source, secrets=self._secrets(source), means=self._means())

    def callback(self, kind: str, door: str) -> Callback:
        """Make what opens what a kind's vendor pushes to a door. Loads no HTTP library.

        Raises:
            NotFoundError: the kind has no such door.
            MalformedError: there is no such kind.
        """
        spot = self._offer(kind).doors.get(door)
        if spot is None:
            raise NotFoundError("no such door", kind=kind, door=door[:40])
        callback: Callback = _load(spot)()
        return callback

    def hints(self, source: Source, delivery: Delivery) -> Sequence[Hint]:
        """Tell what a delivery asks for.

        Raises:
            MalformedError: there is no such kind.
        """
        spot = self._offer(source.kind).hints
        if spot is None:
            return ()
        hinter: Hinter = _load(spot)
        return hinter(source, delivery)

    def _secrets(self, source: Source) -> Mapping[str, Secret]:
        secrets = self.secrets.get(source.uid)
        if not secrets:
            raise SourceDeniedError("secrets are missing", handle=source.handle)
        return secrets

    def _means(self) -> Means:
        return Means(
            clock=self.clock,
            transport=self.transport,
            limit_scale=self.limit_scale,
            in_flight=self.in_flight,
            kept=self._kept,
        )

    def _offer(self, kind: str) -> Offer:
        if kind not in self.offers:
            raise MalformedError("unknown kind", kind=kind[:40], kinds=", ".join(sorted(self.offers)))
        return self.offers[kind]


def _load(spot: str) -> Any:
    module, _, name = spot.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
