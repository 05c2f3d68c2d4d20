"""The one way to an OpenAI-compatible server, for models and judges alike.

The SDK sends, waits and retries (it honours Retry-After). What is left here: where the key comes from, what
a reply must hold to count as one, and which errors concern one call and which concern all.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbench_pytest.errors import ServiceError
from mtbench_pytest.refusals import CallFailed, connection_failure, message_of, status_failure, tries_of
from mtbench_pytest.server import Server

if TYPE_CHECKING:
    import openai

__all__ = ["CallFailed", "ChatClient", "Completion", "Server", "read_completion"]

_CONNECT_SECONDS = 10.0
_CUT = ("length", "max_tokens")
_BROKEN_OFF = ("content_filter", "abort", "error")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a server replied.

    Attributes:
        text: The visible reply; it may still open with `<think>`.
        reasoning: Reasoning the server had already taken out of the text.
        capped: The token limit ended the reply.
        prompt_tokens: As the server counts them, where it does.
        completion_tokens: As the server counts them, where it does.
        model: The model's name as the server gives it.
        fingerprint: The server's `system_fingerprint`, or empty.
    """

    text: str
    reasoning: str = ""
    capped: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str = ""
    fingerprint: str = ""


class ChatClient:
    """Calls one model on one server.

    It belongs to the event loop that made the first call, until `aclose`.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._sdk: openai.AsyncOpenAI | None = None
        self._room: asyncio.Semaphore | nullcontext[None] = nullcontext()
        self._answered = False

    def check(self) -> None:
        """Asks for the list of models: cheap, without retries, before anything is spent. Blocks.

        Many servers have no such list and some fill it late, so what it holds proves nothing.

        Raises:
            ServiceError: Where nobody listens, or the key is missing or refused.
        """
        import openai

        patience = min(self.server.timeout, _CONNECT_SECONDS)
        with openai.OpenAI(
            base_url=self.server.base_url, api_key=self.server.key(), max_retries=0, timeout=patience
        ) as probe:
            try:
                probe.get("/models", cast_to=str)
            except openai.APIConnectionError as error:
                failure = connection_failure(self.server, error)
            except openai.APIStatusError as error:
                # A key may well be allowed to chat and not to list models; OpenAI then speaks of scopes.
                if error.status_code not in (401, 403) or "scope" in error.response.text:
                    return
                failure = status_failure(self.server, error.status_code, *message_of(error.body))
            else:
                return
        if isinstance(failure, ServiceError):
            raise failure

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        temperature: float | None,
        max_tokens: int,
        seed: int | None = None,
    ) -> Completion:
        """One call.

        Args:
            messages: `role` and `content` each.
            temperature: None leaves the field out.
            max_tokens: Most new tokens, reasoning included.
            seed: None leaves the field out.

        Raises:
            CallFailed: This call brought no usable reply.
            ServiceError: No call will.
        """
        body: dict[str, Any] = {
            "model": self.server.model,
            "messages": list(messages),
            self.server.max_tokens_field: max_tokens,
        }
        if temperature is not None:
            body["temperature"] = temperature
        if seed is not None:
            body["seed"] = seed
        body.update(self.server.extra_body)
        sdk = self._open()
        async with self._room:
            text = await self._post(sdk, body)
        completion = read_completion(self.server, text)
        self._answered = True
        return completion

    async def aclose(self) -> None:
        """Closes the connections. The next call opens new ones."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.close()

    def _open(self) -> openai.AsyncOpenAI:
        if self._sdk is None:
            import openai

            server = self.server
            self._sdk = openai.AsyncOpenAI(
                base_url=server.base_url,
                api_key=server.key(),
                max_retries=server.retries,
                timeout=openai.Timeout(server.timeout, connect=min(server.timeout, _CONNECT_SECONDS)),
            )
            self._room = asyncio.Semaphore(server.concurrency) if server.concurrency else nullcontext()
        return self._sdk

    async def _post(self, sdk: openai.AsyncOpenAI, body: Mapping[str, Any]) -> str:
        import openai

        try:
            # The text, not the SDK's typed reply, which is built without a look at what the server sent.
            return await sdk.post("/chat/completions", body=body, cast_to=str)
        except openai.APIConnectionError as error:
            failure = connection_failure(self.server, error)
        except openai.APIStatusError as error:
            failure = self._refused(error)
        except UnicodeEncodeError:
            failure = CallFailed(f"{self.server.base_url}: not sent, the text holds half a character")
        # Outside the handler: the SDK's exception holds the request, and the request holds the key.
        raise failure

    def _refused(self, error: openai.APIStatusError) -> ServiceError | CallFailed:
        # Apart, as a traceback that shows locals would show the server's words before the key is masked.
        said, code = message_of(error.body)
        if wait := error.response.headers.get("retry-after"):
            said = f"{said} (Retry-After: {wait})"
        return status_failure(self.server, error.status_code, said, code, tries_of(error), self._answered)


def read_completion(server: Server, text: str) -> Completion:
    """Reads a reply's body.

    Raises:
        CallFailed: Where it is not a chat completion, or holds no text.
    """
    try:
        body = json.loads(text)
        choice_ = body["choices"][0]
        message, finish = choice_["message"], choice_.get("finish_reason")
        content = message.get("content")
    except (ValueError, LookupError, TypeError, AttributeError):
        raise CallFailed(f"{server.base_url}: no chat completion but {server.mask(text)!r}") from None
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    if not isinstance(content, str) or finish in _BROKEN_OFF or (finish in _CUT and not content):
        raise _no_text(server, message, finish, bool(reasoning))
    usage = body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        # Half a character escaped in JSON; no file and no later request could take it.
        _LONE_SURROGATE.sub("\ufffd", content),
        _LONE_SURROGATE.sub("\ufffd", str(reasoning)),
        finish in _CUT,
        _count(counts.get("prompt_tokens")),
        _count(counts.get("completion_tokens")),
        str(body.get("model") or ""),
        str(body.get("system_fingerprint") or ""),
    )


def _no_text(server: Server, message: Mapping[str, Any], finish: object, reasoned: bool) -> CallFailed:
    cut = finish in _CUT
    if refusal := message.get("refusal"):
        why = f"the model refused: {server.mask(str(refusal))}"
    elif cut:
        why = f"the token limit ended the reply {'within its reasoning' if reasoned else 'before any text'}"
    elif finish == "content_filter":
        why = "the server's content filter ended the reply"
    else:
        why = f"a reply without text{' after its reasoning' if reasoned else ''}"
    return CallFailed(f"{server.base_url}: {why} (finish_reason {finish})", cut=cut)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
