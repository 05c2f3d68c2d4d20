"""What was recorded is said again; what is missing or does not fit is named, and is never a score."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.records import SIDES, AnswerFailure, JudgeFailure, Party, Question, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.specs import Spec, parse_spec
from mtbench_pytest.judges.checks import ChecksJudge
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.snapshots.folder import SnapshotFolder
from mtbench_pytest.run.snapshots.recorder import Identities, Recorder
from mtbench_pytest.run.snapshots.replay import Manner, Replay
from mtbench_pytest.run.snapshots.store import Shelf
from mtbench_pytest.store.store import Store
from tests.unit.factories import book
from tests.unit.parties import THREE, contest, fair, row, running, says

SPECS: Mapping[Party, Spec] = {
    "candidate": parse_spec("hf:new"),
    "baseline": parse_spec("openai:old"),
    "judge": parse_spec("openai:judge"),
}


class Judge(ScriptedJudge):
    """A fair judge that costs something, with settings that may differ."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(fair, "judge", free=False)
        self.settings = settings

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "scripted", **self.settings}


def live(candidate: str = "cand", judge: Judge | None = None, **settings: Any) -> Contest:
    """Both models and the judge cost something; the candidate's answers depend on its first argument."""
    new = ScriptedModel(says(candidate), "cand", free=False)
    old = ScriptedModel(says("base"), "base", free=False)
    return contest(new, old, judge or Judge(), **settings)


def record(folder: SnapshotFolder, given: Contest, specs: Mapping[Party, Spec] = SPECS) -> list[Row]:
    """Runs a contest and writes its snapshots."""
    (judge,) = given.judges
    names = {"judge": f"judge {judge}"}
    written = {names.get(party, party): str(spec) for party, spec in specs.items()}
    recorder = Recorder(given, THREE, written, {})

    def write(one: Row, identities: Identities) -> None:
        folder.write(one.question_id, recorder.text(one, identities))

    return run(given, record=write)


def run(given: Contest, asked: Sequence[Question] = THREE, **kept: Any) -> list[Row]:
    with running(given, **kept) as pipeline:
        pipeline.request(asked)
        return [row(pipeline, question.question_id) for question in asked]


def replayed(folder: SnapshotFolder, like: Contest, specs: Mapping[Party, Spec] = SPECS) -> Contest:
    """A contest like another that asks nobody."""
    sides: dict[Side, Spec] = {side: specs[side] for side in SIDES}
    manner = Manner(like.pairwise, like.samples, like.repeats, like.sampling)
    replay = Replay(folder, sides, [specs["judge"]], manner)
    judge = replay.judge(specs["judge"])
    given = replace(
        like,
        models={"candidate": replay.model("candidate"), "baseline": replay.model("baseline")},
        judges={judge.name: judge},
    )
    replay.check(given, THREE, THREE)
    return given


