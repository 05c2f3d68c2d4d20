"""Every question is a test."""

from __future__ import annotations

from tests.plugin.harness import BARE_AND_XDIST, Example


def test_ids_say_category_and_question(chat: Example) -> None:
    run = chat.run("--collect-only", "-q")
    ids = [line for line in run.lines if "::" in line]
    assert ids == [
        f"chat/test_chat.py::test_question[{'writing' if number % 2 else 'travel'}-{number}]"
        for number in range(1, 7)
    ]


@BARE_AND_XDIST
def test_collect_only_asks_nobody_and_writes_nothing(chat: Example, workers: tuple[str, ...]) -> None:
    run = chat.run("--collect-only", *workers, candidate="python:stage:model", baseline="python:stage:model")
    assert run.status == 0
    assert chat.asked() == []
    assert not run.decision
    assert not run.wrote()


def test_a_category_can_be_chosen(chat: Example) -> None:
    run = chat.run("-k", "travel")
    assert run.outcomes == {"passed": 3, "deselected": 3}
    assert {line.split()[1] for line in chat.asked()} == {"2", "4", "6"}


def test_the_bench_may_lie_elsewhere(example: Example) -> None:
    bench = example.bench()
    example.grades([8] * 6)
    (example.path / "tests").mkdir()
    (bench / "test_chat.py").rename(example.path / "tests" / "test_it.py")
    run = example.run("tests", "--mtbench-bench", "chat")
    assert run.status == 0
    assert run.report()["bench"]["name"] == "chat"


def test_a_suite_that_ships_is_found_by_name(example: Example) -> None:
    (example.path / "test_it.py").write_text("def test_it(mtbench_judged): pass\n")
    run = example.bare("--mtbench-bench", "general", "--collect-only", "-q")
    assert run.status == 0
    assert any(line.startswith("test_it.py::test_it[writing-") for line in run.lines)


def test_tests_without_questions_run_beside(chat: Example) -> None:
    (chat.path / "test_other.py").write_text("def test_other(): pass\n")
    run = chat.run()
    assert run.outcomes == {"passed": 7}
    assert run.decision == "PASS"


def test_a_class_and_a_second_test_share_one_judgment(chat: Example) -> None:
    (chat.path / "chat" / "test_chat.py").write_text(
        "class TestChat:\n"
        "    def test_grade(self, mtbench_judged):\n"
        "        assert mtbench_judged.candidate.grades == (8, 8)\n"
        "    def test_words(self, mtbench_candidate, mtbench_question):\n"
        "        assert str(mtbench_question.question_id) in mtbench_candidate.turns[0]\n"
    )
    run = chat.run()
    assert run.outcomes == {"passed": 12}
    assert run.decision == "PASS"
    assert len(chat.asked()) == len(set(chat.asked())) == 6 * (2 * 2 + 2 * 2)
