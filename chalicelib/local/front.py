"""An HTTP front for one machine: turns requests into the events that API Gateway would send.

`chalice local` is not used: it answers routes only, and waits 40 ms on every kept-alive request.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chalicelib.log import place

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 10 * 1024 * 1024  # what API Gateway lets through
Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


class Context:
    """What a Lambda context tells, for a machine whose only limit is that it is asked to stop."""

    function_name = "local"
    memory_limit_in_mb = "0"
    aws_request_id = "local"

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop

    def get_remaining_time_in_millis(self) -> int:
        return 0 if self._stop is not None and self._stop.is_set() else 3_600_000


class Front(ThreadingHTTPServer):
    """Serves `handler`, a Lambda entry point that takes API Gateway proxy events (version 1)."""

    daemon_threads = True

    def __init__(self, host: str, port: int, handler: Handler, routes: Mapping[str, object]) -> None:
        self.handler = handler
        self.routes = routes
        super().__init__((host, port), _Requests)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class _Requests(BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        told = self.headers.get("content-length") or "0"
        if not told.isascii() or not told.isdigit():
            self._refuse(400)
            return
        length = int(told)
        if length > LARGEST_BODY_BYTES:
            self._refuse(413)
            return
        body = self.rfile.read(length)
        resource, parameters = _match(parts.path, self.server.routes)
        if resource is None:
            self._refuse(404)
            return
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        event = {
            "resource": resource,
            "path": parts.path,
            "httpMethod": self.command,
            "headers": dict(self.headers.items()),
            "multiValueHeaders": {name: self.headers.get_all(name) for name in self.headers},
            "queryStringParameters": dict(pairs) or None,
            "multiValueQueryStringParameters": {name: [v for n, v in pairs if n == name] for name, _ in pairs} or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": self.command,
                "path": parts.path,
                "identity": {"sourceIp": self.client_address[0]},
            },
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }
        try:
            answer = self.server.handler(event, Context())
        except Exception as error:
            # What it says may quote people; Lambda would answer 502 too.
            log.error("handler broke", extra={"kind": type(error).__name__, "place": place(error)})
            self._refuse(502)
            return
        text = answer.get("body") or ""
        sent = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        self.send_response(int(answer["statusCode"]))
        for name, value in (answer.get("headers") or {}).items():
            self.send_header(name, value)
        for name, values in (answer.get("multiValueHeaders") or {}).items():
            for value in values:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self.send_error(status)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Keep paths and addresses out of the log."""


def _match(path: str, routes: Mapping[str, object]) -> tuple[str | None, Mapping[str, str]]:
    """Find the route of a path, as API Gateway does: whole segments, `{name}` takes one. None when there is none."""
    segments = path.strip("/").split("/")
    for route in routes:
        wanted = route.strip("/").split("/")
        if len(wanted) != len(segments):
            continue
        pairs = list(zip(wanted, segments, strict=True))
        if all(each == given or each.startswith("{") for each, given in pairs):
            return route, {each[1:-1]: given for each, given in pairs if each.startswith("{")}
    return None, {}
