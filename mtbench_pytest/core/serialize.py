"""Rows as plain dicts: what crosses from a pytest-xdist worker to the controller, and into JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.records import (
    Answer,
    AnswerFailure,
    Failure,
    Game,
    JudgeFailure,
    Judgment,
    Prompt,
    Reply,
    Verdict,
)
from mtbench_pytest.core.row import Row, Sample

Plain = Mapping[str, Any]


def to_plain(record: Row | Answer | Judgment | Game | Failure) -> dict[str, Any]:
    """A record as JSON's types only; whatever else a model noted in `made_with` becomes its text."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(record), default=str))
    return plain


def row_from_dict(data: Plain) -> Row:
    """The row that `to_plain` took apart, also after a way through JSON."""
    return Row(
        bench=data["bench"],
        question_id=data["question_id"],
        category=data["category"],
        turns=data["turns"],
        game_turns=tuple(data["game_turns"]),
        answers={side: answer_from_dict(answer) for side, answer in data["answers"].items()},
        judgments={side: tuple(map(_judgment, found)) for side, found in data["judgments"].items()},
        verdicts=tuple(map(_verdict, data["verdicts"])),
        failures=tuple(map(_failure, data["failures"])),
        drawn=data["drawn"],
        samples={side: tuple(map(_sample, found)) for side, found in data["samples"].items()},
        repeats=data["repeats"],
        regraded={side: tuple(map(_judgment, found)) for side, found in data["regraded"].items()},
        regrade_failures=tuple(map(judge_failure_from_dict, data["regrade_failures"])),
        judges=tuple(data["judges"]),
        left=data["left"],
    )


def answer_from_dict(data: Plain) -> Answer:
    """The answer that `to_plain` took apart."""
    return Answer(**{**data, "replies": tuple(Reply(**reply) for reply in data["replies"])})


def _sample(data: Plain) -> Sample:
    judgments, regraded = (tuple(map(_judgment, data[name])) for name in ("judgments", "regraded"))
    return Sample(data["number"], answer_from_dict(data["answer"]), judgments, regraded)


def judgment_from_dict(data: Plain) -> Judgment | Game:
    """The judgment that `to_plain` took apart; a game is known by its winner."""
    return _game(data) if "winner" in data else _judgment(data)


def _judgment(data: Plain) -> Judgment:
    return Judgment(**{**data, "prompt": Prompt(**data["prompt"])})


def _game(data: Plain) -> Game:
    return Game(**{**data, "prompt": Prompt(**data["prompt"])})


def _verdict(data: Plain) -> Verdict:
    games = list(map(_game, data["games"]))
    return Verdict(data["question_id"], data["turn"], (games[0], games[1]) if games else ())


def answer_failure_from_dict(data: Plain) -> AnswerFailure:
    """The failure to answer that `to_plain` took apart."""
    return AnswerFailure(**data)


def judge_failure_from_dict(data: Plain) -> JudgeFailure:
    """The failure to judge that `to_plain` took apart."""
    return JudgeFailure(**{**data, "models": tuple(data["models"]), "prompt": Prompt(**data["prompt"])})


def _failure(data: Plain) -> Failure:
    return judge_failure_from_dict(data) if "models" in data else answer_failure_from_dict(data)
