"""Where a build keeps what is not yet an index: tasks that are done, and files between stages."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from cooc.errors import BuildError
from cooc.index.files import write_whole
from cooc.index.manifest import WORK


class Progress(Protocol):
    """Is told how far a stage has come."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """A progress that says nothing."""


class Work:
    """The directory of a build. `tasks` runs functions once each, remembering what they returned.

    `share` is the memory of one worker, in bytes. It decides where the store is cut, and so what the tasks
    are: a resumed build keeps the share it began with.
    """

    def __init__(self, index: Path, *, workers: int, memory: int, progress: Progress = silent) -> None:
        self.index, self.folder = index, index / WORK
        self.workers, self.share, self.progress = workers, memory // workers, progress

    def hold_share(self) -> None:
        """Keep the share of a new build; give a resumed one the share it began with.

        Raises `BuildError` if that is more than this call allows.
        """
        path = self.path("share.json")
        if not path.exists():
            write_whole(path, msgspec.json.encode(self.share))
        begun = msgspec.json.decode(path.read_bytes(), type=int)
        if begun > self.share:
            raise BuildError(
                f"{self.index}: the build began with {begun:,} bytes of memory for each worker, and now "
                f"there are {self.share:,}. Give more --memory or fewer --workers to go on, or remove the directory "
                "and begin anew."
            )
        self.share = begun

    def path(self, name: str) -> Path:
        """A file between stages."""
        return self.folder / name

    def tasks(
        self,
        stage: str,
        function: Callable[..., Any],
        rows: Iterable[tuple[Any, ...]],
        *,
        then: Callable[[int], None] | None = None,
    ) -> list[Any]:
        """Call `function(self, *row)` for each row, several at a time; results in the order of the rows.

        A result is JSON-able and is kept on disk after everything the task wrote, so a task that was done
        before a build was stopped is not done again. The first error stops the stage once running tasks end.
        `then(number)` is called for each row in turn once its task and all before it are done.
        """
        todo = list(rows)
        results: list[Any] = [self._done(stage, number) for number in range(len(todo))]
        missing = [number for number, result in enumerate(results) if result is None]
        finished = len(todo) - len(missing)
        self.progress(stage, finished, len(todo))

        def run(number: int) -> None:
            result = function(self, *todo[number])
            write_whole(self._receipt(stage, number), msgspec.json.encode([result]))
            results[number] = [result]

        pool = ThreadPoolExecutor(self.workers)
        try:
            futures = {number: pool.submit(run, number) for number in missing}
            for number in range(len(todo)):
                if number in futures:
                    self._await(futures[number], futures.values())
                    finished += 1
                    self.progress(stage, finished, len(todo))
                if then is not None:
                    then(number)
        finally:
            pool.shutdown(cancel_futures=True)
        return [result[0] for result in results]

    def once(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """`tasks` for a stage that is one task."""
        return self.tasks(stage, function, [arguments])[0]

    def _await(self, wanted: Future[None], others: Collection[Future[None]]) -> None:
        """Wait for one task, and stop waiting as soon as another has failed."""
        while not wanted.done():
            done, _ = wait([future for future in others if not future.done()], return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
        wanted.result()

    def has_done(self) -> bool:
        """Whether any task is done."""
        return any((self.folder / "done").glob("*.json"))

    def _receipt(self, stage: str, number: int) -> Path:
        return self.folder / "done" / f"{stage.replace(' ', '-')}-{number}.json"

    def _done(self, stage: str, number: int) -> Any:
        path = self._receipt(stage, number)
        return msgspec.json.decode(path.read_bytes()) if path.exists() else None

    def clear(self) -> None:
        """Remove everything between stages; renamed first, so that half of it is never taken for work."""
        gone = self.index / f"{WORK}.gone"
        shutil.rmtree(gone, ignore_errors=True)
        os.replace(self.folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def sole_builder(index: Path) -> Iterator[None]:
    """Hold the directory for this build; raises `BuildError` when another build holds it."""
    path = index / WORK / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise BuildError(f"{index}: can't write there ({error.strerror}). Choose another --out.") from error
    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BuildError(
                f"{index}: another build is writing there. Wait for it, or choose another --out."
            ) from None
        yield
