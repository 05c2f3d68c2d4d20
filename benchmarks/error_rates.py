"""False alarms and misses of the whole decision, by resampling real pairs of models, by judge.

A run is n questions of a recorded pair, drawn with replacement, each with its grades, its games and its
category. The decision is the gate's own, on rows. The true difference is

     0    the two sides of each question are swapped by a coin;
    -1    the weaker model is the candidate, its grades shifted by what brings the mean to -1; of a pair that
          lies further apart than that as many questions are swapped as bring it there;
    -0.5  the same, on the margin, where the grades alone decide: no bar, but nominally 5 % pass.

Whether the judge is fit to compare is left aside: an unfit one could not pass at all.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from _populations import EQUAL, ON_MARGIN, WORSE, Population, Truth, questions_of
from _recorded import Pair, need_data, pairs
from _table import Figure, arguments, finish

from mtbench_pytest.decision import Outcome
from mtbench_pytest.gate import Policy, decide

SIZES = (80, 40)
SEED = 5
POLICY = Policy()


def decided(population: Population, n: int, generator: random.Random) -> Outcome:
    """One run of n questions."""
    rows = population.rows(n, generator)
    return decide("drawn", rows, questions_of(rows), POLICY, pairwise=population.pairwise).outcome


def measure(
    found: Sequence[Pair], truth: Truth, n: int, repeat: int
) -> Mapping[str, Mapping[str, Counter[Outcome]]]:
    """Outcomes by judge and pair."""
    counts: dict[str, dict[str, Counter[Outcome]]] = defaultdict(dict)
    for pair in found:
        generator = random.Random(f"{SEED} {pair.name} {pair.judge} {truth.name} {n}")
        population = Population.of(pair, truth)
        counts[pair.judge][pair.name] = Counter(decided(population, n, generator) for _ in range(repeat))
    return counts


def main() -> int:
    """Measures and prints."""
    options = arguments(__doc__, 2000, "runs of each pair").parse_args()
    need_data()
    found = list(pairs())
    figures = []
    print(
        f"{'truth':<14}{'n':>4}  {'judge':<22}{'pair':<18}{'PASS':>8}{'REGRESSION':>12}{'INCONCLUSIVE':>14}"
    )
    for truth in (EQUAL, WORSE, ON_MARGIN):
        for n in SIZES:
            for judge, by_pair in measure(found, truth, n, options.repeat).items():
                together: Counter[Outcome] = Counter()
                for pair, counts in by_pair.items():
                    together += counts
                    _print(truth, n, judge, pair, counts)
                _print(truth, n, judge, "all pairs", together)
                figures += _figures(truth, n, judge, together)
    print()
    return finish(figures)


def _print(truth: Truth, n: int, judge: str, pair: str, counts: Counter[Outcome]) -> None:
    shares = [100 * counts[outcome] / counts.total() for outcome in ("PASS", "REGRESSION", "INCONCLUSIVE")]
    told = f"{shares[0]:>7.1f}%{shares[1]:>11.1f}%{shares[2]:>13.1f}%"
    print(f"{truth.name:<14}{n:>4}  {judge:<22}{pair:<18}{told}")


def _figures(truth: Truth, n: int, judge: str, counts: Counter[Outcome]) -> list[Figure]:
    passed, regressed = (100 * counts[outcome] / counts.total() for outcome in ("PASS", "REGRESSION"))
    at = f"at {truth.name}, n {n}, {judge}"
    if truth is EQUAL:
        return [Figure(f"REGRESSION {at}", [regressed], "%", 2.5), Figure(f"PASS {at}", [passed], "%")]
    if truth is WORSE:
        return [Figure(f"PASS {at}", [passed], "%", 5.0), Figure(f"REGRESSION {at}", [regressed], "%")]
    return [Figure(f"PASS {at}", [passed], "%", others={"nominal": 5.0})]


if __name__ == "__main__":
    sys.exit(main())
