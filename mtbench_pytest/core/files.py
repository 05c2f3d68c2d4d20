"""Where fetched benches and models are kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$MTBENCH_CACHE`, else `$XDG_CACHE_HOME/mtbench-pytest`, else `~/.cache/mtbench-pytest`."""
    if own := os.environ.get("MTBENCH_CACHE"):
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "mtbench-pytest"
