"""A run's rows as FastChat's own files, so that its `show_result.py` and ours read them.

Failures have no line there: FastChat would write -1, which its readers drop without a word. They are in
`result.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from mtbench_pytest.jsonl import dump_jsonl
from mtbench_pytest.records import SIDES, Answer, Game, Judgment, Row, Side, Verdict


def fastchat_files(rows: Sequence[Row], tstamp: float) -> dict[str, str]:
    """Relative path to text for `model_answer/` and `model_judgment/`.

    Args:
        rows: In the order of the bench.
        tstamp: Seconds since the epoch, for every line.
    """
    files: dict[str, list[Mapping[str, Any]]] = {}
    names = _answer_files(rows)
    for row in rows:
        # A model compared with itself stands in a file once.
        sides = {row.answers[side].model: side for side in reversed(SIDES) if side in row.answers}
        for model, side in reversed(sides.items()):
            path = f"model_answer/{names[model]}.jsonl"
            files.setdefault(path, []).append(_answer_line(row.answers[side], tstamp))
            for judgment in row.judgments.get(side, ()):
                path = f"model_judgment/{file_name(judgment.judge)}_single.jsonl"
                files.setdefault(path, []).append(_single_line(judgment, tstamp))
        for verdict, line in _pair_lines(row, tstamp):
            path = f"model_judgment/{file_name(_judge_of(verdict, row))}_pair.jsonl"
            files.setdefault(path, []).append(line)
    return {path: dump_jsonl(lines) for path, lines in files.items()}


def file_name(name: str) -> str:
    """A model's or judge's name as a file name on any system."""
    return re.sub(r"[^\w.@+-]+", "_", name).strip("._") or "model"


def _answer_files(rows: Sequence[Row]) -> dict[str, str]:
    """A file name for each model; two names that come to the same on some system are told apart."""
    names: dict[str, str] = {}
    for row in rows:
        for answer in row.answers.values():
            if answer.model not in names:
                name = file_name(answer.model)
                while name.casefold() in {taken.casefold() for taken in names.values()}:
                    name += "-baseline"
                names[answer.model] = name
    return names


def _answer_line(answer: Answer, tstamp: float) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "turns": list(answer.turns)}
    if any(reply.reasoning for reply in answer.replies):
        choice["reasoning"] = [reply.reasoning for reply in answer.replies]
    if answer.capped:
        choice["capped"] = [reply.capped for reply in answer.replies]
    return {
        "question_id": answer.question_id,
        "model_id": answer.model,
        "choices": [choice],
        "tstamp": tstamp,
    }


def _single_line(judgment: Judgment, tstamp: float) -> dict[str, Any]:
    return {
        "question_id": judgment.question_id,
        "model": judgment.model,
        "judge": [judgment.judge, judgment.prompt.name],
        "user_prompt": judgment.prompt.user,
        "judgment": judgment.text,
        "score": judgment.grade,
        "turn": judgment.turn,
        "tstamp": tstamp,
    }


def _pair_lines(row: Row, tstamp: float) -> Iterator[tuple[Verdict, dict[str, Any]]]:
    for verdict in row.verdicts:
        names = [row.answers[side].model for side in SIDES]
        judge = _judge_of(verdict, row)
        line: dict[str, Any] = {
            "question_id": verdict.question_id,
            "model_1": names[0],
            "model_2": names[1],
            "g1_winner": "tie",
            "g2_winner": "tie",
            "judge": [judge, "identical answers"],
        }
        if verdict.games:
            first, second = verdict.games
            line["judge"] = [judge, first.prompt.name]
            for key, game, winner in zip(("g1", "g2"), (first, second), verdict.winners, strict=True):
                line |= _game_fields(key, game, winner)
        line |= {"turn": verdict.turn, "tstamp": tstamp}
        yield verdict, line


def _game_fields(key: str, game: Game, winner: Side | Literal["tie"]) -> dict[str, str]:
    names = {"candidate": "model_1", "baseline": "model_2", "tie": "tie"}
    return {
        f"{key}_winner": names[winner],
        f"{key}_user_prompt": game.prompt.user,
        f"{key}_judgment": game.text,
    }


def _judge_of(verdict: Verdict, row: Row) -> str:
    """The judge's name; a tie of identical answers asked nobody, so the row's grades tell."""
    if verdict.games:
        return verdict.games[0].judge
    known = [judgment.judge for judgments in row.judgments.values() for judgment in judgments]
    return known[0] if known else "judge"
