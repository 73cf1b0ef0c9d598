from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import dataclass

import pytest

from chalicelib.core.secret import Secret

TEXT = "xyzzy-s3cret"


@dataclass(frozen=True)
class Holder:
    secret: Secret
    by_name: dict[str, Secret]


def test_it_gives_its_text_only_when_asked() -> None:
    assert Secret(TEXT).reveal() == TEXT


def test_no_way_of_printing_shows_it() -> None:
    secret = Secret(TEXT)
    holder = Holder(secret, {"a": secret})
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", "%s %r" % (secret, secret), str([secret])]  # noqa: UP031 - one of the ways
    shown += [repr(holder), str(holder), repr({"k": (secret,)}), str(dir(secret))]
    assert not [each for each in shown if TEXT in each]


def test_no_log_line_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").warning("secret %s %r", Secret(TEXT), Secret(TEXT), extra={"s": Secret(TEXT)})
    assert TEXT not in caplog.text


def test_no_traceback_shows_it() -> None:
    with pytest.raises(ValueError, match=r"Secret\(\.\.\.\)") as raised:
        raise ValueError(Secret(TEXT))
    assert TEXT not in "".join(traceback.format_exception(raised.value))


def test_it_is_neither_pickled_nor_copied_nor_made_into_json() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(TEXT))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(TEXT))
    with pytest.raises(TypeError):
        json.dumps({"s": Secret(TEXT)})


def test_it_has_no_dictionary_to_be_walked_through() -> None:
    assert not hasattr(Secret(TEXT), "__dict__")


def test_two_are_the_same_by_their_text() -> None:
    assert Secret(TEXT).is_same(Secret(TEXT))
    assert not Secret(TEXT).is_same(Secret(f"{TEXT} "))
    assert not Secret(TEXT).is_same(None)
