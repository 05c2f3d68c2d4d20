"""Judging a question: its answers are graded as they arrive, and the two sides compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from mtbench_pytest.core.aio import Tasks
from mtbench_pytest.core.errors import JudgeLeft
from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerFailure,
    Game,
    GameTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Task,
    Verdict,
)
from mtbench_pytest.findings.drift import Drift, drift_result
from mtbench_pytest.gate.drops import AskAgain
from mtbench_pytest.run.blessed_grades import incomparable
from mtbench_pytest.run.contest import Contest, as_party, is_free
from mtbench_pytest.run.judge_queue import JudgeQueue
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.run.question_state import Case, Slot
from mtbench_pytest.run.standing import Standing, drift_of, standing_result

Named = TypeVar("Named", bound=Answer | AnswerFailure | Judgment | Game | JudgeFailure)
Said = TypeVar("Said", bound=Answer | AnswerFailure | JudgeFailure)


class Grading:
    """Has the judges' queue judge what a contest asks about a question, and counts it.

    Args:
        contest: Who answers, who judges.
        queue: The judges'; None in a contest without any.
        identities: Of the parties, known before anything is judged.
        progress: Is kept up to date.
        ask_again: Which questions are graded again once they are judged; by default none.

    Attributes:
        drifts: By judge whether it still grades as it did, once that is known; none where nobody asked.
    """

    def __init__(
        self,
        contest: Contest,
        queue: JudgeQueue | None,
        identities: Mapping[str, Mapping[str, Any]],
        progress: Progress,
        ask_again: AskAgain | None = None,
    ) -> None:
        self.drifts: dict[str, Drift] = {}
        self._contest = contest
        self._judges = queue
        self._identities = identities
        self._progress = progress
        self._asks_again = ask_again
        self._at_once = bool(contest.judges) and all(map(is_free, contest.judges.values()))
        self._checking: asyncio.Task[None] | None = None

    async def judge(self, case: Case) -> None:
        """Judges a case as its answers arrive."""
        case.game_turns = self._contest.game_turns(case.question)
        slots = [slot for slot in case.slots if slot[0] in self._contest.models]
        compare = [partial(self._compare, case)] if len(self._contest.models) == len(SIDES) else []
        await self._do(*(partial(self._grade, case, slot) for slot in slots), *compare)
        if self._checking is not None:  # who compares the two sides knows whether they can be
            await asyncio.shield(self._checking)
        if self._judges is None:
            return
        case.left = dict(self._judges.left)
        if not any(drift.beyond for judge, drift in self.drifts.items() if judge not in case.left):
            await self._ask_again(case)
            case.left = dict(self._judges.left)

    async def _ask_again(self, case: Case) -> None:
        """Has both sides graded again where that is wanted; what fails of it takes nothing away."""
        if self._asks_again is None or not self._asks_again(case.so_far().present):
            return
        tasks = list(self._regrade_tasks(case))
        self._progress.judgments_total += len(tasks)
        await self._do(*(partial(self._regrade, case, *task) for task in tasks))

    def _regrade_tasks(self, case: Case) -> Iterator[tuple[Slot, str, GradeTask]]:
        for slot, answering in case.answers.items():
            if isinstance(answer := answering.result(), Answer):
                for judge in self._contest.judges:
                    tasks = self._contest.regrade_tasks(judge, case.question, answer, slot[1])
                    yield from ((slot, judge, task) for task in tasks)

    async def _regrade(self, case: Case, slot: Slot, judge: str, task: GradeTask) -> None:
        result = _about(judge, task, await self._judged(judge, task))
        if isinstance(result, JudgeFailure):
            case.regrade_failures.append(result)
        elif result is not None:
            case.regraded[slot].append(result)

    async def _do(self, *works: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Does things side by side; in turn where the judge answers at once, for a task would cost more."""
        if self._at_once:
            for work in works:
                await work()
            return
        async with Tasks() as tasks:
            for work in works:
                tasks.start(work())

    async def _grade(self, case: Case, slot: Slot) -> None:
        answer = await case.answers[slot]
        turns = range(1, len(case.question.turns) + 1)
        if isinstance(answer, AnswerFailure):
            self._progress.judgments_total -= len(turns) * self._contest.repeats * len(self._contest.judges)
            return
        tasks = (
            (judge, task)
            for turn in turns
            for judge in self._contest.judges
            for task in self._contest.grade_tasks(judge, case.question, turn, answer, slot[1])
        )
        await self._do(*(partial(self._grade_once, case, slot, judge, task) for judge, task in tasks))

    async def _grade_once(self, case: Case, slot: Slot, judge: str, task: GradeTask) -> None:
        result: Judgment | Game | JudgeFailure | None
        if known := self._contest.known_grade(judge, slot[0], task):
            self._progress.judgments += 1
            result = known
        else:
            result = await self._judged(judge, task)
        mine = _about(judge, task, result)
        if isinstance(mine, JudgeFailure):
            case.failures.append(mine)
        elif mine is not None:
            case.judgments[slot].append(mine)

    def begin_check(self) -> None:
        """Has some answers graded again, once, where blessed grades stand."""
        again = {judge: standing for judge, standing in self._contest.standings.items() if standing.again}
        if again and self._checking is None:
            self._progress.judgments_total += sum(len(standing.again) for standing in again.values())
            self._checking = asyncio.create_task(self._check_all(again))

    async def _check_all(self, standings: Mapping[str, Standing]) -> None:
        await asyncio.gather(*(self._check(judge, standing) for judge, standing in standings.items()))

    async def _check(self, judge: str, standing: Standing) -> None:
        """Finds out whether a judge still grades as it did; of a panel, one that does not leaves it."""
        assert self._judges is not None, "blessed grades are a judge's"
        results = await asyncio.gather(*(self._judged(judge, one.task) for one in standing.again))
        if judge in self._judges.left:
            return
        grades = [said.grade if isinstance(said, Judgment) else None for said in results]
        drift = self.drifts[judge] = drift_of(standing.again, grades, standing.noise)
        moved = incomparable(standing_result(standing), drift_result(drift))
        if moved and self._contest.is_panel:
            await self._judges.leave(judge, moved)

    async def _compare(self, case: Case) -> None:
        candidate, baseline = [await case.answers[side, 1] for side in SIDES]
        if isinstance(candidate, AnswerFailure) or isinstance(baseline, AnswerFailure):
            self._progress.judgments_total -= 2 * len(case.game_turns) * len(self._contest.judges)
            return
        turns = case.game_turns
        await self._do(*(partial(self._compare_turn, case, turn, candidate, baseline) for turn in turns))

    async def _compare_turn(self, case: Case, turn: int, candidate: Answer, baseline: Answer) -> None:
        tasks = self._contest.game_tasks(case.question, turn, candidate, baseline)
        if not tasks:
            self._progress.judgments_total -= 2 * len(self._contest.judges)
            case.verdicts.append(Verdict(case.question.question_id, turn))
            return
        judges = self._contest.judges
        await self._do(*(partial(self._compare_by, case, turn, judge, tasks) for judge in judges))

    async def _compare_by(self, case: Case, turn: int, judge: str, tasks: Sequence[GameTask]) -> None:
        """One judge's comparison of a turn."""
        if self._at_once:
            games = [await self._play(judge, task) for task in tasks]
        else:
            games = await asyncio.gather(*(self._play(judge, task) for task in tasks))
        played = [game for game in games if isinstance(game, Game)]
        case.failures += [game for game in games if isinstance(game, JudgeFailure)]
        if len(played) == len(games):
            case.verdicts.append(Verdict(case.question.question_id, turn, (played[0], played[1])))

    async def _play(self, judge: str, task: GameTask) -> Game | JudgeFailure | None:
        result = await self._judged(judge, task)
        assert not isinstance(result, Judgment)
        question_id, a, b = task.question.question_id, task.answer_a.model, task.answer_b.model
        if isinstance(result, JudgeFailure):
            return named(result, question_id=question_id, models=(a, b), judge=judge)
        return result and named(result, question_id=question_id, model_a=a, model_b=b, judge=judge)

    async def _judged(self, judge: str, task: Task) -> Judgment | Game | JudgeFailure | None:
        """What a judge says; None where it has left the panel."""
        assert self._judges is not None, "a contest without a judge is asked for answers only"
        try:
            result = await self._judges.get(judge, self._identities[as_party(judge)], task)
        except JudgeLeft:
            self._progress.judgments_total -= 1
            return None
        self._progress.judgments += 1
        self._progress.failures += isinstance(result, JudgeFailure)
        return result


def _about(
    judge: str, task: GradeTask, result: Judgment | Game | JudgeFailure | None
) -> Judgment | JudgeFailure | None:
    """What was said, under the task's names: two sides, or two questions of one wording, may share it."""
    assert not isinstance(result, Game)
    names = {"question_id": task.question.question_id, "repeat": task.repeat, "judge": judge}
    if isinstance(result, JudgeFailure):
        return of_sample(named(result, models=(task.answer.model,), **names), task.sample)
    return result and named(result, model=task.answer.model, **names)


def of_sample(said: Said, sample: int) -> Said:
    """The same; of a further sample's failure the reason says so."""
    if sample == 1 or not isinstance(said, AnswerFailure | JudgeFailure):
        return said
    return replace(said, reason=f"sample {sample}: {said.reason}")


def named(record: Named, **names: Any) -> Named:
    """A record under these names; itself where it bears them."""
    same = all(getattr(record, key) == name for key, name in names.items())
    return record if same else replace(record, **names)
