"""Parquet row groups and Arrow IPC record batches → documents, without copying text where Arrow allows it."""

import os
from collections.abc import Callable, Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from cooc.corpus.columns import Columns
from cooc.corpus.documents import Chunk, Job
from cooc.corpus.model import Part, Receipt, Source
from cooc.corpus.stream import check_unchanged, open_raw
from cooc.errors import SourceError

ROWS_AT_MOST = 8192
DIGEST_BYTES = 8 << 20
READ_BYTES = 1 << 20
STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError)


def read_parquet(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk]:
    """The rows of the part's row groups."""
    source = part.source
    with open_raw(source) as raw:
        file = open_parquet(source, raw)
        meta = file.metadata
        groups = range(part.start, meta.num_row_groups if part.stop < 0 else part.stop)
        columns = Columns(file.schema_arrow, job)
        account(source, raw, *_stored_range(meta, groups, source), job.receipt)
        row = 1 + sum(meta.row_group(group).num_rows for group in range(groups.start))
        batches = file.iter_batches(
            batch_size=_rows_at_once(meta, groups, columns.text_path, chunk_bytes),
            row_groups=list(groups),
            columns=columns.paths,
            use_threads=False,
        )
        while (batch := guarded(source, lambda: next(batches, None), f"near row {row}")) is not None:
            yield columns.documents(batch, row)
            row += batch.num_rows


def open_parquet(source: Source, raw: IO[bytes]) -> Any:
    """The file with its page checksums checked; column chunks are read through a buffer, not whole."""
    return guarded(
        source,
        lambda: pq.ParquetFile(handle(source, raw), page_checksum_verification=True, buffer_size=READ_BYTES),
    )


def handle(source: Source, raw: IO[bytes]) -> Any:
    """What pyarrow reads from: local files by itself, others through Python."""
    return pa.PythonFile(raw, mode="r") if source.remote else pa.OSFile(source.url, "rb")


def guarded(source: Source, action: Callable[[], Any], place: str = "") -> Any:
    try:
        return action()
    except ARROW_ERRORS as error:
        where = f"{source.format} {place}".strip()
        message = f"{source.url}: can't be read as {where}: {error}. Is the file whole? Fetch it again"
        raise SourceError(message) from error


def account(source: Source, raw: IO[bytes], start: int, stop: int, receipt: Receipt) -> None:
    """Count and, for local files, digest the stored bytes of a part."""
    receipt.source_bytes = max(stop - start, 0)
    if source.remote:
        return
    check_unchanged(source, os.fstat(raw.fileno()))
    raw.seek(start)
    digest, left = xxhash.xxh3_128(), receipt.source_bytes
    while left and (block := raw.read(min(DIGEST_BYTES, left))):
        digest.update(block)
        left -= len(block)
    receipt.digest = digest.hexdigest()


def group_start(meta: Any, group: int) -> int:
    """The first byte of a row group."""
    columns = [meta.row_group(group).column(i) for i in range(meta.num_columns)]
    offsets = [c.data_page_offset for c in columns] + [c.dictionary_page_offset or 0 for c in columns]
    return min((offset for offset in offsets if offset > 0), default=0)


def _stored_range(meta: Any, groups: range, source: Source) -> tuple[int, int]:
    """The stored bytes of these row groups; the file's head goes with the first, its footer with the last."""
    start = group_start(meta, groups.start) if 0 < groups.start < meta.num_row_groups else 0
    stop = group_start(meta, groups.stop) if groups.stop < meta.num_row_groups else source.bytes
    return start, stop


def _rows_at_once(meta: Any, groups: range, path: str, chunk_bytes: int) -> int:
    """So many rows that their text is about as large as a batch."""
    rows = size = 0
    for group in groups:
        chunks = [meta.row_group(group).column(i) for i in range(meta.num_columns)]
        size += sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema == path)
        rows += meta.row_group(group).num_rows
    return max(1, min(ROWS_AT_MOST, chunk_bytes * rows // max(size, 1)))


def read_arrow(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk]:
    """The record batches of an IPC file or stream, whichever it is."""
    source = part.source
    with open_raw(source) as raw:
        account(source, raw, 0, source.bytes, job.receipt)
        raw.seek(0)
        is_file = raw.read(6) == b"ARROW1"
        raw.seek(max(source.bytes - len(STREAM_END), 0))
        ended = is_file or raw.read() == STREAM_END
        raw.seek(0)
        open_reader = pa.ipc.open_file if is_file else pa.ipc.open_stream
        schema = guarded(source, lambda: open_reader(handle(source, raw))).schema
        columns = Columns(schema, job)
        raw.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=columns.indices, use_threads=False)
        reader = guarded(source, lambda: open_reader(handle(source, raw), options=options))
        row = 1
        for batch in _record_batches(source, reader, is_file):
            yield columns.documents(batch, row)
            row += batch.num_rows
        if not ended:
            raise SourceError(
                f"{source.url}: this Arrow stream has no end mark after row {row - 1}: it was cut off, or "
                "its writer was never closed. Fetch it again, or write it again as an Arrow file"
            )


def _record_batches(source: Source, reader: Any, is_file: bool) -> Iterator[Any]:
    if is_file:
        for number in range(reader.num_record_batches):
            yield guarded(source, lambda n=number: reader.get_batch(n), f"in record batch {number + 1}")  # type: ignore[misc]
        return
    batches, number = iter(reader), 1
    while (batch := guarded(source, lambda: next(batches, None), f"in record batch {number}")) is not None:
        yield batch
        number += 1
