"""The counts as files of other tools."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import CoocError, UsageError
from cooc.index.reader import Index, PairMatrix
from cooc.query.cells import CHUNK, cells_of, unit_names
from cooc.query.ngrams import ngram_terms

Array = NDArray[Any]

GLOVE = np.dtype([("word1", "<i4"), ("word2", "<i4"), ("value", "<f8")])
MOST_GLOVE = (1 << 31) - 1


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that replaces `path` once it is complete, and leaves nothing behind if it never is."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        raise CoocError(f"{path}: can't be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_pairs(index: Index, matrix: PairMatrix, path: Path) -> list[Path]:
    """Write the cells as parquet, a row group for each chunk."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(unit_names(index), pa.string())
    encoded = pa.dictionary(pa.int32(), pa.string())
    count = pa.int64() if matrix.unit == 1 else pa.float64()
    schema = pa.schema([("term_a", encoded), ("term_b", encoded), ("count", count)])
    places = np.zeros(matrix.rows, np.int32)
    # a dictionary page holds the terms of one chunk only, however many that are
    options = {"use_dictionary": ["term_a", "term_b"], "dictionary_pagesize_limit": 1 << 30, "compression": "zstd"}
    with whole_file(path) as file, pq.ParquetWriter(file, schema, **options) as writer:
        for cells in cells_of(matrix):
            columns = [_dictionary(pa, names, places, units) for units in (cells.rows, cells.columns)]
            writer.write_batch(pa.record_batch([*columns, pa.array(cells.counts)], schema=schema))
    return [path]


def _dictionary(pa: Any, names: Any, places: Array, units: Array) -> Any:
    """Names of units, those that there are numbered anew; `places` is scratch for all units."""
    places[units] = 1
    met = np.flatnonzero(places)
    places[met] = np.arange(len(met), dtype=np.int32)
    column = pa.DictionaryArray.from_arrays(pa.array(places[units]), names.take(pa.array(met)))
    places[met] = 0
    return column


def write_glove(index: Index, matrix: PairMatrix, path: Path) -> list[Path]:
    """Write the cells as GloVe's records, and the units as its vocabulary."""
    if matrix.rows > MOST_GLOVE:
        raise UsageError(f"{path}: GloVe's ids are 32-bit; {matrix.rows:,} terms are too many. Build with --max-terms.")
    with whole_file(path) as file:
        for cells in cells_of(matrix):
            records = np.empty(len(cells.rows), GLOVE)
            records["word1"], records["word2"] = cells.rows + 1, cells.columns + 1
            records["value"] = cells.counts
            file.write(records.tobytes())
    vocabulary = path.with_name(path.name + ".vocab")
    units = index.units
    words = np.asarray(index.vocabulary.occurrences.all())[units.word_terms]
    occurrences = np.concatenate([words, units.phrase_occurrences.all()]).tolist()
    write_lines(vocabulary, (f"{name} {n}" for name, n in zip(unit_names(index, plain=True), occurrences, strict=True)))
    return [path, vocabulary]


def write_npz(index: Index, matrix: PairMatrix, path: Path) -> list[Path]:
    """Write the cells as the arrays of a SciPy CSR matrix, one after the other, never all in memory."""
    import zipfile

    cells = matrix.record.cells
    place = "<i4" if max(cells, matrix.rows) < 1 << 31 else "<i8"
    ends = np.zeros(matrix.rows + 1, np.int64)
    for part in cells_of(matrix):
        rows, counts = np.unique(part.rows, return_counts=True)
        ends[rows + 1] = counts
    shape = np.array([matrix.rows, matrix.rows], np.int64)
    with whole_file(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        _put(archive, "format", np.array(b"csr"))
        _put(archive, "shape", shape)
        _put(archive, "indptr", np.cumsum(ends).astype(place))
        with _array(archive, "indices", place, cells) as out:
            for part in cells_of(matrix):
                out.write(part.columns.astype(place).tobytes())
        dtype = "<i8" if matrix.unit == 1 else "<f8"
        with _array(archive, "data", dtype, cells) as out:
            for part in cells_of(matrix):
                out.write(part.counts.astype(dtype).tobytes())
    names = path.with_name(path.name + ".terms.txt")
    write_lines(names, unit_names(index, plain=True))
    return [path, names]


def _put(archive: Any, name: str, array: Array) -> None:
    with archive.open(f"{name}.npy", "w") as out:
        np.lib.format.write_array(out, array, allow_pickle=False)


@contextmanager
def _array(archive: Any, name: str, dtype: str, size: int) -> Iterator[IO[bytes]]:
    """A member of the archive to which the bytes of an array are written."""
    header = {"descr": dtype, "fortran_order": False, "shape": (size,)}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as out:
        np.lib.format.write_array_header_1_0(out, header)
        yield out


def write_ngrams(index: Index, path: Path) -> list[Path]:
    """Write all n-grams as parquet, order by order."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    terms = pa.array(index.vocabulary.all_terms(), pa.string())
    schema = pa.schema([("ngram", pa.string()), ("n", pa.int8()), ("count", pa.int64())])
    with whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for n in range(1, 2 + len(index.manifest.ngrams)):
            for ids, counts in ngram_chunks(index, n):
                words = [terms.take(pa.array(column)) for column in ids]
                text = pc.binary_join_element_wise(*words, " ")
                order = pa.array(np.full(len(counts), n, np.int8))
                writer.write_batch(pa.record_batch([text, order, pa.array(counts)], schema=schema))
    return [path]


def ngram_chunks(index: Index, n: int) -> Iterator[tuple[list[Array], Array]]:
    """The n-grams of an order as term ids by place in the n-gram, and their counts; some at a time."""
    if n == 1:
        occurrences = np.asarray(index.vocabulary.occurrences.all())
        met = np.flatnonzero(occurrences)
        if len(met):
            yield [met], occurrences[met]
        return
    level = index.ngrams(n)
    for start in range(0, level.kept, CHUNK // 8):
        numbers = np.arange(start, min(start + CHUNK // 8, level.kept))
        yield ngram_terms(index, n, numbers), np.asarray(level.counts.all()[numbers])


def write_lines(path: Path, lines: Any) -> None:
    with whole_file(path) as file:
        for line in lines:
            file.write(line.encode() + b"\n")
