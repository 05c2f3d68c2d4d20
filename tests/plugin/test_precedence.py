"""Where a setting may stand: command line, `bench.toml`, ini file. The first wins."""

from __future__ import annotations

import pytest

from tests.plugin.harness import BARE_AND_XDIST, Example

PARTIES = {
    "mtbench_candidate": "answers:new.jsonl",
    "mtbench_baseline": "answers:old.jsonl",
    "mtbench_judge": "python:stage:judge",
}


def ini(example: Example, form: str, **settings: str) -> None:
    """Writes settings as `[pytest]` ini, as pyproject.toml's older table, or as its typed one."""
    if form == "pytest.ini":
        text = "[pytest]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
        (example.path / "pytest.ini").write_text(text)
        return
    table = "[tool.pytest.ini_options]" if form == "ini_options" else "[tool.pytest]"
    text = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
    (example.path / "pyproject.toml").write_text(f"{table}\n{text}")


@pytest.mark.parametrize("form", ["pytest.ini", "ini_options", "tool.pytest"])
def test_every_setting_has_an_ini_twin(chat: Example, form: str) -> None:
    chat.grades([7] * 6)
    (chat.path / "chat" / "bench.toml").unlink()
    ini(
        chat,
        form,
        **PARTIES,
        mtbench_bench="chat",
        mtbench_margin="2.5",
        mtbench_question_margin="0.5",
        mtbench_question_policy="report",
        mtbench_pairwise="off",
        mtbench_sample="4",
        mtbench_seed="3",
        mtbench_max_new_tokens="99",
        mtbench_concurrency="2",
        mtbench_report="out/of/ini",
    )
    run = chat.bare("-W", "error")
    assert run.status == 0, run.out + run.err
    assert run.outcomes == {"xfailed": 4}
    report = run.report("out/of/ini")
    settings = {key: report["settings"][key] for key in ("margin", "question_margin", "pairwise", "seed")}
    assert settings == {"margin": 2.5, "question_margin": 0.5, "pairwise": False, "seed": 3}
    assert report["settings"]["max_new_tokens"] == 99
    assert report["bench"]["sample"] == "4"


@BARE_AND_XDIST
def test_ini_alone_is_enough(chat: Example, workers: tuple[str, ...]) -> None:
    (chat.path / "chat" / "bench.toml").unlink()
    chat.grades([8, 8, 2, 8, 8, 8])
    settings = {"margin": "9", "pairwise": "off", "question_policy": "fail"}
    ini(chat, "pytest.ini", **PARTIES, **{f"mtbench_{key}": value for key, value in settings.items()})
    run = chat.bare(*workers)
    assert (run.decision, run.status) == ("PASS", 1)
    assert run.outcomes == {"passed": 5, "failed": 1}
    run.stdout.fnmatch_lines(["mtbench: candidate answers:new.jsonl, baseline answers:old.jsonl"])


@pytest.mark.parametrize("table", ["tool.pytest", "tool.pytest.ini_options"])
def test_numbers_and_booleans_stand_in_pyproject_as_one_writes_them(chat: Example, table: str) -> None:
    (chat.path / "chat" / "bench.toml").unlink()
    (chat.path / "pyproject.toml").write_text(
        f"[{table}]\nmtbench_margin = 0.3\nmtbench_pairwise = false\nmtbench_max_new_tokens = 7\n"
    )
    settings = chat.run().report()["settings"]
    assert (settings["margin"], settings["pairwise"], settings["max_new_tokens"]) == (0.3, False, 7)


@pytest.mark.parametrize(
    ("form", "key", "value", "told"),
    [
        ("tool.pytest", "mtbench_margin", "20", "mtbench_margin = 20: not understood; expected points from"),
        ("tool.pytest", "mtbench_margin", "[1]", "mtbench_margin = [1]: not understood; expected a single"),
        ("tool.pytest", "mtbench_pairwise", "2", "mtbench_pairwise = 2: not understood; expected one of on"),
        ("ini_options", "mtbench_margn", "'1'", "unknown key mtbench_margn; expected mtbench_margin"),
        ("pytest.ini", "mtbench_seed", "-1", "mtbench_seed = -1: not understood; expected a whole number"),
        ("pytest.ini", "mtbench_judges", "checks", "unknown key mtbench_judges; expected mtbench_judge"),
        ("pytest.ini", "mtbench_judge", "openai:x?a=1&a=2", "parameter 'a' stands twice; expected each"),
    ],
)
def test_a_mistake_in_an_ini_file_is_a_usage_error_in_a_line(
    chat: Example, form: str, key: str, value: str, told: str
) -> None:
    if form == "pytest.ini":
        (chat.path / form).write_text(f"[pytest]\n{key} = {value}\n")
    else:
        table = "tool.pytest" if form == "tool.pytest" else "tool.pytest.ini_options"
        (chat.path / "pyproject.toml").write_text(f"[{table}]\n{key} = {value}\n")
    run = chat.run()
    assert run.status == 4
    (line,) = [line for line in (run.out + run.err).splitlines() if line.startswith("ERROR: ")]
    assert told in line


def test_margins_command_line_then_bench_then_ini(chat: Example) -> None:
    ini(chat, "pytest.ini", mtbench_margin="0.1", mtbench_question_margin="1")
    (chat.path / "chat" / "bench.toml").unlink()

    def margins(*options: str) -> tuple[float, float]:
        settings = chat.run(*options).report()["settings"]
        return settings["margin"], settings["question_margin"]

    assert margins() == (0.1, 1)
    (chat.path / "chat" / "bench.toml").write_text("[margins]\nrun = 0.2\nquestion = 2\n")
    assert margins() == (0.2, 2)
    assert margins("--mtbench-margin=0.3") == (0.3, 2)
    assert margins("--mtbench-question-margin=3") == (0.2, 3)


def test_the_header_shows_the_margin_that_binds(example: Example) -> None:
    example.bench(config="[margins]\nrun = 0.2\n")
    example.grades([8] * 6)
    run = example.run()
    said = "\n".join(line for line in run.lines if line.startswith("mtbench:"))
    assert "margin 0.2" in said
    assert "margin 0.5" not in said


def test_a_relative_path_in_the_ini_file_means_the_same_from_everywhere(
    chat: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pytest's own ini paths, relative to the ini file; the command line's is to the shell's folder."""
    ini(chat, "pytest.ini", **PARTIES, mtbench_bench="chat")
    monkeypatch.setenv("PYTHONPATH", str(chat.path))
    monkeypatch.chdir(chat.path / "chat")
    run = chat.bare()
    assert run.status == 0, run.out + run.err
