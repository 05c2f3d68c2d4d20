"""ROUGE and BLEU against hand arithmetic, and the words they are made of."""

from __future__ import annotations

import json
import sys
from dataclasses import astuple
from math import exp
from pathlib import Path

import pytest
from rouge_score.tokenizers import DefaultTokenizer

from mtbench_pytest.cli import main
from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.jsonl import dump_jsonl
from mtbench_pytest.core.records import Question
from mtbench_pytest.findings.overlap import Metrics, Words, metrics, overlap, overlap_markdown, overlap_result

REFERENCE = "the cat sat on the mat"
REPLY = "the cat lay on a mat"


def of(reply: str, reference: str) -> Metrics:
    (found,) = metrics([Question("faq-1", "faq", ("ask",), (reference,))], {"faq-1": [reply]})
    return found


def test_rouge_by_hand() -> None:
    """Of six words on each side four are shared; of five pairs "the cat"; in order: the cat … on … mat."""
    rouge = of(REPLY, REFERENCE).rouge
    assert astuple(rouge["1"]) == pytest.approx((4 / 6, 4 / 6, 4 / 6))
    assert astuple(rouge["2"]) == pytest.approx((1 / 5, 1 / 5, 1 / 5))
    assert astuple(rouge["L"]) == pytest.approx((4 / 6, 4 / 6, 4 / 6))


def test_recall_is_of_the_reference_and_precision_of_the_reply() -> None:
    assert astuple(of("Oslo", "Oslo in Norway").rouge["1"]) == pytest.approx((1 / 3, 1, 1 / 2))


def test_bleu_by_hand() -> None:
    """Geometric means of the n-gram precisions 4/6, 1/5; no triple is shared, so smoothing counts 1/(2·4)."""
    bleu = of(REPLY, REFERENCE).bleu
    assert bleu[0] == pytest.approx(4 / 6)
    assert bleu[1] == pytest.approx((4 / 6 * 1 / 5) ** (1 / 2))
    assert bleu[2] == pytest.approx((4 / 6 * 1 / 5 * 1 / 8) ** (1 / 3))
    assert bleu[3] == pytest.approx((4 / 6 * 1 / 5 * 1 / 8 * 1 / 12) ** (1 / 4))


def test_a_short_reply_pays_bleus_brevity_penalty() -> None:
    assert of("the cat", REFERENCE).bleu[0] == pytest.approx(exp(1 - 6 / 2))


def test_bleu_is_of_the_corpus_and_rouge_a_mean() -> None:
    """Three of three words and one of one: 4 of 4; with a reply of nothing shared 4 of 6."""
    questions = [Question(n, "faq", ("ask",), (text,)) for n, text in enumerate(("a b c", "d", "e f"))]
    (found,) = metrics(questions, {0: ["a b c"], 1: ["d"], 2: ["x y"]})
    assert found.bleu[0] == pytest.approx(4 / 6)
    assert found.rouge["1"].f == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "text",
    ["The cat's 3.5 mats, don't!", "snake_case and CamelCase", "", " --- ", "a\nb\tc", "e-mail: a@b.de"],
)
def test_words_of_ascii_text_are_rouge_scores_own(text: str) -> None:
    assert Words().tokenize(text) == DefaultTokenizer().tokenize(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Über die Straße", ["über", "die", "straße"]),
        ("나는 학교에 간다.", ["나는", "학교에", "간다"]),
        ("我们去北京旅游，用Python 3。", ["我们", "去", "北京", "旅游", "用", "python", "3"]),
        ("これは本", ["こ", "れ", "は", "本"]),
    ],
)
def test_words_of_other_scripts(text: str, words: list[str]) -> None:
    assert Words().tokenize(text) == words


def test_chinese_is_compared_by_words_and_characters() -> None:
    """ROUGE: 首都 是 北京 of 中国 的 首都 是 北京. BLEU: five characters of five, of eight."""
    found = of("首都是北京", "中国的首都是北京")
    assert astuple(found.rouge["1"]) == pytest.approx((3 / 5, 1, 3 / 4))
    assert found.bleu[0] == pytest.approx(exp(1 - 8 / 5))
    assert "tok:zh" in found.signature
    assert "tok:13a" in of(REPLY, REFERENCE).signature


