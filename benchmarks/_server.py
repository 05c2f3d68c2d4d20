"""The tests' chat server in a process of its own, so that what is measured has a core to itself.

The process is told what to do by words on its standard input, a line each, and answers with a line of JSON.
It ends when the input does, so none outlives the benchmark that started it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from _workbench import ROOT, environment

from tests.real.replies import default_reply
from tests.real.server import ChatServer

Body = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """What a server saw so far.

    Attributes:
        requests: Everything that came in, `GET /models` too.
        chats: Chat calls that came in, whatever became of them.
        served: Chat calls that were answered with a reply.
        peak: Most chat calls under way at once.
    """

    requests: int
    chats: int
    served: int
    peak: int


class ServerProcess:
    """A context manager around the process.

    Args:
        latency: Seconds before every reply.
        refuse: Share of the chat calls to answer with `status`, spread evenly; 1 refuses all.
        status: The status of a refusal.
        retry_after: Seconds in a refusal's Retry-After header.
        refuse_models: Refuse `GET /models` in the same way.
    """

    def __init__(
        self,
        latency: float = 0.0,
        *,
        refuse: float = 0.0,
        status: int = 429,
        retry_after: int | None = None,
        refuse_models: bool = False,
    ) -> None:
        self._command = [sys.executable, __file__, "--latency", str(latency)]
        self._command += ["--refuse", str(refuse), "--status", str(status)]
        self._command += [] if retry_after is None else ["--retry-after", str(retry_after)]
        self._command += ["--refuse-models"] if refuse_models else []
        self.base_url = ""

    def __enter__(self) -> ServerProcess:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.base_url = str(self._read())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def spec(self, model: str) -> str:
        """The spec of a model or judge at this server."""
        return f"openai:{model}?base_url={self.base_url}"

    @property
    def judge(self) -> str:
        """The judge's option."""
        return f"--mtbench-judge={self.spec('judge-small')}"

    def counts(self) -> Counts:
        """What came in so far."""
        return Counts(**self._ask("counts"))

    def served(self) -> list[Body]:
        """The bodies of the chat calls that got a reply, in the order of the replies."""
        bodies: list[Body] = self._ask("served")
        return bodies

    def prompts(self) -> Counter[str]:
        """How often each prompt was replied to."""
        return Counter(json.dumps(body["messages"]) for body in self.served())

    def forget(self) -> None:
        """Starts counting anew."""
        self._ask("forget")

    def _ask(self, word: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def _serve(options: argparse.Namespace) -> None:
    served: list[Body] = []

    def respond(body: Body) -> str:
        served.append(body)
        return default_reply(body)

    with ChatServer(latency=options.latency, respond=respond) as server:
        if options.refuse:
            every = round(1 / options.refuse)
            server.fail(status=options.status, every=every, retry_after=options.retry_after)
        if options.refuse_models:
            server.fail(status=options.status, path="/models")
        _tell(server.base_url)
        for line in sys.stdin:
            match line.strip():
                case "counts":
                    chats = len(server.chats)
                    counts = Counts(len(server.calls), chats, len(served), server.peak)
                    _tell(vars(counts))
                case "served":
                    _tell(served)
                case "forget":
                    server.calls.clear()
                    served.clear()
                    server.peak = 0
                    _tell(None)


def _tell(what: object) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """Serves until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--refuse", type=float, default=0.0)
    parser.add_argument("--status", type=int, default=429)
    parser.add_argument("--retry-after", type=int)
    parser.add_argument("--refuse-models", action="store_true")
    _serve(parser.parse_args())


if __name__ == "__main__":
    main()
