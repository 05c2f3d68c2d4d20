"""What a bench knows of a judge's agreement with people: `BENCH/agreement/JUDGE.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.files import file_name, write_files
from mtbench_pytest.core.text import percent

SCHEMA_VERSION = 1
FOLDER = "agreement"

_WRITTEN = "a file that `mtbench agreement --write` wrote"


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far a judge agreed with people, as it was measured once.

    Attributes:
        judge: Its name in a run.
        agree: Votes of people that its verdict agrees with, all turns, ties in.
        n: Of so many.
        questions: On so many questions.
        kappa: Cohen's, over win, loss and tie; None where it is not defined.
        lower: Of its 95 % interval; None where there is none.
        upper: The other end.
        people_agree: Pairs of people's votes that agree with one another.
        people_n: Of so many.
        human_sha256: Of the file of their votes.
        date: When it was measured, as YYYY-MM-DD.
    """

    judge: str
    agree: int
    n: int
    questions: int
    kappa: float | None
    lower: float | None
    upper: float | None
    people_agree: int
    people_n: int
    human_sha256: str
    date: str


def calibration_path(bench: Path, judge: str) -> Path:
    """Where a bench keeps what is known of a judge."""
    return bench / FOLDER / f"{file_name(judge)}.json"


def write_calibration(path: Path, calibration: Calibration, figures: Mapping[str, Any]) -> None:
    """Writes the record, whole or not at all.

    Args:
        path: As `calibration_path` says.
        calibration: What runs read again.
        figures: All that was found, for who looks.

    Raises:
        FileError: Where it cannot be written.
    """
    record = {"schema_version": SCHEMA_VERSION, **asdict(calibration), "figures": figures}
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    try:
        write_files(path.parent, {path.name: [text]})
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), "a folder to write to") from None


def read_calibration(bench: Path, judge: str) -> Calibration | None:
    """What a bench knows of a judge; None where its agreement was not measured.

    Raises:
        FileError: Where the file cannot be read, or is another judge's.
    """
    path = calibration_path(bench, judge)
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version, found = record["schema_version"], _from(record)
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), _WRITTEN) from None
    except (ValueError, LookupError, TypeError) as error:
        raise FileError(path, f"no such record ({type(error).__name__})", _WRITTEN) from None
    if version != SCHEMA_VERSION:
        raise FileError(path, f"schema_version {version}", f"{SCHEMA_VERSION}")
    if found.judge != judge:  # two names can come to the same file
        raise FileError(path, f"it is about the judge {found.judge!r}", f"one about {judge!r}")
    return found


def _from(record: Mapping[str, Any]) -> Calibration:
    """The record's figures; what is not a figure raises."""
    kappa, lower, upper = (
        None if record[name] is None else float(record[name]) for name in ("kappa", "lower", "upper")
    )
    return Calibration(
        judge=str(record["judge"]),
        agree=int(record["agree"]),
        n=int(record["n"]),
        questions=int(record["questions"]),
        kappa=kappa,
        lower=lower,
        upper=upper,
        people_agree=int(record["people_agree"]),
        people_n=int(record["people_n"]),
        human_sha256=str(record["human_sha256"]),
        date=str(record["date"]),
    )


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
