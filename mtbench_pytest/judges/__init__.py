"""Judges by the kind their spec names. Each kind is imported only when it is used."""

from __future__ import annotations

from mtbench_pytest.core.specs import Spec, build
from mtbench_pytest.judges.base import Judge

__all__ = ["KINDS", "Judge", "build_judge"]

KINDS = {
    "checks": "mtbench_pytest.judges.checks:ChecksJudge.from_spec",
    "judgments": "mtbench_pytest.judges.recorded:from_spec",
    "openai": "mtbench_pytest.judges.openai:OpenAIJudge.from_spec",
    "python": "mtbench_pytest.core.specs:from_python",
}


def build_judge(spec: Spec) -> Judge:
    """Builds a judge; cheap, nothing is called yet.

    Raises:
        MTBenchError: For an unknown kind or parameter, or a file that is not there.
    """
    judge: Judge = build(spec, "judge", KINDS)
    return judge
