"""`kind:value?key=val`: parsing, and refusals that help."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import MTBenchError, SpecError
from mtbench_pytest.core.parsers import Parser, choice, json_object, number, whole
from mtbench_pytest.core.specs import Spec, from_python, parse_spec
from mtbench_pytest.judges import build_judge
from mtbench_pytest.models import build_model


@pytest.mark.parametrize(
    ("text", "kind", "value", "params"),
    [
        ("demo", "demo", "", {}),
        ("hf:./ckpt", "hf", "./ckpt", {}),
        ("hf:org/m?dtype=bfloat16&revision=a1", "hf", "org/m", {"dtype": "bfloat16", "revision": "a1"}),
        ("openai:m?base_url=http://h:80/v1?x=1", "openai", "m", {"base_url": "http://h:80/v1?x=1"}),
        ("python:pkg.mod:make?n=2", "python", "pkg.mod:make", {"n": "2"}),
        ("openai:m?stop=a%26b%3Dc%25", "openai", "m", {"stop": "a&b=c%"}),
        ("openai:m?a=x=y", "openai", "m", {"a": "x=y"}),
        ("openai:m?a=", "openai", "m", {"a": ""}),
        ("openai:m?", "openai", "m", {}),
        ("hf:C:\\models\\x", "hf", "C:\\models\\x", {}),
    ],
)  # fmt: skip
def test_parsing(text: str, kind: str, value: str, params: dict[str, str]) -> None:
    spec = parse_spec(text)
    assert (spec.kind, spec.value, spec.params) == (kind, value, params)
    assert str(spec) == text


@pytest.mark.parametrize("text", ["", ":x", " :x", "?a=1", "hf:x?dtype", "hf:x?=bf16", "hf:x?a=1&b"])
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="expected kind:value"):
        parse_spec(text)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="dtype"):
        parse_spec("hf:x?dtype=float16&dtype=bfloat16")


KNOWN: dict[str, Parser] = {"dtype": str, "batch": whole(), "revision": str}


def test_only_given_parameters_are_returned_parsed() -> None:
    assert parse_spec("hf:x?batch=4").read(KNOWN) == {"batch": 4}
    assert parse_spec("hf:x").read(KNOWN) == {}


def test_an_unknown_parameter_is_refused_with_the_likely_one() -> None:
    with pytest.raises(SpecError) as error:
        parse_spec("hf:x?dtypo=1").read(KNOWN)
    assert str(error.value) == (
        "hf:x?dtypo=1: unknown parameter 'dtypo'; "
        "expected one of batch, dtype, revision (did you mean dtype?)"
    )


def test_a_kind_without_parameters_says_so() -> None:
    with pytest.raises(SpecError, match=r"unknown parameter 'a'; expected none$"):
        parse_spec("demo?a=1").read({})


def test_a_value_that_does_not_parse_names_itself() -> None:
    with pytest.raises(SpecError, match="hf:x\\?batch=0: batch=0; expected a whole number from 1 up"):
        parse_spec("hf:x?batch=0").read(KNOWN)


@pytest.mark.parametrize(
    ("parser", "text", "value"),
    [
        (whole(), "3", 3),
        (whole(0), "0", 0),
        (number, "0", 0.0),
        (number, "1e-1", 0.1),
        (json_object, '{"a": [1]}', {"a": [1]}),
        (choice("on", "off"), "off", "off"),
    ],
)
def test_parsers_read(parser: Parser, text: str, value: object) -> None:
    assert parser(text) == value


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (whole(), "0"), (whole(), "1.5"), (whole(), "x"), (whole(0), "-1"),
        (number, "-0.1"), (number, "nan"), (number, "inf"), (number, "x"),
        (json_object, "[1]"), (json_object, "{"), (choice("on", "off"), "On"),
    ],
)  # fmt: skip
def test_parsers_refuse(parser: Parser, text: str) -> None:
    with pytest.raises(ValueError, match=r"^(a|one of) "):
        parser(text)


@pytest.mark.parametrize("build", [build_model, build_judge])
def test_an_unknown_kind_is_refused_with_the_likely_one(build: Callable[[Spec], object]) -> None:
    with pytest.raises(MTBenchError, match=r"unknown kind 'opena' of .*did you mean openai\?"):
        build(parse_spec("opena:x"))


@pytest.mark.parametrize(
    ("build", "given", "meant"),
    [
        (build_model, "folder", "hf:folder"),
        (build_model, "~/gone/model?dtype=float32", "hf:~/gone/model?dtype=float32"),
        (build_model, "Qwen/Qwen2.5-7B-Instruct", "hf:Qwen/Qwen2.5-7B-Instruct"),
        (build_model, "said.jsonl", "answers:said.jsonl"),
        (build_model, "gpt-4o", "openai:gpt-4o"),
        (build_judge, "folder", "judgments:folder"),
        (build_judge, "Qwen/Qwen2.5-72B-Instruct", "openai:Qwen/Qwen2.5-72B-Instruct"),
        (build_judge, "said.jsonl", "judgments:said.jsonl"),
    ],
)
def test_a_bare_path_or_name_is_told_its_kind(
    build: Callable[[Spec], object], given: str, meant: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(MTBenchError, match="unknown kind") as error:
        build(replace(parse_spec(given), base=tmp_path))
    assert f"(did you mean {meant}?)" in str(error.value)


def test_a_module_beside_the_spec_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "judges_of_mine.py").write_text("def make(): return 'made'\n")
    assert from_python(replace(parse_spec("python:judges_of_mine:make"), base=tmp_path)) == "made"


def test_a_module_that_is_nowhere_is_told_without_pythons_own_files() -> None:
    with pytest.raises(SpecError) as error:
        from_python(parse_spec("python:no_such_module:make"))
    assert ": ModuleNotFoundError: No module named 'no_such_module'; expected" in str(error.value)
    assert "importlib" not in str(error.value)


def made(colour: str, size: str = "1") -> tuple[str, str]:
    return colour, size


def test_a_factory_is_called_with_the_parameters() -> None:
    assert from_python(parse_spec(f"python:{__name__}:made?colour=red%20ish")) == ("red ish", "1")


@pytest.mark.parametrize(
    "text",
    [
        "python:",
        "python:json",
        "python:no_such_module:make",
        "python:json:no_such_factory",
        "python:json:__doc__",
        "python:json:dumps",  # lacks an argument
        "python:json:loads?s=1&no_such_argument",
        "python:.json:dumps",
    ],
)
def test_a_factory_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as error:
        from_python(parse_spec(text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("given", ["hf:m?token=hf_abc", "python:m:f?api_key=abc", "openai:m?API-KEY=abc"])
def test_a_secret_is_refused_and_not_repeated(given: str) -> None:
    """A spec stands in headers, reports and the process list."""
    with pytest.raises(SpecError, match="a secret in the parameter") as caught:
        parse_spec(given)
    assert "abc" not in str(caught.value)


def test_a_limit_of_tokens_is_no_secret() -> None:
    assert parse_spec("openai:m?max_tokens=5&api_key_env=NAME").params["max_tokens"] == "5"
