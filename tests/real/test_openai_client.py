"""The client against a real server: what is sent, what is retried, which errors end a run."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from mtbench_pytest.core.errors import ServiceError
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models.api.client import CallFailed, ChatClient, Completion, Server
from tests.real.server import ChatServer

KEY = "sk-live-0123456789abcdef"


def ask(
    where: ChatServer | str, temperature: float | None = 0.0, seed: int | None = None, **settings: Any
) -> Completion:
    url = where if isinstance(where, str) else where.base_url

    async def go() -> Completion:
        client = ChatClient(Server(settings.pop("model", "chat-small"), url, **settings))
        try:
            said = [{"role": "user", "content": "hello"}]
            return await client.complete(said, temperature=temperature, max_tokens=7, seed=seed)
        finally:
            await client.aclose()

    return asyncio.run(go())


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_a_reply_comes_with_counts_and_what_made_it(server: ChatServer) -> None:
    assert ask(server) == Completion(
        "chat-small, turn 1: you said hello", "", False, 1, 6, "chat-small", "fp_local"
    )


def test_the_request_holds_what_was_asked_for_and_nothing_else(server: ChatServer) -> None:
    ask(server, temperature=0.7, seed=5)
    assert server.chats == [
        {
            "model": "chat-small",
            "messages": [{"role": "user", "content": "hello"}],
            "temperature": 0.7,
            "max_tokens": 7,
            "seed": 5,
        }
    ]


def test_no_temperature_leaves_the_field_out(server: ChatServer) -> None:
    ask(server, temperature=None)
    assert "temperature" not in server.chats[0]


def test_extra_body_is_sent_over_our_own_fields(server: ChatServer) -> None:
    ask(server, extra_body={"top_k": 1, "temperature": 0.3})
    assert (server.chats[0]["top_k"], server.chats[0]["temperature"]) == (1, 0.3)


def test_the_token_limit_goes_by_the_name_the_server_wants(server: ChatServer) -> None:
    ask(server, max_tokens_field="max_completion_tokens")
    assert server.chats[0]["max_completion_tokens"] == 7
    assert "max_tokens" not in server.chats[0]


def test_a_rate_limit_is_waited_out_and_every_try_counted(server: ChatServer) -> None:
    server.fail(status=429, times=3, retry_after=0.05)
    assert ask(server).text
    assert len(server.chats) == 4


def test_the_wait_is_the_one_the_server_asked_for(server: ChatServer) -> None:
    server.fail(status=429, times=1, retry_after=1.2)
    ask(server)
    first, second = server.calls
    # The SDK's own first wait would be 0.5 s at most.
    assert second.at - first.at >= 1.2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retries_used_up_fail_the_call_and_not_the_run(server: ChatServer, status: int) -> None:
    server.fail(status=status, retry_after=0.05)
    with pytest.raises(CallFailed, match=rf"{server.base_url}: {status} .*\(3 tries\)$"):
        ask(server, retries=2)
    assert len(server.chats) == 3


def test_a_lost_connection_is_tried_again(server: ChatServer) -> None:
    server.fail("drop", times=1)
    assert ask(server, retries=1).text
    assert len(server.chats) == 2


@pytest.mark.parametrize("kind", ["drop", "half"])
def test_a_connection_that_breaks_fails_the_call(server: ChatServer, kind: Any) -> None:
    server.fail(kind)
    with pytest.raises(CallFailed, match=r"the connection broke: .+ \(1 try\)$"):
        ask(server, retries=0)


def test_a_server_that_hangs_fails_the_call_after_the_timeout(server: ChatServer) -> None:
    server.fail("hang")
    start = time.monotonic()
    with pytest.raises(CallFailed, match=r"no reply within 0\.3 s \(1 try\)$"):
        ask(server, retries=0, timeout=0.3)
    assert time.monotonic() - start < 10


def test_garbage_fails_the_call_and_is_shown(server: ChatServer) -> None:
    server.fail("garbage")
    with pytest.raises(CallFailed, match="no chat completion but '<html>502"):
        ask(server)
    assert len(server.chats) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"choices": []}, "no chat completion but"),
        ({"error": {"message": "upstream is down"}}, "no chat completion but .*upstream is down"),
        ({"content": None}, "without text .finish_reason stop"),
        ({"content": None, "refusal": "I will not."}, "the model refused: I will not."),
        ({"content": None, "finish_reason": "length"}, "token limit ended the reply before any text"),
        ({"content": "", "reasoning_content": "hm", "finish_reason": "length"}, "within its reasoning"),
        ({"content": "half a", "finish_reason": "content_filter"}, "content filter ended the reply"),
        (
            {"content": "half", "finish_reason": "insufficient_system_resource"},
            "the server broke the reply off",
        ),
        (
            {"content": "half", "finish_reason": "abort"},
            "the server broke the reply off .finish_reason abort",
        ),
        ({"content": "half", "finish_reason": "error"}, "the server broke the reply off"),
        ({"content": "half", "finish_reason": "tool_calls"}, "the server broke the reply off"),
        ({"content": "half", "finish_reason": ["stop"]}, "the server broke the reply off"),
        ({"content": "", "finish_reason": None}, "a reply without text"),
    ],
)
def test_a_reply_without_text_is_a_failure_and_never_an_empty_answer(reply: Any, why: str) -> None:
    with ChatServer(respond=lambda _: reply) as server, pytest.raises(CallFailed, match=why):
        ask(server)


def test_an_empty_reply_that_the_model_ended_itself_is_a_reply() -> None:
    with ChatServer(respond=lambda _: "") as server:
        assert ask(server).text == ""


@pytest.mark.parametrize("word", ["stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", None, ""])
def test_a_reply_is_whole_where_the_server_says_so_or_says_nothing(word: str | None) -> None:
    with ChatServer(respond=lambda _: {"content": "7", "finish_reason": word}) as server:
        reply = ask(server)
    assert (reply.text, reply.capped) == ("7", False)


@pytest.mark.parametrize("word", ["length", "LENGTH", "max_tokens", "model_length"])
def test_a_reply_that_the_limit_ended_is_capped(word: str) -> None:
    with ChatServer(respond=lambda _: {"content": "and so", "finish_reason": word}) as server:
        reply = ask(server)
    assert (reply.text, reply.capped) == ("and so", True)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_the_server_took_out_is_kept(name: str) -> None:
    with ChatServer(respond=lambda _: {"content": "4", name: "2 and 2"}) as server:
        assert ask(server).reasoning == "2 and 2"


def test_half_a_character_in_a_reply_does_not_reach_a_file() -> None:
    with ChatServer(respond=lambda _: "ends in \ud83d") as server:
        assert ask(server).text == "ends in \ufffd"


def test_half_a_character_in_a_prompt_fails_the_call_alone(server: ChatServer) -> None:
    async def go() -> None:
        client = ChatClient(Server("chat-small", server.base_url))
        try:
            said = [{"role": "user", "content": "\ud83d"}]
            await client.complete(said, temperature=0, max_tokens=7)
        finally:
            await client.aclose()

    with pytest.raises(CallFailed, match="half a character"):
        asyncio.run(go())


def test_a_wrong_key_ends_the_run_at_once_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with ChatServer(key="another") as server, pytest.raises(ServiceError) as caught:
        ask(server, api_key_env="JUDGE_KEY")
    assert str(caught.value) == (
        f"{server.base_url}: 401 Incorrect API key provided: ***; "
        "expected a key in JUDGE_KEY that this server takes"
    )
    assert len(server.chats) == 1
    assert caplog.records
    assert KEY not in caplog.text
    assert caught.value.__context__ is None
    # What `pytest --showlocals` would print.
    for frame, _ in traceback.walk_tb(caught.value.__traceback__):
        assert KEY not in repr(frame.f_locals)


def test_the_key_in_the_environment_opens_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", f"{KEY}\n")
    with ChatServer(key=KEY) as server:
        assert ask(server, api_key_env="JUDGE_KEY").text


def test_a_server_on_this_machine_needs_no_key(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    assert ask(server, api_key_env="JUDGE_KEY").text
    assert server.calls[0].had_key


def test_an_admin_key_in_the_environment_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    with ChatServer(key=KEY) as server:
        ChatClient(Server("chat-small", server.base_url, api_key_env="JUDGE_KEY")).check()
        assert ask(server, api_key_env="JUDGE_KEY").text


def test_an_unknown_model_ends_the_run() -> None:
    with ChatServer(strict=True) as server, pytest.raises(ServiceError, match=r"404 .*not 'no-such-model'"):
        ask(server, model="no-such-model")
    assert len(server.chats) == 1


def test_a_base_url_without_v1_says_so(server: ChatServer) -> None:
    with pytest.raises(ServiceError, match=r"404 Not Found; .* ends in /v1"):
        ask(server.base_url.removesuffix("/v1"))


def test_a_conversation_too_long_fails_alone(server: ChatServer) -> None:
    server.fail(status=400)
    with pytest.raises(CallFailed, match="400 This model's maximum context length is 2048 tokens"):
        ask(server)
    assert len(server.chats) == 1


def test_a_setting_the_server_refuses_ends_the_run_with_the_remedy(server: ChatServer) -> None:
    server.fail(status=400, message="Unsupported value: 'temperature' does not support 0 with this model.")
    with pytest.raises(ServiceError, match=r"expected \?temperature=none"):
        ask(server)


def test_a_refusal_after_answers_with_the_same_settings_fails_one_call(server: ChatServer) -> None:
    server.fail(status=400, message="something odd", where=lambda body: body["max_tokens"] == 14)

    async def go() -> None:
        client = ChatClient(Server("chat-small", server.base_url))
        said = [{"role": "user", "content": "hello"}]
        try:
            await client.complete(said, temperature=0, max_tokens=7)
            await client.complete(said, temperature=0, max_tokens=14)
        finally:
            await client.aclose()

    with pytest.raises(CallFailed, match="400 something odd"):
        asyncio.run(go())


def test_a_used_up_quota_ends_the_run(server: ChatServer) -> None:
    server.fail(
        status=429, retry_after=0.05, message="You exceeded your current quota.", code="insufficient_quota"
    )
    with pytest.raises(ServiceError, match=r"429 You exceeded .* expected an account with credit"):
        ask(server, retries=1)


def test_nobody_listening_ends_the_run() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    with pytest.raises(
        ServiceError, match=f"^{url}: connection refused; expected a server that listens there$"
    ):
        ask(url, retries=0)


def test_an_unknown_host_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with pytest.raises(ServiceError, match=r"host no-such-host\.invalid is not known"):
        ask("http://no-such-host.invalid/v1", retries=0, api_key_env="JUDGE_KEY")


def test_tls_to_a_server_without_it_ends_the_run(server: ChatServer) -> None:
    with pytest.raises(ServiceError, match="TLS failed"):
        ask(server.base_url.replace("http:", "https:"), retries=0)


def probe(url: str, **settings: Any) -> None:
    ChatClient(Server("chat-small", url, **settings)).check()


def test_the_early_check_costs_one_get(server: ChatServer) -> None:
    probe(server.base_url)
    assert [(call.method, call.path) for call in server.calls] == [("GET", "/v1/models")]


def test_the_early_check_finds_nobody_listening_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(ServiceError, match="connection refused"):
        probe(f"http://127.0.0.1:{closed_port()}/v1")
    assert time.monotonic() - start < 10


def test_the_early_check_finds_a_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with ChatServer(key="another") as server, pytest.raises(ServiceError, match=r"401 .*\*\*\*"):
        probe(server.base_url, api_key_env="JUDGE_KEY")


def test_the_early_check_minds_no_model_missing_from_the_list(server: ChatServer) -> None:
    ChatClient(Server("loaded-on-demand", server.base_url)).check()
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "order",
    [
        lambda server: server.fail(status=404, path="/models"),
        lambda server: server.fail(status=500, path="/models"),
        lambda server: server.fail(status=403, message="Missing scopes: api.model.read.", path="/models"),
        lambda server: server.fail("garbage", path="/models"),
        lambda server: server.fail("hang", path="/models"),
    ],
    ids=["no list", "broken list", "no right to the list", "no JSON", "slow"],
)
def test_the_early_check_minds_no_missing_list(
    server: ChatServer, order: Callable[[ChatServer], None]
) -> None:
    order(server)
    probe(server.base_url, timeout=0.3)
    assert len(server.calls) == 1


def test_a_limit_of_its_own_is_held(server: ChatServer) -> None:
    server.latency = 0.05

    async def go() -> None:
        client = ChatClient(Server("chat-small", server.base_url, concurrency=3))
        said = [{"role": "user", "content": "hello"}]
        try:
            await asyncio.gather(*(client.complete(said, temperature=0, max_tokens=7) for _ in range(12)))
        finally:
            await client.aclose()

    asyncio.run(go())
    assert server.peak == 3


def test_64_calls_run_side_by_side(server: ChatServer) -> None:
    server.latency = 0.5

    async def go() -> list[Completion]:
        client = ChatClient(Server("chat-small", server.base_url))
        said = [{"role": "user", "content": "hello"}]
        try:
            calls = (client.complete(said, temperature=0, max_tokens=7) for _ in range(64))
            return await asyncio.gather(*calls)
        finally:
            await client.aclose()

    assert len(asyncio.run(go())) == 64
    assert server.peak == 64


def test_it_works_in_a_loop_beside_the_main_thread_and_in_another_afterwards(server: ChatServer) -> None:
    client = ChatClient(Server("chat-small", server.base_url, concurrency=1))
    texts: list[str] = []

    async def go() -> None:
        try:
            said = [{"role": "user", "content": "hello"}]
            calls = (client.complete(said, temperature=0, max_tokens=7) for _ in range(2))
            texts.extend(reply.text for reply in await asyncio.gather(*calls))
        finally:
            await client.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(go()))
    thread.start()
    thread.join()
    asyncio.run(go())
    assert len(texts) == 4


def test_what_a_spec_says_is_what_is_sent(server: ChatServer) -> None:
    extra = json.dumps({"top_k": 3})
    spec = parse_spec(f"openai:org/m:7b?base_url={server.base_url}/&extra_body={extra}&timeout=5&retries=0")
    read, _ = Server.from_spec(spec, {})
    assert read == Server("org/m:7b", server.base_url, extra_body={"top_k": 3}, timeout=5.0, retries=0)
