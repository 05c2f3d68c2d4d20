"""Which grades of a blessed baseline stand in a run, and which of its answers are graded again.

Either all of a judge's grades stand or none does: old and new ones of one side are never mixed. In a panel
each judge has its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING

from mtbench_pytest.bench.bench import mixed
from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.records import Answer, Judgment, Question, QuestionId
from mtbench_pytest.findings.drift import Drift, measure
from mtbench_pytest.findings.noise import wobble
from mtbench_pytest.judges.base import GradeTask, Judge
from mtbench_pytest.judges.fastchat import SingleLine, binding, read_judgments
from mtbench_pytest.models.baselines import Blessed, BlessedJudge
from mtbench_pytest.models.blessed import BlessedAnswers
from mtbench_pytest.store.keys import digest, prompt_digest

if TYPE_CHECKING:
    from mtbench_pytest.run.contest import Contest

Place = tuple[QuestionId, int, int, int]
"""Question, turn, sample, repeat."""

REGRADE = "--mtbench-regrade-baseline"


@dataclass(frozen=True, slots=True)
class Again:
    """A blessed grade that is asked for once more.

    Attributes:
        task: What the judge is asked, whatever is stored.
        old: What it gave when the baseline was blessed, the mean over its repeats.
    """

    task: GradeTask
    old: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a blessed baseline's grades enter a run.

    Attributes:
        grades: Those that stand; empty where all its answers are graded anew.
        anew: Why they are graded anew, or "".
        nonce: Given to both sides' grades, so that none comes from an earlier run; or "".
        again: Grades that are asked for once more, to see whether the judge moved.
        noise: Standard deviation of the difference between an answer's old grade and one of today, were the
            judge the same: 0 where it is not known, for each answer was graded once.
        served: The names and fingerprints under which the judge's server answered then.
    """

    blessed: Blessed
    grades: Mapping[Place, Judgment] = field(default_factory=dict)
    anew: str = ""
    nonce: str = ""
    again: tuple[Again, ...] = ()
    noise: float = 0.0
    served: Sequence[Mapping[str, str]] = ()

    def grade(self, task: GradeTask) -> Judgment | None:
        """The blessed grade that stands for a task about the baseline's answer."""
        return self.grades.get(_place(task))


def known_grades(standings: Iterable[Standing]) -> dict[QuestionId, float]:
    """The baseline's mean grade of each question whose blessed grades, by every judge, stand."""
    each = [_known_grades(standing) for standing in standings]
    known = set.intersection(*map(set, each)) if each else set()
    return {question_id: fmean(grades[question_id] for grades in each) for question_id in known}


def _known_grades(standing: Standing) -> dict[QuestionId, float]:
    """One judge's."""
    turns: dict[tuple[QuestionId, int], list[float]] = {}
    for (question_id, _, sample, _), judgment in standing.grades.items():
        turns.setdefault((question_id, sample), []).append(judgment.grade)
    # Each answer has as many grades as the others, of all its turns and repeats.
    samples: dict[QuestionId, list[float]] = {}
    for (question_id, _), grades in turns.items():
        samples.setdefault(question_id, []).append(fmean(grades))
    return {question_id: fmean(grades) for question_id, grades in samples.items()}


def drift_of(again: Sequence[Again], grades: Sequence[float | None], noise: float = 0.0) -> Drift:
    """What grades of today, None where one could not be had, say of those from before.

    Args:
        again: What was asked.
        grades: The answers, in the same order.
        noise: See `Standing`.
    """
    pairs: dict[QuestionId, list[tuple[float, float | None]]] = {}
    for one, grade in zip(again, grades, strict=True):
        pairs.setdefault(one.task.question.question_id, []).append((one.old, grade))
    # The question is the unit: its turns are one difference.
    whole = [
        (fmean(old for old, _ in found), fmean(new for _, new in found if new is not None))
        for found in pairs.values()
        if all(new is not None for _, new in found)
    ]
    return measure(whole, len(pairs), noise)


class _AnewError(Exception):
    """Why blessed grades cannot stand."""


def standings_of(
    contest: Contest,
    questions: Sequence[Question],
    *,
    regrade: bool,
    again: int,
    nonce: Callable[[], str],
) -> dict[str, Standing]:
    """By judge how the blessed baseline's grades enter a run; none where there is no blessed baseline.

    Args:
        contest: Its baseline's files are verified.
        questions: What will be judged.
        regrade: All grades are to be made anew.
        again: How many answers are to be graded again where the grades stand.
        nonce: Names this run.
    """
    model = contest.models.get("baseline")
    if not isinstance(model, BlessedAnswers):
        return {}
    this = cache(nonce)  # every judge's grades are of one and the same run
    return {
        name: _standing(contest, name, judge, model, questions, regrade=regrade, again=again, nonce=this)
        for name, judge in contest.judges.items()
    }


