"""Corpus → token store: read and tokenise the parts, merge their vocabularies, write the codes.

A part is tokenised in segments, each with as many terms as fit a worker's memory; a segment may end inside a
document. Its tokens are kept by the ids of its own vocabulary until all vocabularies are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.corpus import Batch, Receipt, count_lines, read
from cooc.create.dedup import drop, dropped_of
from cooc.create.plan import Plan, plan_of, tokenizer_of_plan
from cooc.create.vocabulary import merge_lists, write_list
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW, InPlace, NewFile, items_of, make_empty, make_folder, read_slice, write_whole
from cooc.index.layout import TOKENIZER, TOKENS
from cooc.kernels.codes import write_codes
from cooc.tokens import TokenCounter, Tokenizer, WordCounter

Array = NDArray[Any]

BATCH_BYTES = 1 << 22
"""Text at a time, at most: what passes from the reader to the tokenizer stays in the cache."""

BYTES_A_TERM = 400
"""Memory for a term of a segment: its entry in a hash table that has just grown, and then its sorting."""

MOST_READ = 64 << 20
"""Bytes of a line, or of a column that can't be taken in pieces, that are held in memory; see `corpus.read`."""

ENCODED_AT_ONCE = 1 << 20
"""Tokens."""

SEGMENT_FILES = ("ids.u32", "lengths.i64", "metadata")
"""Of a segment, beside its vocabulary."""


class Segment(msgspec.Struct, frozen=True):
    """What a segment came to. Its first tokens may go on with a document of the segment before, and its last
    document may go on in the next; `documents` begin in it."""

    tokens: int
    documents: int
    metadata_bytes: int
    begins_inside: bool
    ends_inside: bool


class PartCounts(msgspec.Struct, frozen=True):
    """What a part came to: the reader's receipt and the segments that its tokens lie in."""

    receipt: Receipt
    segments: list[Segment]

    @property
    def tokens(self) -> int:
        return sum(segment.tokens for segment in self.segments)


class Place(msgspec.Struct, frozen=True):
    """Where a segment's codes, documents and metadata begin in the token store."""

    code: int
    document: int
    metadata: int


class Stored(msgspec.Struct, frozen=True):
    """What a token store holds."""

    terms: int
    singles: int
    codes: int
    documents: int
    tokens: int


def segment_folder(part: int, segment: int) -> str:
    return f"parts/{part}/{segment}"


class Writing:
    """A segment on its way to the disk."""

    def __init__(self, work: Work, part: int, number: int, *, begins_inside: bool) -> None:
        self.folder = work.path(segment_folder(part, number))
        self.number, self.begins_inside = number, begins_inside
        self._files = [NewFile(self.folder / name) for name in SEGMENT_FILES]
        self._ids, self._lengths, self._metadata = (file.__enter__() for file in self._files)
        self.tokens, self.documents = 0, 0
        self.first_document_terms = 0
        self._open_length = -1
        self._first_is_open = begins_inside

    def add(self, ids: Array, lengths: Array, batch: Batch, known: int) -> None:
        """Append what a batch gave; `known` are the terms of the segment after it."""
        self._ids.write_array(ids)
        self._metadata.write(b"".join(batch.metadata))
        self.tokens += len(ids)
        self.documents += len(batch.metadata)
        if batch.continues and self._open_length >= 0 and len(lengths):
            lengths = lengths.copy()
            lengths[0] += self._open_length
        if self._first_is_open:
            # terms are numbered as they appear, so those of the first document are the first
            self.first_document_terms = known
            self._first_is_open = batch.open_end and len(lengths) <= 1
        self._open_length = -1
        if batch.open_end and len(lengths):
            self._open_length, lengths = int(lengths[-1]), lengths[:-1]
        self._lengths.write_array(lengths)

    def finish(self, counter: TokenCounter, *, ends_inside: bool) -> Segment:
        """Close the files and write the vocabulary."""
        if self._open_length >= 0:
            self._lengths.write_array(np.array([self._open_length]))
        metadata_bytes = self._metadata.size
        for file in self._files:
            file.__exit__(None, None, None)
        last = counter.in_last_document() if ends_inside and isinstance(counter, WordCounter) else None
        write_list(
            self.folder, counter.vocabulary(), first_document_terms=self.first_document_terms, last_document=last,
            begins_inside=self.begins_inside, ends_inside=ends_inside,
        )  # fmt: skip
        return Segment(self.tokens, self.documents, metadata_bytes, self.begins_inside, ends_inside)

    def abandon(self, error: BaseException) -> None:
        """Remove what was written."""
        for file in self._files:
            file.__exit__(type(error), error, None)


