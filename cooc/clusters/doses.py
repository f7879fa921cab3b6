"""How much of a target stands around a term: doses by term and document, from one reading of the token store.

All rows of the density are made of these counts. The store is read some documents at a time on several threads, and
what each part gives is put together in the order of the store, so that no number depends on the threads.

Seeds may be *taken out of the text* (`mask`): then an occurrence of a seed inside a longer one of another seed ("Auk"
in "Great Auk") is none of its own, tokens of any seed are nobody's context, and a target's occurrence that needs a
token of a seed is no hit.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.kernels.doses import (
    MOST_TARGETS,
    add_documents,
    add_doses,
    count_target_terms,
    cover_tokens,
    drop_nested,
    list_doses,
    sum_covers,
)
from cooc.kernels.seeds import EMPTY, MARK_BITS, find_seeds, make_trie, read_documents
from cooc.query.scan import ENDLESS
from cooc.query.slices import Slice

Array = NDArray[Any]
Phrases = Sequence[Sequence[int]]
"""Each a sequence of term ids; an empty one occurs nowhere."""

CHUNK = 1 << 20
"""Codes that one thread reads at a time, or one document: their running sums stay in the caches."""

GROUPS = 1 << 14
"""Groups of documents that are resampled together where there are more documents: so many give the same intervals."""


FARTHEST = 1_000
"""In wider windows hits are not told apart by the target's phrases: each occurrence would be held against all others of
its document."""


class Doses(NamedTuple):
    """Of each term and each document that holds it, ascending by term and document."""

    term: Array
    """int64: which term, its place among those asked for."""
    document: Array
    """int64."""
    contexts: Array
    """int64: context tokens, summed over the term's occurrences in the document."""
    hits: Array
    """int64 (rows, targets): of the contexts, those that belong to an occurrence of the target."""
    occurrences: Array
    """int64: occurrences of the term in the document."""


class Sums(NamedTuple):
    """The same added up by term, and what it takes to see how much the contexts of one document are alike."""

    occurrences: Array
    """int64 (terms)."""
    documents: Array
    """int64 (terms)."""
    documents_hit: Array
    """int64 (terms, targets)."""
    contexts: Array
    """int64 (terms)."""
    hits: Array
    """int64 (terms, targets)."""
    contexts_squared: Array
    """float64 (terms): the squares of the contexts in each document, summed."""
    hits_squared: Array
    """float64 (terms, targets)."""


class Reading(NamedTuple):
    """What one pass over the store gives."""

    doses: Doses
    """Of the terms whose rows were asked for."""
    sums: Sums
    """Of all terms."""
    corpus: Array
    """int64 (groups, 1 + targets): the tokens in the text and in each target, by group of documents."""
    term_hits: Sequence[Array] = ()
    """int64 (phrases) for each target: the context tokens, of the terms whose rows were asked for, that belong to each
    phrase of it; in the order given, empty ones left out. A token that two phrases cover is in both. Zeros in
    windows beyond `FARTHEST`."""


class Parts(NamedTuple):
    """The phrases of a question and the parts they play, as the kernels want them."""

    trie: tuple[Array, ...]
    lengths: Array
    term_of: Array
    bits_of: Array
    is_masked: Array
    terms: int
    targets: int
    members: list[Array]
    """The numbers of each target's phrases."""


def doses(
    index: Index, terms: Phrases, targets: Sequence[Phrases], *,
    window: int | None, where: Slice | None = None, mask_seeds: bool = False,
) -> Doses:  # fmt: skip
    """The doses of each target around each term, in a window of so many tokens to either side or the document (None).

    Context tokens are counted by the rules of counting: all occurrences count, overlapping ones too, none reaches
    beyond its document, and the tokens of an occurrence are not its own context. A hit is a context token that belongs
    to an occurrence of the target, once, however many of its terms cover it. With `mask_seeds` all terms are taken out
    of the text. Terms that are the same phrase have the same rows. Raises `UsageError` for more than 62 targets.
    """
    return read_doses(index, terms, targets, window=window, where=where, mask=terms if mask_seeds else ()).doses


def shares(index: Index, targets: Sequence[Phrases], where: Slice | None = None) -> Array:
    """The share of each target among the corpus' tokens: tokens of an occurrence of it, each once."""
    corpus = read_doses(index, [], targets, window=0, where=where).corpus.sum(axis=0)
    return np.asarray(corpus[1:] / max(int(corpus[0]), 1))


