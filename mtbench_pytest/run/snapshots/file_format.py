"""A snapshot as the text of a file, and back.

Keys are sorted and texts are lists of lines, so that a diff shows the line that changed. No time
and no secret is in it: recording the same thing again changes no byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from mtbench_pytest.bench.verdicts import check_recorded_grade, check_recorded_winner
from mtbench_pytest.core.errors import FileError, VerdictError
from mtbench_pytest.core.records import SIDES, Reply, Sampling, Side, clean
from mtbench_pytest.run.snapshots.snapshot import (
    AnswerSnapshot,
    Comparison,
    Grading,
    JudgeSnapshot,
    Played,
    SideSnapshot,
    Snapshot,
    Turn,
)

SCHEMA = 1

_EXPECTED = f"a snapshot of schema {SCHEMA}, as --mtbench-record new or all writes it"


def dump(snapshot: Snapshot) -> str:
    """The file's text."""
    plain: dict[str, Any] = {
        "schema": SCHEMA,
        "question_id": snapshot.question_id,
        "category": snapshot.category,
        "question_sha256": snapshot.sha256,
        "sampling": asdict(snapshot.sampling),
        "samples": snapshot.samples,
        "judge_repeats": snapshot.repeats,
        "pairwise": snapshot.pairwise,
        **_plain_judges(snapshot.judges),
        **{side: _plain_side(seen) for side, seen in snapshot.sides.items()},
        "verdicts": [
            {"turn": one.turn, "games": [_plain_game(game) for game in one.games]}
            for one in snapshot.comparisons
        ],
    }
    if len(snapshot.judges) == 1:
        _unsaid(plain)
    text = json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    return clean(text) + "\n"


def _plain_judges(judges: Sequence[JudgeSnapshot]) -> dict[str, Any]:
    plain = [asdict(judge) for judge in judges]
    return {"judge": plain[0]} if len(plain) == 1 else {"judges": plain}


def _unsaid(plain: dict[str, Any]) -> None:
    """Leaves out whose a judgment is where there is one judge."""
    gradings = [
        said
        for side in SIDES
        for answer in plain[side]["answers"]
        for turn in answer["turns"]
        for said in (*turn["grades"], *turn.get("regraded", ()))
    ]
    for said in [*gradings, *(game for one in plain["verdicts"] for game in one["games"])]:
        del said["judge"]


def _plain_side(side: SideSnapshot) -> dict[str, Any]:
    return {"model": side.name, "spec": side.spec, "answers": [_plain_answer(one) for one in side.answers]}


def _plain_answer(answer: AnswerSnapshot) -> dict[str, Any]:
    turns = [_plain_turn(turn) for turn in answer.turns]
    return {"key": answer.key, "made_with": answer.made_with, "turns": turns}


def _plain_turn(turn: Turn) -> dict[str, Any]:
    reply = turn.reply
    tokens = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
    return {
        "answer": reply.text.split("\n"),
        **({"capped": True} if reply.capped else {}),
        **{name: count for name, count in tokens.items() if count is not None},
        "grades": [_plain_grading(one) for one in turn.gradings],
        **({"regraded": [_plain_again(*one) for one in turn.regraded]} if turn.regraded else {}),
    }


def _plain_grading(said: Grading) -> dict[str, Any]:
    whole = said.grade == int(said.grade)
    return {"grade": int(said.grade) if whole else said.grade, **_plain_said(said)}


def _plain_again(repeat: int, said: Grading) -> dict[str, Any]:
    return {"repeat": repeat, **_plain_grading(said)}


def _plain_game(game: Played) -> dict[str, Any]:
    return {"winner": game.winner, **_plain_said(game)}


def _plain_said(said: Grading | Played) -> dict[str, Any]:
    served = {"served_model": said.served_model, "fingerprint": said.fingerprint}
    return {
        "judge": said.judge,
        "prompt": said.prompt,
        "prompt_sha256": said.sha256,
        "reasons": said.text.split("\n"),
        **{name: text for name, text in served.items() if text},
    }


