"""Temporary files in memory where there is room: a build syncs every file, and tests make thousands of builds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 << 30


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    wanted = config.option.basetemp is None and not hasattr(config, "workerinput")
    if wanted and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        config.option.basetemp = tempfile.mkdtemp(dir=MEMORY, prefix="cooc-tests-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))
    if config.option.basetemp is not None:
        tempfile.tempdir = config.option.basetemp
