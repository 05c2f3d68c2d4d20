"""What a session writes above and below its tests: who runs against whom, and how each bench was decided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from mtbench_pytest.core.records import SIDES
from mtbench_pytest.core.text import error_in_words, header_lines, plain_line
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.report.terminal import decision_lines, summary_lines
from mtbench_pytest.run.bench_run import BenchRun
from mtbench_pytest.run.settings import FEWEST, Settings, stopping_of

_COLOURS = {"PASS": "green", "PARTIAL": "yellow", "INCONCLUSIVE": "yellow"}


class Screen(Protocol):
    """The part of pytest's terminal reporter that is used."""

    def write_sep(self, sep: str, title: str, **markup: bool) -> None:
        """Writes a rule with a title in it."""

    def write_line(self, line: str, **markup: bool) -> None:
        """Writes a line."""


def header(settings: Settings, runs: Collection[BenchRun]) -> list[str]:
    """The lines that name what is run.

    Args:
        runs: Those known by now; on xdist's controller that may be none.
    """
    benches = ", ".join(run.bench.name for run in runs) or str(settings.bench or "beside the tests")
    # A bench may have a margin of its own, and is not known yet on xdist's controller.
    margins = {run.policy.margin for run in runs} or _stated(settings)
    modes = {run.recordings.mode for run in runs} or {settings.record or "off"}
    parts = [
        f"candidate {settings.candidate or '(none)'}",
        f"baseline {settings.baseline or '(none)'}",
        *(f"judge {spec}" for spec in settings.judges or ["(none)"]),
        f"bench {benches}",
        *([f"sample {settings.sample}"] if settings.sample else []),
        *([f"margin {', '.join(f'{margin:g}' for margin in sorted(margins))}"] if margins else []),
        f"pairwise {'on' if settings.pairwise else 'off'}",
        *([f"each answer graded {settings.judge_repeats} times"] if settings.judge_repeats > 1 else []),
        *sorted({run.stopping.word for run in runs if run.gated} or {_foreseen(settings)}),
        *(f"record {mode}" for mode in sorted(modes - {"off"})),
    ]
    return [plain_line(line) for line in [*header_lines(parts), *same_model_lines(settings)]]


def same_weights_lines(parties: Mapping[str, Any]) -> Iterator[str]:
    """Says that two sides with different names have the same weights: one is a copy, or was not trained."""
    sides = [parties[side] for side in SIDES]
    weights = [(side["identity"] or {}).get("weights") for side in sides]
    if weights[0] and weights[0] == weights[1] and sides[0]["spec"] != sides[1]["spec"]:
        yield f"mtbench: {sides[0]['spec']} and {sides[1]['spec']} have the same weights"


def _stated(settings: Settings) -> set[float]:
    return {settings.margin} if "margin" in settings.given else set()


def same_model_lines(settings: Settings) -> Iterator[str]:
    """Says that one model stands on both sides, where the specs tell."""
    if settings.candidate is None or str(settings.candidate) != str(settings.baseline):
        return
    if settings.candidate.kind == "demo":
        yield "mtbench: the demo model stands on both sides, to show a run that must PASS"
    else:
        yield (
            f"mtbench: {settings.candidate} stands on both sides: the run shows what equal models get, "
            "and nothing of a candidate"
        )


def _foreseen(settings: Settings) -> str:
    """Of xdist's controller, which knows neither bench nor tests at its beginning."""
    return stopping_of(settings, settings.record or "off", FEWEST, more_tests=None).word


def write_summary(terminal: Screen, run: BenchRun, decision: Decision, report: str) -> None:
    """Writes a bench's part of the summary.

    Args:
        report: Where the report is.
    """
    terminal.write_sep("=", plain_line(f"mtbench: {run.bench.name}"), bold=True)
    try:
        lines = list(summary_lines(decision, run.ordered_rows(), run.parties, report, run.notes))
    except Exception as error:  # the decision is told, whatever becomes of the rest
        lines = [f"the summary could not be told: {error_in_words(error)}", f"report: {report}", ""]
    for line in lines:
        terminal.write_line(plain_line(line))
    for line in [*same_model_lines(run.settings), *same_weights_lines(run.parties)]:
        terminal.write_line(plain_line(line))
    for line in decision_lines(decision):
        terminal.write_line(plain_line(line), **{_COLOURS.get(decision.outcome, "red"): True})
