"""A replay of what was recorded: 80 two-turn questions, grades and games, the server gone, the whole process.

The first run asks a server and records; then the server is stopped and the store removed, which leaves
the snapshots. With --workers N the replays are spread over workers of pytest-xdist.
"""

from __future__ import annotations

import json
import shutil
import sys

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import sides, workbench

QUESTIONS = 80
BAR = 3.0
SAME = ("decision", "reasons", "endpoints", "categories", "rows")
# Tells which of the libraries that ask somebody a run has loaded, at its very end.
_PROBE = """
import json
import sys
from pathlib import Path

def pytest_unconfigure():
    asking = [name for name in ("torch", "transformers", "openai", "sqlalchemy") if name in sys.modules]
    Path("loaded.json").write_text(json.dumps(asking))
"""


def measure(repeat: int, workers: int) -> list[Figure]:
    """One run that records, then `repeat` replays."""
    with workbench(QUESTIONS) as bench:
        (bench.folder / "probe.py").write_text(_PROBE)
        with ServerProcess() as server:
            parties = (*sides(server.spec("chat-new"), server.spec("chat-old")), server.judge)
            live = bench.run("-p", "probe", "--mtbench-record=new", *parties)
        bench.all_judged()
        recorded = {key: bench.result()[key] for key in SAME}
        files = list((bench.folder / "snapshots").rglob("*.json"))
        shutil.rmtree(bench.folder / ".mtbench")
        seconds, loaded, unlike = [], [], []
        spread = (f"-n{workers}",) if workers else ()
        for _ in range(repeat):
            seconds.append(bench.run("-p", "probe", "--mtbench-record=none", *spread, *parties).seconds)
            bench.all_judged()
            loaded.append(len(json.loads((bench.folder / "loaded.json").read_text("utf-8"))))
            unlike.append({key: bench.result()[key] for key in SAME} != recorded)
        kilobytes = [sum(file.stat().st_size for file in files) / 1000 / len(files)]
    return [
        Figure("replay", seconds, bar=BAR, others={"live run": live.seconds}),
        Figure("torch, transformers, openai, sqlalchemy imported", loaded, "", 0, exact=True),
        Figure("rows, reasons or decision unlike the live run's", unlike, "", 0, exact=True),
        Figure("a snapshot", kilobytes, "kB"),
    ]


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="of pytest-xdist (none)")
    options = parser.parse_args()
    return finish(measure(options.repeat, options.workers))


if __name__ == "__main__":
    sys.exit(main())
