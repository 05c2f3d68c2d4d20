"""What one-sided 95 % bounds of a mean over questions cover, by method, n and source of the figures.

A source is a population of real figures by question. Samples of n are drawn from it with replacement, and the
share of them whose bound lies on the right side of the population's mean is what the bound covers. Two models
the other way round need no source of their own: their lower bound is the upper one here, mirrored.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from _contenders import Pair, Values, bca, bootstrap_t, student, wilson, win_and_loss
from _recorded import need_data, pairs, voted

from mtbench_pytest.gate.stats import Estimate, Moments, mean_difference, win_rate

ALPHA = 0.05
SIZES = (20, 30, 40, 60, 80)
SEED = 5
CHUNK = 500  # samples at once: the bootstrap holds a value for each of them and each resample
TOLD = 0.94, 0.96

Method = Callable[[Values, float], Pair]


def of_the_gate(estimate: Callable[[Moments], Estimate]) -> Method:
    """The gate's own bounds, a sample at a time."""

    def bound(samples: Values, alpha: float) -> Pair:
        found = [estimate(Moments.of(sample)) for sample in samples.tolist()]
        lower, upper = [e.lower(1 - alpha) for e in found], [e.upper(1 - alpha) for e in found]
        return np.array(lower), np.array(upper)

    return bound


GATE = "the gate's"
GRADES: Mapping[str, Method] = {
    "t": student,
    "BCa": bca,
    "bootstrap-t": bootstrap_t,
    GATE: of_the_gate(mean_difference),
}
WIN_RATES: Mapping[str, Method] = {
    "t": student,
    "Wilson": wilson,
    "t, win + loss": win_and_loss,
    GATE: of_the_gate(win_rate),
}


@dataclass(frozen=True)
class Source:
    """A population.

    Attributes:
        real: As recorded; else a mixture of what was.
    """

    name: str
    values: Values
    real: bool = True


@dataclass(frozen=True)
class Coverage:
    """Of one method, on one source, at one n."""

    source: Source
    n: int
    method: str
    lower: float
    upper: float


def zeros(values: Values, share: float) -> Values:
    """The values, with so many zeros between them that they are this share of all."""
    return np.append(values, np.zeros(round(len(values) * share / (1 - share))))


def broken(values: Values, share: float, points: float) -> Values:
    """The values about 0, and of a share of them the answer broke: so many points lower."""
    centred = values - np.round(2 * values.mean()) / 2
    whole = np.repeat(centred, round((1 - share) / share))
    mixed: Values = np.concatenate([whole, centred - points])
    return np.clip(mixed, -9, 9, out=mixed)


def grade_sources() -> Iterator[Source]:
    """Every pair, then mixtures of the most skewed and of the one that broke."""
    found = {f"{pair.name}, {pair.judge}": pair.differences for pair in pairs()}
    yield from (Source(name, values) for name, values in found.items())
    skewed = next(name for name in found if "Mistral" in name)
    shattered = next(name for name in found if "Griffin" in name)
    for share in (0.5, 0.8):
        for name in (skewed, shattered):
            yield Source(f"{share:.0%} zeros, else {name}", zeros(found[name], share), real=False)
    yield Source("5 % broke by 6 points", broken(found[skewed], 0.05, 6), real=False)
    yield Source("10 % broke, 72 % zeros", broken(zeros(found[skewed], 0.8), 0.10, 6), real=False)


def win_rate_sources() -> Iterator[Source]:
    """Every pair, then nearly all ties, nearly all wins, and ties and losses on the gate's margin."""
    for pair in pairs():
        if len(pair.scores):
            yield Source(f"{pair.name}, {pair.judge}", pair.scores)
    yield from (Source(name, values) for name, values in voted())
    mixtures: Mapping[str, list[float]] = {
        "90 % ties, 5 % wins": [0.5] * 18 + [0, 1],
        "90 % ties, 10 % wins": [0.5] * 9 + [1],
        "95 % wins, 5 % losses": [1.0] * 19 + [0],
        "60 % ties, 10 % wins": [0.5] * 6 + [0] * 3 + [1],
        "80 % ties, 20 % losses": [0.5] * 4 + [0],
    }
    yield from (Source(name, np.array(values), real=False) for name, values in mixtures.items())


