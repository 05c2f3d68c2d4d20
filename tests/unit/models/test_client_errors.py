"""What a server's refusal means, without a server; and keys, which are shown nowhere."""

from __future__ import annotations

import json
import re

import pytest

from mtbench_pytest.core.errors import ServiceError, SpecError
from mtbench_pytest.core.parsers import number
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models.api.client import CallFailed, ChatClient, Server, read_completion
from mtbench_pytest.models.api.errors import message_of, status_failure

SERVER = Server("m", "http://localhost:8000/v1", api_key_env="TEST_KEY")
KEY = "sk-live-0123456789abcdef"


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
        (400, "Range of input length should be [1, 30720]", "invalid_parameter_error"),
        (400, "the request exceeds the available context size", ""),
        (400, "filtered", "content_filter"),
        (400, "Input data may contain inappropriate content.", "data_inspection_failed"),
        (403, "Your input was flagged", ""),
        (413, "Request Entity Too Large", ""),
        (422, "prompt is too long: 9000 tokens", ""),
        (429, "Rate limit reached", "rate_limit_exceeded"),
        (408, "", ""),
        (502, "Bad Gateway", ""),
    ],
)
def test_these_concern_one_call(status: int, said: str, code: str) -> None:
    failure = status_failure(SERVER, status, said, code)
    assert isinstance(failure, CallFailed)
    assert failure.reason.startswith(f"http://localhost:8000/v1: {status}")


@pytest.mark.parametrize(
    ("status", "said", "code", "remedy"),
    [
        (400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", "", "max_tokens_field="),
        (400, "'temperature' does not support 0.7", "unsupported_value", "temperature=none"),
        (422, "seed: extra fields not permitted", "", "settings this server takes"),
        (401, "Invalid key", "", "a key in TEST_KEY"),
        (403, "Forbidden", "", "a key in TEST_KEY"),
        (402, "Insufficient Balance", "", "credit"),
        (429, "You exceeded your current quota", "insufficient_quota", "credit"),
        (404, "no such model", "", "a model this server has, not 'm'"),
    ],
)
def test_these_concern_all_calls_and_say_what_helps(status: int, said: str, code: str, remedy: str) -> None:
    failure = status_failure(SERVER, status, said, code)
    assert isinstance(failure, ServiceError)
    assert remedy in failure.expected


@pytest.mark.parametrize("status", [401, 404])
def test_a_key_or_model_gone_concerns_all_calls_even_after_answers(status: int) -> None:
    assert isinstance(status_failure(SERVER, status, "gone", answered=True), ServiceError)


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"message": "m", "code": "c"}, "m", "c"),
        ({"detail": "Not Found"}, "Not Found", ""),
        ({"detail": [{"loc": ["seed"]}]}, '[{"loc": ["seed"]}]', ""),
        ({"error": "no scope"}, "no scope", ""),
        ("<html>", "<html>", ""),
        (None, "", ""),
    ],
)
def test_the_message_is_found_wherever_servers_put_it(body: object, message: str, code: str) -> None:
    assert message_of(body) == (message, code)


def test_a_message_is_one_line_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    assert SERVER.mask(f"bad key\n  '{KEY}'") == "bad key '***'"


def test_a_placeholder_for_a_key_is_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "none")
    assert SERVER.mask("none of these") == "none of these"


def test_a_long_message_is_cut_and_says_so() -> None:
    assert SERVER.mask("x" * 400) == "x" * 300 + "…"


def test_the_key_is_in_no_repr_and_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    client = ChatClient(SERVER)
    assert KEY not in f"{client!r} {vars(client)} {SERVER!r} {SERVER.identity()}"
    assert SERVER.key() == KEY


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "[::1]", "api.localhost"])
def test_this_machine_needs_no_key(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    assert Server("m", f"http://{host}:8000/v1", api_key_env="TEST_KEY").key()


@pytest.mark.parametrize("host", ["api.openai.com", "10.0.0.5", "localhost.example.com"])
def test_another_machine_needs_one_and_the_line_names_the_variable(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "  ")
    expected = (
        f"https://{host}/v1: no API key: TEST_KEY is not set; "
        "expected a key in the environment variable TEST_KEY; ?api_key_env=NAME names another one"
    )
    with pytest.raises(ServiceError, match=f"^{re.escape(expected)}$"):
        Server("m", f"https://{host}/v1", api_key_env="TEST_KEY").key()


def test_a_key_that_no_header_can_hold_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-„quoted“")
    with pytest.raises(ServiceError) as caught:
        SERVER.key()
    assert "quoted" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        f"openai:m?api_key_env={KEY}",
        f'openai:m?extra_body={{"api_key":"{KEY}"}}',
        f"openai:m?base_url=https://me:{KEY}@host/v1",
    ],
)
def test_a_key_in_a_spec_is_refused_and_not_repeated(spec: str) -> None:
    with pytest.raises(SpecError) as caught:
        Server.from_spec(parse_spec(spec), {})
    assert str(caught.value) == (
        "openai:m: a key or password in the spec; "
        "expected the key in the environment; ?api_key_env=NAME names the variable"
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("base_url=localhost:8000", "a URL such as"),
        ("base_url=", "a URL such as"),
        ("timeout=0", "a number of seconds above 0"),
        ("retries=-1", "a whole number from 0 up"),
        ("concurrency=0", "a whole number from 1 up"),
        ("extra_body=[1]", "a JSON object"),
        ("max_tokens_field=limit", "one of max_tokens, max_completion_tokens"),
        ("tiemout=3", "one of"),
    ],
)
def test_a_parameter_that_means_nothing_says_what_was_expected(params: str, expected: str) -> None:
    with pytest.raises(SpecError, match=f"expected {expected}"):
        Server.from_spec(parse_spec(f"openai:m?{params}"), {})


def test_a_spec_without_a_model_says_so() -> None:
    with pytest.raises(SpecError, match="no model; expected openai:MODEL"):
        Server.from_spec(parse_spec("openai:?timeout=3"), {})


def test_the_callers_own_parameters_come_back_apart() -> None:
    server, own = Server.from_spec(parse_spec("openai:m?warmth=2&timeout=3"), {"warmth": number})
    assert (server.timeout, own) == (3, {"warmth": 2})


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://notapi.openai.com.example.org/v1", "max_tokens"),
        ("http://localhost:8000/v1", "max_tokens"),
    ],
)
def test_openai_itself_wants_the_newer_name_of_the_limit(base_url: str, name: str) -> None:
    server, _ = Server.from_spec(parse_spec(f"openai:m?base_url={base_url}"), {})
    assert server.max_tokens_field == name


def test_the_sdks_variable_for_the_url_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1234/v1/")
    assert Server.from_spec(parse_spec("openai:m"), {})[0].base_url == "http://localhost:1234/v1"


def test_the_sdks_variable_for_the_url_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost")
    with pytest.raises(SpecError, match="OPENAI_BASE_URL cannot be used; expected a URL"):
        Server.from_spec(parse_spec("openai:m"), {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"choices": "no"}',
        '{"choices": [{}]}',
        '{"choices": [{"message": "text"}]}',
        "\x00",
    ],
)
def test_what_is_no_completion_fails_the_call(text: str) -> None:
    with pytest.raises(CallFailed, match="no chat completion but"):
        read_completion(SERVER, text)


def test_a_bare_reply_without_counts_and_names_is_enough() -> None:
    completion = read_completion(SERVER, json.dumps({"choices": [{"message": {"content": "hi"}}]}))
    assert (completion.text, completion.prompt_tokens, completion.fingerprint) == ("hi", None, "")
