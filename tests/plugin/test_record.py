"""`--mtbench-record`: what is said goes to files, and is said again without model, judge or key."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example, Run

PAID = {
    "candidate": "python:stage:model?paid=1",
    "baseline": "python:stage:model?paid=1&name=old",
    "judge": "python:stage:judge?paid=1",
}
SAME = ("decision", "reasons", "endpoints", "categories", "rows", "questions")
HOSTED = {**PAID, "judge": "openai:gpt-4o"}
ALL = 6 * (2 + 8)


def same(run: Run) -> dict[str, Any]:
    report = run.report()
    return {key: report[key] for key in SAME}


def folder(example: Example) -> Path:
    return example.path / "snapshots" / "chat"


def texts(example: Example) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(folder(example).iterdir())}


def edit(example: Example, number: int, old: str, new: str) -> None:
    path = folder(example) / f"{number}.json"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def new_store(example: Example) -> None:
    """As in a fresh checkout: the snapshots are there and the store is not."""
    for path in (example.path / ".mtbench").glob("store.db*"):
        path.unlink()
    example.forget()


@BARE_AND_XDIST
def test_a_recorded_run_is_replayed(chat: Example, workers: tuple[str, ...]) -> None:
    live = chat.run("--mtbench-record=new", *workers, **PAID)
    assert (live.decision, len(chat.asked())) == ("PASS", ALL)
    assert "snapshots/chat: 6 recorded" in live.lines
    expected = same(live)
    new_store(chat)
    (chat.path / "stage.py").write_text("raise ImportError('nobody is to be asked')")
    replay = chat.run("--mtbench-record=none", *workers, **PAID)
    assert (same(replay), replay.status, replay.outcomes) == (expected, 0, {"passed": 6})
    assert "replayed from snapshots/chat: nobody was asked" in replay.lines
    assert any(line.endswith("record none") for line in replay.lines if line.startswith("mtbench: "))
    assert not list((chat.path / ".mtbench").glob("store.db*")), "a replay leaves no store"
    assert replay.report()["settings"]["record"] == "none"
    assert (replay.report()["candidate"]["name"], replay.report()["judge"]["name"]) == (
        "live",
        "scripted-judge",
    )


def test_by_default_nothing_is_recorded_or_replayed(chat: Example) -> None:
    run = chat.run(**PAID)
    assert run.report()["settings"]["record"] == "off"
    assert not folder(chat).exists()
    chat.run("--mtbench-record=new", **PAID)
    new_store(chat)
    chat.run(**PAID)
    assert len(chat.asked()) == ALL, "snapshots are not read either"


# What is missing.


def test_what_is_missing_is_named(chat: Example) -> None:
    """One question was never recorded, another one was changed, of a third the judge's prompt."""
    chat.run("--mtbench-record=new", **PAID)
    chat.forget()
    (folder(chat) / "2.json").unlink()
    edit(chat, 3, '"max_new_tokens": 1024', '"max_new_tokens": 16')
    edit(chat, 5, '"prompt_sha256": "', '"prompt_sha256": "0')
    run = chat.run("--mtbench-record=none", **PAID)
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    assert run.outcomes == {"passed": 3, "errors": 3}
    expected = "expected a recording made with --mtbench-record new"
    for line in (
        f"snapshots/chat/2.json: not there; {expected}",
        f"snapshots/chat/3.json: answered with max_new_tokens 16, and this run's is 1024; {expected}",
        "snapshots/chat/5.json: turn 2, old against live: the judge's prompt 'pair-later' is not the one",
    ):
        assert line in run.out
    before = run.out.partition("chat/test_chat.py")[0]
    assert before.count("mtbench: snapshots/chat/") == 2 + 8
    assert chat.asked() == []


def test_a_run_of_which_nothing_is_recorded_is_refused(chat: Example) -> None:
    chat.run("--mtbench-record=none", **PAID).refused("snapshots/chat, all questions: not there")


def test_a_run_of_other_parties_is_refused(chat: Example) -> None:
    chat.run("--mtbench-record=new", **PAID)
    chat.forget()
    recorded = "snapshots/chat, all questions: recorded of"
    run = chat.run("--mtbench-record=none", **{**PAID, "candidate": "python:stage:model?name=x"})
    run.refused(
        f"{recorded} candidate python:stage:model?paid=1, and this run's is python:stage:model?name=x"
    )
    run = chat.run("--mtbench-record=none", **{**PAID, "judge": "checks"})
    run.refused(f"{recorded} judge python:stage:judge?paid=1, and this run's is checks; expected a recording")


def test_a_judge_that_failed_records_nothing(chat: Example) -> None:
    run = chat.run("--mtbench-record=new", **{**PAID, "judge": "python:stage:judge?paid=1&fail=3"})
    assert run.outcomes["errors"] == 1
    assert "3.json" not in texts(chat)
    assert len(texts(chat)) == 5


def test_a_run_that_stops_early_needs_only_what_it_comes_to(example: Example) -> None:
    example.bench(questions=40)
    early = ("--mtbench-early-stop=on", "--mtbench-store=none")
    parties = {**PAID, "baseline": "answers:old.jsonl"}
    example.answers("old", [9] * 40)
    live = example.run("--mtbench-record=new", *early, **parties)
    assert (live.decision, live.outcomes["passed"]) == ("REGRESSION", 16), live.out
    assert len(texts(example)) == 16
    example.forget()
    replay = example.run("--mtbench-record=none", *early, **parties)
    assert (replay.decision, replay.outcomes, example.asked()) == ("REGRESSION", live.outcomes, [])
    assert "not there" not in replay.out


