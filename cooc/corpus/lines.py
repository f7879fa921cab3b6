"""Lines of a file or of a byte range of it: where they begin, which numbers they have."""

import threading
from collections.abc import Iterator
from typing import IO, NamedTuple

from cooc.corpus.documents import Job
from cooc.corpus.model import Part, Receipt, Source
from cooc.corpus.spool import Spool
from cooc.corpus.stream import Content, DamagedStreamError, open_raw, unreadable
from cooc.errors import SourceError

# Small enough that a block, its lines and their texts stay in the second-level cache.
BLOCK_BYTES = 128 << 10
SCAN_BYTES = 1 << 20
FILES_REMEMBERED = 16

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Lines(NamedTuple):
    """Lines one after the other, without their newlines, or one that is too long for memory."""

    number: int
    lines: list[bytes]
    giant: Spool | None


def blocks_of_lines(part: Part, job: Job) -> Iterator[Lines]:
    """The lines that begin in the part.

    Nothing here keeps what it gave out, and a giant is closed when the next lines are asked for.
    """
    source = part.source
    start, stop = _line_range(part)
    line = _first_line(part, start, job.first_line)
    with Content(source, start, stop, most_bytes=job.most_bytes) as content:
        try:
            for lines, giant in _split(_blocks(content, job.receipt, marked=start == 0), job):
                # counted before its user empties the list
                count = 1 if giant is not None else len(lines)
                yield Lines(line, lines, giant)
                line += count
        except DamagedStreamError as error:
            raise SourceError(f"{source.url}:{line}: {error}") from error
        content.finish(job.receipt)
    if stop is not None and stop < source.bytes and job.first_line is None:
        _counts.learn(source, stop, line - 1)


def count_lines(part: Part) -> int:
    """How many lines begin in this part of an uncompressed file.

    The first line of a part has the number 1 + the counts of the parts before it.
    """
    source = part.source
    stop = source.bytes if part.stop < 0 else min(part.stop, source.bytes)
    if stop <= part.start:
        return 0
    # a line begins after each newline, but where the file ends with it
    return (part.start == 0) + count_newlines(source, max(part.start - 1, 0), stop - 1)


def count_newlines(source: Source, start: int, stop: int) -> int:
    """Newlines in a range of an uncompressed file."""
    found, at = 0, start
    with open_raw(source) as raw:
        try:
            raw.seek(start)
            while at < stop and (block := raw.read(min(SCAN_BYTES, stop - at))):
                found += block.count(b"\n")
                at += len(block)
        except OSError as error:
            raise unreadable(source, error, f"at byte {at}") from error
    if at < stop:
        raise SourceError(
            f"{source.url}: ended after {at} of {source.bytes} bytes. "
            "Let the writing of the corpus end, then build again"
        )
    return found


def _first_line(part: Part, start: int, known: int | None) -> int:
    if known is None:
        return 1 + (_counts.before(part.source, start) if start else 0)
    return known


def _blocks(content: Content, receipt: Receipt, *, marked: bool) -> Iterator[bytes]:
    """The bytes of the part in blocks, without the mark that a file may begin with."""
    head = b""
    while marked and len(head) < len(BYTE_ORDER_MARK) and (block := content.read(BLOCK_BYTES)):
        head += block
    if head.startswith(BYTE_ORDER_MARK):
        receipt.repair("byte order mark")
        head = head[len(BYTE_ORDER_MARK) :]
    if head:
        yield head
    del head
    while block := content.read(BLOCK_BYTES):
        yield block


def _split(blocks: Iterator[bytes], job: Job) -> Iterator[tuple[list[bytes], Spool | None]]:
    # a line longer than a block is a list of blocks until its end is found, so that it is joined once
    begun: list[bytes] = []
    size = 0
    for block in blocks:
        end = block.rfind(b"\n")
        if end >= 0:
            begun.append(block[:end])
            rest = block[end + 1 :]
            del block
            yield _joined(begun).split(b"\n"), None
            begun, size = [rest] if rest else [], len(rest)
            continue
        begun.append(block)
        size += len(block)
        if size > job.limits.line:
            with Spool(job.spool, job.url) as giant:
                for piece in begun:
                    giant.add(piece)
                del block
                begun = [_spool_line(blocks, giant)]
                yield [], giant
            size = len(begun[0])
            # what follows the giant in its last block may hold whole lines
            end = begun[0].rfind(b"\n")
            if end >= 0:
                rest = begun[0][end + 1 :]
                yield begun[0][:end].split(b"\n"), None
                begun, size = [rest], len(rest)
            begun = [piece for piece in begun if piece]
    if begun:
        yield [_joined(begun)], None


def _spool_line(blocks: Iterator[bytes], giant: Spool) -> bytes:
    """Spool the rest of a line; what was read beyond it."""
    for block in blocks:
        end = block.find(b"\n")
        if end >= 0:
            giant.add(block[:end])
            return block[end + 1 :]
        giant.add(block)
    return b""


def _joined(pieces: list[bytes]) -> bytes:
    whole = b"".join(pieces)
    pieces.clear()
    return whole


def _line_range(part: Part) -> tuple[int, int | None]:
    """First byte of the part's first line, and of the first line after the part."""
    source = part.source
    if part.stop < 0:
        return 0, None
    if part.start == 0 and part.stop >= source.bytes:
        return 0, source.bytes
    with open_raw(source) as raw:
        try:
            start = _line_start(raw, part.start, min(part.stop, source.bytes))
            stop = start if start >= part.stop else _line_start(raw, part.stop, source.bytes)
        except OSError as error:
            raise unreadable(source, error, f"near byte {part.start}") from error
    return start, stop


def _line_start(raw: IO[bytes], at: int, limit: int) -> int:
    """The first line start in `at`..`limit`; `limit` where there is none before it."""
    if at == 0 or at >= limit:
        return min(at, limit)
    raw.seek(at - 1)
    position = at - 1
    while position < limit and (block := raw.read(BLOCK_BYTES)):
        found = block.find(b"\n")
        if found >= 0:
            return min(position + found + 1, limit)
        position += len(block)
    return limit


class _LineCounts:
    """How many lines lie before a byte of a file, remembered so that its parts together read it about once.

    It is shared by all threads and only ever saves work: an unknown count is counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Source, dict[int, int]] = {}

    def learn(self, source: Source, at: int, lines: int) -> None:
        with self._lock:
            if source not in self._known and len(self._known) >= FILES_REMEMBERED:
                self._known.clear()
            self._known.setdefault(source, {})[at] = lines

    def before(self, source: Source, at: int) -> int:
        with self._lock:
            known = self._known.get(source, {})
            position = max((place for place in known if place <= at), default=0)
            lines = known.get(position, 0)
        lines += count_newlines(source, position, at)
        self.learn(source, at, lines)
        return lines


_counts = _LineCounts()
