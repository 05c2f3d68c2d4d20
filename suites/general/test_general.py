"""One test for each question: the candidate may not fall more than the question margin under the baseline.

Run it on another bench with `--mtbench-bench DIR|NAME`; the gate decides over all questions together.
"""

from __future__ import annotations

from mtbench_pytest import Judged


def test_question(mtbench_judged: Judged) -> None:
    assert not mtbench_judged.dropped, mtbench_judged.explanation
