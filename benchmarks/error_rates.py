"""How a whole run ends, by resampling real pairs of models: its exit status, with every rule on.

Each drawn run is decided twice: on all of its questions (`early off`), and by the way that a run takes which
stops once its decision is certain (`early on`), the plugin's own. `used` is the mean number of questions
judged, `other` the share of runs that end otherwise than on all questions.

A run is drawn from a recorded pair at a known true difference (`_populations.py`): as many questions of
each category as MT-bench has, or twice as many, each with its grades, its games and its category. Whether
the judge is fit, whether enough was judged, collapses, categories, bounds and what failed questions may
change are the product's own rules, and so is the exit status. Games are those of the second turn, which
alone the public records have; a live run compares every turn. A recorded judge cannot be asked again, so
that a question that drops is an xfail at once.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from _populations import FEW, Population, Truth, questions_of
from _recorded import BROKEN, RECORDS, Pair, need_data, pairs, panels
from _table import Figure, arguments, finish

from mtbench_pytest.bench.bench import mixed
from mtbench_pytest.core.records import Question
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide, exit_status
from mtbench_pytest.gate.decision import LEVELS, Decision, Levels
from mtbench_pytest.gate.early_stop import Course, Rows
from mtbench_pytest.gate.panel import seat
from mtbench_pytest.gate.worst_case import unjudged

SEED = 5
NEAR = 0.4  # points between two models that are exchanged: further apart, exchange adds variance of its own
HALF_A_POINT = 0.37  # the win rate that goes with half a point (win_rates.py)
POLICY = Policy()
STATUSES = (0, 1, 20, 21, 22)


@dataclass(frozen=True)
class Case:
    """A truth, the pairs that are brought to it, and what must come of it.

    Attributes:
        times: How often a run has as many questions as MT-bench.
        bars: By exit status what its share in per cent must be: at most, or at least where negative.
        early_bars: The same for a run that may stop early, where they are others.
        most_used: Questions that it may use on average.
        panel: Of all judges as a panel.
    """

    truth: Truth
    times: int = 1
    bars: Mapping[int, float] = field(default_factory=dict)
    takes: Callable[[Pair], bool] = lambda _: True
    early_bars: Mapping[int, float] = field(default_factory=dict)
    most_used: float | None = None
    panel: bool = False

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.truth.name}, {80 * self.times} questions{', panel' if self.panel else ''}"


def near(pair: Pair) -> bool:
    """Whether the two models lie near each other."""
    return abs(float(pair.differences.mean())) <= NEAR


EQUAL = Truth("equal, shifted")
EXCHANGED = Truth("equal, exchanged", exchanged=True)
LOWER = Truth("half a point lower, games of equals", grade=-0.5)
LOSING = Truth(f"grades of equals, win rate {HALF_A_POINT:.1%}", win_rate=HALF_A_POINT)
FAR = Truth("one point lower", grade=-1, win_rate=2 * HALF_A_POINT - 0.5)
CASES = (
    Case(EQUAL, bars={0: -85, 20: 2.5}),
    Case(EXCHANGED, bars={0: -85, 20: 2.5}, takes=near),
    Case(EQUAL, 2, bars={0: -94, 20: 2.5}, early_bars={0: -92}, most_used=100),
    Case(EXCHANGED, 2, bars={0: -94, 20: 2.5}, takes=near, early_bars={0: -92}, most_used=100),
    Case(EQUAL, bars={0: -94, 20: 2.5}, panel=True),
    Case(EXCHANGED, bars={0: -94, 20: 2.5}, takes=near, panel=True),
    Case(LOWER, bars={0: 5}, panel=True),
    Case(LOSING, bars={0: 5}, panel=True),
    Case(FAR, bars={0: 0.5, 20: -95}, panel=True),
    Case(LOWER, bars={0: 5}),
    Case(LOSING, bars={0: 5}),
    Case(Truth("half a point lower, games too", grade=-0.5, win_rate=HALF_A_POINT), bars={0: 5}),
    Case(FAR, bars={0: 0.5, 20: -95}),
    Case(Truth("one point lower, games of equals", grade=-1), bars={0: 0.5, 20: -95}),
    Case(LOWER, 2, bars={0: 5}),
    Case(LOSING, 2, bars={0: 5}),
    Case(FAR, 2, bars={0: 0.5, 20: -95}, most_used=55),
    Case(replace(EQUAL, name="equal, grades alone", games=False), 2, bars={20: 2.5}),
    Case(Truth("equal, one question not judged", failed=1), bars={20: 2.5}),
    Case(Truth(f"equal, but {FEW} answers collapse", collapsed=FEW)),
)


@dataclass(frozen=True)
class Ended:
    """One way through one run.

    Attributes:
        status: The exit status.
        used: Questions judged.
    """

    status: int
    used: int


Run = Mapping[str, Ended]
"""One drawn run, by whether it may stop early: "off" and "on"."""


def run(population: Population, times: int, generator: random.Random, ways: Sequence[str]) -> Run:
    """Draws a run and decides it."""
    rows, games = population.rows(times, generator), population.truth.games
    order = mixed(questions_of(rows), generator.randrange(2**32))
    found = {}
    for way in ways:
        if way == "off":
            found[way] = Ended(status_of(rows, pairwise=games), len(rows))
        else:
            found[way] = stopping_early(rows, order, pairwise=games)
    return found


def status_of(rows: Sequence[Row], *, pairwise: bool = True) -> int:
    """The exit status of a run with these rows: the decision's, or 1 where it rests on what is missing."""
    asked = questions_of(rows)
    return _status(_decided(rows, asked, LEVELS, pairwise), rows, asked, pairwise)


