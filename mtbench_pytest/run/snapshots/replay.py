"""Candidate, baseline and judge of a run that asks nobody: they say what a bench's snapshots say.

Where a snapshot is missing or does not fit the run, what is missing is named, and how to record it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mtbench_pytest.core.errors import FileError, MTBenchError
from mtbench_pytest.core.records import (
    Answer,
    AnswerFailure,
    AnswerTask,
    Game,
    GameTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Question,
    QuestionId,
    Sampling,
    Side,
    Task,
    repeat_of,
)
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.judges import Judge, build_judge
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pending import judge_tasks
from mtbench_pytest.run.snapshots.folder import SnapshotFolder
from mtbench_pytest.run.snapshots.snapshot import JudgeSnapshot, SideSnapshot, Snapshot
from mtbench_pytest.store.keys import prompt_digest, question_digest

_LOG = logging.getLogger("mtbench_pytest")

_EXPECTED = "a recording made with --mtbench-record new, where models and judge can be asked"
_SHOWN = 10  # lines about what is missing; every test says its own


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run asks, which must be how was asked when it was recorded.

    Attributes:
        pairwise: Whether answers are compared pairwise.
        samples: Answers of the candidate to each question.
        repeats: How often each answer is graded.
        sampling: How a question's answer is drawn.
    """

    pairwise: bool
    samples: int
    repeats: int
    sampling: Callable[[Question], Sampling]


