"""Options parsed, and which of command line, bench.toml, ini file and default wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtbench_pytest.bench.config import BenchConfig
from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.options import OPTIONS
from mtbench_pytest.run.settings import Settings, Sources, read_settings


def settings(command_line: dict[str, str] | None = None, ini: dict[str, str] | None = None) -> Settings:
    given, in_file = command_line or {}, ini or {}
    return read_settings(
        Sources(lambda option: given.get(option.name), lambda option: in_file.get(option.name))
    )


def test_defaults() -> None:
    read = settings()
    assert (read.margin, read.question_margin, read.question_policy) == (0.5, 5, "report")
    assert (read.pairwise, read.seed, read.max_new_tokens, read.concurrency) == (True, 0, 1024, 16)
    assert (read.candidate, read.baseline, read.bench, read.sample) == (None,) * 4
    assert (read.max_calls, read.max_cost) == (None, None)
    assert (read.record, read.snapshot_tolerance) == (None, 0)
    assert read.report == Path("mtbench-report")
    assert read.given == frozenset()


def test_every_option_has_a_flag_and_an_ini_twin() -> None:
    assert {option.flag.removeprefix("--mtbench-").replace("-", "_") for option in OPTIONS} == {
        option.key.removeprefix("mtbench_") for option in OPTIONS
    }
    assert all(option.help and option.metavar for option in OPTIONS)


def test_limits_on_what_a_run_may_spend() -> None:
    read = settings({"max-calls": "500"}, {"max-cost": "2.50"})
    assert (read.max_calls, read.max_cost) == (500, 2.5)


def test_the_command_line_wins_over_ini() -> None:
    read = settings({"seed": "1", "candidate": "demo"}, {"seed": "2", "judge": "checks", "pairwise": "off"})
    assert read.seed == 1
    assert str(read.candidate) == "demo"
    assert list(map(str, read.judges)) == ["checks"]
    assert not read.pairwise
    assert read.given == {"seed", "candidate"}


@pytest.mark.parametrize(
    ("command_line", "toml", "ini", "margin"),
    [("1", 2.0, "3", 1.0), (None, 2.0, "3", 2.0), (None, None, "3", 3.0), (None, None, None, 0.5)],
)
def test_margins_command_line_then_bench_then_ini_then_default(
    command_line: str | None, toml: float | None, ini: str | None, margin: float
) -> None:
    read = settings({"margin": command_line} if command_line else {}, {"margin": ini} if ini else {})
    policy = read.policy(BenchConfig(margins={} if toml is None else {"run": toml}))
    assert policy.margin == margin
    assert policy.question_margin == 5


def test_the_other_margins() -> None:
    config = BenchConfig(margins={"question": 2.0, "win_rate": 0.2})
    policy = settings().policy(config)
    assert (policy.margin, policy.question_margin, policy.win_rate_margin) == (0.5, 2.0, 0.2)
    assert settings({"question-margin": "3"}).policy(config).question_margin == 3
    assert settings({"win-rate-margin": "0.05"}).policy(config).win_rate_margin == 0.05
    assert settings({}, {"win-rate-margin": "0.3"}).policy(BenchConfig()).win_rate_margin == 0.3
    assert settings().policy(BenchConfig()).win_rate_margin == 0.13


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("margin", "-1", "points from 0 to 9, for grades lie from 1 to 10"),
        ("question-margin", "x", "points from 0 to 9, for grades lie from 1 to 10"),
        ("margin", "20", "points from 0 to 9, for grades lie from 1 to 10"),
        ("win-rate-margin", "10", "a share from 0 to 0.5: 0.1 for ten per cent"),
        ("win-rate-margin", "-1", "a share from 0 to 0.5: 0.1 for ten per cent"),
        ("question-policy", "warn", "one of fail, report"),
        ("pairwise", "yes", "one of on, off"),
        ("concurrency", "0", "a whole number from 1 up"),
        ("record", "once", "one of none, new, all, off"),
        ("snapshot-tolerance", "-1", "a number from 0 up"),
        ("max-calls", "0", "a whole number from 1 up"),
        ("max-cost", "5$", "a number from 0 up"),
        ("max-new-tokens", "1k", "a whole number from 1 up"),
        ("seed", "-1", "a whole number from 0 up"),
        ("bench", " ", "a name or path"),
    ],
)
def test_a_refusal_says_where_it_stood(name: str, text: str, expected: str) -> None:
    with pytest.raises(SpecError) as error:
        settings({name: text})
    assert str(error.value) == f"--mtbench-{name} {text}: not understood; expected {expected}"
    with pytest.raises(SpecError, match=f"^mtbench_{name.replace('-', '_')} = "):
        settings(ini={name: text})


def test_a_bad_spec_is_refused() -> None:
    with pytest.raises(SpecError, match="no kind"):
        settings({"candidate": ""})


def test_a_party_that_is_needed_and_not_given() -> None:
    with pytest.raises(SpecError, match=r"no judge: nothing is given; expected --mtbench-judge SPEC"):
        settings().need_judges()
    with pytest.raises(SpecError, match=r"no baseline: nothing is given; expected --mtbench-baseline SPEC"):
        settings().need("baseline")
    assert list(map(str, settings({"judge": "checks"}).need_judges())) == ["checks"]
