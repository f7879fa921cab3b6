"""The operations by which a build changes the disk, counted, refused, cut short, or written down.

A stand-in for `os` in the modules that write: every call that changes the disk is an operation with a number.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHANGES = ("open", "write", "pwrite", "fsync", "replace", "unlink", "mkdir")

Before = Callable[[int, str, tuple[Any, ...]], int | None]


class Disk:
    """Stands for `os`. `before(number, name, arguments)` is called ahead of each operation; what it returns
    cuts a write short to so many bytes, and what it raises is what the system says."""

    def __init__(self, before: Before) -> None:
        self._before, self.operations, self.refused = before, 0, ""

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CHANGES:
            return real

        def operation(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)
            self.operations += 1
            try:
                cut = self._before(self.operations, name, arguments)
            except OSError:
                self.refused = name
                raise
            if cut is not None and name in ("write", "pwrite"):
                arguments = (arguments[0], arguments[1][:cut], *arguments[2:])
            return real(*arguments, **options)

        return operation


@contextmanager
def disk(before: Before) -> Iterator[Disk]:
    """Let the building side write, and remove, through a `Disk`."""
    standing = Disk(before)

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.exists() or not missing_ok:
            standing.unlink(path)

    def rmtree(folder: Path, ignore_errors: bool = False) -> None:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                with contextlib.suppress(*[OSError] * ignore_errors):
                    standing.unlink(path)
        real_rmtree(folder, ignore_errors=ignore_errors)

    real_rmtree = shutil.rmtree
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if (name == "cooc.index.files" or name.startswith("cooc.create.")) and hasattr(module, "os"):
                patch.setattr(module, "os", standing)
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(shutil, "rmtree", rmtree)
        yield standing


def count_operations(run: Callable[[], Any]) -> int:
    """How many operations a run needs."""
    with disk(lambda number, name, arguments: None) as standing:
        run()
    return standing.operations


def run_killed(run: Callable[[], Any], at: int) -> bool:
    """Run in a process of its own that is killed right before an operation; whether it came so far."""

    def before(number: int, name: str, arguments: tuple[Any, ...]) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            with disk(before):
                run()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def failing(at: int, code: int) -> Before:
    """The system refuses one operation."""

    def before(number: int, name: str, arguments: tuple[Any, ...]) -> None:
        if number == at:
            raise OSError(code, os.strerror(code))

    return before


def cut_short(number: int, name: str, arguments: tuple[Any, ...]) -> int | None:
    """The system takes one byte less than it is given, whenever it can."""
    return max(1, len(arguments[1]) - 1) if name in ("write", "pwrite") else None


FULL, BROKEN = errno.ENOSPC, errno.EIO


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the log of a build, which tells of the time."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "build.jsonl"}  # fmt: skip
