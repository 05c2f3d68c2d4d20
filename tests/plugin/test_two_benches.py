"""Several benches in one session: a decision and a report each, and the worst status wins."""

from __future__ import annotations

from tests.plugin.harness import Example


def test_each_has_its_report_and_the_worst_decides(example: Example) -> None:
    example.bench("alpha", first=1)
    example.bench("beta", first=11)
    example.answers("new", [8] * 10 + [6] * 6)
    example.answers("old", [8] * 16)
    run = example.run()
    assert run.status == 20
    assert "alpha: PASS" in run.lines
    assert "beta: REGRESSION" in run.lines
    assert run.report("mtbench-report/alpha")["decision"] == "PASS"
    assert run.report("mtbench-report/beta")["decision"] == "REGRESSION"
    assert not run.wrote()


def test_the_order_of_the_worst(example: Example) -> None:
    """REGRESSION outweighs NO VERDICT, which outweighs INCONCLUSIVE."""
    for number, name in enumerate(("alpha", "beta", "gamma")):
        example.bench(name, first=1 + 10 * number)
    example.answers("old", [8] * 26)
    example.answers("new", [9, 7] * 5 + [8] * 10 + [6] * 6)
    judge = "python:stage:judge?fail=11,12,13"
    assert example.run("alpha", judge=judge).status == 21
    assert example.run("alpha", "beta", judge=judge).status == 22
    assert example.run(judge=judge).status == 20


def test_benches_of_one_name_do_not_share_a_folder(example: Example) -> None:
    example.bench("en/chat", first=1)
    example.bench("de/chat", first=11)
    for language in ("en", "de"):
        (example.path / language / "chat" / "test_chat.py").rename(
            example.path / language / "chat" / f"test_{language}.py"
        )
    example.answers("new", [8] * 10 + [6] * 6)
    example.answers("old", [8] * 16)
    run = example.run()
    results = sorted((example.path / "mtbench-report").rglob("result.json"))
    assert run.status == 20
    assert len(results) == 2


def test_the_folder_does_not_hang_on_how_it_was_run(example: Example) -> None:
    """One of two benches was selected: nothing else was decided, so it needs no folder of its own."""
    example.bench("alpha", first=1)
    example.bench("beta", first=11)
    example.grades([8] * 16)
    run = example.run("-k", "alpha")
    assert (run.decision, run.status) == ("PASS", 0)
    assert run.report()["bench"]["name"] == "alpha"
    assert not run.wrote("mtbench-report/alpha")
