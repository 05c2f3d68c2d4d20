"""Which win rate goes with half a point of mean grade: pairs of public models, by judge; no network.

A win rate and a mean grade difference of the same two models are both uncertain. So the line through no
difference is fitted three ways: win rates on grades, which noise in the grades makes too flat; grades on
win rates, which noise in the win rates makes too steep; and their geometric mean (reduced major axis:
Ricker 1973, Linear regressions in fishery research, J. Fish. Res. Board Can. 30), which the default of
--mtbench-win-rate-margin follows.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Sequence

from _recorded import BROKEN, RECORDS, Pair, need_data, pairs

HEADS = f"{'judge':<24}{'pairs':>6}{'on grades':>12}{'on win rates':>14}{'between':>10}{'flips':>8}"


def line(name: str, found: Sequence[Pair]) -> str:
    """How far the win rate lies from one half where the grades lie half a point apart, in per cent."""
    grades = [float(pair.differences.mean()) for pair in found]
    shares = [float(pair.scores.mean()) - 0.5 for pair in found]
    both = sum(grade * share for grade, share in zip(grades, shares, strict=True))
    flat = 50 * both / sum(grade**2 for grade in grades)
    steep = 50 * sum(share**2 for share in shares) / both
    verdicts = [verdict for pair in found for row in pair.rows for verdict in row.verdicts]
    flips = 100 * sum(not verdict.consistent for verdict in verdicts) / len(verdicts)
    between = math.sqrt(flat * steep)
    return f"{name:<24}{len(found):>6}{flat:>12.1f}{steep:>14.1f}{between:>10.1f}{flips:>8.1f}"


def main() -> int:
    """Prints the table."""
    need_data()
    by_judge = defaultdict(list)
    for pair in pairs([source for source in RECORDS if source != BROKEN]):
        by_judge[pair.judge].append(pair)
    print("the win rate's distance from one half at half a point, and comparisons that flip, in per cent")
    print(HEADS)
    for judge, found in by_judge.items():
        print(line(judge, found))
    print(line("all", [pair for found in by_judge.values() for pair in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
