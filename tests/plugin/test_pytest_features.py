"""pytest's own features, which must go on working."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from tests.plugin.harness import STRICT, Example


def test_junit_xml(chat: Example) -> None:
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(STRICT, "--junitxml=out.xml", judge="python:stage:judge?fail=5")
    assert run.outcomes == {"passed": 4, "failed": 1, "errors": 1}
    suite = ElementTree.parse(chat.path / "out.xml").getroot()[0]
    assert [suite.get(key) for key in ("tests", "failures", "errors")] == ["6", "1", "1"]
    assert "dropped 6.00 points" in (chat.path / "out.xml").read_text()


def test_without_the_plugin_the_suite_says_what_is_missing(chat: Example) -> None:
    run = chat.bare("-p", "no:mtbench")
    assert run.outcomes == {"errors": 1}
    assert "fixture 'mtbench_judged' not found" in run.out


def test_setup_show(chat: Example) -> None:
    run = chat.run("--setup-show", "--durations=3")
    assert (run.decision, run.status) == ("PASS", 0)
    assert "SETUP    F mtbench_judged" in run.out


@pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test", "--setup-plan"])
def test_options_that_run_no_test_need_nobody_and_decide_nothing(chat: Example, option: str) -> None:
    run = chat.bare(option, "chat")
    assert run.status == 0, run.out + run.err
    assert "mtbench_judged" in run.out
    run = chat.run(option)
    assert run.status == 0
    assert not run.decision
    assert chat.asked() == []
    assert not run.wrote()


def test_strict_configuration(chat: Example) -> None:
    (chat.path / "pytest.ini").write_text("[pytest]\nmtbench_margin = 0.4\n")
    run = chat.run("--strict-config", "--strict-markers")
    assert (run.decision, run.status) == ("PASS", 0)


def test_import_mode_importlib(chat: Example) -> None:
    assert chat.run("--import-mode=importlib").decision == "PASS"


def test_stepwise_is_a_part(chat: Example) -> None:
    chat.grades([8, 8, 2, 8, 8, 8])
    run = chat.run(STRICT, "--stepwise")
    assert run.decision == "PARTIAL"
    assert not run.wrote()
