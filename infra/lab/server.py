"""The lab over HTTP on the loopback interface, with its control interface under `/_lab/`."""

import select
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

import httpx

from infra.lab.control import PREFIX, Control
from infra.lab.window import Window
from infra.lab.window.window import PREFIX as PAGE
from infra.lab.wire import Answer, Api, Workspace


class LabServer:
    """Serves one api; `url` is known as soon as it is built, requests are answered from `start()` to `stop()`.

    With a window, its page is served too, at `window_url`.
    """

    def __init__(self, api: Api, workspace: Workspace, *, port: int = 0, window: Window | None = None) -> None:
        self._workspace = workspace
        self._server = _Server(port, api, Control(api, workspace), window)
        workspace.served_at(self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="lab", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def window_url(self) -> str:
        return self.url + PAGE

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and pushing, and close every connection."""
        self._workspace.hush()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, port: int, api: Api, control: Control, window: Window | None) -> None:
        self.api = api
        self.control = control
        self.window = window
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.discard(request)

    def hang_up(self) -> None:
        """Wake the threads that wait on idle keep-alive connections; they close their sockets themselves."""
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        # A client that hangs up early is everyday life here; anything else is a defect of the lab.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Nagle against the client's delayed acknowledgement costs 40 ms a request; a buffer sends an answer in one piece.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, raw_query = self.path.partition("?")
        if path.startswith(PREFIX):
            self._send(self.server.control.handle(self.command, path, body))
            return
        query = parse_qsl(raw_query, keep_blank_values=True)
        if self.server.window is not None and path.startswith(PAGE):
            self._send(self.server.window.handle(self.command, path, query, dict(self.headers.items()), body))
            return
        try:
            self._send(self.server.api.handle(self.command, path, query, dict(self.headers.items()), body))
        except httpx.TimeoutException:
            # The client gives up first: its end of the connection becomes readable, with nothing to read.
            select.select([self.connection], [], [], 120)
            self.close_connection = True
        except httpx.TransportError:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815  # http.server's spelling

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: tests and the demo own the terminal."""
