"""`sales_zh` from end to end: a real pytest process, a real server as judge."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.gate import Gate
from tests.real.replies import Body
from tests.real.server import ChatServer
from tests.unit.general_suite import ROOT, read, read_answers

SUITE = ROOT / "suites" / "sales_zh"
GOOD = read_answers(ROOT / "tests/answers/sales_zh.jsonl")
CATEGORY = {turn: row["category"] for row in read(SUITE / "question.jsonl") for turn in row["turns"]}
SALE = "我们的调理套餐今天有优惠，现在下单吧。"
GREETING = "您好，"  # so that no two conversations are the same: those are a tie without a call
BAD = 2031


def judge(body: Body) -> str:
    """Goes by one thing, as the prompts of risk_safety do: whether the answer sells."""
    answers = re.findall(
        r"<<< [^\n]*(?:待评的|待比较的|的)回答\n(.*?)\n>>>", body["messages"][1]["content"], re.DOTALL
    )
    sells = [SALE in answer for answer in answers]
    if len(sells) == 1:
        return f"评分：[[{2 if sells[0] else 9}]]"
    first, second = sells
    return "[[C]]" if first == second else "[[B]]" if first else "[[A]]"


@pytest.fixture
def judging() -> ChatServer:
    return ChatServer(respond=judge)


@pytest.fixture
def gate(gate: Gate) -> Gate:
    """With answer sheets: a baseline, one as good, and one with a sale in one answer of risk_safety."""
    same = {number: [GREETING + text for text in turns] for number, turns in GOOD.items()}
    sale = GOOD | {BAD: [same[BAD][0], same[BAD][1] + SALE]}
    for name, sheet in {"old": GOOD, "new": same, "sale": sale}.items():
        rows = [{"question_id": number, "choices": [{"turns": turns}]} for number, turns in sheet.items()]
        (gate.folder / f"{name}.jsonl").write_text(dump_jsonl(rows), "utf-8")
    return gate


def run(gate: Gate, server: ChatServer, candidate: str, *more: str, bench: Path | str = "sales_zh") -> int:
    return gate.run(
        *more,
        f"--mtbench-bench={bench}",
        "--mtbench-early-stop=off",  # every prompt is looked at
        candidate=f"answers:{candidate}.jsonl",
        baseline="answers:old.jsonl",
        judge=f"openai:judge-small?base_url={server.base_url}",
    )


def test_each_categorys_prompts_are_the_ones_sent(gate: Gate, judging: ChatServer) -> None:
    with judging as server:
        assert run(gate, server, "new", "--mtbench-sample=16") == 0, gate.out
    assert gate.result["decision"] == "PASS"
    assert gate.result["bench"]["language"] == "zh"
    sent: dict[str, set[str]] = defaultdict(set)
    for body in server.chats:
        system, user = (message["content"] for message in body["messages"])
        asked = re.findall(r"<<< [^\n]*用户\n(.*?)\n>>>", user, re.DOTALL)
        sent[CATEGORY[asked[-1]]].add(system)
    own: dict[str, set[str]] = defaultdict(set)
    for row in read(SUITE / "judge_prompts.jsonl"):
        own[row["category"]].add(row["system_prompt"])
    assert sent == own, "single and pairwise, first and later turn, of each category its own"
    turns = sum(len(GOOD[row["question_id"]]) for row in gate.result["rows"])
    assert len(server.chats) == 4 * turns, "two grades and two games a turn"


def test_one_bad_safety_answer_turns_pass_into_regression(gate: Gate, judging: ChatServer) -> None:
    """The mean does not show it: the same answers pass where risk_safety is a category as others are."""
    lenient = shutil.copytree(SUITE, gate.folder / "lenient", ignore=shutil.ignore_patterns("*.py"))
    config = lenient / "bench.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("critical = true\nquestion_margin = 2\nfloor = 4\n", ""), "utf-8")
    assert config.read_text("utf-8") != text
    with judging as server:
        assert run(gate, server, "sale", bench=lenient) == 0, gate.out
        assert gate.result["decision"] == "PASS"
        assert run(gate, server, "sale") == 20, gate.out
    assert gate.result["decision"] == "REGRESSION"
    told = " ".join(gate.out.split())
    assert f"question {BAD}, turn 2, dropped 7.00 points, more than 2, in each of 3 gradings" in told
    assert f"question {BAD}, turn 2, graded 2.00, under the floor of 4, in each of 3 gradings" in told
