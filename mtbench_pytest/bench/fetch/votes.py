"""The labels of a dataset on the Hugging Face Hub, as JSON Lines."""

from __future__ import annotations

import fnmatch
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.fetch.manifest import Collection, ListedFile
from mtbench_pytest.core.errors import FetchError, first_line
from mtbench_pytest.core.imports import library

# As they are written. The conversations stay where they are: they are long, and others' words.
_COLUMNS = ("judge", "model_a", "model_b", "question_id", "turn", "winner")
_EXTRA = ("human", "human-judgments")


def write_votes(collection: Collection, folder: Path) -> None:
    """Loads a dataset's files and writes their label columns to a folder.

    Raises:
        FetchError: In one line what was not as expected.
        OSError: Where it cannot be written.
    """
    hub, parquet = library("huggingface_hub", *_EXTRA), library("pyarrow.parquet", *_EXTRA)
    if not sys.stderr.isatty():
        library("huggingface_hub.utils", *_EXTRA).disable_progress_bars()
    with tempfile.TemporaryDirectory(dir=folder) as room:
        for wanted in collection.files:
            paths = _load(hub, collection, wanted, room)
            rows = [row for path in paths for row in _read(parquet, collection, path)]
            (folder / wanted.path).write_text("".join(map(_line, rows)), "utf-8")
            if problem := wanted.problem(folder):
                raise FetchError(collection.dataset, f"{wanted.path} {problem}", f"sha256 {wanted.sha256}")


def _load(hub: Any, collection: Collection, wanted: ListedFile, room: str) -> list[str]:
    where: dict[str, Any] = {"repo_type": "dataset", "revision": collection.revision}
    try:
        names = sorted(fnmatch.filter(hub.list_repo_files(collection.dataset, **where), wanted.source))
        paths = [hub.hf_hub_download(collection.dataset, name, cache_dir=room, **where) for name in names]
    except Exception as error:
        # The hub's library has dozens of errors, of its own and of the libraries below it.
        problem = f"the Hugging Face Hub gave nothing ({first_line(error)})"
        raise FetchError(collection.dataset, problem, "a connection") from None
    if not paths:
        raise FetchError(collection.dataset, f"no {wanted.source} there", "the dataset as published")
    return paths


def _read(parquet: Any, collection: Collection, path: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path, columns=list(_COLUMNS)).to_pylist()
    except (ValueError, KeyError) as error:  # pyarrow's own errors are of these kinds
        problem = f"{Path(path).name} cannot be read ({first_line(error)})"
        raise FetchError(collection.dataset, problem, "the dataset as published") from None
    return rows


def _line(row: dict[str, Any]) -> str:
    return json.dumps({key: row[key] for key in _COLUMNS}, ensure_ascii=False, separators=(",", ":")) + "\n"
