"""Parquet row groups → documents, in batches that fit memory however the rows were packed."""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from cooc.corpus.columns import ARROW_ERRORS, ROWS_AT_MOST, Columns
from cooc.corpus.documents import Chunk, Job
from cooc.corpus.model import Part, Receipt, Source
from cooc.corpus.pages import DamagedPageError, Page, longest_string, most_in_a_row, pages
from cooc.corpus.stream import check_unchanged, open_raw, unreadable
from cooc.errors import CoocError, SourceError

DIGEST_BYTES = 1 << 20
READ_BYTES = 1 << 20

NUMBER_BYTES = 16
STRINGS = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def read_parquet(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk]:
    """The rows of the part's row groups."""
    source = part.source
    with open_raw(source) as raw:
        check_end(source, raw)
        file = open_parquet(source, raw)
        meta = file.metadata
        groups = range(part.start, meta.num_row_groups if part.stop < 0 else part.stop)
        columns = guarded(source, lambda: Columns(file.schema_arrow, job))
        check_groups(source, meta, groups)
        shared = _shared_strings(meta, groups, columns)
        if shared:
            file = open_parquet(source, raw, read_dictionary=shared)
        account(source, raw, *_stored_range(meta, groups, source), job.receipt)
        row = 1 + sum(meta.row_group(group).num_rows for group in range(groups.start))
        for group in groups:
            batches = _batches(source, raw, file, group, columns, job, chunk_bytes)
            while (batch := guarded(source, lambda b=batches: next(b, None), f"near row {row}")) is not None:  # type: ignore[misc]
                yield from columns.documents(batch, row, chunk_bytes)
                row += batch.num_rows
                # else the next batch is read while this one is held
                del batch
        check_end(source, raw)


def open_parquet(source: Source, raw: IO[bytes], **how: Any) -> Any:
    """The file with its page checksums checked; column chunks are read through a buffer, not whole."""
    how |= {"page_checksum_verification": True, "buffer_size": READ_BYTES}
    return guarded(source, lambda: pq.ParquetFile(handle(source, raw), **how))


def _shared_strings(meta: Any, groups: range, columns: Columns) -> list[str]:
    """Columns of lists of strings that are stored as dictionaries, which are to stay so in memory."""
    found = []
    for number in range(meta.num_columns):
        column = meta.schema.column(number)
        if column.max_repetition_level and column.physical_type == "BYTE_ARRAY" and columns.reads(column.path):
            chunks = [meta.row_group(group).column(number) for group in groups]
            if all({"RLE_DICTIONARY", "PLAIN_DICTIONARY"} & set(chunk.encodings) for chunk in chunks):
                found.append(column.path)
    return found


class DataWantedError(OSError):
    """A reader has gone through the footer and comes to the data."""


class NoData(io.RawIOBase):
    """A file of so many bytes that can't be read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._at = size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, at: int, whence: int = 0, /) -> int:
        self._at = at + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        raise DataWantedError


def check_groups(source: Source, meta: Any, groups: range) -> None:
    """SourceError where the footer describes a column chunk wrongly.

    Looking at such a chunk from Python ends the process (`parquet::ParquetException` is not caught there in
    pyarrow 26), while a reader tells of it; so the groups, and the one after them, are read up to their data.
    """
    dry = guarded(source, lambda: pq.ParquetFile(pa.PythonFile(NoData(source.bytes), mode="r"), metadata=meta))

    def try_group(group: int) -> None:
        with contextlib.suppress(DataWantedError):
            next(dry.iter_batches(batch_size=1, row_groups=[group], use_threads=False), None)

    for group in range(groups.start, min(groups.stop + 1, meta.num_row_groups)):
        guarded(source, lambda g=group: try_group(g), f"in row group {group + 1}")  # type: ignore[misc]


def handle(source: Source, raw: IO[bytes]) -> Any:
    """What pyarrow reads from: local files by itself, others through Python."""
    return pa.PythonFile(raw, mode="r") if source.remote else pa.OSFile(source.url, "rb")


def guarded(source: Source, action: Callable[[], Any], place: str = "") -> Any:
    try:
        return action()
    except CoocError:
        raise
    except ARROW_ERRORS as error:
        where = f"{source.format} {place}".strip()
        message = f"{source.url}: can't be read as {where}: {error}. Is the file whole? Fetch it again"
        raise SourceError(message) from error


def check_end(source: Source, raw: IO[bytes]) -> None:
    """SourceError where a local file isn't as it was found."""
    if not source.remote:
        check_unchanged(source, os.fstat(raw.fileno()))


def account(source: Source, raw: IO[bytes], start: int, stop: int, receipt: Receipt) -> None:
    """Count and, for local files, digest the stored bytes of a part."""
    receipt.source_bytes = max(stop - start, 0)
    if source.remote:
        return
    digest, left = xxhash.xxh3_128(), receipt.source_bytes
    try:
        raw.seek(start)
        while left and (block := raw.read(min(DIGEST_BYTES, left))):
            digest.update(block)
            left -= len(block)
    except OSError as error:
        raise unreadable(source, error, f"at byte {stop - left}") from error
    receipt.digest = digest.hexdigest()


def group_start(meta: Any, group: int) -> int:
    """The first byte of a row group."""
    columns = [meta.row_group(group).column(i) for i in range(meta.num_columns)]
    return min((start for start in map(chunk_start, columns) if start > 0), default=0)


