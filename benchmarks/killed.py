"""SIGKILL at half of 320 judgments, then the same run again: what was paid for must not be paid for twice.

Calls under way when the process dies are lost with it, so the bar is 320 and one for each call at once.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import Workbench, workbench

QUESTIONS, CALLS = 40, 320
LATENCY, CONCURRENCY = 0.5, 32
# FastChat and EvalScope begin again: half of the calls and then all of them.
PEERS = {"all repeated, as by FastChat, EvalScope": CALLS * 1.5}


def measure() -> tuple[int, int, int]:
    """Calls of both runs together, judgments the report lacks, judgments it has twice."""
    with workbench(QUESTIONS) as bench, ServerProcess(LATENCY) as server:
        args = (*bench.answers(), server.judge, f"--mtbench-concurrency={CONCURRENCY}")
        first = bench.start(*args)
        while server.counts().served < CALLS // 2:
            if first.process.poll() is not None:
                raise SystemExit("pytest ended before half of the judgments were there")
            time.sleep(0.005)
        first.process.kill()
        first.wait()
        bench.run(*args)
        bench.all_judged()
        judged = judgments(bench)
        return server.counts().chats, CALLS - len(judged), judged.total() - len(judged)


def judgments(bench: Workbench) -> Counter[tuple[object, ...]]:
    """How often each judgment stands in the report's files; a pair's line holds two games."""
    singles = bench.report_lines("model_judgment/*_single.jsonl")
    counted: Counter[tuple[object, ...]] = Counter(
        (line["question_id"], line["turn"], line["model"]) for line in singles
    )
    for line in bench.report_lines("model_judgment/*_pair.jsonl"):
        games = [game for game in ("g1", "g2") if line[f"{game}_judgment"]]
        models = (line["model_1"], line["model_2"])
        counted.update((line["question_id"], line["turn"], models, game) for game in games)
    return counted


def main() -> int:
    """Measures and prints."""
    options = arguments(__doc__).parse_args()
    calls, lost, twice = zip(*(measure() for _ in range(options.repeat)), strict=True)
    return finish(
        [
            Figure("calls of both runs", calls, "", CALLS + CONCURRENCY, others=PEERS),
            Figure("judgments lost", lost, "", 0, exact=True),
            Figure("judgments twice", twice, "", 0, exact=True),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
