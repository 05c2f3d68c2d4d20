"""pytest's hooks: they decide whether mtbench has a part in this run; `session.py` does the work.

Nothing heavy is imported here: every pytest run on the machine loads this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from mtbench_pytest.core.options import OPTIONS
from mtbench_pytest.plugin.sources import check_ini, keep_nearest

if TYPE_CHECKING:
    from mtbench_pytest.plugin.session import MTBenchSession

pytest_plugins = ("mtbench_pytest.plugin.fixtures",)

SESSION = pytest.StashKey["MTBenchSession"]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds the hooks that other plugins may have."""
    from mtbench_pytest.plugin import hookspec

    pluginmanager.add_hookspecs(hookspec)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds every option with its ini twin."""
    group = parser.getgroup("mtbench", "mtbench: gate model releases on multi-turn chat ability")
    for option in OPTIONS:
        group.addoption(option.flag, dest=option.key, default=None, help=option.help, **option.how)
        kind: Literal["linelist"] | None = "linelist" if option.several else None
        parser.addini(option.key, help=f"{option.flag}: {option.help}", type=kind, default=None)


def session_of(config: pytest.Config) -> MTBenchSession:
    """The run's session; the first call of a run makes it.

    Raises:
        pytest.UsageError: Where an option cannot be understood.
    """
    if SESSION not in config.stash:
        from mtbench_pytest.plugin.session import MTBenchSession
        from mtbench_pytest.plugin.syrupy_status import SyrupyStatus

        config.stash[SESSION] = MTBenchSession.from_config(config)
        session = config.stash[SESSION]
        config.pluginmanager.register(session, "mtbench-session")
        config.pluginmanager.register(SyrupyStatus(lambda: session.excused), "mtbench-syrupy-status")
    return config.stash[SESSION]


def pytest_configure(config: pytest.Config) -> None:
    """Reads the options where any stands on the command line, so that a mistake is found at once."""
    if not hasattr(config, "workerinput"):
        check_ini(config)
    if any(config.getoption(option.key) is not None for option in OPTIONS):
        keep_nearest(config)
        session_of(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collector(config), "mtbench-collector")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes a test of every question."""
    if "mtbench_question" not in metafunc.fixturenames:
        return
    try:
        session = session_of(metafunc.config)
    except pytest.UsageError as error:  # an option in the ini file; while collecting, this is how to say it
        raise pytest.Collector.CollectError(str(error)) from None
    session.parametrize(metafunc)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Names who runs against whom; only here under xdist, whose controller collects nothing."""
    distributed = getattr(config.option, "dist", "no") != "no"
    if not distributed or not (config.getoption("mtbench_candidate") or config.getini("mtbench_candidate")):
        return []
    return session_of(config).header()


class _Collector:
    """Takes what tests send to where the run is decided: the only process, or xdist's controller."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (sent := getattr(report, "mtbench", None)) is not None:
            session_of(self._config).collect(sent)
        if bench := getattr(report, "mtbench_unjudged", ""):
            session_of(self._config).collect_unjudged(bench)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - the hook's own signature
    """Collects what an xdist worker selected; of one that died, hands the work to the others."""
    if SESSION in node.config.stash:
        session_of(node.config).worker_gone(node.workerinput)
    if sent := getattr(node, "workeroutput", {}).get("mtbench"):
        session_of(node.config).collect_worker(sent)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells an xdist worker, before it is started, where it meets the others."""
    config = node.config
    if SESSION in config.stash or config.getini("mtbench_candidate"):
        session_of(config).configure_worker(node.workerinput)
