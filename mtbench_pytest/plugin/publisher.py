"""What a session leaves behind once its benches are decided: reports, a summary, and what CI reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pluggy import HookCaller

from mtbench_pytest.core.files import relative
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import error_in_words
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.plugin.github import Decided, tell_actions
from mtbench_pytest.plugin.terminal import Screen, write_summary
from mtbench_pytest.release.publish import about, write_report
from mtbench_pytest.report.junit import suite_properties
from mtbench_pytest.report.result import result_of
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
        self._notes: list[str] = []

    def write_report(self, run: BenchRun, decision: Decision, folder: Path) -> None:
        """Writes a bench's report; where that fails, the summary says so."""
        try:
            write_report(run, decision, folder)
            where = relative(folder / "report.html", self._here)
        except OSError as error:
            where = f"not written: {folder}: {error.strerror or error}"
        except Exception as error:  # the run is decided, whatever becomes of its report
            where = f"not written: {folder}: {error_in_words(error)}"
        self._decided.append((run, decision, where))

    def tell_row(self, hook: HookCaller, row: Row) -> None:
        """Tells a row to who listens."""
        with self._noting(f"{hook.name} failed"):
            hook(row=row)

    def tell_decided(self, hook: HookCaller) -> None:
        """Tells each bench's decision to who listens; the whole result is made for nobody else."""
        for run, decision, _ in self._decided if hook.get_hookimpls() else ():
            with self._noting(f"{hook.name} failed"):
                hook(decision=decision, result=result_of(decision, run.ordered_rows(), about(run)))

    def tell_ci(self, plugins: Iterable[object], env: Mapping[str, str]) -> None:
        """Tells pytest's JUnit file and GitHub Actions, where there are such.

        Args:
            plugins: pytest's. Its fixture for properties of the suite does nothing on xdist's controller.
            env: The process's environment.
        """
        with self._noting("the JUnit file could not be told"):
            self._tell_junit(plugins)
        with self._noting("GitHub Actions could not be told"):
            self._annotations = tell_actions(env, self._decided)

    def _tell_junit(self, plugins: Iterable[object]) -> None:
        for add in filter(None, (getattr(plugin, "add_global_property", None) for plugin in plugins)):
            for run, decision, _ in self._decided:
                for name, value in suite_properties(decision, run.findings.facts.panel):
                    add(name, value)

    @contextmanager
    def _noting(self, problem: str) -> Iterator[None]:
        """What breaks while somebody is told of the decision is told in the summary; the decision stands."""
        try:
            yield
        except Exception as error:
            self._notes.append(f"{problem}: {error_in_words(error)}")

    def write_summary(self, terminal: Screen) -> None:
        """Writes annotations, then each bench's part of the summary, so that the decision stands last."""
        for line in [*self._annotations, *dict.fromkeys(self._notes)]:
            terminal.write_line(line)
        for run, decision, where in self._decided:
            write_summary(terminal, run, decision, where)
