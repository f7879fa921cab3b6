"""Arrow IPC record batches → documents, without copying text where Arrow allows it."""

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

from cooc.corpus.columns import Columns
from cooc.corpus.documents import Chunk, Job
from cooc.corpus.messages import DICTIONARY_BATCH, DamagedMessageError, Read, messages_of_file, messages_of_stream
from cooc.corpus.model import Part, Source
from cooc.corpus.parquet import account, check_end, guarded, handle
from cooc.corpus.stream import open_raw, unreadable
from cooc.errors import SourceError

STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"


def read_arrow(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk]:
    """The record batches of an IPC file or stream, whichever it is."""
    source = part.source
    with open_raw(source) as raw:
        check_end(source, raw)
        account(source, raw, 0, source.bytes, job.receipt)
        read = _reader(source, raw)
        is_file = read(0, 6) == b"ARROW1"
        ended = is_file or read(max(source.bytes - len(STREAM_END), 0), len(STREAM_END)) == STREAM_END
        raw.seek(0)
        open_reader = pa.ipc.open_file if is_file else pa.ipc.open_stream
        schema = guarded(source, lambda: open_reader(handle(source, raw)).schema)
        columns = guarded(source, lambda: Columns(schema, job))
        _check_memory(source, read, is_file, job.most_bytes)
        raw.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=columns.indices, use_threads=False)
        reader = guarded(source, lambda: open_reader(handle(source, raw), options=options))
        row = 1
        for batch in _record_batches(source, reader, is_file):
            yield from columns.documents(batch, row, chunk_bytes)
            row += batch.num_rows
            # else the next batch is read while this one is held
            del batch
        check_end(source, raw)
        if not ended:
            raise SourceError(
                f"{source.url}: this Arrow stream has no end mark after row {row - 1}: it was cut off, or "
                "its writer was never closed. Fetch it again, or write it again as an Arrow file"
            )


def _reader(source: Source, raw: IO[bytes]) -> Read:
    def read(at: int, size: int) -> bytes:
        try:
            raw.seek(max(at, 0))
            return raw.read(size)
        except OSError as error:
            raise unreadable(source, error, f"at byte {at}") from error

    return read


def _check_memory(source: Source, read: Read, is_file: bool, most_bytes: int) -> None:
    """SourceError where a record batch, which is read whole, or all dictionaries take more than may be used."""
    dictionaries = number = 0
    try:
        for message in (messages_of_file if is_file else messages_of_stream)(read, source.bytes):
            if message.kind == DICTIONARY_BATCH:
                dictionaries += message.size
                what, size = "its dictionaries take", dictionaries
            else:
                number += message.kind == 3
                what, size = f"record batch {number} takes", message.size
            if size > most_bytes:
                raise SourceError(
                    f"{source.url}: {what} {size} bytes, and {most_bytes >> 20} MiB may be used to read it. Give "
                    "more --memory, or write the file again with smaller record batches"
                )
    except DamagedMessageError as error:
        what = f"{source.url}: can't be read as arrow: {error}. Is the file whole? Fetch it again"
        raise SourceError(what) from error


def _record_batches(source: Source, reader: Any, is_file: bool) -> Iterator[Any]:
    if is_file:
        for number in range(guarded(source, lambda: reader.num_record_batches)):
            yield guarded(source, lambda n=number: reader.get_batch(n), f"in record batch {number + 1}")  # type: ignore[misc]
        return
    batches, number = iter(reader), 1
    while (batch := guarded(source, lambda: next(batches, None), f"in record batch {number}")) is not None:
        yield batch
        # else the next batch is read while this one is held
        del batch
        number += 1
