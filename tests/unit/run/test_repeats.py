"""An answer graded several times: one grade, the mean, in every place that walks judgments."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest

from mtbench_pytest.cli.show import standings
from mtbench_pytest.core.errors import FileError, JudgeError, VerdictError
from mtbench_pytest.core.files import write_files
from mtbench_pytest.core.records import GradeTask, JudgeFailure, Judgment, Task, repeat_of
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import worst_turn
from mtbench_pytest.core.serialize import row_from_dict, to_plain
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.judges.base import CountsRepeats
from mtbench_pytest.judges.checks import ChecksJudge
from mtbench_pytest.judges.fastchat import binding, read_judgments
from mtbench_pytest.judges.recorded import RecordedJudge
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.report.fastchat import fastchat_files
from mtbench_pytest.report.html.page import report_page
from mtbench_pytest.report.markdown import report_markdown
from mtbench_pytest.report.result import row_result
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.judged import judged_from, why_unjudged
from mtbench_pytest.run.pending import parties_with_work
from mtbench_pytest.store.database import open_database, sqlite_url
from mtbench_pytest.store.keys import judgment_key
from mtbench_pytest.store.store import Store
from tests.unit.factories import (
    ABOUT,
    PROMPT,
    answer,
    bench,
    book,
    judge_failure,
    question,
    read_lines,
    repeated_row,
    single_line,
    write_jsonl,
)
from tests.unit.parties import THREE, check_complete, contest, rows_of, running, says
from tests.unit.parties import row as row_of

# Turn 1: 6 and 9, turn 2: 4 and 4; the baseline 8, 8 and 9, 7.
TWICE = repeated_row(1, [(6, 9), (4, 4)], [(8, 8), (9, 7)])


def wobbly(task: Task) -> str:
    """Repeats are 7, 8, 9; each game goes to the first."""
    return f"[[{6 + task.repeat}]]" if isinstance(task, GradeTask) else "[[A]]"


# A row.


def test_the_grade_is_the_mean_over_turns_of_the_mean_over_repeats() -> None:
    assert TWICE.turn_grades("candidate") == {1: 7.5, 2: 4}
    assert TWICE.repeated("candidate") == {1: (6, 9), 2: (4, 4)}
    assert (TWICE.grade("candidate"), TWICE.grade("baseline"), TWICE.difference) == (5.75, 8, -2.25)


def test_no_grade_unless_all_repeats_are_there() -> None:
    torn = repeated_row(1, [(6, 9), (4,)], [(8, 8), (9, 7)], failures=[judge_failure()])
    assert torn.grade("candidate") is None
    assert torn.turn_grades("candidate") == {1: 7.5}
    assert not torn.judged


@pytest.mark.parametrize("row", [TWICE, repeated_row("b", [(1, 2, 3)], [(4, 5, 6)])])
def test_a_row_crosses_from_a_worker(row: Row) -> None:
    assert row_from_dict(to_plain(row)) == row


# A key.


def test_a_first_judgments_key_is_what_it_was_before_there_were_repeats() -> None:
    """Else what is in a store would be paid for again."""
    known = "c471a596f47aa21470b9aaf42bc5a0ec12836005038d095323b03336b3865dcd"
    identity = {"kind": "scripted", "name": "judge"}
    keys = [
        judgment_key(identity, GradeTask(question(), 1, answer(), PROMPT, repeat=repeat), {})
        for repeat in (1, 2, 3)
    ]
    assert keys[0] == known
    assert len(set(keys)) == 3


# The pipeline.


@pytest.mark.parametrize("free", [True, False])
def test_each_answer_is_graded_so_often_and_each_game_played_once(free: bool) -> None:
    judge = ScriptedJudge(wobbly, free=free)
    rows, pipeline = rows_of(contest(judge=judge, repeats=3))
    asked = Counter(type(task).__name__ for task in judge.asked)
    assert asked == {"GradeTask": 3 * 2 * 2 * 3, "GameTask": 3 * 2 * 2}
    assert Counter(map(repeat_of, judge.asked)) == {1: 12 + 12, 2: 12, 3: 12}
    for row in rows:
        assert row.repeats == 3
        assert row.repeated("baseline") == {1: (7, 8, 9), 2: (7, 8, 9)}
        assert [(j.turn, j.repeat) for j in row.judgments["candidate"]] == [
            (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)
        ]  # fmt: skip
        assert row.grade("candidate") == 8
    assert pipeline.progress.judgments_total == 3 * (2 * 2 * 3 + 4)
    check_complete(pipeline)


def test_each_of_several_answers_is_graded_so_often() -> None:
    """Two samples of the candidate, each of two turns graded three times."""
    sampled = ScriptedModel(says("cand"), "cand", free=False)
    judge = ScriptedJudge(wobbly)
    rows, pipeline = rows_of(contest(sampled, judge=judge, samples=2, repeats=3))
    for row in rows:
        assert row.grades("candidate") == (8, 8)
        (further,) = row.samples["candidate"]
        assert [judgment.repeat for judgment in further.judgments] == [1, 2, 3, 1, 2, 3]
    assert pipeline.progress.judgments_total == 3 * (3 * 2 * 3 + 4)
    check_complete(pipeline)


def test_one_repeat_that_fails_leaves_the_answer_without_a_grade() -> None:
    def says_nothing_the_second_time(task: Task) -> str | Exception:
        lost = isinstance(task, GradeTask) and (task.question.question_id, task.turn, task.repeat) == (
            2,
            1,
            2,
        )
        return VerdictError("the judge was at lunch") if lost else wobbly(task)

    rows, pipeline = rows_of(contest(judge=ScriptedJudge(says_nothing_the_second_time), repeats=2))
    assert [row.grade("candidate") for row in rows] == [7.5, None, 7.5]
    failures = [failure for failure in rows[1].failures if isinstance(failure, JudgeFailure)]
    assert [(failure.turn, failure.repeat) for failure in failures] == [(1, 2), (1, 2)]
    assert why_unjudged(rows[1]).splitlines()[1].startswith("  judgment of base, turn 1, repeat 2: ")
    check_complete(pipeline)


def test_a_model_that_fails_takes_its_repeats_off_the_total() -> None:
    lost = ScriptedModel({**says("cand"), 2: RuntimeError("no memory")}, "cand")
    _, pipeline = rows_of(contest(lost, judge=ScriptedJudge(wobbly), repeats=3))
    check_complete(pipeline)


def test_repeats_are_kept_and_a_further_one_asks_for_the_further_one_alone(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "store.db"))
    try:
        store, working, asked = Store(database), [], []
        for repeats in (1, 3, 2):
            judge = ScriptedJudge(wobbly, free=False)
            given = contest(judge=judge, repeats=repeats)
            working.append(parties_with_work(given, THREE, THREE, THREE, store))
            with running(given, store=store) as pipeline:
                pipeline.request(THREE)
                assert {row_of(pipeline, q.question_id).repeats for q in THREE} == {repeats}
            asked.append(Counter(map(repeat_of, judge.asked)))
    finally:
        database.close()
    assert working == [["judge scripted-judge"], ["judge scripted-judge"], []]
    assert asked == [{1: 12 + 12}, {2: 12, 3: 12}, {}]


def test_one_side_alone_is_graded_and_nothing_is_compared() -> None:
    judge = ScriptedJudge(wobbly)
    model = ScriptedModel(says("cand"), "cand")
    alone = Contest(bench(THREE), {"candidate": model}, {judge.name: judge}, repeats=2)
    rows, pipeline = rows_of(alone)
    assert [row.grade("candidate") for row in rows] == [7.5] * 3
    assert all(isinstance(task, GradeTask) for task in judge.asked)
    assert pipeline.progress.judgments_total == 3 * 2 * 2
    check_complete(pipeline)


# Judges that say the same each time.


def test_the_checks_judge_is_not_asked_twice() -> None:
    judge = ChecksJudge()
    assert isinstance(judge, CountsRepeats)
    judge.prepare_repeats(1)
    with pytest.raises(JudgeError, match="says the same each time, asked once or 3 times; expected 1 repeat"):
        judge.prepare_repeats(3)


def recorded(path: Path, most: int) -> RecordedJudge:
    lines = [
        single_line(6 + repeat, model=model, **({"repeat": repeat} if repeat > 1 else {}))
        for model in ("cand", "base")
        for repeat in range(1, most + 1)
    ]
    judge = RecordedJudge(write_jsonl(path / "gpt-4_single.jsonl", lines))
    judge.prepare([question(1, turns=1)], ["cand", "base"], pairwise=False)
    return judge


def graded(judge: RecordedJudge, repeat: int) -> Judgment | JudgeFailure:
    asked, said = question(1, turns=1), answer(1, "cand", ("cand says",))
    prompt = book().pick("single", asked, 1).fill(asked, said.turns)
    return asyncio.run(judge.grade(GradeTask(asked, 1, said, prompt, repeat=repeat)))


def test_recorded_repeats_are_read_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    judge = recorded(tmp_path, 3)
    with caplog.at_level(logging.WARNING, "mtbench_pytest"):
        judge.prepare_repeats(3)
    assert not caplog.records
    found = [graded(judge, repeat) for repeat in (1, 2, 3)]
    assert [(said.grade, said.repeat) for said in found if isinstance(said, Judgment)] == [
        (7, 1),
        (8, 2),
        (9, 3),
    ]
    assert isinstance(graded(judge, 4), JudgeFailure)


def test_more_repeats_than_are_recorded_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        FileError, match=r"single\.jsonl: no answer has more than 2 grades; expected 3, one a"
    ):
        recorded(tmp_path, 2).prepare_repeats(3)


def test_recorded_repeats_that_are_not_taken_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "mtbench_pytest"):
        recorded(tmp_path, 3).prepare_repeats(1)
    assert "holds up to 3 grades of an answer, of which the first 1 count" in caplog.text
    assert "--mtbench-judge-repeats 3 takes all" in caplog.text


def test_repeats_under_different_prompts_are_refused(tmp_path: Path) -> None:
    lines = [
        single_line(7),
        single_line(7, repeat=2, judge=["gpt-4", "other"]),
        single_line(7, model="base"),
        single_line(7, model="base", repeat=2),
    ]
    judge = RecordedJudge(write_jsonl(tmp_path / "j_single.jsonl", lines))
    with pytest.raises(JudgeError, match="'other' for cand but 'one' for cand"):
        judge.prepare([question(1, turns=1)], ["cand", "base"], pairwise=False)


# Files and reports.


def test_fastchats_files_have_a_line_a_repeat(tmp_path: Path) -> None:
    write_files(tmp_path, fastchat_files([TWICE], 0))
    path = tmp_path / "model_judgment" / "judge_single.jsonl"
    lines = read_lines(path)
    assert [(line["turn"], line.get("repeat"), line["score"]) for line in lines[:4]] == [
        (1, None, 6), (1, 2, 9), (2, None, 4), (2, 2, 4)
    ]  # fmt: skip
    read = read_judgments(path)
    assert len(binding(read.singles)) == 8
    (table,) = standings(read)
    assert [(entry.model, entry.average, entry.n) for entry in table.grades] == [
        ("base", 8, 4), ("cand", 5.75, 4)
    ]  # fmt: skip
    assert table.replaced == 0


@pytest.mark.parametrize(("repeat", "shown"), [(0, "0"), ("2", '"2"'), (True, "true"), (None, "null")])
def test_a_repeat_counts_from_one(tmp_path: Path, repeat: object, shown: str) -> None:
    path = write_jsonl(tmp_path / "j.jsonl", [single_line(7, repeat=repeat)])
    with pytest.raises(FileError, match=f"'repeat' is {shown}; expected a repeat from 1 up"):
        read_judgments(path)


def test_a_later_line_of_the_same_repeat_binds(tmp_path: Path) -> None:
    lines = [single_line(3), single_line(5, repeat=2), single_line(9, repeat=2)]
    read = read_judgments(write_jsonl(tmp_path / "j.jsonl", lines)).singles
    assert [line.score for line in binding(read).values()] == [3, 9]


def test_the_result_has_the_mean_and_each_repeat() -> None:
    found = row_result(TWICE)["candidate"]
    assert (found["grade"], found["grades"], found["repeats"]) == (
        5.75, {1: 7.5, 2: 4}, {1: (6, 9), 2: (4, 4)}
    )  # fmt: skip
    assert "repeats" not in row_result(repeated_row(1, [(6,)], [(7,)]))["candidate"]


def test_the_turn_that_fell_furthest_goes_by_means() -> None:
    assert worst_turn(TWICE) == 2
    assert worst_turn(repeated_row(1, [(1, 9), (7, 7)], [(9, 9), (8, 8)])) == 1


def test_a_failed_questions_words_show_each_repeat() -> None:
    seen = judged_from(TWICE, question(), 1.0, "report.md")
    assert (seen.candidate.grade, seen.candidate.grades) == (5.75, (7.5, 4))
    assert [judgment.grade for judgment in seen.candidate.of_turn(1)] == [6, 9]
    lines = seen.explanation.splitlines()
    assert "  candidate cand, graded 7.50 (6, 9):" in lines
    assert lines.count("  judge on the candidate:") == 2
    assert "    So: [[6]]" in lines


def test_the_report_shows_each_repeat() -> None:
    rows = [TWICE, repeated_row(2, [(7, 7), (7,)], [(7, 7), (7, 7)], failures=[judge_failure()])]
    decision = decide("bench", rows, [question(1), question(2)], Policy(), pairwise=False)
    text = report_markdown(decision, rows, ABOUT, [question(1), question(2)])
    assert "candidate `cand`, graded 4.00 (4, 4):" in text
    assert "| 1 | writing | 8.00 | 5.75 | -2.25 |" in text
    assert "| 2 | writing | 7.00 | - | - |" in text


def test_the_page_shows_each_repeat() -> None:
    decision = decide("bench", [TWICE], [question(1)], Policy(), pairwise=False)
    page = "".join(report_page(decision, [TWICE], ABOUT, [question(1)]))
    assert '<span class="grade">6</span><span class="grade">9</span>' in page
    assert "So: [[6]]" in page
    assert "So: [[9]]" in page
