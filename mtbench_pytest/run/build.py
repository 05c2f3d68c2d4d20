"""Builds models and judges of a run from their specs; nothing is loaded or called yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.files import file_name
from mtbench_pytest.core.records import SIDES, Party
from mtbench_pytest.core.specs import python_factory
from mtbench_pytest.judges import Judge, build_judge
from mtbench_pytest.models import build_model
from mtbench_pytest.models.api.budget import Budget, Spends
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.settings import Settings, replays_by_default
from mtbench_pytest.run.snapshots.replay import Replay


def try_specs(settings: Settings) -> None:
    """Looks for mistakes in the specs, but for a run that may replay: there, nobody is built.

    Raises:
        MTBenchError: For the first mistake.
    """
    if settings.record == "none" or (settings.record is None and replays_by_default(settings.judges)):
        return
    for spec, build in (
        (settings.candidate, build_model),
        (settings.baseline, build_model),
        *((spec, build_judge) for spec in settings.judges),
    ):
        if spec is not None:
            # A factory of the user's may take long: it is called once, when it is needed.
            python_factory(spec) if spec.kind == "python" else build(spec)


def build_contest(
    settings: Settings,
    bench: Bench,
    needs: Collection[Party],
    budget: Budget | None = None,
    replay: Replay | None = None,
) -> Contest:
    """Builds models and judges from their specs; cheap, nothing is loaded or called yet.

    Args:
        needs: The parties that some test asks for.
        budget: What they may spend together.
        replay: Builds them instead, where nobody is to be asked.

    Raises:
        MTBenchError: For a party that is not given or cannot be built.
    """
    models = {
        side: replay.model(side) if replay else build_model(settings.need(side))
        for side in SIDES
        if side in needs
    }
    if settings.samples > 1 and settings.candidate is not None and settings.candidate.kind == "answers":
        raise SpecError(
            f"--mtbench-samples {settings.samples}",
            f"{settings.candidate} has one answer to each question",
            "a candidate that answers anew",
        )
    judges: Sequence[Judge] = ()
    if "judge" in needs:
        specs = settings.need_judges()
        judges = [replay.judge(spec) if replay else build_judge(spec) for spec in specs]
    # Two models of one name are told apart, but a model compared with itself keeps its name.
    same_name = len({model.name for model in models.values()}) < len(models)
    if same_name and str(settings.baseline) != str(settings.candidate):
        models["baseline"].name += "-baseline"
    contest = Contest(
        bench=bench,
        models=models,
        judges=told_apart(judges),
        pairwise=settings.pairwise,
        seed=settings.seed,
        max_new_tokens=settings.max_new_tokens,
        concurrency=settings.concurrency,
        samples=settings.samples,
        repeats=settings.judge_repeats,
    )
    for party in contest.parties.values():
        if budget is not None and isinstance(party, Spends):
            party.spend_from(budget)
    return contest


def told_apart(judges: Sequence[Judge]) -> dict[str, Judge]:
    """Judges by their names; of two whose files would have one name on some system, the second has a number.

    Each keeps its own name for itself: recorded judgments are found by it.
    """
    found: dict[str, Judge] = {}
    taken: set[str] = set()
    for judge in judges:
        name, number = judge.name, 1
        while file_name(name).casefold() in taken:
            number += 1
            name = f"{judge.name}-{number}"
        taken.add(file_name(name).casefold())
        found[name] = judge
    return found
