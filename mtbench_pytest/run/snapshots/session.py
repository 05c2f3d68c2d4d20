"""What one bench's run has to do with its snapshots: it replays them, adds to them, or leaves them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.records import SIDES, Party, Question, QuestionId, Sampling
from mtbench_pytest.core.row import Row
from mtbench_pytest.run.contest import Contest, as_party, sampling_for
from mtbench_pytest.run.settings import Mode, Settings, mode_of
from mtbench_pytest.run.snapshots.folder import SnapshotFolder, Written, snapshot_folder
from mtbench_pytest.run.snapshots.recorder import Identities, Recorder
from mtbench_pytest.run.snapshots.replay import Manner, Replay
from mtbench_pytest.run.snapshots.store import Shelf
from mtbench_pytest.store.store import Store

_WORDS: Mapping[Written, str] = {"new": "recorded", "changed": "changed", "same": "as they were"}


class Recordings:
    """A bench's snapshots in one run.

    Args:
        root: pytest's; the snapshots are below it.

    Attributes:
        asserted: Whether a test compares with them.
        written: What became of the files of questions that were judged, by question id.
    """

    def __init__(self, bench: Bench, settings: Settings, root: Path) -> None:
        self.folder = SnapshotFolder(snapshot_folder(root, bench.path), root)
        self.asserted = False
        self.written: dict[QuestionId, Written] = {}
        self._bench = bench
        self._settings = settings
        self._replay: Replay | None = None
        self._recorder: Recorder | None = None
        self._unused = ""

    @cached_property
    def mode(self) -> Mode:
        """What the run does with them."""
        return mode_of(self._settings.record, self._settings.judges, recorded=bool(self.folder.files()))

    @property
    def records(self) -> bool:
        """Whether the run writes them."""
        return self.mode in ("new", "all")

    def replay(self, needs: Collection[Party]) -> Replay | None:
        """The parties of a run that asks nobody; None where the run asks.

        Args:
            needs: The parties that some test asks for.

        Raises:
            MTBenchError: For one that is not given.
        """
        if self.mode == "none":
            settings = self._settings
            specs = {side: settings.need(side) for side in SIDES if side in needs}
            judges = settings.need_judges() if "judge" in needs else ()
            manner = Manner(settings.pairwise, settings.samples, settings.judge_repeats, self._sampling)
            self._replay = Replay(self.folder, specs, judges, manner)
        return self._replay

    def _sampling(self, question: Question) -> Sampling:
        settings = self._settings
        return sampling_for(self._bench, question, settings.seed, settings.max_new_tokens)

    def prepare(
        self, contest: Contest, asked: Sequence[Question], judged: Sequence[Question], *, early: bool = False
    ) -> None:
        """Finds what can be found before anything is spent.

        Args:
            asked: What may be answered.
            judged: Of that, what may be judged too.
            early: The run may stop before it has come to all.

        Raises:
            MTBenchError: Where nothing can be replayed, or nothing can be written.
        """
        if self._replay is not None:
            self._replay.check(contest, asked, judged, tell=not early)
        elif self.records:
            self.folder.make()

    def store(self, store: Store, contest: Contest) -> Store:
        """Where a run finds what has been made."""
        return Shelf(self.folder, store, contest) if self.mode == "new" else store

    def begin(self, contest: Contest, scope: Sequence[Question]) -> None:
        """Gets ready to make snapshots.

        Args:
            scope: All questions that may be asked in the run.
        """
        specs: dict[str, str] = {side: str(getattr(self._settings, side)) for side in contest.models}
        specs |= zip(map(as_party, contest.judges), map(str, self._settings.judges), strict=False)
        keys = {side: partial(self._replay.keys, side) for side in SIDES} if self._replay else {}
        self._recorder = Recorder(contest, scope, specs, keys)

    def text(self, row: Row, identities: Identities) -> str:
        """What a snapshot of a row says whose both sides are judged."""
        assert self._recorder is not None, "there are no rows before the run begins"
        return self._recorder.text(row, identities)

    def record(self, row: Row, identities: Identities) -> None:
        """Writes the file of a question that was judged; of one that was not, the file stays as it is.

        Raises:
            FileError: Where it cannot be written.
        """
        if row.judged:
            self.written[row.question_id] = self.folder.write(row.question_id, self.text(row, identities))

    def tidy(self, options: Any) -> bool:
        """Deletes or names snapshots of questions that the bench does not have any more, as syrupy does.

        Args:
            options: pytest's, with syrupy's among them where it is loaded.

        Returns:
            Whether the run fails for them.
        """
        if not self.asserted or getattr(options, "disable_unused_snapshots", False):
            return False
        unused = self.folder.unused(self._bench.questions)
        names = ", ".join(path.name for path in unused)
        updating = getattr(options, "update_snapshots", False)
        if not unused:
            return False
        if updating and not getattr(options, "no_cleanup", False):
            for path in unused:
                path.unlink(missing_ok=True)
            self._unused = f"{self.folder.shown}: {names} deleted, of no question of the bench"
            return False
        self._unused = f"{self.folder.shown}: {names} of no question of the bench; --snapshot-update deletes"
        return not updating and not getattr(options, "warn_unused_snapshots", False)

    # What is told of them.

    def sent(self) -> dict[str, Any]:
        """What a worker tells the process that decides."""
        return {"asserted": self.asserted, "written": list(self.written.items())}

    def merge(self, sent: Mapping[str, Any]) -> None:
        """Takes what a worker told; of two that wrote one file, who changed it counts."""
        self.asserted |= sent["asserted"]
        for question_id, became in sent["written"]:
            if became != "same" or question_id not in self.written:
                self.written[question_id] = became

    @property
    def notes(self) -> list[str]:
        """Lines for the summary."""
        unused = [self._unused] if self._unused else []
        if self.mode == "none":
            return [f"replayed from {self.folder.shown}: nobody was asked", *unused]
        if not self.written:
            return unused
        counts = Counter(self.written.values())
        told = ", ".join(f"{counts[became]} {word}" for became, word in _WORDS.items() if counts[became])
        return [f"{self.folder.shown}: {told}", *unused]
