"""`mtbench lint`: every finding with its file and line, and nothing found in what is sound."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.lint import Finding, lint
from mtbench_pytest.bench.lint.dependence import stands_alone
from mtbench_pytest.cli import main
from mtbench_pytest.core.jsonl import dump_jsonl

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data"
FROM_SHARED = pytest.mark.skipif(not DATA.is_dir(), reason="shared data absent")
# By the list; FastChat pull request 3158 corrects them.
WRONG = [104, 105, 109, 111, 113, 114, 120, 122, 124, 125, 126, 128, 130]


def asked(number: int, *turns: str, category: str = "travel", **fields: Any) -> dict[str, Any]:
    said = turns or (f"Plan day {number} in Porto.", "Make it cheaper.")
    return {"question_id": number, "category": category, "turns": list(said), **fields}


def folder(
    path: Path,
    questions: Sequence[Mapping[str, Any] | str],
    references: Mapping[int, Sequence[str]] | None = None,
    prompts: Sequence[Mapping[str, Any]] = (),
    toml: str = "",
) -> Path:
    """A bench; a question may be a raw line."""
    lines = [line if isinstance(line, str) else json.dumps(line) for line in questions]
    (path / "question.jsonl").write_text("\n".join(lines), "utf-8")
    if references:
        (path / "reference_answer").mkdir()
        rows = [{"question_id": n, "choices": [{"turns": list(turns)}]} for n, turns in references.items()]
        (path / "reference_answer/gpt-4.jsonl").write_text(dump_jsonl(rows), "utf-8")
    if prompts:
        (path / "judge_prompts.jsonl").write_text(dump_jsonl(prompts), "utf-8")
    if toml:
        (path / "bench.toml").write_text(toml, "utf-8")
    return path


def told(path: Path, *rules: str) -> list[tuple[str, int | None, str, str]]:
    """File, line, level and rule of each finding, of these rules or of all."""
    return [
        (finding.path.name, finding.line, finding.level, finding.rule)
        for finding in lint(path)
        if not rules or finding.rule in rules
    ]


def only(path: Path) -> Finding:
    (finding,) = lint(path)
    return finding


def test_a_sound_bench(tmp_path: Path) -> None:
    assert told(folder(tmp_path, [asked(1), asked(2)])) == []


def test_all_that_the_loader_refuses_is_told_at_once(tmp_path: Path) -> None:
    lines: list[Any] = [
        asked(1),
        "{",
        {"question_id": 2},
        asked(3, "One.", " "),
        asked(1, "Plan a week.", "Shorter."),
    ]
    bench = folder(tmp_path, lines, toml="speed = 3\n")
    (bench / "judge_prompts.jsonl").write_text('{"name": "p"}\n[]\n')
    assert told(bench, "refused") == [
        ("bench.toml", None, "error", "refused"),
        ("judge_prompts.jsonl", 1, "error", "refused"),
        ("judge_prompts.jsonl", 2, "error", "refused"),
        ("question.jsonl", 2, "error", "refused"),
        ("question.jsonl", 3, "error", "refused"),
        ("question.jsonl", 4, "error", "refused"),
        ("question.jsonl", 5, "error", "refused"),
    ]
    assert "question_id 1 stands in line 1 too" in [f.text for f in lint(bench)][-1]


def test_what_only_the_whole_shows_is_told_too(tmp_path: Path) -> None:
    finding = only(folder(tmp_path, [asked(1)], toml="[samples]\nsmoke = [9]\n"))
    assert (finding.path.name, finding.level) == ("bench.toml", "error")
    assert finding.text.startswith("sample 'smoke' names question 9")


def test_no_questions_and_no_file(tmp_path: Path) -> None:
    assert told(folder(tmp_path, [])) == [("question.jsonl", None, "error", "refused")]
    (tmp_path / "question.jsonl").unlink()
    assert told(tmp_path) == [("question.jsonl", None, "error", "refused")]


def test_duplicates(tmp_path: Path) -> None:
    lines = [
        asked(1),
        asked(2),
        asked(3, "PLAN day 1  in Porto.", "make it cheaper."),
        asked(4, "Hi!", "hi!"),
    ]
    lines.append(asked(5, "Plan day 2 in Porto.", "Add a museum to it."))
    assert told(folder(tmp_path, lines)) == [
        ("question.jsonl", 3, "error", "duplicate"),
        ("question.jsonl", 4, "error", "duplicate"),
        ("question.jsonl", 5, "warning", "duplicate"),
    ]


def test_a_field_that_nobody_reads_is_told_once(tmp_path: Path) -> None:
    finding = only(folder(tmp_path, [asked(1), asked(2, check=[]), asked(3, check=[])]))
    assert (finding.line, finding.rule) == (2, "unknown-field")
    assert finding.text.startswith('"check" is not read (and in 1 more lines); known: category, checks,')


@pytest.mark.parametrize("odd", ["\ufffd", "\x00", "\u200b", "\ue000"])
def test_what_a_broken_export_leaves(tmp_path: Path, odd: str) -> None:
    finding = only(folder(tmp_path, [asked(1, f"Plan a day in M{odd}nchen.", "Make it cheaper.")]))
    assert finding.rule == "odd-character"
    assert f"turn 1 holds U+{ord(odd):04X}" in finding.text


def test_scripts_accents_and_emoji_are_not_odd(tmp_path: Path) -> None:
    text = "Grüße aus 上海 👩‍🚀\n\tna​ïve".replace("\u200b", "")
    assert told(folder(tmp_path, [asked(1, text, "Make it cheaper.")])) == []


def test_references(tmp_path: Path) -> None:
    lines = [asked(n, category="math") for n in (1, 2, 3)] + [asked(4)]
    bench = folder(tmp_path, lines, {1: ["7", "8"], 2: ["7"], 4: ["a", "b", "c"], 9: ["7"]})
    assert told(bench) == [
        ("question.jsonl", 3, "warning", "no-reference"),
        ("gpt-4.jsonl", 2, "warning", "no-reference"),
        ("gpt-4.jsonl", 3, "warning", "unused-reference"),
        ("gpt-4.jsonl", 4, "warning", "unused-reference"),
    ]


def test_a_reference_that_fails_its_checks_is_an_error(tmp_path: Path) -> None:
    question = asked(1, category="math", checks=[[{"number": 7}], [{"number": 8}]])
    finding = only(folder(tmp_path, [question], {1: ["It is 7.", "It is 9."]}))
    assert (finding.level, finding.rule, finding.line) == ("error", "reference-fails", 1)
    assert finding.text == "question 1: its reference fails the checks of turn 2: lacks the number 8"


def test_checks_that_ask_too_little(tmp_path: Path) -> None:
    short = asked(1, checks=[[{"max_words": 5}], [{"contains": "bus"}]])
    again = asked(2, category="math", checks=[[{"number": 7}], [{"number": 7}]])
    bench = folder(tmp_path, [short, again], {2: ["So 7.", "Still 7, as before."]})
    assert [(f.line, f.rule, f.text) for f in lint(bench)] == [
        (1, "weak-checks", 'the checks of turn 1 give 10 to "I don\'t know."'),
        (2, "weak-checks", "the reference for turn 1 passes all checks of turn 2 too"),
    ]


def prompt(name: str, type: str, text: str, category: str = "general") -> dict[str, Any]:
    return {"name": name, "type": type, "system_prompt": "", "prompt_template": text, "category": category}


SINGLE = [
    prompt("one", "single", "{question} {answer}"),
    prompt("two", "single", "{question_2} {answer_2}"),
]
PAIR = [
    prompt("pair", "pairwise", "{question} {answer_a} {answer_b}"),
    prompt("pair-2", "pairwise", "{question_2} {answer_a_2} {answer_b_2}"),
]


def test_a_question_that_no_prompt_fits(tmp_path: Path) -> None:
    bench = folder(tmp_path, [asked(1)], prompts=[*SINGLE, PAIR[1]])
    finding = only(bench)
    assert (finding.level, finding.rule, finding.line) == ("error", "no-prompt", 1)
    assert finding.text == "no pairwise prompt fits turn 1 of question 1"


def test_turns_that_only_a_built_in_prompt_fits(tmp_path: Path) -> None:
    bench = folder(tmp_path, [asked(1), asked(2)], prompts=[*SINGLE, PAIR[0]])
    finding = only(bench)
    assert (finding.level, finding.rule, finding.line) == ("warning", "built-in-prompt", 1)
    assert finding.text == "the bench has no pairwise prompt for turn 2: the built-in one is used"


def test_another_language_than_the_benchs(tmp_path: Path) -> None:
    german = ("Planen Sie bitte einen schönen Tag in Porto.", "Und jetzt bitte etwas billiger als vorher.")
    more = "Make it much cheaper than before, please."
    lines = [asked(n, f"Please plan day {n} of my trip to Porto.", more) for n in range(1, 6)]
    lines += [asked(6, *german), asked(7, german[0], "Und nun teurer als zuvor.", language="de")]
    lines.append(asked(8, "Was heißt hier Tagesausflug auf Englisch?", more, language_exempt="translate"))
    bench = folder(tmp_path, lines)
    found = [(f.line, f.level, f.text) for f in lint(bench) if f.rule == "foreign-language"]
    assert found == [
        (6, "warning", "turn 1 is in 'de', not in 'en' as of the bench"),
        (6, "warning", "turn 2 is in 'de', not in 'en' as of the bench"),
    ]


def test_a_prompt_that_fits_no_question(tmp_path: Path) -> None:
    stray = prompt("stray", "single", "{question} {answer}", "travle")
    bench = folder(tmp_path, [asked(1)], prompts=[*SINGLE, *PAIR, stray])
    finding = only(bench)
    assert (finding.path.name, finding.line, finding.level) == ("judge_prompts.jsonl", 5, "warning")
    assert finding.text == 'prompt "stray" (category travle) fits no question'


@pytest.mark.parametrize(
    ("first", "second", "alone"),
    [
        ("Plan a day in Porto.", "Prove that the square root of two is irrational.", True),
        ("Plan a day in Porto.", "Make it cheaper.", False),
        ("Plan a day in Porto.", "How far is Porto from Lisbon by train?", False),
        ("Plan a day in Porto.", "In French, please.", False),
        ("Plan a day in Porto.", "And what does a ticket for the tram cost?", False),
        ("Planen Sie einen Tag in Bonn.", "Beweisen Sie, dass die Wurzel aus zwei irrational ist.", True),
        ("Planen Sie einen Tag in Bonn.", "Überarbeiten Sie Ihre Antwort für einen Regentag.", False),
        ("我头疼三天了，该看哪个科？", "请证明勾股定理，并写出完整的推导步骤。", True),
        ("我头疼三天了，该看哪个科？", "头疼的时候能不能吃止痛药呢？", False),
        ("부산 여행 계획을 세워 주세요.", "리만 기하학과 유클리드 기하학의 차이점은 무엇인가요?", True),
        ("부산 여행 계획을 세워 주세요.", "이전 답변을 더 짧게 써 주세요.", False),
    ],
)
def test_whether_a_turn_builds_on_the_one_before(first: str, second: str, alone: bool) -> None:
    assert stands_alone(second, [first]) is alone


def test_a_turn_that_stands_alone_is_a_warning(tmp_path: Path) -> None:
    turns = ("Plan a day in Porto.", "Prove that the square root of two is irrational.")
    finding = only(folder(tmp_path, [asked(1, *turns)]))
    assert (finding.level, finding.rule, finding.line) == ("warning", "stands-alone", 1)


@FROM_SHARED
def test_the_public_references_that_are_wrong() -> None:
    bench = DATA / "mt_bench"
    rows = (bench / "reference_answer/gpt-4.jsonl").read_text("utf-8").splitlines()
    lines = {json.loads(row)["question_id"]: number for number, row in enumerate(rows, 1)}
    found = [f for f in lint(bench) if f.rule == "known-wrong-reference"]
    assert [f.line for f in found] == [lines[number] for number in WRONG]
    assert {f.level for f in found} == {"error"}
    assert all(f"question {number} " in f.text for f, number in zip(found, WRONG, strict=True))


@FROM_SHARED
def test_a_corrected_reference_is_not_held_against_the_bench(tmp_path: Path) -> None:
    question = {"question_id": 104, "category": "reasoning", "turns": ["How many?", "And if it were two?"]}
    assert told(folder(tmp_path, [question], {104: ["None but himself.", "One."]})) == []


@FROM_SHARED
@pytest.mark.parametrize(("name", "alone"), [("mt_bench", 1), ("mt_bench_ko", 4), ("mt_bench_de", 2)])
def test_few_turns_of_the_public_benches_are_taken_for_independent(name: str, alone: int) -> None:
    """Those ask for something new, such as a proof of Pythagoras of the Iron Man: rightly a warning."""
    assert sum(f.rule == "stands-alone" for f in lint(DATA / name)) == alone


def test_the_shipped_suites_are_sound() -> None:
    for suite in sorted((ROOT / "suites").glob("*/question.jsonl")):
        assert lint(suite.parent) == [], suite.parent.name


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench := tmp_path / "mine").mkdir()
    folder(bench, [asked(1), asked(2, check=[]), "{"])
    monkeypatch.chdir(tmp_path)
    assert main(["lint", "mine"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        'mine/question.jsonl:2: warning: "check" is not read; known: category, checks, language, '
        "language_exempt, opening, question_id, reference, turns [unknown-field]",
        "mine/question.jsonl:3: error: not JSON (Expecting property name enclosed in double quotes); "
        "expected one JSON object a line [refused]",
        "mine: 1 error, 1 warning",
    ]
    folder(bench, [asked(1), asked(2, check=[])])
    assert main(["lint", "mine"]) == 0
    assert main(["lint", "--strict", "mine"]) == 1
    capsys.readouterr()
    assert main(["lint", "--json", "mine"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["line"], row["level"], row["rule"]) == (2, "warning", "unknown-field")
    folder(bench, [asked(1)])
    assert main(["lint", "mine"]) == 0
    assert capsys.readouterr().out == "mine: nothing found\n"


def test_a_bench_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("mtbench: bench nowhere: no question.jsonl there; expected ")
