"""What the options say, parsed: the one place where command line, ini file and `bench.toml` meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mtbench_pytest.bench.config import BenchConfig
from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.options import MARGINS, OPTIONS, Option
from mtbench_pytest.core.records import Side
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.store.database import sqlite_url

FEWEST = 17  # questions; with fewer no bound decides before the last

_RECORDING: tuple[Mode, ...] = ("new", "all")


Mode = Literal["off", "none", "new", "all"]

_NO = ("", "0", "false", "no")

_FREE_KINDS = frozenset({"answers", "blessed", "judgments", "checks"})

Given = str | Sequence[str] | None
"""What is given for an option: a text, of one that may be given several times a text or all of them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a run.

    Attributes:
        judges: Several are a panel.
        store: A database's URL, "none", or None for the usual place.
        early_stop: None where nothing is said of it: see `stopping.py`.
        record: None where nothing is said of it: see `mode_of`.
        given: Names of the options on the command line; these win over `bench.toml`, which wins over ini.
    """

    candidate: Spec | None
    baseline: Spec | None
    judges: tuple[Spec, ...]
    bench: Path | None
    margin: float
    win_rate_margin: float
    question_margin: float
    question_policy: Literal["fail", "report"]
    pairwise: bool
    early_stop: bool | None
    sample: str | None
    seed: int
    samples: int
    drift_sample: int
    regrade_baseline: bool
    max_new_tokens: int
    judge_repeats: int
    concurrency: int
    store: str | None
    record: Mode | None
    snapshot_tolerance: float
    max_calls: int | None
    max_cost: float | None
    report: Path
    given: frozenset[str]

    def need(self, side: Side) -> Spec:
        """The spec of a side.

        Raises:
            SpecError: Where it was not given.
        """
        spec: Spec | None = getattr(self, side)
        if spec is None:
            raise _missing(side)
        return spec

    def need_judges(self) -> tuple[Spec, ...]:
        """The judges' specs.

        Raises:
            SpecError: Where none was given.
        """
        if not self.judges:
            raise _missing("judge")
        return self.judges

    @property
    def may_cost(self) -> bool:
        """Whether anybody in this run may cost something, so that there is something to keep."""
        parties = (self.candidate, self.baseline, *self.judges)
        paid = any(spec is not None and spec.kind not in _FREE_KINDS for spec in parties)
        return paid and self.record != "none"

    @property
    def judge_may_cost(self) -> bool:
        """Whether a call of the judge may cost something."""
        return self.may_cost and any(spec.kind not in _FREE_KINDS for spec in self.judges)

    def policy(self, bench: BenchConfig) -> Policy:
        """The margins: command line, then `bench.toml`, then ini file and defaults."""

        def pick(key: str, value: float) -> float:
            return value if MARGINS[key].name in self.given else bench.margins.get(key, value)

        return Policy(
            margin=pick("run", self.margin),
            question_margin=pick("question", self.question_margin),
            win_rate_margin=pick("win_rate", self.win_rate_margin),
            categories=bench.categories,
        )


def _missing(name: str) -> SpecError:
    help_text = next(option.help for option in OPTIONS if option.name == name)
    return SpecError(f"no {name}", "nothing is given", f"--mtbench-{name} SPEC, {help_text}")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where options are given: command line before ini file before default.

    Attributes:
        command_line: What is given for an option on the command line, or None.
        ini: What is given in the ini file, or None; of an option that may be given several times, also a
            text with a line for each.
        here: The folder that relative paths on the command line are relative to.
        ini_folder: The same of the ini file.
    """

    command_line: Callable[[Option], Given]
    ini: Callable[[Option], Given] = lambda _: None
    here: Path = Path()
    ini_folder: Path = Path()

    def find(self, option: Option) -> tuple[str, Given, Path]:
        """How messages call the place that binds, what is given there, and the folder of its paths."""
        if (given := self.command_line(option)) is not None:
            return option.flag, given, self.here
        if (given := self.ini(option)) is not None:
            return f"{option.key} =", given, self.ini_folder
        return option.flag, option.default, self.here


