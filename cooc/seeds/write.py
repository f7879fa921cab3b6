"""The files of a scan: the cells as parquet, and beside them a table of the terms and one of the words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.index.files import refusal
from cooc.seeds.cells import Part
from cooc.seeds.model import ScanRecord
from cooc.seeds.terms import Seeds
from cooc.seeds.words import Words

Array = NDArray[Any]

ROWS = 1 << 20
"""Rows of a row group: the bytes of the files depend on it."""

METADATA = "cooc.scan"


class Counted(NamedTuple):
    """All that a scan says but the cells. `totals[seed]`: occurrences, documents, R1 by window."""

    seeds: Seeds
    words: Words
    totals: Array
    names: Sequence[str]


def companions(path: Path) -> dict[str, Path]:
    """The files beside a scan's cells: its terms with their totals, its words with theirs."""
    return {kind: path.with_suffix(f".{kind}.parquet") for kind in ("terms", "words")}


def write_scan(path: Path, record: ScanRecord, counted: Counted, parts: Iterator[Part]) -> None:
    """Write the three files; that of the cells comes last and names the digests of the others.

    Each appears whole. Raises `BuildError` where the system refuses.
    """
    import pyarrow.parquet as pq

    beside = companions(path)
    write_terms(beside["terms"], counted)
    write_words(beside["words"], counted)
    digests = {kind: xxhash.xxh3_128_hexdigest(file.read_bytes()) for kind, file in beside.items()}
    with whole_file(path) as file:
        schema = cells_schema(counted.names)
        # statistics of anything but the term, by which row groups are found, cost more than all the rest
        options = {
            "use_dictionary": ["term", "context"], "dictionary_pagesize_limit": 1 << 30, "compression": "zstd",
            "write_statistics": ["term"],
        }  # fmt: skip
        with pq.ParquetWriter(file, schema, **options) as writer:
            cells = 0
            places = np.zeros(len(counted.words.names), np.int32)
            for part in in_groups(parts, ROWS):
                writer.write_batch(batch_of(part, counted, schema, places), row_group_size=ROWS)
                cells += len(part)
            whole = msgspec.structs.replace(record, cells=cells, companions=digests)
            writer.add_key_value_metadata({METADATA: msgspec.json.encode(whole).decode()})


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that replaces `path` once it is complete and on the disk; nothing is left of one that never is."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise BuildError(refusal(path, 0, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def cells_schema(names: Sequence[str]) -> Any:
    import pyarrow as pa

    encoded = pa.dictionary(pa.int32(), pa.string())
    columns = [(f"{what}_{name}", pa.int64()) for name in names for what in ("count", "documents")]
    return pa.schema([("term", encoded), ("context", encoded), *columns])


def in_groups(parts: Iterator[Part], rows: int) -> Iterator[Part]:
    """The same cells in parts of exactly so many, but for the last."""
    held: list[Part] = []
    size = 0
    for part in parts:
        while size + len(part) >= rows:
            first = part.slice(0, rows - size)
            yield Part(np.concatenate([p.keys for p in (*held, first)]),
                       np.concatenate([p.values for p in (*held, first)]))  # fmt: skip
            part, held, size = part.slice(rows - size, len(part)), [], 0
        if len(part):
            held.append(part)
            size += len(part)
    if held:
        yield Part(np.concatenate([p.keys for p in held]), np.concatenate([p.values for p in held]))


def batch_of(part: Part, counted: Counted, schema: Any, places: Array) -> Any:
    """Cells as a record batch; `places` is scratch for all words, zero before and after."""
    import pyarrow as pa

    seeds = (part.keys >> np.uint64(32)).astype(np.int64)
    contexts = (part.keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    firsts = np.flatnonzero(np.diff(seeds, prepend=-1))
    numbers = np.repeat(np.arange(len(firsts), dtype=np.int32), np.diff(np.append(firsts, len(seeds))))
    terms = pa.array([counted.seeds.names[seed] for seed in seeds[firsts].tolist()], pa.string())
    places[contexts] = 1
    met = np.flatnonzero(places)
    places[met] = np.arange(len(met), dtype=np.int32)
    words = counted.words.names.take(pa.array(met)).cast(pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(numbers), terms),
        pa.DictionaryArray.from_arrays(pa.array(places[contexts]), words),
    ]
    places[met] = 0
    columns += [pa.array(np.ascontiguousarray(part.values[:, column])) for column in range(part.values.shape[1])]
    return pa.record_batch(columns, schema=schema)


def write_terms(path: Path, counted: Counted) -> None:
    """A row a seed: term, given, occurrences, documents, and R1 of each window."""
    import pyarrow as pa

    columns = {
        "term": pa.array(counted.seeds.names, pa.string()),
        "given": pa.array(counted.seeds.given, pa.list_(pa.string())),
        "occurrences": pa.array(counted.totals[:, 0].copy()),
        "documents": pa.array(counted.totals[:, 1].copy()),
    }
    columns |= {
        f"contexts_{name}": pa.array(counted.totals[:, 2 + number].copy()) for number, name in enumerate(counted.names)
    }
    write_table(path, [pa.table(columns)])


def write_words(path: Path, counted: Counted) -> None:
    """A row a word of the corpus, in the order of their bytes: context, occurrences, documents, C1 of each window."""
    import pyarrow as pa

    words = counted.words
    there = np.flatnonzero(words.occurrences)

    def tables() -> Iterator[Any]:
        for start in range(0, max(1, len(there)), ROWS):
            part = words.at(there[start : start + ROWS])
            columns = {
                "context": part.names.cast(pa.string()),
                "occurrences": pa.array(part.occurrences),
                "documents": pa.array(part.documents),
            }
            columns |= {f"contexts_{name}": pa.array(part.sums[number]) for number, name in enumerate(counted.names)}
            yield pa.table(columns)

    write_table(path, tables())


def write_table(path: Path, tables: Any) -> None:
    import pyarrow.parquet as pq

    writer = None
    with whole_file(path) as file:
        for table in tables:
            if writer is None:
                writer = pq.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=ROWS)
        if writer is not None:
            writer.close()
