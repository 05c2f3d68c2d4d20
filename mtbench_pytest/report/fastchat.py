"""A run's rows as FastChat's own files, so that its `show_result.py` and ours read them.

Failures have no line there: FastChat would write -1, which its readers drop without a word. They are in
`result.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from mtbench_pytest.core.files import file_name
from mtbench_pytest.core.jsonl import dump_line
from mtbench_pytest.core.records import SIDES, Answer, Game, Judgment, Side, Verdict
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.store.keys import prompt_digest


def fastchat_files(rows: Sequence[Row], tstamp: float) -> dict[str, Iterator[str]]:
    """Relative path to lines for `model_answer/` and `model_judgment/`; a line is made when it is asked for.

    Args:
        rows: In the order of the bench.
        tstamp: Seconds since the epoch, for every line.
    """
    files: dict[str, Iterator[str]] = {}
    for model, name in _answer_files(rows).items():
        files[f"model_answer/{name}.jsonl"] = _dumped(_answer_lines(rows, model, tstamp))
    for name in dict.fromkeys(file_name(judgment.judge) for row in rows for judgment, _ in _judgments(row)):
        files[f"model_judgment/{name}_single.jsonl"] = _dumped(_single_lines(rows, name, tstamp))
    for name in dict.fromkeys(file_name(judgment.judge) for row in rows for judgment, _ in _regraded(row)):
        files[f"model_judgment/{name}_regraded.jsonl"] = _dumped(_regraded_lines(rows, name, tstamp))
    judges = (judge for row in rows for verdict in row.verdicts for judge in _judges_of(verdict, row))
    for name in dict.fromkeys(map(file_name, judges)):
        files[f"model_judgment/{name}_pair.jsonl"] = _dumped(_pair_lines(rows, name, tstamp))
    return files


def _dumped(lines: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    return map(dump_line, lines)


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


def _sides(row: Row) -> list[Side]:
    """The sides that answered; a model compared with itself stands in a file once."""
    sides = {row.answers[side].model: side for side in reversed(SIDES) if side in row.answers}
    return list(reversed(sides.values()))


def _judgments(row: Row) -> Iterator[tuple[Judgment, int]]:
    """All grades, each with the number of the answer it is of."""
    for side in _sides(row):
        yield from ((judgment, 1) for judgment in row.judgments.get(side, ()))
        for sample in row.samples.get(side, ()):
            yield from ((judgment, sample.number) for judgment in sample.judgments)


def _regraded(row: Row) -> Iterator[tuple[Judgment, int]]:
    """The same of the further grades of a question that was asked again."""
    for side in _sides(row):
        yield from ((judgment, 1) for judgment in row.regraded.get(side, ()))
        for sample in row.samples.get(side, ()):
            yield from ((judgment, sample.number) for judgment in sample.regraded)


def _answer_lines(rows: Sequence[Row], model: str, tstamp: float) -> Iterator[dict[str, Any]]:
    for row in rows:
        for side in _sides(row):
            if row.answers[side].model == model:
                yield answer_line(row.answers[side], tstamp, row.samples.get(side, ()))


def answer_line(answer: Answer, tstamp: float, further: Sequence[Sample] = ()) -> dict[str, Any]:
    """A line of a model-answer file.

    Args:
        tstamp: When it was made, in seconds since the epoch.
        further: The same model's other answers: further choices, as FastChat's `--num-choices` writes them.
    """
    choices = [_choice(0, answer), *(_choice(sample.number - 1, sample.answer) for sample in further)]
    return {
        "question_id": answer.question_id,
        "model_id": answer.model,
        "choices": choices,
        "tstamp": tstamp,
    }


def _choice(index: int, answer: Answer) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "turns": list(answer.turns)}
    if any(reply.reasoning for reply in answer.replies):
        choice["reasoning"] = [reply.reasoning for reply in answer.replies]
    if answer.capped:
        choice["capped"] = [reply.capped for reply in answer.replies]
    return choice


def _single_lines(rows: Sequence[Row], name: str, tstamp: float) -> Iterator[dict[str, Any]]:
    for row in rows:
        for judgment, sample in _judgments(row):
            if file_name(judgment.judge) == name:
                yield _single_line(judgment, sample, tstamp)


def _regraded_lines(rows: Sequence[Row], name: str, tstamp: float) -> Iterator[dict[str, Any]]:
    """A file of their own: FastChat's `show_result.py` would take them into its means, and bias these."""
    for row in rows:
        for judgment, sample in _regraded(row):
            if file_name(judgment.judge) == name:
                yield {**_single_line(judgment, sample, tstamp), "regraded": True}


def _single_line(judgment: Judgment, sample: int, tstamp: float) -> dict[str, Any]:
    """FastChat's fields, and what it does not have; its `show_result.py` averages over several samples."""
    line: dict[str, Any] = {
        "question_id": judgment.question_id,
        "model": judgment.model,
        "judge": [judgment.judge, judgment.prompt.name],
        "user_prompt": judgment.prompt.user,
        "judgment": judgment.text,
        "score": judgment.grade,
        "turn": judgment.turn,
        "tstamp": tstamp,
        # With the system prompt, which stands nowhere else.
        "prompt_sha256": prompt_digest(judgment.prompt),
    }
    known = {"served_model": judgment.served_model, "fingerprint": judgment.fingerprint}
    line |= {name: text for name, text in known.items() if text}
    counts = {"sample": sample, "repeat": judgment.repeat}
    return line | {name: count for name, count in counts.items() if count > 1}


def _pair_lines(rows: Sequence[Row], name: str, tstamp: float) -> Iterator[dict[str, Any]]:
    for row in rows:
        for verdict in row.verdicts:
            for judge in _judges_of(verdict, row):
                if file_name(judge) == name:
                    yield _pair_line(verdict, row, judge, tstamp)


def _pair_line(verdict: Verdict, row: Row, judge: str, tstamp: float) -> dict[str, Any]:
    names = [row.answers[side].model for side in SIDES]
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
    return line | {"turn": verdict.turn, "tstamp": tstamp}


def _game_fields(key: str, game: Game, winner: Side | Literal["tie"]) -> dict[str, str]:
    names = {"candidate": "model_1", "baseline": "model_2", "tie": "tie"}
    return {
        f"{key}_winner": names[winner],
        f"{key}_user_prompt": game.prompt.user,
        f"{key}_judgment": game.text,
    }


def _judges_of(verdict: Verdict, row: Row) -> Sequence[str]:
    """Whose it is; a tie of identical answers asked nobody and is every judge's, as the row's grades tell."""
    if verdict.games:
        return [verdict.judge]
    known = [judgment.judge for judgments in row.judgments.values() for judgment in judgments]
    return list(dict.fromkeys(known)) or ["judge"]
