"""FastChat's own files: what is written is read again, here as there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mtbench_pytest.bench.bench import read_choices
from mtbench_pytest.core.files import file_name, write_files
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Reply, Sampling, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.judges.fastchat import read_judgments
from mtbench_pytest.models.recorded import RecordedAnswers
from mtbench_pytest.report.fastchat import fastchat_files
from tests.unit.factories import answer, consistent, question, read_lines, row, sides, verdict

ROWS = [
    row(1, [6, 9], [8, 8.5], verdicts=[verdict("A", "A"), consistent("A", 1, 2)]),
    row("b", [3], [8], turns=1, verdicts=[Verdict("b", 1)]),
    row(3, candidate=(), answers={"baseline": answer(3, "base")}, failures=[AnswerFailure(3, "cand", "no")]),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, fastchat_files(ROWS, 1.5))
    return tmp_path


def test_one_file_a_model_and_two_a_judge(folder: Path) -> None:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "model_answer/base.jsonl",
        "model_answer/cand.jsonl",
        "model_judgment/judge_pair.jsonl",
        "model_judgment/judge_single.jsonl",
    ]


def test_answers_are_read_again(folder: Path) -> None:
    read = read_choices(folder / "model_answer" / "cand.jsonl")
    assert {key: choice["turns"] for key, choice in read.items()} == {
        1: ["cand 1", "cand 2"],
        "b": ["cand 1"],
    }
    assert set(read_choices(folder / "model_answer" / "base.jsonl")) == {1, "b", 3}


def test_judgments_are_read_again(folder: Path) -> None:
    recorded = read_judgments(folder / "model_judgment")
    assert recorded.judges == ("judge",)
    grades = {(line.question_id, line.turn, line.model): line.score for line in recorded.singles}
    assert grades == {
        (1, 1, "cand"): 6, (1, 2, "cand"): 9, (1, 1, "base"): 8, (1, 2, "base"): 8.5,
        ("b", 1, "cand"): 3, ("b", 1, "base"): 8, (3, 1, "base"): 7, (3, 2, "base"): 7,
    }  # fmt: skip
    winners = {(line.question_id, line.turn): line.winners for line in recorded.pairs}
    assert winners == {
        (1, 1): ("model_1", "model_2"), (1, 2): ("model_1", "model_1"), ("b", 1): ("tie", "tie")
    }  # fmt: skip
    assert {(line.model_1, line.model_2) for line in recorded.pairs} == {("cand", "base")}


def test_lines_have_fastchats_fields(folder: Path) -> None:
    single = read_lines(folder / "model_judgment" / "judge_single.jsonl")[0]
    assert set(single) == {
        "question_id", "model", "judge", "user_prompt", "judgment", "score", "turn", "tstamp", "prompt_sha256"
    }  # fmt: skip
    assert (single["judge"], single["user_prompt"], single["tstamp"]) == (["judge", "single-v1"], "Q A", 1.5)
    pair, _, identical = read_lines(folder / "model_judgment" / "judge_pair.jsonl")
    assert set(pair) == {
        "question_id", "model_1", "model_2", "g1_winner", "g2_winner", "judge", "g1_user_prompt",
        "g1_judgment", "g2_user_prompt", "g2_judgment", "turn", "tstamp",
    }  # fmt: skip
    assert identical["judge"] == ["judge", "identical answers"]
    given = read_lines(folder / "model_answer" / "cand.jsonl")[0]
    assert given["model_id"] == "cand"
    assert given["choices"] == [{"index": 0, "turns": ["cand 1", "cand 2"]}]


def thought(capped: bool) -> Row:
    replies = (Reply("Hello.", "hm"), Reply("B", capped=capped))
    return row(1, answers=sides(Answer(1, "cand", replies)))


def test_reasoning_and_caps_are_kept_beside_the_text(tmp_path: Path) -> None:
    write_files(tmp_path, fastchat_files([thought(capped=True)], 0))
    (choice,) = read_lines(tmp_path / "model_answer" / "cand.jsonl")[0]["choices"]
    assert choice["turns"] == ["Hello.", "B"]
    assert choice["reasoning"] == ["hm", ""]
    assert choice["capped"] == [False, True]


def test_a_capped_answer_is_still_capped_when_its_file_is_read_again(tmp_path: Path) -> None:
    write_files(tmp_path, fastchat_files([thought(capped=True)], 0))

    async def read() -> list[object]:
        model = RecordedAnswers(tmp_path / "model_answer" / "cand.jsonl")
        return [one async for one in model.answer([AnswerTask(question(), Sampling(0, 0, 9))])]

    (again,) = asyncio.run(read())
    assert isinstance(again, Answer)
    assert again.capped


@pytest.mark.parametrize(
    ("name", "file"),
    [("org/model", "org_model"), ("a b:c?d", "a_b_c_d"), ("gpt-4.1@x+y", "gpt-4.1@x+y"), ("../../etc", "etc"),
     ("", "model"), ("...", "model"), ("모델", "모델")],
)  # fmt: skip
def test_names_are_safe_as_file_names(name: str, file: str) -> None:
    assert file_name(name) == file


@pytest.mark.parametrize("names", [("org/model", "org_model"), ("a:b", "a?b"), ("모델?", "모델")])
def test_two_models_never_share_a_file(names: tuple[str, str]) -> None:
    files = fastchat_files([row(1, names=names)], 0)
    answers = [path for path in files if path.startswith("model_answer/")]
    assert len(answers) == 2


@pytest.mark.parametrize(
    "text", ["ü 日本 😀", "a\u2028b\u2029c\x85d\r\ne", "null \x00 byte", "half a pair \ud83d"]
)
def test_any_text_can_be_written_and_read(tmp_path: Path, text: str) -> None:
    """A reply that ends within a surrogate pair is rare, and must not cost the report of a night's run."""
    answers = sides(answer(1, "cand", (text, text)))
    write_files(tmp_path, fastchat_files([row(1, answers=answers)], 0))
    read = read_choices(tmp_path / "model_answer" / "cand.jsonl")[1]["turns"]
    assert read[0].encode("utf-8", "replace") == text.encode("utf-8", "replace")


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/b.json": "one"})
    write_files(tmp_path, {"a/b.json": "two"})
    assert (tmp_path / "a" / "b.json").read_text() == "two"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]
