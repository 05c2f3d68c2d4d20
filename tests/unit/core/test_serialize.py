"""A row crosses from a worker as builtins and is the same row again."""

from __future__ import annotations

import json
import marshal
from typing import Any

import pytest

from mtbench_pytest.core.records import Answer, AnswerFailure, Reply, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.serialize import judgment_from_dict, row_from_dict, to_plain
from tests.unit.factories import answer, game, judge_failure, judgment, row, verdict

ROWS = [
    row(),
    row("b", [6.5], [10], turns=1),
    row(verdicts=[verdict("A", "B"), Verdict(1, 2)], game_turns=(1, 2)),
    row(
        candidate=(),
        answers={"baseline": answer(1, "base")},
        failures=[AnswerFailure(1, "cand", "out of memory"), judge_failure(), judge_failure(("a", "b"))],
    ),
    row(
        answers={
            "candidate": Answer(
                1,
                "cand",
                (Reply("ü\u2028", "why", True, 3, 4), Reply("")),
                {"dtype": "bfloat16", "batch": 4, "seeds": [1, 2], "nested": {"t": 0.7, "none": None}},
            ),
            "baseline": answer(1, "base"),
        }
    ),
    Row("bench", 1, "writing", 2),
]


def check_builtins(value: Any) -> int:
    """Fails at the first thing that is no builtin; counts the leaves."""
    assert type(value) in (dict, tuple, list, str, int, float, bool, type(None)), type(value)
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        return sum(map(check_builtins, value.values()))
    return sum(map(check_builtins, value)) if isinstance(value, tuple | list) else 1


def test_a_judgment_stored_before_servers_were_named_is_read() -> None:
    for said in (judgment(7), game("A")):
        plain = to_plain(said)
        assert judgment_from_dict({**plain, "served_model": "m-1", "fingerprint": "fp"}).served_model == "m-1"
        del plain["served_model"], plain["fingerprint"]
        assert judgment_from_dict(plain) == said


@pytest.mark.parametrize("given", ROWS)
def test_a_row_is_builtins_and_comes_back(given: Row) -> None:
    sent = to_plain(given)
    assert check_builtins(sent) > 0
    assert row_from_dict(marshal.loads(marshal.dumps(sent))) == given


@pytest.mark.parametrize("given", ROWS)
def test_a_row_comes_back_through_json_too(given: Row) -> None:
    assert row_from_dict(json.loads(json.dumps(to_plain(given)))) == given
