"""The workflow of docs/ci.md: it is YAML, and what its steps run does what the page says, without GitHub."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from mtbench_pytest.cli import main
from tests.plugin.harness import Example

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
GOOD, BAD = "answers:recorded/good.jsonl", "answers:recorded/bad.jsonl"


def block(kind: str, number: int = 0) -> str:
    """A fenced block of the page."""
    return str(re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[number])


WORKFLOW: Mapping[Any, Any] = yaml.safe_load(block("yaml"))


def job(name: str, workflow: Mapping[Any, Any] = WORKFLOW) -> Sequence[Mapping[str, Any]]:
    steps: Sequence[Mapping[str, Any]] = workflow["jobs"][name]["steps"]
    return steps


@dataclass
class Step:
    """A step that has run: its status and its log."""

    status: int
    log: str


class Runner:
    """Runs a job's commands as GitHub's runner does: each in a shell of its own, until one fails.

    Installing is left out, and the actions of others: they check out, cache and upload.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.summary = workspace / "step_summary.md"

    def run(self, steps: Sequence[Mapping[str, Any]], env: Mapping[str, str]) -> list[Step]:
        done: list[Step] = []
        for step in steps:
            if "run" not in step or step["run"].startswith("pip install"):
                continue
            given = {name: env.get(name, value) for name, value in step.get("env", {}).items()}
            assert not [value for value in given.values() if "${{" in value], "an expression of GitHub's"
            done.append(self.shell(step["run"], {**env, **given}))
            if done[-1].status:
                break
        return done

    def shell(self, command: str, env: Mapping[str, str]) -> Step:
        script = self.workspace / "step.sh"
        script.write_text(command)
        self.summary.write_text("")
        actions = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.workspace}",
        }
        done = subprocess.run(
            ["bash", "-e", str(script)],
            cwd=self.workspace,
            env={**os.environ, **actions, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Step(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def runner(example: Example, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A repository with a suite as `mtbench init` makes it, recorded answers to it and judgments of them."""
    monkeypatch.chdir(example.path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (example.path / ".git").mkdir()
    (example.path / "pytest.ini").write_text("[pytest]\n")
    assert main(["init", "suites/support"]) == 0
    # Three questions show little of others: with the usual margins none would pass.
    config = example.path / "suites/support/bench.toml"
    config.write_text(config.read_text("utf-8").replace("run = 0.5 ", "run = 9").replace("= 0.10", "= 0.5"))
    lines = (example.path / "suites/support/question.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    for name, grade in (("good", 8), ("bad", 2), ("old", 8)):
        answers = [
            {
                "question_id": question["question_id"],
                "choices": [{"turns": [f"{name}, worth {grade}" for _ in question["turns"]]}],
            }
            for question in questions
        ]
        (example.path / "recorded").mkdir(exist_ok=True)
        (example.path / "recorded" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, answers)))
    for name in ("good", "bad"):
        example.run(
            "suites/support",
            f"--mtbench-report=recorded/{name}",
            candidate=f"answers:recorded/{name}.jsonl",
            baseline="answers:recorded/old.jsonl",
        )
    return Runner(example.path)


def against_old(candidate: str) -> dict[str, str]:
    """What the workflow's `env` says, with recordings instead of servers."""
    assert set(WORKFLOW["env"]) == {"CANDIDATE", "BASELINE", "JUDGE"}
    name = "good" if candidate == GOOD else "bad"
    return {
        "CANDIDATE": candidate,
        "BASELINE": "answers:recorded/old.jsonl",
        "JUDGE": f"judgments:recorded/{name}/model_judgment",
        "STORE": ".mtbench/store.db",
        "OPENAI_API_KEY": "",
    }


def test_the_gate_leaves_what_the_page_says(runner: Runner) -> None:
    lint, gate = runner.run(job("gate"), against_old(BAD))
    assert lint.status == 0
    assert gate.status == 20, gate.log
    commands = [line for line in gate.log.splitlines() if line.startswith("::")]
    assert commands[0].startswith("::error title=support%3A REGRESSION::")
    assert commands[1].startswith("::warning file=suites/support/question.jsonl,line=1,title=")
    assert len(commands) == 4
    summary = runner.summary.read_text("utf-8")
    assert summary.startswith("## support: REGRESSION\n")
    assert summary.count("<details>") == 3
    report = runner.workspace / "mtbench-report"
    assert json.loads((report / "result.json").read_text("utf-8"))["decision"] == "REGRESSION"
    assert (report / "report.html").is_file()
    suite = ElementTree.parse(report / "junit.xml").getroot().find("testsuite/properties")
    assert suite is not None
    assert suite.find("property[@name='mtbench.support.decision'][@value='REGRESSION']") is not None


def test_a_pull_request_replays_what_was_recorded(runner: Runner) -> None:
    """Neither models nor judge are there any more, and the rows are those of the run that was recorded."""
    stage = runner.workspace / "stage.py"
    parties = {"CANDIDATE": "python:stage:model?name=new", "BASELINE": "python:stage:model?name=old"}
    parties["JUDGE"] = "python:stage:judge"
    assert runner.shell(block("sh", 0), parties).status == 0
    result = runner.workspace / "mtbench-report" / "result.json"
    recorded = json.loads(result.read_text("utf-8"))
    stage.unlink()
    assert len(list((runner.workspace / "snapshots" / "support").glob("*.json"))) == len(recorded["rows"])
    lint, replay = runner.run(job("replay"), parties)
    assert (lint.status, replay.status) == (0, 0), replay.log
    assert "::notice title=support%3A PASS::" in replay.log
    assert json.loads(result.read_text("utf-8"))["rows"] == recorded["rows"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's script reads JSON with jq")
def test_only_what_passed_is_promoted(runner: Runner) -> None:
    (runner.workspace / "promote.sh").write_text(block("sh", 1))
    (promote,) = (step["run"] for step in job("promote") if "run" in step)
    assert runner.shell(promote, {}).status != 0, "there is no result yet"
    report = runner.workspace / "mtbench-report"
    shutil.copytree(runner.workspace / "recorded/good", report)
    done = runner.shell(promote, {})
    assert (done.status, done.log) == (0, f"promoting {GOOD}\n")
    shutil.copytree(runner.workspace / "recorded/bad", report, dirs_exist_ok=True)
    done = runner.shell(promote, {})
    assert done.status == 1
    assert f"{BAD} is not promoted: REGRESSION" in done.log


def test_jobs_start_when_they_should() -> None:
    jobs = WORKFLOW["jobs"]
    assert set(WORKFLOW[True]) == {"pull_request", "push", "schedule"}  # YAML 1.1 reads `on` as true
    assert jobs["replay"]["if"] == "github.event_name == 'pull_request'"
    assert jobs["gate"]["if"] == "github.event_name != 'pull_request'"
    assert (jobs["promote"]["needs"], jobs["promote"]["if"]) == ("gate", "github.event_name == 'push'")
    # Only the job that no pull request starts has the key.
    assert "secrets." not in json.dumps(jobs["replay"]) + json.dumps(WORKFLOW["env"])


def test_the_workflow_of_a_new_suite_is_the_same_job(runner: Runner) -> None:
    """Started by hand instead, so that its parties are inputs and its store is the usual one."""
    text = (runner.workspace / ".github/workflows/mtbench-support.yml").read_text("utf-8")
    own = yaml.safe_load(text)
    steps = json.loads(json.dumps(job("gate")))
    for step in steps:
        step.get("env", {}).pop("STORE", None)
        if "run" in step:
            step["run"] = step["run"].replace('--mtbench-store "$STORE" ', "")
    assert job("gate", own) == steps
    assert set(own["env"]) == set(WORKFLOW["env"])
    assert {str(value) for value in own["env"].values()} == {
        f"${{{{ inputs.{name} }}}}" for name in own[True]["workflow_dispatch"]["inputs"]
    }
