"""The pair kernel alone, on tokens in memory: `python -m benchmarks.kernel FILE THREADS`, JSON to stdout.

Grouping the positions and counting the rows into their bytes, as a build does it, less reading, tokenising
and writing. FILE has one document a line, its words joined by spaces.
"""

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.create.pairs import counter_dtype, group_range, row_cost
from cooc.create.rows import balanced_ranges, make_scratch
from cooc.create.window import Window
from cooc.kernels.pairs import count_rows
from cooc.kernels.rows import most_bytes

WINDOW = 10
TIMES = 3

Array = NDArray[Any]


def read_ids(path: Path) -> tuple[Array, Array]:
    """Ids by frequency, a separator before and after every document, and how often each id occurs."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        counts = Counter(word for line in lines for word in line.split())
    rank = {word: place for place, (word, _) in enumerate(counts.most_common())}
    separator = np.array([len(rank) + 1], np.uint32)
    parts = [separator]
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            parts += [np.array([rank[word] for word in line.split()], np.uint32), separator]
    return np.concatenate(parts), np.array([count for _, count in counts.most_common()], np.int64)


def count(ids: Array, frequencies: Array, threads: int) -> int:
    """Count every row; how many cells there are."""
    window = Window(WINDOW, "symmetric", "uniform")
    dtype = counter_dtype(window, int(frequencies.max()))
    units = len(frequencies)
    names = np.arange(units, dtype=np.uint32)
    ranges = balanced_ranges(row_cost(frequencies.astype(np.float64)).astype(np.int64), 3 * threads)

    def one_range(place: tuple[int, int]) -> int:
        positions, starts = group_range(ids, 1, len(ids) - 1, place)
        longest = int(np.diff(starts).max(initial=0)) * 2 * WINDOW
        scratch = make_scratch(units, dtype.type, int(most_bytes(min(longest, units), units, longest)))
        rows = place[1] - place[0]
        ends, sums = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        first = cells = 0
        while first < rows:
            first, _, more = count_rows(
                ids, np.uint32(units + 1), units, names, units, positions, starts,
                window.left, window.right, window.weights.astype(dtype), 1,
                scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
            )  # fmt: skip
            cells += int(more)
        return cells

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(one_range, ranges))


def main() -> None:
    path, threads = Path(sys.argv[1]), int(sys.argv[2])
    ids, frequencies = read_ids(path)
    taken = []
    for _ in range(TIMES + 1):
        begun = time.perf_counter()
        cells = count(ids, frequencies, threads)
        taken.append(time.perf_counter() - begun)
    # the first of them also loaded the compiled code
    print(json.dumps({"words": int(frequencies.sum()), "cells": cells, "seconds": taken[1:]}))


if __name__ == "__main__":
    main()
