"""ROUGE and BLEU of replies against reference answers: overlap of words, no judgment of what they say.

ROUGE (Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries) is rouge-score's, BLEU (Papineni et
al. 2002) sacrebleu's (Post 2018, A Call for Clarity in Reporting BLEU Scores).
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any

from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.imports import library
from mtbench_pytest.core.records import SIDES, Question, QuestionId
from mtbench_pytest.findings.base import Facts

ALL = "all"
ORDERS = (1, 2, 3, 4)
ROUGE = ("1", "2", "L")
_EXTRA = ("metrics", "ROUGE and BLEU")

_HAN = "\u3400-\u9fff\uf900-\ufaff"
# Scripts without spaces between words, for which there is no word list here: kana, Thai, Lao, Burmese, Khmer.
_UNSPACED = "\u3040-\u30ff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORDS = re.compile(rf"[{_HAN}]+|[{_UNSPACED}]|[^\W_{_HAN}{_UNSPACED}]+")
_IS_HAN = re.compile(f"[{_HAN}]")

_MOST = 2000  # replies a side in a run's report: ROUGE-L takes up to 0.05 s each

_PARTS = ("r", "p", "f")

HEADS = (*(f"R{kind}-{part}" for kind in ROUGE for part in _PARTS), *(f"BLEU-{order}" for order in ORDERS))

_NOTE = (
    "Overlap of words with the reference answers, from 0 to 1: recall, precision and F of ROUGE-1, -2 and -L "
    "as means over the replies, BLEU over all of a subset's replies at once. It decides nothing."
)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Recall, precision and their harmonic mean, from 0 to 1."""

    recall: float
    precision: float
    f: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of one model on one subset.

    Attributes:
        subset: A category, or "all".
        replies: How many were compared: one for each turn that has a reference.
        missing: References without a reply; they are in no figure.
        rouge: By "1", "2", "L": means over the replies; empty where none was compared.
        bleu: BLEU-1 to BLEU-4 of all replies as one corpus, from 0 to 1; empty where none was compared.
        signature: How sacrebleu got them; with it figures of other programs can be compared.
    """

    subset: str
    replies: int
    missing: int
    rouge: Mapping[str, Overlap]
    bleu: tuple[float, ...]
    signature: str


ByModel = Mapping[str, Sequence[Metrics]]


Pair = tuple[str, str]  # reply and reference


class Words:
    """Words for ROUGE: as rouge-score's own tokenizer has them, in any script.

    That one knows ASCII alone. Here a run of letters and digits is a word and a run of Chinese is cut by
    jieba; of other scripts without spaces every character is one. Case makes no difference.
    """

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        return [word for run in _WORDS.findall(text.lower()) for word in self._cut(run)]

    def _cut(self, run: str) -> list[str]:
        return _chinese()(run) if _IS_HAN.match(run) else [run]


def compared(questions: Sequence[Question]) -> int:
    """How many replies a model's metrics rest on."""
    return sum(sum(map(bool, question.reference[: len(question.turns)])) for question in questions)


def metrics(
    questions: Sequence[Question], replies: Mapping[QuestionId, Sequence[str]]
) -> tuple[Metrics, ...]:
    """Compares one model's replies with the references.

    Args:
        questions: Those without a reference are passed over.
        replies: By question id, one a turn; some may be missing.

    Returns:
        A line for each category in the order of the questions, then one for all; empty without references.

    Raises:
        MTBenchError: Where a library is not installed.
    """
    found: dict[str, list[Pair | None]] = {}
    for question in questions:
        said = replies.get(question.question_id, ())
        for at, reference in enumerate(question.reference[: len(question.turns)]):
            if reference:
                pair = (said[at], reference) if at < len(said) else None
                found.setdefault(question.category, []).append(pair)
    if len(found) > 1:
        found[ALL] = [pair for pairs in found.values() for pair in pairs]
    return tuple(_of_subset(subset, pairs) for subset, pairs in found.items())


def _of_subset(subset: str, pairs: Sequence[Pair | None]) -> Metrics:
    known = [pair for pair in pairs if pair is not None]
    missing = len(pairs) - len(known)
    if not known:
        return Metrics(subset, 0, missing, {}, (), "")
    bleu, signature = _bleu(known)
    return Metrics(subset, len(known), missing, _rouge(known), bleu, signature)


def _rouge(pairs: Sequence[Pair]) -> dict[str, Overlap]:
    kinds = [f"rouge{kind}" for kind in ROUGE]
    scorer = library("rouge_score.rouge_scorer", *_EXTRA).RougeScorer(kinds, tokenizer=Words())
    scores = [scorer.score(reference, reply) for reply, reference in pairs]
    return {
        kind: Overlap(
            *(
                sum(float(getattr(score[f"rouge{kind}"], part)) for score in scores) / len(scores)
                for part in ("recall", "precision", "fmeasure")
            )
        )
        for kind in ROUGE
    }


def _bleu(pairs: Sequence[Pair]) -> tuple[tuple[float, ...], str]:
    """Cumulative BLEU up to each order; where most references are Chinese, over characters as in WMT."""
    sacrebleu = library("sacrebleu.metrics", *_EXTRA)
    replies, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    chinese = sum(bool(_IS_HAN.search(text)) for text in references)
    tokenize = "zh" if 2 * chinese > len(references) else "13a"
    values = []
    for order in ORDERS:
        bleu = sacrebleu.BLEU(max_ngram_order=order, tokenize=tokenize, force=True)
        values.append(bleu.corpus_score(replies, [references]).score / 100)
    return tuple(values), str(bleu.get_signature())


@cache
def _chinese() -> Callable[[str], list[str]]:
    """Jieba's cut. Its word list is not read from the shared temporary folder, where anybody may put one."""
    jieba = library("jieba", *_EXTRA)
    logging.getLogger("jieba").setLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.tmp_dir = folder
        tokenizer.initialize()
    cut: Callable[[str], list[str]] = tokenizer.lcut
    return cut


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


class OverlapFinding:
    """ROUGE and BLEU of both sides, where the bench wants them."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def lines(self) -> Sequence[str]:
        """Nothing: they decide nothing."""
        return ()

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        return overlap_markdown(self._overlap)

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`."""
        return {"metrics": overlap_result(self._overlap)}

    @cached_property
    def _overlap(self) -> ByModel | str:
        """By side, or why there are none; empty where the bench does not want them."""
        facts = self._facts
        if not facts.bench.metrics:
            return {}
        replies: dict[str, dict[QuestionId, tuple[str, ...]]] = {
            side: {row.question_id: row.answers[side].turns for row in facts.rows if side in row.answers}
            for side in SIDES
        }
        return overlap([facts.by_id[row.question_id] for row in facts.rows], replies)
