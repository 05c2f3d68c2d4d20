"""What a bench says about itself in `bench.toml`; every table and key is optional."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import short
from mtbench_pytest.core.options import MARGINS, POINTS
from mtbench_pytest.core.parsers import Limit, Parser
from mtbench_pytest.core.records import QuestionId

CONFIG = "bench.toml"
REFERENCES = "reference_answer"

# FastChat's: llm_judge/common.py, NEED_REF_CATS and temperature_config.
REFERENCE_CATEGORIES = frozenset({"math", "reasoning", "coding"})
TEMPERATURES: Mapping[str, float] = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}
OTHER_TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class CategoryRules:
    """What one category may lose.

    Attributes:
        critical: A regression of this category is the run's, whatever the mean says.
        question_margin: Points one of its questions may drop, where the category is critical each of its
            turns; None for the bench's.
        floor: The grade that no turn may lie under, whatever the baseline does; None for none. Of a critical
            category only.
    """

    critical: bool = False
    question_margin: float | None = None
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """What `bench.toml` says; every table and key is optional.

    Attributes:
        language: Of the questions, as an ISO 639-1 code; "" where it is not stated.
        temperature: By category; FastChat's where a category is not named.
        reference_categories: Categories judged against a reference where there is one.
        reference_answer: Stem of the file in `reference_answer/`, where it holds several.
        metrics: Whether the report compares replies with the references by ROUGE and BLEU; None where it is
            not stated.
        margins: "run", "question" and "win_rate", each optional.
        categories: Rules of single categories.
        judge_noise: By judge the within-answer SD of its grades in points, as `mtbench noise` finds it.
        samples: Named lists of question ids.
    """

    language: str = ""
    temperature: Mapping[str, float] = field(default_factory=dict)
    reference_categories: frozenset[str] = REFERENCE_CATEGORIES
    reference_answer: str | None = None
    metrics: bool | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, CategoryRules] = field(default_factory=dict)
    judge_noise: Mapping[str, float] = field(default_factory=dict)
    samples: Mapping[str, tuple[QuestionId, ...]] = field(default_factory=dict)


# The keys of bench.toml, each with what its value must be.
_KEYS: Mapping[str, tuple[type, str]] = {
    "language": (str, "a language code such as 'en'"),
    "reference_answer": (str, f"the stem of a file in {REFERENCES}/"),
    "metrics": (bool, "true or false"),
    "reference_categories": (list, "a list of categories"),
    "temperature": (dict, "a table category = number"),
    "margins": (dict, "a table with run, question, win_rate"),
    "categories": (dict, "a table for each category, such as [categories.safety]"),
    "judge_noise": (dict, "a table judge = points"),
    "samples": (dict, "a table name = [question ids]"),
}
_GRADES = Limit(10.0, "a grade from 1 to 10")


def read_config(path: Path, reference_categories: frozenset[str] = REFERENCE_CATEGORIES) -> BenchConfig:
    """Reads a `bench.toml`; without the file everything is as usual.

    Args:
        path: The file.
        reference_categories: Where it does not say.

    Raises:
        FileError: For a key that is not known or a value of the wrong kind.
    """
    if not path.is_file():
        return BenchConfig(reference_categories=reference_categories)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(path, f"not TOML ({error})", "a TOML file") from None
    for key, value in data.items():
        if key not in _KEYS:
            raise FileError(path, f"unknown key {key!r}", f"one of {', '.join(_KEYS)}")
        kind, expected = _KEYS[key]
        if not isinstance(value, kind):
            raise FileError(path, f"{key} = {short(value)}", expected)
    return BenchConfig(
        language=_language(path, data.get("language", "")),
        temperature=_numbers(path, data, "temperature"),
        reference_categories=_strings(path, data, "reference_categories", reference_categories),
        reference_answer=data.get("reference_answer"),
        metrics=data.get("metrics"),
        margins=_margins(path, data),
        categories={
            name: _category(path, f"categories.{name}", rules)
            for name, rules in data.get("categories", {}).items()
        },
        judge_noise=_numbers(path, data, "judge_noise"),
        samples={name: _ids(path, name, ids) for name, ids in data.get("samples", {}).items()},
    )


def _language(path: Path, given: str) -> str:
    if given and not re.fullmatch("[a-z]{2,3}", given):
        raise FileError(path, f"language = {short(given)}", _KEYS["language"][1])
    return given


def _category(path: Path, table: str, rules: Any) -> CategoryRules:
    if not isinstance(rules, dict):
        raise FileError(path, f"{table} = {short(rules)}", "a table with critical, question_margin, floor")
    critical = rules.get("critical", False)
    if not isinstance(critical, bool):
        raise FileError(path, f"critical = {short(critical)} in [{table}]", "true or false")
    rest = {key: value for key, value in rules.items() if key != "critical"}
    numbers = _numbers(path, {table: rest}, table, ("critical", "question_margin", "floor"))
    _within(path, table, numbers, "question_margin", POINTS)
    _within(path, table, numbers, "floor", _GRADES)
    if "floor" in numbers and not critical:
        raise FileError(path, f"floor = {numbers['floor']:g} in [{table}]", "critical = true beside it")
    return CategoryRules(critical, numbers.get("question_margin"), numbers.get("floor"))


def _margins(path: Path, data: Mapping[str, Any]) -> dict[str, float]:
    margins = _numbers(path, data, "margins", tuple(MARGINS))
    for name, option in MARGINS.items():
        _within(path, "margins", margins, name, option.parse)
    return margins


def _within(path: Path, table: str, numbers: Mapping[str, float], key: str, parse: Parser) -> None:
    try:
        parse(str(numbers.get(key, 0.0)))
    except ValueError as error:
        raise FileError(path, f"{key} = {numbers[key]:g} in [{table}]", str(error)) from None


def _numbers(path: Path, data: Mapping[str, Any], table: str, known: Sequence[str] = ()) -> dict[str, float]:
    values: dict[str, Any] = data.get(table, {})
    for key, value in values.items():
        if known and key not in known:
            raise FileError(path, f"unknown key {key!r} in [{table}]", f"one of {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise FileError(path, f"{key} = {short(value)} in [{table}]", "a number from 0 up")
    return {key: float(value) for key, value in values.items()}


def _strings(path: Path, data: Mapping[str, Any], key: str, default: frozenset[str]) -> frozenset[str]:
    values = data.get(key)
    if values is None:
        return default
    if not all(isinstance(value, str) for value in values):
        raise FileError(path, f"{key} = {short(values)}", _KEYS[key][1])
    return frozenset(values)


def _ids(path: Path, name: str, ids: Any) -> tuple[QuestionId, ...]:
    if not isinstance(ids, list) or not ids or not all(type(i) in (int, str) for i in ids):
        raise FileError(path, f"{name} = {short(ids)} in [samples]", "a list of question ids")
    return tuple(ids)
