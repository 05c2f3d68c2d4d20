"""Small builders: a test names what it is about, the rest is filled in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from mtbench_pytest.bench.bench import Bench, load_bench
from mtbench_pytest.bench.config import REFERENCE_CATEGORIES, BenchConfig
from mtbench_pytest.bench.prompts import PromptBook, PromptType, Template, make_template
from mtbench_pytest.core.jsonl import dump_jsonl
from mtbench_pytest.core.records import (
    Answer,
    Failure,
    Game,
    JudgeFailure,
    Judgment,
    Prompt,
    Question,
    QuestionId,
    Reply,
    Side,
    Verdict,
)
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decision import Bounds

# Six questions that are alike show little of others: with the usual margins none would pass.
MARGINS = "[margins]\nrun = 1\nwin_rate = 0.5\n"

Winner = Literal["A", "B", "tie"]
PROMPT = Prompt("single-v1", "Be fair.", "Q A")
FLIPPED: Mapping[str, Winner] = {"A": "B", "B": "A", "tie": "tie"}

# (name, type, category, text): one template for each turn and type, and for a reference of two turns.
TEMPLATES: tuple[tuple[str, PromptType, str, str], ...] = (
    ("pair", "pairwise", "general", "{question} | {answer_a} | {answer_b}"),
    ("pair-2", "pairwise", "general", "{question_1} {question_2} | {answer_a_2} | {answer_b_2}"),
    ("pair-ref", "pairwise", "math", "{question} | {ref_answer_1} | {answer_a} | {answer_b}"),
    ("pair-ref-2", "pairwise", "general", "{question_2} | {ref_answer_2} | {answer_a_2} | {answer_b_2}"),
    ("one", "single", "general", "{question} | {answer}"),
    ("one-2", "single", "general", "{question_1} {question_2} | {answer_1} {answer_2}"),
    ("one-ref", "single", "math", "{question} | {ref_answer_1} | {answer}"),
    ("one-ref-2", "single", "math", "{question_2} | {ref_answer_1} {ref_answer_2} | {answer_2}"),
)


def template(name: str, type: PromptType, category: str, text: str) -> Template:
    return make_template(name, type, "Be fair.", text, category)


def book(*added: tuple[str, PromptType, str, str]) -> PromptBook:
    return PromptBook(tuple(template(*parts) for parts in (*TEMPLATES, *added)), REFERENCE_CATEGORIES)


def question(
    question_id: QuestionId = 1, category: str = "writing", turns: int = 2, reference: int = 0
) -> Question:
    return Question(
        question_id,
        category,
        tuple(f"q{question_id}.{turn}" for turn in range(1, turns + 1)),
        tuple(f"ref{question_id}.{turn}" for turn in range(1, reference + 1)),
    )


def questions(count: int, category: str = "writing", turns: int = 2) -> list[Question]:
    return [question(n, category, turns) for n in range(1, count + 1)]


def answer(
    question_id: QuestionId = 1,
    model: str = "cand",
    texts: Sequence[str] = ("a1", "a2"),
    capped: bool = False,
) -> Answer:
    return Answer(question_id, model, tuple(Reply(text, capped=capped) for text in texts))


def sides(candidate: Answer, baseline: Answer | None = None) -> dict[Side, Answer]:
    return {"candidate": candidate, "baseline": baseline or answer(candidate.question_id, "base")}


def judgment(
    grade: float, question_id: QuestionId = 1, turn: int = 1, model: str = "cand", text: str = ""
) -> Judgment:
    return Judgment(question_id, turn, model, "judge", PROMPT, grade, text or f"So: [[{grade:g}]]")


def game(
    winner: Winner, a: str = "cand", b: str = "base", question_id: QuestionId = 1, turn: int = 1
) -> Game:
    return Game(question_id, turn, a, b, "judge", PROMPT, winner, f"So: {winner}")


def verdict(first: Winner, second: Winner, question_id: QuestionId = 1, turn: int = 1) -> Verdict:
    """Two games as the judge saw them: the candidate is A in the first and B in the second."""
    games = (
        game(first, question_id=question_id, turn=turn),
        game(second, "base", "cand", question_id, turn),
    )
    return Verdict(question_id, turn, games)


def consistent(winner: Winner, question_id: QuestionId = 1, turn: int = 1) -> Verdict:
    """Both orders agree; "A" is the candidate."""
    return verdict(winner, FLIPPED[winner], question_id, turn)


def judge_failure(models: tuple[str, ...] = ("cand",), reason: str = "no marker") -> JudgeFailure:
    return JudgeFailure(1, 1, models, "judge", PROMPT, reason, "well")


def row(
    question_id: QuestionId = 1,
    candidate: Sequence[float] = (7, 7),
    baseline: Sequence[float] = (7, 7),
    *,
    category: str = "writing",
    turns: int = 2,
    verdicts: Sequence[Verdict] = (),
    game_turns: Sequence[int] = (),
    failures: Sequence[Failure] = (),
    answers: Mapping[Side, Answer] | None = None,
    names: tuple[str, str] = ("cand", "base"),
) -> Row:
    """A row with the given grades a turn."""
    given: dict[Side, Sequence[float]] = {"candidate": candidate, "baseline": baseline}
    models: dict[Side, str] = {"candidate": names[0], "baseline": names[1]}
    if answers is None:
        texts = [[f"{models[side]} {turn}" for turn in range(1, turns + 1)] for side in given]
        answers = {
            side: answer(question_id, models[side], said) for side, said in zip(given, texts, strict=True)
        }
    return Row(
        bench="bench",
        question_id=question_id,
        category=category,
        turns=turns,
        game_turns=tuple(game_turns) or tuple(v.turn for v in verdicts),
        answers=answers,
        judgments={
            side: tuple(judgment(g, question_id, turn, models[side]) for turn, g in enumerate(grades, 1))
            for side, grades in given.items()
        },
        verdicts=tuple(verdicts),
        failures=tuple(failures),
    )


def repeated_row(
    question_id: QuestionId,
    candidate: Sequence[Sequence[float]],
    baseline: Sequence[Sequence[float]],
    **fields: Any,
) -> Row:
    """A row with the grades of each turn, one a repeat; as many repeats as the first turn has."""
    given: dict[Side, Sequence[Sequence[float]]] = {"candidate": candidate, "baseline": baseline}
    plain = row(question_id, (), (), turns=len(candidate), **fields)
    judgments = {
        side: tuple(
            replace(judgment(grade, question_id, turn, plain.answers[side].model), repeat=repeat)
            for turn, repeats in enumerate(grades, 1)
            for repeat, grade in enumerate(repeats, 1)
        )
        for side, grades in given.items()
    }
    return replace(plain, judgments=judgments, repeats=len(candidate[0]))


def bench(asked: Sequence[Question], config: BenchConfig | None = None, name: str = "bench") -> Bench:
    return Bench(Path(name), tuple(asked), book(), Path("judge_prompts.jsonl"), config or BenchConfig())


def question_line(question_id: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"question_id": question_id, "category": "writing", "turns": ["Hello.", "Again."], **fields}


def answer_line(question_id: Any, *turns: str) -> dict[str, Any]:
    return {"question_id": question_id, "choices": [{"index": 0, "turns": list(turns)}]}


def write_jsonl(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_jsonl(lines), encoding="utf-8")
    return path


def write_bench(folder: Path, *lines: Mapping[str, Any], toml: str = "") -> Path:
    """A bench folder on disk with prompts of its own."""
    write_jsonl(folder / "question.jsonl", lines or [question_line()])
    write_jsonl(
        folder / "judge_prompts.jsonl",
        (
            {"name": n, "type": t, "category": c, "system_prompt": "", "prompt_template": text}
            for n, t, c, text in TEMPLATES
        ),
    )
    if toml:
        (folder / "bench.toml").write_text(toml, encoding="utf-8")
    return folder


def loaded(folder: Path, *lines: Mapping[str, Any], toml: str = "") -> Bench:
    return load_bench(write_bench(folder, *lines, toml=toml))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rounded(bounds: Bounds) -> tuple[float, float, float]:
    return round(bounds.mean, 3), round(bounds.lower, 3), round(bounds.upper, 3)


def single_line(score: Any, **fields: Any) -> dict[str, Any]:
    """A line of a `_single.jsonl` file."""
    return {
        "question_id": 1,
        "model": "cand",
        "judge": ["gpt-4", "one"],
        "judgment": f"So: [[{score}]]",
        "score": score,
        "turn": 1,
        **fields,
    }


def pair_line(
    first: Any, second: Any, models: tuple[str, str] = ("cand", "base"), **fields: Any
) -> dict[str, Any]:
    """A line of a `_pair.jsonl` file: model_1 stood first in game 1, model_2 in game 2."""
    return {
        "question_id": 1,
        "model_1": models[0],
        "model_2": models[1],
        "g1_winner": first,
        "g2_winner": second,
        "judge": ["gpt-4", "pair"],
        "g1_judgment": "first game",
        "g2_judgment": "second game",
        "turn": 1,
        **fields,
    }


ABOUT: Mapping[str, Any] = {
    "candidate": {"spec": "hf:./ckpt", "name": "cand", "identity": {"kind": "hf"}},
    "baseline": {"spec": "answers:base.jsonl", "name": "base", "identity": None},
    "judge": {"spec": "openai:gpt-4", "name": "gpt-4", "identity": None},
    "settings": {"margin": 0.5, "pairwise": True},
}
