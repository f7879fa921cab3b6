"""The laws of the token store: codes, documents, and their lines of metadata."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from itertools import chain, pairwise, repeat
from typing import Any

import msgspec
import numpy as np

from cooc.index.laws.law import Array, Law, first, law, unchecked
from cooc.index.layout import TOKENS, VOCABULARY
from cooc.index.shape import Arrays
from cooc.kernels.codes import SEPARATOR, SINGLES
from cooc.kernels.laws import count_codes

PARTS = 4
"""The store is read in so many parts at most: each counts all terms for itself."""

LINES_AT_ONCE = 4096


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """A document's line in metadata.0."""

    path: str
    linenum: int
    metadata: dict[str, Any]


def token_laws(held: Arrays, pool: Executor, lengths: list[Array]) -> Iterator[Law]:
    """Puts the number of tokens of each document into `lengths` if the store is sound."""
    names = [f"{TOKENS}/tokenized.0", f"{TOKENS}/offset.0"]
    if missing := held.lacks(*names, f"{VOCABULARY}/occurrences.i64"):
        yield unchecked("token store", missing)
        return
    codes, offsets = (held.sound[name] for name in names)
    where, terms = held.folder / TOKENS, len(held.sound[f"{VOCABULARY}/occurrences.i64"])
    fault = start_fault(offsets, len(codes))
    yield law("documents have their codes", where / "offset.0", fault)
    if fault:
        return
    singles = np.uint32(SEPARATOR if held.manifest.codes == "plain" else SINGLES)
    tokens = np.zeros(len(offsets), np.int64)

    def read(span: tuple[int, int]) -> tuple[int, Array, Array]:
        counts, documents = np.zeros(terms, np.int64), np.zeros(terms, np.int64)
        seen = np.zeros(terms, np.uint32)
        place = count_codes(codes, offsets, *span, singles, counts, documents, seen, tokens)
        return int(place), counts, documents

    found = list(pool.map(read, document_spans(offsets, len(codes))))
    wrong = [place for place, _, _ in found if place >= 0]
    fault = f"neither term nor separator can stand at code {wrong[0]:,}" if wrong else ""
    yield law("codes are terms, and separators where documents begin", where / "tokenized.0", fault)
    if wrong:
        return
    lengths.append(tokens)
    none = np.zeros(terms, np.int64)
    yield recounted(held, "occurrences", sum((counts for _, counts, _ in found), none))
    yield recounted(held, "documents", sum((documents for _, _, documents in found), none))


def start_fault(offsets: Array, codes: int) -> str:
    if not len(offsets):
        return f"is empty, and there are {codes:,} codes" if codes else ""
    if int(offsets[0]) != 0:
        return f"begins with {int(offsets[0]):,}, expected 0"
    place = first((offsets[1:] <= offsets[:-1]) | ((offsets[1:] & np.uint64(1)) > 0))
    if place is not None:
        return f"document {place + 1:,} begins at byte {int(offsets[place + 1]):,}, not behind the one before"
    return "" if int(offsets[-1]) < 2 * codes else f"ends with {int(offsets[-1]):,}, behind the last code"


def document_spans(offsets: Array, codes: int) -> list[tuple[int, int]]:
    """Ranges of documents with about equally many codes."""
    wanted = (np.arange(1, PARTS) * (2 * codes // PARTS)).astype(np.uint64)
    edges = np.unique(np.concatenate([[0], np.searchsorted(offsets, wanted), [len(offsets)]])).tolist()
    return list(pairwise(edges))


def recounted(held: Arrays, name: str, found: Array) -> Law:
    """The law that a file of the vocabulary holds what was just counted."""
    file, about = f"{VOCABULARY}/{name}.i64", f"{name} are those of the token store"
    if missing := held.lacks(file):
        return unchecked(about, missing)
    stated, fault = held.sound[file], ""
    place = first(found != stated)
    if place is not None:
        fault = f"term {place:,} has {int(stated[place]):,}, in the token store {int(found[place]):,}"
    return law(about, held.folder / file, fault)


def metadata_laws(held: Arrays) -> Iterator[Law]:
    names = [f"{TOKENS}/metadata.0", f"{TOKENS}/metaoff.0"]
    if missing := held.lacks(*names):
        yield unchecked("metadata", missing)
        return
    lines, offsets = (held.sound[name] for name in names)
    ends = np.append(offsets[1:], np.uint64(len(lines)))
    begins_late = int(offsets[0]) != 0 if len(offsets) else len(lines) > 0
    place = 0 if begins_late else first((ends <= offsets) | (ends > len(lines)))
    fault = "" if place is None else f"document {place:,} has no line of metadata.0"
    yield law("documents have their lines of metadata", held.folder / names[1], fault)
    if not fault:
        of_documents = chain.from_iterable(repeat(source.url, source.documents) for source in held.manifest.sources)
        yield law("metadata are JSON and name the sources", held.folder / names[0],
                  line_faults(lines, offsets, ends, of_documents))  # fmt: skip


def line_faults(lines: Array, offsets: Array, ends: Array, sources: Iterator[str]) -> Iterator[str]:
    decode = msgspec.json.Decoder(Line).decode
    for start in range(0, len(offsets), LINES_AT_ONCE):
        here = slice(start, start + LINES_AT_ONCE)
        begins, stops = offsets[here].tolist(), ends[here].tolist()
        block = lines[begins[0] : stops[-1]].tobytes()
        for number, (begin, stop) in enumerate(zip(begins, stops, strict=True), start):
            line = block[begin - begins[0] : stop - begins[0]]
            if not line.endswith(b"\n") or line.count(b"\n") > 1:
                yield f"document {number:,} has no line of its own"
            source = next(sources, None)
            try:
                if decode(line).path != source:
                    yield f"document {number:,} is not of the source {source}"
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                yield f"document {number:,}: {error}"
