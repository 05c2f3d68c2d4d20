"""`result.json`: the decision, its endpoints and every question's grades, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.records import SIDES, Failure, JudgeFailure
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import failure_kind
from mtbench_pytest.findings.drops import again_result
from mtbench_pytest.gate.decision import Decision

SCHEMA_VERSION = 1


def result_json(decision: Decision, rows: Sequence[Row], about: Mapping[str, Any]) -> Iterator[str]:
    """The result as parts of a JSON text, a row at a time; a figure that is not known is null.

    Args:
        rows: In the order of the bench.
        about: What was run: models, judge, bench, settings, versions, time.
    """
    head = _head(decision, about)
    yield _json(head).removesuffix("\n}") + ',\n "rows": ['
    for number, row in enumerate(rows):
        # One level deeper: a line of JSON text ends nowhere else than between its parts.
        yield f"{',' if number else ''}\n{_json(row_result(row))}".replace("\n", "\n  ")
    yield "\n ]\n}\n" if rows else "]\n}\n"


def result_of(decision: Decision, rows: Sequence[Row], about: Mapping[str, Any]) -> dict[str, Any]:
    """The same as it reads when it is parsed."""
    result: dict[str, Any] = json.loads("".join(result_json(decision, rows, about)))
    return result


def _head(decision: Decision, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "decision": decision.outcome,
        "reasons": decision.reasons,
        "questions": {"expected": decision.expected, "judged": decision.judged},
        "endpoints": [asdict(endpoint) for endpoint in decision.endpoints],
        "categories": [{**asdict(line), "dropped": line.dropped} for line in decision.categories],
        "collapses": {**asdict(decision.collapses), "significant": decision.collapses.significant},
        "levels": asdict(decision.levels),
        "early_stop": asdict(decision.early) if decision.early else None,
        **about,
    }


def _json(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, indent=1, allow_nan=False, default=str)


def row_result(row: Row) -> dict[str, Any]:
    """A question's figures. What was said stands in the FastChat files beside."""
    return {
        "question_id": row.question_id,
        "category": row.category,
        **{
            side: {
                "grade": row.grade(side),
                "grades": row.turn_grades(side),
                **({"repeats": row.repeated(side)} if row.repeats > 1 else {}),
                "samples": row.grades(side),
                "prompts": {judgment.turn: judgment.prompt.name for judgment in row.judgments.get(side, ())},
                "capped": row.answers[side].capped if side in row.answers else None,
                "made_with": row.answers[side].made_with if side in row.answers else None,
            }
            for side in SIDES
        },
        "difference": row.difference,
        "again": again_result(row),
        "score": row.score,
        **_by_judge(row),
        "verdicts": [
            {
                "turn": verdict.turn,
                **({"judge": verdict.judge} if len(row.judges) > 1 else {}),
                "winner": verdict.winner,
                "games": verdict.winners,
                "consistent": verdict.consistent,
                "identical": not verdict.games,
            }
            for verdict in row.verdicts
        ],
        "failures": [_failure(failure) for failure in row.failures],
        "regrade_failures": [_failure(failure) for failure in row.regrade_failures],
    }


def _by_judge(row: Row) -> dict[str, Any]:
    """What each judge of several made of it; nothing of one, whose figures are the row's."""
    if len(row.judges) < 2:
        return {}
    return {
        "judges": {
            judge: {
                **{side: own.grade(side) for side in SIDES},
                "difference": own.difference,
                "score": own.score,
            }
            for judge in row.judges
            for own in (row.by([judge]),)
        }
    }


def _failure(failure: Failure) -> dict[str, Any]:
    """A failure keeps what was sent and what came back."""
    kind = failure_kind(failure)
    if isinstance(failure, JudgeFailure):
        return {"kind": kind, **asdict(failure)}
    return {"kind": kind, "model": failure.model, "reason": failure.reason}


def _finite(value: Any) -> Any:
    """JSON has no infinity and no nan."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
