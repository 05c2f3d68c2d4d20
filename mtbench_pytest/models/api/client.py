"""The one way to an OpenAI-compatible server, for models and judges alike.

The SDK sends, waits and retries (it honours a Retry-After of up to two minutes). What is left here: where the
key comes from, what a reply must hold to count as one, what a call costs, and which errors concern one call
and which concern all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbench_pytest.core.errors import ServiceError, SpecError
from mtbench_pytest.models.api.budget import Bill, Budget
from mtbench_pytest.models.api.errors import (
    CallFailed,
    connection_failure,
    message_of,
    status_failure,
    tries_of,
)
from mtbench_pytest.models.api.server import Server
from mtbench_pytest.models.api.throttle import Places, throttle_for
from mtbench_pytest.models.api.transport import throttled_client

if TYPE_CHECKING:
    import openai

__all__ = ["CallFailed", "ChatClient", "Completion", "Server", "read_completion"]

_CONNECT_SECONDS = 10.0
# What a `finish_reason` may be where a reply is whole: OpenAI's and vLLM's "stop", TGI's "eos_token",
# Together's "eos", gateways that pass Anthropic's words on. Without one, a reply counts as whole where it has
# text. Any other word, such as DeepSeek's "insufficient_system_resource", says that something broke it off.
_WHOLE = (None, "", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "completed")
_CUT = ("length", "max_tokens", "model_length")  # the last is Mistral's, for a full context
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

    Args:
        server: Who is called, and how.
        budget: Asked before every call, where there is one.

    Attributes:
        calls: How many calls have ended, well or not; a call and its retries are one.
    """

    def __init__(self, server: Server, budget: Budget | None = None) -> None:
        self.server = server
        self.calls = 0
        self._budget = budget
        self._counted = (
            1.0  # tokens of a prompt as the server counts them, over our estimate: the most so far
        )
        self._longest = 0  # tokens of a reply
        self._refusal: ServiceError | None = None
        self._sdk: openai.AsyncOpenAI | None = None
        self._answered = False

    def spend_from(self, budget: Budget) -> None:
        """See `Spends.spend_from`."""
        check_price(self.server, budget)
        self._budget = budget

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
            ServiceError: No call will; once raised, it is raised for every later call without making it.
            BudgetError: The run may spend no more.
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
        async with self._paid(messages, max_tokens) as bill:
            text = await self._post(sdk, body, bill)
            self._settle(bill, messages, text)
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
            connect = min(server.timeout, _CONNECT_SECONDS)
            self._sdk = openai.AsyncOpenAI(
                base_url=server.base_url,
                api_key=server.key(),
                max_retries=server.retries,
                timeout=openai.Timeout(server.timeout, connect=connect),
                # The SDK's timeout is for silence; this one also ends a reply that trickles in for ever.
                http_client=throttled_client(
                    throttle_for(server.base_url),
                    Places(server.concurrency),
                    server.timeout + connect,
                    self._stop,
                ),
            )
        return self._sdk

    def _stop(self) -> None:
        """Before each request: what one call was told holds for those that still wait, too."""
        if self._refusal is not None:
            raise self._refusal

    def _paid(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int
    ) -> AbstractAsyncContextManager[Bill]:
        if self._budget is None:
            return nullcontext(Bill(0.0))
        most = 0.0
        if self.server.price is not None:
            # What is sent is known but for how the server counts it; what comes back is as long as the
            # longest so far.
            sent = round(self._counted * estimate_tokens(*_texts(messages)))
            most = self.server.price.of(sent, self._longest or max_tokens)
        return self._budget.call(most)

    def _settle(self, bill: Bill, messages: Sequence[Mapping[str, str]], text: str) -> None:
        if self._budget is None or self.server.price is None:
            return
        sent, written = _usage(text)
        estimate = estimate_tokens(*_texts(messages))
        sent = estimate if sent is None else sent
        written = estimate_tokens(text) if written is None else written
        bill.cost = self.server.price.of(sent, written)
        self._counted = max(self._counted, sent / estimate)
        self._longest = max(self._longest, written)

    async def _post(self, sdk: openai.AsyncOpenAI, body: Mapping[str, Any], bill: Bill) -> str:
        import openai

        failure: ServiceError | CallFailed
        try:
            # The text, not the SDK's typed reply, which is built without a look at what the server sent.
            text = await sdk.post("/chat/completions", body=body, cast_to=str)
        except openai.APIConnectionError as error:
            failure = connection_failure(self.server, error)
        except openai.APIStatusError as error:
            failure = self._refused(error)
            bill.cost = 0.0
        except UnicodeEncodeError:
            failure = CallFailed(f"{self.server.base_url}: not sent, the text holds half a character")
            bill.cost = 0.0
        except ServiceError as error:
            failure = ServiceError(error.given, error.problem, error.expected)
        else:
            self.calls += 1
            return text
        self.calls += 1
        if isinstance(failure, ServiceError):
            self._refusal = failure
            bill.cost = 0.0
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
        message, said = choice_["message"], choice_.get("finish_reason")
        content = message.get("content")
    except (ValueError, LookupError, TypeError, AttributeError):
        raise CallFailed(f"{server.base_url}: no chat completion but {server.mask(text)!r}") from None
    finish = said.lower() if isinstance(said, str) else said
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    ended = finish in _WHOLE or finish in _CUT
    # Only a word of the model's own end makes an empty text a reply.
    empty = not content and finish in (None, "", *_CUT)
    if not isinstance(content, str) or not ended or empty:
        raise _no_text(server, message, finish, bool(reasoning))
    sent, written = _usage(text)
    return Completion(
        # Half a character escaped in JSON; no file and no later request could take it.
        _LONE_SURROGATE.sub("\ufffd", content),
        _LONE_SURROGATE.sub("\ufffd", str(reasoning)),
        finish in _CUT,
        sent,
        written,
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
    elif finish not in _WHOLE:
        why = "the server broke the reply off"
    else:
        why = f"a reply without text{' after its reasoning' if reasoned else ''}"
    return CallFailed(f"{server.base_url}: {why} (finish_reason {finish})", cut=cut)


def check_price(server: Server, budget: Budget) -> None:
    """Refuses a server without prices where the budget limits the cost.

    Raises:
        SpecError: In one line, what to add to the spec.
    """
    if budget.max_cost is not None and server.price is None:
        expected = (
            f"openai:{server.model}?input_price=2.50&output_price=10, what a million tokens cost, "
            "in the currency of --mtbench-max-cost"
        )
        raise SpecError(f"openai:{server.model}", "no prices", expected)


def _texts(messages: Sequence[Mapping[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def estimate_tokens(*texts: str) -> int:
    """Tokens where nobody counts them: four bytes each, about right for English and most scripts."""
    return sum(len(text.encode("utf-8", "replace")) // 4 + 1 for text in texts)


def _usage(text: str) -> tuple[int | None, int | None]:
    """The tokens of prompt and reply as the server counts them, where it does."""
    try:
        usage = json.loads(text)["usage"]
        return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