class Replay:
    """A bench's snapshots, as the parties of one run.

    Args:
        specs: The run's sides; those that no test asks for may be absent.
        judges: The run's; none where no test asks for them.
        manner: How the run asks.
    """

    def __init__(
        self, folder: SnapshotFolder, specs: Mapping[Side, Spec], judges: Sequence[Spec], manner: Manner
    ) -> None:
        self.folder = folder
        self._specs = specs
        self._judges = judges
        self._manner = manner
        self._found: dict[QuestionId, Snapshot | str] = {}
        self._said: dict[tuple[QuestionId, str], dict[tuple[str, int], Judgment | Game]] = {}

    def model(self, side: Side) -> SnapshotModel:
        """One side."""
        return SnapshotModel(self, side, self._name(side))

    def judge(self, spec: Spec) -> SnapshotJudge:
        """A judge. The checks are computed again, for they cost nothing, and must come out as recorded."""
        return SnapshotJudge(self, spec, build_judge(spec) if spec.kind == "checks" else None)

    def find(self, question: Question) -> Snapshot | str:
        """A question's snapshot, or what is wrong with it for this run."""
        if question.question_id not in self._found:
            self._found[question.question_id] = self._find(question)
        return self._found[question.question_id]

    def _find(self, question: Question) -> Snapshot | str:
        path = self.folder.file(question.question_id)
        if not path.is_file():
            return "not there"
        try:
            snapshot = self.folder.read(path)
        except FileError as error:
            return error.problem
        return next(self._misfits(snapshot, question), "") or snapshot

    def answer(self, side: Side, task: AnswerTask) -> Answer | str:
        """A side's answer, or why there is none."""
        found = self.find(task.question)
        if isinstance(found, str):
            return found
        return found.sides[side].answer(task.question.question_id, task.sample)

    def keys(self, side: Side, question: Question) -> Sequence[str]:
        """What the recorded answers depend on."""
        found = self.find(question)
        return [] if isinstance(found, str) else [answer.key for answer in found.sides[side].answers]

    def samples(self, side: Side) -> int:
        """How many answers to each question stand for a side."""
        first = self._first.get(side)
        return len(first.answers) if isinstance(first, SideSnapshot) else 1

    def said(self, judge: Spec, task: Task) -> Judgment | Game | str:
        """What a judge said of a prompt, or why that is not known."""
        question = task.question
        found = self.find(question)
        if isinstance(found, str):
            return found
        place = (question.question_id, str(judge))
        if place not in self._said:
            recorded = _of_spec(found, judge)
            self._said[place] = found.said(recorded.name) if recorded else {}
        said = self._said[place].get((prompt_digest(task.prompt), repeat_of(task)))
        return said or (
            f"{_about(task)}: the judge's prompt {task.prompt.name!r} is not the one recorded; "
            "its template or the reference changed"
        )

    def reason(self, question: Question, problem: str) -> str:
        """The line that tells a user of a problem with a question's snapshot."""
        return f"{self.folder.show(question.question_id)}: {problem}; expected {_EXPECTED}"

    def check(
        self, contest: Contest, asked: Sequence[Question], judged: Sequence[Question], *, tell: bool = True
    ) -> None:
        """Names all that is missing, before any test runs.

        Args:
            asked: What will be answered.
            judged: Of that, what will be judged too.
            tell: Off, for a run that may not come to what is missing.

        Raises:
            MTBenchError: Where no question at all can be replayed, for one and the same reason.
        """
        problems = [(question, list(self._problems(contest, question, judged))) for question in asked]
        common = {tuple(found) for _, found in problems}
        if len(common) == 1 and (first := next(iter(common))):
            one = len(asked) == 1
            where = self.folder.show(asked[0].question_id) if one else f"{self.folder.shown}, all questions"
            raise MTBenchError(f"{where}: {first[0]}; expected {_EXPECTED}")
        lines = [self.reason(question, problem) for question, found in problems for problem in found]
        for line in lines[:_SHOWN] if tell else ():
            _LOG.warning("%s", line)
        if tell and len(lines) > _SHOWN:
            _LOG.warning("… and %d more like these; each test says its own", len(lines) - _SHOWN)

    def _problems(self, contest: Contest, question: Question, judged: Collection[Question]) -> Iterator[str]:
        if isinstance(found := self.find(question), str):
            yield found
        elif question in judged:
            for name, spec in zip(contest.judges, self._judges, strict=False):
                for task in judge_tasks(contest, name, [question], found.answers()):
                    if isinstance(said := self.said(spec, task), str):
                        yield said

    def recorded_judge(self, spec: Spec) -> JudgeSnapshot:
        """A judge as it was recorded; without an identity where it is not."""
        return self._first_judges.get(str(spec)) or JudgeSnapshot(str(spec), str(spec), {})

    def _name(self, side: Side) -> str:
        first = self._first.get(side)
        return first.name if first else str(self._specs[side])

    @cached_property
    def _first(self) -> Mapping[Side, SideSnapshot]:
        """The sides as the first snapshot has them that is of the same specs; all must be as these."""
        first: dict[Side, SideSnapshot] = {}
        for snapshot in self._snapshots():
            if len(first) == len(self._specs):
                break
            recorded = {side: snapshot.sides[side] for side in self._specs if side not in first}
            first |= {side: one for side, one in recorded.items() if one.spec == str(self._specs[side])}
        return first

    @cached_property
    def _first_judges(self) -> Mapping[str, JudgeSnapshot]:
        """By spec the judges in the same way."""
        first: dict[str, JudgeSnapshot] = {}
        wanted = set(map(str, self._judges))
        for snapshot in self._snapshots():
            if len(first) == len(wanted):
                break
            first = {one.spec: one for one in snapshot.judges if one.spec in wanted} | first
        return first

    def _snapshots(self) -> Iterator[Snapshot]:
        for path in self.folder.files():
            with suppress(FileError):
                yield self.folder.read(path)

    def _misfits(self, snapshot: Snapshot, question: Question) -> Iterator[str]:
        """In what a snapshot is none of this run's."""
        if snapshot.sha256 != question_digest(question):
            yield "the question changed since it was recorded"
        answers = [answer for side in snapshot.sides.values() for answer in side.answers]
        if any(len(answer.turns) != len(question.turns) for answer in answers):
            yield f"not an answer to each of the {len(question.turns)} turns"
        for side, spec in self._specs.items():
            recorded = snapshot.sides[side]
            if recorded.spec != str(spec):
                yield f"recorded of {side} {recorded.spec}, and this run's is {spec}"
            elif recorded.name != self._name(side):
                yield f"recorded of a {side} named {recorded.name}, and others of {self._name(side)}"
        for spec in self._judges:
            yield from self._misfits_of(snapshot, spec)
        manner, wanted = self._manner, self._manner.sampling(question)
        for setting in ("temperature", "seed", "max_new_tokens"):
            then, now = getattr(snapshot.sampling, setting), getattr(wanted, setting)
            if then != now:
                yield f"answered with {setting} {then:g}, and this run's is {now:g}"
        if any(len(snapshot.sides[side].answers) != self.samples(side) for side in snapshot.sides):
            yield "recorded with another number of samples than others"
        if snapshot.samples != manner.samples:
            yield f"recorded with {snapshot.samples} samples, and this run has {manner.samples}"
        if snapshot.repeats != manner.repeats:
            yield f"recorded with {snapshot.repeats} grades an answer, and this run has {manner.repeats}"
        if manner.pairwise and not snapshot.pairwise and self._judges:
            yield "recorded with --mtbench-pairwise off"

    def _misfits_of(self, snapshot: Snapshot, spec: Spec) -> Iterator[str]:
        """In what a judge is none of this run's; further judges of a panel do no harm."""
        then, first = _of_spec(snapshot, spec), self.recorded_judge(spec)
        if then is None:
            recorded = ", ".join(judge.spec for judge in snapshot.judges)
            yield f"recorded of judge {recorded}, and this run's is {spec}"
        elif then.name != first.name:
            yield f"recorded of a judge named {then.name}, and others of {first.name}"
        elif then.identity != first.identity:
            yield "recorded with other settings of the judge than others"


