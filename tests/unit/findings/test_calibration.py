"""What a run says of its judge's agreement with people."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.findings.calibration import (
    Calibration,
    calibration_path,
    read_calibration,
    trust_in,
    trust_line,
    trust_markdown,
    trust_result,
    write_calibration,
)

MEASURED = Calibration("gpt-4o", 1757, 2668, 80, 0.451, 0.41, 0.49, 925, 1428, "ab" * 32, "2026-11-25")


def written(folder: Path, calibration: Calibration = MEASURED) -> Path:
    path = calibration_path(folder, calibration.judge)
    write_calibration(path, calibration, {"more": 1})
    return path


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    written(tmp_path)
    assert read_calibration(tmp_path, "gpt-4o") == MEASURED


def test_a_calibrated_judge(tmp_path: Path) -> None:
    written(tmp_path)
    trust = trust_in("gpt-4o", tmp_path, program=False)
    line = "judge gpt-4o agrees with people in 65.9 % of 2,668 votes, kappa 0.45 (0.41 to 0.49)"
    assert trust_line(trust) == line
    report = "\n".join(trust_markdown(trust))
    assert f"{line}." in report
    assert "People agree with one another in 64.8 % of 1,428 pairs of votes." in report
    assert "2026-11-25" in report
    assert MEASURED.human_sha256 in report
    assert trust_result(trust) == json.loads(json.dumps(trust_result(trust)))


def test_a_kappa_that_is_not_defined_is_not_shown(tmp_path: Path) -> None:
    written(tmp_path, replace(MEASURED, kappa=None, lower=None, upper=None))
    line = trust_line(trust_in("gpt-4o", tmp_path, program=False))
    assert line == "judge gpt-4o agrees with people in 65.9 % of 2,668 votes"


def test_a_judge_without_a_record_is_not_calibrated(tmp_path: Path) -> None:
    written(tmp_path)
    trust = trust_in("gpt-4o-mini", tmp_path, program=False)
    assert "judge gpt-4o-mini: not calibrated" in trust_line(trust)
    assert trust_result(trust) is None


def test_a_program_makes_no_claim(tmp_path: Path) -> None:
    line = trust_line(trust_in("checks", tmp_path, program=True))
    assert line == "judge checks: a program that verifies instructions, not calibrated to people's taste"
    written(tmp_path, replace(MEASURED, judge="checks"))
    assert "agrees with people" in trust_line(trust_in("checks", tmp_path, program=True))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"schema_version": 1}', "KeyError"),
        (json.dumps({"schema_version": 1, "kappa": "high"}), "no such record"),
    ],
)
def test_a_record_that_cannot_be_read_is_said(text: str, problem: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=problem):
        read_calibration(tmp_path, "gpt-4o")
    line = trust_line(trust_in("gpt-4o", tmp_path, program=False))
    assert line.startswith(f"judge gpt-4o: not calibrated ({path}: no such record")


def test_another_judges_record_is_not_taken(tmp_path: Path) -> None:
    written(tmp_path, replace(MEASURED, judge="org gpt"))
    assert calibration_path(tmp_path, "org gpt") == calibration_path(tmp_path, "org/gpt")
    with pytest.raises(FileError, match="about the judge 'org gpt'"):
        read_calibration(tmp_path, "org/gpt")


def test_a_record_of_another_version_is_not_taken(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"schema_version": 1', '"schema_version": 2'), "utf-8")
    with pytest.raises(FileError, match="schema_version 2; expected 1"):
        read_calibration(tmp_path, "gpt-4o")
