"""Which grades of a blessed baseline stand in a run, and which of its answers are graded again.

Either all of a judge's grades stand or none does: old and new ones of one side are never mixed. In a panel
each judge has its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from statistics import fmean
from typing import Any
from uuid import uuid4

from mtbench_pytest.bench.bench import mixed
from mtbench_pytest.core.errors import MTBenchError, StoreError
from mtbench_pytest.core.records import Answer, GradeTask, Judgment, Question, QuestionId
from mtbench_pytest.findings.drift import REGRADE, graded_again
from mtbench_pytest.findings.noise import within_answer
from mtbench_pytest.judges.base import Judge
from mtbench_pytest.judges.fastchat import SingleLine, binding, read_judgments
from mtbench_pytest.models.blessed import Blessed, BlessedAnswers, BlessedJudge
from mtbench_pytest.run.contest import Contest, is_free
from mtbench_pytest.run.standing import Again, Place, Standing, place_of
from mtbench_pytest.store.keys import digest, prompt_digest
from mtbench_pytest.store.leases import Peers, once
from mtbench_pytest.store.store import Store

_DAY = 24 * 3600.0  # seconds after which a run that was cut off is none to go on with


"""Question, turn, sample, repeat."""


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
    constant = is_free(judge)
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
    seen = within_answer((place[0], tuple(grades)) for place, grades in found.items())
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
        line, where = lines.get(place_of(task)), f"question {question.question_id}, turn {task.turn}"
        if line is None:
            times = f" for the {task.repeat}. time" if task.repeat > 1 else ""
            raise _AnewError(f"it has no grade of {where}{times}")
        if line.prompt_sha256 != prompt_digest(task.prompt):
            raise _AnewError(f"{where} was graded under another prompt or reference")
        if not blessed.judged_alike(question):
            raise _AnewError(f"the references or checks of question {question.question_id} were changed")
        grades[place_of(task)] = _judgment(line, task, judge)
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


def incomparable(blessed: Mapping[str, Any] | None, drift: Mapping[str, Any] | None) -> str:
    """Why blessed grades and this run's cannot be compared, or "".

    Args:
        blessed: What `standing_result` says.
        drift: What `drift_result` says.
    """
    if not blessed or not blessed["checked"]:
        return ""
    if drift is None or (not drift["known"] and drift["asked"] > 1):
        n = drift["n"] if drift else 0
        return (
            f"whether the judge has drifted is not known: {n} of {blessed['checked']} blessed answers could "
            f"be graded again; run it again, or {REGRADE} grades all of them anew"
        )
    if not drift["beyond_noise"]:
        return ""
    return (
        f"the judge has drifted: it grades {abs(drift['shift']):.2f} points "
        f"{'lower' if drift['shift'] < 0 else 'higher'} than when {blessed['name']} was blessed "
        f"({graded_again(drift)}), so that old and new grades cannot be compared; "
        f"{REGRADE} grades the baseline anew"
    )


def fresh_nonce(peers: Peers, about: str) -> str:
    """A name that no other run has; its processes agree on one.

    Args:
        about: What it is for.
    """
    return str(once(peers, f"nonce/{about}", lambda: uuid4().hex))


class Regrading:
    """A run that grades all anew. One that was cut off goes on with the grades it has.

    Args:
        about: What is graded anew.
    """

    def __init__(self, store: Store, about: str) -> None:
        self._store = store
        self._about = about
        self._key = digest("regrading", about)

    def nonce(self, peers: Peers) -> str:
        """The name of its grades."""
        return str(once(peers, f"nonce/{self._about}", self._name))

    def done(self) -> None:
        """The next run of it begins anew."""
        with suppress(StoreError):  # it does in any case after a day
            self._store.forget_identity(self._key)

    def _name(self) -> str:
        known = self._store.identity(self._key)
        if known is not None and time.time() - known["since"] < _DAY:
            return str(known["nonce"])
        self.done()
        nonce = uuid4().hex
        self._store.remember_identity(self._key, {"nonce": nonce, "since": time.time()})
        return nonce
