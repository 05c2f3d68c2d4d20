"""The `mtbench` command in a process of its own, so that a test can break it off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Starts it in a folder, with a key that a local server takes."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # As a shell's background job a process would ignore SIGINT, and so would its children.
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "mtbench_pytest.cli", *words],
        cwd=folder,
        text=True,
        env=os.environ | {"OPENAI_API_KEY": "none"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **pipes,
    )


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """Runs it to its end: its exit status, stdout and stderr."""
    process = start(folder, *words)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err
