"""Whether a judge still grades as it did: some answers that it graded before are graded again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtbench_pytest.core.options import FEWEST_AGAIN
from mtbench_pytest.core.records import SIDES, Game, Judgment
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import points
from mtbench_pytest.findings.model_names import is_floating

REGRADE = "--mtbench-regrade-baseline"


CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a judge's grades of today lie from those it gave when a baseline was blessed.

    Attributes:
        asked: Answers that were to be graded again.
        n: Of these, graded.
        shift: Mean of new less old grade, in points; nan where none was graded.
        lower: Bound of the shift, two-sided at `CONFIDENCE`.
        upper: The other one.
    """

    asked: int
    n: int
    shift: float
    lower: float
    upper: float

    @property
    def known(self) -> bool:
        """Whether enough answers were graded to tell."""
        return self.n >= FEWEST_AGAIN

    @property
    def beyond(self) -> bool:
        """Whether the shift is more than noise explains."""
        return self.known and not self.lower <= 0 <= self.upper


def measure(pairs: Sequence[tuple[float, float]], asked: int, noise: float = 0.0) -> Drift:
    """The shift between old and new grades of the same answers.

    Its standard error comes from the paired differences, by Student's t: that holds whatever the judge's
    noise is, and covers changes from answer to answer too. Where the judge's own noise is known it is no
    smaller than that: a few differences that happen to be alike would else pass for certainty.
    Source: Student (1908), The probable error of a mean, Biometrika 6(1).

    Args:
        pairs: Old and new grade of each answer, means over its turns.
        asked: Answers that were to be graded again.
        noise: Standard deviation of one such difference under an unmoved judge, where it is known.
    """
    from mtbench_pytest.gate.stats import t_quantile

    n = len(pairs)
    differences = [new - old for old, new in pairs]
    shift = math.fsum(differences) / n if n else math.nan
    if n < FEWEST_AGAIN:
        return Drift(asked, n, shift, -math.inf, math.inf)
    sd = math.sqrt(math.fsum((difference - shift) ** 2 for difference in differences) / (n - 1))
    tail = (1 + CONFIDENCE) / 2
    half = max(t_quantile(tail, n - 1) * sd, t_quantile(tail, 10**6) * noise) / math.sqrt(n)
    return Drift(asked, n, shift, shift - half, shift + half)


def drift_result(drift: Drift) -> dict[str, Any]:
    """As in `result.json`, under `judge`."""
    return {**asdict(drift), "confidence": CONFIDENCE, "known": drift.known, "beyond_noise": drift.beyond}


def served_result(rows: Sequence[Row], blessed_stand: bool) -> list[dict[str, Any]]:
    """Under which names and fingerprints the judge's server answered, and how often.

    Args:
        blessed_stand: The baseline's grades are blessed ones, which were not made in this run.
    """
    seen: Counter[tuple[str, str]] = Counter()
    for said in _said(rows, blessed_stand):
        if said.served_model or said.fingerprint:
            seen[said.served_model, said.fingerprint] += 1
    return [{"model": model, "fingerprint": mark, "n": n} for (model, mark), n in sorted(seen.items())]


def _said(rows: Sequence[Row], blessed_stand: bool) -> Iterator[Judgment | Game]:
    for row in rows:
        for side in SIDES[:1] if blessed_stand else SIDES:
            yield from row.judgments.get(side, ())
            for sample in row.samples.get(side, ()):
                yield from sample.judgments
        for verdict in row.verdicts:
            yield from verdict.games


def graded_again(drift: Mapping[str, Any]) -> str:
    """How many answers were graded again, and the bounds of the shift."""
    bounds = f"{100 * drift['confidence']:.0f} % bounds {points(drift['lower'])} and {points(drift['upper'])}"
    return f"{drift['n']} of its answers graded again, {bounds}"


