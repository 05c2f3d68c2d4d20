"""ROUGE and BLEU of models' replies: for `result.json`, for the report and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.findings.overlap import ORDERS, ROUGE, Metrics, compared, metrics

ByModel = Mapping[str, Sequence[Metrics]]
_MOST = 2000  # replies a side in a run's report: ROUGE-L takes up to 0.05 s each

_PARTS = ("r", "p", "f")
HEADS = (*(f"R{kind}-{part}" for kind in ROUGE for part in _PARTS), *(f"BLEU-{order}" for order in ORDERS))
_NOTE = (
    "Overlap of words with the reference answers, from 0 to 1: recall, precision and F of ROUGE-1, -2 and -L "
    "as means over the replies, BLEU over all of a subset's replies at once. It decides nothing."
)


def overlap(
    questions: Sequence[Question], replies: Mapping[str, Mapping[QuestionId, Sequence[str]]]
) -> ByModel | str:
    """The metrics of a run's report, or why there are none.

    Args:
        questions: That the run asked.
        replies: By model and question id, one a turn.
    """
    if (wanted := compared(questions)) > _MOST:
        return f"{wanted} replies a side are more than a run compares: see `mtbench metrics`"
    try:
        return {model: metrics(questions, said) for model, said in replies.items()} if wanted else {}
    except MTBenchError as error:
        return str(error)


def overlap_result(found: ByModel | str) -> dict[str, Any]:
    """As in `result.json`: by model, one object a subset; `bleu` is a list from BLEU-1 to BLEU-4."""
    if isinstance(found, str):
        return {"error": found}
    return {model: [asdict(line) for line in lines] for model, lines in found.items()}


def overlap_markdown(found: ByModel | str) -> Iterator[str]:
    """The report's section; nothing where nothing was compared."""
    if not found:
        return
    if isinstance(found, str):
        yield from ("", "## ROUGE and BLEU", "", found)
        return
    yield from ("", "## ROUGE and BLEU", "", _NOTE, "")
    yield f"| | subset | replies | {' | '.join(HEADS)} |"
    yield f"|{' --- |' * (len(HEADS) + 3)}"
    for model, lines in found.items():
        for line in lines:
            yield f"| {model} | {line.subset} | {_replies(line)} | {' | '.join(_figures(line))} |"


def overlap_lines(found: ByModel) -> Iterator[str]:
    """A table for the terminal."""
    lines = [(model, line) for model, lines in found.items() for line in lines]
    width = max(len("model"), *(len(model) for model, _ in lines))
    subset = max(len("subset"), *(len(line.subset) for _, line in lines))
    yield f"{'model':<{width}}  {'subset':<{subset}}  replies" + "".join(f"{head:>7}" for head in HEADS)
    for model, line in lines:
        figures = "".join(f"{figure:>7}" for figure in _figures(line))
        yield f"{model:<{width}}  {line.subset:<{subset}}  {line.replies:>7}" + figures
    for model, own in found.items():
        if own[-1].missing:
            yield f"{model}: no reply to {own[-1].missing} of {own[-1].missing + own[-1].replies} references"
    for signature in dict.fromkeys(line.signature for _, line in lines if line.signature):
        yield f"sacrebleu {signature}"


def _replies(line: Metrics) -> str:
    return f"{line.replies}, {line.missing} missing" if line.missing else str(line.replies)


def _figures(line: Metrics) -> list[str]:
    if not line.replies:
        return ["-"] * len(HEADS)
    rouge = (line.rouge[kind] for kind in ROUGE)
    values = [value for overlap in rouge for value in (overlap.recall, overlap.precision, overlap.f)]
    return [f"{value:.3f}" for value in (*values, *line.bleu)]
