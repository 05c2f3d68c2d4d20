"""Judges by the kind their spec names. Each kind is imported only when it is used."""

from __future__ import annotations

from importlib import import_module

from mtbench_pytest.judges.base import Judge
from mtbench_pytest.specs import Spec, from_python, one_of

__all__ = ["KINDS", "Judge", "build_judge"]

KINDS = {
    "checks": "mtbench_pytest.judges.checks",
    "judgments": "mtbench_pytest.judges.recorded",
    "openai": "mtbench_pytest.judges.openai",
    "python": "",
}


def build_judge(spec: Spec) -> Judge:
    """Builds a judge; cheap, nothing is called yet.

    Raises:
        MTBenchError: For an unknown kind or parameter, or a file that is not there.
    """
    if spec.kind not in KINDS:
        raise spec.error(f"unknown kind {spec.kind!r} of judge", one_of(spec.kind, KINDS))
    build = from_python if spec.kind == "python" else import_module(KINDS[spec.kind]).from_spec
    judge: Judge = build(spec)
    return judge
