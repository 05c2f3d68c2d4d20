"""The shapes in which models write their reasoning."""

from __future__ import annotations

import pytest

from mtbench_pytest.core.reasoning import opened_by, split

HARMONY = (
    "<|channel|>analysis<|message|>The user greets.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Hello!<|return|>"
)


@pytest.mark.parametrize(
    ("raw", "text", "reasoning"),
    [
        # Qwen3, DeepSeek-R1 distills; Magistral; Kimi; OpenThinker.
        ("<think>\nhm\n</think>\n\nHello!", "Hello!", "hm"),
        ("[THINK]hm[/THINK]Hello!", "Hello!", "hm"),
        ("\u25c1think\u25b7hm\u25c1/think\u25b7Hello!", "Hello!", "hm"),
        ("<thinking>hm</thinking>Hello!", "Hello!", "hm"),
        ("<|begin_of_thought|>hm<|end_of_thought|>Hello!", "Hello!", "hm"),
        # The opening mark stood in the prompt, or a server dropped it.
        ("hm</think>Hello!", "Hello!", "hm"),
        ("hm[/THINK]Hello!", "Hello!", "hm"),
        # gpt-oss: all marks, those between the channels dropped, all special tokens dropped.
        (HARMONY, "Hello!", "The user greets."),
        (HARMONY.replace("<|end|>", "").replace("<|return|>", ""), "Hello!", "The user greets."),
        ("analysisThe user greets.assistantfinalHello!", "Hello!", "The user greets."),
        ("analysisThe user greets.assistant final\n\nHello!", "Hello!", "The user greets."),
        (
            "<|channel|>commentary<|message|>Plan.<|end|><|start|>assistant<|channel|>final<|message|>Done.",
            "Done.",
            "Plan.",
        ),
        # No reasoning.
        ("Hello!", "Hello!", ""),
        ("analysis of the data shows growth", "analysis of the data shows growth", ""),
        ("The final answer is 4.", "The final answer is 4.", ""),
        ("It uses <think> tags.", "It uses <think> tags.", ""),
    ],
)
def test_a_reply_is_told_from_its_reasoning(raw: str, text: str, reasoning: str) -> None:
    found = split(raw)
    assert (found.text, found.reasoning, found.open) == (text, reasoning, False)


@pytest.mark.parametrize(
    "raw",
    [
        "<think>\nhm",
        "[THINK]hm",
        "\u25c1think\u25b7hm",
        "<|channel|>analysis<|message|>hm",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary<|message|>hm",
    ],
)
def test_what_is_never_closed_is_all_reasoning(raw: str) -> None:
    found = split(raw)
    assert (found.text, found.open) == ("", True)
    assert "hm" in found.reasoning


def test_a_block_that_the_prompt_opened() -> None:
    assert opened_by("<|im_start|>assistant\n<think>\n")
    assert opened_by("[THINK]")
    assert not opened_by("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert split("hm", opened=True).open
    assert split("hm</think>Hello!", opened=True).text == "Hello!"
    assert split("It ends with </think>.", opened=False).text == "It ends with </think>."
