"""A judge without an LLM: it grades what a question's `checks` can verify, and nothing else.

It measures verifiable instruction following, not taste. The grade is 1 + 9 times the share of checks passed;
a cut-off reply fails one more, and an empty, looping or repeated one is a 1 outright.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtbench_pytest.bench import checks
from mtbench_pytest.core.errors import JudgeError
from mtbench_pytest.core.records import Answer, Check, GradeTask, Question, Reply, Task
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.judges.base import JudgeReply, ReplyJudge


class ChecksJudge(ReplyJudge):
    """Grades by a question's checks, offline and always alike; it does not read the prompt."""

    name = "checks"
    free = True
    quotes = False  # its verdict comes last, whatever a check found in an answer

    @classmethod
    def from_spec(cls, spec: Spec) -> ChecksJudge:
        """The judge that `checks` names.

        Raises:
            SpecError: For a value or a parameter: there is nothing to choose.
        """
        if spec.value:
            raise spec.error(f"value {spec.value!r}", "checks alone: the checks stand in question.jsonl")
        spec.read({})
        return cls()

    def prepare(
        self,
        questions: Sequence[Question],
        models: Sequence[str],  # noqa: ARG002 - the protocol's signature
        pairwise: bool,  # noqa: ARG002
    ) -> None:
        """See `Judge.prepare`.

        Raises:
            JudgeError: Where no question has checks: every reply that ends would then get a 10.
        """
        if not any(any(question.checks) for question in questions):
            raise JudgeError(
                "the checks judge grades only questions with checks; "
                f"none of the {len(questions)} selected has any; expected an LLM judge such as openai:MODEL"
            )

    def prepare_repeats(self, repeats: int) -> None:
        """See `CountsRepeats.prepare_repeats`.

        Raises:
            JudgeError: For more than one: each would be the same.
        """
        if repeats > 1:
            raise JudgeError(
                f"the checks judge says the same each time, asked once or {repeats} times; "
                "expected 1 repeat, or an LLM judge"
            )

    def has_grade(self, task: GradeTask) -> bool:
        """See `HasGrades.has_grade`: the first, which any other would repeat."""
        return task.repeat == 1

    def identity(self) -> Mapping[str, Any]:
        """See `Judge.identity`; what else a judgment depends on is in `key_extra`."""
        return {"kind": "checks", "version": checks.VERSION}

    def key_extra(self, task: Task) -> Mapping[str, Any]:
        """What this judge reads instead of the prompt, as JSON: the turn's checks and replies, A first."""
        replies = [
            {
                "text": reply.text,
                "capped": reply.capped,
                "degenerate": checks.degenerate(reply, _asked(task), earlier),
            }
            for reply, earlier in _replies(task)
        ]
        return {"checks": [dict(check) for check in _checks(task)], "replies": replies}

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:  # noqa: ARG002 - nothing is generated
        """See `ReplyJudge.reply`."""
        examined = [
            checks.examine(reply, _checks(task), _asked(task), earlier) for reply, earlier in _replies(task)
        ]
        if isinstance(task, GradeTask):
            (one,) = examined
            return JudgeReply(f"{one.explain('The reply')}\n\nRating: [[{_shown(one.grade)}]]")
        a, b = examined
        marker = "A" if a.grade > b.grade else "B" if b.grade > a.grade else "C"
        result = {"A": "A does better.", "B": "B does better.", "C": "Neither does better."}[marker]
        return JudgeReply(f"{a.explain('Reply A')}\n\n{b.explain('Reply B')}\n\n{result} [[{marker}]]")


def _checks(task: Task) -> tuple[Check, ...]:
    return task.question.checks[task.turn - 1] if task.question.checks else ()


def _asked(task: Task) -> str:
    return task.question.turns[task.turn - 1]


def _replies(task: Task) -> list[tuple[Reply, tuple[Reply, ...]]]:
    """Each answer's reply to the turn and its replies to the turns before."""
    answers: tuple[Answer, ...]
    answers = (task.answer,) if isinstance(task, GradeTask) else (task.answer_a, task.answer_b)
    return [(answer.replies[task.turn - 1], answer.replies[: task.turn - 1]) for answer in answers]


def _shown(grade: float) -> str:
    return f"{grade:.2f}".rstrip("0").rstrip(".")
