"""EvalScope's `general_qa` files, run as a bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtbench_pytest.core.jsonl import dump_jsonl
from tests.plugin.harness import TEST_MODULE, Example

PLACES = [
    {"query": "The capital of Norway?", "response": "Oslo is the capital of Norway.", "system": "Be brief."},
    {"query": "The capital of Spain?", "response": "Madrid is the capital of Spain."},
]
SMALL = [{"query": "Say hello."}]


@pytest.fixture
def qa(example: Example) -> Path:
    """A bench of two subsets, and answers of two models; beside it a test module without a bench."""
    folder = example.path / "qa"
    folder.mkdir()
    (folder / "places.jsonl").write_text(dump_jsonl(PLACES))
    (folder / "small.jsonl").write_text(dump_jsonl(SMALL))
    (example.path / "test_asked.py").write_text(TEST_MODULE)
    for name, grade in (("new", 9), ("old", 8)):
        texts = {"places-1": "Oslo", "places-2": "Madrid", "small-1": "Hello"}
        rows = [
            {"question_id": key, "choices": [{"turns": [f"{text}, worth {grade}"]}]}
            for key, text in texts.items()
        ]
        (example.path / f"{name}.jsonl").write_text(dump_jsonl(rows))
    return folder


@pytest.mark.usefixtures("qa")
def test_it_runs_as_any_bench_and_the_report_compares_with_the_references(example: Example) -> None:
    run = example.run("--mtbench-bench=qa", "-v")
    assert run.outcomes == {"passed": 3}
    assert "test_asked.py::test_question[places-places-1]" in run.out
    report = run.report()
    assert {line["category"]: line["expected"] for line in report["categories"]} == {"places": 2, "small": 1}
    prompts = {row["question_id"]: row["candidate"]["prompts"]["1"] for row in report["rows"]}
    with_reference, without = "single-first-reference", "single-first"
    assert prompts == {"places-1": with_reference, "places-2": with_reference, "small-1": without}
    (judged,) = (example.path / "mtbench-report/model_judgment").glob("*_single.jsonl")
    rows = [json.loads(line) for line in judged.read_text("utf-8").splitlines()]
    sent = next(row["user_prompt"] for row in rows if row["question_id"] == "places-1")
    assert "[system]\nBe brief.\n\n[user]\nThe capital of Norway?" in sent
    assert "Oslo is the capital of Norway." in sent
    for side in ("candidate", "baseline"):
        (found,) = report["metrics"][side]
        assert (found["subset"], found["replies"], found["missing"]) == ("places", 2, 0)
        # "oslo worth 9" shares one of its three words with the six of the reference.
        assert found["rouge"]["1"]["precision"] == pytest.approx(1 / 3)
        assert found["rouge"]["1"]["recall"] == pytest.approx(1 / 6)
        assert len(found["bleu"]) == 4
    text = (example.path / "mtbench-report/report.md").read_text("utf-8")
    assert "## ROUGE and BLEU" in text
    assert "| candidate | places | 2 | 0.167 | 0.333 |" in text


def test_a_bench_may_do_without(example: Example, qa: Path) -> None:
    (qa / "bench.toml").write_text("metrics = false\n")
    run = example.run("--mtbench-bench=qa")
    assert run.report()["metrics"] == {}
    assert "ROUGE" not in (example.path / "mtbench-report/report.md").read_text("utf-8")


@pytest.mark.usefixtures("qa")
def test_its_ids_select_and_sample(example: Example) -> None:
    assert example.run("--mtbench-bench=qa", "-k", "places-2").outcomes == {"passed": 1, "deselected": 2}
    assert example.run("--mtbench-bench=qa", "--mtbench-sample=2").outcomes == {"passed": 2}


def test_a_mistake_is_refused_with_file_and_line(example: Example, qa: Path) -> None:
    (qa / "small.jsonl").write_text('{"query": "Hi"}\n{"query": ["Hi"]}\n')
    example.run("--mtbench-bench=qa").refused("small.jsonl:2: 'query' is [\"Hi\"]", "expected a text")
