"""What the value of a check or of an option may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from mtbench_pytest.core.specs import one_of

Shape = Callable[[Any], None]
"""Raises a ValueError, whose message is what was expected, for a value that does not fit."""


def require(what: str, shape: Shape, value: Any) -> None:
    """Holds a value to its shape.

    Raises:
        ValueError: Its message names `what` and what was expected.
    """
    try:
        shape(value)
    except ValueError as error:
        raise ValueError(f"for the {what} {error}") from None


def listed(value: Any) -> list[Any]:
    """The values of an option that takes one or a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _such(test: Callable[[Any], bool], expected: str) -> Shape:
    def shape(value: Any) -> None:
        if not test(value):
            raise ValueError(expected)

    return shape


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: Any) -> bool:
    """A finite number; `true` is none, though Python counts it as 1."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _each(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: bool(listed(value)) and all(test(part) for part in listed(value))


def _is_range(value: Any) -> bool:
    if not isinstance(value, (list, tuple)):
        return _is_whole(value)
    if len(value) != 2 or not all(end is None or _is_whole(end) for end in value):
        return False
    return value != [None, None] and (None in value or value[0] <= value[1])


def _object(required: Mapping[str, Shape], optional: Mapping[str, Shape]) -> Shape:
    known = {**required, **optional}

    def shape(value: Any) -> None:
        if not isinstance(value, Mapping) or not value or any(key not in value for key in required):
            raise ValueError(f"an object with {', '.join(required or known)}")
        for key, part in value.items():
            if key not in known:
                raise ValueError(f"an object with {one_of(key, known)}; not {key!r}")
            require(repr(key), known[key], part)

    return shape


def regex(value: Any) -> None:
    """A pattern that compiles and cannot take exponential time.

    Raises:
        ValueError: Its message is what was expected.
    """
    if not _is_text(value):
        raise ValueError("a regular expression")
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    if _may_explode(value):
        raise ValueError("a regular expression whose repeated groups hold no repeat and no alternative")


def _may_explode(pattern: str) -> bool:
    """Finds a repeat or an alternative inside a repeated group: what takes exponential time to fail."""
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\.", "x", pattern))
    bare = re.sub(r"\(\?(?:[:=!]|<[=!]|P?<\w+>|[a-zA-Z-]+:?)?", "(", bare)
    while group := re.search(r"\(([^()]*)\)([*+]|\{[\d,]+\})?", bare):
        body, repeat = group.groups()
        if repeat and re.search(r"[*+{|]", body):
            return True
        bare = bare[: group.start()] + ("x+" if repeat else body) + bare[group.end() :]
    return False


TEXT = _such(_is_text, "a text")
TEXTS = _such(_each(_is_text), "a text or a list of texts")
FLAG = _such(lambda value: isinstance(value, bool), "true or false")
RANGE = _such(_is_range, "a whole number, or [least, most] with null for an open end")
NUMBER = _such(lambda value: is_number(value) and value >= 0, "a number from 0 up")
NUMBERS = _such(_each(is_number), "a number or a list of numbers")
COUNT = _such(_is_whole, "a whole number from 0 up")
POSITIVE = _such(lambda value: _is_whole(value, 1), "a whole number from 1 up")
LETTERS = _such(lambda value: _is_text(value) and value.isalpha(), "letters")
PLACE = _such(lambda value: value in ("first line", "last line"), "'first line' or 'last line'")
_MAPPING = _such(lambda value: isinstance(value, Mapping) and bool(value), "an object")
JSON = _object({}, {"keys": TEXTS, "equals": _MAPPING, "only": FLAG})
_LANGUAGE = _such(lambda value: value == "python", "'python'")
CODE = _object({"language": _LANGUAGE, "defines": TEXTS}, {"uses": TEXTS, "avoids": TEXTS, "typed": FLAG})
