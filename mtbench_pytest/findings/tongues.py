"""In which languages each side replied: for `result.json`, for the report and for the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from mtbench_pytest.bench.languages import ENGLISH, Spoken
from mtbench_pytest.core.records import Side


def spoken_result(spoken: Mapping[Side, Spoken]) -> dict[str, Any]:
    """As in `result.json`: counts a side, and the share in the question's language."""
    return {side: {**asdict(found), "share": found.share} for side, found in spoken.items()}


def spoken_line(spoken: Mapping[Side, Spoken], language: str) -> str:
    """One line for the summary; empty where all is English and was to be."""
    told = {side: found for side, found in spoken.items() if found.checked}
    if not told or (language == ENGLISH and all(found.own == found.checked for found in told.values())):
        return ""
    return "language: " + "; ".join(f"{side} {_of(found)}" for side, found in told.items())


def spoken_markdown(spoken: Mapping[Side, Spoken], language: str) -> Iterator[str]:
    """The report's section, or nothing where no reply was long enough to tell."""
    if not any(found.checked for found in spoken.values()):
        return
    yield ""
    yield "## Language"
    yield ""
    yield f"The bench's language is {language}. Replies in the question's language, where it could be told:"
    yield ""
    for side, found in spoken.items():
        asides = [f"{n} exempt ({reason})" for reason, n in found.exempt.items()]
        asides += [f"{found.untold} too short to tell"] if found.untold else []
        yield f"- {side}: {_of(found)}" + (f"; {', '.join(asides)}" if asides else "")
        if found.left_out:
            yield f"  ({found.left_out} more replies were not looked at)"


def _of(found: Spoken) -> str:
    if found.share is None:
        return "none could be told"
    others = ", ".join(f"{n} {language}" for language, n in found.others.items())
    share = f"{found.own} of {found.checked} replies ({100 * found.share:.1f} %)"
    return f"{share}, else {others}" if others else share
