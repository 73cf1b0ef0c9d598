"""`make picture`: run the demo and keep what its screen said as docs/demo.png, for the README.

Needs Chromium and a monospaced font with Chinese (Debian: chromium, fonts-noto-cjk).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 118
LINE_PX, CHARACTER_PX, MARGIN_PX = 18, 8, 40
PICTURE = Path("docs/demo.png")
# What says most of it: a day's changes, and what is held.
CHAPTERS = (("2. The company changes", "One in full"), ("4. A whole branch", "$ rollcall employees"))
MOST_HELD, MOST_APPLIED = 8, 6
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>{stylesheet}
@font-face {{ font-family: Lines; src: local("DejaVu Sans Mono"); unicode-range: U+B7, U+2010-2E7F; size-adjust: 83%; }}
body {{ background: {background}; color: {foreground}; margin: 20px; }}
pre {{ font: 15px/18px Lines, "Noto Sans Mono CJK SC", monospace; }}</style><pre>{code}</pre>"""


def main() -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("a picture needs Chromium: on Debian, apt-get install chromium fonts-noto-cjk")
    environ = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    command = [sys.executable, "-m", "infra.demo"]
    done = subprocess.run(  # noqa: S603 - our own program
        command, env=environ, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lines = [line for chapter in CHAPTERS for line in shortened(done.stdout.splitlines(), *chapter)]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "demo.html"
        page.write_text(as_page(lines), encoding="utf-8")
        size = f"{WIDTH * CHARACTER_PX + MARGIN_PX},{len(lines) * LINE_PX + 2 * MARGIN_PX}"
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
        options = (f"--user-data-dir={folder}", f"--window-size={size}", f"--screenshot={PICTURE.resolve()}")
        subprocess.run([browser, *flags, *options, page.as_uri()], check=True, capture_output=True)  # noqa: S603


def as_page(lines: Sequence[str]) -> str:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere)
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=True)
        return console.export_html(theme=MONOKAI, code_format=PAGE)


def shortened(lines: Sequence[str], first: str, last: str) -> Iterator[str]:
    """Yield the lines from one to another, and of long runs of rows the beginning."""
    start = next(number for number, line in enumerate(lines) if first in line)
    end = next(number for number, line in enumerate(lines) if number > start and last in line)
    held = applied = 0
    for line in lines[start:end]:
        held += "→ left" in line and "held" in line
        applied += " update employee" in line and "applied" in line
        if held > MOST_HELD and "→ left" in line:
            if held == MOST_HELD + 1:
                yield "  …"
            held += 1
        elif applied <= MOST_APPLIED:
            yield line


if __name__ == "__main__":
    main()
