"""Ranges of the terms that n-grams begin with, and what occurrences the terms have, read as streams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block
from cooc.create.vocabulary import VOCABULARY_FILES
from cooc.create.work import Work
from cooc.index.files import NewFile, items_of, read_slice
from cooc.index.layout import VOCABULARY

Array = NDArray[Any]

READ = 1 << 17
"""Terms or n-grams looked at together where files are read as streams; a multiple of 8."""

LEAST_OCCURRENCES = 1 << 18
"""In a range, where there is a choice: smaller ones cost more than they save."""


def spans(stop: int) -> Iterator[tuple[int, int]]:
    """[0, stop) in pieces of `READ`."""
    for start in range(0, stop, READ):
        yield start, min(stop, start + READ)


def frequencies(work: Work, start: int, stop: int) -> Array:
    """How often each of the terms [start, stop) occurs."""
    return read_slice(work.index / VOCABULARY / VOCABULARY_FILES["occurrences"], start, stop)


def occurrences_of(work: Work, names: Array, place: tuple[int, int]) -> Array:
    """How often each of the terms `names`, ascending in the range `place`, occurs."""
    found = np.zeros(len(names), np.int64)
    for start in range(*place, READ):
        stop = min(place[1], start + READ)
        a, b = np.searchsorted(names, (start, stop)).tolist()
        found[a:b] = frequencies(work, start, stop)[names[a:b] - np.uint32(start)]
    return found


def plan_ranges(work: Work, terms: int, minimum: int, most: int) -> list[tuple[int, int]]:
    """Cut the terms into ranges that make even tasks, with `most` occurrences and one term more at most; those
    occurrences count that can begin a kept n-gram. Marks the terms they are of in a bitmap for `gathered_of`."""
    total = 0
    with NewFile(bitmap_path(work)) as file:
        for start, stop in spans(terms):
            found = frequencies(work, start, stop)
            file.write_array(np.packbits(found >= minimum))
            total += int(found[found >= minimum].sum())
    parts = max(-(-total // most), min(work.pieces, -(-total // LEAST_OCCURRENCES)), 1)
    wanted = np.array([total * number // parts for number in range(1, parts)], np.int64)
    edges, below = [0], 0
    for start, stop in spans(terms):
        found = frequencies(work, start, stop)
        filled = below + np.cumsum(np.where(found >= minimum, found, 0))
        here = wanted[(wanted >= below) & (wanted < filled[-1])]
        edges += (start + 1 + np.searchsorted(filled, here, side="right")).tolist()
        below = int(filled[-1])
    edges = [*dict.fromkeys(edge for edge in edges if edge < terms), terms]
    return list(pairwise(edges))


def bitmap_path(work: Work) -> Path:
    return work.path("ngrams/gathered.u8")


def gathered_of(work: Work, block: Block) -> Array:
    """Whether each number of a block is a term that can begin a kept n-gram."""
    bitmap = read_slice(bitmap_path(work), 0, items_of(bitmap_path(work)))
    gathered = np.zeros(len(block.names) + 2, np.uint8)
    gathered[: len(block.names)] = bitmap[block.names >> 3] >> (7 - (block.names & 7)) & 1
    return gathered
