"""Recorded answers and judgments: what is missing is found before anything is judged."""

from __future__ import annotations

from typing import Any

from tests.plugin.harness import Example


def single(model: str, number: int, turn: int, grade: float, prompt: str = "single-v1") -> dict[str, Any]:
    return {
        "question_id": number,
        "model": model,
        "judge": ["gpt", prompt],
        "judgment": f"Rating: [[{grade}]]",
        "score": grade,
        "turn": turn,
    }


def recorded(number: int = 6, **prompts: str) -> list[dict[str, Any]]:
    return [
        single(model, question, turn, 8, prompts.get(model, "single-v1"))
        for model in ("new", "old")
        for question in range(1, number + 1)
        for turn in (1, 2)
    ]


def test_an_answers_file_that_lacks_a_question(chat: Example) -> None:
    chat.answers("new", [8] * 4)
    run = chat.run()
    run.refused("new.jsonl: no answer to question 5 and 1 more")
    assert chat.asked() == []


def test_a_refused_run_leaves_an_earlier_report_but_not_as_its_own(chat: Example) -> None:
    before = chat.run().report()
    chat.answers("new", [8] * 4)
    run = chat.run()
    assert run.status == 4
    assert run.earlier() == before
    assert "mtbench: chat" not in run.out, "there is nothing to sum up"


def test_answers_to_what_is_selected_are_enough(chat: Example) -> None:
    chat.answers("new", [8] * 4)
    run = chat.run("-k", "1 or 2")
    assert (run.decision, run.status) == ("PARTIAL", 0)


def test_recorded_judgments_decide(chat: Example) -> None:
    run = chat.run("--mtbench-pairwise=off", judge=chat.judgments("gpt_single", recorded()))
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert run.report()["judge"]["name"] == "gpt"


def test_judgments_under_different_prompts(chat: Example) -> None:
    judge = chat.judgments("gpt_single", recorded(new="single-v2"))
    run = chat.run("--mtbench-pairwise=off", judge=judge)
    run.refused("single-v2", "single-v1", "expected one prompt for candidate and baseline")


def test_no_games_among_the_judgments(chat: Example) -> None:
    run = chat.run(judge=chat.judgments("gpt_single", recorded()))
    run.refused("no pairwise comparison of new and old", "--mtbench-pairwise off")


def test_a_report_can_be_judged_again_from_its_own_files(chat: Example) -> None:
    """The files of a report are answers and judgments in FastChat's form: a run on them says the same."""
    chat.grades([9, 7, 9, 7, 9, 7])
    first = chat.run()
    again = chat.run(
        "--mtbench-report=again",
        candidate="answers:mtbench-report/model_answer/new.jsonl",
        baseline="answers:mtbench-report/model_answer/old.jsonl",
        judge="judgments:mtbench-report/model_judgment",
    )
    assert again.status == first.status == 21, again.out + again.err
    assert again.report("again")["endpoints"] == first.report()["endpoints"]


def test_missing_grades_are_errors_and_no_verdict(chat: Example) -> None:
    judge = chat.judgments("gpt_single", [line for line in recorded() if line["question_id"] != 3])
    run = chat.run("--mtbench-pairwise=off", judge=judge)
    assert run.outcomes == {"passed": 5, "errors": 1}
    assert (run.decision, run.status) == ("NO VERDICT", 22)
