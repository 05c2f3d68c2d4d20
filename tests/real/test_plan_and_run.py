"""`mtbench plan` against what a run then sends to a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.cli import main
from mtbench_pytest.cli.plan.replies import at_hand, conversation
from mtbench_pytest.cli.plan.tokens import measure_for
from mtbench_pytest.core.records import Answer, AnswerTask, Question, Sampling
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import build_model
from mtbench_pytest.models.api.client import estimate_tokens
from tests.real import hf_fixtures
from tests.real.gate import Gate
from tests.real.replies import Body
from tests.real.server import ChatServer

tiny = hf_fixtures.tiny

PRICES = "input_price=2.50&output_price=10"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(models=("chat-small", "chat-weak", "judge-small")) as server:
        yield server


def sent(bodies: list[Body], model: str) -> int:
    """Tokens sent to a model, as they are estimated."""
    messages = [body["messages"] for body in bodies if body["model"] == model]
    return sum(estimate_tokens(*(message["content"] for message in said)) for said in messages)


def test_a_plan_is_what_the_run_sends(
    server: ChatServer, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"candidate": "chat-weak", "baseline": "chat-small", "judge": "judge-small"}
    parties = {party: f"openai:{name}?base_url={server.base_url}&{PRICES}" for party, name in names.items()}
    options = [f"--mtbench-{party}={spec}" for party, spec in parties.items()]
    options += ["--mtbench-bench=general", "--mtbench-sample=smoke", "--mtbench-max-new-tokens=64"]

    def plan(*more: str) -> Any:
        capsys.readouterr()
        assert main(["plan", "--json", *options, *more]) == 0
        return json.loads(capsys.readouterr().out)

    store = f"--mtbench-store={gate.folder / 'store.db'}"
    before = plan(store)
    assert not server.calls, "a plan calls nobody"
    assert not (gate.folder / "store.db").exists()

    # No question can drop past 9 points: what is asked again is in no plan.
    limits = ("--mtbench-max-new-tokens=64", "--mtbench-question-margin=9")
    status = gate.run("--mtbench-sample=smoke", *limits, **parties)
    assert status in (1, 20, 21), gate.out
    asked = list(server.chats)
    again = plan("--mtbench-store=none", f"--earlier={gate.folder / 'mtbench-report'}")

    # Without a word known beforehand the calls are right, and the tokens are bounds.
    assert before["calls"] == again["calls"] == len(asked)
    for side in ("candidate", "baseline"):
        work = before["answers"][side]
        assert work["usage"]["sent"]["basis"] == "at most"
        assert work["usage"]["sent"]["n"] >= sent(asked, names[side])
        assert again["answers"][side]["usage"]["sent"]["n"] == sent(asked, names[side])
    assert before["judge_work"]["usage"]["sent"]["n"] >= sent(asked, names["judge"])
    assert again["judge_work"]["usage"]["sent"]["n"] == sent(asked, names["judge"])
    assert before["cost"]["amount"] > again["cost"]["amount"] > 0

    # The run told its pace, and its own store makes the next one free.
    judged = sum(body["model"] == "judge-small" for body in asked)
    assert gate.result["pace"]["judge_calls"] == judged
    assert again["time"]["answering"] > 0
    assert again["time"]["judging"] > 0
    assert plan(store)["calls"] == 0


def test_a_checkpoints_own_tokenizer_counts_what_the_model_reads(tiny: Path) -> None:
    model = build_model(parse_spec(f"hf:{tiny}?device=cpu&dtype=float32&system=Be brief."))
    question = Question(1, "writing", ("Name three fish.", "And one bird?"))

    async def ask() -> Answer:
        async for answer in model.answer([AnswerTask(question, Sampling(0.0, 1, 8))]):
            assert isinstance(answer, Answer)
            return answer
        raise AssertionError("no answer")

    answer = asyncio.run(ask())
    model.close()
    measure = measure_for(model)
    assert measure.name == "the checkpoint's own tokenizer"
    counted = [tokens.n for tokens in conversation(question, at_hand(answer), "Be brief.", measure)]
    assert counted == [reply.prompt_tokens for reply in answer.replies]
