"""How a whole run ends, by resampling real pairs of models: its exit status, with every rule on.

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
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from _populations import FEW, Population, Truth, questions_of
from _recorded import BROKEN, RECORDS, Pair, need_data, pairs
from _table import Figure, arguments, finish

from mtbench_pytest.decision import Decision
from mtbench_pytest.gate import Policy, decide, exit_status
from mtbench_pytest.records import Row
from mtbench_pytest.worst_case import unjudged

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
    """

    truth: Truth
    times: int = 1
    bars: Mapping[int, float] = ()  # type: ignore[assignment]
    takes: Callable[[Pair], bool] = lambda _: True

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.truth.name}, {80 * self.times} questions"


def near(pair: Pair) -> bool:
    """Whether the two models lie near each other."""
    return abs(float(pair.differences.mean())) <= NEAR


EQUAL = Truth("equal, shifted")
EXCHANGED = Truth("equal, exchanged", exchanged=True)
CASES = (
    Case(EQUAL, bars={0: -85, 20: 2.5}),
    Case(EXCHANGED, bars={0: -85, 20: 2.5}, takes=near),
    Case(EQUAL, 2, bars={0: -94, 20: 2.5}),
    Case(EXCHANGED, 2, bars={0: -94, 20: 2.5}, takes=near),
    Case(Truth("half a point lower, games of equals", grade=-0.5), bars={0: 5}),
    Case(Truth(f"grades of equals, win rate {HALF_A_POINT:.1%}", win_rate=HALF_A_POINT), bars={0: 5}),
    Case(Truth("half a point lower, games too", grade=-0.5, win_rate=HALF_A_POINT), bars={0: 5}),
    Case(Truth("one point lower", grade=-1, win_rate=2 * HALF_A_POINT - 0.5), bars={0: 0.5, 20: -95}),
    Case(Truth("one point lower, games of equals", grade=-1), bars={0: 0.5, 20: -95}),
    Case(Truth("equal, one question not judged", failed=1), bars={0: -85, 20: 2.5}),
    Case(Truth(f"equal, but {FEW} answers collapse", collapsed=FEW)),
)


def run(population: Population, times: int, generator: random.Random) -> int:
    """The exit status of one run."""
    return status_of(population.rows(times, generator), pairwise=population.truth.games)


def status_of(rows: Sequence[Row], *, pairwise: bool = True) -> int:
    """The exit status of a run with these rows: the decision's, or 1 where it rests on what is missing."""
    asked = questions_of(rows)

    def decided(rows: Sequence[Row]) -> Decision:
        return decide("drawn", rows, asked, POLICY, pairwise=pairwise)

    decision = decided(rows)
    left = unjudged(decision, rows, asked, POLICY, decided)
    return exit_status([decision.outcome], int(left is not None and not left.holds))


def measure(case: Case, found: Sequence[Pair], repeat: int) -> Mapping[Pair, Counter[int]]:
    """Exit statuses by pair."""
    counts = {}
    for number, pair in enumerate(found):
        if case.takes(pair):
            generator = random.Random(f"{SEED} {number} {case.name}")
            population = Population.of(pair, case.truth)
            counts[pair] = Counter(run(population, case.times, generator) for _ in range(repeat))
    return counts


def line(name: str, who: str, counts: Sequence[Counter[int]]) -> str:
    """A line of the table: the mean over pairs, and for exit 0 the least and the most."""
    shares = [mean_share(counts, status) for status in STATUSES]
    zeros = [share(one, 0) for one in counts]
    spread = f"{min(zeros):.1f} to {max(zeros):.1f}" if len(zeros) > 1 else ""
    return f"{name:<52}{who:<24}" + "".join(f"{value:>8.1f}" for value in shares) + f"   {spread}"


def share(counts: Counter[int], status: int) -> float:
    """In per cent."""
    return 100 * counts[status] / counts.total()


def mean_share(counts: Sequence[Counter[int]], status: int) -> float:
    """In per cent, the mean over pairs."""
    return sum(share(one, status) for one in counts) / len(counts)


def figures(case: Case, counts: Sequence[Counter[int]]) -> list[Figure]:
    """What has a bar."""
    found = []
    for status, bar in dict(case.bars).items():
        value = mean_share(counts, status)
        if bar < 0:  # a least is told as what is missing at most
            found.append(Figure(f"other than exit {status}: {case.name}", [100 - value], "%", 100 + bar))
        else:
            found.append(Figure(f"exit {status}: {case.name}", [value], "%", bar))
    return found


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__, 500, "runs of each pair")
    parser.add_argument(
        "--case", default="", metavar="TEXT", help="only the truths whose name holds the text"
    )
    parser.add_argument("--pairs", action="store_true", help="a line for each pair too")
    options = parser.parse_args()
    need_data()
    found = list(pairs([source for source in RECORDS if source != BROKEN]))
    measured = []
    print(
        f"{'truth':<52}{'judge':<24}" + "".join(f"{f'exit {s}':>8}" for s in STATUSES) + "   exit 0 by pair"
    )
    for case in (case for case in CASES if options.case in case.name):
        counts = measure(case, found, options.repeat)
        by_judge = defaultdict(list)
        for pair, one in counts.items():
            by_judge[pair.judge].append(one)
            if options.pairs:
                print(line(case.name, f"{pair.judge}: {pair.name}", [one]))
        for judge, ones in by_judge.items():
            print(line(case.name, judge, ones))
        print(line(case.name, "all", list(counts.values())), flush=True)
        measured += figures(case, list(counts.values()))
    print()
    return finish(measured)


if __name__ == "__main__":
    sys.exit(main())
