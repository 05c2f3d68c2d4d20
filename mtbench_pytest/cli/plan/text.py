"""What a run would take and what it could show: for the terminal, and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtbench_pytest.cli.plan.chances import HALF_A_POINT, ITS_WIN_RATE, Chances
from mtbench_pytest.cli.plan.judgments import JudgeWork, Tally
from mtbench_pytest.cli.plan.plan import Plan, Time
from mtbench_pytest.cli.plan.power import POWER, Reach
from mtbench_pytest.cli.plan.tokens import Basis, Cost, FourBytes, Tokens, Usage
from mtbench_pytest.core.records import SIDES
from mtbench_pytest.core.text import one_line, percent, wrapped
from mtbench_pytest.findings.critical import false_alarm_line, false_alarm_result
from mtbench_pytest.run.progress import duration

_MARKS: Mapping[Basis, str] = {"counted": "", "as before": "~", "at most": "<= "}
_NAME = 24
_WIDE = 34
_UNKNOWN = "-"


def plan_result(plan: Plan) -> dict[str, Any]:
    """The plan for programs; what is not known is null."""
    return {
        "bench": plan.bench,
        "questions": plan.questions,
        "turns": plan.turns,
        **{str(side): spec for side, spec in plan.sides.items()},
        **_judges_named(plan),
        "answers": {work.side: {**_plain(asdict(work)), "to_make": work.to_make} for work in plan.answers},
        **_judge_work(plan),
        "calls": plan.calls,
        "cost": None if plan.cost is None else asdict(plan.cost),
        "time": None if plan.time is None else asdict(plan.time),
        "power": POWER,
        "endpoints": [_plain(asdict(found)) for found in plan.outlook.reaches],
        "chances": asdict(plan.outlook.chances),
        "critical": false_alarm_result(plan.critical),
        "concerns": list(plan.concerns),
    }


def _judges_named(plan: Plan) -> dict[str, Any]:
    if len(plan.judges) > 1:
        return {"judges": list(plan.judges)}
    return {"judge": plan.judges[0]} if plan.judges else {}


def _judge_work(plan: Plan) -> dict[str, Any]:
    """Of one judge its work; of a panel that of each, by name."""
    by_name = {
        work.judge: {
            "free": work.free,
            "grades": {**asdict(work.grades), "calls": work.grades.calls},
            "games": {**asdict(work.games), "calls": work.games.calls},
            "usage": asdict(work.usage),
            "cost": None if work.cost is None else asdict(work.cost),
        }
        for work in plan.work
    }
    return {"panel_work": by_name} if len(by_name) > 1 else {"judge_work": by_name[plan.work[0].judge]}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan for people, at most 80 columns wide."""
    yield f"bench {plan.bench}: {plan.questions} questions, {plan.turns} turns"
    for side in SIDES:
        yield from wrapped(f"{side} {plan.sides.get(side, '(not named)')}")
    for spec in plan.judges or ["(not named)"]:
        yield from wrapped(f"judge {spec}")
    yield ""
    yield from _work_table(plan)
    yield ""
    yield from _usage_table(plan)
    yield from _time_lines(plan.time)
    yield ""
    yield from _reach_table(plan.outlook.reaches)
    yield ""
    yield from _chance_table(plan.outlook.chances)
    if plan.critical is not None:
        yield from wrapped(false_alarm_line(plan.critical))
    for concern in plan.concerns:
        yield from wrapped(f"note: {concern}")


def _work_table(plan: Plan) -> Iterator[str]:
    yield f"{'':<{_NAME}}" + _cells(("needed", "at hand", "no call", "to make", "calls"), 10)
    for made in plan.answers:
        counts = (made.needed, made.at_hand, made.shared, made.to_make, made.calls)
        yield f"{f'answers of {made.side}':<{_NAME}}" + _cells(map(_count, counts), 10)
    for work in plan.work:
        for name, tally in (("grades", work.grades), ("games", work.games)):
            yield f"{_of(name, work, plan):<{_NAME}}" + _cells(map(_count, _counts(tally)), 10)
    yield f"{'calls together':<{_NAME}}" + f"{_count(plan.calls):>50}"
    for work in plan.work:
        if work.free:
            yield f"judge {work.judge} costs nothing" if len(plan.work) > 1 else "the judge costs nothing"
    if identical := sum(work.games.identical for work in plan.work):
        yield f"{_count(identical)} games are of identical conversations: ties without a call"


def _of(what: str, work: JudgeWork, plan: Plan) -> str:
    """What a line of a table is about; of a panel also whose it is."""
    return one_line(f"{what} {work.judge}", _NAME - 1) if len(plan.work) > 1 else what


def _counts(tally: Tally) -> tuple[int, ...]:
    return (tally.needed, tally.at_hand, tally.identical + tally.shared, tally.calls, tally.calls)


