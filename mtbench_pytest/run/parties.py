"""Candidate, baseline and judges as a report names them: plain values, which workers can send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import SIDES
from mtbench_pytest.findings.base import judges_of
from mtbench_pytest.findings.drift import Drift, drift_result
from mtbench_pytest.run.contest import Contest, as_party
from mtbench_pytest.run.settings import Settings
from mtbench_pytest.run.standing import standing_result

Parties = Mapping[str, Any]


def parties_of(
    settings: Settings,
    contest: Contest | None,
    identities: Mapping[str, Mapping[str, Any]],
    drifts: Mapping[str, Drift],
) -> dict[str, Any]:
    """What is known of the parties by now.

    Args:
        contest: None where nobody was built.
        identities: By party, as far as they are known.
        drifts: By judge, likewise.
    """
    parties: dict[str, Any] = {}
    for side in SIDES:
        spec = str(getattr(settings, side) or "")
        model = contest.models.get(side) if contest else None
        parties[side] = {
            "spec": spec,
            "name": model.name if model else spec,
            "identity": identities.get(side),
        }
        if contest and model:
            parties[side]["samples"] = contest.drawn(side)
    judges = [
        _judge(spec, name, contest, identities, drifts) for name, spec in _named(settings, contest).items()
    ]
    if len(judges) < 2:
        judge = judges[0] if judges else _judge("", "", None, {}, {})
        parties["baseline"]["blessed"] = judge.pop("blessed")
        return {**parties, "judge": judge}
    parties["baseline"]["blessed"] = _of_all(judges)
    return {**parties, "judge": _panel(judges)}


def _named(settings: Settings, contest: Contest | None) -> dict[str, str]:
    """By name the judges' specs; before they are built they have no other name."""
    specs = list(map(str, settings.judges))
    names = list(contest.judges) if contest else []
    return dict(zip(names if len(names) == len(specs) else specs, specs, strict=True))


def _judge(
    spec: str,
    name: str,
    contest: Contest | None,
    identities: Mapping[str, Mapping[str, Any]],
    drifts: Mapping[str, Drift],
) -> dict[str, Any]:
    standing = contest.standings.get(name) if contest else None
    return {
        "spec": spec,
        "name": name,
        "identity": identities.get(as_party(name)),
        "drift": drift_result(drifts[name]) if name in drifts else None,
        "blessed": standing_result(standing) if standing else None,
    }


def _panel(judges: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several judges as one party."""
    known = {judge["name"]: judge["identity"] for judge in judges if judge["identity"]}
    return {
        "spec": ", ".join(judge["spec"] for judge in judges),
        "name": ", ".join(judge["name"] for judge in judges),
        "identity": known or None,
        "drift": None,
        "judges": judges,
    }


def _of_all(judges: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A blessed baseline, whichever judge's grades of it stand."""
    each = [judge["blessed"] for judge in judges if judge["blessed"]]
    if not each:
        return None
    anew = [f"{judge['name']}: {why}" for judge in judges if (why := judge["blessed"]["graded_anew"])]
    return {
        **each[0],
        "grades": sum(blessed["grades"] for blessed in each),
        "graded_anew": "; ".join(anew),
        "checked": max(blessed["checked"] for blessed in each),
        "served": [],
    }


def is_panel(parties: Parties) -> bool:
    """Whether several judges judge."""
    return "judges" in parties["judge"]


def drifts_known(parties: Parties) -> int:
    """Of how many judges it is known whether they moved."""
    return sum(judge["drift"] is not None for judge in judges_of(parties))
