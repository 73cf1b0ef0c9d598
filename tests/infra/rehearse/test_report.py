import io

import pytest
from rich.console import Console

from infra.aws.package import ARCHITECTURES
from infra.rehearse import report
from infra.rehearse.report import LIMITS, Line


def shown(table: object) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


@pytest.mark.parametrize(
    ("machine", "chosen"), [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")]
)
def test_functions_are_packaged_for_this_machine(machine: str, chosen: str) -> None:
    assert report.architecture(machine) == chosen
    assert chosen in ARCHITECTURES


def test_a_machine_that_lambda_has_not_is_named() -> None:
    with pytest.raises(ValueError, match="riscv64"):
        report.architecture("riscv64")


def test_the_table_says_what_was_asked_what_was_seen_and_what_was_not_tried() -> None:
    lines = [
        Line(asked="It goes up", seen="2 stacks", proved=True, seconds=1.23),
        Line(asked="It answers", seen="502: [odd]", proved=False, seconds=0.5),
    ]
    table = shown(report.proved(lines, ["It comes down"]))
    assert "It goes up" in table
    assert "2 stacks" in table
    assert "1.2" in table
    assert "502: [odd]" in table
    rows = [line for line in table.splitlines() if "It " in line]
    assert [row.split("│")[1].strip() for row in rows] == ["yes", "NO", "-"]


def test_every_limit_says_what_stands_for_it() -> None:
    table = shown(report.unproved())
    assert all(what.split(",")[0][:20] in table for what in LIMITS)
    assert all(why for why in LIMITS.values())
