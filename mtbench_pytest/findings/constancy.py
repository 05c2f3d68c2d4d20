"""Whether old and new grades can be compared: for `result.json`, for the report and for the summary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.records import SIDES, Game, Judgment, Row
from mtbench_pytest.findings.aliases import is_floating
from mtbench_pytest.findings.drift import CONFIDENCE, Drift
from mtbench_pytest.gate.explain import points
from mtbench_pytest.run.blessed_grades import REGRADE, Standing


def standing_result(standing: Standing) -> dict[str, Any]:
    """The blessed baseline as in `result.json`, under `baseline`."""
    manifest = standing.blessed.manifest
    return {
        "name": standing.blessed.name,
        "sha256": standing.blessed.sha256,
        "by": manifest["blessed"]["name"],
        "at": manifest["blessed"]["at"],
        "sampling": manifest["sampling"],
        "grades": len(standing.grades),
        "graded_anew": standing.anew,
        "served": list(standing.served),
        "checked": len({again.task.question.question_id for again in standing.again}),
    }


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


def incomparable(blessed: Mapping[str, Any] | None, drift: Mapping[str, Any] | None) -> str:
    """Why blessed grades and this run's cannot be compared, or "".

    Args:
        blessed: What `standing_result` says.
        drift: What `drift_result` says.
    """
    if not blessed or not blessed["checked"]:
        return ""
    if drift is None or (not drift["known"] and drift["asked"] > 1):
        n = drift["n"] if drift else 0
        return (
            f"whether the judge has drifted is not known: {n} of {blessed['checked']} blessed answers could "
            f"be graded again; run it again, or {REGRADE} grades all of them anew"
        )
    if not drift["beyond_noise"]:
        return ""
    return (
        f"the judge has drifted: it grades {abs(drift['shift']):.2f} points "
        f"{'lower' if drift['shift'] < 0 else 'higher'} than when {blessed['name']} was blessed "
        f"({_again(drift)}), so that old and new grades cannot be compared; "
        f"{REGRADE} grades the baseline anew"
    )


def _again(drift: Mapping[str, Any]) -> str:
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
        yield f"judge drift: {points(drift['shift'])} points, {found} ({_again(drift)})"
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
