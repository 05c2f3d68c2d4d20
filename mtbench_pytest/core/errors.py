"""What can go wrong, as types. A message is one line; the data behind it travels as attributes."""

from __future__ import annotations

from pathlib import Path

from mtbench_pytest.core.text import plain_line


class MTBenchError(Exception):
    """A run cannot go on as asked. `str(error)` is one line for the user, whoever wrote what is in it."""

    def __str__(self) -> str:
        return plain_line(super().__str__())


class FileError(MTBenchError):
    """A file the user gave is missing or holds something that cannot be used.

    Args:
        path: The file.
        problem: What was found there.
        expected: What should have been there.
        line: Line number from 1, where one line is to blame.
    """

    def __init__(self, path: Path | str, problem: str, expected: str, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        self.problem = problem
        self.expected = expected
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {problem}; expected {expected}")


class GivenError(MTBenchError):
    """Something the user gave cannot be used.

    Args:
        given: What it was.
        problem: What is wrong with it.
        expected: What would help.
    """

    def __init__(self, given: str, problem: str, expected: str) -> None:
        self.given = given
        self.problem = problem
        self.expected = expected
        super().__init__(f"{given}: {problem}; expected {expected}")


class SpecError(GivenError):
    """A model, a judge or an option was named in a way that means nothing."""


class ModelError(MTBenchError):
    """A model cannot be loaded or cannot answer any question (as opposed to one question)."""


class JudgeError(MTBenchError):
    """A judge cannot be used for this run (as opposed to one judgment that failed)."""


class ServiceError(GivenError):
    """A server (its base URL is given) refuses every call alike: wrong key, unknown model, no listener."""


class FetchError(GivenError):
    """A file could not be fetched, or is not the one that was to come."""


class VerdictError(MTBenchError):
    """A judge's reply holds no verdict that can be read."""


class StoreError(GivenError):
    """The store (its path is given, or its URL without a password) cannot be opened, read or written."""


class NotNeeded(Exception):
    """A question that the decision does not need: the run stopped early. Its tests are skipped."""


class JudgeLeft(Exception):
    """A judge has left the panel: no judgment of it is to be had any more."""


class BudgetError(MTBenchError):
    """The next call would exceed what the run may spend.

    Args:
        spent: What was spent.
        limit: The option that sets the limit, with its value.
    """

    def __init__(self, spent: str, limit: str) -> None:
        self.spent = spent
        self.limit = limit
        super().__init__(f"{limit}: {spent}; expected a larger limit to go on: what was made is kept")


def first_line(error: BaseException) -> str:
    """An exception in one line, with its type where the text says little."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
