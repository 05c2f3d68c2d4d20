"""One pytest session's part in the gate: select, wait, collect rows, decide, print.

On an xdist worker it selects and waits; its rows and its selection travel to the controller, which decides.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.locate import bench_beside, find_bench
from mtbench_pytest.core.errors import MTBenchError, NotNeeded
from mtbench_pytest.core.records import Answer, AnswerFailure, Question, QuestionId, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.serialize import row_from_dict, to_plain
from mtbench_pytest.findings.drops import drop_in_words
from mtbench_pytest.gate.decide import exit_status
from mtbench_pytest.gate.decision import Outcome
from mtbench_pytest.plugin.asserted import is_the_drop
from mtbench_pytest.plugin.progress import LiveLine, Watch, notices, showing, telling
from mtbench_pytest.plugin.publisher import Publisher
from mtbench_pytest.plugin.selection import compares, needs_of, question_of, reordered
from mtbench_pytest.plugin.sources import sources_of
from mtbench_pytest.plugin.terminal import header
from mtbench_pytest.release.publish import report_folder
from mtbench_pytest.report.folder import check_folder, set_aside_all
from mtbench_pytest.report.junit import question_properties
from mtbench_pytest.report.terminal import verbose_word
from mtbench_pytest.run.bench_run import BenchRun
from mtbench_pytest.run.build import try_specs
from mtbench_pytest.run.judged import Judged, judged_from, why_unjudged
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.run.progress import Progress, added
from mtbench_pytest.run.resources import Resources
from mtbench_pytest.run.settings import Settings, read_report, read_settings

T = TypeVar("T")
Status = tuple[str, str, str | tuple[str, Mapping[str, bool]]]

_SENT = pytest.StashKey[dict[str, Any]]()
_GRADES = pytest.StashKey[str]()
_ROW = pytest.StashKey[Row]()
_JUDGED = pytest.StashKey[Judged]()
_UNJUDGED = pytest.StashKey[str]()
_TICK = 0.5  # seconds between looks at a terminal's live line


class MTBenchSession:
    """The plugin object; registered only where a run uses mtbench.

    Attributes:
        excused: No test failed but for questions without which the decision of their bench holds.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.is_worker = hasattr(config, "workerinput")
        self.runs: dict[Path, BenchRun] = {}
        self._errors: Counter[Path] = Counter()
        self.excused = False
        self._publisher = Publisher(config.invocation_params.dir)
        self._benches: dict[Path, Path] = {}
        self._began = False
        self._finished = False
        self._refused = ""
        self._untidy = False
        self._uncollected = False
        self._resources = Resources.of(settings, config.rootpath, getattr(config, "workerinput", None))
        self._live = LiveLine.of(config)
        self._watch: Watch | None = None
        self._notices = ExitStack()

    @classmethod
    def from_config(cls, config: pytest.Config) -> MTBenchSession:
        """Reads the options.

        Raises:
            pytest.UsageError: For the first that cannot be understood.
        """
        sources = sources_of(config)
        with _one_line(pytest.UsageError):
            try:
                settings = read_settings(sources)
            except MTBenchError:
                if not _only_looks(config):
                    set_aside_all(config.invocation_params.dir / read_report(sources))
                raise
        return cls(config, settings)

    def configure_worker(self, workerinput: dict[str, Any]) -> None:
        """Tells an xdist worker where it meets the others.

        Raises:
            pytest.UsageError: Where the store cannot be opened.
        """
        with _one_line(pytest.UsageError), notices(self._live):
            workerinput["mtbench_store"] = self._resources.meeting_place() if self.settings.may_cost else ""
        workerinput["mtbench_since"] = self._resources.since
        if self._watch is None and self.settings.may_cost and self._live.wanted:
            run = workerinput["testrunuid"]
            self._watch = showing(self._live, lambda: self._resources.reports(run))

    def worker_gone(self, workerinput: Mapping[str, Any]) -> None:
        """Hands the work of an xdist worker that is gone to the others."""
        self._resources.release_leases(workerinput["testrunuid"], workerinput["workerid"])

    # Before the tests: what is to be run.

    @pytest.hookimpl(tryfirst=True)  # before xdist starts workers, which would each report the same mistake
    def pytest_sessionstart(self) -> None:
        """Puts earlier results away and finds mistakes in what the command line names."""
        if self.is_worker or not self.settings.given:
            return
        self._set_aside()
        with _one_line(pytest.UsageError):
            if not _only_looks(self.config):
                check_folder(self.config.invocation_params.dir / self.settings.report)
            try_specs(self.settings)
            if self.settings.bench is not None:
                self._run(find_bench(self.settings.bench))

    def pytest_report_collectionfinish(self) -> list[str]:
        """Names who runs against whom, where this run turned out to use it."""
        quiet = self.config.option.no_header or self.config.get_verbosity() < 0
        return [] if quiet or not self.runs else self.header()

    def header(self) -> list[str]:
        """The lines that name what is run."""
        return header(self.settings, self.runs.values())

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Makes a test of every question of the module's bench."""
        with _one_line(pytest.Collector.CollectError):
            questions = self._run(self._bench_path(metafunc.definition.path.parent)).questions
        ids = [f"{question.category}-{question.question_id}" for question in questions]
        metafunc.parametrize("mtbench_question", questions, ids=ids, indirect=True)

    @pytest.hookimpl(trylast=True)  # what other plugins deselect is gone
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Puts the questions of a run that may stop early into the order in which it judges them."""
        asked: Counter[tuple[Path, QuestionId]] = Counter()
        for item in items:
            if (question := question_of(item)) is not None:
                run = self._run_of(item)
                asked[run.bench.path, question.question_id] += 1
                # Each test counts that would be skipped with its question, and so each that uses a snapshot.
                several = asked[run.bench.path, question.question_id] > 1
                run.more_tests |= several or compares(item)
        if any(run.stopping.on for run in self.runs.values()):
            items[:] = reordered(items, self._place)

    def _place(self, item: pytest.Item) -> tuple[Path, int] | None:
        if (question := question_of(item)) is None:
            return None
        run = self._run_of(item)
        return (run.bench.path, run.gating.order[question.question_id]) if run.stopping.on else None

    @pytest.hookimpl(tryfirst=True)  # before the terminal writes our header
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learns what was selected."""
        for item in session.items:
            if (question := question_of(item)) is not None:
                run = self._run_of(item)
                run.select(question, needs_of(item))
                run.recordings.asserted |= compares(item)
        if self.runs:
            self._set_aside()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Looks for mistakes before anything is spent; a worker that finds one runs no test."""
        broken = session.testsfailed and not self.config.option.continue_on_collection_errors
        if broken or _only_looks(self.config):
            return None
        self._began = True
        self._notices.enter_context(notices(self._live))
        try:
            for run in self.runs.values():
                run.prepare()
        except MTBenchError as error:
            self._refused = str(error)
            if not self.is_worker:
                raise pytest.UsageError(self._refused) from None
            return True
        if self.is_worker and self._resources.shared:
            self._watch = telling(self._resources.peers, self._look)
        return None

    def _set_aside(self) -> None:
        """Puts earlier results away, of every bench: however this run ends, they are not this run's."""
        if not _only_looks(self.config):
            set_aside_all(self.config.invocation_params.dir / self.settings.report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Learns that something could not be collected, and so is not gated."""
        ignored = self.config.option.continue_on_collection_errors
        self._uncollected = self._uncollected or (report.failed and not ignored)

    # During the tests: wait.

    def answer(self, item: pytest.Item, side: Side, question: Question) -> Answer:
        """Waits for one side's answer; what cannot be had is an error of the test."""
        answer = self._wait(
            item, question, lambda pipeline: pipeline.answer(side, question.question_id), judged=False
        )
        if isinstance(answer, AnswerFailure):
            self._cannot_be_had(item, f"{side} {answer.model} gave no answer: {answer.reason}")
        return answer

    def judged(self, item: pytest.Item, question: Question) -> Judged:
        """Waits for a question's row; what cannot be had is an error of the test."""
        run = self._run_of(item)
        row = self._wait(item, question, lambda pipeline: pipeline.row(question.question_id), judged=True)
        if self.is_worker:
            item.stash[_SENT] = {"bench": str(run.bench.path), "row": to_plain(row)}
        else:
            self._take(run, row)
        row = item.stash[_ROW] = row.present
        item.stash[_GRADES] = verbose_word(row)
        item.user_properties.extend(question_properties(row))
        if not row.judged:
            self._cannot_be_had(item, why_unjudged(row))
        if run.incomparable:
            pytest.skip(run.incomparable)
        # With -x the run ends at the first drop, and is then a part.
        partial = run.is_part or bool(self.config.option.maxfail)
        report = str(self._report_folder(run, partial=partial) / "report.html")
        judged = judged_from(row, question, run.policy.margin_of_question(question.category), report)
        item.stash[_JUDGED] = judged
        return judged

    def _cannot_be_had(self, item: pytest.Item, why: str) -> NoReturn:
        """An error of the test that fails the run only where its decision would not hold without it."""
        run, question = self._run_of(item), question_of(item)
        if question is not None and question.question_id in run.gated:
            item.stash[_UNJUDGED] = str(run.bench.path)
        pytest.fail(why, pytrace=False)

    def snapshot(self, item: pytest.Item) -> tuple[Path, QuestionId, str]:
        """The file of a judged question's snapshot, the question's id, and what the file would say now."""
        run, row = self._run_of(item), item.stash[_ROW]
        return run.recordings.folder.file(row.question_id), row.question_id, run.snapshot(row)

    def _wait(
        self, item: pytest.Item, question: Question, pick: Callable[[Pipeline], Future[T]], *, judged: bool
    ) -> T:
        """Waits for what the pipeline makes; an error that ends the run is told once and stops pytest."""
        run = self._run_of(item)
        if run.fatal:
            pytest.fail(run.fatal, pytrace=False)
        try:
            pipeline = run.pipeline(question, judged=judged, ahead=not self.is_worker)
            future = pick(pipeline)
            while (waits := not wait([future], timeout=_TICK).done) or self._live.overdue:
                self._live.show(added(self._look().values()))
                if waits and not pipeline.alive:
                    raise RuntimeError("the thread that makes answers and judgments has died")
            return future.result()
        except NotNeeded as why:
            pytest.skip(str(why))
        except Exception as error:
            known = isinstance(error, MTBenchError)
            run.fatal = str(error) if known else f"{type(error).__name__}: {error}"
            item.session.shouldfail = f"mtbench: {run.fatal}"
            if not known:
                raise
        finally:
            self._live.erase()
        pytest.fail(run.fatal, pytrace=False)

    def _look(self) -> Mapping[str, Progress]:
        """Where the benches stand that tests were selected of."""
        return {str(path): run.look() for path, run in list(self.runs.items()) if run.requested}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None]:
        """Has the terminal to itself while pytest writes a test's outcome: xdist's controller has a watch."""
        with self._live.lock:
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Puts on the report, as builtins only, what the controller needs: that survives the way there."""
        report = yield
        if report.failed and call.excinfo is not None and self._is_reported(item, call.excinfo.value):
            report.outcome = "skipped"
            report.wasxfail = drop_in_words(item.stash[_ROW])
        if report.when == "setup" and (sent := item.stash.get(_SENT, None)) is not None:
            report.mtbench = sent  # type: ignore[attr-defined]
        if report.failed and report.when == "setup" and (bench := item.stash.get(_UNJUDGED, "")):
            report.mtbench_unjudged = bench  # type: ignore[attr-defined]
        if grades := item.stash.get(_GRADES, ""):
            report.mtbench_grades = grades  # type: ignore[attr-defined]
        return report

    def _is_reported(self, item: pytest.Item, error: BaseException) -> bool:
        """Whether what a test raised is the drop of its question, which the gate alone decides on."""
        judged = item.stash.get(_JUDGED, None)
        if judged is None or not judged.dropped or self.config.option.runxfail:
            return False
        return self.settings.question_policy == "report" and is_the_drop(error, judged)

    # After the tests: decide.

    def collect(self, sent: Mapping[str, Any]) -> None:
        """Takes one row from an xdist worker."""
        self._take(self._run(Path(sent["bench"])), row_from_dict(sent["row"]))

    def _take(self, run: BenchRun, row: Row) -> None:
        """Takes a row where the run is decided; a question with several tests sends it with each."""
        if row.question_id not in run.rows:
            self._publisher.tell_row(self.config.hook.pytest_mtbench_row, row)
        run.rows[row.question_id] = row

    def collect_unjudged(self, bench: str) -> None:
        """Takes the error of a test whose question could not be judged."""
        self._errors[Path(bench)] += 1

    def _all_excused(self, session: pytest.Session) -> bool:
        """Whether no test failed but for questions without which the decision of their bench holds."""
        excused = {path for path, run in self.runs.items() if run.unjudged and run.unjudged.holds}
        errors = sum(count for path, count in self._errors.items() if path in excused)
        return session.exitstatus == pytest.ExitCode.TESTS_FAILED and 0 < session.testsfailed == errors

    def collect_worker(self, sent: Mapping[str, Any]) -> None:
        """Takes what an xdist worker selected and how it ended.

        Raises:
            pytest.UsageError: For a mistake that it found; at once, for xdist would take the tests that
                this worker has left undone for a crash.
        """
        if sent["refused"]:
            self._refused = sent["refused"]
            plugins = self.config.pluginmanager
            if (syrupy := plugins.get_plugin("syrupy")) is not None:
                # It would miss the workers that are not waited for, and warn of that.
                plugins.unregister(syrupy)
            raise pytest.UsageError(self._refused)
        for path, part in sent["runs"].items():
            self._run(Path(path)).merge(part)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None]:
        """Decides once a run, writes the report and sets the exit status.

        Before other plugins, as pytest writes its JUnit file there; the status after them: some set one too.
        """
        outcomes: list[Outcome] | None = None
        try:
            outcomes = self._finish(session, exitstatus)
            self.excused = outcomes is not None and self._all_excused(session)
            if self.excused:
                session.exitstatus = pytest.ExitCode.OK  # before the others, who may have a reason of theirs
        finally:
            yield  # the others have their part whatever becomes of ours, a second Ctrl-C included
        if self._watch is not None:
            self._watch.close()
        self._resources.close()
        self._notices.close()
        if outcomes is not None:
            failed = self._untidy or any(run.fatal for run in self.runs.values())
            tests = 1 if failed else int(session.exitstatus)
            session.exitstatus = exit_status(outcomes, tests, uncollected=self._uncollected)

    def _finish(self, session: pytest.Session, exitstatus: int) -> list[Outcome] | None:
        """Ends what is under way and decides, where this process does; else returns None."""
        self._finished = True
        # What an xdist worker has begun, the others wait for.
        unbroken = exitstatus in (0, 1) and not (session.shouldstop or session.shouldfail)
        finish = self.is_worker and unbroken and not session.config.option.maxfail
        for run in self.runs.values():
            run.close(finish=finish)
        if self.is_worker:
            session.config.workeroutput["mtbench"] = self._to_send()  # type: ignore[attr-defined]
        elif self._began and not self._refused:
            stopped = session.shouldstop or session.shouldfail or ("interrupted" if exitstatus == 2 else "")
            self._untidy = not stopped and self._tidy()
            return self._decide(str(stopped))
        return None

    def _to_send(self) -> dict[str, Any]:
        runs = {str(path): run.part() for path, run in self.runs.items() if run.gated}
        return {"refused": self._refused, "runs": runs}

    def _tidy(self) -> bool:
        """Deals with snapshots that no question needs; whether the run fails for them."""
        failed = [run.recordings.tidy(self.config.option) for run in self._gated() if not run.is_part]
        return any(failed)

    def _decide(self, stopped: str) -> list[Outcome]:
        """Makes and reports the decision of each bench; here, for a run without a terminal has one too."""
        outcomes = []
        for run in self._gated():
            decision = run.decide(stopped)
            outcomes.append(decision.outcome)
            folder = self._report_folder(run, partial=decision.outcome == "PARTIAL")
            self._publisher.write_report(run, decision, folder)
        self._publisher.tell_decided(self.config.hook.pytest_mtbench_decided)
        self._publisher.tell_ci(self.config.pluginmanager.get_plugins(), os.environ)
        return outcomes

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so that ours is the last part of the summary
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Prints the summary."""
        yield
        self._publisher.write_summary(terminalreporter)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> Generator[None, Status, Status]:
        """With -v, a question's grades stand beside its outcome; not in the short summary: tools read it."""
        category, letter, word = yield
        shown = self.config.get_verbosity() > 0 and not self._finished
        grades = getattr(report, "mtbench_grades", "") if shown else ""
        if grades and isinstance(word, str) and word:
            word = f"{word} {grades}"
        return category, letter, word

    # Helpers.

    def _run(self, path: Path) -> BenchRun:
        if path not in self.runs:
            self.runs[path] = BenchRun(load_bench(path), self.settings, self._resources, self.config.rootpath)
        return self.runs[path]

    def _bench_path(self, module_folder: Path) -> Path:
        """The bench of a test module: the one named by the option, else the folder it lies in."""
        given = self.settings.bench
        return bench_beside(module_folder) if given is None else find_bench(given)

    def _run_of(self, item: pytest.Item) -> BenchRun:
        folder = item.path.parent
        if folder not in self._benches:
            self._benches[folder] = self._bench_path(folder)
        return self._run(self._benches[folder])

    def _gated(self) -> list[BenchRun]:
        """The benches that are to be decided, in the order of their paths."""
        return [run for _, run in sorted(self.runs.items()) if run.gated or run.rows]

    def _report_folder(self, run: BenchRun, *, partial: bool) -> Path:
        base = self.config.invocation_params.dir / self.settings.report
        return report_folder(base, run, self._gated(), partial=partial)


def _only_looks(config: pytest.Config) -> bool:
    """Whether pytest was asked what it would do."""
    return bool(config.option.collectonly or config.option.setupplan)


@contextmanager
def _one_line(kind: type[Exception]) -> Iterator[None]:
    """Turns a mistake of the user's into pytest's own exception, which prints one line."""
    try:
        yield
    except MTBenchError as error:
        raise kind(str(error)) from None
