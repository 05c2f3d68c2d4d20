"""Models by the kind their spec names. Each kind is imported only when it is used."""

from __future__ import annotations

from mtbench_pytest.core.specs import Spec, build
from mtbench_pytest.models.base import ChatModel

__all__ = ["KINDS", "ChatModel", "build_model"]

KINDS = {
    "answers": "mtbench_pytest.models.recorded:from_spec",
    "blessed": "mtbench_pytest.models.blessed:from_spec",
    "demo": "mtbench_pytest.models.demo:from_spec",
    "hf": "mtbench_pytest.models.hf.model:from_spec",
    "openai": "mtbench_pytest.models.openai:OpenAIModel.from_spec",
    "python": "mtbench_pytest.core.specs:from_python",
}


def build_model(spec: Spec) -> ChatModel:
    """Builds a model; cheap, nothing is loaded or called yet.

    Raises:
        MTBenchError: For an unknown kind or parameter, or a file that is not there.
    """
    model: ChatModel = build(spec, "model", KINDS)
    return model
