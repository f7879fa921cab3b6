"""Phrases of codes found in the suffix array of an index.

The bisection is our own and not infini-gram's: it looks only at blocks whose digest has been checked, so that a
flipped bit is found and not counted with, and tens of thousands of phrases take one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex
from cooc.index.reader import Index
from cooc.kernels.ranges import BAD, DONE, TABLE, count_phrase, find_ranges, read_places, read_ranges
from cooc.phrases.guard import Guarded

Array = NDArray[Any]

FEW = 4096
"""Occurrences that a single question counts in one call."""

SHORT = 256
"""Places that the kernel sorts; for more NumPy is faster."""


class SuffixArray:
    """The suffixes of a token store in the order of their bytes; a range of them are the occurrences of a phrase.

    Raises `DamagedIndex` where the files do not fit each other, a block differs from its digest, or a pointer leads
    nowhere.
    """

    def __init__(self, codes: Guarded, table: Guarded) -> None:
        self._codes, self._table = codes, table
        self._values = codes.data.view("<u2")
        size = len(codes.data)
        self.width = ((size - 1).bit_length() + 7) // 8
        if len(table.data) != size // 2 * self.width:
            raise DamagedIndex(
                f"{table.path}: has {len(table.data):,} bytes, and a suffix array of {size // 2:,} codes has "
                f"{size // 2 * self.width:,}. Build it again."
            )

    def ranges(self, coded: Sequence[Array]) -> Array:
        """The ranks [low, high) of each phrase of codes, as rows; one without codes has none."""
        starts = np.zeros(len(coded) + 1, np.int64)
        np.cumsum([len(codes) for codes in coded], out=starts[1:])
        flat = np.concatenate([np.zeros(0, np.uint16), *coded]) if len(coded) != 1 else coded[0]
        ranges = np.empty((len(coded), 2), np.int64)
        phrase, why, place = 0, TABLE, -1
        while why != DONE:
            phrase, why, place = find_ranges(
                self._table.data, self.width, self._values, self._table.known, self._codes.known, starts, flat,
                phrase, ranges,
            )  # fmt: skip
            if why != DONE:
                self._check(why, place)
        return ranges

    def count(self, phrase: Array, starts: Array) -> tuple[int, int]:
        """Occurrences and distinct documents of one phrase of codes; documents are -1 where it occurs more than `FEW`
        times, which are counted otherwise. `starts` of the documents ascend."""
        bounds, ranges = np.array([0, len(phrase)]), np.empty((1, 2), np.int64)
        while True:
            why, place, documents = count_phrase(
                self._table.data, self.width, self._values, self._table.known, self._codes.known, bounds, phrase,
                ranges, starts, np.empty(FEW, np.int64),
            )  # fmt: skip
            if why == DONE:
                return int(ranges[0, 1] - ranges[0, 0]), documents
            self._check(why, place)

    def _check(self, why: int, place: int) -> None:
        """Check the block that a kernel has come upon, or say that a pointer is bad."""
        if why == BAD:
            raise self._bad(place)
        (self._table if why == TABLE else self._codes).check(place)

    def places(self, ranges: Array) -> tuple[Array, Array]:
        """Where the suffixes of each range begin, in codes, ascending; and where those of each range begin and end."""
        starts = np.zeros(len(ranges) + 1, np.int64)
        np.cumsum(ranges[:, 1] - ranges[:, 0], out=starts[1:])
        places = np.empty(starts[-1], np.int64)
        some = ranges[ranges[:, 0] < ranges[:, 1]] * self.width
        self._table.touch(some[:, 0], some[:, 1])
        bad = read_ranges(self._table.data, self.width, len(self._values), ranges, starts, SHORT, places)
        if bad >= 0:
            raise self._bad(bad)
        for k in np.flatnonzero(np.diff(starts) > SHORT).tolist():
            places[starts[k] : starts[k + 1]].sort()
        return starts, places

    def places_of(self, ranks: Array) -> Array:
        """Where the suffixes of some ranks begin, in codes, ascending."""
        places = np.empty(len(ranks), np.int64)
        self._table.touch(ranks * self.width, (ranks + 1) * self.width)
        bad = int(read_places(self._table.data, self.width, len(self._values), ranks, places))
        if bad >= 0:
            raise self._bad(bad)
        places.sort()
        return places

    def _bad(self, rank: int) -> DamagedIndex:
        return DamagedIndex(
            f"{self._table.path}: the pointer of suffix {rank:,} leads to no code of {self._codes.path}. The file is "
            "no suffix array of it: build it again."
        )


def suffix_array(index: Index) -> SuffixArray | None:
    """The suffix array of an index, kept with it; None where it was built without."""
    held: SuffixArray | None = vars(index).get("_suffixes")
    if held is None and index.tokens.table is not None:
        held = vars(index)["_suffixes"] = SuffixArray(guarded_codes(index), Guarded(index.tokens.table))
    return held


def guarded_codes(index: Index) -> Guarded:
    """The token store's codes as bytes, kept with the index."""
    held: Guarded | None = vars(index).get("_guarded_codes")
    if held is None:
        held = vars(index)["_guarded_codes"] = Guarded(index.tokens.codes)
    return held
