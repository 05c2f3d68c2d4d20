"""A judge behind a real server: verdicts, the second try, failures that keep prompt and reply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from mtbench_pytest.core.errors import ServiceError
from mtbench_pytest.core.records import (
    Answer,
    Game,
    GameTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Prompt,
    Question,
    Reply,
)
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.judges.openai import OpenAIJudge
from tests.real.replies import Body
from tests.real.server import ChatServer

QUESTION = Question(7, "writing", ("Name a fish.",))


def judge_at(server: ChatServer, params: str = "", retries: int = 0) -> OpenAIJudge:
    where = f"base_url={server.base_url}&retries={retries}"
    return OpenAIJudge.from_spec(parse_spec(f"openai:org/judge-small?{where}{params}"))


def grade_task(answer: str = "A carp.", system: str = "Grade fairly.") -> GradeTask:
    user = (
        "Say your grade as [[rating]], for example [[5]].\n"
        f"[The Start of Assistant's Answer]\n{answer}\n[The End of Assistant's Answer]"
    )
    return GradeTask(QUESTION, 1, Answer(7, "cand", (Reply(answer),)), Prompt("single", system, user))


def game_task(a: str, b: str) -> GameTask:
    user = (
        "Say [[A]], [[B]] or [[C]].\n"
        f"[The Start of Assistant A's Answer]\n{a}\n[The End of Assistant A's Answer]\n"
        f"[The Start of Assistant B's Answer]\n{b}\n[The End of Assistant B's Answer]"
    )
    answers = Answer(7, "cand", (Reply(a),)), Answer(7, "base", (Reply(b),))
    return GameTask(QUESTION, 1, *answers, Prompt("pair", "", user))


def grade(judge: OpenAIJudge, task: GradeTask | None = None) -> Judgment | JudgeFailure:
    async def go() -> Judgment | JudgeFailure:
        try:
            return await judge.grade(task or grade_task())
        finally:
            await judge.aclose()

    return asyncio.run(go())


def play(judge: OpenAIJudge, task: GameTask) -> Game | JudgeFailure:
    async def go() -> Game | JudgeFailure:
        try:
            return await judge.play(task)
        finally:
            await judge.aclose()

    return asyncio.run(go())


def scripted(*replies: str | Body) -> ChatServer:
    script: Iterator[str | Body] = iter(replies)
    return ChatServer(respond=lambda _: next(script))


def test_system_and_user_message_are_sent_as_rendered(server: ChatServer) -> None:
    task = grade_task()
    grade(judge_at(server), task)
    assert server.chats == [
        {
            "model": "org/judge-small",
            "messages": [
                {"role": "system", "content": task.prompt.system},
                {"role": "user", "content": task.prompt.user},
            ],
            "temperature": 0.0,
            "max_tokens": 2048,
        }
    ]


def test_an_empty_system_message_is_not_sent(server: ChatServer) -> None:
    grade(judge_at(server), grade_task(system=""))
    assert [message["role"] for message in server.chats[0]["messages"]] == ["user"]


def test_a_judgment_holds_grade_reasons_and_prompt(server: ChatServer) -> None:
    task = grade_task("A carp is a fish of ponds and slow rivers.")
    words = "Judged by its number of different words. Rating: [[4]]"
    served = ("org/judge-small", "fp_local")
    assert grade(judge_at(server), task) == Judgment(
        7, 1, "cand", "judge-small", task.prompt, 4, words, *served
    )


def test_a_better_answer_gets_a_better_grade(server: ChatServer) -> None:
    poor, good = (
        grade(judge_at(server), grade_task(text)) for text in ("Carp.", "The carp, a fish of slow rivers.")
    )
    assert isinstance(poor, Judgment)
    assert isinstance(good, Judgment)
    assert poor.grade < good.grade


@pytest.mark.parametrize(
    ("a", "b", "winner"),
    [("A carp, of course.", "Carp.", "A"), ("Carp.", "A carp, of course.", "B"), ("Carp.", "Pike.", "tie")],
)
def test_a_game_has_the_winner_the_judge_named(server: ChatServer, a: str, b: str, winner: str) -> None:
    game = play(judge_at(server), game_task(a, b))
    assert isinstance(game, Game)
    assert (game.winner, game.model_a, game.model_b) == (winner, "cand", "base")
    assert (game.served_model, game.fingerprint) == ("org/judge-small", "fp_local")


def test_settings_of_the_spec_are_sent(server: ChatServer) -> None:
    grade(judge_at(server, "&temperature=0.5&max_tokens=300"))
    assert (server.chats[0]["temperature"], server.chats[0]["max_tokens"]) == (0.5, 300)


def test_temperature_none_leaves_the_field_out(server: ChatServer) -> None:
    grade(judge_at(server, "&temperature=none"))
    assert "temperature" not in server.chats[0]


def test_a_marker_in_the_reasoning_does_not_bind() -> None:
    with scripted("<think>[[2]]? No.</think>Good. [[8]]") as server:
        judged = grade(judge_at(server))
    assert isinstance(judged, Judgment)
    assert (judged.grade, judged.text) == (8, "Good. [[8]]")


def test_a_marker_in_reasoning_alone_is_no_verdict() -> None:
    with scripted("<think>[[2]]</think>Hm.", "<think>[[2]] or", "never asked") as server:
        judged = grade(judge_at(server))
    assert isinstance(judged, JudgeFailure)
    assert len(server.chats) == 2


@pytest.mark.parametrize(
    "first",
    [
        {"content": "Long thoughts, [[3]] at first", "finish_reason": "length"},
        {"content": None, "reasoning_content": "[[3]]", "finish_reason": "length"},
        "no verdict at all",
        "Rating: [[11]]",
    ],
    ids=["cut", "cut within its reasoning", "no marker", "out of range"],
)
def test_a_reply_without_a_verdict_is_asked_for_again_with_twice_the_room(first: Any) -> None:
    with scripted(first, "Rating: [[6]]") as server:
        judged = grade(judge_at(server, "&max_tokens=100"))
    assert isinstance(judged, Judgment)
    assert judged.grade == 6
    assert [body["max_tokens"] for body in server.chats] == [100, 200]


def test_a_second_reply_without_a_verdict_is_a_failure_that_keeps_prompt_and_reply() -> None:
    task = grade_task()
    with scripted("well", "well, well") as server:
        assert grade(judge_at(server), task) == JudgeFailure(
            7,
            1,
            ("cand",),
            "judge-small",
            task.prompt,
            "the judge's reply holds no grade in the form [[n]]",
            "well, well",
            unread=True,
        )


def test_a_call_that_failed_after_its_retries_is_not_made_again(server: ChatServer) -> None:
    server.fail(status=503, retry_after=0.05)
    judged = play(judge_at(server, retries=1), game_task("Carp.", "Pike."))
    assert isinstance(judged, JudgeFailure)
    assert judged.models == ("cand", "base")
    assert judged.reason == f"{server.base_url}: 503 The engine is overloaded. (Retry-After: 0.05) (2 tries)"
    assert len(server.chats) == 2


def test_a_call_that_fails_on_the_second_try_keeps_the_first_reply(server: ChatServer) -> None:
    server.respond = lambda _: {"content": "cut sho", "finish_reason": "length"}
    server.fail(status=500, where=lambda body: body["max_tokens"] > 2048)
    judged = grade(judge_at(server))
    assert isinstance(judged, JudgeFailure)
    assert "500" in judged.reason
    assert judged.reply == "cut sho"


def test_a_wrong_key_ends_the_run() -> None:
    with ChatServer(key="another") as server, pytest.raises(ServiceError, match="401"):
        grade(judge_at(server))


def test_prepare_finds_nobody_listening() -> None:
    with ChatServer() as server:
        judge = judge_at(server)
    with pytest.raises(ServiceError, match="connection refused"):
        judge.prepare([QUESTION], ["cand", "base"], True)


def test_two_judges_differ_by_what_changes_their_verdicts_and_not_by_name(server: ChatServer) -> None:
    plain = judge_at(server).identity()
    assert judge_at(server, "&name=other&timeout=3").identity() == plain
    for changed in ("&max_tokens=9", "&temperature=none", '&extra_body={"top_k":1}'):
        assert judge_at(server, changed).identity() != plain
