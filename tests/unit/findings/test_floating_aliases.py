"""Names of models that a provider moves."""

from __future__ import annotations

import pytest

from mtbench_pytest.findings.drift import constancy_lines
from mtbench_pytest.findings.model_names import is_floating

FLOATING = """
gpt-4 gpt-4o gpt-4o-mini gpt-4-turbo gpt-3.5-turbo gpt-4.1 chatgpt-4o-latest o1 o3-mini
claude-3-5-sonnet-latest claude-sonnet-4-5 gemini-1.5-pro gemini-2.0-flash grok-3 mistral-large
mistral-large-latest qwen-max qwen-plus-latest qwen3-max deepseek-chat deepseek-reasoner glm-4-plus
openai/gpt-4o command-r-plus my-own-model:latest
"""
FIXED = """
gpt-4o-2024-08-06 gpt-4-0613 gpt-4-1106-preview gpt-3.5-turbo-0125 gpt-4.1-2025-04-14 o3-mini-2025-01-31
claude-3-5-sonnet-20241022 gemini-1.5-pro-002 gemini-2.0-flash-001 gemini-2.5-pro-preview-05-06 grok-2-1212
mistral-large-2411 qwen-max-2025-01-25 qwen-max-0125 command-r-plus-08-2024 doubao-pro-32k-240615
Qwen/Qwen2.5-14B-Instruct Qwen3-235B-A22B gpt-oss-20b mistralai/Mistral-7B-Instruct-v0.3
mistral-small-24b-instruct meta-llama/Llama-3.1-70B-Instruct deepseek-r1-distill-qwen-7b
judge-small deepseek-v3 glm-4-9b-chat prometheus-7b-v2.0
"""


@pytest.mark.parametrize("name", FLOATING.split())
def test_a_name_that_moves(name: str) -> None:
    assert is_floating(name)


@pytest.mark.parametrize("name", FIXED.split())
def test_a_name_that_stays(name: str) -> None:
    assert not is_floating(name, served=name)


def test_a_server_that_answers_under_a_dated_name_says_so_itself() -> None:
    assert is_floating("our-judge", served="our-judge-2026-01-31")
    assert not is_floating("our-judge", served="our-judge")
    assert not is_floating("our-judge", served="another-2026-01-31")


def told(model: str, *served: str) -> list[str]:
    judge = {"spec": f"openai:{model}", "name": model, "identity": {"kind": "openai", "model": model}}
    parties = {"baseline": {"name": "base", "blessed": None}, "judge": {**judge, "drift": None}}
    seen = [{"model": name, "fingerprint": "fp", "n": 9} for name in served]
    return list(constancy_lines(parties, seen, {}, 0.5))


def test_a_report_notes_it_once() -> None:
    assert told("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20") == [
        "judge warning: gpt-4o is a floating alias, which its provider moves; gpt-4o-2024-08-06, "
        "gpt-4o-2024-11-20 answered; a name with a date or version would stay"
    ]
    assert told("qwen-max", "qwen-max") == [
        "judge warning: qwen-max is a floating alias, which its provider moves; "
        "a name with a date or version would stay"
    ]
    assert told("gpt-4o-2024-08-06", "gpt-4o-2024-08-06") == []
