"""A panel behind real servers: one whose key is wrong, one that is gone in the middle, one budget for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example
from tests.real.replies import Body
from tests.real.server import ChatServer

NAMES = ("one", "two", "three")
CALLS = 4 * 8  # of a judge: four questions of two turns, graded on both sides, and two games each


def fair(body: Body) -> str:
    return "Alike. [[C]]" if "[[C]]" in str(body["messages"]) else "Good. [[8]]"


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Example:
    for name in ("PYTEST_ADDOPTS", "CI", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    chat = Example(pytester)
    chat.bench(questions=4)
    chat.grades([8] * 4)
    return chat


@pytest.fixture
def servers() -> Iterator[list[ChatServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ChatServer(respond=fair)) for _ in NAMES]


def judges(servers: list[ChatServer], more: str = "") -> list[str]:
    return [
        f"openai:{name}?base_url={server.base_url}&retries=0{more}"
        for name, server in zip(NAMES, servers, strict=True)
    ]


def test_each_judge_is_asked_once(example: Example, servers: list[ChatServer]) -> None:
    run = example.run("--mtbench-concurrency=4", judge=judges(servers))
    assert (run.decision, run.status) == ("PASS", 0), run.out + run.err
    assert [server.served for server in servers] == [CALLS] * 3


@BARE_AND_XDIST
def test_a_key_that_one_server_refuses(
    example: Example, servers: list[ChatServer], workers: tuple[str, ...]
) -> None:
    """Found before anything is spent; the two others judge."""
    servers[1].key = "sk-another"
    run = example.run(*workers, judge=judges(servers))
    assert (run.decision, run.status) == ("PASS", 0), run.out + run.err
    assert [server.served for server in servers] == [CALLS, 0, CALLS]
    left = {one["name"]: one["left"] for one in run.report()["panel"]["judges"]}
    assert "401" in left["two"]
    assert (left["one"], left["three"]) == ("", "")
    servers[0].key = "sk-another"
    example.forget()
    example.run("--mtbench-store=none", judge=judges(servers)).refused("a panel needs 2 judges", "401")


def test_one_server_that_refuses_in_the_middle(example: Example, servers: list[ChatServer]) -> None:
    servers[2].fail(status=401, every=11)
    run = example.run(judge=judges(servers))
    assert (run.decision, run.status) == ("PASS", 0), run.out + run.err
    assert [server.served for server in servers[:2]] == [CALLS, CALLS]
    assert servers[2].served < CALLS
    assert "three left and counts on no question" in " ".join(run.out.split())


def test_the_budget_is_that_of_all(example: Example, servers: list[ChatServer]) -> None:
    run = example.run("--mtbench-max-calls=60", judge=judges(servers))
    assert (run.decision, run.status) == ("NO VERDICT", 22), run.out + run.err
    assert "--mtbench-max-calls 60" in run.out
    assert sum(server.served for server in servers) == 60
