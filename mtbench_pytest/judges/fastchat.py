"""Reads judgments recorded in FastChat's form: `JUDGE_single.jsonl` and `JUDGE_pair.jsonl`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Literal, TypeVar, cast

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short
from mtbench_pytest.core.records import QuestionId

PairWinner = Literal["model_1", "model_2", "tie", "error"]
_WINNERS = ("model_1", "model_2", "tie", "error")


@dataclass(frozen=True, slots=True)
class SingleLine:
    """A recorded grade.

    Attributes:
        path: The file it stands in.
        number: Of its line there.
        prompt: The prompt's name.
        sent: The digest of the prompt's text, where that is recorded.
        score: What the file says, -1 for a judge call that failed.
        text: The judge's reply.
        sample: Which of the model's answers to the question was graded, from 1.
        prompt_sha256: Of the prompt with its system message, where that is recorded.
        served_model: The model's name as the judge's server gave it, or "".
        fingerprint: The server's `system_fingerprint`, or "".
        repeat: The how many-th judgment of the same, from 1.
        regraded: It was asked for because the first showed a drop, and is part of no mean.
    """

    path: Path
    number: int
    question_id: QuestionId
    turn: int
    model: str
    judge: str
    prompt: str
    sent: bytes | None
    score: float
    text: str
    sample: int = 1
    prompt_sha256: str = ""
    served_model: str = ""
    fingerprint: str = ""
    repeat: int = 1
    regraded: bool = False

    @property
    def valid(self) -> bool:
        """Whether the score is a grade."""
        return 1 <= self.score <= 10

    @property
    def failed(self) -> bool:
        """Whether FastChat notes a judge call that failed."""
        return self.score == -1

    @property
    def key(self) -> tuple[object, ...]:
        """What is judged, by whom, and which of several times."""
        return single_key(self.question_id, self.turn, self.model, self.judge, self.sample, self.repeat)


@dataclass(frozen=True, slots=True)
class PairLine:
    """A recorded comparison: in game 1 model_1 stood first, in game 2 model_2 did.

    Attributes:
        path: The file it stands in.
        number: Of its line there.
        prompt: The prompt's name.
        sent: By game the digest of the prompt's text, where that is recorded.
        winners: By game.
        texts: By game the judge's reply.
    """

    path: Path
    number: int
    question_id: QuestionId
    turn: int
    model_1: str
    model_2: str
    judge: str
    prompt: str
    sent: tuple[bytes | None, bytes | None]
    winners: tuple[PairWinner, PairWinner]
    texts: tuple[str, str]

    @property
    def valid(self) -> bool:
        """Whether both games have a winner or a tie."""
        return not self.failed

    @property
    def failed(self) -> bool:
        """Whether FastChat notes a judge call that failed."""
        return "error" in self.winners

    @property
    def key(self) -> tuple[object, ...]:
        """What is compared, by whom, in whatever order the file names the two."""
        return (self.question_id, self.turn, frozenset((self.model_1, self.model_2)), self.judge)


AnyLine = TypeVar("AnyLine", SingleLine, PairLine)


@dataclass(frozen=True, slots=True)
class Recorded:
    """All lines of some judgment files, in order."""

    path: Path
    singles: tuple[SingleLine, ...]
    pairs: tuple[PairLine, ...]

    @property
    def judges(self) -> tuple[str, ...]:
        """Names of the judges, sorted."""
        return tuple(sorted({line.judge for line in self.singles} | {line.judge for line in self.pairs}))


def read_judgments(path: Path) -> Recorded:
    """Reads a judgment file, or every `*.jsonl` of a folder.

    Raises:
        FileError: Where there is no such file or a line is no judgment.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise FileError(path, "no *.jsonl in it", "judgment files in FastChat's form")
    singles: list[SingleLine] = []
    pairs: list[PairLine] = []
    for file in files:
        for line in read_jsonl(file):
            if "score" in line.data:
                singles.append(_single(line))
            elif "g1_winner" in line.data:
                pairs.append(read_pair(line))
            else:
                raise line.error("neither 'score' nor 'g1_winner'", "a judgment in FastChat's form")
    return Recorded(path, tuple(singles), tuple(pairs))