def measure(
    sources: Iterator[Source], methods: Mapping[str, Method], sizes: Sequence[int], samples: int
) -> Iterator[Coverage]:
    """All methods on the same samples."""
    for source in sources:
        truth = source.values.mean()
        for n in sizes:
            generator = np.random.default_rng([SEED, n])
            right = {method: [0, 0] for method in methods}
            for begin in range(0, samples, CHUNK):
                drawn = generator.choice(source.values, size=(min(CHUNK, samples - begin), n))
                for method, bound in methods.items():
                    lower, upper = bound(drawn, ALPHA)
                    right[method][0] += int((lower <= truth + 1e-9).sum())
                    right[method][1] += int((upper >= truth - 1e-9).sum())
            for method, (below, above) in right.items():
                yield Coverage(source, n, method, below / samples, above / samples)


def table(found: Sequence[Coverage], methods: Mapping[str, Method], sizes: Sequence[int]) -> None:
    """A line a source and n: what the lower and the upper bound cover, in per cent, by method."""
    print("  ".join([f"{'source':<44}{'n':>4}", *(f"{method:>13}" for method in methods)]))
    by_key = {(c.source.name, c.n, c.method): c for c in found}
    for source in dict.fromkeys(c.source.name for c in found):
        for n in sizes:
            cells = [by_key[source, n, method] for method in methods]
            both = (f"{100 * c.lower:>6.1f} {100 * c.upper:>6.1f}" for c in cells)
            print("  ".join([f"{source:<44.44}{n:>4}", *both]))
    print()


def summary(
    title: str, found: Sequence[Coverage], methods: Mapping[str, Method], sizes: Sequence[int]
) -> None:
    """By n and method the least, mean and greatest that a bound covers, and how many lie in 94 to 96 %."""
    print(f"{title}: least, mean and greatest that a bound covers, in per cent; share of bounds in 94 to 96")
    print("  ".join([f"{'n':>4}", *(f"{method:>26}" for method in methods)]))
    for n in (*sizes, 0):
        cells = []
        for method in methods:
            mine = [c for c in found if c.method == method and n in (0, c.n)]
            both = np.array([value for c in mine for value in (c.lower, c.upper)])
            within = np.mean((both.round(3) >= TOLD[0]) & (both.round(3) <= TOLD[1]))
            least, mean, most = (100 * value for value in (both.min(), both.mean(), both.max()))
            cells.append(f"{least:>6.1f} {mean:>6.1f} {most:>6.1f} {within:>5.0%}")
        print("  ".join([f"{n or 'all':>4}", *cells]))
    print()


def main() -> int:
    """Measures and prints; 1 where the gate's bounds cover less of the real pairs than another method's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=4000, metavar="N", help="of each source and n (4000)")
    parser.add_argument("--summary", action="store_true", help="leave the table by source away")
    options = parser.parse_args()
    need_data()
    best = True
    for title, sources, methods in (
        ("grade differences", grade_sources(), GRADES),
        ("win rates", win_rate_sources(), WIN_RATES),
    ):
        found = list(measure(sources, methods, SIZES, options.samples))
        if not options.summary:
            table(found, methods, SIZES)
        real = [c for c in found if c.source.real]
        summary(f"{title}, real pairs", real, methods, SIZES)
        summary(f"{title}, mixtures", [c for c in found if not c.source.real], methods, SIZES)
        off = {method: _off([c for c in real if c.method == method]) for method in methods}
        print(f"{title}, real pairs, mean distance from 94-96 %, in percentage points: ", end="")
        print(", ".join(f"{method} {100 * value:.2f}" for method, value in off.items()))
        print()
        best = best and off[GATE] <= min(off.values())
    return 0 if best else 1


def _off(found: Sequence[Coverage]) -> float:
    """How far the bounds lie outside of 94 to 96 % on average."""
    both = np.array([value for c in found for value in (c.lower, c.upper)])
    return float(np.maximum(np.maximum(TOLD[0] - both, both - TOLD[1]), 0).mean())


if __name__ == "__main__":
    sys.exit(main())
