"""Files of ours: where they are kept, what they are called, and how they are written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
    """Writes each file, given in parts of text, whole or not at all.

    Raises:
        OSError: Where one cannot be written.
    """
    for name, parts in files.items():
        write_whole(folder / name, parts)


def write_whole(path: Path, parts: Iterable[str]) -> None:
    """Writes a file whole or not at all, with the folders above it.

    Args:
        parts: Its text.

    Raises:
        OSError: Where it cannot be written; nothing is left of it then.
    """
    # Of a name of its own: two processes may write the same file at the same time.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # What no encoding can write is written as an escape: a file is worth more than one character.
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.writelines(parts)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise


def relative(path: Path, base: Path) -> str:
    """A path as a reader finds it from a folder: relative where it lies inside."""
    return str(path.relative_to(base) if path.is_relative_to(base) else path)