def binding(lines: Iterable[AnyLine]) -> dict[tuple[object, ...], AnyLine]:
    """The line that binds for each thing judged: the last valid one; a failed call where none is valid."""
    bound: dict[tuple[object, ...], AnyLine] = {}
    for line in lines:
        if line.valid or line.key not in bound:
            bound[line.key] = line
    return bound


def single_key(
    question_id: QuestionId, turn: int, model: str, judge: str, sample: int = 1, repeat: int = 1
) -> tuple[object, ...]:
    """What a grade is of, by whom it is, and which of several times."""
    again = [sample, repeat] if repeat > 1 else [sample] if sample > 1 else []
    return (question_id, turn, model, judge, *again)


def text_digest(text: str) -> bytes:
    """sha256 of a text: a recorded prompt is compared and never shown, and repeats a whole conversation."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _single(line: Line) -> SingleLine:
    judge, prompt = _judge(line)
    return SingleLine(
        path=line.path,
        number=line.number,
        question_id=line.question_id(),
        turn=_count(line, "turn"),
        model=intern(line.get("model", str, "the model's name")),
        judge=judge,
        prompt=prompt,
        sent=_sent_digest(line, "user_prompt"),
        score=float(line.get("score", (int, float), "a grade from 1 to 10, or -1 for a failed call")),
        text=line.get("judgment", str, "the judge's reply"),
        sample=_count(line, "sample") if "sample" in line.data else 1,
        prompt_sha256=intern(str(line.data.get("prompt_sha256", ""))),
        served_model=intern(str(line.data.get("served_model", ""))),
        fingerprint=intern(str(line.data.get("fingerprint", ""))),
        repeat=_count(line, "repeat") if "repeat" in line.data else 1,
        regraded=line.data.get("regraded") is True,
    )


def read_pair(line: Line) -> PairLine:
    """Reads a line of a `JUDGE_pair.jsonl`.

    Raises:
        FileError: Where it is no comparison in FastChat's form.
    """
    judge, prompt = _judge(line)
    winners = (_winner(line, "g1_winner"), _winner(line, "g2_winner"))
    return PairLine(
        path=line.path,
        number=line.number,
        question_id=line.question_id(),
        turn=_count(line, "turn"),
        model_1=intern(line.get("model_1", str, "a model's name")),
        model_2=intern(line.get("model_2", str, "a model's name")),
        judge=judge,
        prompt=prompt,
        sent=(_sent_digest(line, "g1_user_prompt"), _sent_digest(line, "g2_user_prompt")),
        winners=winners,
        texts=(str(line.data.get("g1_judgment", "")), str(line.data.get("g2_judgment", ""))),
    )


def _sent_digest(line: Line, key: str) -> bytes | None:
    text = line.data.get(key)
    return None if text is None else text_digest(str(text))


def _count(line: Line, key: str) -> int:
    count: int = line.get(key, int, f"a {key} from 1 up")
    if count < 1:
        raise line.error(f"{key!r} is {count}", f"a {key} from 1 up")
    return count


def _judge(line: Line) -> tuple[str, str]:
    """FastChat writes [judge, prompt]."""
    judge: Sequence[object] = line.get("judge", list, "[judge, prompt name]")
    if len(judge) != 2 or not all(isinstance(part, str) for part in judge):
        raise line.error(f"'judge' is {short(judge)}", "[judge, prompt name]")
    return intern(str(judge[0])), intern(str(judge[1]))


def _winner(line: Line, key: str) -> PairWinner:
    winner = line.get(key, str, f"one of {', '.join(_WINNERS)}")
    if winner not in _WINNERS:
        raise line.error(f"{key!r} is {short(winner)}", f"one of {', '.join(_WINNERS)}")
    return cast(PairWinner, winner)
