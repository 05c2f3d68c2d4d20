"""Whether `mtbench plan` foretells how runs end: its chances for each real pair against drawn runs.

A pair's spread and correlation, within categories, are what an earlier run would have told. The runs are
those of `error_rates.py`, by exit status, with every rule on. The last lines have the usual spread, which a
plan takes that knows nothing.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from _populations import Population, Truth
from _recorded import BROKEN, RECORDS, Pair, need_data, pairs
from _table import arguments
from error_rates import HALF_A_POINT, SEED, run

from mtbench_pytest.cli.plan.chances import Chances, chances
from mtbench_pytest.cli.plan.power import Noise, correlation_of, noise_of, reach, spread
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.gate.stats import Moments, correlation

WAYS = 3  # to a regression: grades, win rate, collapses
POLICY = Policy()
# The truths, and the exit status whose chance is told.
TRUTHS = (
    (Truth("equal, shifted"), 0),
    (Truth("half a point lower, games too", grade=-0.5, win_rate=HALF_A_POINT), 0),
    (Truth("one point lower", grade=-1, win_rate=2 * HALF_A_POINT - 0.5), 20),
)
Three = Sequence[float]


def foretold(found: Chances) -> Three:
    """The three chances."""
    told = (found.equal_passes, found.half_a_point_passes, found.one_point_caught)
    return [chance for chance in told if chance is not None]


def planned(grade: Noise, win_rate: Noise, both: Noise, questions: int, strata: int) -> Three:
    """What a plan says of so many questions."""
    reaches = [
        reach("grade", questions, grade, POLICY.margin, WAYS, (), strata=strata),
        reach("win rate", questions, win_rate, POLICY.win_rate_margin, WAYS, (), strata=strata),
    ]
    return foretold(chances(reaches, strata, WAYS, both))


def plan(pair: Pair, times: int) -> Three:
    """What a plan says that has seen the pair."""
    rows = [
        (row.category, row.difference, row.score)
        for row in pair.rows
        if row.difference is not None and row.score is not None
    ]
    categories = [category for category, *_ in rows]
    differences, scores = [grade for _, grade, _ in rows], [score for *_, score in rows]
    both = Noise(correlation(differences, scores, categories), pair.name)
    grade = Noise(spread("grade", differences, categories), pair.name)
    win_rate = Noise(spread("win rate", scores, categories), pair.name)
    strata = Moments.of(differences, categories).strata
    return planned(grade, win_rate, both, times * len(pair.rows), strata)


def drawn(pair: Pair, number: int, times: int, repeat: int) -> Iterator[float]:
    """The share of drawn runs that end so, by truth."""
    for truth, status in TRUTHS:
        generator = random.Random(f"{SEED} {number} {times} {truth.name}")
        population = Population.of(pair, truth)
        yield fmean(
            run(population, times, generator, ("off",))["off"].status == status for _ in range(repeat)
        )


def line(name: str, told: Three, seen: Three) -> str:
    """Foretold and drawn, in per cent."""
    cells = (f"{100 * one:>10.1f}{100 * other:>8.1f}" for one, other in zip(told, seen, strict=True))
    return f"{name:<44}" + "".join(cells)


def mean(lines: Sequence[Three]) -> Three:
    """By truth."""
    return [fmean(column) for column in zip(*lines, strict=True)]


def report(times: int, found: Sequence[Pair], repeat: int, *, each: bool) -> None:
    """The table for so many times the questions of MT-bench."""
    print(f"{80 * times} questions: foretold and drawn, in per cent")
    heads = ("equal passes", "-0.5 passes", "-1 is caught")
    print(f"{'':<44}" + "".join(f"{head:>18}" for head in heads))
    told: Mapping[str, list[Three]] = defaultdict(list)
    seen: Mapping[str, list[Three]] = defaultdict(list)
    for number, pair in enumerate(found):
        told[pair.judge].append(plan(pair, times))
        seen[pair.judge].append(list(drawn(pair, number, times, repeat)))
        if each:
            print(line(f"{pair.judge}: {pair.name}", told[pair.judge][-1], seen[pair.judge][-1]), flush=True)
    for judge in told:
        print(line(judge, mean(told[judge]), mean(seen[judge])))
    everything = [one for ones in seen.values() for one in ones]
    print(line("all pairs", mean([one for ones in told.values() for one in ones]), mean(everything)))
    usual = planned(
        noise_of("grade", None, None),
        noise_of("win rate", None, None),
        correlation_of(None),
        80 * times,
        Moments.of([0.0] * 80, [row.category for row in found[0].rows]).strata,
    )
    print(line("the usual spread, one judge", usual, mean(everything)), flush=True)


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__, 300, "runs of each pair and truth")
    parser.add_argument("--pairs", action="store_true", help="a line for each pair too")
    options = parser.parse_args()
    need_data()
    found = list(pairs([source for source in RECORDS if source != BROKEN]))
    for times in (1, 2):
        report(times, found, options.repeat, each=options.pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
