"""Where a bench's snapshots lie: a folder that mirrors the bench's own, one file a question."""

from __future__ import annotations

import os
from collections.abc import Iterable
from errno import EACCES
from pathlib import Path
from typing import Literal

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.files import file_name, relative, write_whole
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.run.snapshots.file_format import load
from mtbench_pytest.run.snapshots.snapshot import Snapshot
from mtbench_pytest.store.keys import digest

SNAPSHOTS = "snapshots"
_SUITES = "suites"
_SUFFIX = ".json"

Written = Literal["new", "changed", "same"]


def snapshot_folder(root: Path, bench: Path) -> Path:
    """The folder of a bench's snapshots: `snapshots/chat` for `suites/chat`.

    A bench elsewhere below the root keeps its whole path; one outside has its name alone.

    Args:
        root: pytest's.
        bench: The bench's folder.
    """
    inside = bench.is_relative_to(root) and bench != root
    parts = bench.relative_to(root).parts if inside else (bench.name,)
    return root.joinpath(SNAPSHOTS, *(parts[1:] if parts[0] == _SUITES and len(parts) > 1 else parts))


class SnapshotFolder:
    """A bench's snapshots on disk.

    Args:
        path: The folder; it need not be there.
        root: pytest's; messages name files from there.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self._root = root
        self._read: dict[Path, Snapshot] = {}

    @property
    def shown(self) -> str:
        """How messages call it."""
        return relative(self.path, self._root)

    def file(self, question_id: QuestionId) -> Path:
        """The file of a question."""
        name = file_name(str(question_id))
        # What no file may be called, and a text that reads like a number, are told apart by a digest.
        if name != str(question_id) or (isinstance(question_id, str) and question_id.isdecimal()):
            name = f"{name}-{digest(question_id)[:8]}"
        return self.path / f"{name}{_SUFFIX}"

    def show(self, question_id: QuestionId) -> str:
        """How messages call the file of a question."""
        return relative(self.file(question_id), self._root)

    def files(self) -> list[Path]:
        """All snapshots, sorted by name; of other benches' folders inside it, none."""
        return sorted(path for path in self.path.glob(f"[!.]*{_SUFFIX}") if path.is_file())

    def read(self, path: Path) -> Snapshot:
        """Reads a snapshot, once.

        Raises:
            FileError: Where it is not there, or cannot be read.
        """
        if path not in self._read:
            self._read[path] = load(path)
        return self._read[path]

    def make(self) -> None:
        """Makes the folder, so that a run that could not record is refused before it begins.

        Raises:
            FileError: Where nothing can be written there.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK):
                raise PermissionError(EACCES, os.strerror(EACCES))
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def write(self, question_id: QuestionId, text: str) -> Written:
        """Writes a question's snapshot; one that says the same stays untouched.

        Raises:
            FileError: Where it cannot be written.
        """
        path = self.file(question_id)
        try:
            earlier = path.read_bytes() if path.is_file() else None
        except OSError as error:
            raise _unwritable(path, error) from None
        if earlier == text.encode():
            return "same"
        write_snapshot(path, text)
        self._read.pop(path, None)
        return "changed" if earlier is not None else "new"

    def unused(self, questions: Iterable[Question]) -> list[Path]:
        """Snapshots of questions that the bench does not have any more.

        Args:
            questions: All of the bench, not only those of a sample.
        """
        wanted = {self.file(question.question_id) for question in questions}
        return [path for path in self.files() if path not in wanted]


def write_snapshot(path: Path, text: str) -> None:
    """Writes a snapshot whole or not at all.

    Raises:
        FileError: Where it cannot be written.
    """
    try:
        write_whole(path, [text])
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> FileError:
    return FileError(path, (error.strerror or str(error)).lower(), "a place where snapshots can be written")
