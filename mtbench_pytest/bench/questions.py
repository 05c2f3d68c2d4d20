"""Reads one line of `question.jsonl`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mtbench_pytest.bench import checks as check_vocabulary
from mtbench_pytest.bench.languages import EXEMPTIONS
from mtbench_pytest.core.jsonl import Line, short
from mtbench_pytest.core.records import Check, Message, Question, QuestionId

FIELDS = frozenset(
    ("question_id", "category", "turns", "reference", "checks", "opening", "language", "language_exempt")
)
_CODE = re.compile(r"[a-z]{2,3}\Z")


def read_question(line: Line, references: Mapping[QuestionId, tuple[str, ...]]) -> Question:
    """Reads one line of `question.jsonl`.

    Args:
        line: The line.
        references: Reference answers by question id; they win over the question's own.

    Raises:
        FileError: For anything that cannot be used.
    """
    question_id = line.question_id()
    category = line.get("category", str, "the question's category")
    turns = line.strings("turns", "a list of the user's messages, one a turn")
    if blank := [n for n, turn in enumerate(turns, 1) if not turn.strip()]:
        raise line.error(f"turn {blank[0]} is blank", "a message of the user for each turn")
    return Question(
        question_id,
        category,
        turns,
        references.get(question_id) or _own_reference(line),
        _checks(line, len(turns)),
        read_opening(line),
        _language(line),
        _exemptions(line, len(turns)),
    )


def _own_reference(line: Line) -> tuple[str, ...]:
    """The question's own `reference`; null or a blank text is a turn without."""
    if line.data.get("reference") is None:
        return ()
    given = line.get("reference", list, "a list of reference answers, one a turn")
    known = [text if isinstance(text, str) and text.strip() else "" for text in given]
    while known and not known[-1]:
        known.pop()
    return tuple(known)


def _checks(line: Line, turns: int) -> tuple[tuple[Check, ...], ...]:
    if "checks" not in line.data:
        return ()
    given = line.get("checks", list, "a list of checks for each turn")
    if len(given) != turns or not all(isinstance(checks, list) for checks in given):
        raise line.error(f"'checks' is {short(given)}", f"{turns} lists of checks, one a turn")
    for turn, checks in enumerate(given, 1):
        for check in checks:
            try:
                check_vocabulary.validate(check)
            except ValueError as error:
                raise line.error(f"check {short(check)} of turn {turn}", str(error)) from None
    return tuple(tuple(checks) for checks in given)


def read_opening(line: Line) -> tuple[Message, ...]:
    """The field `opening`: messages that stand before the first turn.

    Raises:
        FileError: For one that is no message, or where the user would speak twice.
    """
    if "opening" not in line.data:
        return ()
    given = line.get("opening", list, "a list of messages, each with role and content")
    opening = tuple(read_message(line, message) for message in given)
    if opening and opening[-1].role == "user":
        raise line.error("'opening' ends with the user's message", "the assistant's answer to it, or a turn")
    return opening


def read_message(line: Line, given: Any) -> Message:
    """One message of a conversation.

    Raises:
        FileError: Where it is none.
    """
    message = given if isinstance(given, dict) else {}
    role, content = message.get("role"), message.get("content")
    if role not in ("system", "user", "assistant"):
        raise line.error(f"message {short(given)}", "role system, user or assistant")
    if not isinstance(content, str) or not content.strip():
        raise line.error(f"message {short(given)}", "content: a text")
    return Message(role, content)


def _language(line: Line) -> str:
    language: str = line.typed("language", line.data.get("language", ""), str, "a code such as 'en'")
    if language and not _CODE.match(language):
        raise line.error(f"'language' is {short(language)}", "an ISO 639-1 code such as 'en'")
    return language


def _exemptions(line: Line, turns: int) -> tuple[str, ...]:
    given = line.data.get("language_exempt")
    if given is None:
        return ()
    reasons = given if isinstance(given, list) else [given] * turns
    if len(reasons) != turns or not all(reason is None or reason in EXEMPTIONS for reason in reasons):
        words = " or ".join(f'"{word}"' for word in EXEMPTIONS)
        raise line.error(
            f"'language_exempt' is {short(given)}", f"{words}, or a list of {turns} of them or null"
        )
    return tuple(reason or "" for reason in reasons)
