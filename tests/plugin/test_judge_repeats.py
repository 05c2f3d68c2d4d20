"""`--mtbench-judge-repeats`: each answer's grade is asked several times, and what that shows of the judge."""

from __future__ import annotations

from collections import Counter

from mtbench_pytest.cli import main
from tests.plugin.harness import Example

# Within-answer SD 0.5; on six questions V = 0.25 / 3 / 6, and 1.677 · √V is 0.198 points.
WOBBLY = "python:stage:judge?paid=1&wobble=-0.5,0,0.5"
# Six times as much: 1.186 points.
WILD = "python:stage:judge?wobble=-3,0,3"
THREE_TIMES = "--mtbench-judge-repeats=3"


def test_each_grade_is_asked_so_often_and_none_twice(chat: Example) -> None:
    chat.grades([8, 7, 8, 9, 8, 8])
    run = chat.run(THREE_TIMES, judge=WOBBLY)
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert Counter(len(line.split()) for line in chat.asked("grade")) == {4: 24, 5: 48}
    assert len(set(chat.asked())) == len(chat.asked()) == 24 * 3 + 24
    report = run.report()
    assert report["settings"]["judge_repeats"] == 3
    assert report["rows"][1]["candidate"]["repeats"] == {"1": [6.5, 7, 7.5], "2": [6.5, 7, 7.5]}
    assert [row["difference"] for row in report["rows"]] == [0, -1, 0, 1, 0, 0]
    noise = report["judge_fitness"]["noise"]
    assert (noise["repeats"], noise["repeated"], noise["changed"]) == (3, 24, 24)
    assert (round(noise["within_answer_sd"], 9), round(noise["floor"], 3)) == (0.5, 0.198)
    assert "each answer graded 3 times" in run.out
    told = "judge noise: 24 of 24 replies got several grades in 3 repeats; within-answer SD 0.50, noise floor"
    assert told in " ".join(run.out.split())
    chat.forget()
    again = chat.run(THREE_TIMES, judge=WOBBLY)
    assert chat.asked() == []
    assert again.report()["rows"] == report["rows"]


def test_its_own_files_can_be_judged_again(chat: Example) -> None:
    chat.grades([8, 7, 8, 9, 8, 8])
    first = chat.run(THREE_TIMES, judge=WOBBLY)
    parties = {
        "candidate": "answers:mtbench-report/model_answer/new.jsonl",
        "baseline": "answers:mtbench-report/model_answer/old.jsonl",
        "judge": "judgments:mtbench-report/model_judgment",
    }
    again = chat.run("--mtbench-report=again", THREE_TIMES, **parties)
    assert again.report("again")["endpoints"] == first.report()["endpoints"]
    assert again.report("again")["judge_fitness"] == first.report()["judge_fitness"]
    once = chat.run("--mtbench-report=once", **parties)
    assert "holds up to 3 grades of an answer, of which the first 1 count" in " ".join(once.out.split())
    more = chat.run("--mtbench-report=more", "--mtbench-judge-repeats=4", **parties)
    assert more.status == 4
    assert "model_judgment: no answer has more than 3 grades; expected 4, one a repeat" in more.err
    assert main(["show", str(chat.path / "mtbench-report" / "model_judgment")]) == 0


def test_a_margin_under_the_noise_floor_decides_nothing(chat: Example) -> None:
    chat.grades([5] * 6, [5] * 6)
    run = chat.run(THREE_TIMES, judge=WILD)
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    told = " ".join(run.out.split())
    assert "the margin 1 lies under the judge's noise floor of 1.186 points" in told
    assert "expected 1.19 or more, more repeats or more questions" in told
    run = chat.run(THREE_TIMES, "--mtbench-margin=1.19", judge=WILD)
    assert (run.decision, run.status) == ("PASS", 0)


def test_of_a_part_the_noise_is_not_held_against_the_margin(chat: Example) -> None:
    chat.grades([5] * 6, [5] * 6)
    run = chat.run(THREE_TIMES, "-k", "travel", judge=WILD)
    assert run.decision == "PARTIAL"
    assert "lies under" not in run.out


def test_a_margin_under_a_stated_noise_is_refused_before_anything_is_asked(example: Example) -> None:
    example.bench(config="[judge_noise]\nscripted-judge = 2\nanother = 9\n")
    example.grades([8] * 6)
    example.run().refused(
        "margin 1: under the noise floor of judge scripted-judge, 1.343 points on 6 questions",
        "expected 1.35 or more, or --mtbench-judge-repeats 2",
    )
    assert example.asked() == []


def test_what_a_stated_noise_allows(example: Example) -> None:
    example.bench(config="[judge_noise]\nscripted-judge = 2\n")
    example.grades([8] * 6)
    assert example.run("--mtbench-margin=1.35").decision == "PASS"
    assert example.run("--mtbench-judge-repeats=8").decision == "PASS"
    assert example.run("-k", "travel").decision == "PARTIAL"


def test_the_checks_judge_is_not_repeated(chat: Example) -> None:
    lines = [
        {"question_id": 1, "category": "writing", "turns": ["Hello."], "checks": [[{"contains": "new"}]]},
    ]
    chat.write_lines(chat.path / "chat" / "question.jsonl", lines)
    chat.write_lines(chat.path / "new.jsonl", [{"question_id": 1, "choices": [{"turns": ["new"]}]}])
    chat.run(THREE_TIMES, judge="checks", baseline="answers:new.jsonl").refused(
        "the checks judge says the same each time, asked once or 3 times; expected 1 repeat"
    )


def test_how_often_is_a_whole_number(chat: Example) -> None:
    chat.run("--mtbench-judge-repeats=0").refused("--mtbench-judge-repeats 0", "a whole number from 1 up")
