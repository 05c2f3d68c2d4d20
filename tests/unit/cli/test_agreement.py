"""`mtbench agreement`: the counting rule by hand, table 5 to the vote, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.cli import main
from mtbench_pytest.cli.agreement.table import Agreement, Count, agreement
from mtbench_pytest.cli.agreement.votes import read_votes, votes_of_judge
from mtbench_pytest.findings.calibration import read_calibration
from tests.unit.factories import pair_line, question_line, single_line, write_bench, write_jsonl

Lines = Sequence[Mapping[str, Any]]


def label(voter: Any, winner: str, question_id: Any = 1, turn: int = 1, a: str = "x", b: str = "y") -> Any:
    return {
        "judge": voter,
        "model_a": a,
        "model_b": b,
        "question_id": question_id,
        "turn": turn,
        "winner": winner,
    }


def compare(folder: Path, judge: Lines, human: Lines, **settings: Any) -> Agreement:
    verdicts = read_votes(write_jsonl(folder / "judge.jsonl", judge))
    return agreement(verdicts, read_votes(write_jsonl(folder / "human.jsonl", human)), **settings)


def test_each_vote_against_the_one_verdict(tmp_path: Path) -> None:
    judge = [
        label("gpt", "model_a"),
        label("gpt", "tie (inconsistent)", question_id=2),
        label("gpt", "model_b", turn=2),
    ]
    human = [
        label("ann", "model_a"),
        label("bob", "model_b"),
        label("cat", "tie"),
        label("ann", "tie", question_id=2),
        label("bob", "model_a", question_id=2),
        label("ann", "model_b", turn=2),
        label("ann", "model_b", question_id=3),
    ]
    found = compare(tmp_path, judge, human)
    lines = {(line.turn, line.ties): (line.judge, line.people) for line in found.turns}
    # Turn 1: ann and the tie of question 2 agree, of five; without ties two votes on question 1 are left.
    assert lines[1, True] == (Count(2, 5), Count(0, 4))
    assert lines[1, False] == (Count(1, 2), Count(0, 1))
    assert lines[2, True] == lines[2, False] == (Count(1, 1), Count(0, 0))
    assert found.overall.count == Count(3, 6)
    votes = found.electorate
    assert (votes.verdicts, votes.inconsistent, votes.votes, votes.people) == (3, 1, 6, 3)
    assert votes.unmatched == 1


def test_the_two_models_may_stand_in_either_order(tmp_path: Path) -> None:
    judge = [label("gpt", "model_a")]
    human = [label("ann", "model_b", a="y", b="x"), label("bob", "model_a", a="y", b="x")]
    assert compare(tmp_path, judge, human).overall.count == Count(1, 2)


def test_kappa_does_not_depend_on_the_names_of_models(tmp_path: Path) -> None:
    def kappa_of(a: str, b: str) -> float | None:
        said = ["model_a"] * 6 + ["model_b"] * 2 + ["tie"] * 2
        heard = ["model_a"] * 5 + ["model_b"] * 3 + ["model_a", "tie"]
        judge = [label("gpt", winner, n, a=a, b=b) for n, winner in enumerate(said)]
        human = [label("ann", winner, n, a=a, b=b) for n, winner in enumerate(heard)]
        return compare(tmp_path, judge, human).overall.kappa

    # By hand: 8 of 10 agree. The judge has 2 ties, people 1: by chance 0.8 * 0.9 / 2 + 0.2 * 0.1 = 0.38.
    assert kappa_of("x", "y") == pytest.approx((0.8 - 0.38) / (1 - 0.38))
    assert kappa_of("y", "x") == kappa_of("x", "y")


def test_a_judge_file_in_fastchats_form(tmp_path: Path) -> None:
    judge = [
        pair_line("model_1", "model_1", models=("y", "x")),
        pair_line("model_1", "model_2", models=("x", "y"), question_id=2),
        pair_line("error", "model_2", models=("x", "y"), question_id=3),
        single_line(7),
    ]
    human = [
        label("ann", "model_b"),
        label("ann", "tie", question_id=2),
        label("ann", "model_a", question_id=3),
    ]
    found = compare(tmp_path, judge, human)
    assert found.judge == "gpt-4"
    assert found.overall.count == Count(2, 2)
    assert (found.electorate.failed, found.electorate.unmatched, found.electorate.inconsistent) == (1, 1, 1)


def test_a_later_vote_on_the_same_thing_binds(tmp_path: Path) -> None:
    judge = [label("gpt", "model_b"), label("gpt", "model_a"), label("gpt", "error")]
    human = [label("ann", "model_b"), label("ann", "model_a", a="x", b="y")]
    found = compare(tmp_path, judge, human)
    assert found.overall.count == Count(1, 1)
    assert found.people.count == Count(0, 0)
    assert found.electorate.replaced == 3


def test_authors_and_the_judge_itself_are_no_people(tmp_path: Path) -> None:
    judge = [label(["gpt", "pair-v2"], "model_a")]
    human = [label("ann", "model_a"), label("author_1", "model_b"), label("gpt", "model_a")]
    found = compare(tmp_path, judge, human)
    assert (found.overall.count, found.electorate.aside) == (Count(1, 1), 1)
    assert compare(tmp_path, judge, human, aside="").overall.count == Count(1, 2)


def test_categories_and_votes_on_other_questions(tmp_path: Path) -> None:
    judge = [label("gpt", "model_a", n) for n in range(4)]
    human = [label("ann", "model_a", 0), label("ann", "tie", 1), label("ann", "model_a", 3)]
    found = compare(tmp_path, judge, human, categories={0: "math", 1: "writing", 2: "stem"})
    by_category = {line.category: line.judge for line in found.categories}
    assert {name: accord.count for name, accord in by_category.items()} == {
        "math": Count(1, 1),
        "writing": Count(0, 1),
        "stem": Count(0, 0),
    }
    assert by_category["stem"].kappa is None
    assert found.electorate.elsewhere == 1


@pytest.fixture
def votes(data: Path) -> list[str]:
    return ["--human", str(data / "human/human.jsonl"), "--judge", str(data / "human/gpt4_pair.jsonl")]


def test_table_5_to_the_vote(votes: list[str], data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zheng et al. 2023, arXiv 2306.05685, table 5: setup S1 with ties, S2 without."""
    assert main(["agreement", *votes, "--bench", str(data / "mt_bench"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    lines = {(line["turn"], line["ties"]): line for line in found["turns"]}
    judge = {key: (line["judge"]["agree"], line["judge"]["n"]) for key, line in lines.items()}
    people = {key: (line["people"]["agree"], line["people"]["n"]) for key, line in lines.items()}
    assert judge == {
        (1, True): (886, 1343),
        (1, False): (727, 859),
        (2, True): (871, 1325),
        (2, False): (731, 864),
    }
    assert people == {
        (1, True): (454, 721),
        (1, False): (388, 479),
        (2, True): (471, 707),
        (2, False): (388, 474),
    }
    assert sum(line["judge"]["n"] for line in found["categories"]) == 1343 + 1325


def test_the_tables_fit_a_terminal(votes: list[str], data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agreement", *votes, "--bench", str(data / "mt_bench")]) == 0
    out = capsys.readouterr().out
    assert "66.0 %     886 of  1,343" in out
    assert "left out: 687 votes of people whom --set-aside names" in out
    assert max(map(len, out.splitlines())) <= 80


def small(folder: Path) -> list[str]:
    judge = write_jsonl(folder / "judge.jsonl", [label("gpt", "model_a", n) for n in range(6)])
    human = write_jsonl(
        folder / "human.jsonl", [label("ann", "tie" if n == 5 else "model_a", n) for n in range(6)]
    )
    return ["agreement", "--human", str(human), "--judge", str(judge)]


def test_what_is_written_is_what_runs_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = write_bench(tmp_path / "bench", *(question_line(n) for n in range(6)))
    assert main([*small(tmp_path), "--write", str(bench), "--as", "org/gpt-4o"]) == 0
    assert f"written: {bench / 'agreement' / 'org_gpt-4o.json'}" in capsys.readouterr().out
    found = read_calibration(bench, "org/gpt-4o")
    assert found is not None
    assert (found.agree, found.n, found.questions, found.judge) == (5, 6, 6, "org/gpt-4o")
    assert found.human_sha256 == hashlib.sha256((tmp_path / "human.jsonl").read_bytes()).hexdigest()
    assert read_calibration(bench, "another") is None


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (label("ann", "model_c"), "human.jsonl:2: 'winner' is \"model_c\"; expected model_a, model_b or tie"),
        (label("ann", "tie", turn=0), "human.jsonl:2: 'turn' is 0"),
        (label("ann", "tie", b="x"), 'human.jsonl:2: "x" is compared with itself'),
        (label(["x", "y"], "tie") | {"judge": []}, "human.jsonl:2: 'judge' is []"),
        ({"question_id": 1}, "human.jsonl:2: neither 'winner' nor 'g1_winner'"),
    ],
)
def test_a_bad_line_is_named(
    line: Mapping[str, Any], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = small(tmp_path)
    write_jsonl(tmp_path / "human.jsonl", [label("ann", "tie"), line])
    assert problem in refused(arguments, capsys)


def test_several_judges_want_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = small(tmp_path)
    write_jsonl(tmp_path / "judge.jsonl", [label("gpt", "tie"), label("qwen", "tie")])
    assert "--judge-name, one of gpt, qwen" in refused(arguments, capsys)
    assert "no votes of a judge 'claude'" in refused([*arguments, "--judge-name", "claude"], capsys)
    assert main([*arguments, "--judge-name", "qwen"]) == 0


def test_nothing_in_common_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = small(tmp_path)
    bench = write_bench(tmp_path / "bench", question_line(99))
    assert "not in the bench" in refused([*arguments, "--bench", str(bench)], capsys)
    write_jsonl(tmp_path / "human.jsonl", [label("ann", "tie", question_id="0")])
    assert "none of the 1 votes is on anything that it compared" in refused(arguments, capsys)
    write_jsonl(tmp_path / "human.jsonl", [label("author_0", "tie")])
    assert "no vote of a person" in refused(arguments, capsys)
    write_jsonl(tmp_path / "human.jsonl", [single_line(7)])
    assert "no vote in it" in refused(arguments, capsys)


def test_options_that_need_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = small(tmp_path)
    assert "--write BENCH beside it" in refused([*arguments, "--as", "x"], capsys)
    assert "no such folder" in refused([*arguments, "--write", "general"], capsys)


def test_one_of_several_judges(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "judge.jsonl", [label("gpt", "tie"), label("qwen", "tie")])
    assert [vote.voter for vote in votes_of_judge(path, read_votes(path), "gpt")] == ["gpt"]
