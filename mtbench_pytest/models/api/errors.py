"""Errors of an OpenAI-compatible server in plain words: which concern one call, which concern all."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mtbench_pytest.core.errors import MTBenchError, ServiceError
from mtbench_pytest.models.api.server import Server

if TYPE_CHECKING:
    import openai

# What servers say when one conversation is to blame and not the way we call: OpenAI and Azure, vLLM, SGLang,
# llama.cpp, DashScope, OpenRouter.
_ONE_CONVERSATION = re.compile(
    r"context.?(?:length|window|size)|max_model_len|too long|reduce the length|range of input length"
    r"|content.?(?:filter|policy|management)|data.?inspection|inappropriate content|moderation|flagged"
    r"|string_above_max_length|invalid_prompt",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"insufficient.?(?:quota|balance|credit)|exceeded your current quota", re.IGNORECASE)


def no_credit(said: str) -> bool:
    """Whether a server says that the account is used up, which no waiting mends."""
    return _NO_CREDIT.search(said) is not None


class CallFailed(MTBenchError):
    """One call brought no usable reply; others may.

    Args:
        reason: One line: who was called and what came back.
        cut: A token limit ended the reply before it said anything, so a larger one may help.
    """

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        self.reason = reason
        self.cut = cut
        super().__init__(reason)


def status_failure(
    server: Server, status: int, said: str, code: str = "", tries: int = 1, answered: bool = False
) -> ServiceError | CallFailed:
    """What an error status means for the run.

    Args:
        server: Who was called.
        status: The HTTP status, 400 or above.
        said: The server's message.
        code: The server's error code, where it gave one.
        tries: How often it was called.
        answered: It has answered other calls made with the same settings.
    """
    said = server.mask(said).rstrip(".")
    problem = f"{status} {said}".rstrip()
    about = f"{code} {said}"
    if status == 402 or no_credit(about):
        return ServiceError(server.base_url, problem, "an account with credit")
    if status == 401 or (status == 403 and not _ONE_CONVERSATION.search(about)):
        return ServiceError(server.base_url, problem, f"a key in {server.api_key_env} that this server takes")
    if status in (408, 409, 429) or status >= 500:
        return CallFailed(f"{server.base_url}: {problem} ({_times(tries)})")
    if status == 404:
        wanted = (
            f"a model this server has, not {server.model!r}, and a base_url that ends in /v1 on most servers"
        )
        return ServiceError(server.base_url, problem, wanted)
    if answered or status == 413 or _ONE_CONVERSATION.search(about):
        # Where the same settings have worked, a refusal is about this conversation or this call's budget.
        return CallFailed(f"{server.base_url}: {problem}")
    return ServiceError(server.base_url, problem, _remedy(said))


def connection_failure(server: Server, error: openai.APIConnectionError) -> ServiceError | CallFailed:
    """What a connection that failed or broke means for the run."""
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if not names & {"ConnectError", "ConnectTimeout", "ProxyError"}:
        if any(name.endswith("Timeout") or name == "APITimeoutError" for name in names):
            what = f"no reply within {server.timeout:g} s"
        else:
            what = f"the connection broke: {server.mask(str(causes[-1])) or type(causes[-1]).__name__}"
        return CallFailed(f"{server.base_url}: {what} ({_times(tries_of(error))})")
    host = urlsplit(server.base_url).hostname
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            wanted = "a certificate that this machine trusts (SSL_CERT_FILE), or http:// where there is none"
            return ServiceError(server.base_url, f"TLS failed: {server.mask(str(cause))}", wanted)
        if isinstance(cause, socket.gaierror):
            return ServiceError(server.base_url, f"host {host} is not known", "another base_url")
        if isinstance(cause, ConnectionRefusedError):
            return ServiceError(server.base_url, "connection refused", "a server that listens there")
    problem = f"no connection: {server.mask(str(causes[-1])) or type(causes[-1]).__name__}"
    return ServiceError(server.base_url, problem, "a server that listens there")


def message_of(body: object) -> tuple[str, str]:
    """The server's message and error code; the SDK has already unwrapped `error`."""
    if not isinstance(body, Mapping):
        return str(body or ""), ""
    said = body.get("message") or body.get("detail") or body.get("error") or ""
    return (said if isinstance(said, str) else json.dumps(said)), str(body.get("code") or "")


def tries_of(error: openai.APIError) -> int:
    """How often the SDK made the call; it says so in the last request."""
    return int(error.request.headers.get("x-stainless-retry-count", "0")) + 1


def _remedy(said: str) -> str:
    if "max_completion_tokens" in said:
        return "?max_tokens_field=max_completion_tokens"
    if "temperature" in said:
        return "?temperature=none, which leaves the field out"
    return "settings this server takes; ?extra_body=, ?max_tokens_field= and ?temperature=none change them"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):  # one for each address of a host
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def _times(tries: int) -> str:
    return "1 try" if tries == 1 else f"{tries} tries"
