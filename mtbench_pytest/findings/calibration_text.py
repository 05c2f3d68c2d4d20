"""How far a run's judge agrees with people: for the summary, for the report and for `result.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.findings.calibration import Calibration, read_calibration
from mtbench_pytest.gate.explain import percent


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of a run's judge.

    Attributes:
        judge: Its name.
        program: It computes its verdicts by rules, as the `checks` judge does.
        calibration: Its agreement with people; None where that was not measured.
        problem: Why the record of it cannot be used, or "".
    """

    judge: str
    program: bool
    calibration: Calibration | None = None
    problem: str = ""


def trust_in(judge: str, bench: Path, *, program: bool) -> Trust:
    """Looks what a bench knows of a judge. It never raises: a run that is over must reach its report."""
    try:
        return Trust(judge, program, read_calibration(bench, judge))
    except FileError as error:
        return Trust(judge, program, problem=str(error))


def trust_line(trust: Trust) -> str:
    """For the summary."""
    if (found := trust.calibration) is not None and found.n:
        return f"judge {trust.judge} agrees with people in {_measured(found)}"
    if trust.problem:
        return f"judge {trust.judge}: not calibrated ({trust.problem})"
    if trust.program:
        # An LLM's taste stands for people's, and may be compared with it. A program makes no such claim.
        return f"judge {trust.judge}: a program that verifies instructions, not calibrated to people's taste"
    return f"judge {trust.judge}: not calibrated; mtbench agreement compares it with people's votes"


def trust_result(trust: Trust) -> dict[str, Any] | None:
    """As in `result.json`; null for a judge that is not calibrated."""
    return None if trust.calibration is None else asdict(trust.calibration)


def trust_markdown(trust: Trust) -> Iterator[str]:
    """The report's section."""
    yield from ("", "## Agreement with people", "", f"{trust_line(trust)}.")
    if (found := trust.calibration) is None:
        return
    yield ""
    if found.people_n:
        share = percent(found.people_agree / found.people_n)
        yield f"People agree with one another in {share} of {found.people_n:,} pairs of votes."
    yield (
        f"Measured on {found.date} on pairs of answers to {found.questions} questions, ties counted; the "
        f"file of votes has sha256 {found.human_sha256}."
    )


def _measured(found: Calibration) -> str:
    text = f"{percent(found.agree / found.n)} of {found.n:,} votes"
    if found.kappa is None:
        return text
    interval = "" if found.lower is None else f" ({found.lower:.2f} to {found.upper:.2f})"
    return f"{text}, kappa {found.kappa:.2f}{interval}"
