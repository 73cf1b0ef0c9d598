"""Who else shows somebody: what plan, apply and dismissal ask before they take access away (ADR 0007)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.model import Entry, Key, Kind, Link, Remark, State
from chalicelib.core.ports import Directory
from chalicelib.sync.adopt import Enabled, Handles

# By the key that says so, of whom access is to be taken: the entry, and the keys of its other links.
Taking = Mapping[Key, tuple[str, Sequence[Key]]]


def is_here(link: Link) -> bool:
    """Tell whether a source shows somebody with access, or a department as open."""
    return link.state.has_access if link.key.kind is Kind.EMPLOYEE else link.state is not State.LEFT


def showing(entry_id: str, links: Iterable[Link], enabled: Collection[str]) -> frozenset[str]:
    """Name those of the enabled sources by whose links somebody is here.

    What a source that is disabled showed last may be long ago, and it would never take that back.
    """
    here = {link.key.source for link in links if link.entry_id == entry_id and is_here(link)}
    return frozenset(here.intersection(enabled))


def other_keys(entry: Entry, key: Key) -> tuple[Key, ...]:
    """List the keys of the links that an entry has besides this one and its owner's."""
    return tuple(each for each in entry.others if each != key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What other sources show of those from whom access is to be taken; who has no other link costs no read."""

    directory: Directory
    handles: Handles
    enabled: Enabled

    def handles_of(self, entry_id: str, links: Iterable[Link]) -> str:
        """Name the sources that show somebody by one of these links; "" if none does."""
        here = [link for link in links if is_here(link)]
        uids = showing(entry_id, here, self.enabled()) if here else ()
        return ", ".join(sorted(handle for uid, handle in self.handles().items() if uid in uids)) if uids else ""

    def kept(self, taking: Taking) -> Mapping[Key, Remark]:
        """Say of which of these a person decides, as another source shows them."""
        links = self._links(taking)
        shown = {key: self.handles_of(entry_id, links[key]) for key, (entry_id, _) in taking.items()}
        why = "another source shows them"
        return {key: Remark(code=why, facts={"handles": handles}) for key, handles in shown.items() if handles}

    def unheard(self, taking: Taking) -> Sequence[Link]:
        """Find the links by which disabled sources show these, and take their digests off.

        So those are compared in full, and found to be here, when their source is read again.
        """
        links = self._links(taking)
        here = [
            link
            for key, (entry_id, _) in taking.items()
            for link in links[key]
            if link.entry_id == entry_id and is_here(link)
        ]
        disabled = set(self.handles()).difference(self.enabled()) if here else ()
        return [replace(link, digest="") for link in here if link.key.source in disabled and link.digest]

    def _links(self, taking: Taking) -> Mapping[Key, Sequence[Link]]:
        wanted = sorted({other for _, others in taking.values() for other in others})
        found = self.directory.links_of(wanted) if wanted else {}
        return {key: [found[other] for other in others if other in found] for key, (_, others) in taking.items()}