def load(path: Path) -> Snapshot:
    """Reads a snapshot.

    Raises:
        FileError: Where it cannot be read, or is none of this version's.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), _EXPECTED) from None
    except UnicodeDecodeError:
        raise FileError(path, "not UTF-8 text", _EXPECTED) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Snapshot:
    """Reads a snapshot's text.

    Args:
        path: What an error names.

    Raises:
        FileError: Where the text is no snapshot of this version's.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise FileError(path, "not JSON", _EXPECTED, line) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise FileError(path, f"schema {schema}" if schema else "no snapshot", _EXPECTED)
    try:
        return _read(data)
    except KeyError as error:
        raise FileError(path, f"no {error}", _EXPECTED) from None
    except VerdictError as error:
        raise FileError(path, str(error), _EXPECTED) from None
    except (TypeError, ValueError, AttributeError):
        raise FileError(path, "a field of another form", _EXPECTED) from None


def _read(data: Mapping[str, Any]) -> Snapshot:
    question_id = data["question_id"]
    judges = [JudgeSnapshot(**judge) for judge in data.get("judges") or [data["judge"]]]
    only = judges[0].name if len(judges) == 1 else None  # whose all is; of a panel each judgment says it
    return Snapshot(
        question_id=question_id,
        category=data["category"],
        sha256=data["question_sha256"],
        sampling=Sampling(**data["sampling"]),
        samples=data["samples"],
        repeats=data["judge_repeats"],
        pairwise=data["pairwise"],
        judges=tuple(judges),
        sides={side: _read_side(data[side], only) for side in SIDES},
        comparisons=tuple(
            Comparison(one["turn"], _read_games([_read_game(game, only) for game in one["games"]]))
            for one in data["verdicts"]
        ),
    )


def _read_side(data: Mapping[str, Any], only: str | None) -> SideSnapshot:
    if not data["answers"]:
        raise ValueError("a side without an answer")
    answers = tuple(_read_answer(answer, only) for answer in data["answers"])
    return SideSnapshot(data["model"], data["spec"], answers)


def _read_answer(data: Mapping[str, Any], only: str | None) -> AnswerSnapshot:
    turns = tuple(_read_turn(turn, only) for turn in data["turns"])
    return AnswerSnapshot(data["key"], data["made_with"], turns)


def _read_turn(data: Mapping[str, Any], only: str | None) -> Turn:
    reply = Reply(
        "\n".join(data["answer"]),
        capped=data.get("capped", False),
        prompt_tokens=data.get("prompt_tokens"),
        completion_tokens=data.get("completion_tokens"),
    )
    if not data["grades"]:
        raise ValueError("a turn without a grade")
    again = ((int(one["repeat"]), _read_grading(one, only)) for one in data.get("regraded", ()))
    return Turn(reply, tuple(_read_grading(said, only) for said in data["grades"]), tuple(again))


def _read_grading(data: Mapping[str, Any], only: str | None) -> Grading:
    said = _read_said(data, only)
    return Grading(grade=check_recorded_grade(data["grade"], said["text"]), **said)


def _read_game(data: Mapping[str, Any], only: str | None) -> Played:
    winner = data["winner"]
    if winner not in (*SIDES, "tie"):
        raise ValueError(winner)
    return Played(winner=winner, **_read_said(data, only))


def _read_said(data: Mapping[str, Any], only: str | None) -> dict[str, Any]:
    return {
        "judge": data["judge"] if only is None else only,
        "prompt": data["prompt"],
        "sha256": data["prompt_sha256"],
        "text": "\n".join(data["reasons"]),
        "served_model": data.get("served_model", ""),
        "fingerprint": data.get("fingerprint", ""),
    }


def _read_games(games: list[Played]) -> tuple[Played, Played] | tuple[()]:
    if not games:
        return ()
    first, second = games
    # The candidate is A in the first game and B in the second.
    _check_winner(first, SIDES)
    _check_winner(second, (SIDES[1], SIDES[0]))
    return (first, second)


def _check_winner(game: Played, shown: tuple[Side, Side]) -> None:
    places: dict[str, Literal["A", "B", "tie"]] = {shown[0]: "A", shown[1]: "B", "tie": "tie"}
    check_recorded_winner(places[game.winner], game.text)
