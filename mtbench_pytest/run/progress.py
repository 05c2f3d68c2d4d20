"""Where a run stands, how fast it goes and how long it will still take; told in one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WINDOW = 15.0  # seconds that a rate is taken over: a stall shows within them
_MEMORY = 120.0  # seconds that the time left is estimated from, where that holds enough arrivals
_ENOUGH = 8  # arrivals that are enough, however long ago
_BASIS = 2.0  # seconds of work; from less, no time left is estimated
_SLACK = 5.0  # seconds
_WIDTH = 80  # columns; a longer line would wrap, and a wrapped one cannot be rewritten


@dataclass
class Progress:
    """Counts of what a run has done; `total` figures grow as questions are requested.

    Attributes:
        tokens: Written by models that cost something.
        calls: Judge calls that cost something.
        answers_made: Of the answers, those made here: the others were stored, recorded, or another process's.
        judgments_made: The same of the judgments.
        calls_open: Judge calls under way, or about to be.
        calls_queued: Of these, those that wait for a place among the calls at once.
        more: More will be requested than the totals say.
    """

    answers: int = 0
    answers_total: int = 0
    judgments: int = 0
    judgments_total: int = 0
    failures: int = 0
    tokens: int = 0
    calls: int = 0
    answers_made: int = 0
    judgments_made: int = 0
    calls_open: int = 0
    calls_queued: int = 0
    more: bool = False


_OWN = ("tokens", "calls", "answers_made", "judgments_made", "calls_open", "calls_queued")
_SEEN = ("answers", "answers_total", "judgments", "judgments_total", "failures")


def added(parts: Iterable[Progress]) -> Progress:
    """That of several benches together."""
    every = list(parts)
    sums = {name: sum(getattr(part, name) for part in every) for name in (*_SEEN, *_OWN)}
    return Progress(**sums, more=any(part.more for part in every))


def merged(views: Sequence[Progress]) -> Progress:
    """That of one bench on which several processes work: each sees what all of them finish."""
    sums = {name: sum(getattr(view, name) for view in views) for name in _OWN}
    most = {name: max(getattr(view, name) for view in views) for name in _SEEN}
    return Progress(**sums, **most, more=all(view.more for view in views))


@dataclass(frozen=True)
class Rates:
    """How fast a run goes; None is unknown.

    Attributes:
        tokens: A second, over the last seconds.
        calls: A second, over the last seconds.
        left: Seconds until all is made.
    """

    tokens: float | None = None
    calls: float | None = None
    left: float | None = None


class Meter:
    """Tells the rates of a run from looks at its progress."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Progress]] = deque()
        self._answers = _Pace()
        self._judgments = _Pace()

    def see(self, now: float, progress: Progress) -> Rates:
        """Takes a look.

        Args:
            now: Seconds, of any clock that does not go back.

        Returns:
            The rates as of now.
        """
        answering = progress.answers < progress.answers_total
        self._answers.see(now, progress.answers_made, busy=answering)
        # A judge that waits for answers is not slow.
        self._judgments.see(now, progress.judgments_made, busy=progress.calls_queued > 0 or not answering)
        self._looks.append((now, progress))
        while len(self._looks) > 2 and self._looks[1][0] <= now - _WINDOW:
            self._looks.popleft()
        since, before = self._looks[0]
        if now - since < 1:  # second
            return Rates()
        tokens, calls = (
            (getattr(progress, name) - getattr(before, name)) / (now - since) for name in ("tokens", "calls")
        )
        return Rates(tokens, calls, self._left(progress))

    def _left(self, progress: Progress) -> float | None:
        """Answers are judged while others are made: what takes longer counts."""
        if progress.more:
            return None
        answers = self._answers.left(progress.answers_total - progress.answers)
        judgments: float | None = 0.0
        if progress.calls_queued or not answers:  # else the judge keeps up
            judgments = self._judgments.left(progress.judgments_total - progress.judgments)
        return None if answers is None or judgments is None else max(answers, judgments) or None