def stopping_early(rows: Sequence[Row], order: Sequence[Question], *, pairwise: bool) -> Ended:
    """How a run with these rows ends that judges them in an order and stops where that is certain."""
    by_id = {row.question_id: row for row in rows}

    def look(rows: Rows, expected: Sequence[Question], levels: Levels) -> Decision:
        return _decided([rows[one.question_id] for one in expected], expected, levels, pairwise)

    def holds(rows: Rows, expected: Sequence[Question], decision: Decision) -> bool:
        mine = [rows[one.question_id] for one in expected]
        return _status(decision, mine, expected, pairwise) != 1

    course = Course(order, [], look, holds)
    decision = course.follow(by_id)
    assert decision is not None
    left = {question.question_id for question in course.left}
    asked = [question for question in order if question.question_id not in left]
    mine = [by_id[question.question_id] for question in asked]
    return Ended(_status(decision, mine, asked, pairwise), len(asked))


def _status(decision: Decision, rows: Sequence[Row], asked: Sequence[Question], pairwise: bool) -> int:
    left = unjudged(
        decision, rows, asked, POLICY, lambda rows: _decided(rows, asked, decision.levels, pairwise)
    )
    return exit_status([decision.outcome], int(left is not None and not left.holds))


def _decided(rows: Sequence[Row], asked: Sequence[Question], levels: Levels, pairwise: bool) -> Decision:
    panel = seat(rows)
    return decide("drawn", panel.rows, asked, POLICY, pairwise=pairwise, levels=levels, fatal=panel.too_few)


def measure(case: Case, found: Sequence[Pair], repeat: int, ways: Sequence[str]) -> Mapping[Pair, list[Run]]:
    """Runs by pair."""
    runs = {}
    for number, pair in enumerate(found):
        if case.takes(pair):
            generator = random.Random(f"{SEED} {number} {case.name}")
            population = Population.of(pair, case.truth)
            runs[pair] = [run(population, case.times, generator, ways) for _ in range(repeat)]
    return runs


def line(name: str, who: str, by_pair: Sequence[Sequence[Run]], way: str) -> str:
    """A line of the table: the mean over pairs, and for exit 0 the least and the most."""
    shares = [mean_share(by_pair, status, way) for status in STATUSES]
    zeros = [share(runs, 0, way) for runs in by_pair]
    spread = f"{min(zeros):.1f} to {max(zeros):.1f}" if len(zeros) > 1 else ""
    more = f"{used(by_pair, way):>7.1f}{other(by_pair):>7}" if way == "on" else " " * 14
    cells = "".join(f"{value:>8.1f}" for value in shares)
    return f"{name:<52}{who:<24}{way:<6}{cells}{more}   {spread}"


def share(runs: Sequence[Run], status: int, way: str) -> float:
    """In per cent."""
    return 100 * fmean(run[way].status == status for run in runs)


def mean_share(by_pair: Sequence[Sequence[Run]], status: int, way: str) -> float:
    """In per cent, the mean over pairs."""
    return fmean(share(runs, status, way) for runs in by_pair)


def used(by_pair: Sequence[Sequence[Run]], way: str) -> float:
    """Questions judged, the mean over pairs."""
    return fmean(fmean(run[way].used for run in runs) for runs in by_pair)


def other(by_pair: Sequence[Sequence[Run]]) -> str:
    """The share of runs that end otherwise than on all questions, in per cent; "" where that is not known."""
    if "off" not in by_pair[0][0]:
        return ""
    return f"{100 * fmean(run['on'].status != run['off'].status for runs in by_pair for run in runs):.1f}"


def figures(case: Case, by_pair: Sequence[Sequence[Run]], way: str) -> list[Figure]:
    """What has a bar."""
    found, name = [], f"{case.name}, early {way}"
    for status, bar in {**case.bars, **(case.early_bars if way == "on" else {})}.items():
        value = mean_share(by_pair, status, way)
        if bar < 0:  # a least is told as what is missing at most
            found.append(Figure(f"other than exit {status}: {name}", [100 - value], "%", 100 + bar))
        else:
            found.append(Figure(f"exit {status}: {name}", [value], "%", bar))
    if way == "on" and case.most_used is not None:
        found.append(Figure(f"questions used: {name}", [used(by_pair, way)], "", case.most_used))
    return found


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__, 500, "runs of each pair")
    parser.add_argument(
        "--case", default="", metavar="TEXT", help="only the truths whose name holds the text"
    )
    parser.add_argument("--pairs", action="store_true", help="a line for each pair too")
    parser.add_argument(
        "--early-stop", choices=("on", "off", "both"), default="both", help="decided how (default: both ways)"
    )
    options = parser.parse_args()
    need_data()
    ways = ("off", "on") if options.early_stop == "both" else (options.early_stop,)
    found = list(pairs([source for source in RECORDS if source != BROKEN]))
    measured = []
    heads = "".join(f"{f'exit {s}':>8}" for s in STATUSES)
    print(f"{'truth':<52}{'judge':<24}{'early':<6}{heads}{'used':>7}{'other':>7}   exit 0 by pair")
    for case in (case for case in CASES if options.case in case.name):
        runs = measure(case, list(panels(found)) if case.panel else found, options.repeat, ways)
        by_judge = defaultdict(list)
        for pair in runs:
            by_judge[pair.judge].append(pair)
        for way in ways:
            for judge, mine in by_judge.items():
                for pair in mine if options.pairs else ():
                    print(line(case.name, f"{judge}: {pair.name}", [runs[pair]], way))
                print(line(case.name, judge, [runs[pair] for pair in mine], way))
            print(line(case.name, "all", list(runs.values()), way), flush=True)
            measured += figures(case, list(runs.values()), way)
    print()
    return finish(measured)


if __name__ == "__main__":
    sys.exit(main())