def tokenise_part(work: Work, number: int, first_line: int | None) -> PartCounts:
    """Read one part and write its tokens by provisional id, its documents and its vocabularies."""
    plan = plan_of(work)
    counter, receipt, segments = tokenizer_of_plan(work).counter(), Receipt(), list[Segment]()
    most_terms = max(1 << 12, work.share // BYTES_A_TERM)
    writing = Writing(work, number, 0, begins_inside=False)
    try:
        for batch in first_piece_alone(batches_of(work, plan, number, first_line, receipt)):
            if isinstance(counter, WordCounter) and counter.known >= most_terms:
                segments.append(writing.finish(counter, ends_inside=batch.continues))
                counter = counter.successor()
                writing = Writing(work, number, len(segments), begins_inside=batch.continues)
            ids, lengths = counter.add(batch.data, batch.offsets, continues=batch.continues, open_end=batch.open_end)
            writing.add(ids, lengths, batch, counter.known if isinstance(counter, WordCounter) else 0)
        segments.append(writing.finish(counter, ends_inside=False))
    except BaseException as error:
        writing.abandon(error)
        raise
    return PartCounts(receipt, segments)


def first_lines(work: Work, plan: Plan) -> list[int | None]:
    """The number of the first line of each part; None where parts are no lines.

    Only files in several parts are counted, each part once.
    """
    several = {part.source.url for part in plan.parts if part.start > 0 and part.source.format in ("jsonl", "lines")}
    numbers = [number for number, part in enumerate(plan.parts) if part.source.url in several]
    counts = dict(zip(numbers, work.tasks("lines", count_part, [(number,) for number in numbers]), strict=True))
    begins: list[int | None] = []
    for number, part in enumerate(plan.parts):
        if number not in counts:
            begins.append(None)
        elif part.start == 0:
            begins.append(1)
        else:
            begins.append((begins[-1] or 0) + counts[number - 1])
    return begins


def count_part(work: Work, number: int) -> int:
    """How many lines begin in a part."""
    return count_lines(plan_of(work).parts[number])


def batches_of(work: Work, plan: Plan, number: int, first_line: int | None, receipt: Receipt) -> Iterator[Batch]:
    """The documents of a part, as many at a time as the memory allows."""
    size = max(1 << 16, min(BATCH_BYTES, work.share // 64))
    spool = work.path("spool")
    make_folder(spool)
    idle = len(plan.parts) == 1 and size == BATCH_BYTES
    batches = read(
        plan.parts[number], plan.fields, on_bad=plan.parameters.on_bad_line,
        batch_bytes=4 * size if idle else size, receipt=receipt, most_bytes=min(MOST_READ, work.share // 8),
        spool=spool, first_line=first_line,
    )  # fmt: skip
    if plan.parameters.dedup is not None:
        batches = drop(batches, dropped_of(work, number), receipt)
    return read_ahead(batches) if idle else batches


def read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read while the one before is tokenised: for a worker that has a core to spare."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def first_piece_alone(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, a piece that goes on with an earlier document by itself."""
    for batch in batches:
        if not batch.continues or len(batch.offsets) <= 2:
            yield batch
            continue
        middle = int(batch.offsets[1])
        yield Batch(batch.data[:middle], batch.offsets[:2], [], continues=True, open_end=False)
        yield Batch(batch.data[middle:], batch.offsets[1:] - middle, batch.metadata, False, batch.open_end)


def encode_segment(work: Work, part: int, number: int, segment: Segment, codes: int, singles: int, at: Place) -> None:
    """Write a segment's codes, document offsets and metadata into their places in the token store."""
    folder, store = work.path(segment_folder(part, number)), work.index / TOKENS
    rank = read_slice(folder / "rank.u32", 0, items_of(folder / "rank.u32"))
    token, code, document = 0, at.code, at.document
    with InPlace(store / "tokenized.0") as tokenized, InPlace(store / "offset.0") as offset:
        for lengths, inside in encoded_at_once(folder / "lengths.i64", begins_inside=segment.begins_inside):
            size = int(lengths.sum())
            ids = read_slice(folder / "ids.u32", token, token + size)
            chunk, starts = np.empty(2 * size + len(lengths), np.uint16), np.empty(len(lengths), np.int64)
            written = int(write_codes(ids, lengths, rank, np.uint32(singles), inside, chunk, starts))
            starts = starts[: len(lengths) - inside]
            tokenized.put(2 * code, chunk[:written])
            offset.put(8 * document, (2 * (starts + code)).astype("<u8"))
            token, code, document = token + size, code + written, document + len(starts)
    if (token, code, document) != (segment.tokens, at.code + codes, at.document + segment.documents):
        raise BuildError(f"{folder} holds other tokens than were counted; it has been changed. {BEGIN_ANEW}")
    put_metadata(folder / "metadata", store, segment, at)


def drop_tokens(work: Work, part: int, number: int) -> None:
    """Remove the tokens of a segment that is encoded: over four bytes each, room that pairs and n-grams need."""
    for name in SEGMENT_FILES:
        (work.path(segment_folder(part, number)) / name).unlink(missing_ok=True)


def encoded_at_once(path: Path, *, begins_inside: bool) -> Iterator[tuple[Array, bool]]:
    """The lengths of documents, for about `ENCODED_AT_ONCE` tokens at a time, and whether the first of them is
    the rest of a document: longer documents come in pieces."""
    total, place, inside, rest = items_of(path), 0, begins_inside, 0
    while place < total or rest:
        lengths = read_slice(path, place, min(total, place + (1 << 16)))
        if rest:
            lengths[0] = rest
        count = int(np.searchsorted(np.cumsum(lengths), ENCODED_AT_ONCE, side="right"))
        if count:
            yield lengths[:count], inside
            place, inside, rest = place + count, False, 0
        else:
            yield np.array([ENCODED_AT_ONCE]), inside
            inside, rest = True, int(lengths[0]) - ENCODED_AT_ONCE


def put_metadata(path: Path, store: Path, segment: Segment, at: Place) -> None:
    """Copy metadata lines into their place, and say where each begins."""
    begin, document = at.metadata, at.document
    with InPlace(store / "metadata.0") as metadata, InPlace(store / "metaoff.0") as metaoff:
        for start in range(0, segment.metadata_bytes, BATCH_BYTES):
            data = np.fromfile(path, np.uint8, min(BATCH_BYTES, segment.metadata_bytes - start), offset=start)
            ends = at.metadata + start + 1 + np.flatnonzero(data == ord("\n"))
            metadata.put(at.metadata + start, data)
            if len(ends):
                metaoff.put(8 * document, np.append(begin, ends[:-1]).astype("<u8"))
                begin, document = int(ends[-1]), document + len(ends)


def tokens_of(result: Any) -> int:
    """Tokens of a part, by its receipt."""
    return msgspec.convert(result, PartCounts).tokens


def write_token_store(work: Work, plan: Plan, tokenizer: Tokenizer) -> tuple[list[PartCounts], Stored]:
    """All of the way from the sources to `vocabulary/` and `tokens/`."""
    rows = list(enumerate(first_lines(work, plan)))
    parts = [msgspec.convert(result, PartCounts)
             for result in work.tasks("tokens", tokenise_part, rows, tokens=tokens_of)]  # fmt: skip
    segments = [(part, number, segment) for part, counts in enumerate(parts)
                for number, segment in enumerate(counts.segments)]  # fmt: skip
    merged = merge_lists(work, [segment_folder(part, number) for part, number, _ in segments], tokenizer)
    places, code, document, metadata = [], 0, 0, 0
    for (part, number, segment), size in zip(segments, merged.sizes, strict=True):
        codes = size + segment.documents
        places.append((part, number, segment, codes, merged.singles, Place(code, document, metadata)))
        code, document, metadata = code + codes, document + segment.documents, metadata + segment.metadata_bytes
    for name in ("tokenized.0", "offset.0", "metadata.0", "metaoff.0"):
        make_empty(work.index / TOKENS / name)
    work.tasks("encode", encode_segment, places, then=lambda task: drop_tokens(work, *places[task][:2]))
    if tokenizer.stored is not None:
        write_whole(work.index / TOKENIZER, tokenizer.stored)
    return parts, Stored(merged.terms, merged.singles, code, document, sum(part.tokens for part in parts))
