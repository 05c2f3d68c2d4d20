"""The main job on real parts, in a real pytest process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.languages import detect
from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.server import ChatServer

SUITE = Path(__file__).resolve().parents[2] / "suites" / "general"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LLAMA = DATA / "mt_bench_llama3"
PUBLIC = DATA / "mt_bench"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the public records are not beside the project")


class Gate:
    """Runs the shipped test module in a folder of its own.

    Attributes:
        keys: Environment variables for the runs; none of the machine's own keys is among them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = ""
        self.keys: dict[str, str] = {}

    def run(self, *options: str, **parties: str) -> int:
        kept = {key: value for key, value in os.environ.items() if key not in ("OPENAI_API_KEY", "CI")}
        command = [sys.executable, "-W", "error", "-m", "pytest", str(SUITE), "-p", "no:cacheprovider"]
        # pytest's root is the checkout, whose own store is none of a test's.
        command += [f"--mtbench-store={self.folder}/store.db"]
        if not any(option.startswith("--mtbench-bench") for option in options):
            command += ["--mtbench-sample=demo"]  # unless the options name another: the last one binds
        command += [f"--mtbench-{party}={spec}" for party, spec in parties.items()]
        done = subprocess.run(
            [*command, *options],
            cwd=self.folder,
            env=kept | self.keys,
            capture_output=True,
            text=True,
            check=False,
        )
        self.out = done.stdout + done.stderr
        return done.returncode

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.folder / "mtbench-report/result.json").read_text("utf-8"))
        return result


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_the_demo_model_passes_against_itself(gate: Gate) -> None:
    options = ["--mtbench-max-new-tokens=8"]
    status = gate.run(*options, candidate="demo", baseline="demo", judge="checks")
    assert status == 0, gate.out
    assert gate.result["decision"] == "PASS"
    assert gate.result["candidate"]["identity"]["kind"] == "transformers"
    dtype = gate.result["candidate"]["identity"]["dtype"]
    assert all(row["candidate"]["made_with"]["dtype"] == dtype for row in gate.result["rows"])


def test_a_second_run_needs_neither_model_nor_torch(gate: Gate) -> None:
    (gate.folder / "probe.py").write_text(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('loaded:', *{'torch', 'transformers', 'openai'} & set(sys.modules))\n"
    )
    options = ["-p", "probe", "-p", "no:xdist", "-k", "writing", "--mtbench-max-new-tokens=4"]
    parties = {"candidate": "demo?dtype=float32", "baseline": "demo?dtype=float32&system=Be brief."}
    loaded = []
    for _ in range(2):
        gate.run(*options, **parties, judge="checks")
        loaded += [line for line in gate.out.splitlines() if line.startswith("loaded:")]
        assert "2 passed" in gate.out, gate.out
    assert "torch" in loaded[0]
    assert loaded[1].strip() == "loaded:", gate.out


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["bare", "n2"])
def test_one_server_is_candidate_baseline_and_judge(
    gate: Gate, server: ChatServer, workers: tuple[str, ...]
) -> None:
    url = server.base_url
    status = gate.run(
        *workers,
        candidate=f"openai:weak?base_url={url}",
        baseline=f"openai:strong?base_url={url}",
        judge=f"openai:judge-small?base_url={url}",
    )
    assert status == 20, gate.out
    assert gate.result["decision"] == "REGRESSION"
    assert gate.result["questions"] == {"expected": 16, "judged": 16}
    asked = [body["model"] for body in server.chats]
    assert (asked.count("weak"), asked.count("strong")) == (32, 32), "a call a turn and side"
    again = 2 * 2 * 2 * len(gate.result["drops"])
    assert again > 0
    assert asked.count("judge-small") == 128 + again, (
        "two grades and two games a turn; what dropped twice more"
    )
    assert all(row["score"] == 0 for row in gate.result["rows"]), "the server's judge likes many words"


def test_a_wrong_key_ends_the_run_in_one_line(gate: Gate) -> None:
    with ChatServer(key="right") as server:
        url = server.base_url
        status = gate.run(
            candidate=f"openai:new?base_url={url}",
            baseline=f"openai:old?base_url={url}",
            judge=f"openai:judge-small?base_url={url}",
        )
    errors = [line for line in gate.out.splitlines() if line.startswith("ERROR")]
    assert status == 4, gate.out
    assert len(errors) == 1
    assert url in errors[0]
    assert "Traceback" not in gate.out
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
        "--mtbench-sample=16",
        candidate="answers:new.jsonl",
        baseline="answers:old.jsonl",
        judge=f"openai:judge-small?base_url={url}",
    )
    assert gate.result["questions"] == {"expected": 16, "judged": 16}, gate.out
    assert (gate.result["bench"]["language"], gate.result["bench"]["language_stated"]) == (language, False)
    systems = {body["messages"][0]["content"] for body in server.chats}
    assert {detect(system) for system in systems} == {language}
    assert any(words in body["messages"][1]["content"] for body in server.chats)
    spoken = gate.result["languages"]
    assert (spoken["candidate"]["share"], spoken["candidate"]["others"]) == (0, {"en": 32})
    assert spoken["baseline"]["share"] == 1
    assert "language: candidate 0 of 32 replies (0.0 %), else 32 en" in gate.out
