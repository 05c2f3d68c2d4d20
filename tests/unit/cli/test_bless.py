"""`mtbench bless`: a run's candidate, frozen."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mtbench_pytest.cli import main
from mtbench_pytest.cli.bless import bless, provenance
from mtbench_pytest.core.errors import FileError, GivenError, MTBenchError, SpecError
from mtbench_pytest.judges.fastchat import read_judgments
from mtbench_pytest.models.blessed import file_digest, read_blessed
from mtbench_pytest.models.recorded import recorded_replies
from tests.unit.blessing import Home
from tests.unit.factories import read_lines


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def passed(home: Home) -> Home:
    """A run that passed has been made."""
    home.run(home.answers("new", 8, 7), home.answers("old", 8, 7), "served=judge-1")
    return home


def test_what_is_frozen(passed: Home) -> None:
    blessed = passed.bless()
    assert sorted(p.relative_to(blessed.path).as_posix() for p in blessed.path.rglob("*") if p.is_file()) == [
        "manifest.json", "model_answer/new.jsonl", "model_judgment/judge_single.jsonl"
    ]  # fmt: skip
    replies = recorded_replies(blessed.answers)
    assert replies[1][0].text == "new 1.1, worth 8"
    (judge,) = blessed.judges
    assert judge.judgments is not None
    singles = read_judgments(judge.judgments).singles
    assert {(line.question_id, line.turn): line.score for line in singles} == {
        (n, turn): 8 if n == 1 else 7 for n in range(1, 7) for turn in (1, 2)
    }
    assert {line.model for line in singles} == {"new"}, "the other side is none of it"
    assert {line.served_model for line in singles} == {"judge-1"}


def test_the_manifest_says_what_it_rests_on(passed: Home) -> None:
    blessed = passed.bless()
    manifest, result = blessed.manifest, passed.result
    assert manifest["model"] == result["candidate"]
    assert manifest["judge"]["identity"] == {"kind": "scripted", "model": "judge", "temperature": 0.0}
    assert manifest["judge"]["served"] == [{"model": "judge-1", "fingerprint": ""}]
    assert manifest["bench"]["sha256"] == result["bench"]["sha256"]
    assert manifest["bench"]["prompts_sha256"] == result["bench"]["prompts_sha256"]
    assert manifest["sampling"] == {
        "seed": 0, "max_new_tokens": 1024, "temperature": {"writing": 0.7, "travel": 0.7}
    }  # fmt: skip
    assert (manifest["decision"]["outcome"], manifest["decision"]["forced"]) == ("PASS", False)
    assert manifest["versions"]["mtbench-pytest"] == manifest["versions"]["blessed with"]
    assert manifest["blessed"]["at"].startswith("20")
    assert {name: file_digest(blessed.path / name) for name in manifest["files"]} == manifest["files"]
    assert len(manifest["questions"]) == 6
    blessed.verify()


def test_all_samples_are_frozen(home: Home) -> None:
    home.run("python:tests.unit.blessing:drawing?grades=8,9,7", home.answers("old", 8), samples="3")
    blessed = home.bless()
    assert blessed.samples == 3
    for number, grade in enumerate("897"):
        assert recorded_replies(blessed.answers, number)[1][0].text == f"drawn, worth {grade}"
    lines = read_lines(blessed.path / "model_judgment" / "judge_single.jsonl")
    assert [(line.get("sample", 1), line["score"]) for line in lines[:6]] == [
        (1, 8), (1, 8), (2, 9), (2, 9), (3, 7), (3, 7)
    ]  # fmt: skip


def refused(error: type[MTBenchError], home: Home, *words: str, name: str = "v1", **how: bool) -> None:
    with pytest.raises(error) as caught:
        home.bless(name, **how)
    told = str(caught.value)
    assert "\n" not in told
    assert not [word for word in words if word not in told], told
    assert not list(home.path.rglob("*.unfinished"))


def test_a_regression_is_refused_unless_forced(home: Home) -> None:
    home.run(home.answers("new", 4), home.answers("old", 8))
    refused(GivenError, home, "its decision is REGRESSION", "or --force")
    blessed = home.bless(force=True)
    assert blessed.manifest["decision"]["forced"]
    assert blessed.manifest["decision"]["outcome"] == "REGRESSION"


def test_a_part_of_a_bench_is_refused_unless_forced(home: Home) -> None:
    home.run(home.answers("new", 8), home.answers("old", 8), select=[1, 2])
    refused(GivenError, home, "its decision is PARTIAL", "or --force")
    assert [entry["question_id"] for entry in home.bless(force=True).manifest["questions"]] == [1, 2]


def test_no_verdict_is_refused_unless_forced(home: Home) -> None:
    home.run(home.answers("new", 8), home.answers("old", 8), "fail=3,4")
    refused(GivenError, home, "its decision is NO VERDICT")
    made = bless(home.path / "mtbench-report", "v1", home.baselines, force=True)
    assert (made.answers, made.left_out) == (4, (3, 4))


def test_a_run_that_passed_but_lacks_something_is_refused_unless_forced(tmp_path: Path) -> None:
    home = Home(tmp_path, questions=40)
    _, decision = home.run(home.answers("new", 8), home.answers("old", 8), "fail=3", early_stop="off")
    assert decision.outcome == "PASS"
    refused(GivenError, home, "no answer or grade of question 3;", "--mtbench-early-stop off")


def test_a_run_that_stopped_early_is_refused_with_the_option_that_asks_all(tmp_path: Path) -> None:
    home = Home(tmp_path, questions=40)
    _, decision = home.run(home.answers("new", 8), home.answers("old", 8), early_stop="on")
    assert decision.early is not None
    assert decision.early.stopped
    refused(GivenError, home, "no answer or grade of question", "again with --mtbench-early-stop off makes")


def test_a_name_that_is_taken(passed: Home) -> None:
    passed.bless()
    refused(GivenError, passed, "there is one already", "--replace")
    passed.run(passed.answers("newer", 9), passed.answers("old", 8))
    assert passed.bless(replace=True).model == "newer"
    assert [path.name for path in passed.baselines.iterdir()] == ["v1"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-", "../v1", ".hidden", "a b"])
def test_a_name_that_is_no_folder(passed: Home, name: str) -> None:
    refused(SpecError, passed, "--as", "letters, digits", name=name)


def test_a_folder_without_a_report(home: Home) -> None:
    refused(FileError, home, "result.json: no such file", "mtbench-report")
    (home.path / "mtbench-report").mkdir()
    for text in ("{}", '{"asked": []}', '{"asked": 1, "decision": "PASS"}', "[]", "{"):
        (home.path / "mtbench-report" / "result.json").write_text(text)
        refused(FileError, home, "result.json: no")


def test_where_the_last_run_was_a_part_it_says_so(passed: Home) -> None:
    report = passed.path / "mtbench-report"
    (report / "partial").mkdir()
    (report / "result.json").rename(report / "partial" / "result.json")
    refused(FileError, passed, "the last run was a part", "partial --force")
    (report / "partial" / "result.json").rename(report / "result.previous.json")
    refused(FileError, passed, "the last run came to no decision")


def test_a_place_that_cannot_be_written(passed: Home) -> None:
    (passed.path / "snapshots").write_text("a file")
    refused(FileError, passed, "snapshots/baselines/v1: ", "a folder to write to")


def test_the_command(
    passed: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(passed.path)
    assert main(["bless", "--as", "v1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "snapshots/baselines/v1: 6 answers of new, 12 grades by judge; the run's decision was PASS",
        "--mtbench-baseline blessed:v1",
    ]
    assert main(["bless", "mtbench-report", "--as", "v2", "--into", "elsewhere"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "--mtbench-baseline blessed:elsewhere/v2"
    assert read_blessed(Path("elsewhere/v2")).name == "v2"
    assert main(["bless", "--as", "v1"]) == 2
    assert capsys.readouterr().err.startswith(
        "mtbench: snapshots/baselines/v1: there is one already; expected"
    )


# Who and when.


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_who_and_when_in_a_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "Ann")
    git(tmp_path, "config", "user.email", "ann@example.org")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "one")
    known = provenance(tmp_path)
    assert (known["name"], known["email"]) == ("Ann", "ann@example.org")
    assert known["head"] == git(tmp_path, "rev-parse", "HEAD")
    assert known["dirty"] is False
    (tmp_path / "file").write_text("two")
    assert provenance(tmp_path)["dirty"] is True


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    known = provenance(tmp_path)
    assert (known["head"], known["dirty"]) == (None, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    without = provenance(tmp_path)
    assert (without["name"], without["email"], without["head"]) == (None, None, None)
    assert json.dumps(without)
