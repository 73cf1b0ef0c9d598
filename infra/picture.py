"""`make picture`: run the demo and keep pictures for the README: what its screen said, and its chat window.

Needs Chromium and a monospaced font with Chinese (Debian: chromium, fonts-noto-cjk).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 118
LINE_PX, CHARACTER_PX, MARGIN_PX = 18, 8, 40
PICTURE, DESK, PHONE = Path("docs/demo.png"), Path("docs/window.png"), Path("docs/phone.png")
DESK_PX, PHONE_PX = (1360, 900), (390, 844)
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
    environ = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "WINDOW": "1"}
    command = [sys.executable, "-m", "infra.demo"]
    screen: list[str] = []
    demo = subprocess.Popen(  # noqa: S603 - our own program
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert demo.stdout is not None  # noqa: S101 - it was asked for
    for line in demo.stdout:
        screen.append(line.rstrip("\n"))
        if "Ctrl-C" in line:
            break
    found = re.search(r"http://127\.0\.0\.1:\d+/window/", "\n".join(screen))
    if found is None:
        raise SystemExit("the demo did not come to its end")
    with sync_playwright() as playwright:
        look(playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]), found[0])
    demo.send_signal(signal.SIGINT)
    demo.wait(60)
    lines = [line for chapter in CHAPTERS for line in shortened(screen, *chapter)]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "demo.html"
        page.write_text(as_page(lines), encoding="utf-8")
        size = f"{WIDTH * CHARACTER_PX + MARGIN_PX},{len(lines) * LINE_PX + 2 * MARGIN_PX}"
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
        options = (f"--user-data-dir={folder}", f"--window-size={size}", f"--screenshot={PICTURE.resolve()}")
        subprocess.run([browser, *flags, *options, page.as_uri()], check=True, capture_output=True)  # noqa: S603


def look(browser: Browser, url: str) -> None:
    """Take the window's pictures: on a desk the whole of it, on a phone the chat."""
    for (width, height), picture in ((DESK_PX, DESK), (PHONE_PX, PHONE)):
        page = browser.new_page(viewport={"width": width, "height": height}, locale="en-GB")
        page.goto(url)
        page.locator("#chats button[data-chat]").first.click()
        page.wait_for_selector("#posts .card")
        if picture is DESK:
            page.wait_for_selector("#count")
        page.locator("#posts li").last.scroll_into_view_if_needed()
        page.screenshot(path=picture)
        page.close()
    browser.close()


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
