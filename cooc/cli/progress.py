"""How far a build has come: live lines on a terminal, plain lines elsewhere, nothing where asked."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cooc.cli.show import say

if TYPE_CHECKING:
    from cooc.create.watch import State
    from cooc.create.work import Progress

EVERY = 3.0
"""Seconds between plain lines, at first; a build of hours says less often how far it is."""

SELDOM = 60.0

BAR = 24
"""Characters."""


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Progress]:
    """A progress for a build, shown until the block ends."""
    if quiet:
        yield lambda stage, done, total, note="": None
    elif sys.stderr.isatty():
        with live_view() as progress:
            yield progress
    else:
        lines = PlainLines()
        yield lines
        lines.end()


class PlainLines:
    """A line now and then, and one as each stage ends, for logs."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._said = self._stage_begun = self._begun
        self._lock = threading.Lock()
        self._last: State | None = None

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        with self._lock:
            self._now_and_then(f"{stage} {done:,}/{total:,}{note and ' ' + note}")

    def see(self, state: State) -> None:
        """A build's state: a line for the stage that has ended, or one if it is time for it."""
        with self._lock:
            if self._last is not None and state.number > self._last.number:
                self._end_of_stage()
            self._last = state
            if state.step:
                self._now_and_then(", ".join([doing(state), *taken(state), *coming(state)]))

    def note(self, text: str) -> None:
        """A line at once."""
        say(text)

    def end(self) -> None:
        """The line for the last stage."""
        with self._lock:
            if self._last is not None:
                self._end_of_stage()

    def _end_of_stage(self) -> None:
        assert self._last is not None
        now = time.monotonic()
        took, self._stage_begun, self._said = now - self._stage_begun, now, now
        say(
            f"{now - self._begun:6.0f} s  {self._last.stage} done in {duration(took)} "
            f"(stage {self._last.number} of {self._last.stages}), {', '.join(taken(self._last))}"
        )

    def _now_and_then(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said >= max(EVERY, min(SELDOM, (now - self._begun) / 100)):
            self._said = now
            say(f"{now - self._begun:6.0f} s  {text}")


@contextmanager
def live_view() -> Iterator[Progress]:
    """Lines at the foot of the terminal that renew themselves."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    view = LiveView(console)
    with Live(console=console, get_renderable=view.render, transient=True, refresh_per_second=4, redirect_stdout=False):
        yield view


class LiveView:
    """What a terminal shows of a build that is under way."""

    def __init__(self, console: Any) -> None:
        self._console, self._begun = console, time.monotonic()
        self._lines = ["starting"]

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        elapsed = duration(time.monotonic() - self._begun)
        self._lines = [" ".join([f"{stage} {bar(done, total)} {done:,}/{total:,}, {elapsed}", *filter(None, [note])])]

    def see(self, state: State) -> None:
        """Show another state."""
        self._lines = [
            f"stage {state.number} of {state.stages}: {doing(state, with_bar=True)}",
            ", ".join([*taken(state), duration(state.elapsed), *coming(state)]),
        ]

    def note(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False)

    def render(self) -> Any:
        """The lines as they are now, each cut to the width of the terminal."""
        from rich.text import Text

        return Text("\n".join(self._lines), no_wrap=True, overflow="ellipsis")


def doing(state: State, *, with_bar: bool = False) -> str:
    """The step, its tasks, its speed."""
    name = state.step if state.step.startswith(state.stage) else f"{state.stage}: {state.step}"
    shown = f" {bar(state.done, state.total)}" if with_bar else ""
    speed = "" if state.tokens_per_second is None else f", {scaled(state.tokens_per_second)} tokens/s"
    return f"{name}{shown} {state.done:,}/{state.total:,}{speed}"


def taken(state: State) -> list[str]:
    """What the build takes of the machine."""
    limit = "" if state.memory_limit is None else f" of {in_bytes(state.memory_limit)}"
    whose = "" if state.all_processes else " of the driver alone"
    memory = f"memory{whose} {in_bytes(state.memory)}{limit if state.all_processes else ''}"
    free = "" if state.free is None else f" ({in_bytes(state.free)} free)"
    return [memory, f"disk {in_bytes(state.written)}{free}"]


def coming(state: State) -> list[str]:
    """The time that is left, where it can be told."""
    return [] if state.remaining is None else [f"about {duration(state.remaining)} to go"]


def bar(done: int, total: int) -> str:
    filled = BAR * done // total if total else 0
    return "━" * filled + "╌" * (BAR - filled)


def scaled(number: float) -> str:
    """A number with a thousand's letter: 950, 12.3 k, 1.9 M."""
    for letter in ("", " k", " M", " G"):
        if number < 999.5:
            return f"{number:.3g}{letter}" if number < 99.95 else f"{number:.0f}{letter}"
        number /= 1000
    return f"{number:.3g} T"


def in_bytes(number: int) -> str:
    """Bytes as --memory takes them: 512 MB, 1.2 GB."""
    return scaled(number).replace(" k", " K") + ("B" if number >= 1000 else " B")


def duration(seconds: float) -> str:
    """Time in two units at most: 8 s, 2 min 10 s, 5 h 3 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
