"""What an earlier run tells of the next one: how long answers and judgments are, how noisy, how fast."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.bench import read_choice
from mtbench_pytest.bench.prompts import PromptType
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import read_jsonl
from mtbench_pytest.core.records import SIDES, QuestionId, Side
from mtbench_pytest.gate.comparisons import scale_at
from mtbench_pytest.gate.decision import EndpointName
from mtbench_pytest.gate.explain import ENOUGH_TO_TELL
from mtbench_pytest.gate.stats.proportions import Share, clustered_share
from mtbench_pytest.judges.fastchat import read_judgments
from mtbench_pytest.models.api.client import estimate_tokens
from mtbench_pytest.report.folder import RESULT
from mtbench_pytest.report.result import SCHEMA_VERSION

_EXPECTED = "the report folder of a run"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run went; a rate is None where it made nothing.

    Attributes:
        tokens: A second, of its models.
        call: Seconds that a call of its judge took.
    """

    tokens: float | None
    call: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run learned about one question.

    Attributes:
        difference: Of the grades, in points; None where a side was not graded.
        score: Of its comparisons; None where it was not compared.
        baseline: By turn the baseline's grade.
    """

    question_id: QuestionId
    category: str
    difference: float | None
    score: float | None
    baseline: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A report folder.

    Attributes:
        bench: sha256 of its bench.
        replies: By side and question the replies, one a turn.
        judgments: By type of prompt how many tokens a judgment has on average, at four bytes each.
        seen: By question.
        flips: Of the comparisons of which both games were played.
        pace: None where the report does not tell: a run under pytest-xdist, or with nothing to make.
    """

    folder: Path
    bench: str
    replies: Mapping[Side, Mapping[QuestionId, Sequence[str]]]
    judgments: Mapping[PromptType, float]
    seen: Sequence[Seen]
    flips: Share
    pace: Pace | None

    def values(self, endpoint: EndpointName) -> tuple[list[float], list[str]]:
        """An endpoint's values by question, and the category of each."""
        known = [(one.category, value) for one in self.seen if (value := _value(one, endpoint)) is not None]
        return [value for _, value in known], [category for category, _ in known]

    @property
    def both(self) -> tuple[list[float], list[float], list[str]]:
        """Grade difference, score and category of each question that has both."""
        grades, scores, categories = [], [], []
        for one in self.seen:
            if one.difference is not None and one.score is not None:
                grades.append(one.difference)
                scores.append(one.score)
                categories.append(one.category)
        return grades, scores, categories

    @property
    def scale(self) -> float:
        """What part of the win rate margin counted: see `comparisons.scale_at`."""
        return scale_at(self.flips) if self.flips.clusters >= ENOUGH_TO_TELL else 1.0


def read_earlier(folder: Path) -> Earlier:
    """Reads a report folder.

    Raises:
        FileError: Where there is no report, or it cannot be read.
    """
    result = _read_result(folder / RESULT)
    try:
        rows: Sequence[Mapping[str, Any]] = result["rows"]
        names: dict[Side, str] = {side: result[side]["name"] for side in SIDES}
        said = _replies(folder / "model_answer")
        return Earlier(
            folder=folder,
            bench=str(result["bench"]["sha256"]),
            replies={side: said.get(name, {}) for side, name in names.items()},
            judgments=_lengths(folder / "model_judgment"),
            seen=[_seen(row) for row in rows],
            flips=clustered_share(_flips(row) for row in rows),
            pace=_pace(result.get("pace")),
        )
    except (LookupError, TypeError, ValueError) as error:
        problem = f"not a whole report ({type(error).__name__}: {error})"
        raise FileError(folder / RESULT, problem, _EXPECTED) from None


def _read_result(path: Path) -> Mapping[str, Any]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), _EXPECTED) from None
    except ValueError as error:
        raise FileError(path, f"not JSON ({error})", _EXPECTED) from None
    version = result.get("schema_version") if isinstance(result, dict) else None
    if version != SCHEMA_VERSION:
        raise FileError(path, f"schema_version {version}", f"{SCHEMA_VERSION}: {_EXPECTED}")
    found: Mapping[str, Any] = result
    return found


def _replies(folder: Path) -> dict[str, dict[QuestionId, Sequence[str]]]:
    """By model and question."""
    found: dict[str, dict[QuestionId, Sequence[str]]] = {}
    for line in (line for file in sorted(folder.glob("*.jsonl")) for line in read_jsonl(file)):
        model = line.get("model_id", str, "the model's name")
        found.setdefault(model, {})[line.question_id()] = read_choice(line)["turns"]
    return found


def _lengths(folder: Path) -> dict[PromptType, float]:
    if not any(folder.glob("*.jsonl")):
        return {}
    recorded = read_judgments(folder)
    texts: dict[PromptType, list[str]] = {
        "single": [line.text for line in recorded.singles if not line.regraded],
        "pairwise": [text for line in recorded.pairs for text in line.texts if text],
    }
    means = {}
    for kind, said in texts.items():
        if said:
            means[kind] = sum(map(estimate_tokens, said)) / len(said)
    return means


def _seen(row: Mapping[str, Any]) -> Seen:
    grades: Mapping[str, float] = row["baseline"]["grades"]
    return Seen(
        question_id=row["question_id"],
        category=str(row["category"]),
        difference=_number(row["difference"]),
        score=_number(row["score"]),
        baseline={int(turn): float(grade) for turn, grade in grades.items()},
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _flips(row: Mapping[str, Any]) -> tuple[int, int]:
    """The comparisons that flipped, and all of which both games were played."""
    played = [verdict["consistent"] for verdict in row["verdicts"] if not verdict["identical"]]
    return played.count(False), len(played)


def _value(seen: Seen, endpoint: EndpointName) -> float | None:
    return seen.difference if endpoint == "grade" else seen.score


def _pace(told: Mapping[str, float] | None) -> Pace | None:
    if told is None:
        return None
    tokens, call = (
        (told["answer_tokens"], told["answer_seconds"]),
        (told["judge_seconds"], told["judge_calls"]),
    )
    found = Pace(*(amount / of if amount and of else None for amount, of in (tokens, call)))
    return None if found.tokens is found.call is None else found
