"""A wrong key: the server answers 401, always. The run must end at once and say so once, not once a test.

Measured twice: where the server refuses everything, and where it lets `GET /models` pass (as some do, for
which an early check is no check) and refuses chat alone.
"""

from __future__ import annotations

import sys

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import workbench

QUESTIONS = 80
LATENCY = 0.5
SECONDS, CALLS = 4.0, 40
PEERS = {"FastChat, four judgments": 160.0}


def measure(refuse_models: bool) -> tuple[float, int, int, int]:
    """One run: its seconds, the requests that came in, the tests that tell of it, the tracebacks."""
    with (
        workbench(QUESTIONS) as bench,
        ServerProcess(LATENCY, refuse=1, status=401, refuse_models=refuse_models) as server,
    ):
        run = bench.run(*bench.answers(), server.judge, env={"OPENAI_API_KEY": "wrong"})
        if run.status == 0 or "401" not in run.out:
            raise SystemExit(f"pytest did not tell of a refusal:\n{run.out}")
        tests, tracebacks = run.out.count("ERROR at setup of"), run.out.count("Traceback (most recent")
        return run.seconds, server.counts().requests, tests, tracebacks


def main() -> int:
    """Measures and prints."""
    options = arguments(__doc__).parse_args()
    figures = []
    for refuse_models in (True, False):
        seconds, calls, tests, tracebacks = zip(
            *(measure(refuse_models) for _ in range(options.repeat)), strict=True
        )
        where = "401 everywhere" if refuse_models else "401 for chat alone"
        figures += [
            Figure(f"{where}: start to end", seconds, bar=SECONDS, others=PEERS),
            Figure(f"{where}: calls", calls, "", CALLS),
            Figure(f"{where}: tests that tell of it", tests, "", 1),
            Figure(f"{where}: tracebacks", tracebacks, "", 0, exact=True),
        ]
    return finish(figures)


if __name__ == "__main__":
    sys.exit(main())
