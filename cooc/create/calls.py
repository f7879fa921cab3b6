"""A task as it travels: a function's name and small arguments, as JSON. Nothing is pickled."""

from __future__ import annotations

import functools
import importlib
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

import msgspec

from cooc import errors
from cooc.create.blocks import forget_block
from cooc.index.files import noting, refused

if TYPE_CHECKING:
    from cooc.create.work import Work

PACKAGE = "cooc.create."


class Call(msgspec.Struct, frozen=True):
    """Task `number` of a stage of the build of `index`: `function(work, *arguments)`."""

    index: str
    stage: str
    number: int
    function: str
    arguments: Any


class Outcome(msgspec.Struct, frozen=True):
    """What came of a call: a result, or an error by the name of its class, with its own arguments."""

    number: int
    result: Any = None
    error: str | None = None
    told: tuple[str, ...] = ()


class Crew(Protocol):
    """Runs calls somewhere."""

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        """(number, result) of each call as it ends; raises the first error, and runs no more then."""
        ...

    def close(self) -> None:
        """Stop whatever still runs."""
        ...


class Inline:
    """Runs calls here, one after another."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        try:
            for call in calls:
                travelled = msgspec.json.decode(msgspec.json.encode(call), type=Call)
                yield call.number, perform(self._work, travelled)
        finally:
            forget_block()

    def close(self) -> None:
        """Nothing is left running."""


def name_of(function: Callable[..., Any]) -> str:
    """The name by which another process finds a function of this package."""
    return f"{function.__module__}:{function.__qualname__}"


def perform(work: Work, call: Call) -> Any:
    """Run a call, keep its receipt, and return its result as it is after travelling."""
    function, kinds = _found(call.function)
    arguments = msgspec.convert(call.arguments, tuple[kinds] if kinds else tuple[()])  # type: ignore[valid-type]
    with noting():
        result = msgspec.to_builtins(function(work, *arguments))
        work.keep(call.stage, call.number, result)
    return result


@functools.cache
def _found(name: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A function of this package and the types of its arguments after the first."""
    module, _, function = name.partition(":")
    if not module.startswith(PACKAGE):
        raise ValueError(f"{name}: a task is a function of {PACKAGE}*")
    found = getattr(importlib.import_module(module), function)
    hints = get_type_hints(found)
    names = found.__code__.co_varnames[1 : found.__code__.co_argcount]
    return found, tuple(hints[each] for each in names)


class Performer:
    """Performs the calls of one process and makes outcomes of what they return or raise."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self._stage = ""

    def outcome(self, call: Call) -> Outcome:
        from cooc.create.work import Work

        try:
            if self._work is None or str(self._work.index) != call.index:
                self._work = Work.of_task(Path(call.index))
            if call.stage != self._stage:
                forget_block()
                self._stage = call.stage
            return Outcome(call.number, perform(self._work, call))
        except errors.CoocError as error:
            told = tuple(str(each) for each in error.__reduce__()[1])
            return Outcome(call.number, error=type(error).__name__, told=told)
        except MemoryError:
            return Outcome(call.number, error="MemoryError", told=(call.stage,))
        except OSError as error:
            return Outcome(call.number, error="BuildError", told=refused(Path(call.index), error).args)
        except Exception:
            return Outcome(call.number, error="Exception", told=(traceback.format_exc(),))


def result_of(outcome: Outcome, stage: str) -> Any:
    """The result of an outcome; raises its error again."""
    if outcome.error is None:
        return outcome.result
    if outcome.error == "MemoryError":
        raise errors.BuildError(
            f"the system gave a worker no more memory in stage {stage}. Give less --memory or fewer --workers than "
            "there is room for, and run the same command again."
        )
    kind = getattr(errors, outcome.error, None)
    if isinstance(kind, type) and issubclass(kind, errors.CoocError):
        raise kind(*outcome.told)
    raise RuntimeError(f"stage {stage}, task {outcome.number}: this is a bug in cooc.\n{''.join(outcome.told)}")