def read_doses(
    index: Index, terms: Phrases, targets: Sequence[Phrases], *,
    window: int | None, where: Slice | None = None, mask: Phrases = (), rows_of: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Reading:  # fmt: skip
    """Doses with `mask` taken out of the text: rows of the first `rows_of` terms (all if None), sums of all.

    Reads every document, or those of the slice: tens of millions of tokens a second and core. Memory for the rows,
    and about (40 + 8·targets) MB a thread.
    """
    parts, place_of = parts_of(terms, targets, mask)
    kept = None if where is None else where.mask
    every = int(place_of[:rows_of].max(initial=-1)) + 1  # distinct terms are numbered as they come
    found: list[tuple[Array, ...]] = []
    *totals, corpus = _empty_totals(index, parts)
    by_phrase = np.zeros(len(parts.lengths), np.int64)
    chunks = list(chunks_of(index, kept))
    read = in_order(lambda chunk: _read(index, chunk, kept, parts, window, every), chunks)
    for done, (rows, groups, hits) in enumerate(read, 1):
        term, _, occurrences, counts = rows
        by_phrase += hits
        add_doses(term, occurrences, counts, *totals)
        corpus += groups
        wanted = term < every
        found.append(tuple(column[wanted] for column in rows) if not wanted.all() else rows)
        if progress is not None:
            progress("doses", done, len(chunks))
    shown = place_of if rows_of is None else place_of[:rows_of]
    term_hits = [by_phrase[members] for members in parts.members]
    return Reading(_doses(found, parts, shown), _sums(totals, place_of), corpus, term_hits)


def parts_of(terms: Phrases, targets: Sequence[Phrases], mask: Phrases) -> tuple[Parts, Array]:
    """The phrases of a question, each once; and the number of each term among the distinct ones, -1 if it is empty."""
    if len(targets) > MOST_TARGETS:
        raise UsageError(f"{len(targets)} targets were given; at most {MOST_TARGETS} are measured at once.")
    phrases: dict[tuple[int, ...], int] = {}

    def number(phrase: Sequence[int]) -> int:
        return phrases.setdefault(tuple(phrase), len(phrases)) if len(phrase) else -1

    place_of = np.array([number(phrase) for phrase in terms], np.int64)
    count = len(phrases)
    members = [np.array([number(phrase) for phrase in target if len(phrase)], np.int64) for target in targets]
    masked = np.array([number(phrase) for phrase in mask if len(phrase)], np.int64)
    term_of = np.full(len(phrases), -1, np.int64)
    term_of[:count] = np.arange(count)
    bits_of, is_masked = np.zeros(len(phrases), np.uint64), np.zeros(len(phrases), np.bool_)
    for target, of_target in enumerate(members):
        bits_of[of_target] |= np.uint64(1 << target)
    is_masked[masked] = True
    lengths = np.array([len(phrase) for phrase in phrases], np.int64)
    trie = trie_of(list(phrases))
    return Parts(trie, lengths, term_of, bits_of, is_masked, count, len(targets), members), place_of


def trie_of(phrases: Phrases) -> tuple[Array, ...]:
    """What `find_seeds` looks phrases up in."""
    starts = np.cumsum([0, *map(len, phrases)]).astype(np.int64)
    ids = np.array([term for phrase in phrases for term in phrase], np.uint32)
    slots = 1 << max(4, (2 * len(ids)).bit_length())
    keys, nodes = np.full(slots, EMPTY), np.zeros(slots, np.uint32)
    seed_of, marks = np.full(len(ids) + 1, -1, np.int64), np.zeros(1 << MARK_BITS, np.uint8)
    starters = np.zeros(max(1 << 15, 4 << len(phrases).bit_length()), np.uint8)  # 32 bits a phrase: few false alarms
    make_trie(starts, ids, keys, nodes, seed_of, marks, starters)
    return keys, nodes, seed_of, marks, starters


class Chunk(NamedTuple):
    """Documents [first, last), at the codes [start, stop)."""

    start: int
    stop: int
    first: int
    last: int


def chunks_of(index: Index, kept: Array | None) -> Iterator[Chunk]:
    """The store cut before documents, about `CHUNK` codes apart; parts without a document to read are left out."""
    starts, codes = index.tokens.document_starts(), len(index.tokens.codes) // 2
    edges = np.append(starts, codes)
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + CHUNK, side="right")) - 1)
        if kept is None or kept[first:last].any():
            yield Chunk(int(edges[first]), int(edges[last]), first, last)
        first = last


