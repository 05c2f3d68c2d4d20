"""`mtbench reference`: a model's answers for a person to review; nothing that is there is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.cli import main
from mtbench_pytest.core.jsonl import dump_jsonl

CATEGORIES = {1: "writing", 2: "math", 3: "coding", 4: "math"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bench of four questions, three of them judged against a reference, and a model's answers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench").mkdir()
    lines = [
        {"question_id": n, "category": category, "turns": [f"Ask {n}.", "And then?"]}
        for n, category in CATEGORIES.items()
    ]
    (tmp_path / "bench/question.jsonl").write_text(dump_jsonl(lines))
    (tmp_path / "strong.jsonl").write_text(dump_jsonl(answer(n) for n in CATEGORIES))
    return tmp_path


def answer(number: int, *texts: str, **more: Any) -> dict[str, Any]:
    turns = list(texts) or [f"Answer {number}.", f"More of {number}."]
    return {"question_id": number, "choices": [{"index": 0, "turns": turns, **more}]}


def file_of(home: Path, name: str = "strong") -> Path:
    return home / f"bench/reference_answer/{name}.jsonl"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def make(*options: str, model: str = "answers:strong.jsonl") -> int:
    return main(["reference", "bench", "--model", model, *options])


def test_the_questions_judged_against_a_reference_are_answered(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make() == 0
    found = rows(file_of(home))
    assert [row["question_id"] for row in found] == [2, 3, 4]
    assert found[0]["model_id"] == "strong"
    assert found[0]["choices"][0]["turns"] == ["Answer 2.", "More of 2."]
    assert load_bench(home / "bench").questions[1].reference == ("Answer 2.", "More of 2.")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{home}/bench/reference_answer/strong.jsonl: 3 answers written"
    assert "13 are wrong (FastChat pull request 3158)" in out[1]
    assert out[1].endswith(f"Then: mtbench lint {home}/bench")


def test_what_is_there_stays_to_the_byte(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corrected = b'{"choices": [{"turns": ["Right \xe2\x80\x94 by hand.", "Too."]}],   "question_id": 3}\r\n'
    file_of(home).parent.mkdir()
    file_of(home).write_bytes(corrected)
    assert make() == 0
    lines = file_of(home).read_bytes().split(b"\n")
    assert [json.loads(line)["question_id"] for line in lines if line] == [2, 3, 4], "in the bench's order"
    assert lines[1] == corrected.rstrip(b"\r\n")
    assert "2 answers written, 1 were there" in capsys.readouterr().out
    before = file_of(home).read_bytes()
    assert make() == 0
    assert file_of(home).read_bytes() == before
    assert "0 answers written, 3 were there" in capsys.readouterr().out


@pytest.mark.parametrize("half", ['{"question_id": 3, "choices": [{"tur', '{"question_id": 3, "cho\xc3'])
def test_half_a_line_is_taken_away_and_asked_again(
    home: Path, capsys: pytest.CaptureFixture[str], half: str
) -> None:
    file_of(home).parent.mkdir()
    file_of(home).write_bytes(json.dumps(answer(2)).encode() + b"\n" + half.encode("latin-1"))
    assert make() == 0
    assert [row["question_id"] for row in rows(file_of(home))] == [2, 3, 4]
    out = capsys.readouterr().out
    assert "an unfinished last line was taken away" in out
    assert "2 answers written, 1 were there" in out


def test_a_whole_last_line_without_its_end_is_kept(home: Path) -> None:
    file_of(home).parent.mkdir()
    file_of(home).write_text(json.dumps(answer(4, "Mine.", "Mine.")))
    assert make() == 0
    assert rows(file_of(home))[2]["choices"][0]["turns"] == ["Mine.", "Mine."]


def test_categories_and_another_file(home: Path) -> None:
    assert make("--categories", "writing,coding", "--output", "mine/ref.jsonl") == 0
    assert [row["question_id"] for row in rows(home / "mine/ref.jsonl")] == [1, 3]
    assert not file_of(home).exists()


def test_several_files_need_a_choice(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file_of(home).parent.mkdir()
    file_of(home, "gpt-4").write_text(dump_jsonl([answer(2)]))
    assert make() == 0
    told = 'There are several files: reference_answer = "strong" in bench.toml takes this one.'
    assert told in capsys.readouterr().out
    (home / "bench/bench.toml").write_text('reference_answer = "strong"\n')
    assert make() == 0
    assert "several files" not in capsys.readouterr().out


def test_answers_that_were_cut_are_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = [answer(2, "a", "b", capped=[False, True]), answer(3), answer(4)]
    (home / "cut.jsonl").write_text(dump_jsonl(sheet))
    assert make(model="answers:cut.jsonl") == 0
    assert "the answer to question 2 was cut by --max-new-tokens" in capsys.readouterr().out


MODEL = """
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.core.records import AnswerFailure

class Tired(ScriptedModel):
    async def answer(self, tasks):
        for task in tasks:
            if task.question.question_id == 3:
                yield AnswerFailure(3, self.name, "the model was tired")
            else:
                async for answer in super().answer([task]):
                    yield answer

def tired():
    return Tired({n: (f"Answer {n}.", "More.") for n in (2, 4)}, "tired")
"""


def test_what_fails_is_told_and_asked_again(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "tired_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(home))
    assert make(model="python:tired_model:tired") == 1
    out = capsys.readouterr().out
    assert "no answer to question 3: the model was tired" in out
    assert "2 answers written" in out
    assert "The same command asks for the missing ones again." in out
    assert [row["question_id"] for row in rows(file_of(home, "tired"))] == [2, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ["--categories", "maths"],
            "category maths: bench bench has none; expected one of writing",
        ),
        (["--model", "checks"], "checks: unknown kind"),
        (["--output", "strong.jsonl/x.jsonl"], "strong.jsonl: File exists; expected a folder to write to"),
        (["--output", "one.jsonl"], "one.jsonl:1: 1 turns in the answer to question 2; expected 2, one for"),
        (["--output", "bad.jsonl"], "bad.jsonl:2: choices is []; expected choices[0].turns"),
        (["--model", "answers:few.jsonl"], "few.jsonl: no answer to question 3 and 1 more"),
    ],
)
def test_mistakes(home: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str) -> None:
    (home / "one.jsonl").write_text(dump_jsonl([answer(2, "Only one.")]))
    (home / "bad.jsonl").write_text(dump_jsonl([answer(2), {"question_id": 3, "choices": []}]))
    (home / "few.jsonl").write_text(dump_jsonl([answer(2)]))
    before = (home / "bad.jsonl").read_bytes()
    assert make(*options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert (home / "bad.jsonl").read_bytes() == before


def test_a_bench_without_references_in_mind(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "bench/bench.toml").write_text("reference_categories = []\n")
    assert make() == 2
    assert "no category is judged against references; expected --categories" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_shipped_suite_is_not_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference", "general", "--model", "answers:strong.jsonl"]) == 2
    told = "bench general: its folder is not yours to write; expected --output FILE"
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_limit_is_a_number(capsys: pytest.CaptureFixture[str], value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        make(f"--max-new-tokens={value}")
    assert ended.value.code == 2
    assert "expected a whole number from 1 up" in capsys.readouterr().err