def read_settings(sources: Sources) -> Settings:
    """Reads all options.

    Raises:
        SpecError: For the first that cannot be read.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        value = _read(option, sources)
        if isinstance(value, tuple):
            values[option.field] = tuple(replace(spec, root=sources.ini_folder) for spec in value)
        else:
            values[option.field] = (
                replace(value, root=sources.ini_folder) if isinstance(value, Spec) else value
            )
    for switch in ("pairwise", "early_stop", "regrade_baseline"):
        values[switch] = None if values[switch] is None else values[switch] == "on"
    given = frozenset(option.name for option in OPTIONS if sources.command_line(option) is not None)
    return Settings(**values, given=given)


def read_report(sources: Sources) -> Path:
    """Reads the report folder alone, for a run whose other options cannot be understood.

    Raises:
        SpecError: Where it cannot be read either.
    """
    (option,) = (option for option in OPTIONS if option.name == "report")
    report: Path = _read(option, sources)
    return report


def _read(option: Option, sources: Sources) -> Any:
    source, given, base = sources.find(option)
    if option.several:
        return _several(option, given, source, base)
    text = given if given is None or isinstance(given, str) else str(given)
    return None if text is None else _place(_parse(option, text, source), option, base)


def _several(option: Option, given: Given, source: str, base: Path) -> tuple[Spec, ...]:
    """Specs, each of them once: the same one twice would count twice."""
    if given is None:
        return ()
    lines = given.split("\n") if isinstance(given, str) else given
    texts = [line.strip() for line in lines if line.strip()] or [""]
    specs: list[Spec] = []
    for text in texts:
        spec = _place(_parse(option, text, source), option, base)
        if any(spec.same_as(other) for other in specs):
            raise SpecError(f"{source} {text}", f"this {option.name} is given twice", "each one once")
        specs.append(spec)
    return tuple(specs)


def _parse(option: Option, text: str, source: str) -> Any:
    try:
        return option.parse(text)
    except ValueError as error:
        raise SpecError(f"{source} {text}", "not understood", str(error)) from None
    except SpecError as error:
        raise SpecError(f"{source} {error.given}", error.problem, error.expected) from None


def _place(value: Any, option: Option, base: Path) -> Any:
    """Paths are relative to where they were written: the shell's folder, or the ini file's."""
    if isinstance(value, Spec):
        return replace(value, base=base)
    if option.name == "report":
        return base / value
    if option.name == "store" and value != "none" and "://" not in value:
        return sqlite_url(base / Path(value).expanduser())
    if option.name == "bench":
        return base / value if (base / value).is_dir() else Path(value)
    return value


def replays_by_default(judges: Sequence[Spec]) -> bool:
    """Whether a run that says nothing of it replays where it can: on a CI machine without a judge's key.

    A judge that needs no key does not: on this machine, recorded, or the checks.
    """
    served = [judge for judge in judges if judge.kind == "openai"]
    if not served or os.environ.get("CI", "").lower() in _NO:
        return False
    from mtbench_pytest.models.api.server import lacks_key

    return any(map(lacks_key, served))


def mode_of(stated: Mode | None, judges: Sequence[Spec], *, recorded: bool) -> Mode:
    """What a bench's run does.

    Args:
        stated: By the option; None where it is not given.
        recorded: Whether the bench has snapshots.
    """
    if stated is not None:
        return stated
    return "none" if recorded and replays_by_default(judges) else "off"


@dataclass(frozen=True, slots=True)
class Stopping:
    """Whether a run ends once its decision is certain.

    Attributes:
        on: It does.
        why: Why, in a few words; "" where the option says so.
    """

    on: bool
    why: str = ""

    @property
    def word(self) -> str:
        """For the header."""
        return f"early stop {'on' if self.on else 'off'}" + (f" ({self.why})" if self.why else "")


def stopping_of(settings: Settings, mode: Mode, questions: int, *, more_tests: bool | None) -> Stopping:
    """Whether a run stops early; what it says depends on what every process of a run knows.

    Args:
        mode: What the run does with its snapshots.
        questions: Of the bench, or of the declared sample.
        more_tests: Whether a question has more than one plain test, which would be skipped with it; None
            where that is not known yet.
    """
    if settings.early_stop is not None:
        return Stopping(settings.early_stop)
    if mode in _RECORDING:
        return Stopping(False, "the run records")
    if mode == "none" or not settings.judge_may_cost:
        return Stopping(False, "no call of the judge costs anything")
    if questions < FEWEST:
        return Stopping(False, f"under {FEWEST} questions")
    if more_tests is None:
        return Stopping(True, "where a question has its one test alone")
    return Stopping(False, "a question has more than one plain test") if more_tests else Stopping(True)
