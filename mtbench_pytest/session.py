"""One pytest session's part in the gate: select, wait, collect rows, decide, print.

On an xdist worker it selects and waits; its rows and its selection travel to the controller, which decides.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mtbench_pytest.errors import MTBenchError, SpecError
from mtbench_pytest.gate import exit_status
from mtbench_pytest.judged import Judged, judged_from
from mtbench_pytest.judges import build_judge
from mtbench_pytest.live import LiveLine, terminal_of, uncaptured_by
from mtbench_pytest.models import build_model
from mtbench_pytest.pipeline import Pipeline
from mtbench_pytest.records import Answer, AnswerFailure, Decision, Question, Row, Side
from mtbench_pytest.report.terminal import decision_lines, failure_kind, summary_lines, verbose_word
from mtbench_pytest.run import BenchRun
from mtbench_pytest.settings import Settings, read_settings
from mtbench_pytest.suite import QUESTIONS, find_bench, load_bench
from mtbench_pytest.wire import row_from_dict, row_to_dict

T = TypeVar("T")
Status = tuple[str, str, str | tuple[str, Mapping[str, bool]]]

_SENT = pytest.StashKey[dict[str, Any]]()
_COLOURS = {"PASS": "green", "PARTIAL": "yellow", "INCONCLUSIVE": "yellow"}
_TICK = 0.5  # seconds between looks at a terminal's live line


class MTBenchSession:
    """The plugin object; registered only where a run uses mtbench."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.is_worker = hasattr(config, "workerinput")
        self.runs: dict[Path, BenchRun] = {}
        self.decisions: dict[Path, Decision] = {}
        self._headed = False
        self._live = LiveLine(terminal_of(config), uncaptured_by(config))

    @classmethod
    def from_config(cls, config: pytest.Config) -> MTBenchSession:
        """Reads the options.

        Raises:
            pytest.UsageError: For the first that cannot be understood.
        """
        try:
            settings = read_settings(
                lambda option: config.getoption(option.key), lambda option: config.getini(option.key)
            )
        except MTBenchError as error:
            raise pytest.UsageError(str(error)) from None
        return cls(config, settings)

    # Before the tests: what is to be run.

    @pytest.hookimpl(tryfirst=True)  # before xdist starts workers, which would each report the same mistake
    def pytest_sessionstart(self) -> None:
        """Finds mistakes in what the command line names."""
        if self.is_worker or not self.settings.given:
            return
        try:
            for spec in (self.settings.candidate, self.settings.baseline):
                if spec is not None:
                    build_model(spec)
            if self.settings.judge is not None:
                build_judge(self.settings.judge)
            if self.settings.bench is not None:
                self._run(find_bench(self.settings.bench, self._base))
        except MTBenchError as error:
            raise pytest.UsageError(str(error)) from None

    def pytest_report_header(self) -> list[str]:
        """Names who runs against whom, where the command line does."""
        return self._header() if self.settings.given else []

    def pytest_report_collectionfinish(self) -> list[str]:
        """The same where the ini file does and this run turned out to use it."""
        return [] if self._headed or not self.runs else self._header()

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Makes a test of every question of the module's bench."""
        try:
            questions = self._run(self._bench_path(metafunc.definition.path.parent)).questions
        except MTBenchError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        ids = [f"{question.category}-{question.question_id}" for question in questions]
        metafunc.parametrize("mtbench_question", questions, ids=ids, indirect=True)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learns what was selected and looks for mistakes before anything is spent."""
        for item in session.items:
            if (question := _question_of(item)) is not None:
                gated = "mtbench_judged" in item.fixturenames  # type: ignore[attr-defined]
                self._run_of(item).select(question, gated=gated)
        if self.is_worker or self.config.option.collectonly or session.testsfailed:
            return
        try:
            for run in self.runs.values():
                if run.requested:
                    run.prepare()
        except MTBenchError as error:
            raise pytest.UsageError(str(error)) from None

    # During the tests: wait.

    def answer(self, item: pytest.Item, side: Side, question: Question) -> Answer:
        """Waits for one side's answer; what cannot be had is an error of the test."""
        run = self._run_of(item)
        answer = self._wait(item, run, question, lambda pipeline: pipeline.answer(side, question.question_id))
        if isinstance(answer, AnswerFailure):
            pytest.fail(f"{side} {answer.model} gave no answer: {answer.reason}", pytrace=False)
        return answer

    def judged(self, request: pytest.FixtureRequest, question: Question) -> Judged:
        """Waits for a question's row; what cannot be had is an error of the test."""
        item = request.node
        run = self._run_of(item)
        row = self._wait(item, run, question, lambda pipeline: pipeline.row(question.question_id))
        item.stash[_SENT] = {
            "bench": str(run.bench.path),
            "row": row_to_dict(row),
            "grades": verbose_word(row),
        }
        if row.difference is None:
            pytest.fail(_why_ungraded(row), pytrace=False)
        report = str(self._report_folder(run) / "report.md")
        judged = judged_from(row, question, run.policy.question_margin, report)
        if judged.dropped and self.settings.question_policy == "report":
            reason = f"dropped {-judged.difference:.2f} points; the gate decides"
            request.applymarker(pytest.mark.xfail(reason=reason))
        return judged

    def _wait(
        self, item: pytest.Item, run: BenchRun, question: Question, pick: Callable[[Pipeline], Future[T]]
    ) -> T:
        """Waits for what the pipeline makes; an error that ends the run is told once and stops pytest."""
        if run.fatal:
            pytest.fail(run.fatal, pytrace=False)
        try:
            pipeline = run.pipeline(question, ahead=not self.is_worker)
            future = pick(pipeline)
            while not wait([future], timeout=_TICK).done:
                self._live.show(pipeline.progress)
            return future.result()
        except Exception as error:
            known = isinstance(error, MTBenchError)
            run.fatal = str(error) if known else f"{type(error).__name__}: {error}"
            item.session.shouldfail = f"mtbench: {run.fatal}"
            if not known:
                raise
        finally:
            self._live.erase()
        pytest.fail(run.fatal, pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Puts the row on the report, as builtins only: that survives the way from an xdist worker."""
        report = yield
        if (sent := item.stash.get(_SENT, None)) is not None:
            if report.when == "setup":
                report.mtbench = sent  # type: ignore[attr-defined]
            report.mtbench_grades = sent["grades"]  # type: ignore[attr-defined]
        return report

    # After the tests: decide.

    def collect(self, sent: Mapping[str, Any]) -> None:
        """Takes one row."""
        row = row_from_dict(sent["row"])
        self._run(Path(sent["bench"])).rows[row.question_id] = row

    def collect_worker(self, sent: Mapping[str, Any]) -> None:
        """Takes what an xdist worker selected and how it ended."""
        for path, part in sent.items():
            run = self._run(Path(path))
            run.gated.update(part["gated"])
            run.fatal = run.fatal or part["fatal"]
            if part["parties"]["judge"]["identity"]:
                run.parties = part["parties"]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Decides once a run and sets the exit status."""
        for run in self.runs.values():
            run.close()
        if self.is_worker:
            session.config.workeroutput["mtbench"] = {  # type: ignore[attr-defined]
                str(path): {"gated": list(run.gated), "fatal": run.fatal, "parties": dict(run.parties)}
                for path, run in self.runs.items()
                if run.requested
            }
            return
        if self.config.option.collectonly:
            return
        stopped = str(session.shouldstop or session.shouldfail or ("interrupted" if exitstatus == 2 else ""))
        self.decisions = {path: run.decide(stopped) for path, run in self.runs.items() if run.gated}
        status = 1 if any(run.fatal for run in self.runs.values()) else int(exitstatus)
        outcomes = [decision.outcome for decision in self.decisions.values()]
        session.exitstatus = exit_status(outcomes, status)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so that ours is the last part of the summary
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Prints the summary, and writes the report first, so that it can say where it is."""
        yield
        for path, decision in self.decisions.items():
            run = self.runs[path]
            where = self._write(run, decision)
            terminalreporter.write_sep("=", f"mtbench: {run.bench.name}", bold=True)
            lines = list(summary_lines(decision, run.ordered_rows(), where))
            last = len(list(decision_lines(decision)))
            for line in lines[:-last]:
                terminalreporter.write_line(line)
            good = {"PASS": "green", "PARTIAL": "yellow", "INCONCLUSIVE": "yellow"}.get(
                decision.outcome, "red"
            )
            for line in lines[-last:]:
                terminalreporter.write_line(line, **{good: True})

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> Generator[None, Status, Status]:
        """With -v, a question's grades stand beside its outcome."""
        category, letter, word = yield
        grades = getattr(report, "mtbench_grades", "") if self.config.get_verbosity() > 0 else ""
        if grades and isinstance(word, str) and word:
            word = f"{word} {grades}"
        return category, letter, word

    # Helpers.

    @property
    def _base(self) -> Path:
        """What relative paths on the command line are relative to."""
        return self.config.invocation_params.dir

    def _run(self, path: Path) -> BenchRun:
        if path not in self.runs:
            self.runs[path] = BenchRun(load_bench(path), self.settings)
        return self.runs[path]

    def _bench_path(self, module_folder: Path) -> Path:
        """The bench of a test module: the one named by the option, else the folder it lies in."""
        if self.settings.bench is not None:
            return find_bench(self.settings.bench, self._base)
        if (module_folder / QUESTIONS).is_file():
            return module_folder.resolve()
        raise SpecError(
            f"{module_folder}", f"no {QUESTIONS} beside the test module", "one, or --mtbench-bench DIR|NAME"
        )

    def _run_of(self, item: pytest.Item) -> BenchRun:
        return self._run(self._bench_path(item.path.parent))

    def _header(self) -> list[str]:
        self._headed = True
        settings = self.settings
        margin = settings.margin
        if len(self.runs) == 1:
            margin = next(iter(self.runs.values())).policy.margin
        benches = (
            ", ".join(run.bench.name for run in self.runs.values()) or settings.bench or "beside the tests"
        )
        sample = f", sample {settings.sample}" if settings.sample else ""
        return [
            f"mtbench: candidate {settings.candidate or '(none)'}, baseline {settings.baseline or '(none)'}",
            f"mtbench: judge {settings.judge or '(none)'}, bench {benches}{sample}, margin {margin:g}, "
            f"pairwise {'on' if settings.pairwise else 'off'}",
        ]

    def _report_folder(self, run: BenchRun) -> Path:
        """A folder for each bench where a session has several."""
        folder = self._base / self.settings.report
        return folder / run.bench.name if len(self.runs) > 1 else folder

    def _write(self, run: BenchRun, decision: Decision) -> str:
        """Writes the report; says where it is, or why it is not."""
        folder = self._report_folder(run)
        if decision.outcome == "PARTIAL":
            folder /= "partial"  # what a whole run found stays
        try:
            run.write_report(decision, folder)
        except OSError as error:
            return f"not written: {folder}: {error.strerror or error}"
        return str(_relative(folder, self._base) / "report.md")


def _question_of(item: pytest.Item) -> Question | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("mtbench_question") if callspec else None


def _relative(path: Path, base: Path) -> Path:
    return path.relative_to(base) if path.is_relative_to(base) else path


def _why_ungraded(row: Row) -> str:
    """What could not be had, in lines."""
    lines = [f"question {row.question_id} ({row.category}) could not be judged on both sides:"]
    for failure in row.failures:
        about = failure.model if isinstance(failure, AnswerFailure) else ", ".join(failure.models)
        turn = "" if isinstance(failure, AnswerFailure) else f", turn {failure.turn}"
        lines.append(f"  {failure_kind(failure)} of {about}{turn}: {failure.reason}")
    return "\n".join(lines)
