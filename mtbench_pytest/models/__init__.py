"""Models by the kind their spec names. Each kind is imported only when it is used."""

from __future__ import annotations

from importlib import import_module

from mtbench_pytest.models.base import ChatModel
from mtbench_pytest.specs import Spec, from_python, one_of

__all__ = ["KINDS", "ChatModel", "build_model"]

KINDS = {
    "answers": "mtbench_pytest.models.answers",
    "demo": "mtbench_pytest.models.demo",
    "hf": "mtbench_pytest.models.transformers",
    "openai": "mtbench_pytest.models.openai",
    "python": "",
}


def build_model(spec: Spec) -> ChatModel:
    """Builds a model; cheap, nothing is loaded or called yet.

    Raises:
        MTBenchError: For an unknown kind or parameter, or a file that is not there.
    """
    if spec.kind not in KINDS:
        raise spec.error(f"unknown kind {spec.kind!r} of model", one_of(spec.kind, KINDS))
    build = from_python if spec.kind == "python" else import_module(KINDS[spec.kind]).from_spec
    model: ChatModel = build(spec)
    return model
