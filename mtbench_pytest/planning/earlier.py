"""What an earlier run tells of the next one: how long answers and judgments are, how noisy, how fast."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.client import estimate_tokens
from mtbench_pytest.errors import FileError
from mtbench_pytest.jsonl import read_jsonl
from mtbench_pytest.judgments import read_judgments
from mtbench_pytest.prompts import PromptType
from mtbench_pytest.records import SIDES, QuestionId, Side
from mtbench_pytest.report.folder import RESULT
from mtbench_pytest.report.result import SCHEMA_VERSION
from mtbench_pytest.suite import read_choice

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
class Earlier:
    """A report folder.

    Attributes:
        bench: sha256 of its bench.
        replies: By side and question the replies, one a turn.
        judgments: By type of prompt how many tokens a judgment has on average, at four bytes each.
        differences: By question, those that were graded on both sides.
        scores: By question, those that were compared.
        pace: None where the report does not tell: a run under pytest-xdist, or with nothing to make.
    """

    folder: Path
    bench: str
    replies: Mapping[Side, Mapping[QuestionId, Sequence[str]]]
    judgments: Mapping[PromptType, float]
    differences: Sequence[float]
    scores: Sequence[float]
    pace: Pace | None


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
            differences=_known(row["difference"] for row in rows),
            scores=_known(row["score"] for row in rows),
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


def _known(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if value is not None]


def _pace(told: Mapping[str, float] | None) -> Pace | None:
    if told is None:
        return None
    tokens, call = (
        (told["answer_tokens"], told["answer_seconds"]),
        (told["judge_seconds"], told["judge_calls"]),
    )
    found = Pace(*(amount / of if amount and of else None for amount, of in (tokens, call)))
    return None if found.tokens is found.call is None else found


def spread(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None of fewer than two values."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
