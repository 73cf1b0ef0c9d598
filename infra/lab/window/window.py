"""Serves the page, and what it asks for: what was said in each workspace, its people, and the directory.

The page renders the vendors' own JSON. Everything in it comes from chats and directories, hostile text included: it is
put into the page as text only, and the policy in the headers lets nothing else run or load.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Literal, Protocol

from infra.lab.talk import Talk, Talking
from infra.lab.wire import Answer, JsonObject, LabError

PREFIX = "/window/"
HERE = Path(__file__).parent
# Who wants the directory: called often, so whoever provides it keeps it.
Directory = Callable[[], JsonObject]

_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "markdown.js": ("markdown.js", "text/javascript; charset=utf-8"),
    "cards.js": ("cards.js", "text/javascript; charset=utf-8"),
}
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MOST_FOUND = 50


class Resident(Talking, Protocol):
    """A workspace as the window needs it."""

    lock: threading.RLock

    @property
    def talk(self) -> Talk: ...

    def enter(self, person: str) -> str: ...

    def take_on(self, name: str, department: str) -> str: ...

    def let_go(self, person: str) -> str: ...

    def colleagues(self, text: str, limit: int) -> list[JsonObject]: ...

    def workplaces(self) -> list[JsonObject]: ...

    def looks(self) -> JsonObject: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A workspace in the window; `featured` are people that a newcomer may want to be, with what they are."""

    name: str
    title: str
    vendor: Literal["lark", "dingtalk"]
    workspace: Resident
    featured: Mapping[str, str]


class Window:
    """One page over several workspaces; places may be added while it is served."""

    def __init__(self, directory: Directory | None = None) -> None:
        self._directory = directory
        self._places: dict[str, Place] = {}

    def add(self, place: Place) -> None:
        self._places[place.name] = place

    def handle(
        self, method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        lowered = {name.lower(): value for name, value in headers.items()}
        if not _is_from_here(method, lowered):
            return _json(HTTPStatus.FORBIDDEN, {"error": "the window is for this machine's browser only"})
        try:
            return self._serve(method, path.removeprefix(PREFIX), dict(query), body)
        except (LabError, TypeError, ValueError, LookupError, AttributeError) as error:
            return _json(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _serve(self, method: str, name: str, asked: Mapping[str, str], body: bytes) -> Answer:
        match method, name:
            case ("GET" | "HEAD", file) if file in _FILES:
                path, kind = _FILES[file]
                return Answer(200, {"Content-Type": kind, **_POLICY}, _read(path))
            case "GET", "state":
                return _json(200, self._state(asked.get("seen", "")))
            case "GET", "people":
                workspace = self._place(asked["place"]).workspace
                with workspace.lock:
                    return _json(200, {"people": workspace.colleagues(asked.get("text", ""), _MOST_FOUND)})
            case "GET", "workplaces":
                workspace = self._place(asked["place"]).workspace
                with workspace.lock:
                    return _json(200, {"departments": workspace.workplaces()})
            case "GET", "directory":
                return _json(200, self._directory() if self._directory else {})
            case "POST", "do":
                return _json(200, {"result": self._do(json.loads(body))})
            case _:
                return _json(HTTPStatus.NOT_FOUND, {"error": f"no such page: {name}"})

    def _place(self, name: str) -> Place:
        if name not in self._places:
            raise LabError(f"no such workspace: {name}")
        return self._places[name]

    def _do(self, asked: Mapping[str, str]) -> object:
        workspace = self._place(asked["place"]).workspace
        match asked["verb"]:
            case "say":
                return workspace.say(asked["person"], asked["text"], asked.get("chat", ""))
            case "press":
                return workspace.press(asked["person"], asked["message"], asked["button"])
            case "enter":
                return workspace.enter(asked["person"])
            case "hire":
                return workspace.take_on(asked["name"], asked["department"])
            case "fire":
                return workspace.let_go(asked["person"])
            case verb:
                raise LabError(f"unknown verb {verb!r}")

    def _state(self, seen: str) -> JsonObject:
        places = list(self._places.values())
        version = ".".join(str(place.workspace.talk.version) for place in places)
        if version == seen:
            return {"version": version}
        return {"version": version, "places": [_shown(place) for place in places]}


def _shown(place: Place) -> JsonObject:
    workspace = place.workspace
    with workspace.lock:
        shown = workspace.talk.shown()
        people = {each for chat in workspace.talk.chats.values() for each in chat.people} | set(place.featured)
        return {
            "name": place.name,
            "title": place.title,
            "vendor": place.vendor,
            "names": {each: workspace.name_of(each) for each in people},
            "featured": dict(place.featured),
            **workspace.looks(),
            **shown,
        }


@cache
def _read(name: str) -> bytes:
    return (HERE / name).read_bytes()


def _is_from_here(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a page of ours asks: another site's page can reach this port, too, by its number or by a name."""
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
        return False
    if method in ("GET", "HEAD"):
        return True
    is_ours = headers.get("origin", f"http://{host}") == f"http://{host}"
    return is_ours and headers.get("content-type", "").startswith("application/json")


def _json(status: int, document: object) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8", **_POLICY}
    return Answer(status, headers, json.dumps(document, ensure_ascii=False).encode())
