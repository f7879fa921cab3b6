"""Plain text → documents: a file each, streamed in pieces, or a line each."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cooc.corpus.documents import Chunk, Job, pack, view
from cooc.corpus.lines import BYTE_ORDER_MARK, blocks_of_lines
from cooc.corpus.model import Batch, Part, Receipt
from cooc.corpus.stream import Content, DamagedStreamError
from cooc.errors import BadRecord, SourceError

VALIDATED_BYTES = 1 << 20


def read_lines(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk]:
    """Each line with anything in it is a document."""
    texts: list[bytes] = []
    metadata: list[bytes] = []
    size = 0
    for first, lines in blocks_of_lines(part, job.receipt):
        for number, line in enumerate(lines, first):
            text = line.removesuffix(b"\r")
            if not text:
                continue
            found = fault(text)
            if found is not None:
                detail = f"{found.what} at byte {found.at + 1} of the line"
                job.bad(BadRecord(job.at(number), found.reason, detail))
                continue
            texts.append(text)
            metadata.append(job.describe_bare(number))
            size += len(text)
        if size >= chunk_bytes:
            yield pack(texts, metadata)
            texts, metadata, size = [], [], 0
    if metadata:
        yield pack(texts, metadata)


def read_text(part: Part, job: Job, batch_bytes: int) -> Iterator[Batch]:
    """The file as one document, in pieces cut between characters; an empty file is none.

    Pieces given out can't be taken back, so where bad documents are to be skipped the file is read first.
    """
    if job.skips:
        try:
            for _ in _pieces(part, job, VALIDATED_BYTES, Receipt()):
                pass
        except BadRecord as error:
            job.bad(error)
            _read_through(part, job.receipt)
            return
    begun = False
    waiting = b""
    for piece in _pieces(part, job, batch_bytes, job.receipt):
        if waiting:
            yield _batch(waiting, job, begun, True)
            begun = True
        waiting = piece
    if waiting:
        yield _batch(waiting, job, begun, False)


def _batch(piece: bytes, job: Job, continues: bool, open_end: bool) -> Batch:
    metadata = [] if continues else [job.describe_bare(1)]
    return Batch(view(piece), np.array([0, len(piece)], dtype=np.int64), metadata, continues, open_end)


def _pieces(part: Part, job: Job, size: int, receipt: Receipt) -> Iterator[bytes]:
    """Valid pieces of the text, none empty."""
    offset, line, rest = 0, 1, b""
    with Content(part.source) as content:
        more = True
        while more:
            try:
                # room for one whole character at least
                block = content.read(max(size, 4) - len(rest))
            except DamagedStreamError as error:
                raise SourceError(f"{part.source.url}:{line}: {error}") from error
            piece = rest + block
            if not offset and piece.startswith(BYTE_ORDER_MARK):
                receipt.repair("byte order mark")
                offset, piece = len(BYTE_ORDER_MARK), piece[len(BYTE_ORDER_MARK) :]
            keep = len(piece) - (unfinished(piece) if block else 0)
            piece, rest = piece[:keep], piece[keep:]
            found = fault(piece)
            if found is not None:
                where = job.at(line + piece.count(b"\n", 0, found.at))
                detail = f"{found.what} at byte {offset + found.at + 1} of the file"
                raise BadRecord(where, found.reason, detail)
            if piece:
                yield piece
            offset += len(piece)
            line += piece.count(b"\n")
            more = bool(block)
        content.stored.fill(receipt)


def _read_through(part: Part, receipt: Receipt) -> None:
    """Account for a file whose text is skipped; a damaged archive is still an error."""
    with Content(part.source) as content:
        try:
            while content.read(VALIDATED_BYTES):
                pass
        except DamagedStreamError as error:
            raise SourceError(f"{part.source.url}: {error}") from error
        content.stored.fill(receipt)


class Fault(NamedTuple):
    reason: str
    what: str
    at: int


def fault(text: bytes, *, nul_is_one: bool = True) -> Fault | None:
    """The first thing that is wrong with bytes that should be text."""
    nul = text.find(b"\0") if nul_is_one else -1
    if nul >= 0:
        return Fault("NUL byte", "a NUL byte (is this a text file?)", nul)
    if text.isascii():
        return None
    try:
        text.decode()
    except UnicodeDecodeError as error:
        what = f"invalid UTF-8: byte 0x{text[error.start]:02x} ({error.reason})"
        return Fault("invalid UTF-8", what, error.start)
    return None


def unfinished(text: bytes) -> int:
    """How many bytes at the end begin a character that goes on beyond them."""
    for back in range(1, min(4, len(text) + 1)):
        byte = text[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if length > back else 0
        if byte < 0x80:
            break
    return 0
