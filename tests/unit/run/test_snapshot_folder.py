"""Where snapshots lie, and how they are written there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.run.snapshots.file_format import dump
from mtbench_pytest.run.snapshots.folder import SnapshotFolder, snapshot_folder, write_snapshot
from tests.unit.factories import question
from tests.unit.snapshots import snapshot

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("bench", "folder"),
    [
        ("/project/suites/general", "general"),
        ("/project/suites/shop/returns", "shop/returns"),
        ("/project/benches/chat", "benches/chat"),
        ("/project/suites", "suites"),
        ("/project", "project"),
        ("/elsewhere/mt_bench", "mt_bench"),
    ],
)
def test_snapshots_mirror_the_suites(bench: str, folder: str) -> None:
    assert snapshot_folder(ROOT, Path(bench)) == ROOT / "snapshots" / folder


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    return SnapshotFolder(tmp_path / "snapshots" / "chat", tmp_path)


def test_a_file_for_each_question(folder: SnapshotFolder) -> None:
    ids: list[QuestionId] = [1, "1", "a/b", "a_b", "…", "q-1", "../../etc"]
    files = [folder.file(question_id) for question_id in ids]
    assert len(set(files)) == len(ids)
    assert {file.parent for file in files} == {folder.path}
    assert [files[0].name, files[5].name] == ["1.json", "q-1.json"]
    assert folder.show(1) == "snapshots/chat/1.json"


def test_writing(folder: SnapshotFolder) -> None:
    assert folder.files() == []
    assert folder.write(1, "a\n") == "new"
    os.utime(folder.file(1), (1, 1))
    assert folder.write(1, "a\n") == "same"
    assert folder.file(1).stat().st_mtime == 1, "untouched"
    assert folder.write(1, "ü\n") == "changed"
    assert folder.file(1).read_bytes() == "ü\n".encode()
    assert [path.name for path in folder.path.iterdir()] == ["1.json"]


def test_what_was_read_is_read_again_once_it_was_written(folder: SnapshotFolder) -> None:
    first, second = snapshot(grades=(8, 8)), snapshot(grades=(7, 7))
    folder.write(1, dump(first))
    assert folder.read(folder.file(1)) == first
    folder.write(1, dump(second))
    assert folder.read(folder.file(1)) == second


def test_a_place_that_cannot_be_written(folder: SnapshotFolder, tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("a file where a folder should be")
    for attempt in (folder.make, lambda: folder.write(1, "a"), lambda: write_snapshot(folder.file(1), "a")):
        with pytest.raises(FileError, match="expected a place where snapshots can be written"):
            attempt()


def test_unused_are_those_of_no_question(folder: SnapshotFolder) -> None:
    for question_id in (1, 2, 9):
        folder.write(question_id, "{}")
    (folder.path / "notes.md").write_text("not ours")
    (folder.path / "deeper").mkdir()
    (folder.path / "deeper" / "7.json").write_text("another bench's")
    assert [path.name for path in folder.unused([question(1), question(2), question(3)])] == ["9.json"]
