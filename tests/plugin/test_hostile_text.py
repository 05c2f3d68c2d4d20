"""What strangers wrote, in categories, ids, answers and judges' replies, steers neither terminal nor CI."""

from __future__ import annotations

import json

from tests.plugin.harness import Example

EVIL = "\x1b]0;owned\x07\x1b[2J"


def test_categories_ids_answers_and_judges(chat: Example) -> None:
    lines = [json.loads(line) for line in (chat.path / "chat" / "question.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        line["category"] = f"::error::{EVIL}cat" if number % 2 else f"two\nlines{EVIL}"
        line["question_id"] = f"{EVIL}{number}\n"
    chat.write_lines(chat.path / "chat" / "question.jsonl", lines)
    for side, grade in (("new", 2), ("old", 8)):
        answers = [json.loads(line) for line in (chat.path / f"{side}.jsonl").read_text().splitlines()]
        for number, answer in enumerate(answers):
            answer["question_id"] = f"{EVIL}{number}\n"
            answer["choices"][0]["turns"] = [f"{EVIL} worth {grade}", f"\n::warning::{EVIL} worth {grade}"]
        chat.write_lines(chat.path / f"{side}.jsonl", answers)
    run = chat.run(
        judge=f"python:stage:judge?name={EVIL.encode().decode('ascii')}judge".replace("\x1b", "%1B")
    )
    ours = run.out[run.out.index("mtbench: chat") :]
    assert "\x1b" not in ours
    assert "\x07" not in ours
    assert not [line for line in run.out.splitlines() if line.lstrip().startswith("::")]
    assert run.status in (0, 1, 20, 21, 22)
    assert (chat.path / "mtbench-report" / "report.html").exists()
