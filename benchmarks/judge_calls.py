"""320 judge calls, 160 grades and 160 games of 40 two-turn questions with recorded answers, whole process.

With --refuse 0.1 a tenth of the calls is answered 429, Retry-After 1: all 320 must be judged, none twice.
With --peer the same calls are also made by a bare thread pool with openai's client.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import ROOT, environment, workbench

QUESTIONS, CALLS = 40, 320
LATENCY, CONCURRENCY = 0.5, 32
BOUND = CALLS / CONCURRENCY * LATENCY
PEERS = {"FastChat": 10.7, "EvalScope": 14.2, "thread pool, openai's client": 6.0}
PEERS_REFUSED = {"FastChat": 34.0, "EvalScope": 17.8}


def measure(refuse: float) -> tuple[float, int, int, list[dict[str, object]]]:
    """One run: its seconds, the calls that got a reply, those of a prompt that had one before, all bodies."""
    with workbench(QUESTIONS) as bench, ServerProcess(LATENCY, refuse=refuse, retry_after=1) as server:
        run = bench.run(*bench.answers(), server.judge, f"--mtbench-concurrency={CONCURRENCY}")
        bench.all_judged()
        bodies = server.served()
        return run.seconds, len(bodies), len(bodies) - len(server.prompts()), bodies


def thread_pool(bodies: list[dict[str, object]], refuse: float) -> float:
    """Seconds a bare thread pool takes for the same calls, its whole process."""
    with workbench(1) as bench, ServerProcess(LATENCY, refuse=refuse, retry_after=1) as server:
        file = bench.folder / "bodies.jsonl"
        file.write_text("".join(json.dumps(body) + "\n" for body in bodies), "utf-8")
        script = Path(__file__).with_name("_thread_pool.py")
        began = time.perf_counter()
        command = [sys.executable, str(script), str(file), server.base_url, str(CONCURRENCY)]
        subprocess.run(command, check=True, cwd=ROOT, env=environment())
        seconds = time.perf_counter() - began
        if server.counts().served != CALLS:
            raise SystemExit(f"the thread pool got {server.counts().served} replies, expected {CALLS}")
        return seconds


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--refuse", type=float, default=0.0, metavar="SHARE", help="share of calls refused")
    parser.add_argument("--peer", action="store_true", help="also run a bare thread pool, now")
    options = parser.parse_args()
    seconds, served, twice, pool = [], [], [], []
    for _ in range(options.repeat):
        took, replies, again, bodies = measure(options.refuse)
        seconds.append(took)
        served.append(replies)
        twice.append(again)
        if options.peer:
            pool.append(thread_pool(bodies, options.refuse))
    others = PEERS_REFUSED if options.refuse else {"bound": BOUND} | PEERS
    if pool:
        others = others | {"thread pool now": sorted(pool)[len(pool) // 2]}
    refused = f", {options.refuse:.0%} refused" if options.refuse else ""
    return finish(
        [
            Figure(
                f"{CALLS} judge calls{refused}", seconds, bar=10.0 if options.refuse else 7.0, others=others
            ),
            Figure("calls judged", served, "", CALLS, exact=True),
            Figure("of these twice", twice, "", 0, exact=True),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
