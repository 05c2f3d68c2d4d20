"""A small OpenAI-compatible chat server on 127.0.0.1, with failures to order.

It judges a judge prompt and chats otherwise; both are pure functions of the request. By hand:

    python -m tests.real.server --port 8000 --latency 0.5
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

from tests.real.replies import Body, completion, default_reply

Respond = Callable[[Body], str | Body]
Kind = Literal["status", "garbage", "noise", "half", "drop", "hang", "trickle"]

# The words of error bodies as OpenAI sends them: message, type, code.
_ERRORS = {
    400: (
        "This model's maximum context length is 2048 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
    401: ("Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"),
    403: ("This key has no access to the model.", "invalid_request_error", "forbidden"),
    404: ("The model {model!r} does not exist.", "invalid_request_error", "model_not_found"),
    429: ("Rate limit reached.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error.", "server_error", None),
    503: ("The engine is overloaded.", "server_error", None),
    529: ("Overloaded.", "overloaded_error", None),
}


@dataclass(frozen=True)
class Call:
    """One request as it came in; the key itself is not kept.

    Attributes:
        had_key: Whether a bearer token was sent at all.
        at: When it came, by the monotonic clock, in seconds.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Body
    had_key: bool
    at: float


@dataclass
class _Fault:
    kind: Kind
    status: int
    left: int | None
    every: int
    retry_after: float | None
    message: str | None
    code: str | None
    where: Callable[[Body], bool]
    path: str
    share: float = 1.0
    seed: int = 0
    at_once: bool = False
    seen: int = 0

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def strikes(self, call: Call) -> bool:
        if self.left == 0 or not call.path.endswith(self.path) or not self.where(call.body):
            return False
        self.seen += 1
        if self.seen % self.every or self.draw.random() >= self.share:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class ChatServer:
    """A context manager; it serves from entry to exit, each connection in a thread of its own.

    Args:
        port: 0 takes a free one.
        latency: Seconds before every chat reply.
        key: The one key that is accepted; any where None.
        models: What GET /v1/models lists; with `strict` the only ones there are.
        capacity: Most chat calls served at once; more are refused with 429 at once. No limit where None.
        retry_after: What those refusals ask for, in seconds.
        respond: Takes a request's body and gives the reply's text, or a dict: fields of the message beside
            `finish_reason`, or with "choices" or "error" the whole body. Called from many threads.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        latency: float = 0.0,
        key: str | None = None,
        models: tuple[str, ...] = ("chat-small", "judge-small"),
        strict: bool = False,
        capacity: int | None = None,
        retry_after: float = 1.0,
        respond: Respond | None = None,
    ) -> None:
        self.latency = latency
        self.key = key
        self.models = models
        self.strict = strict
        self.capacity = capacity
        too_many = "Too many requests at once."
        self._full = _Fault(
            "status", 429, None, 1, retry_after, too_many, None, lambda _: True, "", at_once=True
        )
        self.served = 0  # chat calls answered with a completion
        self.respond: Respond = respond or default_reply
        self.calls: list[Call] = []
        self.peak = 0  # most chat calls under way at once
        self._busy = 0
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Listener(("127.0.0.1", port), _Handler)
        self._http.chat = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def chats(self) -> list[Body]:
        """The bodies of all chat calls, in the order they came."""
        return [call.body for call in self.calls if call.method == "POST"]

    def fail(
        self,
        kind: Kind = "status",
        *,
        status: int = 500,
        times: int | None = None,
        every: int = 1,
        retry_after: float | None = None,
        message: str | None = None,
        code: str | None = None,
        where: Callable[[Body], bool] = lambda _: True,
        path: str = "/chat/completions",
        share: float = 1.0,
        seed: int = 0,
        at_once: bool = False,
    ) -> None:
        """Orders a failure.

        Args:
            kind: "status" answers with an error, "garbage" with what is no JSON, "noise" with what is no
                HTTP, "half" breaks off within the reply, "drop" closes without one, "hang" never answers,
                "trickle" sends a reply that never ends.
            times: How often; always where None.
            every: Only every nth call that fits.
            share: The share of the calls that fit, drawn at random.
            seed: Of that draw.
            at_once: Without the latency of a reply.
            where: Which requests fit, by their body.
            path: The end of the paths that fit.
        """
        self._faults.append(
            _Fault(kind, status, times, every, retry_after, message, code, where, path, share, seed, at_once)
        )

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def wait(self, seconds: float | None) -> None:
        """Sleeps, but not longer than the server lives."""
        self._stopping.wait(seconds)

    def note(self, call: Call) -> _Fault | None:
        """Records a call and tells which failure it meets."""
        with self._lock:
            self.calls.append(call)
            if call.method == "POST" and self.capacity is not None and self._busy >= self.capacity:
                return self._full
            fault = next((fault for fault in self._faults if fault.strikes(call)), None)
            if call.method == "POST" and not (fault and fault.at_once):
                self._busy += 1
                self.peak = max(self.peak, self._busy)
            return fault

    def count(self) -> None:
        """Notes a completion."""
        with self._lock:
            self.served += 1

    def done(self) -> None:
        """Ends a chat call, before its reply is out: the client's next call is never counted beside it."""
        with self._lock:
            self._busy -= 1


