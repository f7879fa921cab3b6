"""Temporary files in memory where there is room: a build syncs every file, and tests make thousands of builds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 << 30


PYTEST, OTHER = "pytest", "other"
"""Below a folder in memory: what pytest makes and empties by itself, and what tests make by `tempfile`."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        top = Path(tempfile.mkdtemp(dir=MEMORY, prefix="cooc-tests-"))
        (top / OTHER).mkdir()
        config.option.basetemp = str(top / PYTEST)
        config.add_cleanup(lambda: shutil.rmtree(top, ignore_errors=True))
    # a process of several has a folder of its own below that of all
    for folder in Path(config.option.basetemp or "/").parents:
        if folder.parent == MEMORY and (folder / OTHER).is_dir():
            tempfile.tempdir = str(folder / OTHER)
