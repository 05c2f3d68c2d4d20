"""Small servers on 127.0.0.1; the one for files misbehaves to order."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

Fault = Literal[
    "404", "429", "500", "html", "page", "cut", "short", "long", "wrong", "moved", "circle", "hang", "slow"
]
PAGE = b"<!DOCTYPE html><html><body>Sign in to continue</body></html>"


class LocalServer:
    """A context manager; it serves from entry to exit, each connection in a thread of its own."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.asked: list[str] = []
        self.stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class FileServer(LocalServer):
    """Serves files.

    Args:
        files: By path, without a leading slash.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(_handler(self))
        self.files = dict(files)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def fail(self, *faults: Fault) -> None:
        """What the next requests meet, one each."""
        self._faults += faults

    def next_fault(self) -> Fault | None:
        with self._lock:
            return self._faults.pop(0) if self._faults else None


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/").split("?")[0]
            server.asked.append(path)
            content, fault = server.files.get(path), server.next_fault()
            if fault == "hang":
                server.stopping.wait()
            elif fault in ("429", "500"):
                self._send(int(fault), b"", {"Retry-After": "0"})
            elif fault == "html":
                self._send(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
            elif fault == "page":
                self._send(200, PAGE)
            elif fault in ("moved", "circle"):
                if fault == "circle":
                    server.fail("circle")  # before the reply, which the next request may follow at once
                self._send(302, b"", {"Location": f"/{path}"})
            elif content is None or fault == "404":
                self._send(404, b"")
            else:
                self._send_file(content, fault)

        def _send_file(self, content: bytes, fault: Fault | None) -> None:
            if fault == "cut":
                self._send(200, content[: len(content) // 2], length=len(content))
            elif fault == "slow":
                self._send(200, content[:1000], length=len(content))
                server.stopping.wait()
            else:
                changed = {"short": content[:-5], "long": content + b"more\n", "wrong": content[:-2] + b"x\n"}
                self._send(200, changed.get(fault or "", content))

        def _send(
            self,
            status: int,
            body: bytes,
            headers: Mapping[str, str] | None = None,
            length: int | None = None,
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a test that fails prints what was asked."""

    return Handler
