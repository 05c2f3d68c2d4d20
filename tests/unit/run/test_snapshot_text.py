"""A snapshot as a file: stable, readable, and all of it comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import Reply, Verdict
from mtbench_pytest.core.row import Sample
from mtbench_pytest.run.snapshots.file_format import dump, load, parse
from mtbench_pytest.run.snapshots.snapshot import snapshot_of
from mtbench_pytest.store.keys import prompt_digest
from tests.unit.factories import consistent, question, verdict
from tests.unit.snapshots import ABOUT, judged, snapshot

PATH = Path("1.json")
GAMES = (consistent("A", turn=1), Verdict(1, 2))


def test_what_is_written_comes_back() -> None:
    given = snapshot(verdicts=(verdict("A", "tie"), Verdict(1, 2)), grades=(8, 5.5))
    assert parse(dump(given), PATH) == given


def test_replies_come_back_but_for_their_reasoning() -> None:
    row = judged()
    replies = (Reply("ü\u2028\r\n\nend\n", "thoughts", True, 3, 4), Reply(""))
    answers = {**row.answers, "candidate": replace(row.answers["candidate"], replies=replies)}
    back = parse(dump(snapshot_of(replace(row, answers=answers), question(), ABOUT)), PATH)
    assert [turn.reply for turn in back.sides["candidate"].answers[0].turns] == [
        replace(replies[0], reasoning=""),
        replies[1],
    ]
    assert back.sides["candidate"].answer(1).made_with == {"dtype": "float32"}


def test_judgments_come_back_without_the_text_of_their_prompts() -> None:
    row = judged(verdicts=[verdict("A", "tie")], grades=(8, 5.5))
    back = parse(dump(snapshot_of(row, question(), ABOUT)), PATH)
    kept = back.said("judge")
    for judgment in (*row.judgments["candidate"], *row.judgments["baseline"]):
        assert replace(kept[prompt_digest(judgment.prompt), 1], prompt=judgment.prompt) == judgment
    for game in row.verdicts[0].games:
        assert replace(kept[prompt_digest(game.prompt), 1], prompt=game.prompt) == game
    assert len(kept) == 4 + 2
    assert all(one.prompt.user == "" for one in kept.values())


def test_samples_come_back() -> None:
    row = judged()
    first = row.answers["candidate"]
    other = replace(first, replies=(Reply("else"), Reply("more")))
    row = replace(row, samples={"candidate": (Sample(2, other, row.judgments["candidate"]),)})
    about = replace(ABOUT, samples=2, keys={**ABOUT.keys, "candidate": ["c" * 64, "d" * 64]})
    back = parse(dump(snapshot_of(row, question(), about)), PATH)
    assert back.sides["candidate"].answer(1, 2).turns == ("else", "more")
    assert [answer.key[0] for answer in back.sides["candidate"].answers] == ["c", "d"]
    assert back.samples == 2


def test_what_a_judges_server_said_of_itself_is_kept() -> None:
    row = judged()
    served = tuple(
        replace(one, served_model="judge-2026", fingerprint="fp") for one in row.judgments["candidate"]
    )
    row = replace(row, judgments={**row.judgments, "candidate": served})
    back = parse(dump(snapshot_of(row, question(), ABOUT)), PATH)
    assert [(one.served_model, one.fingerprint) for one in back.said("judge").values()] == [
        ("judge-2026", "fp"),
        ("judge-2026", "fp"),
        ("", ""),
        ("", ""),
    ]


def test_a_diff_shows_the_line_that_changed() -> None:
    before = dump(snapshot(candidate=("Dear Ann,\nit rains.\nYours, Bob", "Bye."))).splitlines()
    after = dump(snapshot(candidate=("Dear Ann,\nit snows.\nYours, Bob", "Bye."))).splitlines()
    changed = [line.strip() for line in after if line not in before]
    assert changed[0] == '"it snows.",'
    assert all('"prompt_sha256"' in line for line in changed[1:]), "the prompts hold the answer"


def test_the_text_is_stable() -> None:
    text = dump(snapshot(verdicts=GAMES))
    assert text == dump(parse(text, PATH)), "nothing is lost, and nothing added"
    assert text.endswith("}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert "\n  " in text, "indented by one a level"
    assert '"grade": 8,' in text, "a whole grade is written as one"


def test_half_a_surrogate_pair_can_be_written() -> None:
    about = replace(ABOUT, specs={**ABOUT.specs, "candidate": "hf:\ud83d"})
    assert "hf:\ufffd" in dump(snapshot(about)).encode().decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1.json:1: not JSON"),
        ('{\n<<<<<<< HEAD\n"schema": 1}', "1.json:2: not JSON"),
        ("[]", "1.json: no snapshot"),
        ("{}", "1.json: no snapshot"),
        ('{"schema": 2}', "1.json: schema 2"),
        ('{"schema": 1}', "1.json: no 'question_id'"),
    ],
)
def test_a_file_that_is_none(text: str, problem: str) -> None:
    with pytest.raises(FileError) as error:
        parse(text, PATH)
    assert str(error.value).startswith(problem)
    assert "expected a snapshot of schema 1" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"winner": "candidate"', '"winner": "me"'),
        ('"temperature": 0.7', '"temper": 0.7'),
        ('"turns": [', '"turns": 1, "more": ['),
    ],
)
def test_a_field_of_another_form(old: str, new: str) -> None:
    text = dump(snapshot(verdicts=GAMES)).replace(old, new)
    assert new in text
    with pytest.raises(FileError, match="a field of another form"):
        parse(text, PATH)


@pytest.mark.parametrize("grade", ["1000", "-1000", "NaN", "Infinity", "0", "true", "null", '"8"', "10.01"])
def test_a_grade_that_is_none_is_refused(grade: str) -> None:
    """All of them 1000 once made a PASS with a mean of 1000."""
    text = dump(snapshot(verdicts=GAMES)).replace('"grade": 8', f'"grade": {grade}')
    with pytest.raises(FileError, match=r"1\.json: grade .*, not a number from 1 to 10; expected a snapshot"):
        parse(text, PATH)


def test_a_grade_that_its_own_text_contradicts_is_refused() -> None:
    plain = json.loads(dump(snapshot(verdicts=GAMES)))
    said = plain["candidate"]["answers"][0]["turns"][0]["grades"][0]
    said |= {"grade": 9, "reasons": ["Thin.", "Rating: [[4]]"]}
    with pytest.raises(FileError, match=r"grade 9 is recorded, and the judge's reply beside it says 4"):
        parse(json.dumps(plain), PATH)


def test_a_winner_that_its_own_text_contradicts_is_refused() -> None:
    """In the second game the candidate stood in place B."""
    plain = json.loads(dump(snapshot(verdicts=GAMES)))
    second = plain["verdicts"][0]["games"][1]
    second |= {"winner": "candidate", "reasons": ["My verdict: [[B]]"]}
    parse(json.dumps(plain), PATH)
    second["reasons"] = ["My verdict: [[A]]"]
    with pytest.raises(FileError, match=r"winner B is recorded, and the judge's reply beside it says A"):
        parse(json.dumps(plain), PATH)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"1\.json: no such file"):
        load(tmp_path / "1.json")
    (tmp_path / "1.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(FileError, match=r"1\.json: not UTF-8"):
        load(tmp_path / "1.json")
