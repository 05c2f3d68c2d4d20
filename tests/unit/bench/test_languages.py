"""Which language a text is in, and the share of a side's replies in the question's language."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench import languages
from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.languages import common_language, detect
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import Question, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.languages import Spoken, spoken, spoken_line, spoken_markdown
from tests.unit.factories import answer, row

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

ENGLISH = "The parcel will arrive at your door on Thursday morning."
GERMAN = "Das Paket kommt am Donnerstagmorgen bei Ihnen an der Tür an."
CHINESE = "包裹会在星期四上午送到您家门口。"
KOREAN = "소포는 목요일 아침에 댁으로 도착할 예정입니다."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (GERMAN, "de"),
        (CHINESE, "zh"),
        (KOREAN, "ko"),
        ("Bonjour, je voudrais réserver une table pour deux personnes ce soir.", "fr"),
        ("", None),
        ("42", None),
        ("OK.", None),
        ("x + y = 4z, x * y = 4z ** 2", None),
        ("```python\nfor number in numbers:\n    print('the number is', number)\n```", None),
        ("`the quick brown fox jumps over the lazy dog`", None),
        ("https://example.com/the/quick/brown/fox/jumps", None),
        (f"{GERMAN}\n```\nthe quick brown fox jumps over the lazy dog and so on and on\n```", "de"),
        ("```text\nunclosed, and all of it is code that nobody should read as a language", None),
    ],
)
def test_detect(text: str, language: str | None) -> None:
    assert detect(text) == language


@pytest.mark.skipif(not DATA.is_dir(), reason="shared data absent")
@pytest.mark.parametrize(
    ("name", "language"), [("mt_bench", "en"), ("mt_bench_ko", "ko"), ("mt_bench_de", "de")]
)
def test_of_the_public_benches_no_turn_is_taken_for_another_language(name: str, language: str) -> None:
    rows = [json.loads(line) for line in (DATA / name / "question.jsonl").read_text("utf-8").splitlines()]
    found = [detect(turn) for row in rows for turn in row["turns"]]
    assert set(found) == {language, None}
    assert found.count(None) <= 10
    assert load_bench(DATA / name).language == language


def test_the_language_of_most() -> None:
    assert common_language([ENGLISH, GERMAN, GERMAN, "OK."]) == "de"
    assert common_language(["OK.", "42"]) is None
    many = [ENGLISH] * 30 + [GERMAN] * 70
    assert common_language(many) == "de", "some are looked at, evenly spread"


def test_a_plainly_english_bench_loads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "_identifier", lambda: pytest.fail("half a second before the first call"))
    said = ["Explain to a child what the tides are good for, and how they come about.", "Shorter, please."]
    assert common_language(said * 10) == "en"
    # Dutch, Danish and German share words with it; so few that the model is asked.
    others = [
        "Leg uit wat de getijden zijn, of ze in de zomer hoger zijn, en wie er in de haven mee te maken had.",
        "Jeg har to spørgsmål om tidevand, for i dag er det for stærkt, og hvem er det godt for?",
        f"{GERMAN} Was ist in der Post, was war in der Tonne, und wer hat es gesehen?",
    ]
    for text in others:
        with pytest.raises(pytest.fail.Exception, match="half a second"):
            common_language([text])


def rows_of(*replies: str) -> list[Row]:
    """A row of two turns for each pair of replies; the baseline always answers in English."""
    pairs = zip(replies[::2], replies[1::2], strict=True)
    return [
        replace(
            row(n), answers={"candidate": answer(n, texts=pair), "baseline": answer(n, texts=[ENGLISH] * 2)}
        )
        for n, pair in enumerate(pairs, 1)
    ]


def asked(count: int, **fields: Any) -> dict[Any, Question]:
    return {n: Question(n, "travel", ("One", "Two"), **fields) for n in range(1, count + 1)}


def test_the_share_of_replies_in_the_questions_language() -> None:
    found = spoken(rows_of(ENGLISH, GERMAN, CHINESE, "OK."), asked(2), "en")
    assert found == {
        "candidate": Spoken(checked=3, own=1, others={"de": 1, "zh": 1}, untold=1, exempt={}),
        "baseline": Spoken(checked=4, own=4, others={}, untold=0, exempt={}),
    }
    assert found["candidate"].share == pytest.approx(1 / 3)


def test_a_question_may_have_a_language_of_its_own() -> None:
    found = spoken(rows_of(GERMAN, ENGLISH), asked(1, language="de"), "en")
    assert (found["candidate"].own, found["candidate"].others) == (1, {"en": 1})


def test_replies_that_need_not_be_in_it_are_counted_apart() -> None:
    found = spoken(rows_of(GERMAN, GERMAN), asked(1, language_exempt=("", "translate")), "en")
    assert found["candidate"] == Spoken(1, 0, {"de": 1}, 0, {"translate": 1})


def test_of_very_many_replies_some_are_looked_at() -> None:
    rows = rows_of(*["OK."] * 2 * 700)
    found = spoken(rows, asked(700), "en")
    assert (found["candidate"].untold, found["candidate"].left_out) == (1000, 400)
    assert (found["baseline"].own, found["baseline"].left_out) == (1000, 400)


def test_where_nothing_could_be_told() -> None:
    found = spoken(rows_of("OK.", "42"), asked(1), "en")["candidate"]
    assert (found.checked, found.share) == (0, None)


FINE = Spoken(4, 4, {}, 0, {})
MIXED = Spoken(4, 1, {"de": 2, "zh": 1}, 3, {"code": 2}, 10)
SILENT = Spoken(0, 0, {}, 2, {})


@pytest.mark.parametrize(
    ("candidate", "baseline", "language", "line"),
    [
        (FINE, FINE, "en", ""),
        (SILENT, SILENT, "de", ""),
        (FINE, FINE, "de", "language: candidate 4 of 4 replies (100.0 %); baseline 4 of 4 replies (100.0 %)"),
        (
            MIXED,
            FINE,
            "en",
            "language: candidate 1 of 4 replies (25.0 %), else 2 de, 1 zh; baseline 4 of 4 replies (100.0 %)",
        ),
        (MIXED, SILENT, "en", "language: candidate 1 of 4 replies (25.0 %), else 2 de, 1 zh"),
    ],
)
def test_the_summarys_line(candidate: Spoken, baseline: Spoken, language: str, line: str) -> None:
    sides: dict[Side, Spoken] = {"candidate": candidate, "baseline": baseline}
    assert spoken_line(sides, language) == line


def test_the_reports_section() -> None:
    lines = list(spoken_markdown({"candidate": MIXED, "baseline": SILENT}, "en"))
    assert lines[-3:] == [
        "- candidate: 1 of 4 replies (25.0 %), else 2 de, 1 zh; 2 exempt (code), 3 too short to tell",
        "  (10 more replies were not looked at)",
        "- baseline: none could be told; 2 too short to tell",
    ]
    assert list(spoken_markdown({"candidate": SILENT, "baseline": SILENT}, "en")) == []


def read(tmp_path: Path, **fields: Any) -> Question:
    line = {"question_id": 1, "category": "travel", "turns": ["One", "Two"], **fields}
    (tmp_path / "question.jsonl").write_text(json.dumps(line))
    return load_bench(tmp_path).questions[0]


def test_what_a_question_states(tmp_path: Path) -> None:
    assert read(tmp_path).language_exempt == ()
    assert read(tmp_path, language="de").language == "de"
    assert read(tmp_path, language_exempt="code").language_exempt == ("code", "code")
    assert read(tmp_path, language_exempt=[None, "translate"]).language_exempt == ("", "translate")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"language": "German"}, "question.jsonl:1: 'language' is \"German\"; expected an ISO 639-1 code"),
        ({"language": 3}, "question.jsonl:1: 'language' is 3; expected a code"),
        ({"language_exempt": "poem"}, '\'language_exempt\' is "poem"; expected "translate" or "code", or a'),
        ({"language_exempt": ["code"]}, "'language_exempt' is [\"code\"]; expected"),
    ],
)
def test_what_a_question_may_not_state(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(FileError) as error:
        read(tmp_path, **fields)
    assert told in str(error.value)