def _usage_table(plan: Plan) -> Iterator[str]:
    lines = [
        (str(work.side), work.usage, work.cost, work.counted_by) for work in plan.answers if work.to_make
    ]
    lines += [
        (_of("judge", work, plan), work.usage, work.cost, FourBytes.name) for work in plan.work if work.calls
    ]
    if not lines:
        yield "nothing is left to make: it costs nothing"
        return
    yield f"{'tokens':<{_NAME}}" + _cells(("sent", "written", "cost"), 16)
    for name, usage, cost, _ in lines:
        yield _usage_row(name, usage, cost)
    if len(lines) > 1:
        yield _usage_row("together", sum((usage for _, usage, _, _ in lines), Usage()), plan.cost)
    yield from _legend(lines)


def _usage_row(name: str, usage: Usage, cost: Cost | None) -> str:
    price = _UNKNOWN if cost is None else f"{_MARKS[cost.basis]}{cost.amount:,.2f}"
    return f"{name:<{_NAME}}" + _cells((_tokens(usage.sent), _tokens(usage.written), price), 16)


def _legend(lines: Sequence[tuple[str, Usage, Cost | None, str]]) -> Iterator[str]:
    bases = {tokens.basis for _, usage, _, _ in lines for tokens in (usage.sent, usage.written)}
    if "as before" in bases:
        yield "~ by the lengths of the earlier run"
    if "at most" in bases:
        yield "<= at most: as long as --mtbench-max-new-tokens and the judge's limit allow"
    if any(name.startswith("judge") and usage.written.basis == "at most" for name, usage, *_ in lines):
        yield "judgments usually have 200 to 400 tokens: --earlier tells yours"
    for counted_by in dict.fromkeys(counted_by for *_, counted_by in lines):
        names = ", ".join(name for name, *_, by in lines if by == counted_by)
        yield f"{names}: {counted_by}"
    if unpriced := ", ".join(name for name, _, cost, _ in lines if cost is None):
        yield from wrapped(f"{unpriced}: no input_price and output_price in the spec, or no server")


def _time_lines(time: Time | None) -> Iterator[str]:
    if time is None:
        return
    parts = [("answering", time.answering), ("judging", time.judging)]
    if told := [f"{name} ~{duration(seconds)}" for name, seconds in parts if seconds]:
        both = ", side by side" if len(told) > 1 else ""
        yield f"time at the earlier run's pace: {', '.join(told)}{both}"


def _reach_table(reaches: Sequence[Reach]) -> Iterator[str]:
    questions = reaches[0].questions
    yield f"{f'{questions} questions':<{_NAME}}" + _cells(("SD", "passes", "finds", "margin", "needs"), 10)
    for found in reaches:
        show = "{:.2f}".format if found.endpoint == "grade" else percent
        name = "mean grade difference" if found.endpoint == "grade" else found.endpoint
        cells = (
            f"{found.noise.sd:.2f}",
            *(show(value) if math.isfinite(value) else _UNKNOWN for value in (found.passes, found.finds)),
            show(found.margin.margin),
            _needs(found.margin.needs),
        )
        yield f"{name:<{_NAME}}" + _cells(cells, 10)
    power = f"{100 * POWER:.0f} %"
    yield f"passes: the least margin that an equal candidate passes in {power} of runs"
    yield f"finds: the least true drop that is a REGRESSION in {power} of runs"
    yield "needs: questions with which an equal candidate passes the margin as often"
    for source in dict.fromkeys(found.noise.source for found in reaches):
        names = ", ".join(found.endpoint for found in reaches if found.noise.source == source)
        yield from wrapped(f"SD ({names}): {source}")
    for wish in (wish for found in reaches for wish in found.wishes):
        yield f"a margin of {wish.margin:g} needs {_needs(wish.needs)} questions"


def _chance_table(found: Chances) -> Iterator[str]:
    """How the run will end."""
    yield "chances"
    for name, chance in (
        ("an equal candidate: PASS", found.equal_passes),
        ("half a point lower: PASS", found.half_a_point_passes),
        ("one point lower: REGRESSION", found.one_point_caught),
    ):
        yield f"{name:<{_WIDE}}{_UNKNOWN if chance is None else _chance(chance):>10}"
    if found.why_not:
        yield f"no chances: {found.why_not}"
    if found.correlation is not None:
        rate = percent(ITS_WIN_RATE)
        yield f"lower: in grades; the win rate is {rate} lower for each {HALF_A_POINT:g} points"
        how = f"grades and scores correlate by {found.correlation.sd:.2f}"
        yield from wrapped(f"{how}: {found.correlation.source}")


def _chance(value: float) -> str:
    """Whole per cent: a forecast is no more exact."""
    if value < 0.01 or value > 0.99:
        return "under 1 %" if value < 0.5 else "over 99 %"
    return f"{100 * value:.0f} %"


def _needs(count: int | None) -> str:
    return "over 1,000,000" if count is None else _count(count)


def _cells(cells: Iterable[str], width: int) -> str:
    return "".join(f"{cell:>{width}}" for cell in cells)


def _count(value: int) -> str:
    return f"{value:,}"


def _tokens(tokens: Tokens) -> str:
    return f"{_MARKS[tokens.basis]}{tokens.n:,}"
