"""What the terminal shows: header, grades with -v, summary, and silence where it was asked for."""

from __future__ import annotations

import pytest

from tests.plugin.harness import Example

MIXED = [9, 7, 2, 8, 8, 5.5]


def too_wide(example: Example, lines: list[str]) -> list[str]:
    """Lines of more than 80 columns that hold no path of the run."""
    return [line for line in lines if len(line) > 80 and str(example.path) not in line]


def test_header(chat: Example) -> None:
    run = chat.run("--mtbench-margin=0.7")
    head = [line for line in run.lines if line.startswith("mtbench: ")]
    said = " ".join(head)
    for part in ("answers:new.jsonl", "answers:old.jsonl", "python:stage:judge", "margin 0.7", "pairwise on"):
        assert said.count(part) == 1
    assert not too_wide(chat, head)


def test_one_model_on_both_sides_is_said_in_header_and_summary(chat: Example) -> None:
    same = [line for line in chat.run(candidate="answers:old.jsonl").lines if "both sides" in line]
    told = "the run shows what equal models get, and nothing of a candidate"
    assert same == [f"mtbench: answers:old.jsonl stands on both sides: {told}"] * 2
    assert not [line for line in chat.run().lines if "both sides:" in line]


@pytest.mark.parametrize("quiet", ["--no-header", "-q", "-qq"])
def test_no_header_where_none_is_wanted(chat: Example, quiet: str) -> None:
    run = chat.run(quiet)
    assert not [line for line in run.lines if line.startswith("mtbench: ")]
    assert run.decision == "PASS"
    assert run.status == 0


def test_the_summary_in_full(chat: Example) -> None:
    chat.grades(MIXED)
    run = chat.run("--color=no", judge="python:stage:judge?games=4")
    at = next(n for n, line in enumerate(run.lines) if line.strip("= ") == "mtbench: chat")
    summary = list(run.lines[at:])
    run.stdout.fnmatch_lines(
        [
            "category * n * baseline * candidate * difference  95 % bounds",
            "writing * 3 *",
            "travel * 3 *",
            "all * 6 *",
            "pairwise: 2 wins, 2 ties (0 inconsistent), 6 losses",
            "  win rate 30.0 %, 95 % bounds * % and * % (5 questions)",
            "dropped most:",
            "  writing-3: 8.00 -> 2.00 (-6.00), turn 1:",
            "    baseline  old on 3 in turn 1, worth 8",
            "    candidate new on 3 in turn 1, worth 2",
            "failures: 4 game",
            "  4 x the judge was at lunch",
            "capped answers: none",
            "report: mtbench-report/report.html",
            "chat: NO VERDICT",
        ]
    )
    assert not too_wide(chat, summary)
    decided = summary.index("chat: NO VERDICT")
    assert all(line.startswith(("- ", "  ")) for line in summary[decided + 1 : -1]), "the decision comes last"
    assert summary[-1].startswith("=")


def test_grades_are_not_shown_without_verbose(chat: Example) -> None:
    chat.grades(MIXED)
    assert "9.00 vs 8.00" not in chat.run().out


def test_verbose_shows_grades(chat: Example) -> None:
    chat.grades(MIXED)
    run = chat.run("-v")
    run.stdout.fnmatch_lines_random(
        [
            "*PASSED 9.00 vs 8.00 (+1.00, win win)*",
            "*XFAIL 2.00 vs 8.00 (-6.00, again -6.00 -6.00, loss loss)*",
        ]
    )


@pytest.mark.parametrize("options", [("-p", "no:terminal"), ("--no-summary",), ("-qq",)], ids=" ".join)
def test_the_report_is_written_whatever_the_terminal_shows(chat: Example, options: tuple[str, ...]) -> None:
    chat.grades([6] * 6)
    run = chat.run(*options)
    assert run.status == 20
    assert run.report()["decision"] == "REGRESSION"


def test_colour_marks_the_decision(chat: Example) -> None:
    run = chat.run("--color=yes")
    assert "\x1b[32mchat: PASS\x1b[0m" in run.out
    assert "\x1b[" not in chat.run("--color=no").out


def test_bounds_stay_in_their_range(chat: Example) -> None:
    """A win rate lies between 0 and 100 %."""
    chat.grades([9, 7, 9, 8, 8, 9])
    run = chat.run()
    line = next(line for line in run.lines if line.startswith("  win rate"))
    shares = [
        float(word) for word in line.replace(",", "").split() if word.replace(".", "").lstrip("-").isdigit()
    ]
    assert all(0 <= share <= 100 for share in shares), line


@pytest.mark.parametrize(("options", "shown"), [((), True), (("-q",), True), (("-qq",), False)])
def test_what_a_model_logs_is_shown_but_to_who_asked_for_silence(
    chat: Example, options: tuple[str, ...], shown: bool
) -> None:
    (chat.path / "talker.py").write_text(
        "import logging\nimport stage\n"
        "def judge():\n"
        "    logging.getLogger('mtbench_pytest').info('the judge puts on its wig')\n"
        "    return stage.judge()\n"
    )
    run = chat.run(*options, judge="python:talker:judge")
    assert run.status == 0
    assert ("mtbench: the judge puts on its wig" in run.out) is shown
