"""Whatever a forger tries: no fault of ours, nothing stored, nothing told but one refusal, nothing in the log."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure

from chalicelib.connectors.dingtalk import callback as dingtalk_callback
from chalicelib.connectors.lark import envelope as lark_envelope
from tests.callbacks.scene import Scene
from tests.chaos.forgery import (
    KINDS,
    Case,
    another_signature,
    another_time,
    another_token,
    attempts,
    deep,
    replayed,
    shifted_digits,
)

CASES = 25


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_forger_gets_further_than_the_one_refusal(scene: Scene, kind: Callable[[], st.SearchStrategy[Case]]) -> None:
    guard = attempts(kind(), scene, cases=CASES)
    assert guard.tried.total() >= 1


@pytest.mark.parametrize(
    ("where", "name", "weak", "kind"),
    [
        pytest.param("lark.envelope", "is_fresh", lambda stamp, now: True, another_time, id="old events pass"),
        pytest.param("dingtalk.callback", "is_fresh", lambda stamp, now: True, shifted_digits, id="old digits pass"),
        pytest.param(
            "lark.envelope", "_is_signed", lambda *_: True, another_signature, id="nobody looks at signatures"
        ),
        pytest.param("dingtalk.callback", "same", lambda *_: True, another_token, id="all tokens are the same"),
        pytest.param("sealed", "members", json.loads, deep, id="nested without end"),
        pytest.param(
            "lark.callback", "_ids", lambda type_, event: {"x": (str(event),)}, replayed, id="people are kept"
        ),
    ],
)
def test_a_door_that_is_weakened_is_noticed(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    name: str,
    weak: object,
    kind: Callable[[], st.SearchStrategy[Case]],
) -> None:
    module = importlib.import_module(f"chalicelib.connectors.{where}")
    users = [module] if where != "sealed" else [lark_envelope, dingtalk_callback]
    for each in users:
        monkeypatch.setattr(each, name, weak)
    with pytest.raises((AssertionError, FlakyFailure)):  # sealing is random: a replay may fail at another line
        attempts(kind(), scene, cases=200)
