"""The main job on real parts."""

from __future__ import annotations

import re

import pytest

from mtbench_pytest.bench.languages import detect
from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.gate import DATA, LLAMA, PUBLIC, Gate, needs_data
from tests.real.server import ChatServer

PROBE = """
import sys
def pytest_unconfigure():
    print("loaded:", *{"torch", "transformers", "openai"} & set(sys.modules))
"""


# What differs from run to run: progress, the time it took, and that the model is loaded.
OTHERWISE = r"\S*test_general\.py |\.+$|=+ 8 passed|mtbench: (loading |\d+/)|loaded:"


def test_the_demo_model_passes_against_itself_and_a_second_run_needs_neither_model_nor_torch(
    process: Gate,
) -> None:
    (process.folder / "probe.py").write_text(PROBE)
    options = ["-s", "-p", "probe", "-p", "no:xdist", "--mtbench-max-new-tokens=2", "--mtbench-sample=8"]
    loaded, told = [], []
    for _ in range(2):
        status = process.run(*options, candidate="demo", baseline="demo", judge="checks")
        assert status == 0, process.out
        assert process.result["decision"] == "PASS"
        assert process.result["candidate"]["identity"]["kind"] == "transformers"
        dtype = process.result["candidate"]["identity"]["dtype"]
        assert all(row["candidate"]["made_with"]["dtype"] == dtype for row in process.result["rows"])
        lines = process.out.splitlines()
        loaded += [line for line in lines if line.startswith("loaded:")]
        told.append([line for line in lines if not re.match(OTHERWISE, line)])
    assert "torch" in loaded[0]
    assert loaded[1].strip() == "loaded:", process.out
    # No bar, no advice, no warning of the libraries: nothing is captured here.
    assert told[0] == told[1]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["bare", "n2"])
def test_one_server_is_candidate_baseline_and_judge(
    gate: Gate, server: ChatServer, workers: tuple[str, ...]
) -> None:
    url = server.base_url
    status = gate.run(
        "--mtbench-sample=8",
        *workers,
        candidate=f"openai:weak?base_url={url}",
        baseline=f"openai:strong?base_url={url}",
        judge=f"openai:judge-small?base_url={url}",
    )
    assert status == 20, gate.out
    assert gate.result["decision"] == "REGRESSION"
    assert gate.result["questions"] == {"expected": 8, "judged": 8}
    asked = [body["model"] for body in server.chats]
    assert (asked.count("weak"), asked.count("strong")) == (16, 16), "a call a turn and side"
    again = 2 * 2 * 2 * len(gate.result["drops"])
    assert again > 0
    assert asked.count("judge-small") == 64 + again, (
        "two grades and two games a turn; what dropped twice more"
    )
    assert all(row["score"] == 0 for row in gate.result["rows"]), "the server's judge likes many words"


def test_a_wrong_key_ends_the_run_in_one_line(process: Gate) -> None:
    with ChatServer(key="right") as server:
        url = server.base_url
        status = process.run(
            candidate=f"openai:new?base_url={url}",
            baseline=f"openai:old?base_url={url}",
            judge=f"openai:judge-small?base_url={url}",
        )
    errors = [line for line in process.out.splitlines() if line.startswith("ERROR")]
    assert status == 4, process.out
    assert len(errors) == 1
    assert url in errors[0]
    assert "Traceback" not in process.out
    assert len(server.calls) <= 3


@needs_data
@pytest.mark.parametrize(
    ("candidate", "baseline", "decision", "status"),
    [("Griffin", "Normal", "REGRESSION", 20), ("Normal", "Griffin", "PASS", 0)],
)
def test_a_broken_model_judged_by_gpt_4(
    gate: Gate, candidate: str, baseline: str, decision: str, status: int
) -> None:
    answers = f"answers:{LLAMA}/model_answer/Meta-Llama-3-8B-Instruct"
    ended = gate.run(
        f"--mtbench-bench={LLAMA}",
        "--mtbench-pairwise=off",
        candidate=f"{answers}-{candidate}.jsonl",
        baseline=f"{answers}-{baseline}.jsonl",
        judge=f"judgments:{LLAMA}/model_judgment/gpt-4_single.jsonl",
    )
    assert (gate.result["decision"], ended) == (decision, status), gate.out


@needs_data
@pytest.mark.parametrize(
    ("candidate", "baseline", "decision", "status", "at_equal_length"),
    [
        ("gemma-2-9b-it", "Mistral-7B-Instruct-v0.3", "PASS", 0, 0.718),
        ("Mistral-7B-Instruct-v0.3", "gemma-2-9b-it", "REGRESSION", 20, 0.282),
    ],
)
def test_two_models_judged_by_gpt_4o_mini(
    gate: Gate, candidate: str, baseline: str, decision: str, status: int, at_equal_length: float
) -> None:
    ended = gate.run(
        f"--mtbench-bench={PUBLIC}",
        candidate=f"answers:{PUBLIC}/model_answer/{candidate}.jsonl",
        baseline=f"answers:{PUBLIC}/model_answer/{baseline}.jsonl",
        judge=f"judgments:{PUBLIC}/model_judgment?judge=gpt-4o-mini",
    )
    assert (gate.result["decision"], ended) == (decision, status), gate.out
    controlled = gate.result["biases"]["length_controlled"]
    assert controlled["win_rate"] == pytest.approx(at_equal_length, abs=0.001)


@needs_data
@pytest.mark.parametrize(
    ("name", "words", "reply"),
    [
        ("mt_bench_ko", "채점할 답변", "네, 여기 있습니다. 도움이 되었으면 좋겠습니다."),
        ("mt_bench_de", "zu benotende Antwort", "Ja, gern: Hier ist es, ich hoffe, das hilft Ihnen."),
    ],
)
def test_benches_in_other_languages_are_judged_in_them(
    gate: Gate, server: ChatServer, name: str, words: str, reply: str
) -> None:
    """As they lie, beside FastChat's English prompts; the candidate has forgotten the language."""
    url, language = server.base_url, name[-2:]
    english = "Yes, of course, here it is. I hope it helps."
    for model, text in {"old": reply, "new": english}.items():
        rows = [
            {"question_id": question, "choices": [{"turns": [text, f"{text} {question}"]}]}
            for question in range(81, 161)
        ]
        (gate.folder / f"{model}.jsonl").write_text(dump_jsonl(rows), "utf-8")
    gate.run(
        f"--mtbench-bench={DATA / name}",
        "--mtbench-sample=8",
        candidate="answers:new.jsonl",
        baseline="answers:old.jsonl",
        judge=f"openai:judge-small?base_url={url}",
    )
    assert gate.result["questions"] == {"expected": 8, "judged": 8}, gate.out
    assert (gate.result["bench"]["language"], gate.result["bench"]["language_stated"]) == (language, False)
    systems = {body["messages"][0]["content"] for body in server.chats}
    assert {detect(system) for system in systems} == {language}
    assert any(words in body["messages"][1]["content"] for body in server.chats)
    spoken = gate.result["languages"]
    assert (spoken["candidate"]["share"], spoken["candidate"]["others"]) == (0, {"en": 16})
    assert spoken["baseline"]["share"] == 1
    assert "language: candidate 0 of 16 replies (0.0 %), else 16 en" in gate.out