def _standing(
    contest: Contest,
    name: str,
    judge: Judge,
    model: BlessedAnswers,
    questions: Sequence[Question],
    *,
    regrade: bool,
    again: int,
    nonce: Callable[[], str],
) -> Standing:
    """How the grades of one judge enter."""
    blessed = model.blessed
    served = blessed.judges[0].served if len(blessed.judges) == 1 else ()
    # What is computed or recorded says the same at any time: its identity has a version.
    constant = bool(getattr(judge, "free", False))
    if regrade:
        return Standing(blessed, anew=REGRADE, nonce="" if constant else nonce(), served=served)
    try:
        then = _same_judge(blessed, judge)
        tasks = list(_tasks(contest, name, model, questions))
        grades = _grades(blessed, then, tasks, name)
    except _AnewError as why:
        return Standing(blessed, anew=str(why), served=served)
    standing = Standing(blessed, grades, served=then.served)
    drawn = [] if constant else _drawn(contest, questions, again)
    return _tried(standing, tasks, drawn, nonce()) if drawn else standing


def _tried(
    standing: Standing, tasks: Sequence[GradeTask], drawn: Sequence[QuestionId], nonce: str
) -> Standing:
    """The same, with the first answers to some questions to be graded again, once each."""
    found: dict[tuple[QuestionId, int, int], list[float]] = {}
    for (question_id, turn, sample, _), judgment in standing.grades.items():
        found.setdefault((question_id, turn, sample), []).append(judgment.grade)
    once = [task for task in tasks if task.sample == task.repeat == 1 and task.question.question_id in drawn]
    again = [
        Again(replace(task, nonce=nonce), fmean(found[task.question.question_id, task.turn, 1]))
        for task in once
    ]
    seen = wobble((place[0], tuple(grades)) for place, grades in found.items())
    noise = 0.0
    if seen is not None:
        # An old grade is the mean of its repeats, a new one is single; an answer's is the mean of its turns.
        turns = len(once) / len(drawn)
        noise = seen.sd * math.sqrt((1 + 1 / seen.repeats) / turns)
    return replace(standing, again=tuple(again), noise=noise)


def _drawn(contest: Contest, questions: Sequence[Question], count: int) -> list[QuestionId]:
    """Some questions, of each category its part; another seed of the run draws others."""
    return [question.question_id for question in mixed(questions, contest.seed)[:count]]


def _same_judge(blessed: Blessed, judge: Judge) -> BlessedJudge:
    """The judge of then that is the one of now."""
    now = judge.identity()
    for then in blessed.judges:
        if digest(then.identity) == digest(now):
            return then
    if len(blessed.judges) > 1:
        names = ", ".join(then.name for then in blessed.judges)
        raise _AnewError(f"it was graded by other judges, {names}")
    (then,) = blessed.judges
    was = then.identity
    changed = sorted(key for key in {*was, *now} if digest(was.get(key)) != digest(now.get(key)))
    settings = ", ".join(f"{key} {was.get(key)!r} then, {now.get(key)!r} now" for key in changed)
    raise _AnewError(f"it was graded by another judge, {then.name} ({settings})")


def _tasks(
    contest: Contest, judge: str, model: BlessedAnswers, questions: Sequence[Question]
) -> Iterator[GradeTask]:
    """What a judge would be asked about the baseline."""
    for question in questions:
        for sample in range(1, model.recorded_samples + 1):
            answer = model.recorded(contest.task(question, sample))
            if isinstance(answer, Answer):
                for turn in range(1, len(question.turns) + 1):
                    yield from contest.grade_tasks(judge, question, turn, answer, sample)


def _grades(
    blessed: Blessed, then: BlessedJudge, tasks: Sequence[GradeTask], judge: str
) -> dict[Place, Judgment]:
    lines = _recorded(then)
    grades = {}
    for task in tasks:
        question = task.question
        line, where = lines.get(_place(task)), f"question {question.question_id}, turn {task.turn}"
        if line is None:
            times = f" for the {task.repeat}. time" if task.repeat > 1 else ""
            raise _AnewError(f"it has no grade of {where}{times}")
        if line.prompt_sha256 != prompt_digest(task.prompt):
            raise _AnewError(f"{where} was graded under another prompt or reference")
        if not blessed.judged_alike(question):
            raise _AnewError(f"the references or checks of question {question.question_id} were changed")
        grades[_place(task)] = _judgment(line, task, judge)
    return grades


def _recorded(then: BlessedJudge) -> dict[Place, SingleLine]:
    if then.judgments is None:
        return {}
    try:
        lines = read_judgments(then.judgments).singles
    except MTBenchError as error:
        raise _AnewError(str(error)) from None
    bound = binding(lines).values()
    return {(line.question_id, line.turn, line.sample, line.repeat): line for line in bound if line.valid}


def _judgment(line: SingleLine, task: GradeTask, judge: str) -> Judgment:
    return Judgment(
        line.question_id,
        line.turn,
        task.answer.model,
        judge,
        task.prompt,
        line.score,
        line.text,
        line.served_model,
        line.fingerprint,
        line.repeat,
    )


def _place(task: GradeTask) -> Place:
    return (task.question.question_id, task.turn, task.sample, task.repeat)
