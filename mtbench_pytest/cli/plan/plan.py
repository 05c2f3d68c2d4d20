"""What a run would take and what it could show, before anything is spent: `mtbench plan`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.cli.plan.answers import AnswerWork, answer_work, find_cast, is_same_model
from mtbench_pytest.cli.plan.forecast import Outlook, may_stop, outlook
from mtbench_pytest.cli.plan.judgments import JudgeWork, judge_work
from mtbench_pytest.cli.plan.previous_run import Earlier, read_earlier
from mtbench_pytest.cli.plan.tokens import Cost
from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.records import SIDES, Party, Question, Side
from mtbench_pytest.core.text import percent
from mtbench_pytest.findings.critical import (
    FalseAlarm,
    false_alarm,
    gradings_by,
    noise_of_judge,
    noise_of_judges,
    turns_of_questions,
)
from mtbench_pytest.findings.noise import check_margin
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.models.api.budget import Budget
from mtbench_pytest.run.blessed_grades import standings_of
from mtbench_pytest.run.build import build_contest
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.resources import NO_LIMITS, Resources, usual_root
from mtbench_pytest.run.settings import Settings
from mtbench_pytest.store.store import Store

__all__ = ["Plan", "Time", "make_plan"]

_FILE = "sqlite:///"
_NOBODYS = "a plan"  # names grades that no run has made


@dataclass(frozen=True, slots=True)
class Time:
    """How long it would take, by an earlier run's pace; answering and judging go on side by side.

    Attributes:
        answering: Seconds; None where that run's models made nothing to go by.
        judging: Seconds; None where its judge made no call.
    """

    answering: float | None
    judging: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would take and what it could show.

    Attributes:
        bench: Its name.
        questions: Selected.
        turns: Of these together.
        sides: By side how it was named; those that were.
        judges: How they were named.
        answers: One a side that was named.
        work: One a judge; without a judge what any would have to do.
        time: None without an earlier run that tells.
        critical: How often critical categories stop an equal model; None where there are none.
        concerns: What stands in the way, in sentences.
    """

    bench: str
    questions: int
    turns: int
    sides: dict[Side, str]
    judges: tuple[str, ...]
    answers: tuple[AnswerWork, ...]
    work: tuple[JudgeWork, ...]
    time: Time | None
    outlook: Outlook
    critical: FalseAlarm | None
    concerns: tuple[str, ...]

    @property
    def calls(self) -> int:
        """Calls to servers and to the judges."""
        return sum(work.calls for work in self.answers) + sum(work.calls for work in self.work)

    @property
    def cost(self) -> Cost | None:
        """Of all whose prices are stated; None where none are."""
        every = [*(work.cost for work in self.answers), *(work.cost for work in self.work)]
        known = [cost for cost in every if cost is not None]
        return sum(known[1:], known[0]) if known else None


def make_plan(
    settings: Settings,
    *,
    earlier: Path | None = None,
    sd: float | None = None,
    win_rate_sd: float | None = None,
    margins: Sequence[float] = (),
    folder: Path = Path(),
) -> Plan:
    """Counts what a run would take. No server is called, no weights are loaded and no file is made.

    Args:
        settings: The run's; a party that is not named counts as one of which nothing is known.
        earlier: Report folder of an earlier run, for lengths, noise and pace.
        sd: Of the grade differences by question, in points, where it is known better.
        win_rate_sd: Of the scores by question.
        margins: Points; for each the questions it needs.
        folder: Where the run would be started; the usual store is there or above.

    Raises:
        MTBenchError: In one line, what was given and what was expected.
    """
    before = None if earlier is None else read_earlier(earlier)
    bench = load_bench(find_bench(settings.bench or Path("general")))
    questions = bench.questions if settings.sample is None else bench.sample(settings.sample, settings.seed)
    named = {side: str(spec) for side in SIDES if (spec := getattr(settings, side)) is not None}
    needs: set[Party] = {*named}
    if settings.judges:
        needs.add("judge")
    limited = (settings.max_calls, settings.max_cost) != NO_LIMITS
    budget = Budget(settings.max_calls, settings.max_cost) if limited else None
    contest = build_contest(settings, bench, needs, budget)  # which refuses a limit on cost without prices
    contest.check_prompts(questions)
    for party in contest.free:
        if party in contest.models or len(contest.models) == len(SIDES):
            contest.prepare(party, questions)
    regrade, again = settings.regrade_baseline, settings.drift_sample
    known = standings_of(contest, questions, regrade=regrade, again=again, nonce=lambda: _NOBODYS)
    contest = replace(contest, standings=known)
    with _store(settings, folder) as store:
        same = is_same_model(contest, store, [named.get(side, "") for side in SIDES])
        cast = find_cast(contest, questions, store, before, same_model=same)
        answers = [
            answer_work(contest, side, questions, cast, asked=not same or side == SIDES[0])
            for side in contest.models
        ]
        judges = [
            judge_work(contest, name, questions, cast, store, before) for name in contest.judges or [""]
        ]
    policy = settings.policy(bench.config)
    plan = Plan(
        bench=bench.name,
        questions=len(questions),
        turns=sum(len(question.turns) for question in questions),
        sides=named,
        judges=tuple(map(str, settings.judges)),
        answers=tuple(answers),
        work=tuple(judges),
        time=None if before is None else _time(before, answers, judges, settings.concurrency),
        outlook=outlook(
            questions,
            policy,
            settings,
            before,
            {"grade": sd, "win rate": win_rate_sd},
            margins,
            max(len(settings.judges), 1),
        ),
        critical=_false_alarm(contest, questions, policy, settings, before),
        concerns=(),
    )
    concerns = [*_concerns(plan, settings), *plan.outlook.notes]
    concerns += _noise_floor(contest, questions, policy.margin)
    if before is not None and before.bench != bench.digest:
        concerns.append(
            "the earlier run was on another bench: lengths are its means, and the noise is its own"
        )
    return replace(plan, concerns=tuple(concerns))


