"""No test reaches another machine, and temporary files lie in memory where there is room.

A build syncs every file, and tests make thousands of builds.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 << 30


LOOPBACK = ("127.", "::1", "localhost", "/", "\0")


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail a test that would reach another machine (F18)."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        place = arguments[1] if event == "socket.connect" else arguments[0]
        host = place[0] if isinstance(place, tuple) else place
        host = host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host or "")
        if host and not host.startswith(LOOPBACK):
            raise PermissionError(f"a test tried to reach {host}")


PYTEST, OTHER = "pytest", "other"
"""Below a folder in memory: what pytest makes and empties by itself, and what tests make by `tempfile`."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(stay_here)
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        top = Path(tempfile.mkdtemp(dir=MEMORY, prefix="cooc-tests-"))
        (top / OTHER).mkdir()
        config.option.basetemp = str(top / PYTEST)
        config.add_cleanup(lambda: shutil.rmtree(top, ignore_errors=True))
    # a process of several has a folder of its own below that of all
    for folder in Path(config.option.basetemp or "/").parents:
        if folder.parent == MEMORY and (folder / OTHER).is_dir():
            tempfile.tempdir = str(folder / OTHER)


@pytest.fixture(autouse=True)
def as_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as in a pipe, however wide the terminal of those who run the tests is."""
    monkeypatch.delenv("COLUMNS", raising=False)