def test_a_line_a_subset_and_one_for_all() -> None:
    questions = [
        Question("a-1", "a", ("ask",), ("one two",)),
        Question("b-1", "b", ("ask", "more"), ("", "three")),
        Question("b-2", "b", ("ask",), ("four",)),
        Question("c-1", "c", ("ask",)),
    ]
    found = metrics(questions, {"a-1": ["one two"], "b-1": ["unasked", "three"], "c-1": ["no reference"]})
    counts = [(line.subset, line.replies, line.missing) for line in found]
    assert counts == [("a", 1, 0), ("b", 1, 1), ("all", 2, 1)], "a missing reply is in no mean"
    assert {line.rouge["1"].f for line in found} == {1}


def test_a_model_without_any_reply_has_no_figures() -> None:
    (found,) = metrics([Question(1, "faq", ("ask",), ("one",))], {})
    assert found == Metrics("faq", 0, 1, {}, (), "")
    assert list(overlap_markdown({"new": [found]}))[-1] == f"| new | faq | 0, 1 missing |{' - |' * 13}"


def test_a_library_that_is_absent_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(MTBenchError, match=r"not installed; expected pip install 'mtbench-pytest\[me"):
        of("a", "b")
    found = overlap([Question(1, "faq", ("ask",), ("one",))], {"candidate": {1: ["one"]}})
    assert "mtbench-pytest[metrics]" in str(found)
    assert overlap_result(found) == {"error": found}
    assert list(overlap_markdown(found))[-1] == found


def test_a_run_of_very_many_replies_leaves_it_to_the_command() -> None:
    questions = [Question(n, "faq", ("ask",), ("one",)) for n in range(2001)]
    assert overlap(questions, {}) == "2001 replies a side are more than a run compares: see `mtbench metrics`"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a bench `qa` and answers of two models."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "qa").mkdir()
    lines = [{"query": "Norway?", "response": "Oslo"}, {"query": "Spain?", "response": "Madrid"}]
    (tmp_path / "qa/places.jsonl").write_text(dump_jsonl(lines))
    for model, replies in {"new": ["Oslo", "<think>hm</think>Madrid"], "old": ["Oslo"]}.items():
        rows = [
            {"question_id": f"places-{n}", "choices": [{"turns": [text]}]}
            for n, text in enumerate(replies, 1)
        ]
        (tmp_path / f"{model}.jsonl").write_text(dump_jsonl(rows))
    return tmp_path


@pytest.mark.usefixtures("home")
def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "qa", "--answers", "new.jsonl", "--answers", "old.jsonl"]) == 0
    head, new, old, missing, signature = capsys.readouterr().out.splitlines()
    assert head.split() == [
        *("model", "subset", "replies", "R1-r", "R1-p", "R1-f", "R2-r", "R2-p", "R2-f"),
        *("RL-r", "RL-p", "RL-f", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"),
    ]
    assert new.split()[:6] == ["new", "places", "2", "1.000", "1.000", "1.000"], "reasoning is no reply"
    assert old.split()[:3] == ["old", "places", "1"]
    assert missing == "old: no reply to 1 of 2 references"
    assert signature.startswith("sacrebleu nrefs:1|")


@pytest.mark.usefixtures("home")
def test_the_command_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "qa", "--answers", ".", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"new", "old"}
    assert found["new"][0]["rouge"]["L"] == {"recall": 1.0, "precision": 1.0, "f": 1.0}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["qa"], "mtbench-report/model_answer: no answers there; expected a file of model answers"),
        (["qa", "--answers", "gone.jsonl"], "gone.jsonl: no answers there"),
        (["qa", "--answers", "qa/places.jsonl"], "places.jsonl:1: no 'question_id'"),
        (["sales_zh", "--answers", "new.jsonl"], "bench sales_zh: no reference answers"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    assert main(["metrics", *arguments]) == 2
    assert told in capsys.readouterr().err
