"""One part of a corpus file → batches of documents, with a receipt of what was read and what was not."""

from collections.abc import Iterator
from pathlib import Path

from cooc.corpus.documents import Chunk, Giant, Job, cut, stream
from cooc.corpus.jsonl import read_jsonl
from cooc.corpus.model import Batch, Fields, OnBad, Part, Receipt
from cooc.corpus.stream import MOST_BYTES
from cooc.corpus.text import read_lines, read_text
from cooc.errors import BadRecord

BATCH_BYTES = 4 << 20
REMEDY = "To skip such records and have them counted: --on-bad-line skip"


def read(
    part: Part,
    fields: Fields,
    *,
    on_bad: OnBad = "fail",
    batch_bytes: int = BATCH_BYTES,
    receipt: Receipt,
    most_bytes: int = MOST_BYTES,
    spool: Path | None = None,
    first_line: int | None = None,
) -> Iterator[Batch]:
    """The documents of a part in their order, in batches of at most `batch_bytes` (but for one character).

    A bad record raises BadRecord, or is skipped and counted in the receipt with `on_bad="skip"`; a damaged
    file, and one that changed since it was found, is a SourceError always. The receipt is complete when the
    batches are used up.

    Memory stays within about three times `most_bytes`, the batches and a constant, whatever the file holds: a
    longer line is copied to a file in the folder `spool` and read from there, and a column or window that
    can't be taken in pieces is a SourceError. `first_line` is the number of the first line that begins in the
    part; without it the lines before the part are counted, which reads what lies before it.
    """
    job = Job(
        part.source.url, fields, on_bad, receipt, most_bytes=most_bytes, spool=spool, first_line=first_line
    )
    if part.source.format == "text":
        batches = read_text(part, job, batch_bytes)
    else:
        batches = (batch for found in _chunks(part, job, batch_bytes) for batch in _batches(found, batch_bytes))
    try:
        for batch in batches:
            receipt.documents += len(batch.metadata)
            receipt.text_bytes += len(batch.data)
            yield batch
    except BadRecord as error:
        raise BadRecord(error.where, error.reason, f"{error.detail}. {REMEDY}") from None


def _batches(found: Chunk | Giant, batch_bytes: int) -> Iterator[Batch]:
    return stream(found, batch_bytes) if isinstance(found, Giant) else cut(found, batch_bytes)


def _chunks(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk | Giant]:
    if part.source.format == "jsonl":
        return read_jsonl(part, job, chunk_bytes)
    if part.source.format == "lines":
        return read_lines(part, job, chunk_bytes)
    # pyarrow takes a while to import
    if part.source.format == "parquet":
        from cooc.corpus.parquet import read_parquet

        return read_parquet(part, job, chunk_bytes)
    from cooc.corpus.arrow import read_arrow

    return read_arrow(part, job, chunk_bytes)
