"""All findings together: what is told, and what becomes of one that breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mtbench_pytest.findings.base import Facts
from mtbench_pytest.findings.collect import FINDINGS, Findings
from mtbench_pytest.gate.decide import Policy
from tests.unit.factories import bench, question, row

PARTIES = {
    "candidate": {"name": "new", "spec": "python:new", "identity": None},
    "baseline": {"name": "old", "spec": "python:old", "identity": None, "blessed": None},
    "judge": {"name": "judge", "spec": "python:judge", "identity": None, "drift": None},
}
SAMPLING = {"max_new_tokens": 9, "temperature": {"writing": 0.7}, "seed": 0, "samples": 1}


class Fine:
    """Says the same everywhere."""

    def __init__(self, facts: Facts) -> None:
        self._n = len(facts.rows)

    def lines(self) -> Iterator[str]:
        yield f"fine: {self._n} rows"

    def markdown(self) -> Iterator[str]:
        yield from ("", f"## Fine: {self._n} rows")

    def result(self) -> Mapping[str, Any]:
        return {"fine": self._n}


class Unmade(Fine):
    def __init__(self, facts: Facts) -> None:  # noqa: ARG002
        raise OSError(28, "No space left on device")


class HalfTold(Fine):
    def lines(self) -> Iterator[str]:
        yield "half: begun"
        raise ZeroDivisionError("division by zero")


class Voiceless(Fine):
    def markdown(self) -> Iterator[str]:
        raise RecursionError("too deep\nby far")


class Uncounted(Fine):
    def result(self) -> Mapping[str, Any]:
        raise KeyError("grades")


def facts() -> Facts:
    asked = [question(1), question(2)]
    return Facts(
        bench(asked), Policy(), asked, [row(1, [8, 8], [7, 7]), row(2, [7, 7], [7, 7])], PARTIES, SAMPLING
    )


def told(**kinds: type[Fine]) -> Findings:
    return Findings(facts(), {"fine": Fine, **kinds, "after": Fine})


def test_each_tells_summary_report_and_result() -> None:
    findings = told()
    assert findings.lines() == ["fine: 2 rows", "fine: 2 rows"]
    assert findings.markdown() == ["", "## Fine: 2 rows"] * 2
    assert findings.result() == {"fine": 2}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Unmade, "OSError: [Errno 28] No space left on device"),
        (HalfTold, "ZeroDivisionError: division by zero"),
    ],
)
def test_one_that_breaks_is_told_in_a_line_of_the_summary(kind: type[Fine], why: str) -> None:
    assert told(bad=kind).lines() == ["fine: 2 rows", f"bad could not be told: {why}", "fine: 2 rows"]


def test_one_that_breaks_leaves_the_report_whole() -> None:
    assert told(bad=Voiceless).markdown() == [
        *("", "## Fine: 2 rows"),
        *("", "bad could not be told: RecursionError: too deep by far."),
        *("", "## Fine: 2 rows"),
    ]


def test_several_that_break_are_named_in_the_result() -> None:
    findings = told(bad=Uncounted, worse=Unmade)
    assert findings.result() == {
        "fine": 2,
        "untold": {
            "bad": "bad could not be told: KeyError: 'grades'",
            "worse": "worse could not be told: OSError: [Errno 28] No space left on device",
        },
    }


def test_the_products_own_findings_tell_of_plain_rows() -> None:
    findings = Findings(facts())
    assert set(findings.result()) >= {"judge", "judge_fitness", "biases", "drops", "languages"}
    assert "untold" not in findings.result()
    for name in FINDINGS:
        assert not [line for line in findings.lines_of(name) if "could not be told" in line]
