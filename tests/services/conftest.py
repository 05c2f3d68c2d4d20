"""Servers that the tests start for themselves: real ones, on 127.0.0.1, gone when the tests end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.harness import Example


@pytest.fixture
def example(pytester: pytest.Pytester) -> Example:
    return Example(pytester)


@pytest.fixture
def chat(example: Example) -> Example:
    """A bench of six questions, both sides' answers worth 8."""
    example.bench()
    example.grades([8] * 6)
    return example


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database of a server that runs without privileges, as PostgreSQL insists."""
    pytest.importorskip(
        "psycopg", reason="psycopg is not installed: pip install 'mtbench-pytest[postgresql]'"
    )
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb on the path or in /usr/lib/postgresql")
    owner = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="mtbench-pg-") as name:
        folder, port = Path(name), _free_port()
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)

        def call(program: str, *args: str) -> None:
            subprocess.run(
                [programs / program, *args],
                check=True,
                capture_output=True,
                cwd=folder,
                user=owner and owner.pw_uid,
                group=owner and owner.pw_gid,
                extra_groups=None if owner is None else [],
            )

        data = str(folder / "data")
        call("initdb", "-D", data, "-U", "mtbench", "--auth=trust", "--encoding=UTF8", "--no-sync")
        # Its messages go to a file: a pipe would stay open as long as the server runs.
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        call("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "-t", "60", "start")
        try:
            call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mtbench", "runs")
            yield f"postgresql+psycopg://mtbench@127.0.0.1:{port}/runs"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; Debian keeps them off the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return folders[-1] if folders else None


def _unprivileged() -> pwd.struct_passwd | None:
    """Who the server runs as where the tests run as root; None for who runs the tests."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody")


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
    return port
