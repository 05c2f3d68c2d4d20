"""Recorded judgments in FastChat's form, as a judge: `judgments:FILE_OR_DIR`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal

from mtbench_pytest.bench.verdicts import check_recorded_grade, check_recorded_winner
from mtbench_pytest.core.errors import FileError, JudgeError, VerdictError
from mtbench_pytest.core.records import (
    Game,
    GameTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Prompt,
    Question,
    QuestionId,
    Task,
)
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.judges.fastchat import (
    PairLine,
    Recorded,
    SingleLine,
    binding,
    read_judgments,
    single_key,
    text_digest,
)

_LOG = logging.getLogger("mtbench_pytest")

_NO_REPLY = "$ERROR$"  # FastChat writes it for a call that failed (llm_judge/common.py, API_ERROR_OUTPUT)


class RecordedJudge:
    """Repeats judgments from files, their recorded scores kept.

    Where an id stands twice, the last valid line binds. Where the prompt that was sent is recorded too, it
    must equal the one this run would send: a judgment of another answer is a failure, not a grade.

    Args:
        path: A judgment file, or a folder of them.
        judge: Whose judgments to take, where the files hold several judges'.
    """

    free = True

    def __init__(self, path: Path, judge: str | None = None) -> None:
        self.path = path
        self.name = judge or path.stem.removesuffix("_single").removesuffix("_pair")
        self._wanted = judge
        self._singles: dict[tuple[object, ...], SingleLine] | None = None
        self._pairs: dict[tuple[object, ...], PairLine] = {}
        self._models: tuple[str, ...] = ()

    def prepare(self, questions: Sequence[Question], models: Sequence[str], pairwise: bool) -> None:
        """Refuses unknown models, missing comparisons, and two models graded under different prompts."""
        self._load()
        self._models = tuple(models)
        graded = {line.model for line in self._grades.values()}
        for model in models:
            if model not in graded:
                raise FileError(self.path, f"no grades of {model!r}", f"one of {', '.join(sorted(graded))}")
        for question in questions:
            self._same_prompt(question)
        if pairwise and not self._compared_turns():
            raise FileError(
                self.path,
                f"no pairwise comparison of {' and '.join(models)}",
                "the judge's pair file beside its single one (give the folder), or --mtbench-pairwise off",
            )

    def prepare_repeats(self, repeats: int) -> None:
        """See `CountsRepeats.prepare_repeats`; grades that are there and not taken are told.

        Raises:
            FileError: For more than any answer has.
        """
        # What was asked again, of some questions, is no repeat to be taken.
        lines = [line for line in self._grades.values() if line.model in self._models and not line.regraded]
        most = max((line.repeat for line in lines), default=1)
        if repeats > most:
            raise FileError(self.path, f"no answer has more than {most} grades", f"{repeats}, one a repeat")
        if repeats < most:
            _LOG.warning(
                "%s: holds up to %d grades of an answer, of which the first %d count; "
                "--mtbench-judge-repeats %d takes all",
                self.path,
                most,
                repeats,
                most,
            )

    def has_grade(self, task: GradeTask) -> bool:
        """See `HasGrades.has_grade`."""
        self._load()
        line = self._grades.get(self._key(task))
        return line is not None and line.valid

    def identity(self) -> Mapping[str, Any]:
        """The judge's name and where its judgments lie."""
        return {"kind": "judgments", "judge": self.name, "path": str(self.path.resolve())}

    def game_turns(self, question: Question) -> tuple[int, ...]:
        """The turns in which these two models were compared at all; FastChat users often play only one."""
        return tuple(turn for turn in self._compared_turns() if turn <= len(question.turns))

    async def grade(self, task: GradeTask) -> Judgment | JudgeFailure:
        """The recorded grade."""
        self._load()
        model = task.answer.model
        question_id = task.question.question_id
        line = self._grades.get(self._key(task))
        reason = ""
        if line is None:
            reason = f"{self.path} holds no grade of it"
        elif not line.valid:
            reason = f"{_where(line)} records a failed judge call (score {line.score:g})"
        elif _other_prompt(line.sent, task):
            reason = f"{_where(line)} was recorded for another prompt or answer"
        else:
            reason = _contradiction(line, partial(check_recorded_grade, line.score, line.text))
        if line is None or reason:
            reply = line.text if line else ""
            unread = line is not None and not line.valid and _is_reply(reply)
            return JudgeFailure(
                question_id, task.turn, (model,), self.name, task.prompt, reason, reply, unread
            )
        prompt = _sent(line, task.prompt)
        return Judgment(
            question_id, task.turn, model, self.name, prompt, line.score, line.text, repeat=task.repeat
        )

    async def play(self, task: GameTask) -> Game | JudgeFailure:
        """The recorded game in the order asked for."""
        self._load()
        a, b = task.answer_a.model, task.answer_b.model
        question_id = task.question.question_id
        line = self._pairs.get((question_id, task.turn, frozenset((a, b)), self.name))
        game = 0 if line is None or a == line.model_1 else 1
        reason = ""
        to_position: dict[str, Literal["A", "B", "tie"]] = {
            "model_1": "A" if game == 0 else "B",
            "model_2": "B" if game == 0 else "A",
            "tie": "tie",
        }
        if line is None:
            reason = f"{self.path} holds no such game"
        elif not line.valid:
            reason = f"{_where(line)} records a failed game"
        elif _other_prompt(line.sent[game], task):
            reason = f"{_where(line)} was recorded for another prompt or answer"
        else:
            placed = to_position[line.winners[game]]
            reason = _contradiction(line, partial(check_recorded_winner, placed, line.texts[game]))
        if line is None or reason:
            reply = line.texts[game] if line else ""
            unread = line is not None and not line.valid and _is_reply(reply)
            return JudgeFailure(question_id, task.turn, (a, b), self.name, task.prompt, reason, reply, unread)
        winner = to_position[line.winners[game]]
        prompt = _sent(line, task.prompt)
        return Game(question_id, task.turn, a, b, self.name, prompt, winner, line.texts[game])

    def key_extra(self, task: Task) -> Mapping[str, Any]:
        """The models: what was recorded of one is not of the other, even where they say the same."""
        answers = (task.answer,) if isinstance(task, GradeTask) else (task.answer_a, task.answer_b)
        return {
            "question": task.question.question_id,
            "turn": task.turn,
            "models": [answer.model for answer in answers],
            **({"sample": task.sample} if isinstance(task, GradeTask) and task.sample > 1 else {}),
        }

    async def aclose(self) -> None:
        """Nothing to close."""

    def _key(self, task: GradeTask) -> tuple[object, ...]:
        about = (task.question.question_id, task.turn, task.answer.model)
        return single_key(*about, self.name, task.sample, task.repeat)

    @property
    def _grades(self) -> dict[tuple[object, ...], SingleLine]:
        assert self._singles is not None
        return self._singles

    def _load(self) -> None:
        if self._singles is not None:
            return
        recorded = read_judgments(self.path)
        self.name = self._choose(recorded)
        singles = [line for line in recorded.singles if line.judge == self.name]
        pairs = [line for line in recorded.pairs if line.judge == self.name]
        self._singles = binding(singles)
        self._pairs = binding(pairs)

    def _choose(self, recorded: Recorded) -> str:
        judges = recorded.judges
        if not judges:
            raise FileError(self.path, "no judgments in it", "judgments in FastChat's form")
        if self._wanted is None and len(judges) == 1:
            return judges[0]
        if self._wanted is None:
            raise FileError(self.path, "judgments of several judges", f"?judge= one of {', '.join(judges)}")
        if self._wanted not in judges:
            raise FileError(self.path, f"no judgments by {self._wanted!r}", f"one of {', '.join(judges)}")
        return self._wanted

    def _same_prompt(self, question: Question) -> None:
        for turn in range(1, len(question.turns) + 1):
            found = [
                line for model in self._models for line in self._repeats(question.question_id, turn, model)
            ]
            first = found[0] if found else None
            second = next((line for line in found if first and line.prompt != first.prompt), None)
            if first and second:
                raise JudgeError(
                    f"{_where(second)}: question {question.question_id} turn {turn} was graded under prompt "
                    f"{second.prompt!r} for {second.model} but {first.prompt!r} for {first.model}; "
                    "expected one prompt for candidate and baseline"
                )

    def _repeats(self, question_id: QuestionId, turn: int, model: str) -> Iterator[SingleLine]:
        """The grades of one turn of an answer, as many as there are."""
        for repeat in count(1):
            line = self._grades.get(single_key(question_id, turn, model, self.name, repeat=repeat))
            if line is None:
                return
            yield line

    def _compared_turns(self) -> tuple[int, ...]:
        pair = frozenset(self._models)
        return tuple(sorted({line.turn for line in self._pairs.values() if line.key[2] == pair}))


def _is_reply(text: str) -> bool:
    return text not in ("", _NO_REPLY)


def _other_prompt(sent: bytes | None, task: Task) -> bool:
    return sent is not None and sent != text_digest(task.prompt.user)


def _sent(line: SingleLine | PairLine, prompt: Prompt) -> Prompt:
    """The prompt that was sent then: of another name than ours, its text is not known."""
    return prompt if line.prompt == prompt.name else Prompt(line.prompt, "", "")


def _contradiction(line: SingleLine | PairLine, check: Callable[[], object]) -> str:
    """Why a line's verdict is not what the reply beside it says, or ""."""
    try:
        check()
    except VerdictError as error:
        return f"{_where(line)}: {error}"
    return ""


def _where(line: SingleLine | PairLine) -> str:
    return f"{line.path}:{line.number}"


def from_spec(spec: Spec) -> RecordedJudge:
    """Builds the judge for `judgments:FILE_OR_DIR?judge=NAME`."""
    if not spec.value:
        raise spec.error("no file", "judgments:FILE_OR_DIR")
    path = spec.path
    if not path.exists():
        raise FileError(path, "no such file or folder", "judgments in FastChat's form")
    return RecordedJudge(path, **spec.read({"judge": str}))
