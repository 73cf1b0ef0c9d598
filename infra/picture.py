"""`make picture`: run the demo and keep what its screen said as docs/demo.svg, for the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 132
PICTURE = Path("docs/demo.svg")
# The chapters that say most: what a day changes, and what is held.
FIRST, LAST = "2. The company changes", "An admin looks at the names"
MOST_ROWS = 12


def main() -> None:
    environ = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "LINES": "50"}
    command = [sys.executable, "-m", "infra.demo"]
    done = subprocess.run(  # noqa: S603 - our own program
        command, env=environ, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for line in shortened(done.stdout.splitlines()):
        console.print(Text.from_ansi(line))
    svg = console.export_svg(title="make demo")
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))


def shortened(lines: list[str]) -> list[str]:
    """Keep the chapters from FIRST to LAST, and of a long run of held rows the beginning."""
    start = next(number for number, line in enumerate(lines) if FIRST in line)
    end = next(number for number, line in enumerate(lines) if LAST in line)
    kept: list[str] = []
    held = 0
    for line in lines[start:end]:
        held = held + 1 if "→ left" in line and "held" in line else 0
        if held <= MOST_ROWS:
            kept.append(line)
        elif held == MOST_ROWS + 1:
            kept.append(" …")
    return kept


if __name__ == "__main__":
    main()
