"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a check passed and, in a few words, why."""

    passed: bool
    why: str