# new


def test_new_asks_for_what_is_missing(chat: Example) -> None:
    chat.run("--mtbench-record=new", **PAID)
    before = texts(chat)
    new_store(chat)
    (folder(chat) / "2.json").unlink()
    run = chat.run("--mtbench-record=new", **PAID)
    assert {line.split()[1] for line in chat.asked()} == {"2"}
    assert len(chat.asked()) == 2 + 8
    assert "snapshots/chat: 1 recorded, 5 as they were" in run.lines
    assert texts(chat) == before


def test_new_takes_another_model_for_another(chat: Example) -> None:
    chat.run("--mtbench-record=new", **PAID)
    new_store(chat)
    run = chat.run("--mtbench-record=new", **{**PAID, "candidate": "python:stage:model?paid=1&name=newer"})
    assert {line.split()[2] for line in chat.asked("answer")} == {"newer"}
    assert len(chat.asked("grade")) == 6 * 2, "the baseline's grades are recorded"
    assert "snapshots/chat: 6 changed" in run.lines
    assert all('"model": "newer"' in text for text in texts(chat).values())


def test_new_writes_what_the_store_has(chat: Example) -> None:
    chat.run(**PAID)
    chat.forget()
    assert "snapshots/chat: 6 recorded" in chat.run("--mtbench-record=new", **PAID).lines
    assert chat.asked() == []


def test_an_interrupted_recording_keeps_what_was_judged(chat: Example) -> None:
    chat.own_process = True
    (chat.path / "conftest.py").write_text(
        "def pytest_runtest_teardown(item):\n    if '2' in item.name:\n        raise KeyboardInterrupt\n"
    )
    (chat.path / "hold").touch()
    held = {**PAID, "candidate": "python:stage:model?paid=1&hold=4"}
    chat.run("--mtbench-record=new", "--mtbench-store=none", **held)
    kept = texts(chat)
    assert {"1.json", "2.json"} <= set(kept) <= {"1.json", "2.json", "3.json"}
    for text in kept.values():
        json.loads(text)


def test_what_is_recorded_needs_no_update(chat: Example) -> None:
    """The file a test compares with is the one that was just written."""
    chat.syrupy = True
    (chat.path / "chat" / "test_chat.py").write_text(
        "def test_question(mtbench_judged, judge_snapshot):\n    assert mtbench_judged == judge_snapshot\n"
    )
    for mode in ("new", "all", "none"):
        run = chat.run(f"--mtbench-record={mode}", **PAID)
        assert (run.outcomes, run.status) == ({"passed": 6}, 0), mode


# all


def test_all_asks_anew_and_replaces_what_is_stored(chat: Example) -> None:
    chat.run("--mtbench-record=new", **PAID)
    chat.forget()
    # Of another size: in the same second Python would take the compiled file for it.
    stage = (chat.path / "stage.py").read_text().replace(", worth 7", ", worth 6.0")
    (chat.path / "stage.py").write_text(stage)
    run = chat.run("--mtbench-record=all", **PAID)
    assert len(chat.asked()) == len(set(chat.asked())) == ALL
    assert "snapshots/chat: 6 changed" in run.lines
    assert all('"grade": 6' in text and '"grade": 7' not in text for text in texts(chat).values())
    chat.forget()
    assert chat.run(**PAID).report()["rows"][0]["candidate"]["grade"] == 6
    assert chat.asked() == [], "the store has what the snapshots have"
    with sqlite3.connect(chat.path / ".mtbench" / "store.db") as connection:
        (count,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    connection.close()
    assert count == 12


# Where it is written, and where it cannot be.


def test_a_place_that_cannot_be_written(chat: Example) -> None:
    (chat.path / "snapshots").write_text("in the way")
    chat.run("--mtbench-record=new", **PAID).refused(
        "snapshots/chat: not a directory; expected a place where snapshots can be written"
    )
    assert chat.asked() == [], "nothing is spent first"


def test_two_benches_have_a_folder_each(example: Example) -> None:
    example.bench("suites/chat")
    example.bench("suites/shop/returns", first=11)
    run = example.run("--mtbench-record=new", **PAID)
    assert {"snapshots/chat: 6 recorded", "snapshots/shop/returns: 6 recorded"} <= set(run.lines)
    assert sorted(path.name for path in (example.path / "snapshots").iterdir()) == ["chat", "shop"]
    assert example.run("--mtbench-record=none", **PAID).outcomes == {"passed": 12}


# On CI.


def test_ci_without_a_key_replays(chat: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    chat.run("--mtbench-record=new", **PAID)
    for number in range(1, 7):
        edit(chat, number, PAID["judge"], HOSTED["judge"])
    new_store(chat)
    (chat.path / "pytest.ini").write_text(
        "[pytest]\n" + "".join(f"mtbench_{party} = {spec}\n" for party, spec in HOSTED.items())
    )
    monkeypatch.setenv("CI", "true")
    run = chat.bare()
    assert (run.decision, run.status) == ("PASS", 0)
    assert run.report()["settings"]["record"] == "none"
    assert chat.asked() == []
    chat.forget()
    chat.run("--mtbench-record=off", **HOSTED).refused("OPENAI_API_KEY is not set")
    monkeypatch.delenv("CI")
    chat.run(**HOSTED).refused("OPENAI_API_KEY is not set")
