"""One worker in a process of its own, as Lambda runs it: `python -m infra.worker`, and what it took.

Works for the source `hq` of ROLLCALL_HOME, slice after slice, until nothing waits. After each it prints a line of JSON
with what it has taken since it began.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from dataclasses import asdict
from pathlib import Path

import app  # noqa: F401 - a Lambda has imported it before it is woken
from chalicelib import wiring
from chalicelib.core.ports import Table
from chalicelib.local.table import SqliteTable
from chalicelib.store.catalog import TableCatalog
from chalicelib.sync.pulse import MARGIN_S
from infra.bill import CountingTable

HANDLE = "hq"
TABLE = "rollcall"


def main() -> None:
    asked = _arguments()
    began, used, imports_mb = time.monotonic(), _cpu_s(), _peak_mb()
    counted = choose(asked.dynamodb, bills=asked.bill)
    source = wiring.outside().catalog.source(HANDLE).uid
    is_over = False
    while not is_over:
        is_over = work_off(source, asked.slice)
        report = {
            "over": is_over,
            "cpu_s": _cpu_s() - used,
            "wall_s": time.monotonic() - began,
            "imports_mb": imports_mb,
            "peak_mb": _peak_mb(),
            "bill": None if counted is None else asdict(counted.bill),
        }
        print(json.dumps(report), flush=True)


def work_off(source: str, slice_s: float) -> bool:
    """Work until nothing waits, or for so many seconds; tell whether nothing waits."""
    began, runner = time.monotonic(), wiring.runner()

    def left_s() -> float:
        """Tell what Lambda would: a worker stops when less than its margin is left."""
        return MARGIN_S + slice_s - (time.monotonic() - began)

    while (again := runner.wake(source, left_s)) is not None:
        time.sleep(again)  # another worker may be at it, or dead: the bell rings later
        if left_s() < MARGIN_S:
            return False
    return True


def choose(dynamodb: str = "", *, bills: bool = False) -> CountingTable | None:
    """Choose by the environment, and if wanted another engine than SQLite, or one that is counted."""
    wiring.use(None)
    out = wiring.outside()
    if not dynamodb and not bills:
        return None
    table = _dynamo(dynamodb) if dynamodb else _table(out)
    counted = CountingTable(table) if bills else None
    wiring.use(wiring.around(out.settings, counted or table, out.secrets, out.bell, out.clock, out.connectors))
    return counted


def leave() -> None:
    """Forget what was chosen, and close it."""
    out = wiring.outside()
    wiring.use(None)
    close(out)


def close(out: wiring.Outside) -> None:
    """Close the file beneath, which another process is about to open, or to copy.

    A process that opens it twice loses its locks when one of the two is closed.
    """
    table = _table(out)
    if isinstance(table, SqliteTable):
        table.close()


def _table(out: wiring.Outside) -> Table:
    assert isinstance(out.catalog, TableCatalog)  # noqa: S101 - all stores are put around one table
    return out.catalog.table


def _dynamo(url: str) -> Table:
    """Reach a DynamoDB on this machine, which lets anybody in."""
    from chalicelib.aws.table import DynamoTable
    from infra.engines import clients_at

    return DynamoTable(TABLE, clients_at(url).dynamodb, clock=wiring.outside().clock)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """Tell the most memory that this program has had; what getrusage tells is never less than its parent's."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:  # another system than Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.worker", description=__doc__)
    parser.add_argument("--slice", type=float, default=math.inf, metavar="SECONDS", help="of each; 0 is one step")
    parser.add_argument("--dynamodb", default="", metavar="URL", help="keep everything in a DynamoDB there")
    parser.add_argument("--bill", action="store_true", help="count items and request units, which takes time itself")
    return parser.parse_args()


if __name__ == "__main__":
    main()
