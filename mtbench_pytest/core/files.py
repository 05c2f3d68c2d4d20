"""Files of ours: where they are kept, what they are called, and how they are written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path


def cache_folder() -> Path:
    """`$MTBENCH_CACHE`, else `$XDG_CACHE_HOME/mtbench-pytest`, else `~/.cache/mtbench-pytest`."""
    if own := os.environ.get("MTBENCH_CACHE"):
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "mtbench-pytest"


@cache
def file_name(name: str) -> str:
    """A model's or judge's name as a file name on any system."""
    return re.sub(r"[^\w.@+-]+", "_", name).strip("._") or "model"


def write_files(folder: Path, files: Mapping[str, Iterable[str]]) -> None:
    """Writes each file, given in parts, whole or not at all."""
    for name, parts in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        # What no encoding can write is written as an escape: a report is worth more than one character.
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(parts)
        unfinished.replace(path)


def relative(path: Path, base: Path) -> str:
    """A path as a reader finds it from a folder: relative where it lies inside."""
    return str(path.relative_to(base) if path.is_relative_to(base) else path)
