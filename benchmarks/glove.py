"""GloVe's `vocab_count` and `cooccur`: how they are run, what they write, and whether cooc counts the same.

Build them outside of the project, from the repository stanfordnlp/GloVe, with its own Makefile.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.measure import Command

Array = NDArray[Any]

CELL = np.dtype([("row", "<i4"), ("column", "<i4"), ("count", "<f8")])
"""A record of cooccurrence.bin: ranks in the vocabulary, from 1, and a sum."""

_BATCH = 1 << 20


def commands(programs: Path, text: Path, folder: Path, window: int = 10) -> list[Command]:
    """Count a text's words and pairs, uniform and symmetric, none left out, into vocab.txt and pairs.bin."""
    vocabulary, cells = folder / "vocab.txt", folder / "pairs.bin"
    count: list[str | Path] = [programs / "vocab_count", "-min-count", "1", "-verbose", "0"]
    pairs: list[str | Path] = [programs / "cooccur", "-symmetric", "1", "-window-size", str(window)]
    pairs += ["-distance-weighting", "0", "-memory", "4.0", "-verbose", "0"]
    pairs += ["-vocab-file", vocabulary, "-overflow-file", folder / "overflow"]
    return [Command(count, stdin=text, stdout=vocabulary), Command(pairs, stdin=text, stdout=cells)]


def read_vocabulary(path: Path) -> list[str]:
    """The words of vocab.txt, the most frequent first; the word of rank r is at r - 1."""
    return [line.rsplit(" ", 1)[0] for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def read_cells(path: Path) -> Array:
    """The records of a file of cells, memory-mapped, sorted by row and column."""
    return np.memmap(path, dtype=CELL, mode="r")


class Comparison(NamedTuple):
    """Cells of GloVe and of cooc side by side."""

    glove_cells: int
    cooc_cells: int
    equal: int
    different: int
    only_glove: int
    only_cooc: int
    total: int

    @property
    def same(self) -> bool:
        return self.equal == self.glove_cells == self.cooc_cells


def compare(folder: Path, exported: Path) -> Comparison:
    """GloVe's cells in `folder` against cooc's `export --pairs`: term_a, term_b, count, every stored cell."""
    words = read_vocabulary(folder / "vocab.txt")
    theirs, their_counts = _sorted(*_glove_keys(folder / "pairs.bin", len(words)))
    ours, our_counts = _sorted(*_exported_keys(exported, words))
    place = np.minimum(np.searchsorted(theirs, ours), max(len(theirs) - 1, 0))
    shared = theirs[place] == ours if len(theirs) else np.zeros(len(ours), bool)
    equal = int(np.count_nonzero(our_counts[shared] == their_counts[place[shared]]))
    both = int(np.count_nonzero(shared))
    return Comparison(
        glove_cells=len(theirs),
        cooc_cells=len(ours),
        equal=equal,
        different=both - equal,
        only_glove=len(theirs) - both,
        only_cooc=len(ours) - both,
        total=int(their_counts.sum()),
    )


def _glove_keys(path: Path, words: int) -> tuple[Array, Array]:
    cells = read_cells(path)
    counts = cells["count"].astype(np.int64)
    if not np.array_equal(counts, cells["count"]):
        raise ValueError(f"{path}: a count is no whole number; was it written with -distance-weighting 0?")
    return (cells["row"].astype(np.int64) - 1) * words + (cells["column"] - 1), counts


def _exported_keys(path: Path, words: list[str]) -> tuple[Array, Array]:
    ranks = _Ranks(words)
    keys, counts = [], []
    for batch in pq.ParquetFile(path).iter_batches(_BATCH, columns=["term_a", "term_b", "count"]):
        keys.append(ranks(batch.column(0)) * len(words) + ranks(batch.column(1)))
        counts.append(np.asarray(batch.column(2)).astype(np.int64))
    return np.concatenate(keys), np.concatenate(counts)


class _Ranks:
    """Turns columns of words into ranks, from 0; a word GloVe doesn't know gets one beyond all of its own."""

    def __init__(self, words: list[str]) -> None:
        self._rank = {word: place for place, word in enumerate(words)}
        self._dictionary: pa.Array = pa.array([], pa.string())
        self._ranks: Array = np.zeros(0, np.int64)

    def __call__(self, column: pa.Array) -> Array:
        encoded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
        if not encoded.dictionary.equals(self._dictionary):  # most batches of a file share one
            self._dictionary = encoded.dictionary
            unknown = len(self._rank) ** 2
            ranks = [self._rank.get(word, unknown) for word in encoded.dictionary.to_pylist()]
            self._ranks = np.array(ranks, np.int64)
        return self._ranks.take(np.asarray(encoded.indices))


def _sorted(keys: Array, counts: Array) -> tuple[Array, Array]:
    if np.all(keys[1:] >= keys[:-1]):
        return keys, counts
    order = np.argsort(keys)
    return keys[order], counts[order]
