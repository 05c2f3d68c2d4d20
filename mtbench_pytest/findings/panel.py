"""A panel of judges: for `result.json`, for the report and for the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.text import UNKNOWN, Cells, markdown_table, percent
from mtbench_pytest.findings.base import Facts
from mtbench_pytest.findings.judges import judges_by_name
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.explain import endpoint_name, shown_as
from mtbench_pytest.gate.panel import Concord, Pair, PanelView, Seat

PANEL: Cells = ("judge", "alone", "figures", "the others without it")


def panel_result(view: PanelView, about: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """As in `result.json`.

    Args:
        about: By judge what stands under `judge`, `judge_fitness` and `calibration` where one judges alone.
    """
    concord = view.concord
    return {
        "judges": [_seat_result(seat, about[seat.judge]) for seat in view.seats],
        "agreement": {
            "correlation": concord.correlation,
            "kappa": concord.kappa,
            "pairs": [asdict(pair) for pair in concord.pairs],
        },
        "independent_votes": concord.votes,
        "decided_by": list(view.decided_by),
    }


def _seat_result(seat: Seat, about: Mapping[str, Any]) -> dict[str, Any]:
    alone = seat.alone
    return {
        **about["judge"],
        "left": seat.left,
        "decision": alone and alone.outcome,
        "reasons": alone.reasons if alone else [],
        "endpoints": [asdict(endpoint) for endpoint in alone.endpoints] if alone else [],
        "without_it": seat.without and seat.without.outcome,
        "fitness": about["judge_fitness"],
        "calibration": about["calibration"],
    }


def panel_lines(view: PanelView) -> Iterator[str]:
    """For the summary."""
    yield f"panel: {'; '.join(_told(seat) for seat in view.seats)}"
    yield from _agreement(view.concord)
    if any(seat.without for seat in view.seats):
        yield _decided_by(view)


def _told(seat: Seat) -> str:
    if seat.left:
        return f"{seat.judge} left and counts on no question ({seat.left})"
    return f"{seat.judge} alone {seat.alone.outcome}" if seat.alone else seat.judge


def _agreement(concord: Concord) -> Iterator[str]:
    parts = []
    if (correlation := concord.correlation) is not None:
        parts.append(f"their grade differences correlate {correlation:.2f}")
    if compared := sum(pair.compared for pair in concord.pairs):
        same = percent(sum(pair.same for pair in concord.pairs) / compared)
        kappa = "" if concord.kappa is None else f" (kappa {concord.kappa:.2f})"
        parts.append(f"the same winner in {same} of the comparisons{kappa}")
    if (votes := concord.votes) is not None:
        parts.append(f"{concord.judges} judges are worth {votes:.1f} independent votes")
    if parts:
        yield f"panel agreement: {'; '.join(parts)}"


def _decided_by(view: PanelView) -> str:
    if not view.decided_by:
        return "panel: no judge alone decides it"
    without = {seat.judge: seat.without.outcome for seat in view.seats if seat.without}
    told = ", ".join(f"{without[judge]} without {judge}" for judge in view.decided_by)
    return f"panel warning: one judge alone decides it: {told}"


def panel_markdown(view: PanelView) -> Iterator[str]:
    """The report's section."""
    yield from ("", "## The panel", "")
    yield "The grade and the score of a question are the mean over the judges that stayed."
    yield from ("", *markdown_table(PANEL, map(_cells, view.seats)), "")
    yield from (f"- {_sentence(line)}." for line in _agreement(view.concord))
    if any(seat.without for seat in view.seats):
        yield f"- {_sentence(_decided_by(view))}."
    if view.concord.votes is not None:
        yield (
            "- Independent votes: k / (1 + (k - 1) r), Kish's effective sample size, with the mean "
            "correlation r of the grade differences of k judges over questions (Kohli 2026, arXiv "
            "2605.29800, has it for panels). What judges rightly see alike correlates too, so that the "
            "figure is rather too low."
        )
    if view.concord.pairs:
        yield from ("", *markdown_table(_PAIR, map(_pair_cells, view.concord.pairs)))


def _sentence(line: str) -> str:
    """What a line of the summary says, without its head."""
    text = line.partition(": ")[2]
    return text[:1].upper() + text[1:]


_PAIR: Cells = ("two judges", "questions", "correlation", "comparisons", "same winner", "kappa")


def _cells(seat: Seat) -> Cells:
    if seat.left:
        return (seat.judge, f"left: {seat.left}", UNKNOWN, UNKNOWN)
    return (
        seat.judge,
        seat.alone.outcome if seat.alone else UNKNOWN,
        _figures(seat.alone) if seat.alone else UNKNOWN,
        seat.without.outcome if seat.without else UNKNOWN,
    )


def _figures(decision: Decision) -> str:
    return ", ".join(
        f"{endpoint_name(endpoint)} {shown_as(endpoint)(endpoint.bounds.mean)}"
        for endpoint in decision.endpoints
        if endpoint.bounds.n
    )


def _pair_cells(pair: Pair) -> Cells:
    return (
        " and ".join(pair.judges),
        str(pair.n),
        UNKNOWN if pair.correlation is None else f"{pair.correlation:.2f}",
        str(pair.compared),
        percent(pair.same / pair.compared) if pair.compared else UNKNOWN,
        UNKNOWN if pair.kappa is None else f"{pair.kappa:.2f}",
    )


class PanelFinding:
    """What several judges made of it together."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def lines(self) -> Iterator[str]:
        """For the summary."""
        if self._facts.panel is not None:
            yield from panel_lines(self._facts.panel)

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        if self._facts.panel is not None:
            yield from panel_markdown(self._facts.panel)

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`."""
        if self._facts.panel is None:
            return {}
        judges = self._facts.once(judges_by_name)
        return {"panel": panel_result(self._facts.panel, {name: one.about() for name, one in judges.items()})}
