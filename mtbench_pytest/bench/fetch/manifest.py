"""What can be fetched, from where, and how it is known to be the right thing."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mtbench_pytest.core.files import cache_folder

_MANIFEST = Path(__file__).with_name("manifest.toml")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of a collection.

    Attributes:
        path: Where it lies in the collection's folder.
        source: Where it comes from, in the repository; of a dataset a pattern.
        sha256: Of its content.
        size: In bytes.
    """

    path: str
    source: str
    sha256: str
    size: int

    def problem(self, folder: Path) -> str:
        """What is wrong with the copy in a folder, or ""."""
        file = folder / self.path
        if not file.is_file():
            return "is missing"
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        return "" if found == self.sha256 else f"has sha256 {found}"


@dataclass(frozen=True, slots=True)
class Collection:
    """What one name brings: a bench, or a dataset's labels.

    Attributes:
        repository: On GitHub, owner and name; "" for a dataset.
        dataset: On the Hugging Face Hub; "" for a bench.
        revision: A tag, commit or branch.
    """

    name: str
    about: str
    licence: str
    revision: str
    files: tuple[ListedFile, ...]
    repository: str = ""
    dataset: str = ""

    @property
    def folder(self) -> Path:
        """Where it lies in the user's cache."""
        return (cache_folder() if self.dataset else benches_folder()) / self.name

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(file.size for file in self.files)

    @property
    def origin(self) -> str:
        """For people: where it comes from."""
        return f"{self.repository or self.dataset} {self.revision[:12]}"

    def problems(self) -> list[str]:
        """What is wrong with the copy in the cache, a line a file; empty where it is whole."""
        return [f"{file.path} {problem}" for file in self.files if (problem := file.problem(self.folder))]


def benches_folder() -> Path:
    """Where fetched benches lie, each under its name."""
    return cache_folder() / "benches"


@cache
def collections() -> Mapping[str, Collection]:
    """All of the manifest, by name."""
    return read_manifest(_MANIFEST)


def read_manifest(path: Path) -> dict[str, Collection]:
    """Reads a manifest."""
    tables = tomllib.loads(path.read_text("utf-8"))
    return {
        name: Collection(name=name, **table | {"files": tuple(ListedFile(**file) for file in table["files"])})
        for name, table in tables.items()
    }
