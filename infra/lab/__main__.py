"""`python -m infra.lab`: serve a made-up workspace of one vendor on this machine until interrupted."""

import argparse
import json
import signal
import threading
from collections.abc import Mapping

from infra.lab.clock import SystemLabClock
from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.push import Trouble
from infra.lab.server import LabServer
from infra.lab.window import Place, Window
from infra.lab.wire import Api, LabError, Workspace


def main() -> None:
    asked = _arguments()
    api, workspace, keys = (_dingtalk if asked.vendor == "dingtalk" else _lark)(asked)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    title = {"lark": "Lark", "dingtalk": "DingTalk"}[asked.vendor]
    window = Window()
    if isinstance(workspace, LarkWorkspace | DingTalkWorkspace):
        workspace.enter(workspace.some_person(1))
        window.add(Place(name="lab", title=title, vendor=asked.vendor, workspace=workspace, featured={}))
    with LabServer(api, workspace, port=asked.port, window=window) as server:
        size = f"{asked.people} people, {asked.departments} departments, seed {asked.seed}"
        print(f"{title} lab: {server.url}, window at {server.window_url}  ({size})")
        for name, value in keys.items():
            print(f"  {name:<11} {value}")
        print(f"  control     {server.url}/_lab/truth, calls, do, faults, reset-calls, subscribe, pushes", flush=True)
        if asked.chat:
            _chat(asked, workspace)
        if asked.push:
            _push(asked, api, workspace)
        over.wait()


def _push(asked: argparse.Namespace, api: Api, workspace: Workspace) -> None:
    try:
        trouble = {name: json.loads(value) for name, _, value in (each.partition("=") for each in asked.trouble)}
        workspace.subscribe(
            asked.push, asked.encrypt_key, asked.token, trouble=Trouble(**trouble), choices=api.choices
        ).start()
    except (LabError, TypeError, ValueError) as error:
        raise SystemExit(f"no events are pushed: {error}") from error
    print(f"  pushes to   {asked.push}", flush=True)


def _chat(asked: argparse.Namespace, workspace: Workspace) -> None:
    try:
        if isinstance(workspace, LarkWorkspace):
            workspace.connect_chat(asked.chat, asked.encrypt_key, asked.token)
        elif isinstance(workspace, DingTalkWorkspace):
            workspace.connect_chat(asked.chat)
    except LabError as error:
        raise SystemExit(f"the chat is not connected: {error}") from error
    print(f"  chat goes to {asked.chat}", flush=True)


def _lark(asked: argparse.Namespace) -> tuple[Api, Workspace, Mapping[str, object]]:
    workspace = LarkWorkspace.generate(asked.seed, asked.people, asked.departments, clock=SystemLabClock())
    api = LarkApi(workspace, rate_scale=asked.rate_scale, limits=not asked.no_limits, latency_s=asked.latency)
    return api, workspace, {"app_id": workspace.app_id, "app_secret": workspace.app_secret}


def _dingtalk(asked: argparse.Namespace) -> tuple[Api, Workspace, Mapping[str, object]]:
    workspace = DingTalkWorkspace.generate(
        asked.seed, asked.people, asked.departments, clock=SystemLabClock(), edition=asked.edition
    )
    api = DingTalkApi(workspace, rate_scale=asked.rate_scale, limits=not asked.no_limits, latency_s=asked.latency)
    keys = {name: getattr(workspace, name) for name in ("app_key", "app_secret", "corp_id", "agent_id")}
    return api, workspace, keys


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.lab", description=__doc__)
    parser.add_argument("--vendor", choices=("lark", "dingtalk"), default="lark")
    parser.add_argument("--edition", choices=("standard", "dedicated"), default="standard", help="of DingTalk")
    parser.add_argument("--port", type=int, default=8500, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=800)
    parser.add_argument("--departments", type=int, default=60)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a call takes")
    parser.add_argument("--rate-scale", type=float, default=1.0, help="shorten the limits' windows by this factor")
    parser.add_argument("--no-limits", action="store_true")
    parser.add_argument("--push", metavar="URL", help="push events to this URL of this machine")
    parser.add_argument("--chat", metavar="URL", help="Lark: presses go to this URL; DingTalk: what is said does")
    parser.add_argument("--encrypt-key", default="", help="Lark's Encrypt Key, DingTalk's aes_key")
    parser.add_argument("--token", default="", help="Lark's Verification Token, DingTalk's token")
    parser.add_argument("--trouble", action="append", default=[], metavar="NAME=NUMBER", help="lose=0.1, lag_s=5, ...")
    return parser.parse_args()


if __name__ == "__main__":
    main()
