"""A judge behind an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtbench_pytest.core.errors import VerdictError
from mtbench_pytest.core.parsers import Parser, number, whole
from mtbench_pytest.core.records import Question, Reply, Task
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.judges.base import JudgeReply, ReplyJudge
from mtbench_pytest.models.api.budget import Budget
from mtbench_pytest.models.api.client import CallFailed, ChatClient, Server


class OpenAIJudge(ReplyJudge):
    """Sends the rendered prompt and reads the verdict off the reply.

    Args:
        server: Where the judge is served.
        name: How tables and files call it.
        temperature: None leaves the field out.
        max_tokens: Most new tokens of a judgment, reasoning included; a second try has twice as many.
    """

    def __init__(
        self, server: Server, name: str = "", temperature: float | None = 0.0, max_tokens: int = 2048
    ) -> None:
        self.server = server
        self.name = name or server.short_name
        self.temperature = temperature
        self.max_tokens = max_tokens
        self._client = ChatClient(server)

    @classmethod
    def from_spec(cls, spec: Spec) -> OpenAIJudge:
        """Reads `openai:MODEL?base_url=…&name=…&temperature=…&max_tokens=…` and the server's parameters.

        Raises:
            SpecError: For a parameter that is unknown or does not parse.
        """
        own: dict[str, Parser] = {"name": str, "temperature": _temperature, "max_tokens": whole()}
        server, given = Server.from_spec(spec, own)
        return cls(server, **given)

    @property
    def calls(self) -> int:
        """How many calls have ended, well or not."""
        return self._client.calls

    def spend_from(self, budget: Budget) -> None:
        """See `Spends.spend_from`."""
        self._client.spend_from(budget)

    def prepare(
        self,
        questions: Sequence[Question],  # noqa: ARG002  a server takes any question
        models: Sequence[str],  # noqa: ARG002
        pairwise: bool,  # noqa: ARG002
    ) -> None:
        """See `Judge.prepare`: asks the server whether it is there and takes the key."""
        self._client.check()

    def identity(self) -> Mapping[str, Any]:
        """See `Judge.identity`."""
        return {
            **self.server.identity(),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        """See `ReplyJudge.reply`. What stands in the judge's reasoning is no verdict."""
        prompt = task.prompt
        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        messages.append({"role": "user", "content": prompt.user})
        try:
            completion = await self._client.complete(
                messages, temperature=self.temperature, max_tokens=max_tokens
            )
        except CallFailed as failed:
            if failed.cut:
                return JudgeReply("", cut=True)
            raise VerdictError(failed.reason) from None
        return JudgeReply(
            Reply.from_raw(completion.text).text,
            completion.capped,
            completion.model,
            completion.fingerprint,
        )

    async def aclose(self) -> None:
        """See `Judge.aclose`."""
        await self._client.aclose()


def _temperature(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return number(text)
    except ValueError as error:
        raise ValueError(f"{error}, or none") from None
