"""`--junitxml`: grades of each question, and the decision."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.plugin.harness import Example


def properties(node: ElementTree.Element) -> dict[str, str]:
    return {found.get("name", ""): found.get("value", "") for found in node.findall("properties/property")}


def test_grades_and_decision_are_properties(chat: Example) -> None:
    chat.grades([6] * 6)
    run = chat.run("--junitxml=out.xml", "-o", "junit_family=xunit1")
    assert run.status == 20
    suite = ElementTree.parse(chat.path / "out.xml").getroot().find("testsuite")
    assert suite is not None
    decided = properties(suite)
    assert decided["mtbench.chat.decision"] == "REGRESSION"
    assert decided["mtbench.chat.grade.mean"] == "-2.00"
    assert "lies below 0" in decided["mtbench.chat.reason.1"]
    cases = {case.get("name"): properties(case) for case in suite.findall("testcase")}
    assert len(cases) == 6
    assert cases["test_question[writing-3]"] == {
        "mtbench_question": "3",
        "mtbench_category": "writing",
        "mtbench_candidate": "6.0",
        "mtbench_baseline": "8.0",
        "mtbench_difference": "-2.0",
        "mtbench_games": "loss, loss",
    }


def test_a_question_without_a_grade_has_what_is_known(chat: Example) -> None:
    chat.run("--junitxml=out.xml", "-k", "writing-3", judge="python:stage:judge?fail=3")
    (case,) = ElementTree.parse(chat.path / "out.xml").getroot().iter("testcase")
    assert properties(case) == {"mtbench_question": "3", "mtbench_category": "writing"}
