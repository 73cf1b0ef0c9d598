"""Secrets on their way from an old value to a new one.

The vendor's console switches to a new secret at its own moment, some time before or after it was given to us. So of the
secrets by which callbacks are proven the old value is kept beside the new one, under `<name>~<until>`, until something
came that only the new one opens, or a week has passed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

from chalicelib.core.errors import SignatureError
from chalicelib.core.secret import Secret

KEPT_FOR: Final = timedelta(days=7)
# Of one secret; whoever replaces it a third time before the console has switched means the last two.
MOST_OLD: Final = 2

_MARK: Final = "~"
_NONE: Final = Secret("")

T = TypeVar("T")


def current(secrets: Mapping[str, Secret]) -> Mapping[str, Secret]:
    """Leave the old values out."""
    return {name: secret for name, secret in secrets.items() if _MARK not in name}


def rotated(
    before: Mapping[str, Secret], new: Mapping[str, Secret], overlapping: Collection[str], now: datetime
) -> Mapping[str, Secret]:
    """Put new secrets in the place of those before; of `overlapping` ones the old stay beside them for a week.

    An empty one takes away the one there is. That there is none is a value, too: the vendor's console may know of none
    for a while, or of one that is gone here.
    """
    kept = {name: secret for name, secret in before.items() if not _is_over(name, now)}
    until = (now + KEPT_FOR).isoformat()
    for name, secret in new.items():
        old = before.get(name, _NONE)
        if name in overlapping and old.reveal() != secret.reveal():
            kept[f"{name}{_MARK}{until}"] = old
        if secret.reveal():
            kept[name] = secret
        else:
            kept.pop(name, None)
        for spare in _olds(kept, name)[:-MOST_OLD]:
            del kept[spare]
    return kept


def settled(secrets: Mapping[str, Secret], needless: Collection[str], now: datetime) -> Mapping[str, Secret]:
    """Leave out those old values, as `opened_by` names them, and those whose week is over."""
    return {
        name: secret
        for name, secret in secrets.items()
        if _MARK not in name or not (name in needless or _is_over(name, now))
    }


def waiting(secrets: Mapping[str, Secret], now: datetime) -> Collection[str]:
    """Name the secrets whose old value still counts, too."""
    return {name.partition(_MARK)[0] for name in secrets if _MARK in name and not _is_over(name, now)}


def opened_by(
    open_: Callable[[Mapping[str, Secret]], T], secrets: Mapping[str, Secret], now: datetime
) -> tuple[T, frozenset[str]]:
    """Open something with the new secrets or, where that fails, with old ones.

    Names also the old values that can go, each as it is kept, for a secret may be replaced once more before they do:
    those that would not have opened this in the place of the new one, and those whose week is over.

    Raises:
        SignatureError: nothing opens it. It is the same error, whatever was tried.
    """
    names = sorted(waiting(secrets, now))
    over = frozenset(name for name in secrets if _is_over(name, now))
    if not names:
        return open_(current(secrets)), over
    refused = SignatureError("callback refused")
    for candidate in _candidates(secrets, names, now):
        try:
            opened = open_(candidate)
        except SignatureError as error:
            refused = error
            continue
        return opened, over.union(*(_needless(open_, candidate, secrets, each, now) for each in names))
    raise refused


def _candidates(secrets: Mapping[str, Secret], names: Collection[str], now: datetime) -> Iterator[Mapping[str, Secret]]:
    """Yield every choice of a new or old value for each name, all the new ones first."""
    plain = current(secrets)
    values = [[plain.get(name, _NONE), *(secrets[old] for old in _valid(secrets, name, now))] for name in names]
    for chosen in itertools.product(*values):
        yield {**plain, **dict(zip(names, chosen, strict=True))}


def _needless(
    open_: Callable[[Mapping[str, Secret]], object],
    candidate: Mapping[str, Secret],
    secrets: Mapping[str, Secret],
    name: str,
    now: datetime,
) -> Iterator[str]:
    """Name the old values of a secret by which this would not have been opened, if the new one has opened it."""
    if candidate[name] is not secrets.get(name, _NONE):
        return
    for old in _valid(secrets, name, now):
        try:
            open_({**candidate, name: secrets[old]})
        except SignatureError:
            yield old


def _valid(secrets: Mapping[str, Secret], name: str, now: datetime) -> list[str]:
    return [each for each in reversed(_olds(secrets, name)) if not _is_over(each, now)]


def _olds(secrets: Mapping[str, Secret], name: str) -> list[str]:
    """Name the old values of a secret, the oldest first."""
    return sorted(each for each in secrets if each.startswith(f"{name}{_MARK}"))


def _is_over(name: str, now: datetime) -> bool:
    _, mark, until = name.partition(_MARK)
    return bool(mark) and datetime.fromisoformat(until) <= now
