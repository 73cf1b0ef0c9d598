"""Which departments of a source are looked at. Not a run's extent: that is what one run looks at."""

from __future__ import annotations

from dataclasses import dataclass


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


EVERYTHING = Scope()
