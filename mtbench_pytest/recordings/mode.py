"""Whether a run records what is said, replays it, or neither."""

from __future__ import annotations

import os
from typing import Literal

from mtbench_pytest.specs import Spec

Mode = Literal["off", "none", "new", "all"]
MODES: tuple[Mode, ...] = ("none", "new", "all", "off")

_NO = ("", "0", "false", "no")


def replays_by_default(judge: Spec | None) -> bool:
    """Whether a run that says nothing of it replays where it can: on a CI machine without the judge's key.

    A judge that needs no key does not: on this machine, recorded, or the checks.
    """
    if judge is None or judge.kind != "openai" or os.environ.get("CI", "").lower() in _NO:
        return False
    from mtbench_pytest.server import lacks_key

    return lacks_key(judge)


def mode_of(stated: Mode | None, judge: Spec | None, *, recorded: bool) -> Mode:
    """What a bench's run does.

    Args:
        stated: By the option; None where it is not given.
        recorded: Whether the bench has snapshots.
    """
    if stated is not None:
        return stated
    return "none" if recorded and replays_by_default(judge) else "off"
