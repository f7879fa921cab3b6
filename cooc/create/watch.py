"""A build watched while it runs: how far it is, what it takes of the machine, and its log.

A thread looks once a second at the memory of all processes and at the disk, and tells it to whoever shows it;
it ends with the build. Between the processes nothing passes for this: tokens are those of the tasks' results.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from cooc.create.log import Log
from cooc.create.measure import bytes_below, free_bytes, memory_of
from cooc.index.manifest import WORK, Parameters

if TYPE_CHECKING:
    from cooc.create.work import Progress

EVERY = 1.0
"""Seconds between two looks at the machine."""

DISK_SHARE = 0.02
"""Of the time may go into adding up the files of the index."""

SURE_SHARE = 0.02
"""Of the work must be done before a remaining time is told."""


class Step(NamedTuple):
    """A stage as `Work.tasks` names it (or the first words of its name), the stage it belongs to for the
    user, and its seconds a million tokens on one core, roughly: for the remaining time alone."""

    name: str
    stage: str
    weight: float


class State(NamedTuple):
    """How far a build is. Bytes; seconds; what is not known is None."""

    stage: str
    step: str
    number: int
    stages: int
    done: int
    total: int
    tokens: int
    tokens_per_second: float | None
    memory: int
    memory_limit: int | None
    all_processes: bool
    written: int
    free: int | None
    elapsed: float
    remaining: float | None


@runtime_checkable
class Viewer(Protocol):
    """A progress that shows more than stages."""

    def see(self, state: State) -> None:
        """Called when something has changed, and once a second, from a thread of its own."""
        ...

    def note(self, text: str) -> None:
        """Something to be told at once."""
        ...


def steps_of(chosen: Parameters, *, merged: bool = False, phrases: bool = True) -> list[Step]:
    """The steps of a build, or of a merge, in their order."""
    if merged:
        first = [Step("read vocabularies", "vocabulary", 0.05), *VOCABULARY_STEPS, *STORE_STEPS]
    else:
        first = DEDUP_STEPS if getattr(chosen, "dedup", None) else []
        first = [*first, Step("lines", "tokens", 0.02), Step("tokens", "tokens", 0.3)]
        first += [*VOCABULARY_STEPS, Step("encode", "vocabulary", 0.03)]
    steps = [*first, Step("phrases", "vocabulary", 0.05), *NGRAM_STEPS]
    for window in chosen.windows:
        name = f"pairs {window}"
        steps += [Step(name, name, 0.2 + 0.02 * window), Step(f"{name} merge pieces", name, 0.01),
                  Step(f"{name} merge", name, 0.1 + 0.01 * window)]  # fmt: skip
    if chosen.terms:
        steps.append(Step("pairs document", "pairs document", 0.3))
    if phrases:
        steps.append(Step("suffixes", "suffixes", 0.8))
    return [*steps, Step("digests", "digests", 0.05)]


VOCABULARY_STEPS = [
    Step("merge lists", "vocabulary", 0.02),
    Step("merge vocabulary", "vocabulary", 0.03),
    Step("write vocabulary", "vocabulary", 0.02),
    Step("number terms", "vocabulary", 0.02),
]
STORE_STEPS = [Step("measure", "tokens", 0.02), Step("encode", "tokens", 0.05), Step("metadata", "tokens", 0.01)]
DEDUP_STEPS = [
    Step("signatures", "duplicates", 0.5),
    Step("duplicates", "duplicates", 0.1),
    Step("dropped", "duplicates", 0.05),
]
NGRAM_STEPS = [
    Step("n-gram runs", "n-grams", 0.3),
    Step("n-grams", "n-grams", 0.15),
    Step("n-gram tables", "n-grams", 0.05),
]


class Watch:
    """The progress of a build, as its stages call it; passes on to `progress`, which may be a `Viewer`.

    A watch that was not started passes on, and neither measures nor logs.
    """

    def __init__(self, index: Path, progress: Progress, *, settings: dict[str, Any] | None = None) -> None:
        self.index, self._progress, self._settings = index, progress, settings or {}
        self._viewer = progress if isinstance(progress, Viewer) else None
        self._log: Log | None = None
        self._lock = threading.RLock()
        self._path = Way(steps_of(Parameters()))
        self._note = ""
        self._begun = self._step_begun = time.monotonic()
        self._step, self._done, self._total, self._first_done = "", 0, 0, 0
        self._tokens = self._first_tokens = self._corpus = 0
        self._memory = self._written = self.peak_memory = self.peak_disk = 0
        self._free: int | None = None
        self._pids: Callable[[], Sequence[int]] | None = None
        self._next_disk = 0.0

    def begin(self, steps: Sequence[Step], *, resumed: bool, **fields: Any) -> None:
        """Take the steps that are to come, and log what the build began with."""
        self._path = Way(steps)
        self._add("resumed" if resumed else "begun", pid=os.getpid(), **self._settings, **fields)

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        with self._lock:
            if stage != self._step:
                self._end_step()
                self._step, self._step_begun = stage, time.monotonic()
                self._first_done, self._first_tokens = done, self._tokens
                self._path.move(stage, done, total, given=True)
            self._done, self._total = done, total
            self._path.move(stage, done, total)
            note, self._note = note or self._note, ""
        if self._viewer is not None:
            self._viewer.see(self.state())
        else:
            self._progress(stage, done, total, note)

    def counted(self, tokens: int) -> None:
        """Tokens that a task has counted, of those not yet known."""
        self._tokens += tokens

    def corpus(self, tokens: int) -> None:
        """All tokens there are: later stages go through them again."""
        self._corpus = tokens

    def note(self, text: str) -> None:
        """Tell the user something; a progress that is no viewer gets it with the next stage."""
        if self._viewer is not None:
            self._viewer.note(text)
        else:
            self._note = text

    def state(self) -> State:
        """How far the build is now."""
        with self._lock:
            now = time.monotonic()
            seconds = now - self._step_begun
            before, tokens = self._first_tokens, self._tokens
            if self._corpus:
                before, tokens = (self._corpus * n // (self._total or 1) for n in (self._first_done, self._done))
            stage, number, stages = self._path.place(self._step)
            return State(
                stage, self._step, number, stages, self._done, self._total, tokens,
                (tokens - before) / seconds if seconds >= EVERY and tokens > before else None,
                self._memory, self._settings.get("memory"), self._settings.get("scheduler") != "ray",
                self._written, self._free, now - self._begun, self._path.remaining(now - self._begun),
            )  # fmt: skip

    def finish(self) -> bytes:
        """Log the end, and give the whole log, for the index."""
        self._look()
        self._end_step()
        self._step = ""
        self._add(
            "finished", seconds=round(time.monotonic() - self._begun, 3), peak_memory=self.peak_memory,
            memory_limit=self._settings.get("memory"), peak_disk=self.peak_disk, tokens=self._corpus,
        )  # fmt: skip
        return b"" if self._log is None else self._log.whole()

    @contextmanager
    def started(self, pids: Callable[[], Sequence[int]]) -> Iterator[Watch]:
        """Measure and log until the block ends; `pids` gives the processes of the build beside this one."""
        self._pids, self._log = pids, Log(self.index / WORK)
        ended = threading.Event()
        thread = threading.Thread(target=self._sample, args=(ended,), name="cooc-watch", daemon=True)
        thread.start()
        try:
            yield self
        except BaseException as error:
            self._add("stopped", error=type(error).__name__, stage=self._step, peak_memory=self.peak_memory)
            raise
        finally:
            ended.set()
            thread.join()
            self._log = None

    def _sample(self, ended: threading.Event) -> None:
        while not ended.is_set():
            self._look()
            if self._viewer is not None and self._step:
                self._viewer.see(self.state())
            ended.wait(EVERY)

    def _look(self) -> None:
        """Measure memory, and the disk unless its files are so many that it would take long."""
        if self._pids is None:
            return
        self._memory = memory_of([os.getpid(), *self._pids()])
        self.peak_memory = max(self.peak_memory, self._memory)
        now = time.monotonic()
        if now >= self._next_disk:
            self._written, self._free = bytes_below(self.index), free_bytes(self.index)
            self.peak_disk = max(self.peak_disk, self._written)
            self._next_disk = time.monotonic() + (time.monotonic() - now) / DISK_SHARE

    def _end_step(self) -> None:
        if self._step:
            state = self.state()
            self._add(
                "stage", stage=self._step, part_of=state.stage, seconds=round(time.monotonic() - self._step_begun, 3),
                tasks=self._total, done_before=self._first_done, tokens=state.tokens, memory=state.memory,
                disk=state.written,
            )  # fmt: skip

    def _add(self, event: str, **fields: Any) -> None:
        if self._log is not None:
            self._log.add(event, **fields)


class Way:
    """A way through steps: where it stands, and what share of the work that is."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self._stages = list(dict.fromkeys(step.stage for step in steps))
        whole = sum(step.weight for step in steps) or 1.0
        self._weights = [step.weight / whole for step in steps]
        self._at, self._share, self._given = 0, 0.0, 0.0

    def move(self, name: str, done: int, total: int, *, given: bool = False) -> None:
        """Stand at a step, some of whose tasks are done; `given` says that this run did not do them."""
        found = self._find(name)
        if found is not None:
            self._at = max(self._at, found)
        part = done / total if total and found == self._at else 0.0
        share = max(self._share, sum(self._weights[: self._at]) + part * self._weights[self._at])
        self._given += share - self._share if given else 0.0
        self._share = share

    def _find(self, name: str) -> int | None:
        """The last step, at or after this one, whose name the stage has or begins with."""
        found = [k for k, step in enumerate(self._steps) if (name + " ").startswith(step.name + " ")]
        longest = max((len(self._steps[k].name) for k in found), default=0)
        return next((k for k in found if len(self._steps[k].name) == longest), None)

    def place(self, name: str) -> tuple[str, int, int]:
        """The stage a step belongs to, its number from 1 on, and how many there are."""
        stage = self._steps[self._at].stage
        return stage, self._stages.index(stage) + 1, len(self._stages)

    def remaining(self, elapsed: float) -> float | None:
        """Seconds to come, if the rest goes as fast as what this run has done."""
        own = self._share - self._given
        return elapsed * (1.0 - self._share) / own if own >= SURE_SHARE and elapsed >= 2 * EVERY else None
