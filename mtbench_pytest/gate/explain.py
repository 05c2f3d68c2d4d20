"""Why a run was decided as it was, in plain sentences: which bound, against which margin, how far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mtbench_pytest.core.text import chance, confidence, percent, points
from mtbench_pytest.gate.critical import Fault
from mtbench_pytest.gate.decision import CategoryLine, Collapses, EarlyStop, Endpoint

ENOUGH_TO_TELL = 20  # questions, from which it is foretold how many would settle it
# Of the variance of a difference, what is left by the mean of two judges: measured, see docs/gate.md.
_LEFT_BY_TWO = 0.75


def explain(endpoint: Endpoint) -> str:
    """Which bound lies where, how far, and what would settle it."""
    bounds = endpoint.bounds
    if bounds.n < 2:
        return f"{endpoint.name}: bounds need at least 2 questions judged, there are {bounds.n}"
    show = points if endpoint.name == "grade" else percent
    far = "{:.2f}".format if endpoint.name == "grade" else percent
    what = "mean grade difference" if endpoint.name == "grade" else "win rate"
    head = f"{what} {show(bounds.mean)}: "
    lower = f"its {confidence(endpoint.floor_confidence)} lower bound {show(endpoint.floor)}"
    upper = f"its {confidence(endpoint.ceiling_confidence)} upper bound {show(endpoint.ceiling)}"
    scaled = (
        f" ({percent(endpoint.scale)} of the one set, for most comparisons flip)"
        if endpoint.scale < 1
        else ""
    )
    above = f"above the margin {show(endpoint.line)}{scaled}, by {far(abs(endpoint.floor - endpoint.line))}"
    equal = "0" if endpoint.name == "grade" else show(endpoint.neutral)
    match endpoint.standing:
        case "non-inferior":
            return f"{head}{lower} lies {above}"
        case "regressed":
            return f"{head}{upper} lies below {equal}, by {far(endpoint.neutral - endpoint.ceiling)}"
    return f"{head}{lower} does not lie {above}, nor {upper} below {equal}; {_settled(endpoint)}"


def _settled(endpoint: Endpoint) -> str:
    """What would decide an undecided endpoint; a margin only where it is not far from the one set."""
    if endpoint.bounds.n < ENOUGH_TO_TELL:
        return f"{endpoint.bounds.n} questions are too few to tell how many would settle it"
    far = "{:.2f}".format if endpoint.name == "grade" else percent
    reach = endpoint.neutral - endpoint.floor
    margin = f"a margin above {far(reach)}" if reach <= 2 * endpoint.margin else ""
    if endpoint.settled_by is None:
        no_number = "no number of questions would settle it as it stands"
        return f"{no_number}, {margin} would" if margin else no_number
    number = f"about {endpoint.settled_by} questions would settle it"
    return f"{number}, or {margin}" if margin else number


def cheapest(endpoints: Sequence[Endpoint]) -> str:
    """What would settle an undecided run at the least cost; "" where nothing is known to."""
    undecided = [endpoint for endpoint in endpoints if endpoint.standing == "undecided"]
    if [endpoint.name for endpoint in undecided] == ["win rate"]:
        return (
            "cheapest to settle it: --mtbench-pairwise off, for the grades alone pass, "
            "where that is what the next run is to be judged by"
        )
    if any(endpoint.scale < 1 for endpoint in undecided):
        return "cheapest to settle it: a judge whose comparisons flip less"
    needed = [endpoint.settled_by for endpoint in undecided if endpoint.settled_by is not None]
    if not needed or len(needed) < len(undecided):
        return ""
    questions, most = min(endpoint.bounds.n for endpoint in undecided), max(needed)
    if most * _LEFT_BY_TWO <= questions:
        return (
            "cheapest to settle it: a second judge (--mtbench-judge given twice), "
            f"which leaves about {_LEFT_BY_TWO:.0%} of the variance"
        )
    return f"cheapest to settle it: about {most - questions} more questions"


def explain_collapses(collapses: Collapses) -> str:
    """How many questions fell, and how likely that is by chance."""
    return (
        f"collapses: {collapses.dropped} questions dropped by more than their question margin, "
        f"{collapses.gained} gained as much: as many drops have a chance of {chance(collapses.p)}, "
        f"and {chance(collapses.alpha)} or less is a regression"
    )


def explain_early(early: EarlyStop) -> str:
    """How far a run went that may stop early, and what that spared."""
    known = _known(early) if early.known else ""
    if not early.stopped:
        return f"not stopped early: no look before the last of {early.questions} questions was certain{known}"
    rest = f"the other {early.questions - early.used}"
    saved = f"would have taken up to {early.calls_saved} judge calls" if early.calls_saved else "were skipped"
    return f"stopped early, certain after {early.used} of {early.questions} questions: {rest} {saved}{known}"


def _known(early: EarlyStop) -> str:
    """What it brought that the baseline's grades were known."""
    saved = early.alone - early.used
    if saved > 0:
        brought = f"saved at least {saved} questions"
    else:
        brought = f"took {-saved} questions more" if saved else "changed nothing"
    return f"; knowing the blessed baseline's grades on all {early.known} {brought}"


def explain_drop(line: CategoryLine) -> str:
    """How far a critical category fell, and how likely that is by chance."""
    mean = points(line.difference.mean) if line.difference else "unknown"
    return (
        f"{line.category} is critical: mean grade difference {mean}: as low a mean has a chance of "
        f"{chance(line.drop_p)}, and {chance(line.drop_alpha)} or less is a regression"
    )


def explain_category(line: CategoryLine) -> str:
    """How far a category fell that decides nothing."""
    mean = points(line.difference.mean) if line.difference else "unknown"
    return (
        f"{line.category} dropped beyond chance: mean grade difference {mean}, as low a mean has a chance of "
        f"{chance(line.drop_p)}; it decides nothing and is worth a look"
    )


def explain_fault(fault: Fault) -> str:
    """What a turn of a critical category did, and how often it was graded."""
    where = f"{fault.category} is critical: question {fault.question_id}, turn {fault.turn}"
    times = f", in each of {fault.gradings} gradings" if fault.gradings > 1 else ", graded once"
    if fault.kind == "drop":
        drop = fault.baseline - fault.candidate
        return f"{where}, dropped {drop:.2f} points, more than {fault.limit:g}{times}"
    own = f"graded {fault.candidate:.2f}, under the floor of {fault.limit:g}{times}"
    beside = f"the baseline's {fault.baseline:.2f}"
    return (
        f"{where}, {own}; {beside} lies under it too"
        if fault.shared
        else f"{where}, {own}; {beside} does not"
    )


def explain_checks(critical: Collection[str]) -> str:
    """Why the offline judge passes no bench with critical categories."""
    names = ", ".join(sorted(critical))
    return (
        f"{names}: critical, and the checks judge sees verifiable instructions, not whether an answer is "
        "safe; it can show a REGRESSION there and no PASS, which takes an LLM judge"
    )


def endpoint_name(endpoint: Endpoint) -> str:
    """What the figure is."""
    return "mean grade difference" if endpoint.name == "grade" else endpoint.name


def shown_as(endpoint: Endpoint) -> Callable[[float], str]:
    """Writes a value in the figure's unit."""
    return points if endpoint.name == "grade" else percent
