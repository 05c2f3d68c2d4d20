"""What a session leaves behind once its benches are decided: reports, a summary, and what CI reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.plugin.github import Decided, tell_actions
from mtbench_pytest.plugin.terminal import Screen, write_summary
from mtbench_pytest.report.fastchat import file_name
from mtbench_pytest.report.folder import PARTIAL, relative
from mtbench_pytest.report.junit import suite_properties
from mtbench_pytest.run.bench_run import BenchRun


class Publisher:
    """Takes decisions one by one, and says them wherever somebody looks.

    Args:
        here: The folder that the user is in; where a report is, is told from there.
    """

    def __init__(self, here: Path) -> None:
        self._here = here
        self._decided: list[Decided] = []
        self._annotations: list[str] = []

    def write_report(self, run: BenchRun, decision: Decision, folder: Path) -> None:
        """Writes a bench's report; where that fails, the summary says so."""
        try:
            run.write_report(decision, folder)
            where = relative(folder / "report.html", self._here)
        except OSError as error:
            where = f"not written: {folder}: {error.strerror or error}"
        self._decided.append((run, decision, where))

    def tell_ci(self, plugins: Iterable[object], env: Mapping[str, str]) -> None:
        """Tells pytest's JUnit file and GitHub Actions, where there are such.

        Args:
            plugins: pytest's. Its fixture for properties of the suite does nothing on xdist's controller.
            env: The process's environment.
        """
        for add in filter(None, (getattr(plugin, "add_global_property", None) for plugin in plugins)):
            for run, decision, _ in self._decided:
                for name, value in suite_properties(decision, run.findings.panel):
                    add(name, value)
        self._annotations = tell_actions(env, self._decided)

    def write_summary(self, terminal: Screen) -> None:
        """Writes annotations, then each bench's part of the summary, so that the decision stands last."""
        for line in self._annotations:
            terminal.write_line(line)
        for run, decision, where in self._decided:
            write_summary(terminal, run, decision, where)


def report_folder(base: Path, run: BenchRun, decided: Sequence[BenchRun], *, partial: bool) -> Path:
    """A folder for each bench where a session has several; a part of a bench leaves the whole's alone.

    Args:
        base: The folder of the session's reports.
        decided: The benches of the session.
    """
    if len(decided) > 1:
        name = file_name(run.bench.name)
        same = [other for other in decided if file_name(other.bench.name) == name]
        base /= name if len(same) == 1 else f"{name}-{same.index(run) + 1}"
    return base / PARTIAL if partial else base