@contextmanager
def _store(settings: Settings, folder: Path) -> Iterator[Store]:
    """The run's store, where there is one: a plan makes none."""
    root, url = usual_root(folder), settings.store
    missing = root is None if url is None else url.startswith(_FILE) and not Path(url[len(_FILE) :]).is_file()
    if missing or url == "none":
        yield Store()
        return
    resources = Resources.of(settings, root or folder, None)
    try:
        yield resources.store
    finally:
        resources.close()


def _time(
    earlier: Earlier, answers: Sequence[AnswerWork], judges: Sequence[JudgeWork], concurrency: int
) -> Time | None:
    if (pace := earlier.pace) is None:
        return None
    answering: float | None = 0.0
    if written := sum(work.usage.written.n for work in answers):
        answering = None if pace.tokens is None else written / pace.tokens
    judging: float | None = 0.0
    if calls := sum(judge.calls for judge in judges):
        judging = None if pace.call is None else calls * pace.call / min(concurrency, calls)
    return Time(answering, judging)


def _false_alarm(
    contest: Contest,
    questions: Sequence[Question],
    policy: Policy,
    settings: Settings,
    earlier: Earlier | None,
) -> FalseAlarm | None:
    """By the grades of an earlier run's baseline, where that was on this bench."""
    stated = contest.bench.config.judge_noise
    same = earlier is not None and earlier.bench == contest.bench.digest
    grades = {one.question_id: one.baseline for one in earlier.seen} if earlier and same else {}
    noise = noise_of_judges(
        [noise_of_judge(None, stated.get(judge.name)) for judge in contest.judges.values()]
    )
    gradings = gradings_by([spec.kind for spec in settings.judges])
    return false_alarm(list(turns_of_questions(questions, policy, grades)), noise, gradings)


def _noise_floor(contest: Contest, questions: Sequence[Question], margin: float) -> Iterator[str]:
    """Why the run would refuse its margin, where the bench says how noisy the judge is."""
    judges, stated = list(contest.judges), contest.bench.config.judge_noise
    if judges:
        turns = [len(question.turns) for question in questions]
        try:
            check_margin(margin, judges, stated, turns, contest.repeats)
        except SpecError as error:
            yield f"the run would be refused: {error}"


def _concerns(plan: Plan, settings: Settings) -> Iterator[str]:
    if may_stop(settings, plan.questions):
        yield "--mtbench-early-stop may end the run sooner: calls, tokens and cost are those of all questions"
    if settings.max_calls is not None and plan.calls > settings.max_calls:
        yield f"{plan.calls:,} calls are more than --mtbench-max-calls {settings.max_calls}"
    cost = plan.cost
    if settings.max_cost is not None and cost is not None and cost.amount > settings.max_cost:
        may = "would cost" if cost.basis == "counted" else "may cost"
        yield f"it {may} {cost.amount:,.2f}, more than --mtbench-max-cost {settings.max_cost:g}"
    for found in plan.outlook.reaches:
        if found.passes > found.margin.margin:
            show = percent if found.endpoint == "win rate" else "{:.2f}".format
            yield (
                f"{found.endpoint}: {found.questions} questions are too few for a margin of "
                f"{show(found.margin.margin)}: an equal candidate would pass it less than four times in five"
            )
