"""One thing a linter has to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mtbench_pytest.core.errors import FileError

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong and where.

    Attributes:
        level: An error makes a run refuse the bench or judge it wrongly; a warning may be meant so.
        rule: The rule's name, the same from version to version.
        line: Line number from 1, or None where the whole file is meant.
    """

    path: Path
    line: int | None
    level: Level
    rule: str
    text: str

    @classmethod
    def refused(cls, error: FileError) -> Finding:
        """What the loader would refuse."""
        text = f"{error.problem}; expected {error.expected}"
        return cls(error.path, error.line, "error", "refused", text)