class SnapshotModel:
    """A side whose answers are recorded: no weights, no server.

    Args:
        replay: Where they are.
        name: The model's, as it was recorded.
    """

    uses_device = False
    free = True

    def __init__(self, replay: Replay, side: Side, name: str) -> None:
        self.name = name
        self._replay = replay
        self._side = side

    def prepare(self, questions: Sequence[Question]) -> None:
        """See `ChatModel.prepare`; `Replay.check` has looked."""

    @property
    def recorded_samples(self) -> int:
        """See `Sampled`."""
        return self._replay.samples(self._side)

    def identity(self) -> Mapping[str, Any]:
        """See `ChatModel.identity`. The model's own is not known without its weights."""
        return {"kind": "snapshots", "side": self._side, "path": self._replay.folder.shown}

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Says what was said, in the order asked for."""
        for task in tasks:
            said = self._replay.answer(self._side, task)
            if isinstance(said, str):
                reason = self._replay.reason(task.question, said)
                yield AnswerFailure(task.question.question_id, self.name, reason)
            else:
                yield said

    def close(self) -> None:
        """Nothing to free."""


class SnapshotJudge:
    """A judge whose judgments are recorded, by the prompt they answered.

    Args:
        replay: Where they are.
        spec: The judge's.
        computed: The judge itself where it costs nothing to ask again, and must say the same.
    """

    free = True

    def __init__(self, replay: Replay, spec: Spec, computed: Judge | None = None) -> None:
        self.name = replay.recorded_judge(spec).name
        self._replay = replay
        self._spec = spec
        self._computed = computed

    def prepare(self, questions: Sequence[Question], models: Sequence[str], pairwise: bool) -> None:
        """See `Judge.prepare`; `Replay.check` has looked."""

    def identity(self) -> Mapping[str, Any]:
        """See `Judge.identity`: as it was recorded."""
        return self._replay.recorded_judge(self._spec).identity

    def key_extra(self, task: Task) -> Mapping[str, Any]:
        """See `Judge.key_extra`: two questions of one wording have two snapshots."""
        return {"question": task.question.question_id}

    def game_turns(self, question: Question) -> tuple[int, ...]:
        """The turns that were compared; all where there is no snapshot, which is then a failure."""
        found = self._replay.find(question)
        if isinstance(found, str):
            return tuple(range(1, len(question.turns) + 1))
        return tuple(dict.fromkeys(comparison.turn for comparison in found.comparisons))

    def has_grade(self, task: GradeTask) -> bool:
        """See `HasGrades.has_grade`: what is computed would only repeat itself."""
        return self._computed is None and not isinstance(self._replay.said(self._spec, task), str)

    async def grade(self, task: GradeTask) -> Judgment | JudgeFailure:
        """See `Judge.grade`."""
        said = self._replay.said(self._spec, task)
        if isinstance(said, Judgment) and self._computed is not None:
            now = await self._computed.grade(task)
            if isinstance(now, JudgeFailure):
                return now
            if now.grade != said.grade:
                said = f"{_about(task)}: {self.name} give {now.grade:g} now, and {said.grade:g} is recorded"
        if isinstance(said, Judgment):
            return replace(said, model=task.answer.model, prompt=task.prompt)
        return self._failure(task, (task.answer.model,), said)

    async def play(self, task: GameTask) -> Game | JudgeFailure:
        """See `Judge.play`."""
        names = (task.answer_a.model, task.answer_b.model)
        said = self._replay.said(self._spec, task)
        if isinstance(said, Game) and self._computed is not None:
            now = await self._computed.play(task)
            if isinstance(now, JudgeFailure):
                return now
            if now.winner != said.winner:
                said = f"{_about(task)}: winner {now.winner} now, and {said.winner} is recorded"
        if isinstance(said, Game):
            return replace(said, model_a=names[0], model_b=names[1], prompt=task.prompt)
        return self._failure(task, names, said)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _failure(self, task: Task, models: tuple[str, ...], said: object) -> JudgeFailure:
        reason = self._replay.reason(task.question, str(said))
        return JudgeFailure(task.question.question_id, task.turn, models, self.name, task.prompt, reason)


def _about(task: Task) -> str:
    """What a judge's task is about, for a message."""
    if isinstance(task, GradeTask):
        return f"turn {task.turn} of {task.answer.model}"
    return f"turn {task.turn}, {task.answer_a.model} against {task.answer_b.model}"


def _of_spec(snapshot: Snapshot, spec: Spec) -> JudgeSnapshot | None:
    return next((judge for judge in snapshot.judges if judge.spec == str(spec)), None)
