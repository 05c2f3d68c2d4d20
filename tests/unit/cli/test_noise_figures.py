"""`mtbench noise`: the judge's wobble by frozen answers, resumable, ready for bench.toml."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.config import read_config
from mtbench_pytest.cli import main
from mtbench_pytest.findings.noise import planned_floor
from mtbench_pytest.models.recorded import RecordedAnswers
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.store.database import open_database, sqlite_url
from mtbench_pytest.store.store import Store
from tests.unit.factories import answer_line, loaded, question_line, single_line, write_jsonl
from tests.unit.parties import row as row_of
from tests.unit.parties import running

# Question 1 gets 6, 8, 6, 8 and so on, the others 7. What is asked goes to a file.
JUDGE = """
from pathlib import Path
from mtbench_pytest.core.errors import ServiceError, VerdictError
from mtbench_pytest.judges.scripted import ScriptedJudge

def wobbly(fail="", down="", name="wobbly"):
    def say(task):
        number = task.question.question_id
        with Path("asked.log").open("a") as file:
            file.write(f"{number} {task.turn} {task.repeat}\\n")
        if str(number) == fail:
            return VerdictError("the judge was at lunch")
        if down:
            return ServiceError("http://judge.test/v1", "401 wrong key", "a key that this server takes")
        return f"[[{7 if number > 1 else 6 + 2 * (task.repeat % 2 == 0)}]]"
    return ScriptedJudge(say, name, free=False)
"""
WOBBLY = "python:wobbly_judge:wobbly"
FILE = "model_answer/frozen.jsonl"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bench of four questions in two turns, and recorded answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "wobbly_judge.py").write_text(JUDGE)
    loaded(tmp_path / "bench", *(question_line(n) for n in range(1, 5)))
    write_jsonl(tmp_path / FILE, [answer_line(n, f"one {n}", f"two {n}") for n in range(1, 5)])
    return tmp_path


def noise(*options: str, judge: str = WOBBLY, answers: str = FILE) -> int:
    judged = [] if "--judge" in options else ["--judge", judge]
    return main(["noise", "bench", "--answers", answers, *judged, *options])


@pytest.mark.usefixtures("home")
def test_several_judges_and_their_panel(capsys: pytest.CaptureFixture[str]) -> None:
    """Two judges of SD 0.7071 each wobble together as √(0.5 + 0.5) / 2 = 0.5."""
    judges = ["--judge", WOBBLY, "--judge", f"{WOBBLY}?name=other"]
    assert noise(*judges, "--repeats", "2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["judge"] for one in found["judges"]] == ["wobbly", "other"]
    floors = [one["runs"][0]["floor"] for one in found["judges"]]
    assert found["panel"][0]["floor"] == pytest.approx(floors[0] / 2**0.5)


def asked() -> Counter[str]:
    """What the judge was asked since last looked."""
    log = Path("asked.log")
    lines = Counter(log.read_text().splitlines()) if log.exists() else Counter[str]()
    log.unlink(missing_ok=True)
    return lines


def test_the_figures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of eight replies get 6 and 8, squares 2 each, over eight degrees of freedom: √0.5."""
    assert noise("--repeats", "2") == 0
    out = capsys.readouterr().out
    assert "wobbly: 8 replies of 4 questions, 2 grades each; 16 of 16 judgments were made now" in out
    assert "within-answer SD      0.707 points" in out
    assert "grades that changed   2 of 8 replies: 25.0 %, 95 % bounds" in out
    floor = planned_floor(0.5**0.5, [2] * 4, 1)
    assert f"    1{floor:>14.3f}" in out
    assert "[judge_noise]" in out
    table = out[out.index("[judge_noise]") :]
    assert tomllib.loads(table) == {"judge_noise": {"wobbly": 0.71}}
    (home / "bench" / "bench.toml").write_text(table)
    assert read_config(home / "bench" / "bench.toml").judge_noise == {"wobbly": 0.71}


@pytest.mark.usefixtures("home")
def test_what_is_graded_is_not_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    noise("--repeats", "2")
    assert asked().total() == 16
    noise("--repeats", "2")
    assert asked().total() == 0
    assert "0 of 16 judgments were made now" in capsys.readouterr().out
    noise("--repeats", "3")
    assert {line.split()[2] for line in asked()} == {"3"}
    assert "8 of 24 judgments were made now" in capsys.readouterr().out


def test_an_ordinary_runs_judgment_is_the_first_of_them(home: Path) -> None:
    import wobbly_judge  # type: ignore[import-not-found]

    bench, frozen = load_bench(home / "bench"), RecordedAnswers(home / FILE)
    database = open_database(sqlite_url(home / ".mtbench" / "store.db"))
    judge = wobbly_judge.wobbly()
    contest = Contest(bench, {"candidate": frozen, "baseline": frozen}, {judge.name: judge})
    with running(contest, store=Store(database)) as pipeline:
        pipeline.request(bench.questions)
        for question in bench.questions:
            row_of(pipeline, question.question_id)
    database.close()
    assert asked().total() == 8
    assert noise("--repeats", "2") == 0
    assert {line.split()[2] for line in asked()} == {"2"}


