"""Gate model releases on multi-turn chat ability with pytest.

What stands here is the public face: documented in docs/reference.md and kept stable. Every other module may
change. Names are imported when they are first used, so that `import mtbench_pytest` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtbench_pytest.bench.bench import Bench, load_bench
    from mtbench_pytest.bench.checks import examine
    from mtbench_pytest.core.errors import MTBenchError
    from mtbench_pytest.core.records import (
        Answer,
        AnswerFailure,
        AnswerTask,
        Game,
        GameTask,
        GradeTask,
        JudgeFailure,
        Judgment,
        Question,
        Reply,
        Verdict,
    )
    from mtbench_pytest.core.row import Row
    from mtbench_pytest.gate.decide import Policy, decide
    from mtbench_pytest.gate.decision import Decision
    from mtbench_pytest.judges.base import Judge, JudgeReply, ReplyJudge
    from mtbench_pytest.judges.scripted import ScriptedJudge
    from mtbench_pytest.models.api.budget import Spends
    from mtbench_pytest.models.base import ChatModel
    from mtbench_pytest.models.scripted import ScriptedModel
    from mtbench_pytest.run.judged import Judged

__version__ = "0.1.0"

_HOMES = {
    "bench.bench": ("Bench", "load_bench"),
    "bench.checks": ("examine",),
    "core.errors": ("MTBenchError",),
    "core.records": (
        "Answer",
        "AnswerFailure",
        "AnswerTask",
        "Game",
        "GameTask",
        "GradeTask",
        "JudgeFailure",
        "Judgment",
        "Question",
        "Reply",
        "Verdict",
    ),
    "core.row": ("Row",),
    "gate.decide": ("Policy", "decide"),
    "gate.decision": ("Decision",),
    "judges.base": ("Judge", "JudgeReply", "ReplyJudge"),
    "judges.scripted": ("ScriptedJudge",),
    "models.api.budget": ("Spends",),
    "models.base": ("ChatModel",),
    "models.scripted": ("ScriptedModel",),
    "run.judged": ("Judged",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - in the order of a run
    "Bench",
    "load_bench",
    "Question",
    "AnswerTask",
    "Reply",
    "Answer",
    "AnswerFailure",
    "GradeTask",
    "GameTask",
    "Judgment",
    "Game",
    "JudgeFailure",
    "Verdict",
    "Row",
    "Judged",
    "Policy",
    "decide",
    "Decision",
    "ChatModel",
    "Judge",
    "ReplyJudge",
    "JudgeReply",
    "ScriptedModel",
    "ScriptedJudge",
    "Spends",
    "examine",
    "MTBenchError",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
