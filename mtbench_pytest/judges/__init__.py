"""Judges by the kind their spec names. Each kind is imported only when it is used."""

from __future__ import annotations

from pkgutil import resolve_name

from mtbench_pytest.judges.base import Judge
from mtbench_pytest.specs import Spec, one_of

__all__ = ["KINDS", "Judge", "build_judge"]

KINDS = {
    "checks": "mtbench_pytest.judges.checks:ChecksJudge.from_spec",
    "judgments": "mtbench_pytest.judges.recorded:from_spec",
    "openai": "mtbench_pytest.judges.openai:OpenAIJudge.from_spec",
    "python": "mtbench_pytest.specs:from_python",
}


def build_judge(spec: Spec) -> Judge:
    """Builds a judge; cheap, nothing is called yet.

    Raises:
        MTBenchError: For an unknown kind or parameter, or a file that is not there.
    """
    if spec.kind not in KINDS:
        raise spec.error(f"unknown kind {spec.kind!r} of judge", one_of(spec.kind, KINDS))
    judge: Judge = resolve_name(KINDS[spec.kind])(spec)
    return judge
