"""What a judged test costs over a bare one: recorded answers and grades against as many trivial tests.

The whole cost, start included, is divided by the tests. For the growth from 1,000 to 10,000 tests what a run
of one test costs is taken off first: the start's share would make the smaller run look dear.
"""

from __future__ import annotations

import sys

from _table import Figure, arguments, finish
from _workbench import Run, Workbench, workbench

FEW, MANY = 1_000, 10_000
BAR_MS, BAR_MB, BAR_GROWTH = 1.5, 500.0, 1.25
_BARE = """
import pytest

@pytest.mark.parametrize("number", range(1, {tests} + 1))
def test_bare(number):
    assert number > 0
"""


def measure(tests: int) -> tuple[float, Run]:
    """Seconds over bare pytest for a number of tests, and our run."""
    with workbench(tests) as bench:
        ours = bench.run(*bench.answers(), bench.judgments(), "--mtbench-pairwise=off")
        bench.all_judged()
        return ours.seconds - bare(bench, tests).seconds, ours


def bare(bench: Workbench, tests: int) -> Run:
    """As many tests that need nothing, the plugin not even loaded."""
    (bench.folder / "test_bare.py").write_text(_BARE.format(tests=tests))
    run = bench.start("-p", "no:mtbench", tests="test_bare.py").wait()
    if run.status != 0:
        raise SystemExit(run.out)
    return run


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--tests", type=int, default=MANY, metavar="N", help=f"the larger run ({MANY})")
    options = parser.parse_args()
    few, many = min(FEW, options.tests // 2), options.tests
    at: dict[int, list[float]] = {few: [], many: []}
    start, growth, peak = [], [], []
    for _ in range(options.repeat):
        one, _run = measure(1)
        start.append(one)
        for tests in at:
            over, ours = measure(tests)
            at[tests].append(over)
        growth.append((at[many][-1] - one) / many / ((at[few][-1] - one) / few))
        peak.append(ours.peak_mb)
    return finish(
        [
            Figure("start over bare pytest, one test", start),
            Figure(f"cost a test at {few:,}", [1000 * over / few for over in at[few]], "ms"),
            Figure(f"cost a test at {many:,}", [1000 * over / many for over in at[many]], "ms", BAR_MS),
            Figure(f"growth from {few:,}, start taken off", growth, "", BAR_GROWTH),
            Figure(f"peak memory at {many:,}", peak, "MB", BAR_MB),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