@pytest.mark.usefixtures("home")
def test_the_store_of_a_folder_above_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    noise("--repeats", "2")
    asked()
    Path("below").mkdir()
    monkeypatch.chdir("below")
    answers = ["--answers", f"../{FILE}", "--judge", WOBBLY, "--repeats", "2"]
    assert main(["noise", "../bench", *answers]) == 0
    assert asked().total() == 0


def test_a_store_of_its_own_or_none(home: Path) -> None:
    for _ in range(2):
        noise("--repeats", "2", "--store", "none")
        assert asked().total() == 16
    assert not (home / ".mtbench").exists()
    for count in (16, 0):
        noise("--repeats", "2", "--store", "kept/here.db")
        assert asked().total() == count
    assert (home / "kept" / "here.db").is_file()


@pytest.mark.usefixtures("home")
def test_a_sample_is_graded_and_the_bench_is_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert noise("--repeats", "4", "--sample", "2") == 0
    assert len({line.split()[0] for line in asked()}) == 2
    out = capsys.readouterr().out
    assert "4 replies of 2 questions, 4 grades each" in out
    assert "A run on the bench's 4 questions" in out
    assert [line.split()[0] for line in out.splitlines() if line[:5].strip().isdigit()] == [
        "1",
        "2",
        "3",
        "4",
        "5",
    ]


@pytest.mark.usefixtures("home")
def test_what_fails_is_told_and_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert noise("--repeats", "2", judge=f"{WOBBLY}?fail=2") == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "4 judgments could not be had; the same command asks for them again:"
    assert out[1] == "  4 x the judge was at lunch"
    assert "6 replies of 3 questions" in out[2]
    asked()
    assert noise("--repeats", "2") == 0
    assert {line.split()[0] for line in asked()} == {"2"}


@pytest.mark.usefixtures("home")
def test_where_all_fails_there_are_no_figures(capsys: pytest.CaptureFixture[str]) -> None:
    loaded(Path("bench"), question_line(2))
    assert noise("--repeats", "2", judge=f"{WOBBLY}?fail=2") == 1
    assert capsys.readouterr().out.endswith("no reply was graded more than once: nothing can be told\n")


@pytest.mark.usefixtures("home")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert noise("--repeats", "2", "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["judge"], told["questions"], told["judgments"], told["made"]) == ("wobbly", 4, 16, 16)
    assert round(told["noise"]["within_answer_sd"], 6) == round(0.5**0.5, 6)
    assert (told["noise"]["replies"], told["noise"]["changed"]) == (8, 2)
    assert [run["repeats"] for run in told["runs"]] == [1, 2, 3, 5]
    assert told["runs"][0]["floor"] < told["runs"][0]["margin"]


def test_recorded_repeats_tell_it_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report's own files, of a run with repeats: nobody is asked."""
    lines = [
        single_line(7 + repeat, question_id=n, turn=turn, model="frozen", repeat=repeat)
        for n in range(1, 5)
        for turn in (1, 2)
        for repeat in (1, 2)
    ]
    write_jsonl(home / "gpt-4_single.jsonl", lines)
    assert noise("--repeats", "2", judge="judgments:gpt-4_single.jsonl") == 0
    out = capsys.readouterr().out
    assert "gpt-4: 8 replies of 4 questions, 2 grades each; 0 of 16 judgments were made now" in out
    assert "grades that changed   8 of 8 replies: 100.0 %" in out
    assert noise("--repeats", "3", judge="judgments:gpt-4_single.jsonl") == 2
    assert "no answer has more than 2 grades; expected 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--answers", "gone.jsonl"], "gone.jsonl: no such file; expected a file of model answers"),
        (["--answers", "few.jsonl"], "few.jsonl: no answer to question 2 and 2 more; expected"),
        (["--judge", "gpt-4o"], "gpt-4o: unknown kind 'gpt-4o' of judge"),
        (["--judge", "checks"], "the checks judge grades only questions with checks"),
        (["--judge", f"{WOBBLY}?down=1"], "http://judge.test/v1: 401 wrong key; expected a key"),
        (["--sample", "9"], "sample '9': no such sample of the bench bench; expected a number from 1 to 4"),
        (["--store", "few.jsonl/store.db"], "expected a database that can be opened"),
    ],
)
def test_mistakes_are_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    write_jsonl(home / "few.jsonl", [answer_line(1, "one", "two")])
    assert noise(*options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_judge_that_says_the_same_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked = (question_line(n, checks=[[{"contains": "one"}], []]) for n in range(1, 5))
    loaded(home / "bench", *checked)
    assert noise(judge="checks") == 2
    assert "says the same each time, asked once or 5 times" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_bench_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["noise", "gone", "--answers", FILE, "--judge", WOBBLY]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("value", ["1", "0", "many"])
def test_there_are_at_least_two_repeats(capsys: pytest.CaptureFixture[str], value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        noise("--repeats", value)
    assert ended.value.code == 2
    assert "expected a whole number from 2 up" in capsys.readouterr().err
