"""What a law is, and what most of them look for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Law(NamedTuple):
    """`ok` is None where the law could not be checked, because a file it speaks of is not whole."""

    name: str
    ok: bool | None
    detail: str = ""


def law(name: str, where: Path, faults: Iterator[str] | str) -> Law:
    """A law about a file (or a folder, if the faults begin with the file). It holds if there is no fault;
    of several, the first is told."""
    fault = faults if isinstance(faults, str) else next(faults, "")
    return Law(name, not fault, fault and f"{where}: {fault}")


def unchecked(name: str, missing: str) -> Law:
    return Law(name, None, f"not checked, because {missing} is not whole")


def offset_fault(offsets: Array, end: int) -> str:
    """What is wrong with offsets that must begin at 0, never fall, and end at `end`."""
    if int(offsets[0]) != 0:
        return f"begins with {int(offsets[0]):,}, expected 0"
    place = first(offsets[1:] < offsets[:-1])
    if place is not None:
        return f"falls at place {place + 1:,}"
    return "" if int(offsets[-1]) == end else f"ends with {int(offsets[-1]):,}, expected {end:,}"


def first(wrong: Array) -> int | None:
    """The first place where something is wrong, or None."""
    place = int(wrong.argmax()) if len(wrong) else 0
    return place if len(wrong) and wrong[place] else None


def spans(starts: Array, parts: int) -> list[tuple[int, int]]:
    """At most so many ranges of rows, with about equally much in each; `starts` are sound offsets."""
    rows, size = len(starts) - 1, int(starts[-1])
    wanted = np.searchsorted(starts, np.arange(1, parts) * (size // parts + 1))
    edges = np.unique(np.concatenate([[0], np.minimum(wanted, rows), [rows]])).tolist()
    return list(pairwise(edges))
