"""Degenerate replies: what is no answer at all, whatever the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mtbench_pytest.bench.checks import reading
from mtbench_pytest.bench.checks.loops import find_loop
from mtbench_pytest.core.records import Reply

# Shorter ones may rightly come twice: "36", "Yes, it is." In letters where words are not spaced.
_REPEAT_WORDS = 4
_REPEAT_LETTERS = 20


Fault = Literal["empty", "loop", "repeat"]


def degenerate(reply: Reply, asked: str = "", earlier: Sequence[Reply] = ()) -> str:
    """Why a reply is no answer, or an empty text: see `fault`."""
    found = fault(reply, asked, earlier)
    return found[1] if found else ""


def fault(reply: Reply, asked: str = "", earlier: Sequence[Reply] = ()) -> tuple[Fault, str] | None:
    """Looks for what spoils any reply: nothing in it, a loop, the question or an earlier reply once more.

    Args:
        reply: The reply.
        asked: The user's message that it answers.
        earlier: The model's replies to the turns before, in order.

    Returns:
        What it is, and why this is no answer; None where nothing is wrong.
    """
    if not any(map(reading.speaks, reply.text)):
        return "empty", "the reply is empty"
    if loop := find_loop(reply.text):
        return "loop", f"the reply is caught in a loop: {loop}"
    if _is_short(reply.text):
        return None
    words = reply.text.split()
    if words == asked.split():
        return "repeat", "it repeats the question"
    turns = [turn for turn, other in enumerate(earlier, start=1) if other.text.split() == words]
    return ("repeat", f"it repeats its answer to turn {turns[0]}") if turns else None


def _is_short(text: str) -> bool:
    few = len(reading.words(text)) < _REPEAT_WORDS
    return few and sum(map(reading.speaks, text)) < _REPEAT_LETTERS
