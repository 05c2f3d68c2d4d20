"""Who did something, when, and on what state of a repository, as git tells it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PATIENCE = 10.0  # seconds


def provenance(folder: Path = Path()) -> dict[str, Any]:
    """Who and when; null where git does not know, outside a repository for one.

    Args:
        folder: Somewhere in the repository.
    """
    head = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no") if head else None
    return {
        "name": _git(folder, "config", "user.name") or None,
        "email": _git(folder, "config", "user.email") or None,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "head": head or None,
        "dirty": None if changed is None else bool(changed),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where there is no git or it has nothing to say."""
    if (git := shutil.which("git")) is None:
        return None
    command = [git, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
