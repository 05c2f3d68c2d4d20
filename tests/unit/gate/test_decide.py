"""Rows, expected questions and a policy make one decision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.comparisons import clear_flips
from mtbench_pytest.gate.decide import Policy, decide, exit_status
from mtbench_pytest.gate.decision import Decision, Endpoint, Levels, Outcome
from mtbench_pytest.judges.fastchat import binding, read_judgments
from tests.unit.factories import Winner, consistent, question, questions, rounded, row, verdict
from tests.unit.gating import gate, rows_at, with_games

CRITICAL_WRITING = {"writing": CategoryRules(critical=True)}


@pytest.mark.parametrize(
    ("difference", "spread", "outcome"),
    [
        (0.0, 1, "PASS"),
        (-0.3, 1, "PASS"),  # a real but small loss is within the margin
        (3.0, 1, "PASS"),
        (-0.6, 1, "REGRESSION"),
        (-5.0, 1, "REGRESSION"),
        (-0.3, 20, "INCONCLUSIVE"),
        (0.0, 40, "INCONCLUSIVE"),
    ],
)
def test_the_grade_decides(difference: float, spread: float, outcome: str) -> None:
    decision = gate(rows_at(difference, spread=spread))
    assert decision.outcome == outcome
    assert (decision.expected, decision.judged) == (20, 20)


def test_the_margin_is_the_policys() -> None:
    rows = rows_at(-0.6)
    assert gate(rows, policy=Policy(margin=0.5)).outcome == "REGRESSION"
    assert gate(rows, policy=Policy(margin=0.8)).outcome == "PASS"


@pytest.mark.parametrize(
    ("grades", "margin", "outcome"),
    [
        ([6.5] * 20, 0.5, "REGRESSION"),  # on the margin is not above it, and below equal
        ([7.0] * 20, 0.0, "INCONCLUSIVE"),  # neither above 0 nor below it
        ([7.0] * 20, 0.5, "PASS"),
        ([7.0] * 6, 0.5, "INCONCLUSIVE"),  # six that are alike say little of those that were not asked
        ([6.5] * 4, 0.5, "INCONCLUSIVE"),
    ],
)
def test_where_all_differences_are_alike(grades: list[float], margin: float, outcome: str) -> None:
    rows = [row(n, [grade], [7.0], turns=1) for n, grade in enumerate(grades, 1)]
    assert gate(rows, policy=Policy(margin=margin)).outcome == outcome


def test_no_number_of_questions_settles_equal_figures_at_margin_zero() -> None:
    decision = gate([row(n, [7], [7], turns=1) for n in range(1, 21)], policy=Policy(margin=0.0))
    assert decision.endpoints[0].settled_by is None
    assert "no number of questions would settle it" in decision.reasons[0]


def test_an_undecided_endpoint_says_how_many_questions_would_settle_it() -> None:
    decision = gate(rows_at(-0.3, spread=20))
    settled_by = decision.endpoints[0].settled_by
    assert settled_by is not None
    assert settled_by > 20
    assert f"about {settled_by} questions would settle it" in decision.reasons[0]


def test_the_number_holds_for_whichever_answer_is_nearer() -> None:
    """A mean just under 0 is settled as non-inferior long before it is settled as a regression."""
    near_zero, near_margin = (gate(rows_at(mean, spread=20)).endpoints[0] for mean in (-0.05, -0.45))
    # Each is 0.45 from its line; variance 80 / 19, and quantiles 1.67 at 95 % and 2.28 at 98.75 %.
    assert near_zero.settled_by == pytest.approx(1.67**2 * 80 / 19 / 0.45**2, abs=2)
    assert near_margin.settled_by == pytest.approx(2.28**2 * 80 / 19 / 0.45**2, abs=2)


def test_without_games_the_win_rate_is_no_endpoint() -> None:
    rows = with_games(rows_at(0.0), ["B"] * 20)
    assert [e.name for e in gate(rows, pairwise=False).endpoints] == ["grade"]
    assert gate(rows, pairwise=False).outcome == "PASS"


@pytest.mark.parametrize(
    ("difference", "winners", "outcome", "deciding"),
    [
        (0.0, ["tie"] * 20, "PASS", 2),
        (0.0, ["A"] * 20, "PASS", 2),
        (0.0, ["B"] * 20, "REGRESSION", 1),  # the grades are fine, the games are not
        (-2.0, ["A"] * 20, "REGRESSION", 1),  # and the other way round
        (-2.0, ["B"] * 20, "REGRESSION", 2),
        (0.0, ["A", "B"] * 10, "INCONCLUSIVE", 2),
        (-2.0, ["A", "B"] * 10, "REGRESSION", 1),  # one regressed, one open
    ],
)
def test_any_regressed_endpoint_is_a_regression(
    difference: float, winners: list[Winner], outcome: str, deciding: int
) -> None:
    decision = gate(with_games(rows_at(difference), winners), pairwise=True)
    assert decision.outcome == outcome
    assert len(decision.reasons) == deciding


def test_a_win_rate_exactly_on_its_margin_is_not_above_it() -> None:
    rows = with_games(rows_at(0.0), ["tie"] * 20)
    decision = gate(rows, pairwise=True, policy=Policy(win_rate_margin=0.0))
    assert decision.outcome == "INCONCLUSIVE"


def test_reasons_name_the_bound_that_decides() -> None:
    lines = [gate(rows_at(mean)).reasons[0] for mean in (0.0, -2.0)]
    assert lines[0] == (
        "mean grade difference +0.00: its 95 % lower bound -0.13 lies above the margin -0.50, by 0.37"
    )
    # Sum of squares 20 * 0.01 and 2 added, so √(2.2 / 20 / 19) = 0.0761, by t(19) 1.73 and at 98.75 % 2.43.
    assert lines[1] == "mean grade difference -2.00: its 98.8 % upper bound -1.81 lies below 0, by 1.81"


# How likely a wrong decision may be.


@pytest.mark.parametrize(
    ("pairwise", "categories", "confidence"),
    [(False, {}, 0.9875), (True, {}, 1 - 0.025 / 3), (True, CRITICAL_WRITING, 0.99375)],
)
def test_every_way_to_a_regression_has_its_share(
    pairwise: bool, categories: dict[str, CategoryRules], confidence: float
) -> None:
    """Grade and collapses, then the win rate, then critical categories."""
    rows = with_games(rows_at(0.0), ["tie"] * 20)
    decision = gate(rows, pairwise=pairwise, policy=Policy(categories=categories))
    for endpoint in decision.endpoints:
        assert endpoint.ceiling_confidence == pytest.approx(confidence)
        assert endpoint.floor_confidence == 0.95
    assert decision.collapses.alpha == pytest.approx(1 - confidence)


def test_other_levels_move_the_bounds_that_decide_and_not_the_ones_shown() -> None:
    rows, asked = rows_at(-0.1, spread=6), questions(20, turns=1)
    usual = decide("bench", rows, asked, Policy(), pairwise=False)
    strict = decide("bench", rows, asked, Policy(), pairwise=False, levels=Levels(0.001, 0.0005))
    assert (usual.outcome, strict.outcome) == ("PASS", "INCONCLUSIVE")
    assert usual.endpoints[0].bounds == strict.endpoints[0].bounds
    assert strict.endpoints[0].floor < usual.endpoints[0].floor == usual.endpoints[0].bounds.lower
    assert strict.levels == Levels(0.001, 0.0005)
    assert "99.9 % lower bound" in strict.reasons[0]


# The judge.


def flipping(flips: int, of: int, grades: tuple[float, float] = (7, 7)) -> list[Row]:
    """Questions with one comparison each: some flip, the others are ties."""
    games = [verdict("A", "A", n) if n <= flips else consistent("tie", n) for n in range(1, of + 1)]
    return [
        row(game.question_id, [grades[0]], [grades[1]], turns=1, verdicts=[game], game_turns=[1])
        for game in games
    ]


@pytest.mark.parametrize(
    ("flips", "scale", "outcome"),
    [
        (0, 1, "PASS"),
        (24, 1, "PASS"),
        (32, 0.5, "PASS"),
        (36, 0.25, "PASS"),
        (38, 0.125, "INCONCLUSIVE"),
        (40, 0, "INCONCLUSIVE"),
    ],
)
def test_the_more_flip_the_less_a_win_rate_may_fall(flips: int, scale: float, outcome: str) -> None:
    """No share of flips is a cliff: up to 60 % the whole margin counts, from there less and less of it."""
    decision = gate(flipping(flips, 40), pairwise=True)
    assert decision.endpoints[1].scale == pytest.approx(scale)
    assert decision.endpoints[1].margin == pytest.approx(0.13 * scale)
    assert decision.outcome == outcome


def test_flips_between_answers_that_are_alike_are_no_fault_of_the_judge() -> None:
    assert "not fit" not in gate(flipping(40, 40), pairwise=True).reasons[0]


@pytest.mark.parametrize("grades", [(9, 4), (4, 9)])
def test_a_judge_that_flips_what_should_be_clear_gives_no_verdict(grades: tuple[float, float]) -> None:
    decision = gate(flipping(16, 20, grades), pairwise=True)
    assert decision.outcome == "NO VERDICT"
    assert "the judge is not fit to compare" in decision.reasons[0]
    assert gate(flipping(16, 20, grades), pairwise=False).outcome in ("PASS", "REGRESSION")


def test_a_clear_comparison_is_clear_in_its_turn_and_up_to_it() -> None:
    """Two points apart in the second turn alone: the first, which the judge sees too, leads the other way."""
    games = [[consistent("tie", n, 1), verdict("A", "A", n, 2)] for n in range(1, 21)]
    rows = [row(n, [4, 9], [9, 6], verdicts=game) for n, game in enumerate(games, 1)]
    assert clear_flips(rows).n == 20, "the first turns"
    assert clear_flips(rows).hits == 0
    rows = [row(n, [9, 9], [6, 6], verdicts=game) for n, game in enumerate(games, 1)]
    assert (clear_flips(rows).n, clear_flips(rows).hits, clear_flips(rows).clusters) == (40, 20, 20)


# Coverage.


def decide_on(judged: int, of: int, difference: float = 0.0) -> Decision:
    rows = rows_at(difference, judged)
    return decide("bench", rows, questions(of, turns=1), Policy(), pairwise=False)


@pytest.mark.parametrize(
    ("judged", "of", "outcome"),
    [(80, 80, "PASS"), (76, 80, "PASS"), (75, 80, "NO VERDICT"), (19, 20, "PASS"), (18, 20, "NO VERDICT")],
)
def test_ninety_five_percent_must_be_judged(judged: int, of: int, outcome: str) -> None:
    decision = decide_on(judged, of)
    assert decision.outcome == outcome
    assert (decision.judged, decision.expected) == (judged, of)


def test_no_verdict_whatever_the_figures_say() -> None:
    assert decide_on(10, 20, difference=-5.0).outcome == "NO VERDICT"


def test_nothing_expected_is_no_verdict() -> None:
    assert decide("bench", [], [], Policy(), pairwise=False).outcome == "NO VERDICT"


@pytest.mark.parametrize(("missing", "outcome"), [(1, "PASS"), (2, "NO VERDICT")])
def test_eighty_percent_of_each_category_must_be_judged(missing: int, outcome: str) -> None:
    asked = [question(n, "math" if n <= 5 else "writing", 1) for n in range(1, 81)]
    rows = [row(q.question_id, [7], [7], turns=1, category=q.category) for q in asked[missing:]]
    decision = decide("bench", rows, asked, Policy(), pairwise=False)
    assert decision.outcome == outcome
    if outcome == "NO VERDICT":
        assert decision.reasons[0].startswith("3 of 5 questions of math")


def test_a_row_graded_but_not_compared_is_not_judged() -> None:
    rows = with_games(rows_at(0.0), ["tie"] * 20)
    rows[:2] = [row(n, [7], [7], turns=1, game_turns=[1]) for n in (1, 2)]
    decision = gate(rows, pairwise=True)
    assert decision.judged == 18
    assert decision.outcome == "NO VERDICT"


def test_rows_that_nobody_expected_do_not_count() -> None:
    rows = [*rows_at(0.0, 20), row(99, [1], [10], turns=1)]
    decision = decide("bench", rows, questions(20, turns=1), Policy(), pairwise=False)
    assert decision.outcome == "PASS"
    assert decision.endpoints[0].bounds.n == 20


def test_rows_are_paired_by_id_whatever_their_order() -> None:
    rows = rows_at(-0.2)
    assert gate(rows[::-1]).endpoints == gate(rows).endpoints


def test_categories_keep_the_order_of_the_bench_and_name_those_without_rows() -> None:
    asked = [question(1, "stem", 1), question(2, "math", 1), question(3, "stem", 1)]
    rows = [row(1, [6], [8], turns=1, category="stem"), row(3, [8], [8], turns=1, category="stem")]
    stem, math = decide("bench", rows, asked, Policy(), pairwise=False).categories
    assert (stem.category, stem.judged, stem.expected) == ("stem", 2, 2)
    assert (stem.baseline, stem.candidate) == (8, 7)
    assert stem.difference is not None
    assert stem.difference.mean == -1
    assert (math.category, math.judged, math.expected, math.difference) == ("math", 0, 1, None)


def test_a_fatal_error_leaves_no_verdict() -> None:
    decision = decide("b", rows_at(0.0), questions(20, turns=1), Policy(), pairwise=False, fatal="no key")
    assert decision.outcome == "NO VERDICT"
    assert decision.reasons == ("no key",)
    early = decide("b", [], questions(20, turns=1), Policy(), pairwise=False, fatal="no key")
    assert early.reasons[0] == "no key"
    assert len(early.reasons) == 2, "not a line for each category"


def test_a_part_of_a_bench_decides_nothing() -> None:
    part = ["2 of its 20 questions were selected"]
    decision = decide("b", rows_at(-5.0, 2), questions(20), Policy(), pairwise=False, partial=part)
    assert decision.outcome == "PARTIAL"
    assert part[0] in decision.reasons[0]


@pytest.mark.parametrize(
    ("outcomes", "tests", "status"),
    [
        ((), 0, 0),
        ((), 1, 1),
        (("PASS",), 0, 0),
        (("PASS",), 1, 1),
        (("PARTIAL",), 0, 0),
        (("PARTIAL",), 1, 1),
        (("REGRESSION",), 0, 20),
        (("REGRESSION",), 1, 20),
        (("INCONCLUSIVE",), 0, 21),
        (("INCONCLUSIVE",), 1, 21),
        (("NO VERDICT",), 0, 22),
        (("NO VERDICT",), 1, 22),
        (("PASS", "INCONCLUSIVE"), 0, 21),
        (("INCONCLUSIVE", "NO VERDICT"), 0, 22),
        (("NO VERDICT", "REGRESSION"), 1, 20),
        (("PARTIAL", "REGRESSION"), 0, 20),
        *((("REGRESSION",), own, own) for own in (2, 3, 4, 5)),
        *((("PASS",), own, own) for own in (2, 3, 4, 5)),
    ],
)
def test_exit_status(outcomes: tuple[Outcome, ...], tests: int, status: int) -> None:
    assert exit_status(outcomes, tests) == status


@pytest.mark.parametrize(
    ("outcomes", "tests", "status"),
    [((), 1, 2), (("PASS",), 0, 2), (("PASS",), 1, 2), (("PASS", "REGRESSION"), 1, 20), (("PASS",), 4, 4)],
)
def test_what_could_not_be_collected_is_no_pass(
    outcomes: tuple[Outcome, ...], tests: int, status: int
) -> None:
    assert exit_status(outcomes, tests, uncollected=True) == status


# Real records.


def recorded_rows(folder: Path, judge: str, candidate: str, baseline: str) -> list[Row]:
    """Rows straight from the records: grades of both turns, and the games where both orders are there."""
    recorded = read_judgments(folder / "model_judgment")
    grades = binding(line for line in recorded.singles if line.judge == judge)
    pairs = binding(line for line in recorded.pairs if line.judge == judge)
    letters: dict[str, Winner] = {candidate: "A", baseline: "B"}
    rows = []
    for asked in load_bench(folder).questions:
        of = {
            model: [grades[asked.question_id, turn, model, judge].score for turn in (1, 2)]
            for model in (candidate, baseline)
        }
        verdicts = []
        pair = pairs.get((asked.question_id, 2, frozenset((candidate, baseline)), judge))
        if pair is not None:
            names = {"model_1": pair.model_1, "model_2": pair.model_2}
            won = [names.get(winner, "tie") for winner in pair.winners]
            verdicts = [consistent(letters.get(won[0], "tie") if won[0] == won[1] else "tie")]
        rows.append(
            row(asked.question_id, of[candidate], of[baseline], category=asked.category, verdicts=verdicts)
        )
    return rows


def decide_recorded(folder: Path, rows: Sequence[Row], *, pairwise: bool) -> tuple[Decision, list[Endpoint]]:
    decision = decide(folder.name, rows, load_bench(folder).questions, Policy(), pairwise=pairwise)
    return decision, list(decision.endpoints)


def test_the_broken_llama_is_a_regression(data: Path) -> None:
    normal, griffin = (f"Meta-Llama-3-8B-Instruct-{name}" for name in ("Normal", "Griffin"))
    rows = recorded_rows(data / "mt_bench_llama3", "gpt-4", griffin, normal)
    decision, (grade,) = decide_recorded(data / "mt_bench_llama3", rows, pairwise=False)
    assert decision.outcome == "REGRESSION"
    assert (decision.judged, grade.bounds.n) == (80, 80)
    assert rounded(grade.bounds) == (-5.069, -5.573, -4.577)


def test_gemma_is_better_than_mistral(data: Path) -> None:
    rows = recorded_rows(data / "mt_bench", "gpt-4o-mini", "gemma-2-9b-it", "Mistral-7B-Instruct-v0.3")
    decision, (grade, win_rate) = decide_recorded(data / "mt_bench", rows, pairwise=True)
    assert decision.outcome == "PASS"
    assert rounded(grade.bounds) == (0.806, 0.541, 1.085)
    assert rounded(win_rate.bounds) == (0.694, 0.631, 0.752)


def test_the_same_two_the_other_way_round_is_a_regression(data: Path) -> None:
    rows = recorded_rows(data / "mt_bench", "gpt-4o-mini", "Mistral-7B-Instruct-v0.3", "gemma-2-9b-it")
    decision, (grade, win_rate) = decide_recorded(data / "mt_bench", rows, pairwise=True)
    assert decision.outcome == "REGRESSION"
    assert (grade.standing, win_rate.standing) == ("regressed", "regressed")
    assert rounded(grade.bounds) == (-0.806, -1.085, -0.541)


def test_one_question_is_not_said_to_be_beyond_settling() -> None:
    """Nothing is known of the spread, so nothing can be said of the number needed."""
    decision = decide("b", [row(1)], [question()], Policy(), pairwise=False)
    assert decision.outcome == "INCONCLUSIVE"
    assert "no number of questions" not in decision.reasons[0]
    assert "inf" not in decision.reasons[0]
