"""A build under way: its directory held, its memory shared out, its workers started and stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cooc.create.calls import Crew
from cooc.create.processes import Processes
from cooc.create.watch import Watch
from cooc.create.work import PIECES_A_WORKER, Budget, Progress, Work, sole_builder
from cooc.errors import BuildError, UsageError
from cooc.index.files import refused
from cooc.index.manifest import WORK

MB = 1_000_000

DRIVER_BYTES = 120 * MB
"""Memory of the process that hands out the tasks, and of the nursery that its workers share."""

WORKER_BYTES = 70 * MB
"""Of a worker before it has anything to do: the kernels' code and what the libraries keep."""

LEAST_SHARE = 48 * MB
GOOD_SHARE = 256 * MB
"""A worker with less cuts the work so small that another worker more is no gain."""

SMALL_BYTES = 4 << 20
"""A corpus that is counted before a worker process would have started."""


def share_out(memory: int, workers: int | None) -> tuple[int, Budget]:
    """How many workers there are to be, and what each of their tasks may use.

    Raises `UsageError` where the memory is too little for the workers wanted, or for one.
    """
    least = DRIVER_BYTES + WORKER_BYTES + LEAST_SHARE
    if memory < least:
        raise UsageError(f"--memory {memory:,} bytes: one worker needs at least {-(-least // MB)}MB. Give more.")
    if workers is None:
        fitting = (memory - DRIVER_BYTES) // (WORKER_BYTES + GOOD_SHARE)
        workers = max(1, min(usable_cores(), fitting))
    share = (memory - DRIVER_BYTES) // workers - WORKER_BYTES
    if share < LEAST_SHARE:
        most = (memory - DRIVER_BYTES) // (WORKER_BYTES + LEAST_SHARE)
        raise UsageError(
            f"--workers {workers}: --memory {memory:,} bytes is enough for {most} of them. Give more memory or fewer "
            "workers."
        )
    return workers, Budget(share, PIECES_A_WORKER * workers)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def building(
    index: Path, *, memory: int, workers: int | None, scheduler: str, small: bool, progress: Progress
) -> Iterator[Work]:
    """The work of a build in `index`, which no other build can enter meanwhile; its workers end with the block.

    A `small` corpus is counted in this process. Raises `UsageError` for memory, workers or a scheduler that
    make no sense, and `BuildError` for a directory that is taken or can't be written.
    """
    name, _, address = scheduler.partition(":")
    if name not in ("local", "ray") or (name == "local" and address):
        raise UsageError(f'--scheduler "{scheduler}": expected local, ray or ray:ADDRESS.')
    if name == "local":
        workers, budget = share_out(memory, workers)
    check_free(index)
    with sole_builder(index) as lock:
        crew: Crew | None = None
        try:
            if name == "ray":
                # Ray takes its time, and is not installed everywhere
                from cooc.create.cluster import RayCrew

                crew = RayCrew(address or None, workers)
                _, budget = share_out(memory, crew.workers)
                crew.memory = budget.share + WORKER_BYTES
            elif not small:
                crew = Processes(workers or 1, lock)
            settings = {"workers": workers, "memory": memory, "scheduler": name, "share": budget.share}
            watch = Watch(index, progress, settings=settings)
            with watch.started(lambda: crew.pids if isinstance(crew, Processes) else []):
                yield Work(index, budget, crew=crew, progress=watch)
        except OSError as error:
            raise refused(index, error) from error
        finally:
            if crew is not None:
                crew.close()


def check_free(index: Path) -> None:
    """Raise `BuildError` if the directory holds something that is not a build of ours."""
    if index.exists() and not index.is_dir():
        raise BuildError(f"{index} is a file; --out names the directory of the index.")
    if index.is_dir() and not (index / WORK).is_dir() and any(index.iterdir()):
        raise BuildError(f"{index} is not empty and holds no index. Choose another --out.")