def chunk_start(chunk: Any) -> int:
    """The first byte of a column chunk."""
    dictionary: int = chunk.dictionary_page_offset or 0
    data: int = chunk.data_page_offset
    return dictionary if 0 < dictionary < data else data


def _stored_range(meta: Any, groups: range, source: Source) -> tuple[int, int]:
    """The stored bytes of these row groups; the file's head goes with the first, its footer with the last."""
    start = group_start(meta, groups.start) if 0 < groups.start < meta.num_row_groups else 0
    stop = group_start(meta, groups.stop) if groups.stop < meta.num_row_groups else source.bytes
    return start, stop


def _batches(
    source: Source, raw: IO[bytes], file: Any, group: int, columns: Columns, job: Job, chunk_bytes: int
) -> Iterator[Any]:
    """The rows of a row group, so many at once that they fit."""
    meta = file.metadata
    rows = _rows_at_once(meta, group, columns.text_path, chunk_bytes)
    for number in range(meta.num_columns):
        if columns.reads(meta.schema.column(number).path):
            chunk = Leaf(source, raw, meta, group, number, job.most_bytes)
            rows = min(rows, guarded(source, chunk.rows_at_once, f"in row group {group + 1}"))
    batches: Iterator[Any] = file.iter_batches(
        batch_size=rows, row_groups=[group], columns=columns.paths, use_threads=False
    )
    return batches


def _rows_at_once(meta: Any, group: int, path: str, chunk_bytes: int) -> int:
    """So many rows that their text is about as large as a batch."""
    rows = meta.row_group(group).num_rows
    chunks = [meta.row_group(group).column(i) for i in range(meta.num_columns)]
    size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema == path)
    return int(max(1, min(ROWS_AT_MOST, chunk_bytes * rows // max(size, 1))))


class Leaf:
    """What reading one column chunk takes in memory.

    A string is never longer than its page but where a dictionary or the string before it is pointed at; a batch
    of rows is at most what its pages hold, or so many times the longest string.
    """

    def __init__(self, source: Source, raw: IO[bytes], meta: Any, group: int, number: int, most_bytes: int) -> None:
        self._source, self._raw, self._most_bytes = source, raw, most_bytes
        self._place = f"row group {group + 1} of {meta.num_row_groups}"
        self._column = meta.schema.column(number)
        self._chunk = meta.row_group(group).column(number)

    def rows_at_once(self) -> int:
        """Rows that fit; SourceError where one page, or what may be one row, does not."""
        found = self._pages()
        largest = max((page.size for page in found), default=0)
        if largest > self._most_bytes // 2:
            raise self._too_large(f"has a page of {largest} bytes, which is read whole")
        budget = self._most_bytes // 4
        if self._column.max_repetition_level:
            # which rows the values of lists belong to is known only when they are read; dictionaries stay such
            pointed = largest if "DELTA_BYTE_ARRAY" in self._chunk.encodings else 0
            values = sum(page.values for page in found if not page.is_dictionary)
            most = sum(page.size for page in found) + values * max(pointed, NUMBER_BYTES)
            if most > self._most_bytes:
                raise self._too_large(f"holds lists that may take {most} bytes")
            return ROWS_AT_MOST
        if self._chunk.physical_type not in STRINGS:
            return ROWS_AT_MOST
        longest = self._longest(found)
        rows = min(max(1, budget // longest), ROWS_AT_MOST) if longest else ROWS_AT_MOST
        while rows > 1 and most_in_a_row(found, rows) > budget:
            rows //= 2
        return rows

    def _pages(self) -> list[Page]:
        start = chunk_start(self._chunk)
        stop = start + self._chunk.total_compressed_size
        try:
            return pages(self._read, start, stop, self._chunk.num_values)
        except DamagedPageError as error:
            message = f"{self._source.url}: can't be read as parquet in {self._place}: {error}. Fetch it again"
            raise SourceError(message) from error

    def _longest(self, found: list[Page]) -> int:
        """The longest string that many rows may point at; 0 where each has its own."""
        longest = 0
        if "DELTA_BYTE_ARRAY" in self._chunk.encodings:
            longest = max((page.size for page in found), default=0)
        for page in found:
            if page.is_dictionary and self._chunk.physical_type in STRINGS:
                longest = max(longest, self._longest_in(page))
        return longest

    def _longest_in(self, page: Page) -> int:
        if self._chunk.physical_type == "FIXED_LEN_BYTE_ARRAY":
            return int(self._column.length)
        stored = self._read(page.at, page.stored)
        if self._chunk.compression == "UNCOMPRESSED":
            return longest_string(stored)
        try:
            codec = pa.Codec(self._chunk.compression.lower())
            return longest_string(codec.decompress(stored, page.size).to_pybytes())
        except ARROW_ERRORS:
            # the reader will say what is wrong with it, if anything is
            return page.size

    def _read(self, at: int, size: int) -> bytes:
        try:
            self._raw.seek(at)
            return self._raw.read(size)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError):
                raise unreadable(self._source, error, f"at byte {at}") from error
            raise DamagedPageError(f"a page at byte {at}") from error

    def _too_large(self, what: str) -> SourceError:
        most = self._most_bytes >> 20
        return SourceError(
            f'{self._source.url}: {self._place}: the column "{self._chunk.path_in_schema}" {what}, and {most} MiB '
            "may be used to read it. Give more --memory, or write the file again with smaller pages and row groups"
        )
