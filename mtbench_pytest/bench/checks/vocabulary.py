"""The table of checks: what each is called, what it takes and how it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtbench_pytest.bench.checks import reading, runners, shapes
from mtbench_pytest.bench.checks.outcome import Outcome
from mtbench_pytest.core.specs import one_of

VERSION = 1
"""Raise it when a check comes to mean something else: recorded judgments are then made anew."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One check of the vocabulary.

    Attributes:
        shape: What its value may be.
        run: How it runs.
        options: Which options it takes.
        substance: Whether passing it shows something of what was asked, as against a length or a ban.
    """

    shape: shapes.Shape
    run: runners.Run
    options: tuple[str, ...] = ()
    substance: bool = True


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
    name = _name(check)
    return _KINDS[name].run(reading.scope(text, check.get("in")), check[name], check)


def substantial(check: Mapping[str, Any]) -> bool:
    """Whether a valid check looks for something; others are of shape, which any text may happen to have."""
    name = _name(check)
    if name == "any":
        return all(map(substantial, check[name]))
    # A pattern that must be absent is a ban.
    return _KINDS[name].substance and not (name == "regex" and check.get("count") == 0)


def _name(check: Mapping[str, Any]) -> str:
    return next(key for key in check if key in _KINDS)


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
    "not_contains": _Kind(shapes.TEXTS, runners.not_contains, _TEXT_OPTIONS, substance=False),
    "number": _Kind(shapes.NUMBERS, runners.number, ("tolerance", "in")),
    "regex": _Kind(shapes.regex, runners.regex, ("case", "count", "min", "in")),
    "words": _Kind(shapes.RANGE, runners.words, substance=False),
    "max_words": _Kind(shapes.POSITIVE, runners.max_words, substance=False),
    "min_words": _Kind(shapes.POSITIVE, runners.min_words, substance=False),
    "sentences": _Kind(shapes.RANGE, runners.sentences, substance=False),
    "paragraphs": _Kind(shapes.RANGE, runners.paragraphs, substance=False),
    "lines": _Kind(shapes.RANGE, runners.lines, substance=False),
    "bullets": _Kind(shapes.RANGE, runners.bullets, substance=False),
    "starts_with": _Kind(shapes.TEXTS, runners.starts_with, ("case",)),
    "ends_with": _Kind(shapes.TEXTS, runners.ends_with, ("case",)),
    "each_line_starts_with": _Kind(shapes.TEXT, runners.each_line_starts_with, ("case",)),
    "every_sentence_starts_with": _Kind(shapes.TEXT, runners.every_sentence_starts_with, ("case",)),
    "no_letter": _Kind(shapes.LETTERS, runners.no_letter, substance=False),
    "acrostic": _Kind(shapes.LETTERS, runners.acrostic),
    "json": _Kind(shapes.JSON, runners.holds_json),
    "code": _Kind(shapes.CODE, runners.holds_code),
    "any": _Kind(_checks, _any),
}
