"""A part's documents → their MinHash signatures and the keys of their bands, sorted in runs.

A document is the set of its shingles: every five words that follow each other, as the word tokenizer makes words with
case folded; of fewer words all of them. Documents without a word have no signature. Shingles and MinHash: Broder
(1997), On the resemblance and containment of documents; five words as Lee et al. (2022), Deduplicating training data
makes language models better.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.corpus import Batch, Receipt, read
from cooc.create.minhash import PERMUTATIONS, Hashing
from cooc.create.plan import plan_of
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW, NewFile, dtype_of
from cooc.tokens.unicode import unicode_tables

Array = NDArray[Any]

FOLDER = "dedup"
HASHING = "dedup/hashing.json"
SIGNATURE_BYTES = 4 * PERMUTATIONS
BATCH_BYTES = 1 << 22
NEAR_BYTES = 256
"""Rows of numbers that are so near to each other are read together."""


class Sketched(msgspec.Struct, frozen=True):
    """The documents of a part, and those of them that have a signature."""

    documents: int
    signatures: int


def hashing_of(work: Work) -> Hashing:
    """The permutations and bands of a build, as its tasks see them."""
    return msgspec.json.decode(work.path(HASHING).read_bytes(), type=Hashing)


def sketch_folder(work: Work, part: int) -> Path:
    """Holds `signatures.u32` (128 values a row), `owners.i64` (the document of each row), `keys.u64`,
    `rows.u32` and `wholes.u64` (of each run and band the keys in order, the row in the run that has each, and the
    hash of its whole signature), `metadata` and `lines.i64` (where each document's line begins, and their end)."""
    return work.path(f"{FOLDER}/parts/{part}")


def run_rows(work: Work) -> int:
    """Signatures whose keys are sorted together."""
    bytes_a_row = 2 * SIGNATURE_BYTES + 56 * hashing_of(work).bands
    return min(max(64, work.share // 8 // bytes_a_row), 1 << 20)


class Sketcher:
    """Makes signatures of documents that come in pieces."""

    def __init__(self, hashing: Hashing) -> None:
        from cooc.kernels import signatures as kernel

        self._kernel = kernel.sketch_pieces
        self._state = np.zeros(kernel.STATE_FIELDS, np.int64)
        self._ring = np.zeros(kernel.RING, np.uint64)
        self._ring[kernel.OPEN] = kernel.FNV_BASIS
        self._waiting = np.zeros(kernel.WAITING_SHINGLES, np.uint32)
        self._permutations = np.array([hashing.a, hashing.b], np.uint32)
        self._current = np.full(PERMUTATIONS, kernel.EMPTY, np.uint32)
        self._plain = plain_characters()

    def add(self, batch: Batch) -> tuple[Array, Array]:
        """The signatures of the documents that end in a batch and have words, and their numbers from 0."""
        pieces = len(batch.offsets) - 1
        signatures, owners = np.empty((pieces, PERMUTATIONS), np.uint32), np.empty(pieces, np.int64)
        data = np.ascontiguousarray(batch.data).view()
        data.flags.writeable = False
        written = self._kernel(
            data, np.ascontiguousarray(batch.offsets), bool(batch.open_end), self._state, self._ring, self._waiting,
            self._plain, *unicode_tables(), self._permutations, self._current, signatures, owners,
        )  # fmt: skip
        return signatures[:written], owners[:written]


def plain_characters() -> Array:
    """What each ASCII letter or digit is in a word, zero for all other bytes."""
    plain = np.zeros(256, np.uint64)
    for character in "abcdefghijklmnopqrstuvwxyz0123456789":
        plain[ord(character)] = plain[ord(character.upper())] = ord(character)
    return plain


def sketch_part(work: Work, number: int) -> Sketched:
    """Read a part and write what `sketch_folder` holds."""
    with SketchFiles(work, sketch_folder(work, number)) as files:
        sketcher = Sketcher(hashing_of(work))
        for batch in few_documents(part_batches(work, number), files.most):
            files.add(batch.metadata, *sketcher.add(batch))
    return Sketched(files.documents, files.signatures)


def part_batches(work: Work, number: int) -> Iterator[Batch]:
    """The documents of a part, described by place and id alone."""
    plan = plan_of(work)
    return read(
        plan.parts[number], msgspec.structs.replace(plan.fields, meta=()), on_bad=plan.parameters.on_bad_line,
        batch_bytes=max(1 << 16, min(BATCH_BYTES, work.share // 64)), receipt=Receipt(),
    )  # fmt: skip


def few_documents(batches: Iterator[Batch], most: int) -> Iterator[Batch]:
    """The same pieces in batches of at most `most`: of tiny documents, the signatures take more room than the text."""
    for batch in batches:
        pieces = len(batch.offsets) - 1
        for first in range(0, pieces, most):
            last = min(first + most, pieces)
            begin, end = int(batch.offsets[first]), int(batch.offsets[last])
            # a piece that goes on with a document has no line of its own
            earlier = int(batch.continues)
            yield Batch(
                batch.data[begin:end],
                batch.offsets[first : last + 1] - begin,
                batch.metadata[max(0, first - earlier) : last - earlier],
                batch.continues and first == 0,
                batch.open_end and last == pieces,
            )


class SketchFiles:
    """The files of a part's sketches as they are written."""

    def __init__(self, work: Work, folder: Path) -> None:
        self.documents = self.signatures = 0
        self.most = run_rows(work)
        self._hashing = hashing_of(work)
        self._stack = ExitStack()
        names = ("signatures.u32", "owners.i64", "keys.u64", "rows.u32", "wholes.u64", "metadata", "lines.i64")
        self._new = [NewFile(folder / name) for name in names]
        self._run = np.empty((self.most, PERMUTATIONS), np.uint32)
        self._filled = 0

    def __enter__(self) -> Self:
        files = [self._stack.enter_context(file) for file in self._new]
        self._signatures, self._owners, self._keys, self._rows, self._wholes = files[:5]
        self._metadata, self._lines = files[5:]
        return self

    def add(self, metadata: list[bytes], signatures: Array, owners: Array) -> None:
        """Append what a batch gave."""
        begins = self._metadata.size + np.cumsum([0, *map(len, metadata)])[:-1]
        self._lines.write_array(begins)
        self._metadata.write(b"".join(metadata))
        self._owners.write_array(owners)
        self.documents += len(metadata)
        self.signatures += len(owners)
        while len(signatures):
            some = signatures[: self.most - self._filled]
            self._run[self._filled : self._filled + len(some)] = some
            self._filled += len(some)
            signatures = signatures[len(some) :]
            if self._filled == self.most:
                self._end_run()

    def _end_run(self) -> None:
        """Write the signatures, and for each band their keys in order and which row has each."""
        from cooc.kernels.signatures import key_bands

        run = self._run[: self._filled]
        self._signatures.write_array(run)
        keys = np.empty((self._hashing.bands, len(run)), np.uint64)
        key_bands(run, self._hashing.rows, keys)
        wholes = np.empty((1, len(run)), np.uint64)
        key_bands(run, PERMUTATIONS, wholes)
        for band in keys:
            order = np.argsort(band, kind="stable")
            self._keys.write_array(band[order])
            self._rows.write_array(order)
            self._wholes.write_array(wholes[0, order])
        self._filled = 0

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        try:
            if kind is None:
                self._end_run()
                self._lines.write_array(np.array([self._metadata.size]))
        except BaseException as failed:
            self._stack.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._stack.__exit__(kind, error, trace)


class Handles:
    """Files of many parts for reading here and there, the last few kept open."""

    def __init__(self, most: int = 64) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._most = most

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def read(self, path: Path, start: int, stop: int) -> bytes:
        """The bytes [start, stop) of a file; raises `BuildError` where it has none."""
        try:
            if path not in self._open:
                if len(self._open) == self._most:
                    os.close(self._open.popitem(last=False)[1])
                self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._open.move_to_end(path)
            found = os.pread(self._open[path], stop - start, start)
        except OSError as error:
            raise BuildError(f"{path}: can't be read: {error.strerror or error}. {BEGIN_ANEW}") from error
        if len(found) != stop - start:
            raise BuildError(f"{path}: has no bytes {start:,} to {stop:,}; it has been cut off. {BEGIN_ANEW}")
        return found

    def gather(self, path: Path, rows: Array, dtype: str, *, width: int = 1) -> Array:
        """Rows of `width` items of a file of numbers; `rows` ascend. What lies near to each other is read together,
        as many bytes more as are wanted, and some."""
        size = np.dtype(dtype).itemsize * width
        apart = np.diff(rows) > max(2, NEAR_BYTES // size)
        begins = np.concatenate([[0], np.flatnonzero(apart) + 1])
        firsts, stops = rows[begins], rows[np.append(begins[1:], len(rows)) - 1] + 1
        read = [self.read(path, size * a, size * b) for a, b in zip(firsts.tolist(), stops.tolist(), strict=True)]
        before = np.cumsum(stops - firsts) - (stops - firsts)
        places = rows + np.repeat(before - firsts, np.diff(np.append(begins, len(rows))))
        found: Array = np.frombuffer(b"".join(read), dtype).reshape(-1, width)[places]
        return found

    def items(self, path: Path, start: int, stop: int, dtype: str) -> Array:
        """The items [start, stop) of a file of numbers."""
        size = np.dtype(dtype).itemsize
        return np.frombuffer(self.read(path, size * start, size * stop), dtype)


def gather_of_parts(work: Work, handles: Handles, firsts: Array, numbers: Array, name: str, *, width: int = 1) -> Array:
    """What the files `name` of the parts have for some numbers, where part p has those from `firsts[p]` on."""
    wanted, back = np.unique(numbers, return_inverse=True)
    parts = np.searchsorted(firsts, wanted, side="right") - 1
    cuts = np.flatnonzero(np.diff(parts, prepend=-1, append=-1))
    dtype = dtype_of(name)
    found = [np.empty((0, width), dtype)]
    for begin, end in pairwise(cuts.tolist()):
        part = int(parts[begin])
        rows = wanted[begin:end] - firsts[part]
        found.append(handles.gather(sketch_folder(work, part) / name, rows, dtype.str, width=width))
    return np.concatenate(found)[back]
