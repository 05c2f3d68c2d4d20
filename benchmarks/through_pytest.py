"""Equal models through pytest: runs of exchanged pairs, as files in FastChat's form, and their exit statuses.

The two models of each question change places by a coin, so that they are equal by construction. Each run is
pytest on the suite's own test module, all defaults, with recorded answers and judgments; the exit status is
compared with the one that `error_rates.py` computes for the same rows.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _populations import Population, Truth
from _recorded import BROKEN, RECORDS, need_data, pairs
from _table import Figure, arguments, finish
from error_rates import near, status_of

from mtbench_pytest.core.jsonl import dump_jsonl
from mtbench_pytest.core.records import SIDES
from mtbench_pytest.core.row import Row

SEED = 11
MODULE = Path(__file__).resolve().parents[1] / "suites" / "general" / "test_general.py"
JUDGE = "judge"


def write(folder: Path, rows: Sequence[Row]) -> None:
    """The run's bench, answers and judgments."""
    bench = folder / "bench"
    bench.mkdir()
    (folder / "judgments").mkdir()
    (bench / "test_bench.py").write_text(MODULE.read_text("utf-8"), "utf-8")
    _write(bench / "question.jsonl", [_question(row) for row in rows])
    for side in SIDES:
        _write(folder / f"{side}.jsonl", [_answer(row, side) for row in rows])
    _write(folder / "judgments" / "judge_single.jsonl", [line for row in rows for line in _grades(row)])
    _write(folder / "judgments" / "judge_pair.jsonl", [line for row in rows for line in _games(row)])


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.write_text(dump_jsonl(lines), "utf-8")


def _question(row: Row) -> dict[str, Any]:
    turns = [f"Question {row.question_id}, turn {turn}?" for turn in (1, 2)]
    return {"question_id": row.question_id, "category": row.category, "turns": turns}


def _answer(row: Row, side: str) -> dict[str, Any]:
    turns = [f"{side} on {row.question_id}, turn {turn}." for turn in (1, 2)]
    return {"question_id": row.question_id, "model_id": side, "choices": [{"index": 0, "turns": turns}]}


def _grades(row: Row) -> list[dict[str, Any]]:
    return [
        {
            "question_id": row.question_id,
            "model": side,
            "judge": [JUDGE, "single-v1" if judgment.turn == 1 else "single-v1-multi-turn"],
            "judgment": f"Rating: [[{judgment.grade:g}]]",
            "score": judgment.grade,
            "turn": judgment.turn,
        }
        for side in SIDES
        for judgment in row.judgments.get(side, ())
    ]


def _games(row: Row) -> list[dict[str, Any]]:
    names = {"candidate": "model_1", "baseline": "model_2", "tie": "tie"}
    return [
        {
            "question_id": row.question_id,
            "model_1": "candidate",
            "model_2": "baseline",
            "g1_winner": names[verdict.winners[0]],
            "g2_winner": names[verdict.winners[1]],
            "judge": [JUDGE, "pair-v2" if verdict.turn == 1 else "pair-v2-multi-turn"],
            "turn": verdict.turn,
        }
        for verdict in row.verdicts
    ]


def through_pytest(rows: Sequence[Row]) -> int:
    """The exit status of a pytest run with these rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        command = [
            *(sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider"),
            *("--mtbench-candidate=answers:candidate.jsonl", "--mtbench-baseline=answers:baseline.jsonl"),
            f"--mtbench-judge=judgments:judgments?judge={JUDGE}",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        result = folder / "mtbench-report" / "result.json"
        if not result.is_file():
            raise SystemExit(
                f"pytest ended with {done.returncode} and no report:\n{done.stdout}{done.stderr}"
            )
        print(done.returncode, json.loads(result.read_text("utf-8"))["decision"], flush=True)
        return done.returncode


def main() -> int:
    """Measures and prints."""
    options = arguments(__doc__, 30, "runs").parse_args()
    need_data()
    found = [pair for pair in pairs([source for source in RECORDS if source != BROKEN]) if near(pair)]
    generator = random.Random(SEED)
    statuses: Counter[int] = Counter()
    otherwise = 0
    for number in range(options.repeat):
        population = Population.of(found[number % len(found)], Truth("equal", exchanged=True))
        rows = population.rows(1, generator)
        status = through_pytest(rows)
        statuses[status] += 1
        otherwise += status != status_of(rows)
    print(f"exit statuses of {options.repeat} runs: {dict(sorted(statuses.items()))}")
    missed = 100 * (1 - statuses[0] / options.repeat)
    return finish(
        [
            Figure("other than exit 0, equal models through pytest", [missed], "%", 15.0),
            Figure("runs whose status error_rates.py computes otherwise", [otherwise], "", 0, exact=True),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
