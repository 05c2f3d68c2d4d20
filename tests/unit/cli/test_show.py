"""`mtbench show`: FastChat's figures, what was set aside, and the same for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtbench_pytest.cli import main
from mtbench_pytest.cli.show import Games, Standings, standings, standings_lines
from mtbench_pytest.judges.fastchat import read_judgments
from tests.unit.factories import pair_line, single_line, write_jsonl


def tables(path: Path, *lines: object, as_fastchat: bool = False) -> Standings:
    file = write_jsonl(path / "judge.jsonl", lines)  # type: ignore[arg-type]
    (table,) = standings(read_judgments(file), as_fastchat=as_fastchat)
    return table


def test_means_by_turn_and_over_all(tmp_path: Path) -> None:
    table = tables(
        tmp_path,
        single_line(8, model="a"),
        single_line(4, model="a", turn=2),
        single_line(6, model="a", question_id=2),
        single_line(9, model="b"),
    )
    best, worst = table.grades
    assert (best.model, best.average, best.n) == ("b", 9, 1)
    assert (worst.turns, worst.average, worst.n) == ({1: 7, 2: 4}, 6, 3)


def test_what_stands_twice_counts_once_unless_as_fastchat(tmp_path: Path) -> None:
    lines = [single_line(-1), single_line(4), single_line(8)]
    table = tables(tmp_path, *lines)
    assert (table.grades[0].average, table.replaced, table.failed) == (8, 1, 1)
    table = tables(tmp_path, *lines, as_fastchat=True)
    assert (table.grades[0].average, table.replaced, table.failed) == (6, 0, 1)


def test_a_failed_call_does_not_replace_a_grade(tmp_path: Path) -> None:
    table = tables(tmp_path, single_line(8), single_line(-1))
    assert (table.grades[0].average, table.replaced, table.failed) == (8, 0, 1)


def test_games_from_each_models_side(tmp_path: Path) -> None:
    table = tables(
        tmp_path,
        pair_line("model_1", "model_1", models=("a", "b")),
        pair_line("model_1", "model_2", models=("a", "b"), question_id=2),
        pair_line("tie", "tie", models=("a", "b"), question_id=3),
        pair_line("model_2", "model_2", models=("b", "a"), question_id=4),
        pair_line("error", "model_2", models=("b", "a"), question_id=5),
    )
    assert table.games == (Games("a", 2, 2, 0, 1), Games("b", 0, 2, 2, 1))
    assert (table.games[0].win_rate, table.games[0].adjusted_win_rate) == (0.5, 0.75)
    assert table.failed == 1


def test_fastchats_figures_for_real_judgments(data: Path) -> None:
    """As its show_result.py prints them for this file."""
    file = data / "mt_bench_llama3/model_judgment/gpt-4_single.jsonl"
    (table,) = standings(read_judgments(file), as_fastchat=True)
    turns = {entry.model.rsplit("-", 1)[-1]: entry.turns for entry in table.grades}
    assert turns["Normal"] == pytest.approx({1: 8.383721, 2: 7.2625}, abs=5e-7)
    assert turns["Griffin"] == pytest.approx({1: 3.1375, 2: 2.2625}, abs=5e-7)


def test_real_judgments_with_duplicates_set_aside(data: Path) -> None:
    (table,) = standings(read_judgments(data / "mt_bench_llama3/model_judgment/gpt-4_single.jsonl"))
    assert {entry.n for entry in table.grades} == {160}
    assert (table.replaced, table.failed) == (6, 4)


def test_a_folder_of_two_judges_has_two_tables(data: Path) -> None:
    found = standings(read_judgments(data / "mt_bench/model_judgment"))
    assert [table.judge for table in found] == ["Qwen2.5-14B-Instruct", "gpt-4o-mini"]
    for table in found:
        assert {entry.n for entry in table.games} == {240}
        assert sum(entry.wins for entry in table.games) == sum(entry.losses for entry in table.games)


def test_the_command_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_jsonl(tmp_path / "j.jsonl", [single_line(-1), single_line(7.5), pair_line("tie", "tie")])
    assert main(["show", str(file)]) == 0
    out = capsys.readouterr().out
    assert "7.50" in out
    assert "set aside: 0 replaced by a later judgment, 1 failed judge calls" in out
    assert main(["show", "--as-fastchat", str(file)]) == 0
    assert "7.500000" in capsys.readouterr().out


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_jsonl(tmp_path / "j.jsonl", [single_line(7), pair_line("model_1", "model_1")])
    assert main(["show", "--json", str(file)]) == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert table["grades"][0]["average"] == 7
    assert {entry["adjusted_win_rate"] for entry in table["games"]} == {0, 1}


def test_columns_stand_under_their_heads(tmp_path: Path) -> None:
    table = tables(tmp_path, single_line(7), pair_line("model_1", "model_1"))
    lines = list(standings_lines([table]))
    head = next(number for number, line in enumerate(lines) if "win rate" in line)
    assert len(lines[head]) == len(lines[head + 1]) == len(lines[head + 2])


@pytest.mark.parametrize("arguments", [["show", "nowhere.jsonl"], ["doctor"]])
def test_a_mistake_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("mtbench: ")
    assert len(said.err.splitlines()) == 1
