"""As much of the Hugging Face Hub as a dataset's files need, on 127.0.0.1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler

from tests.real.file_server import LocalServer

COMMIT = "1" * 40


class HubServer(LocalServer):
    """One dataset, whatever its name and revision.

    Args:
        files: By path in the repository.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(_handler(self))
        self.files = dict(files)


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
