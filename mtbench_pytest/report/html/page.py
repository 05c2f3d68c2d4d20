"""`report.html`: the same run as one page, without scripts, other files and network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from mtbench_pytest.core.records import Question
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import failure_kind, failure_place
from mtbench_pytest.core.text import points
from mtbench_pytest.gate.decision import CategoryLine, Decision, Endpoint, Outcome, Standing
from mtbench_pytest.gate.explain import endpoint_name, explain, explain_collapses, shown_as
from mtbench_pytest.report.html.elements import cell, table, text
from mtbench_pytest.report.html.interval import Scale, endpoint_interval, interval, scale_of
from mtbench_pytest.report.html.markdown import markup
from mtbench_pytest.report.html.question import exchange
from mtbench_pytest.report.tables import CATEGORY, QUESTION, category_cells, party_cells, question_cells

WHOLE = 200  # questions with all that was said; a browser takes these at once
_FAILURES = 200
_LONGEST = 300  # characters of a setting

_MEANING: Mapping[Outcome, str] = {
    "PASS": "The candidate is not worse than the baseline by more than the margin.",
    "REGRESSION": "The candidate has lost ability that the baseline has.",
    "BELOW FLOOR": "A critical category has an answer under its floor, and so has the baseline.",
    "INCONCLUSIVE": "Neither is shown: that the candidate is worse, or that it is not.",
    "NO VERDICT": "Too little could be judged, or the run broke off: nothing is decided.",
    "PARTIAL": "Only a part of the bench was run: nothing is decided.",
}
# An answer is not ours. Should a tag of one ever get through, the browser runs and loads nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(
    decision: Decision,
    rows: Sequence[Row],
    about: Mapping[str, Any],
    questions: Iterable[Question] = (),
    more: Sequence[str] = (),
) -> Iterator[str]:
    """The page in parts, a question at a time.

    Of a large bench the questions that lost most are there whole, and the others as rows of a table.

    Args:
        rows: In the order of the bench.
        about: What was run, as in `result.json`.
        questions: What the rows are about.
        more: Further sections, as lines of Markdown; they come after the categories.
    """
    asked = {question.question_id: question for question in questions}
    whole = _worst_first(rows)[:WHOLE]
    anchors = {rows[index].question_id: f"q{index + 1}" for index in whole}
    yield from _head(decision, about)
    yield from _endpoints(decision)
    yield from _categories(decision)
    yield from _section(*markup(more)) if more else ()
    yield from _failures(rows, anchors)
    yield f"<section><h2>Questions</h2>{_which(len(whole), len(rows))}\n"
    language = about.get("bench", {}).get("language", "")
    for index in whole:
        row = rows[index]
        yield exchange(row, asked.get(row.question_id), anchors[row.question_id], language)
    yield "</section>"
    yield from _others(rows, set(whole))
    yield from _run(about)
    yield "</main></body></html>\n"


def _worst_first(rows: Sequence[Row]) -> list[int]:
    """Indices of the rows: what lost most, what could not be judged, then the rest."""

    def rank(index: int) -> tuple[int, float]:
        difference = rows[index].difference
        if difference is None:
            return (1, 0.0)
        return (0 if difference < 0 else 2, difference)

    return sorted(range(len(rows)), key=rank)


def _head(decision: Decision, about: Mapping[str, Any]) -> Iterator[str]:
    style = (files("mtbench_pytest.report.html") / "page.css").read_text("utf-8")
    title = f"{text(decision.bench)}: {decision.outcome}"
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title>\n<style>\n{style}</style></head>\n<body><main>\n"
    )
    outcome = decision.outcome.replace(" ", "-").lower()
    yield (
        f'<header class="{outcome}"><h1>{text(decision.bench)} '
        f'<span class="outcome">{decision.outcome}</span></h1>'
        f'<p class="meaning">{_MEANING[decision.outcome]}</p>'
        f"<ul>{''.join(f'<li>{text(reason)}</li>' for reason in decision.reasons)}</ul></header>\n"
    )
    yield '<dl class="parties">'
    for party, name, spec in party_cells(about):
        yield f"<div><dt>{party}</dt><dd>{text(name)}<br><code>{text(spec)}</code></dd></div>"
    judged = f"{decision.judged} of {decision.expected}"
    yield f"<div><dt>questions</dt><dd>{judged}<br>judged on both sides</dd></div></dl>\n"


def _section(*parts: str) -> Iterator[str]:
    yield "<section>"
    yield from parts
    yield "</section>\n"


def _endpoints(decision: Decision) -> Iterator[str]:
    yield '<section><h2>Endpoints</h2><div class="endpoints">'
    yield from map(_endpoint, decision.endpoints)
    yield (
        '</div><p class="quiet">The dot is the mean over questions, the bar its one-sided 95 % bounds, the '
        "thin line reaches to the bounds that decide. To pass, its left end must lie right of the margin.</p>"
    )
    if decision.collapses.dropped:
        yield f"<p>{text(explain_collapses(decision.collapses))}.</p>"
    yield "</section>\n"


def _endpoint(endpoint: Endpoint) -> str:
    show, bounds = shown_as(endpoint), endpoint.bounds
    equal = "0" if endpoint.name == "grade" else show(endpoint.neutral)
    words = (f"margin {show(endpoint.line)}", f"no difference {equal}")
    drawn = endpoint_interval(endpoint, explain(endpoint), *words)
    mean = show(bounds.mean) if math.isfinite(bounds.mean) else "unknown"
    known = math.isfinite(bounds.lower)
    range_ = f"{show(bounds.lower)} … {show(bounds.upper)}" if known else "no bounds"
    return (
        f'<div class="endpoint"><h3>{endpoint_name(endpoint)} '
        f'<span class="standing {endpoint.standing}">{endpoint.standing}</span></h3>'
        f'<p><span class="value">{mean}</span> <span class="quiet">{range_}, {bounds.n} questions</span></p>'
        f"{drawn}<p>{text(explain(endpoint))}</p></div>"
    )


def _categories(decision: Decision) -> Iterator[str]:
    lines = decision.categories
    grade = next((endpoint for endpoint in decision.endpoints if endpoint.name == "grade"), None)
    yield '<section><h2>Categories</h2><div class="wide"><table class="categories"><thead><tr>'
    yield "".join(cell("th", head) for head in CATEGORY)
    yield "<th></th></tr></thead><tbody>\n"
    if grade is not None:
        known = [line.difference for line in lines if line.difference]
        scale = scale_of(known, grade.line, grade.neutral)
        for line in lines:
            cells = "".join(cell("td", content) for content in category_cells(line))
            yield f'<tr>{cells}<td class="drawn">{_drawn(line, scale)}</td></tr>\n'
    yield "</tbody></table></div></section>\n"


def _drawn(line: CategoryLine, scale: Scale) -> str:
    bounds = line.difference
    if bounds is None:
        return ""
    worse, fine = line.dropped, bounds.lower > scale.floor
    standing: Standing = "non-inferior" if fine else "regressed" if worse else "undecided"
    return interval(bounds, scale, standing, f"{line.category}: {points(bounds.mean)}")


def _failures(rows: Sequence[Row], anchors: Mapping[Any, str]) -> Iterator[str]:
    failed = [(row, failure) for row in rows for failure in row.failures]
    if not failed:
        return
    yield f"<section><h2>Failures</h2><p>{len(failed)} could not be had; none of them is a grade.</p><ul>"
    for row, failure in failed[:_FAILURES]:
        name = text(f"question {row.question_id}")
        anchor = anchors.get(row.question_id)
        linked = f'<a href="#{anchor}">{name}</a>' if anchor else name
        place = text(failure_place(failure, row))
        yield f"<li>{failure_kind(failure)} of {linked}{place}: {text(failure.reason)}</li>\n"
    yield "</ul>"
    if (rest := len(failed) - _FAILURES) > 0:
        yield f'<p class="quiet">{rest:,} more stand in result.json.</p>'
    yield "</section>\n"


def _which(whole: int, all_: int) -> str:
    """Which questions open, in words."""
    order = "what lost most first, then what could not be judged"
    if whole == all_:
        return f'<p class="quiet">Each opens to what was said: {order}.</p>'
    return (
        f'<p class="quiet">{whole} of {all_:,} questions open to what was said: {order}. The others are in '
        "the table below; their texts stand in model_answer/ and model_judgment/ beside this page.</p>"
    )


def _others(rows: Sequence[Row], whole: set[int]) -> Iterator[str]:
    if len(whole) == len(rows):
        return
    yield f"<section><h2>The other {len(rows) - len(whole):,} questions</h2>"
    yield from table(QUESTION, (question_cells(row) for n, row in enumerate(rows) if n not in whole))
    yield "</section>\n"


def _run(about: Mapping[str, Any]) -> Iterator[str]:
    """How it was run: all that the answers and judgments depend on."""
    parties = {name: about[name].get("identity") for name in ("candidate", "baseline", "judge")}
    yield "<section><h2>How it was run</h2>"
    for name, given in {
        "settings": about.get("settings"),
        "bench": about.get("bench"),
        **parties,
        "versions": about.get("versions"),
        "time": {key: about[key] for key in ("started", "finished") if key in about},
    }.items():
        if given:
            yield f'<details class="aside"><summary>{name}</summary>'
            yield from table(("", "value"), _flat(given))
            yield "</details>"
    yield "</section>\n"


def _flat(given: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of nested mappings, one a row."""
    if isinstance(given, Mapping) and given:
        for key, value in given.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
        return
    shown = "-" if given is None else str(given)
    yield (name, shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…")
