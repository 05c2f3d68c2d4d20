"""syrupy's part: `assert mtbench_judged == judge_snapshot` compares a question with its snapshot.

The file is the one that recording writes (`recordings/`), so that either may update it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syrupy.assertion import SnapshotAssertion
from syrupy.data import SnapshotCollection, SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.files import relative
from mtbench_pytest.run.judged import Judged
from mtbench_pytest.run.snapshots.compare import differences
from mtbench_pytest.run.snapshots.file_format import parse
from mtbench_pytest.run.snapshots.folder import write_snapshot

_RECORD = "--snapshot-update or --mtbench-record new writes it"


@dataclass(frozen=True)
class QuestionLocation(PyTestLocation):
    """Where a question's snapshot lies: in a place of the bench's, not of the test module's.

    Attributes:
        file: The snapshot.
    """

    file: Path

    def matches_snapshot_name(self, snapshot_name: str) -> bool:
        """A question's file holds nothing else."""
        return snapshot_name == self.file.stem

    def matches_snapshot_location(self, snapshot_location: str) -> bool:
        """Whether that is the file."""
        return Path(snapshot_location) == self.file


class JudgeSnapshotExtension(SingleFileSnapshotExtension):
    """Writes what is recorded of a question, and compares what matters of it.

    Args:
        text: What the snapshot would say now.
        question_id: Whose it is.
        tolerance: Points by which a grade may lie off.
    """

    _write_mode = WriteMode.TEXT
    file_extension = "json"

    def __init__(self, text: str = "", question_id: object = None, tolerance: float = 0.0) -> None:
        super().__init__()
        self._text = text
        self._question_id = question_id
        self._tolerance = tolerance

    def serialize(self, data: Any, **_options: Any) -> str:
        """The snapshot's text.

        Raises:
            TypeError: For anything but the question's own `mtbench_judged`.
        """
        if not isinstance(data, Judged) or data.question.question_id != self._question_id:
            raise TypeError(f"judge_snapshot: {data!r}; expected the mtbench_judged of the same test")
        return self._text

    def matches(self, *, serialized_data: Any, snapshot_data: Any) -> bool:
        """Whether nothing that matters has moved."""
        try:
            return not self._differences(serialized_data, snapshot_data)
        except FileError:  # `diff_lines` tells
            return False

    def diff_lines(self, serialized_data: Any, snapshot_data: Any) -> Iterator[str]:
        """What moved, and why it matters."""
        try:
            found = self._differences(serialized_data, snapshot_data) if snapshot_data else [_RECORD]
        except FileError as error:
            found = [str(error)]
        yield from found

    def _differences(self, now: str, then: str) -> list[str]:
        name = Path(f"snapshot of question {self._question_id}")
        return differences(parse(then, name), parse(now, name), self._tolerance)

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: Any = 0) -> str:  # noqa: ARG003
        """The name of the question's file."""
        return _file(test_location).stem

    @classmethod
    def get_location(cls, *, test_location: PyTestLocation, index: Any) -> str:  # noqa: ARG003
        """The question's file."""
        return str(_file(test_location))

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """The folder of the bench's snapshots; of any other test, its own."""
        if isinstance(test_location, QuestionLocation):
            return str(test_location.file.parent)
        return super().dirname(test_location=test_location)

    @classmethod
    def discovery_dirname(cls, *, test_location: PyTestLocation) -> str:  # noqa: ARG003
        """One place for all: see `discover_snapshots`."""
        return "mtbench"

    def discover_snapshots(self, **_site: Any) -> SnapshotCollections:
        """None: which are unused depends on the bench, which syrupy does not know (`Recordings.tidy`)."""
        return SnapshotCollections()

    @classmethod
    def write_snapshot_collection(
        cls,
        *,
        snapshot_collection: SnapshotCollection,
        name_order: dict[str, int] | None = None,  # noqa: ARG003
    ) -> None:
        """Writes a file whole or not at all."""
        (snapshot,) = snapshot_collection
        write_snapshot(Path(snapshot_collection.location), str(snapshot.data))


class JudgeSnapshot(SnapshotAssertion):
    """What a question's test compares with."""

    def __repr__(self) -> str:
        # pytest shows it beside a failed assertion, whose explanation says the rest.
        return f"<{self.name}>"

    @property
    def name(self) -> str:
        """The file, as a reader finds it."""
        base = self.session.pytest_session.config.rootpath
        return f"snapshot {relative(_file(self.test_location), base)}"


def _file(location: PyTestLocation) -> Path:
    assert isinstance(location, QuestionLocation), "a question's snapshot has a place of its own"
    return location.file
