"""The table of checks: what each is called, what it takes and how it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtbench_pytest.checks import reading, runners, shapes
from mtbench_pytest.checks.outcome import Outcome
from mtbench_pytest.specs import one_of

VERSION = 1
"""Raise it when a check comes to mean something else: recorded judgments are then made anew."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One check of the vocabulary: what its value may be, how it runs, which options it takes."""

    shape: shapes.Shape
    run: runners.Run
    options: tuple[str, ...] = ()


def validate(check: object) -> None:
    """Refuses a check that could not run.

    Raises:
        ValueError: Its message is what was expected.
    """
    if not isinstance(check, Mapping):
        raise ValueError("a check as an object, for example {'contains': 'Paris'}")
    names = [key for key in check if key in _KINDS]
    if len(names) != 1:
        odd = next((key for key in check if key not in _KINDS and key not in _OPTIONS), "")
        raise ValueError(f"a check with exactly one name, {one_of(odd, _KINDS)}")
    name = names[0]
    kind = _KINDS[name]
    known = {option: _OPTIONS[option] for option in kind.options}
    for option, value in check.items():
        if option == name:
            continue
        if option not in known:
            raise ValueError(f"as options of the check {name!r} {one_of(option, known)}; not {option!r}")
        shapes.require(f"option {option!r} of the check {name!r}", known[option], value)
    shapes.require(f"check {name!r}", kind.shape, check[name])


def run(check: Mapping[str, Any], text: str) -> Outcome:
    """Runs one valid check on a reply's text."""
    name = next(key for key in check if key in _KINDS)
    return _KINDS[name].run(reading.scope(text, check.get("in")), check[name], check)


def _any(text: str, value: Any, _: Mapping[str, Any]) -> Outcome:
    outcomes = [run(check, text) for check in value]
    passed = [outcome for outcome in outcomes if outcome.passed]
    return Outcome(bool(passed), " and ".join(o.why for o in outcomes) if not passed else passed[0].why)


def _checks(value: Any) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(part, Mapping) for part in value):
        raise ValueError("a list of checks")
    for part in value:
        validate(part)


_TEXT_OPTIONS = ("case", "word", "in")

_OPTIONS: dict[str, shapes.Shape] = {
    "case": shapes.FLAG,
    "word": shapes.FLAG,
    "in": shapes.PLACE,
    "tolerance": shapes.NUMBER,
    "count": shapes.COUNT,
    "min": shapes.POSITIVE,
}

_KINDS: dict[str, _Kind] = {
    "contains": _Kind(shapes.TEXTS, runners.contains, _TEXT_OPTIONS),
    "contains_any": _Kind(shapes.TEXTS, runners.contains_any, _TEXT_OPTIONS),
    "not_contains": _Kind(shapes.TEXTS, runners.not_contains, _TEXT_OPTIONS),
    "number": _Kind(shapes.NUMBERS, runners.number, ("tolerance", "in")),
    "regex": _Kind(shapes.regex, runners.regex, ("case", "count", "min", "in")),
    "words": _Kind(shapes.RANGE, runners.words),
    "max_words": _Kind(shapes.POSITIVE, runners.max_words),
    "min_words": _Kind(shapes.POSITIVE, runners.min_words),
    "sentences": _Kind(shapes.RANGE, runners.sentences),
    "paragraphs": _Kind(shapes.RANGE, runners.paragraphs),
    "lines": _Kind(shapes.RANGE, runners.lines),
    "bullets": _Kind(shapes.RANGE, runners.bullets),
    "starts_with": _Kind(shapes.TEXTS, runners.starts_with, ("case",)),
    "ends_with": _Kind(shapes.TEXTS, runners.ends_with, ("case",)),
    "each_line_starts_with": _Kind(shapes.TEXT, runners.each_line_starts_with, ("case",)),
    "every_sentence_starts_with": _Kind(shapes.TEXT, runners.every_sentence_starts_with, ("case",)),
    "no_letter": _Kind(shapes.LETTERS, runners.no_letter),
    "acrostic": _Kind(shapes.LETTERS, runners.acrostic),
    "json": _Kind(shapes.JSON, runners.holds_json),
    "code": _Kind(shapes.CODE, runners.holds_code),
    "any": _Kind(_checks, _any),
}
