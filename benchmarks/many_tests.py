"""160 judged tests, each of one turn, with a server that takes 0.05 s for a judgment: the whole process.

A test compares two graded answers, so there are 320 judge calls, twice what the peer makes for 160 tests.
"""

from __future__ import annotations

import sys

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import workbench

TESTS = 160
LATENCY = 0.05
PEERS = {"deepeval": 20.0, "deepeval -n 4": 15.0}


def measure(*args: str) -> tuple[float, int]:
    """One run: its seconds, the calls that got a reply."""
    with workbench(TESTS, turns=1) as bench, ServerProcess(LATENCY) as server:
        run = bench.run(*bench.answers(), server.judge, "--mtbench-pairwise=off", *args)
        bench.all_judged()
        return run.seconds, server.counts().served


def main() -> int:
    """Measures and prints."""
    options = arguments(__doc__).parse_args()
    seconds, calls = zip(*(measure() for _ in range(options.repeat)), strict=True)
    return finish(
        [
            Figure(f"{TESTS} judged tests", seconds, bar=3.5, others=PEERS),
            Figure("judge calls", calls, "", 2 * TESTS, exact=True),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
