"""A user's mistake is one line that says what was given and what was expected."""

from __future__ import annotations

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example

MISTAKES = [
    (["--mtbench-margin=wide"], ["--mtbench-margin wide", "points from 0 to 9"]),
    (["--mtbench-margin=-1"], ["--mtbench-margin -1", "points from 0 to 9"]),
    (["--mtbench-margin=nan"], ["--mtbench-margin nan", "points from 0 to 9"]),
    (["--mtbench-question-margin="], ["--mtbench-question-margin", "points from 0 to 9"]),
    (["--mtbench-question-policy=ignore"], ["--mtbench-question-policy ignore", "one of fail, report"]),
    (["--mtbench-pairwise=maybe"], ["--mtbench-pairwise maybe", "one of on, off"]),
    (["--mtbench-seed=1.5"], ["--mtbench-seed 1.5", "a whole number from 0 up"]),
    (["--mtbench-drift-sample=1"], ["--mtbench-drift-sample 1", "0, or a whole number from 2 up"]),
    (
        ["--mtbench-candidate=blessed:v1"],
        ["blessed:v1", "no manifest.json in", "mtbench bless RUN --as NAME"],
    ),
    (["--mtbench-samples=0"], ["--mtbench-samples 0", "a whole number from 1 up"]),
    (["--mtbench-concurrency=0"], ["--mtbench-concurrency 0", "a whole number from 1 up"]),
    (["--mtbench-max-new-tokens=many"], ["--mtbench-max-new-tokens many", "a whole number from 1 up"]),
    (["--mtbench-sample="], ["--mtbench-sample"]),
    (["--mtbench-report="], ["--mtbench-report", "a name or path"]),
    (["--mtbench-bench=nowhere"], ["bench nowhere", "a bench folder or one of general"]),
    (["--mtbench-candidate="], ["--mtbench-candidate", "kind:value"]),
    (["--mtbench-candidate=answer:new.jsonl"], ["answer:new.jsonl", "did you mean answers?"]),
    (["--mtbench-candidate=answers:gone.jsonl"], ["gone.jsonl: no such file"]),
    (["--mtbench-candidate=answers:new.jsonl?nam=x"], ["unknown parameter 'nam'", "did you mean name?"]),
    (["--mtbench-judge=judgments:gone"], ["gone: no such file or folder"]),
    (["--mtbench-judge=gpt-4"], ["gpt-4", "unknown kind 'gpt-4' of judge"]),
    (["--mtbench-judge=python:stage"], ["python:stage", "python:MODULE:FACTORY"]),
    (["--mtbench-judge=python:stage:nobody"], ["python:stage:nobody", "nobody"]),
    (["--mtbench-judge=python:no_module:judge"], ["no_module"]),
    (["--mtbench-judge=python:stage:judge?mood=bad"], ["mood"]),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES, ids=[" ".join(given) for given, _ in MISTAKES])
def test_a_mistake_on_the_command_line(chat: Example, options: list[str], words: list[str]) -> None:
    told = chat.bare("--mtbench-baseline=answers:old.jsonl", *options).told_alone()
    assert told.startswith("ERROR: ")
    assert all(word in told for word in words), told


def test_a_mistake_is_told_once_with_workers(chat: Example) -> None:
    chat.run("--mtbench-margin=wide", "-n2").refused("--mtbench-margin wide", "points from 0 to 9")
    assert chat.run().decision == "PASS"
    run = chat.run("-n2", candidate="answers:gone.jsonl")
    run.refused("gone.jsonl: no such file")
    assert run.earlier()["decision"] == "PASS", "an earlier result does not pass for this run's"


def test_a_mistake_is_told_beside_syrupy_too(chat: Example) -> None:
    """It warns where a worker's report is missing, and workers that are refused are not waited for."""
    chat.syrupy = True
    chat.answers("new", [8] * 5)
    chat.run("-n2").refused("new.jsonl", "no answer to question 6")


@BARE_AND_XDIST
def test_a_mistake_in_the_ini_file(chat: Example, workers: tuple[str, ...]) -> None:
    """Without an option on the command line it is found when a test wants the setting."""
    (chat.path / "pytest.ini").write_text("[pytest]\nmtbench_margin = wide\n")
    run = chat.bare(*workers)
    said = run.out + run.err
    assert run.status in (2, 4) if not workers else run.status != 0
    assert "mtbench_margin = wide: not understood; expected points from 0 to 9" in said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert ".py:" not in said.replace("test_chat.py::", ""), said


@pytest.mark.parametrize("party", ["candidate", "baseline", "judge"])
def test_a_party_that_is_missing(chat: Example, party: str) -> None:
    given = {"candidate": "answers:new.jsonl", "baseline": "answers:old.jsonl", "judge": "python:stage:judge"}
    del given[party]
    options = [f"--mtbench-{name}={spec}" for name, spec in given.items()]
    run = chat.bare(*options)
    run.refused(f"no {party}", f"--mtbench-{party} SPEC")


def test_a_bug_in_a_factory_shows_where_it_is(chat: Example) -> None:
    run = chat.run(judge="python:stage:broken_factory")
    assert run.status != 0
    assert "a bug in the factory" in run.out + run.err
    assert "INTERNALERROR" not in run.out + run.err, "a bug of the user's is not pytest's"


def test_the_help_names_every_option_with_value_and_default(example: Example) -> None:
    run = example.bare("--help")
    for option in ("candidate SPEC", "margin POINTS", "question-policy fail|report", "sample N|NAME"):
        assert f"--mtbench-{option}".replace(" ", "=") in run.out or f"--mtbench-{option}" in run.out
    assert "(default: mtbench-report)" in " ".join(run.out.split())
