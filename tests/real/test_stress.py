"""Servers at their worst: a call fails alone or is made again, and what concerns all ends all in one line."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mtbench_pytest.core.errors import BudgetError, MTBenchError, ServiceError
from mtbench_pytest.core.records import (
    Answer,
    AnswerTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Prompt,
    Question,
    Reply,
    Sampling,
)
from mtbench_pytest.judges.openai import OpenAIJudge
from mtbench_pytest.models.api.budget import Budget, Ledger
from mtbench_pytest.models.api.client import CallFailed, ChatClient, Completion, Server
from mtbench_pytest.models.api.server import Price
from mtbench_pytest.models.api.throttle import Places, held
from mtbench_pytest.models.openai import OpenAIModel
from tests.real.gate import Gate
from tests.real.replies import Body, default_reply
from tests.real.server import ChatServer, Kind

Outcome = Completion | MTBenchError


def storm(
    server: ChatServer,
    calls: int,
    *,
    side_by_side: int = 32,
    places: int | None = None,
    budget: Budget | None = None,
    **settings: Any,
) -> list[Outcome]:
    """Makes many different calls at once; what came of each, in order."""

    async def go() -> list[Outcome]:
        client = ChatClient(Server("chat-small", server.base_url, **settings), budget)
        held_places = Places(places)
        room = asyncio.Semaphore(side_by_side)

        async def one(number: int) -> Outcome:
            async with room, held(held_places):
                said = [{"role": "user", "content": f"call {number}"}]
                try:
                    return await client.complete(said, temperature=0, max_tokens=50)
                except MTBenchError as error:
                    return error

        try:
            outcomes = await asyncio.gather(*(one(number) for number in range(calls)))
        finally:
            await client.aclose()
        assert client.calls == sum(not isinstance(outcome, BudgetError) for outcome in outcomes)
        return outcomes

    return asyncio.run(go())


def texts(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.text for outcome in outcomes if isinstance(outcome, Completion)]


def expected(calls: int) -> list[str]:
    return [f"chat-small, turn 1: you said call {number}" for number in range(calls)]


def grade(server: ChatServer, count: int = 8, **settings: Any) -> list[Judgment | JudgeFailure]:
    """Has a judge grade different answers side by side."""

    async def go() -> list[Judgment | JudgeFailure]:
        judge = OpenAIJudge(Server("judge-small", server.base_url, **settings))
        prompts = [
            f"Say [[5]].\n[The Start of Assistant's Answer]\n{n}\n[The End of Assistant's Answer]"
            for n in range(count)
        ]
        tasks = [
            GradeTask(Question(n, "math", ("?",)), 1, Answer(n, "new", (Reply("!"),)), Prompt("p", "", text))
            for n, text in enumerate(prompts)
        ]
        try:
            return await asyncio.gather(*(judge.grade(task) for task in tasks))
        finally:
            await judge.aclose()

    return asyncio.run(go())


@pytest.mark.parametrize("kind", ["half", "drop", "noise"])
def test_what_breaks_now_and_then_is_asked_for_again(server: ChatServer, kind: Kind) -> None:
    server.fail(kind, every=4, times=3)
    assert all(isinstance(judged, Judgment) for judged in grade(server, 12))
    assert (len(server.chats), server.served) == (15, 12)


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("garbage", {}, "no chat completion but '<html>502"),
        ("half", {"retries": 0}, "the connection broke"),
        ("drop", {"retries": 0}, "the connection broke"),
        ("noise", {"retries": 0}, "the connection broke"),
        ("hang", {"retries": 0, "timeout": 0.3}, "no reply within 0.3 s (1 try)"),
        ("hang", {"retries": 1, "timeout": 0.2}, "no reply within 0.2 s (2 tries)"),
        ("trickle", {"retries": 0, "timeout": 0.3}, "no reply within 0.3 s (1 try)"),
    ],
)
def test_what_stays_broken_costs_its_own_judgments_and_no_others(
    server: ChatServer, kind: Kind, settings: dict[str, Any], said: str
) -> None:
    server.fail(kind, where=lambda body: "\n3\n" in body["messages"][-1]["content"])
    start = time.monotonic()
    judged = grade(server, 8, **settings)
    assert time.monotonic() - start < 10
    failed = [one for one in judged if isinstance(one, JudgeFailure)]
    assert [one.question_id for one in failed] == [3]
    assert said in failed[0].reason
    assert "\n" not in failed[0].reason


@pytest.mark.parametrize("at_once", [True, False])
def test_a_tenth_refused_at_random_loses_no_call_and_repeats_none(server: ChatServer, at_once: bool) -> None:
    server.latency = 0.02
    server.fail(status=429, share=0.1, retry_after=0.04, at_once=at_once)
    assert texts(storm(server, 160)) == expected(160)
    assert server.served == 160
    assert 168 <= len(server.chats) <= 192, "one more for every refusal"


def test_calls_that_wait_to_be_made_again_leave_their_places_to_others(server: ChatServer) -> None:
    server.latency = 0.02
    server.fail(status=429, times=4, retry_after=0.5)
    start = time.monotonic()
    assert texts(storm(server, 40, side_by_side=40, places=4)) == expected(40)
    done = [call.at - start for call in server.calls]
    assert server.peak == 4
    # The first four were refused; all others were sent while these waited.
    assert sum(at < 0.5 for at in done) == 40


def test_a_pace_does_not_lift_the_limit_of_the_spec(server: ChatServer) -> None:
    server.latency = 0.02
    assert len(texts(storm(server, 12, places=8, concurrency=3))) == 12
    assert server.peak == 3


@pytest.mark.parametrize("status", [429, 503, 529])
def test_after_a_storm_all_calls_are_answered(server: ChatServer, status: int) -> None:
    server.latency = 0.01
    server.fail(status=status, times=40, retry_after=0.05)
    assert texts(storm(server, 100)) == expected(100)
    assert (server.served, len(server.chats)) == (100, 140)


def test_a_server_that_takes_four_at_once_is_not_run_down() -> None:
    with ChatServer(latency=0.02, capacity=4, retry_after=0.04) as server:
        outcomes = storm(server, 120)
        assert texts(outcomes) == expected(120)
        assert (server.served, server.peak) == (120, 4)
        assert len(server.chats) < 2 * 120, "most requests find a free place"


def test_a_wrong_key_is_told_to_every_call_and_sent_by_few(server: ChatServer) -> None:
    server.latency = 0.05
    server.fail(status=401)
    outcomes = storm(server, 320)
    assert len({str(outcome) for outcome in outcomes}) == 1
    assert all(isinstance(outcome, ServiceError) for outcome in outcomes)
    assert len(server.chats) <= 32


def test_a_wrong_key_ends_calls_that_wait_for_their_next_try(server: ChatServer) -> None:
    server.fail(status=429, times=8, retry_after=0.2)
    server.fail(status=401)
    outcomes = storm(server, 16, side_by_side=16)
    assert all(isinstance(outcome, ServiceError) for outcome in outcomes)
    assert len(server.chats) == 16


def test_an_unknown_model_ends_all_calls(server: ChatServer) -> None:
    server.strict = True
    outcomes = storm(server, 20, side_by_side=4)
    assert len(texts(outcomes)) == 20
    server.models = ()
    outcomes = storm(server, 200, side_by_side=4)
    assert all(isinstance(outcome, ServiceError) for outcome in outcomes)
    assert len(server.chats) <= 24


def test_a_used_up_account_is_not_asked_again(server: ChatServer) -> None:
    server.fail(status=429, message="You exceeded your current quota.", code="insufficient_quota")
    start = time.monotonic()
    outcomes = storm(server, 64, side_by_side=8)
    assert all(isinstance(outcome, ServiceError) for outcome in outcomes)
    assert len(server.chats) <= 8
    assert time.monotonic() - start < 10


def test_a_limit_on_calls_is_kept_to_the_call(server: ChatServer) -> None:
    server.latency = 0.02
    server.fail(status=429, every=7, times=3, retry_after=0.05)
    outcomes = storm(server, 100, budget=Budget(50, None))
    assert len(texts(outcomes)) == server.served == 50, "what was under way came back, retries are no calls"
    assert sum(isinstance(outcome, BudgetError) for outcome in outcomes) == 50


def test_a_limit_on_the_cost_goes_by_the_servers_own_counts(server: ChatServer) -> None:
    server.respond = lambda _: "one two three four five six seven eight"
    ledger = Ledger()
    # 2 tokens in and 8 out: 0.00001 and 0.00008, of 0.00051 at most before the first is known.
    outcomes = storm(server, 100, budget=Budget(None, 0.0045, ledger), price=Price(5.0, 10.0))
    spent = asyncio.run(ledger.add(0, 0.0))[1]
    assert len(texts(outcomes)) == server.served == 50
    assert spent == pytest.approx(50 * (2 * 5 + 8 * 10) / 1e6)


def test_without_counts_tokens_are_estimated_from_the_text(server: ChatServer) -> None:
    body = {"choices": [{"message": {"content": "x" * 400}, "finish_reason": "stop"}]}
    server.respond = lambda _: body
    ledger = Ledger()
    storm(server, 1, budget=Budget(None, 1e9, ledger), price=Price(0.0, 1e6))
    spent = asyncio.run(ledger.add(0, 0.0))[1]
    assert 100 <= spent <= 1 + len(json.dumps(body)) / 4


def test_a_refused_call_costs_nothing_and_a_lost_one_what_it_may_have_cost(server: ChatServer) -> None:
    ledger = Ledger()
    server.fail(status=500, times=1)
    storm(server, 1, retries=0, budget=Budget(None, 1e9, ledger), price=Price(0.0, 1e6))
    assert asyncio.run(ledger.add(0, 0.0)) == (1, 0.0)
    server.fail("drop", times=1)
    storm(server, 1, retries=0, budget=Budget(None, 1e9, ledger), price=Price(0.0, 1e6))
    assert asyncio.run(ledger.add(0, 0.0)) == (2, 50.0)


def test_a_judge_passes_on_that_the_budget_is_spent(server: ChatServer) -> None:
    async def go() -> None:
        judge = OpenAIJudge(Server("judge-small", server.base_url))
        judge.spend_from(Budget(1, None))
        task = GradeTask(
            Question(1, "math", ("?",)), 1, Answer(1, "new", (Reply("!"),)), Prompt("p", "", "no verdict")
        )
        try:
            # The reply holds no verdict, so that the judge asks a second time.
            with pytest.raises(BudgetError, match="1 calls made"):
                await judge.grade(task)
        finally:
            await judge.aclose()

    asyncio.run(go())
    assert len(server.chats) == 1


def test_a_model_passes_on_that_the_budget_is_spent_and_keeps_its_answers(server: ChatServer) -> None:
    model = OpenAIModel(Server("chat-small", server.base_url), concurrency=1)
    model.spend_from(Budget(5, None))
    tasks = [AnswerTask(Question(n, "math", ("a", "b")), Sampling(0.0, 1, 20)) for n in range(4)]
    answered = []

    async def go() -> None:
        async for answer in model.answer(tasks):
            answered.append(answer.question_id)  # noqa: PERF401  what came before the error is what is tested

    with pytest.raises(BudgetError):
        asyncio.run(go())
    assert answered == [0, 1]
    assert len(server.chats) == 5


def test_a_call_failed_is_no_end_of_the_others(server: ChatServer) -> None:
    server.fail(status=500, where=lambda body: body["messages"][0]["content"].endswith("7"), retry_after=0.01)
    outcomes = storm(server, 40, retries=2)
    assert sum(isinstance(outcome, CallFailed) for outcome in outcomes) == 4
    assert len(texts(outcomes)) == 36


# Two models alike, of few questions: PASS, with a test failed or none, or not settled.
DECIDED = (0, 1, 21)


def parties(server: ChatServer) -> dict[str, str]:
    url = server.base_url
    return {
        "candidate": f"openai:new?base_url={url}",
        "baseline": f"openai:old?base_url={url}",
        "judge": f"openai:judge-small?base_url={url}&timeout=5",
    }


def test_a_run_against_a_server_at_its_worst_judges_everything_once(gate: Gate, server: ChatServer) -> None:
    server.latency = 0.01
    server.fail(status=429, share=0.1, retry_after=0.05)
    broken: tuple[Kind, ...] = ("half", "drop", "noise")
    for number, kind in enumerate(broken, 11):
        server.fail(kind, every=number, times=3)
    status = gate.run("-p", "no:xdist", "--mtbench-sample=8", **parties(server))
    assert status in DECIDED, gate.out
    assert gate.result["questions"] == {"expected": 8, "judged": 8}
    # 16 answers a side, 32 grades, and 32 games.
    assert server.served == 96
    assert len(server.chats) > 96 + 9


def test_a_key_that_may_list_models_and_not_chat_ends_the_run_in_one_line(
    gate: Gate, server: ChatServer
) -> None:
    server.latency = 0.05
    server.fail(status=401, where=lambda body: body["model"] == "judge-small")
    status = gate.run("-p", "no:xdist", "--mtbench-concurrency=32", **parties(server))
    assert status == 22, gate.out
    assert gate.result["decision"] == "NO VERDICT"
    # The error, pytest's short summary, the decision's reasons, pytest's last line: not once a question.
    assert gate.out.count("Incorrect API key provided") <= 4, gate.out
    assert sum(body["model"] == "judge-small" for body in server.chats) <= 40


@pytest.mark.parametrize("workers", [("-p", "no:xdist"), ("-n2",)], ids=["bare", "n2"])
def test_a_run_ends_with_its_budget_and_goes_on_with_another(
    gate: Gate, server: ChatServer, workers: tuple[str, ...]
) -> None:
    """All processes of a run spend from one budget, and what they made is kept."""
    options = ("--mtbench-sample=8", "--mtbench-max-calls=45")
    assert gate.run(*workers, *options, **parties(server)) == 22, gate.out
    assert gate.result["decision"] == "NO VERDICT"
    assert gate.result["reasons"][0] == (
        "--mtbench-max-calls 45: 45 calls made; expected a larger limit to go on: what was made is kept"
    )
    assert "Traceback" not in gate.out
    assert len(server.chats) == 45
    options = ("--mtbench-sample=8", "--mtbench-max-calls=51")
    assert gate.run("-p", "no:xdist", *options, **parties(server)) in DECIDED, gate.out
    assert len(server.chats) == 96


def test_a_run_ends_with_its_money(gate: Gate, server: ChatServer) -> None:
    # Of one length, so that none is longer than those by which the cost of a call is set aside.
    def padded(body: Body) -> str:
        words = default_reply(body).split()
        return " ".join(["well"] * (400 - len(words)) + words)

    server.respond = padded
    priced = {side: f"{spec}&input_price=1&output_price=1" for side, spec in parties(server).items()}
    options = ("--mtbench-sample=8", "--mtbench-max-cost=0.005")
    assert gate.run("-p", "no:xdist", *options, **priced) == 22, gate.out
    told = re.match(r"--mtbench-max-cost 0.005: ([\d.]+) spent in (\d+) calls", gate.result["reasons"][0])
    assert told, gate.result["reasons"]
    assert 0 < float(told[1]) <= 0.005
    assert int(told[2]) == len(server.chats)


def test_money_needs_prices(gate: Gate, server: ChatServer) -> None:
    assert gate.run("--mtbench-max-cost=5", **parties(server)) == 4
    errors = [line for line in gate.out.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert "no prices; expected openai:new?input_price=2.50&output_price=10" in errors[0]
    assert server.chats == []