class _Pace:
    """How fast one kind of thing is made, by a clock that only runs while there is something to make."""

    def __init__(self) -> None:
        self._clock = 0.0
        self._done = 0
        self._seen = (0.0, 0)
        self._busy = False
        self._arrivals: deque[tuple[float, int]] = deque()
        self._longest = 0.0

    def see(self, now: float, made: int, *, busy: bool) -> None:
        """Takes a look; what is made in batches arrives in batches."""
        (then, before), was_busy = self._seen, self._busy
        self._seen, self._busy = (now, made), busy
        if not was_busy:
            return
        self._clock += now - then
        if made <= before:
            return
        if self._arrivals:
            self._longest = max(self._longest, self._clock - self._arrivals[-1][0])
        self._done += made - before
        self._arrivals.append((self._clock, self._done))
        while len(self._arrivals) > _ENOUGH and self._arrivals[1][0] < self._clock - _MEMORY:
            self._arrivals.popleft()

    def left(self, remaining: int) -> float | None:
        """Seconds until the rest is made; None without a basis.

        The time before the first arrival, in which a model is loaded, is none; and none remains when nothing
        has arrived for much longer than ever before.
        """
        if remaining <= 0:
            return 0.0
        if not self._arrivals:
            return None
        first, (last, done) = self._arrivals[0], self._arrivals[-1]
        silence = self._clock - last
        if last - first[0] < _BASIS or silence > 2 * self._longest + _SLACK:
            return None
        # The slower of all and the later ones: a quick model may have finished beside a slow one.
        later = self._arrivals[min(len(self._arrivals) // 2, len(self._arrivals) - 2)]
        slowest = max((last - since) / (done - before) for since, before in (first, later))
        return max(remaining * slowest - silence, 1.0)


def progress_line(progress: Progress, rates: Rates, elapsed: float) -> str:
    """Where the run stands, in under 80 columns: what matters least is left out first.

    Args:
        elapsed: Seconds since the session began.
    """
    tokens, calls = _rates(progress, rates)
    time = f", {duration(elapsed)}"
    left = f", ~{duration(_rough(rates.left))} left" if rates.left is not None else ""
    failed = f", {progress.failures} failed" if progress.failures else ""
    answers = f"mtbench: {progress.answers}/{progress.answers_total} answers"
    judgments = f"{progress.judgments}/{progress.judgments_total} judgments"
    lines = [
        f"{answers}{tokens}, {judgments}{calls}{failed}{time}{left}",
        f"{answers}{tokens}, {judgments}{calls}{failed}{left or time}",
        f"{answers}, {judgments}{calls}{failed}{left or time}",
        f"{answers}, {judgments}{failed}{left or time}",
        f"{answers}, {judgments}{failed}",
    ]
    return next((line for line in lines if len(line) < _WIDTH), lines[-1])


def _rates(progress: Progress, rates: Rates) -> tuple[str, str]:
    """Those that say something: a model that has finished is not slow, nor a judge that waits for answers."""
    tokens = calls = ""
    if rates.tokens is not None and progress.tokens and progress.answers < progress.answers_total:
        tokens = f" {_rate(rates.tokens)} tok/s"
    if rates.calls is not None and progress.calls and (rates.calls or progress.calls_open):
        calls = f" {_rate(rates.calls)}/s"
    return tokens, calls


def _rate(rate: float) -> str:
    return f"{rate:.1f}" if 0 < rate < 9.95 else f"{rate:.0f}"


def _rough(seconds: float) -> float:
    """No finer than an estimate is good for: tens of seconds from a minute on, minutes from an hour on."""
    step = 60 if seconds >= 3600 else 10 if seconds >= 60 else 1
    return round(seconds / step) * step


def duration(seconds: float) -> str:
    """`42 s`, `1:24` or `2:03:00`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
