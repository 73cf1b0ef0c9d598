"""What rooms reach outside, and the engines below it: not in `wiring`, so that `import app` need not describe them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.core.ports import (
        Admins,
        Audit,
        Bell,
        Board,
        Catalog,
        Chats,
        Clock,
        Connectors,
        Directory,
        Doors,
        Estate,
        Inbox,
        Logos,
        Meter,
        Pages,
        Secrets,
        Table,
        Tasks,
    )
    from chalicelib.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What the store is put around, and what stands beside it."""

    settings: Settings
    table: Table
    secrets: Secrets
    connectors: Connectors
    bell: Bell
    delivery_bell: Bell
    chat_bell: Bell
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorstep:
    """The part of Outside that taking in a callback needs. To load the rest takes longer than a vendor's answer."""

    catalog: Catalog
    inbox: Inbox
    doors: Doors
    chats: Chats
    secrets: Secrets
    connectors: Connectors
    delivery_bell: Bell
    chat_bell: Bell
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything that rooms reach through ports. `served_at` is our address on one machine, for its own browser."""

    settings: Settings
    catalog: Catalog
    directory: Directory
    tasks: Tasks
    audit: Audit
    inbox: Inbox
    doors: Doors
    chats: Chats
    admins: Admins
    board: Board
    meter: Meter
    logos: Logos
    estate: Estate
    pages: Pages
    secrets: Secrets
    connectors: Connectors
    bell: Bell
    delivery_bell: Bell
    chat_bell: Bell
    clock: Clock
    served_at: str = ""
