"""A model behind a real server: history, failures of one question and of all, concurrency."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from mtbench_pytest.core.errors import ModelError, ServiceError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Message, Question, Sampling
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models.openai import OpenAIModel
from tests.real.replies import Body
from tests.real.server import ChatServer


def model_at(server: ChatServer, params: str = "", concurrency: int = 16) -> OpenAIModel:
    spec = parse_spec(f"openai:org/chat-small?base_url={server.base_url}&retries=0{params}")
    return OpenAIModel.from_spec(spec, concurrency)


def tasks(count: int = 1, *turns: str) -> list[AnswerTask]:
    return [
        AnswerTask(
            Question(number, "writing", turns or (f"question {number}", "and then?")),
            Sampling(temperature=0.7, seed=100 + number, max_new_tokens=50),
        )
        for number in range(1, count + 1)
    ]


def answers(model: OpenAIModel, asked: Sequence[AnswerTask]) -> list[Answer | AnswerFailure]:
    async def go() -> list[Answer | AnswerFailure]:
        return [done async for done in model.answer(asked)]

    return asyncio.run(go())


def one_answer(model: OpenAIModel, *turns: str) -> Answer:
    (answer,) = answers(model, tasks(1, *turns))
    assert isinstance(answer, Answer), answer
    return answer


def test_what_stands_before_the_first_turn_is_sent(server: ChatServer) -> None:
    opening = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello!"))
    task = AnswerTask(
        Question(1, "writing", ("one", "two"), opening=opening),
        Sampling(temperature=0, seed=1, max_new_tokens=50),
    )
    (answer,) = answers(model_at(server, "&system=Be long."), [task])
    before = [{"role": message.role, "content": message.content} for message in opening]
    assert server.chats[0]["messages"] == [*before, {"role": "user", "content": "one"}]
    assert server.chats[1]["messages"][:4] == server.chats[0]["messages"]
    assert isinstance(answer, Answer)
    assert len(answer.turns) == 2


def last_said(body: Body) -> str:
    said: str = body["messages"][-1]["content"]
    return said


def test_the_second_turn_sees_the_first(server: ChatServer) -> None:
    answer = one_answer(model_at(server), "one", "two")
    assert answer.turns == (
        "org/chat-small, turn 1: you said one",
        "org/chat-small, turn 2: you said two",
    )
    assert server.chats[1]["messages"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "org/chat-small, turn 1: you said one"},
        {"role": "user", "content": "two"},
    ]


def test_an_answer_says_what_it_was_made_with(server: ChatServer) -> None:
    answer = one_answer(model_at(server))
    assert answer.model == "chat-small"
    assert answer.made_with == {
        "served_model": "org/chat-small",
        "fingerprint": "fp_local",
        "temperature": 0.7,
        "seed": 101,
        "max_new_tokens": 50,
    }
    assert answer.replies[0].prompt_tokens == 2


def test_each_question_is_drawn_with_its_own_seed(server: ChatServer) -> None:
    answers(model_at(server), tasks(3, "hello"))
    assert sorted(body["seed"] for body in server.chats) == [101, 102, 103]


def test_the_system_message_stands_before_every_conversation(server: ChatServer) -> None:
    one_answer(model_at(server, "&system=Be%20brief."), "one", "two")
    assert [body["messages"][0] for body in server.chats] == [{"role": "system", "content": "Be brief."}] * 2


def test_a_server_that_refuses_the_temperature_is_not_sent_one(server: ChatServer) -> None:
    answer = one_answer(model_at(server, "&temperature=none"))
    assert "temperature" not in server.chats[0]
    assert answer.made_with["temperature"] is None


def test_reasoning_is_kept_and_not_shown_to_the_next_turn() -> None:
    reply = {"content": "<think>in the text</think>4", "reasoning_content": "beside the text"}
    with ChatServer(respond=lambda _: reply) as server:
        answer = one_answer(model_at(server), "2 + 2?", "sure?")
    assert answer.turns == ("4", "4")
    assert answer.replies[0].reasoning == "beside the text\nin the text"
    assert server.chats[1]["messages"][1] == {"role": "assistant", "content": "4"}


def test_a_capped_reply_is_marked() -> None:
    with ChatServer(respond=lambda _: {"content": "once upon", "finish_reason": "length"}) as server:
        assert one_answer(model_at(server)).capped


def test_a_call_that_fails_costs_its_question_only(server: ChatServer) -> None:
    server.fail(status=500, where=lambda body: last_said(body) == "and then?" and body["seed"] == 102)
    done = answers(model_at(server), tasks(3))
    (failure,) = (one for one in done if isinstance(one, AnswerFailure))
    assert (failure.question_id, failure.model) == (2, "chat-small")
    assert failure.reason.startswith(f"turn 2: {server.base_url}: 500 The server had an error")
    assert sorted(one.question_id for one in done if isinstance(one, Answer)) == [1, 3]


def test_a_conversation_that_outgrows_the_context_fails_and_is_not_cut(server: ChatServer) -> None:
    server.fail(status=400, where=lambda body: len(body["messages"]) > 1)
    (failure,) = answers(model_at(server), tasks(1))
    assert isinstance(failure, AnswerFailure)
    assert "turn 2" in failure.reason
    assert "context length" in failure.reason


def test_an_error_that_concerns_all_keeps_what_was_answered_and_stops(server: ChatServer) -> None:
    server.fail(status=401, where=lambda body: body["seed"] >= 103)
    done: list[Answer | AnswerFailure] = []

    async def go() -> None:
        async for one in model_at(server, concurrency=1).answer(tasks(20, "hello")):
            done.append(one)  # noqa: PERF401  what came before the error is what is tested

    with pytest.raises(ServiceError, match="401"):
        asyncio.run(go())
    assert [one.question_id for one in done] == [1, 2]
    assert len(server.chats) <= 4  # one more may be on its way when the error arrives


@pytest.mark.parametrize(("given", "bound"), [("", 4), ("&concurrency=2", 2)])
def test_no_more_questions_are_under_way_than_allowed(server: ChatServer, given: str, bound: int) -> None:
    server.latency = 0.03
    answers(model_at(server, given, concurrency=4), tasks(12))
    assert server.peak == bound


def test_answers_come_as_they_are_finished(server: ChatServer) -> None:
    order = [
        done.question_id for done in answers(model_at(server), [*tasks(1, *["slow"] * 30), *tasks(2)[1:]])
    ]
    assert order == [2, 1]


def test_closing_from_another_thread_ends_an_answer_soon(server: ChatServer) -> None:
    server.fail("hang")
    model = model_at(server)
    timer = threading.Timer(0.3, model.close)
    start = time.monotonic()
    timer.start()
    with pytest.raises(ModelError, match="closed before"):
        answers(model, tasks(2))
    timer.join()
    assert time.monotonic() - start < 10


def test_a_cancelled_answer_stays_a_cancellation(server: ChatServer) -> None:
    server.fail("hang")

    async def go() -> None:
        async with asyncio.timeout(0.2):
            async for _ in model_at(server).answer(tasks(2)):
                pass

    with pytest.raises(TimeoutError):
        asyncio.run(go())


def test_prepare_finds_a_missing_key_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    model = OpenAIModel.from_spec(
        parse_spec("openai:m?base_url=https://no-such-host.invalid/v1&api_key_env=MY_KEY")
    )
    with pytest.raises(ServiceError, match=r"no API key: MY_KEY is not set; .* names another one"):
        model.prepare([])


def test_two_models_differ_by_what_changes_their_answers_and_not_by_name(server: ChatServer) -> None:
    plain = model_at(server).identity()
    assert model_at(server, "&name=other&timeout=3&concurrency=2").identity() == plain
    for changed in ("&system=x", "&temperature=none", '&extra_body={"top_k":1}'):
        assert model_at(server, changed).identity() != plain
