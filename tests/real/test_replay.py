"""Recorded on real parts, replayed with none of them: no server, no key, no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.real.gate import SUITE, Gate
from tests.real.server import ChatServer

ROOT = SUITE.parents[1]
KEY = "sk-of-this-test-alone"
SAME = ("decision", "reasons", "endpoints", "categories", "rows", "questions", "judge_fitness")
# Tells at the very end of a run what it has loaded.
PROBE = """
import sys
def pytest_unconfigure():
    print("loaded:", *sorted({"torch", "transformers", "openai", "sqlalchemy"} & set(sys.modules)))
"""


def same(gate: Gate) -> dict[str, Any]:
    return {key: gate.result[key] for key in SAME}


def loaded(gate: Gate) -> str:
    return next(line for line in gate.out.splitlines() if line.startswith("loaded:"))


def test_a_run_on_servers_is_replayed_when_they_are_gone(gate: Gate) -> None:
    """The root is the test's own folder, so that its snapshots are."""
    options = (f"--rootdir={gate.folder}", "--mtbench-sample=8")
    gate.keys = {"OPENAI_API_KEY": KEY}
    with ChatServer(key=KEY) as server:
        url = server.base_url
        parties = {
            "candidate": f"openai:weak?base_url={url}",
            "baseline": f"openai:strong?base_url={url}",
            "judge": f"openai:judge-small?base_url={url}",
        }
        status = gate.run("--mtbench-record=new", "-n2", *options, **parties)
    assert status == 20, gate.out
    live = same(gate)
    assert live["questions"] == {"expected": 8, "judged": 8}
    files = sorted((gate.folder / "snapshots" / "general").iterdir())
    texts = [path.read_text("utf-8") for path in files]
    assert len(files) == 8
    assert not [text for text in texts if KEY in text]
    (gate.folder / "store.db").unlink()
    del gate.keys["OPENAI_API_KEY"]
    assert gate.run("--mtbench-record=new", "-p", "no:xdist", *options, **parties) == 20, gate.out
    assert same(gate) == live
    # A process of its own shows that nobody was asked.
    (gate.folder / "probe.py").write_text(PROBE)
    apart = Gate(gate.folder)
    probed = (*options, "-p", "probe", "-p", "no:xdist")
    assert apart.run("--mtbench-record=none", *probed, **parties) == 20, apart.out
    assert same(apart) == live
    assert [path.read_text("utf-8") for path in files] == texts
    assert loaded(apart).strip() == "loaded:"


def test_the_suites_own_snapshots_are_replayed(tmp_path: Path) -> None:
    """What the demo model said and the checks made of it: a check that changed does not agree any more."""
    command = [sys.executable, "-W", "error", "-m", "pytest", "suites/general", "-p", "no:cacheprovider"]
    command += ["--mtbench-record=none", "--mtbench-sample=demo", "--mtbench-max-new-tokens=256"]
    command += ["--mtbench-candidate=demo", "--mtbench-baseline=demo", "--mtbench-judge=checks"]
    done = subprocess.run(
        [*command, f"--mtbench-report={tmp_path}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert result["decision"] == "PASS"
    assert result["questions"] == {"expected": 16, "judged": 16}
