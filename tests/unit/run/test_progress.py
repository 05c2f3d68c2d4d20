"""Rates, time left and the line that tells them, from looks at made-up times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytest

from mtbench_pytest.plugin.progress import overall
from mtbench_pytest.run.progress import Meter, Progress, Rates, added, merged, progress_line


def rates(looks: Iterable[tuple[float, Progress]]) -> Rates:
    """What a meter says at the last of these looks."""
    meter, found = Meter(), Rates()
    for now, progress in looks:
        found = meter.see(now, progress)
    return found


def generating(made: int, total: int = 100, **more: Any) -> Progress:
    """So many answers made; nothing is judged."""
    return Progress(made, total, answers_made=made, **more)


def judging(made: int, total: int = 100, **more: Any) -> Progress:
    """All answers there, so many judgments made."""
    return Progress(8, 8, made, total, judgments_made=made, calls=made, calls_open=16, **more)


# Rates.


def test_rates_are_those_of_the_last_seconds() -> None:
    slow = [(now, Progress(tokens=10 * now, calls=now)) for now in range(60)]
    fast = [
        (now, Progress(tokens=590 + 100 * (now - 59), calls=59 + 8 * (now - 59))) for now in range(60, 80)
    ]
    assert rates([*slow, *fast]) == Rates(tokens=100, calls=8)


def test_a_stall_shows_within_the_window() -> None:
    busy = [(now, Progress(tokens=100 * now, calls=now)) for now in range(30)]
    still = [(now, Progress(tokens=2900, calls=29)) for now in range(30, 45)]
    assert 0 < (rates([*busy, *still[:8]]).tokens or 0) < 60
    assert rates([*busy, *still]) == Rates(tokens=0, calls=0)


def test_the_first_look_tells_no_rate() -> None:
    assert rates([(5, Progress(tokens=400, calls=3))]) == Rates()
    assert rates([(5, Progress()), (5.2, Progress(tokens=400))]) == Rates()


def test_a_look_after_a_long_time_has_the_rate_of_that_time() -> None:
    assert rates([(0, Progress()), (60, Progress(tokens=6000))]).tokens == 100


# Time left.


def test_time_left_of_what_arrives_steadily() -> None:
    assert rates((now, generating(now)) for now in range(41)).left == pytest.approx(60)
    assert rates((now, judging(2 * now)) for now in range(41)).left == pytest.approx(10)


def test_time_left_counts_down_between_batches() -> None:
    """16 answers every 30 s, after 100 s in which the model was loaded."""
    looks = [(now, generating(16 * max(0, (now - 70) // 30), 160)) for now in range(175)]
    assert [rates(looks[:upto]).left for upto in (100, 101, 130)] == [None, None, None], "no basis"
    assert rates(looks[:131]).left == pytest.approx(128 / 16 * 30)
    assert rates(looks[:141]).left == pytest.approx(128 / 16 * 30 - 10)
    assert rates(looks[:161]).left == pytest.approx(112 / 16 * 30)


def test_what_was_found_is_no_speed() -> None:
    """90 of 100 were stored: the other ten come at one a second."""
    found = Progress(90, 100)
    looks = [(0, Progress(0, 100)), (1, found)]
    looks += [(1 + now, Progress(90 + now, 100, answers_made=now)) for now in range(1, 6)]
    assert rates(looks[:2]).left is None
    assert rates(looks).left == pytest.approx(5)


def test_judgments_found_while_answers_are_made_are_no_speed() -> None:
    stored = [(now, generating(now, judgments=4 * now, judgments_total=400)) for now in range(31)]
    assert rates(stored).left == pytest.approx(70), "the judge keeps up"


@pytest.mark.parametrize(("a_second", "left"), [(4, 60), (1, 360)])
def test_the_longer_of_making_and_judging_counts(a_second: int, left: float) -> None:
    """An answer a second, four judgments an answer, by a judge as fast or four times as slow."""
    looks = [
        (
            now,
            Progress(
                now, 100, a_second * now, 400, 0, 0, a_second * now, now, a_second * now, 16, 4 - a_second
            ),
        )
        for now in range(41)
    ]
    assert rates(looks).left == pytest.approx(left)


def test_a_judge_that_waited_is_not_taken_for_slow() -> None:
    """It judged each batch of answers at 16 a second; then all answers came at once."""
    meter, judged, now, found = Meter(), 0, 0, Rates()
    for batch in range(1, 4):
        for second in range(30):
            waiting = max(0, 32 - 16 * second)
            judged = 32 * batch - waiting
            progress = Progress(8 * batch, 400, judged, 1600, calls_queued=waiting, judgments_made=judged)
            found = meter.see(now, progress)
            now += 1
    for second in range(3):
        progress = Progress(400, 400, judged + 16 * second, 1600, calls_queued=999)
        progress.judgments_made = progress.judgments
        found = meter.see(now + second, progress)
    assert found.left == pytest.approx((1600 - judged - 32) / 16, rel=0.1)


def test_a_quick_model_beside_a_slow_one_is_no_promise() -> None:
    """50 answers at once from a server, the other 50 one every two seconds."""
    looks = [(now, generating(min(50, 25 * now) + now // 2)) for now in range(41)]
    assert rates(looks).left == pytest.approx(2 * 30)


def test_no_time_left_in_a_stall() -> None:
    looks = [(now, generating(min(now, 40))) for now in range(60)]
    assert rates(looks[:45]).left is not None
    assert rates(looks).left is None


def test_no_time_left_while_more_will_be_asked() -> None:
    looks = [(now, generating(now)) for now in range(41)]
    more = generating(41)
    more.more = True
    assert rates([*looks, (41, more)]).left is None


def test_no_time_left_when_all_is_there() -> None:
    assert rates((now, judging(now, 20)) for now in range(21)).left is None


def test_a_pace_that_changes_is_noticed() -> None:
    quick = [(now, judging(10 * now, 10_000)) for now in range(300)]
    slow = [(300 + now, judging(2990 + now, 10_000)) for now in range(200)]
    assert rates([*quick, *slow]).left == pytest.approx(10_000 - 2990 - 199, rel=0.02)


# The line.


def test_the_line_says_where_the_run_stands() -> None:
    assert progress_line(Progress(3, 6, 5, 24), Rates(), 12.4) == "mtbench: 3/6 answers, 5/24 judgments, 12 s"
    assert "24 judgments, 2 failed, 12 s" in progress_line(Progress(3, 6, 5, 24, 2), Rates(), 12)


def test_the_line_says_how_fast_it_goes() -> None:
    progress = Progress(23, 160, 96, 640, tokens=31_000, calls=90)
    assert (
        progress_line(progress, Rates(412.3, 31.2, 187), 84.2)
        == "mtbench: 23/160 answers 412 tok/s, 96/640 judgments 31/s, 1:24, ~3:10 left"
    )


def test_what_matters_least_is_left_out_first() -> None:
    lines = [
        progress_line(Progress(*answers, *judgments, failed, 9, 9), Rates(412, 31, 187), 84)
        for answers, judgments, failed in [
            ((3, 160), (6, 640), 0),
            ((40, 160), (96, 640), 2),
            ((40, 160), (9_600, 64_000), 2),
            ((19_998, 19_999), (79_998, 79_999), 1_234),
            ((1_999_998, 1_999_999), (7_999_998, 7_999_999), 1_234_567),
        ]
    ]
    assert lines == [
        "mtbench: 3/160 answers 412 tok/s, 6/640 judgments 31/s, 1:24, ~3:10 left",
        "mtbench: 40/160 answers 412 tok/s, 96/640 judgments 31/s, 2 failed, ~3:10 left",
        "mtbench: 40/160 answers, 9600/64000 judgments 31/s, 2 failed, ~3:10 left",
        "mtbench: 19998/19999 answers, 79998/79999 judgments, 1234 failed, ~3:10 left",
        "mtbench: 1999998/1999999 answers, 7999998/7999999 judgments, 1234567 failed",
    ]


def test_the_line_fits_a_terminal_in_a_large_run_too() -> None:
    for tokens in (0, 12_345_678):
        large = Progress(19_999, 20_000, 79_999, 80_000, 1_234, tokens, 79_000)
        for speed in (Rates(), Rates(99_999, 9_999, 360_000), Rates(0.1, 0.1, 1)):
            assert len(progress_line(large, speed, 86_400)) < 80


def test_a_stall_is_shown_and_idleness_is_not() -> None:
    stalled = Progress(3, 6, 5, 24, tokens=90, calls=5, calls_open=2)
    assert "answers 0 tok/s, 5/24 judgments 0/s," in progress_line(stalled, Rates(0, 0), 12)
    idle = Progress(3, 6, 5, 24, tokens=90, calls=5)
    assert "judgments, " in progress_line(idle, Rates(20, 0), 12)
    finished = Progress(6, 6, 5, 24, tokens=90, calls=5)
    assert "6/6 answers, " in progress_line(finished, Rates(0, 3), 12)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (84, "1:24"), (3599.6, "1:00:00"), (7380, "2:03:00")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert progress_line(Progress(), Rates(), seconds).endswith(f", {shown}")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(41.7, "42 s"), (59.8, "1:00"), (84, "1:20"), (3_640, "1:01:00"), (3_599, "1:00:00")],
)
def test_time_left_is_no_finer_than_it_is_good_for(seconds: float, shown: str) -> None:
    assert progress_line(Progress(), Rates(left=seconds), 0).endswith(f", ~{shown} left")


# Several benches, several processes.


def test_benches_are_added() -> None:
    both = added([Progress(3, 6, 5, 24, 1, 90, 4), Progress(1, 8, 0, 32, 0, 10, 2, more=True)])
    assert both == Progress(4, 14, 5, 56, 1, 100, 6, more=True)


def test_processes_that_see_the_same_are_counted_once() -> None:
    """One makes the answers, the other has the judge; what each makes both see in the store."""
    maker = Progress(30, 160, 90, 640, 2, 3000, 0, 29, 0, 0, 0)
    judge = Progress(29, 160, 96, 640, 2, 0, 80, 0, 80, 16, 7)
    assert merged([maker, judge]) == Progress(30, 160, 96, 640, 2, 3000, 80, 29, 80, 16, 7)


def test_a_bench_that_one_process_began_is_begun() -> None:
    assert merged([Progress(more=True), Progress(3, 6)]) == Progress(3, 6)
    assert merged([Progress(more=True), Progress(more=True)]).more


def test_what_processes_tell_of_their_benches() -> None:
    told = [
        {"a": asdict(Progress(3, 6, tokens=5)), "b": asdict(Progress(more=True))},
        {"a": asdict(Progress(2, 6, tokens=7)), "b": asdict(Progress(1, 4))},
    ]
    assert overall(told) == Progress(4, 10, tokens=12)
