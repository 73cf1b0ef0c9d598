"""What a rehearsal proved, and what it cannot prove, as two tables."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from infra.aws.package import ARCHITECTURES

# What only AWS itself shows: where to look there, or what stands for it meanwhile.
LIMITS: Final[Mapping[str, str]] = {
    "IAM beyond a role's own policies": (
        "the emulator weighs the policies of functions' roles; what polls the queues, the gateway and EventBridge work "
        "there as root, and there are no policies of an organisation. infra/aws/policies.py reads every statement"
    ),
    "What a deploying operator may do": "there one is root; docs/security.md lists the rights that it takes in AWS",
    "Cold starts, memory, CPU": "functions are processes of this machine; `make bench` has ratios",
    "Functions on arm64": "they run as what this machine is; only wheels differ, and packaging looks at them",
    "Throttles and quotas": "nothing is ever turned away, by the gateway, Lambda or the table; tests/aws injects it",
    "RecursiveLoop": "there a loop through a queue is not noticed, allowed or not; a test of the template holds it",
    "CloudWatch": (
        "it reads no metrics out of logs, counts neither queues nor gateway nor table, and overlooks dimensions: these "
        "acts read the log and the queues, and set an alarm's state. Periods and missing data are not rehearsed"
    ),
    "Mail of SNS": "nothing is sent; the way into the chat is real",
    "Time": "dead letters wait 1 s between tries instead of minutes, and no hour passes for what is held or missed",
    "A fixed egress address, an own domain, WAF": "no network and no names; cfn-lint reads their part of the template",
    "Encryption, point-in-time recovery": "they are switched on, and nothing is encrypted or restored",
    "China": "one region of one partition; cfn-lint reads the template for cn-north-1, too",
    "The vendors": "both companies are simulated; what a real console lacks, `rollcall test` finds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An act that was played; not `proved`, `seen` says what was wrong."""

    asked: str
    seen: str
    proved: bool
    seconds: float


def architecture(machine: str = "") -> str:
    """Choose for what to package, so that functions can run here.

    Raises:
        ValueError: Lambda has no such machine.
    """
    machine = (machine or platform.machine()).lower()
    known = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}
    chosen = known.get(machine, machine)
    if chosen not in ARCHITECTURES:
        raise ValueError(f"Lambda runs on {' and '.join(ARCHITECTURES)}, not on {machine}")
    return chosen


def proved(lines: Sequence[Line], left_out: Sequence[str]) -> Table:
    table = Table(title="What was proved", title_justify="left", show_lines=True)
    table.add_column("")
    table.add_column("asked", max_width=40)
    table.add_column("seen")
    table.add_column("s", justify="right")
    for line in lines:
        mark, style = ("yes", "green") if line.proved else ("NO", "bold red")
        table.add_row(f"[{style}]{mark}[/]", line.asked, _plain(line.seen), f"{line.seconds:.1f}")
    for asked in left_out:
        table.add_row("[yellow]-[/]", asked, "not tried: an act before it failed", "")
    return table


def unproved() -> Table:
    table = Table(title="What an emulator cannot prove", title_justify="left", show_lines=True)
    table.add_column("what", max_width=40)
    table.add_column("why, and what stands for it")
    for what, why in LIMITS.items():
        table.add_row(what, _plain(why))
    return table


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
