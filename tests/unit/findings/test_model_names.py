"""Families of models, by name."""

from __future__ import annotations

from typing import Any

import pytest

from mtbench_pytest.findings.model_names import Kinship, families, kinship


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("gpt-4o-mini", {"gpt"}),
        ("GPT4", {"gpt"}),
        ("gpt-3.5-turbo", {"gpt"}),
        ("o3-mini", {"gpt"}),
        ("claude-sonnet-4", {"claude"}),
        ("Meta-Llama-3-8B-Instruct", {"llama"}),
        ("llama3.1:8b", {"llama"}),
        ("vicuna-13b-v1.2", {"llama"}),
        ("Qwen2.5-14B-Instruct", {"qwen"}),
        ("QwQ-32B", {"qwen"}),
        ("gemma-2-9b-it", {"gemini and gemma"}),
        ("gemini-2.5-pro", {"gemini and gemma"}),
        ("Mistral-7B-Instruct-v0.3", {"mistral"}),
        ("open-mixtral-8x22b", {"mistral"}),
        ("deepseek-chat", {"deepseek"}),
        ("DeepSeek-R1-Distill-Qwen-7B", {"deepseek", "qwen"}),
        ("Phi-3.5-mini-Instruct", {"phi"}),
        ("SmolLM2-135M-Instruct", {"smollm"}),
        ("dolphin", set()),
        ("sophia-2", set()),
        ("my_checkpoint_1200", set()),
        ("yield", set()),
        ("proto3", set()),
        ("", set()),
    ],
)
def test_families_of_a_name(name: str, found: set[str]) -> None:
    assert families(name) == found


def parties(judge: str, candidate: str, baseline: str, spec: str = "answers:a.jsonl") -> dict[str, Any]:
    return {
        "judge": {"name": judge, "spec": "judgments:gpt/x?judge=y"},
        "candidate": {"name": candidate, "spec": spec},
        "baseline": {"name": baseline, "spec": "answers:qwen/gpt.jsonl"},
    }


def test_the_judge_and_either_side() -> None:
    assert kinship(parties("gpt-4o", "new", "old")) is None
    assert kinship(parties("checks", "llama", "llama")) is None
    assert kinship(parties("gpt-4o", "gpt-3.5", "old")) == Kinship(("gpt",), ("candidate",))
    assert kinship(parties("gpt-4o", "new", "gpt-2")) == Kinship(("gpt",), ("baseline",))
    assert kinship(parties("Qwen3", "qwen-ft", "Qwen2.5")) == Kinship(("qwen",), ("candidate", "baseline"))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("hf:checkpoints/qwen/run-7", False),
        ("hf:checkpoints/run/qwen-7/", True),
        ("openai:qwen-max?base_url=http://h/v1", True),
        ("openai:mine?base_url=http://qwen/v1", False),
        ("python:qwen:make", False),
        ("answers:qwen.jsonl", False),
    ],
)
def test_a_spec_tells_where_it_names_the_model(spec: str, told: bool) -> None:
    assert (kinship(parties("qwen-max", "mine", "old", spec)) is not None) == told
