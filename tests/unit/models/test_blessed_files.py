"""A blessed baseline as a side of a run: what was frozen is used as it is, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError, MTBenchError, SpecError
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models import build_model
from mtbench_pytest.models.blessed import Blessed, read_blessed
from mtbench_pytest.store.keys import digest
from tests.unit.blessing import Home
from tests.unit.factories import question_line


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run was blessed as v1: every answer is worth 8."""
    made = Home(tmp_path)
    made.run(made.answers("good", 8), made.answers("old", 8))
    made.bless()
    return made


def test_a_blessed_baseline_is_a_side(home: Home) -> None:
    run, decision = home.run(home.answers("new", 8), "blessed:v1")
    assert decision.outcome == "PASS"
    assert run.rows[1].answers["baseline"].turns == ("good 1.1, worth 8", "good 1.2, worth 8")
    assert run.parties["baseline"]["name"] == "good"
    assert run.parties["baseline"]["identity"]["kind"] == "blessed"
    assert home.result["baseline"]["blessed"]["name"] == "v1"


def test_it_may_stand_on_both_sides(home: Home) -> None:
    run, decision = home.run("blessed:v1", "blessed:v1")
    assert decision.outcome == "PASS"
    assert all(not verdict.games for row in run.rows.values() for verdict in row.verdicts)


def test_a_name_or_a_path(home: Home, tmp_path: Path) -> None:
    folder = home.baselines / "v1"
    for spec in (
        Spec("blessed", "v1", root=home.path),
        Spec("blessed", "v1", base=home.baselines),
        Spec("blessed", str(folder)),
        Spec("blessed", "snapshots/baselines/v1", base=tmp_path),
    ):
        assert build_model(spec).name == "good"
    assert build_model(Spec("blessed", "v1", {"name": "Good"}, root=home.path)).name == "Good"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Spec("blessed", "v2"), ("no manifest.json in", "`mtbench bless RUN --as NAME` first")),
        (Spec("blessed", ""), ("no name", "blessed:NAME")),
        (Spec("blessed", "v1", {"nam": "x"}), ("unknown parameter 'nam'",)),
    ],
)
def test_a_name_that_means_nothing(home: Home, spec: Spec, words: tuple[str, ...]) -> None:
    given = Spec(spec.kind, spec.value, spec.params, base=home.path / "chat", root=home.path)
    elsewhere = Spec(spec.kind, spec.value, spec.params, base=home.path / "chat", root=home.path / "chat")
    with pytest.raises(SpecError) as caught:
        build_model(given if spec.value == "v1" else elsewhere)
    assert all(word in str(caught.value) for word in words), caught.value
    if spec.value == "v2":
        with pytest.raises(SpecError, match="expected one of v1"):
            build_model(given)


def refused(home: Home, *words: str) -> None:
    """A run is refused in one line, before anything is asked."""
    with pytest.raises(MTBenchError) as caught:
        home.run("python:tests.unit.blessing:drawing?grades=8", "blessed:v1")
    told = str(caught.value)
    assert not [word for word in words if word not in told], told
    assert "\n" not in told
    assert home.asked == []


ANSWERS, GRADES = "model_answer/good.jsonl", "model_judgment/judge_single.jsonl"


@pytest.mark.parametrize("name", [ANSWERS, GRADES])
def test_a_changed_file(home: Home, name: str) -> None:
    path = home.baselines / "v1" / name
    path.write_text(path.read_text("utf-8").replace("8", "9", 1), "utf-8")
    refused(home, f"{path}: changed since it was blessed as v1; expected sha256 ")


@pytest.mark.parametrize("name", [ANSWERS, GRADES])
def test_a_missing_file(home: Home, name: str) -> None:
    path = home.baselines / "v1" / name
    path.unlink()
    refused(home, f"{path}: missing; expected the file that was blessed as v1")


def test_an_added_file(home: Home) -> None:
    path = home.baselines / "v1" / "model_judgment" / "more_single.jsonl"
    path.write_text("{}")
    refused(home, f"{path}: not among the files blessed as v1")


def edited(change: Callable[[dict[str, object]], None], home: Home) -> None:
    path = home.baselines / "v1" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def test_a_manifest_laid_out_otherwise_is_the_same(home: Home) -> None:
    edited(lambda _: None, home)
    assert read_blessed(home.baselines / "v1").name == "v1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda m: m["judge"]["identity"].update(model="other"),
            "manifest.json: changed since it was blessed",
        ),
        (lambda m: m["files"].clear(), "manifest.json: changed since it was blessed"),
        (lambda m: m.pop("sha256"), "manifest.json: changed since it was blessed"),
        (lambda m: m.update(schema_version=2), "a manifest of version 2; expected version 1"),
        (lambda m: m.clear(), "manifest.json: no manifest"),
    ],
)
def test_a_manifest_that_was_edited(
    home: Home, change: Callable[[dict[str, object]], None], words: str
) -> None:
    edited(change, home)
    refused(home, words)


def test_a_manifest_that_lacks_something_though_its_seal_is_right(home: Home) -> None:
    def forge(manifest: dict[str, object]) -> None:
        del manifest["files"], manifest["sha256"]
        manifest["sha256"] = digest(manifest)

    edited(forge, home)
    refused(home, "manifest.json: changed since it was blessed")


@pytest.mark.parametrize("text", ["", "not JSON", "[1]", "\udce4"])
def test_a_manifest_that_is_none(home: Home, text: str) -> None:
    path = home.baselines / "v1" / "manifest.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(home, "manifest.json: no")


# The bench.


def test_a_question_whose_text_changed(home: Home) -> None:
    for line in home.lines[1:4]:
        line["turns"] = [*line["turns"][:1], "Something else?"]
    home.write()
    refused(home, "the text of questions 2, 3, 4 was changed since v1 was blessed")


def test_a_question_that_is_not_answered(home: Home) -> None:
    home.lines.append(question_line(7))
    home.write()
    refused(home, f"{ANSWERS}: no answer to question 7; expected an answer to each of the 7 questions")


def test_a_turn_that_is_not_answered(home: Home) -> None:
    """The text is another one, too, which is told first."""
    home.lines[0]["turns"] = [*home.lines[0]["turns"], "A third?"]
    home.write()
    refused(home, "the text of question 1 was changed")


def test_a_question_that_is_not_asked_may_change(home: Home) -> None:
    home.lines[5]["turns"] = ["Something", "else"]
    home.write()
    _, decision = home.run(home.answers("new", 8), "blessed:v1", select=[1, 2, 3])
    assert decision.outcome == "PARTIAL"


def test_a_question_may_go(home: Home) -> None:
    home.lines.pop()
    home.write()
    assert home.run(home.answers("new", 8), "blessed:v1")[1].outcome == "PASS"


def test_several_samples_stand_together(home: Home) -> None:
    home.run("python:tests.unit.blessing:drawing?grades=8,9,4", home.answers("old", 7), samples="3")
    blessed: Blessed = home.bless("drawn")
    assert blessed.samples == 3
    run, _ = home.run(home.answers("new", 6), "blessed:drawn", question_margin="2")
    row = run.rows[1]
    assert (row.grades("baseline"), row.grade("baseline"), row.allowance) == ((8, 9, 4), 7, 3)
    assert row.difference == -1
    assert home.result["baseline"]["samples"] == 3


def test_a_file_that_cannot_be_read_is_told_in_a_line(home: Home) -> None:
    with pytest.raises(FileError, match=r"manifest\.json: no such file"):
        read_blessed(home.path / "nowhere")
