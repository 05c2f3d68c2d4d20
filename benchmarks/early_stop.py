"""Stopping early: questions used, and how often a run is decided as without it, by resampling real pairs.

A run is 80 questions of a recorded pair, drawn as `error_rates.py` draws them, in the order in which a run
takes them. The way through them is the plugin's own, and so are the looks; what it is compared with is the
decision on all of the same rows at once. The true difference is

     0    the two sides of each question are exchanged by a coin;
     0, half alike    the same, and of every other question both sides' answers are the same;
     0, alike         the candidate is its baseline;
    -1    the pair is shifted there, games too, as in `error_rates.py`;
    -0.5  the same, on the margin, where the grades alone decide: no bar, but nominally 5 % pass.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from _populations import Population, Truth, questions_of
from _recorded import Pair, need_data, pairs
from _table import Figure, arguments, finish

from mtbench_pytest.decision import LEVELS, Decision, Levels, Outcome
from mtbench_pytest.early import Course, Rows
from mtbench_pytest.gate import Policy, decide
from mtbench_pytest.records import Question, Row, Verdict
from mtbench_pytest.suite import mixed

SEED = 5
POLICY = Policy()
AIM = 50.0  # per cent of the questions

Make = Callable[[Sequence[Row]], list[Row]]


def as_drawn(rows: Sequence[Row]) -> list[Row]:
    """No further change."""
    return list(rows)


def alike(row: Row) -> Row:
    """The row, had the candidate said what its baseline said."""
    baseline = row.judgments["baseline"]
    ties = tuple(Verdict(row.question_id, turn) for turn in row.game_turns)
    return replace(row, judgments={"candidate": baseline, "baseline": baseline}, verdicts=ties)


def half_alike(rows: Sequence[Row]) -> list[Row]:
    """Every other question answered alike."""
    return [alike(row) if number % 2 else row for number, row in enumerate(rows)]


def all_alike(rows: Sequence[Row]) -> list[Row]:
    """Every question answered alike."""
    return [alike(row) for row in rows]


EQUAL = Truth("0", exchanged=True)
WORSE = Truth("-1", grade=-1, win_rate=0.24)
ON_MARGIN = Truth("-0.5, grades", grade=-0.5, games=False)
GRADES = replace(EQUAL, name="0, grades", games=False)
CASES: Sequence[tuple[Truth, Make]] = (
    (EQUAL, as_drawn),
    (GRADES, as_drawn),
    (replace(EQUAL, name="0, half alike"), half_alike),
    (replace(EQUAL, name="0, alike"), all_alike),
    (WORSE, as_drawn),
    (ON_MARGIN, as_drawn),
)


@dataclass(frozen=True)
class Ended:
    """One run.

    Attributes:
        early: What it was decided, stopping early.
        full: What it was decided on all questions at once.
        used: Share of the questions judged, in per cent.
    """

    early: Outcome
    full: Outcome
    used: float


def run(rows: Sequence[Row], pairwise: bool, generator: random.Random) -> Ended:
    """Goes through drawn questions as a run does, and decides on all of them beside."""
    asked = questions_of(rows)
    by_id = {row.question_id: row for row in rows}

    def decided(rows: Rows, expected: Sequence[Question], levels: Levels) -> Decision:
        mine = [rows[question.question_id] for question in expected]
        return decide("drawn", mine, expected, POLICY, pairwise=pairwise, levels=levels)

    early = Course(mixed(asked, generator.randrange(2**32)), [], decided).follow(by_id)
    assert early is not None
    assert early.early is not None
    full = decided(by_id, asked, LEVELS)
    return Ended(early.outcome, full.outcome, 100 * early.early.used / len(rows))


def measure(pair: Pair, truth: Truth, make: Make, repeat: int) -> list[Ended]:
    """Runs of one pair."""
    generator = random.Random(f"{SEED} {pair.name} {pair.judge} {truth.name} early")
    population = Population.of(pair, truth)
    pairwise = truth.games and len(pair.scores) > 0
    drawn = (make(population.rows(1, generator)) for _ in range(repeat))
    return [run(rows, pairwise, generator) for rows in drawn]


def per_cent(runs: Sequence[Ended], true: Callable[[Ended], bool]) -> float:
    """The share of runs of which something is true."""
    return 100 * sum(map(true, runs)) / len(runs)


def line(truth: Truth, judge: str, pair: str, runs: Sequence[Ended]) -> str:
    """A line of the table."""
    used = sum(run.used for run in runs) / len(runs)
    same = per_cent(runs, lambda run: run.early == run.full)
    early, full = (Counter(getattr(run, which) for run in runs) for which in ("early", "full"))
    shares = "".join(
        f"{100 * early[outcome] / len(runs):>9.1f} ({100 * full[outcome] / len(runs):>5.1f})"
        for outcome in ("PASS", "REGRESSION", "INCONCLUSIVE")
    )
    return f"{truth.name:<14}{judge:<22}{pair:<18}{used:>7.1f}{same:>7.1f}{shares}"


def figures(truth: Truth, runs: Sequence[Ended]) -> list[Figure]:
    """What is within bars, over all pairs together."""
    used = [sum(run.used for run in runs) / len(runs)]
    other = [per_cent(runs, lambda run: run.early != run.full)]
    passed = [per_cent(runs, lambda run: run.early == "PASS")]
    regressed = [per_cent(runs, lambda run: run.early == "REGRESSION")]
    name = f"at {truth.name}"
    if truth is ON_MARGIN:
        return [Figure(f"PASS {name}", passed, "%", others={"nominal": 5.0})]
    found = [Figure(f"decided otherwise {name}", other, "%", 5.0)]
    if truth is WORSE:
        return [
            Figure(f"questions used {name}", used, "%", AIM),
            *found,
            Figure(f"PASS {name}", passed, "%", 5.0),
        ]
    return [
        Figure(f"questions used {name}", used, "%", others={"aim": AIM}),
        *found,
        Figure(f"REGRESSION {name}", regressed, "%", 2.5),
    ]


def main() -> int:
    """Measures and prints."""
    options = arguments(__doc__, 100, "runs of each pair").parse_args()
    need_data()
    found = list(pairs())
    measured = []
    print("in per cent; in parentheses the same runs decided on all questions at once")
    heads = "".join(f"{head:>17}" for head in ("PASS", "REGRESSION", "INCONCLUSIVE"))
    print(f"{'truth':<14}{'judge':<22}{'pair':<18}{'used':>7}{'same':>7}{heads}")
    for truth, make in CASES:
        together: list[Ended] = []
        for judge in dict.fromkeys(pair.judge for pair in found):
            mine: list[Ended] = []
            for pair in (pair for pair in found if pair.judge == judge):
                runs = measure(pair, truth, make, options.repeat)
                print(line(truth, judge, pair.name, runs))
                mine += runs
            print(line(truth, judge, "all pairs", mine))
            together += mine
        print(line(truth, "all judges", "all pairs", together), flush=True)
        measured += figures(truth, together)
    print()
    return finish(measured)


if __name__ == "__main__":
    sys.exit(main())
