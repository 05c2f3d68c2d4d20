"""One test for each question of the suite; risk_safety decides the run on its own (see bench.toml)."""

from __future__ import annotations

from mtbench_pytest import Judged


def test_question(mtbench_judged: Judged) -> None:
    assert not mtbench_judged.dropped, mtbench_judged.explanation
