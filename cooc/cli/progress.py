"""How far a build has come: a live line on a terminal, plain lines elsewhere, nothing where asked."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cooc.cli.show import say

if TYPE_CHECKING:
    from cooc.create.work import Progress

EVERY = 3.0
"""Seconds between plain lines."""


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Progress]:
    """A progress for a build, shown until the block ends."""
    if quiet:
        yield lambda stage, done, total, note="": None
    elif sys.stderr.isatty():
        with live_line() as progress:
            yield progress
    else:
        yield PlainLines()


class PlainLines:
    """A line now and then, for logs."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._said = self._begun
        self._lock = threading.Lock()

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._said >= EVERY:
                self._said = now
                say(f"{now - self._begun:6.0f} s  {stage} {done:,}/{total:,}{note and ' ' + note}")


@contextmanager
def live_line() -> Iterator[Progress]:
    """A line that renews itself: stage, bar, parts, seconds."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, note="")

        def show(stage: str, done: int, total: int, note: str = "") -> None:
            bar.update(task, description=stage, completed=done, total=total, note=note)

        yield show
