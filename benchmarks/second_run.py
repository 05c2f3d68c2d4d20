"""The same run again, everything in the store: 80 two-turn questions, grades and games, the whole process.

With --models server both sides answer behind a server; with --models demo the demo model answers for both,
under two system prompts, and the first run takes a minute or two.
"""

from __future__ import annotations

import json
import sys

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import Workbench, demos, sides, workbench

QUESTIONS = 80
BAR = 2.5
# Tells which of the heavy libraries a run has loaded, at its very end.
_PROBE = """
import json
import sys
from pathlib import Path

def pytest_unconfigure():
    heavy = [name for name in ("torch", "transformers") if name in sys.modules]
    Path("loaded.json").write_text(json.dumps(heavy))
"""


def measure(models: str, repeat: int) -> list[Figure]:
    """One first run, then the second one `repeat` times over."""
    with workbench(QUESTIONS) as bench, ServerProcess() as server:
        (bench.folder / "probe.py").write_text(_PROBE)
        args = ("-p", "probe", *parties(models, server), server.judge)
        first = bench.run(*args)
        bench.all_judged()
        rows = bench.result()["rows"]
        server.forget()
        seconds, loaded, other = [], [], []
        for _ in range(repeat):
            seconds.append(bench.run(*args).seconds)
            bench.all_judged()
            loaded.append(len(heavy(bench)))
            other.append(bench.result()["rows"] != rows)
        requests = [server.counts().requests]
    return [
        Figure(f"{models}: second run", seconds, bar=BAR, others={"first run": first.seconds}),
        Figure(f"{models}: requests of all second runs", requests, "", 0, exact=True),
        Figure(f"{models}: torch, transformers imported", loaded, "", 0, exact=True),
        Figure(f"{models}: rows unlike the first run's", other, "", 0, exact=True),
    ]


def parties(models: str, server: ServerProcess) -> tuple[str, ...]:
    """The options that name candidate and baseline."""
    if models == "server":
        return sides(server.spec("chat-new"), server.spec("chat-old"))
    return demos(tokens=8)


def heavy(bench: Workbench) -> list[str]:
    """What the last run had loaded."""
    loaded: list[str] = json.loads((bench.folder / "loaded.json").read_text("utf-8"))
    return loaded


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--models", choices=("server", "demo"), action="append", help="one of the two alone")
    options = parser.parse_args()
    kinds = options.models or ("server", "demo")
    return finish([figure for kind in kinds for figure in measure(kind, options.repeat)])


if __name__ == "__main__":
    sys.exit(main())
