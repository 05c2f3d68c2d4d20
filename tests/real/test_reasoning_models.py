"""Models that think before they answer, on this machine and behind a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.records import Answer, AnswerFailure, Question
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import build_model
from tests.real import hf_fixtures
from tests.real.hf_fixtures import TEMPLATE, build, run, task
from tests.real.server import ChatServer

tiny = hf_fixtures.tiny

# As Qwen3's: thought is on unless it is turned off, and off is an empty block.
THINKS = TEMPLATE.replace(
    "assistant\n{% endif %}",
    "assistant\n{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
    "{% endif %}",
)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "thinks.jinja"
    file.write_text(THINKS)
    return file


@pytest.mark.parametrize("word", ["enable_thinking=false", 'template_kwargs={"enable_thinking": false}'])
def test_the_chat_template_is_told_to_leave_the_thought_out(tiny: Path, template: Path, word: str) -> None:
    off, on = build(tiny, f"chat_template={template}&{word}"), build(tiny, f"chat_template={template}")
    question = Question(1, "general", ("Hi",))
    assert off.render(question).endswith("assistant\n<think>\n\n</think>\n\n")
    assert on.render(question).endswith("assistant\n")
    assert off.identity()["template_kwargs"] == {"enable_thinking": False}
    assert off.identity() != on.identity()
    assert off.fingerprint() != on.fingerprint()


def test_every_turn_is_asked_so(tiny: Path, template: Path) -> None:
    model = build(tiny, f"chat_template={template}&enable_thinking=false")
    (result,) = run(model, [task(1, "Hi", "And?", tokens=3)])
    model.close()
    assert isinstance(result, Answer)
    with_thought = build(tiny, f"chat_template={template}")
    (other,) = run(with_thought, [task(1, "Hi", "And?", tokens=3)])
    with_thought.close()
    assert isinstance(other, Answer)
    lengths = [[reply.prompt_tokens or 0 for reply in one.replies] for one in (result, other)]
    assert all(off > on for off, on in zip(*lengths, strict=True))


def test_a_budget_that_ends_within_the_thought_is_no_empty_answer(tiny: Path, tmp_path: Path) -> None:
    """The template opens the block, so that everything up to its end is thought."""
    file = tmp_path / "opens.jinja"
    file.write_text(TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"))
    model = build(tiny, f"chat_template={file}")
    (result,) = run(model, [task(1, "Hi", tokens=2)])
    model.close()
    assert isinstance(result, AnswerFailure)
    assert "the token limit of 2 ended the reply within its reasoning" in result.reason
    assert "--mtbench-max-new-tokens" in result.reason
    assert "?enable_thinking=false" in result.reason


def test_a_word_that_is_neither_true_nor_false(tiny: Path) -> None:
    with pytest.raises(SpecError, match="true or false"):
        build(tiny, "enable_thinking=off")


def served(server: ChatServer, params: str = "") -> Answer | AnswerFailure:
    model = build_model(parse_spec(f"openai:chat-small?base_url={server.base_url}{params}"))

    async def go() -> Any:
        return [done async for done in model.answer([task(1, "Hi")])]

    (result,) = asyncio.run(go())
    model.close()
    return result  # type: ignore[no-any-return]


def test_a_server_is_told_to_leave_the_thought_out(server: ChatServer) -> None:
    assert isinstance(served(server, "&enable_thinking=false"), Answer)
    assert server.chats[-1]["chat_template_kwargs"] == {"enable_thinking": False}
    served(server, '&template_kwargs={"reasoning_effort": "low"}')
    assert server.chats[-1]["chat_template_kwargs"] == {"reasoning_effort": "low"}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "<think>hm, well", "finish_reason": "length"},
        {"content": "[THINK]hm, well", "finish_reason": "length"},
        {"content": "", "reasoning_content": "hm, well", "finish_reason": "length"},
        {"content": None, "reasoning": "hm, well", "finish_reason": "length"},
        {"content": "", "reasoning": "All of the answer stands here.", "finish_reason": "stop"},
        {"content": "<think>never closed", "finish_reason": "stop"},
    ],
)
def test_a_reply_that_is_all_thought_is_missing_and_not_empty(message: dict[str, Any]) -> None:
    with ChatServer(respond=lambda _: message) as server:
        result = served(server)
    assert isinstance(result, AnswerFailure)
    assert "reasoning" in result.reason


@pytest.mark.parametrize(
    "said",
    [
        {"content": "Hello!", "reasoning_content": "hm"},
        {"content": "[THINK]hm[/THINK]Hello!"},
        {"content": "analysisThe user greets.assistantfinalHello!"},
    ],
)
def test_the_thought_is_kept_beside_the_reply(said: dict[str, Any]) -> None:
    with ChatServer(respond=lambda _: said) as server:
        result = served(server)
    assert isinstance(result, Answer)
    assert result.turns == ("Hello!",)
    assert result.replies[0].reasoning
