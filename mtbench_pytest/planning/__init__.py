"""What a run would take and what it could show, before anything is spent: `mtbench plan`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mtbench_pytest.budget import Budget
from mtbench_pytest.building import build_contest
from mtbench_pytest.contest import Contest
from mtbench_pytest.decision import LEVELS
from mtbench_pytest.early import levels_of, look_ends
from mtbench_pytest.errors import SpecError
from mtbench_pytest.explain import percent
from mtbench_pytest.gate import Policy, ways_to_regress
from mtbench_pytest.locate import find_bench
from mtbench_pytest.noise import check_margin
from mtbench_pytest.office import NO_LIMITS, Office, usual_root
from mtbench_pytest.planning.amounts import Cost
from mtbench_pytest.planning.answers import AnswerWork, answer_work, find_cast, is_same_model
from mtbench_pytest.planning.earlier import Earlier, read_earlier
from mtbench_pytest.planning.judgments import JudgeWork, judge_work
from mtbench_pytest.planning.reach import Noise, Reach, noise_of, reach
from mtbench_pytest.records import SIDES, Party, Question
from mtbench_pytest.settings import Settings
from mtbench_pytest.standing import standing_of
from mtbench_pytest.stopping import stopping_of
from mtbench_pytest.store import Store
from mtbench_pytest.suite import load_bench

__all__ = ["Plan", "Time", "make_plan"]

_PARTIES: tuple[Party, ...] = (*SIDES, "judge")
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
        parties: By party how it was named; those that were.
        answers: One a side that was named.
        time: None without an earlier run that tells.
        concerns: What stands in the way, in sentences.
    """

    bench: str
    questions: int
    turns: int
    parties: dict[Party, str]
    answers: tuple[AnswerWork, ...]
    judge: JudgeWork
    time: Time | None
    reaches: tuple[Reach, ...]
    concerns: tuple[str, ...]

    @property
    def calls(self) -> int:
        """Calls to servers and to the judge."""
        return sum(work.calls for work in self.answers) + self.judge.calls

    @property
    def cost(self) -> Cost | None:
        """Of all whose prices are stated; None where none are."""
        every = [*(work.cost for work in self.answers), self.judge.cost]
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
    named = {party: str(spec) for party in _PARTIES if (spec := getattr(settings, party)) is not None}
    limited = (settings.max_calls, settings.max_cost) != NO_LIMITS
    budget = Budget(settings.max_calls, settings.max_cost) if limited else None
    contest = build_contest(settings, bench, named, budget)  # which refuses a limit on cost without prices
    contest.check_prompts(questions)
    for party in contest.free:
        if party != "judge" or len(contest.models) == len(SIDES):
            contest.prepare(party, questions)
    regrade, again = settings.regrade_baseline, settings.drift_sample
    known = standing_of(contest, questions, regrade=regrade, again=again, nonce=lambda: _NOBODYS)
    contest = replace(contest, standing=known)
    with _store(settings, folder) as store:
        same = is_same_model(contest, store, [named.get(side, "") for side in SIDES])
        cast = find_cast(contest, questions, store, before, same_model=same)
        answers = [
            answer_work(contest, side, questions, cast, asked=not same or side == SIDES[0])
            for side in contest.models
        ]
        judge = judge_work(contest, questions, cast, store, before)
    policy = settings.policy(bench.config)
    noise = {"grade": noise_of("grade", sd, before), "win rate": noise_of("win rate", win_rate_sd, before)}
    plan = Plan(
        bench=bench.name,
        questions=len(questions),
        turns=sum(len(question.turns) for question in questions),
        parties=named,
        answers=tuple(answers),
        judge=judge,
        time=None if before is None else _time(before, answers, judge, settings.concurrency),
        reaches=tuple(_reaches(questions, policy, noise, margins, settings)),
        concerns=(),
    )
    concerns = [*_concerns(plan, settings), *_wobble(contest, questions, policy.margin)]
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
    office = Office.of(settings, root or folder, None)
    try:
        yield office.store
    finally:
        office.close()


def _time(earlier: Earlier, answers: Sequence[AnswerWork], judge: JudgeWork, concurrency: int) -> Time | None:
    if (pace := earlier.pace) is None:
        return None
    answering: float | None = 0.0
    if written := sum(work.usage.written.n for work in answers):
        answering = None if pace.tokens is None else written / pace.tokens
    judging: float | None = 0.0
    if calls := judge.calls:
        judging = None if pace.call is None else calls * pace.call / min(concurrency, calls)
    return Time(answering, judging)


def _reaches(
    questions: Sequence[Question],
    policy: Policy,
    noise: Mapping[str, Noise],
    margins: Sequence[float],
    settings: Settings,
) -> Iterator[Reach]:
    n, ways = len(questions), ways_to_regress(questions, policy, pairwise=settings.pairwise)
    levels = levels_of(look_ends(n))[-1] if _may_stop(settings, n) else LEVELS
    yield reach("grade", n, noise["grade"], policy.margin, ways, margins, levels)
    if settings.pairwise:
        yield reach("win rate", n, noise["win rate"], policy.win_rate_margin, ways, (), levels)


def _may_stop(settings: Settings, questions: int) -> bool:
    """Whether the run may stop early, as far as that is known without its tests."""
    return stopping_of(settings, settings.record or "off", questions, more_tests=False).on


def _wobble(contest: Contest, questions: Sequence[Question], margin: float) -> Iterator[str]:
    """Why the run would refuse its margin, where the bench says how much the judge wobbles."""
    judge, stated = contest.judge, contest.bench.config.judge_noise
    if judge is not None:
        turns = [len(question.turns) for question in questions]
        try:
            check_margin(margin, judge.name, stated, turns, contest.repeats)
        except SpecError as error:
            yield f"the run would be refused: {error}"


def _concerns(plan: Plan, settings: Settings) -> Iterator[str]:
    if _may_stop(settings, plan.questions):
        yield "--mtbench-early-stop may end the run sooner: calls, tokens and cost are those of all questions"
    if settings.max_calls is not None and plan.calls > settings.max_calls:
        yield f"{plan.calls:,} calls are more than --mtbench-max-calls {settings.max_calls}"
    cost = plan.cost
    if settings.max_cost is not None and cost is not None and cost.amount > settings.max_cost:
        may = "would cost" if cost.basis == "counted" else "may cost"
        yield f"it {may} {cost.amount:,.2f}, more than --mtbench-max-cost {settings.max_cost:g}"
    for found in plan.reaches:
        if found.passes > found.margin.margin:
            show = percent if found.endpoint == "win rate" else "{:.2f}".format
            yield (
                f"{found.endpoint}: {found.questions} questions are too few for a margin of "
                f"{show(found.margin.margin)}: an equal candidate would pass it less than four times in five"
            )
