"""Plain text → documents: a file each, streamed in pieces, or a line each."""

from collections.abc import Iterator

import numpy as np

from cooc.corpus.documents import RECORD_BYTES, Chunk, Giant, Job, pack, view
from cooc.corpus.lines import BYTE_ORDER_MARK, blocks_of_lines
from cooc.corpus.model import Batch, Part, Receipt
from cooc.corpus.spool import BLOCK_BYTES, Spool
from cooc.corpus.stream import Content, DamagedStreamError
from cooc.corpus.utf8 import Fault, fault, nul_fault, unfinished, utf8_fault
from cooc.errors import BadRecord, SourceError

VALIDATED_BYTES = 1 << 20


def read_lines(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk | Giant]:
    """Each line with anything in it is a document."""
    texts: list[bytes] = []
    metadata: list[bytes] = []
    size = 0
    for first, lines, giant in blocks_of_lines(part, job):
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
            size += len(text) + len(metadata[-1]) + RECORD_BYTES
        if metadata and (size >= chunk_bytes or giant is not None):
            yield pack(texts, metadata)
            texts, metadata, size = [], [], 0
        document = None if giant is None else _giant_line(giant, first, job)
        if document is not None:
            yield document
    if metadata:
        yield pack(texts, metadata)


def _giant_line(line: Spool, number: int, job: Job) -> Giant | None:
    """A line that is too long for memory, looked through before any of it is given out."""
    bad = line.invalid_utf8()
    if line.nul is not None:
        found: Fault | None = nul_fault(line.nul)
    else:
        found = None if bad is None else utf8_fault(*bad)
    if found is not None:
        detail = f"{found.what} at byte {found.at + 1} of the line"
        job.bad(BadRecord(job.at(number), found.reason, detail))
        return None
    size = line.size - (line.read(line.size - 1, line.size) == b"\r")
    return Giant(job.describe_bare(number), _characters(line.pieces(0, size, BLOCK_BYTES)))


def _characters(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks cut between characters."""
    rest = b""
    for block in blocks:
        text = rest + block
        keep = len(text) - unfinished(text)
        rest = text[keep:]
        if keep:
            yield text[:keep]
    if rest:
        yield rest


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
            _read_through(part, job)
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
    with Content(part.source, most_bytes=job.most_bytes) as content:
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
        content.finish(receipt)


def _read_through(part: Part, job: Job) -> None:
    """Account for a file whose text is skipped; a damaged archive is still an error."""
    with Content(part.source, most_bytes=job.most_bytes) as content:
        try:
            while content.read(VALIDATED_BYTES):
                pass
        except DamagedStreamError as error:
            raise SourceError(f"{part.source.url}: {error}") from error
        content.finish(job.receipt)
