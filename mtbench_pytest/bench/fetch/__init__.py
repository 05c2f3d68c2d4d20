"""Public benches and votes, brought to the user's cache: whole and right, or not at all."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mtbench_pytest.bench.fetch.download import download_file
from mtbench_pytest.bench.fetch.manifest import Collection
from mtbench_pytest.bench.fetch.votes import write_votes
from mtbench_pytest.core.errors import FetchError

GITHUB = "https://raw.githubusercontent.com"


def fetch(collection: Collection, base_url: str = GITHUB) -> Path:
    """Loads a collection, whatever is in the cache.

    All files are loaded to a folder beside, and that is renamed into place: a fetch that is killed leaves the
    old copy or none, and two at once do no harm.

    Args:
        collection: What to load.
        base_url: GitHub's raw files, or a mirror of them.

    Returns:
        Its folder.

    Raises:
        FetchError: In one line why nothing was taken.
    """
    folder = collection.folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder.parent) as name:
            made = Path(name) / "made"
            made.mkdir()
            if collection.dataset:
                write_votes(collection, made)
            else:
                _load(collection, made, base_url)
            _publish(collection, made, Path(name) / "old")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FetchError(
            f"{error.filename or folder}", reason, "a cache to write to (MTBENCH_CACHE)"
        ) from None
    return folder


def _load(collection: Collection, made: Path, base_url: str) -> None:
    from tqdm import tqdm

    with tqdm(
        total=collection.size,
        desc=collection.name,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=not sys.stderr.isatty(),
    ) as bar:
        for wanted in collection.files:
            target = made / wanted.path
            target.parent.mkdir(parents=True, exist_ok=True)
            url = "/".join((base_url.rstrip("/"), collection.repository, collection.revision, wanted.source))
            download_file(url, target, wanted, bar.update)


def _publish(collection: Collection, made: Path, aside: Path) -> None:
    folder = collection.folder
    try:
        if folder.exists():
            folder.rename(aside)  # goes with the temporary folder
        made.rename(folder)
    except OSError:
        # Another process was first; its copy is as good.
        if collection.problems():
            raise
