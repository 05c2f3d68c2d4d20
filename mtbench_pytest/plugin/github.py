"""GitHub Actions: what a run leaves there beside its log. Elsewhere it leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mtbench_pytest.bench.locate import question_places
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.drops import drops_of
from mtbench_pytest.report.github import (
    SUMMARY_LIMIT,
    Drop,
    Level,
    command,
    step_summary,
    workflow_commands,
)
from mtbench_pytest.run.bench_run import BenchRun

Decided = tuple[BenchRun, Decision, str]  # with where the report is


def tell_actions(env: Mapping[str, str], decided: Sequence[Decided]) -> list[str]:
    """Appends each bench to the step's summary.

    Args:
        env: The process's environment: GitHub sets `GITHUB_ACTIONS` and names folder and file in it.
        decided: The benches of the session.

    Returns:
        The annotations, as lines for the log; none outside of GitHub Actions.
    """
    if env.get("GITHUB_ACTIONS") != "true" or not decided:
        return []
    workspace = Path(env.get("GITHUB_WORKSPACE") or ".").resolve()
    drops = [drop for run, _, _ in decided for drop in _drops(run, workspace)]
    report_only = any(run.settings.question_policy == "report" for run, _, _ in decided)
    level: Level = "warning" if report_only else "error"
    lines = list(workflow_commands([decision for _, decision, _ in decided], drops, level))
    if summary := env.get("GITHUB_STEP_SUMMARY"):
        lines += _summarise(Path(summary), decided)
    return lines


def _drops(run: BenchRun, workspace: Path) -> Iterator[Drop]:
    """The questions of a bench whose drop stands."""
    stand = [drop for drop in drops_of(run.ordered_rows(), run.policy) if drop.stands]
    places = question_places(run.bench.path) if stand else {}
    for drop in stand:
        place = places.get(drop.row.question_id)
        if place is None or not place[0].is_relative_to(workspace):
            yield Drop(drop.row, drop.margin)
        else:
            yield Drop(drop.row, drop.margin, place[0].relative_to(workspace).as_posix(), place[1])


def _summarise(path: Path, decided: Sequence[Decided]) -> Iterator[str]:
    """Appends to the summary, whose limit holds for all that a step writes to it."""
    try:
        for run, decision, report in decided:
            room = SUMMARY_LIMIT - (path.stat().st_size if path.exists() else 0)
            rows, panel = run.ordered_rows(), run.findings.lines_of("panel")
            text = step_summary(decision, rows, run.parties, report, run.questions, room, panel)
            # What no encoding can write is written as an escape, as in the report.
            with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(text)
    except OSError as error:
        problem = f"the step's summary was not written: {path}: {error.strerror or error}"
        yield command("warning", problem, {"title": "mtbench"})