def edit(folder: SnapshotFolder, question_id: int, *path: Any, value: Any) -> None:
    """Changes one field of a file."""
    file = folder.file(question_id)
    data = inner = json.loads(file.read_text("utf-8"))
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    file.write_text(json.dumps(data), "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    return SnapshotFolder(tmp_path / "snapshots" / "chat", tmp_path)


# Replays.


@pytest.mark.parametrize("settings", [{}, {"pairwise": False}, {"samples": 2}, {"repeats": 2}])
def test_a_replay_gives_the_same_rows(folder: SnapshotFolder, settings: dict[str, Any]) -> None:
    rows = record(folder, live(**settings))
    fresh = SnapshotFolder(folder.path, folder.path.parent.parent)
    assert run(replayed(fresh, live(**settings))) == rows
    assert all(one.judged for one in rows)


def test_a_replay_names_parties_as_they_were_called(folder: SnapshotFolder) -> None:
    record(folder, live())
    given = replayed(folder, live())
    assert (given.models["candidate"].name, given.models["baseline"].name) == ("cand", "base")
    (judge,) = given.judges.values()
    assert judge.name == "judge"
    assert judge.identity() == {"kind": "scripted"}


MISFITS: list[tuple[Sequence[Any], Any, str]] = [
    (["candidate", "spec"], "hf:other", "recorded of candidate hf:other, and this run's is hf:new"),
    (["baseline", "model"], "oldest", "recorded of a baseline named oldest, and others of base"),
    (["judge", "spec"], "openai:gpt", "recorded of judge openai:gpt, and this run's is openai:judge"),
    (["judge", "identity"], {"t": 1}, "recorded with other settings of the judge than others"),
    (["question_sha256"], "0" * 64, "the question changed since it was recorded"),
    (["sampling", "max_new_tokens"], 9, "answered with max_new_tokens 9, and this run's is 1024"),
    (["sampling", "temperature"], 0.1, "answered with temperature 0.1, and this run's is 0.7"),
    (["samples"], 3, "recorded with 3 samples, and this run has 1"),
    (["judge_repeats"], 3, "recorded with 3 grades an answer, and this run has 1"),
    (["candidate", "answers", 0, "turns"], [], "not an answer to each of the 2 turns"),
    (["candidate", "answers"], [], "a field of another form"),
    (["pairwise"], False, "recorded with --mtbench-pairwise off"),
    (["schema"], 9, "schema 9"),
]


@pytest.mark.parametrize(("path", "value", "problem"), MISFITS, ids=[problem for *_, problem in MISFITS])
def test_a_snapshot_that_does_not_fit_is_a_failure(
    folder: SnapshotFolder,
    caplog: pytest.LogCaptureFixture,
    path: Sequence[Any],
    value: Any,
    problem: str,
) -> None:
    rows = record(folder, live())
    edit(folder, 2, *path, value=value)
    caplog.set_level(logging.WARNING)
    first, second, third = run(replayed(folder, live()))
    assert [first, third] == [rows[0], rows[2]]
    line = (
        f"snapshots/chat/2.json: {problem}; expected a recording made with --mtbench-record new, "
        "where models and judge can be asked"
    )
    assert [(type(one), one.reason) for one in second.failures] == [(AnswerFailure, line)] * 2
    assert (second.grade("candidate"), second.score) == (None, None)
    assert caplog.messages == [line], "told before any test"


def test_a_snapshot_that_is_missing(folder: SnapshotFolder, caplog: pytest.LogCaptureFixture) -> None:
    record(folder, live())
    folder.file(2).unlink()
    assert not run(replayed(folder, live()))[1].judged
    assert caplog.messages[0].startswith("snapshots/chat/2.json: not there; expected a recording")


def test_a_prompt_that_changed_is_named(folder: SnapshotFolder, caplog: pytest.LogCaptureFixture) -> None:
    """The judge's prompt for the second turn of one category."""
    record(folder, live())
    like = live()
    prompts = book(("one-2", "single", "writing", "{question_1} {question_2} | {answer_1} or {answer_2}"))
    like = replace(like, bench=replace(like.bench, prompts=prompts))
    edit(folder, 3, "samples", value=2)
    first, *_ = run(replayed(folder, like))
    problem = "the judge's prompt 'one-2' is not the one recorded; its template or the reference changed"
    reasons = [one.reason for one in first.failures if isinstance(one, JudgeFailure)]
    assert [reason.partition("; expected")[0] for reason in reasons] == [
        f"snapshots/chat/1.json: turn 2 of {name}: {problem}" for name in ("base", "cand")
    ]
    assert len(first.judgments["candidate"]) == 1, "the first turn's is as it was"
    assert len(caplog.messages) == 2 * 2 + 1


def test_one_reason_for_all_refuses_the_run(folder: SnapshotFolder) -> None:
    with pytest.raises(MTBenchError, match=r"^snapshots/chat, all questions: not there; expected"):
        replayed(folder, live())
    record(folder, live())
    other = {**SPECS, "candidate": parse_spec("demo")}
    with pytest.raises(MTBenchError, match=r"recorded of candidate hf:new, and this run's is demo; exp"):
        replayed(folder, live(), other)
    with pytest.raises(MTBenchError, match=r"answered with max_new_tokens 1024, and this run's is 5;"):
        replayed(folder, live(max_new_tokens=5))


def test_many_lines_are_cut(folder: SnapshotFolder, caplog: pytest.LogCaptureFixture) -> None:
    """Eight prompts of each of two questions, and another reason for the third."""
    record(folder, live())
    like = live()
    templates = tuple(replace(one, text=f"New. {one.text}") for one in like.bench.prompts.templates)
    like = replace(like, bench=replace(like.bench, prompts=replace(like.bench.prompts, templates=templates)))
    folder.file(3).unlink()
    replayed(folder, like)
    assert len(caplog.messages) == 11
    assert caplog.messages[-1] == "… and 7 more like these; each test says its own"


CHECKED: Mapping[Party, Spec] = {**SPECS, "judge": parse_spec("checks")}


def checked(word: str) -> Contest:
    """Judged by checks: the first turn must hold a word."""
    asked = [replace(one, checks=(({"contains": word},), ({"words": [1, 9]},))) for one in THREE]
    return contest(
        ScriptedModel(says("cand"), "cand", free=False),
        ScriptedModel(says("base"), "base", free=False),
        ChecksJudge(),
        asked,
    )


def test_checks_are_computed_again_and_must_agree(folder: SnapshotFolder) -> None:
    """A changed check, or a change of their code, must not pass for what was recorded."""
    asked = checked("cand").bench.questions
    names = {"judge": "judge checks"}
    specs = {names.get(name, name): str(spec) for name, spec in CHECKED.items()}
    recorder = Recorder(checked("cand"), asked, specs, {})

    def write(one: Row, identities: Identities) -> None:
        folder.write(one.question_id, recorder.text(one, identities))

    rows = run(checked("cand"), asked, record=write)
    assert run(replayed(folder, checked("cand"), CHECKED), asked) == rows
    changed = checked("base").bench.questions
    (first, *_) = run(replayed(folder, checked("base"), CHECKED), changed)
    assert [one.reason.partition(";")[0] for one in first.failures] == [
        "snapshots/chat/1.json: turn 1 of base: checks give 10 now, and 1 is recorded",
        "snapshots/chat/1.json: turn 1, base against cand: winner A now, and B is recorded",
        "snapshots/chat/1.json: turn 1 of cand: checks give 1 now, and 10 is recorded",
        "snapshots/chat/1.json: turn 1, cand against base: winner B now, and A is recorded",
    ]
    assert not first.judged


# What is recorded is not asked for again.


def asked_of(given: Contest, folder: SnapshotFolder) -> tuple[int, int, int]:
    """How many answers are made of candidate and baseline, and how many judgments, beside the snapshots."""
    rows = run(given, store=Shelf(SnapshotFolder(folder.path, folder.path), Store(), given))
    assert all(one.judged for one in rows)
    new, old = given.models.values()
    (judge,) = given.judges.values()
    assert isinstance(new, ScriptedModel)
    assert isinstance(old, ScriptedModel)
    assert isinstance(judge, ScriptedJudge)
    return len(new.asked), len(old.asked), len(judge.asked)


def test_nothing_is_asked_twice(folder: SnapshotFolder) -> None:
    rows = record(folder, live())
    assert asked_of(live(), folder) == (0, 0, 0)
    given = live()
    assert run(given, store=Shelf(folder, Store(), given)) == rows, "prompts and all"


def test_new_weights_under_an_old_name_do_not_get_old_answers(folder: SnapshotFolder) -> None:
    record(folder, live())
    assert asked_of(live("retrained"), folder) == (3, 0, 3 * (2 + 4)), (
        "the baseline's grades are as they were"
    )


def test_another_judge_is_asked(folder: SnapshotFolder) -> None:
    record(folder, live())
    assert asked_of(live(judge=Judge(temperature=1)), folder) == (0, 0, 3 * 8)


def test_other_sampling_is_asked_for(folder: SnapshotFolder) -> None:
    record(folder, live())
    assert asked_of(live(max_new_tokens=5), folder) == (3, 3, 0), "and says the same, so nobody judges"


def test_a_broken_file_is_made_anew(folder: SnapshotFolder, caplog: pytest.LogCaptureFixture) -> None:
    record(folder, live())
    folder.file(2).write_text("<<<<<<< HEAD\n")
    assert asked_of(live(), folder) == (1, 1, 8)
    assert "2.json:1: not JSON" in caplog.text
