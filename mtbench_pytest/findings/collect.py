"""All findings of a run, for the summary, the report and `result.json`.

A finding is told, never obeyed: one that breaks says so in a line, and neither the decision nor the exit
status nor another finding is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from mtbench_pytest.core.text import error_in_words
from mtbench_pytest.findings.base import Facts, Finding
from mtbench_pytest.findings.biases import BiasesFinding
from mtbench_pytest.findings.critical import CriticalFinding
from mtbench_pytest.findings.drops import DropsFinding
from mtbench_pytest.findings.early_stop import EarlyStopFinding
from mtbench_pytest.findings.judges import JudgesFinding
from mtbench_pytest.findings.languages import LanguagesFinding
from mtbench_pytest.findings.overlap import OverlapFinding
from mtbench_pytest.findings.panel import PanelFinding

T = TypeVar("T")

# By name, in the order in which summary and report tell them.
FINDINGS: Mapping[str, type[Finding]] = {
    "drops": DropsFinding,
    "early stop": EarlyStopFinding,
    "panel": PanelFinding,
    "judge": JudgesFinding,
    "critical": CriticalFinding,
    "biases": BiasesFinding,
    "languages": LanguagesFinding,
    "overlap": OverlapFinding,
}


class Findings:
    """What a run shows, once all its rows are there.

    Args:
        kinds: By name the findings to tell.
    """

    def __init__(self, facts: Facts, kinds: Mapping[str, type[Finding]] = FINDINGS) -> None:
        self.facts = facts
        self._kinds = kinds

    def lines(self) -> list[str]:
        """For the summary."""
        return [line for name in self._kinds for line in self.lines_of(name)]

    def lines_of(self, name: str) -> list[str]:
        """For the summary, of one finding."""
        return _told(name, lambda: list(self._made[name]().lines()), lambda why: [why])

    def markdown(self) -> list[str]:
        """The report's sections."""
        return [line for name in self._kinds for line in self._section(name)]

    def result(self) -> dict[str, Any]:
        """All their keys in `result.json`; under `untold` why those are missing that broke."""
        found: dict[str, Any] = {}
        for name in self._kinds:
            part = self._result(name)
            found |= (
                {**part, "untold": {**found.get("untold", {}), **part["untold"]}}
                if "untold" in part
                else part
            )
        return found

    def _result(self, name: str) -> Mapping[str, Any]:
        return _told(name, lambda: self._made[name]().result(), lambda why: {"untold": {name: why}})

    def _section(self, name: str) -> Iterable[str]:
        return _told(name, lambda: list(self._made[name]().markdown()), lambda why: _broken_section(why))

    @cached_property
    def _made(self) -> Mapping[str, Callable[[], Finding]]:
        return {name: _once(kind, self.facts) for name, kind in self._kinds.items()}


def _once(kind: type[Finding], facts: Facts) -> Callable[[], Finding]:
    """Makes a finding when it is first asked for: making it may break as well."""
    return lambda: facts.once(kind)


def _told(name: str, tell: Callable[[], T], instead: Callable[[str], T]) -> T:
    try:
        return tell()
    except Exception as error:  # whatever breaks there, the run is decided
        return instead(f"{name} could not be told: {error_in_words(error)}")


def _broken_section(why: str) -> Iterator[str]:
    yield from ("", f"{why}.")
