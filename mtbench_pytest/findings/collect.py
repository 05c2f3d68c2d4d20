"""All findings of a run, for the summary, the report and `result.json`.

A finding is told, never obeyed: one that breaks says so in a line, and neither the decision nor the exit
status nor another finding is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        try:
            return list(self._made(name).lines())
        except Exception as error:  # whatever breaks there, the run is decided
            return [_untold(name, error)]

    def markdown(self) -> list[str]:
        """The report's sections."""
        return [line for name in self._kinds for line in self._section(name)]

    def result(self) -> dict[str, Any]:
        """All their keys in `result.json`; under `untold` why those are missing that broke."""
        found: dict[str, Any] = {}
        untold: dict[str, str] = {}
        for name in self._kinds:
            try:
                found |= self._made(name).result()
            except Exception as error:
                untold[name] = _untold(name, error)
        return {**found, "untold": untold} if untold else found

    def _section(self, name: str) -> list[str]:
        try:
            return list(self._made(name).markdown())
        except Exception as error:
            return ["", f"{_untold(name, error)}."]

    def _made(self, name: str) -> Finding:
        """A finding, made when it is first asked for: that may break as well."""
        return self.facts.once(self._kinds[name])


def _untold(name: str, error: Exception) -> str:
    return f"{name} could not be told: {error_in_words(error)}"
