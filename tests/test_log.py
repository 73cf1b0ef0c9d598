from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.core.secret import Secret
from chalicelib.log import LONGEST_VALUE, METRICS, JsonLines, bound, configure, place

log = logging.getLogger("chalicelib.tests")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Where Rollcall's log goes while a test runs."""
    ours = logging.getLogger("chalicelib")
    before = (ours.handlers, ours.propagate, ours.level)
    stream = io.StringIO()
    configure("DEBUG", stream)
    yield stream
    ours.handlers, ours.propagate, ours.level = before


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().split("\n") if line]


def test_a_line_is_one_json_object_with_the_event_and_its_facts(written: io.StringIO) -> None:
    log.info("fetched", extra={"pages": 12, "share": 0.5, "whole": True, "nothing": None, "by": {"a": 1}})
    (line,) = lines(written)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "chalicelib.tests",
        "event": "fetched",
        "pages": 12,
        "share": 0.5,
        "whole": True,
        "nothing": None,
        "by": {"a": 1},
    }


def test_what_is_bound_stands_in_every_line_inside_and_none_outside(written: io.StringIO) -> None:
    with bound(source="hq"):
        with bound(task="7"):
            log.info("inner")
        log.info("outer")
    log.info("after")
    inner, outer, after = lines(written)
    assert (inner["source"], inner["task"]) == ("hq", "7")
    assert (outer["source"], "task" in outer) == ("hq", False)
    assert "source" not in after


def test_metrics_are_plain_facts_on_one_machine(written: io.StringIO) -> None:
    log.info("recorded", extra={"status": "done", METRICS: {"SyncSeconds": 1.5}})
    (line,) = lines(written)
    assert (line["status"], line["SyncSeconds"]) == ("done", 1.5)
    assert "_aws" not in line


def test_metrics_of_a_deployment_are_those_of_its_stage(written: io.StringIO) -> None:
    configure("DEBUG", written, stage="prod")
    log.info("recorded", extra={"status": "done", METRICS: {"SyncSeconds": 1.5, "VendorCalls": 7}})
    (line,) = lines(written)
    assert (line["Stage"], line["SyncSeconds"], line["VendorCalls"]) == ("prod", 1.5, 7)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Rollcall",
        "Dimensions": [["Stage"]],
        "Metrics": [{"Name": "SyncSeconds"}, {"Name": "VendorCalls"}],
    }
    assert (
        datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC).isoformat(timespec="milliseconds") == line["at"]
    )


def test_of_an_exception_only_its_type_and_place_are_written(written: io.StringIO) -> None:
    try:
        raise ValueError("ann@example.com is not a mobile")
    except ValueError:
        log.exception("broke")
        log.error("broke", exc_info=True)
    for line in lines(written):
        assert line["error"] == "ValueError"
        assert line["place"].startswith("test_log.py:")
    assert "ann@" not in written.getvalue()


def test_no_stack_and_no_arguments_are_written(written: io.StringIO) -> None:
    secret = "ann@example.com"
    log.info("hello %s", secret, stack_info=True)
    (line,) = lines(written)
    assert line["event"] == "hello %s"
    assert "ann@" not in written.getvalue()


def test_long_values_are_cut_and_odd_ones_are_made_plain(written: io.StringIO) -> None:
    log.info("x" * 500, extra={"long": "y" * 500, "secret": Secret("s3cret"), "list": ["a"], "b": b"\x00"})
    (line,) = lines(written)
    assert len(line["event"]) == len(line["long"]) == LONGEST_VALUE
    assert line["secret"] == "Secret(...)"
    assert "s3cret" not in written.getvalue()


def test_a_value_cannot_begin_a_line_of_its_own(written: io.StringIO) -> None:
    log.info("fetched", extra={"name_of_it": 'a\n{"level": "error"}\u2028b'})
    assert len(lines(written)) == 1


def test_below_the_level_nothing_is_written(written: io.StringIO) -> None:
    configure("WARNING", written)
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(written)] == ["loud"]


def test_configuring_again_does_not_write_twice(written: io.StringIO) -> None:
    configure("INFO", written)
    configure("INFO", written)
    log.info("once")
    assert len(lines(written)) == 1


def test_our_lines_do_not_go_to_other_peoples_handlers(written: io.StringIO) -> None:
    theirs = io.StringIO()
    handler = logging.StreamHandler(theirs)
    logging.getLogger().addHandler(handler)
    log.info("ours")
    logging.getLogger().removeHandler(handler)
    assert (theirs.getvalue(), len(lines(written))) == ("", 1)


def test_a_place_is_file_and_line_of_the_innermost_frame() -> None:
    def inner() -> None:
        raise KeyError("ann")

    with pytest.raises(KeyError) as raised:
        inner()
    name, _, line = place(raised.value).partition(":")
    assert (name, line.isdigit()) == ("test_log.py", True)
    assert place(KeyError("never raised")) == "?"


def test_the_formatter_writes_chinese_as_it_is() -> None:
    record = logging.makeLogRecord({"msg": "同步", "name": "x", "levelname": "INFO"})
    assert "同步" in JsonLines().format(record)
