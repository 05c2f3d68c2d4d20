"""Parsers of single values in options and specs. Each raises ValueError that says what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Parser = Callable[[str], Any]


def whole(least: int = 1) -> Parser:
    """A parser for whole numbers from `least` up."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise ValueError(f"a whole number from {least} up")
        return number

    return parse


def number(text: str) -> float:
    """A parser for numbers from 0 up."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError("a number from 0 up")
    return value


def zero_or(least: int) -> Parser:
    """A parser for 0, or whole numbers from `least` up."""

    def parse(text: str) -> int:
        if text != "0" and (not text.isdecimal() or int(text) < least):
            raise ValueError(f"0, or a whole number from {least} up")
        return int(text)

    return parse


class Limit:
    """A parser for numbers from 0 to the most that makes sense.

    Args:
        expected: What a message says was expected.
    """

    def __init__(self, most: float, expected: str) -> None:
        self.most = most
        self.expected = expected

    def __call__(self, text: str) -> float:
        """Reads one."""
        try:
            value = number(text)
        except ValueError:
            raise ValueError(self.expected) from None
        if value > self.most:
            raise ValueError(self.expected)
        return value


def truth(text: str) -> bool:
    """A parser for true and false."""
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return text.lower() == "true"


def text(given: str) -> str:
    """A parser for a name or path."""
    if not given.strip():
        raise ValueError("a name or path")
    return given


def json_object(text: str) -> dict[str, Any]:
    """A parser for JSON objects."""
    import json

    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("a JSON object")
    return value


def choice(*words: str) -> Parser:
    """A parser for one of some words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return parse
