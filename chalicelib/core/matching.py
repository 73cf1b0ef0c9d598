"""By what an entry that is in the directory already is taken for the one that a source shows for the first time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Directory fields in the order in which they are tried; none, and nobody is ever matched.

    An e-mail counts beside another field only, unless `trusts_email`.
    """

    departments: tuple[str, ...] = ()
    employees: tuple[str, ...] = ()
    trusts_email: bool = False


UNMATCHED = Matching()
