"""How often a judge that moved is found out, and one that did not is suspected: real grades, wobbled.

python benchmarks/drift.py
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from mtbench_pytest.bench.bench import load_bench, mixed
from mtbench_pytest.findings.drift import CONFIDENCE, measure
from mtbench_pytest.judges.fastchat import binding, read_judgments

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mt_bench"
JUDGE, MODEL = "gpt-4o-mini", "gemma-2-9b-it"
WOBBLES = (0.0, 0.4, 0.8)  # standard deviation of a single grade from call to call, before rounding
SHIFTS = (0.0, -0.25, -0.5, -1.0)
ANSWERS = (8, 16, 32)
FALSE_ALARMS, FOUND = 0.02, 0.95  # of an unmoved judge; of a point, with 8 answers and a wobble of 0.4


def grades() -> np.ndarray:
    """The judge's grades of one model by question and turn, the questions in the order they are drawn in."""
    bench = load_bench(DATA)
    lines = binding(read_judgments(DATA / "model_judgment").singles)
    order = [question.question_id for question in mixed(bench.questions, 0)]
    return np.array([[lines[key, turn, MODEL, JUDGE].score for turn in (1, 2)] for key in order])


def alarms(true: np.ndarray, wobble: float, shift: float, runs: int, rng: np.random.Generator) -> float:
    """The share of runs in which the shift is more than noise.

    Args:
        true: Grades by question and turn; of each turn the judge gives this, wobbled, rounded, from 1 to 10.
    """
    size = (runs, *true.shape)
    old, new = (
        np.clip(np.rint(true + moved + rng.normal(0, wobble, size)), 1, 10).mean(axis=2)
        for moved in (0.0, shift)
    )
    differences = new - old
    n = true.shape[0]
    mean, sd = differences.mean(axis=1), differences.std(axis=1, ddof=1)
    half = stdtrit(n - 1, (1 + CONFIDENCE) / 2) * sd / np.sqrt(n)
    found = np.abs(mean) > half + 1e-12
    # The first runs by the code that a run uses: the same answer.
    for run in range(20):
        pairs = list(zip(old[run].tolist(), new[run].tolist(), strict=True))
        assert measure(pairs, n).beyond == bool(found[run])
    return float(found.mean())


def main() -> int:
    """Prints the table; returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, true = np.random.default_rng(options.seed), grades()
    print(f"{options.runs} runs each; grades of {MODEL} by {JUDGE}; share of runs that tell of drift")
    print(f"{'answers':>8}{'wobble':>8}" + "".join(f"{f'shift {shift:+g}':>14}" for shift in SHIFTS))
    good = True
    for n in ANSWERS:
        for wobble in WOBBLES:
            found = [alarms(true[:n], wobble, shift, options.runs, rng) for shift in SHIFTS]
            print(f"{n:>8}{wobble:>8}" + "".join(f"{100 * share:>12.1f} %" for share in found))
            good = good and found[0] <= FALSE_ALARMS
            if (n, wobble) == (8, 0.4):
                good = good and found[-1] >= FOUND
    print(f"bars: at most {FALSE_ALARMS:.0%} without a shift, at least {FOUND:.0%} of -1 with 8 and 0.4")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
