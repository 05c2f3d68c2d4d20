"""Any number of turns: the judge sees the conversation so far and grades the turn it is told to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.harness import TEST_MODULE, Example

# FastChat's bring prompts for two turns.
PROMPTS = [
    ("one", "single", "Q: {question} A: {answer}"),
    ("two", "single", "Q: {question_1} A: {answer_1} Q: {question_2} A: {answer_2}"),
    ("pair", "pairwise", "Q: {question} A: {answer_a} B: {answer_b}"),
    ("pair-2", "pairwise", "Q: {question_2} A: {answer_a_2} B: {answer_b_2}"),
]


@pytest.fixture
def talks(example: Example) -> Example:
    """A bench with questions of one, two, three and five turns."""
    folder = example.path / "talks"
    folder.mkdir()
    asked = {count: [f"Ask {count}.{n}?" for n in range(1, count + 1)] for count in (1, 2, 3, 5)}
    lines = [{"question_id": n, "category": "travel", "turns": turns} for n, turns in asked.items()]
    write(folder / "question.jsonl", lines)
    (folder / "test_talks.py").write_text(TEST_MODULE)
    for name, grade in (("new", 9), ("old", 8)):
        rows = [
            {
                "question_id": count,
                "choices": [{"turns": [f"{name} {n}, worth {grade}" for n in range(1, count + 1)]}],
            }
            for count in asked
        ]
        write(example.path / f"{name}.jsonl", rows)
    return example


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def prompts_sent(example: Example, file: str, question: int) -> dict[int, str]:
    """By turn, what the judge was sent about a question of the candidate's, or of both."""
    path = next((example.path / "mtbench-report/model_judgment").glob(f"*{file}.jsonl"))
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    key = "user_prompt" if file == "_single" else "g1_user_prompt"
    return {
        row["turn"]: row[key]
        for row in rows
        if row["question_id"] == question and "old" not in str(row.get("model"))
    }


def test_every_turn_is_graded_in_its_conversation(talks: Example) -> None:
    run = talks.run()
    assert run.outcomes == {"passed": 4}, run.out
    assert run.decision == "PASS"
    turns = {row["question_id"]: list(row["candidate"]["grades"]) for row in run.report()["rows"]}
    assert turns == {count: [str(n) for n in range(1, count + 1)] for count in (1, 2, 3, 5)}
    assert len(talks.asked("grade")) == 2 * (1 + 2 + 3 + 5)
    assert len(talks.asked("game")) == 2 * (1 + 2 + 3 + 5)
    sent = prompts_sent(talks, "_single", 3)
    assert sent[1] == "<<< request\nAsk 3.1?\n>>>\n\n<<< answer to grade\nnew 1, worth 9\n>>>"
    assert sent[3] == (
        "<<< request 1\nAsk 3.1?\n>>>\n\n<<< answer 1\nnew 1, worth 9\n>>>\n\n"
        "<<< request 2\nAsk 3.2?\n>>>\n\n<<< answer 2\nnew 2, worth 9\n>>>\n\n"
        "<<< request 3\nAsk 3.3?\n>>>\n\n<<< answer 3, to grade\nnew 3, worth 9\n>>>"
    )
    compared = prompts_sent(talks, "_pair", 5)
    assert set(compared) == {1, 2, 3, 4, 5}
    assert "<<< A: answer 4, to compare\nnew 4, worth 9\n>>>\n\n<<< B: request 1" in compared[4]
    assert "new 5" not in compared[4], "nothing of a later turn"


def test_a_benchs_own_prompts_go_as_far_as_they_go(talks: Example) -> None:
    rows = [
        {"name": name, "type": kind, "system_prompt": "", "prompt_template": text}
        for name, kind, text in PROMPTS
    ]
    write(talks.path / "talks/judge_prompts.jsonl", rows)
    run = talks.run()
    used = {row["question_id"]: list(row["candidate"]["prompts"].values()) for row in run.report()["rows"]}
    assert used == {
        1: ["one"],
        2: ["one", "two"],
        3: ["one", "two", "single-later"],
        5: ["one", "two", *["single-later"] * 3],
    }
    assert prompts_sent(talks, "_single", 5)[2] == (
        "Q: Ask 5.1? A: new 1, worth 9 Q: Ask 5.2? A: new 2, worth 9"
    )


def test_a_prompt_of_ones_own_for_any_later_turn(talks: Example) -> None:
    first = {"name": "one", "type": "single", "system_prompt": "", "prompt_template": "{question} {answer}"}
    later = {
        "name": "any",
        "type": "single",
        "system_prompt": "",
        "turn_template": "{turn}: {question} -> {answer}",
        "prompt_template": "{conversation}\n{turn}! {question} -> {answer}",
    }
    write(talks.path / "talks/judge_prompts.jsonl", [first, later])
    run = talks.run("--mtbench-pairwise=off")
    assert run.status == 0, run.out
    assert prompts_sent(talks, "_single", 3)[3] == (
        "1: Ask 3.1? -> new 1, worth 9\n\n2: Ask 3.2? -> new 2, worth 9\n3! Ask 3.3? -> new 3, worth 9"
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"prompt_template": "{conversation} {question} {answer}"}, "turn_template beside {conversation}"),
        ({"turn_template": "{answer}"}, "{conversation} in a prompt with a turn_template"),
        (
            {"prompt_template": "{conversation} {answer_1}", "turn_template": "{answer}"},
            "not {answer_1}",
        ),
        (
            {"prompt_template": "{conversation} {question}", "turn_template": "{answer}"},
            "without {answer}",
        ),
        (
            {"prompt_template": "{conversation} {answer}", "turn_template": "{reply}"},
            "placeholders of a turn_template: {answer}, {question}, {side}, {turn}; not {reply}",
        ),
        ({"turn_template": 3}, "'turn_template' is 3"),
    ],
)
def test_mistakes_in_such_a_prompt(talks: Example, fields: dict[str, Any], told: str) -> None:
    row = {"name": "p", "type": "single", "system_prompt": "", "prompt_template": "{question} {answer}"}
    write(talks.path / "talks/judge_prompts.jsonl", [row | fields])
    talks.run("--mtbench-bench=talks").refused("judge_prompts.jsonl:1: ", told)
