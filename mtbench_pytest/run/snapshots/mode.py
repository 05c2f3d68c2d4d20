"""Whether a run records what is said, replays it, or neither."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from mtbench_pytest.core.specs import Spec

Mode = Literal["off", "none", "new", "all"]
MODES: tuple[Mode, ...] = ("none", "new", "all", "off")

_NO = ("", "0", "false", "no")


def replays_by_default(judges: Sequence[Spec]) -> bool:
    """Whether a run that says nothing of it replays where it can: on a CI machine without a judge's key.

    A judge that needs no key does not: on this machine, recorded, or the checks.
    """
    served = [judge for judge in judges if judge.kind == "openai"]
    if not served or os.environ.get("CI", "").lower() in _NO:
        return False
    from mtbench_pytest.models.api.server import lacks_key

    return any(map(lacks_key, served))


def mode_of(stated: Mode | None, judges: Sequence[Spec], *, recorded: bool) -> Mode:
    """What a bench's run does.

    Args:
        stated: By the option; None where it is not given.
        recorded: Whether the bench has snapshots.
    """
    if stated is not None:
        return stated
    return "none" if recorded and replays_by_default(judges) else "off"
