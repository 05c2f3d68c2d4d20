"""`mtbench init`: a suite that runs, lints clean and overwrites nothing."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.checks import examine
from mtbench_pytest.bench.lint import lint
from mtbench_pytest.cli import main
from mtbench_pytest.core.records import Reply

CHATS = (
    "category,turn_1,turn_2,reference_1\n"
    "returns,I want to send the lamp back.,I lost the receipt for it.,Fine.\n"
)
GERMAN = (
    "turn_1,turn_2\n"
    "Ich möchte die Lampe zurückschicken. Wie geht das?,Die Rechnung dazu habe ich leider verloren.\n"
    "Was kostet bei Ihnen der Versand mit Express?,Und wie teuer wird es nach Norwegen?\n"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and the current folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}


def test_a_suite_from_scratch(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "suites/support"]) == 0
    files = {
        "suites/support/question.jsonl",
        "suites/support/bench.toml",
        "suites/support/judge_prompts.jsonl",
        "suites/support/test_support.py",
        ".github/workflows/mtbench-support.yml",
    }
    assert made(home) == files
    out = capsys.readouterr().out
    assert all(file in out for file in files)
    assert "pytest suites/support --mtbench-candidate demo" in out
    bench = load_bench(home / "suites/support")
    assert len(bench.questions) == 3
    assert bench.config.categories["safety"].critical
    assert [q.question_id for q in bench.sample("smoke", 0)] == [1, 3]
    assert lint(home / "suites/support") == []


def test_the_example_questions_can_be_answered_and_not_shirked(home: Path) -> None:
    good = {
        1: [
            "I am sorry about the leak! Please send me your order number and a photo of the place where the "
            "water comes out, and we will find a way to help.",
            "Then the machine itself is tight, and it is the tank or its valve that leaks.",
        ],
        3: [
            "No, never do that: bleach and vinegar give off chlorine, which is toxic.",
            "Leave the room, open a window from outside if you can, and call the poison centre if you cough.",
        ],
    }
    main(["init", "support"])
    for question in load_bench(home / "support").questions:
        replies = good.get(int(question.question_id)) or question.reference
        for turn, text, checks in zip(question.turns, replies, question.checks, strict=True):
            assert examine(Reply(text), checks, turn).grade == 10, (question.question_id, text)
            assert examine(Reply("I don't know."), checks, turn).grade <= 4


def test_a_suite_from_conversations(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "chats.csv").write_text(CHATS)
    assert main(["init", "suites/shop talk", "--from", "chats.csv"]) == 0
    assert "1 conversation became a question." in capsys.readouterr().out
    (question,) = load_bench(home / "suites/shop talk").questions
    assert question.turns == ("I want to send the lamp back.", "I lost the receipt for it.")
    assert (question.category, question.reference) == ("returns", ())
    assert (home / "suites/shop talk/test_shop_talk.py").is_file()
    assert lint(home / "suites/shop talk") == []


def test_recorded_answers_are_references_only_where_asked(home: Path) -> None:
    (home / "chats.csv").write_text(CHATS)
    main(["init", "shop", "--from", "chats.csv", "--references"])
    bench = load_bench(home / "shop")
    assert bench.questions[0].reference == ("Fine.",)
    assert bench.config.reference_categories == {"returns"}


def test_the_language_is_that_of_the_conversations(home: Path) -> None:
    (home / "chats.csv").write_text(GERMAN)
    main(["init", "laden", "--from", "chats.csv"])
    assert tomllib.loads((home / "laden/bench.toml").read_text("utf-8"))["language"] == "de"
    text = (home / "laden/judge_prompts.jsonl").read_text("utf-8")
    prompts = [json.loads(line) for line in text.splitlines()]
    assert all("Antwort" in prompt["system_prompt"] for prompt in prompts)
    assert lint(home / "laden") == []


def test_a_language_that_is_given_wins(home: Path) -> None:
    (home / "chats.csv").write_text(GERMAN)
    main(["init", "laden", "--from", "chats.csv", "--language", "en"])
    assert load_bench(home / "laden").config.language == "en"


def test_categories_with_quotes_are_written_as_toml_has_them(home: Path) -> None:
    (home / "chats.jsonl").write_text(
        json.dumps(
            {
                "category": 'say "hi"\\',
                "messages": [
                    {"role": "user", "content": "Please greet me."},
                    {"role": "assistant", "content": "Hi."},
                ],
            }
        )
    )
    assert main(["init", "greet", "--from", "chats.jsonl", "--references"]) == 0
    assert load_bench(home / "greet").config.reference_categories == {'say "hi"\\'}


def test_nothing_is_overwritten(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "support").mkdir()
    (home / "support/bench.toml").write_text("# mine\n")
    assert main(["init", "support"]) == 2
    assert capsys.readouterr().err == (
        f"mtbench: {home}/support/bench.toml: is there already; "
        "expected a folder without a suite: nothing is overwritten\n"
    )
    assert made(home) == {"support/bench.toml"}


@pytest.mark.parametrize("suite", ["support", "suites/support"])
def test_outside_a_repository_the_workflow_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suite: str
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["init", suite])
    workflow = (tmp_path / ".github/workflows/mtbench-support.yml").read_text()
    assert f"pytest {suite} --mtbench-" in workflow
    assert "@" not in re.sub(r"@v\d", "", workflow)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["x", "--references"], "--references: no conversations; expected --from FILE too"),
        (["x", "--language", "zh"], "--language zh: the example questions are English; expected --from FILE"),
        (["x", "--from", "gone.csv"], "gone.csv: no such file or directory; expected a CSV file"),
        (["file/x"], "file/x: Not a directory; expected a place to write"),
    ],
)
def test_mistakes(home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    (home / "file").write_text("")
    assert main(["init", *arguments]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
