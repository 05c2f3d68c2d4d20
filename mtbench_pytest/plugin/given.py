"""Where an option stands that may be given several times: the nearest place binds, the others add nothing.

argparse joins `addopts` and the command line, for pytest puts the one before the other: an override would
become a panel.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from mtbench_pytest.run.options import OPTIONS, Option


def keep_nearest(config: pytest.Config) -> None:
    """Leaves, of each option that may be given several times, what stands nearest to the user.

    The command line binds before `PYTEST_ADDOPTS`, and that before the ini file's `addopts`. An xdist worker
    is given the same three.
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


def in_ini(config: pytest.Config, option: Option) -> Any:
    """What the ini file says; None where it says nothing.

    Raises:
        pytest.UsageError: Where it is of another type.
    """
    try:
        return config.getini(option.key)
    except (TypeError, pytest.UsageError):
        # pytest's typed table takes a list for a list of lines, and nothing else; a single spec is a string.
        if option.several and isinstance(text := _in_table(config, option.key), str):
            return text
        raise


def _in_table(config: pytest.Config, key: str) -> Any:
    """What stands in a TOML file's table for pytest."""
    if config.inipath is None:
        return None
    import tomllib

    data = tomllib.loads(config.inipath.read_text(encoding="utf-8"))
    return data.get("tool", data).get("pytest", {}).get(key)