def constancy_lines(
    parties: Mapping[str, Any],
    served: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    margin: float,
) -> Iterator[str]:
    """The summary's lines.

    Args:
        parties: As in `result.json`.
        served: What `served_result` found.
        settings: How this run samples, as in `result.json`.
        margin: The run's, in points.
    """
    baseline, judge = parties["baseline"], parties["judge"]
    if blessed := baseline.get("blessed"):
        yield f"baseline {baseline['name']}: {_blessed(blessed)}"
        yield from _sampled_otherwise(blessed, settings)
        yield from _drift(blessed, judge.get("drift"), margin)
        yield from _served_otherwise(blessed["served"], served)
    yield from _alias(judge, served)


def _blessed(blessed: Mapping[str, Any]) -> str:
    by = f" by {blessed['by']}" if blessed["by"] else ""
    grades = f"its {blessed['grades']} grades stand"
    if blessed["graded_anew"] == REGRADE:
        grades = f"{REGRADE}: the grades of both sides are this run's"
    elif blessed["graded_anew"]:
        grades = f"all its answers are graded anew: {blessed['graded_anew']}"
    return f"blessed as {blessed['name']} on {blessed['at'][:10]}{by}; {grades}"


def _sampled_otherwise(blessed: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    then = blessed["sampling"]
    differ = []
    if then["max_new_tokens"] != settings["max_new_tokens"]:
        differ.append(f"at most {then['max_new_tokens']} new tokens, now {settings['max_new_tokens']}")
    for category, warmth in settings["temperature"].items():
        if then["temperature"].get(category, warmth) != warmth:
            differ.append(f"{category} at temperature {then['temperature'][category]}, now {warmth}")
    if differ:
        yield f"baseline warning: it was answered under other settings ({'; '.join(differ)})"


def _drift(blessed: Mapping[str, Any], drift: Mapping[str, Any] | None, margin: float) -> Iterator[str]:
    if drift is None:
        if not blessed["graded_anew"] and not blessed["checked"]:
            yield "judge drift: not looked for"
    elif drift["known"]:
        found = "more than noise" if drift["beyond_noise"] else "no more than noise"
        yield f"judge drift: {points(drift['shift'])} points, {found} ({graded_again(drift)})"
        if not drift["beyond_noise"] and max(-drift["lower"], drift["upper"]) >= margin > 0:
            half = (drift["upper"] - drift["lower"]) / 2
            more = math.ceil(drift["n"] * (half / margin) ** 2)
            yield (
                f"judge warning: so few answers cannot exclude a drift as large as the margin, {margin:g}; "
                f"--mtbench-drift-sample {max(more, drift['n'] + 1)} looks closer"
            )


def _served_otherwise(then: Sequence[Mapping[str, str]], now: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A server that calls its model otherwise than when the baseline was graded."""
    for what, called in (("model", "its model"), ("fingerprint", "its system_fingerprint")):
        was = {seen[what] for seen in then} - {""}
        new = {seen[what] for seen in now} - {""}
        if was and new - was:
            yield (
                f"judge warning: its server gives {called} as {', '.join(sorted(new))}; "
                f"{', '.join(sorted(was))} when the baseline was blessed"
            )


def _alias(judge: Mapping[str, Any], served: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if alias := floating_alias(judge, served):
        names = sorted({seen["model"] for seen in served} - {"", alias})
        answered = f"; {', '.join(names)} answered" if names else ""
        yield (
            f"judge warning: {alias} is a floating alias, which its provider moves{answered}; a name with a "
            "date or version would stay"
        )


def floating_alias(judge: Mapping[str, Any], served: Sequence[Mapping[str, Any]]) -> str:
    """The name under which the judge is asked, where that is one that providers move; else ""."""
    name = str((judge["identity"] or {}).get("model", ""))
    answered = next((seen["model"] for seen in served if seen["model"]), "")
    return name if name and is_floating(name, answered) else ""


def constancy_markdown(lines: Sequence[str]) -> Iterator[str]:
    """The report's section, or nothing where there is nothing to say.

    Args:
        lines: The summary's.
    """
    if lines:
        yield ""
        yield "## Then and now"
        yield ""
        yield from (f"- {line}" for line in lines)
