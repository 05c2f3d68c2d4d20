"""What a summary says where both sides are the same model under two names."""

from __future__ import annotations

from typing import Any

import pytest

from mtbench_pytest.plugin.terminal import same_weights_lines


def party(spec: str, weights: str | None) -> dict[str, Any]:
    return {"spec": spec, "name": spec, "identity": {"weights": weights} if weights else None}


def test_a_copy_of_the_baseline_is_told() -> None:
    parties = {"candidate": party("hf:new", "ab12"), "baseline": party("hf:old", "ab12")}
    assert list(same_weights_lines(parties)) == ["mtbench: hf:new and hf:old have the same weights"]


@pytest.mark.parametrize(
    ("candidate", "baseline"),
    [
        (party("hf:new", "ab12"), party("hf:old", "cd34")),
        (party("hf:same", "ab12"), party("hf:same", "ab12")),  # said in the header already
        (party("openai:new", None), party("openai:old", None)),
    ],
)
def test_nothing_is_said_of_others(candidate: dict[str, Any], baseline: dict[str, Any]) -> None:
    assert not list(same_weights_lines({"candidate": candidate, "baseline": baseline}))
