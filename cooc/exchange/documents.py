"""Documents of Hugging Face `datasets` as files that a build reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import xxhash

from cooc.errors import SourceError, UsageError

BATCH = 1_000
"""Rows written together."""

READ = 1 << 20
"""Bytes of a file at a time, for its digest."""

FOLDER = ".documents"
"""Behind the name of an index: the folder in which its documents lie."""


def is_dataset(source: object) -> bool:
    """Whether a source is a dataset of Hugging Face; without importing the package."""
    return type(source).__module__.split(".")[0] == "datasets"


def placed_sources(sources: Any, out: str | os.PathLike[str], columns: Sequence[str]) -> Any:
    """The sources of a build with a Parquet file in OUT.documents for each dataset among them.

    Only `columns` are written, those that a dataset has. A dataset of several splits gives a file for each. The same
    rows give the same file, which is left as it is: so the same call goes on with a build that was stopped.
    """
    many = [sources] if isinstance(sources, str | os.PathLike) or is_dataset(sources) else list(sources)
    if not any(is_dataset(each) for each in many):
        return sources
    folder = Path(os.fspath(out).rstrip("/") + FOLDER)
    placed: list[Any] = []
    number = 0
    for source in many:
        for part in _splits(source) if is_dataset(source) else [source]:
            if not is_dataset(part):
                placed.append(part)
                continue
            placed.append(write_documents(part, folder, f"{number:04d}", columns))
            number += 1
    return placed


def _splits(source: Any) -> list[Any]:
    """The datasets of a DatasetDict, ordered by name; or the one there is."""
    return [source[name] for name in sorted(source)] if isinstance(source, dict) else [source]


def write_documents(dataset: Any, folder: Path, name: str, columns: Sequence[str]) -> Path:
    """Write the columns of a dataset as FOLDER/NAME-DIGEST.parquet, unless the file is there."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    temporary, digest, writer = folder / f"{name}.part", xxhash.xxh3_64(), None
    try:
        for table in batches(dataset, columns):
            writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            raise SourceError(f"the dataset {dataset!r} has no rows.")
        writer.close()
        with open(temporary, "rb") as file:
            while part := file.read(READ):
                digest.update(part)
        path = folder / f"{name}-{digest.hexdigest()}.parquet"
        if not path.exists():
            os.replace(temporary, path)
        return path
    finally:
        temporary.unlink(missing_ok=True)


def batches(dataset: Any, columns: Sequence[str]) -> Iterator[Any]:
    """Arrow tables of some rows each, of the columns that a dataset has; the first of `columns` it must have."""
    import pyarrow as pa

    names = list(dataset.column_names or ())
    text = columns[0]
    if names and text not in names:
        raise UsageError(f'the dataset has no column "{text}"; it has {", ".join(names)}. Name it: text_field.')
    kept = [name for name in dict.fromkeys(columns) if not names or name in names]
    chosen = dataset.select_columns(kept) if names else dataset
    schema = None
    for table in _tables(chosen.with_format("arrow").iter(batch_size=BATCH), pa):
        if not names:
            table = table.select([name for name in kept if name in table.column_names])
        schema = schema or table.schema
        yield table.cast(schema)


def _tables(found: Iterable[Any], pa: Any) -> Iterator[Any]:
    for table in found:
        held = table if isinstance(table, pa.Table) else pa.Table.from_pydict(dict(table))
        yield held.replace_schema_metadata(None)
