"""Who replays though nobody said so: a CI machine that cannot ask the judge."""

from __future__ import annotations

import pytest

from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.run.settings import Mode, mode_of

HOSTED, LOCAL = "openai:gpt-4o", "openai:judge?base_url=http://127.0.0.1:8000/v1"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OTHER_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("judge", "environment", "mode"),
    [
        (HOSTED, {"CI": "true"}, "none"),
        (HOSTED, {"CI": "1"}, "none"),
        (HOSTED, {}, "off"),
        (HOSTED, {"CI": "false"}, "off"),
        (HOSTED, {"CI": "true", "OPENAI_API_KEY": "sk-1"}, "off"),
        (HOSTED, {"CI": "true", "OPENAI_BASE_URL": "http://localhost:1/v1"}, "off"),
        (f"{HOSTED}?api_key_env=OTHER_KEY", {"CI": "true", "OPENAI_API_KEY": "sk-1"}, "none"),
        (f"{HOSTED}?api_key_env=OTHER_KEY", {"CI": "true", "OTHER_KEY": "sk-1"}, "off"),
        (LOCAL, {"CI": "true"}, "off"),
        ("checks", {"CI": "true"}, "off"),
        ("judgments:old.jsonl", {"CI": "true"}, "off"),
    ],
)
def test_the_default(
    monkeypatch: pytest.MonkeyPatch, judge: str, environment: dict[str, str], mode: Mode
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert mode_of(None, [parse_spec(judge)], recorded=True) == mode
    assert mode_of(None, [parse_spec(judge)], recorded=False) == "off", "there is nothing to replay"


def test_what_is_stated_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    for mode in ("none", "new", "all", "off"):
        for recorded in (True, False):
            assert mode_of(mode, [parse_spec(HOSTED)], recorded=recorded) == mode


def test_without_a_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert mode_of(None, [], recorded=True) == "off"