def in_order(function: Callable[[Chunk], Any], chunks: Iterable[Chunk]) -> Iterator[Any]:
    """The function of each chunk, in their order, some ahead on as many threads as there are cores."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Any] = deque()
        for chunk in chunks:
            ahead.append(pool.submit(function, chunk))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _read(
    index: Index, chunk: Chunk, kept: Array | None, parts: Parts, window: int | None, own: int
) -> tuple[tuple[Array, ...], Array, Array]:
    """The rows of a chunk (term, document, occurrences, counts), its tokens by group of documents, hits by phrase."""
    ids, starts, numbers = decoded(index, chunk, kept)
    rows, sums, hits = _rows(ids, starts, parts, window, own)
    groups = np.zeros((group_count(index), 1 + parts.targets), np.int64)
    add_documents(starts, sums, group_of(numbers, index.manifest.documents), groups)
    return (rows[0], numbers[rows[1]], *rows[2:]), groups, hits


def decoded(index: Index, chunk: Chunk, kept: Array | None) -> tuple[Array, Array, Array]:
    """The documents of a chunk that are read: their term ids, where each begins, and their numbers."""
    codes = index.tokens.codes.slice(2 * chunk.start, 2 * chunk.stop).view("<u2")
    ids, starts = np.empty(len(codes), np.uint32), np.empty(chunk.last - chunk.first + 1, np.int64)
    every = np.zeros(0, np.bool_) if kept is None else kept
    singles = np.uint32(index.tokens.singles)
    documents, tokens = read_documents(codes, singles, _identity(index), every, chunk.first, ids, starts)
    numbers = np.arange(chunk.first, chunk.last)
    numbers = numbers if kept is None else numbers[kept[chunk.first : chunk.last]]
    return ids[:tokens], starts[: documents + 1], numbers


def _rows(
    ids: Array, starts: Array, parts: Parts, window: int | None, own: int
) -> tuple[tuple[Array, ...], Array, Array]:
    """The rows of decoded documents, the running sums of their tokens, and hits of the first `own` terms by phrase."""
    positions, documents, phrases, is_nested = occurrences_in(ids, starts, parts)
    cover = np.zeros(len(ids), np.uint64)
    cover_tokens(positions, phrases, parts.lengths, parts.bits_of, parts.is_masked, cover)
    sums = np.empty((len(ids) + 1, 1 + parts.targets), np.int32 if len(ids) < 1 << 31 else np.int64)
    sum_covers(cover, sums)
    term, held, occurrences = np.empty((3, len(positions)), np.int64)
    counts = np.empty((len(positions), 1 + parts.targets), np.int64)
    latest = np.full(parts.terms, -1, np.int64)
    reach = np.int64(ENDLESS if window is None else window)
    rows = list_doses(
        starts, sums, positions, documents, phrases, parts.lengths, parts.term_of, is_nested, reach,
        latest, term, held, occurrences, counts,
    )  # fmt: skip
    hits = np.zeros(len(parts.lengths), np.int64)
    if parts.targets and own and reach <= FARTHEST:
        count_target_terms(
            starts, positions, documents, phrases, parts.lengths, parts.term_of, parts.bits_of, is_nested, cover,
            np.int64(own), reach, np.int64(parts.lengths.max(initial=1)), hits,
        )  # fmt: skip
    return (term[:rows], held[:rows], occurrences[:rows], counts[:rows]), sums, hits


def occurrences_in(ids: Array, starts: Array, parts: Parts) -> tuple[Array, Array, Array, Array]:
    """Position, document and phrase of every occurrence, and whether it is a masked one in a longer masked one."""
    room = 1 << 14
    while True:
        positions, documents, phrases = np.empty((3, room), np.uint32)
        found = int(find_seeds(ids, starts, *parts.trie, positions, documents, phrases))
        if found <= room:
            break
        room = found
    positions, documents, phrases = positions[:found], documents[:found], phrases[:found]
    is_nested = np.zeros(found, np.bool_)
    drop_nested(positions, phrases, parts.lengths, parts.is_masked, is_nested)
    return positions, documents, phrases, is_nested


def _identity(index: Index) -> Array:
    """Terms are read as their ids."""
    held: Array | None = vars(index).get("_identity")
    if held is None:
        held = vars(index)["_identity"] = np.arange(index.manifest.terms, dtype=np.uint32)
    return held


def group_count(index: Index) -> int:
    return min(max(index.manifest.documents, 1), GROUPS)


def group_of(documents: Array, total: int) -> Array:
    """The group of each document: itself, or by a hash where there are more documents than groups.

    Neighbours in the store, which may come from one source, fall into different groups.
    """
    if total <= GROUPS:
        return documents
    mixed = documents.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(64 - GROUPS.bit_length() + 1)).astype(np.int64)


def _empty_totals(index: Index, parts: Parts) -> tuple[Array, Array, Array, Array]:
    columns = 1 + parts.targets
    return (
        np.zeros((parts.terms, 1 + columns), np.int64), np.zeros((parts.terms, columns), np.int64),
        np.zeros((parts.terms, columns)), np.zeros((group_count(index), columns), np.int64),
    )  # fmt: skip


def _sums(totals: Sequence[Array], place_of: Array) -> Sums:
    """By the terms as they were asked for; an empty one, numbered -1, has zeros."""
    rows = (np.concatenate([part, np.zeros((1, part.shape[1]), part.dtype)]) for part in totals)
    counts, sums, squares = (part[place_of] for part in rows)
    return Sums(counts[:, 0], counts[:, 1], counts[:, 2:], sums[:, 0], sums[:, 1:], squares[:, 0], squares[:, 1:])


def _doses(found: list[tuple[Array, ...]], parts: Parts, place_of: Array) -> Doses:
    """The rows of all chunks, by the terms as they were asked for."""
    none = (*np.zeros((3, 0), np.int64), np.zeros((0, 1 + parts.targets), np.int64))
    term, document, occurrences, counts = (np.concatenate(column) for column in zip(none, *found, strict=True))
    order = np.argsort(term, kind="stable")
    edges = np.searchsorted(term[order], np.arange(parts.terms + 1))
    begins = np.append(edges[:-1], 0)[place_of]
    sizes = np.append(np.diff(edges), 0)[place_of]
    of = np.repeat(np.arange(len(place_of)), sizes)
    rows = order[np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes - begins, sizes)]
    return Doses(of, document[rows], counts[rows, 0], counts[rows, 1:], occurrences[rows])
