"""A judge without an LLM: it grades what a question's `checks` can verify, and nothing else.

It measures verifiable instruction following, not taste. The grade is 1 + 9 times the share of checks passed,
"not cut off" among them; an empty or looping reply is a 1 outright.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtbench_pytest import checks
from mtbench_pytest.checks import Outcome
from mtbench_pytest.errors import JudgeError
from mtbench_pytest.judges.base import GradeTask, JudgeReply, ReplyJudge, Task
from mtbench_pytest.records import Answer, Check, Question, Reply
from mtbench_pytest.specs import Spec


@dataclass(frozen=True, slots=True)
class _Examined:
    """One reply against its checks. `degenerate` says why it is no answer at all, or is empty."""

    degenerate: str
    outcomes: tuple[Outcome, ...]
    has_checks: bool

    @property
    def passed(self) -> int:
        return 0 if self.degenerate else sum(outcome.passed for outcome in self.outcomes)

    @property
    def grade(self) -> float:
        return 1 + 9 * self.passed / len(self.outcomes)

    def explain(self, who: str) -> str:
        """The findings in prose, about `who`."""
        if self.degenerate:
            return f"{who} fails outright: {self.degenerate}."
        parts = [f"{who} passes {self.passed} of {len(self.outcomes)} checks."]
        for title, wanted in (("Failed", False), ("Passed", True)):
            if lines := [f"- {o.why}" for o in self.outcomes if o.passed is wanted]:
                parts.append("\n".join([f"{title}:", *lines]))
        if not self.has_checks:
            parts.append("This turn has no checks of its own; only what holds for any reply was looked at.")
        return "\n\n".join(parts)


class ChecksJudge(ReplyJudge):
    """Grades by a question's checks, offline and always alike; it does not read the prompt."""

    name = "checks"

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

    def identity(self) -> Mapping[str, Any]:
        """See `Judge.identity`; what else a judgment depends on is in `key_extra`."""
        return {"kind": "checks", "version": checks.VERSION}

    def key_extra(self, task: Task) -> Mapping[str, Any]:
        """What this judge reads instead of the prompt, as JSON: the turn's checks and replies, A first."""
        return {
            "checks": [dict(check) for check in _checks(task)],
            "replies": [{"text": reply.text, "capped": reply.capped} for reply in _replies(task)],
        }

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:  # noqa: ARG002 - nothing is generated
        """See `ReplyJudge.reply`."""
        examined = [_examine(reply, _checks(task)) for reply in _replies(task)]
        if isinstance(task, GradeTask):
            (one,) = examined
            return JudgeReply(f"{one.explain('The reply')}\n\nRating: [[{_shown(one.grade)}]]")
        a, b = examined
        marker = "A" if a.passed > b.passed else "B" if b.passed > a.passed else "C"
        result = {"A": "A passes more.", "B": "B passes more.", "C": "Neither passes more."}[marker]
        return JudgeReply(f"{a.explain('Reply A')}\n\n{b.explain('Reply B')}\n\n{result} [[{marker}]]")


def _checks(task: Task) -> tuple[Check, ...]:
    return task.question.checks[task.turn - 1] if task.question.checks else ()


def _replies(task: Task) -> tuple[Reply, ...]:
    answers: tuple[Answer, ...]
    answers = (task.answer,) if isinstance(task, GradeTask) else (task.answer_a, task.answer_b)
    return tuple(answer.replies[task.turn - 1] for answer in answers)


def _examine(reply: Reply, own: Sequence[Check]) -> _Examined:
    general = checks.general(reply)
    outcomes = (general.finished, *(checks.run(check, reply.text) for check in own))
    return _Examined(general.degenerate, outcomes, bool(own))


def _shown(grade: float) -> str:
    return f"{grade:.2f}".rstrip("0").rstrip(".")
