"""Votes on two models' answers, a person's or a judge's: as labels, or as FastChat's `JUDGE_pair.jsonl`.

A label is what `mtbench fetch human-judgments` writes: {judge, model_a, model_b, question_id, turn, winner}.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Literal

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short
from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.judges.fastchat import PairLine, read_pair

Winner = Literal["first", "second", "tie", "error"]

_LABELS = "model_a, model_b or tie"
_FORMS = (
    "votes on pairs of answers: labels {judge, model_a, model_b, …, winner} or FastChat's JUDGE_pair.jsonl"
)


@dataclass(frozen=True, slots=True)
class Vote:
    """Which of two models answered one turn of a question better, as one voter sees it.

    Attributes:
        voter: The person or the judge.
        models: The two in the order of their names; a file may name them in either.
        winner: By the place in `models`; "error" for a judge call that failed.
        inconsistent: A tie because the judge named another winner in each order.
    """

    voter: str
    question_id: QuestionId
    turn: int
    models: tuple[str, str]
    winner: Winner
    inconsistent: bool = False

    @property
    def about(self) -> Hashable:
        """What was voted on."""
        return (self.question_id, self.turn, self.models)


def read_votes(path: Path) -> list[Vote]:
    """Reads a file of votes, or every `*.jsonl` of a folder, where single grades are passed over.

    Raises:
        FileError: Where there is none, or a line is neither a vote nor a grade.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    lines = (line for file in files for line in read_jsonl(file))
    votes = [vote for line in lines if (vote := _vote(line)) is not None]
    if not votes:
        raise FileError(path, "no vote in it", _FORMS)
    return votes


def last_of_each(votes: Iterable[Vote]) -> list[Vote]:
    """Each voter's last valid vote on each thing; a failed one where none is valid."""
    bound: dict[Hashable, Vote] = {}
    for vote in votes:
        key = (vote.voter, vote.about)
        if vote.winner != "error" or key not in bound:
            bound[key] = vote
    return list(bound.values())


def votes_of_judge(path: Path, votes: Sequence[Vote], name: str | None) -> list[Vote]:
    """The votes of one judge.

    Args:
        path: Where they were read.
        name: The judge's; may be left out where there is one only.

    Raises:
        FileError: Where it is not among them, or there are several and none is named.
    """
    names = sorted({vote.voter for vote in votes})
    if name is None and len(names) > 1:
        raise FileError(path, "votes of several judges", f"--judge-name, one of {_listed(names)}")
    wanted = names[0] if name is None else name
    if wanted not in names:
        raise FileError(path, f"no votes of a judge {wanted!r}", f"one of {_listed(names)}")
    return [vote for vote in votes if vote.voter == wanted]


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _vote(line: Line) -> Vote | None:
    if "g1_winner" in line.data:
        return _of_pair(line, read_pair(line))
    if "winner" in line.data:
        return _of_label(line)
    if "score" in line.data:
        return None
    raise line.error("neither 'winner' nor 'g1_winner'", _FORMS)


def _of_pair(line: Line, pair: PairLine) -> Vote:
    first, second = pair.winners
    winner: Winner = "tie"
    if pair.failed:
        winner = "error"
    elif first == second and first != "tie":
        winner = "first" if first == "model_1" else "second"
    inconsistent = not pair.failed and first != second
    return _ordered(
        line, pair.judge, pair.question_id, pair.turn, (pair.model_1, pair.model_2), winner, inconsistent
    )


def _of_label(line: Line) -> Vote:
    said: str = line.get("winner", str, _LABELS)
    winner: Winner
    match said.partition(" ")[0]:
        case "model_a":
            winner = "first"
        case "model_b":
            winner = "second"
        case "tie" | "error" as word:
            winner = "tie" if word == "tie" else "error"
        case _:
            raise line.error(f"'winner' is {short(said)}", _LABELS)
    turn: int = line.get("turn", int, "a turn from 1 up")
    if turn < 1:
        raise line.error(f"'turn' is {turn}", "a turn from 1 up")
    a, b = (intern(line.get(key, str, "a model's name")) for key in ("model_a", "model_b"))
    return _ordered(
        line, _voter(line), line.question_id(), turn, (a, b), winner, inconsistent="inconsistent" in said
    )


def _voter(line: Line) -> str:
    """A name; FastChat's own files of labels have [judge, prompt] for a judge."""
    given = line.get("judge", (str, list), "the voter's name")
    if isinstance(given, list):
        if not given or not isinstance(given[0], str):
            raise line.error(f"'judge' is {short(given)}", "the voter's name")
        given = given[0]
    return intern(given)


def _ordered(
    line: Line,
    voter: str,
    question_id: QuestionId,
    turn: int,
    models: tuple[str, str],
    winner: Winner,
    inconsistent: bool,
) -> Vote:
    a, b = models
    if a == b:
        raise line.error(f"{short(a)} is compared with itself", "two models")
    if a > b:
        a, b = b, a
        swapped: dict[Winner, Winner] = {"first": "second", "second": "first"}
        winner = swapped.get(winner, winner)
    return Vote(voter, question_id, turn, (a, b), winner, inconsistent)
