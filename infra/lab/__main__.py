"""`python -m infra.lab`: serve a made-up Lark workspace on this machine until interrupted."""

import argparse
import signal
import threading

from infra.lab.clock import SystemLabClock
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer


def main() -> None:
    asked = _arguments()
    workspace = LarkWorkspace.generate(asked.seed, asked.people, asked.departments, clock=SystemLabClock())
    api = LarkApi(workspace, rate_scale=asked.rate_scale, limits=not asked.no_limits, latency_s=asked.latency)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with LabServer(api, workspace, port=asked.port) as server:
        print(f"Lark lab: {server.url}  ({asked.people} people, {asked.departments} departments, seed {asked.seed})")
        print(f"  app_id      {workspace.app_id}")
        print(f"  app_secret  {workspace.app_secret}")
        print(f"  control     {server.url}/_lab/truth, calls, do, faults, reset-calls", flush=True)
        over.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.lab", description=__doc__)
    parser.add_argument("--port", type=int, default=8500, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=800)
    parser.add_argument("--departments", type=int, default=60)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a call takes")
    parser.add_argument("--rate-scale", type=float, default=1.0, help="shorten the limits' windows by this factor")
    parser.add_argument("--no-limits", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
