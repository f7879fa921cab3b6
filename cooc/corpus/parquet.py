"""Parquet row groups → documents, in batches that fit memory however the rows were packed."""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

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
# a column chunk through a buffer, and not whole before its first page
BUFFERED = {"buffer_size": 1 << 20, "pre_buffer": False}

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
        check_groups(source, meta, groups, columns)
        shared = guarded(source, lambda: _shared_strings(meta, groups, columns), "by its footer")
        if shared:
            file = open_parquet(source, raw, read_dictionary=shared)
        start, stop = guarded(source, lambda: _stored_range(meta, groups, source), "by its footer")
        account(source, raw, start, stop, job.receipt)
        row = 1 + sum(meta.row_group(group).num_rows for group in range(groups.start))
        for group in groups:
            yield from _rows_of(Group(source, raw, file, group), columns, row, chunk_bytes, job.most_bytes)
            row += meta.row_group(group).num_rows
        check_end(source, raw)


class Group(NamedTuple):
    source: Source
    raw: IO[bytes]
    file: Any
    number: int


def _rows_of(group: Group, columns: Columns, first: int, chunk_bytes: int, most_bytes: int) -> Iterator[Chunk]:
    """The documents of a row group whose first row is number `first` of the file."""
    source, row = group.source, first
    batches = guarded(
        source, lambda: _batches(group, columns, chunk_bytes, most_bytes), f"in row group {group.number + 1}"
    )
    while (batch := guarded(source, lambda: next(batches, None), f"near row {row}")) is not None:
        yield from columns.documents(batch, row, chunk_bytes)
        row += batch.num_rows
        # else the next batch is read while this one is held
        del batch
    end = first + group.file.metadata.row_group(group.number).num_rows
    if row != end:
        # pyarrow ends without a word where one of the columns does
        raise SourceError(
            f"{source.url}: row group {group.number + 1} ended before row {row}, and its rows go on to row "
            f"{end - 1} by the footer. Fetch the file again"
        )


def open_parquet(source: Source, raw: IO[bytes], **how: Any) -> Any:
    """The file with its page checksums checked; column chunks are read through a buffer, not whole."""
    how |= {"page_checksum_verification": True, **BUFFERED}
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


def check_groups(source: Source, meta: Any, groups: range, columns: Columns) -> None:
    """SourceError where the footer describes a column chunk wrongly.

    Looking at such a chunk from Python ends the process (`parquet::ParquetException` is not caught there in
    pyarrow 26), while a reader tells of it; so the groups, and the one after them, are read up to their data:
    all columns at once, and each that is wanted by itself, as the first of several hides what is wrong with others.
    """
    file = pa.PythonFile(NoData(source.bytes), mode="r")
    dry = guarded(source, lambda: pq.ParquetFile(file, metadata=meta, **BUFFERED))

    def try_group(group: int) -> None:
        paths = [meta.schema.column(number).path for number in range(meta.num_columns)]
        for chosen in [None, *([path] for path in paths if columns.reads(path))]:
            with contextlib.suppress(DataWantedError):
                next(dry.iter_batches(batch_size=1, row_groups=[group], columns=chosen, use_threads=False), None)

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


def _batches(group: Group, columns: Columns, chunk_bytes: int, most_bytes: int) -> Iterator[Any]:
    """The rows of a row group, so many at once that they fit."""
    meta, at_once = group.file.metadata, ROWS_AT_MOST
    rows = meta.row_group(group.number).num_rows
    for number in range(meta.num_columns):
        path = meta.schema.column(number).path
        if columns.reads(path):
            leaf = Leaf(group, number, most_bytes)
            at_once = min(at_once, leaf.rows_at_once())
            if path == columns.text_path:
                # so many that their text is about as large as a batch
                at_once = min(at_once, max(1, chunk_bytes * rows // max(leaf.size, 1)))
    batches: Iterator[Any] = group.file.iter_batches(
        batch_size=at_once, row_groups=[group.number], columns=columns.paths, use_threads=False
    )
    return batches


class Leaf:
    """What reading one column chunk takes in memory.

    A string is never longer than its page but where a dictionary or the string before it is pointed at; a batch
    of rows is at most what its pages hold, or so many times the longest string.
    """

    def __init__(self, group: Group, number: int, most_bytes: int) -> None:
        meta = group.file.metadata
        self._source, self._raw, self._most_bytes = group.source, group.raw, most_bytes
        self._place = f"row group {group.number + 1} of {meta.num_row_groups}"
        self._column = meta.schema.column(number)
        self._chunk = meta.row_group(group.number).column(number)
        self.size: int = self._chunk.total_uncompressed_size

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
