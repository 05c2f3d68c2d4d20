"""`result.json` for programs: strict JSON, whatever is not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mtbench_pytest.core.records import AnswerFailure, Failure, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.report.result import SCHEMA_VERSION, result_json
from tests.unit.factories import ABOUT, consistent, judge_failure, question, row, verdict


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def result(rows: Sequence[Row], *, pairwise: bool = True) -> dict[str, Any]:
    asked = [question(r.question_id, r.category, r.turns) for r in rows]
    text = "".join(result_json(decide("bench", rows, asked, Policy(), pairwise=pairwise), rows, ABOUT))
    read: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return read


@pytest.mark.parametrize(
    "rows",
    [[], [row(1)], [row(1, candidate=())], [row(1), row(2)], [row(1, verdicts=[Verdict(1, 1)])]],
    ids=["no rows", "one row", "no grade", "no spread", "one verdict"],
)
def test_it_is_strict_json(rows: list[Row]) -> None:
    read = result(rows)
    assert read["schema_version"] == SCHEMA_VERSION
    assert len(read["rows"]) == len(rows)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_row_by_row_it_reads_as_if_written_at_once(count: int) -> None:
    failure = AnswerFailure(1, "cand", "no\nmemory")
    rows = [row(n, candidate=(), failures=[failure]) for n in range(1, count + 1)]
    decision = decide("bench", rows, [question()], Policy(), pairwise=False)
    text = "".join(result_json(decision, rows, ABOUT))
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"


def test_unknown_bounds_are_null() -> None:
    bounds = result([row(1)], pairwise=False)["endpoints"][0]["bounds"]
    assert bounds == {"n": 1, "mean": 0.0, "sd": None, "lower": None, "upper": None}


def test_decision_endpoints_and_what_was_run() -> None:
    read = result([row(n, verdicts=[consistent("tie", n)]) for n in range(1, 13)])
    assert read["decision"] == "PASS"
    assert len(read["reasons"]) == 2
    assert read["questions"] == {"expected": 12, "judged": 12}
    assert [e["name"] for e in read["endpoints"]] == ["grade", "win rate"]
    assert read["endpoints"][1]["standing"] == "non-inferior"
    assert (read["endpoints"][0]["floor_confidence"], read["endpoints"][0]["scale"]) == (0.95, 1.0)
    category = read["categories"][0]
    assert (category["category"], category["drop_p"], category["dropped"]) == ("writing", 1.0, False)
    alpha = pytest.approx(0.025 / 3)
    assert read["collapses"] == {"dropped": 0, "gained": 0, "p": 1.0, "alpha": alpha, "significant": False}
    assert read["levels"] == {"pass_alpha": 0.05, "regression_alpha": 0.025}
    assert read["candidate"] == ABOUT["candidate"]
    assert read["settings"] == ABOUT["settings"]


def test_a_row_holds_both_sides_figures() -> None:
    verdicts = [verdict("A", "A"), Verdict(1, 2)]
    (read,) = result([row(1, [6, 9], [8, 8], verdicts=verdicts)])["rows"]
    assert read["question_id"] == 1
    assert read["candidate"]["grade"] == 7.5
    assert read["candidate"]["grades"] == {"1": 6, "2": 9}
    assert read["candidate"]["prompts"] == {"1": "single-v1", "2": "single-v1"}
    assert read["baseline"]["capped"] is False
    assert (read["difference"], read["score"]) == (-0.5, 0.5)
    first, second = read["verdicts"]
    assert first["games"] == ["candidate", "baseline"]
    assert (first["turn"], first["winner"], first["consistent"], first["identical"]) == (
        1,
        "tie",
        False,
        False,
    )
    assert second["identical"] is True


def test_failures_keep_prompt_and_reply() -> None:
    failures: list[Failure] = [
        AnswerFailure(1, "cand", "out of memory"),
        judge_failure(),
        judge_failure(("cand", "base")),
    ]
    (read,) = result([row(1, candidate=(), failures=failures)])["rows"]
    assert read["candidate"]["grade"] is None
    answer, judgment, game = read["failures"]
    assert answer == {"kind": "answer", "model": "cand", "reason": "out of memory"}
    assert (judgment["kind"], judgment["reply"], judgment["prompt"]["user"]) == ("judgment", "well", "Q A")
    assert (game["kind"], game["models"]) == ("game", ["cand", "base"])
