"""A chat model behind an OpenAI-compatible server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtbench_pytest.core.aio import unbroken
from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.core.parsers import Parser, choice
from mtbench_pytest.core.reasoning import THOUGHT_HELP, all_thought
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, Reply
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models.api.budget import Budget
from mtbench_pytest.models.api.client import CallFailed, ChatClient, Completion, Server, check_price


class OpenAIModel:
    """Answers over HTTP: questions side by side, the turns of each one after the other.

    Args:
        server: Where the model is served.
        name: How tables and files call it.
        system: A system message put before every conversation.
        send_temperature: Off for servers that refuse the field.
        concurrency: Most questions under way at once.

    Attributes:
        calls: How many calls have ended, well or not.
    """

    uses_device = False

    def __init__(
        self,
        server: Server,
        name: str = "",
        system: str = "",
        send_temperature: bool = True,
        concurrency: int = 16,
    ) -> None:
        self.server = server
        self.name = name or server.short_name
        self.system = system
        self.send_temperature = send_temperature
        self.concurrency = server.concurrency or concurrency
        self.calls = 0
        self._budget: Budget | None = None
        self._running: set[tuple[asyncio.AbstractEventLoop, tuple[asyncio.Task[Any], ...]]] = set()
        self._closed = False

    @classmethod
    def from_spec(cls, spec: Spec, concurrency: int = 16) -> OpenAIModel:
        """Reads `openai:MODEL?base_url=…&name=…&system=…&temperature=none` and the server's parameters.

        Args:
            spec: What the user wrote.
            concurrency: Most questions under way at once, unless the spec says otherwise.

        Raises:
            SpecError: For a parameter that is unknown or does not parse.
        """
        # The bench says how warm a category is, for candidate and baseline alike.
        own: dict[str, Parser] = {"name": str, "system": str, "temperature": choice("none")}
        server, given = Server.from_spec(spec, own)
        return cls(
            server,
            given.get("name", ""),
            given.get("system", ""),
            "temperature" not in given,
            concurrency,
        )

    def spend_from(self, budget: Budget) -> None:
        """See `Spends.spend_from`."""
        check_price(self.server, budget)
        self._budget = budget

    def prepare(self, questions: Sequence[Question]) -> None:  # noqa: ARG002  a server takes any question
        """See `ChatModel.prepare`: asks the server whether it is there and takes the key."""
        ChatClient(self.server).check()

    def identity(self) -> Mapping[str, Any]:
        """See `ChatModel.identity`. A server's weights cannot be seen: it is taken at its word."""
        return {
            **self.server.identity(),
            "system": self.system,
            "sends_temperature": self.send_temperature,
        }

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """See `ChatModel.answer`."""
        self._closed = False
        client = ChatClient(self.server, self._budget)
        room = asyncio.Semaphore(self.concurrency)
        running = tuple(asyncio.create_task(self._converse(client, room, task)) for task in tasks)
        entry = (asyncio.get_running_loop(), running)
        self._running.add(entry)
        try:
            for finished in asyncio.as_completed(running):
                yield await finished
        except asyncio.CancelledError:
            if not self._closed:
                raise
            raise ModelError(f"{self.name}: closed before it had answered all questions") from None
        finally:
            self._running.discard(entry)
            await unbroken(_end(running, client))

    def close(self) -> None:
        """See `ChatModel.close`: cancels the calls under way; `answer` closes its own connections."""
        self._closed = True
        for loop, running in tuple(self._running):
            for one in running:
                loop.call_soon_threadsafe(one.cancel)

    async def _converse(
        self, client: ChatClient, room: asyncio.Semaphore, task: AnswerTask
    ) -> Answer | AnswerFailure:
        question, sampling = task.question, task.sampling
        temperature = sampling.temperature if self.send_temperature else None
        messages = question.messages(self.system)
        completions = []
        async with room:
            for turn, said in enumerate(question.turns, 1):
                messages.append({"role": "user", "content": said})
                try:
                    completion = await client.complete(
                        messages,
                        temperature=temperature,
                        max_tokens=sampling.max_new_tokens,
                        seed=sampling.seed,
                    )
                except CallFailed as failed:
                    remedy = f"; {THOUGHT_HELP}" if failed.cut else ""
                    reason = f"turn {turn}: {failed.reason}{remedy}"
                    return AnswerFailure(question.question_id, self.name, reason)
                finally:
                    self.calls += 1
                reply = _reply(completion)
                limit = sampling.max_new_tokens if reply.capped else None
                if missing := all_thought(reply.text, reply.reasoning, limit):
                    reason = f"turn {turn}: {self.server.base_url}: {missing}"
                    return AnswerFailure(question.question_id, self.name, reason)
                completions.append(completion)
                messages.append({"role": "assistant", "content": reply.text})
        made_with = {
            "served_model": _distinct(completion.model for completion in completions),
            "fingerprint": _distinct(completion.fingerprint for completion in completions),
            "temperature": temperature,
            "seed": sampling.seed,
            "max_new_tokens": sampling.max_new_tokens,
        }
        return Answer(question.question_id, self.name, tuple(map(_reply, completions)), made_with)


async def _end(running: Sequence[asyncio.Task[Any]], client: ChatClient) -> None:
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await client.aclose()


def _reply(completion: Completion) -> Reply:
    reply = Reply.from_raw(
        completion.text,
        capped=completion.capped,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
    )
    reasoning = "\n".join(filter(None, (completion.reasoning.strip(), reply.reasoning)))
    return replace(reply, reasoning=reasoning)


def _distinct(words: Iterable[str]) -> str:
    """A server may change behind its address from one turn to the next."""
    return ", ".join(filter(None, dict.fromkeys(words)))
