"""A bench that cannot be used: one line with file and line number, wherever the bench was named."""

from __future__ import annotations

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example

BROKEN = [
    ("question.jsonl", "{]\n", "question.jsonl:1: not JSON"),
    ("question.jsonl", "", "question.jsonl: no questions"),
    (
        "question.jsonl",
        '{"question_id": 1, "category": "x", "turns": []}\n',
        "question.jsonl:1: 'turns' is []",
    ),
    ("bench.toml", "[margins]\nrum = 1\n", "unknown key 'rum' in [margins]"),
    ("bench.toml", "[samples]\nsmoke = [99]\n", "sample 'smoke' names question 99"),
    ("judge_prompts.jsonl", '{"name": "x"}\n', "judge_prompts.jsonl:1: no 'type'"),
]


@pytest.mark.parametrize(("file", "text", "words"), BROKEN, ids=[words for *_, words in BROKEN])
def test_a_bench_named_by_the_option(chat: Example, file: str, text: str, words: str) -> None:
    (chat.path / "chat" / file).write_text(text)
    assert words in chat.bare("--mtbench-bench=chat").told_alone()


@BARE_AND_XDIST
def test_a_bench_beside_its_module(chat: Example, workers: tuple[str, ...]) -> None:
    (chat.path / "chat" / "question.jsonl").write_text("{]\n")
    run = chat.run(*workers)
    assert run.status == 2
    run.stdout.fnmatch_lines(["*ERROR collecting chat/test_chat.py*", "*question.jsonl:1: not JSON*"])
    assert "Traceback" not in run.out
    assert "session.py" not in run.out
    assert not run.wrote()


def test_a_module_without_a_bench(example: Example) -> None:
    (example.path / "test_it.py").write_text("def test_it(mtbench_judged): pass\n")
    example.grades([8])
    run = example.run()
    assert run.status == 2
    run.stdout.fnmatch_lines(["*no question.jsonl beside the test module; expected one, or --mtbench-bench*"])
    assert "Traceback" not in run.out


def test_a_question_that_no_prompt_fits(chat: Example) -> None:
    (chat.path / "chat" / "judge_prompts.jsonl").write_text(
        '{"name": "one", "type": "single", "system_prompt": "", "category": "general", '
        '"prompt_template": "{question} {answer}", "output_format": "[[rating]]"}\n'
    )
    chat.run().refused("prompt")
    assert chat.asked() == []
