"""The shipped test module run as users run it: pytest on `general`, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# What a run within the test's process imports anew each time, unless it is there before.
import scipy.special
import scipy.stats  # noqa: F401
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

import mtbench_pytest.judges.openai
import mtbench_pytest.models.openai
import mtbench_pytest.plugin.session  # noqa: F401

SUITE = Path(__file__).resolve().parents[2] / "suites" / "general"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LLAMA = DATA / "mt_bench_llama3"
PUBLIC = DATA / "mt_bench"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the public records are not beside the project")


class Gate:
    """Runs the shipped test module in a folder of its own.

    Args:
        folder: Where it runs.
        pytester: Runs pytest inside the test's process, which spares two seconds of imports a run. Without
            one it runs in a process of its own.

    Attributes:
        keys: Environment variables for the runs; none of the machine's own keys is among them.
    """

    def __init__(self, folder: Path, pytester: pytest.Pytester | None = None) -> None:
        self.folder = folder
        self.out = ""
        self.keys: dict[str, str] = {}
        self._pytester = pytester

    def run(self, *options: str, **parties: str) -> int:
        words = [str(SUITE), "-W", "error", "-p", "no:cacheprovider"]
        # pytest's root is the checkout, whose own store is none of a test's.
        words += [f"--mtbench-store={self.folder}/store.db"]
        if not any(option.startswith("--mtbench-bench") for option in options):
            words += ["--mtbench-sample=demo"]  # unless the options name another: the last one binds
        words += [f"--mtbench-{party}={spec}" for party, spec in parties.items()]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name in ("OPENAI_API_KEY", "CI"):
                patch.delenv(name, raising=False)
            for name, value in self.keys.items():
                patch.setenv(name, value)
            return self._call(*words, *options)

    def _call(self, *words: str) -> int:
        if self._pytester is not None:
            result = self._pytester.runpytest_inprocess(*words)
            self.out = f"{result.stdout}\n{result.stderr}"
            return int(result.ret)
        command = [sys.executable, "-W", "error", "-m", "pytest", *words]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
        self.out = done.stdout + done.stderr
        return done.returncode

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.folder / "mtbench-report/result.json").read_text("utf-8"))
        return result
