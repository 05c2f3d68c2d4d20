"""Where a run's options stand for pytest: command line, `PYTEST_ADDOPTS`, `addopts`, ini file."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mtbench_pytest.core.options import ON_OFF, OPTIONS, Option

if TYPE_CHECKING:
    from mtbench_pytest.run.settings import Sources

_PREFIX = "mtbench_"
_SWITCH = {"true": "on", "false": "off"}


def sources_of(config: pytest.Config) -> Sources:
    """All places at once, for who reads the settings."""
    from mtbench_pytest.run.settings import Sources

    return Sources(
        lambda option: config.getoption(option.key),
        lambda option: in_ini(config, option),
        Path(),
        config.inipath.parent if config.inipath else config.rootpath,
    )


def keep_nearest(config: pytest.Config) -> None:
    """Leaves, of each option that may be given several times, what stands nearest to the user.

    The command line binds before `PYTEST_ADDOPTS`, and that before the ini file's `addopts`. argparse joins
    them, for pytest puts the one before the other: an override would become a panel. An xdist worker is
    given the same three.
    """
    for option in OPTIONS:
        joined = getattr(config.option, option.key)
        if option.several and joined:
            setattr(config.option, option.key, _nearest(option, _places(config), joined))


def _places(config: pytest.Config) -> Iterator[Sequence[str]]:
    yield [str(argument) for argument in config.invocation_params.args]
    yield shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    yield config.getini("addopts")


def _nearest(option: Option, places: Iterator[Sequence[str]], joined: Sequence[str]) -> Sequence[str]:
    # As pytest's own parser reads them, @FILE included.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, fromfile_prefix_chars="@")
    parser.add_argument(option.flag, dest="given", action="append")
    found = (parser.parse_known_args(list(place))[0].given for place in places)
    return next(filter(None, found), joined)


def check_ini(config: pytest.Config) -> None:
    """Finds mistakes in the ini file's keys of ours, as those on the command line are found: at once.

    Raises:
        pytest.UsageError: For a key that there is not, with the nearest that there is.
    """
    known = {option.key: option for option in OPTIONS}
    for key in _ours(config.inipath):
        if key not in known:
            from difflib import get_close_matches

            near = get_close_matches(key, known, n=1)
            expected = near[0] if near else f"one of {', '.join(known)}"
            raise pytest.UsageError(f"{config.inipath}: unknown key {key}; expected {expected}")
        _check(known[key], in_ini(config, known[key]))


def _check(option: Option, given: str | Sequence[str] | None) -> None:
    texts = [given] if isinstance(given, str) else given or []
    if option.several:
        texts = [line.strip() for lines in texts for line in lines.split("\n") if line.strip()]
    for text in texts:
        try:
            option.parse(text)
        except ValueError as error:
            raise pytest.UsageError(f"{option.key} = {text}: not understood; expected {error}") from None
        except Exception as error:  # a spec: its reader says what is wrong with it, in a line
            raise pytest.UsageError(f"{option.key} = {error}") from None


def in_ini(config: pytest.Config, option: Option) -> str | Sequence[str] | None:
    """What the ini file says, as text; None where it says nothing.

    pytest's typed table `[tool.pytest]` refuses a number or a boolean where a string is declared, and
    `-o` and the other forms have text alone: here all of them mean the same.

    Raises:
        pytest.UsageError: Where it is neither.
    """
    try:
        given = config.getini(option.key)
    except (TypeError, pytest.UsageError):
        given = _ours(config.inipath).get(option.key)
    if given is None or (option.several and isinstance(given, list)):
        return given
    if isinstance(given, bool | int | float | str):
        text = str(given)
        return _SWITCH.get(text.lower(), text) if option.parse is ON_OFF else text
    expected = "a string or a list of strings" if option.several else "a single value"
    raise pytest.UsageError(f"{option.key} = {given!r}: not understood; expected {expected}")


def _ours(path: Path | None) -> Mapping[str, Any]:
    """Our keys in pytest's table of an ini file; none of one that pytest itself refuses."""
    try:
        text = path.read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError):
        return {}
    if path is None or _PREFIX not in text:
        return {}
    table = _toml_table(text) if path.suffix == ".toml" else _ini_table(path, text)
    return {key: value for key, value in table.items() if key.startswith(_PREFIX)}


def _toml_table(text: str) -> Mapping[str, Any]:
    import tomllib

    data = tomllib.loads(text)
    table: Mapping[str, Any] = data.get("tool", data).get("pytest", {})
    older = table.get("ini_options")
    return older if isinstance(older, dict) else table


def _ini_table(path: Path, text: str) -> Mapping[str, Any]:
    from iniconfig import IniConfig

    file = IniConfig(str(path), data=text)
    name = "tool:pytest" if path.name == "setup.cfg" else "pytest"
    return dict(file[name].items()) if name in file else {}
