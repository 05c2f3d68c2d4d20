"""The shipped suites, run whole as a user runs them, on answer sheets whose worth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.gate import Gate
from tests.unit.general_suite import PERFECT, QUESTIONS

Sheet = Callable[[Sequence[str]], list[str]]
SHEETS: dict[str, Sheet] = {
    "perfect": list,
    "empty": lambda turns: [""] * len(turns),
    # As a model answers that no longer sees more than the first message.
    "first-turn-only": lambda turns: [turns[0]] * len(turns),
}


def sheet(folder: Path, name: str) -> str:
    """An answers file for all of `general`; returns its spec."""
    rows = [
        {"question_id": number, "choices": [{"turns": SHEETS[name](turns)}]}
        for number, turns in sorted(PERFECT.items())
    ]
    path = folder / f"{name}.jsonl"
    path.write_text(dump_jsonl(rows), "utf-8")
    return f"answers:{path}"


def grades(gate: Gate, side: str) -> list[list[float]]:
    """By question, of each turn."""
    return [list(row[side]["grades"].values()) for row in gate.result["rows"]]


def run(gate: Gate, candidate: str) -> int:
    return gate.run(
        "--mtbench-bench=general",
        candidate=sheet(gate.folder, candidate),
        baseline=sheet(gate.folder, "perfect"),
        judge="checks",
    )


def test_a_perfect_sheet_gets_ten_everywhere_and_passes(gate: Gate) -> None:
    assert run(gate, "perfect") == 0, gate.out
    assert gate.result["decision"] == "PASS"
    assert gate.result["questions"] == {"expected": len(QUESTIONS), "judged": len(QUESTIONS)}
    assert grades(gate, "candidate") == [[10, 10]] * len(QUESTIONS)


def test_an_empty_sheet_gets_one_everywhere(gate: Gate) -> None:
    assert run(gate, "empty") == 20, gate.out
    assert grades(gate, "candidate") == [[1, 1]] * len(QUESTIONS)
    assert grades(gate, "baseline") == [[10, 10]] * len(QUESTIONS)


def test_the_second_turns_catch_who_answers_the_first_only(gate: Gate) -> None:
    assert run(gate, "first-turn-only") == 20, gate.out
    firsts, seconds = zip(*grades(gate, "candidate"), strict=True)
    assert set(firsts) == {10}
    assert max(seconds) < 8
    assert sum(seconds) / len(seconds) < 4
