"""`rollcall serve`: the whole deployment in one process."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from chalicelib import log, wiring
from chalicelib.core.errors import SetupError, UsageError
from chalicelib.local.bell import LocalBell
from chalicelib.local.front import Front
from chalicelib.local.serve import Handler, Served
from chalicelib.terminal.screen import Screen

USAGE = "serve [--host 127.0.0.1] [--port 8400]"


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError("command is incomplete", usage=USAGE)


def serve(arguments: Sequence[str], screen: Screen) -> int:
    """Serve until SIGINT or SIGTERM; what is under way then goes on at the next start."""
    import app

    parser = _Arguments(add_help=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8400)
    chosen = parser.parse_args(list(arguments))
    outside = wiring.outside()
    if not os.environ.get("ROLLCALL_LOG_LEVEL"):
        log.configure("INFO")
    queues: list[tuple[LocalBell, Handler]] = []
    for bell, handler in (
        (outside.bell, app.run_sync),
        (outside.delivery_bell, app.deliver),
        (outside.chat_bell, app.converse),
    ):
        if not isinstance(bell, LocalBell):
            raise SetupError("setting is malformed", names="ROLLCALL_TABLE")
        queues.append((bell, handler))

    def on_request(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = app.app(event, context)
        return answer

    try:
        front = Front(chosen.host, chosen.port, on_request, app.app.routes)
    except (OSError, OverflowError) as error:  # taken, not ours to take, or no port at all
        problem = type(error).__name__
        raise SetupError("cannot listen", host=chosen.host, port=chosen.port, problem=problem) from error
    # The browser of this very machine finds our pages there, if nobody told us a better address.
    wiring.use(replace(outside, served_at=front.url.replace("//0.0.0.0:", "//127.0.0.1:")))
    served = Served(front=front, queues=queues, on_tick=app.tick)
    done = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: done.set())
    served.start()
    screen.note(f"serving {front.url} (home {outside.settings.home}); Ctrl-C ends it")
    done.wait()
    if not served.stop():
        # Leaving by the door would wait for the vendor's answer; a kill loses nothing (law 8).
        os._exit(0)
    return 0
