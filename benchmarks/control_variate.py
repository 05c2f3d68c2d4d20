"""What a blessed baseline's grades on the whole bench are worth to a run that may stop early.

Runs of 160 questions are drawn from real pairs at a known true difference, as `error_rates.py` draws them.
After n of the questions, in the order of a run, the plugin's bounds with the control variate are beside those
without: the share of runs in which each one-sided 95 % bound holds, and what is left of the variance of the
mean difference. Then the way of a run, with and without: questions used, and how it ends.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, variance

from _populations import Population, Truth, questions_of
from _recorded import BROKEN, RECORDS, Pair, need_data, pairs
from _table import Figure, arguments, finish
from error_rates import EQUAL, EXCHANGED, LOWER, POLICY, SEED, near

from mtbench_pytest.bench.bench import mixed
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import decide
from mtbench_pytest.gate.decision import Decision, Levels
from mtbench_pytest.gate.early_stop import Course, Rows, control_of
from mtbench_pytest.gate.stats import ControlVariate, Moments, mean_difference

LOOKS = (32, 48, 80, 120)
TRUTHS = (EQUAL, EXCHANGED, LOWER)
WAYS = [(pairwise, known) for pairwise in (True, False) for known in (False, True)]


@dataclass(frozen=True)
class Bounds:
    """The bounds after some of the questions of one run."""

    centre: float
    low_holds: bool
    high_holds: bool


@dataclass(frozen=True)
class Drawn:
    """One run: what of it was judged in which order, and what is known of all of it."""

    order: Sequence[Question]
    rows: dict[QuestionId, Row]
    control: ControlVariate

    def bounds(self, n: int, true: float) -> tuple[Bounds, Bounds]:
        """Without and with the variate."""
        mine = [self.rows[question.question_id] for question in self.order[:n]]
        differences = {row.question_id: row.difference or 0.0 for row in mine}
        plain = Moments.of(list(differences.values()), [row.category for row in mine])
        narrowed = self.control.moments(differences)
        assert narrowed is not None
        return _bounds(plain, true), _bounds(narrowed, true)

    def decide(self, *, known: bool, pairwise: bool) -> Decision:
        """The way of the run."""

        def look(rows: Rows, expected: Sequence[Question], levels: Levels) -> Decision:
            mine = [rows[question.question_id] for question in expected]
            control = self.control if known else None
            return decide("drawn", mine, expected, POLICY, pairwise=pairwise, levels=levels, control=control)

        decision = Course(self.order, [], look).follow(self.rows)
        assert decision is not None
        return decision


def _bounds(moments: Moments, true: float) -> Bounds:
    estimate = mean_difference(moments)
    return Bounds(estimate.centre, estimate.lower() <= true, estimate.upper() >= true)


def draw(pair: Pair, truth: Truth, repeat: int, generator: random.Random) -> Iterator[Drawn]:
    """Runs of one pair; what could not be judged is left out."""
    graded = [row for row in pair.rows if row.difference is not None]
    population = Population.of(replace(pair, rows=graded), truth)
    for _ in range(repeat):
        rows = {row.question_id: row for row in population.rows(2, generator)}
        asked = questions_of(list(rows.values()))
        control = control_of(asked, {key: row.grade("baseline") or 0.0 for key, row in rows.items()})
        assert control is not None
        yield Drawn(mixed(asked, generator.randrange(2**32)), rows, control)


@dataclass(frozen=True)
class Measured:
    """What the runs of one pair showed.

    Attributes:
        bounds: By number of questions, of each run the bounds without and with the variate.
        ends: By whether games decide too and whether the variate is used, the decisions of the first runs.
    """

    bounds: dict[int, list[tuple[Bounds, Bounds]]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[tuple[bool, bool], list[Decision]] = field(default_factory=lambda: defaultdict(list))


def measure(pair: Pair, truth: Truth, repeat: int, ways: int) -> Measured:
    """Draws the runs of one pair; the first of them are gone through to their ends."""
    generator = random.Random(f"{SEED} {pair.judge} {pair.name} {truth.name} known")
    found = Measured()
    for number, run in enumerate(draw(pair, truth, repeat, generator)):
        for n in LOOKS:
            found.bounds[n].append(run.bounds(n, truth.grade))
        for way in WAYS if number < ways else ():
            pairwise, known = way
            found.ends[way].append(run.decide(known=known, pairwise=pairwise))
    return found


def coverage(truth: Truth, found: Sequence[Measured]) -> Iterator[Figure]:
    """A line for each number of questions; the figures that have a bar."""
    for n in LOOKS:
        left = [
            variance(narrowed.centre for _, narrowed in one.bounds[n])
            / variance(plain.centre for plain, _ in one.bounds[n])
            for one in found
        ]
        shares = [
            100 * fmean(fmean(getattr(run[which], side) for run in one.bounds[n]) for one in found)
            for which in (0, 1)
            for side in ("low_holds", "high_holds")
        ]
        cells = "".join(f"{share:>9.1f}" for share in shares)
        print(f"{truth.name:<40}{n:>5}{cells}{100 * fmean(left):>9.1f}", flush=True)
        missed = 100 - min(shares[2:])
        yield Figure(f"a bound does not hold, {truth.name}, {n} of 160", [missed], "%", 6.0)


def tell_ways(truth: Truth, found: Sequence[Measured]) -> None:
    """Lines for questions used and how the runs ended."""
    for way in WAYS:
        made = [decision for one in found for decision in one.ends[way]]
        used = fmean(decision.early.used for decision in made if decision.early)
        ends = "".join(
            f"{100 * fmean(decision.outcome == outcome for decision in made):>12.1f}"
            for outcome in ("PASS", "REGRESSION")
        )
        what, word = ("grades and games" if way[0] else "grades alone"), ("with" if way[1] else "without")
        print(f"{truth.name:<40}{what:<20}{word:<10}{used:>7.1f}{ends}")


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__, 200, "runs of each pair for the coverage")
    parser.add_argument("--ways", type=int, default=40, metavar="N", help="runs of each pair gone (40)")
    options = parser.parse_args()
    need_data()
    found = list(pairs([source for source in RECORDS if source != BROKEN]))
    heads = "".join(f"{head:>9}" for head in ("lower", "upper", "lower", "upper", "left"))
    print("in per cent: bounds that hold, without and with the variate; what it leaves of the variance")
    print(f"{'truth':<40}{'n':>5}{heads}")
    measured: dict[Truth, list[Measured]] = {}
    figures: list[Figure] = []
    for truth in TRUTHS:
        mine = [pair for pair in found if not truth.exchanged or near(pair)]
        measured[truth] = [measure(pair, truth, options.repeat, options.ways) for pair in mine]
        figures += coverage(truth, measured[truth])
    print(f"\n{'truth':<40}{'':<20}{'variate':<10}{'used':>7}{'PASS':>12}{'REGRESSION':>12}")
    for truth, runs in measured.items():
        tell_ways(truth, runs)
    print()
    return finish(figures)


if __name__ == "__main__":
    sys.exit(main())
