"""A bench folder is read whole or refused with file and line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.bench import load_bench, read_choices
from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.bench.prompts import builtin_prompts
from mtbench_pytest.core.errors import FileError, SpecError
from tests.unit.factories import (
    answer_line,
    bench,
    loaded,
    question,
    question_line,
    write_bench,
    write_jsonl,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bench"


@pytest.mark.parametrize(
    ("name", "referenced"),
    [("mt_bench", 30), ("mt_bench_ko", 30), ("mt_bench_de", 80), ("mt_bench_llama3", 30)],
)
def test_public_benches_load(data: Path, name: str, referenced: int) -> None:
    read = load_bench(data / name)
    assert read.name == name
    assert len(read.questions) == 80
    assert len({q.category for q in read.questions}) == 8
    from_file = read_choices(data / name / "reference_answer" / "gpt-4.jsonl")
    found = {key: tuple(choice["turns"]) for key, choice in from_file.items()}
    assert sum(q.reference == found.get(q.question_id) for q in read.questions) == referenced
    own = {"mt_bench_ko": builtin_prompts("ko"), "mt_bench_de": builtin_prompts("de")}
    assert read.prompts_path == own.get(name, data / "judge_prompts.jsonl")
    assert len(read.prompts.templates) == 8


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"question_id": 2, "category": "c"}, "no 'turns'"),
        ({"question_id": 2, "turns": ["t"]}, "no 'category'"),
        ({"category": "c", "turns": ["t"]}, "no 'question_id'"),
        (question_line(2, turns=[]), "'turns' is []"),
        (question_line(2, turns="Hello"), "'turns' is \"Hello\""),
        (question_line(2, turns=["a", 3]), "'turns' is"),
        (question_line(2, turns=["a", " \n"]), "turn 2 is blank"),
        (question_line(2, category=7), "'category' is 7"),
        (question_line(True), "'question_id' is true"),
        (question_line(2.5), "'question_id' is 2.5"),
        (question_line(1), "question_id 1 stands in line 1 too"),
        (question_line(2, reference="42"), "'reference' is \"42\""),
        (question_line(2, checks={"contains": "a"}), "'checks' is"),
        (question_line(2, checks=[[]]), "'checks' is [[]]"),
        (question_line(2, checks=[[], {"contains": "a"}]), "'checks' is"),
        (question_line(2, checks=[[], [{"contain": "a"}]]), 'check {"contain": "a"} of turn 2'),
        (question_line(2, checks=[[{"contains": 3}], []]), 'check {"contains": 3} of turn 1'),
        (question_line(2, checks=[["contains"], []]), 'check "contains" of turn 1'),
        (question_line(2, checks=[[3], []]), "check 3 of turn 1"),
    ],
)
def test_a_bad_question_is_refused(folder: Path, line: dict[str, Any], problem: str) -> None:
    with pytest.raises(FileError) as error:
        loaded(folder, question_line(1), line)
    assert str(error.value).startswith(f"{folder / 'question.jsonl'}:2: {problem}")
    assert "\n" not in str(error.value)


def test_a_bench_without_questions_is_refused(folder: Path) -> None:
    write_bench(folder)
    (folder / "question.jsonl").write_text("\n\n")
    with pytest.raises(FileError, match=r"question\.jsonl: no questions"):
        load_bench(folder)


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("speed = 3", "unknown key 'speed'"),
        ("[margin]\nrun = 1", "unknown key 'margin'"),
        ("language = 3", "language = 3"),
        ("language = ", "not TOML"),
        ("[margins]\nrunn = 1", "unknown key 'runn' in [margins]"),
        ("[margins]\nrun = -0.5", "run = -0.5 in [margins]"),
        ("[margins]\nrun = '0.5'", 'run = "0.5" in [margins]'),
        ("[margins]\nrun = true", "run = true in [margins]"),
        ("[margins]\nrun = inf", "run = "),
        ("[margins]\nrun = nan", "run = "),
        ("[margins]\nrun = 20", "run = 20 in [margins]; expected points from 0 to 9"),
        ("[margins]\nwin_rate = 10", "win_rate = 10 in [margins]; expected a share from 0 to 0.5"),
        ("[temperature]\nmath = 'hot'", 'math = "hot" in [temperature]'),
        ("reference_categories = [3]", "reference_categories = [3]"),
        ("reference_categories = 'math'", 'reference_categories = "math"'),
        ("[categories]\nwriting = 1", "categories.writing = 1"),
        ("[categories.writing]\ncritical = 1", "critical = 1 in [categories.writing]"),
        ("[categories.writing]\nmargin = 1", "unknown key 'margin' in [categories.writing]"),
        ("[categories.writing]\nquestion_margin = -1", "question_margin = -1 in [categories.writing]"),
        ("[categories.wirting]\ncritical = true", "[categories.wirting]; expected one of writing"),
        ("[samples]\nsmoke = []", "smoke = [] in [samples]"),
        ("[samples]\nsmoke = 3", "smoke = 3 in [samples]"),
        ("[samples]\nsmoke = [1, 7]", "sample 'smoke' names question 7"),
        ("[samples]\nsmoke = ['1']", "sample 'smoke' names question '1'"),
        ("[samples]\nsmoke = [true]", "smoke = [true]"),
        ("[samples]\nsmoke = [1.0]", "smoke = [1.0]"),
    ],
)
def test_a_bad_bench_toml_is_refused(folder: Path, toml: str, problem: str) -> None:
    with pytest.raises(FileError) as error:
        loaded(folder, question_line(1), toml=toml)
    assert str(error.value).startswith(f"{folder / 'bench.toml'}: {problem}")
    assert "\n" not in str(error.value)


def test_bench_toml_is_read(folder: Path) -> None:
    read = loaded(
        folder,
        question_line(1),
        question_line("b"),
        toml='language = "de"\nreference_categories = ["writing"]\n[temperature]\nwriting = 0\n'
        "[margins]\nrun = 1\nwin_rate = 0.2\n[categories.writing]\ncritical = true\nquestion_margin = 2\n"
        '[samples]\nsmoke = ["b"]\n',
    )
    assert read.config.language == "de"
    assert read.config.margins == {"run": 1.0, "win_rate": 0.2}
    assert read.config.categories == {"writing": CategoryRules(critical=True, question_margin=2.0)}
    assert read.prompts.reference_categories == {"writing"}
    assert (read.temperature("writing"), read.temperature("math")) == (0.0, 0.0)
    assert [q.question_id for q in read.sample("smoke", 0)] == ["b"]


# FastChat's llm_judge/common.py, temperature_config.
@pytest.mark.parametrize(
    ("category", "temperature"),
    [("writing", 0.7), ("roleplay", 0.7), ("extraction", 0), ("math", 0), ("coding", 0), ("reasoning", 0),
     ("stem", 0.1), ("humanities", 0.1), ("arena-hard-200", 0.7)],
)  # fmt: skip
def test_temperatures_are_fastchats(category: str, temperature: float) -> None:
    assert bench([question()]).temperature(category) == temperature


# Prompts.


def prompt_line(**fields: Any) -> dict[str, Any]:
    text = "{question} {answer}"
    return {"name": "p", "type": "single", "system_prompt": "", "prompt_template": text, **fields}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (prompt_line(type="double"), 'type "double"'),
        (prompt_line(name=3), "'name' is 3"),
        (prompt_line(prompt_template="{question} {answer} {grade}"), 'prompt "p"; expected placeholders'),
        (prompt_line(name="first"), 'prompt "first" stands twice'),
        (prompt_line(category=None), "'category' is null"),
        ({"name": "p", "type": "single", "prompt_template": "x"}, "no 'system_prompt'"),
    ],
)
def test_a_bad_prompt_is_refused(folder: Path, line: dict[str, Any], problem: str) -> None:
    write_bench(folder)
    write_jsonl(folder / "judge_prompts.jsonl", [prompt_line(name="first"), line])
    with pytest.raises(FileError) as error:
        load_bench(folder)
    assert str(error.value).startswith(f"{folder / 'judge_prompts.jsonl'}:2: {problem}")


def test_a_benchs_own_prompts_win_over_its_parents(folder: Path) -> None:
    write_bench(folder)
    parents = write_jsonl(folder.parent / "judge_prompts.jsonl", [prompt_line()])
    assert load_bench(folder).prompts_path == folder / "judge_prompts.jsonl"
    (folder / "judge_prompts.jsonl").unlink()
    assert load_bench(folder).prompts_path == parents


# References.


def references(folder: Path, **files: str) -> None:
    for name, text in files.items():
        write_jsonl(folder / "reference_answer" / f"{name}.jsonl", [answer_line(1, text, text)])


def test_a_reference_file_wins_over_the_questions_own(folder: Path) -> None:
    references(folder, anybody="from file")
    read = loaded(folder, question_line(1, reference=["own", "own"]), question_line(2, reference=["own"]))
    assert [q.reference for q in read.questions] == [("from file", "from file"), ("own",)]


@pytest.mark.parametrize(
    ("given", "reference"),
    [
        (None, ()),
        ([], ()),
        (["a", ""], ("a",)),
        (["a", None], ("a",)),
        ([None, "b"], ("", "b")),
        ([None, " "], ()),
        (["a", "b"], ("a", "b")),
    ],
)
def test_a_questions_own_reference_may_leave_turns_out(
    folder: Path, given: Any, reference: tuple[str, ...]
) -> None:
    assert loaded(folder, question_line(1, reference=given)).questions[0].reference == reference


def test_of_several_reference_files_gpt_4s_is_taken(folder: Path) -> None:
    references(folder, **{"gpt-3.5": "wrong", "gpt-4": "right"})
    assert loaded(folder).questions[0].reference[0] == "right"


def test_several_reference_files_are_refused_until_one_is_named(folder: Path) -> None:
    references(folder, one="1", two="2")
    with pytest.raises(FileError, match="reference_answer: several files"):
        loaded(folder)
    assert loaded(folder, toml='reference_answer = "two"').questions[0].reference[0] == "2"


def test_a_named_reference_file_must_be_there(folder: Path) -> None:
    with pytest.raises(FileError, match=r"gone\.jsonl: no such file"):
        loaded(folder, toml='reference_answer = "gone"')


@pytest.mark.parametrize(
    "line",
    [
        {"question_id": 1},
        {"question_id": 1, "choices": []},
        {"question_id": 1, "choices": ["text"]},
        {"question_id": 1, "choices": [{"turns": []}]},
        {"question_id": 1, "choices": [{"turns": ["a", None]}]},
        {"question_id": True, "choices": [{"turns": ["a"]}]},
    ],
)
def test_a_bad_answer_line_is_refused(tmp_path: Path, line: dict[str, Any]) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [answer_line(7, "x"), line])
    with pytest.raises(FileError, match=r"a\.jsonl:2: "):
        read_choices(path)


# Samples and finding.


def mixed() -> Any:
    sizes = {"writing": 10, "math": 10, "stem": 3}
    made = [question(f"{c}{n}", c, 1) for c, size in sizes.items() for n in range(size)]
    return bench(made)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(3, {1}), (9, {3}), (15, {3, 6}), (10, {3, 4}), (23, {3, 10})],
)
def test_a_drawn_sample_is_balanced_over_the_categories(count: int, sizes: set[int]) -> None:
    drawn = mixed().sample(str(count), seed=1)
    assert len(drawn) == count
    assert set(Counter(q.category for q in drawn).values()) == sizes


def test_a_draw_is_repeated_by_its_seed_and_kept_in_the_benchs_order() -> None:
    first, again, other = (mixed().sample("9", seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    order = [q.question_id for q in mixed().questions]
    assert [order.index(q.question_id) for q in first] == sorted(order.index(q.question_id) for q in first)


def test_no_category_is_favoured_by_its_place_in_the_file() -> None:
    """One question of three categories: the seed says of which."""
    assert len({mixed().sample("1", seed)[0].category for seed in range(30)}) == 3


def test_a_draw_stays_the_same_from_release_to_release() -> None:
    """A sample is a bench of its own: figures of two runs compare only if it is the same."""
    drawn = [q.question_id for q in mixed().sample("6", seed=0)]
    assert drawn == ["writing1", "writing4", "math1", "math4", "stem1", "stem2"]


@pytest.mark.parametrize("wanted", ["0", "24", "-1", "smoke", "", "1.5", "²"])
def test_a_sample_that_is_not_there_is_refused(wanted: str) -> None:
    with pytest.raises(SpecError, match="no such sample of the bench bench; expected a number from 1 to 23"):
        mixed().sample(wanted, 0)


def test_a_refused_sample_names_those_there_are(folder: Path) -> None:
    with pytest.raises(SpecError, match="a number from 1 to 1, or smoke"):
        loaded(folder, toml="[samples]\nsmoke = [1]").sample("smokey", 0)


def test_a_bench_is_found_by_path_or_shipped_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bench(folder)
    monkeypatch.chdir(folder.parent)
    assert find_bench(Path("bench")) == folder.resolve()
    assert find_bench(folder) == folder.resolve()
    assert find_bench(Path("general")).name == "general"


def test_a_bench_that_is_nowhere_is_refused_with_the_shipped_ones() -> None:
    with pytest.raises(SpecError, match=r"bench nowhere: no question\.jsonl there; .*general"):
        find_bench(Path("nowhere"))


def test_the_digest_tells_changed_questions_and_prompts(tmp_path: Path) -> None:
    one = loaded(tmp_path / "a", question_line(1)).digest
    assert loaded(tmp_path / "b", question_line(1)).digest == one
    assert loaded(tmp_path / "c", question_line(1, turns=["Hello!", "Again."])).digest != one
    folder = write_bench(tmp_path / "d", question_line(1))
    write_jsonl(folder / "judge_prompts.jsonl", [prompt_line()])
    assert load_bench(folder).digest != one
