"""The `mtbench` command: inside the test's process, or in one of its own that a test can break off."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.cli import main

KEY = {"OPENAI_API_KEY": "none"}  # a local server takes it


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Starts it in a folder, in a process of its own."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # As a shell's background job a process would ignore SIGINT, and so would its children.
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "mtbench_pytest.cli", *words],
        cwd=folder,
        text=True,
        env=os.environ | KEY,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **pipes,
    )


def run_apart(folder: Path, *words: str) -> tuple[int, str, str]:
    """Runs it to its end in a process of its own: its exit status, stdout and stderr."""
    process = start(folder, *words)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """The same inside this process, which spares the imports."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in KEY.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(words)
    return status, out.getvalue(), err.getvalue()
