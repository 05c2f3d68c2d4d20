"""One bench in one session: what was selected, what came back, and the decision."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.errors import JudgeError, ServiceError
from mtbench_pytest.core.records import Party, Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import one_line
from mtbench_pytest.findings.base import Facts, judges_of
from mtbench_pytest.findings.collect import Findings
from mtbench_pytest.findings.noise import check_margin
from mtbench_pytest.gate.decision import LEVELS, Decision
from mtbench_pytest.gate.drops import asks_again
from mtbench_pytest.gate.early_stop import Course, control_of
from mtbench_pytest.gate.leaving import why_too_few
from mtbench_pytest.gate.panel import Panel, PanelView, seat, view_of
from mtbench_pytest.gate.stats import ControlVariate
from mtbench_pytest.gate.worst_case import Unjudged, explain_unjudged
from mtbench_pytest.run.blessed_grades import Regrading, fresh_nonce, incomparable, standings_of
from mtbench_pytest.run.build import build_contest
from mtbench_pytest.run.contest import Contest, as_party
from mtbench_pytest.run.gating import Circumstances, Gating
from mtbench_pytest.run.parties import drifts_known, is_panel, parties_of
from mtbench_pytest.run.pending import parties_with_work
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.run.resources import Resources
from mtbench_pytest.run.settings import Settings, Stopping, stopping_of
from mtbench_pytest.run.snapshots.session import Recordings
from mtbench_pytest.run.standing import Standing, known_grades
from mtbench_pytest.store.leases import Peers, once
from mtbench_pytest.store.store import Store

_LOG = logging.getLogger("mtbench_pytest")
_LONGEST = 500  # characters of what a server said


class BenchRun:
    """One bench in this session.

    Attributes:
        questions: The bench, or the declared sample of it: what the gate expects.
        requested: Questions of the selected tests, in the order of collection.
        gated: Ids of the questions that were selected for the gate.
        needs: The parties that selected tests ask for.
        more_tests: Whether a question has more than one plain test.
        rows: What tests waited for, by id: what the decision rests on.
        unused: What was made for tests that never came, by id: it is in the report's files.
        fatal: Why the run could not go on, where it could not.
        calls_saved: Calls of the judge for questions that a run that stopped early did not come to.
        started: Seconds since the epoch.
        gating: Decides on the rows.
        unjudged: Of a run with a PASS the questions that could not be judged; known once it is decided.
    """

    def __init__(self, bench: Bench, settings: Settings, resources: Resources, root: Path) -> None:
        self.bench = bench
        self.recordings = Recordings(bench, settings, root)
        self._resources = resources
        self.settings = settings
        self.policy = settings.policy(bench.config)
        self.questions: Sequence[Question] = bench.questions
        if settings.sample is not None:
            self.questions = bench.sample(settings.sample, settings.seed)
        self.requested: dict[QuestionId, Question] = {}
        self.gated: set[QuestionId] = set()
        self.needs: set[Party] = set()
        self.more_tests = False
        self.rows: dict[QuestionId, Row] = {}
        self.unused: dict[QuestionId, Row] = {}
        self.fatal = ""
        self.calls_saved = 0
        self.unjudged: Unjudged | None = None
        self._told: dict[QuestionId, float] = {}
        self._course: Course | None = None
        self.started = time.time()
        self._parties: Mapping[str, Any] = {}
        self._prepared = False
        self._pipeline: Pipeline | None = None
        self._decision: Decision | None = None
        self._asked: Sequence[Question] = self.questions
        self.gating = Gating(bench, self.questions, self.policy, settings, self._circumstances)

    @cached_property
    def contest(self) -> Contest:
        """Models and judges, built on first use."""
        replay = self.recordings.replay(self.needs)
        return build_contest(self.settings, self.bench, self.needs, self._resources.budget, replay)

    @cached_property
    def _store(self) -> Store:
        return self.recordings.store(self._resources.store, self.contest)

    def select(self, question: Question, needs: Collection[Party]) -> None:
        """Notes that pytest selected a test of a question; with a judge its row goes to the gate."""
        if not needs:
            return
        self.requested[question.question_id] = question
        self.needs.update(needs)
        if "judge" in needs:
            self.gated.add(question.question_id)

    def prepare(self) -> None:
        """Finds what can be found before anything is spent; leaves alone who has nothing to do.

        Raises:
            MTBenchError: In one line, what was given and what was expected.
        """
        if self._prepared:
            return
        contest, asked = self.contest, list(self.requested.values())
        contest.check_prompts(asked)
        self.recordings.prepare(contest, asked, self._judged, early=self.may_stop_early)
        for party in contest.free:
            contest.prepare(party, asked)
        contest = self.contest = replace(contest, standings=self._standings(contest))
        self._check_margin()
        if not contest.all_free:
            self.contest = replace(contest, left=self._prepare_paid(contest, asked))
        self._prepared = True

    def _prepare_paid(self, contest: Contest, asked: Sequence[Question]) -> dict[str, str]:
        """Has those look for mistakes who cost something and have something to do.

        Returns:
            The judges of a panel whose server refuses every call: they have left before it begins.

        Raises:
            MTBenchError: For what else is wrong, and where too few judges stay.
        """
        peers, left = self._resources.peers, {}
        judges = {as_party(name): name for name in contest.judges}
        about = (asked, self._judged, self.questions)
        for party in parties_with_work(contest, *about, self._store, self._asks_again):
            # Of several processes one looks; the others take its word.
            name = f"prepare/{self.bench.digest}/{party}"
            if not contest.is_panel or party not in judges:
                once(peers, name, partial(contest.prepare, party, asked))
            elif why := once(peers, name, partial(_why_down, contest, party, asked)):
                left[judges[party]] = one_line(str(why), _LONGEST)
                _LOG.warning("judge %s has left the panel: %s", judges[party], left[judges[party]])
        if too_few := why_too_few(len(judges), left):
            raise JudgeError(too_few)
        return left

    def _asks_again(self, row: Row) -> bool:
        """Which questions are graded again on both sides."""
        return asks_again(self.policy, row)

    def _check_margin(self) -> None:
        """Refuses a margin under the noise floor that the bench states; a part of a bench has no margin."""
        judges = list(self.contest.judges)
        if not judges or self.is_part:
            return
        turns, stated = [len(question.turns) for question in self.questions], self.bench.config.judge_noise
        check_margin(self.policy.margin, judges, stated, turns, self.contest.repeats)

    def _standings(self, contest: Contest) -> dict[str, Standing]:
        """How a blessed baseline's grades enter, now that its files are verified."""
        return standings_of(
            contest,
            self._judged,
            regrade=self.settings.regrade_baseline,
            again=self.settings.drift_sample,
            nonce=self._nonce,
        )

    def _nonce(self) -> str:
        if self.settings.regrade_baseline:
            return self._regrading.nonce(self._resources.peers)
        return fresh_nonce(self._resources.peers, self.bench.digest)

    @property
    def _regrading(self) -> Regrading:
        return Regrading(self._resources.store, f"{self.bench.digest} {self.settings.baseline}")

    @property
    def _judged(self) -> list[Question]:
        """The questions to be judged, in the order of their tests."""
        return [question for key, question in self.requested.items() if key in self.gated]

    def pipeline(self, question: Question, *, judged: bool, ahead: bool) -> Pipeline:
        """The pipeline, with the question requested.

        Args:
            judged: Also grade and compare the answers.
            ahead: Request all that was selected at once. An xdist worker does not know which tests it will
                get: it works ahead on what costs something, which the workers share, and not on the rest.

        Raises:
            MTBenchError: As `prepare`.
        """
        if self._pipeline is None:
            self.prepare()
            self._pipeline = self._begin(ahead)
        self._pipeline.request([question], judged=judged)
        return self._pipeline

    def _begin(self, ahead: bool) -> Pipeline:
        free, judges = set(self.contest.free), map(as_party, self.contest.judges)
        self.recordings.begin(self.contest, self.questions)
        record = self.recordings.record if self.recordings.records else None
        if self.contest.all_free:
            kept: tuple[Store | None, Peers | None] = (None, None)
        else:
            kept = (self._store, self._resources.peers)
        pipeline = Pipeline(self.contest, self.questions, *kept, record, self._asks_again)
        if self.may_stop_early:
            self._course = self.gating.course(self._control)
            pipeline.follow(self._course)
        elif ahead or not free.issuperset(judges):
            pipeline.request(self._judged)
        if ahead or not free.issuperset(self.contest.models):
            pipeline.request(self.requested.values(), judged=False)
        return pipeline

    def look(self) -> Progress:
        """Where it stands."""
        return self._pipeline.look() if self._pipeline else Progress(more=bool(self.requested))

    def snapshot(self, row: Row) -> str:
        """What the snapshot of a row says whose both sides are judged."""
        assert self._pipeline is not None, "a row came out of it"
        return self.recordings.text(row, self._pipeline.identities)

    def close(self, *, finish: bool = False) -> None:
        """Ends what is under way; what is finished is kept.

        Args:
            finish: First wait for what this process has begun: see `Pipeline.close`.
        """
        if self._pipeline is not None:
            self._pipeline.close(finish=finish)
            finished = {row.question_id: row for row in self._pipeline.finished()}
            self.unused = {key: row for key, row in finished.items() if key not in self.rows}
        if self._course is not None and self._course.decision is not None:
            self.calls_saved = sum(map(self.contest.judgments, self._course.left))

    def part(self) -> dict[str, Any]:
        """What an xdist worker tells the controller at its end, besides its rows; for `merge`."""
        return {
            "gated": list(self.gated),
            "fatal": self.fatal,
            "parties": dict(self.parties),
            "saved": self.calls_saved,
            "more_tests": self.more_tests,
            "known": list(self._known.items()),
            "recordings": self.recordings.sent(),
        }

    def merge(self, part: Mapping[str, Any]) -> None:
        """Takes what an xdist worker told."""
        self.gated.update(part["gated"])
        self.calls_saved = max(self.calls_saved, part["saved"])
        self.more_tests |= part["more_tests"]
        self._told |= dict(part["known"])
        self.fatal = self.fatal or part["fatal"]
        self.recordings.merge(part["recordings"])
        if part["parties"]["judge"]["identity"]:
            self.parties = part["parties"]

    @property
    def parties(self) -> Mapping[str, Any]:
        """Candidate, baseline and judge as a report names them; a worker sends them to the controller."""
        self._parties = self._parties or self._known_parties
        return self._parties

    @parties.setter
    def parties(self, sent: Mapping[str, Any]) -> None:
        # A worker that ran few tests may have ended before it knew of the judges.
        known = self._parties
        if not known or (
            drifts_known(known) < len(judges_of(known)) and drifts_known(sent) >= drifts_known(known)
        ):
            self._parties = sent

    @property
    def _known_parties(self) -> dict[str, Any]:
        """The parties, as far as they are known by now."""
        contest = self.contest if self._prepared else None
        if self._pipeline is None:
            return parties_of(self.settings, contest, {}, {})
        return parties_of(self.settings, contest, self._pipeline.identities, self._pipeline.drifts)

    @property
    def incomparable(self) -> str:
        """Why the two sides cannot be compared, once there is a row; of a panel such a judge leaves."""
        parties = self._parties or self._known_parties
        if is_panel(parties):
            return ""
        return incomparable(parties["baseline"]["blessed"], parties["judge"]["drift"])

    @property
    def is_part(self) -> bool:
        """Whether less than the whole bench was selected for the gate."""
        return 0 < len(self.gated) < len(self.questions)

    @property
    def may_stop_early(self) -> bool:
        """Whether the rest is left out once the decision is certain."""
        return self.stopping.on and bool(self.gated)

    @property
    def stopping(self) -> Stopping:
        """Whether the run stops early, and why; a part of a bench decides nothing, so nothing is certain."""
        if self.is_part:
            return Stopping(False, "a part of the bench")
        return stopping_of(
            self.settings, self.recordings.mode, len(self.questions), more_tests=self.more_tests
        )

    @property
    def _known(self) -> Mapping[QuestionId, float]:
        """The blessed baseline's grades that stand; on xdist's controller those that workers told."""
        return known_grades(self.contest.standings.values()) if self._prepared else self._told

    @property
    def _control(self) -> ControlVariate | None:
        """What is known of every question before it is judged."""
        return control_of(self.questions, self._known)

    def decide(self, stopped: str) -> Decision:
        """Makes the decision from what came back.

        Args:
            stopped: Why the session ended early, or "".
        """
        partial = []
        if self.is_part:
            partial.append(f"{len(self.gated)} of its {len(self.questions)} questions were selected")
        # Of an interrupted xdist run the controller may not know what was selected.
        expected = len(self.gated) or len(self.questions)
        control = self._control
        found = (
            self.gating.decide_early(self.rows, control, self.calls_saved) if self.may_stop_early else None
        )
        early, asked = found or (None, self.questions)
        if stopped and not early and not self.fatal and len(self.rows) < expected:
            partial.append(f"{stopped} after {len(self.rows)} of {expected} questions")
        if self.settings.regrade_baseline and self.settings.may_cost and not (partial or self.fatal):
            self._regrading.done()
        decision = early or self.gating.decide_on(self.rows, self.questions, LEVELS, partial)
        self.unjudged = self.gating.unjudged(self.rows, asked, decision, control if early else None)
        more = [explain_unjudged(self.unjudged)] if self.unjudged else []
        self._asked = asked
        self._decision = replace(decision, reasons=(*decision.reasons, *more))
        return self._decision

    def _circumstances(self) -> Circumstances:
        judges = judges_of(self._parties or self._known_parties)
        return Circumstances(self.fatal, self.incomparable, [judge["name"] for judge in judges])

    @cached_property
    def panel(self) -> Panel:
        """Who judges, once all rows are there."""
        return seat(self._rows, [judge["name"] for judge in judges_of(self.parties)])

    @property
    def _view(self) -> PanelView | None:
        """What is to be told of a panel; None where one judge judges."""
        if not is_panel(self.parties):
            return None
        made = self._decision
        if made is None or made.outcome == "PARTIAL" or self.fatal or self.panel.too_few:
            return view_of(self.panel)
        alone = partial(self.gating.decide_alone, asked=self._asked, levels=made.levels)
        return view_of(self.panel, made, alone)

    @property
    def _rows(self) -> list[Row]:
        """What every judge said, in the order of the bench."""
        return [self.rows[q.question_id] for q in self.questions if q.question_id in self.rows]

    def ordered_rows(self) -> Sequence[Row]:
        """The rows in the order of the bench, once all are there; of a panel, of the judges that stay."""
        return self.panel.rows

    @cached_property
    def findings(self) -> Findings:
        """What the rows show besides the decision, once it is made."""
        return Findings(
            Facts(
                self.bench,
                self.policy,
                self.questions,
                self.panel.rows,
                self.parties,
                self.sampling,
                [spec.kind for spec in self.settings.judges],
                self._rows,
                self._view,
                self._decision,
            )
        )

    @property
    def sampling(self) -> dict[str, Any]:
        """How the run samples, as in `result.json`."""
        categories = dict.fromkeys(question.category for question in self.questions)
        return {
            "max_new_tokens": self.settings.max_new_tokens,
            "temperature": {category: self.bench.temperature(category) for category in categories},
            "seed": self.settings.seed,
            "samples": self.settings.samples,
        }

    @property
    def made(self) -> list[Row]:
        """All that was answered and judged, also what the decision does not rest on: it was paid for."""
        return [*self._rows, *self.unused.values()]

    @property
    def pace(self) -> dict[str, Any] | None:
        """How fast it went; None where that is not known: under xdist each worker knows its own part."""
        return None if self._pipeline is None else self._pipeline.pace()

    @property
    def notes(self) -> list[str]:
        """What the summary says besides figures and failures."""
        return [*self.findings.lines(), *self.recordings.notes]


def _why_down(contest: Contest, party: str, asked: Sequence[Question]) -> str:
    """Why a judge's server refuses every call, or ""; a mistake of the user's is raised."""
    try:
        contest.prepare(party, asked)
    except ServiceError as error:
        return str(error)
    return ""
