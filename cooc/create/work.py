"""Where a build keeps what is not yet an index: tasks that are done, and files between stages."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from cooc import __version__
from cooc.create.calls import Call, Crew, Inline, name_of
from cooc.create.watch import Watch
from cooc.errors import BuildError
from cooc.index.files import (
    Written,
    check_written,
    make_folder,
    noting,
    read_sealed,
    refused,
    write_sealed,
    written_so_far,
)
from cooc.index.manifest import WORK

T = TypeVar("T")

LOCK_SECONDS = 10.0
"""How long a build waits for the workers of one that was killed: they die with it, but not at once."""

PIECES_A_WORKER = 4
"""Tasks into which a stage that could be cut anyhow is cut, so that workers end together."""


class Progress(Protocol):
    """Is told how far a stage has come."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """A progress that says nothing."""


class Budget(msgspec.Struct, frozen=True):
    """What decides into which tasks a build is cut, and what they leave, kept by a build that is resumed: the memory
    in bytes that one task may use beside the interpreter, how many tasks make a stage, and the version of cooc."""

    share: int
    pieces: int
    cooc: str = __version__


class Work:
    """The directory of a build, as the driver and its tasks see it."""

    def __init__(self, index: Path, budget: Budget, *, crew: Crew | None = None, progress: Progress = silent) -> None:
        self.index, self.folder = index, index / WORK
        self.budget = budget
        self.watch = progress if isinstance(progress, Watch) else Watch(index, progress)
        self._crew = crew
        self._recalled: dict[str, Any] = {}

    @classmethod
    def of_task(cls, index: Path) -> Work:
        """The work of a build that goes on in another process."""
        path = index / WORK / BUDGET
        return cls(index, msgspec.json.decode(read_sealed(path), type=Budget))

    @property
    def share(self) -> int:
        """Memory for one task, in bytes."""
        return self.budget.share

    @property
    def pieces(self) -> int:
        """Into how many tasks to cut a stage that can be cut anyhow."""
        return self.budget.pieces

    def hold_budget(self) -> None:
        """Keep the budget of a new build; give a resumed one the budget it began with.

        Raises `BuildError` if that is more memory than this call allows, or another version began it.
        """
        path = self.path(BUDGET)
        if not path.exists():
            write_sealed(path, msgspec.json.encode(self.budget))
        begun = msgspec.json.decode(read_sealed(path), type=Budget)
        if begun.cooc != self.budget.cooc:
            raise BuildError(
                f"{self.index}: the build began with cooc {begun.cooc}, and this is {self.budget.cooc}. Go on with "
                "that version, or remove the directory and begin anew."
            )
        if begun.share > self.share:
            raise BuildError(
                f"{self.index}: the build began with {begun.share:,} bytes of memory for each worker, and now "
                f"there are {self.share:,}. Give more --memory or fewer --workers to go on, or remove the directory "
                "and begin anew."
            )
        self.budget = begun

    def path(self, name: str) -> Path:
        """A file between stages."""
        return self.folder / name

    def recall(self, name: str, make: Callable[[Work], T]) -> T:
        """What `make(self)` gave in this process, made once: for what many tasks read."""
        if name not in self._recalled:
            self._recalled[name] = make(self)
        return self._recalled[name]  # type: ignore[no-any-return]

    def tasks(
        self,
        stage: str,
        function: Callable[..., Any],
        rows: Iterable[tuple[Any, ...]],
        *,
        then: Callable[[int], None] | None = None,
        tokens: Callable[[Any], int] | None = None,
    ) -> list[Any]:
        """Call `function(work, *row)` for each row, several at a time in other processes; results by row.

        Rows and results travel as JSON; a row is converted to what the function's annotations say. A result
        is kept on disk after everything the task wrote, so a task that was done before a build was stopped is
        not done again. The first error stops the stage. `then(number)` is called for each row in turn once
        its task and all before it are done. `tokens(result)` is how many tokens of the corpus a task was the
        first to count, for those who watch.
        """
        todo = list(rows)
        results: list[Any] = [self._done(stage, number) for number in range(len(todo))]
        calls = [Call(str(self.index.absolute()), stage, number, name_of(function), list(todo[number]))
                 for number, result in enumerate(results) if result is None]  # fmt: skip
        finished, told = len(todo) - len(calls), 0
        if tokens is not None:
            self.watch.counted(sum(tokens(result[0]) for result in results if result is not None))
        self.watch(stage, finished, len(todo))
        for number, result in self._run(calls):
            results[number] = [result]
            finished += 1
            if tokens is not None:
                self.watch.counted(tokens(result))
            self.watch(stage, finished, len(todo))
            while then is not None and told < len(todo) and results[told] is not None:
                then(told)
                told += 1
        for number in range(told, len(todo) if then is not None else told):
            then(number)  # type: ignore[misc]
        return [result[0] for result in results]

    def once(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """`tasks` for a stage that is one task."""
        return self.tasks(stage, function, [arguments])[0]

    def here(self, stage: str, make: Callable[[], Any]) -> Any:
        """What `make()` gives, in this process and with tasks of its own; kept as the result of a task is."""
        done = self._done(stage, 0)
        if done is None:
            with noting():
                done = [msgspec.to_builtins(make())]
                self.keep(stage, 0, done[0])
        return done[0]

    def _run(self, calls: list[Call]) -> Iterator[tuple[int, Any]]:
        if not calls:
            return iter(())
        crew = self._crew if self._crew is not None else Inline(self)
        return told_of_memory(crew.run(calls), calls[0].stage)

    def keep(self, stage: str, number: int, result: Any) -> None:
        """Write the receipt of a task that is done: its result, and digests of what it wrote into the index."""
        top = self.index.absolute()
        written = [each._replace(path=os.path.relpath(each.path, top)) for each in written_so_far()]
        write_sealed(self._receipt(stage, number), msgspec.json.encode([result, written]))

    def has_done(self) -> bool:
        """Whether any task is done."""
        return any((self.folder / "done").rglob("*.json"))

    def _receipt(self, stage: str, number: int) -> Path:
        return self.folder / "done" / stage.replace(" ", "-") / f"{number}.json"

    def _done(self, stage: str, number: int) -> Any:
        """[result] of a task that is done; raises `BuildError` if what it wrote has changed since."""
        path = self._receipt(stage, number)
        if not path.exists():
            return None
        result, written = msgspec.json.decode(read_sealed(path), type=tuple[Any, list[Written]])
        for each in written:
            check_written(each._replace(path=str(self.index / each.path)))
        return [result]


def told_of_memory(results: Iterator[T], stage: str) -> Iterator[T]:
    """The same results; raises `BuildError` where this process is given no more memory for one."""
    try:
        yield from results
    except MemoryError as error:
        raise BuildError(
            f"the system gave no more memory in stage {stage}. Give less --memory than there is room for, and run the "
            "same command again."
        ) from error


BUDGET = "budget.json"

GONE = f"{WORK}.gone"


def clear(index: Path) -> None:
    """Remove everything between stages; renamed first, so that half of it is never taken for work."""
    shutil.rmtree(index / GONE, ignore_errors=True)
    try:
        os.replace(index / WORK, index / GONE)
    except OSError as error:
        raise BuildError(
            f"{index / WORK}: the index is finished, and this folder could not be removed: {error.strerror}. Run the "
            "same command again, or remove it."
        ) from error
    shutil.rmtree(index / GONE, ignore_errors=True)


def clear_unnamed(index: Path) -> None:
    """Remove files that a build was killed at before it named them: they take room, and nobody will."""
    for left in index.rglob("*.part"):
        with contextlib.suppress(OSError):
            left.unlink()


@contextmanager
def sole_builder(index: Path) -> Iterator[int]:
    """Hold the directory for this build and give the handle that holds it, for workers to hold as well.

    Raises `BuildError` when another build holds it, or a worker of one.
    """
    path = index / WORK / "lock"
    try:
        make_folder(path.parent)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise BuildError(f"{index}: can't write there ({error.strerror}). Choose another --out.") from error
    try:
        try:
            _lock(index, lock)
        except OSError as error:
            raise refused(path, error) from error
        clear_unnamed(index)
        yield lock
    finally:
        os.close(lock)


def _lock(index: Path, lock: int) -> None:
    """Lock, and give the workers of a build that was killed just now the time to die."""
    killed = time.monotonic() + LOCK_SECONDS if _owner_is_gone(lock) else 0.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < killed:
                time.sleep(0.02)
                continue
            raise BuildError(
                f"{index}: another build is writing there. Wait for it, or choose another --out."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return


def _owner_is_gone(lock: int) -> bool:
    """Whether the process that locked last has ended."""
    try:
        os.kill(int(os.pread(lock, 32, 0)), 0)
    except ProcessLookupError:
        return True
    except (ValueError, OSError):
        return False
    return False
