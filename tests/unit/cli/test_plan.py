"""`mtbench plan`: what a run would take, against hand counts and against what a run then asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.cli import main
from mtbench_pytest.cli.plan.judgments import Tally
from mtbench_pytest.cli.plan.plan import make_plan
from mtbench_pytest.cli.plan.power import USUAL, USUAL_CORRELATION, spread
from mtbench_pytest.cli.plan.tokens import Tokens
from mtbench_pytest.core.options import OPTIONS
from mtbench_pytest.core.records import Reply, Task
from mtbench_pytest.gate.stats import correlation
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.api.client import estimate_tokens
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.build import build_contest
from mtbench_pytest.run.settings import Settings, Sources, read_settings
from mtbench_pytest.store.database import open_database, sqlite_url
from mtbench_pytest.store.store import Store
from tests.unit.factories import (
    answer_line,
    pair_line,
    question_line,
    read_lines,
    single_line,
    write_bench,
    write_jsonl,
)
from tests.unit.parties import THREE, Crowd, Crowded, contest, row, running

PRICED = "openai:gpt-4o?input_price=2&output_price=8&max_tokens=100"


def paid_candidate() -> ScriptedModel:
    return ScriptedModel({n: [f"new {n}.1", f"new {n}.2"] for n in range(1, 5)}, "new", free=False)


def paid_baseline() -> ScriptedModel:
    return ScriptedModel({n: [f"old {n}.1", f"old {n}.2"] for n in range(1, 5)}, "old", free=False)


def paid_judge() -> ScriptedJudge:
    def say(task: Task) -> str:
        return "[[A]]" if hasattr(task, "answer_a") else "[[7]]"

    return ScriptedJudge(say, free=False)


PAID = {
    "candidate": f"python:{__name__}:paid_candidate",
    "baseline": f"python:{__name__}:paid_baseline",
    "judge": f"python:{__name__}:paid_judge",
}


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return write_bench(
        tmp_path / "bench", *(question_line(n, turns=[f"Hello {n}.", "Again."]) for n in range(1, 5))
    )


def settings(bench: Path, **options: str) -> Settings:
    given = {"bench": str(bench), "store": "none", **{k.replace("_", "-"): v for k, v in options.items()}}
    assert set(given) <= {option.name for option in OPTIONS}
    return read_settings(Sources(lambda option: given.get(option.name)))


def answers(path: Path, said: Mapping[int, Sequence[str]]) -> str:
    return f"answers:{write_jsonl(path, (answer_line(n, *turns) for n, turns in said.items()))}"


def test_all_is_to_be_made(bench: Path) -> None:
    plan = make_plan(settings(bench, **PAID))
    assert (plan.questions, plan.turns) == (4, 8)
    assert [(work.side, work.needed, work.at_hand, work.to_make) for work in plan.answers] == [
        ("candidate", 4, 0, 4),
        ("baseline", 4, 0, 4),
    ]
    assert plan.work[0].grades == Tally(needed=16, identical=0, shared=0, at_hand=0)
    assert plan.work[0].games == Tally(needed=16, identical=0, shared=0, at_hand=0)
    assert plan.calls == 32


def test_each_judge_of_a_panel_is_counted(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [f"--mtbench-{party}={spec}" for party, spec in PAID.items()]
    options += ["--mtbench-judge=openai:gpt-4o?input_price=1&output_price=1", "--mtbench-store=none"]
    assert main(["plan", str(bench), *options, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["judges"] == [PAID["judge"], "openai:gpt-4o?input_price=1&output_price=1"]
    works = plan["panel_work"]
    assert list(works) == ["scripted-judge", "gpt-4o"]
    assert [work["grades"]["calls"] + work["games"]["calls"] for work in works.values()] == [32, 32]
    assert plan["calls"] == 64
    assert works["scripted-judge"]["cost"] is None
    assert plan["cost"]["amount"] == works["gpt-4o"]["cost"]["amount"] > 0
    assert main(["plan", str(bench), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith(("grades", "games"))] == [
        ["grades", "scripted-judge"],
        ["games", "scripted-judge"],
        ["grades", "gpt-4o"],
        ["games", "gpt-4o"],
    ]


def test_what_a_run_has_made_is_at_hand_and_the_rest_is_what_the_next_one_asks(
    bench: Path, tmp_path: Path
) -> None:
    store = tmp_path / "kept.db"
    given = settings(bench, **PAID | {"store": str(store)})
    judge = _run(given, bench, store, [1, 2])
    assert len(judge.asked) == 16

    plan = make_plan(given)
    assert [(work.at_hand, work.to_make) for work in plan.answers] == [(2, 2), (2, 2)]
    assert (plan.work[0].grades.at_hand, plan.work[0].games.at_hand) == (8, 8)

    judge = _run(given, bench, store, [1, 2, 3, 4])
    assert len(judge.asked) == plan.work[0].calls == 16
    assert make_plan(given).calls == 0


def _run(given: Settings, bench: Path, store: Path, ids: Sequence[int]) -> ScriptedJudge:
    """Answers and judges these questions as a session does; returns the judge."""
    contest = build_contest(given, load_bench(bench), {"candidate", "baseline", "judge"})
    database = open_database(sqlite_url(store))
    with running(contest, store=Store(database)) as pipeline:
        asked = [question for question in contest.bench.questions if question.question_id in ids]
        pipeline.request(asked)
        for question in asked:
            pipeline.row(question.question_id).result(5)
    database.close()
    (judge,) = contest.judges.values()
    assert isinstance(judge, ScriptedJudge)
    return judge


def test_a_plan_writes_nothing(bench: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    make_plan(settings(bench, **PAID | {"store": str(tmp_path / "none-yet.db")}), folder=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_usual_store_is_found_from_a_folder_below(bench: Path, tmp_path: Path) -> None:
    (tmp_path / ".mtbench").mkdir()
    store = tmp_path / ".mtbench" / "store.db"
    given = read_settings(Sources(lambda option: {"bench": str(bench), **PAID}.get(option.name)))
    _run(given, bench, store, [1])
    assert make_plan(given, folder=bench).answers[0].at_hand == 1


def test_identical_conversations_are_ties_without_a_call(bench: Path, tmp_path: Path) -> None:
    new = {n: ["same", "same" if n < 3 else "new"] for n in range(1, 5)}
    old = {n: ["same", "same" if n < 3 else "old"] for n in range(1, 5)}
    plan = make_plan(
        settings(
            bench,
            candidate=answers(tmp_path / "new.jsonl", new),
            baseline=answers(tmp_path / "old.jsonl", old),
            judge=PRICED,
        )
    )
    assert [work.at_hand for work in plan.answers] == [4, 4]
    # The first turn is the same on both sides: one grade. So is the second in half of the questions.
    assert plan.work[0].grades == Tally(needed=16, identical=0, shared=6, at_hand=0)
    assert plan.work[0].games == Tally(needed=16, identical=12, shared=0, at_hand=0)
    assert plan.calls == 14


def test_one_model_on_both_sides_is_asked_once(bench: Path) -> None:
    plan = make_plan(settings(bench, **PAID | {"baseline": PAID["candidate"]}))
    candidate, baseline = plan.answers
    assert (candidate.to_make, baseline.to_make, baseline.shared) == (4, 0, 4)
    assert (plan.work[0].grades.shared, plan.work[0].games.identical) == (8, 16)


def test_each_sample_is_asked_and_graded_and_the_first_is_compared(bench: Path) -> None:
    plan = make_plan(settings(bench, **PAID | {"samples": "3"}))
    assert [(work.needed, work.to_make) for work in plan.answers] == [(12, 12), (4, 4)]
    assert (plan.work[0].grades.needed, plan.work[0].grades.calls) == (4 * 2 * (3 + 1), 32)
    assert plan.work[0].games.calls == 16


def test_each_repeat_of_a_grade_is_a_call_and_each_game_one(bench: Path, tmp_path: Path) -> None:
    given = PAID | {"store": str(tmp_path / "kept.db")}
    plan = make_plan(settings(bench, **given, judge_repeats="3"))
    assert (plan.work[0].grades, plan.work[0].games.calls) == (Tally(48, 0, 0, 0), 16)
    assert len(_run(settings(bench, **given), bench, tmp_path / "kept.db", [1, 2, 3, 4]).asked) == 32
    plan = make_plan(settings(bench, **given, judge_repeats="3"))
    assert (plan.work[0].grades.at_hand, plan.calls) == (16, 32)
    judge = _run(settings(bench, **given, judge_repeats="3"), bench, tmp_path / "kept.db", [1, 2, 3, 4])
    assert len(judge.asked) == 32


class OnDevice(ScriptedModel):
    """Greedy where the category is: no seed changes what it says."""

    uses_device = True


def on_device() -> OnDevice:
    return OnDevice({}, "greedy", free=False)


def test_samples_that_cannot_differ_are_asked_once(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", question_line(1, category="math"), question_line(2))
    spec = f"python:{__name__}:on_device"
    plan = make_plan(settings(bench, candidate=spec, samples="3", pairwise="off", judge=PAID["judge"]))
    (candidate,) = plan.answers
    # At temperature 0 the one question has one answer, at 0.7 the other three.
    assert (candidate.needed, candidate.shared, candidate.to_make) == (6, 2, 4)
    assert (plan.work[0].grades.needed, plan.work[0].grades.shared) == (2 * 2 * (3 + 1), 4)


def test_a_judge_that_costs_nothing_makes_no_call(tmp_path: Path) -> None:
    checked = question_line(1, checks=[[{"contains": "x"}], []])
    bench = write_bench(tmp_path / "bench", checked)
    said = answers(tmp_path / "new.jsonl", {1: ["x", "y"]})
    plan = make_plan(settings(bench, candidate=said, baseline=said, judge="checks"))
    assert plan.work[0].free
    assert (plan.calls, plan.work[0].usage.sent.n, plan.cost) == (0, 0, None)


def test_recorded_judgments_know_which_turns_were_compared(bench: Path, tmp_path: Path) -> None:
    said = {n: [f"{n}.1", f"{n}.2"] for n in range(1, 5)}
    lines = [
        single_line(7, question_id=n, turn=turn, model=model)
        for n in said
        for turn in (1, 2)
        for model in ("new", "old")
    ]
    pairs = [pair_line("tie", "tie", ("new", "old"), question_id=n, turn=2) for n in said]
    judged = write_jsonl(tmp_path / "judged.jsonl", [*lines, *pairs])
    plan = make_plan(
        settings(
            bench,
            candidate=answers(tmp_path / "new.jsonl", said),
            baseline=answers(tmp_path / "old.jsonl", {n: [*turns, "z"][1:] for n, turns in said.items()}),
            judge=f"judgments:{judged}",
        )
    )
    assert (plan.work[0].grades.needed, plan.work[0].games.needed, plan.calls) == (16, 8, 0)


def test_cost_by_hand(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", question_line(1, turns=["Hello."]))
    plan = make_plan(
        settings(
            bench,
            candidate=answers(tmp_path / "new.jsonl", {1: ["n" * 40]}),
            baseline=answers(tmp_path / "old.jsonl", {1: ["o" * 20]}),
            judge=PRICED,
        )
    )
    # "Hello. | nn…" has 49 bytes, so 13 tokens; with the baseline's 29: 8. "Hello. | nn… | oo…" has 72: 19.
    sent = 13 + 8 + 19 + 19
    assert plan.work[0].usage.sent == Tokens(sent, "counted")
    assert plan.work[0].usage.written == Tokens(4 * 100, "at most")
    assert plan.cost is not None
    assert plan.cost.amount == pytest.approx((2 * sent + 8 * 400) / 1e6)
    assert plan.cost.basis == "at most"


def test_without_answers_the_limit_on_tokens_bounds_them(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", question_line(1))
    server = "openai:chat?base_url=http://chat.test/v1&input_price=1&output_price=1"
    plan = make_plan(settings(bench, candidate=server, judge=PRICED, max_new_tokens="50", pairwise="off"))
    (candidate,) = plan.answers
    assert (candidate.calls, candidate.usage.written) == (2, Tokens(100, "at most"))
    # "Hello." is 2 tokens; then "Hello.", an empty reply, "Again.": 2 + 1 + 2, and the reply's 50.
    assert candidate.usage.sent == Tokens(2 + 5 + 50, "at most")
    assert candidate.counted_by == "one token for four bytes of text"
    # "Hello. | " and a reply of 200 bytes: 53. "Hello. Again. | ", two of them and a space: 105. Both sides.
    assert plan.work[0].usage.sent == Tokens(2 * (53 + 105), "at most")


class Counted(ScriptedModel):
    """A model whose tokenizer takes words; a conversation starts with one token more."""

    def tokenizer(self) -> Counted:
        return self

    def prompt(self, messages: Sequence[dict[str, str]]) -> list[int]:
        return [0, *(0 for message in messages for _ in message["content"].split())]

    def count(self, text: str) -> int:
        return len(text.split())


def counted_model() -> Counted:
    return Counted({}, "counted", free=False)


def test_a_tokenizer_at_hand_counts_the_models_tokens(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", question_line(1, turns=["one two three", "four"]))
    plan = make_plan(settings(bench, candidate=f"python:{__name__}:counted_model", max_new_tokens="10"))
    (candidate,) = plan.answers
    assert candidate.usage.sent == Tokens(4 + 5 + 10, "at most")
    assert candidate.counted_by == "the checkpoint's own tokenizer"


def seen(
    question_id: int,
    difference: float | None,
    score: float | None,
    category: str = "writing",
    flip: bool = False,
) -> dict[str, Any]:
    """A question as `result.json` has it."""
    return {
        "question_id": question_id,
        "category": category,
        "difference": difference,
        "score": score,
        "baseline": {"grades": {"1": 8, "2": 7}},
        "verdicts": [{"turn": 2, "consistent": not flip, "identical": False}],
    }


def report(folder: Path, bench: Path, **fields: Any) -> Path:
    """A report folder as a run of four questions leaves it."""
    rows = [
        seen(n, d, s)
        for n, (d, s) in enumerate(zip((1.0, -1.0, 0.5, None), (1, 0, 0.5, 0.5), strict=True), 1)
    ]
    result = {
        "schema_version": 1,
        "candidate": {"name": "ckpt-1"},
        "baseline": {"name": "base"},
        "bench": {"sha256": load_bench(bench).digest},
        "rows": rows,
        "pace": {"answer_tokens": 500, "answer_seconds": 10.0, "judge_calls": 20, "judge_seconds": 40.0},
        **fields,
    }
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    for model in ("ckpt-1", "base"):
        lines = [answer_line(n, "r" * 40, "r" * 80) | {"model_id": model} for n in (1, 2, 3)]
        write_jsonl(folder / "model_answer" / f"{model}.jsonl", lines)
    write_jsonl(folder / "model_judgment" / "j_single.jsonl", [single_line(7, judgment="j" * 80)])
    write_jsonl(folder / "model_judgment" / "j_pair.jsonl", [pair_line("tie", "tie", g2_judgment="j" * 11)])
    return folder


def test_an_earlier_run_tells_lengths_noise_and_pace(bench: Path, tmp_path: Path) -> None:
    server = "openai:chat?base_url=http://chat.test/v1"
    given = settings(bench, candidate=server, judge=PRICED, concurrency="4")
    plan = make_plan(given, earlier=report(tmp_path / "report", bench))
    (candidate,) = plan.answers
    # Three replies are there: 11 and 21 tokens. Of the fourth question the means stand in: 10 and 20.
    assert candidate.usage.written == Tokens(3 * 32 + 30, "as before")
    # A grade's 21 tokens, and of a game's replies "first game" and eleven bytes: 3 and 3.
    assert plan.work[0].usage.written == Tokens(16 * 21 + 16 * 3, "as before")
    assert plan.time is not None
    assert plan.time.answering == pytest.approx(126 / 50)
    assert plan.time.judging == pytest.approx(32 * 2 / 4)
    assert not any("another bench" in concern for concern in plan.concerns)


def two_categories() -> list[dict[str, Any]]:
    """Of one category the candidate is as much better as it is worse of the other."""
    rows = []
    for n, (by_grade, by_score) in enumerate([(1.0, 1.0), (-1.0, 0.5)] * 12):
        category, less = ("writing", 0.0) if n < 12 else ("math", 3.0)
        rows.append(seen(n, by_grade - less, by_score, category))
    return rows


def test_an_earlier_run_tells_the_spread_within_categories(bench: Path, tmp_path: Path) -> None:
    folder = report(tmp_path / "report", bench, rows=two_categories())
    plan = make_plan(settings(bench), earlier=folder)
    grade, win_rate = plan.outlook.reaches
    # Each of 24 differences lies one point from its category's mean: 24 / (24 - 2).
    assert grade.noise.sd == pytest.approx((24 / 22) ** 0.5)
    assert grade.noise.source == f"24 questions of {folder}"
    # Twelve wins, half from the middle, and twelve ties.
    assert win_rate.noise.sd == pytest.approx((12 * 0.25 / 24) ** 0.5)
    assert not plan.outlook.notes


def test_an_earlier_run_of_few_questions_tells_no_spread(bench: Path, tmp_path: Path) -> None:
    plan = make_plan(settings(bench), earlier=report(tmp_path / "report", bench))
    assert [found.noise.sd for found in plan.outlook.reaches] == [USUAL["grade"], USUAL["win rate"]]
    assert any("judged 3 questions, and from under 20 no SD" in concern for concern in plan.concerns)


def test_an_earlier_run_that_mostly_flipped_leaves_a_part_of_the_win_rates_margin(
    bench: Path, tmp_path: Path
) -> None:
    rows = [
        row | {"verdicts": [{"consistent": n < 5, "identical": False}]}
        for n, row in enumerate(two_categories())
    ]
    plan = make_plan(settings(bench), earlier=report(tmp_path / "report", bench, rows=rows))
    # 5 of 24 hold, where 40 % are enough for the whole margin.
    assert plan.outlook.reaches[1].margin.margin == pytest.approx(0.13 * (5 / 24) / 0.4)
    assert any("52.1 % of the win rate's margin count" in concern for concern in plan.concerns)


def test_of_another_bench_only_the_means_are_taken(bench: Path, tmp_path: Path) -> None:
    other = write_bench(tmp_path / "other", *(question_line(n, turns=["Hi.", "Ho."]) for n in range(1, 5)))
    given = settings(bench, candidate="openai:chat?base_url=http://chat.test/v1")
    plan = make_plan(given, earlier=report(tmp_path / "report", other))
    assert plan.answers[0].usage.written == Tokens(4 * 30, "as before")
    assert any("another bench" in concern for concern in plan.concerns)


def test_a_model_against_itself_shows_no_noise(bench: Path, tmp_path: Path) -> None:
    rows = [seen(n, 0.0, 0.5) for n in range(24)]
    plan = make_plan(settings(bench), earlier=report(tmp_path / "report", bench, rows=rows))
    assert [found.noise.sd for found in plan.outlook.reaches] == [USUAL["grade"], USUAL["win rate"]]


def test_a_run_that_tells_no_pace_gives_no_time(bench: Path, tmp_path: Path) -> None:
    assert make_plan(settings(bench), earlier=report(tmp_path / "one", bench, pace=None)).time is None
    nothing = {"answer_tokens": 0, "answer_seconds": 0.0, "judge_calls": 0, "judge_seconds": 0.0}
    assert make_plan(settings(bench), earlier=report(tmp_path / "two", bench, pace=nothing)).time is None


def test_a_run_tells_its_pace_by_what_cost_something() -> None:
    replies = [Reply("a", completion_tokens=3), Reply("b", completion_tokens=4)]
    said: dict[int | str, list[Reply]] = dict.fromkeys((1, 2, 3), replies)
    paid = contest(ScriptedModel(said, "cand", free=False), judge=Crowded(Crowd(), free=False))
    with running(paid) as pipeline:
        pipeline.request(THREE)
        for question in THREE:
            row(pipeline, question.question_id)
        pace = pipeline.pace()
    assert (pace["answer_tokens"], pace["judge_calls"]) == (3 * 7, 3 * 2 * 4)
    assert pace["judge_seconds"] >= 24 * 0.003
    assert 0 < pace["answer_seconds"] < 5
    with running(contest()) as pipeline:
        pipeline.request(THREE)
        row(pipeline, 1)
        assert set(pipeline.pace().values()) == {0}


def test_what_so_many_questions_settle(bench: Path) -> None:
    plan = make_plan(settings(bench, margin="0.5"), sd=1.0, margins=[0.25])
    grade, win_rate = plan.outlook.reaches
    # Cohen (1988) and G*Power: one-sample t, one-sided 5 %, power 80 %: 27 for d = 0.5, 101 for d = 0.25.
    assert (grade.margin.needs, [wish.needs for wish in grade.wishes]) == (27, [101])
    assert grade.finds > grade.passes > 0.5
    assert any("4 questions are too few for a margin of 0.50" in concern for concern in plan.concerns)
    assert (win_rate.noise.sd, win_rate.margin.margin) == (USUAL["win rate"], 0.13)


def test_a_run_that_may_stop_early_settles_a_little_less(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", *(question_line(n, turns=["Hello."]) for n in range(80)))
    once, looked = make_plan(settings(bench), sd=1.0), make_plan(settings(bench, early_stop="on"), sd=1.0)
    for one, other in zip(once.outlook.reaches, looked.outlook.reaches, strict=True):
        assert one.passes < other.passes < 1.1 * one.passes
        assert one.finds < other.finds < 1.1 * one.finds
    assert looked.calls == once.calls
    assert any("early-stop" in concern for concern in looked.concerns)


def test_the_usual_noise_is_that_of_real_judgments(data: Path) -> None:
    """gpt-4o-mini on MT-bench, as docs/plan.md says: the medians over six pairs of models."""
    judged = data / "mt_bench" / "model_judgment"
    singles = read_lines(judged / "gpt-4o-mini_single.jsonl")
    models = {line["model"] for line in singles}
    grades = {model: _means(line for line in singles if line["model"] == model) for model in models}
    category = {one.question_id: one.category for one in load_bench(data / "mt_bench").questions}
    games = read_lines(judged / "gpt-4o-mini_pair.jsonl")
    found = []
    for one, other in {(line["model_1"], line["model_2"]) for line in games}:
        mine = [line for line in games if (line["model_1"], line["model_2"]) == (one, other)]
        asked = [line["question_id"] for line in mine]
        differences = [grades[one][question] - grades[other][question] for question in asked]
        scores, categories = [_score(line) for line in mine], [category[question] for question in asked]
        spreads = (spread("grade", differences, categories), spread("win rate", scores, categories))
        found.append((*spreads, correlation(differences, scores, categories)))
    usual = [round(median(values), 2) for values in zip(*found, strict=True)]
    assert usual == [USUAL["grade"], USUAL["win rate"], USUAL_CORRELATION]


def _means(lines: Any) -> dict[int, float]:
    by_question: dict[int, list[float]] = {}
    for line in lines:
        by_question.setdefault(line["question_id"], []).append(line["score"])
    return {question: sum(scores) / len(scores) for question, scores in by_question.items()}


def _score(line: Mapping[str, Any]) -> float:
    winners = {line["g1_winner"], line["g2_winner"]}
    return {"model_1": 1.0, "model_2": 0.0}.get(winners.pop(), 0.5) if len(winners) == 1 else 0.5


def said(bench: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", f"--mtbench-bench={bench}", "--mtbench-store=none", *arguments]) == 0
    return capsys.readouterr().out


def plan_text(bench: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    out = said(bench, capsys, *arguments)
    assert max(map(len, out.splitlines())) <= 80
    return out


def plan_json(bench: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(said(bench, capsys, "--json", *arguments))


def test_the_command(bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [f"--mtbench-{party}={spec}" for party, spec in {**PAID, "judge": PRICED}.items()]
    out = plan_text(
        bench, capsys, *options, "--margin=0.25", "--mtbench-max-calls=9", "--mtbench-max-cost=0.001"
    )
    assert "answers of candidate" in out
    assert "<= at most" in out
    assert "a margin of 0.25 needs 159 questions" in out
    assert "note: 32 calls are more than --mtbench-max-calls 9" in out
    assert "more than --mtbench-max-cost 0.001" in out
    out = plan_text(bench, capsys, *options, f"--earlier={report(tmp_path / 'report', bench)}")
    assert "~ by the lengths of the earlier run" in out
    assert "time at the earlier run's pace: answering ~5 s, judging ~4 s, side by side" in out


def test_the_bench_may_stand_where_pytest_has_it(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [f"--mtbench-{party}={spec}" for party, spec in PAID.items()]
    assert main(["plan", str(bench), *options]) == 0
    assert capsys.readouterr().out == plan_text(bench, capsys, *options)


def test_json(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [f"--mtbench-{party}={spec}" for party, spec in PAID.items()]
    found = plan_json(bench, capsys, *options)
    assert (found["calls"], found["judge_work"]["games"]["calls"]) == (32, 16)
    assert found["answers"]["candidate"]["to_make"] == 4
    assert [endpoint["endpoint"] for endpoint in found["endpoints"]] == ["grade", "win rate"]


def test_a_margin_that_the_run_would_refuse_is_noted(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", question_line(1), toml="[judge_noise]\ngpt-4o = 2.0\n")
    (concern,) = (c for c in make_plan(settings(bench, judge=PRICED)).concerns if "refused" in c)
    assert "margin 0.5: under the noise floor of judge gpt-4o" in concern
    assert not any("refused" in c for c in make_plan(settings(bench, judge=PRICED, margin="5")).concerns)


def test_one_question_settles_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = write_bench(tmp_path / "bench", question_line(1))
    assert plan_json(bench, capsys)["endpoints"][0]["passes"] is None
    assert "1 questions are too few" in plan_text(bench, capsys)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ["--earlier", "nowhere"],
            "nowhere/result.json: no such file or directory; expected the report folder",
        ),
        (["--earlier", "broken"], "broken/result.json: not JSON"),
        (["--earlier", "old"], "old/result.json: schema_version 0; expected 1"),
        (["--earlier", "part"], "part/result.json: not a whole report (KeyError: 'rows')"),
        (["--mtbench-candidate", "answers:gone.jsonl"], "gone.jsonl: no such file"),
        (["--mtbench-sample", "9"], "sample '9': no such sample"),
        (["--mtbench-judge", "openai:gpt-4o", "--mtbench-max-cost", "1"], "openai:gpt-4o: no prices"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    problem: str,
    bench: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in {
        "broken": "{",
        "old": '{"schema_version": 0}',
        "part": '{"schema_version": 1}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["plan", f"--mtbench-bench={bench}", *arguments]) == 2
    captured = capsys.readouterr()
    assert problem in captured.err
    assert captured.err.count("\n") == 1


def test_a_spread_must_be_above_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "--sd", "0"])
    assert "expected a number above 0" in capsys.readouterr().err


def test_filler_is_of_the_length_it_stands_for() -> None:
    assert estimate_tokens("c" * 200) == 51
