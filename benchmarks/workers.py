"""The same 320 judge calls under xdist with two workers: no call more, and the same rows in result.json."""

from __future__ import annotations

import sys
from typing import Any

from _server import Counts, ServerProcess
from _table import Figure, arguments, finish
from _workbench import workbench

QUESTIONS, CALLS = 40, 320
LATENCY, CONCURRENCY = 0.5, 32


def measure(*args: str) -> tuple[float, Counts, list[Any]]:
    """One run: its seconds, what the server saw, the rows."""
    with workbench(QUESTIONS) as bench, ServerProcess(LATENCY) as server:
        run = bench.run(*bench.answers(), server.judge, f"--mtbench-concurrency={CONCURRENCY}", *args)
        bench.all_judged()
        return run.seconds, server.counts(), bench.result()["rows"]


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="xdist workers (2)")
    parser.add_argument("--dist", default="load", help="xdist's way to share out tests (load)")
    options = parser.parse_args()
    alone, shared, calls, peak, unlike = [], [], [], [], []
    for _ in range(options.repeat):
        seconds, _counts, rows = measure()
        alone.append(seconds)
        seconds, counts, rows_shared = measure("-n", str(options.workers), "--dist", options.dist)
        shared.append(seconds)
        calls.append(counts.chats)
        peak.append(counts.peak)
        unlike.append(differences(rows, rows_shared))
    name = f"-n {options.workers} --dist {options.dist}"
    return finish(
        [
            Figure(f"{name}: process", shared, others={"without": sorted(alone)[len(alone) // 2]}),
            Figure(f"{name}: judge calls", calls, "", CALLS, exact=True),
            Figure(f"{name}: most calls at once", peak, "", CONCURRENCY),
            Figure(f"{name}: rows unlike those without", unlike, "", 0, exact=True),
        ]
    )


def differences(rows: list[Any], others: list[Any]) -> int:
    """How many rows differ, a missing one counted too; rows hold no time."""
    unlike = [one for one, other in zip(rows, others, strict=False) if one != other]
    return abs(len(rows) - len(others)) + len(unlike)


if __name__ == "__main__":
    sys.exit(main())
