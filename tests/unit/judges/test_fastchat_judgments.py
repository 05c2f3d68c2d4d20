"""Judgment files in FastChat's form: what is read, what binds, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.judges.fastchat import binding, read_judgments
from tests.unit.factories import pair_line, single_line, write_jsonl


def test_the_public_records_are_read(data: Path) -> None:
    recorded = read_judgments(data / "mt_bench" / "model_judgment")
    assert (len(recorded.singles), len(recorded.pairs)) == (1280, 960)
    assert recorded.judges == ("Qwen2.5-14B-Instruct", "gpt-4o-mini")
    assert all(line.valid for line in recorded.singles)
    assert all(line.valid for line in recorded.pairs)


def test_repeats_and_failed_calls_of_the_public_records(data: Path) -> None:
    recorded = read_judgments(data / "mt_bench_llama3" / "model_judgment")
    assert sum(not line.valid for line in recorded.singles) == 4
    bound = binding(recorded.singles)
    assert len(bound) == 320  # 2 models, 80 questions, 2 turns
    assert all(line.valid for line in bound.values())


def test_one_file_or_every_file_of_a_folder(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "j_single.jsonl", [single_line(7)])
    write_jsonl(tmp_path / "j_pair.jsonl", [pair_line("model_1", "tie")])
    (tmp_path / "notes.txt").write_text("not a judgment")
    both = read_judgments(tmp_path)
    assert (len(both.singles), len(both.pairs)) == (1, 1)
    assert len(read_judgments(tmp_path / "j_single.jsonl").pairs) == 0


@pytest.mark.parametrize(
    ("scores", "binds"),
    [([5, 7], 7), ([7, -1], 7), ([-1, 7], 7), ([5, 7, -1], 7), ([-1, -1], -1), ([0, 11], 0)],
)
def test_the_last_valid_line_binds(tmp_path: Path, scores: list[float], binds: float) -> None:
    path = write_jsonl(tmp_path / "j.jsonl", [single_line(score) for score in scores])
    (line,) = binding(read_judgments(path).singles).values()
    assert line.score == binds
    assert line.valid == (1 <= binds <= 10)


def test_the_last_valid_pair_binds_whatever_the_order_of_its_models(tmp_path: Path) -> None:
    lines = [
        pair_line("model_1", "model_1"),
        pair_line("tie", "tie", models=("base", "cand")),
        pair_line("error", "model_1"),
    ]
    (line,) = binding(read_judgments(write_jsonl(tmp_path / "j.jsonl", lines)).pairs).values()
    assert line.winners == ("tie", "tie")


def test_other_turns_models_judges_and_id_types_are_other_judgments(tmp_path: Path) -> None:
    lines = [
        single_line(1),
        single_line(2, turn=2),
        single_line(3, model="base"),
        single_line(4, judge=["other", "one"]),
        single_line(5, question_id="1"),
    ]
    read = read_judgments(write_jsonl(tmp_path / "j.jsonl", lines)).singles
    assert len(binding(read)) == 5


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"question_id": 1}, "neither 'score' nor 'g1_winner'"),
        (single_line("7"), "'score' is \"7\""),
        (single_line(None), "'score' is null"),
        (single_line(True), "'score' is true"),
        (single_line(7, judge="gpt-4"), "'judge' is \"gpt-4\""),
        (single_line(7, judge=["gpt-4"]), "'judge' is"),
        (single_line(7, judge=["gpt-4", 1]), "'judge' is"),
        (single_line(7, turn="1"), "'turn' is \"1\""),
        (single_line(7, turn=0), "'turn' is 0"),
        (single_line(7, question_id=True), "'question_id' is true"),
        (single_line(7, judgment=None), "'judgment' is null"),
        (single_line(7, model=3), "'model' is 3"),
        (pair_line("model_3", "tie"), "'g1_winner' is \"model_3\""),
        (pair_line("A", "tie"), "'g1_winner' is \"A\""),
        (pair_line("tie", None), "'g2_winner' is null"),
    ],
)
def test_a_line_that_is_no_judgment_is_refused(tmp_path: Path, line: dict[str, Any], problem: str) -> None:
    path = write_jsonl(tmp_path / "j.jsonl", [single_line(7), line])
    with pytest.raises(FileError) as error:
        read_judgments(path)
    assert str(error.value).startswith(f"{path}:2: {problem}")


def test_nan_is_no_grade(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "j.jsonl", [single_line(float("nan"))])
    assert not read_judgments(path).singles[0].valid


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no \*\.jsonl in it"):
        read_judgments(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_judgments(tmp_path / "gone.jsonl")
