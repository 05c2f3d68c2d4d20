"""Which grades and games a run would have to ask for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from mtbench_pytest.bench.prompts import PromptType
from mtbench_pytest.cli.plan.answers import Cast, server_of
from mtbench_pytest.cli.plan.previous_run import Earlier
from mtbench_pytest.cli.plan.replies import Said
from mtbench_pytest.cli.plan.tokens import Cost, Tokens, Usage, cost_of, weakest
from mtbench_pytest.core.records import SIDES, Answer, GradeTask, Question, Task, repeat_of
from mtbench_pytest.judges.base import Judge, ReplyJudge
from mtbench_pytest.models.api.client import estimate_tokens
from mtbench_pytest.run.contest import Contest, is_free
from mtbench_pytest.run.standing import Standing
from mtbench_pytest.store.keys import judgment_key
from mtbench_pytest.store.store import Store


@dataclass(frozen=True, slots=True)
class Tally:
    """Judgments of one kind.

    Attributes:
        needed: Judgments.
        identical: Games of two identical conversations: ties that need no judge.
        shared: Those that another judgment's same prompt gives.
        at_hand: Those in the store, blessed grades that stand, or all where the judge costs nothing.
    """

    needed: int
    identical: int
    shared: int
    at_hand: int

    @property
    def calls(self) -> int:
        """Calls still to be made."""
        return self.needed - self.identical - self.shared - self.at_hand


@dataclass(frozen=True, slots=True)
class JudgeWork:
    """What a judge has to do.

    Attributes:
        judge: Its name; "" where none was named.
        free: It costs nothing to ask.
        usage: Of the calls still to be made; nothing for a free judge.
        cost: None without prices.
    """

    judge: str
    grades: Tally
    games: Tally
    free: bool
    usage: Usage
    cost: Cost | None

    @property
    def calls(self) -> int:
        """Calls still to be made."""
        return self.grades.calls + self.games.calls


def judge_work(
    contest: Contest,
    name: str,
    questions: Sequence[Question],
    cast: Cast,
    store: Store,
    earlier: Earlier | None,
) -> JudgeWork:
    """What a judge has to do.

    Args:
        name: The judge's; "" for what any would have to.

    Raises:
        MTBenchError: What the judge raised.
    """
    judge, standing = contest.judges.get(name), contest.standings.get(name)
    graded = [(question, turn) for question in questions for turn in _turns(question)]
    compared = [(question, turn) for question in questions for turn in _game_turns(contest, question)]
    grades = [one for question, turn in graded for one in _grades(contest, name, question, turn, cast)]
    grades += _again(standing, cast)
    stand = len(standing.grades) if standing is not None else 0
    games = [one for question, turn in compared for one in _games(contest, question, turn, cast)]
    stated = None if (server := server_of(judge)) is None else server.price
    singles, single_usage = _tally(grades, len(grades), judge, store, _written("single", judge, earlier))
    singles = replace(singles, needed=singles.needed + stand, at_hand=singles.at_hand + stand)
    pairs, pair_usage = _tally(games, 2 * len(compared), judge, store, _written("pairwise", judge, earlier))
    usage = single_usage + pair_usage
    return JudgeWork(
        judge=name,
        grades=singles,
        games=pairs,
        free=judge is not None and is_free(judge),
        usage=usage,
        cost=None if stated is None else cost_of(usage, stated),
    )


def _tally(
    asked: Sequence[_Asked], needed: int, judge: Judge | None, store: Store, written: Tokens
) -> tuple[Tally, Usage]:
    """What of one kind is to be asked for, and what that takes.

    Args:
        written: How long one judgment is.
    """
    by_key = {_key(judge, one): one for one in asked}
    if judge is not None and is_free(judge):
        missing: list[_Asked] = []
    else:
        stored = store.judgments([key for key in by_key if isinstance(key, str)])
        missing = [one for key, one in by_key.items() if key not in stored]
    usage = sum((Usage(one.sent, written) for one in missing), Usage())
    tally = Tally(needed, needed - len(asked), len(asked) - len(by_key), len(by_key) - len(missing))
    return tally, usage


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call of the judge.

    Attributes:
        shown: What it shows, in order.
        sent: Its prompt.
    """

    task: Task
    shown: tuple[Said, ...]

    @property
    def sent(self) -> Tokens:
        prompt = self.task.prompt
        texts = [prompt.system, prompt.user] if prompt.system else [prompt.user]
        return Tokens(estimate_tokens(*texts), weakest(said.basis for said in self.shown))


def _turns(question: Question) -> range:
    return range(1, len(question.turns) + 1)


def _game_turns(contest: Contest, question: Question) -> Sequence[int]:
    """The turns that are compared; of parties that are not named, all."""
    if contest.judges and len(contest.models) == len(SIDES):
        return contest.game_turns(question)
    return _turns(question) if contest.pairwise else ()


def _grades(contest: Contest, judge: str, question: Question, turn: int, cast: Cast) -> Iterator[_Asked]:
    for (side, sample), said in cast.items():
        one = said[question.question_id]
        for task in contest.grade_tasks(judge, question, turn, one.answer, sample):
            if contest.known_grade(judge, side, task) is None:
                yield _Asked(task, (one,))


def _again(standing: Standing | None, cast: Cast) -> list[_Asked]:
    """Blessed answers that are graded again, to see whether the judge moved."""
    again = standing.again if standing is not None else ()
    return [_Asked(one.task, (cast["baseline", 1][one.task.question.question_id],)) for one in again]


def _games(contest: Contest, question: Question, turn: int, cast: Cast) -> Iterator[_Asked]:
    candidate, baseline = (cast[side, 1][question.question_id] for side in SIDES)
    tasks = contest.game_tasks(question, turn, candidate.answer, _unlike(candidate, baseline))
    for task, shown in zip(tasks, ((candidate, baseline), (baseline, candidate)), strict=False):
        yield _Asked(task, shown)


def _unlike(candidate: Said, baseline: Said) -> Answer:
    """The baseline's answer, and where it only stands for one, surely not the candidate's.

    That both will say the same is not known: a plan that counts on it would be too low.
    """
    answer = baseline.answer
    if candidate is baseline or candidate.basis == baseline.basis == "counted":
        return answer
    first = answer.replies[0]
    if first.text != candidate.answer.replies[0].text:
        return answer
    other = replace(first, text=("b" if first.text[:1] == "a" else "a") + first.text[1:])
    return replace(answer, replies=(other, *answer.replies[1:]))


def _key(judge: Judge | None, one: _Asked) -> Hashable:
    """What makes two judgments one: as the store has it where the answers are known, else whose they are."""
    task = one.task
    if any(said.basis != "counted" for said in one.shown):
        return isinstance(task, GradeTask), task.turn, repeat_of(task), tuple(map(id, one.shown))
    if judge is None:
        return task.prompt, repeat_of(task)
    return judgment_key(judge.identity(), task, judge.key_extra(task))


def _written(kind: PromptType, judge: Judge | None, earlier: Earlier | None) -> Tokens:
    """How long a judgment is."""
    if earlier is not None and kind in earlier.judgments:
        return Tokens(round(earlier.judgments[kind]), "as before")
    return Tokens(getattr(judge, "max_tokens", ReplyJudge.max_tokens), "at most")
