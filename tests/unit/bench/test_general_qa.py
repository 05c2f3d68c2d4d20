"""EvalScope's `general_qa` files as a bench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.lint import lint
from mtbench_pytest.bench.locate import bench_beside, find_bench
from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.jsonl import dump_jsonl
from mtbench_pytest.core.records import Message, Question

OSLO = {"query": "What is the capital of Norway?", "response": "Oslo is the capital of Norway."}
TALK = [
    {"role": "user", "content": "Name a river."},
    {"role": "assistant", "content": "The Rhine."},
    {"role": "user", "content": "In which sea does it end?"},
]


def bench(folder: Path, **subsets: list[dict[str, Any]]) -> Path:
    for name, lines in subsets.items():
        (folder / f"{name}.jsonl").write_text(dump_jsonl(lines), "utf-8")
    return folder


def only(folder: Path, line: dict[str, Any]) -> Question:
    (question,) = load_bench(bench(folder, faq=[line])).questions
    return question


def test_each_subset_is_a_category(tmp_path: Path) -> None:
    loaded = load_bench(bench(tmp_path, places=[OSLO, OSLO | {"query": "And of Spain?"}], small=[OSLO]))
    asked = [(question.question_id, question.category) for question in loaded.questions]
    assert asked == [("places-1", "places"), ("places-2", "places"), ("small-1", "small")]
    assert loaded.config.reference_categories == {"places", "small"}, "judged against the responses"
    assert loaded.metrics


@pytest.mark.parametrize("line", [OSLO, {"question": OSLO["query"], "answer": OSLO["response"]}])
def test_a_query_is_one_turn(tmp_path: Path, line: dict[str, Any]) -> None:
    question = only(tmp_path, line)
    assert question.turns == ("What is the capital of Norway?",)
    assert question.reference == ("Oslo is the capital of Norway.",)
    assert question.opening == ()


def test_a_system_prompt_stands_in_front(tmp_path: Path) -> None:
    question = only(tmp_path, OSLO | {"system": "Be brief."})
    assert question.messages()[0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize("response", [None, "", "  "])
def test_without_a_response_there_is_no_reference(tmp_path: Path, response: str | None) -> None:
    assert only(tmp_path, {"query": "Say hello.", "response": response}).reference == ()


def test_messages_of_the_user_alone_are_turns(tmp_path: Path) -> None:
    said = [{"role": "user", "content": text} for text in ("Name a river.", "Where is it?")]
    system = {"role": "system", "content": "Be brief."}
    question = only(tmp_path, {"messages": [system, *said], "response": "In Germany."})
    assert question.turns == ("Name a river.", "Where is it?")
    assert question.opening == (Message("system", "Be brief."),)
    assert question.reference == ("", "In Germany."), "the response is to the last turn"


def test_a_conversation_stands_in_front_of_its_last_turn(tmp_path: Path) -> None:
    question = only(tmp_path, {"messages": TALK, "response": "The North Sea."})
    assert question.opening == (Message("user", "Name a river."), Message("assistant", "The Rhine."))
    assert question.turns == ("In which sea does it end?",)
    assert question.reference == ("The North Sea.",)


def test_the_last_answer_of_a_conversation_is_its_response(tmp_path: Path) -> None:
    ended = [*TALK, {"role": "assistant", "content": "The North Sea."}]
    assert only(tmp_path, {"messages": ended}).reference == ("The North Sea.",)
    assert only(tmp_path, {"messages": ended, "response": "Its own."}).reference == ("Its own.",)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"query": ""}, "'query' is blank; expected what the user asks"),
        ({"query": 7}, "'query' is 7; expected a text"),
        ({"query": "Hi", "response": ["a"]}, "'response' is [\"a\"]; expected a text"),
        ({"query": "Hi", "messages": TALK}, "both; expected 'query', or 'messages': one of them"),
        ({"prompt": "Hi"}, "the fields are [\"prompt\"]; expected 'query', or 'messages': one of them"),
        ({"messages": []}, "no message of the user in 'messages'; expected at least one"),
        ({"messages": "Hi"}, "'messages' is \"Hi\"; expected a list of messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "expected role system, user or assistant"),
    ],
)
def test_mistakes_are_told_with_file_and_line(tmp_path: Path, line: dict[str, Any], told: str) -> None:
    folder = bench(tmp_path, faq=[OSLO, line])
    with pytest.raises(FileError) as error:
        load_bench(folder)
    assert f"{folder / 'faq.jsonl'}:2: " in str(error.value)
    assert told in str(error.value)
    assert [(finding.line, finding.level) for finding in lint(folder)] == [(2, "error")]


def test_a_broken_first_line_is_no_reason_to_pass_over_a_subset(tmp_path: Path) -> None:
    folder = bench(tmp_path, faq=[OSLO])
    (folder / "broken.jsonl").write_text('{"query": \n')
    with pytest.raises(FileError, match=r"broken\.jsonl:1: not JSON"):
        load_bench(find_bench(folder))


def test_other_files_may_lie_beside(tmp_path: Path) -> None:
    folder = bench(tmp_path, faq=[OSLO], new=[{"question_id": 1, "choices": [{"turns": ["a"]}]}])
    (folder / ".hidden.jsonl").write_text('{"query": "x"}\n')
    assert len(load_bench(folder).questions) == 1
    assert bench_beside(folder) == folder


def test_a_folder_without_subsets_is_no_bench(tmp_path: Path) -> None:
    bench(tmp_path, new=[{"question_id": 1, "choices": [{"turns": ["a"]}]}])
    with pytest.raises(SpecError, match=r"no question\.jsonl there"):
        find_bench(tmp_path)


def test_fastchats_layout_goes_first(tmp_path: Path) -> None:
    own = {"question_id": 1, "category": "writing", "turns": ["Write."]}
    loaded = load_bench(bench(tmp_path, question=[own], faq=[OSLO]))
    assert [question.question_id for question in loaded.questions] == [1]
    assert not loaded.metrics


def test_bench_toml_is_read_as_anywhere(tmp_path: Path) -> None:
    folder = bench(tmp_path, places=[OSLO], small=[OSLO])
    (folder / "bench.toml").write_text(
        'reference_categories = ["places"]\nmetrics = false\n[samples]\nsmoke = ["small-1"]\n'
    )
    loaded = load_bench(folder)
    assert loaded.config.reference_categories == {"places"}
    assert not loaded.metrics
    assert [question.question_id for question in loaded.sample("smoke", 0)] == ["small-1"]


def test_references_of_a_file_win(tmp_path: Path) -> None:
    folder = bench(tmp_path, places=[OSLO])
    (folder / "reference_answer").mkdir()
    bench(folder / "reference_answer", gpt=[{"question_id": "places-1", "choices": [{"turns": ["Oslo."]}]}])
    assert load_bench(folder).questions[0].reference == ("Oslo.",)


def test_a_question_in_two_subsets_is_told_with_both_places(tmp_path: Path) -> None:
    folder = bench(tmp_path, places=[OSLO], small=[OSLO])
    (finding,) = lint(folder)
    assert (finding.path.name, finding.text) == ("small.jsonl", "the same turns as places.jsonl:1")
