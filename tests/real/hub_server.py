"""As much of the Hugging Face Hub as a dataset's files need, on 127.0.0.1."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

COMMIT = "1" * 40


class HubServer:
    """A context manager; one dataset, whatever its name and revision.

    Args:
        files: By path in the repository.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.asked: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            hub.asked.append(f"{self.command} {path}")
            if path.startswith("/api/datasets/"):
                listed = [
                    {"type": "file", "path": name, "size": len(content), "oid": _etag(content)}
                    for name, content in hub.files.items()
                ]
                siblings = [{"rfilename": name} for name in hub.files]
                whole = {"id": "dataset", "sha": COMMIT, "siblings": siblings}
                self._send(json.dumps(listed if "/tree/" in path else whole).encode(), "application/json")
            elif (content := hub.files.get(path.partition("/resolve/")[2].partition("/")[2])) is not None:
                self._send(content, "application/octet-stream")
            else:
                self.send_error(404)

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{_etag(body)}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a test that fails prints what was asked."""

    return Handler


def _etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
