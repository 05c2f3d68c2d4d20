"""What a run needs of a judge, and the part that all judges who write prose share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from mtbench_pytest.bench.verdicts import parse_grade, parse_winner
from mtbench_pytest.core.errors import VerdictError
from mtbench_pytest.core.records import (
    Game,
    GameTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Question,
    Shown,
    Task,
    clean,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """What a judge wrote.

    Attributes:
        cut: A token limit ended it.
        served_model: The model's name as its server gave it, where there is one.
        fingerprint: The server's `system_fingerprint`, or "".
    """

    text: str
    cut: bool = False
    served_model: str = ""
    fingerprint: str = ""


class Judge(Protocol):
    """Grades answers and compares them."""

    name: str
    """How tables and files call it."""

    def prepare(self, questions: Sequence[Question], models: Sequence[str], pairwise: bool) -> None:
        """Fails early, before anything is spent.

        Args:
            questions: What will be judged.
            models: Names of the models: candidate, baseline.
            pairwise: Whether games will be played.

        Raises:
            MTBenchError: In one line, what was given and what was expected.
        """

    def identity(self) -> Mapping[str, Any]:
        """What a judgment depends on besides its prompt, as JSON: model, server, settings."""

    def key_extra(self, task: Task) -> Mapping[str, Any]:
        """What one judgment depends on besides the judge's identity and the prompt, as JSON."""

    def game_turns(self, question: Question) -> tuple[int, ...]:
        """The turns of a question that can be compared; all of them, but for recorded judgments."""

    async def grade(self, task: GradeTask) -> Judgment | JudgeFailure:
        """Grades one turn from 1 to 10."""

    async def play(self, task: GameTask) -> Game | JudgeFailure:
        """Plays one game in the order given."""

    async def aclose(self) -> None:
        """Closes connections."""


@runtime_checkable
class CountsRepeats(Protocol):
    """A judge that has a say in how often it is asked to grade one answer."""

    def prepare_repeats(self, repeats: int) -> None:
        """Fails early, after `prepare`, where so many grades of an answer are not to be had or say nothing.

        Args:
            repeats: How often each answer will be graded, 1 without repeats.

        Raises:
            MTBenchError: In one line, what was given and what was expected.
        """


@runtime_checkable
class HasGrades(Protocol):
    """A judge that cannot be asked anew: its grades are recorded, or computed and always alike."""

    def has_grade(self, task: GradeTask) -> bool:
        """Whether it has a grade of its own for this repeat; whoever asks again does so only then."""


class ReplyJudge(ABC):
    """A judge that answers a prompt in prose which ends in a verdict marker.

    A reply without a verdict, or cut off, is asked for once more with twice the budget; then it is a
    `JudgeFailure` that keeps prompt and reply.
    """

    name: str
    max_tokens: int = 2048
    quotes: bool = True
    """Whether a reply may quote an answer: what stands in both is then not taken for the verdict."""

    @abstractmethod
    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        """Writes a judgment.

        Raises:
            VerdictError: Where this one judgment cannot be had; it becomes a `JudgeFailure`.
            MTBenchError: Where no judgment can be had; it ends the run.
        """

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """See `Judge.identity`."""

    def prepare(  # noqa: B027 - most judges have nothing to prepare
        self, questions: Sequence[Question], models: Sequence[str], pairwise: bool
    ) -> None:
        """See `Judge.prepare`; nothing to do unless a subclass has something."""

    def key_extra(self, task: Task) -> Mapping[str, Any]:  # noqa: ARG002 - the prompt says it all
        """Nothing: the prompt says it all."""
        return {}

    def game_turns(self, question: Question) -> tuple[int, ...]:
        """All turns."""
        return tuple(range(1, len(question.turns) + 1))

    async def grade(self, task: GradeTask) -> Judgment | JudgeFailure:
        """See `Judge.grade`."""
        done = await self._ask(task, (task.answer.model,), parse_grade)
        if isinstance(done, JudgeFailure):
            return done
        said, grade = done
        return Judgment(
            task.question.question_id,
            task.turn,
            task.answer.model,
            self.name,
            task.prompt,
            grade,
            said.text,
            said.served_model,
            said.fingerprint,
            task.repeat,
        )

    async def play(self, task: GameTask) -> Game | JudgeFailure:
        """See `Judge.play`."""
        a, b = task.answer_a.model, task.answer_b.model
        done = await self._ask(task, (a, b), parse_winner)
        if isinstance(done, JudgeFailure):
            return done
        said, winner = done
        return Game(
            task.question.question_id,
            task.turn,
            a,
            b,
            self.name,
            task.prompt,
            winner,
            said.text,
            said.served_model,
            said.fingerprint,
        )

    async def aclose(self) -> None:  # noqa: B027 - most judges have nothing to close
        """See `Judge.aclose`; nothing to close unless a subclass has something."""

    async def _ask(
        self, task: Task, models: tuple[str, ...], parse: Callable[[str, Shown], T]
    ) -> tuple[JudgeReply, T] | JudgeFailure:
        reason, text, unread = "", "", False
        answers = task.shown if self.quotes else ()
        for budget in (self.max_tokens, 2 * self.max_tokens):
            try:
                reply = await self.reply(task, budget)
            except VerdictError as error:
                # There is no reply to give more room to, and what could be tried again has been.
                reason, unread = str(error), False
                break
            text = clean(reply.text)
            try:
                if reply.cut:
                    raise VerdictError(f"the judge's reply was cut off at {budget} tokens")
                return replace(reply, text=text), parse(text, answers)
            except VerdictError as error:
                reason, unread = str(error), True
        return JudgeFailure(
            task.question.question_id, task.turn, models, self.name, task.prompt, reason, text, unread
        )
