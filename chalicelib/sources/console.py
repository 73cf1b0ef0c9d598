"""Everything to copy into the vendor's console, in the console's own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from chalicelib.core.source import Form, Paste, Source
from chalicelib.sources.draft import Draft

# Label in English, label in 中文, value; a list has a line for each.
Copied = tuple[str, str, str]

# What stands for an address that nobody has told us: ROLLCALL_PUBLIC_URL.
UNKNOWN: Final = "https://..."


def copied(what: Source | Draft, form: Form, public_url: str, egress: Sequence[str]) -> Sequence[Copied]:
    """Name what to paste; egress addresses only where they are fixed."""
    return tuple(_copied(what.handle, form, public_url or UNKNOWN, egress))


def request_url(public_url: str, handle: str, door: str) -> str:
    return f"{public_url or UNKNOWN}/callbacks/{handle}/{door}"


def redirect_url(public_url: str, handle: str) -> str:
    """Name where the vendor sends people back to after a sign-in; reserved until there is one."""
    return f"{public_url or UNKNOWN}/login/{handle}/callback"


def _copied(handle: str, form: Form, public_url: str, egress: Sequence[str]) -> Iterator[Copied]:
    for door, (english, chinese) in form.doors:
        yield english, chinese, request_url(public_url, handle, door)
    for paste, (english, chinese) in form.pastes:
        value = _pasted(paste, handle, public_url, egress)
        if value:
            yield english, chinese, value
    if form.permissions:
        yield "permissions to grant", "需开通的权限", "\n".join(form.permissions)
    if form.events:
        yield "events to subscribe", "需订阅的事件", "\n".join(form.events)


def _pasted(paste: Paste, handle: str, public_url: str, egress: Sequence[str]) -> str:
    match paste:
        case Paste.REDIRECT:
            return redirect_url(public_url, handle)
        case Paste.HOMEPAGE:
            return f"{public_url}/"
        case Paste.DOMAIN:
            return urlsplit(public_url).netloc
        case Paste.EGRESS:
            return "\n".join(egress)
