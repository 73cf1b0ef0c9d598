"""Which departments of a source are looked at. Not a run's extent: that is what one run looks at."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.core.errors import SetupError
from chalicelib.core.model import Key, Kind
from chalicelib.core.presence import Found, Gone, Presence

# Between the names of a path; a name may have slashes of its own.
STEP: Final = " / "


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A department that was chosen with all below it; `path` is how it was called then, names joined by " / "."""

    external_id: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The chosen departments with their subtrees; everything when there are none."""

    departments: tuple[Chosen, ...] = ()

    @property
    def is_everything(self) -> bool:
        return not self.departments

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(each.external_id for each in self.departments)

    @property
    def digest(self) -> str:
        """Fingerprint which departments were chosen; "" for everything."""
        if self.is_everything:
            return ""
        return hashlib.blake2b("\0".join(sorted(self.ids)).encode(), digest_size=6).hexdigest()

    def keys(self, source: str) -> tuple[Key, ...]:
        return tuple(Key(source, Kind.DEPARTMENT, each.external_id) for each in self.departments)

    def named(self, external_ids: Collection[str]) -> str:
        """Name some of the chosen departments by their paths."""
        return ", ".join(each.path for each in self.departments if each.external_id in external_ids)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDepartment:
    """A department as the vendor lists it. `name` is "" where we may not read names."""

    external_id: str
    name: str


def check_chosen(scope: Scope, handle: str, answers: Mapping[Key, Presence]) -> None:
    """Hold that every chosen department is still there: what lies below one that is gone has not left with it.

    `answers` are what the source says of the chosen departments, asked by name.

    Raises:
        SetupError: naming those that are gone, or that cannot be seen.
    """
    gone = [key.external_id for key, each in answers.items() if isinstance(each, Gone)]
    if gone:
        raise SetupError("chosen department is gone", paths=scope.named(gone), handle=handle)
    unseen = [key.external_id for key, each in answers.items() if not isinstance(each, Found)]
    if unseen:
        raise SetupError("chosen department cannot be seen", paths=scope.named(unseen), handle=handle)


# --- how people name departments


def folded(name: str) -> str:
    """Take from a name, or a path, what does not tell it from others: case, width, spaces around slashes."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "/".join(" ".join(step.split()) for step in text.split("/"))


def steps(path: str) -> tuple[str, ...]:
    """Take a typed path apart; slashes at its ends count for nothing."""
    return tuple(folded(path).strip("/").split("/")) if folded(path).strip("/") else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a department's name fits what was typed: `rest` is what is left of it, `exact` whether nothing was cut."""

    rest: tuple[str, ...]
    exact: bool


def fit(name: str, typed: Sequence[str]) -> Fit | None:
    """Tell whether a department is meant by the first steps of a typed path, in full or by its beginnings."""
    own = tuple(folded(name).split("/"))
    taken = typed[: len(own)]
    if not taken or not all(mine.startswith(theirs) for mine, theirs in zip(own, taken, strict=False)):
        return None
    return Fit(rest=tuple(typed[len(taken) :]), exact=own == tuple(taken))
