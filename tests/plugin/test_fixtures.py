"""The fixtures beside `mtbench_judged`: question and answers alone, and what they do not ask for."""

from __future__ import annotations

from tests.plugin.harness import Example

ANSWERS_ONLY = """
def test_answer(mtbench_question, mtbench_candidate, mtbench_baseline):
    assert mtbench_candidate.question_id == mtbench_baseline.question_id == mtbench_question.question_id
    assert len(mtbench_candidate.turns) == len(mtbench_question.turns)
    assert mtbench_candidate.model == "new" and mtbench_baseline.model == "old"
"""


def test_answers_alone_make_no_decision(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text(ANSWERS_ONLY)
    run = chat.run()
    assert run.outcomes == {"passed": 6}
    assert run.status == 0
    assert run.decision == ""
    assert not run.wrote()


def test_answers_alone_need_no_judge(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text(ANSWERS_ONLY)
    run = chat.run(judge=None)
    assert run.status == 0, run.out + run.err
    assert run.outcomes == {"passed": 6}


def test_answers_alone_ask_no_judge(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text(ANSWERS_ONLY)
    assert chat.run().outcomes == {"passed": 6}
    assert chat.asked() == []


def test_the_candidate_alone_needs_no_baseline(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text("def test_it(mtbench_candidate): pass\n")
    run = chat.run(judge=None, baseline=None)
    assert run.status == 0, run.out + run.err


def test_questions_alone_need_nobody(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text("def test_it(mtbench_question): pass\n")
    run = chat.bare("chat")
    assert run.status == 0, run.out + run.err
    assert run.outcomes == {"passed": 6}


def test_an_answer_that_cannot_be_had_is_an_error(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text("def test_it(mtbench_candidate): pass\n")
    run = chat.run(candidate="python:stage:model?fail=3")
    assert run.outcomes == {"passed": 5, "errors": 1}
    run.stdout.fnmatch_lines(["candidate live gave no answer: the model was tired"])


def test_a_model_compared_with_itself_is_a_tie_without_games(chat: Example) -> None:
    run = chat.run(baseline="answers:new.jsonl")
    assert (run.decision, run.status) == ("PASS", 0)
    rows = run.report()["rows"]
    assert all(verdict["identical"] for row in rows for verdict in row["verdicts"])
    assert chat.asked("game") == []
    answers = (chat.path / "mtbench-report" / "model_answer" / "new.jsonl").read_text().splitlines()
    assert len(answers) == len(set(answers)) == 6, "an answer is recorded once"


def test_two_models_of_one_name_are_told_apart(chat: Example) -> None:
    (chat.path / "other").mkdir()
    (chat.path / "old.jsonl").rename(chat.path / "other" / "new.jsonl")
    report = chat.run(baseline="answers:other/new.jsonl").report()
    assert report["candidate"]["name"] == "new"
    assert report["baseline"]["name"] == "new-baseline"


def test_a_fixture_asked_for_at_run_time_says_what_it_needs(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text(
        "def test_it(request): request.getfixturevalue('mtbench_judged')\n"
    )
    run = chat.run()
    assert run.outcomes == {"failed": 1}
    assert "has no attribute 'param'" not in run.out


def test_a_fixture_of_the_users_own_on_top(chat: Example) -> None:
    (chat.path / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef grade(mtbench_judged): return mtbench_judged.candidate.grade\n"
    )
    (chat.path / "chat" / "test_chat.py").write_text("def test_it(grade): assert grade == 8\n")
    run = chat.run()
    assert (run.decision, run.status) == ("PASS", 0)