class _Listener(ThreadingHTTPServer):
    chat: ChatServer
    daemon_threads = False
    block_on_close = True  # closing joins the threads, so that no socket outlives a test
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not worth a traceback on stderr; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Wakes the threads that wait for another request on a connection kept alive."""
        for one in tuple(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client went away")
        self._serve(json.loads(body))

    def _serve(self, body: Body) -> None:
        chat = self.server.chat
        token = self.headers.get("authorization", "").removeprefix("Bearer ").strip()
        shown = {name.lower(): text for name, text in self.headers.items() if name.lower() != "authorization"}
        call = Call(self.command, self.path, shown, body, bool(token), time.monotonic())
        fault = chat.note(call)
        if call.method == "POST" and not (fault and fault.at_once):
            chat.wait(chat.latency)
            chat.done()
        if fault is not None:
            self._break(fault, call, token)
        elif chat.key is not None and not hmac.compare_digest(token, chat.key):
            self._error(401, body, token)
        elif self.path == "/v1/models":
            listed = [{"id": name, "object": "model"} for name in chat.models]
            self._send(200, {"object": "list", "data": listed})
        elif self.path != "/v1/chat/completions":
            self._send(404, {"detail": "Not Found"})
        elif chat.strict and body["model"] not in chat.models:
            self._error(404, body, token)
        else:
            reply = completion(body, chat.respond(body))
            chat.count()
            self._send(200, reply)

    def _break(self, fault: _Fault, call: Call, token: str) -> None:
        if fault.kind == "status":
            self._error(fault.status, call.body, token, fault)
            return
        if fault.kind == "garbage":
            self._send(200, "<html>502 from a proxy in between</html>")
            return
        self.close_connection = True
        if fault.kind == "noise":
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        elif fault.kind == "trickle":
            self._send(200, "", length=1_000_000)
            while not self.server.chat.stopping:
                self.wfile.write(b" ")
                self.server.chat.wait(0.05)
        elif fault.kind == "half":
            whole = json.dumps(completion(call.body, "half of this is missing")).encode()
            self._send(200, whole[: len(whole) // 2].decode(), length=len(whole))
        elif fault.kind == "hang":
            self.server.chat.wait(None)

    def _error(self, status: int, body: Body, token: str, fault: _Fault | None = None) -> None:
        message, kind, code = _ERRORS[status]
        message = message.format(key=token, model=body.get("model"))
        if fault is not None:
            message, code = fault.message or message, fault.code or (None if fault.message else code)
        headers = {}
        if fault is not None and fault.retry_after is not None:
            headers["Retry-After"] = str(fault.retry_after)
        self._send(
            status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, headers
        )

    def _send(
        self,
        status: int,
        body: Body | str,
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible chat server for experiments.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every reply")
    options = parser.parse_args()
    with ChatServer(port=options.port, latency=options.latency) as server:
        print(f"listening at {server.base_url}; ctrl-c ends it", flush=True)  # noqa: T201
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
